// Runs the npm commands for deployments in a separate checkout: the scripts of this one with
// another .dev.vars. Every run checks that the command printed none of its secrets.
//
// Not here: any other assertion, and the Worker (harness).

import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { portOf } from "../../scripts/lib/local.mjs";
import { inRoot } from "../../scripts/lib/project.mjs";
import { capture, onPath } from "../../scripts/lib/run.mjs";

/**
 * A checkout with these settings in its .dev.vars, or without that file: `run` commands in it,
 * `remove` it at the end.
 */
export class Checkout {
  #secrets;

  /** @param {Record<string, string>} [devVars] */
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
   * Runs scripts/`name`.mjs with these arguments and only the settings of `env`. Returns `{ code,
   * stdout, stderr, text }`, where `text` is the whole output. `typed` is typed at a terminal;
   * without it there is no terminal.
   *
   * @param {string} name
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} [env]
   * @param {{ typed?: string }} [options]
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

/** Whether commands can run at a terminal here: the program `script` provides one. */
export const hasTerminal = process.platform === "linux" && onPath("script") !== undefined;

/**
 * Starts a server on 127.0.0.1 that answers with the result of `answer`. Returns `{ url, requests,
 * close }`, where `requests` are the requests so far.
 *
 * @typedef {object} Answer
 * @property {number} [status]
 * @property {Record<string, string>} [headers]
 * @property {string | object} [body]
 *
 * @param {(request: http.IncomingMessage) => Answer} answer
 */
export async function mockWorker(answer) {
  /** @type {any[]} */
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
  // A failed test does not close it.
  server.unref();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => new Promise((resolve) => server.close(resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, requests, close };
}

/** The first line that `npm run doctor` printed about each check: `{ health: "ok …" }`. */
export function findings({ stdout }) {
  const lines = [...stdout.matchAll(/^(ok|FAILED|unknown|note) +(\S+) +(.*)$/gm)].reverse();
  return Object.fromEntries(lines.map(([, state, check, text]) => [check, `${state} ${text}`]));
}

// The environment without variables that the commands would read as settings.
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

// `script` runs a command at a new terminal and types its own input there.
function atTerminal(command, typed) {
  const quoted = (words) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return [
    "sh",
    "-c",
    `printf '%s\\n' ${quoted([typed])} | script --quiet --return --command ${quoted([quoted(command)])} /dev/null`,
  ];
}
