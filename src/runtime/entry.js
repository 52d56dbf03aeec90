// The entry point of the Worker: its fetch handler and its Durable Object classes, which call the
// engines in WebAssembly. It decides nothing.
//
// It replaces the script that worker-build generates. Those classes do not extend DurableObject,
// which RPC needs, and a request that waits for a panicked instance would wait for ever. Not here:
// calls to the runtime (`services/`).

import { DurableObject } from "cloudflare:workers";
import {
  __wbg_reset_state,
  __worker_init_state,
  AdminLockoutEngine,
  BatchEngine,
  BatchListEngine,
  BudgetEngine,
  bodyLimit,
  CallEngine,
  CallerEngine,
  fetch,
  internalError,
  RunEngine,
  ThreadEngine,
} from "./index.js";

// The default of ten lines is too short for the stack trace of a panic.
Error.stackTraceLimit = 100;

const LIMIT = bodyLimit();

export default {
  fetch(request, env) {
    const length = request.headers.get("Content-Length");
    // Without a length, or if the body is too long, the engine reads the body only if it needs it.
    if (length === null || !(Number(length) <= LIMIT)) return answer(request, undefined, env);
    // Otherwise the body is read first, so that one call into WebAssembly can reject the request.
    return request.arrayBuffer().then(
      (body) => answer(request, new Uint8Array(body), env),
      () => answer(request, undefined, env),
    );
  },
};

function answer(request, body, env) {
  ensureInstance();
  try {
    const answered = fetch(request, body, env);
    return answered instanceof Promise ? unlessReset(answered).catch(serverError) : answered;
  } catch (error) {
    resetInstance();
    return serverError(error);
  }
}

// A request that waited for an instance that was reset gets a 500 with all headers.
function serverError(error) {
  console.error(error);
  ensureInstance();
  return internalError();
}

/**
 * Wraps an engine in a Durable Object class. A call and its answer are JSON; a failure is thrown.
 *
 * @param {import("./index.js").EngineClass} Engine
 */
const around = (Engine) =>
  class extends DurableObject {
    /** @type {import("./index.js").Engine | undefined} */
    #engine;
    /** @type {number | undefined} */
    #instance;

    constructor(ctx, env) {
      super(ctx, env);
      const waitUntil = ctx.waitUntil.bind(ctx);
      ctx.waitUntil = (promise) => waitUntil(unlessReset(promise));
    }

    call(method, args) {
      return this.ask((engine) => engine.call(method, args));
    }

    alarm() {
      return this.ask((engine) => engine.alarm());
    }

    ask(question) {
      try {
        const answered = question(this.#current());
        return answered instanceof Promise ? unlessReset(answered) : answered;
      } catch (error) {
        resetInstance();
        throw error;
      }
    }

    // An engine lives in one instance of WebAssembly. After a reset it is created again.
    #current() {
      ensureInstance();
      if (this.#instance !== state.instanceId) {
        this.#engine = new Engine(this.ctx, this.env);
        this.#instance = state.instanceId;
      }
      return this.#engine;
    }
  };

/**
 * The same for an engine that has sockets. The runtime keeps them while the object is not in memory.
 *
 * @param {import("./index.js").SocketEngineClass} Engine
 */
const withSockets = (Engine) =>
  class extends around(Engine) {
    fetch(request) {
      return this.ask((engine) => engine.upgrade(request));
    }

    webSocketMessage(socket, message) {
      // Twilio sends texts alone.
      if (typeof message !== "string") return undefined;
      return this.ask((engine) => engine.socketMessage(socket, message));
    }

    async webSocketClose(socket, code, reason) {
      await this.ask((engine) => engine.socketClosed(socket));
      try {
        socket.close(code, reason);
      } catch {
        // It is closed already, or the code may not be sent.
      }
    }

    webSocketError(socket) {
      return this.ask((engine) => engine.socketClosed(socket));
    }
  };

export class CallObject extends withSockets(CallEngine) {}

export class ThreadObject extends around(ThreadEngine) {}
export class BudgetObject extends around(BudgetEngine) {}
export class AdminLockoutObject extends around(AdminLockoutEngine) {}
export class CallerObject extends around(CallerEngine) {}
export class RunObject extends withSockets(RunEngine) {}
export class BatchObject extends around(BatchEngine) {}
export class BatchListObject extends around(BatchListEngine) {}

// From here on: the instance of WebAssembly, and its reset after a panic.

// State that the crate `worker` keeps: whether the instance has panicked, and its number.
const state = __worker_init_state();

// The reject functions of all promises that wait for the instance.
/** @type {Set<(error: Error) => void>} */
const waiting = new Set();

/**
 * Returns a promise that settles like `promise`, or rejects when the instance is reset before that.
 *
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function unlessReset(promise) {
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    const settle = (how) => (value) => {
      waiting.delete(reject);
      how(value);
    };
    promise.then(settle(resolve), settle(reject));
  });
}

// Must run before each call into WebAssembly. During the call it would be too late: the arguments
// would already belong to the old instance.
function ensureInstance() {
  if (state.criticalError) resetInstance();
}

// Starts a fresh instance. The old one has panicked, or an exception left it and passed tasks that
// were not prepared for it. wasm-bindgen rejects late calls into the old one.
function resetInstance() {
  state.criticalError = false;
  for (const reject of waiting) reject(new Error("the instance was reset"));
  waiting.clear();
  __wbg_reset_state();
}

// Nobody catches an exception in a task, so it arrives here.
/** @type {any} */ (globalThis).addEventListener("error", ({ error }) => {
  if (state.criticalError || error instanceof WebAssembly.RuntimeError) resetInstance();
});

// The executor of wasm-bindgen schedules its tasks by this function. workerd makes a template of a
// function for each call, and eight calls a turn took a twentieth of its CPU time (bench/NOTES.md).
// What a task throws still becomes an `error` event.
globalThis.queueMicrotask = (task) => {
  Promise.resolve()
    .then(() => task())
    .catch(reportError);
};

// The `Delay` of the crate `worker` cancels its timer when it is dropped. If the timer is already
// gone with its object, cancelling throws, and the exception would end the instance.
const { clearTimeout } = globalThis;
globalThis.clearTimeout = (timer) => {
  try {
    clearTimeout(timer);
  } catch {
    // The timer is already gone.
  }
};
