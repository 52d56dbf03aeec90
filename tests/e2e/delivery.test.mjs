// Answers by REST, when the model takes longer than a webhook may wait, and what survives a crash
// in between.
//
// Not here: answers in the webhook (messages), failures of the model (openai).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { after, before, describe, test } from "node:test";
import {
  ACCOUNT,
  echo,
  eventually,
  freshPair,
  freshSid,
  phoneHash,
  SECRETS,
  sleep,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const OLDER_TOKEN = crypto.randomBytes(16).toString("hex");
const SERVICE = `MG${"0a".repeat(16)}`;

let worker, playground;

before(async () => {
  const tokens = `${OLDER_TOKEN},${SECRETS.TWILIO_AUTH_TOKEN}`;
  playground = await startPlayground({ tokens });
  worker = await startWorker({
    playground,
    settings: { TWILIO_AUTH_TOKEN: tokens, REPLY_WITHIN_MS: "500", MAX_SEGMENTS: "100" },
  });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

// These tests mostly wait, so they run at the same time.
describe("answers by REST", { concurrency: 20 }, () => {
  test("an answer that misses the webhook goes out once by REST, and the webhook gets an empty response in time", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({ ...pair, body: "Late by SMS [fault delay=2500ms]" });
    assert.equal(answer.status, 200);
    assert.equal(answer.text, '<?xml version="1.0" encoding="UTF-8"?><Response/>');
    assert.deepEqual(await playground.messagesTo(pair.from), [], "the webhook was answered first");
    const message = await sentTo(pair.from);
    assert.deepEqual(message.parameters, {
      To: pair.from,
      From: pair.to,
      Body: echo("Late by SMS"),
    });
    assert.equal(message.account_sid, ACCOUNT);
    const outcomes = () =>
      worker.log
        .filter(({ phone_hash: hash }) => hash === phoneHash(pair.from))
        .map(({ event, outcome, reply_via: via }) => [event, outcome, via]);
    await eventually("the log", () => outcomes().length === 2);
    assert.deepEqual(outcomes(), [
      ["turn", "answered", "rest"],
      ["outbox_part", "sent", undefined],
    ]);
    await sleep(1500);
    assert.equal((await playground.messagesTo(pair.from)).length, 1);
  });

  test("an answer by REST on WhatsApp uses WhatsApp addresses", async () => {
    const pair = freshPair();
    await worker.sendMessage({
      ...pair,
      channel: "whatsapp",
      body: "Late by WhatsApp [fault delay=900ms]",
    });
    const message = await sentTo(`whatsapp:${pair.from}`);
    assert.deepEqual(message.parameters, {
      To: `whatsapp:${pair.from}`,
      From: `whatsapp:${pair.to}`,
      Body: echo("Late by WhatsApp"),
    });
  });

  test("an answer by REST goes through the Messaging Service that received the message", async () => {
    const pair = freshPair();
    await worker.sendMessage({
      ...pair,
      body: "Late by service [fault delay=900ms]",
      params: [["MessagingServiceSid", SERVICE]],
    });
    const message = await sentTo(pair.from);
    assert.deepEqual(message.parameters, {
      To: pair.from,
      MessagingServiceSid: SERVICE,
      Body: echo("Late by service"),
    });
  });

  test("an answer by REST to a message for a short code comes from that short code", async () => {
    const { from } = freshPair();
    await worker.sendMessage({ from, to: "55501", body: "Late by short code [fault delay=900ms]" });
    assert.equal((await sentTo(from)).parameters.From, "55501");
  });

  test("an answer by REST uses the token that verified the message", async () => {
    for (const [index, token] of [OLDER_TOKEN, SECRETS.TWILIO_AUTH_TOKEN].entries()) {
      const pair = freshPair();
      await worker.sendMessage({ ...pair, token, body: "Whose token [fault delay=900ms]" });
      await sentTo(pair.from);
      const [request] = await restRequests(pair.from);
      assert.equal(request.token_index, index);
    }
  });

  test("an answer by REST uses another token if Twilio no longer accepts the one that verified the message", async () => {
    const pair = freshPair();
    await playground.fault({ service: "twilio", status: 401, times: 1, contains: pair.from });
    await worker.sendMessage({
      ...pair,
      token: OLDER_TOKEN,
      body: "Promoted meanwhile [fault delay=900ms]",
    });
    assert.equal((await sentTo(pair.from)).body, echo("Promoted meanwhile"));
    assert.deepEqual(
      (await restRequests(pair.from)).map(({ status, token_index: index }) => [status, index]),
      [
        [401, 0],
        [201, 1],
      ],
    );
  });

  test("a long answer by REST goes out in parts, in order, each once", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Please write 3900 characters [fault delay=900ms]" });
    const parts = await eventually("three parts", async () => {
      const sent = await playground.messagesTo(pair.from);
      return sent.length === 3 && sent;
    });
    const text = parts
      .map(({ body }) => body)
      .join(" ")
      .replace(/\s+/g, " ");
    assert.ok(
      text.startsWith("The harbour wakes") && text.length > 3850,
      `${text.length} characters`,
    );
    assert.ok(parts.every(({ body }) => body.length <= 1600));
    await sleep(1000);
    assert.equal((await playground.messagesTo(pair.from)).length, 3);
  });

  test("a part that Twilio did not process is sent again when it is due, and the rest follows in order", async () => {
    const pair = freshPair();
    await playground.fault({ service: "twilio", status: 429, times: 1, contains: pair.from });
    await worker.sendMessage({ ...pair, body: "Please write 2500 characters [fault delay=900ms]" });
    const parts = await eventually("both parts", async () => {
      const sent = await playground.messagesTo(pair.from);
      return sent.length === 2 && sent;
    });
    assert.ok(parts[0].body.startsWith("The harbour wakes"));
    const requests = await restRequests(pair.from);
    assert.deepEqual(
      requests.map(({ status }) => status),
      [429, 201, 201],
    );
    assert.ok(requests[1].received_at - requests[0].received_at >= 900, "not at once");
    assert.equal(requests[0].body.Body, requests[1].body.Body);
  });

  test("a send whose response was lost is found at Twilio and not repeated", async () => {
    const pair = freshPair();
    await playground.fault({
      service: "twilio",
      connection: "act_then_drop",
      times: 1,
      contains: pair.from,
    });
    await worker.sendMessage({ ...pair, body: "Ambiguous [fault delay=900ms]" });
    const line = await worker.logged(
      ({ event, phone_hash: hash }) => event === "outbox_part" && hash === phoneHash(pair.from),
    );
    assert.equal(line.outcome, "sent");
    assert.equal((await restRequests(pair.from)).length, 1);
    assert.equal((await playground.messagesTo(pair.from)).length, 1);
  });

  test("a delivery receipt is logged once, and a forged one is rejected", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Reported [fault delay=900ms]" });
    const { sid } = await sentTo(pair.from);
    // The playground has the message a moment before the Worker has stored its SID, and every
    // receipt of an unknown message is logged.
    await worker.logged(
      ({ event, phone_hash: hash }) => event === "outbox_part" && hash === phoneHash(pair.from),
    );
    const form = Object.entries({
      MessageSid: sid,
      MessageStatus: "undelivered",
      To: pair.from,
      From: pair.to,
      ErrorCode: "30003",
    });
    const report = (change) =>
      worker.sendMessage({ form, path: "/twilio/messages/status", ...change });
    assert.deepEqual([(await report()).status, (await report()).status], [204, 204]);
    assert.equal((await report({ token: "f".repeat(32) })).status, 403);
    await worker.logged(
      ({ event, details }) => event === "security_event" && details.reason === "mismatch",
    );
    const reports = worker.log.filter(
      ({ event, phone_hash: hash }) => event === "delivery" && hash === phoneHash(pair.from),
    );
    assert.deepEqual(
      reports.map(({ status, code }) => [status, code]),
      [["undelivered", 30003]],
    );
  });

  test("typing is shown on WhatsApp when a turn takes longer than two seconds", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({
      ...pair,
      channel: "whatsapp",
      body: "Typed [fault delay=2500ms]",
    });
    await sentTo(`whatsapp:${pair.from}`);
    const shown = (await playground.requests("twilio")).filter(
      ({ path }) => path === "/v3/Indicators/Typing.json",
    );
    assert.deepEqual(
      shown.map(({ body, status }) => [body.messageId, body.channel, status]),
      [[answer.sid, "WHATSAPP", 200]],
    );
  });

  test("a send that Twilio permanently rejects is never repeated", async () => {
    const pair = freshPair();
    await playground.fault({
      service: "twilio",
      status: 400,
      error: { code: 21610 },
      times: 5,
      contains: pair.from,
    });
    await worker.sendMessage({ ...pair, body: "Refused [fault delay=900ms]" });
    const line = await worker.logged(
      ({ event, phone_hash: hash }) => event === "outbox_part" && hash === phoneHash(pair.from),
    );
    assert.deepEqual([line.outcome, line.code], ["rejected", 21610]);
    await sleep(3000);
    assert.equal((await restRequests(pair.from)).length, 1);
  });

  test("the copy of a message whose answer went out by REST gets an empty response, before and after", async () => {
    const message = {
      ...freshPair(),
      sid: freshSid(),
      body: "Copied while slow [fault delay=1500ms]",
    };
    const answers = [await worker.sendMessage(message), await worker.sendMessage(message)];
    await sentTo(message.from);
    answers.push(await worker.sendMessage(message));
    assert.deepEqual(
      answers.map(({ messages }) => messages),
      [[], [], []],
    );
    await sleep(700);
    assert.equal((await playground.messagesTo(message.from)).length, 1);
    assert.equal((await playground.asked("Copied while slow")).length, 1);
  });

  test("messages that arrive during a slow turn are answered together, after its answer", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Late first [fault delay=3500ms]" });
    // By then, a message breaks the request off no more.
    await sleep(1600);
    const [two, three] = await Promise.all([
      worker.sendMessage({ ...pair, body: "Late second" }),
      sleep(150).then(() => worker.sendMessage({ ...pair, body: "Late third" })),
    ]);
    assert.deepEqual([two.messages, three.messages], [[], []]);
    const sent = await eventually("both answers", async () => {
      const messages = await playground.messagesTo(pair.from);
      return messages.length === 2 && messages;
    });
    assert.deepEqual(
      sent.map(({ body }) => body),
      [echo("Late first"), echo("Late second\nLate third", 2)],
    );
  });

  test("a turn that was answered by REST is remembered", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Remember the slow one [fault delay=900ms]" });
    await sentTo(pair.from);
    const next = await worker.sendMessage({ ...pair, body: "How many messages?" });
    assert.deepEqual(next.messages, ["You have sent 2 messages in this conversation."]);
  });

  test("a failure after the webhook has ended is reported once, by REST, and is not part of the conversation", async () => {
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Fails slowly [fault delay=900ms status=400]" });
    assert.equal(
      (await sentTo(pair.from)).body,
      "Sorry, I can't answer right now. Please try again in a few minutes.",
    );
    const next = await worker.sendMessage({ ...pair, body: "How many messages?" });
    assert.deepEqual(next.messages, ["You have sent 1 message in this conversation."]);
  });

  test("an answer that misses the webhook and cannot be sent is dropped and logged", async () => {
    const pair = freshPair();
    const form = [
      ["MessageSid", freshSid()],
      ["From", pair.from],
      ["To", pair.to],
      ["Body", "No account [fault delay=900ms]"],
    ];
    assert.deepEqual((await worker.sendMessage({ form })).messages, []);
    const line = await worker.logged(
      ({ event, phone_hash: hash }) => event === "outbox_part" && hash === phoneHash(pair.from),
    );
    assert.equal(line.outcome, "undeliverable");
    assert.deepEqual(await restRequests(pair.from), []);
  });
});

test("a copy that is still waiting carries the answer, and nothing is sent by REST", async () => {
  const message = {
    ...freshPair(),
    sid: freshSid(),
    // It comes in the middle of the time that the copy waits.
    body: "Caught by a copy [fault delay=750ms]",
  };
  const first = await worker.sendMessage(message);
  assert.deepEqual(first.messages, []);
  const copy = await worker.sendMessage(message);
  assert.deepEqual(copy.messages, [echo("Caught by a copy")]);
  await sleep(700);
  assert.deepEqual(await playground.messagesTo(message.from), []);
});

test("a crash in the middle of a turn loses nothing: the turn runs again and its answer goes out once, by REST", async () => {
  const message = { ...freshPair(), sid: freshSid(), body: "Survive this [fault delay=900ms]" };
  await worker.sendMessage({ ...message, sid: freshSid(), body: "Said before" });
  const webhook = worker.sendMessage(message).catch(() => "cut off");
  await eventually("the turn to run", async () => (await playground.asked("Survive this")).length);
  await worker.kill();
  await webhook;
  await worker.restart();
  const answer = await sentTo(message.from);
  assert.equal(answer.body, echo("Survive this", 2), "the conversation is still there, too");
  assert.equal((await playground.asked("Survive this")).length, 2);
  assert.deepEqual((await worker.sendMessage(message)).messages, []);
  await sleep(700);
  assert.equal((await playground.messagesTo(message.from)).length, 1);
});

test("a copy after a restart gets the earlier answer, at no cost", async () => {
  const message = { ...freshPair(), sid: freshSid(), body: "Answered before the restart" };
  const answer = await worker.sendMessage(message);
  await worker.restart();
  assert.equal((await worker.sendMessage(message)).text, answer.text);
  assert.equal((await playground.asked("Answered before the restart")).length, 1);
  const next = await worker.sendMessage({
    ...message,
    sid: freshSid(),
    body: "What did I say before?",
  });
  assert.deepEqual(next.messages, ['Before this you said: "Answered before the restart"']);
});

test("an answer that was due before a restart is sent by REST after it, even if its token was rotated out", async () => {
  const pair = freshPair();
  await playground.fault({ service: "twilio", status: 429, times: 1, contains: pair.from });
  await worker.sendMessage({ ...pair, token: OLDER_TOKEN, body: "Promised [fault delay=900ms]" });
  await eventually("the first try", async () => (await restRequests(pair.from))[0]?.status);
  await sleep(300); // for the object to take note of it
  await worker.restart({ TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN });
  assert.equal((await sentTo(pair.from)).body, echo("Promised"));
  assert.deepEqual(
    (await restRequests(pair.from)).map(({ token_index: index }) => index),
    [0, 1],
  );
});

test("a part that Twilio does not have, after a 500 or a crash during sending, is sent again once that is certain", async () => {
  const [refused, cutOff] = [freshPair(), freshPair()];
  await playground.fault({ service: "twilio", status: 500, times: 1, contains: refused.from });
  await playground.fault({ service: "twilio", delay_ms: 60_000, times: 1, contains: cutOff.from });
  await Promise.all(
    [refused, cutOff].map((pair) =>
      worker.sendMessage({ ...pair, body: "Comes once [fault delay=900ms]" }),
    ),
  );
  for (const { from } of [refused, cutOff])
    await eventually("the first send", async () => (await restRequests(from)).length);
  await worker.restart();
  await sleep(15_000);
  for (const { from } of [refused, cutOff])
    assert.equal((await restRequests(from)).length, 1, "Twilio may still be at it");
  for (const { from } of [refused, cutOff]) await sentTo(from);
  await sleep(1000);
  for (const { from } of [refused, cutOff]) {
    assert.equal((await restRequests(from)).length, 2);
    assert.equal((await playground.messagesTo(from)).length, 1);
  }
});

async function sentTo(address) {
  const [message] = await eventually(`a message to ${address}`, async () => {
    const sent = await playground.messagesTo(address);
    return sent.length > 0 && sent;
  });
  return message;
}

async function restRequests(address) {
  return (await playground.requests("twilio")).filter(
    ({ method, body }) => method === "POST" && body.To === address,
  );
}
