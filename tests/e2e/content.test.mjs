// What a message contains, and whether it wants an answer, on the deployed build: forms, buttons, quotes,
// tapbacks and automatic replies.
//
// Not here: images (media), and the single forms and limits (tests/it/messaging/content.rs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { echo, eventually, freshPair, phoneHash, startSwitchboard } from "./harness.mjs";

let switchboard, worker, playground;

before(async () => {
  switchboard = await startSwitchboard({
    settings: { REPLY_WITHIN_MS: "1000", RATE_LIMIT_PER_MINUTE: "100" },
  });
  ({ worker, playground } = switchboard);
});

after(() => switchboard?.close());

const whatsapp = () => ({ ...freshPair(), channel: "whatsapp" });
const isIgnored = (pair, reason) => (entry) =>
  entry.event === "message_ignored" &&
  entry.phone_hash === phoneHash(pair.from) &&
  entry.reason === reason;
/** The messages that the model got in its newest request for these words. */
const inputs = async (words) => {
  const requests = await playground.asked(words);
  return requests.at(-1).body.messages.map(({ content }) => content);
};

test("the fields of a WhatsApp form and what a button's payload adds reach the model", async () => {
  const form = JSON.stringify({ flow_token: "tok-1", date: "2026-10-02", guests: "4" });
  const pair = whatsapp();
  const answer = await worker.sendMessage({
    ...pair,
    body: "",
    params: [
      ["MessageType", "interactive"],
      ["InteractiveData", form],
    ],
  });
  assert.deepEqual(answer.messages, [echo("date: 2026-10-02\nguests: 4")]);
  const pressed = await worker.sendMessage({
    ...pair,
    body: "Book",
    params: [
      ["ButtonText", "Book"],
      ["ButtonPayload", "table_7"],
    ],
  });
  assert.deepEqual(pressed.messages, [echo("Book (table_7)", 2)]);
  const malformed = await worker.sendMessage({
    ...pair,
    body: "",
    params: [["InteractiveData", '{"date":']],
  });
  assert.deepEqual(malformed.messages, ["Please send text."]);
});

test("a quoted answer goes before the message, and one that nobody remembers is left out", async () => {
  const pair = whatsapp();
  const slow = "[fault delay=2s] Which do you have, slowly?";
  assert.deepEqual((await worker.sendMessage({ ...pair, body: slow })).messages, []);
  const [byRest] = await eventually("the answer by REST", async () => {
    const sent = await playground.messagesTo(`whatsapp:${pair.from}`);
    return sent.length ? sent : undefined;
  });
  const quoting = (sid, body) =>
    worker.sendMessage({ ...pair, body, params: [["OriginalRepliedMessageSid", sid]] });
  await quoting(byRest.sid, "yes, that very one");
  const quoted = (await inputs("yes, that very one")).at(-1);
  assert.ok(quoted.startsWith("> ") && quoted.endsWith("\nyes, that very one"), quoted);
  assert.ok(quoted.includes("Which do you have, slowly?"), quoted);
  await quoting(`SM${"0".repeat(32)}`, "and this unknown one");
  assert.equal((await inputs("and this unknown one")).at(-1), "and this unknown one");
});

test("a tapback on an answer gets an empty 200 and one log line, and a sentence that begins so is answered", async () => {
  const pair = freshPair();
  const { messages } = await worker.sendMessage({ ...pair, body: "When do you open?" });
  for (const body of [
    `Liked “${messages[0]}”`,
    `👍 to “${messages[0]}”`,
    `Removed a like from “${messages[0].slice(0, 20)}…”`,
  ]) {
    const answer = await worker.sendMessage({ ...pair, body });
    assert.deepEqual([answer.status, answer.messages], [200, []], body);
  }
  await worker.loggedTimes(3, isIgnored(pair, "reaction"));
  const body = "Liked it, do you have more?";
  assert.deepEqual((await worker.sendMessage({ ...pair, body })).messages, [echo(body, 2)]);
});

test("an automatic reply to each answer is silenced, until something else comes", async () => {
  const pair = freshPair();
  const away = "I'm driving right now. I'll get back to you later.";
  const answers = [];
  for (let number = 0; number < 12; number += 1)
    answers.push((await worker.sendMessage({ ...pair, body: away })).messages.length);
  assert.deepEqual(answers, [1, 1, 1, ...Array(9).fill(0)]);
  await worker.loggedTimes(9, isIgnored(pair, "reply_loop"));
  const body = "I'm back. Do you open on Sunday?";
  assert.deepEqual((await worker.sendMessage({ ...pair, body })).messages, [echo(body, 4)]);
});
