// Phone calls on the real runtime: webhooks, the upgrade of the socket, words as they come,
// interruptions, lost sockets, the end. Twilio's own library signs, and `ws` is the client.
//
// Not here: every rule of a call (native tests and the simulation), and the page (tests/browser).

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { Caller, relayUrl } from "./caller.mjs";
import { eventually, freshPair, phoneHash, startPlayground, startWorker } from "./harness.mjs";

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({
    playground,
    settings: { CALL_RATE_LIMIT_PER_HOUR: "1000", MAX_DAILY_CALL_MINUTES: "1000" },
  });
});

afterEach(() => playground.clearFaults());

after(async () => {
  await worker?.close();
  await playground?.close();
});

const caller = () => new Caller(worker, freshPair());

/** The messages of the newest request to the model, as JSON. */
async function newestRequest() {
  const requests = await playground.requests("openai");
  return JSON.stringify(requests.at(-1).body.messages);
}

test("a caller is answered word by word, and the next turn knows what was said", async () => {
  const call = await caller().connect();
  call.says("Hello, I am Anna");
  const answer = await call.hears();
  assert.notEqual(answer.trim(), "");
  const words = call.frames.filter((frame) => frame.type === "text");
  assert.ok(words.length > 2, "the answer came in pieces");
  assert.equal(words.filter((frame) => frame.last).length, 1);
  call.says("And on Sundays?");
  await call.hears();
  assert.match(await newestRequest(), /"content":"Hello, I am Anna"/);
  await call.hangUp();
  await call.ended("completed", "completed");
  const ended = await eventually("the call's event", () =>
    worker.log.find((entry) => entry.event === "call" && entry.phone_hash === phoneHash(call.from)),
  );
  assert.deepEqual([ended.ended_by, ended.turns], ["caller", 2]);
});

test("a forged upgrade is refused before anything happens, whatever it was signed over", async () => {
  const twiml = await caller().dial();
  const url = relayUrl(twiml);
  assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+\/twilio\/relay\/[0-9a-f]{64}\/[0-9a-f]{32}$/);
  for (const signed of [
    (text) => text.replace("ws:", "http:"),
    (text) => text.replace("ws:", "wss:"),
    (text) => `${text}/`,
    () => "",
  ])
    assert.equal(await caller().open(twiml, { signed }), 403);
  const other = url.replace(/[0-9a-f]{32}$/, "0".repeat(32));
  assert.equal(await caller().open(twiml, { url: other }), 403, "the secret is checked, too");
  const query = await caller().open(twiml, { url: `${url}?a=b` });
  assert.equal(query, 404);
  assert.equal((await worker.request(new URL(url).pathname)).status, 404, "it is no upgrade");
});

test("a secret opens one socket, also when two come at once", async () => {
  const twiml = await caller().dial();
  const opened = await Promise.all([caller().open(twiml), caller().open(twiml)]);
  assert.deepEqual(opened.sort(), [101, 403]);
});

test("a forged webhook of a call is refused", async () => {
  for (const path of ["", "/ended", "/dialled", "/status"]) {
    const { status } = await caller().webhook(
      `/twilio/voice${path}`,
      {},
      { token: "0".repeat(32) },
    );
    assert.equal(status, 403, path);
  }
});

test("nothing of an answer is sent after the caller has cut in", async () => {
  await playground.fault({ service: "openai", body: "stream_slow" });
  const call = await caller().connect();
  call.says("Tell me something long");
  await eventually("the first word", () => call.said.trim() !== "");
  const heard = call.said.trim();
  call.cutsIn(heard);
  await playground.clearFaults();
  await eventually("the interruption", () =>
    worker.log.some((entry) => entry.event === "call_turn" && entry.outcome === "interrupted"),
  );
  const before = call.frames.length;
  call.says("Stop");
  await call.hears();
  const after = call.frames
    .slice(before)
    .map((frame) => frame.token)
    .join("");
  assert.notEqual(after, "");
  assert.ok((await newestRequest()).includes(`"${heard} [the caller cut in]"`), heard);
  await call.hangUp();
});

test("a call whose socket breaks off goes on with a new one and knows what was said", async () => {
  const call = await caller().connect();
  call.says("My name is Ben");
  await call.hears();
  await call.hangUp({ code: 1006 });
  const twiml = await call.ended("failed");
  assert.doesNotMatch(twiml, /welcomeGreeting=/);
  assert.equal(await call.open(twiml), 101);
  call.setUp();
  call.says("What is my name?");
  await call.hears();
  assert.match(await newestRequest(), /My name is Ben/);
  await call.hangUp();
});

test("a call goes on after the Worker was killed", async () => {
  const call = await caller().connect();
  call.says("Remember the number seven");
  await call.hears();
  await worker.restart();
  await eventually("the socket to break", () => call.closed !== undefined);
  assert.equal(await call.open(await call.ended("failed")), 101);
  call.setUp();
  call.says("Which number?");
  await call.hears();
  assert.match(await newestRequest(), /number seven/);
  await call.hangUp();
});

test("a failure is excused, and the second in a row ends the call when that was said", async () => {
  await playground.fault({ service: "openai", status: 401, times: 2 });
  const call = await caller().connect();
  call.says("Hello");
  assert.equal(await call.hears(), "Sorry, something went wrong. Please say that again.");
  call.says("Are you there?");
  assert.match(await call.hears(), /can't help you right now/);
  assert.ok(call.frames.every((frame) => frame.type !== "end"));
  call.played();
  await eventually("the end of the session", () => call.frames.some(({ type }) => type === "end"));
  assert.match(await call.ended("ended"), /<Hangup\/>/);
});

test("frames that are no JSON, and unknown ones, do not end a call", async () => {
  const call = await caller().connect();
  for (const frame of ["", "{", "null", '{"type":"tomorrow"}', '{"type":"prompt"}'])
    call.send(frame);
  call.says("Hello");
  assert.notEqual((await call.hears()).trim(), "");
  await call.hangUp();
});

test("a second setup closes the socket", async () => {
  const call = await caller().connect();
  call.setUp();
  await eventually("the socket to close", () => call.closed?.code === 1008);
});

test("a caller who calls too often hears so", async () => {
  const own = await startWorker({ playground, settings: { CALL_RATE_LIMIT_PER_HOUR: "1" } });
  try {
    const pair = freshPair();
    assert.match(await new Caller(own, pair).dial(), /<ConversationRelay /);
    assert.match(await new Caller(own, pair).dial(), /<Say [^>]*>Sorry, you have called too often/);
  } finally {
    await own.close();
  }
});
