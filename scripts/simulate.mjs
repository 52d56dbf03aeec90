// `npm run simulate -- --seeds 1000000`: runs the deterministic simulation (tests/it/simulation)
// with many more seeds than the tests do, in rounds, and prints the progress. The test itself
// prints a seed that breaks an invariant.

import { readCommandLine } from "./lib/cli.mjs";
import { ROOT } from "./lib/project.mjs";
import { command, duration, print, run, UsageError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";

const HELP = `npm run simulate [-- options]

Runs the deterministic simulation of the tests with many more seeds, in rounds.

  --seeds N   the number of seeds to run (default 100000)
  --first N   the first seed (default 1, as in npm test, which runs fewer seeds)
  --seed N    run only this seed and print everything that happens
  --calls     phone calls instead of messages
  --help      print this

Exit code: 0 if every invariant held, 1 otherwise, 2 if the command line is wrong.`;

const MESSAGES = "simulation::every_message_is_answered_once_whatever_fails";
const CALLS = "simulation::calls::every_call_is_heard_and_ends_once_whatever_fails";

// Each round is a new process, which limits the memory and allows progress to be printed.
const ROUND = 20_000;

await command(async (args) => {
  const line = readCommandLine(args, { texts: ["seeds", "first", "seed"], flags: ["calls"] });
  if (!line) return print(HELP);
  const { values } = line;
  const seeds = number("--seeds", values.seeds ?? "100000");
  const first = number("--first", values.first ?? "1");
  await setUpNode();
  await setUpRust();
  const test = values.calls ? CALLS : MESSAGES;
  if (values.seed !== undefined)
    return simulate(test, { SEED: String(number("--seed", values.seed)) });
  const started = Date.now();
  for (let done = 0; done < seeds; done += ROUND) {
    const round = Math.min(ROUND, seeds - done);
    await simulate(test, { FIRST_SEED: String(first + done), SEEDS: String(round) });
    const passed = Date.now() - started;
    const rate = Math.round(((done + round) * 1000) / passed);
    print(
      `${done + round} of ${seeds} seeds in ${duration(passed)}, ${rate} seeds/s including start-up`,
    );
  }
});

async function simulate(test, env) {
  const args = ["test", "--locked", "--quiet", "--test", "it", "--", "--exact", test];
  await run("cargo", args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    failure: "the simulation",
  });
}

function number(option, text) {
  if (!/^\d{1,15}$/.test(text))
    throw new UsageError(`${option} must be a whole number, not "${text}".`);
  return Number(text);
}
