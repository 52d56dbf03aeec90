// Waiting in tests: until something is true, until a number is reached, and while anything still
// happens.

import { waitUntil } from "../../scripts/lib/local.mjs";
import { eachLine } from "../../scripts/lib/run.mjs";

/**
 * How long a test waits for progress, in ms. It is long because a busy machine is slow, and because
 * it only costs time if something is broken.
 */
export const PATIENCE = 60_000;

/** Waits `ms` milliseconds. */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Waits until `probe` returns something truthy, and returns it. Throws with `what` after `timeout`
 * ms.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} probe
 */
export async function eventually(what, probe, timeout = PATIENCE) {
  for (const deadline = Date.now() + timeout; ; ) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
    await sleep(20);
  }
}

/**
 * Waits until `count` returns at least `target`. Throws if it does not grow for `PATIENCE`.
 *
 * @param {string} what
 * @param {number} target
 * @param {() => number | Promise<number>} count
 */
export async function reached(what, target, count) {
  for (let [last, since] = [-1, Date.now()]; ; ) {
    const now = await count();
    if (now >= target) return;
    if (now !== last) [last, since] = [now, Date.now()];
    if (Date.now() - since > PATIENCE)
      throw new Error(`${what}: ${now} of ${target}, and no more within ${PATIENCE} ms`);
    await sleep(20);
  }
}

// Seconds since anything that this process started answered or printed a line. A timer counts them,
// so that a pause of this process itself counts as one second.
let idleSeconds = 0;
setInterval(() => (idleSeconds += 1), 1000).unref();

/** Records progress. */
function alive() {
  idleSeconds = 0;
}

/**
 * Runs `work` with a signal that aborts it if nothing at all happens for PATIENCE.
 *
 * @template T
 * @param {string} what
 * @param {(signal: AbortSignal) => Promise<T>} work
 */
export async function whileAlive(what, work) {
  alive();
  const stopper = new AbortController();
  const watch = setInterval(
    () =>
      idleSeconds * 1000 > PATIENCE &&
      stopper.abort(new Error(`${what}: nothing happened within ${PATIENCE} ms`)),
    1000,
  );
  try {
    return await work(stopper.signal);
  } finally {
    clearInterval(watch);
    alive();
  }
}

/** Calls `each` with every line that a program prints. */
export function collect(running, each) {
  const alsoAlive = (line) => {
    alive();
    each(line);
  };
  for (const stream of [running.child.stdout, running.child.stderr]) eachLine(stream, alsoAlive);
}

// On a busy machine, beside other tests, a runtime can take a minute to start.
const START_PATIENCE = 3 * PATIENCE;

/**
 * Waits until a program is ready. Throws with all that it printed if it does not get ready.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} probe
 * @param {ReturnType<typeof import("../../scripts/lib/run.mjs").start>} running
 * @param {string[]} lines
 */
export async function started(what, probe, running, lines) {
  try {
    return await waitUntil(what, probe, running, START_PATIENCE);
  } catch (error) {
    await running.stop();
    throw new Error(`${error.message}\n${lines.join("\n")}`);
  }
}
