// `npm run bench`: measures Switchboard against a Hono Worker, an Express server and workerd's own limit, and writes
// bench/RESULTS.md. What is measured is in bench/tables.mjs, how it is judged in bench/report.mjs; here are the options, what
// must be there before, and the order.
//
// Nothing else should run on the machine meanwhile.

import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { profile } from "../bench/profile.mjs";
import { identity, keptTables, writeReport } from "../bench/report.mjs";
import { BENCH, buildModel, bundlePeers, requireProc } from "../bench/servers.mjs";
import { PROFILED, TABLES } from "../bench/tables.mjs";
import { build } from "./build.mjs";
import { NODE_BIN } from "./lib/project.mjs";
import { command, duration, run, say, UserError } from "./lib/run.mjs";
import { setUpNode, setUpRust } from "./setup.mjs";

const NAMES = Object.keys(TABLES);

const HELP = `npm run bench [-- options]

Measures and writes bench/RESULTS.md. Tables: ${NAMES.join(", ")}.

  --rounds N     rounds of each table, interleaved (5, which is also the least that is reported)
  --seconds N    seconds of each flood of requests (2)
  --only A,B     only these tables; the others are kept from bench/results.json, if they are of the same commit, build and
                 machine
  --quick        only show that everything runs: a moment of each, nothing is written
  --profile T    in place of all this: where the CPU time of Switchboard and the Hono Worker goes in one of ${Object.keys(PROFILED).join(", ")}
  --help         print this`;

await command(async (args) => {
  const options = {
    rounds: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" },
    quick: { type: "boolean" },
    profile: { type: "string" },
    help: { type: "boolean" },
  };
  const { values } = parseArgs({ args, options });
  if (values.help) return void say(HELP);
  const plan = planOf(values);
  const names = tablesOf(values.only);
  if (values.profile !== undefined && !Object.hasOwn(PROFILED, values.profile)) {
    throw new UserError(
      `"${values.profile}" cannot be profiled; there are ${Object.keys(PROFILED).join(", ")}.`,
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

  // Counting waits most of the time, and is not timed: memory and operations are measured together.
  const together = ["memory", "operations"].every((name) => names.includes(name));
  const estimate = (name) => TABLES[name].estimate(plan);
  const all = names.reduce(
    (sum, name) => sum + (together && name === "operations" ? 0 : estimate(name)),
    0,
  );
  say(
    `\nbench: ${names.length} tables, about ${duration(all * 1000)}${plan.quick ? "" : `; it ends about ${new Date(Date.now() + all * 1000).toTimeString().slice(0, 5)}`}`,
  );
  const began = Date.now();
  const who = identity();
  const measured = plan.quick ? {} : keptTables(who);
  const measure = async (name) => {
    say(`\n${name}: ${TABLES[name].title} (about ${duration(estimate(name) * 1000)})`);
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
    return void say(
      `\nAll ${names.length} tables run (${duration(Date.now() - began)}). Nothing was written.`,
    );
  say(`\nDone in ${duration(Date.now() - began)}: bench/RESULTS.md`);
});

function planOf({ rounds, seconds, quick = false }) {
  if (quick) {
    return {
      quick,
      rounds: 1,
      seconds: 0.5,
      warmUp: 0.2,
      senders: 20,
      turnsEach: 2,
      paceSeconds: 0.5,
      sequences: 2,
      starts: 1,
      crowd: 40,
      expiry: 0,
      gaps: [0, 0],
    };
  }
  return {
    quick,
    rounds: number("--rounds", rounds ?? "5", 5),
    seconds: number("--seconds", seconds ?? "2", 1),
    warmUp: 1.5,
    senders: 200,
    turnsEach: 10,
    paceSeconds: 8,
    sequences: 25,
    starts: 5,
    crowd: 5000,
    // Conversations last 60 s there.
    expiry: 75,
    // Seconds before each message of a sender.
    gaps: [0, 3, 3, 25, 25],
  };
}

function tablesOf(only) {
  if (only === undefined) return NAMES;
  const names = only.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined)
    throw new UserError(`there is no table called "${unknown}"; there are ${NAMES.join(", ")}.`);
  return NAMES.filter((name) => names.includes(name));
}

function number(option, text, least) {
  if (!/^\d{1,3}$/.test(text) || Number(text) < least)
    throw new UserError(`${option} must be a whole number, at least ${least}, not "${text}".`);
  return Number(text);
}

// The bench's own packages, as its lock file has them.
async function installPackages() {
  const installed = path.join(BENCH, "node_modules", ".package-lock.json");
  const lock = path.join(BENCH, "package-lock.json");
  if (fs.existsSync(installed) && fs.statSync(installed).mtimeMs >= fs.statSync(lock).mtimeMs)
    return;
  say("bench: installing its packages: seconds");
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: BENCH,
    failure: "installing the bench's packages",
    env: { ...process.env, PATH: `${NODE_BIN}${path.delimiter}${process.env.PATH}` },
  });
}

// Figures of a quick run are not looked at, but they must be there.
function checkFigures(name, rows) {
  for (const { title, figures } of rows) {
    for (const [key, list] of Object.entries(figures)) {
      if (!list.length || !list.every(Number.isFinite))
        throw new Error(`${name}: ${title}: ${key} is ${list}`);
    }
  }
}
