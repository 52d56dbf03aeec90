// `npm run synthesize`: makes synthetic conversations and writes their transcripts to a file.
//
// The Worker does the work, in a batch that goes on without this command. The command begins or
// resumes the batch, shows its progress, and writes transcripts as they come. Not here: how a
// transcript is written in another format (lib/transcripts.mjs).

import fs from "node:fs";
import readline from "node:readline/promises";
import { askAdmin, LOCAL } from "./lib/admin.mjs";
import { isLoopback, readCommandLine, readOrigin } from "./lib/cli.mjs";
import { readPersonas } from "./lib/personas.mjs";
import { bar, eta } from "./lib/progress.mjs";
import { command, duration, print, UsageError, UserError } from "./lib/run.mjs";
import { FORMATS, writerOf } from "./lib/transcripts.mjs";

const HELP = `npm run synthesize -- [--count 100] [--mode text] [--scenario ID] …   make conversations between personas
npm run synthesize -- --resume BATCH [--out FILE]                    go on with a batch

Has the Worker make synthetic conversations, and writes their transcripts to a file.

  --count N            how many conversations (default 10, at most 10000)
  --mode MODE          text: two personas (default). assistant: a customer and one of assistants/. call: two personas on a
                       phone call from SYNTHETIC_CALLER to SYNTHETIC_CALLEE, one call at a time
  --record             record the calls, with --mode call
  --assistant NAME     the assistant, with --mode assistant
  --scenario ID        a file of scenarios/ (default: the first one)
  --agent ID, --customer ID   the same two personas each time
  --pairing PAIRING    random (default), or all: each agent with each customer in turn
  --seed N             the same seed gives the same pairs and disturbances (default: a random one, which is printed)
  --per-minute N       how many begin in a minute (default 60, on this machine 600)
  --at-once N          how many run at once (default 10)
  --turns N, --seconds N      when a conversation ends at the latest (default: what the scenario says)
  --label TEXT         your word for the batch, in every transcript
  --no-score           do not have the transcripts judged
  --no-disturbances    no interruptions, silences and the like
  --out FILE           where the transcripts go (default runs.jsonl, or the format's ending)
  --format FORMAT      jsonl (default), csv (numbers only) or openai-chat (messages for training and evaluation)
  --dry-run            only say what it may cost
  --url URL            the Worker (default ${LOCAL})
  --yes                begin on a deployed Worker without asking
  --help               print this

Ctrl-C pauses the batch and says how to go on. The token is ADMIN_TOKEN, as for \`npm run admin\`.

Exit code: 0 if all conversations are complete, 1 if some failed, 2 if the command line is wrong, 130 after
Ctrl-C.`;

/** Milliseconds between two looks at the batch. */
const INTERVAL = 1000;
/** Transcripts of one page. */
const PAGE = 200;

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: [
      "count",
      "mode",
      "assistant",
      "scenario",
      "agent",
      "customer",
      "pairing",
      "seed",
      "per-minute",
      "at-once",
      "turns",
      "seconds",
      "label",
      "out",
      "format",
      "resume",
      "url",
    ],
    flags: ["no-score", "no-disturbances", "record", "dry-run", "yes"],
  });
  if (!line) return print(HELP);
  const { values } = line;
  const url = readOrigin("--url", values.url ?? LOCAL, { local: true });
  const format = values.format ?? "jsonl";
  if (!FORMATS.includes(format))
    throw new UsageError(`--format must be ${FORMATS.join(", ")}, not "${format}".`);
  const out = values.out ?? `runs.${format === "csv" ? "csv" : "jsonl"}`;
  if (values.resume !== undefined) return resume(url, values, { out, format });
  const plan = planOf(values, url);
  const { json: estimate } = await askAdmin(url, "/admin/batches", {
    method: "POST",
    body: { ...plan, dry_run: true },
  });
  showEstimate(plan, estimate);
  if (values["dry-run"]) return 0;
  if (fs.existsSync(out) && fs.statSync(out).size > 0)
    throw new UserError(`${out} exists: give another file with --out, or delete it.`);
  if (!isLoopback(url) && !values.yes && !(await confirmed(url))) {
    print("nothing was begun");
    return 1;
  }
  const { json: created } = await askAdmin(url, "/admin/batches", { method: "POST", body: plan });
  print(`batch ${created.batch}, seed ${created.seed}`);
  return follow(url, created.batch, writerOf(format, out));
});

/** Goes on with a batch, where the file ends. */
async function resume(url, values, { out, format }) {
  const batch = values.resume;
  if (!/^[0-9a-f]{32}$/.test(batch))
    throw new UsageError("--resume must be the id of a batch: 32 hex digits.");
  const progress = await show(url, batch);
  if (progress.status === "paused" || progress.status === "waits_for_budget")
    await askAdmin(url, `/admin/batches/${batch}/resume`, { method: "POST", body: {} });
  return follow(url, batch, writerOf(format, out));
}

/** What the options ask for. The Worker checks it. */
function planOf(values, url) {
  const number = (name) => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^\d{1,16}$/.test(text))
      throw new UsageError(`--${name} must be a whole number, not "${text}".`);
    return Number(text);
  };
  const { agent, customer } = values;
  const scenario = values.scenario ?? firstScenario();
  if (agent && !customer) throw new UsageError("--customer is missing: --agent needs it.");
  const limits = { turns: number("turns"), seconds: number("seconds") };
  return {
    mode: values.mode ?? "text",
    assistant: values.assistant,
    scenario,
    personas: customer ? { agent, customer } : undefined,
    pairing: values.pairing,
    count: number("count") ?? 10,
    per_minute: number("per-minute") ?? (isLoopback(url) ? 600 : 60),
    at_once: number("at-once"),
    seed: number("seed"),
    limits,
    label: values.label,
    score: !values["no-score"],
    disturbances: !values["no-disturbances"],
    record: values.record || undefined,
  };
}

function firstScenario() {
  const file = readPersonas().find(({ path }) => path.startsWith("scenarios/"));
  if (!file) throw new UserError("--scenario is missing, and scenarios/ has no file.");
  return file.path.slice("scenarios/".length, -".toml".length);
}

function showEstimate(plan, estimate) {
  const price =
    estimate.estimated_cost === null
      ? "unknown: the Worker has no OPENAI_PRICE_INPUT and OPENAI_PRICE_OUTPUT"
      : `about ${estimate.estimated_cost}`;
  // Only calls have minutes.
  const {
    call_minutes_at_most: minutes,
    call_minutes_a_day: aDay,
    call_usd_at_most: usd,
  } = estimate;
  const calls = minutes
    ? `, at most ${minutes} minutes of both legs (the day has ${aDay}) for at most $${usd} at Twilio's list prices`
    : "";
  print(
    `${plan.count} conversations, scenario ${plan.scenario}: at most ${estimate.model_requests_at_most} requests to the model (the day has ${estimate.model_requests_a_day}), cost ${price}${calls}, at least ${estimate.minutes_at_least} min`,
  );
}

async function confirmed(url) {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new UserError("a deployed Worker's model costs money: add --yes to confirm.");
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await terminal.question(`Begin at ${url}? Type yes to begin: `);
    return answer.trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}

/** Shows the progress of a batch, and writes its transcripts, until it has ended or is interrupted. */
async function follow(url, batch, writer) {
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
  };
  process.once("SIGINT", interrupt);
  const meter = bar();
  // A transcript's place in the batch is its line in the file.
  let place = writer.written;
  try {
    for (;;) {
      const progress = await show(url, batch);
      place = await download(url, batch, place, writer);
      meter.show(line(progress), progress.ended / progress.runs);
      const isOver = ["finished", "cancelled"].includes(progress.status) && progress.running === 0;
      if (isOver && place >= progress.ended) {
        meter.end();
        return summary(progress, writer);
      }
      if (interrupted) {
        meter.end();
        return pause(url, batch, writer);
      }
      await new Promise((done) => setTimeout(done, INTERVAL));
    }
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
}

async function show(url, batch) {
  const { status, json } = await askAdmin(url, `/admin/batches/${batch}`, {
    statuses: [200, 404],
  });
  if (status === 404 || json?.batch !== batch)
    throw new UserError(`there is no batch ${batch} at ${url}.`);
  return json;
}

/** Writes the transcripts after a place, and returns the place of the last one. */
async function download(url, batch, after, writer) {
  let place = after;
  for (;;) {
    const path = `/admin/batches/${batch}/runs.jsonl?after=${place}&limit=${PAGE}`;
    const { text, headers } = await askAdmin(url, path);
    writer.write(text.split("\n").filter(Boolean));
    place = Number(headers.get("x-next-after"));
    if (headers.get("x-more") !== "true") return place;
  }
}

async function pause(url, batch, writer) {
  await askAdmin(url, `/admin/batches/${batch}/pause`, { method: "POST", body: {} });
  const options = [writer.file === "runs.jsonl" ? "" : ` --out ${writer.file}`];
  if (writer.format !== "jsonl") options.push(` --format ${writer.format}`);
  print(
    `paused after ${writer.written} conversations. Go on with: npm run synthesize -- --resume ${batch}${options.join("")}`,
  );
  return 130;
}

function line(progress) {
  const failed = failures(progress);
  const minutes = (Date.now() - Date.parse(progress.created_at)) / 60000;
  const parts = [
    `${progress.ended} of ${progress.runs}`,
    `${Math.round(progress.ended / Math.max(minutes, 1 / 60))} a minute`,
    `${failed} failed`,
    costOf(progress.cost),
    eta(progress.ended, progress.runs, minutes),
  ];
  if (progress.status === "waits_for_budget")
    parts.push(
      progress.plan.call
        ? "waits: MAX_DAILY_CALLS or MAX_DAILY_CALL_MINUTES is used up (`npm run admin -- reset-budget`)"
        : "waits: MAX_DAILY_CALLS is used up (`npm run admin -- reset-budget`)",
    );
  if (progress.status === "waits_for_line") parts.push("waits for another batch's call");
  if (progress.status === "paused") parts.push("paused");
  return parts.filter(Boolean).join(", ");
}

function costOf({
  estimated_cost: cost,
  model_requests: requests,
  call_minutes,
  estimated_call_usd,
}) {
  const model = cost === null ? `${requests} requests` : `cost ${cost.toFixed(4)}`;
  return call_minutes
    ? `${model}, ${call_minutes} minutes of calls ($${estimated_call_usd})`
    : model;
}

/** The conversations that something outside of them has ended. */
function failures({ reasons }) {
  const failed = ["model_failed", "configuration", "call_failed", "one_leg", "leg_lost"];
  return failed.reduce((sum, reason) => sum + (reasons[reason] ?? 0), 0);
}

function summary(progress, writer) {
  const reasons = Object.entries(progress.reasons).map(([reason, count]) => `${count} ${reason}`);
  const took = Date.parse(progress.ended_at) - Date.parse(progress.created_at);
  print(
    `${writer.written} transcripts in ${writer.file} after ${duration(took)}: ${reasons.join(", ")}; ${progress.not_scored} not scored; ${costOf(progress.cost)}`,
  );
  return failures(progress) > 0 || progress.not_scored > 0 || progress.ended < progress.runs
    ? 1
    : 0;
}
