// The runtime's side of the shell: each function is one crossing from WebAssembly, since every crossing costs. It decides
// nothing, and what it is given was checked. Not here: what is done with the results (`services.rs`, `objects.rs`).

import { __wbg_reset_state as freshInstance, settled } from "./index.js";

// ---------------------------------------------------------------------------------------------------- instances

// The instance of WebAssembly that runs, by number, and whether it has ended.
let instance = 1;
let over = false;
/** What its tasks owe. */
const owed = new Set();

/** Before each event: after a panic a fresh instance begins. Returns its number. */
export function begin() {
  if (over) {
    freshInstance();
    over = false;
    instance += 1;
  }
  return instance;
}

/**
 * The instance has ended: it has panicked, or something was thrown out of it, past tasks that were not prepared for that. What
 * waits for it is told so: nothing else would ever tell.
 */
export function end() {
  over = true;
  for (const debt of owed) debt.default("the instance has ended");
}

// ---------------------------------------------------------------------------------------------------- tasks

/** What a task owes that is not done at once. */
export class Debt {
  #resolve;
  #reject;
  promise = new Promise((resolve, reject) => {
    this.#resolve = resolve;
    this.#reject = reject;
  });

  constructor() {
    owed.add(this);
  }

  pay(value) {
    owed.delete(this);
    this.#resolve(value);
  }

  default(reason) {
    owed.delete(this);
    this.#reject(new Error(reason));
  }

  /** Nobody is left to whom it is owed. */
  forgive() {
    owed.delete(this);
  }
}

/** Has the tasks go on when the promise is settled. */
export function watch(promise, wait) {
  const begun = instance;
  promise.then(
    (value) => resume(begun, wait, true, value),
    (error) => resume(begun, wait, false, error),
  );
}

/** A timer, to be cancelled with `cancelTimer` if it is no longer needed: one that is left would keep an object alive. */
export function startTimer(milliseconds, wait) {
  return setTimeout(resume, milliseconds, instance, wait, true, undefined);
}

export function cancelTimer(timer) {
  try {
    clearTimeout(timer);
  } catch {
    // It has gone with its object.
  }
}

function resume(begun, wait, fulfilled, value) {
  if (begun !== instance || over) return;
  try {
    settled(wait, fulfilled, value);
  } catch (error) {
    end();
    console.error(error);
  }
}

// ---------------------------------------------------------------------------------------------------- requests

/** What every check of a request of that length needs, a line each: no method, URL or header value holds a line end. */
export function head({ method, url, headers }, length) {
  return `${method}\n${url}\n${headers.get("Content-Type") ?? ""}\n${length ?? ""}\n${headers.get("X-Twilio-Signature") ?? ""}`;
}

export function header(request, name) {
  return request.headers.get(name) ?? undefined;
}

/** The body of a request, of which no more is read than one piece beyond `limit`. */
export async function bytes(request, limit) {
  return read(request.body, limit);
}

async function read(body, limit) {
  if (body === null) return new Uint8Array();
  const pieces = [];
  let length = 0;
  for await (const piece of body) {
    pieces.push(piece);
    length += piece.length;
    if (length > limit) break;
  }
  if (pieces.length === 1) return pieces[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** `lines`: names and values, a line each. */
export function headers(lines) {
  const fields = lines.split("\n");
  const pairs = [];
  for (let at = 0; at + 1 < fields.length; at += 2) pairs.push([fields[at], fields[at + 1]]);
  return new Headers(pairs);
}

/** `headers` may be used for many responses: each gets a copy, which is cheaper than new ones. */
export function respond(status, headers, body) {
  return new Response(body === "" ? null : body, { status, headers });
}

// ---------------------------------------------------------------------------------------------------- the world

/** A variable or secret. A number in `[vars]` is as good as a string. */
export function setting(env, name) {
  const value = env[name];
  return typeof value === "number" ? String(value) : typeof value === "string" ? value : undefined;
}

/**
 * An exchange over HTTP that can be broken off. A redirect is not followed: it would carry keys and texts to another place.
 * `done` resolves to status, `Retry-After`, `Location` and body; or to the word for what went wrong, after which nothing
 * more is read.
 */
export class Exchange {
  #controller = new AbortController();
  #late = false;
  #over = false;

  constructor(method, url, headers, body, limit, milliseconds) {
    this.done = this.#run(url, { method, headers, body, redirect: "manual", signal: this.#controller.signal }, limit, milliseconds);
  }

  async #run(url, init, limit, milliseconds) {
    const timer = setTimeout(() => {
      this.#late = true;
      this.#controller.abort();
    }, milliseconds);
    let begun = false;
    try {
      const response = await fetch(url, init);
      begun = true;
      const { headers } = response;
      const length = headers.get("Content-Length");
      if (Number(length) > limit) return "too_large";
      // Where it is compressed, or its length is not known, piece by piece: it may be longer than it seems.
      const whole = length !== null && !headers.has("Content-Encoding");
      const body = whole ? new Uint8Array(await response.arrayBuffer()) : await read(response.body, limit);
      if (body.length > limit) return "too_large";
      this.#over = true;
      return response.ok ? [response.status, null, null, body] : [response.status, headers.get("Retry-After"), headers.get("Location"), body];
    } catch {
      return this.#late ? "timeout" : begun ? "unreadable" : "connection";
    } finally {
      clearTimeout(timer);
    }
  }

  /** Breaks it off, if it is not over: that is not free even when there is nothing to break off. */
  abort() {
    try {
      if (!this.#over) this.#controller.abort();
    } catch {
      // It has gone with its object.
    }
  }
}

// ---------------------------------------------------------------------------------------------------- objects and stores

/** Calls an object by its name, by a fresh stub, since one that has failed stays broken. */
export async function call(env, binding, name, text) {
  return env[binding].getByName(name).call(text);
}

export function objectName(state) {
  return state.id.name;
}

export function waitUntil(state, promise) {
  state.waitUntil(promise);
}

export function stored(state, key) {
  return state.storage.kv.get(key);
}

/**
 * Writes one value, and sets the alarm where it is given. Writes that are begun without an `await` between them commit
 * together, and nothing that follows leaves the object before they are durable. Returns a promise where there is something to
 * wait for.
 */
export function put(state, key, value, alarm) {
  const { storage } = state;
  storage.kv.put(key, value);
  return alarm === undefined ? undefined : storage.setAlarm(alarm);
}

/** The same with all that a step can write. `puts`: keys and values by turns. */
export function commit(state, clear, puts, deletes, alarm) {
  const { storage } = state;
  if (clear) return storage.deleteAll();
  storage.transactionSync(() => {
    for (let at = 0; at < puts.length; at += 2) storage.kv.put(puts[at], puts[at + 1]);
    for (const key of deletes) storage.kv.delete(key);
  });
  return alarm === undefined ? undefined : storage.setAlarm(alarm);
}

export async function kvGet(env, key) {
  return env.CONVERSATIONS.get(key);
}

export async function kvPut(env, key, value, expirationTtl) {
  return env.CONVERSATIONS.put(key, value, { expirationTtl });
}

export async function kvDelete(env, key) {
  return env.CONVERSATIONS.delete(key);
}
