// Synthetic conversations on the real runtime: the deployed build, its objects and alarms, and the
// playground's personas. Also `npm run synthesize` against it.
//
// Not here: single decisions and faults (tests/it/synthetic).

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { Checkout } from "./commands.mjs";
import { eventually, startSwitchboard } from "./harness.mjs";

const TOKEN = "an-admin-token-of-enough-length-0123";

/** @type {Awaited<ReturnType<typeof startSwitchboard>>} */
let switchboard;
/** @type {Checkout} */
let checkout;

before(async () => {
  switchboard = await startSwitchboard({
    settings: { ADMIN_TOKEN: TOKEN, MAX_DAILY_CALLS: "100000" },
  });
  checkout = new Checkout({ ADMIN_TOKEN: TOKEN });
  for (const folder of ["personas", "scenarios"])
    fs.cpSync(folder, path.join(checkout.directory, folder), { recursive: true });
});
after(async () => {
  checkout?.remove();
  await switchboard?.close();
});

/** Calls an admin route. */
async function admin(method, route, body) {
  const response = await fetch(`${switchboard.worker.url}${route}`, {
    method,
    headers: {
      Authorization: `Bearer ${TOKEN}`,
      ...(body && { "Content-Type": "application/json" }),
    },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

/** Waits until a batch is over, and returns its progress. */
async function finished(batch) {
  return eventually("the batch is over", async () => {
    const progress = JSON.parse((await admin("GET", `/admin/batches/${batch}`)).text);
    return ["finished", "cancelled"].includes(progress.status) && progress.running === 0
      ? progress
      : undefined;
  });
}

test("a batch becomes complete and scored transcripts on the real runtime", async () => {
  const made = await admin("POST", "/admin/batches", {
    mode: "text",
    scenario: "lost-delivery",
    count: 6,
    per_minute: 600,
    seed: 7,
  });
  assert.equal(made.status, 201, made.text);
  const { batch } = JSON.parse(made.text);
  const progress = await finished(batch);
  assert.equal(progress.ended, 6);
  assert.equal(progress.not_scored, 0);
  const page = await admin("GET", `/admin/batches/${batch}/runs.jsonl?limit=500`);
  const runs = page.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(runs.map(({ number }) => number).sort(), [1, 2, 3, 4, 5, 6]);
  for (const run of runs) {
    assert.equal(run.synthetic, true);
    assert.ok(run.turns.length >= 3);
    assert.deepEqual(
      run.turns.map(({ n }) => n),
      run.turns.map((_, at) => at + 1),
    );
    assert.ok(run.scores);
  }
  const listed = JSON.parse((await admin("GET", "/admin/batches")).text).batches;
  assert.ok(listed.some((entry) => entry.batch === batch));
  assert.equal((await admin("DELETE", `/admin/batches/${batch}`)).status, 204);
  assert.equal((await admin("GET", `/admin/batches/${batch}`)).status, 404);
});

test("an export of more transcripts than are held at once is streamed whole, and goes on behind a place", async () => {
  const made = await admin("POST", "/admin/batches", {
    mode: "text",
    scenario: "lost-delivery",
    count: 110,
    per_minute: 600,
    at_once: 50,
    seed: 3,
    limits: { turns: 2 },
    score: false,
  });
  assert.equal(made.status, 201, made.text);
  const { batch } = JSON.parse(made.text);
  await finished(batch);
  const path = `/admin/batches/${batch}/runs.jsonl`;
  const whole = await admin("GET", path);
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.get("x-more"), null);
  const runs = whole.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(new Set(runs.map(({ number }) => number)).size, 110);
  const rest = await admin("GET", `${path}?after=108`);
  assert.equal(rest.text, `${whole.text.trim().split("\n").slice(108).join("\n")}\n`);
});

test("an assistant is tested by a customer, with the code that answers people", async () => {
  const made = await admin("POST", "/admin/batches", {
    mode: "assistant",
    assistant: "default",
    scenario: "lost-delivery",
    count: 2,
    per_minute: 600,
    seed: 1,
    disturbances: false,
  });
  assert.equal(made.status, 201, made.text);
  const { batch } = JSON.parse(made.text);
  await finished(batch);
  const page = await admin("GET", `/admin/batches/${batch}/runs.jsonl`);
  for (const line of page.text.trim().split("\n")) {
    const run = JSON.parse(line);
    assert.equal(run.personas.agent, "default");
    assert.ok(run.turns.length > 2, line);
  }
});

test("`npm run synthesize` writes transcripts, and says what they cost first", async () => {
  const out = path.join(checkout.directory, "made.jsonl");
  const { code, stdout } = await checkout.run("synthesize", [
    ...["--url", switchboard.worker.url, "--count", "5", "--seed", "3"],
    ...["--scenario", "billing-dispute", "--out", out],
  ]);
  assert.match(stdout, /5 conversations, scenario billing-dispute: at most \d+ requests/);
  assert.match(stdout, /batch [0-9a-f]{32}, seed 3/);
  assert.match(stdout, /5 transcripts in /);
  const lines = fs.readFileSync(out, "utf8").trim().split("\n");
  assert.equal(lines.length, 5);
  assert.equal(code, 0, stdout);
  const again = await checkout.run("synthesize", ["--url", switchboard.worker.url, "--out", out]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /made\.jsonl exists/);
});

test("a batch goes on in another file format, without one transcript twice", async () => {
  const made = await admin("POST", "/admin/batches", {
    mode: "text",
    scenario: "lost-delivery",
    count: 3,
    per_minute: 600,
  });
  const { batch } = JSON.parse(made.text);
  await finished(batch);
  const resume = ["--url", switchboard.worker.url, "--resume", batch];
  for (const { format, file, lines } of [
    { format: "csv", file: "runs.csv", lines: 4 },
    { format: "openai-chat", file: "chat.jsonl", lines: 3 },
  ]) {
    const out = path.join(checkout.directory, file);
    for (let round = 0; round < 2; round += 1) {
      const { stderr } = await checkout.run("synthesize", [
        ...resume,
        ...["--format", format, "--out", out],
      ]);
      assert.equal(stderr, "");
      assert.equal(fs.readFileSync(out, "utf8").trim().split("\n").length, lines);
    }
  }
});

test("mistakes are explained in one sentence", async () => {
  const url = ["--url", switchboard.worker.url];
  /** @type {[string[], number, RegExp][]} */
  const mistakes = [
    [["--format", "xml"], 2, /--format must be jsonl, csv, openai-chat, not "xml"/],
    [["--count", "many"], 2, /--count must be a whole number, not "many"/],
    [["--count", "0"], 1, /count must be a whole number, 1 to 10000/],
    [["--agent", "x"], 2, /--customer is missing/],
    [["--scenario", "nothing"], 1, /there is no scenarios\/nothing\.toml/],
    [["--resume", "x"], 2, /--resume must be the id of a batch/],
    [["--resume", "0".repeat(32)], 1, /there is no batch 0{32}/],
  ];
  for (const [args, exit, message] of mistakes) {
    const { code, stderr } = await checkout.run("synthesize", [...url, ...args]);
    assert.equal(code, exit);
    assert.match(stderr, message);
  }
});

test("what Twilio reports is sorted into the log and counted, without the payload", async () => {
  const { worker } = switchboard;
  const payload = {
    resource_sid: "CA00000000000000000000000000000001",
    error_code: "64105",
    more_info: { to: "+15550100" },
  };
  const form = [
    ["Sid", "NO00000000000000000000000000000001"],
    ["AccountSid", "AC00000000000000000000000000000001"],
    ["Level", "ERROR"],
    ["PayloadType", "application/json"],
    ["Payload", JSON.stringify(payload)],
  ];
  const before = worker.log.length;
  const signed = await worker.sendMessage({ form, path: "/twilio/errors" });
  assert.equal(signed.status, 204);
  const reported = await eventually("the report is logged", () =>
    worker.log.slice(before).find(({ event }) => event === "twilio_error"),
  );
  const { time, ...entry } = reported;
  assert.deepEqual(entry, {
    event: "twilio_error",
    severity: "error",
    code: 64105,
    resource: "call",
  });
  const usage = JSON.parse((await admin("GET", "/admin/usage")).text);
  assert.equal(usage.twilio.errors, 1);
});
