// Consent and erasure on the real runtime: the keywords of a contact (STOP, START, HELP, DELETE MY
// DATA), and the admin routes that do the same, with a look into the storage.
//
// Not here: every spelling of every keyword (native tests), and the npm commands (admin,
// admin-worker).

import assert from "node:assert/strict";
import crypto from "node:crypto";
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

const ADMIN_TOKEN = crypto.randomBytes(32).toString("hex");
const OPTED_OUT = "You will get no more messages from us. Reply START if you change your mind.";
const OPTED_IN = "You're opted in again. Reply STOP to opt out.";
const ERASED = "Your data is erased.";

let switchboard, worker, playground;

before(async () => {
  switchboard = await startSwitchboard({
    settings: {
      ADMIN_TOKEN,
      REPLY_WITHIN_MS: "700",
      HELP_TEXT: "Ring the harbour.",
      OPENAI_PRICE_INPUT: "0.15",
      OPENAI_PRICE_OUTPUT: "0.6",
    },
  });
  ({ worker, playground } = switchboard);
});

after(() => switchboard?.close());

const address = ({ from }, channel) => (channel === "whatsapp" ? `whatsapp:${from}` : from);

/**
 * @param {string} method
 * @param {string} path
 * @param {{ token?: string | null, headers?: Record<string, string>, body?: string, of?: any }} [options]
 */
function admin(method, path, { token = ADMIN_TOKEN, headers = {}, body, of = worker } = {}) {
  return of.request(path, {
    method,
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers },
    body,
  });
}

// Calls the admin route that shows or erases a contact.
function adminOf(what, { from, to }, of = worker) {
  return admin("POST", `/admin/contacts/${what}`, {
    of,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ from, to }),
  });
}

for (const [channel, confirmed] of [
  ["sms", false],
  ["whatsapp", true],
]) {
  test(`on ${channel} a contact that opts out is sent nothing until it opts in, across a restart`, async () => {
    const pair = { ...freshPair(), channel };
    const say = async (body, params = []) =>
      (await worker.sendMessage({ ...pair, body, params })).messages;
    const expect = (text) => (confirmed ? [text] : []);
    assert.deepEqual(await say("Before"), [echo("Before")]);
    assert.deepEqual(await say("Stop"), expect(OPTED_OUT));
    assert.deepEqual(await say("Not read"), []);
    assert.deepEqual(await say("HELP"), []);
    await worker.restart();
    assert.deepEqual(await say("Not read either"), []);
    assert.deepEqual(await say("YES"), expect(OPTED_IN));
    assert.deepEqual(await say("After"), [echo("After", 2)]);
    // What Twilio recognised, it has confirmed.
    assert.deepEqual(await say("ADIEU", [["OptOutType", "STOP"]]), []);
    assert.deepEqual(await say("UNSTOP"), expect(OPTED_IN));
    assert.equal((await playground.asked("Not read")).length, 0);
    assert.deepEqual(await playground.messagesTo(address(pair, channel)), []);
    const lines = await worker.loggedTimes(
      4,
      ({ event, phone_hash: hash }) => event === "consent" && hash === phoneHash(pair.from),
    );
    assert.deepEqual(
      lines.map(({ state }) => state),
      ["opted_out", "opted_in", "opted_out", "opted_in"],
    );
  });
}

test("words that Twilio does not know opt out and in on every channel, and are confirmed", async () => {
  for (const channel of ["sms", "whatsapp"]) {
    const pair = { ...freshPair(), channel };
    for (const [word, answer] of [
      ["ARRÊT", OPTED_OUT],
      ["Ｓtart\u200b", OPTED_IN],
      ["BAJA", OPTED_OUT],
      ["Start!", OPTED_IN],
      ["ＳＴＯＰ", OPTED_OUT],
      ["début", OPTED_IN],
    ]) {
      const { messages } = await worker.sendMessage({ ...pair, body: word });
      assert.deepEqual(messages, [answer], `${word} on ${channel}`);
    }
    assert.equal((await playground.asked("BAJA")).length, 0);
  }
});

test("a contact that opts out is not sent an answer that is still in progress", async () => {
  const pair = freshPair();
  assert.deepEqual(
    (await worker.sendMessage({ ...pair, body: "Under way [fault delay=3s]" })).messages,
    [],
  );
  assert.deepEqual((await worker.sendMessage({ ...pair, body: "STOP" })).messages, []);
  const turn = await worker.logged(
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
  assert.deepEqual(
    [turn.outcome, turn.reply_via, turn.failure],
    ["cancelled", "none", "cancelled"],
  );
  const [request] = await eventually("the request to be broken off", async () => {
    const asked = await playground.asked("Under way");
    return asked[0].outcome !== "pending" && asked;
  });
  assert.equal(request.outcome, "client_gone");
  await sleep(3000);
  assert.deepEqual(await playground.messagesTo(pair.from), []);
});

test("HELP is answered with HELP_TEXT, unless Twilio has already answered it", async () => {
  const pair = freshPair();
  assert.deepEqual((await worker.sendMessage({ ...pair, body: "help?" })).messages, [
    "Ring the harbour.",
  ]);
  assert.deepEqual(
    (await worker.sendMessage({ ...pair, body: "AIDE", params: [["OptOutType", "HELP"]] }))
      .messages,
    [],
  );
});

test("after DELETE MY DATA no byte of the conversation is left in KV or object storage", async () => {
  const pair = freshPair();
  const marker = `planted${crypto.randomBytes(6).toString("hex")}`;
  for (const number of [1, 2]) await worker.sendMessage({ ...pair, body: `${marker} ${number}` });
  await eventually("two revisions", () => keysOf(pair).length === 2);
  assert.ok(worker.filesWith(marker).length > 0, "it was there");
  const waiting = worker.sendMessage({ ...pair, body: `${marker} 3 [fault delay=5s]` });
  await eventually("the third to run", async () => (await playground.asked(`${marker} 3`)).length);
  const sid = freshSid();
  assert.deepEqual((await worker.sendMessage({ ...pair, sid, body: "Delete my data!" })).messages, [
    ERASED,
  ]);
  assert.deepEqual((await waiting).messages, []);
  assert.deepEqual(keysOf(pair), []);
  assert.deepEqual(
    (await worker.sendMessage({ ...pair, sid, body: "Delete my data!" })).messages,
    [ERASED],
    "the same webhook, again",
  );
  assert.deepEqual(left(marker), []);
  const next = await worker.sendMessage({ ...pair, body: "What did I say first?" });
  assert.deepEqual(next.messages, ["You have said nothing before this message."]);
  const lines = await worker.loggedTimes(
    1,
    ({ event, phone_hash: hash }) => event === "erased" && hash === phoneHash(pair.from),
  );
  assert.deepEqual(
    lines.map(({ by, erased }) => [by, erased]),
    [
      [
        "contact",
        { turns: 2, revisions: 2, pending_messages: 1, outbox_parts: 0, answers: 2, deliveries: 0 },
      ],
    ],
  );
  await sleep(5500);
  assert.deepEqual(await playground.messagesTo(pair.from), []);
});

test("the operator sees a contact's state without its texts", async () => {
  const pair = freshPair();
  const marker = `planted${crypto.randomBytes(6).toString("hex")}`;
  await worker.sendMessage({ ...pair, body: marker });
  await eventually("the revision", () => keysOf(pair).length === 1);
  const shown = await eventually("the revision to be noted", async () => {
    const answer = await adminOf("show", pair);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("content-type"), "application/json");
    assert.ok(!answer.text.includes(marker) && !answer.text.includes(pair.from));
    const state = JSON.parse(answer.text);
    return state.revision && state;
  });
  const { expires_at: expires, ...rest } = shown;
  assert.deepEqual(rest, {
    opted_out: false,
    turns: 1,
    revision: 1,
    turn_running: false,
    pending_messages: 0,
    outbox_parts: 0,
    messages_last_minute: 1,
    handed_off: false,
  });
  assert.ok(Math.abs(Date.parse(expires) - Date.now() - 3_600_000) < 60_000, expires);
});

test("the operator erases a contact, and no byte of the conversation is left", async () => {
  const pair = freshPair();
  const marker = `planted${crypto.randomBytes(6).toString("hex")}`;
  await worker.sendMessage({ ...pair, body: marker });
  await eventually("the revision", () => keysOf(pair).length === 1);
  const answer = await adminOf("erase", pair);
  assert.equal(answer.status, 200);
  const erased = {
    turns: 1,
    revisions: 1,
    pending_messages: 0,
    outbox_parts: 0,
    answers: 1,
    deliveries: 0,
  };
  assert.deepEqual(JSON.parse(answer.text), { erased, kv: "deleted", opted_out: false });
  assert.deepEqual(keysOf(pair), []);
  assert.deepEqual(left(marker), []);
  const line = await worker.logged(
    ({ event, phone_hash: hash }) => event === "erased" && hash === phoneHash(pair.from),
  );
  assert.equal(line.by, "operator");
});

test("an operator's request leaves no trace: after an erasure no byte of the numbers is on disk", async () => {
  // As with a plain `wrangler dev`: its trace store keeps the URLs of all requests.
  const other = await startWorker({
    playground,
    settings: { ADMIN_TOKEN },
    env: { X_LOCAL_OBSERVABILITY: "true" },
  });
  try {
    const longNumber = (start) => start + String(crypto.randomInt(1e7)).padStart(7, "0");
    const [stranger, writer] = ["+1555010", "+1555011"].map((start) => ({
      from: longNumber(start),
      to: longNumber("+1555019"),
    }));
    await other.sendMessage({ ...writer, body: "Hello" });
    for (const pair of [stranger, writer]) {
      const shown = await adminOf("show", pair, other);
      assert.equal(JSON.parse(shown.text).turns, pair === writer ? 1 : 0);
      assert.equal((await adminOf("erase", pair, other)).status, 200);
    }
    await eventually("the requests in the trace store", () =>
      other.filesWith("/admin/contacts/erase").some((file) => file.includes("trace-store")),
    );
    // Wait for pending writes to the disk.
    await sleep(3000);
    const files = ({ from, to }) =>
      [from, to].flatMap((number) => other.filesWith(number.slice(1)));
    assert.deepEqual(files(stranger), []);
    // The thread had the addresses during its turn, and SQLite's write-ahead log keeps old pages
    // until it is reset.
    assert.deepEqual(
      files(writer).filter((file) => !/ThreadObject.*\.sqlite-wal$/.test(file)),
      [],
    );
  } finally {
    await other.close();
  }
});

test("usage counts messages, answers, tokens, costs and rejections", async () => {
  const usage = async () => JSON.parse((await admin("GET", "/admin/usage")).text);
  const before = await usage();
  const pair = freshPair();
  await worker.sendMessage({ ...pair, body: "Count this" });
  await worker.sendMessage({ ...pair, body: "" });
  await worker.sendMessage({ ...pair, body: "Forged", signature: null });
  await worker.sendMessage({ ...pair, body: "And report it" });
  const now = await usage();
  assert.equal(now.day, new Date().toISOString().slice(0, 10));
  assert.deepEqual(
    [now.model_requests.used - before.model_requests.used, now.model_requests.cap],
    [2, 1000],
  );
  // Everything before the newest request of the contact has been counted by now.
  assert.ok(now.messages_in - before.messages_in >= 3, JSON.stringify({ before, now }));
  assert.ok(now.answers.webhook - before.answers.webhook >= 2);
  assert.ok(
    now.tokens.prompt > before.tokens.prompt && now.tokens.completion > before.tokens.completion,
  );
  assert.ok(
    Math.abs(now.estimated_cost - (now.tokens.prompt * 0.15 + now.tokens.completion * 0.6) / 1e6) <
      2e-6,
  );
  assert.ok(now.rejections.invalid_signature >= before.rejections.invalid_signature);
  assert.deepEqual(Object.keys(now.rejections), [
    "invalid_signature",
    "bad_request",
    "suspicious_request",
    "rate_limited",
    "opted_out",
    "budget_exhausted",
  ]);
});

test("wrong admin requests get the fitting error", async () => {
  for (const { method, path, status } of [
    { method: "GET", path: "/admin/nothing", status: 404 },
    { method: "POST", path: "/admin/usage", status: 405 },
    { method: "GET", path: "/admin/contacts/show", status: 405 },
    { method: "DELETE", path: "/admin/contacts/erase", status: 405 },
    { method: "POST", path: "/admin/contacts/erase", status: 415 },
  ]) {
    assert.equal((await admin(method, path)).status, status, `${method} ${path}`);
  }
  const malformed = await adminOf("show", { from: "planted", to: "+15550199" });
  assert.deepEqual([malformed.status, malformed.text], [400, "Bad request: from is malformed\n"]);
  const none = await admin("GET", "/admin/usage", { token: null });
  assert.deepEqual([none.status, none.headers.get("www-authenticate")], [401, "Bearer"]);
});

// The last test, because it locks out this machine's address.
test("five wrong admin tokens lock an address out, even for the right token, unless it was used there before", async () => {
  const statuses = [];
  for (let number = 0; number < 7; number += 1)
    statuses.push((await admin("GET", "/admin/usage", { token: "wrong" })).status);
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
  assert.equal(
    (await admin("GET", "/admin/usage")).status,
    200,
    "the operator has used this address today",
  );

  // Locally, a client can set its own address; at Cloudflare it cannot.
  const headers = { "CF-Connecting-IP": "192.0.2.1" };
  for (let number = 0; number < 5; number += 1)
    await admin("GET", "/admin/usage", { token: "wrong", headers });
  const right = await admin("GET", "/admin/usage", { headers });
  assert.equal(right.status, 429);
  assert.ok(
    Number(right.headers.get("retry-after")) > 0 && Number(right.headers.get("retry-after")) <= 60,
  );
  const lines = await worker.loggedTimes(13, ({ details }) => details?.kind === "admin_denied");
  const reasons = [
    ...Array(5).fill("wrong_token"),
    ...Array(2).fill("locked"),
    ...Array(5).fill("wrong_token"),
    "locked",
  ];
  assert.deepEqual(
    lines.map(({ details }) => details.reason),
    reasons,
  );
});

function keysOf(pair, channel) {
  return worker
    .kv()
    .map(({ key }) => key)
    .filter((key) => key.startsWith(`conversation/${pseudonym(pair, channel)}/`));
}

// The files of KV and of objects that contain the marker. SQLite's write-ahead log keeps old pages
// until it is reset, which an object cannot influence. For such files only the visible rows count.
function left(marker) {
  const tables = worker
    .objects("ThreadObject")
    .flatMap(({ tables: all }) => Object.values(all).flat());
  const rows = tables.filter((row) =>
    Object.values(row).some((value) =>
      Buffer.from(value instanceof Uint8Array ? value : String(value)).includes(marker),
    ),
  );
  return [...rows, ...worker.filesWith(marker).filter((file) => !file.endsWith(".sqlite-wal"))];
}
