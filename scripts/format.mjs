// `npm run format`: formats Rust and JavaScript in place, and applies the linter's safe fixes to
// JavaScript. `npm run lint` checks the same without changing anything.

import { readCommandLine } from "./lib/cli.mjs";
import { inRoot, ROOT } from "./lib/project.mjs";
import { command, print, run } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";

const HELP = `npm run format

Formats Rust and JavaScript in place, and applies the safe fixes of the linter to JavaScript.

  --help   print this

Exit code: 0 if nothing is left to fix, 1 otherwise, 2 if the command line is wrong.`;

await command(async (args) => {
  if (!readCommandLine(args, {})) return print(HELP);
  await setUpNode();
  await setUpRust();
  await run("cargo", ["fmt", "--all"], { cwd: ROOT, failure: "cargo fmt" });
  const biome = inRoot("node_modules", "@biomejs", "biome", "bin", "biome");
  const check = ["check", "--write", "--error-on-warnings"];
  await run(process.execPath, [biome, ...check], { cwd: ROOT, failure: "biome" });
});
