// Phone calls without a socket (VOICE_MODE=gather) on the real runtime. The playground plays Twilio: it
// does what each document says, strictly, and what it would refuse is an alert of the call.
//
// Not here: every rule of such a call (native tests), and calls over a socket (voice.test.mjs).

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Caller } from "./caller.mjs";
import { eventually, freshPair, phoneHash, startSwitchboard } from "./harness.mjs";

const SETTINGS = {
  VOICE_MODE: "gather",
  CALL_RATE_LIMIT_PER_HOUR: "1000",
  MAX_DAILY_CALL_MINUTES: "1000",
};

const DEFAULT = `
prompt = "You answer the phone."
[voice]
ask_digits = true
`;

let switchboard;

before(async () => {
  switchboard = await startSwitchboard({ settings: SETTINGS, assistants: { default: DEFAULT } });
});

afterEach(() => switchboard.playground.clearFaults());

after(() => switchboard?.close());

/** A call of a phone of the playground. */
class PhoneCall {
  /** Who calls, and whom. */
  pair = freshPair();
  #url = "";

  static async start({ playground } = switchboard) {
    const call = new PhoneCall();
    const calls = `${playground.url}/playground/calls`;
    const { sid } = await post(calls, { from: call.pair.from, to: call.pair.to });
    call.#url = `${calls}/${sid}`;
    return call;
  }

  async events() {
    const response = await fetch(`${this.#url}?after=0`);
    return (await response.json()).events;
  }

  async act(action) {
    await post(this.#url, action);
  }

  /** Waits until Twilio listens for the `number`th time, and returns what was said since the last time. */
  async listens(number) {
    return await eventually(`document ${number}`, async () => {
      const events = await this.events();
      const starts = events.flatMap(({ text }, index) => (text === "Listening" ? [index] : []));
      if (starts.length < number) return undefined;
      const said = events.slice(starts[number - 1]).find(({ event }) => event === "token");
      return said?.text;
    });
  }

  /** The end of the call, after which Twilio has reported everything. */
  async over() {
    return await eventually("the end of the call", async () => {
      const events = await this.events();
      return events.some(({ event }) => event === "reported") ? events : undefined;
    });
  }
}

async function post(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(response.status, 202, await response.clone().text());
  return await response.json();
}

const alerts = (events) => events.filter(({ event }) => event === "alert");

/** The log line of a call's end. */
async function ended({ from }, { worker } = switchboard) {
  return await eventually("the call's event", () =>
    worker.log.find((entry) => entry.event === "call" && entry.phone_hash === phoneHash(from)),
  );
}

test("a caller is answered document by document, and the next turn knows what was said", async () => {
  const call = await PhoneCall.start();
  assert.equal(await call.listens(1), "Hello! How can I help you?");
  await call.act({ do: "say", text: "Hello, I am Anna" });
  assert.match(await call.listens(2), /Hello, I am Anna/);
  await call.act({ do: "say", text: "What did I say first?" });
  assert.match(await call.listens(3), /Hello, I am Anna/);
  await call.act({ do: "hang_up" });
  assert.deepEqual(alerts(await call.over()), []);
  const { ended_by, turns } = await ended(call.pair);
  assert.deepEqual([ended_by, turns], ["caller", 2]);
});

test("a silent caller is asked whether it is there, and the second time the call is hung up", async () => {
  const settings = { ...SETTINGS, VOICE_SILENCE_SECONDS: "3" };
  const own = await startSwitchboard({ callSpeed: 20, settings });
  try {
    const call = await PhoneCall.start(own);
    const events = await call.over();
    const said = events.filter(({ event }) => event === "token").map(({ text }) => text);
    assert.deepEqual(said.slice(1), ["Are you still there?", "Thank you for calling. Goodbye."]);
    assert.deepEqual(alerts(events), []);
    assert.equal((await ended(call.pair, own)).ended_by, "silence");
  } finally {
    await own.close();
  }
});

test("digits that were asked for are collected, and a hash behind the last one does not cut the answer off", async () => {
  const call = await PhoneCall.start();
  await call.listens(1);
  // Nobody has asked for this one.
  await call.act({ do: "press", digits: "5" });
  const question = JSON.stringify({ question: "Your order number?", max_digits: 4 });
  await call.act({ do: "say", text: `call ask_digits(${question})` });
  assert.equal(await call.listens(2), "Your order number?");
  await call.act({ do: "press", digits: "4711" });
  assert.ok(await call.listens(3));
  await call.act({ do: "press", digits: "#" });
  await call.act({ do: "say", text: "Thank you" });
  assert.match(await call.listens(4), /Thank you/);
  await call.act({ do: "hang_up" });
  assert.deepEqual(alerts(await call.over()), []);
  assert.equal((await switchboard.playground.asked("[keys pressed: 4711]")).length, 1);
  assert.ok(switchboard.worker.lines.every((line) => !line.includes("4711")));
});

test("a late answer is waited for with a filler, and the model is asked once", async () => {
  await switchboard.playground.fault({ service: "openai", body: "stream_slow", times: 1 });
  const call = await PhoneCall.start();
  await call.listens(1);
  const words = long("Where is my late order?");
  await call.act({ do: "say", text: words });
  assert.match(await call.listens(2), /late order/);
  const said = (await call.events()).filter(({ event }) => event === "token");
  assert.equal(said[1].text, "One moment, please.");
  assert.equal((await switchboard.playground.asked(words)).length, 1);
  await call.act({ do: "hang_up" });
  assert.deepEqual(alerts(await call.over()), []);
});

/** Words whose answer takes a slow model much longer than one request of Twilio waits. */
function long(words) {
  return `${words} ${"please ".repeat(60).trim()}`;
}

/** The URL that an element or an attribute of a document has, as a path. */
function pathIn(twiml, pattern) {
  const url = pattern.exec(twiml)?.[1].replaceAll("&amp;", "&");
  assert.ok(url, twiml);
  return url.slice(new URL(url).origin.length);
}

test("words that were being answered when the Worker was killed are answered all the same", async () => {
  const { playground, worker } = switchboard;
  await playground.fault({ service: "openai", body: "stream_slow", times: 1 });
  const call = new Caller(worker, freshPair());
  const heard = pathIn(await call.dial(), /<Gather [^>]*action="([^"]+)"/);
  const words = { SpeechResult: long("Remember the number seven"), Confidence: "0.9" };
  const { text: waits } = await call.webhook(heard, words);
  assert.match(waits, /One moment, please/);
  await worker.restart();
  const wait = pathIn(waits, /<Redirect [^>]*>([^<]+)</);
  const { text: answer } = await call.webhook(wait);
  assert.match(answer, /<Gather .*number seven/);
  const again = await call.webhook(heard, words);
  assert.equal(again.text, answer, "a webhook that comes again gets the same answer");
  await call.webhook("/twilio/voice/status", { CallStatus: "completed" });
});

test("a forged request of a document is refused", async () => {
  const call = new Caller(switchboard.worker, freshPair());
  const heard = pathIn(await call.dial(), /<Gather [^>]*action="([^"]+)"/);
  const words = { SpeechResult: "Hello" };
  for (const path of [heard, "/twilio/voice/wait?document=1"]) {
    const forged = await call.webhook(path, words, { token: "0".repeat(32) });
    assert.equal(forged.status, 403, path);
  }
  await call.webhook("/twilio/voice/status", { CallStatus: "completed" });
});
