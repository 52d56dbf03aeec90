// The steps of a first start: each is announced with its number and an estimate, and ends with the
// time that it took.

import { duration, print } from "./run.mjs";

/** Carries the numbers over to a newer Node: "1/4" after the first step. */
const VARIABLE = "SWITCHBOARD_STEPS";

/**
 * Says how many steps follow. Without it, steps have no numbers.
 *
 * @param {number} count
 */
export function planSteps(count) {
  process.env[VARIABLE] ??= `0/${count}`;
}

/**
 * Runs a step. `title` and `estimate` are for the terminal: "npm packages" and "about 15 s".
 *
 * @template T
 * @param {string} title
 * @param {string} estimate
 * @param {() => Promise<T>} body
 */
export async function step(title, estimate, body) {
  const [done, all] = (process.env[VARIABLE] ?? "0/0").split("/").map(Number);
  const name = all > 0 ? `${done + 1} of ${all}` : "set-up";
  if (all > 0) process.env[VARIABLE] = `${done + 1}/${all}`;
  print(`${name}: ${title} (${estimate}, only once)`);
  const began = Date.now();
  const result = await body();
  print(`${name}: done in ${duration(Date.now() - began)}`);
  return result;
}
