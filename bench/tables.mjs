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
import { callMemory, callMinute, voice } from "./voice.mjs";

/**
 * The tables by name. Each has a `title`, an `about`, `columns` (`{ key, title, unit, digits, ratio
 * }`), `estimate(plan)`, the seconds that it takes, and `measure(plan)`, which returns the rows:
 * `{ name, title, figures }`, with a list of figures for each key.
 */
export const TABLES = {
  forged: flooded("forged", {
    title: "A forged request is rejected",
    about:
      "A message with a wrong signature. All subjects answer 403, except for the hello worlds, which always answer 200. The second row reads the headers and the body, as every verification must. The third also writes a log line and answers with Switchboard's status and headers, but verifies nothing. Each of 32 connections sends the next request when it has the answer.",
    subjects: ["hello", "reads", "floor", "switchboard", "hono", "express"],
  }),
  refused: flooded("refused", {
    title: "A verified request that needs no object",
    about:
      "A message with a valid signature and an invalid recipient. All subjects except hello world answer 400.",
  }),
  health: flooded("health", {
    title: "A request that needs nothing",
    about: "`GET /health`. All subjects answer 200.",
  }),
  turns: {
    title: "Whole turns",
    about:
      "The model answers every message at once. There are 200 contacts and 20 connections, and never two messages of one contact at the same time. Every round has new contacts and the same number of messages for each subject. CPU time is that of the Worker's runtime including its objects (for Express, of Node). It does not include the model, KV and the load generator, which run on the same machine.",
    columns: floodColumns(),
    estimate: (plan) => 10 + (plan.rounds * 3 * (plan.contacts * plan.turnsEach)) / 400,
    measure: turns,
  },
  latency: {
    title: "Added latency at 20 requests/s",
    about:
      "Whole turns at a steady pace, on persistent connections, from 40 contacts that are new in each round. One message in four finds an object that is not in memory. The added latency is the latency minus that of the model, which is measured directly at the same pace in the same round. autocannon would send a burst at the start of each second. Therefore Node's HTTP client sends one request every 50 ms.",
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
      "One contact after the other, each with 20 turns in sequence: the latency that the client sees, and the runtime's CPU time (the mean over the contacts of the round).",
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
      "For Switchboard, per request, including wasm-bindgen's helpers. A wrapper around the instance counts them (bench/crossings.js). One contact sends the messages one after the other. The counts of a message include all later work until the next message.",
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
      "The time from the start of the process to its first answer to `GET /health`, which is requested every millisecond, and the CPU time until then. For a Worker this includes workerd and its configuration, compiling the script or the WebAssembly, and the first request. The start of the isolate is the active time of `wrangler check startup`, with samples of about 2 ms.",
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
      "The uploaded files: Switchboard's script and WebAssembly, and one minified script for the Hono Worker. Each file is gzipped at level 9.",
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
      "Resident memory of workerd: after its start and one turn, after 10 000 turns of 5 000 contacts, after everything has expired (conversations last 60 s here), and the same again with 5 000 other contacts. workerd keeps an object and its SQLite in memory until 10 s after its last request. KV is another process.",
    columns: [
      { key: "start", title: "at start", unit: "MB", digits: 1 },
      { key: "first", title: "after 5 000 contacts", unit: "MB", digits: 1 },
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
      "Each of 20 contacts sends five messages, 3, 3, 25 and 25 s apart. workerd keeps an object for 10 s after its last request or alarm, so two of the messages find it warm, and usually two do not. A wrapper around the Worker's objects (bench/counting.js) counts object requests, alarms and rows; the services count KV and model requests. All figures are means per message. The last columns and the price include everything until the conversations have expired.",
    columns: [
      { key: "thread", title: "thread requests", unit: "", digits: 2 },
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
  voice: {
    title: "Words of a call",
    about:
      "One call at a time, over a socket. The model streams an answer of 40 words, one every 8 ms, and notes when its first word goes out. The added time ends when the first frame with words arrives at Twilio's side, which is in the same process as the model. A long answer is then cut off in its middle: the time from the interruption to the last frame with words, and until the model's request has ended.",
    columns: [
      { key: "added50", title: "first word, added p50", unit: "ms", digits: 2 },
      { key: "added99", title: "first word, added p99", unit: "ms", digits: 2 },
      { key: "late", title: "interruption to last word, p50", unit: "ms", digits: 2 },
      { key: "lateMost", title: "the longest", unit: "ms", digits: 2 },
      { key: "stops", title: "until the model's request ends, p50", unit: "ms", digits: 2 },
    ],
    estimate: (plan) =>
      10 + (plan.rounds + 1) * 2 * (plan.callTurns * 0.4 + plan.interruptions * 0.7),
    measure: voice,
  },
  callMemory: {
    title: "Memory of calls",
    about:
      "Resident memory with one call, with 200 more that have each had one turn, and 15 s later, when nobody has spoken since. All sockets are open. workerd on its own keeps an object that hibernates in memory for about 10 s.",
    columns: [
      { key: "start", title: "one call", unit: "MB", digits: 1 },
      { key: "talking", title: "200 more", unit: "MB", digits: 1 },
      { key: "each", title: "for each of them", unit: "kB", digits: 0 },
      { key: "idle", title: "15 s later", unit: "MB", digits: 1 },
    ],
    estimate: (plan) => 10 + 2 * (plan.calls * 0.05 + plan.callIdle),
    measure: callMemory,
  },
  callMinute: {
    title: "What Cloudflare bills for a minute of a call",
    about:
      "A minute with four turns. The model's first word comes after 0.7 s, and its words stream for 0.8 s. A wrapper (bench/counting.js) counts the time in which a call's object works or waits: only then is it billed, because it can hibernate at all other times. The second row is computed: without hibernation an object is billed for as long as its socket is open. Twenty messages over a socket are billed as one request.",
    columns: [
      { key: "busy", title: "billed time of the call's object", unit: "s", digits: 2 },
      { key: "messages", title: "messages over the socket", unit: "", digits: 1, ratio: false },
      { key: "requests", title: "object requests and alarms", unit: "", digits: 1, ratio: false },
      { key: "rows", title: "rows written", unit: "", digits: 1, ratio: false },
      { key: "price", title: "price of a million minutes", unit: "$", digits: 2 },
    ],
    estimate: (plan) => 10 + 4 * plan.callGap + plan.minuteCalls * 0.2,
    measure: callMinute,
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
