// No personal data and no secret where they do not belong. Markers are planted in everything that
// comes in: from Twilio, from forgers and from OpenAI. Then the tests search for them in all
// output, in the keys of KV, in the names of objects and files, and in the requests to the model
// and to Twilio.
//
// Not here: the values of malformed settings (configuration). For all other tests, the harness
// checks that no number and no secret is printed.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import {
  ACCOUNT,
  EVENTS,
  eventually,
  inboundForm,
  pseudonym,
  SECRETS,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const mark = (what) => `${what}${crypto.randomBytes(6).toString("hex")}`;
const FROM = "+15550142";
const TO = "+15550187";
const ROUTE = "/twilio/messages";

// Personal data and secrets: they must not be in a log, a name or a conversation.
const PERSONAL = {
  from: FROM.slice(1),
  to: TO.slice(1),
  profileName: mark("Profile"),
  city: mark("City"),
  zip: mark("Zip"),
  mediaUrl: mark("media"),
  image: mark("image"),
  waId: mark("WaId"),
  unknownParameter: mark("Unknown"),
  query: mark("query"),
  userAgent: mark("Agent"),
  cookie: mark("cookie"),
  sid: "c0ffee".padEnd(32, crypto.randomBytes(13).toString("hex")),
  service: crypto.randomBytes(16).toString("hex"),
  account: ACCOUNT.slice(2),
  forgedFrom: mark("forgedFrom"),
  forgedBody: mark("forgedBody"),
  forgedSignature: mark("signature"),
  brokenBody: mark("broken"),
  openaiError: mark("openaiError"),
  twilioError: mark("twilioError"),
  token: SECRETS.TWILIO_AUTH_TOKEN,
  apiKey: SECRETS.OPENAI_API_KEY,
  apiKeyWithoutPrefix: SECRETS.OPENAI_API_KEY.replace(/^.*-/, ""),
  pseudonymKey: SECRETS.PSEUDONYM_KEY,
};
// The texts of a conversation: they may be in KV's values and in model requests, and nowhere else.
const SAID = {
  text: mark("Text"),
  whatsappText: mark("Whatsapp"),
  failing: mark("Failing"),
  byRest: mark("Late"),
  prompt: mark("Prompt"),
  answer: "Nice to hear from you",
  prose: "harbour wakes",
};
const MARKERS = Object.entries({ ...PERSONAL, ...SAID });

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({
    playground,
    settings: {
      REPLY_WITHIN_MS: "600",
      // Each message has its own turn, so that each failure is logged.
      JOIN_WITHIN_MS: "0",
      MAX_SEGMENTS: "100",
      ASSISTANT_PROMPT: `Be brief. ${SAID.prompt}`,
    },
  });
  await plant();
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

test("every kind of event was logged, so there is something to search", async () => {
  for (const kind of [
    "turn answered",
    "turn failed",
    "turn reset",
    "outbox_part sent",
    "outbox_part rejected",
    "invalid_signature",
    "suspicious_request",
    "rate_limit_exceeded",
  ]) {
    await worker.logged(
      ({ event, outcome, details }) => (details?.kind ?? `${event} ${outcome}`) === kind,
    );
  }
  assert.deepEqual(
    worker.log.filter(({ event }) => !EVENTS.includes(event)),
    [],
  );
});

test("the Worker and its runtime print no planted marker", () => {
  assert.ok(worker.lines.length > 20);
  for (const line of worker.lines) assert.deepEqual(found(line), [], line);
});

test("no planted marker is in a key, an object's name or a file name", () => {
  assert.ok(
    worker.kv().length > 0 &&
      worker.objects("ThreadObject").length > 0 &&
      worker.objects("BudgetObject").length > 0,
  );
  for (const { key, metadata } of worker.kv()) {
    assert.match(key, /^conversation\/[0-9a-f]{64}\/\d+$/);
    assert.deepEqual(found(`${key} ${metadata}`), []);
  }
  for (const { id, name } of worker.objects("ThreadObject")) {
    assert.match(name, /^[0-9a-f]{64}$/);
    assert.deepEqual(found(`${id} ${name}`), []);
  }
  assert.deepEqual(
    worker.objects("BudgetObject").map(({ name }) => name),
    ["budget"],
  );
  const files = fs.readdirSync(path.join(worker.directory, "state"), {
    encoding: "utf8",
    recursive: true,
  });
  assert.ok(files.length > 5);
  for (const file of files) assert.deepEqual(found(file), [], file);
});

test("a conversation in KV contains the texts and nothing about the person", () => {
  const values = worker
    .kv()
    .map(({ value }) => value)
    .filter(Boolean);
  assert.ok(
    values.some((value) => value.includes(SAID.whatsappText)),
    "what was said is found where it belongs",
  );
  for (const value of values) assert.deepEqual(found(value, Object.entries(PERSONAL)), []);
});

test("after everything is answered no object contains an address, a name, a secret or an unanswered text", () => {
  const stored = worker.objects("ThreadObject").flatMap(({ tables }) => tables._cf_KV ?? []);
  assert.ok(stored.length > 0);
  const allowed = ["sid", "account"];
  for (const { key, value } of stored) {
    const bytes = Buffer.from(value);
    const text = `${key}\n${bytes.toString("latin1")}\n${bytes.toString("utf16le")}`;
    assert.deepEqual(
      found(text, Object.entries(PERSONAL)).filter((name) => !allowed.includes(name)),
      [],
      key,
    );
    const others = key.startsWith("answers/") ? "" : text.replace(/"answers":\[\{.*?\}\]/gs, "");
    assert.ok(
      !others.includes(SAID.byRest),
      "an answer is kept for copies of its message, the message is not",
    );
  }
});

test("the model gets the texts, and nothing about the person", async () => {
  const requests = await playground.requests("openai");
  assert.ok(requests.some(({ body }) => JSON.stringify(body).includes(SAID.text)));
  const personal = Object.entries(PERSONAL);
  for (const { body, query, headers } of requests)
    assert.deepEqual(found(JSON.stringify([body, query, headers]), personal), []);
  assert.deepEqual(
    [...new Set(requests.map(({ body }) => body.safety_identifier))].sort(),
    [pseudonym({ from: FROM, to: TO }), pseudonym({ from: FROM, to: TO }, "whatsapp")].sort(),
  );
});

test("Twilio gets the addresses and the answer, and nothing else", async () => {
  const messages = await playground.messages();
  assert.ok(messages.length > 0);
  for (const { parameters } of messages)
    assert.deepEqual(Object.keys(parameters).sort(), ["Body", "MessagingServiceSid", "To"]);
});

// Takes every path through the Worker, with markers in everything that comes in.
async function plant() {
  const from = (changes = {}) => ({
    from: FROM,
    to: TO,
    path: `${ROUTE}?${PERSONAL.query}=1&name=${PERSONAL.query}`,
    headers: { "User-Agent": PERSONAL.userAgent, Cookie: PERSONAL.cookie },
    params: [
      ["CallerName", PERSONAL.profileName],
      ["Address", PERSONAL.city],
      ["Label", PERSONAL.zip],
      [PERSONAL.unknownParameter, PERSONAL.unknownParameter],
      ["MessagingServiceSid", `MG${PERSONAL.service}`],
    ],
    ...changes,
  });
  const named = (form) =>
    form.map(([name, value]) => [
      name,
      {
        ProfileName: PERSONAL.profileName,
        WaId: PERSONAL.waId,
        FromCity: PERSONAL.city,
        FromZip: PERSONAL.zip,
      }[name] ?? value,
    ]);
  const image = await playground.upload(`GIF89a${PERSONAL.image}`, "image/gif");
  const media = [`${image.url}?${PERSONAL.mediaUrl}`];

  await worker.sendMessage(from({ body: `Hello ${SAID.text}`, sid: `SM${PERSONAL.sid}` }));
  await worker.sendMessage(
    from({
      form: named(
        inboundForm({
          from: FROM,
          to: TO,
          body: `Hi ${SAID.whatsappText}`,
          channel: "whatsapp",
          media,
        }),
      ),
    }),
  );
  await worker.sendMessage(
    from({ form: named(inboundForm({ from: FROM, to: TO, body: "", media })) }),
  );
  await worker.sendMessage(from({ body: `${SAID.text}${"x".repeat(4001)}` }));

  // Failures of the model, with markers in its error messages.
  await playground.fault({
    service: "openai",
    status: 400,
    error: {
      message: PERSONAL.openaiError,
      code: PERSONAL.openaiError,
      type: PERSONAL.openaiError,
    },
  });
  await worker.sendMessage(from({ body: SAID.failing }));
  for (const fault of ["body=garbage", "connection=drop", "body=truncated"])
    await worker.sendMessage(from({ body: `${SAID.failing} [fault ${fault}]` }));
  await eventually(
    "the failed turns",
    () => worker.log.filter(({ outcome }) => outcome === "failed").length === 4,
  );

  // Answers by REST: one that is sent, and one that Twilio rejects.
  await worker.sendMessage(
    from({ body: `${SAID.byRest} please write 1700 characters [fault delay=1s]` }),
  );
  await eventually(
    "the answer by REST",
    () =>
      worker.log.filter(({ event, outcome }) => event === "outbox_part" && outcome === "sent")
        .length >= 2,
  );
  await playground.fault({
    service: "twilio",
    status: 400,
    error: { code: 21610, message: PERSONAL.twilioError },
  });
  await worker.sendMessage(from({ body: `${SAID.byRest} [fault delay=1s]` }));
  await eventually("the rejected answer", () =>
    worker.log.some(({ event, outcome }) => event === "outbox_part" && outcome === "rejected"),
  );

  await worker.sendMessage(from({ channel: "whatsapp", to: "+15550188", body: "reset" }));
  for (let number = 0; number < 4; number += 1)
    await worker.sendMessage(from({ body: `${SAID.text} ${number}` }));

  // Forged and malformed requests.
  await worker.sendMessage(from({ body: PERSONAL.forgedBody, signature: null }));
  await worker.sendMessage(
    from({ body: PERSONAL.forgedBody, signature: PERSONAL.forgedSignature }),
  );
  await worker.sendMessage(
    from({ body: PERSONAL.forgedBody, signature: crypto.randomBytes(20).toString("base64") }),
  );
  await worker.sendMessage(from({ from: PERSONAL.forgedFrom, body: PERSONAL.forgedBody }));
  await worker.sendMessage(from({ sid: PERSONAL.forgedFrom }));
  await worker.sendMessage(from({ raw: `${PERSONAL.brokenBody}=%` }));
  await worker.sendMessage(
    from({ raw: PERSONAL.brokenBody, contentType: `text/${PERSONAL.brokenBody}` }),
  );
  await worker.sendMessage(from({ raw: PERSONAL.brokenBody.repeat(5000) }));
  await worker.request(`/nothing-here?${PERSONAL.query}`);
  await worker.request(`${ROUTE}?${PERSONAL.query}`, { method: "PUT" });
  await worker.request(`/health?${PERSONAL.query}`);
  // Wait for output after the answers.
  await new Promise((resolve) => setTimeout(resolve, 1000));
}

// The names of the markers that `text` contains, in any case.
function found(text, markers = MARKERS) {
  const lower = text.toLowerCase();
  return markers.filter(([, marker]) => lower.includes(marker.toLowerCase())).map(([name]) => name);
}
