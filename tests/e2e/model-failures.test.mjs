// Every way in which a request to OpenAI can fail: the answer to the contact, the number of requests,
// the log, and that no failure becomes part of the conversation.
//
// Not here: models and other endpoints (openai), the daily cap (limits), failures after the webhook has
// ended (delivery).

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { freePort } from "../../scripts/lib/local.mjs";
import {
  echo,
  eventually,
  freshPair,
  phoneHash,
  pseudonym,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const APOLOGY = "Sorry, I can't answer right now. Please try again in a few minutes.";
const FILTERED = "Sorry, I can't help with that.";
const TOKEN_LIMIT =
  "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
const TIMEOUT = 4500;

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({
    playground,
    settings: {
      OPENAI_TIMEOUT_MS: String(TIMEOUT),
      REPLY_WITHIN_MS: "14000",
      ASSISTANT_PROMPT: "Answer like a harbour master.",
    },
  });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

// The failures: the fault, the number of requests, the label in the log, the answer to the contact,
// and the tokens that an unusable answer cost.
const FAILURES = {
  "a dropped connection": ["connection=drop", 3, "connection_failed"],
  "a connection dropped after the answer was made": [
    "connection=act_then_drop",
    3,
    "connection_failed",
  ],
  "a 408": ["status=408", 3, "busy"],
  "a 409": ["status=409", 3, "busy"],
  "a 429": ["status=429", 3, "busy"],
  "a 500": ["status=500", 3, "server_error"],
  "a 502": ["status=502", 3, "server_error"],
  "a 503 with an HTML page": ["status=503 body=not_json", 3, "server_error"],
  "a 504 without a body": ["status=504 body=empty", 3, "server_error"],
  "a used-up quota": ["status=429 code=insufficient_quota", 1, "insufficient_quota"],
  "a 400": ["status=400", 1, "rejected"],
  "a 401": ["status=401", 1, "unauthorized"],
  "a 403": ["status=403", 1, "unauthorized"],
  "a 404 without such a model": ["status=404", 1, "model_not_found"],
  "a 402": ["server=no_credit", 1, "insufficient_quota"],
  "an account without billing": ["status=429 code=billing_not_active", 1, "insufficient_quota"],
  "a request that a filter refused": ["server=filter", 1, "content_filter", FILTERED],
  "a 422": ["status=422", 1, "rejected"],
  "a redirect to nowhere": ["status=302", 1, "unexpected_response"],
  "an answer of no characters": ["body=empty_answer", 1, "empty_answer"],
  "an answer of white space": ["body=blank_answer", 1, "empty_answer", APOLOGY, 1],
  "an answer without content": ["body=null_answer", 1, "empty_answer"],
  "an answer without a choice": [
    "body=no_choices",
    1,
    "empty_answer",
    APOLOGY,
    Math.ceil(echo("This fails", 2).length / 4),
  ],
  "an answer cut off before its first word": [
    "body=length_empty",
    1,
    "token_limit",
    TOKEN_LIMIT,
    1000,
  ],
  "an answer that was filtered": ["body=content_filter", 1, "content_filter", FILTERED],
  "bytes that are not text": ["body=garbage", 1, "unexpected_response"],
  "an HTML page": ["body=not_json", 1, "unexpected_response"],
  "a body of no bytes": ["body=empty", 1, "unexpected_response"],
  "JSON of another shape": ["body=wrong_shape", 1, "unexpected_response"],
  "a truncated body": ["body=truncated", 1, "unreadable"],
  "no answer in time": ["delay=30s", 1, "timeout"],
  "a wait that is longer than the time left": ["status=429 retry-after=60", 1, "busy"],
};

describe("failures of the model", { concurrency: 12 }, () => {
  for (const [what, [fault, requests, failure, text = APOLOGY, tokens = 0]] of Object.entries(
    FAILURES,
  )) {
    const tries = requests === 1 ? "is not tried again" : "is tried again, twice at most";
    test(`${what} ${tries}, is reported once, and is not part of the conversation`, async () => {
      const pair = freshPair();
      const ask = (body) => worker.sendMessage({ ...pair, body });
      await ask("The tide is high");
      const answer = await ask(`This fails [fault ${fault}]`);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.messages, [text]);

      const made = await requestsOf(pair, "This fails");
      assert.equal(made.length, requests);
      const turn = (await turnsOf(pair, 2)).at(-1);
      assert.deepEqual(
        {
          outcome: turn.outcome,
          failure: turn.failure,
          requests: turn.model_requests,
          reply_via: turn.reply_via,
          tokens: turn.completion_tokens,
        },
        { outcome: "failed", failure, requests, reply_via: "webhook", tokens },
      );

      const next = await ask("How many messages?");
      assert.deepEqual(next.messages, ["You have sent 2 messages in this conversation."]);
      const [{ body }] = await requestsOf(pair, "How many");
      assert.deepEqual(body.messages, [
        { role: "system", content: "Answer like a harbour master." },
        { role: "user", content: "The tide is high" },
        { role: "assistant", content: echo("The tide is high") },
        { role: "user", content: "How many messages?" },
      ]);
    });
  }

  test("a request that takes too long is really aborted, within the configured time", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({ ...pair, body: "Too slow [fault delay=60s]" });
    assert.deepEqual(answer.messages, [APOLOGY]);
    assert.ok(answer.ms >= TIMEOUT - 100 && answer.ms < 30_000, `${answer.ms} ms`);
    const [request] = await eventually("the abort", async () => {
      const made = await requestsOf(pair, "Too slow");
      return made[0].outcome !== "pending" && made;
    });
    assert.equal(request.outcome, "client_gone");
    assert.ok(request.took_ms < 30_000, `${request.took_ms} ms`);
  });

  test("the configured time covers a request, its retries and the waits between them", async () => {
    const pair = freshPair();
    // The first attempt takes most of the time, so the second one must be cut short.
    await playground.fault({
      service: "openai",
      status: 503,
      delay_ms: 3500,
      times: 1,
      contains: pseudonym(pair),
    });
    await playground.fault({
      service: "openai",
      delay_ms: 30_000,
      times: 1,
      contains: pseudonym(pair),
    });
    const answer = await worker.sendMessage({ ...pair, body: "Slowly failing" });
    assert.deepEqual(answer.messages, [APOLOGY]);
    assert.ok(answer.ms >= TIMEOUT - 100 && answer.ms < 30_000, `${answer.ms} ms`);
    const [turn] = await turnsOf(pair, 1);
    assert.deepEqual([turn.failure, turn.model_requests], ["timeout", 2]);
  });

  for (const { what, ...fault } of [
    { what: "a dropped connection", connection: "drop" },
    { what: "a 503", status: 503 },
  ]) {
    for (const times of [1, 2]) {
      test(`the answer arrives although ${what} came ${times === 1 ? "first" : "twice before it"}, and is remembered once`, async () => {
        const pair = freshPair();
        await playground.fault({ service: "openai", ...fault, times, contains: pseudonym(pair) });
        const answer = await worker.sendMessage({ ...pair, body: "Try again" });
        assert.deepEqual(answer.messages, [echo("Try again")]);
        const made = await requestsOf(pair, "Try again");
        assert.equal(made.length, times + 1);
        assert.deepEqual(
          new Set(made.map(({ body }) => JSON.stringify(body))).size,
          1,
          "the same request each time",
        );
        const [turn] = await turnsOf(pair, 1);
        assert.deepEqual(
          [turn.outcome, turn.failure, turn.model_requests],
          ["answered", undefined, times + 1],
        );
        const waits = made
          .slice(1)
          .map(({ received_at: at }, index) => at - made[index].received_at);
        assert.ok(waits[0] >= 240 && (waits[1] ?? 500) >= 490, `waits of ${waits} ms`);
        const next = await worker.sendMessage({ ...pair, body: "How many messages?" });
        assert.deepEqual(next.messages, ["You have sent 2 messages in this conversation."]);
      });
    }
  }

  test("Retry-After is honoured in seconds", async () => {
    const pair = freshPair();
    await playground.fault({
      service: "openai",
      status: 429,
      headers: { "Retry-After": "2" },
      times: 1,
      contains: pseudonym(pair),
    });
    const answer = await worker.sendMessage({ ...pair, body: "Wait by seconds" });
    assert.deepEqual(answer.messages, [echo("Wait by seconds")]);
    const [first, second] = await requestsOf(pair, "Wait by seconds");
    assert.ok(
      second.received_at - first.received_at >= 1990,
      `${second.received_at - first.received_at} ms`,
    );
  });

  test("Retry-After is honoured as a date", async () => {
    const pair = freshPair();
    const until = (Math.floor(Date.now() / 1000) + 3) * 1000;
    await playground.fault({
      service: "openai",
      status: 503,
      headers: { "Retry-After": new Date(until).toUTCString() },
      times: 1,
      contains: pseudonym(pair),
    });
    const answer = await worker.sendMessage({ ...pair, body: "Wait until a date" });
    assert.deepEqual(answer.messages, [echo("Wait until a date")]);
    const second = (await requestsOf(pair, "Wait until a date"))[1];
    assert.ok(second.received_at >= until - 10, `${until - second.received_at} ms too early`);
  });

  for (const status of [301, 302, 303, 307, 308]) {
    test(`a redirect by ${status} is not followed: keys and texts go nowhere else`, async () => {
      const pair = freshPair();
      await playground.fault({
        service: "openai",
        status,
        headers: { Location: `${playground.url}/v1/chat/completions` },
        times: 1,
        contains: pseudonym(pair),
      });
      const answer = await worker.sendMessage({ ...pair, body: "Redirected" });
      assert.deepEqual(answer.messages, [APOLOGY]);
      assert.equal(
        (await playground.requests("openai")).filter(
          ({ body }) => body?.safety_identifier === pseudonym(pair),
        ).length,
        1,
      );
      const [turn] = await turnsOf(pair, 1);
      assert.deepEqual([turn.failure, turn.model_requests], ["unexpected_response", 1]);
    });
  }

  test("a refusal is the model's answer, and part of the conversation", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({ ...pair, body: "Refuse this [fault body=refusal]" });
    assert.deepEqual(answer.messages, ["I'd rather not help with that."]);
    const [turn] = await turnsOf(pair, 1);
    assert.deepEqual([turn.outcome, turn.failure], ["answered", "refusal"]);
    await worker.sendMessage({ ...pair, body: "Go on" });
    const [{ body }] = await requestsOf(pair, "Go on");
    assert.equal(body.messages[2].content, "I'd rather not help with that.");
  });

  test("an answer cut off by the token limit is passed on, with an ellipsis at its end", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({
      ...pair,
      body: "Cut this short [fault body=length]",
    });
    const whole = echo("Cut this short");
    assert.equal(answer.messages.length, 1);
    assert.ok(answer.messages[0].endsWith("..."));
    const half = answer.messages[0].slice(0, -3);
    assert.ok(half.length > 20 && whole.startsWith(half), half);
    const [turn] = await turnsOf(pair, 1);
    assert.deepEqual([turn.outcome, turn.failure], ["answered", "length"]);
  });

  test("a copy of a message whose turn failed gets the same apology, without another request", async () => {
    const pair = freshPair();
    const message = { ...pair, sid: `SM${"1".repeat(32)}`, body: "Fails once [fault status=400]" };
    const first = await worker.sendMessage(message);
    assert.deepEqual((await worker.sendMessage(message)).messages, first.messages);
    assert.equal((await requestsOf(pair, "Fails once")).length, 1);
  });
});

test("an unreachable OpenAI is tried three times, and the contact gets an apology", async () => {
  const other = await startWorker({
    playground,
    settings: { OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` },
  });
  try {
    assert.deepEqual((await other.sendMessage({ body: "Anybody there?" })).messages, [APOLOGY]);
    const turn = await other.logged(({ event }) => event === "turn");
    assert.deepEqual([turn.failure, turn.model_requests], ["connection_failed", 3]);
  } finally {
    await other.close();
  }
});

async function requestsOf(pair, text) {
  return (await playground.asked(text)).filter(
    ({ body }) => body.safety_identifier === pseudonym(pair),
  );
}

function turnsOf(pair, count) {
  return eventually(`${count} turns in the log`, () => {
    const turns = worker.log.filter(
      ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
    );
    return turns.length === count && turns;
  });
}
