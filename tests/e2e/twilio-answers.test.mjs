// What Twilio answers to messages by REST: changed texts, lists that lag, opt-outs, errors that say
// never, and the order of parts.
//
// Not here: when an answer goes out by REST, and restarts (delivery).

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  echo,
  eventually,
  freshPair,
  phoneHash,
  sleep,
  startPlayground,
  startWorker,
} from "./harness.mjs";

let worker, playground;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({
    playground,
    settings: { REPLY_WITHIN_MS: "500", MAX_SEGMENTS: "100" },
  });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

// These tests mostly wait, so they run at the same time.
describe("what Twilio answers", { concurrency: 20 }, () => {
  for (const body of ["trial", "redacted", "smart_encoded", "listed_late"])
    test(`a message whose response was lost is found and not sent again (${body})`, async () => {
      const pair = freshPair();
      await playground.fault({
        service: "twilio",
        connection: "act_then_drop",
        body,
        times: 1,
        contains: pair.from,
      });
      await worker.sendMessage({ ...pair, body: "“Unclear” – see… [fault delay=900ms]" });
      const line = await partOf(pair);
      assert.equal(line.outcome, "sent");
      await sleep(2000);
      assert.equal((await creates(pair)).length, 1);
      assert.equal((await playground.messagesTo(pair.from)).length, 1);
    });

  test("a create that says unsubscribed opts the contact out until START", async () => {
    const pair = freshPair();
    await playground.fault({
      service: "twilio",
      status: 400,
      error: { code: 21610 },
      times: 1,
      contains: pair.from,
    });
    await worker.sendMessage({
      ...pair,
      body: "Please write 2500 characters [fault delay=900ms]",
    });
    const part = await partOf(pair);
    assert.deepEqual([part.outcome, part.code], ["rejected", 21610]);
    await isOptedOutUntilStart(pair, 1);
  });

  test("a receipt that says unsubscribed opts the contact out until START", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Refused later [fault delay=900ms]" });
    await partOf(pair);
    const [{ sid }] = await playground.messagesTo(pair.from);
    assert.equal((await receipt(pair, sid, "undelivered", "21610")).status, 204);
    await isOptedOutUntilStart(pair, 0);
  });

  test("a day that is used up (429, 63038) is given up at once, with its code", async () => {
    const pair = freshPair();
    await playground.fault({
      service: "twilio",
      status: 429,
      error: { code: 63038 },
      times: 5,
      contains: pair.from,
    });
    await worker.sendMessage({ ...pair, body: "Used up [fault delay=900ms]" });
    const part = await partOf(pair);
    assert.deepEqual([part.outcome, part.code], ["rejected", 63038]);
    await sleep(3000);
    assert.equal((await creates(pair)).length, 1);
  });

  test("parts arrive in order, although Twilio shuffles those that are created within a second", async () => {
    const pair = freshPair();
    await worker.sendMessage({
      ...pair,
      body: "Please write 3900 characters [fault delay=900ms]",
    });
    const parts = await eventually("three parts", async () => {
      const sent = await playground.messagesTo(pair.from);
      return sent.length === 3 && sent;
    });
    const created = parts.map(({ received_at: at }) => at);
    assert.deepEqual(created, created.toSorted(), "they arrive as they were created");
    assert.ok(parts[0].body.startsWith("The harbour wakes"));
  });

  test("a receipt of one part lets the next one go", async () => {
    const pair = freshPair();
    await worker.sendMessage({
      ...pair,
      body: "Please write 2500 characters [fault delay=900ms]",
    });
    await partOf(pair);
    const [{ sid, received_at: first }] = await playground.messagesTo(pair.from);
    await receipt(pair, sid, "sent");
    const second = await eventually("the second part", async () =>
      (await playground.messages()).find(({ to, sid: other }) => to === pair.from && other !== sid),
    );
    assert.ok(second.received_at - first < 1400, `${second.received_at - first} ms`);
  });

  test("a refusal to show typing is logged once and disturbs no answer", async () => {
    await playground.fault({
      service: "twilio",
      status: 400,
      error: { code: 20422 },
      times: 2,
      contains: "/v3/Indicators",
    });
    const pairs = [freshPair(), freshPair()];
    for (const pair of pairs)
      await worker.sendMessage({
        ...pair,
        channel: "whatsapp",
        body: "Typed [fault delay=2500ms]",
      });
    for (const pair of pairs)
      await eventually("the answer", async () =>
        (await playground.messagesTo(`whatsapp:${pair.from}`)).find(
          ({ body }) => body === echo("Typed"),
        ),
      );
    const refused = worker.log.filter(({ event }) => event === "typing_refused");
    assert.deepEqual(
      refused.map(({ status, code }) => [status, code]),
      [[400, 20422]],
    );
  });
});

async function isOptedOutUntilStart(pair, parts) {
  const consent = await worker.logged(of(pair, "consent"));
  assert.deepEqual(
    [consent.state, consent.by, consent.dropped_parts],
    ["opted_out", "twilio", parts],
  );
  assert.deepEqual((await worker.sendMessage({ ...pair, body: "Nobody reads this" })).messages, []);
  await worker.sendMessage({ ...pair, body: "START" });
  assert.deepEqual((await worker.sendMessage({ ...pair, body: "Back" })).messages.length, 1);
  assert.equal((await playground.asked("Nobody reads this")).length, 0);
}

const of =
  (pair, name) =>
  ({ event, phone_hash: hash }) =>
    event === name && hash === phoneHash(pair.from);

const partOf = (pair) => worker.logged(of(pair, "outbox_part"), { timeout: 60_000 });

const receipt = ({ from, to }, sid, status, code) =>
  worker.sendMessage({
    path: "/twilio/messages/status",
    form: Object.entries({
      MessageSid: sid,
      MessageStatus: status,
      To: from,
      From: to,
      ...(code ? { ErrorCode: code } : {}),
    }),
  });

async function creates({ from }) {
  return (await playground.requests("twilio")).filter(
    ({ method, body }) => method === "POST" && body.To === from,
  );
}
