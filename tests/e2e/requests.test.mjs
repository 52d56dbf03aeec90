// The front door: routes, methods, sizes, encodings and required fields, each with its status. If
// all tests fail, look here first. For every response of every test, the harness checks the
// security headers.
//
// Not here: signatures (forgery), missing settings (configuration).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  freshPair,
  inboundForm,
  phoneHash,
  SECRETS,
  SECURITY_HEADERS,
  signatureOf,
  startSwitchboard,
} from "./harness.mjs";

const ROUTE = "/twilio/messages";
const FORM = "application/x-www-form-urlencoded";
const LIMIT = 64 * 1024;

let switchboard, worker, playground;

before(async () => {
  switchboard = await startSwitchboard();
  ({ worker, playground } = switchboard);
});

after(() => switchboard?.close());

test("health answers 200 with a version and the id of the deploy, and HEAD with the same headers and no body", async (t) => {
  t.diagnostic(`the Worker was up after ${worker.startMs} ms`);
  const answer = await worker.request("/health");
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type"), /^application\/json/);
  const { status, version, deployed, ...rest } = JSON.parse(answer.text);
  assert.deepEqual([status, rest], ["ok", {}]);
  // The local runtime makes an id for each start, and has no tag.
  assert.deepEqual(Object.keys(deployed), ["id", "timestamp"]);
  assert.match(deployed.id, /^[\da-f-]{36}$/);
  assert.match(version, /^\d+\.\d+\.\d+/);
  const head = await worker.request("/health", { method: "HEAD" });
  assert.deepEqual(
    [head.status, head.text, head.headers.get("content-type")],
    [200, "", answer.headers.get("content-type")],
  );
});

test("the security headers are the promised ones", async () => {
  const { headers } = await worker.request("/health");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.equal(headers.get("x-frame-options"), "DENY");
  assert.equal(headers.get("x-xss-protection"), "1; mode=block");
  assert.equal(headers.get("referrer-policy"), "strict-origin-when-cross-origin");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(Object.keys(SECURITY_HEADERS).length, 5);
});

test("unknown routes answer 404, by every method, signed or not", async () => {
  for (const path of [
    "/",
    "/nothing-here?with=query",
    "/health/",
    "/Health",
    "/twilio",
    "/twilio/messages//",
    "/twilio/messagesx",
    "/twilio//messages",
    "/TWILIO/MESSAGES",
  ]) {
    for (const method of ["GET", "POST"])
      assert.equal((await worker.request(path, { method })).status, 404, `${method} ${path}`);
  }
  assert.equal((await worker.sendMessage({ path: "/twilio/voices" })).status, 404);
});

test("a wrong method answers 405 and names the allowed ones", async () => {
  for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const answer = await worker.request(ROUTE, { method });
    assert.deepEqual([method, answer.status, answer.headers.get("allow")], [method, 405, "POST"]);
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    const answer = await worker.request("/health", { method });
    assert.deepEqual(
      [method, answer.status, answer.headers.get("allow")],
      [method, 405, "GET, HEAD"],
    );
  }
});

test("a content type that is not a form answers 415, even when it is signed", async () => {
  for (const contentType of [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencodedx",
    "text/xml",
  ]) {
    const answer = await worker.sendMessage({ ...freshPair(), contentType });
    assert.equal(answer.status, 415, contentType);
  }
  const none = await worker.rawRequest(ROUTE, { body: "From=1" });
  assert.equal(none.status, 415);
});

test("the content type of a form is recognised in any case and with any parameters", async () => {
  for (const contentType of [
    "Application/X-WWW-Form-Urlencoded",
    `${FORM};charset=utf-8`,
    `${FORM} ; charset="UTF-8"`,
  ]) {
    assert.equal(
      (await worker.sendMessage({ ...freshPair(), contentType })).status,
      200,
      contentType,
    );
  }
});

test("a body of exactly 64 KiB is read and verified, one byte more answers 413", async () => {
  const form = padded(LIMIT);
  const body = new URLSearchParams(form).toString();
  assert.equal(body.length, LIMIT);
  assert.equal((await worker.sendMessage({ form })).status, 200);
  assert.equal((await worker.sendMessage({ form, signature: null })).status, 403);
  assert.equal((await worker.sendMessage({ form: padded(LIMIT + 1) })).status, 413);
});

test("a body without a Content-Length is counted as well", async () => {
  const send = async (form) => {
    const headers = {
      "Content-Type": FORM,
      "X-Twilio-Signature": sign(form),
      "Transfer-Encoding": "chunked",
    };
    const { status } = await worker.rawRequest(ROUTE, {
      headers,
      body: new URLSearchParams(form).toString().match(/.{1,4000}/gs),
    });
    return status;
  };
  assert.equal(await send(padded(LIMIT)), 200);
  assert.equal(await send(padded(LIMIT + 1)), 413);
});

test("a body that is too long answers 413 while it is read, even if it never ends", async () => {
  const headers = { "Content-Type": FORM, "Transfer-Encoding": "chunked" };
  const answer = await worker.rawRequest(ROUTE, {
    headers,
    body: Array.from({ length: 5 }, () => "x".repeat(16_384)),
    unfinished: true,
  });
  assert.equal(answer.status, 413);
});

test("an invalid percent-encoding answers 400", async () => {
  for (const broken of ["Body=100%", "Body=%zz", "Body=%4", "%G0=x", "Body=a%2"]) {
    const answer = await worker.sendMessage({ ...freshPair(), raw: broken });
    assert.deepEqual([broken, answer.status], [broken, 400]);
    assert.match(answer.text, /percent-encoding/);
  }
});

test("bytes that are not UTF-8 answer 400, raw or percent-encoded", async () => {
  for (const broken of [
    Buffer.from([0x42, 0x6f, 0x64, 0x79, 0x3d, 0xff, 0xfe]),
    "Body=%FF",
    "Body=%C3",
    "Body=%ED%A0%80",
    "Body=%C0%AF",
    "%80=x",
  ]) {
    const answer = await worker.sendMessage({ ...freshPair(), raw: broken });
    assert.deepEqual([String(broken), answer.status], [String(broken), 400]);
    assert.match(answer.text, /UTF-8/);
  }
});

test("an empty body has no signature to match", async () => {
  assert.equal((await worker.sendMessage({ form: [], raw: "", signature: null })).status, 403);
  assert.equal((await worker.rawRequest(ROUTE, { headers: { "Content-Type": FORM } })).status, 403);
});

const MALFORMED = {
  From: [
    "15550100",
    "+0155501000",
    "+155501",
    "+1555010012345678",
    "+1555010a",
    "+1 555 0100",
    "whatsapp:",
    "whatsapp:15550100",
    "WhatsApp:+15550100",
    "messenger:+15550100",
    "rcs:15550100",
    "+１５５５０１００",
    "client:someone",
    "+15550100\n",
    "an anonymous sender",
  ],
  To: ["15550100x", "+", "55", "123456789", "whatsapp:55501", "+15550100,+15550101", " +15550199"],
  MessageSid: [
    "SM123",
    `XX${"0".repeat(32)}`,
    `SM${"0".repeat(33)}`,
    `SM${"g".repeat(32)}`,
    `sm${"0".repeat(32)}`,
    `CA${"0".repeat(32)}`,
  ],
  AccountSid: ["AC1", `SM${"0".repeat(32)}`],
  MessagingServiceSid: ["MG1", "not a sid"],
};

for (const [field, values] of Object.entries(MALFORMED)) {
  test(`a malformed ${field} answers 400 and is logged as suspicious, though it is signed`, async () => {
    for (const value of values)
      await suspicious(
        inboundForm(freshPair())
          .filter(([name]) => name !== field)
          .concat([[field, value]]),
        field,
        "malformed",
      );
  });
}

for (const field of ["From", "To", "MessageSid"]) {
  test(`a missing or empty ${field} answers 400 and is logged as suspicious, though it is signed`, async () => {
    // The id of a message also has two older names.
    const names = field === "MessageSid" ? [field, "SmsSid", "SmsMessageSid"] : [field];
    const others = inboundForm(freshPair()).filter(([name]) => !names.includes(name));
    await suspicious(others, field, "missing");
    await suspicious([...others, [field, ""]], field, "missing");
  });
}

test("an MM sid and addresses of 7 and of 15 digits are well formed", async () => {
  const shortest = await worker.sendMessage({
    from: "+1555010",
    to: "+155501001234567",
    sid: `MM${"0A".repeat(16)}`,
  });
  assert.equal(shortest.status, 200);
});

test("nothing that was rejected reached the model or an object", async () => {
  const threads = worker.objects("ThreadObject").length;
  const before = (await playground.requests()).length;
  const pair = freshPair();
  await worker.request("/nothing-here");
  await worker.sendMessage({ ...pair, contentType: "text/plain" });
  await worker.sendMessage({ ...pair, raw: "Body=%" });
  await worker.sendMessage({ ...pair, form: padded(LIMIT + 1) });
  await worker.sendMessage({ form: inboundForm({ ...pair, sid: "SM1" }) });
  assert.equal((await playground.requests()).length, before);
  assert.equal(worker.objects("ThreadObject").length, threads);
});

async function suspicious(form, field, problem) {
  const since = await worker.mark();
  const answer = await worker.sendMessage({ form });
  assert.equal(answer.status, 400);
  assert.equal(answer.text, `Bad request: ${field} is ${problem}\n`);
  const from = form.find(([name]) => name === "From")?.[1] ?? "";
  const { event, phone_hash: hash, details } = await worker.logged(() => true, { since });
  assert.deepEqual(
    { event, details },
    { event: "security_event", details: { kind: "suspicious_request", field, problem } },
  );
  assert.ok(hash === "00000000" || hash === phoneHash(from), hash);
  assert.equal(worker.log.length, since + 1);
}

// A form of exactly `length` bytes after encoding. The padding is not part of the message.
function padded(length) {
  const form = inboundForm(freshPair());
  const rest = length - new URLSearchParams([...form, ["Padding", ""]]).toString().length;
  return [...form, ["Padding", "x".repeat(rest)]];
}

function sign(form) {
  return signatureOf(SECRETS.TWILIO_AUTH_TOKEN, worker.url + ROUTE, form);
}
