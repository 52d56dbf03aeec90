// Runs the operators' commands as an operator does, in a checkout of its own: the scripts of this one with another
// .dev.vars. Whatever a command prints, no secret that it was given may be in it, which is checked at every run.
//
// Not here: any other assertion, and the Worker (harness).

import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { inRoot } from "../../scripts/lib/project.mjs";
import { capture, onPath } from "../../scripts/lib/run.mjs";

/** A checkout with these settings in its .dev.vars, or without that file: `run` commands in it, `remove` it at the end. */
export class Checkout {
  #secrets;

  constructor(devVars) {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-commands-"));
    for (const name of [
      "scripts",
      "package.json",
      "package-lock.json",
      "Cargo.lock",
      ".dev.vars.example",
    ]) {
      fs.cpSync(inRoot(name), path.join(this.directory, name), { recursive: true });
    }
    fs.symlinkSync(inRoot("node_modules"), path.join(this.directory, "node_modules"));
    const settings = Object.entries(devVars ?? {});
    if (devVars)
      fs.writeFileSync(
        this.devVars,
        settings.map(([name, value]) => `${name}=${value}\n`).join(""),
      );
    this.#secrets = secretsIn(settings);
  }

  /** The path of its .dev.vars. */
  get devVars() {
    return path.join(this.directory, ".dev.vars");
  }

  /**
   * Runs scripts/`name`.mjs with these arguments, and the settings of `env` alone: `{ code, stdout, stderr, text }`, the
   * last being all that it printed. `typed` is typed at a terminal, once the text ends with "erase: "; without it there
   * is no terminal.
   */
  async run(name, args, env = {}, { typed } = {}) {
    const command = [
      process.execPath,
      path.join(this.directory, "scripts", `${name}.mjs`),
      ...args,
    ];
    const options = { cwd: this.directory, env: { ...withoutSettings(), ...env } };
    const [program, ...rest] = typed === undefined ? command : atTerminal(command, typed);
    const { code, stdout, stderr } = await capture(program, rest, options);
    const text = stdout + stderr;
    for (const secret of [...this.#secrets, ...secretsIn(Object.entries(env))]) {
      if (text.includes(secret))
        throw new Error(`${name} printed a secret:\n${text.replaceAll(secret, "<secret>")}`);
    }
    return { code, stdout, stderr, text };
  }

  /** Removes it. */
  remove() {
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Whether commands can be run at a terminal here: the program `script` makes one. */
export const hasTerminal = process.platform === "linux" && onPath("script") !== undefined;

/**
 * A server on 127.0.0.1 that answers as `answer` says, `(request) => ({ status, headers, body })`, with `requests`, each
 * `{ method, url, headers, body }`: `{ url, requests, close }`.
 */
export async function pretendWorker(answer) {
  const requests = [];
  const server = http.createServer((request, response) => {
    const received = {
      method: request.method,
      url: request.url,
      headers: request.headers,
      body: "",
    };
    requests.push(received);
    request.setEncoding("utf8").on("data", (text) => (received.body += text));
    request.on("end", () => {
      const { status = 200, headers = {}, body = "" } = answer(request);
      response
        .writeHead(status, headers)
        .end(typeof body === "string" ? body : JSON.stringify(body));
    });
  });
  // A test that fails does not close it.
  server.unref();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close };
}

// The environment without what would be taken for a setting.
function withoutSettings() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(TWILIO_|ADMIN_TOKEN$|PUBLIC_URL$)/.test(name),
    ),
  );
}

function secretsIn(settings) {
  return settings
    .filter(([name, value]) => /TOKEN|KEY/.test(name) && value.length >= 8)
    .flatMap(([, value]) => [...value.split(","), Buffer.from(value).toString("base64")]);
}

// `script` runs a command at a terminal of its own, and types what it reads.
function atTerminal(command, typed) {
  const quoted = (words) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return [
    "sh",
    "-c",
    `printf '%s\\n' ${quoted([typed])} | script --quiet --return --command ${quoted([quoted(command)])} /dev/null`,
  ];
}
