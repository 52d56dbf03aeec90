// Answers of servers that are compatible with OpenAI: each form is read, thoughts stay unsaid, stated
// errors are tried again, and the log says what could not be understood.
//
// Not here: failures with an error's status (openai).

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
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
const TOKEN_LIMIT =
  "Sorry, that was too much for one answer. Please ask something shorter or simpler.";

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, settings: { REPLY_WITHIN_MS: "14000" } });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

// WhatsApp, because SMS has no U+FFFD.
const pairOnWhatsApp = () => ({ ...freshPair(), channel: "whatsapp" });

const turnOf = (pair) =>
  worker.logged(({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from));

const requestsOf = async (pair, text) =>
  (await playground.asked(text)).filter(
    ({ body }) => body.safety_identifier === pseudonym(pair, pair.channel),
  );

describe("answers of compatible servers", { concurrency: 12 }, () => {
  // The fault, and what it adds to the answer.
  for (const [body, more = ""] of [
    ["parts"],
    ["thoughts"],
    ["bare_thoughts"],
    ["channels"],
    ["odd_fields"],
    ["odd_usage"],
    ["bom"],
    ["surrogate", " \u{FFFD}"],
    ["invalid_utf8", " \u{FFFD}"],
    ["comments"],
    ["stream"],
  ]) {
    test(`the answer is read, said and remembered if it comes as ${body}`, async () => {
      const pair = pairOnWhatsApp();
      const said = `Hello [fault body=${body}]`;
      const { messages } = await worker.sendMessage({ ...pair, body: said });
      assert.deepEqual(messages, [echo("Hello") + more]);
      const turn = await turnOf(pair);
      assert.deepEqual(
        [turn.outcome, turn.failure, turn.response, turn.model_requests],
        ["answered", undefined, undefined, 1],
      );
      await worker.sendMessage({ ...pair, body: "And then?" });
      const [{ body: next }] = await requestsOf(pair, "And then?");
      assert.equal(next.messages[2].content, echo("Hello") + more, "without thoughts");
    });
  }

  test("a refusal in a part is the model's answer", async () => {
    const pair = freshPair();
    const { messages } = await worker.sendMessage({
      ...pair,
      body: "No [fault body=refusal_parts]",
    });
    assert.deepEqual(messages, ["I'd rather not help with that."]);
    assert.equal((await turnOf(pair)).failure, "refusal");
  });

  for (const [body, failure] of [
    ["error_in_200", "server_error"],
    ["rate_limit_in_200", "busy"],
    ["error_in_choice", "server_error"],
    ["finish_error", "server_error"],
    ["stream_error", "server_error"],
  ]) {
    test(`${body} is tried again, and nothing of it is sent`, async () => {
      const pair = freshPair();
      await playground.fault({ service: "openai", body, times: 1, contains: pseudonym(pair) });
      const { messages } = await worker.sendMessage({ ...pair, body: "Try again" });
      assert.deepEqual(messages, [echo("Try again")]);
      assert.equal((await turnOf(pair)).model_requests, 2);
    });

    test(`${body} three times is ${failure}`, async () => {
      const pair = freshPair();
      const { messages } = await worker.sendMessage({
        ...pair,
        body: `Fails [fault body=${body}]`,
      });
      assert.deepEqual(messages, [APOLOGY]);
      const turn = await turnOf(pair);
      assert.deepEqual(
        [turn.outcome, turn.failure, turn.response, turn.model_requests],
        ["failed", failure, undefined, 3],
      );
    });
  }

  test("thoughts that use up the tokens are no answer, and their tokens are logged", async () => {
    const pair = freshPair();
    const said = "Think [fault body=only_thoughts]";
    const { messages } = await worker.sendMessage({ ...pair, body: said });
    assert.deepEqual(messages, [TOKEN_LIMIT]);
    const turn = await turnOf(pair);
    assert.equal(turn.failure, "token_limit");
    assert.ok(turn.completion_tokens > 0);
  });

  for (const [body, response, failure = "unexpected_response"] of [
    ["empty", "empty_body"],
    ["html", "html"],
    ["garbage", "not_json"],
    ["wrong_shape", "no_choices"],
    ["no_choices", "no_choices", "empty_answer"],
    ["stream_cut", "streamed"],
  ]) {
    test(`${body} is an apology, and the log calls it ${response}`, async () => {
      const pair = freshPair();
      const { messages } = await worker.sendMessage({ ...pair, body: `Hm [fault body=${body}]` });
      assert.deepEqual(messages, [APOLOGY]);
      const turn = await turnOf(pair);
      assert.deepEqual(
        [turn.outcome, turn.failure, turn.response, turn.model_requests],
        ["failed", failure, response, 1],
      );
    });
  }

  test("no thought and no part of a failed answer is in the log or in the storage", async () => {
    await worker.mark();
    assert.deepEqual(
      worker.lines.filter((line) => line.includes("planted thought")),
      [],
    );
    await eventually("the storage", () => worker.filesWith("planted thought").length === 0);
  });
});
