// The parts of a local Switchboard that `npm start`, `npm run say` and the end-to-end tests share: the settings of
// .dev.vars, the playground's program, wrangler's environment, free ports, and waiting for a server to come up.

import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { parseEnv } from "node:util";
import { setUpRust } from "../setup.mjs";
import { inRoot, NODE_BIN, playgroundBinary, ROOT } from "./project.mjs";
import { describe, run, say, UserError } from "./run.mjs";

/** The settings in .dev.vars, by name; empty ones left out. */
export function devVars() {
  const file = inRoot(".dev.vars");
  const values = fs.existsSync(file) ? parseEnv(fs.readFileSync(file, "utf8")) : {};
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

/**
 * The settings that point the Worker at a playground on `port`, as far as .dev.vars does not say otherwise, and whom it
 * talks to then, for people: `{ overrides, openai, twilio, pretendOpenAi }`.
 */
export function localSettings(settings, port) {
  const playground = `http://127.0.0.1:${port}`;
  const overrides = {};
  let openai =
    settings.OPENAI_BASE_URL && `${settings.OPENAI_BASE_URL} (OPENAI_BASE_URL in .dev.vars)`;
  if (!openai && settings.OPENAI_API_KEY?.startsWith("sk-playground-")) {
    overrides.OPENAI_BASE_URL = `${playground}/v1`;
    openai = `the playground's pretend OpenAI at ${overrides.OPENAI_BASE_URL}: nothing leaves this machine`;
  }
  if (!settings.TWILIO_API_BASE_URL) overrides.TWILIO_API_BASE_URL = playground;
  return {
    overrides,
    pretendOpenAi: "OPENAI_BASE_URL" in overrides,
    openai: openai ?? "the real OpenAI, with the key in .dev.vars: requests cost money",
    twilio: settings.TWILIO_API_BASE_URL ?? `the playground's pretend Twilio at ${playground}`,
  };
}

/** Builds the playground when it is missing or its sources changed. Says so when it is missing. */
export async function buildPlayground() {
  await setUpRust();
  const first = !fs.existsSync(playgroundBinary());
  if (first) say("playground: building it: about a minute, once");
  await run(
    "cargo",
    ["build", "--locked", "--package", "playground", ...(first ? [] : ["--quiet"])],
    { cwd: ROOT, failure: "building the playground" },
  );
}

/** The wrangler of this checkout, as the program and the arguments before its own. */
export const WRANGLER = [
  path.join(NODE_BIN, "node"),
  inRoot("node_modules", "wrangler", "bin", "wrangler.js"),
];

/** The environment for wrangler: no questions, no telemetry, no requests of its own, no local copy of requests. */
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
  };
}

/**
 * A port on 127.0.0.1 that nothing listens on now, for a program that is still to be started. Below the ports that systems
 * give to outgoing connections, one of which could take it meanwhile (Linux begins at 32768, others at 49152).
 */
export async function freePort() {
  for (;;) {
    const port = 10_000 + crypto.randomInt(20_000);
    if (!(await portTaken(port))) return port;
  }
}

/** Whether something else has `port` on 127.0.0.1 (or this user may not have it). */
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
 * Waits until `probe` returns something true, and returns it; `running` is the program that serves it (from `start`).
 * Throws a UserError when that program ends first, or after `timeout` ms.
 */
export async function waitUntil(what, probe, running, timeout = 60_000) {
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
 * Takes the lines that a Worker prints and passes its log lines (JSON objects) on to the playground at `url`, in order, for
 * its page. A playground that is gone is no error here. Returns what to call with each line.
 */
export function logForwarder(url) {
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

/** Whether something accepts connections on `port` of 127.0.0.1. */
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

/** The answer to GET `url`, as `{ status, text }`, or undefined while nothing answers. */
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
