// A contact that is handed over to a person: what it reads, what the desk gets, how the operator
// answers, and how it ends.
//
// The desk verifies each signature with the library of Standard Webhooks. Not here: the end by time,
// Studio flows, and the retries of a day (native tests and the simulation).

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { exampleAssistants, FRONT_DESK } from "./examples.mjs";
import {
  eventually,
  freshPair,
  phoneHash,
  pseudonym,
  reached,
  SECRETS,
  startSwitchboard,
} from "./harness.mjs";

const TOLD =
  "A person will answer you here. Until then the assistant is silent. Reply ASSISTANT to talk to it again.";
const ENDED = "You are talking to the automated assistant again.";

let playground, worker, close;

before(async () => {
  ({ playground, worker, close } = await startSwitchboard({
    assistants: exampleAssistants,
    settings: { RATE_LIMIT_PER_MINUTE: "100" },
  }));
});

afterEach(() => playground.clearFaults());

after(() => close?.());

const freshContact = () => ({ from: freshPair().from, to: FRONT_DESK });

/** Sends a message and returns the texts of the answer. */
async function says(pair, body) {
  const { status, messages } = await worker.sendMessage({ ...pair, body });
  assert.equal(status, 200);
  return messages;
}

/** What the desk got from a contact, in order, after `count` of them. */
async function desk(pair, count) {
  const list = async () =>
    (await playground.deliveries("desk")).filter(
      ({ body }) => body.conversation === pseudonym(pair),
    );
  await reached("messages at the desk", count, async () => (await list()).length);
  return list();
}

const texts = (deliveries) => deliveries.map(({ body }) => body.text);

/** An operator's request about a contact. */
async function operator(action, pair, more = {}) {
  return worker.request(`/admin/contacts/${action}`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ ...pair, ...more }),
  });
}

/** The requests to the model of a test, which starts with `clearRequests`. */
const modelRequests = async () => (await playground.requests("openai")).length;

test("a contact that asks for a person is told once, and its messages reach the desk in order, with no request to the model", async () => {
  await playground.clearRequests();
  const pair = freshContact();
  assert.deepEqual(await says(pair, "agent"), [TOLD]);
  assert.deepEqual(await says(pair, "My order is lost"), []);
  assert.deepEqual(await says(pair, "Where is order 1234?"), []);
  assert.deepEqual(await says(pair, "Hello?"), []);
  const received = await desk(pair, 4);
  assert.deepEqual(texts(received), [
    "agent",
    "My order is lost",
    "Where is order 1234?",
    "Hello?",
  ]);
  assert.equal(new Set(received.map(({ id }) => id)).size, 4);
  for (const { id, times, body } of received) {
    assert.equal(times, 1);
    assert.deepEqual(
      [body.event, body.id, body.assistant, body.channel, body.contact, body.number],
      ["handed_over_message", id, "front-desk", "sms", pair.from, pair.to],
    );
  }
  assert.equal(await modelRequests(), 0);
  const notes = (await playground.messagesTo("+15550142")).map(({ body }) => body);
  const note = `A contact (${phoneHash(pair.from)}) waits for a person.`;
  assert.equal(notes.filter((body) => body === note).length, 1, "one a minute");
  assert.ok(!notes.join().includes("lost") && !notes.join().includes(pair.from));
  const line = await worker.logged(
    ({ event, phone_hash: hash }) => event === "hand_off" && hash === phoneHash(pair.from),
  );
  assert.deepEqual([line.state, line.by], ["begun", "contact"]);
});

test("a message that the desk does not take is tried again with its id, and the next one waits for it", async () => {
  const pair = freshContact();
  await says(pair, "human");
  await desk(pair, 1);
  await playground.fault({ service: "shop", status: 503, contains: "The first" });
  await says(pair, "The first");
  await says(pair, "The second");
  assert.deepEqual(texts(await desk(pair, 3)), ["human", "The first", "The second"]);
  const tries = (await playground.requests("shop")).filter(
    ({ body }) => body?.conversation === pseudonym(pair) && body.text === "The first",
  );
  assert.equal(tries.length, 2);
  assert.equal(tries[0].headers["webhook-id"], tries[1].headers["webhook-id"]);
});

test("the model hands a contact over with its tool, and the contact reads the fixed text", async () => {
  const pair = freshContact();
  assert.deepEqual(await says(pair, "I want to talk to a person, please"), [TOLD]);
  const [{ body }] = await desk(pair, 1);
  assert.equal(body.reason, "I want to talk to a person, please");
  await playground.clearRequests();
  assert.deepEqual(await says(pair, "It is urgent"), []);
  const received = await desk(pair, 2);
  assert.equal(received[1].body.text, "It is urgent");
  assert.equal(await modelRequests(), 0);
});

test("an operator's answer arrives by REST, and the contact's word ends the hand-off with the model informed", async () => {
  const pair = freshContact();
  await says(pair, "agent");
  await says(pair, "My order is lost");
  const { status } = await operator("messages", pair, { text: "On its way. Ana" });
  assert.ok([200, 202].includes(status), String(status));
  const sent = await eventually("the operator's answer", async () =>
    (await playground.messagesTo(pair.from)).find(({ body }) => body === "On its way. Ana"),
  );
  assert.equal(sent.from, pair.to);
  assert.deepEqual(await says(pair, "bot"), [ENDED]);
  await playground.clearRequests();
  assert.equal((await says(pair, "Thanks for that")).length, 1);
  const [{ body }] = await playground.asked("Thanks for that");
  const known = JSON.stringify(body.messages);
  assert.ok(known.includes("My order is lost") && known.includes("On its way. Ana"), known);
  assert.ok(!texts(await desk(pair, 2)).includes("Thanks for that"));
});

test("an opt-out holds: an operator's answer is refused with 409, and nothing is sent", async () => {
  const pair = freshContact();
  await says(pair, "agent");
  await says(pair, "STOP");
  const refused = await operator("messages", pair, { text: "Are you there?" });
  assert.equal(refused.status, 409);
  await worker.mark();
  const sent = (await playground.messagesTo(pair.from)).map(({ body }) => body);
  assert.ok(!sent.includes("Are you there?"));
});

test("an operator hands a contact over, and releases it", async () => {
  const pair = freshContact();
  assert.equal((await says(pair, "Hello")).length, 1);
  assert.equal((await operator("hand-over", pair)).status, 200);
  // Its next message names the account, so it is told then.
  assert.deepEqual(await says(pair, "Are you there?"), [TOLD]);
  assert.deepEqual(texts(await desk(pair, 1)), ["Are you there?"]);
  assert.equal((await operator("release", pair)).status, 200);
  const [answer] = await says(pair, "And now?");
  assert.match(answer, /You said: "And now\?"/);
  const late = await operator("messages", pair, { text: "Too late" });
  assert.equal(late.status, 409);
});

test("a hand-off survives a restart of the Worker, and so do the messages that wait for the desk", async () => {
  const pair = freshContact();
  await says(pair, "agent");
  await desk(pair, 1);
  await playground.fault({ service: "shop", status: 503, contains: "Before the restart" });
  await says(pair, "Before the restart");
  await worker.restart();
  assert.deepEqual(await says(pair, "After the restart"), []);
  assert.deepEqual(texts(await desk(pair, 3)), [
    "agent",
    "Before the restart",
    "After the restart",
  ]);
});

test("without the operator's token, nobody answers, hands over or releases", async () => {
  const pair = freshContact();
  for (const action of ["messages", "hand-over", "release"]) {
    const { status } = await worker.request(`/admin/contacts/${action}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...pair, text: "Planted" }),
    });
    assert.equal(status, 401, action);
  }
  assert.match((await says(pair, "Hello"))[0], /You said/);
});
