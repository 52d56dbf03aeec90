// `npm run bench`: compares Switchboard with a Hono Worker, an Express server and the limit of
// workerd itself, and writes bench/RESULTS.md. Nothing else should run on the machine at the same
// time.
//
// Here are the options, the set-up and the order. The measurements are in bench/tables.mjs, the
// bounds in bench/report.mjs.

import fs from "node:fs";
import path from "node:path";
import { profile } from "../bench/profile.mjs";
import { identity, keptTables, writeReport } from "../bench/report.mjs";
import { BENCH, buildModel, bundlePeers, requireProc } from "../bench/servers.mjs";
import { PROFILED, TABLES } from "../bench/tables.mjs";
import { build } from "./build.mjs";
import { readCommandLine } from "./lib/cli.mjs";
import { command, duration, print, UsageError } from "./lib/run.mjs";
import { npmCi, setUpNode } from "./lib/setup-node.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";

const NAMES = Object.keys(TABLES);

const HELP = `npm run bench [-- options]

Measures and writes bench/RESULTS.md. Tables: ${NAMES.join(", ")}.

  --rounds N     interleaved rounds of each table (default 5, which is also the minimum)
  --seconds N    seconds of each flood of requests (default 2)
  --only A,B     only these tables; the others are taken from bench/results.json if commit, build and machine are the same
  --batches A,B  the sizes of batches (default 100,1000,10000; the last one takes 17 minutes)
  --quick        only test that everything runs: a moment of each table, nothing is written
  --profile T    instead, profile the CPU time of Switchboard and the Hono Worker in one of ${Object.keys(PROFILED).join(", ")}
  --help         print this

Exit code: 0 if everything was measured, 1 otherwise, 2 if the command line is wrong.`;

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: ["rounds", "seconds", "only", "batches", "profile"],
    flags: ["quick"],
  });
  if (!line) return print(HELP);
  const { values } = line;
  const plan = planOf(values);
  const names = tablesOf(values.only);
  if (values.profile !== undefined && !Object.hasOwn(PROFILED, values.profile)) {
    throw new UsageError(
      `"${values.profile}" cannot be profiled; use one of ${Object.keys(PROFILED).join(", ")}.`,
    );
  }

  await setUpNode();
  requireProc();
  await setUpRust();
  await installPackages();
  await build();
  await buildModel();
  await bundlePeers();
  if (values.profile)
    return void (await profile(values.profile, ["switchboard", "hono"], PROFILED[values.profile]));

  // `operations` only counts, and mostly waits, so it runs together with `memory`.
  const together = ["memory", "operations"].every((name) => names.includes(name));
  const estimate = (name) => TABLES[name].estimate(plan);
  const all = names.reduce(
    (sum, name) => sum + (together && name === "operations" ? 0 : estimate(name)),
    0,
  );
  print(
    `\nbench: ${names.length} tables, about ${duration(all * 1000)}${plan.quick ? "" : `; it ends about ${new Date(Date.now() + all * 1000).toTimeString().slice(0, 5)}`}`,
  );
  const began = Date.now();
  const who = identity();
  const measured = plan.quick ? {} : keptTables(who);
  const measure = async (name) => {
    print(`\n${name}: ${TABLES[name].title} (about ${duration(estimate(name) * 1000)})`);
    const started = new Date();
    const rows = await TABLES[name].measure(plan);
    measured[name] = {
      rows,
      date: started.toISOString(),
      rounds: plan.rounds,
      seconds: plan.seconds,
    };
    if (plan.quick) checkFigures(name, rows);
    else writeReport(who, measured);
  };
  for (const name of names) {
    if (together && name === "operations") continue;
    await Promise.all(
      together && name === "memory" ? [measure("memory"), measure("operations")] : [measure(name)],
    );
  }
  if (plan.quick)
    return void print(
      `\nAll ${names.length} tables run (${duration(Date.now() - began)}). Nothing was written.`,
    );
  print(`\nDone in ${duration(Date.now() - began)}: bench/RESULTS.md`);
});

/** @param {{ rounds?: string, seconds?: string, batches?: string, quick?: boolean }} values */
function planOf({ rounds, seconds, batches = "100,1000,10000", quick = false }) {
  if (quick) {
    return {
      quick,
      rounds: 1,
      seconds: 0.5,
      warmUp: 0.2,
      contacts: 20,
      turnsEach: 2,
      paceSeconds: 0.5,
      sequences: 2,
      starts: 1,
      crowd: 40,
      expiry: 0,
      gaps: [0, 0],
      callTurns: 3,
      interruptions: 2,
      calls: 5,
      callIdle: 0,
      minuteCalls: 2,
      batchSizes: [2],
      scriptRuns: 2,
      countedRuns: 2,
      callGap: 2,
    };
  }
  return {
    quick,
    rounds: number("--rounds", rounds ?? "5", 5),
    seconds: number("--seconds", seconds ?? "2", 1),
    warmUp: 1.5,
    contacts: 200,
    turnsEach: 10,
    paceSeconds: 8,
    sequences: 25,
    starts: 5,
    crowd: 5000,
    // Conversations last 60 s there.
    expiry: 75,
    // Seconds before each message of a contact.
    gaps: [0, 3, 3, 25, 25],
    callTurns: 50,
    interruptions: 10,
    calls: 200,
    callIdle: 15,
    minuteCalls: 10,
    batchSizes: batches.split(",").map((size) => sizeOf(size)),
    scriptRuns: 1000,
    countedRuns: 100,
    callGap: 15,
  };
}

function tablesOf(only) {
  if (only === undefined) return NAMES;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`there is no table "${unknown}"; use one of ${NAMES.join(", ")}.`);
  return NAMES.filter((name) => names.includes(name));
}

function sizeOf(text) {
  if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 10_000)
    throw new UsageError(`--batches must be whole numbers, 1 to 10000, not "${text}".`);
  return Number(text);
}

function number(option, text, least) {
  if (!/^\d{1,3}$/.test(text) || Number(text) < least)
    throw new UsageError(`${option} must be a whole number, at least ${least}, not "${text}".`);
  return Number(text);
}

// Installs the bench's own packages.
async function installPackages() {
  const installed = path.join(BENCH, "node_modules", ".package-lock.json");
  const lock = path.join(BENCH, "package-lock.json");
  if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= fs.statSync(lock).mtimeMs)
    return;
  print("bench: installing its packages (a few seconds)");
  await npmCi(BENCH, "installing the bench's packages");
}

// A quick run must produce every figure, whatever its value.
function checkFigures(name, rows) {
  for (const { title, figures } of rows) {
    for (const [key, list] of Object.entries(figures)) {
      if (!list.length || !list.every(Number.isFinite))
        throw new Error(`${name}: ${title}: ${key} is ${list}`);
    }
  }
}
