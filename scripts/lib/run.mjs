// Runs other programs and prints to the terminal.
//
// Each program gets its own process group, and every group is recorded. When a command ends (done,
// failed, Ctrl-C, SIGTERM, SIGHUP), everything that it started is stopped. Knows nothing about this
// project.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";

/** An error that the user can fix: it is printed without a stack trace. */
export class UserError extends Error {}

/** A command line that the command does not take: an option, an argument or the value of an option. */
export class UsageError extends UserError {}

/** An error about which a program has already said everything, such as a compiler. */
export class ShownError extends UserError {}

/** The exit code if the command line is wrong. */
const EXIT_USAGE = 2;

/** Prints a line for the person at the terminal. */
export function print(message = "") {
  console.log(message);
}

/**
 * Runs the `body` of a command. Afterwards it prints the error, if there is one, stops everything
 * that was started, and exits with the exit code that `body` returned: after an error with 1, or with 2 if
 * the command line is wrong. A command that runs until
 * Ctrl-C passes `interrupted`, a line to print at that moment; it then counts as a success.
 *
 * @param {(args: string[]) => Promise<number | void>} body
 * @param {{ interrupted?: string }} [options]
 */
export async function command(body, { interrupted } = {}) {
  stopEverythingOnSignals(interrupted);
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (stoppingSince) return; // a signal stopped the programs, and it will end this process as well
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : 1;
    if (!(error instanceof ShownError))
      console.error(error instanceof UserError ? `\nerror: ${error.message}` : error);
  }
  if (stoppingSince) return;
  await stopEverything();
  process.exit();
}

/**
 * From now on, everything that this process started is stopped before it ends. `command` calls this
 * itself; other processes, such as tests, call it directly. `interrupted` as for `command`.
 *
 * @param {string} [interrupted]
 */
export function stopEverythingOnSignals(interrupted) {
  process.on("exit", killEverything);
  const stop = async (signal) => {
    if (successor) return successor.child.kill(signal);
    const code = 128 + os.constants.signals[signal];
    // Ctrl-C arrives twice: from the terminal, and from npm, which passes it on.
    if (stoppingSince && Date.now() - stoppingSince > 500) process.exit(code);
    if (stoppingSince) return;
    stoppingSince = Date.now();
    if (interrupted) print(interrupted);
    await stopEverything();
    process.exit(interrupted ? 0 : code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  // A killed npm cannot pass on a signal.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event) {
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      stop("SIGTERM");
    }, 1000);
    watch.unref();
  }
}

/** Whether a signal has ended this process, which now stops what it has started. */
export function isStopping() {
  return stoppingSince !== undefined;
}

/** Formats a length of time. */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Formats a number of bytes. */
export function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** Returns the full path of `program` on PATH, or undefined. */
export function onPath(program, searchPath = process.env.PATH ?? "") {
  for (const dir of searchPath.split(path.delimiter)) {
    const file = path.join(dir || ".", program);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (fs.statSync(file).isFile()) return file;
    } catch {
      // not in this directory
    }
  }
  return undefined;
}

/**
 * @typedef {object} StartOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {import("node:child_process").StdioOptions} [stdio]
 *
 * @typedef {object} Result How a program ended.
 * @property {number | null} code
 * @property {NodeJS.Signals | null} [signal]
 * @property {NodeJS.ErrnoException | null} [error]
 */

/**
 * Starts a program in its own process group. Returns
 * - `child`: Node's ChildProcess;
 * - `ended`: a promise of the `Result`. It never rejects. When it resolves, the rest of the group
 *   is gone as well;
 * - `stop(signal = "SIGTERM", patience = 5000)`: ends the whole group, with SIGKILL after
 *   `patience` ms.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {StartOptions} [options]
 */
export function start(program, args, { cwd, env = process.env, stdio = "inherit" } = {}) {
  const child = spawn(program, args, { cwd, env, stdio, detached: true });
  const group = child.pid;
  /** @type {Promise<Result>} */
  const result = new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("exit", (code, signal) => resolve({ code, signal, error: null }));
  });
  const ended = result.then((end) => {
    if (group !== undefined) {
      signalGroup(group, "SIGKILL");
      groups.delete(group);
    }
    return end;
  });
  if (group !== undefined) groups.set(group, ended);
  const stop = async (signal = "SIGTERM", patience = 5000) => {
    if (group === undefined || !groups.has(group)) return;
    signalGroup(group, signal);
    const timer = setTimeout(() => signalGroup(group, "SIGKILL"), patience);
    await ended;
    clearTimeout(timer);
  };
  return { child, ended, stop };
}

/**
 * Runs a program to its end and shows its output. Throws a UserError if it fails or takes longer
 * than `timeout` ms; `failure` is its name in that message.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {StartOptions & { timeout?: number, failure?: string }} [options]
 */
export async function run(program, args, { timeout, failure, ...options } = {}) {
  const running = start(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  let late = false;
  const timer =
    timeout &&
    setTimeout(() => {
      late = true;
      running.stop();
    }, timeout);
  const result = await running.ended;
  clearTimeout(timer);
  if (result.code === 0) return;
  const what = failure ?? `\`${[path.basename(program), ...args].join(" ")}\``;
  if (late) throw new UserError(`${what} was stopped: not done after ${duration(timeout)}.`);
  throw new UserError(`${what} ${describe(result)}.`);
}

/**
 * Hands over to another program: it gets the signals, and this process exits with its exit code.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {StartOptions} options
 */
export async function continueAs(program, args, options) {
  successor = start(program, args, options);
  const { code } = await successor.ended;
  process.exit(code ?? 1);
}

/**
 * Runs a program to its end and returns `{ code, stdout, stderr }`; `code` is null if it could not
 * be started.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {StartOptions & { echo?: boolean }} [options]
 */
export async function capture(program, args, { echo = false, ...options } = {}) {
  const running = start(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    running.child[name]?.setEncoding("utf8").on("data", (text) => {
      output[name] += text;
      if (echo) process[name].write(text);
    });
  }
  const { code } = await running.ended;
  return { code, ...output };
}

/**
 * Describes how a program ended.
 *
 * @param {Result} result
 */
export function describe({ code, signal, error }) {
  if (error) return `could not be started (${error.code ?? error.message})`;
  return signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
}

/**
 * Calls `each` with every line of a stream that a program prints to.
 *
 * @param {NodeJS.ReadableStream | null} stream
 * @param {(line: string) => void} each
 */
export function eachLine(stream, each) {
  if (!stream) throw new Error("the output of this program is not piped");
  readline.createInterface({ input: stream, crlfDelay: Infinity }).on("line", each);
}

/** Stops every program that is still running. */
async function stopEverything() {
  const running = [...groups];
  for (const [group] of running) signalGroup(group, "SIGTERM");
  const timer = setTimeout(() => killEverything(), 5000);
  await Promise.all(running.map(([, ended]) => ended));
  clearTimeout(timer);
}

/**
 * Runs `body` while holding the lock file `file`, so that only one process does the work. Prints
 * `waiting` if another process has the lock. The holder touches the file; a lock that nobody
 * touched for 20 s is abandoned.
 *
 * @template T
 * @param {string} file
 * @param {string} waiting
 * @param {() => Promise<T>} body
 */
export async function withLock(file, waiting, body) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  for (let told = false; ; ) {
    try {
      fs.closeSync(fs.openSync(file, "wx"));
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (abandoned(file)) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (!told) print(waiting);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const touch = setInterval(() => fs.utimes(file, new Date(), new Date(), () => {}), 2000);
  const unlock = () => fs.rmSync(file, { force: true });
  process.once("exit", unlock);
  try {
    return await body();
  } finally {
    clearInterval(touch);
    process.off("exit", unlock);
    unlock();
  }
}

/** @type {Map<number, Promise<Result>>} */
const groups = new Map();
/** @type {number | undefined} */
let stoppingSince;
/** @type {ReturnType<typeof start> | undefined} */
let successor;

function killEverything() {
  for (const [group] of groups) signalGroup(group, "SIGKILL");
}

function signalGroup(group, signal) {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (error.code !== "ESRCH" && error.code !== "EPERM") throw error;
  }
}

function abandoned(file) {
  try {
    return Date.now() - fs.statSync(file).mtimeMs > 20_000;
  } catch {
    return false;
  }
}
