// Sessions with the frames of recorded calls, replayed on the real runtime: tests/vectors/calls.
// tests/it/voice/recorded.rs replays the same natively, and says what each line means.

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, before, test } from "node:test";
import { readText } from "../../scripts/lib/project.mjs";
import { Caller } from "./caller.mjs";
import { eventually, freshPair, startPlayground, startWorker } from "./harness.mjs";
import { ACCOUNT } from "./identities.mjs";

const FOLDER = "tests/vectors/calls";

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, settings: { CALL_RATE_LIMIT_PER_HOUR: "1000" } });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

for (const file of fs.readdirSync(new URL("../vectors/calls/", import.meta.url)).sort()) {
  const [{ about }, ...lines] = readText(FOLDER, file)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  test(`recorded: ${file}: ${about}`, async () => {
    const replay = new Replay(new Caller(worker, freshPair()));
    await replay.begin();
    for (const line of lines) await replay.play(line);
  });
}

class Replay {
  #call;
  #since;
  #read = 0;
  #said = "";
  #before = "";

  constructor(call) {
    this.#call = call;
  }

  async begin() {
    this.#since = await worker.mark();
    assert.equal(await this.#call.open(await this.#call.dial()), 101);
  }

  async play(line) {
    const filled = this.#filled(line);
    const [what] = Object.keys(filled);
    const value = filled[what];
    const call = this.#call;
    switch (what) {
      case "twilio":
      case "raw":
        return call.send(value);
      case "binary":
        return call.send(Buffer.from(value, "hex"));
      case "close":
        return await call.hangUp({ code: value });
      case "action":
        return await this.#action(value, filled.then);
      case "status":
        return assert.equal((await call.webhook("/twilio/voice/status", value)).status, 204);
      case "model":
        return value === "slow"
          ? await playground.fault({ service: "openai", body: "stream_slow" })
          : await playground.clearFaults();
      case "until":
        return await this.#until(value);
      case "asked":
        return await this.#asked(value);
      case "log":
        return await worker.logged((entry) => matches(entry, value), { since: this.#since });
      default:
        throw new Error(`${what} is no line of a session`);
    }
  }

  async #action(fields, then) {
    const call = this.#call;
    const path = "/twilio/voice/ended";
    const { text } = await call.webhook(path, { SessionId: call.session, ...fields });
    const verbs = [...text.matchAll(/<(\w+)/g)].map(([, name]) => name);
    assert.deepEqual(verbs, ["Response", ...then]);
    if (then.includes("ConversationRelay")) {
      assert.doesNotMatch(text, /welcomeGreeting=/);
      assert.equal(await call.open(text), 101);
    }
  }

  async #until(what) {
    const text = () => {
      const frames = this.#call.frames.slice(this.#read);
      return frames.filter(({ preemptible }) => preemptible === false);
    };
    const said = () =>
      text()
        .map(({ token }) => token)
        .join("")
        .trim();
    await eventually(`the ${what}`, () =>
      what === "word" ? said() !== "" : text().some(({ last }) => last),
    );
    [this.#before, this.#said] = [this.#said, said()];
    this.#read = this.#call.frames.length;
  }

  async #asked(expected) {
    let asked;
    const isAsked = async () => {
      const requests = await playground.requests("openai");
      asked = requests
        .at(-1)
        ?.body.messages.slice(1)
        .map(({ content }) => content);
      return JSON.stringify(asked) === JSON.stringify(expected);
    };
    await eventually(`a request like ${JSON.stringify(expected)}`, isAsked).catch(() =>
      assert.deepEqual(asked, expected),
    );
  }

  #filled(value) {
    const names = {
      $call: this.#call.sid,
      $session: this.#call.session,
      $account: ACCOUNT,
      $from: this.#call.from,
      $to: this.#call.to,
      $said: this.#said,
      $before: this.#before,
    };
    const text = JSON.stringify(value).replace(/\$[a-z]+/g, (name) =>
      JSON.stringify(names[name]).slice(1, -1),
    );
    return JSON.parse(text);
  }
}

const matches = (entry, fields) =>
  Object.entries(fields).every(([name, value]) => entry[name] === value);
