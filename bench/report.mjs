// Writes the report: bench/RESULTS.md with medians, ratios and bounds, and bench/results.json, from
// which a later run of some tables takes the others, if nothing has changed since. If there is a
// bench/NOTES.md (what profiles show, and what was tried), it becomes the end of the report.
//
// Not here: the measurements (tables.mjs).

import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { lockedCrate, ROOT, rustToolchain } from "../scripts/lib/project.mjs";
import { print } from "../scripts/lib/run.mjs";
import { PRICES } from "./counts.mjs";
import { BENCH, bundleOf, storageParent, workerdVersion } from "./servers.mjs";
import { TABLES } from "./tables.mjs";

const RESULTS = path.join(BENCH, "RESULTS.md");
const RAW = path.join(BENCH, "results.json");
const NOTES = path.join(BENCH, "NOTES.md");

/** What a result depends on: the commit, the builds, the machine and the versions. */
export function identity() {
  const git = (...args) => execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const commit = git("rev-parse", "HEAD");
  const changed =
    git("status", "--porcelain", "--", ".", ":!bench/RESULTS.md", ":!bench/NOTES.md") !== "";
  const builds = crypto.createHash("sha256");
  for (const [, file] of [...bundleOf("switchboard"), ...bundleOf("hono")])
    builds.update(fs.readFileSync(file));
  const cpus = os.cpus();
  return {
    commit,
    changed,
    builds: builds.digest("hex"),
    host: crypto.createHash("sha256").update(os.hostname()).digest("hex").slice(0, 12),
    machine: `${cpus.length} × ${cpus[0].model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GB, ${os.type()} ${os.release()}`,
    versions: versions(),
    storage: storageParent() === "/dev/shm" ? "a file system in memory" : "the temporary directory",
  };
}

/** The tables of the last run, by name, if they are still valid. */
export function keptTables(who) {
  if (!fs.existsSync(RAW)) return {};
  let before;
  try {
    before = JSON.parse(fs.readFileSync(RAW, "utf8"));
  } catch {
    return {};
  }
  const same = JSON.stringify(before.who) === JSON.stringify(who);
  if (!same)
    print("bench: bench/results.json is from another commit, build or machine and is not used");
  return same ? before.tables : {};
}

/** Writes bench/results.json and bench/RESULTS.md with the tables measured so far. */
export function writeReport(who, measured) {
  fs.writeFileSync(RAW, `${JSON.stringify({ who, tables: measured }, null, 1)}\n`);
  fs.writeFileSync(RESULTS, report(who, measured));
}

function report(who, measured) {
  const names = Object.keys(TABLES).filter((name) => measured[name]);
  const missing = Object.keys(TABLES).filter((name) => !measured[name]);
  const dates = names.map((name) => measured[name].date).sort();
  const parts = [
    "# Measured",
    `Written by \`npm run bench\`; do not edit. Loopback, one machine, one run: ${minute(dates[0])} to ${minute(dates.at(-1))} UTC, commit \`${who.commit.slice(0, 12)}\`${who.changed ? " with changes that are not committed" : ""}.`,
    [
      `- Machine: ${who.machine}.`,
      `- Versions: ${Object.entries(who.versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", ")}.`,
      `- ${how(who)}`,
    ].join("\n"),
    "Each figure is the median of its rounds, with the minimum and maximum in brackets, and its ratio to the first row of the table.",
  ];
  if (missing.length) parts.push(`Not measured: ${missing.join(", ")}.`);
  parts.push("## Targets", targets(measured));
  for (const name of names) parts.push(...section(name, measured[name]));
  parts.push("## What is compared", COMPARED);
  if (fs.existsSync(NOTES)) parts.push(fs.readFileSync(NOTES, "utf8").trim());
  return `${parts.join("\n\n")}\n`;
}

function how(who) {
  return `All Workers run on the same workerd, started as \`workerd serve\` with nothing in front of it: no wrangler, no miniflare. Objects are in SQLite files in ${who.storage}. KV is a small service in a separate process. The model is the playground, which answers at once; for calls it is one that times its words, in the process of the bench. The output of the subjects is discarded. The load comes from autocannon on the same machine.`;
}

const COMPARED = `- **hello world** (bench/peers/hello): the minimum that a Worker can do.
- **Hono Worker** (bench/peers/hono): Hono, the signature with WebCrypto and a key imported once, one Durable Object request for each message (admission, rate limit, one turn at a time), the daily budget in another object, the conversation in memory while the object lives and in KV under a new key for each revision. It does less than Switchboard: no answers by REST, no turns that survive a restart, no protection of a conversation if KV fails, no retries, no consent and erasure, no images, no usage counts.
- **Node with ws** (bench/peers/relay): what samples for ConversationRelay do: Node with ws and OpenAI's package. It verifies no signature and has no caps, no time limits, no tools, no fixed sentences, no silence, no log, and nothing that survives a restart.
- **Express** (bench/peers/express): Express with Twilio's and OpenAI's packages and everything in the memory of one process, which a restart loses.

The billable duration of objects is not compared: in both Workers it is the time that the object waits for the model. Prices are Cloudflare's per million, beyond the included amount: Worker requests $${PRICES.workerRequests.toFixed(2)}, object requests and alarms $${PRICES.objectRequests.toFixed(2)}, rows written $${PRICES.rowsWritten.toFixed(2)}, KV reads $${PRICES.kvReads.toFixed(2)}, KV writes and deletes $${PRICES.kvWrites.toFixed(2)} (${PRICES.source}; read ${PRICES.date}). CPU time ($0.02 for a million ms) and rows read ($0.001) are not included. Fetches and other subrequests are free.`;

function section(name, { rows, date, rounds, seconds }) {
  const { title, about, columns } = TABLES[name];
  const isFlood = columns.some(({ key }) => key === "perSecond");
  const many = Math.max(
    ...rows.flatMap(({ figures }) => Object.values(figures).map((list) => list.length)),
  );
  const length = name === "turns" || !isFlood ? "" : ` of ${seconds} s`;
  const said =
    many > 1 ? `${many === rounds ? `${rounds} rounds${length}` : `${many} times`}, ` : "";
  const head = [
    "",
    ...columns.map(({ title: column, unit }) => (unit ? `${column} (${unit})` : column)),
  ];
  const lines = rows.map((row) => [
    row.title,
    ...columns.map((column) => cell(column, row.figures[column.key], rows[0].figures[column.key])),
  ]);
  const table = [head, head.map((_, index) => (index ? "---:" : "---")), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
  return [`## ${title}`, `${about} (${said}${minute(date)} UTC)`, table];
}

function cell({ digits, ratio = true }, list, first) {
  if (!list?.length) return "";
  const shown = (value) => value.toFixed(digits);
  const middle = median(list);
  const spread =
    list.length > 1 ? ` (${shown(Math.min(...list))}–${shown(Math.max(...list))})` : "";
  const base = first?.length ? median(first) : 0;
  return `${shown(middle)}${spread}${ratio && base > 0 ? ` · ${times(middle / base)}` : ""}`;
}

// Every bound, and whether and by how much it is kept.
function targets(measured) {
  const of = (table, name, key) => {
    const list = measured[table]?.rows.find((row) => row.name === name)?.figures[key];
    return list && median(list);
  };
  const ratio = (table, key, to) => {
    const [ours, theirs] = [of(table, "switchboard", key), of(table, to, key)];
    return ours !== undefined && theirs > 0 ? ours / theirs : undefined;
  };
  const atMost = (what, value, target, shown) => [
    what,
    value,
    value <= target,
    shown,
    `${shown(target)} at most`,
  ];
  const plain = (value) => value.toFixed(2);
  const list = [
    atMost(
      "Forged request, CPU, against the Hono Worker",
      ratio("forged", "cpuMs", "hono"),
      0.85,
      times,
    ),
    atMost(
      "Whole turn, CPU, against the Hono Worker",
      ratio("turns", "cpuMs", "hono"),
      1.35,
      times,
    ),
    atMost(
      "Added latency, p50, against the Hono Worker",
      ratio("latency", "added50", "hono"),
      1.2,
      times,
    ),
    atMost(
      "Isolate start, against the Hono Worker",
      ratio("startup", "isolate", "hono"),
      1.1,
      times,
    ),
    atMost(
      "Requests to the thread for a message",
      of("operations", "switchboard", "thread"),
      1,
      plain,
    ),
    atMost(
      "Requests to the budget object for a message",
      of("operations", "switchboard", "budget"),
      1,
      plain,
    ),
    atMost(
      "KV reads for a message, warm",
      of("operations", "switchboard", "kvReadsWarm"),
      0,
      plain,
    ),
    atMost("KV writes for a message", of("operations", "switchboard", "kvWrites"), 1, plain),
    atMost(
      "First word of a call, added, p50",
      of("voice", "switchboard", "added50"),
      5,
      (value) => `${value.toFixed(2)} ms`,
    ),
    atMost(
      "First word of a call, added, p50, against Node with ws",
      ratio("voice", "added50", "relay"),
      1,
      times,
    ),
    atMost(
      "Gzipped bundle",
      of("bundle", "switchboard", "gzipped"),
      400,
      (value) => `${value.toFixed(1)} kB`,
    ),
    atMost(
      "Memory after 5 000 other contacts have expired, against the first",
      measured.memory &&
        of("memory", "switchboard", "expiredAgain") / of("memory", "switchboard", "expired"),
      1.1,
      times,
    ),
  ];
  const lines = list
    .filter(([, value]) => value !== undefined)
    .map(
      ([what, value, reached, shown, target]) =>
        `| ${what} | ${target} | ${shown(value)} | ${reached ? "reached" : `**not reached**, by ${shown(Math.abs(value - Number.parseFloat(target)))}`} |`,
    );
  const rows = of("operations", "switchboard", "rows");
  const told =
    rows === undefined
      ? ""
      : `\n\nRows written for a message, until everything has expired: ${rows.toFixed(2)} (Hono Worker: ${of("operations", "hono", "rows").toFixed(2)}); the target is the minimum that the promises need.`;
  const generator = ["forged", "turns"]
    .filter((name) => of(name, "hello", "generator") > of(name, "hello", "busy"))
    .map((name) => TABLES[name].title);
  const warning = generator.length
    ? `\n\nThe load generator used more of a core than hello world in: ${generator.join(", ")}. There hello world could be faster than shown; compare the CPU times instead.`
    : "";
  return (
    [`| target | wanted | measured | |`, `| --- | ---: | ---: | --- |`, ...lines].join("\n") +
    told +
    warning
  );
}

function versions() {
  const version = (name) =>
    JSON.parse(fs.readFileSync(path.join(BENCH, "node_modules", name, "package.json"), "utf8"))
      .version;
  return {
    workerd: workerdVersion(),
    Rust: rustToolchain().channel,
    "wasm-bindgen": lockedCrate("wasm-bindgen"),
    Node: process.versions.node,
    ...Object.fromEntries(
      ["hono", "express", "twilio", "openai", "autocannon"].map((name) => [name, version(name)]),
    ),
  };
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function times(value) {
  return `${value.toFixed(2)}×`;
}

function minute(date) {
  return date ? date.slice(0, 16).replace("T", " ") : "";
}
