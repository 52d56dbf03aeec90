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

function counted(Inner, name) {
  class Counted extends Inner {
    constructor(ctx, env) {
      countRows(ctx.storage);
      super(ctx, env);
    }
  }
  for (const method of methodsOf(Inner.prototype)) {
    const original = Inner.prototype[method];
    Counted.prototype[method] = function (...args) {
      count(method === "alarm" ? `${name} alarms` : `${name} requests`);
      return original.apply(this, args);
    };
  }
  return Counted;
}

/** The names of a class's methods, including inherited ones. */
function methodsOf(prototype) {
  if (prototype === DurableObject.prototype || prototype === Object.prototype) return [];
  const own = Object.entries(Object.getOwnPropertyDescriptors(prototype)).filter(
    ([name, { value }]) => name !== "constructor" && typeof value === "function",
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
