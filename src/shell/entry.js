// What the runtime calls: the Worker and its object classes, over the engines in WebAssembly. It decides nothing.
//
// A request that needs no object is answered within one call into WebAssembly, without a promise. Not here: what the engines
// ask of the runtime (`glue.js`).

import { DurableObject } from "cloudflare:workers";
import { begin, end, head } from "./glue.js";
import { bodyLimit, BudgetEngine, fetch, internalError, SenderEngine, TriesEngine } from "./index.js";

// A panic's trace is worth more than the ten lines that are usual.
Error.stackTraceLimit = 100;

export default {
  fetch(request, env) {
    const length = request.headers.get("Content-Length");
    // Without a length, or with one that will be refused, the engine asks for the body when it wants it.
    if (length === null || !(length <= LIMIT)) return answer(request, length, undefined, env);
    // As text: bytes would cost the garbage collector more.
    return request.text().then(
      (body) => answer(request, length, body, env),
      () => answer(request, length, undefined, env),
    );
  },
};

const LIMIT = bodyLimit();

function answer(request, length, body, env) {
  begin();
  try {
    const answered = fetch(head(request, length), body, request, env);
    return answered instanceof Promise ? answered.catch(apologise) : answered;
  } catch (error) {
    end();
    return apologise(error);
  }
}

/** Where the engine ended in a panic, the request that waited for it gets a 500 like any other. */
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

    call(text) {
      return this.#ask((engine) => engine.call(text));
    }

    alarm() {
      return this.#ask((engine) => engine.alarm());
    }

    #ask(question) {
      const engine = this.#current();
      try {
        return question(engine);
      } catch (error) {
        end();
        throw error;
      }
    }

    // An engine ends with the instance of WebAssembly that it lives in.
    #current() {
      const instance = begin();
      if (this.#instance !== instance) {
        this.#engine = new Engine(this.ctx, this.env);
        this.#instance = instance;
      }
      return this.#engine;
    }
  };

export class SenderObject extends around(SenderEngine) {}
export class BudgetObject extends around(BudgetEngine) {}
export class TriesObject extends around(TriesEngine) {}
