// `npm test`: everything that is checked, in order, stopping at the first failure. `npm run lint`, `test:native`, `docs`,
// `test:e2e` and `test:browser` are its parts; .ci/run and the CI workflow call exactly `npm test`.

import os from "node:os";
import path from "node:path";
import { build } from "./build.mjs";
import { buildPlayground, WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { filesBelow, inRoot, NODE_BIN, ROOT, readText, rustToolchain } from "./lib/project.mjs";
import { command, duration, run, say, UserError } from "./lib/run.mjs";
import { setUpBrowser, setUpNode, setUpRust, setUpWasmTools } from "./setup.mjs";

// By name: the command that runs the part alone, and what it does.
const PARTS = {
  lint: ["npm run lint", lint],
  native: ["npm run test:native", native],
  docs: ["npm run docs", docs],
  build: ["npm run build", () => build()],
  deploy: ["npm run deploy -- --dry-run", deployDryRun],
  e2e: ["npm run test:e2e", endToEnd],
  browser: ["npm run test:browser", inBrowser],
};

const E2E_MINUTES = 30;
const BROWSER_MINUTES = 20;

/** A part that this machine cannot run. Asked for alone, that is a failure; among all others it is said at the end. */
class NotRun extends UserError {}

await command(async (names) => {
  const unknown = names.find((name) => !PARTS[name]);
  if (unknown)
    throw new UserError(
      `there is no part called ${unknown}; there are ${Object.keys(PARTS).join(", ")}.`,
    );
  await setUpNode();
  await setUpRust();
  await setUpWasmTools();

  const summary = [];
  const began = Date.now();
  for (const name of names.length ? names : Object.keys(PARTS)) {
    const [alone, part] = PARTS[name];
    const started = Date.now();
    say(`\n==== ${alone}`);
    try {
      await part();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (error instanceof NotRun && !names.length) {
        say(`not run: ${error.message}`);
        summary.push(`  not run  ${alone}  (${error.message})`);
        continue;
      }
      summary.push(`  FAILED  ${alone}  (${duration(Date.now() - started)})`);
      say(`\n${summary.join("\n")}`);
      throw new UserError(`${error.message}\nTo run this part alone: ${alone}`);
    }
    summary.push(`  passed  ${alone}  (${duration(Date.now() - started)})`);
  }
  const all = summary.some((line) => line.startsWith("  not run"))
    ? "All that was run passed"
    : "All passed";
  say(`\n${summary.join("\n")}\n\n${all} in ${duration(Date.now() - began)}.`);
});

async function lint() {
  await cargo("formatting (`cargo fmt` puts it right)", ["fmt", "--all", "--check"]);
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
    "the formatting and lint of JavaScript (`npm run format` corrects what it can)",
    ["@biomejs", "biome", "bin", "biome"],
    ["check", "--error-on-warnings"],
  );
  for (const lock of ["package-lock.json", "bench/package-lock.json"]) {
    if (/"resolved": "http/.test(readText(lock))) {
      throw new UserError(
        `${lock} holds addresses of a registry. Remove it, and make it anew with the .npmrc beside it.`,
      );
    }
  }
}

// Runs a program of the npm packages.
async function javascriptTool(failure, file, args) {
  const program = inRoot("node_modules", ...file);
  await run(process.execPath, [program, ...args], { cwd: ROOT, failure });
}

async function native() {
  await cargo("the native tests", ["test", "--locked", "--workspace"]);
}

async function docs() {
  await cargo(
    "the docs build",
    ["doc", "--locked", "--no-deps", "--workspace", "--document-private-items"],
    { RUSTDOCFLAGS: "-D warnings" },
  );
}

async function deployDryRun() {
  await run(WRANGLER[0], [...WRANGLER.slice(1), "deploy", "--dry-run"], {
    cwd: ROOT,
    env: wranglerEnv(),
    failure: "the trial deploy",
  });
}

async function endToEnd() {
  await build();
  await build({ features: "panic-route", outDir: "build/panic-route" });
  await buildPlayground();
  const files = filesBelow("tests/e2e", ".test.mjs");
  // Every file has Workers of its own, each with a runtime that wants a core. Two at the least: one file mostly waits.
  const concurrency = Math.max(2, Math.floor(os.availableParallelism() / 2));
  const args = [
    "--no-warnings",
    "--test",
    `--test-concurrency=${concurrency}`,
    "--test-timeout=600000",
    "--test-reporter=spec",
    ...files,
  ];
  await run(path.join(NODE_BIN, "node"), args, {
    cwd: ROOT,
    timeout: E2E_MINUTES * 60_000,
    failure: "the end-to-end tests",
  });
}

async function inBrowser() {
  const { program, missing } = await setUpBrowser();
  if (!program) throw new NotRun(`no Chromium: ${missing}`);
  await build();
  await buildPlayground();
  const args = [
    "--no-warnings",
    "--test",
    "--test-concurrency=1",
    "--test-timeout=600000",
    "--test-reporter=spec",
    ...filesBelow("tests/browser", ".test.mjs"),
  ];
  const env = { ...process.env, CHROMIUM: program };
  await run(path.join(NODE_BIN, "node"), args, {
    cwd: ROOT,
    env,
    timeout: BROWSER_MINUTES * 60_000,
    failure: "the browser tests",
  });
}

async function cargo(what, args, env = {}) {
  // rustfmt colours whatever a terminal type is known for.
  const terminal = process.stdout.isTTY ? {} : { TERM: "dumb" };
  await run("cargo", args, {
    cwd: ROOT,
    env: { ...process.env, ...terminal, ...env },
    failure: what,
  });
}
