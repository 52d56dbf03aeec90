// Events of synthetic runs on the real runtime: the deployed build, its objects and alarms, and the
// playground's Segment.
//
// Not here: what an event says (tests/it/synthetic/events.rs), and single decisions (src/analytics).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, SECRETS, startSwitchboard } from "./harness.mjs";

/** @type {Awaited<ReturnType<typeof startSwitchboard>>} */
let switchboard;

before(async () => {
  switchboard = await startSwitchboard({
    settings: { MAX_DAILY_CALLS: "100000", SEGMENT_WRITE_KEY: "a-write-key" },
  });
});
after(() => switchboard?.close());

/** Calls an admin route, and returns the text of its answer. */
async function admin(method, route, body) {
  const response = await fetch(`${switchboard.worker.url}${route}`, {
    method,
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, text);
  return text;
}

/** Begins a batch of runs, and waits until it is over. Returns its id and its transcripts. */
async function transcriptsOf(count) {
  const body = { mode: "text", scenario: "lost-delivery", count, per_minute: 600, seed: 7 };
  const { batch } = JSON.parse(await admin("POST", "/admin/batches", body));
  await eventually("the batch is over", async () => {
    const progress = JSON.parse(await admin("GET", `/admin/batches/${batch}`));
    return progress.status === "finished";
  });
  const page = await admin("GET", `/admin/batches/${batch}/runs.jsonl?limit=500`);
  const lines = page.trim().split("\n");
  return { batch, runs: lines.map((line) => JSON.parse(line)) };
}

/** The items of a batch that the playground's Segment keeps, as soon as there are so many. */
async function kept(batch, count) {
  return eventually("Segment has the events", async () => {
    const { events, dropped } = await switchboard.playground.segment();
    assert.deepEqual(dropped, []);
    const own = events.filter(({ id }) => id.includes(batch));
    return own.length === count ? own : undefined;
  });
}

test("each run becomes a completed and a scored call at Segment, without a word of it", async () => {
  const { batch, runs } = await transcriptsOf(4);
  const items = await kept(batch, 12);
  for (const run of runs) {
    const of = (kind) => items.find(({ id }) => id === `switchboard:${run.run}:${kind}`)?.item;
    const completed = of("call_completed").properties;
    assert.equal(completed.synthetic, true);
    assert.equal(completed.turns, run.metrics.turns);
    assert.equal(completed.reason, run.ended.reason);
    assert.equal(completed.customer_persona_id, run.personas.customer);
    assert.equal(of("call_scored").properties.satisfaction, run.scores.satisfaction.value);
    assert.equal(of("identify").traits.persona_id, run.personas.customer);
    const sent = JSON.stringify(items);
    for (const { text } of run.turns) if (text) assert.ok(!sent.includes(text), text);
  }
  const [request] = await switchboard.playground.requests("segment");
  assert.equal(request.path, "/v1/batch");
  assert.equal(request.body.batch[0].context.ip, "0.0.0.0");
  const outcomes = () => switchboard.worker.log.filter(({ event }) => event === "segment_events");
  await eventually("all runs are logged", () => outcomes().length === runs.length);
  for (const { outcome, count } of outcomes()) assert.deepEqual([outcome, count], ["sent", 3]);
});

test("a Segment that fails and loses answers gets each event once, and delays no transcript", async () => {
  const before = (await switchboard.playground.requests("segment")).length;
  await switchboard.playground.fault({ service: "segment", status: 503 });
  await switchboard.playground.fault({ service: "segment", connection: "act_then_drop" });
  const { batch, runs } = await transcriptsOf(1);
  assert.equal(runs.length, 1);
  const items = await kept(batch, 3);
  // The answer to the second request was lost, so it was made again.
  await eventually("the repeat", async () => {
    const requests = await switchboard.playground.requests("segment");
    return requests.length === before + 3;
  });
  const { events } = await switchboard.playground.segment();
  const times = events.filter(({ id }) => id.includes(batch)).map(({ times }) => times);
  assert.deepEqual(times, [2, 2, 2]);
  assert.equal(items.length, 3);
  await eventually("the log says so", () =>
    ["late", "sent"].every((outcome) =>
      switchboard.worker.log.some(
        (line) => line.event === "segment_events" && line.outcome === outcome,
      ),
    ),
  );
});
