// Missing and wrong settings close the Twilio route and are named, in the log and at /health, but
// without their values.
//
// Not here: the valid forms of each setting (native tests of the configuration).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, freshPair, SECRETS, startPlayground, startWorker } from "./harness.mjs";

// The mistakes: the settings as given (null: missing), which must be named.
const FAULTS = {
  "a missing TWILIO_AUTH_TOKEN": { TWILIO_AUTH_TOKEN: null },
  "a missing OPENAI_API_KEY": { OPENAI_API_KEY: null },
  "a missing PSEUDONYM_KEY": { PSEUDONYM_KEY: null },
  "an empty TWILIO_AUTH_TOKEN": { TWILIO_AUTH_TOKEN: "" },
  "a TWILIO_AUTH_TOKEN of another form": { TWILIO_AUTH_TOKEN: "planted-token" },
  "a list of tokens with one that is malformed": {
    TWILIO_AUTH_TOKEN: `${SECRETS.TWILIO_AUTH_TOKEN},plantedplantedplantedplantedplante`,
  },
  "an OPENAI_API_KEY that OpenAI would not have issued": {
    OPENAI_API_KEY: "planted-key",
    OPENAI_BASE_URL: "https://api.openai.com/v1",
  },
  "a short PSEUDONYM_KEY": { PSEUDONYM_KEY: "planted-but-short" },
  "a short ADMIN_TOKEN": { ADMIN_TOKEN: "planted-but-short" },
  "a malformed SEGMENT_WRITE_KEY": { SEGMENT_WRITE_KEY: "planted key" },
  "a SEGMENT_API_BASE_URL over plain http": { SEGMENT_API_BASE_URL: "http://planted.example" },
  "a PUBLIC_URL with a path": { PUBLIC_URL: "https://planted.example/twilio" },
  "an INTELLIGENCE_SERVICE_SID of another kind": {
    INTELLIGENCE_SERVICE_SID: "MG0123456789abcdef0123456789abcdef",
  },
  "an OPENAI_BASE_URL over plain http": { OPENAI_BASE_URL: "http://planted.example/v1" },
  "a blank OPENAI_MODEL": { OPENAI_MODEL: "  " },
  "an OPENAI_REASONING_EFFORT of two words": { OPENAI_REASONING_EFFORT: "planted high" },
  "an OPENAI_MAX_COMPLETION_TOKENS above 128000": { OPENAI_MAX_COMPLETION_TOKENS: "128001" },
  "a malformed OPENAI_TIMEOUT_MS": { OPENAI_TIMEOUT_MS: "planted" },
  "a malformed TWILIO_API_BASE_URL": { TWILIO_API_BASE_URL: "planted.example" },
  "a blank ASSISTANT_PROMPT": { ASSISTANT_PROMPT: " " },
  "a RATE_LIMIT_PER_MINUTE of 0": { RATE_LIMIT_PER_MINUTE: "0" },
  "a malformed MAX_DAILY_CALLS": { MAX_DAILY_CALLS: "planted" },
  "a negative MAX_DAILY_CALLS": { MAX_DAILY_CALLS: "-1" },
  "a malformed MAX_MESSAGE_CHARS": { MAX_MESSAGE_CHARS: "4000 planted" },
  "a CONVERSATION_TTL_SECONDS below 60": { CONVERSATION_TTL_SECONDS: "59" },
  "a REPLY_WITHIN_MS above 14000": { REPLY_WITHIN_MS: "14001" },
  "everything wrong at once": {
    TWILIO_AUTH_TOKEN: null,
    OPENAI_API_KEY: "planted key",
    PSEUDONYM_KEY: "planted",
    ADMIN_TOKEN: "planted",
    SEGMENT_WRITE_KEY: "planted key",
    SEGMENT_API_BASE_URL: "planted",
    PUBLIC_URL: "planted",
    INTELLIGENCE_SERVICE_SID: "planted",
    OPENAI_BASE_URL: "planted",
    OPENAI_MODEL: " ",
    OPENAI_REASONING_EFFORT: "planted high",
    OPENAI_MAX_COMPLETION_TOKENS: "planted",
    OPENAI_TIMEOUT_MS: "planted",
    TWILIO_API_BASE_URL: "planted",
    TWILIO_INTELLIGENCE_BASE_URL: "planted",
    ASSISTANT_PROMPT: " ",
    RATE_LIMIT_PER_MINUTE: "planted",
    MAX_DAILY_CALLS: "planted",
    MAX_MESSAGE_CHARS: "planted",
    CONVERSATION_TTL_SECONDS: "planted",
    REPLY_WITHIN_MS: "planted",
  },
};

// The base URL is valid there, so it is not named.
const NAMED = { "an OPENAI_API_KEY that OpenAI would not have issued": ["OPENAI_API_KEY"] };

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

for (const [what, settings] of Object.entries(FAULTS)) {
  test(`${what} closes the Twilio route, and is named without its value`, async () => {
    await worker.reconfigure(settings);
    const since = worker.log.length;
    const named = NAMED[what] ?? Object.keys(settings);
    const health = await worker.request("/health");
    assert.equal(health.status, 503);
    const { status, errors, version } = JSON.parse(health.text);
    assert.equal(status, "misconfigured");
    assert.match(version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(
      errors.map(({ setting }) => setting),
      named,
    );
    for (const { problem } of errors) assert.match(problem, /^(is missing|must )/);
    assert.equal((await worker.request("/health", { method: "HEAD" })).status, 503);

    for (const message of [{}, { token: "" }, { signature: null }]) {
      const answer = await worker.sendMessage({ ...freshPair(), ...message });
      assert.equal(answer.status, 503);
      assert.equal(answer.text, "Not configured: see /health\n");
    }
    await eventually("the events", () => worker.log.length === since + 3);
    for (const { event, phone_hash: hash, details } of worker.log.slice(since)) {
      assert.deepEqual(
        [event, hash, details],
        ["security_event", "00000000", { kind: "configuration_invalid", settings: named }],
      );
    }
    for (const text of [health.text, ...worker.lines]) assert.ok(!/planted/i.test(text), text);
    for (const value of Object.values(settings))
      assert.ok(!(value?.trim() && health.text.includes(`"${value}"`)), String(value));
  });
}

test("while a wrong setting closes the route, nothing reaches the model, an object or KV", async () => {
  assert.deepEqual(
    [await playground.requests(), worker.objects("ThreadObject"), worker.kv()],
    [[], [], []],
  );
  // A valid message leaves all of these traces.
  await worker.reconfigure({});
  await worker.sendMessage({ ...freshPair(), body: "In order again" });
  await eventually("its conversation", () => worker.kv().length === 1);
  assert.deepEqual(
    [(await playground.requests()).length, worker.objects("ThreadObject").length],
    [1, 1],
  );
});

test("other routes and methods answer as usual while a setting is wrong", async () => {
  await worker.reconfigure({ PSEUDONYM_KEY: null });
  assert.equal((await worker.request("/nothing-here")).status, 404);
  assert.equal((await worker.request("/twilio/messages")).status, 405);
});

test("correcting the setting opens the route again, and the conversation continues", async () => {
  const pair = freshPair();
  await worker.restart();
  await worker.sendMessage({ ...pair, body: "Before the fault" });
  await worker.restart({ MAX_DAILY_CALLS: "abc" });
  assert.equal((await worker.sendMessage({ ...pair, body: "In the fault" })).status, 503);
  await worker.restart({ MAX_DAILY_CALLS: "10" });
  const answer = await worker.sendMessage({ ...pair, body: "What did I say before?" });
  assert.deepEqual(answer.messages, ['Before this you said: "Before the fault"']);
});

test("optional settings can be set, and empty ones count as absent", async () => {
  await worker.reconfigure({
    ADMIN_TOKEN: "a".repeat(32),
    SEGMENT_WRITE_KEY: "writekey",
    PUBLIC_URL: "",
    OPENAI_MODEL: "",
    OPENAI_REASONING_EFFORT: "",
    ASSISTANT_PROMPT: "",
  });
  assert.equal((await worker.request("/health")).status, 200);
  const answer = await worker.sendMessage({ ...freshPair(), body: "With all of them" });
  assert.equal(answer.messages.length, 1);
  const [{ body }] = await playground.asked("With all of them");
  assert.deepEqual([body.model, body.reasoning_effort], ["gpt-6-luna", "none"]);
  assert.match(body.messages[0].content, /^You are a helpful assistant/);
});

test("the model, the prompt and the character limit are those in the settings", async () => {
  await worker.reconfigure({
    OPENAI_MODEL: "gpt-6.1-terra",
    ASSISTANT_PROMPT: "Speak like a pirate.",
    MAX_MESSAGE_CHARS: "5",
  });
  const pair = freshPair();
  assert.equal((await worker.sendMessage({ ...pair, body: "Ahoy!" })).messages.length, 1);
  const [{ body }] = await playground.asked("Ahoy!");
  assert.deepEqual(
    [body.model, body.messages[0]],
    ["gpt-6.1-terra", { role: "system", content: "Speak like a pirate." }],
  );
  const tooLong = await worker.sendMessage({ ...pair, body: "Ahoy!!" });
  assert.deepEqual(tooLong.messages, [
    "That message is too long for me. Please keep it to 5 characters.",
  ]);
});
