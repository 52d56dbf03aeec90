// A call's object leaves memory while its socket stays open, and the call goes on as if nothing had
// been. In one test it is made to between any two frames. In the other, two objects whose sockets were
// opened together do it by themselves: workerd's issue 6862 was that such sockets never let them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Caller, relayUrl } from "./caller.mjs";
import { startEvictable } from "./evictable.mjs";
import { eventually, freshPair, sleep, startPlayground } from "./harness.mjs";

const DEFAULT = `
prompt = "You answer the phone."
[voice]
ask_digits = true
`;
// The runtime lets an idle object go after ten seconds.
const IDLE = 11_000;
// On a busy machine it takes longer.
const ROUNDS = 8;

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startEvictable(playground, {
    assistants: { default: DEFAULT },
    // Nobody is asked whether it is still there, which would wake the object.
    settings: { VOICE_SILENCE_SECONDS: "120", CALL_RATE_LIMIT_PER_HOUR: "1000" },
  });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

const caller = () => new Caller(worker, freshPair());
/** The name of the object that an answer connects to. */
const objectOf = (twiml) => new URL(relayUrl(twiml)).pathname.split("/")[3];

/** The messages of the newest request to the model whose messages have this text, as JSON. */
async function requestWith(text) {
  return await eventually(`a request with ${text}`, async () => {
    const requests = await playground.requests("openai");
    const messages = requests.map(({ body }) => JSON.stringify(body.messages));
    return messages.findLast((message) => message.includes(text));
  });
}

test("a call goes on after its object has left memory between any two frames, also between two keys", async () => {
  const call = caller();
  const twiml = await call.dial();
  assert.match(twiml, /dtmfDetection="true"/);
  const name = objectOf(twiml);
  assert.equal(await call.open(twiml), 101);
  let evictions = 0;
  // An object that a frame has called back finishes with the frame before it leaves again.
  const leave = async () => {
    await eventually("the object to come back", () => worker.constructed(name) > evictions);
    await worker.evict(name);
    evictions += 1;
  };
  await leave();
  call.setUp();
  await leave();
  call.says("My name is Ben");
  await call.hears();
  await leave();
  const question = JSON.stringify({ question: "Your number, please?", max_digits: 8 });
  call.says(`call ask_digits(${question})`);
  assert.equal(await call.hears(), "Your number, please?");
  for (const key of ["4", "7", "1", "1"]) {
    await leave();
    call.press(key);
  }
  await leave();
  call.press("#");
  const request = await requestWith("[keys pressed: 4711]");
  assert.match(request, /My name is Ben/);
  await call.hears();
  await leave();
  call.says("Thank you");
  assert.match(await requestWith("Thank you"), /"content":"\[keys pressed\]"/);
  await call.hears();
  await eventually("as many constructors", () => worker.constructed(name) > evictions);
  assert.equal(evictions, 9);
  assert.equal(call.closed, undefined, "all of it over one socket");
  await call.hangUp();
});

test("two objects whose sockets were opened together leave memory by themselves and answer again (11 s or more)", async () => {
  const calls = [caller(), caller()];
  const twimls = await Promise.all(calls.map((call) => call.dial()));
  const opened = calls.map((call, at) => call.open(twimls[at]));
  assert.deepEqual(await Promise.all(opened), [101, 101]);
  for (const call of calls) call.setUp();
  const names = ["Anna", "Ben"];
  calls.forEach((call, at) => {
    call.says(`My name is ${names[at]}`);
  });
  await Promise.all(calls.map((call) => call.hears()));
  const objects = twimls.map(objectOf);
  const before = objects.map((object) => worker.constructed(object));
  const have = (at) => worker.constructed(objects[at]) > before[at];
  let rounds = 0;
  // A constructor that runs now is that of an object which had left memory.
  while (!(have(0) && have(1))) {
    rounds += 1;
    assert.ok(rounds <= ROUNDS, `of the two objects, these left memory: ${[have(0), have(1)]}`);
    await sleep(IDLE);
    calls.forEach((call, at) => {
      call.says(`This is ${names[at]}, round ${rounds}`);
    });
    await Promise.all(calls.map((call) => call.hears()));
  }
  for (const name of names)
    assert.match(
      await requestWith(`This is ${name}, round ${rounds}`),
      new RegExp(`My name is ${name}`),
    );
  assert.ok(calls.every(({ closed }) => closed === undefined));
  await Promise.all(calls.map((call) => call.hangUp()));
});
