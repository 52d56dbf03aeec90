// What is measured: one entry for each table of RESULTS.md. A table measures its subjects in turn
// (A B C, A B C, …), so that what the machine does beside it meets all of them alike, and returns
// raw figures: one of each kind for each round.
//
// Not here: medians, ratios, targets and words about them (report.mjs).

import fs from "node:fs";
import zlib from "node:zlib";
import { get } from "../scripts/lib/local.mjs";
import { print } from "../scripts/lib/run.mjs";
import { ANSWERED, drain, flood, inTurn, message, pace } from "./load.mjs";
import {
  bundleOf,
  checkStartup,
  SECRETS,
  SUBJECTS,
  startModel,
  startSubject,
  timeStart,
} from "./servers.mjs";

/**
 * The tables by name. Each has a `title`, an `about`, `columns` (`{ key, title, unit, digits, ratio
 * }`), the seconds that it takes (`estimate(plan)`), and `measure(plan)`, which returns the rows in
 * their order: `{ name, title, figures }`, figures by key, a list each.
 */
export const TABLES = {
  forged: flooded("forged", {
    title: "A forged request is refused",
    about:
      "A message with a wrong signature, answered with 403 by all but the hello worlds, which answer 200 to everything. The second row reads the head and the body of the request, as everything must that verifies it; the third writes a line to the log, too, and answers with Switchboard's status and headers, without verifying anything. 32 connections, each sends the next request when it has the answer.",
    subjects: ["hello", "reads", "floor", "switchboard", "hono", "express"],
  }),
  refused: flooded("refused", {
    title: "A verified request that needs no object",
    about:
      "A message with the right signature and a recipient that is no address, answered with 400 by all but hello world.",
  }),
  health: flooded("health", {
    title: "A request that needs nothing",
    about: "`GET /health`, answered with 200 by all.",
  }),
  turns: {
    title: "Whole turns",
    about:
      "Every message is answered by the model, which answers at once: 200 senders, 20 connections, never two messages of one sender at a time; every round has new senders and the same number of messages for each subject. CPU time is that of the Worker's runtime with its objects (for Express, of Node), without the model, KV and the load generator, which share the machine.",
    columns: floodColumns(),
    estimate: (plan) => 10 + (plan.rounds * 3 * (plan.senders * plan.turnsEach)) / 400,
    measure: turns,
  },
  latency: {
    title: "Added latency at 20 requests/s",
    about:
      "Whole turns at a steady pace from 40 senders in turn, new ones in each round, so that one message in four finds an object that is not in memory, on connections that are kept. What is added is the latency less that of the model alone, asked directly at the same pace in the same round. autocannon sends its rate in a burst at the start of each second, so here Node's HTTP client sends, one request every 50 ms.",
    columns: [
      { key: "added50", title: "added p50", unit: "ms", digits: 2 },
      { key: "added99", title: "added p99", unit: "ms", digits: 2 },
      { key: "p50", title: "whole p50", unit: "ms", digits: 2 },
      { key: "p99", title: "whole p99", unit: "ms", digits: 2 },
    ],
    estimate: (plan) => 10 + plan.rounds * (4 * plan.paceSeconds + 1),
    measure: latency,
  },
  growth: {
    title: "How a turn's cost grows with its conversation",
    about:
      "One sender after the other, each with 20 turns in sequence: latency of the turn seen by the client, and CPU time of the runtime for it (the mean over the round's senders).",
    columns: [1, 10, 20].flatMap((turn) => [
      { key: `ms${turn}`, title: `turn ${turn}`, unit: "ms", digits: 2 },
      { key: `cpu${turn}`, title: `turn ${turn}, CPU`, unit: "ms", digits: 2 },
    ]),
    estimate: (plan) => 10 + plan.rounds * 3 * plan.sequences * 20 * 0.006,
    measure: growth,
  },
  crossings: {
    title: "Calls between JavaScript and WebAssembly",
    about:
      "Of Switchboard, for each request, counted by a wrapper around its instance (bench/crossings.js), with the helpers that wasm-bindgen makes. The messages are of one sender, one after the other, and the counts of a message hold all that follows from it, as far as it comes before the next one.",
    columns: [
      { key: "into", title: "into WebAssembly", unit: "", digits: 1, ratio: false },
      { key: "out", title: "out of it", unit: "", digits: 1, ratio: false },
    ],
    estimate: () => 3,
    measure: crossings,
  },
  startup: {
    title: "Start-up",
    about:
      "From the start of the process to its first answer to `GET /health`, asked for every millisecond, and the CPU time of the process until then. For the Workers that is workerd with its configuration, compiling the script or the WebAssembly, and the first request. The isolate's own start is what `wrangler check startup` calls active, in samples of about two ms.",
    columns: [
      { key: "ms", title: "first answer", unit: "ms", digits: 0 },
      { key: "cpu", title: "CPU", unit: "ms", digits: 0 },
      { key: "isolate", title: "isolate", unit: "ms", digits: 1 },
    ],
    estimate: (plan) => 2 + plan.starts * 4,
    measure: startUp,
  },
  bundle: {
    title: "Bundle",
    about:
      "What is uploaded: for Switchboard its script and WebAssembly as built for a deploy, for the Hono Worker one minified script. Gzipped file by file at level 9.",
    columns: [
      { key: "raw", title: "raw", unit: "kB", digits: 1 },
      { key: "gzipped", title: "gzipped", unit: "kB", digits: 1 },
    ],
    estimate: () => 1,
    measure: bundle,
  },
  memory: {
    title: "Memory",
    about:
      "Resident memory of workerd: after its start and one turn, after 10 000 turns over 5 000 senders, when all of it has expired (conversations last 60 s here), and the same once more with 5 000 other senders. Objects in memory have their SQLite there, too, until workerd drops them 10 s after their last request. KV is another process.",
    columns: [
      { key: "start", title: "at start", unit: "MB", digits: 1 },
      { key: "first", title: "after 5 000 senders", unit: "MB", digits: 1 },
      { key: "expired", title: "expired", unit: "MB", digits: 1 },
      { key: "second", title: "after 5 000 others", unit: "MB", digits: 1 },
      { key: "expiredAgain", title: "expired", unit: "MB", digits: 1 },
      { key: "kept", title: "entries left in KV", unit: "", digits: 0, ratio: false },
    ],
    estimate: (plan) => 5 + 2 * ((plan.crowd * 4) / 500 + plan.expiry),
    measure: memory,
  },
  operations: {
    title: "Billable operations for each answered message",
    about:
      "Each of 20 senders sends five messages, 3, 3, 25 and 25 s apart: workerd keeps an object for 10 s after its last request or alarm, so two of them find it warm and two, as a rule, do not. Object requests, alarms and rows are counted inside the runtime by a wrapper around the Worker's objects (bench/counting.js), KV and model requests by the services that get them. All are means for a message; the last columns and the price count everything until the conversations have expired.",
    columns: [
      { key: "sender", title: "sender object requests", unit: "", digits: 2 },
      { key: "budget", title: "budget object requests", unit: "", digits: 2 },
      { key: "kvReadsWarm", title: "KV reads, warm", unit: "", digits: 2 },
      { key: "kvReadsCold", title: "KV reads, cold", unit: "", digits: 2 },
      { key: "kvWrites", title: "KV writes", unit: "", digits: 2 },
      { key: "fetches", title: "fetches", unit: "", digits: 2 },
      { key: "subrequests", title: "subrequests", unit: "", digits: 2 },
      { key: "alarms", title: "alarms, until expired", unit: "", digits: 2 },
      { key: "rows", title: "rows written, until expired", unit: "", digits: 2 },
      { key: "kvDeletes", title: "KV deletes, until expired", unit: "", digits: 2 },
      { key: "budgetLater", title: "budget object requests, until expired", unit: "", digits: 2 },
      { key: "price", title: "price of a million messages", unit: "$", digits: 2 },
    ],
    estimate: (plan) => 5 + plan.gaps.reduce((sum, gap) => sum + gap, 0) + plan.expiry,
    measure: operations,
  },
};

/** The requests of the floods, and what they are answered with, by table. */
const LOADS = {
  forged: (subject) => ({
    request: message(subject, { signature: `${"A".repeat(27)}=` }),
    expected: { status: 403 },
  }),
  refused: (subject) => ({
    request: message(subject, { to: "nobody" }),
    expected: { status: 400 },
  }),
  health: () => ({ request: { method: "GET", path: "/health" }, expected: { status: 200 } }),
};

/** What can be profiled, by table: one round of its load on a subject. */
export const PROFILED = {
  ...Object.fromEntries(
    Object.entries(LOADS).map(([name, load]) => [
      name,
      (subject) => flood(subject, { ...load(subject), seconds: 3 }),
    ]),
  ),
  turns: (subject, round) =>
    drain(subject, { lists: conversations(subject, 200, 10, round), expected: ANSWERED }),
};

/** Cloudflare's prices beyond what is included, in dollars for a million. */
export const PRICES = {
  date: "2026-11-22",
  source: "Cloudflare's documentation: Workers pricing, Durable Objects pricing, KV pricing",
  workerRequests: 0.3,
  objectRequests: 0.15,
  rowsWritten: 1,
  kvReads: 0.5,
  kvWrites: 5,
  kvDeletes: 5,
};

// After so long without a request, workerd takes an object out of memory.
const OBJECT_LIFE_SECONDS = 10;

// A table of one request, again and again, at full speed: that of LOADS under its name.
function flooded(name, { title, about, subjects = ["hello", "switchboard", "hono", "express"] }) {
  return {
    title,
    about,
    columns: floodColumns(),
    estimate: (plan) => subjects.length * (1 + plan.warmUp + plan.rounds * (plan.seconds + 0.6)),
    measure: (plan) => floods(plan, LOADS[name], subjects),
  };
}

function floodColumns() {
  return [
    { key: "perSecond", title: "requests/s", unit: "", digits: 0 },
    { key: "cpuMs", title: "CPU a request", unit: "ms", digits: 3 },
    { key: "busy", title: "of a core, server", unit: "", digits: 2, ratio: false },
    { key: "generator", title: "of a core, generator", unit: "", digits: 2, ratio: false },
  ];
}

async function floods(plan, load, names) {
  return withSubjects(names, async (subjects) => {
    const one = (subject, seconds) => {
      const { request, expected } = load(subject);
      return flood(subject, {
        request,
        expected: ["hello", "reads"].includes(subject.name) ? { status: 200 } : expected,
        seconds,
      });
    };
    return inRounds(
      plan,
      subjects,
      (subject) => one(subject, plan.seconds),
      (subject) => one(subject, plan.warmUp),
    );
  });
}

async function turns(plan) {
  return withSubjects(["hono", "switchboard", "express"], (subjects) =>
    inRounds(plan, subjects, (subject, round) =>
      drain(subject, {
        lists: conversations(subject, plan.senders, plan.turnsEach, round),
        expected: ANSWERED,
      }),
    ),
  );
}

async function latency(plan) {
  return withSubjects(["hono", "switchboard", "express"], async (subjects, model) => {
    const count = Math.max(2, Math.round(plan.paceSeconds * 20));
    let alone;
    const rows = await inRounds(plan, subjects, async (subject, round) => {
      // The first subject of a round has the model measured before it.
      if (subject === subjects[0])
        alone = quantiles(
          await pace(model.url, {
            requests: Array.from({ length: count }, modelRequest),
            expected: { status: 200 },
            perSecond: 20,
          }),
        );
      const requests = Array.from({ length: count }, (_, index) =>
        message(subject, { sender: index % 40, to: recipient(round) }),
      );
      const { p50, p99 } = quantiles(
        await pace(subject.url, { requests, expected: ANSWERED, perSecond: 20 }),
      );
      return {
        p50,
        p99,
        added50: p50 - alone.p50,
        added99: p99 - alone.p99,
        alone50: alone.p50,
        alone99: alone.p99,
      };
    });
    const [{ figures }] = rows;
    return [
      ...rows,
      {
        name: "model",
        title: "(the model alone)",
        figures: { p50: figures.alone50, p99: figures.alone99 },
      },
    ];
  });
}

async function growth(plan) {
  return withSubjects(["hono", "switchboard", "express"], (subjects) =>
    inRounds(plan, subjects, async (subject, round) => {
      const figures = {};
      for (let turn = 1; turn <= 20; turn += 1) {
        const requests = Array.from({ length: plan.sequences }, (_, sender) =>
          message(subject, { sender, to: recipient(round) }),
        );
        const before = subject.cpu();
        const latencies = await inTurn(subject.url, { requests, expected: ANSWERED });
        figures[`ms${turn}`] = quantiles(latencies).p50;
        figures[`cpu${turn}`] = (subject.cpu() - before) / requests.length;
      }
      return figures;
    }),
  );
}

async function crossings() {
  return withSubjects(
    ["switchboard"],
    async ([subject]) => {
      const rows = [];
      for (const [name, title] of [
        ["health", "`GET /health`"],
        ["forged", "forged request"],
        ["message", "message, warm"],
      ]) {
        const { request, expected } =
          name === "message" ? { expected: ANSWERED } : LOADS[name](subject);
        const send = (times) =>
          inTurn(subject.url, {
            requests: Array.from({ length: times }, () => request ?? message(subject)),
            expected,
          });
        await send(1);
        await seconds(0.3);
        const before = await counted(subject);
        await send(10);
        await seconds(0.3);
        const after = await counted(subject);
        rows.push({
          name,
          title,
          figures: {
            into: [(after.into - before.into) / 10],
            out: [(after.out - before.out) / 10],
          },
        });
      }
      return rows;
    },
    { counting: true },
  );
}

async function startUp(plan) {
  const names = ["hono", "switchboard", "hello", "express"];
  const rows = names.map((name) => ({ name, title: SUBJECTS[name].title, figures: {} }));
  const model = await startModel();
  for (let round = 1; round <= plan.starts; round += 1) {
    for (const row of rows) {
      add(row, await timeStart(row.name, { model }));
      if (["hono", "switchboard"].includes(row.name))
        add(row, { isolate: await checkStartup(row.name) });
    }
    if (round % 5 === 0) print(`  ${round} of ${plan.starts} starts`);
  }
  await model.close();
  return rows;
}

async function bundle() {
  return ["hono", "switchboard"].map((name) => {
    const files = bundleOf(name).map(([, file]) => fs.readFileSync(file));
    const sum = (size) => files.reduce((all, file) => all + size(file), 0) / 1000;
    return {
      name,
      title: SUBJECTS[name].title,
      figures: {
        raw: [sum((file) => file.length)],
        gzipped: [sum((file) => zlib.gzipSync(file, { level: 9 }).length)],
      },
    };
  });
}

async function memory(plan) {
  return withSubjects(
    ["hono", "switchboard"],
    async (subjects) => {
      const rows = rowsOf(subjects);
      const note = async (key) => {
        for (const [index, subject] of subjects.entries())
          add(rows[index], { [key]: subject.memory() / 1e6 });
      };
      for (const subject of subjects)
        await inTurn(subject.url, {
          requests: [message(subject, { sender: 1, to: "+15550150" })],
          expected: ANSWERED,
        });
      await note("start");
      for (const { batch, after, afterwards } of [
        { batch: 0, after: "first", afterwards: "expired" },
        { batch: 1, after: "second", afterwards: "expiredAgain" },
      ]) {
        for (const subject of subjects) {
          print(`  ${subject.title}: ${plan.crowd * 2} turns over ${plan.crowd} senders`);
          await drain(subject, {
            lists: conversations(subject, plan.crowd, 2, 60 + batch),
            expected: ANSWERED,
          });
        }
        await note(after);
        if (plan.expiry) print(`  waiting ${plan.expiry} s for all of it to expire`);
        await seconds(plan.expiry);
        await note(afterwards);
      }
      for (const [index, subject] of subjects.entries())
        add(rows[index], { kept: (await subject.kvCounts()).entries });
      return rows;
    },
    { settings: { CONVERSATION_TTL_SECONDS: "60" } },
  );
}

async function operations(plan) {
  return withSubjects(
    ["hono", "switchboard"],
    async (subjects, model) => {
      const rows = rowsOf(subjects);
      const senders = 20;
      const zeros = () => Object.fromEntries(subjects.map(({ name }) => [name, 0]));
      const asked = zeros();
      const reads = { warm: zeros(), cold: zeros() };
      for (const [turn, gap] of plan.gaps.entries()) {
        await seconds(gap);
        for (const subject of subjects) {
          const before = await subject.kvCounts();
          const requests = Array.from({ length: senders }, (_, sender) =>
            message(subject, { sender }),
          );
          await modelRequests(model, "DELETE");
          await inTurn(subject.url, { requests, expected: ANSWERED });
          asked[subject.name] += (await modelRequests(model, "GET")).requests.filter(
            ({ service }) => service === "openai",
          ).length;
          const isCold = gap > OBJECT_LIFE_SECONDS;
          if (turn)
            reads[isCold ? "cold" : "warm"][subject.name] +=
              (await subject.kvCounts()).reads - before.reads;
        }
      }
      await seconds(1);
      const messages = senders * plan.gaps.length;
      const cold = plan.gaps.filter((gap) => gap > OBJECT_LIFE_SECONDS).length * senders;
      const warm = messages - senders - cold;
      const answered = await Promise.all(subjects.map(counted));
      await seconds(plan.expiry);
      for (const [index, subject] of subjects.entries()) {
        const [then, now] = [answered[index], await counted(subject)];
        const all = {
          sender: then["sender requests"],
          budget: then["budget requests"],
          kvWrites: then.writes,
          fetches: asked[subject.name],
          alarms: now["sender alarms"],
          rows: now["rows written"],
          kvDeletes: now.deletes,
          budgetLater: now["budget requests"],
          // A Worker's own requests to objects, KV and the model.
          subrequests:
            then["sender requests"] +
            then["budget requests"] +
            then.reads +
            then.writes +
            then.deletes +
            asked[subject.name],
        };
        const each = Object.fromEntries(
          Object.entries(all).map(([key, number]) => [key, (number ?? 0) / messages]),
        );
        const objects =
          ((now["sender requests"] ?? 0) +
            (now["budget requests"] ?? 0) +
            (now["sender alarms"] ?? 0)) /
          messages;
        const price =
          PRICES.workerRequests +
          objects * PRICES.objectRequests +
          each.rows * PRICES.rowsWritten +
          (now.reads / messages) * PRICES.kvReads +
          (now.writes / messages) * PRICES.kvWrites +
          each.kvDeletes * PRICES.kvDeletes;
        const { name } = subject;
        add(rows[index], {
          ...each,
          kvReadsWarm: reads.warm[name] / warm,
          kvReadsCold: reads.cold[name] / (cold || 1),
          price,
        });
      }
      return rows;
    },
    { counting: true, settings: { CONVERSATION_TTL_SECONDS: "60" } },
  );
}

async function counted(subject) {
  const answer = await get(`${subject.url}/bench/counts`);
  if (answer?.status !== 200) throw new Error(`${subject.title}: no counts (${answer?.status})`);
  return { ...JSON.parse(answer.text), ...(await subject.kvCounts()) };
}

async function modelRequests(model, method) {
  const response = await fetch(`${model.url}/playground/requests`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} /playground/requests: ${response.status}`);
  return text ? JSON.parse(text) : undefined;
}

// Starts the subjects and a model for them, and ends them however `body` ends.
/**
 * @param {string[]} names
 * @param {(subjects: any[], model: any) => Promise<any>} body
 * @param {import("./servers.mjs").SubjectOptions} [options]
 */
async function withSubjects(names, body, options = {}) {
  const model = await startModel();
  const subjects = [];
  try {
    for (const name of names) subjects.push(await startSubject(name, { model, ...options }));
    return await body(subjects, model);
  } finally {
    await Promise.all([...subjects, model].map((program) => program.close()));
  }
}

// Every subject once a round; before the first one, each is warmed up, by default with a
// measurement that is thrown away.
async function inRounds(plan, subjects, measure, warmUp = measure) {
  const rows = rowsOf(subjects);
  for (const subject of subjects) await warmUp(subject, 0);
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const [index, subject] of subjects.entries())
      add(rows[index], await measure(subject, round));
    print(`  round ${round} of ${plan.rounds}`);
  }
  return rows;
}

function rowsOf(subjects) {
  return subjects.map(({ name, title }) => ({ name, title, figures: {} }));
}

function add({ figures }, measured) {
  for (const [key, value] of Object.entries(measured)) {
    figures[key] ??= [];
    figures[key].push(value);
  }
}

// `each` messages of every sender, in 20 lists, one for each connection; a list goes through its
// senders again and again.
function conversations(subject, senders, each, round) {
  const connections = Math.min(20, senders);
  return Array.from({ length: connections }, (_, connection) => {
    const own = Array.from({ length: senders }, (_, sender) => sender).filter(
      (sender) => sender % connections === connection,
    );
    return Array.from({ length: each }, () => own)
      .flat()
      .map((sender) => message(subject, { sender, to: recipient(round) }));
  });
}

// Another number for every round, so that its conversations are new ones.
function recipient(round) {
  return `+155501${String(70_000_000 + round).padStart(8, "0")}`;
}

function modelRequest() {
  const body = JSON.stringify({
    model: "gpt-6-luna",
    messages: [
      { role: "system", content: "You are a helpful assistant who answers by text message." },
      { role: "user", content: "Hello, how are you today?" },
    ],
    reasoning_effort: "none",
    max_completion_tokens: 1000,
    stream: false,
  });
  return {
    method: "POST",
    path: "/v1/chat/completions",
    headers: {
      authorization: `Bearer ${SECRETS.OPENAI_API_KEY}`,
      "content-type": "application/json",
    },
    body,
  };
}

function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { p50: at(0.5), p99: at(0.99) };
}

function seconds(number) {
  return new Promise((resolve) => setTimeout(resolve, number * 1000));
}
