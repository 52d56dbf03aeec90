// Models and endpoints: the fields that each one gets, errors that name their cause, and a second
// endpoint that answers when the first one fails.
//
// Not here: the single failures (model-failures), and the forms of answers (compatible).

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { portOf } from "../../scripts/lib/local.mjs";
import { echo, freshPair, phoneHash, startPlayground, startWorker } from "./harness.mjs";

const APOLOGY = "Sorry, I can't answer right now. Please try again in a few minutes.";
const TOKEN_LIMIT =
  "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
const NO_IMAGES = "Sorry, I can't look at pictures here. Please write to me.";
/** The smallest image. */
const PICTURE = Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=", "base64");

let playground;

before(async () => {
  playground = await startPlayground();
});

after(() => playground?.close());

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
      assert.ok(ms >= 2900, `${ms} ms`);
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
