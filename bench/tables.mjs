// The tables of RESULTS.md: their texts and columns, and how each is measured. Each measurement
// takes its subjects in turn (A B C, A B C, …), so that other load on the machine affects all of
// them alike, and returns raw figures for each round.
//
// Not here: the measurements (measure.mjs, counts.mjs), and medians, ratios, bounds and the report
// (report.mjs).

import { crossings, operations } from "./counts.mjs";
import { flood, LOADS } from "./load.mjs";
import {
  bundle,
  floods,
  growth,
  latency,
  memory,
  profiledTurns,
  startUp,
  turns,
} from "./measure.mjs";

/**
 * The tables by name. Each has a `title`, an `about`, `columns` (`{ key, title, unit, digits, ratio
 * }`), `estimate(plan)`, the seconds that it takes, and `measure(plan)`, which returns the rows:
 * `{ name, title, figures }`, with a list of figures for each key.
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

/** The loads that can be profiled, by table: one round on a subject. */
export const PROFILED = {
  ...Object.fromEntries(
    Object.entries(LOADS).map(([name, load]) => [
      name,
      (subject) => flood(subject, { ...load(subject), seconds: 3 }),
    ]),
  ),
  turns: profiledTurns,
};

// A table of one request at full speed: the one in LOADS under this name.
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
