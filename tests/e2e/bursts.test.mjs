// Repeated messages, and several messages in quick succession: copies get the same answer, messages join a turn until the model has
// begun to answer, and later ones are answered together.
//
// Not here: copies across a restart (delivery), and the rate limit (limits).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  echo,
  eventually,
  freshPair,
  freshSid,
  phoneHash,
  pseudonym,
  sleep,
  startSwitchboard,
  startWorker,
} from "./harness.mjs";

let switchboard, worker, playground;
// A Worker that breaks no request off.
let patient;

before(async () => {
  switchboard = await startSwitchboard();
  ({ worker, playground } = switchboard);
  patient = await startWorker({ playground, settings: { JOIN_WITHIN_MS: "0" } });
});

after(async () => {
  await patient?.close();
  await switchboard?.close();
});

const RESET = "Done: our conversation is cleared. What would you like to talk about?";
const contents = (request, role) =>
  request.body.messages.filter((message) => message.role === role).map(({ content }) => content);

test("a repeated message gets the same answer, even after others, and costs nothing", async () => {
  const pair = freshPair();
  const first = { ...pair, sid: freshSid(), body: "Count me once" };
  const answer = await worker.sendMessage(first);
  const again = await worker.sendMessage({
    ...first,
    headers: { "I-Twilio-Idempotency-Token": crypto.randomUUID() },
  });
  assert.equal(again.text, answer.text);
  await worker.sendMessage({ ...pair, body: "Another" });
  await worker.sendMessage({ ...pair, body: "And another" });
  assert.equal((await worker.sendMessage(first)).text, answer.text);
  assert.equal((await playground.asked("Count me once")).length, 1);
  const count = await worker.sendMessage({ ...pair, body: "How many messages?" });
  assert.deepEqual(count.messages, ["You have sent 4 messages in this conversation."]);
});

test("50 simultaneous copies of one message make one model request and get the same answer 50 times", async () => {
  const copy = { ...freshPair(), sid: freshSid(), body: "Fifty at once [fault delay=400ms]" };
  const since = await worker.mark();
  const answers = await Promise.all(Array.from({ length: 50 }, () => worker.sendMessage(copy)));
  for (const answer of answers) assert.deepEqual(answer.messages, [echo("Fifty at once")]);
  assert.equal((await playground.asked("Fifty at once")).length, 1);
  const log = await worker.loggedTimes(1, () => true, { since });
  assert.deepEqual(
    log.map(({ event, messages }) => [event, messages]),
    [["turn", 1]],
  );
});

test("a copy of a reset gets the same answer, and clears nothing a second time", async () => {
  const pair = freshPair();
  const reset = { ...pair, sid: freshSid(), body: "reset" };
  assert.deepEqual((await worker.sendMessage(reset)).messages, [RESET]);
  await worker.sendMessage({ ...pair, body: "Said after the reset" });
  assert.deepEqual((await worker.sendMessage(reset)).messages, [RESET]);
  const first = await worker.sendMessage({ ...pair, body: "What did I say first?" });
  assert.deepEqual(first.messages, ['The first thing you said was: "Said after the reset"']);
});

// Posts these messages, each `every` ms after the one before, and returns the answers.
async function typed(pair, messages, every) {
  const sent = [];
  for (const message of messages) {
    if (sent.length) await sleep(every);
    sent.push(worker.sendMessage({ ...pair, ...message }));
  }
  return Promise.all(sent);
}

const requestsOf = async (pair) =>
  (await playground.requests("openai")).filter(
    ({ body }) => body.safety_identifier === pseudonym(pair, pair.channel),
  );
const turnsOf = (pair) =>
  worker.log.filter(
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
const THOUGHT = ["hi", "I have a question", "do you open on sunday?"];

test("a greeting, an announcement and a question get one answer, on the last webhook", async () => {
  const pair = freshPair();
  await playground.fault({ service: "openai", delay_ms: 2500, times: 9 });
  const sent = [];
  for (const body of THOUGHT) {
    // Each message comes when the model has the request for the one before, and has not answered it.
    await eventually(
      `the model to have ${sent.length} requests`,
      async () => (await requestsOf(pair)).length === sent.length,
    );
    sent.push(worker.sendMessage({ ...pair, body }));
  }
  const answers = await Promise.all(sent);
  await playground.clearFaults();
  assert.deepEqual(
    answers.map(({ messages }) => messages),
    [[], [], [echo(THOUGHT.join("\n"))]],
  );
  assert.deepEqual(
    (await requestsOf(pair)).map((request) => contents(request, "user")),
    [THOUGHT.slice(0, 1), THOUGHT.slice(0, 2), THOUGHT].map((bodies) => [bodies.join("\n")]),
  );
  const [turn, ...others] = turnsOf(pair);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [turn.messages, turn.joined, turn.asked_again, turn.model_requests],
    [3, 2, 2, 3],
  );
  assert.deepEqual(await playground.messagesTo(pair.from), []);
});

test("from a model that answers at once, the same thought gets two answers at most", async () => {
  const pair = freshPair();
  const answers = await typed(
    pair,
    THOUGHT.map((body) => ({ body })),
    1000,
  );
  const said = answers.flatMap(({ messages }) => messages);
  assert.ok(said.length <= 2, said.join(" | "));
  assert.equal((await requestsOf(pair)).length, said.length);
});

test("four images on WhatsApp get one answer and one request, and each is fetched once", async () => {
  const pair = { ...freshPair(), channel: "whatsapp" };
  const files = [];
  for (let index = 0; index < 4; index += 1)
    files.push(await playground.upload(Buffer.from(`GIF89a ${index}`), "image/gif"));
  const answers = await typed(
    pair,
    files.map((file) => ({ body: "", media: [file], sid: freshSid("MM") })),
    100,
  );
  const said = answers.map(({ messages }) => messages);
  assert.deepEqual(said.slice(0, 3), [[], [], []]);
  assert.ok(said[3][0].startsWith("I see 4 pictures"), said[3][0]);
  assert.equal((await requestsOf(pair)).length, 1);
  const fetched = await playground.requests("twilio");
  for (const { url } of files)
    assert.deepEqual(
      fetched.filter(({ path }) => path.includes(url.split("/").at(-1))).map((one) => one.status),
      [307, 200],
    );
});

test("an ordinary message is not held, as a greeting is", async () => {
  const answered = [];
  const ask = (body) =>
    worker.sendMessage({ ...freshPair(), body }).then(() => answered.push(body));
  await Promise.all([ask("hi"), ask("do you open on sunday")]);
  assert.deepEqual(answered, ["do you open on sunday", "hi"]);
});

test("messages that arrive during a turn are answered together by the next one, in order, on the last webhook", async () => {
  const pair = freshPair();
  const running = patient.sendMessage({ ...pair, body: "Merge begins [fault delay=1500ms]" });
  await eventually(
    "the first turn to run",
    async () => (await playground.asked("Merge begins")).length,
  );
  const later = [];
  for (const body of ["Merge two", "Merge three", "Merge four"]) {
    later.push(patient.sendMessage({ ...pair, body }));
    await sleep(120);
  }
  assert.deepEqual((await running).messages, [echo("Merge begins")]);
  const [two, three, four] = await Promise.all(later);
  assert.deepEqual([two.messages, three.messages], [[], []]);
  assert.deepEqual(four.messages, [echo("Merge two\nMerge three\nMerge four", 2)]);

  const [first, second, ...others] = await playground.asked("Merge");
  assert.deepEqual(others, []);
  assert.ok(second.received_at >= first.received_at + first.took_ms, "the turns do not overlap");
  assert.deepEqual(contents(second, "user"), [
    "Merge begins [fault delay=1500ms]",
    "Merge two\nMerge three\nMerge four",
  ]);
  assert.deepEqual(contents(second, "assistant"), [echo("Merge begins")]);
  assert.deepEqual(
    (await patient.sendMessage({ ...pair, sid: two.sid, body: "Merge two" })).messages,
    [],
    "a copy is answered as the message was",
  );
  assert.deepEqual(
    (await patient.sendMessage({ ...pair, sid: four.sid, body: "Merge four" })).messages,
    four.messages,
  );
});

test("a burst from one contact never interleaves: every message is in exactly one turn, and turns follow one another", async () => {
  const pair = freshPair();
  const texts = Array.from({ length: 9 }, (_, index) => `Burst ${index}.`);
  await playground.fault({ service: "openai", delay_ms: 250, times: 9, contains: "Burst" });
  const answers = await Promise.all(texts.map((body) => patient.sendMessage({ ...pair, body })));
  await playground.clearFaults();
  const requests = (await playground.asked("Burst")).filter(
    ({ body }) => body.safety_identifier === pseudonym(pair),
  );
  for (const [index, request] of requests.slice(1).entries()) {
    const before = requests[index];
    assert.ok(
      request.received_at >= before.received_at + before.took_ms,
      `turn ${index + 2} began before turn ${index + 1} had ended`,
    );
    assert.deepEqual(
      contents(request, "user").slice(0, -1),
      contents(before, "user"),
      "each turn goes on from the one before",
    );
  }
  assert.equal(
    answers.filter(({ messages }) => messages.length === 1).length,
    requests.length,
    "one answer a turn",
  );
  assert.deepEqual(contents(requests.at(-1), "user").join("\n").split("\n").sort(), texts);
  assert.deepEqual((await playground.messages()).length, 0);
});

test("a reset in the middle of a burst clears everything before it and nothing after it", async () => {
  const pair = freshPair();
  const sent = [patient.sendMessage({ ...pair, body: "Before the reset [fault delay=1200ms]" })];
  await eventually(
    "the first turn to run",
    async () => (await playground.asked("Before the reset")).length,
  );
  for (const body of ["Also before it", "start over", "After it: what did I say first?"]) {
    sent.push(patient.sendMessage({ ...pair, body }));
    await sleep(120);
  }
  const answers = (await Promise.all(sent)).map(({ messages }) => messages);
  assert.deepEqual(answers, [
    [echo("Before the reset")],
    [echo("Also before it", 2)],
    [RESET],
    ["You have said nothing before this message."],
  ]);
});

test("a slow answer for one contact delays nobody else", async () => {
  let slowIsAnswered = false;
  const slow = worker.sendMessage({ ...freshPair(), body: "Slow one [fault delay=4s]" });
  slow.then(() => (slowIsAnswered = true));
  await eventually("the slow turn to run", async () => (await playground.asked("Slow one")).length);
  const quick = await worker.sendMessage({ ...freshPair(), body: "Quick one" });
  assert.deepEqual(quick.messages, [echo("Quick one")]);
  assert.equal(slowIsAnswered, false);
  assert.deepEqual((await slow).messages, [echo("Slow one")]);
});
