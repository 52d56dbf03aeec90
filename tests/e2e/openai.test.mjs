// Every way in which OpenAI can fail: the answer to the contact, the number of requests, the log,
// and that no failure becomes part of the conversation.
//
// Not here: the daily cap (limits), failures after the webhook has ended (delivery).

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { freePort, portOf } from "../../scripts/lib/local.mjs";
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
const NO_IMAGES = "Sorry, I can't look at pictures here. Please write to me.";
const TIMEOUT = 4500;
/** The smallest image. */
const PICTURE = Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=", "base64");

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

describe("models", () => {
  const answered = async (other, body) => {
    const pair = freshPair();
    const { messages } = await other.sendMessage({ ...pair, body });
    const turn = await other.logged(
      ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
    );
    return {
      messages,
      outcome: turn.outcome,
      failure: turn.failure,
      requests: turn.model_requests,
      tokens: turn.completion_tokens,
    };
  };

  test("an answer that used up its tokens before the first word gets a notice, and its tokens are logged", async () => {
    const other = await startWorker({
      playground,
      settings: { OPENAI_REASONING_EFFORT: "high", OPENAI_MAX_COMPLETION_TOKENS: "500" },
    });
    try {
      const expected = {
        messages: [TOKEN_LIMIT],
        outcome: "failed",
        failure: "token_limit",
        requests: 1,
        tokens: 500,
      };
      assert.deepEqual(await answered(other, "Reason about this"), expected);
      const [{ body }] = await playground.asked("Reason about this");
      assert.deepEqual([body.reasoning_effort, body.max_completion_tokens], ["high", 500]);

      await other.reconfigure({
        OPENAI_REASONING_EFFORT: "high",
        OPENAI_MAX_COMPLETION_TOKENS: "2000",
      });
      const { messages, failure, tokens } = await answered(other, "Reason with more room");
      assert.deepEqual([messages, failure], [[echo("Reason with more room")], undefined]);
      assert.ok(tokens > 1000, `${tokens} tokens, those of the reasoning included`);

      await other.reconfigure({ OPENAI_REASONING_EFFORT: "minimal" });
      const asked = await answered(other, "With an effort of old");
      assert.deepEqual(
        [asked.messages, asked.failure, asked.requests],
        [[echo("With an effort of old")], undefined, 2],
        "the effort that the model does not know is left out",
      );
      await other.logged(
        ({ event, field }) => event === "field_omitted" && field === "reasoning_effort",
      );
    } finally {
      await other.close();
    }
  });

  for (const [date, outcome] of [
    ["2027-01-13", "answered"],
    ["2027-01-14", "failed"],
  ]) {
    test(`a turn that asks gpt-4o-mini on ${date} has ${outcome}`, async () => {
      const then = await startPlayground({ date });
      const other = await startWorker({
        playground: then,
        settings: { OPENAI_MODEL: "gpt-4o-mini" },
      });
      try {
        const turn = await answered(other, "Still there?");
        assert.deepEqual(
          [turn.messages, turn.outcome, turn.failure],
          outcome === "answered"
            ? [[echo("Still there?")], outcome, undefined]
            : [[APOLOGY], outcome, "model_not_found"],
        );
        const [{ body, status, deprecation }] = await then.asked("Still there?");
        assert.equal(body.reasoning_effort, undefined, "it does not know the field");
        assert.deepEqual(
          [status, deprecation],
          outcome === "answered"
            ? [200, "OpenAI shuts gpt-4o-mini down on 2027-01-14"]
            : [404, undefined],
        );
      } finally {
        await other.close();
        await then.close();
      }
    });
  }

  test("a server other than OpenAI is sent no field that only OpenAI knows", async () => {
    const asked = [];
    const server = http.createServer(async (request, response) => {
      asked.push(JSON.parse((await request.toArray()).join("")));
      response.writeHead(200, { "content-type": "application/json" });
      response.end(
        JSON.stringify({
          choices: [{ message: { content: "Ahoy from elsewhere." }, finish_reason: "stop" }],
        }),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const settings = {
      OPENAI_BASE_URL: `http://127.0.0.1:${portOf(server)}/v1`,
      OPENAI_API_KEY: "a-key-of-its-own",
      OPENAI_MODEL: "llama",
    };
    const other = await startWorker({ playground, settings });
    try {
      assert.deepEqual((await answered(other, "Who are you?")).messages, ["Ahoy from elsewhere."]);
      assert.deepEqual(
        asked.map(({ messages, ...rest }) => rest),
        [{ model: "llama", max_completion_tokens: 1000, stream: false }],
      );
      await other.reconfigure({ ...settings, OPENAI_REASONING_EFFORT: "low" });
      await answered(other, "And with an effort?");
      assert.equal(asked.at(-1).reasoning_effort, "low", "what is set is sent");
    } finally {
      await other.close();
      server.close();
    }
  });
});

describe("errors that name their cause, and a second endpoint", () => {
  let other;
  before(async () => {
    other = await startWorker({ playground, settings: withSecond(playground.url) });
  });
  after(() => other?.close());

  const ask = async (body, asked = other) => {
    const pair = freshPair();
    const { messages } = await asked.sendMessage({ ...pair, body });
    const turn = await turnOf(asked, pair);
    const requests = (await playground.asked(body.split(" [")[0])).map(({ path, body }) => {
      const { messages: _messages, model: _model, ...fields } = body;
      return { second: path.startsWith("/fallback/"), fields: Object.keys(fields).sort() };
    });
    return { messages, turn, asked: requests };
  };

  test("a field that a server does not know is left out, and remembered by the isolate", async () => {
    const first = await ask("In other words [fault server=strict endpoint=second]");
    assert.equal(first.turn.model_requests, 1, "the directive is for the second endpoint alone");
    const strict = await ask("More strictly [fault server=strict]");
    assert.deepEqual(strict.messages, [echo("More strictly")]);
    assert.deepEqual(
      strict.asked.map(({ fields }) => fields),
      [
        [
          "max_completion_tokens",
          "prompt_cache_key",
          "reasoning_effort",
          "safety_identifier",
          "stream",
        ],
        ["max_tokens", "stream"],
      ],
    );
    const again = await ask("Once more [fault server=strict]");
    assert.deepEqual([again.messages, again.turn.model_requests], [[echo("Once more")], 1]);
    const omitted = other.log.filter(({ event }) => event === "field_omitted");
    assert.deepEqual(
      omitted.map(({ endpoint, field }) => [endpoint, field]),
      [
        [0, "reasoning_effort"],
        [0, "max_completion_tokens"],
        [0, "safety_identifier"],
        [0, "prompt_cache_key"],
      ],
    );
  });

  test("a server that knows the token limit by its older name alone gets it by that, from then on at once", async () => {
    // An isolate of its own, because the other one has learned of the field.
    const fresh = await startWorker({ playground, settings: { REPLY_WITHIN_MS: "14000" } });
    try {
      const old = await ask("The old way [fault server=old]", fresh);
      assert.deepEqual(old.messages, [echo("The old way")]);
      assert.equal(old.turn.model_requests, 2);
      const others = ["prompt_cache_key", "reasoning_effort", "safety_identifier", "stream"];
      const fields = (limit) => [...others, limit].sort();
      assert.deepEqual(
        old.asked.map(({ fields }) => fields),
        [fields("max_completion_tokens"), fields("max_tokens")],
        "nothing else is left out",
      );
      const again = await ask("And once more [fault server=old]", fresh);
      assert.deepEqual([again.messages, again.turn.model_requests], [[echo("And once more")], 1]);
      assert.deepEqual(again.asked[0].fields, fields("max_tokens"));
      const omitted = fresh.log.filter(({ event }) => event === "field_omitted");
      assert.deepEqual(
        omitted.map(({ endpoint, field }) => [endpoint, field]),
        [[0, "max_completion_tokens"]],
      );
    } finally {
      await fresh.close();
    }
  });

  test("where no model sees pictures the contact is told, after one request for each endpoint", async () => {
    const image = await playground.upload(PICTURE, "image/gif");
    const blind = { body: "What is this? [fault server=no_images]", media: [image] };
    const fresh = await startWorker({ playground, settings: { REPLY_WITHIN_MS: "14000" } });
    try {
      for (const [asked, requests] of [
        [fresh, 1],
        [other, 2],
      ]) {
        const pair = freshPair();
        assert.deepEqual((await asked.sendMessage({ ...pair, ...blind })).messages, [NO_IMAGES]);
        const turn = await turnOf(asked, pair);
        assert.deepEqual(
          [turn.outcome, turn.failure, turn.model_requests],
          ["failed", "no_images", requests],
        );
        const after = await asked.sendMessage({ ...pair, body: "How many messages?" });
        assert.deepEqual(after.messages, ["You have sent 1 message in this conversation."]);
      }
    } finally {
      await fresh.close();
    }
  });

  test("a picture goes to the endpoint that sees it, and the next one goes there first", async () => {
    const image = await playground.upload(PICTURE, "image/gif");
    const seeing = await startWorker({ playground, settings: withSecond(playground.url) });
    try {
      const pair = freshPair();
      const show = async (body) => {
        const directive = "[fault server=no_images endpoint=first]";
        await seeing.sendMessage({ ...pair, body: `${body} ${directive}`, media: [image] });
        const asked = await playground.asked(body);
        return asked.map(({ path, status }) => [path.startsWith("/fallback/"), status]);
      };
      assert.deepEqual(await show("A first picture"), [
        [false, 400],
        [true, 200],
      ]);
      assert.deepEqual(await show("A second picture"), [[true, 200]]);
      const { messages } = await seeing.sendMessage({ ...pair, body: "And now in words" });
      assert.deepEqual(messages, [echo("And now in words", 3)]);
      const [words] = await playground.asked("And now in words");
      assert.equal(words.path, "/v1/chat/completions", "texts go to the first one still");
    } finally {
      await seeing.close();
    }
  });

  test("a conversation that is too long goes on with its newer half", async () => {
    const pair = freshPair();
    for (const body of ["One", "Two", "Three"]) await other.sendMessage({ ...pair, body });
    const { messages } = await other.sendMessage({
      ...pair,
      body: "What did I say first? [fault server=small_context]",
    });
    assert.deepEqual(messages, ['The first thing you said was: "Three"']);
  });

  test("the second endpoint answers when the first one fails, and the log says so", async () => {
    for (const [name, fault] of Object.entries({
      "No credit": "server=no_credit",
      "No such model": "server=no_model",
      "A server error": "status=503",
      "Too many requests": "status=429 retry-after=30",
      "A wrong key": "status=401",
      "A lost connection": "connection=drop",
    })) {
      const { messages, turn, asked } = await ask(`${name} [fault ${fault} endpoint=first]`);
      assert.deepEqual(messages, [echo(name)]);
      assert.deepEqual([turn.outcome, turn.endpoint], ["answered", 1]);
      assert.equal(asked.at(-1).second, true);
    }
  });

  test("a first endpoint that hangs leaves time for the second", async () => {
    const hanging = await startWorker({
      playground,
      settings: { ...withSecond(playground.url), OPENAI_TIMEOUT_MS: "6000" },
    });
    try {
      const { messages, ms } = await hanging.sendMessage({
        ...freshPair(),
        body: "Hang [fault delay=60s endpoint=first]",
      });
      assert.deepEqual(messages, [echo("Hang")]);
      assert.ok(ms >= 2900 && ms < 6000, `${ms} ms`);
    } finally {
      await hanging.close();
    }
  });

  test("a secret that OPENAI_FALLBACKS names and nobody set is named at /health", async () => {
    const lacking = await startWorker({
      playground,
      settings: {
        OPENAI_FALLBACKS: withSecond(playground.url).OPENAI_FALLBACKS.replace(
          "OPENAI_API_KEY",
          "BACKUP_KEY",
        ),
      },
    });
    try {
      const health = await lacking.request("/health");
      const { errors } = JSON.parse(health.text);
      assert.equal(health.status, 503);
      assert.deepEqual(
        errors.map(({ setting }) => setting),
        ["BACKUP_KEY"],
      );
    } finally {
      await lacking.close();
    }
  });
});

function withSecond(playground) {
  const base_url = `${playground}/fallback/v1`;
  return {
    REPLY_WITHIN_MS: "14000",
    OPENAI_FALLBACKS: JSON.stringify([{ base_url, model: "gpt-6-luna", key: "OPENAI_API_KEY" }]),
  };
}

function turnOf(other, pair) {
  return other.logged(
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
}

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
