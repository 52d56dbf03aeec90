// Who may write, on the real runtime: WhatsApp users without a number, RCS, Messenger, senders that
// nobody can answer, groups, receipts, and one person with two addresses. Signed by Twilio's own
// library.
//
// Not here: every form of an address and every fault (native tests).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  echo,
  eventually,
  freshPair,
  freshSid,
  inboundForm,
  phoneHash,
  pseudonym,
  SECRETS,
  startSwitchboard,
} from "./harness.mjs";

const SERVICE = `MG${"0123456789abcdef".repeat(2)}`;
const OPTED_OUT = "You will get no more messages from us. Reply START if you change your mind.";
const OPTED_IN = "You're opted in again. Reply STOP to opt out.";

let switchboard, worker, playground;

before(async () => {
  switchboard = await startSwitchboard({ settings: { REPLY_WITHIN_MS: "700" } });
  ({ worker, playground } = switchboard);
});

after(() => switchboard?.close());

// The form of a message between these addresses, with these fields more (null: without it).
function form(from, to, body, more = {}) {
  const sid = freshSid();
  const fields = new Map(inboundForm({ sid, body }).map(([name, value]) => [name, value]));
  for (const name of [...fields.keys()]) if (/^(From|To)[A-Z]/.test(name)) fields.delete(name);
  for (const [name, value] of Object.entries({ From: from, To: to, ...more })) {
    if (value === null) fields.delete(name);
    else fields.set(name, value);
  }
  return [...fields];
}

let users = 0;
// A WhatsApp user id that no other test has.
function freshUser() {
  users += 1;
  return `whatsapp:US.1349120865530274${String(users).padStart(4, "0")}`;
}

async function answers(from, to, body, more) {
  const answer = await worker.sendMessage({ form: form(from, to, body, more) });
  assert.equal(answer.status, 200, answer.text);
  return answer.messages;
}

const hashOf = (address) => phoneHash(address.replace(/^(whatsapp|rcs|messenger):/, ""));

test("everybody who can be answered is answered, by webhook and by REST, at the address as it came", async () => {
  const user = freshUser();
  const { from, to } = freshPair();
  const service = { MessagingServiceSid: SERVICE };
  const messenger = "messenger:1415523888600";
  const cases = [
    {
      contact: user,
      number: `whatsapp:${to}`,
      more: { ExternalUserId: user },
      sender: { From: `whatsapp:${to}` },
    },
    { contact: `rcs:${from}`, number: "rcs:brand_x_agent", more: service, sender: service },
    { contact: `rcs:${from}`, number: "rcs:brand_y_agent", sender: { From: "rcs:brand_y_agent" } },
    { contact: from, number: "rcs:brand_x_agent", more: service, sender: service },
    { contact: "messenger:2745689751200", number: messenger, sender: { From: messenger } },
  ];
  for (const { contact, number, more, sender } of cases) {
    assert.deepEqual(await answers(contact, number, "Hello", more), [echo("Hello")], contact);
    const slow = `[fault delay=1500ms] Slow ${number}`;
    assert.deepEqual(await answers(contact, number, slow, more), [], contact);
    const sent = await eventually("the answer by REST", async () =>
      (await playground.messagesTo(contact)).find(({ body }) => body.includes(`Slow ${number}`)),
    );
    for (const [name, value] of Object.entries(sender))
      assert.equal(sent.parameters[name], value, contact);
    await worker.logged(
      (entry) =>
        entry.event === "outbox_part" &&
        entry.outcome === "sent" &&
        entry.phone_hash === hashOf(contact),
    );
  }
});

test("what nobody may answer gets an empty 200 and one log line, and costs nothing", async () => {
  const { from, to } = freshPair();
  const group = { OtherRecipients0: freshPair().from };
  for (const { contact, more, reason } of [
    { contact: "68849", reason: "not_answerable" },
    { contact: "SUPPORT", reason: "not_answerable" },
    { contact: from, more: group, reason: "group_message" },
  ]) {
    const body = `Unread by ${reason} ${contact.slice(-3)}`;
    const message = form(contact, to, body, more);
    const since = await worker.mark();
    for (let times = 0; times < 2; times += 1) {
      const answer = await worker.sendMessage({ form: message });
      assert.equal(answer.status, 200);
      assert.match(answer.text, /<Response\s*\/>\s*$/);
    }
    const ours = ({ phone_hash: hash }) => hash === phoneHash(contact);
    const lines = await worker.loggedTimes(2, ours, { since });
    for (const line of lines)
      assert.deepEqual([line.event, line.reason], ["message_ignored", reason]);
    assert.deepEqual(await playground.asked(body), []);
  }
});

test("a receipt from any sender, or from none, is a 204 and logged", async () => {
  for (const more of [
    { From: "rcs:brand_x_agent", MessageStatus: "failed" },
    { From: "BRAND", MessageStatus: "undelivered" },
    { MessageStatus: "failed", ChannelToAddress: "+1555010XXXX" },
    { SmsStatus: "failed" },
  ]) {
    const { from } = freshPair();
    const since = await worker.mark();
    const fields = { SmsSid: freshSid(), To: from, ErrorCode: "30003", ...more };
    const answer = await worker.sendMessage({
      path: "/twilio/messages/status",
      form: Object.entries(fields),
    });
    assert.equal(answer.status, 204, JSON.stringify(more));
    const line = await worker.logged((entry) => entry.event === "delivery", { since });
    assert.equal(line.status, more.MessageStatus ?? more.SmsStatus);
    assert.equal(line.phone_hash, phoneHash(from));
  }
});

test("a slash at the end of the webhook is the same route, and is signed", async () => {
  const { from, to } = freshPair();
  const path = "/twilio/messages/";
  const answer = await worker.sendMessage({ from, to, body: "With a slash", path });
  assert.deepEqual([answer.status, answer.messages], [200, [echo("With a slash")]]);
  const without = `${worker.url}/twilio/messages`;
  const forged = await worker.sendMessage({ from, to, path, url: without });
  assert.equal(forged.status, 403);
});

test("a number without its plus is a 400, and an id under its older name counts", async () => {
  const { from, to } = freshPair();
  const lost = await worker.sendMessage({ form: form("14155553031", to, "Hello") });
  assert.equal(lost.status, 400);
  assert.deepEqual(await answers(from, to, "Older", { MessageSid: null }), [echo("Older")]);
});

test("a user id and a number that come together are one person: one conversation, opt-out and erasure", async () => {
  const { from, to } = freshPair();
  const [user, phone, number] = [freshUser(), `whatsapp:${from}`, `whatsapp:${to}`];
  const both = { ExternalUserId: user, WaId: from.slice(1) };
  assert.deepEqual(await answers(phone, number, "One"), [echo("One")]);
  assert.deepEqual(await answers(phone, number, "Two", both), [echo("Two")]);
  assert.deepEqual(await answers(user, number, "Three"), [echo("Three", 2)]);
  assert.deepEqual(await answers(phone, number, "Four"), [echo("Four", 3)]);

  assert.deepEqual(await answers(phone, number, "STOP"), [OPTED_OUT]);
  for (const contact of [user, phone])
    assert.deepEqual(await answers(contact, number, "Anybody there?"), [], contact);
  assert.deepEqual(await playground.asked("Anybody there?"), []);
  assert.deepEqual(await answers(user, number, "START"), [OPTED_IN]);
  assert.deepEqual(await answers(phone, number, "Five"), [echo("Five", 4)]);

  for (const contact of [phone, user]) {
    const shown = await admin("show", contact, number);
    assert.equal(shown.turns, 4, contact);
  }
  const erased = await admin("erase", phone, number);
  assert.deepEqual([erased.erased.turns, erased.kv], [5, "deleted"]);
  for (const contact of [phone, user])
    assert.equal((await admin("show", contact, number)).turns, 0, contact);
  const names = [phone, user].map((contact) => nameOf(contact, number));
  assert.deepEqual(
    worker.kv().filter(({ key }) => names.some((name) => key.includes(name))),
    [],
  );
});

// The pseudonym of a thread, as the Worker must compute it.
function nameOf(contact, number) {
  return pseudonym({ from: contact, to: number });
}

async function admin(what, from, to) {
  const answer = await worker.request(`/admin/contacts/${what}`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ from, to }),
  });
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
}
