// Starts a Worker with `wrangler dev`, on the real runtime, and sends it requests.
//
// Not here: what holds for every request, which is checked all the same (promises).

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { bundleAssistants } from "../../scripts/lib/assistants.mjs";
import { freePort, get, SYNTHETIC_CALLS, WRANGLER, wranglerEnv } from "../../scripts/lib/local.mjs";
import { start } from "../../scripts/lib/run.mjs";
import { ACCOUNT, freshSid, phoneHash, SECRETS } from "./identities.mjs";
import { checkHeaders, checkOutput } from "./promises.mjs";
import { filesWith, kv, objects, overwrite } from "./storage.mjs";
import { inboundForm, signatureOf, twiml } from "./twilio.mjs";
import { collect, eventually, PATIENCE, reached, started, whileAlive } from "./waiting.mjs";
import { deployedConfiguration, dotenv, withAssistants } from "./wrangler-config.mjs";

/**
 * Starts a Worker.
 * - `playground`: the playground that it calls; without one, `settings` must name OpenAI;
 * - `settings`: overrides its secrets and the defaults of wrangler.toml; null removes a setting;
 * - `build`: the build to run, `build` or `build/panic-route`;
 * - `assistants`: the files of its assistants, by their names; those of the build by default;
 * - `directory`: for its configuration and storage; a fresh temporary one by default;
 * - `port`: the port to try first; a free one by default;
 * - `env`: additions to wrangler's environment.
 *
 * @typedef {Record<string, string | null>} Settings
 *
 * @typedef {object} WorkerOptions
 * @property {{ url: string }} [playground]
 * @property {Settings} [settings]
 * @property {string} [build]
 * @property {Record<string, string>} [assistants]
 * @property {string} [directory]
 * @property {number} [port]
 * @property {NodeJS.ProcessEnv} [env]
 *
 * @param {WorkerOptions} [options]
 */
export async function startWorker({
  playground,
  settings = {},
  build = "build",
  assistants,
  directory,
  port,
  env = {},
} = {}) {
  const dir = directory ?? fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-e2e-"));
  /** @type {Settings} */
  const inPlayground = playground
    ? {
        OPENAI_BASE_URL: `${playground.url}/v1`,
        TWILIO_API_BASE_URL: playground.url,
        TWILIO_INTELLIGENCE_BASE_URL: playground.url,
        SEGMENT_API_BASE_URL: playground.url,
        TWILIO_ACCOUNT_SID: ACCOUNT,
        ...SYNTHETIC_CALLS,
        CALL_HOURS: "00:00-24:00",
      }
    : {};
  const own = assistants ? withAssistants(build, assistants, dir) : build;
  const { toml, vars } = deployedConfiguration(own);
  fs.writeFileSync(path.join(dir, "wrangler.toml"), toml);
  for (let attempt = 1; ; attempt += 1) {
    const worker = new Worker(
      dir,
      attempt === 1 && port ? port : await freePort(),
      !directory,
      { ...vars, ...SECRETS, ...inPlayground, ...settings },
      env,
    );
    try {
      await worker.start();
      return worker;
    } catch (error) {
      // Another program took the port in the meantime.
      if (attempt === 5 || !error.message.includes("Address already in use")) throw error;
    }
  }
}

class Worker {
  /** @type {any[]} The log: the JSON objects that the Worker printed, one per line. */
  log = [];
  /** @type {string[]} Every line that the Worker or wrangler printed. */
  lines = [];
  startMs = 0;
  #settings;
  #env;
  /** @type {Settings | undefined} */
  #reconfigured;
  #ownsDirectory;
  /** @type {any} */
  #running;

  /**
   * @param {string} directory
   * @param {number} port
   * @param {boolean} ownsDirectory
   * @param {Settings} settings
   * @param {NodeJS.ProcessEnv} env
   */
  constructor(directory, port, ownsDirectory, settings, env) {
    this.directory = directory;
    this.url = `http://127.0.0.1:${port}`;
    this.port = port;
    this.#ownsDirectory = ownsDirectory;
    this.#settings = settings;
    this.#env = env;
  }

  /**
   * Starts it (again) on its directory and port, and waits until it is ready. `startMs` is the time
   * that this took.
   */
  async start() {
    const began = performance.now();
    fs.writeFileSync(path.join(this.directory, ".dev.vars"), dotenv(this.#settings));
    const args = [
      "dev",
      "--ip",
      "127.0.0.1",
      "--port",
      String(this.port),
      "--inspector-port",
      String(await freePort()),
      "--persist-to",
      path.join(this.directory, "state"),
    ];
    this.#running = start(WRANGLER[0], [...WRANGLER.slice(1), ...args], {
      cwd: this.directory,
      // Through a shared registry, Workers of the same name in other directories would meet.
      env: {
        ...wranglerEnv(),
        WRANGLER_REGISTRY_PATH: path.join(this.directory, "registry"),
        WRANGLER_LOG_PATH: path.join(this.directory, "logs"),
        ...this.#env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    collect(this.#running, (line) => {
      this.lines.push(line);
      if (line.startsWith("{")) this.#addToLog(line);
    });
    await started("the Worker", () => get(`${this.url}/health`), this.#running, this.lines);
    this.startMs = Math.round(performance.now() - began);
  }

  /** Kills it, as a power failure would. Its storage stays. */
  async kill() {
    await this.#running.stop("SIGKILL");
  }

  /**
   * Kills it and starts it again on the same storage, with changed settings (null removes one).
   *
   * @param {Settings} [settings]
   */
  async restart(settings = {}) {
    await this.kill();
    this.#settings = { ...this.#settings, ...settings };
    await this.start();
  }

  /**
   * Changes settings (null removes one) while it runs, which is quicker than a restart, and waits
   * until they apply. The changes are relative to the settings of `startWorker` or `restart`.
   *
   * @param {Settings} settings
   */
  async reconfigure(settings) {
    const all = { ...this.#settings, ...settings };
    this.#reconfigured = all;
    await this.#afterReload(() => {
      fs.writeFileSync(path.join(this.directory, ".dev.vars"), dotenv(all));
      // wrangler does not watch .dev.vars, only wrangler.toml.
      fs.appendFileSync(path.join(this.directory, "wrangler.toml"), "\n");
    });
  }

  /**
   * Bundles other assistants while it runs, as `npm run build` does when a file is saved, and waits
   * until they apply. Only for a Worker that was started with `assistants`.
   *
   * @param {Record<string, string>} assistants
   */
  async changeAssistants(assistants) {
    await this.#afterReload(() => {
      const files = Object.entries(assistants).map(([name, text]) => ({ name, text }));
      bundleAssistants(path.join(this.directory, "build"), files);
    });
  }

  // Makes a change that wrangler notices, and waits until it has loaded the Worker again.
  async #afterReload(change) {
    const ready = () =>
      this.lines.filter((line) => line.includes("Local server updated and ready")).length;
    const before = ready();
    change();
    await eventually("wrangler to apply the change", () => ready() > before);
  }

  /**
   * Stops it and removes its directory, if that was created for it. Throws if its output breaks a
   * promise.
   */
  async close() {
    await this.#running.stop();
    if (this.#ownsDirectory)
      fs.rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
    this.#checkOutput();
  }

  /**
   * Makes one request: `fetch` with a path, without following redirects. Returns `{ status, headers,
   * text, ms }`. Throws if the response lacks a security header, or if nothing happens any more.
   *
   * @param {string} pathAndQuery
   * @param {RequestInit & { timeout?: number }} [options]
   */
  async request(pathAndQuery, options = {}) {
    const began = performance.now();
    const what = `${options.method ?? "GET"} ${pathAndQuery}`;
    const [response, text] = await whileAlive(what, async (signal) => {
      const answer = await fetch(this.url + pathAndQuery, {
        redirect: "manual",
        signal,
        ...options,
      });
      return [answer, await answer.text()];
    });
    checkHeaders(`${what}: ${response.status}`, response.headers);
    return {
      status: response.status,
      headers: response.headers,
      text,
      ms: performance.now() - began,
    };
  }

  /**
   * Makes one request with exactly these headers, including `Host`, and this path. A string `body`
   * is sent with its length, a list in chunks without a length. With `unfinished`, the body never
   * ends. Returns `{ status, headers, text }`. Throws as `request` does.
   *
   * @param {string} pathAndQuery
   * @param {{ method?: string, headers?: http.OutgoingHttpHeaders, body?: string | (string | Buffer)[], unfinished?: boolean }} [options]
   */
  async rawRequest(pathAndQuery, { method = "POST", headers = {}, body, unfinished = false } = {}) {
    const length = typeof body === "string" ? { "Content-Length": Buffer.byteLength(body) } : {};
    const signal = AbortSignal.timeout(PATIENCE);
    const request = http.request({
      host: "127.0.0.1",
      port: this.port,
      path: pathAndQuery,
      method,
      headers: { ...length, ...headers },
      agent: false,
      signal,
    });
    /** @type {{ status: number, headers: Headers, text: string }} */
    const response = await new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: new Headers(/** @type {Record<string, string>} */ (answer.headers)),
            text: Buffer.concat(chunks).toString(),
          }),
        );
      });
      for (const chunk of [body ?? []].flat()) request.write(chunk);
      if (!unfinished) request.end();
    });
    request.destroy();
    checkHeaders(`${method} ${pathAndQuery}: ${response.status}`, response.headers);
    return response;
  }

  /**
   * Posts an inbound message as Twilio does. Returns the answer of `request`, the `sid`, and the
   * `messages` if the answer is TwiML.
   * - `from`, `to`, `body`, `channel`, `sid`, `media`: see `inboundForm`;
   * - `params`: additional pairs; `form`: replaces all pairs;
   * - `raw`: the bytes to post instead of the encoded form, which is still signed;
   * - `token`, `url`: to sign with and for; `signature`: another signature, or null for none;
   * - `path`, `contentType`, `headers`: of the request.
   *
   * @typedef {object} PostOptions
   * @property {string[][]} [params]
   * @property {string[][]} [form]
   * @property {string | Buffer} [raw]
   * @property {string} [token]
   * @property {string} [url]
   * @property {string | null} [signature]
   * @property {string} [path]
   * @property {string} [contentType]
   * @property {Record<string, string>} [headers]
   *
   * @param {PostOptions & import("./twilio.mjs").InboundMessage} [message]
   * @returns {Promise<{ status: number, headers: Headers, text: string, ms: number, sid: string, messages: any }>}
   */
  async sendMessage({
    params = [],
    form,
    raw,
    token,
    url,
    signature,
    path: route = "/twilio/messages",
    contentType,
    headers = {},
    sid = freshSid(),
    ...message
  } = {}) {
    const pairs = form ?? [...inboundForm({ sid, ...message }), ...params];
    const signed =
      signature === undefined
        ? signatureOf(token ?? SECRETS.TWILIO_AUTH_TOKEN, url ?? this.url + route, pairs)
        : signature;
    const answer = await this.request(route, {
      method: "POST",
      headers: {
        "Content-Type": contentType ?? "application/x-www-form-urlencoded; charset=UTF-8",
        "User-Agent": "TwilioProxy/1.1",
        ...(signed === null ? {} : { "X-Twilio-Signature": signed }),
        ...headers,
      },
      body: /** @type {BodyInit} */ (raw ?? new URLSearchParams(pairs).toString()),
    });
    const isTwiml = answer.headers.get("content-type")?.startsWith("text/xml");
    return { ...answer, sid, messages: isTwiml ? twiml(answer.text) : undefined };
  }

  /**
   * Returns the index of the next log line, after all lines of earlier requests have been read. (A
   * line can arrive later than its response.) To know that, it provokes one more log line: a signed
   * message to a malformed number.
   */
  async mark() {
    const from = `+155501${crypto.randomInt(1e8).toString().padStart(8, "0")}`;
    await this.sendMessage({ from, to: "no address at all" });
    await this.logged(({ phone_hash: hash }) => hash === phoneHash(from));
    return this.log.length;
  }

  /**
   * Waits for a log line that `matches`, from index `since` on, and returns it.
   *
   * @param {(entry: any) => unknown} matches
   * @param {{ since?: number, timeout?: number }} [options]
   */
  async logged(matches, { since = 0, timeout } = {}) {
    return eventually(
      `a log line like ${matches}`,
      () => this.log.slice(since).find(matches),
      timeout,
    );
  }

  /**
   * Waits for `count` log lines that match, from index `since` on, and returns all that match, even
   * if there are more.
   *
   * @param {number} count
   * @param {(entry: any) => unknown} matches
   */
  async loggedTimes(count, matches, { since = 0 } = {}) {
    const lines = () => this.log.slice(since).filter(matches);
    await reached(`log lines like ${matches}`, count, () => lines().length);
    return lines();
  }

  /** The entries of KV; see storage.mjs. */
  kv() {
    return kv(this.directory);
  }

  /** The Durable Objects of a class; see storage.mjs. */
  objects(className) {
    return objects(this.directory, className);
  }

  /** Overwrites a value that an object has stored; see storage.mjs. Only while the Worker is killed. */
  overwrite(className, name, key, bytes) {
    overwrite(this.directory, className, name, key, bytes);
  }

  /** The files in its storage that contain `text`; see storage.mjs. */
  filesWith(text) {
    return filesWith(this.directory, text);
  }

  #checkOutput() {
    const secrets = Object.keys(SECRETS).flatMap((name) =>
      [this.#settings, this.#reconfigured ?? {}].flatMap(
        (settings) => settings[name]?.split(",") ?? [],
      ),
    );
    checkOutput(this.log, this.lines, secrets);
  }

  #addToLog(line) {
    try {
      this.log.push(JSON.parse(line));
    } catch {
      // It looked like a log line but is not one. It is still in `lines`.
    }
  }
}
