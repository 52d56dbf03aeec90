// Starts Switchboard as it is deployed, on the real runtime, for the end-to-end tests: a playground on a free port, and
// Workers by `wrangler dev` on free ports, each with a directory, settings and storage of its own. Plays Twilio towards
// them, signed with Twilio's own library, and shows all that they print and store.
//
// Three promises hold for every request of every test, so they are checked here: each response carries the security
// headers, each line of the log is of the known vocabulary, and nothing printed names a secret or a number of a person.
//
// Not here: any other assertion, and anything about one feature. Takes the builds in build/ as they are;
// `npm run test:e2e` makes them first.

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { freePort, get, WRANGLER, waitUntil, wranglerEnv } from "../../scripts/lib/local.mjs";
import { inRoot, playgroundBinary, ROOT, readText } from "../../scripts/lib/project.mjs";
import { eachLine, start, stopEverythingOnSignals } from "../../scripts/lib/run.mjs";

/** The secrets of all Workers and playgrounds in this process: fresh ones, of the required form. */
export const SECRETS = {
  TWILIO_AUTH_TOKEN: crypto.randomBytes(16).toString("hex"),
  OPENAI_API_KEY: `sk-playground-${crypto.randomBytes(16).toString("hex")}`,
  PSEUDONYM_KEY: crypto.randomBytes(32).toString("hex"),
  ADMIN_TOKEN: crypto.randomBytes(32).toString("hex"),
};

/** The security headers that every response carries, by lower-case name. */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "strict-origin-when-cross-origin",
  "cache-control": "no-store",
};

/**
 * Starts a playground and one Worker that uses it, each knowing of the other: `{ playground, worker, close }`. Options as for
 * `startWorker`.
 */
export async function startSwitchboard(options = {}) {
  const port = await freePort();
  const playground = await startPlayground({ worker: `http://127.0.0.1:${port}` });
  try {
    const worker = await startWorker({ playground, port, ...options });
    return { playground, worker, close: () => Promise.all([worker.close(), playground.close()]) };
  } catch (error) {
    await playground.close();
    throw error;
  }
}

/**
 * Starts a playground on a free port. `tokens` are the Twilio auth tokens that it takes, `worker` the address of the Worker
 * that its page's phones write to, `adminToken` what it shows that Worker's admin routes ("" for none), `date` the day that it is
 * for its OpenAI.
 */
export async function startPlayground({
  tokens = SECRETS.TWILIO_AUTH_TOKEN,
  worker,
  adminToken = SECRETS.ADMIN_TOKEN,
  date,
} = {}) {
  const lines = [];
  const running = start(
    playgroundBinary(),
    [
      "serve",
      "--port",
      "0",
      ...(worker ? ["--worker", worker] : []),
      ...(date ? ["--date", date] : []),
    ],
    {
      cwd: ROOT,
      env: { ...process.env, ...SECRETS, TWILIO_AUTH_TOKEN: tokens, ADMIN_TOKEN: adminToken },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  collect(running, (line) => lines.push(line));
  const ready = () => lines.map((line) => line.match(/listening on (http:\S+)/)?.[1]).find(Boolean);
  const url = await started("the playground", ready, running, lines);
  return new Playground(url, running, lines);
}

/**
 * Starts a Worker.
 * - `playground`: the playground that it asks; without one, `settings` must say where OpenAI is;
 * - `settings`: settings to give it beside its secrets and the defaults of wrangler.toml; null takes one away;
 * - `build`: the build to run, `build` or `build/panic-route`;
 * - `directory`: where its configuration and storage are; a fresh temporary one by default;
 * - `port`: the port to begin with; a free one by default;
 * - `env`: what wrangler's environment has beside the usual, or otherwise.
 */
export async function startWorker({
  playground,
  settings = {},
  build = "build",
  directory,
  port,
  env = {},
} = {}) {
  const dir = directory ?? fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-e2e-"));
  const inPlayground = playground
    ? { OPENAI_BASE_URL: `${playground.url}/v1`, TWILIO_API_BASE_URL: playground.url }
    : {};
  const { toml, vars } = deployedConfiguration(build);
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
      // Another program took the port between its choice and its use.
      if (attempt === 5 || !error.message.includes("Address already in use")) throw error;
    }
  }
}

/** Every event that the Worker may log. */
export const EVENTS = [
  "security_event",
  "turn",
  "late_part",
  "delivery",
  "consent",
  "message_ignored",
  "erased",
  "budget_reset",
  "conversation_unreadable",
  "kv_failed",
  "object_failed",
  "internal_error",
];

/** A pair of addresses that no other call in this process returns: `{ from, to }`; 50 calls in a row differ in `from`. */
export function freshPair() {
  const number = pairs;
  pairs += 1;
  if (number >= 2500) throw new Error("no more pairs of test addresses");
  return {
    from: `+155501${String(number % 50).padStart(2, "0")}`,
    to: `+155501${50 + Math.floor(number / 50)}`,
  };
}

/** A fresh MessageSid. */
export function freshSid(prefix = "SM") {
  return prefix + crypto.randomBytes(16).toString("hex");
}

/** The account that all messages come from. */
export const ACCOUNT = `AC${"0123456789abcdef".repeat(2)}`;

/**
 * The form of an inbound message as Twilio sends it, as a list of pairs, so that names can be repeated. `media` are addresses,
 * or `{ url, content_type }` where it is not a JPEG.
 */
export function inboundForm({
  from = "+15550100",
  to = "+15550199",
  body = "Hello",
  channel = "sms",
  sid = freshSid(),
  media = [],
} = {}) {
  const address = (number) => (channel === "whatsapp" ? `whatsapp:${number}` : number);
  const waId = from.replace("+", "");
  const ofChannel = {
    // What Twilio does not know about a number is there, but empty.
    sms: [
      ["ToCountry", "US"],
      ["ToState", "CA"],
      ["ToCity", ""],
      ["ToZip", ""],
      ["FromCountry", "US"],
      ["FromState", ""],
      ["FromCity", "OAKLAND"],
      ["FromZip", "94601"],
    ],
    whatsapp: [
      ["ProfileName", "Test Person"],
      ["WaId", waId],
      ["MessageType", media.length ? "image" : "text"],
      ["ReferralNumMedia", "0"],
      [
        "ChannelMetadata",
        JSON.stringify({
          type: "whatsapp",
          data: { context: { ProfileName: "Test Person", WaId: waId } },
        }),
      ],
    ],
  };
  return [
    ["SmsMessageSid", sid],
    ["NumMedia", String(media.length)],
    ["SmsSid", sid],
    ["SmsStatus", "received"],
    ["Body", body],
    ["To", address(to)],
    ["NumSegments", "1"],
    ["MessageSid", sid],
    ["AccountSid", ACCOUNT],
    ["From", address(from)],
    ["ApiVersion", "2010-04-01"],
    ...media.flatMap((file, index) => [
      [`MediaUrl${index}`, file.url ?? file],
      [`MediaContentType${index}`, file.content_type ?? "image/jpeg"],
    ]),
    ...ofChannel[channel],
  ];
}

/** The name that the Worker must give to a pair of addresses, worked out anew. */
export function pseudonym({ from, to }, channel = "sms") {
  const prefix = channel === "whatsapp" ? "whatsapp:" : "";
  return hmac(`pair\0${prefix}${from}\0${prefix}${to}`);
}

/** What must stand for a number in the log, worked out anew. */
export function phoneHash(number) {
  return hmac(`phone\0${number}`).slice(0, 8);
}

/** What Twilio's own library signs a form with. `url` is the address that Twilio was given. */
export function signatureOf(token, url, form) {
  const params = Object.create(null);
  for (const [name, value] of form) {
    if (!(name in params)) params[name] = value;
    else params[name] = [params[name], value].flat();
  }
  return getExpectedTwilioSignature(token, url, params);
}

/** The texts of the <Message>s of a TwiML document. Throws when it is not one of the documents that the Worker may send. */
export function twiml(document) {
  const text = document.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/i, "");
  if (/^<Response\s*\/>\s*$/.test(text)) return [];
  const inner = text.match(/^<Response>([\s\S]*)<\/Response>\s*$/)?.[1];
  if (inner === undefined) throw new Error(`not a TwiML response: ${document}`);
  const messages = [...inner.matchAll(/\s*<Message>([^<]*)<\/Message>\s*/gy)];
  if (messages.map(([whole]) => whole).join("") !== inner)
    throw new Error(`more than messages in: ${document}`);
  return messages.map(([, content]) => unescaped(content));
}

/**
 * Milliseconds that a test waits for a sign of life. Long, since it only costs when something is broken: a busy machine is slow,
 * and what counts is that it goes on.
 */
export const PATIENCE = 60_000;

/** Waits until `probe` returns something true, and returns it. Throws with `what` after `timeout` ms. */
export async function eventually(what, probe, timeout = PATIENCE) {
  for (const deadline = Date.now() + timeout; ; ) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until `count` returns at least `target`, for as long as it grows. Throws when it stands still for `PATIENCE`. */
export async function reached(what, target, count) {
  for (let [last, since] = [-1, Date.now()]; ; ) {
    const now = await count();
    if (now >= target) return;
    if (now !== last) [last, since] = [now, Date.now()];
    if (Date.now() - since > PATIENCE)
      throw new Error(`${what}: ${now} of ${target}, and no more within ${PATIENCE} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// Seconds without a response or a line printed, by anything that this process has started. They are counted by a timer, so
// that the time in which this process itself does not run counts as one.
let stillFor = 0;
setInterval(() => (stillFor += 1), 1000).unref();

// Notes a sign of life.
function alive() {
  stillFor = 0;
}

// Runs `work` with a signal that ends it when nothing at all has happened for PATIENCE.
async function whileAlive(what, work) {
  alive();
  const stopper = new AbortController();
  const watch = setInterval(
    () =>
      stillFor * 1000 > PATIENCE &&
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

class Playground {
  constructor(url, running, lines) {
    this.url = url;
    this.running = running;
    /** Every line printed. */
    this.lines = lines;
  }

  /** Orders a failure, for example `{ service: "openai", status: 503, times: 2 }`. */
  async fault(fault) {
    await this.#control("POST", "faults", fault);
  }

  /** Takes back all orders to fail. */
  async clearFaults() {
    await this.#control("DELETE", "faults");
  }

  /** The orders to fail that are not used up. */
  async faults() {
    return (await this.#control("GET", "faults")).faults;
  }

  /** The requests received, oldest first; those of one service, where given ("openai", "twilio"). */
  async requests(service) {
    const { requests } = await this.#control("GET", "requests");
    return requests.filter((request) => !service || request.service === service);
  }

  /** The requests to the model whose newest message holds `text`, oldest first. */
  async asked(text) {
    return (await this.requests("openai")).filter(({ body }) =>
      textOf(body.messages?.at(-1).content).includes(text),
    );
  }

  /** Gives it a file to keep as Twilio keeps media: `{ url, content_type }`. */
  async upload(bytes, contentType) {
    const response = await fetch(`${this.url}/playground/media`, {
      method: "POST",
      headers: { "Content-Type": contentType },
      body: bytes,
    });
    if (response.status !== 201)
      throw new Error(`POST /playground/media: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** The messages sent by REST to one address. */
  async messagesTo(address) {
    return (await this.messages()).filter(({ to }) => to === address);
  }

  /** Forgets the requests received. */
  async clearRequests() {
    await this.#control("DELETE", "requests");
  }

  /** The messages sent through the pretend REST API. */
  async messages() {
    return (await this.#control("GET", "messages")).messages;
  }

  /** What the numbers and Messaging Services of ACCOUNT are now: `{ numbers, services }`, once it has asked for any. */
  async account() {
    return (await this.#control("GET", "numbers")).accounts[ACCOUNT];
  }

  /** Takes back all changes to numbers and Messaging Services. */
  async resetNumbers() {
    await this.#control("DELETE", "numbers");
  }

  /** Stops it. */
  async close() {
    await this.running.stop();
  }

  async #control(method, what, body) {
    const response = await fetch(`${this.url}/playground/${what}`, {
      method,
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /playground/${what}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

class Worker {
  #settings;
  #env;
  #reconfigured;
  #ownsDirectory;
  #running;

  constructor(directory, port, ownsDirectory, settings, env) {
    this.directory = directory;
    this.url = `http://127.0.0.1:${port}`;
    this.port = port;
    /** The Worker's log: the JSON objects that it printed, a line each. */
    this.log = [];
    /** Every line printed, by the Worker or by wrangler. */
    this.lines = [];
    this.#ownsDirectory = ownsDirectory;
    this.#settings = settings;
    this.#env = env;
  }

  /** Starts it (again) on its directory and port; ready when it returns. `startMs` tells how long that took. */
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
      // The registry is where Workers of the same name in other directories would find each other.
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

  /** Ends it, as a machine that loses its power does. Its storage stays. */
  async kill() {
    await this.#running.stop("SIGKILL");
  }

  /** Ends it (see `kill`) and starts it anew on the same storage, perhaps with other settings (null takes one away). */
  async restart(settings = {}) {
    await this.kill();
    this.#settings = { ...this.#settings, ...settings };
    await this.start();
  }

  /**
   * Gives it other settings in place of those that `startWorker` or `restart` gave it (null takes one away), while it
   * runs: quicker than a restart. Returns when they hold.
   */
  async reconfigure(settings) {
    this.#reconfigured = { ...this.#settings, ...settings };
    const ready = () =>
      this.lines.filter((line) => line.includes("Local server updated and ready")).length;
    const before = ready();
    fs.writeFileSync(path.join(this.directory, ".dev.vars"), dotenv(this.#reconfigured));
    // Of the two files wrangler watches only the other one.
    fs.appendFileSync(path.join(this.directory, "wrangler.toml"), "\n");
    await eventually("wrangler to take the settings over", () => ready() > before);
  }

  /** Stops it, removes its directory if it was made for it, and throws when what it printed breaks a promise. */
  async close() {
    await this.#running.stop();
    if (this.#ownsDirectory)
      fs.rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
    this.#checkOutput();
  }

  /**
   * One request: `fetch` with a path. Returns `{ status, headers, text, ms }`; redirects are not followed. Throws when the
   * response lacks a security header, and when nothing happens any more.
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
   * One request with exactly these headers, `Host` included, and the path as it is. `body` is sent with its length, or in
   * chunks without one when it is a list; when `unfinished`, the end of the body never comes. Returns
   * `{ status, headers, text }`. Throws as `request` does.
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
    const response = await new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({
            status: answer.statusCode,
            headers: new Headers(answer.headers),
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
   * Posts an inbound message as Twilio does, and returns `request`'s answer with `sid`, and `messages` if it is TwiML.
   * - `from`, `to`, `body`, `channel`, `sid`, `media`: see `inboundForm`; `params`: more pairs, after those;
   * - `form`: all pairs, in place of these; `raw`: the bytes to post, in place of the encoded form (which is still signed);
   * - `token`, `url`: what it is signed with and for; `signature`: another one, or null for none;
   * - `path`, `contentType`, `headers`: of the request.
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
      body: raw ?? new URLSearchParams(pairs).toString(),
    });
    const isTwiml = answer.headers.get("content-type")?.startsWith("text/xml");
    return { ...answer, sid, messages: isTwiml ? twiml(answer.text) : undefined };
  }

  /**
   * The number of the next log line: all that requests before this call have logged is read. (A line may be read after the
   * response that it belongs to.) Logs a line of its own to know it by: a signed message to a malformed number.
   */
  async mark() {
    const from = `+155501${crypto.randomInt(1e8).toString().padStart(8, "0")}`;
    await this.sendMessage({ from, to: "malformed" });
    await this.logged(({ phone_hash: hash }) => hash === phoneHash(from));
    return this.log.length;
  }

  /** Waits for a log line that `matches` (from the line numbered `since` on), and returns it. */
  async logged(matches, { since = 0, timeout } = {}) {
    return eventually(
      `a log line like ${matches}`,
      () => this.log.slice(since).find(matches),
      timeout,
    );
  }

  /**
   * The log lines that `matches` (from the line numbered `since` on), once there are `count` of them: a line may be read
   * after the response that it belongs to. More than `count` are returned as they are.
   */
  async loggedTimes(count, matches, { since = 0 } = {}) {
    const lines = () => this.log.slice(since).filter(matches);
    await reached(`log lines like ${matches}`, count, () => lines().length);
    return lines();
  }

  /** What is in KV: `[{ key, value, expiration, metadata }]`, values as text, expiration in ms since 1970. */
  kv() {
    const dir = path.join(this.directory, "state", "v3", "kv");
    return below(dir, ".sqlite").flatMap((file) =>
      rows(file, "_mf_entries").map(({ key, blob_id: blob, expiration, metadata }) => {
        const value = below(dir).find((other) => path.basename(other) === blob);
        return { key, value: value && fs.readFileSync(value, "utf8"), expiration, metadata };
      }),
    );
  }

  /**
   * What is in the Durable Objects of the class `className`: `[{ id, name, alarm, tables }]`, the alarm in ms since 1970
   * or undefined, the tables of each by name (`_cf_KV` is what `storage.put` wrote, as serialised by the runtime).
   */
  objects(className) {
    const dir = path.join(this.directory, "state", "v3", "do", `switchboard-${className}`);
    const files = below(dir, ".sqlite");
    const alarms = files
      .filter((file) => path.basename(file) === "metadata.sqlite")
      .flatMap((file) => rows(file, "_cf_ALARM"));
    return files
      .filter((file) => path.basename(file) !== "metadata.sqlite")
      .map((file) => {
        const id = path.basename(file, ".sqlite");
        const alarm = alarms.find((row) => row.actor_id === id)?.scheduled_time;
        const tables = Object.fromEntries(
          tableNames(file).map((table) => [table, rows(file, table)]),
        );
        const name = tables.__miniflare_do_name?.[0]?.name;
        delete tables.__miniflare_do_name;
        return { id, name, alarm: alarm && Number(alarm) / 1e6, tables };
      });
  }

  /**
   * Puts bytes in place of what the object `name` of the class `className` has stored under `key`. Only while the Worker is killed,
   * and with bytes that the runtime takes for no value, or for another one.
   */
  overwrite(className, name, key, bytes) {
    const { id } = this.objects(className).find((object) => object.name === name);
    const database = new DatabaseSync(
      path.join(this.directory, "state", "v3", "do", `switchboard-${className}`, `${id}.sqlite`),
    );
    try {
      const { changes } = database
        .prepare("UPDATE _cf_KV SET value = ? WHERE key = ?")
        .run(bytes, key);
      if (changes !== 1) throw new Error(`${name} has stored nothing under ${key}`);
    } finally {
      database.close();
    }
  }

  /** The names of the files in its storage that hold `text`, in UTF-8 or UTF-16: KV, objects and write-ahead logs. */
  filesWith(text) {
    const state = path.join(this.directory, "state");
    const needles = [Buffer.from(text, "utf8"), Buffer.from(text, "utf16le")];
    return below(state)
      .filter((file) => needles.some((needle) => fs.readFileSync(file).includes(needle)))
      .map((file) => path.relative(state, file));
  }

  #checkOutput() {
    for (const entry of this.log) {
      if (!EVENTS.includes(entry.event))
        throw new Error(`an unknown event was logged: ${JSON.stringify(entry)}`);
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(entry.time))
        throw new Error(`an event without a time: ${JSON.stringify(entry)}`);
    }
    const secrets = Object.keys(SECRETS).flatMap((name) =>
      [this.#settings, this.#reconfigured ?? {}].flatMap(
        (settings) => settings[name]?.split(",") ?? [],
      ),
    );
    for (const line of this.lines) {
      if (/(\+|%2B)155501\d\d/i.test(line))
        throw new Error(`a number of a person was printed: ${line}`);
      if (secrets.some((secret) => secret.length >= 16 && line.includes(secret)))
        throw new Error("a secret was printed");
    }
  }

  #addToLog(line) {
    try {
      this.log.push(JSON.parse(line));
    } catch {
      // not a line of the log, though it began like one; it is in `lines`
    }
  }
}

let pairs = 0;

// The text of a message's content, which is a text or a list of parts.
function textOf(content = "") {
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}

function hmac(text) {
  return crypto.createHmac("sha256", SECRETS.PSEUDONYM_KEY).update(text).digest("hex");
}

function checkHeaders(what, headers) {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (headers.get(name) !== value)
      throw new Error(`${what}: the header ${name} is ${headers.get(name)}, not ${value}`);
  }
}

stopEverythingOnSignals();

// The project's wrangler.toml with another `main` and without `[build]` and `[vars]`, and the variables that it sets.
function deployedConfiguration(build) {
  const main = inRoot(build, "index.js");
  if (!fs.existsSync(main))
    throw new Error(`${build} holds no build of the Worker; run \`npm run test:e2e\``);
  const sections = readText("wrangler.toml").split(/^(?=\[)/m);
  const vars = sections.find((section) => section.startsWith("[vars]")) ?? "";
  const kept = sections.filter((section) => !/^\[(vars|build)\]/.test(section)).join("");
  return {
    toml: kept.replace(/^main = .*$/m, `main = ${JSON.stringify(main)}`),
    vars: Object.fromEntries(
      [...vars.matchAll(/^(\w+) = (".*")$/gm)].map(([, name, value]) => [name, JSON.parse(value)]),
    ),
  };
}

// All settings go through .dev.vars, since wrangler prints those of `[vars]`.
function dotenv(settings) {
  return Object.entries(settings)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const quote = ["'", '"', "`"].find((mark) => !value.includes(mark));
      if (!quote || (quote === '"' && /\\[nr]/.test(value)))
        throw new Error(`${name}: this value cannot be written to .dev.vars`);
      return `${name}=${quote}${value}${quote}\n`;
    })
    .join("");
}

function collect(running, each) {
  const alsoAlive = (line) => {
    alive();
    each(line);
  };
  for (const stream of [running.child.stdout, running.child.stderr]) eachLine(stream, alsoAlive);
}

// Beside other tests on a busy machine a runtime can take a minute to start.
const START_PATIENCE = 3 * PATIENCE;

async function started(what, probe, running, lines) {
  try {
    return await waitUntil(what, probe, running, START_PATIENCE);
  } catch (error) {
    await running.stop();
    throw new Error(`${error.message}\n${lines.join("\n")}`);
  }
}

function below(dir, suffix = "") {
  if (!fs.existsSync(dir)) return [];
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function tableNames(file) {
  return query(
    file,
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  ).map(({ name }) => name);
}

function rows(file, table) {
  return tableNames(file).includes(table) ? query(file, `SELECT * FROM "${table}"`) : [];
}

// Read-only, beside the runtime that has the file open.
function query(file, sql) {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
  try {
    const statement = database.prepare(sql);
    statement.setReadBigInts(true);
    return statement
      .all()
      .map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
      );
  } finally {
    database.close();
  }
}

// Nanoseconds since 1970 do not fit a number exactly; all other integers do.
function plain(value) {
  return typeof value === "bigint" ? Number(value) : value;
}

function unescaped(text) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) {
      if (!(name in named)) throw new Error(`unknown entity ${whole}`);
      return named[name];
    }
    return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
  });
}
