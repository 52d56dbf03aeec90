// Synthetic conversations on the phone, on the real runtime: the playground's Twilio calls between two
// numbers, and both legs have a socket to the run's object.
//
// Not here: what can go wrong (tests/it/synthetic/call), and conversations as text (synthetic).

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { SYNTHETIC_CALLS } from "../../scripts/lib/local.mjs";
import { eventually, SECRETS, startSwitchboard } from "./harness.mjs";

const { SYNTHETIC_CALLER: CALLER, SYNTHETIC_CALLEE: CALLEE } = SYNTHETIC_CALLS;

/** @type {Awaited<ReturnType<typeof startSwitchboard>>} */
let switchboard;

before(async () => {
  switchboard = await startSwitchboard({
    callSpeed: 20,
    settings: { MAX_DAILY_CALLS: "100000", MAX_DAILY_CALL_MINUTES: "1000" },
  });
});
afterEach(() => switchboard.playground.switches({}));
after(() => switchboard?.close());

/** Calls an admin route. Returns its JSON, or its text. */
async function admin(path, body) {
  const { status, text } = await switchboard.worker.request(path, {
    method: body ? "POST" : "GET",
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  assert.ok(status < 300, `${status} ${text}`);
  return text;
}

/** Makes one call, and returns its transcript. */
async function called(more = {}) {
  const { batch } = JSON.parse(
    await admin("/admin/batches", {
      mode: "call",
      scenario: "lost-delivery",
      personas: { agent: "priya-raman", customer: "dana-whitfield" },
      count: 1,
      seed: 7,
      disturbances: false,
      ...more,
    }),
  );
  await eventually("the call is over", async () => {
    const { status, running } = JSON.parse(await admin(`/admin/batches/${batch}`));
    return status === "finished" && running === 0;
  });
  return JSON.parse(await admin(`/admin/batches/${batch}/runs.jsonl`));
}

/** Both legs of the newest call, once they are over and the Worker was told so. */
async function legs() {
  return eventually("both legs are over", async () => {
    const calls = (await switchboard.playground.calls()).slice(-2);
    const of = (direction) => calls.find((call) => call.direction === direction);
    const both = { caller: of("outbound-api"), callee: of("inbound") };
    const isTold = ({ events }) => events.some(({ event }) => event === "reported");
    return calls.length === 2 && calls.every(isTold) ? both : undefined;
  });
}

/** What a leg has said, one text for each line. */
function said({ events }) {
  return events
    .filter(({ event }) => event === "token")
    .map(({ text, last }) => (last ? `${text} ` : text))
    .join("")
    .replaceAll(/\s+/g, " ")
    .trim();
}

/** The requests to create a transcript. */
async function transcriptsAsked() {
  const asked = await switchboard.playground.requests("twilio");
  return asked.filter(({ method, path }) => method === "POST" && path === "/v2/Transcripts");
}

const ofType = ({ frames }, type) => frames.filter(({ frame }) => frame.type === type);

test("a call is made once, both legs speak in turn over a socket each, and the transcript has each line once", async () => {
  const run = await called({ record: true });
  assert.equal(run.mode, "call");
  assert.equal(run.synthetic, true);
  assert.equal(run.ended.reason, "goodbye", JSON.stringify(run.ended));
  assert.ok(run.turns.length >= 4, JSON.stringify(run.turns));
  const { caller, callee } = await legs();
  for (const [leg, speaker] of [
    [caller, "customer"],
    [callee, "agent"],
  ]) {
    assert.equal(ofType(leg, "setup").length, 1, "one socket");
    assert.deepEqual(
      leg.events.filter(({ event }) => event === "alert"),
      [],
      "Twilio would report nothing",
    );
    const lines = run.turns.filter((turn) => turn.speaker === speaker).map(({ text }) => text);
    assert.equal(said(leg), lines.join(" ").replaceAll(/\s+/g, " "), speaker);
    assert.equal(leg.events.find(({ event }) => event === "over").status, "completed");
  }
  const recorded = caller.events.find(({ event }) => event === "recorded");
  assert.equal(recorded?.status, "completed");
  const [made, ...others] = (await switchboard.playground.requests("twilio")).filter(
    ({ method, path }) => method === "POST" && path.endsWith("/Calls.json"),
  );
  assert.deepEqual(others, [], "one call");
  assert.deepEqual([made.body.From, made.body.To], [CALLER, CALLEE]);
  assert.ok(Number(made.body.TimeLimit) > 0, "Twilio would end it");
});

test("a recorded call is transcribed once, and each line is compared with what was heard of it", async () => {
  const before = (await transcriptsAsked()).length;
  const run = await called({ record: true });
  const { status, lines, channels, word_error_rate: rate } = run.analysis;
  assert.equal(status, "completed", JSON.stringify(run.analysis));
  assert.equal(lines.length, run.turns.length);
  assert.ok(rate > 0 && rate < 0.3, JSON.stringify(run.analysis));
  assert.deepEqual(channels, { agent: 1, customer: 2 }, "the called leg has the first channel");
  assert.equal((await transcriptsAsked()).length, before + 1, "billed once");
});

test("a call without a recording has its conversation all the same", async () => {
  await switchboard.playground.switches({ call: { no_recording: true } });
  const run = await called({ record: true });
  assert.equal(run.ended.reason, "goodbye");
  assert.equal(run.analysis.status, "absent", JSON.stringify(run.analysis));
});

test("what a leg has heard stands beside the line, and the word error rate counts it", async () => {
  await switchboard.playground.switches({ call: { misheard: true } });
  const run = await called();
  const heard = run.turns.filter((turn) => turn.heard !== undefined);
  assert.ok(heard.length > 0, JSON.stringify(run.turns));
  for (const turn of heard) assert.notEqual(turn.heard, turn.text);
  const rate = run.metrics.recognition.word_error_rate;
  assert.ok(rate > 0 && rate < 0.5, JSON.stringify(run.metrics));
});

test("a number that is not answered makes no conversation, and the batch goes on", async () => {
  await switchboard.playground.switches({ call: { dial: "busy" } });
  const run = await called();
  assert.equal(run.ended.reason, "call_failed", JSON.stringify(run.ended));
  assert.deepEqual(run.turns, []);
});
