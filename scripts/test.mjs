// `npm test`: runs all checks in order and stops at the first failure. `npm run lint`,
// `test:native`, `docs`, `test:e2e` and `test:browser` are its parts. .ci/run and the CI workflow
// run exactly `npm test`.

import os from "node:os";
import { stripVTControlCharacters } from "node:util";
import { build } from "./build.mjs";
import { columns, readCommandLine } from "./lib/cli.mjs";
import { buildPlayground, WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { nearest } from "./lib/nearest.mjs";
import { filesBelow, inRoot, ROOT, readText, rustToolchain } from "./lib/project.mjs";
import {
  capture,
  command,
  describe,
  duration,
  print,
  run,
  UsageError,
  UserError,
} from "./lib/run.mjs";
import { setUpBrowser } from "./lib/setup-browser.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust, setUpWasmTools } from "./lib/setup-rust.mjs";

// Each part by its name: the command that runs only this part, the function, and what it does.
/** @type {Record<string, [string, (options: { alone: boolean }) => Promise<void>, string]>} */
const PARTS = {
  lint: [
    "npm run lint",
    lint,
    "Checks the formatting, the lint and the types of Rust and JavaScript.",
  ],
  native: ["npm run test:native", native, "Runs the tests of the Rust code on this machine."],
  docs: [
    "npm run docs",
    docs,
    "Builds the documentation of the Rust code; a warning is a failure.",
  ],
  build: ["npm run build", () => build(), "Builds the Worker."],
  deploy: [
    "npm run deploy -- --dry-run",
    deployDryRun,
    "Bundles and checks the Worker, and deploys nothing.",
  ],
  e2e: [
    "npm run test:e2e",
    endToEnd,
    "Runs the Worker on Cloudflare's runtime, and the commands, as users do.",
  ],
  browser: ["npm run test:browser", inBrowser, "Tests the pages in Chromium."],
};

// The projects of the type check: each has its own globals.
const TYPE_CHECKED = [
  "tsconfig.json",
  "playground/web/tsconfig.json",
  "scripts/operator/tsconfig.json",
  "src/runtime/tsconfig.json",
];

// The seeds of each simulation when the native part runs alone, so that it takes less than two minutes. `npm test` runs the
// usual number, which stands in tests/it/simulation/mod.rs.
const SEEDS_ALONE = "2000";

const LOCK_FILES = [
  "package-lock.json",
  "bench/package-lock.json",
  "scripts/node/package-lock.json",
  "tests/peers/package-lock.json",
];

/**
 * This machine cannot run the part. That is an error if only this part was asked for, otherwise it
 * is only reported.
 */
class NotRun extends UserError {}

await command(async (args) => {
  const line = readCommandLine(args, { positionals: true });
  if (!line) return print(help(args));
  const names = line.positionals;
  const unknown = names.find((name) => !Object.hasOwn(PARTS, name));
  if (unknown) {
    const near = nearest(unknown, Object.keys(PARTS));
    throw new UsageError(
      `there is no part "${unknown}"${near ? `; did you mean ${near}?` : `; use one of ${Object.keys(PARTS).join(", ")}.`}`,
    );
  }
  await setUpNode();
  await setUpRust();
  await setUpWasmTools();

  const summary = [];
  const began = Date.now();
  for (const name of names.length ? names : Object.keys(PARTS)) {
    const [alone, part] = PARTS[name];
    const started = Date.now();
    print(`\n==== ${alone}`);
    try {
      await part({ alone: names.length > 0 });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error instanceof NotRun && !names.length) {
        print(`not run: ${error.message}`);
        summary.push(`  not run  ${alone}  (${error.message})`);
        continue;
      }
      summary.push(`  FAILED  ${alone}  (${duration(Date.now() - started)})`);
      print(`\n${summary.join("\n")}`);
      throw new UserError(`${error.message}\nTo run only this part: ${alone}`);
    }
    summary.push(`  passed  ${alone}  (${duration(Date.now() - started)})`);
  }
  const all = summary.some((line) => line.startsWith("  not run"))
    ? "Everything that ran passed"
    : "All passed";
  print(`\n${summary.join("\n")}\n\n${all} in ${duration(Date.now() - began)}.`);
});

// The help of one part if the command line names it, as its npm command does, or else of all.
function help(args) {
  const part = PARTS[args.find((arg) => Object.hasOwn(PARTS, arg))];
  const usage = part?.[0] ?? "npm test [-- PART ...]";
  const what = part?.[2] ?? "Runs all checks in order and stops at the first failure.";
  const parts = Object.entries(PARTS).map(([name, [, , does]]) => [name, does]);
  const list = part ? "" : `\n  PART     only these parts:\n${columns(parts).join("\n")}\n`;
  return `${usage}

${what}
${list}
  --help   print this

Exit code: 0 if everything passed, 1 otherwise, 2 if the command line is wrong.`;
}

async function lint() {
  await cargo("the formatting of Rust (`npm run format` fixes it)", ["fmt", "--all", "--check"]);
  await cargo("clippy", [
    "clippy",
    "--locked",
    "--workspace",
    "--all-targets",
    "--",
    "-D",
    "warnings",
  ]);
  const {
    targets: [target],
  } = rustToolchain();
  const wasm = ["clippy", "--locked", "--package", "switchboard", "--lib", "--target", target];
  for (const features of [[], ["--all-features"]]) {
    await cargo(`clippy for ${target}`, [...wasm, ...features, "--", "-D", "warnings"]);
  }
  await javascriptTool(
    "the formatting and lint of JavaScript (`npm run format` fixes what it can)",
    ["@biomejs", "biome", "bin", "biome"],
    ["check", "--error-on-warnings"],
  );
  for (const project of TYPE_CHECKED) {
    await javascriptTool(
      `the type check of ${project}`,
      ["typescript", "bin", "tsc"],
      ["--project", project],
    );
  }
  for (const lock of LOCK_FILES) {
    if (/"resolved": "http/.test(readText(lock))) {
      throw new UserError(
        `${lock} contains the addresses of a registry. Delete it and create it again with the .npmrc beside it.`,
      );
    }
  }
}

// Runs a program of the npm packages.
async function javascriptTool(failure, file, args) {
  const program = inRoot("node_modules", ...file);
  await run(process.execPath, [program, ...args], { cwd: ROOT, failure });
}

async function native({ alone }) {
  const seeds = process.env.SEEDS ?? (alone ? SEEDS_ALONE : undefined);
  await cargo("the native tests", ["test", "--locked", "--workspace"], seeds && { SEEDS: seeds });
}

async function docs() {
  await cargo(
    "the docs build",
    ["doc", "--locked", "--no-deps", "--workspace", "--document-private-items"],
    { RUSTDOCFLAGS: "-D warnings" },
  );
}

async function deployDryRun() {
  const [program, ...first] = [...WRANGLER, "deploy", "--dry-run"];
  const options = { cwd: ROOT, env: wranglerEnv(), echo: true };
  for (const environment of [[], ["--env", "staging"]]) {
    const { code, stdout, stderr } = await capture(program, [...first, ...environment], options);
    if (code !== 0) throw new UserError(`the trial deploy ${describe({ code })}.`);
    const output = stripVTControlCharacters(stdout + stderr);
    const warning = output.match(/\[WARNING\].*/)?.[0];
    if (warning) throw new UserError(`the trial deploy warned: ${warning}`);
  }
}

async function endToEnd() {
  await build();
  await build({ features: "panic-route", outDir: "build/panic-route" });
  await buildPlayground();
  // Each file starts Workers, and each runtime needs a core. At least two run at a time, because
  // one file mostly waits.
  const concurrency = Math.max(2, Math.floor(os.availableParallelism() / 2));
  await nodeTests("tests/e2e", "the end-to-end tests", { concurrency, minutes: 30 });
}

async function inBrowser() {
  const { program, missing } = await setUpBrowser();
  if (!program) throw new NotRun(`no Chromium: ${missing}`);
  await build();
  await buildPlayground();
  const env = { ...process.env, CHROMIUM: program };
  await nodeTests("tests/browser", "the browser tests", { concurrency: 1, minutes: 20, env });
}

// Runs the tests in `dir` with Node's test runner.
async function nodeTests(dir, failure, { concurrency, minutes, env = process.env }) {
  const args = [
    "--no-warnings",
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-timeout=600000",
    "--test-reporter=spec",
    ...filesBelow(dir, ".test.mjs"),
  ];
  await run(process.execPath, args, { cwd: ROOT, env, timeout: minutes * 60_000, failure });
}

async function cargo(what, args, env = {}) {
  // rustfmt prints colours whenever TERM names a terminal that has them.
  const terminal = process.stdout.isTTY ? {} : { TERM: "dumb" };
  await run("cargo", args, {
    cwd: ROOT,
    env: { ...process.env, ...terminal, ...env },
    failure: what,
  });
}
