// Single messages and their answers: what Twilio sends, what the model gets, what goes back; memory
// and reset.
//
// Not here: repeated and simultaneous messages (bursts), answers by REST (delivery), limits, forged
// requests, failures of the model (openai).

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
  startSwitchboard,
} from "./harness.mjs";

let switchboard, worker, playground;

before(async () => {
  switchboard = await startSwitchboard();
  ({ worker, playground } = switchboard);
});

after(() => switchboard?.close());

const RESET = "Done: our conversation is cleared. What would you like to talk about?";
const contents = (request, role) =>
  request.body.messages.filter((message) => message.role === role).map(({ content }) => content);

test("an answer in Markdown reads well by SMS and on WhatsApp, and is remembered as it was sent", async () => {
  const plain = [
    "Opening hours",
    "",
    "We are open on most days (https://shop.example/hours_and_*days*):",
    "",
    "Day | Hours",
    "Monday | 9-17",
    "Sunday | closed",
    "",
    "- Ring +1 555 0199 or",
    "- write to shop@shop.example",
    "",
    "Note: 2 * 3 * 4 is 24, 5 6 days a week, snake_case.",
  ];
  for (const channel of ["sms", "whatsapp"]) {
    const pair = { ...freshPair(), channel };
    const { messages } = await worker.sendMessage({
      ...pair,
      body: "What are your opening hours?",
    });
    if (channel === "sms") {
      assert.deepEqual(messages, [plain.join("\n")]);
    } else {
      assert.equal(messages.length, 1);
      const [text] = messages;
      for (const line of [
        "*Opening hours*",
        "We are *open* on most days (https",
        "- Ring `+1 555 0199` or",
      ]) {
        assert.ok(text.includes(line), `${line} in ${text}`);
      }
      assert.ok(text.includes("> Note: 2 * 3 * 4 is 24, ~5~ 6 days a week, `snake_case`."), text);
    }
    const next = `Thanks ${freshSid()}`;
    await worker.sendMessage({ ...pair, body: next });
    const [request] = await playground.asked(next);
    assert.deepEqual(contents(request, "assistant"), messages);
  }
});

test("an SMS is answered with TwiML, and the model is asked as OpenAI documents it", async () => {
  const pair = freshPair();
  const answer = await worker.sendMessage({ ...pair, body: "Hello there" });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("content-type"), "text/xml; charset=utf-8");
  assert.ok(
    answer.text.startsWith('<?xml version="1.0" encoding="UTF-8"?><Response><Message>'),
    answer.text,
  );
  assert.deepEqual(answer.messages, [echo("Hello there")]);

  const [request, ...others] = await playground.asked("Hello there");
  assert.deepEqual(others, []);
  assert.deepEqual(
    {
      path: request.path,
      method: request.method,
      authorized: request.authorized,
      status: request.status,
    },
    { path: "/v1/chat/completions", method: "POST", authorized: true, status: 200 },
  );
  assert.deepEqual(Object.keys(request.body).sort(), [
    "max_completion_tokens",
    "messages",
    "model",
    "prompt_cache_key",
    "reasoning_effort",
    "safety_identifier",
    "stream",
  ]);
  const {
    model: name,
    reasoning_effort: effort,
    max_completion_tokens: limit,
    stream,
    prompt_cache_key: cacheKey,
    safety_identifier: identifier,
  } = request.body;
  assert.deepEqual(
    [name, effort, limit, stream, cacheKey, identifier],
    ["gpt-6-luna", "none", 1000, false, pseudonym(pair), pseudonym(pair)],
  );
  assert.deepEqual(
    request.body.messages.map(({ role }) => role),
    ["system", "user"],
  );

  const turn = await worker.logged(
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
  const {
    duration_ms: duration,
    model_ms: model,
    prompt_tokens: prompt,
    completion_tokens: completion,
    time,
    ...rest
  } = turn;
  assert.deepEqual(rest, {
    event: "turn",
    phone_hash: phoneHash(pair.from),
    outcome: "answered",
    reply_via: "webhook",
    messages: 1,
    segments: 1,
    model_requests: 1,
    endpoint: 0,
  });
  assert.ok(
    duration >= model && model >= 0 && prompt > 0 && completion > 0 && Date.parse(time) > 0,
    JSON.stringify(turn),
  );
});

test("a WhatsApp message is answered, in a separate conversation from the same number's SMS", async () => {
  const pair = freshPair();
  await worker.sendMessage({ ...pair, body: "By text message" });
  const answer = await worker.sendMessage({ ...pair, channel: "whatsapp", body: "By WhatsApp" });
  assert.deepEqual(answer.messages, [echo("By WhatsApp", 1)]);
  const [request] = await playground.asked("By WhatsApp");
  assert.equal(request.body.safety_identifier, pseudonym(pair, "whatsapp"));
  assert.ok(
    !JSON.stringify(request.body).includes("Test Person"),
    "the model is not told who writes",
  );
});

test("one person who writes to two numbers has two conversations", async () => {
  const [pair, other] = [freshPair(), freshPair()];
  await worker.sendMessage({ ...pair, body: "To the first number" });
  const answer = await worker.sendMessage({
    from: pair.from,
    to: other.to.replace("+", "+1"),
    body: "What did I say first?",
  });
  assert.deepEqual(answer.messages, ["You have said nothing before this message."]);
});

test("a conversation is remembered, and a reset clears it and confirms that", async () => {
  const pair = freshPair();
  const ask = async (body, sid = freshSid()) =>
    (await worker.sendMessage({ ...pair, body, sid })).messages;
  const first = freshSid();
  await ask("My boat is called Wagtail", first);
  assert.deepEqual(await ask("What did I say first?"), [
    'The first thing you said was: "My boat is called Wagtail"',
  ]);
  assert.deepEqual(await ask("How many messages?"), [
    "You have sent 3 messages in this conversation.",
  ]);
  await eventually("the conversation in KV", () => revisions(pair).length > 0);

  assert.deepEqual(await ask("reset"), [RESET]);
  assert.deepEqual(revisions(pair), [], "a reset deletes the conversation in KV before it says so");
  const { tables } = worker.objects("ThreadObject").find(({ name }) => name === pseudonym(pair));
  assert.ok(tables._cf_KV.length > 0);
  for (const { key, value } of tables._cf_KV)
    assert.ok(!Buffer.from(value).includes("Wagtail"), `${key} still holds what was said`);
  assert.deepEqual(
    await ask("My boat is called Wagtail", first),
    [],
    "a copy of what was erased brings nothing back",
  );
  assert.deepEqual(await ask("What did I say first?"), [
    "You have said nothing before this message.",
  ]);
  assert.deepEqual(await playground.asked("reset"), [], "a reset costs no request");
});

test("every reset keyword works, in any case and with surrounding white space, and only as the whole message", async () => {
  const pair = freshPair();
  const ask = async (body) => (await worker.sendMessage({ ...pair, body })).messages;
  for (const word of ["reset", "RESTART", " Start  Over\n", "start over"])
    assert.deepEqual(await ask(word), [RESET], word);
  assert.deepEqual(await ask("please reset my password"), [echo("please reset my password", 1)]);
  assert.deepEqual(await ask("restarted"), [echo("restarted", 2)]);
});

test("digits and one-word answers reach the model unchanged", async () => {
  const pair = freshPair();
  for (const [index, body] of ["2", "1", "menu", "0042"].entries()) {
    const answer = await worker.sendMessage({ ...pair, body });
    assert.deepEqual(answer.messages, [echo(body, index + 1)]);
  }
  assert.deepEqual(contents((await playground.asked("0042"))[0], "user"), [
    "2",
    "1",
    "menu",
    "0042",
  ]);
});

test("emoji, right-to-left text, combining marks and characters beyond the basic plane come back intact", async () => {
  // On WhatsApp, because an SMS replaces characters that only cost segments.
  const pair = { ...freshPair(), channel: "whatsapp" };
  const texts = [
    "👩‍👩‍👧‍👦 family, 🇨🇭 flag, 👍🏽 skin tone",
    "مرحبا بالعالم — שלום עולם",
    "e\u0301 and é, ก็ํ, क्षि, Z\u0351\u036b\u0343alg\u0321o",
    "漢字かな交じり文、𠮷野家 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "zero\u200bwidth and \u00a0no-break",
  ];
  for (const [index, body] of texts.entries()) {
    const answer = await worker.sendMessage({ ...pair, body });
    assert.deepEqual(answer.messages, [echo(body, index + 1)]);
  }
  assert.deepEqual(contents((await playground.asked("zero"))[0], "user"), texts);
});

test("markup in a message cannot become markup in the answer", async () => {
  const body = `</Message><Redirect>https://evil.example</Redirect> & <![CDATA[x]]> "double" 'single' &amp; &#0;`;
  const answer = await worker.sendMessage({ ...freshPair(), body });
  // An answer is read as Markdown, in which an entity is its character.
  assert.deepEqual(answer.messages, [echo(body.replace("&amp;", "&"))]);
  assert.ok(!answer.text.includes("<Redirect"));
});

test("control characters and bidirectional overrides are removed before the model sees them", async () => {
  const cleaned = "tab\there, line\nbreak, middle safe";
  const body = `\u0007 \u202etab\there,\u0000 line\r\nbreak,\u009b mid\u2066dle\u007f \u061csafe\u200f \n`;
  const answer = await worker.sendMessage({ ...freshPair(), channel: "whatsapp", body });
  assert.deepEqual(answer.messages, [echo(cleaned)]);
  assert.deepEqual(contents((await playground.asked("middle safe"))[0], "user"), [cleaned]);
});

test("repeated, empty and unknown parameters are part of the signature and otherwise ignored", async () => {
  const params = [
    ["Repeated", "b"],
    ["Repeated", "a"],
    ["Repeated", "b"],
    ["Empty", ""],
    ["Empty", ""],
    ["NewAtTwilio", "ä+%&="],
    ["Repeated", ""],
  ];
  const answer = await worker.sendMessage({ ...freshPair(), body: "With more parameters", params });
  assert.deepEqual(answer.messages, [echo("With more parameters")]);
});

test("a signed message with two bodies is rejected, because it is ambiguous", async () => {
  const answer = await worker.sendMessage({
    ...freshPair(),
    body: "The first",
    params: [["Body", "The second"]],
  });
  assert.equal(answer.status, 400);
  assert.equal(answer.text, "Bad request: Body is repeated\n");
  assert.deepEqual(await playground.asked("The second"), []);
});

test("a message through a Messaging Service and one to a short code are answered", async () => {
  const service = await worker.sendMessage({
    ...freshPair(),
    body: "Through a service",
    params: [["MessagingServiceSid", `MG${"ab".repeat(16)}`]],
  });
  assert.deepEqual(service.messages, [echo("Through a service")]);
  const short = await worker.sendMessage({ ...freshPair(), to: "55501", body: "To a short code" });
  assert.deepEqual(short.messages, [echo("To a short code")]);
});

test("an empty message is asked for text, and does not reach the model", async () => {
  const pair = freshPair();
  const send = async (message) => (await worker.sendMessage({ ...pair, ...message })).messages;
  const before = (await playground.requests("openai")).length;
  for (const body of ["", " \r\n\t ", "\u202e\u0000"])
    assert.deepEqual(await send({ body }), ["Please send text."]);
  const withoutBody = inboundForm(pair).filter(([name]) => name !== "Body");
  assert.deepEqual(await send({ form: withoutBody }), ["Please send text."]);
  assert.equal((await playground.requests("openai")).length, before);
});

test("a message of exactly the limit reaches the model; one more character gets a notice with the limit", async () => {
  const pair = freshPair();
  // Characters beyond the basic plane: two UTF-16 units, four bytes, one character.
  const longest = "🦆".repeat(4000);
  const fits = await worker.sendMessage({ ...pair, body: ` ${longest}\n` });
  assert.equal(fits.status, 200);
  assert.deepEqual(contents((await playground.asked("🦆🦆🦆"))[0], "user"), [longest]);
  const sid = freshSid();
  for (const _ of ["first", "again"]) {
    const tooLong = await worker.sendMessage({ ...pair, sid, body: `${"x".repeat(4000)}y` });
    assert.deepEqual(tooLong.messages, [
      "That message is too long for me. Please keep it to 4000 characters.",
    ]);
  }
  assert.deepEqual(await playground.asked("xxxy"), []);
  const next = await worker.sendMessage({ ...pair, body: "How many messages?" });
  assert.deepEqual(
    next.messages,
    ["You have sent 2 messages in this conversation."],
    "the notice is no part of the conversation",
  );
});

test("a long answer is split into messages of at most 1600 characters, without losing any", async () => {
  const answer = await worker.sendMessage({
    ...freshPair(),
    channel: "whatsapp",
    body: "Please write 3900 characters",
  });
  assert.equal(answer.messages.length, 3);
  for (const message of answer.messages)
    assert.ok(message.length <= 1600 && /[.!?]$/.test(message), "each ends with a sentence");
  const joined = answer.messages.join(" ").replace(/\s+/g, " ");
  assert.ok(
    joined.length > 3850 && joined.startsWith("The harbour wakes"),
    `${joined.length} characters`,
  );
});

test("an answer that does not fit into ten messages is cut at ten, with an ellipsis", async () => {
  const answer = await worker.sendMessage({
    ...freshPair(),
    channel: "whatsapp",
    body: "Tell me everything [fault body=overlong]",
  });
  assert.equal(answer.messages.length, 10);
  for (const message of answer.messages) assert.ok(message.length <= 1600 && message.length > 800);
  assert.ok(answer.messages.at(-1).endsWith("…"));
  assert.ok(Buffer.byteLength(answer.text) < 64_000, "Twilio takes at most 64 kB");
});

test("a conversation in KV has the documented form, a lifetime, and one key per revision", async () => {
  const pair = freshPair();
  for (const body of ["First turn", "Second turn"]) await worker.sendMessage({ ...pair, body });
  await eventually("two revisions", () => revisions(pair).length === 2);
  assert.deepEqual(
    revisions(pair).map(({ key }) => key),
    [`conversation/${pseudonym(pair)}/1`, `conversation/${pseudonym(pair)}/2`],
  );
  const newest = revisions(pair).at(-1);
  assert.deepEqual(JSON.parse(newest.value), {
    v: 1,
    turns: [
      { user: "First turn", assistant: echo("First turn") },
      { user: "Second turn", assistant: echo("Second turn", 2) },
    ],
  });
  const left = newest.expiration - Date.now();
  assert.ok(left > 3_500_000 && left < 3_610_000, `it expires in ${left} ms`);
});

function revisions(pair) {
  return worker
    .kv()
    .filter(({ key }) => key.startsWith(`conversation/${pseudonym(pair)}/`))
    .sort((a, b) => a.key.localeCompare(b.key));
}
