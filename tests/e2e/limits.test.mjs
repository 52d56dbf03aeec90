// The limits: messages of one contact per minute, and model requests per day.
//
// Not here: the end of a window (expiry, which waits for it).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  echo,
  eventually,
  freshPair,
  freshSid,
  phoneHash,
  reached,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const NO_BUDGET = "Sorry, I can't take more questions today. Please try again tomorrow.";

let playground, worker;

before(async () => {
  await awayFromMidnight();
  playground = await startPlayground();
  worker = await startWorker({ playground });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

test("ten messages a minute are answered, the eleventh gets a notice when to try again, the next ones get an empty response", async () => {
  const pair = freshPair();
  const since = await worker.mark();
  const began = Date.now();
  const messages = Array.from({ length: 14 }, (_, index) => ({
    ...pair,
    sid: freshSid(),
    body: `Rate ${index + 1}`,
  }));
  const answers = [];
  for (const message of messages) answers.push(await worker.sendMessage(message));

  for (const [index, { messages: texts }] of answers.slice(0, 10).entries())
    assert.deepEqual(texts, [echo(`Rate ${index + 1}`, index + 1)]);
  const seconds = Number(
    answers[10].messages[0].match(
      /^That's more messages than I can take in\. Please try again in (\d+) seconds\.$/,
    )?.[1],
  );
  const passed = (Date.now() - began) / 1000;
  assert.ok(
    seconds <= 60 && seconds >= 59 - passed,
    `told ${seconds} s, ${passed} s after the first message`,
  );
  for (const { status, messages: texts } of answers.slice(11))
    assert.deepEqual([status, texts], [200, []]);

  assert.equal((await playground.asked("Rate")).length, 10);
  const events = await worker.loggedTimes(4, ({ event }) => event === "security_event", { since });
  const expected = (told) => ({
    phone_hash: phoneHash(pair.from),
    details: { kind: "rate_limit_exceeded", limit: 10, told },
  });
  assert.deepEqual(
    events.map(({ phone_hash, details }) => ({ phone_hash, details })),
    [true, false, false, false].map(expected),
  );

  const copies = [];
  for (const message of messages.slice(0, 11)) copies.push(await worker.sendMessage(message));
  assert.deepEqual(
    copies.map(({ text }) => text),
    answers.slice(0, 11).map(({ text }) => text),
    "copies get what the messages got, the notice included",
  );
  assert.equal((await playground.asked("Rate")).length, 10);

  const neighbour = await worker.sendMessage({ ...freshPair(), body: "Not me" });
  assert.deepEqual(neighbour.messages, [echo("Not me")]);
});

test("copies do not count against the limit", async () => {
  const first = { ...freshPair(), sid: freshSid(), body: "Copied often" };
  for (let copy = 0; copy < 15; copy += 1)
    assert.deepEqual((await worker.sendMessage(first)).messages, [echo("Copied often")]);
  for (let number = 2; number <= 10; number += 1) {
    const answer = await worker.sendMessage({
      ...first,
      sid: freshSid(),
      body: "Within the limit",
    });
    assert.deepEqual(answer.messages, [echo("Within the limit", number)]);
  }
  const eleventh = await worker.sendMessage({ ...first, sid: freshSid(), body: "One too many" });
  assert.match(eleventh.messages[0], /try again in \d+ seconds/);
});

test("messages that need no model count against the limit as well", async () => {
  const pair = freshPair();
  for (let number = 0; number < 10; number += 1)
    await worker.sendMessage({ ...pair, body: ["", "reset"][number % 2] });
  const answer = await worker.sendMessage({ ...pair, body: "reset" });
  assert.match(answer.messages[0], /try again in \d+ seconds/);
});

test("of 30 simultaneous messages of one contact exactly 10 are accepted, one gets a notice, and the others are not answered", async () => {
  const pair = freshPair();
  const since = await worker.mark();
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      worker.sendMessage({ ...pair, body: `Storm ${index}.` }),
    ),
  );
  const log = () =>
    worker.log.slice(since).filter(({ phone_hash: hash }) => hash === phoneHash(pair.from));
  const taken = () =>
    log()
      .filter(({ event }) => event === "turn")
      .reduce((sum, { messages }) => sum + messages, 0);
  await eventually("ten messages in the log", () => taken() >= 10);
  assert.equal(taken(), 10);
  const refused = await worker.loggedTimes(20, ({ event }) => event === "security_event", {
    since,
  });
  const told = refused.map(({ details }) => details.told);
  assert.equal(told.length, 20);
  assert.equal(told.filter(Boolean).length, 1);
  assert.equal(answers.filter(({ messages }) => /try again/.test(messages[0])).length, 1);
});

test("1000 simultaneous messages of 1000 contacts against a cap of 100 make exactly 100 requests, and all others get a polite answer", async (t) => {
  const other = await startWorker({
    playground,
    settings: { MAX_DAILY_CALLS: "100", REPLY_WITHIN_MS: "14000", OPENAI_TIMEOUT_MS: "300000" },
  });
  try {
    const began = Date.now();
    const pairs = Array.from({ length: 1000 }, freshPair);
    const answers = await Promise.all(
      pairs.map((pair, index) =>
        sendAsOftenAsTwilio(other, { ...pair, sid: freshSid(), body: `Thousand ${index}.` }),
      ),
    );
    t.diagnostic(`1000 messages in ${Date.now() - began} ms`);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    // On a busy machine some answers may miss the webhook and come by REST.
    const byRest = answers.filter(({ messages }) => messages.length === 0).length;
    await reached("answers by REST", byRest, async () => (await playground.messages()).length);
    const sent = await playground.messages();
    assert.equal(sent.length, byRest);
    const said = pairs.map(({ from, to }, index) => {
      const texts = [
        ...answers[index].messages,
        ...sent
          .filter((message) => message.to === from && message.from === to)
          .map(({ body }) => body),
      ];
      if (texts.length !== 1) return texts;
      return (
        { [NO_BUDGET]: "no budget", [echo(`Thousand ${index}.`)]: "answered" }[texts[0]] ?? texts
      );
    });
    const odd = said.filter((what) => what !== "answered" && what !== "no budget");
    const failures = other.log
      .filter(({ event, failure }) => event === "turn" && failure && failure !== "budget_exhausted")
      .map(({ failure }) => failure);
    assert.deepEqual(odd, [], `nothing else is said; failures: ${failures}`);
    assert.equal(said.filter((what) => what === "answered").length, 100);
    assert.equal(said.filter((what) => what === "no budget").length, 900);
    assert.equal((await playground.asked("Thousand")).length, 100);
    const refused = await other.loggedTimes(
      900,
      ({ event, failure }) => event === "turn" && failure === "budget_exhausted",
    );
    assert.equal(refused.length, 900, "one log event each");
    assert.ok(
      refused.every(({ model_requests: made, outcome }) => made === 0 && outcome === "failed"),
    );

    await other.restart();
    // Each contact gets this notice once a day.
    const stranger = { from: "+15550199", to: "+15550100" };
    assert.deepEqual(
      (await other.sendMessage({ ...stranger, body: "Thousand and one" })).messages,
      [NO_BUDGET],
      "a restart opens no new budget",
    );
    assert.deepEqual(
      (await other.sendMessage({ ...stranger, body: "Thousand and two" })).messages,
      [],
    );
    assert.equal((await playground.asked("Thousand")).length, 100);
  } finally {
    await other.close();
  }
});

test("with a cap of 0 no request is ever made, and what needs no model still works", async () => {
  const other = await startWorker({
    playground,
    settings: { MAX_DAILY_CALLS: "0", RATE_LIMIT_PER_MINUTE: "3" },
  });
  try {
    const pair = freshPair();
    assert.deepEqual((await other.sendMessage({ ...pair, body: "Zero cap" })).messages, [
      NO_BUDGET,
    ]);
    assert.deepEqual((await other.sendMessage({ ...pair, body: "" })).messages, [
      "Please send text.",
    ]);
    assert.match((await other.sendMessage({ ...pair, body: "reset" })).messages[0], /^Done/);
    assert.deepEqual(await playground.asked("Zero cap"), []);
    const fourth = await other.sendMessage({ ...pair, body: "Zero cap again" });
    assert.match(
      fourth.messages[0],
      /try again in \d+ seconds/,
      "the rate limit is the one that was set",
    );
    const refusal = await other.logged(({ details }) => details?.kind === "rate_limit_exceeded");
    assert.equal(refusal.details.limit, 3);
  } finally {
    await other.close();
  }
});

test("retries count against the cap, and no request is made beyond it", async () => {
  const other = await startWorker({ playground, settings: { MAX_DAILY_CALLS: "4" } });
  try {
    const failing = { body: "Retried into the cap [fault status=503]" };
    const first = await other.sendMessage({ ...freshPair(), ...failing });
    assert.match(first.messages[0], /^Sorry, I can't answer right now/);
    assert.equal((await playground.asked("Retried into")).length, 3);
    const second = await other.sendMessage({ ...freshPair(), ...failing });
    assert.deepEqual(second.messages, [NO_BUDGET]);
    assert.equal((await playground.asked("Retried into")).length, 4);
    const turns = await other.loggedTimes(2, ({ event }) => event === "turn");
    assert.deepEqual(
      turns.map(({ model_requests: made, failure }) => [made, failure]),
      [
        [3, "server_error"],
        [1, "budget_exhausted"],
      ],
    );

    await other.restart({ MAX_DAILY_CALLS: "5" });
    const raised = await other.sendMessage({ ...freshPair(), body: "The cap was raised" });
    assert.deepEqual(raised.messages, [echo("The cap was raised")]);
    assert.deepEqual((await other.sendMessage({ ...freshPair(), body: "By one" })).messages, [
      NO_BUDGET,
    ]);
  } finally {
    await other.close();
  }
});

// With Twilio's retry settings, a message that gets a 503, for example because its object is not
// reached in time, is sent up to three more times.
async function sendAsOftenAsTwilio(target, message) {
  for (let more = 3; ; more -= 1) {
    const answer = await target.sendMessage(message);
    if (answer.status !== 503 || more === 0) return answer;
  }
}

// The budget is reset at midnight UTC, so a test must not run across it.
async function awayFromMidnight() {
  const left = 86_400_000 - (Date.now() % 86_400_000);
  if (left < 300_000) await new Promise((resolve) => setTimeout(resolve, left + 1000));
}
