// A checkout of its own in which the tests run `npm start` and change sources.
//
// It is always at the same place, with a target directory of its own, so that cargo builds its
// dependencies only once. Its playground is that of the real checkout. Not here: assertions.

import fs from "node:fs";
import path from "node:path";
import { freePort } from "../../scripts/lib/local.mjs";
import { inRoot, playgroundBinary, targetDir } from "../../scripts/lib/project.mjs";
import { capture, start, stopEverythingOnSignals } from "../../scripts/lib/run.mjs";
import { collect, eventually } from "./waiting.mjs";

stopEverythingOnSignals();

const HOME = path.join(targetDir(), "start-test");

const COPIED = [
  "assistants",
  "bindgen",
  "personas",
  "playground",
  "scenarios",
  "scripts",
  "src",
  ".dev.vars.example",
  "Cargo.lock",
  "Cargo.toml",
  "package-lock.json",
  "package.json",
  "rust-toolchain.toml",
  "wrangler.toml",
];

/** Runs the real playground with the same arguments. */
const PLAYGROUND = `//! Runs the real playground.
use std::os::unix::process::CommandExt as _;

fn main() {
    let program = std::env::var_os("REAL_PLAYGROUND").unwrap();
    panic!("{}", std::process::Command::new(program).args(std::env::args_os().skip(1)).exec());
}
`;

/** How long a build may take: cargo says nothing while it compiles, and other tests run beside. */
const BUILD_PATIENCE = 300_000;

export class StartCheckout {
  directory = path.join(HOME, "checkout");

  constructor() {
    fs.rmSync(this.directory, { recursive: true, force: true });
    // With their times: cargo compiles what is newer than its results.
    for (const name of COPIED)
      fs.cpSync(inRoot(name), this.path(name), { recursive: true, preserveTimestamps: true });
    // An earlier run may have compiled it with changes.
    fs.utimesSync(this.path("src", "http", "mod.rs"), new Date(), new Date());
    fs.writeFileSync(this.path("playground", "src", "main.rs"), PLAYGROUND);
    fs.symlinkSync(inRoot("node_modules"), this.path("node_modules"));
  }

  /** @param {string[]} names */
  path(...names) {
    return path.join(this.directory, ...names);
  }

  /**
   * Replaces `old` in a file, which must contain it.
   *
   * @param {string} name
   * @param {string} old
   * @param {string} by
   */
  edit(name, old, by) {
    const text = fs.readFileSync(this.path(name), "utf8");
    if (!text.includes(old)) throw new Error(`${name} does not contain ${old}`);
    fs.writeFileSync(
      this.path(name),
      text.replace(old, () => by),
    );
  }

  /**
   * Runs one of its commands to the end.
   *
   * @param {string} name
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} [env]
   */
  run(name, args, env) {
    const script = this.path("scripts", `${name}.mjs`);
    const options = { cwd: this.directory, env: this.#environment(env) };
    return capture(process.execPath, [script, ...args], options);
  }

  /**
   * Runs `npm start` and waits until it is ready.
   *
   * @param {string[]} args
   * @param {NodeJS.ProcessEnv} [env]
   */
  async start(args = [], env = {}) {
    const [port, playgroundPort] = [await freePort(), await freePort()];
    const ports = ["--port", String(port), "--playground-port", String(playgroundPort)];
    const running = start(
      process.execPath,
      [this.path("scripts", "start.mjs"), ...ports, ...args],
      {
        cwd: this.directory,
        env: this.#environment(env),
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    const instance = new Instance(running, port, playgroundPort);
    await instance.printed("Ctrl-C stops everything");
    return instance;
  }

  #environment(env = {}) {
    return {
      ...process.env,
      CARGO_TARGET_DIR: path.join(HOME, "target"),
      REAL_PLAYGROUND: playgroundBinary(),
      WRANGLER_REGISTRY_PATH: path.join(HOME, "registry"),
      WRANGLER_LOG_PATH: path.join(HOME, "logs"),
      ...env,
    };
  }
}

/** A running `npm start`. */
class Instance {
  /** @type {string[]} */
  lines = [];
  #running;
  #ended = false;

  constructor(running, port, playgroundPort) {
    this.#running = running;
    this.port = port;
    this.worker = `http://127.0.0.1:${port}`;
    this.playground = `http://127.0.0.1:${playgroundPort}`;
    collect(running, (line) => this.lines.push(line));
    running.ended.then(() => (this.#ended = true));
  }

  /**
   * Waits for a line that contains `text`, from line `since` on.
   *
   * @param {string} text
   */
  async printed(text, since = 0) {
    const found = () => this.lines.slice(since).some((line) => line.includes(text));
    const over = () => this.#ended || found();
    await eventually(`"${text}" in the terminal`, over, BUILD_PATIENCE).catch(() => {});
    if (!found()) throw new Error(`npm start did not print "${text}":\n${this.lines.join("\n")}`);
  }

  /** The status and text of the Worker's /health. */
  async health() {
    const response = await fetch(`${this.worker}/health`, { headers: { connection: "close" } });
    return { status: response.status, text: await response.text() };
  }

  /** The state of the build that a page which is opened now shows. */
  async buildOnPage() {
    const stopper = new AbortController();
    const response = await fetch(`${this.playground}/playground/events`, {
      signal: stopper.signal,
    });
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    const decoder = new TextDecoder();
    let text = "";
    // All that is kept comes at once; then the stream is silent.
    for (;;) {
      const silence = new Promise((resolve) => setTimeout(resolve, 1000, undefined));
      const chunk = await Promise.race([reader.read(), silence]);
      if (!chunk || chunk.done) break;
      text += decoder.decode(chunk.value, { stream: true });
    }
    stopper.abort();
    const events = [...text.matchAll(/^data: ?(.*)$/gm)].map(([, json]) => JSON.parse(json));
    return events.findLast((event) => event.type === "build");
  }

  /** Ends it as Ctrl-C does, and returns how it ended. */
  async interrupt() {
    this.#running.child.kill("SIGINT");
    return this.#running.ended;
  }

  /** Ends it, however it goes. */
  async stop() {
    await this.#running.stop();
  }
}
