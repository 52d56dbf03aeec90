// `npm run format`: formats Rust and JavaScript in place, and applies the linter's safe fixes to
// JavaScript. `npm run lint` checks the same without changing anything.

import { inRoot, ROOT } from "./lib/project.mjs";
import { command, run } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust } from "./lib/setup-rust.mjs";

await command(async () => {
  await setUpNode();
  await setUpRust();
  await run("cargo", ["fmt", "--all"], { cwd: ROOT, failure: "cargo fmt" });
  const biome = inRoot("node_modules", "@biomejs", "biome", "bin", "biome");
  const check = ["check", "--write", "--error-on-warnings"];
  await run(process.execPath, [biome, ...check], { cwd: ROOT, failure: "biome" });
});
