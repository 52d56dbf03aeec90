// `npm run simulate -- --seeds 1000000`: the deterministic simulation (tests/simulation.rs) with many more seeds than the tests
// run, in rounds, with progress. It decides nothing itself: a seed that breaks an invariant is printed by the test.

import { parseArgs } from "node:util";
import { ROOT } from "./lib/project.mjs";
import { command, duration, run, say, UserError } from "./lib/run.mjs";
import { setUpNode, setUpRust } from "./setup.mjs";

const HELP = `npm run simulate -- [options]

  --seeds N   how many seeds to run (100000)
  --first N   the first of them (1; npm test runs 1 to 20000)
  --seed N    run exactly this one, and print all that happens in it
  --help      print this`;

// A process starts anew for each round, so that progress is told and memory does not add up.
const ROUND = 20_000;

await command(async (args) => {
  const options = {
    seeds: { type: "string" },
    first: { type: "string" },
    seed: { type: "string" },
    help: { type: "boolean" },
  };
  const { values } = parseArgs({ args, options });
  if (values.help) return void say(HELP);
  const seeds = number("--seeds", values.seeds ?? "100000");
  const first = number("--first", values.first ?? "1");
  await setUpNode();
  await setUpRust();
  if (values.seed !== undefined) return simulate({ SEED: String(number("--seed", values.seed)) });
  const started = Date.now();
  for (let done = 0; done < seeds; done += ROUND) {
    const round = Math.min(ROUND, seeds - done);
    await simulate({ FIRST_SEED: String(first + done), SEEDS: String(round) });
    const passed = Date.now() - started;
    const rate = Math.round(((done + round) * 1000) / passed);
    say(
      `${done + round} of ${seeds} seeds in ${duration(passed)}, ${rate} seeds/s with the start of each round`,
    );
  }
});

async function simulate(env) {
  const test = "every_message_is_answered_once_whatever_fails";
  const args = ["test", "--locked", "--quiet", "--test", "simulation", "--", "--exact", test];
  await run("cargo", args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    failure: "the simulation",
  });
}

function number(option, text) {
  if (!/^\d{1,15}$/.test(text))
    throw new UserError(`${option} must be a whole number, not "${text}".`);
  return Number(text);
}
