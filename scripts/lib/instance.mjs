// The Switchboard that runs from this checkout: `npm start` notes its addresses in a file, and the
// other commands read them, so that they need no options on other ports.

import fs from "node:fs";
import path from "node:path";
import { DEFAULT_PORTS, inRoot } from "./project.mjs";

/** Ignored by git, as everything in .wrangler is. */
const FILE = inRoot(".wrangler", "switchboard.json");

/**
 * The origins, such as http://127.0.0.1:8787. `publicUrl` is that of the tunnel, if there is one.
 *
 * @typedef {{ worker: string, playground: string, publicUrl?: string }} Addresses
 */

/**
 * The addresses of the `npm start` that runs from this checkout, or undefined if none does.
 *
 * @returns {Addresses | undefined}
 */
export function runningInstance() {
  try {
    const { pid, ...addresses } = JSON.parse(fs.readFileSync(FILE, "utf8"));
    // Throws if there is no such process: a killed `npm start` could not remove the file.
    process.kill(pid, 0);
    return addresses;
  } catch {
    return undefined;
  }
}

/** The addresses of the running instance, or those that `npm start` has without options. */
export function localAddresses() {
  return runningInstance() ?? addressesOf(DEFAULT_PORTS);
}

/**
 * @param {{ worker: number, playground: number }} ports
 * @returns {Addresses}
 */
export function addressesOf({ worker, playground }) {
  return { worker: `http://127.0.0.1:${worker}`, playground: `http://127.0.0.1:${playground}` };
}

/**
 * Notes these addresses until this process ends.
 *
 * @param {Addresses} addresses
 */
export function noteInstance(addresses) {
  fs.mkdirSync(path.dirname(FILE), { recursive: true });
  fs.writeFileSync(FILE, `${JSON.stringify({ pid: process.pid, ...addresses })}\n`);
  process.once("exit", () => fs.rmSync(FILE, { force: true }));
}
