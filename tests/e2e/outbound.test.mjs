// Calls that an assistant makes, on the real runtime: an operator wants one, a phone of the playground
// rings, and its person answers or does not.
//
// Not here: every fault on the way (native tests), and calls that come in (voice).

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, afterEach, before, test } from "node:test";
import { freePort } from "../../scripts/lib/local.mjs";
import { inRoot } from "../../scripts/lib/project.mjs";
import { Caller } from "./caller.mjs";
import { eventually, freshPair, phoneHash, startPlayground, startWorker } from "./harness.mjs";
import { SECRETS } from "./identities.mjs";
import { signatureOf } from "./twilio.mjs";

/** The number of the assistant `default` in these tests. */
const NUMBER = "+15550199";

let playground, worker;

before(async () => {
  const port = await freePort();
  playground = await startPlayground({ worker: `http://127.0.0.1:${port}` });
  worker = await startWorker({
    playground,
    port,
    settings: { MAX_DAILY_CALL_MINUTES: "1000" },
  });
});

afterEach(() => playground.clearFaults());

after(async () => {
  await worker?.close();
  await playground?.close();
});

/** A request of the operator: `{ status, text, json }`. */
async function admin(path, body, asked = worker) {
  const { status, text } = await asked.request(path, {
    method: body ? "POST" : "GET",
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  return { status, text, json: text.startsWith("{") ? JSON.parse(text) : undefined };
}

/** The assistant calls a person that no other test knows. Returns the person and the call's id. */
async function calls(context) {
  const { from: person } = freshPair();
  const { status, json, text } = await admin("/admin/calls", {
    to: person,
    assistant: "default",
    from: NUMBER,
    ...(context && { context }),
  });
  assert.equal(status, 202, text);
  assert.equal(json.state, "dialling");
  return { person, id: json.id };
}

const stateOf = async (id) => (await admin(`/admin/calls/${id}`)).json;

const logged = (event, person) =>
  eventually(`${event} is logged`, () =>
    worker.log.find((entry) => entry.event === event && entry.phone_hash === phoneHash(person)),
  );

/** The phone of a person, which Twilio calls. */
class Phone {
  constructor(sid) {
    this.url = `${playground.url}/playground/calls/${sid}`;
  }

  static async of(person) {
    const ringing = await eventually("the phone rings", async () => {
      const { calls } = await (await fetch(`${playground.url}/playground/calls`)).json();
      return calls.find((call) => call.from === person && call.direction === "outbound-api");
    });
    return new Phone(ringing.sid);
  }

  async act(action) {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(action),
    });
    assert.equal(response.status, 202, await response.text());
  }

  /** Waits for an event of the call. */
  async event(what, isIt) {
    return await eventually(what, async () => {
      const { events } = await (await fetch(this.url)).json();
      return events.find(isIt);
    });
  }

  hears(words) {
    return this.event(
      `“${words}” is heard`,
      ({ event, text }) => event === "heard" && text.includes(words),
    );
  }
}

test("a phone rings, its person is greeted when it is answered, and the model knows why it has called", async () => {
  const { person, id } = await calls("Her boat is ready.");
  const phone = await Phone.of(person);
  await phone.event("it rings", ({ event }) => event === "ringing");
  assert.deepEqual(await stateOf(id), { id, state: "dialling" });
  await phone.act({ do: "answer" });
  await phone.hears("This is an automated assistant");
  assert.deepEqual(await stateOf(id), { id, state: "talking" });
  await phone.act({ do: "say", text: "Yes, who is it?" });
  await phone.event("an answer", ({ event, text }) => event === "token" && text?.includes("Nice"));
  const [request] = await playground.asked("Yes, who is it?");
  assert.match(request.body.messages[0].content, /You have called this person/);
  assert.match(request.body.messages[0].content, /About this call:\nHer boat is ready\.$/);
  await phone.act({ do: "hang_up" });
  const ended = await logged("call", person);
  assert.deepEqual([ended.outbound, ended.ended_by, ended.turns], [true, "caller", 1]);
  assert.deepEqual(await stateOf(id), { id, state: "ended", ended_by: "caller" });
  assert.ok(!JSON.stringify(worker.log).includes("boat"));
});

test("a person who declines is not called again, and the call costs no minute", async () => {
  const before = (await admin("/admin/usage")).json.call_minutes.used;
  const { person, id } = await calls();
  const phone = await Phone.of(person);
  await phone.act({ do: "hang_up" });
  const ended = await logged("call", person);
  assert.deepEqual([ended.ended_by, ended.minutes], ["busy", 0]);
  assert.deepEqual(await stateOf(id), { id, state: "ended", ended_by: "busy" });
  await eventually("the minute is given back", async () => {
    return (await admin("/admin/usage")).json.call_minutes.used === before;
  });
});

test("a call whose answer was lost is found, and made once", async () => {
  await playground.fault({
    service: "twilio",
    connection: "act_then_drop",
    contains: "/Calls.json",
  });
  const { person, id } = await calls();
  const outcomes = () =>
    worker.log
      .filter((entry) => entry.event === "call_dialled" && entry.phone_hash === phoneHash(person))
      .map(({ outcome }) => outcome);
  assert.deepEqual(outcomes(), ["unknown"]);
  await eventually("it is found", () => outcomes().includes("made"));
  const creates = (await playground.requests("twilio")).filter(
    ({ method, path, body }) =>
      method === "POST" && path.endsWith("/Calls.json") && body.To === person,
  );
  assert.equal(creates.length, 1);
  const phone = await Phone.of(person);
  await phone.act({ do: "answer" });
  await phone.hears("automated assistant");
  await phone.act({ do: "hang_up" });
  await logged("call", person);
  assert.equal((await stateOf(id)).state, "ended");
});

test("a call that Twilio refuses is told with its code", async () => {
  const refused = (wanted) =>
    admin("/admin/calls", { assistant: "default", from: NUMBER, ...wanted });
  const blocked = await refused({ to: "+15005550004" });
  assert.deepEqual([blocked.status, blocked.text.includes("error 21216")], [409, true]);
  const foreign = await refused({ to: freshPair().from, from: "+15550177" });
  assert.deepEqual([foreign.status, foreign.text.includes("error 21210")], [409, true]);
});

test("the webhook of a call is verified with the query that names it, by Twilio's own library", async () => {
  const { person, id } = await calls();
  const phone = await Phone.of(person);
  const { sid } = await (await fetch(phone.url)).json();
  const call = new Caller(worker, { from: NUMBER, to: person });
  call.sid = sid;
  const answered = { Direction: "outbound-api" };
  const other = "0".repeat(64);
  const forged = async (path, signed) => {
    const form = Object.entries({ CallSid: sid, From: NUMBER, To: person, ...answered });
    const signature = signatureOf(SECRETS.TWILIO_AUTH_TOKEN, worker.url + signed, form);
    const { status } = await worker.request(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signature,
      },
      body: new URLSearchParams(form).toString(),
    });
    return status;
  };
  assert.equal(await forged(`/twilio/voice?call=${id}`, "/twilio/voice"), 403);
  assert.equal(await forged(`/twilio/voice?call=${id}`, `/twilio/voice?call=${other}`), 403);
  const { status, text } = await call.webhook(`/twilio/voice?call=${id}`, answered);
  assert.equal(status, 200, text);
  assert.match(text, new RegExp(`action="${worker.url}/twilio/voice/ended\\?call=${id}"`));
  assert.match(text, new RegExp(`/twilio/relay/${id}/`));
  assert.equal((await stateOf(id)).state, "talking");
  await phone.act({ do: "hang_up" });
  await logged("call", person);
});

test("a call that Twilio does not end is ended by its REST API", async () => {
  const { from } = freshPair();
  const response = await fetch(`${playground.url}/playground/calls`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ from, to: NUMBER, faults: { silent: true } }),
  });
  const { sid } = await response.json();
  const phone = new Phone(sid);
  await phone.hears("How can I help you");
  await phone.act({ do: "drop_socket" });
  const hungUp = await eventually("it is ended", () =>
    worker.log.find(({ event }) => event === "call_hung_up"),
  );
  assert.equal(hungUp.outcome, "ended");
  assert.equal((await logged("call", from)).ended_by, "lost");
  await phone.event(
    "it is over",
    ({ event, status }) => event === "over" && status === "completed",
  );
});

test("the runtime knows every time zone of the table of countries", async () => {
  // The hours are checked before the minutes, so nobody is called.
  const own = await startWorker({
    playground,
    settings: { CALL_HOURS: "00:00-23:59", MAX_DAILY_CALL_MINUTES: "0" },
  });
  try {
    const table = fs.readFileSync(inRoot("src", "identity", "time_zones.rs"), "utf8");
    const codes = [...table.matchAll(/^ {4}\("([\d ]+)", &\[/gm)].map(
      ([, all]) => all.split(" ")[0],
    );
    assert.ok(codes.length > 50);
    for (const code of codes) {
      const to = `+${code.padEnd(11, "2")}`;
      const wanted = { to, assistant: "default", from: NUMBER };
      const { status, text } = await admin("/admin/calls", wanted, own);
      const isKnown = status === 429 || text.includes("not within CALL_HOURS");
      assert.ok(isKnown, `${code}: ${status} ${text}`);
    }
  } finally {
    await own.close();
  }
});
