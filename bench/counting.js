// Wraps another Worker, `worker.js`, counts what Cloudflare bills, and returns the counts at
// /bench/counts: requests to objects, alarms, and rows written, and also the calls between
// JavaScript and WebAssembly. It only wraps classes and storage methods; the build itself is
// unchanged. Nothing is timed with it.
//
// Source: Cloudflare, "Durable Objects: pricing". Every key that is put or deleted and every alarm
// that is set is a row written; SQL reports its own rows. `deleteAll` and the deletion of an alarm
// are not counted as rows.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { crossings } from "./crossings.js";
import * as worker from "./worker.js";

const counts = {};
const count = (what, number = 1) => (counts[what] = (counts[what] ?? 0) + number);

/** The methods that the runtime never calls: the classes call `ask` themselves. */
const OWN = ["constructor", "ask"];

export default class extends WorkerEntrypoint {
  async fetch(request) {
    if (new URL(request.url).pathname === "/bench/counts")
      return Response.json({ ...counts, ...crossings });
    const { default: inner } = worker;
    return typeof inner === "function"
      ? new inner(this.ctx, this.env).fetch(request)
      : inner.fetch(request, this.env, this.ctx);
  }
}

export const ThreadObject = counted(worker.ThreadObject, "thread");
export const BudgetObject = counted(worker.BudgetObject, "budget");
export const AdminLockoutObject = counted(worker.AdminLockoutObject ?? class {}, "tries");
export const CallObject = counted(worker.CallObject ?? class {}, "call");
export const CallerObject = counted(worker.CallerObject ?? class {}, "caller");
export const RunObject = counted(worker.RunObject ?? class {}, "run");
export const BatchObject = counted(worker.BatchObject ?? class {}, "batch");
export const BatchListObject = counted(worker.BatchListObject ?? class {}, "batches");

function counted(Inner, name) {
  class Counted extends Inner {
    constructor(ctx, env) {
      countRows(ctx.storage);
      const busy = new Busy(name);
      const waitUntil = ctx.waitUntil.bind(ctx);
      ctx.waitUntil = (promise) => waitUntil(busy.during(promise));
      super(ctx, env);
      busyOf.set(this, busy);
    }
  }
  for (const method of methodsOf(Inner.prototype)) {
    const original = Inner.prototype[method];
    Counted.prototype[method] = function (...args) {
      count(`${name} ${COUNTED_AS[method] ?? "requests"}`);
      const result = original.apply(this, args);
      return result instanceof Promise ? busyOf.get(this).during(result) : result;
    };
  }
  return Counted;
}

/** What calls of the runtime's own methods are counted as. All others are requests. */
const COUNTED_AS = {
  alarm: "alarms",
  webSocketMessage: "socketMessages",
  webSocketClose: "socketEnds",
  webSocketError: "socketEnds",
};

const busyOf = new WeakMap();

/** Counts the time in which an object works or waits for something. It cannot hibernate then. */
class Busy {
  #tasks = 0;
  #since = 0;

  constructor(name) {
    this.name = name;
  }

  during(promise) {
    if (this.#tasks === 0) this.#since = Date.now();
    this.#tasks += 1;
    return promise.finally(() => {
      this.#tasks -= 1;
      if (this.#tasks === 0) count(`${this.name} busy ms`, Date.now() - this.#since);
    });
  }
}

/** The names of a class's methods, including inherited ones. */
function methodsOf(prototype) {
  if (prototype === DurableObject.prototype || prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
    ([name, { value }]) => !OWN.includes(name) && typeof value === "function",
  );
  return [...own.map(([name]) => name), ...methodsOf(Object.getPrototypeOf(prototype))];
}

const patched = new Set();

// Wraps the methods of the prototypes, once for all objects of the isolate.
function countRows(storage) {
  wrap(storage, "put", ([key]) =>
    count("rows written", typeof key === "object" ? Object.keys(key).length : 1),
  );
  wrap(storage, "delete", ([keys]) => count("rows written", Array.isArray(keys) ? keys.length : 1));
  wrap(storage, "setAlarm", () => count("rows written"));
  wrap(storage.kv, "put", () => count("rows written"));
  wrap(storage.kv, "delete", () => count("rows written"));
  wrap(storage.sql, "exec", (_, cursor) => count("rows written", cursor.rowsWritten));
}

function wrap(object, method, after) {
  const prototype = Object.getPrototypeOf(object);
  if (patched.has(`${prototype.constructor.name}.${method}`)) return;
  patched.add(`${prototype.constructor.name}.${method}`);
  const original = prototype[method];
  prototype[method] = function (...args) {
    const result = original.apply(this, args);
    after(args, result);
    return result;
  };
}
