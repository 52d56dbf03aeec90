// The Worker that one would write otherwise: Hono, WebCrypto, one Durable Object for every pair of
// addresses, one for the daily budget, conversations in KV, `fetch` to the model. It keeps the
// promises that need little code: it accepts only signed messages, answers a repeated message once,
// limits the rate of a contact, runs one turn at a time, has a daily budget, expires conversations,
// and writes each KV key once.
//
// Not here, although Switchboard's figures include it: answers by REST when the webhook is too
// slow, turns that survive a restart, conversations that survive a failure of KV, retries at the
// model, images, consent and erasure, and usage counts.

import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";

const PATH = "/twilio/messages";
const PROMPT =
  "You are a helpful assistant who answers by text message. Be brief and friendly, use plain text without markup, and say so when you do not know something.";
const LIMITED = "You have sent too many messages. Please wait a minute and try again.";
const EXHAUSTED = "The assistant has reached its limit for today. Please try again tomorrow.";
const TOO_LONG = "Your message is too long. Please send a shorter one.";
const FAILED = "Sorry, something went wrong. Please try again.";
const CLEARED = "The conversation was cleared.";
const MAX_TURNS = 20;
const MAX_CHARS = 16_000;
const PART_CHARS = 1600;

const app = new Hono();

app.use(
  secureHeaders({
    xContentTypeOptions: "nosniff",
    xFrameOptions: "DENY",
    xXssProtection: "1; mode=block",
    referrerPolicy: "strict-origin-when-cross-origin",
    crossOriginResourcePolicy: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    strictTransportSecurity: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
  }),
);
app.use(async (c, next) => {
  await next();
  c.header("Cache-Control", "no-store");
});

app.get("/health", (c) => c.json({ status: "ok" }));

app.post(PATH, bodyLimit({ maxSize: 64 * 1024 }), async (c) => {
  if (!/^application\/x-www-form-urlencoded *(;|$)/i.test(c.req.header("Content-Type") ?? "")) {
    return c.text("The content type must be application/x-www-form-urlencoded\n", 415);
  }
  const form = new URLSearchParams(await c.req.text());
  if (
    !(await isSigned(c.env.TWILIO_AUTH_TOKEN, c.req.url, form, c.req.header("X-Twilio-Signature")))
  ) {
    console.log(
      JSON.stringify({ time: new Date(), event: "security_event", kind: "invalid_signature" }),
    );
    return c.text("Forbidden\n", 403);
  }
  const message = messageOf(form);
  if (message.wrong) {
    console.log(
      JSON.stringify({
        time: new Date(),
        event: "security_event",
        kind: "suspicious_request",
        field: message.wrong,
      }),
    );
    return c.text(`Bad request: ${message.wrong}\n`, 400);
  }
  const contact = c.env.THREAD.getByName(`${message.from} ${message.to}`);
  return c.body(twiml(await contact.deliver({ sid: message.sid, text: message.text })), 200, {
    "Content-Type": "text/xml; charset=utf-8",
  });
});
app.all(PATH, (c) => c.text("Method not allowed\n", 405, { Allow: "POST" }));

export default app;

/** One pair of addresses: admission, rate limit, one turn at a time. */
export class ThreadObject extends DurableObject {
  #sql = this.ctx.storage.sql;
  #conversation; // { turns, at } of the newest revision, once it was read
  #running = new Map(); // the promised answers, by MessageSid
  #last = Promise.resolve();
  #prepared = false;

  /** Returns the answer to a message. A repeated message gets the same answer. */
  async deliver({ sid, text }) {
    await this.#prepare();
    const running = this.#running.get(sid);
    if (running) return running;
    const [known] = this.#sql.exec("SELECT answer FROM messages WHERE sid = ?", sid);
    if (known?.answer != null) return known.answer;
    if (!known) {
      const now = Date.now();
      const { recent } = this.#sql
        .exec("SELECT count(*) AS recent FROM messages WHERE at > ?", now - 60_000)
        .one();
      if (recent >= Number(this.env.RATE_LIMIT_PER_MINUTE)) return LIMITED;
      this.#sql.exec("INSERT INTO messages (sid, at) VALUES (?, ?)", sid, now);
    }
    const answer = this.#last
      .then(() => this.#turn(sid, text))
      .finally(() => this.#running.delete(sid));
    this.#running.set(sid, answer);
    this.#last = answer.catch(() => {});
    return answer;
  }

  /** Deletes everything when the newest message has expired. */
  async alarm() {
    await this.#prepare();
    const { at } = this.#sql.exec("SELECT max(at) AS at FROM messages").one();
    if (at !== null && at > Date.now() - this.#ttl)
      return this.ctx.storage.setAlarm(at + this.#ttl);
    this.#conversation = undefined;
    this.#prepared = false;
    await this.ctx.storage.deleteAll();
  }

  get #ttl() {
    return Number(this.env.CONVERSATION_TTL_SECONDS) * 1000;
  }

  async #prepare() {
    if (this.#prepared) return;
    this.#prepared = true;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS messages (sid TEXT PRIMARY KEY, at INTEGER NOT NULL, answer TEXT, revision INTEGER) WITHOUT ROWID",
    );
    if ((await this.ctx.storage.getAlarm()) === null)
      await this.ctx.storage.setAlarm(Date.now() + this.#ttl);
  }

  async #turn(sid, text) {
    if (text.trim().toLowerCase() === "reset")
      return this.#answered(sid, CLEARED, { turns: [], at: Date.now() });
    if (text.length > Number(this.env.MAX_MESSAGE_CHARS)) return this.#answered(sid, TOO_LONG);
    const [conversation, granted] = await Promise.all([
      this.#load(),
      this.env.BUDGET.getByName("budget").reserve(Number(this.env.MAX_DAILY_CALLS)),
    ]);
    if (!granted) return this.#answered(sid, EXHAUSTED);
    let answer;
    try {
      answer = await this.#ask(conversation.turns, text);
    } catch (error) {
      console.log(
        JSON.stringify({
          time: new Date(),
          event: "turn",
          outcome: "model_failed",
          reason: error.message,
        }),
      );
      return this.#answered(sid, FAILED);
    }
    console.log(
      JSON.stringify({
        time: new Date(),
        event: "turn",
        outcome: "answered",
        turns: conversation.turns.length + 1,
      }),
    );
    return this.#answered(sid, answer, {
      turns: newest([...conversation.turns, { user: text, assistant: answer }]),
      at: Date.now(),
    });
  }

  // Stores the answer and, where it changed, the conversation: a new KV key for each revision, so
  // that no stale one is read and no key is written twice within a second.
  #answered(sid, answer, conversation) {
    const revision = conversation
      ? Math.max(conversation.at, (this.#conversation?.revision ?? 0) + 1)
      : null;
    this.#sql.exec(
      "UPDATE messages SET answer = ?, revision = ? WHERE sid = ?",
      answer,
      revision,
      sid,
    );
    if (conversation) {
      this.#conversation = { ...conversation, revision };
      const saved = this.env.CONVERSATIONS.put(this.#key(revision), JSON.stringify(conversation), {
        expirationTtl: Number(this.env.CONVERSATION_TTL_SECONDS),
      });
      this.ctx.waitUntil(saved);
    }
    return answer;
  }

  async #load() {
    if (!this.#conversation) {
      const { revision } = this.#sql.exec("SELECT max(revision) AS revision FROM messages").one();
      const stored =
        revision === null ? null : await this.env.CONVERSATIONS.get(this.#key(revision), "json");
      this.#conversation = { turns: [], at: 0, ...stored, revision };
    }
    if (this.#conversation.at <= Date.now() - this.#ttl)
      this.#conversation = { ...this.#conversation, turns: [] };
    return this.#conversation;
  }

  #key(revision) {
    return `conversation/${this.ctx.id}/${revision}`;
  }

  async #ask(turns, text) {
    // Not AbortSignal.timeout: its timer would keep the object in memory, and billed, long after
    // the answer.
    const late = new AbortController();
    const timer = setTimeout(
      () => late.abort(new Error("too late")),
      Number(this.env.OPENAI_TIMEOUT_MS),
    );
    try {
      return await this.#complete(turns, text, late.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  async #complete(turns, text, signal) {
    const said = turns.flatMap(({ user, assistant }) => [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ]);
    const response = await fetch(`${this.env.OPENAI_BASE_URL}/chat/completions`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${this.env.OPENAI_API_KEY}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({
        model: this.env.OPENAI_MODEL,
        messages: [{ role: "system", content: PROMPT }, ...said, { role: "user", content: text }],
        reasoning_effort: "none",
        max_completion_tokens: 1000,
        stream: false,
        safety_identifier: this.ctx.id.toString(),
        prompt_cache_key: this.ctx.id.toString(),
      }),
      signal,
    });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const answer = (await response.json()).choices?.[0]?.message?.content?.trim();
    if (!answer) throw new Error("no answer");
    return answer;
  }
}

/** The budget: model requests in a UTC day. */
export class BudgetObject extends DurableObject {
  #used;

  /** Counts one more request and returns true, unless the budget is exhausted. */
  async reserve(cap) {
    const day = Math.floor(Date.now() / 86_400_000);
    this.#used ??= this.ctx.storage.kv.get("used") ?? { day, calls: 0 };
    if (day > this.#used.day) this.#used = { day, calls: 0 };
    if (this.#used.calls >= cap) return false;
    this.#used.calls += 1;
    this.ctx.storage.kv.put("used", this.#used);
    return true;
  }
}

// Each isolate imports a key once.
const keys = new Map();
const utf8 = new TextEncoder();

function keyOf(token) {
  if (!keys.has(token))
    keys.set(
      token,
      crypto.subtle.importKey("raw", utf8.encode(token), { name: "HMAC", hash: "SHA-1" }, false, [
        "verify",
      ]),
    );
  return keys.get(token);
}

/** Verifies that Twilio signed `form` for `url`: HMAC-SHA1 over the URL and the sorted parameters. */
async function isSigned(token, url, form, signature) {
  if (!signature) return false;
  let bytes;
  try {
    bytes = Uint8Array.from(atob(signature), (character) => character.charCodeAt(0));
  } catch {
    return false;
  }
  const names = [...new Set(form.keys())].sort();
  const signed = url + names.map((name) => parameter(name, form.getAll(name))).join("");
  return crypto.subtle.verify("HMAC", await keyOf(token), bytes, utf8.encode(signed));
}

// If a name is repeated: each distinct value once, sorted, as Twilio's own library does.
function parameter(name, values) {
  if (values.length === 1) return name + values[0];
  return [...new Set(values)]
    .sort()
    .map((value) => name + value)
    .join("");
}

const ADDRESS = /^(whatsapp:)?\+?[1-9]\d{2,14}$/;

/** Reads the message in a form, or returns `{ wrong }`, the name of an invalid field. */
function messageOf(form) {
  const [sid, from, to] = ["MessageSid", "From", "To"].map((name) => form.get(name) ?? "");
  if (!/^(SM|MM)[0-9a-f]{32}$/i.test(sid)) return { wrong: "MessageSid" };
  if (!ADDRESS.test(from)) return { wrong: "From" };
  if (!ADDRESS.test(to)) return { wrong: "To" };
  return { sid, from, to, text: form.get("Body") ?? "" };
}

function newest(turns) {
  const kept = turns.slice(-MAX_TURNS);
  let chars = kept.reduce((sum, { user, assistant }) => sum + user.length + assistant.length, 0);
  while (chars > MAX_CHARS) {
    const { user, assistant } = kept.shift();
    chars -= user.length + assistant.length;
  }
  return kept;
}

function twiml(text) {
  const messages = [];
  for (let at = 0; at < text.length; at += PART_CHARS)
    messages.push(`<Message>${escaped(text.slice(at, at + PART_CHARS))}</Message>`);
  return `<?xml version="1.0" encoding="UTF-8"?><Response>${messages.join("")}</Response>`;
}

function escaped(text) {
  return text.replace(
    /[<>&]/g,
    (character) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;" })[character],
  );
}
