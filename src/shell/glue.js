// The runtime's side of the shell: each function is one crossing from WebAssembly, since every crossing costs. It decides
// nothing, and what it is given was checked. Not here: what is done with the results (`services.rs`, `objects.rs`).

// ---------------------------------------------------------------------------------------------------- requests

/** What every check of a request needs, a line each: no method, URL or header value holds a line end. */
export function head(request) {
  const { method, url, headers } = request;
  const header = (name) => headers.get(name) ?? "";
  return `${method}\n${url}\n${header("Content-Type")}\n${header("Content-Length")}\n${header("X-Twilio-Signature")}`;
}

export function header(request, name) {
  return request.headers.get(name) ?? undefined;
}

/** The body of a request, at once where its length was announced, which has been checked: the runtime reads no more. */
export async function bytes(request, limit) {
  return request.headers.has("Content-Length") ? new Uint8Array(await request.arrayBuffer()) : read(request.body, limit);
}

/** No more is read than one piece beyond `limit`. */
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

export async function text(message) {
  return message.text();
}

/** `headers`: names and values, a line each. */
export function respond(status, headers, body) {
  return new Response(body === "" ? null : body, { status, headers: pairs(headers) });
}

function pairs(lines) {
  const fields = lines.split("\n");
  const headers = [];
  for (let at = 0; at + 1 < fields.length; at += 2) headers.push([fields[at], fields[at + 1]]);
  return headers;
}

// ---------------------------------------------------------------------------------------------------- the world

/** A variable or secret. A number in `[vars]` is as good as a string. */
export function setting(env, name) {
  const value = env[name];
  return typeof value === "number" ? String(value) : typeof value === "string" ? value : undefined;
}

/** A timer that can be stopped, so that none is left when nobody waits for it. */
export class Timer {
  constructor(milliseconds) {
    this.rung = new Promise((resolve) => {
      this.id = setTimeout(resolve, milliseconds);
    });
  }
  stop() {
    clearTimeout(this.id);
  }
}

/**
 * An exchange over HTTP that can be broken off. A redirect is not followed: it would carry keys and texts to another place.
 * `done` resolves to status, `Retry-After`, `Location` and body; or to the word for what went wrong, after which nothing
 * more is read.
 */
export class Exchange {
  constructor(method, url, headers, body, limit) {
    this.controller = new AbortController();
    this.over = false;
    this.done = this.run(url, { method, headers: pairs(headers), body, redirect: "manual", signal: this.controller.signal }, limit);
  }
  async run(url, init, limit) {
    let response;
    try {
      response = await fetch(url, init);
    } catch {
      return "connection";
    }
    if (Number(response.headers.get("Content-Length")) > limit) return "too_large";
    try {
      // Piece by piece: what was compressed is longer than its announced length.
      const body = await read(response.body, limit);
      if (body.length > limit) return "too_large";
      this.over = true;
      return [response.status, response.headers.get("Retry-After"), response.headers.get("Location"), body];
    } catch {
      return "unreadable";
    }
  }
  /** Breaks it off, if it is not over: that is not free even when there is nothing to break off. */
  abort() {
    if (!this.over) this.controller.abort();
  }
}

// ---------------------------------------------------------------------------------------------------- objects and stores

/** Calls an object by its name, by a fresh stub, since one that has failed stays broken. */
export async function call(env, binding, name, body) {
  const response = await env[binding].getByName(name).fetch("https://object/", { method: "POST", body });
  if (response.status !== 200) throw new Error(`object answered ${response.status}`);
  return response.text();
}

export function objectName(state) {
  return state.id.name;
}

export function waitUntil(state, promise) {
  state.waitUntil(promise);
}

export async function stored(state, key) {
  return state.storage.get(key);
}

/** Writes that are begun without an `await` between them commit together. `puts`: keys and values by turns. */
export async function commit(state, clear, puts, deletes, alarm) {
  const { storage } = state;
  if (clear) return storage.deleteAll();
  const writes = [];
  const values = {};
  for (let at = 0; at < puts.length; at += 2) values[puts[at]] = puts[at + 1];
  if (puts.length > 0) writes.push(storage.put(values));
  if (deletes.length > 0) writes.push(storage.delete(deletes));
  if (alarm !== undefined) writes.push(storage.setAlarm(alarm));
  return Promise.all(writes);
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

// ---------------------------------------------------------------------------------------------------- panics

/** What the entry point that `worker-build` makes reads before each event: after a critical error it begins a fresh instance. */
export const state = { criticalError: false, instanceId: 1 };

export function failedForGood() {
  state.criticalError = true;
}

export function initState() {
  return state;
}
