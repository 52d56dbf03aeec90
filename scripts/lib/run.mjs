// Running other programs, and talking to the person at the terminal.
//
// Every program runs in a process group of its own, and every group is recorded: however a command ends (done, failed,
// Ctrl-C, SIGTERM, SIGHUP), nothing that it started is left behind. Knows nothing about this project.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";

/** Something the user can put right: printed without a stack trace. */
export class UserError extends Error {}

/** Tells what is going on. */
export function say(message = "") {
  console.log(message);
}

/**
 * Runs a command's `body`; prints its error, stops what it started and ends with the fitting exit code. A command that
 * runs until it is interrupted gives `interrupted`, the words to say then, and counts as a success.
 */
export async function command(body, { interrupted } = {}) {
  stopEverythingOnSignals(interrupted);
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0;
  } catch (error) {
    if (stoppingSince) return; // the programs were ended by the signal, which also ends this one
    const understood = error instanceof UserError || error.code?.startsWith("ERR_PARSE_ARGS");
    console.error(understood ? `\nerror: ${error.message}` : error);
    process.exitCode = 1;
  }
  if (stoppingSince) return;
  await stopEverything();
  process.exit();
}

/**
 * From now on, when this process ends or is told to end, everything that it started is stopped first. `interrupted` as
 * for `command`. Part of `command`; for processes that are none.
 */
export function stopEverythingOnSignals(interrupted) {
  process.on("exit", killEverything);
  const stop = async (signal) => {
    if (successor) return successor.child.kill(signal);
    const code = 128 + os.constants.signals[signal];
    // npm passes on the signal that the terminal has already sent: the second one within a moment is the same one.
    if (stoppingSince && Date.now() - stoppingSince > 500) process.exit(code);
    if (stoppingSince) return;
    stoppingSince = Date.now();
    if (interrupted) say(interrupted);
    await stopEverything();
    process.exit(interrupted ? 0 : code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
  // When npm is killed it can pass nothing on.
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

/** A length of time, for people. */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A number of bytes, for people. */
export function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** The full path of `program` on PATH, or undefined. */
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
 * Starts a program in a process group of its own. Returns
 * - `child`: Node's ChildProcess;
 * - `ended`: a promise of `{ code, signal, error }`, never rejected. The rest of the group is gone when it resolves;
 * - `stop(signal = "SIGTERM", patience = 5000)`: ends the whole group, with SIGKILL when it takes longer than `patience` ms.
 */
export function start(program, args, { cwd, env = process.env, stdio = "inherit" } = {}) {
  const child = spawn(program, args, { cwd, env, stdio, detached: true });
  const group = child.pid;
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error }));
    child.once("exit", (code, signal) => resolve({ code, signal, error: null }));
  }).then((result) => {
    if (group !== undefined) {
      signalGroup(group, "SIGKILL");
      groups.delete(group);
    }
    return result;
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

/** Runs a program to its end with its output shown. Throws a UserError when it fails or takes longer than `timeout` ms. */
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

/** Lets another program take over: signals go to it, and this process ends with its exit code. */
export async function continueAs(program, args, options) {
  successor = start(program, args, options);
  const { code } = await successor.ended;
  process.exit(code ?? 1);
}

/** Runs a program to its end and returns `{ code, stdout, stderr }`; `code` is null when it could not be started. */
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

/** How a program ended, in words. */
export function describe({ code, signal, error }) {
  if (error) return `could not be started (${error.code ?? error.message})`;
  return signal ? `was ended by ${signal}` : `failed with exit code ${code}`;
}

/** Calls `each` with every line of a stream. */
export function eachLine(stream, each) {
  readline.createInterface({ input: stream, crlfDelay: Infinity }).on("line", each);
}

/** Ends every program that is still running. */
export async function stopEverything() {
  const running = [...groups];
  for (const [group] of running) signalGroup(group, "SIGTERM");
  const timer = setTimeout(() => killEverything(), 5000);
  await Promise.all(running.map(([, ended]) => ended));
  clearTimeout(timer);
}

/**
 * Runs `body` while holding the lock file `file`, so that one process at a time does a piece of work; `waiting` is said
 * when another has it. The holder touches the file; a lock that was not touched for 20 s belongs to nobody.
 */
export async function withLock(file, waiting, body) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  for (let said = false; ; ) {
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
    if (!said) say(waiting);
    said = true;
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

const groups = new Map();
let stoppingSince;
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
