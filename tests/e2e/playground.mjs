// Starts a playground and controls it: faults, recorded requests, sent messages, and the Twilio
// account.

import { SYNTHETIC_CALLS } from "../../scripts/lib/local.mjs";
import { inRoot, playgroundBinary, ROOT } from "../../scripts/lib/project.mjs";
import { start } from "../../scripts/lib/run.mjs";
import { ACCOUNT, SECRETS } from "./identities.mjs";
import { collect, started } from "./waiting.mjs";

/** The answer of the mock model to `text`, the message `number` of a conversation. */
export const echo = (text, number = 1) =>
  `Nice to hear from you! You said: "${text}" (message ${number} of our conversation)`;

/**
 * Starts a playground on a free port.
 * - `tokens`: the Twilio auth tokens that it accepts;
 * - `worker`: the URL of the Worker that the phones of its page write to;
 * - `adminToken`: the token for that Worker's admin routes, "" for none;
 * - `assistants`: the folder of the assistants that its page edits;
 * - `date`: the date that its OpenAI assumes;
 * - `callSpeed`: how many times as fast the time of calls passes.
 *
 * @param {{ tokens?: string, worker?: string, adminToken?: string, assistants?: string, date?: string, callSpeed?: number }} [options]
 */
export async function startPlayground({
  tokens = SECRETS.TWILIO_AUTH_TOKEN,
  worker,
  adminToken = SECRETS.ADMIN_TOKEN,
  assistants = inRoot("assistants"),
  date,
  callSpeed,
} = {}) {
  /** @type {string[]} */
  const lines = [];
  const running = start(
    playgroundBinary(),
    [
      "serve",
      "--port",
      "0",
      "--assistants",
      assistants,
      "--personas",
      inRoot("personas"),
      "--scenarios",
      inRoot("scenarios"),
      "--packages",
      inRoot("node_modules"),
      "--intelligence-service",
      SYNTHETIC_CALLS.INTELLIGENCE_SERVICE_SID,
      ...(worker ? ["--worker", worker] : []),
      ...(date ? ["--date", date] : []),
      ...(callSpeed ? ["--call-speed", String(callSpeed)] : []),
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

export class Playground {
  /**
   * @param {string} url
   * @param {ReturnType<typeof start>} running
   * @param {string[]} lines
   */
  constructor(url, running, lines) {
    this.url = url;
    this.running = running;
    /** Every line printed. */
    this.lines = lines;
  }

  /** Adds a fault, for example `{ service: "openai", status: 503, times: 2 }`. */
  async fault(fault) {
    await this.#control("POST", "faults", fault);
  }

  /** Removes all faults. */
  async clearFaults() {
    await this.#control("DELETE", "faults");
  }

  /** The faults that are not used up. */
  async faults() {
    return (await this.#control("GET", "faults")).faults;
  }

  /**
   * The recorded requests, oldest first. `service` is "openai", "twilio", "shop" or "segment"; without it,
   * all.
   *
   * @param {string} [service]
   * @returns {Promise<any[]>}
   */
  async requests(service) {
    const { requests } = await this.#control("GET", "requests");
    return requests.filter((request) => !service || request.service === service);
  }

  /** The requests to the model whose newest message contains `text`, oldest first. */
  async asked(text) {
    return (await this.requests("openai")).filter(({ body }) =>
      textOf(body.messages?.at(-1).content).includes(text),
    );
  }

  /** Uploads a file, as if Twilio had received it: `{ url, content_type }`. */
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

  /** A voice note that says these words: an Ogg file. */
  async voiceNote(words) {
    const query = new URLSearchParams({ words });
    const response = await fetch(`${this.url}/playground/voice-note?${query}`);
    if (response.status !== 200) throw new Error(`GET /playground/voice-note: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** The messages sent by REST to one address. */
  async messagesTo(address) {
    return (await this.messages()).filter(({ to }) => to === address);
  }

  /** Deletes the recorded requests. */
  async clearRequests() {
    await this.#control("DELETE", "requests");
  }

  /**
   * The messages sent through the mock REST API.
   *
   * @returns {Promise<any[]>}
   */
  async messages() {
    return (await this.#control("GET", "messages")).messages;
  }

  /**
   * The current numbers and Messaging Services of ACCOUNT, `{ numbers, services }`, after the first
   * request for one.
   */
  async account() {
    return (await this.#control("GET", "numbers")).accounts[ACCOUNT];
  }

  /** Undoes all changes to numbers and Messaging Services. */
  async resetNumbers() {
    await this.#control("DELETE", "numbers");
  }

  /**
   * The calls that the shop's services accepted, oldest first. `service` is "orders", "desk" or
   * "intake"; without it, all.
   *
   * @param {string} [service]
   * @returns {Promise<any[]>}
   */
  async deliveries(service) {
    const { deliveries } = await this.#control("GET", "deliveries");
    return deliveries.filter((delivery) => !service || delivery.service === service);
  }

  /**
   * The items that its Segment keeps, oldest first, each with how often it came, and those that it
   * has dropped.
   *
   * @returns {Promise<{ events: any[], dropped: any[] }>}
   */
  segment() {
    return this.#control("GET", "segment");
  }

  /** Sets the faults of all phones and calls, and removes those that are not named. */
  async switches(switches) {
    await this.#control("PUT", "switches", { phone: null, switches });
  }

  /**
   * The calls so far, oldest first, each with what happened in it and the frames on its sockets.
   *
   * @returns {Promise<any[]>}
   */
  async calls() {
    const { calls } = await this.#control("GET", "calls");
    return Promise.all(
      calls.map(async ({ sid }) => ({
        ...(await this.#control("GET", `calls/${sid}`)),
        ...(await this.#control("GET", `calls/${sid}/frames`)),
      })),
    );
  }

  /** Tells it something as `npm start` does, such as the state of a build. */
  async tell(method, what, told) {
    await this.#control(method, what, told);
  }

  /** Stops it. */
  async close() {
    await this.running.stop();
  }

  /**
   * @param {string} method
   * @param {string} what
   * @param {object} [body]
   */
  async #control(method, what, body) {
    const response = await fetch(`${this.url}/playground/${what}`, {
      method,
      headers: body && { "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} /playground/${what}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

// The text in a message's content, which is a string or a list of parts.
/** @param {string | { text?: string }[]} [content] */
function textOf(content = "") {
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}
