// The Worker of `npm start`: wrangler on a configuration of its own, in build/dev.
//
// That configuration is wrangler.toml without its build, with the folder of a version as `main`, and
// .dev.vars beside it with the addresses of the playground. wrangler reloads when it changes, and
// until then the earlier version answers. Not here: how a version is built (versions).

import fs from "node:fs";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import { get, WRANGLER, waitUntil, wranglerEnv } from "./local.mjs";
import { inRoot, ROOT, readText } from "./project.mjs";
import { eachLine, print, start } from "./run.mjs";
import { DEV_DIR, keepOnly } from "./versions.mjs";
import { withMain } from "./wrangler-config.mjs";

/** How long wrangler may take to load a version, in ms. */
const PATIENCE = 60_000;
/** How long it may take after it has said that something is wrong, in ms. */
const SECOND_PATIENCE = 3000;

export class DevWorker {
  #running;
  #port;
  #reloads = 0;
  #errors = 0;

  /**
   * @param {{ port: number, verbose: boolean, forward: (line: string) => void }} options `forward`
   *   gets every line that the Worker logs
   */
  constructor({ port, verbose, forward }) {
    const directory = inRoot(DEV_DIR);
    this.#port = port;
    // The copy of the secrets stays no longer than it is needed.
    process.once("exit", () => fs.rmSync(path.join(directory, ".dev.vars"), { force: true }));
    const args = ["dev", "--ip", "127.0.0.1", "--port", String(port)];
    // Where wrangler keeps them without this configuration.
    args.push("--persist-to", inRoot(".wrangler", "state"));
    args.push("--config", path.join(directory, "wrangler.toml"));
    this.#running = start(WRANGLER[0], [...WRANGLER.slice(1), ...args], {
      cwd: ROOT,
      env: wranglerEnv(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    const isNoise = noiseFilter();
    for (const stream of [this.#running.child.stdout, this.#running.child.stderr]) {
      eachLine(stream, (line) => {
        const text = stripVTControlCharacters(line);
        if (text.includes("Local server updated and ready")) this.#reloads += 1;
        if (/^✘ \[ERROR\]/.test(text)) this.#errors += 1;
        if (verbose || !isNoise(text)) print(line);
        forward(text);
      });
    }
  }

  /** A promise of how wrangler ended. */
  get ended() {
    return this.#running.ended;
  }

  /** Waits until it answers. */
  async ready() {
    // An open port is not enough: while it starts, wrangler accepts connections but does not answer.
    const answer = () => get(`http://127.0.0.1:${this.#port}/health`);
    await waitUntil("wrangler", answer, this.#running);
  }

  /**
   * Has wrangler load the version in `dir` with these settings, and waits until it answers. Requests
   * wait in the meantime. Returns false if wrangler has said twice that something is wrong; it then
   * keeps what it had. Once is not enough: a change soon after another one can remove the files that
   * wrangler is reading for the first one.
   *
   * @param {string} dir
   * @param {Record<string, string>} overrides
   */
  async swap(dir, overrides) {
    if (!((await this.#load(dir, overrides)) || (await this.#load(dir, overrides)))) return false;
    await this.ready();
    keepOnly(dir);
    return true;
  }

  // Returns whether wrangler has loaded it.
  async #load(dir, overrides) {
    const [reloads, errors] = [this.#reloads, this.#errors];
    configure(dir, overrides);
    const isOver = () => this.#reloads > reloads || this.#errors > errors;
    await waitUntil("the new Worker", isOver, this.#running, PATIENCE);
    // An error may have been about an earlier configuration, and a load may follow.
    for (const end = Date.now() + SECOND_PATIENCE; this.#reloads === reloads; ) {
      if (Date.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return true;
  }

  stop() {
    return this.#running.stop();
  }
}

/**
 * Writes the configuration. `overrides` are settings that count more than those in .dev.vars.
 *
 * @param {string} dir the folder of the version
 * @param {Record<string, string>} overrides
 */
export function configure(dir, overrides) {
  // Of two lines with one name, the last one counts.
  const lines = Object.entries(overrides).map(([name, value]) => `${name}=${value}\n`);
  write(".dev.vars", `${readText(".dev.vars")}\n${lines.join("")}`);
  // wrangler watches this one, so it comes last. It must differ, or nothing is loaded.
  const toml = withMain(readText("wrangler.toml"), path.join(dir, "index.js"));
  write("wrangler.toml", `${toml}\n# Written by \`npm start\` at ${new Date().toISOString()}\n`);
}

function write(name, text) {
  const file = inRoot(DEV_DIR, name);
  // Each change makes wrangler load again.
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  // In place: wrangler may miss a file that is replaced by another one.
  fs.writeFileSync(file, text, { mode: 0o600 });
}

// Recognises wrangler's progress and its table of bindings. Every other line is shown.
function noiseFilter() {
  let inTable = false;
  const noise = [
    /^\s*$/,
    /^Using (secrets|vars) defined in/,
    /^⎔ /,
    /^🪵 /u,
    /^\[wrangler:info\] (Ready on|GET \/health) /,
  ];
  return (line) => {
    if (/^Your Worker has access to the following bindings/.test(line)) inTable = true;
    else if (inTable && !/^(Binding\s|env\.)/.test(line)) inTable = false;
    return inTable || noise.some((pattern) => pattern.test(line));
  };
}
