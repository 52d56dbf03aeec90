// Parts of a local Switchboard that `npm start`, `npm run say` and the end-to-end tests share: the
// settings in .dev.vars, the playground's program, wrangler's environment, free ports, and waiting
// for a server to start.

import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import { parseEnv } from "node:util";
import { inRoot } from "./project.mjs";
import { describe, UserError } from "./run.mjs";
import { buildPrograms, setUpRust } from "./setup-rust.mjs";

/** The account that the playground's calls belong to. */
const PLAYGROUND_ACCOUNT = "AC0123456789abcdef0123456789abcdef";

/** What a key begins with that `npm run setup` has made: it is none of OpenAI's. */
const GENERATED_KEY = "sk-playground-";

/**
 * What synthetic calls need of the playground's account: its two numbers for them, and the service that
 * transcribes their recordings.
 */
export const SYNTHETIC_CALLS = {
  SYNTHETIC_CALLER: "+15550155",
  SYNTHETIC_CALLEE: "+15550156",
  INTELLIGENCE_SERVICE_SID: "GA0123456789abcdef0123456789abcdef",
};

/**
 * Reads the settings in .dev.vars, without empty ones.
 *
 * @returns {Record<string, string>}
 */
export function devVars() {
  const file = inRoot(".dev.vars");
  const values = fs.existsSync(file) ? parseEnv(fs.readFileSync(file, "utf8")) : {};
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value ? [[name, value]] : [])),
  );
}

/**
 * Returns the settings that point the Worker at the playground at this origin, unless .dev.vars sets
 * them. Whatever the key is, events go to the playground unless .dev.vars names Segment's API, so that
 * no test gets into real data. If the Worker is public and .dev.vars names an account, Twilio is the real one.
 *
 * @param {Record<string, string>} settings
 * @param {string} playground
 * @param {{ isPublic?: boolean }} [options]
 */
export function localSettings(settings, playground, { isPublic = false } = {}) {
  /** @type {Record<string, string>} */
  const overrides = {};
  if (!settings.OPENAI_BASE_URL && isGeneratedKey(settings.OPENAI_API_KEY))
    overrides.OPENAI_BASE_URL = `${playground}/v1`;
  if (!settings.SEGMENT_API_BASE_URL) overrides.SEGMENT_API_BASE_URL = playground;
  if (!settings.TWILIO_API_BASE_URL && !(isPublic && settings.TWILIO_ACCOUNT_SID)) {
    overrides.TWILIO_API_BASE_URL = playground;
    if (!settings.TWILIO_INTELLIGENCE_BASE_URL) {
      overrides.TWILIO_INTELLIGENCE_BASE_URL = playground;
    }
    // The playground's phones can be called, at any hour.
    overrides.TWILIO_ACCOUNT_SID = PLAYGROUND_ACCOUNT;
    // No other numbers and no other service exist there.
    Object.assign(overrides, SYNTHETIC_CALLS);
    if (!settings.CALL_HOURS) overrides.CALL_HOURS = "00:00-24:00";
  }
  return overrides;
}

/** Makes a key for the playground's OpenAI. */
export function generatedKey() {
  return GENERATED_KEY + crypto.randomBytes(16).toString("hex");
}

/**
 * Whether a key is one that `generatedKey` has made.
 *
 * @param {string | undefined} key
 */
export function isGeneratedKey(key) {
  return key?.startsWith(GENERATED_KEY) === true;
}

/** Builds the playground if it is missing or its sources changed. */
export async function buildPlayground() {
  await setUpRust();
  await buildPrograms(["playground"]);
}

/** The wrangler of this checkout: the program, and the arguments that come first. */
export const WRANGLER = [
  process.execPath,
  inRoot("node_modules", "wrangler", "bin", "wrangler.js"),
];

/**
 * The environment for wrangler: no questions, no telemetry, no requests of its own, no local copy
 * of requests. It says that no environment of wrangler.toml is meant, because wrangler warns otherwise.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function wranglerEnv() {
  return {
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    X_LOCAL_OBSERVABILITY: "false",
    X_LOCAL_EXPLORER: "false",
    DO_NOT_TRACK: "1",
    CLOUDFLARE_ENV: process.env.CLOUDFLARE_ENV ?? "",
  };
}

/**
 * Finds a free port on 127.0.0.1 for a program that starts later. It is below the range for
 * outgoing connections (from 32768 on Linux, from 49152 elsewhere), so that no connection takes it
 * in the meantime.
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + crypto.randomInt(20_000);
    if (!(await portTaken(port))) return port;
  }
}

/** Returns whether `port` on 127.0.0.1 is in use, or not allowed for this user. */
export function portTaken(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(true));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve(false)),
    );
  });
}

/**
 * Returns the port that a server listens on.
 *
 * @param {net.Server} server
 */
export function portOf(server) {
  const address = server.address();
  if (address === null || typeof address === "string")
    throw new Error("no TCP server that listens");
  return address.port;
}

/**
 * Waits until `probe` returns something truthy, and returns it. Throws a UserError if `running`,
 * the server's program, ends first, or after `timeout` ms.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} probe
 * @param {{ ended: Promise<import("./run.mjs").Result> }} running
 */
export async function waitUntil(what, probe, running, timeout = 60_000) {
  /** @type {import("./run.mjs").Result | undefined} */
  let result;
  running.ended.then((end) => (result = end));
  for (const deadline = Date.now() + timeout; Date.now() < deadline; ) {
    if (result) throw new UserError(`${what} ${describe(result)} before it was ready (see above).`);
    const found = await probe();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new UserError(`${what} was not ready after ${timeout / 1000} s.`);
}

/**
 * Returns a function that takes each line that a Worker prints and sends the log lines (JSON
 * objects) to the playground at `url`, in order, for its page. It ignores a playground that has
 * stopped.
 */
export function logForwarder(url) {
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  return (line) => {
    if (!line.startsWith("{")) return;
    const post = () =>
      fetch(`${url}/playground/log`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: line,
      });
    last = last
      .then(post)
      .then((response) => response.arrayBuffer())
      .catch(() => {});
  };
}

/** Returns whether something accepts connections on `port` of 127.0.0.1. */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

/** Returns the answer to GET `url` as `{ status, text }`, or undefined if there is none. */
export async function get(url) {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.timeout(5000),
      headers: { connection: "close" },
    });
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
