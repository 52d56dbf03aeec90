// What the runtime calls: the Worker and its object classes, over the engines in WebAssembly. It decides nothing.
//
// In place of the script that worker-build makes, whose classes do not extend DurableObject, which RPC needs, and which
// leaves whoever waits for an instance that has panicked waiting for ever. Not here: what is asked of the runtime
// (`services.rs`).

import { DurableObject } from "cloudflare:workers";
import {
  __wbg_reset_state,
  __worker_init_state,
  BudgetEngine,
  bodyLimit,
  fetch,
  internalError,
  SenderEngine,
  TriesEngine,
} from "./index.js";

// A panic's trace is worth more than the ten lines that are usual.
Error.stackTraceLimit = 100;

const LIMIT = bodyLimit();

export default {
  fetch(request, env) {
    const length = request.headers.get("Content-Length");
    // Without a length, or with one that will be refused, the engine asks for the body when it wants it.
    if (length === null || !(length <= LIMIT)) return answer(request, undefined, env);
    // Read before, so that a refusal is made within one call into WebAssembly.
    return request.arrayBuffer().then(
      (body) => answer(request, new Uint8Array(body), env),
      () => answer(request, undefined, env),
    );
  },
};

function answer(request, body, env) {
  begin();
  try {
    const answered = fetch(request, body, env);
    return answered instanceof Promise ? untilEnd(answered).catch(apologise) : answered;
  } catch (error) {
    end();
    return apologise(error);
  }
}

/** Where the instance has ended, the request that waited for it gets a 500 like any other. */
function apologise(error) {
  console.error(error);
  begin();
  return internalError();
}

/** An object of the runtime's around an engine. A call is JSON, and so is its answer; a failure is thrown. */
const around = (Engine) =>
  class extends DurableObject {
    #engine;
    #instance;

    constructor(ctx, env) {
      super(ctx, env);
      const waitUntil = ctx.waitUntil.bind(ctx);
      ctx.waitUntil = (promise) => waitUntil(untilEnd(promise));
    }

    call(text) {
      return this.#ask((engine) => engine.call(text));
    }

    alarm() {
      return this.#ask((engine) => engine.alarm());
    }

    #ask(question) {
      try {
        const answered = question(this.#current());
        return answered instanceof Promise ? untilEnd(answered) : answered;
      } catch (error) {
        end();
        throw error;
      }
    }

    // An engine ends with the instance of WebAssembly that it lives in.
    #current() {
      begin();
      if (this.#instance !== state.instanceId) {
        this.#engine = new Engine(this.ctx, this.env);
        this.#instance = state.instanceId;
      }
      return this.#engine;
    }
  };

export class SenderObject extends around(SenderEngine) {}
export class BudgetObject extends around(BudgetEngine) {}
export class TriesObject extends around(TriesEngine) {}

// ---------------------------------------------------------------------------------------------------- instances

// `worker`'s: whether the instance of WebAssembly has panicked, and its number.
const state = __worker_init_state();

/** Those that wait for the instance: how to tell them that it has ended. */
const waiting = new Set();

/** What the promise settles to, unless the instance ends before. */
function untilEnd(promise) {
  return new Promise((resolve, reject) => {
    waiting.add(reject);
    const settle = (how) => (value) => {
      waiting.delete(reject);
      how(value);
    };
    promise.then(settle(resolve), settle(reject));
  });
}

/** Before each call into WebAssembly. Within it, it would be too late: the arguments would have gone to the old instance. */
function begin() {
  if (state.criticalError) end();
}

/**
 * The instance has ended: it has panicked, or something was thrown out of it, past tasks that were not prepared for that. A fresh
 * one begins; what comes late for the old one is refused by wasm-bindgen.
 */
function end() {
  state.criticalError = false;
  for (const reject of waiting) reject(new Error("the instance has ended"));
  waiting.clear();
  __wbg_reset_state();
}

// What is thrown in a task, nobody catches.
addEventListener("error", ({ error }) => {
  if (state.criticalError || error instanceof WebAssembly.RuntimeError) end();
});

// `worker`'s `Delay` cancels its timer when nobody waits for it any more. Where the timer has gone with its object, that throws,
// and would end the instance.
const { clearTimeout } = globalThis;
globalThis.clearTimeout = (timer) => {
  try {
    clearTimeout(timer);
  } catch {
    // nothing is left to cancel
  }
};
