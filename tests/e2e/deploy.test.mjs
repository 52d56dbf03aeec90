// How `npm run deploy` calls wrangler, tested with a mock wrangler: the arguments, and how
// PUBLIC_URL is set.
//
// Not here: what wrangler does with the arguments (`npm run deploy -- --dry-run`, a part of `npm
// test`), set-up and build.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { deploy } from "../../scripts/lib/deployment.mjs";
import { readText } from "../../scripts/lib/project.mjs";

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-deploy-test-"));
after(() => fs.rmSync(directory, { recursive: true }));

// Records its arguments, writes the output file as wrangler does, and exits with the next exit
// code.
const MOCK = path.join(directory, "wrangler.mjs");
fs.writeFileSync(
  MOCK,
  `import fs from "node:fs";
const { calls, targets, codes } = JSON.parse(process.env.MOCK);
fs.appendFileSync(calls, JSON.stringify(process.argv.slice(2)) + "\\n");
const number = fs.readFileSync(calls, "utf8").trim().split("\\n").length;
const write = (entry) => fs.appendFileSync(process.env.WRANGLER_OUTPUT_FILE_PATH, JSON.stringify(entry) + "\\n");
write({ type: "wrangler-session" });
if (!codes[number - 1]) write({ type: "deploy", targets });
process.exit(codes[number - 1] ?? 0);
`,
);

let runs = 0;

/**
 * Deploys with the mock wrangler. Returns `{ code, calls, printed }`: the arguments of each call, and
 * the output.
 *
 * @typedef {object} Deploy
 * @property {string[]} [args]
 * @property {string[] | null} [targets]
 * @property {number[]} [codes]
 * @property {string} [toml]
 * @property {NodeJS.ProcessEnv} [env]
 *
 * @param {import("node:test").TestContext} t
 * @param {Deploy} [options]
 */
async function run(
  t,
  {
    args = [],
    targets = ["https://switchboard.example.workers.dev"],
    codes = [],
    toml = readText("wrangler.toml"),
    env = {},
  } = {},
) {
  runs += 1;
  const calls = path.join(directory, `calls-${runs}`);
  const lines = [];
  t.mock.method(console, "log", (line) => lines.push(line));
  const options = {
    wrangler: [process.execPath, MOCK],
    cwd: directory,
    env: { ...process.env, ...env, MOCK: JSON.stringify({ calls, targets, codes }) },
    toml,
  };
  const code = await deploy(args, options);
  t.mock.restoreAll();
  return {
    code,
    calls: fs
      .readFileSync(calls, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
    printed: lines.join("\n"),
  };
}

test("a Worker without PUBLIC_URL is deployed again with its address, and the line that avoids this is printed", async (t) => {
  const args = ["--minify"];
  const { code, calls, printed } = await run(t, { args });
  assert.equal(code, 0);
  assert.deepEqual(calls, [
    ["deploy", ...args],
    ["deploy", ...args, "--var", "PUBLIC_URL:https://switchboard.example.workers.dev"],
  ]);
  assert.match(printed, /^ {2}PUBLIC_URL = "https:\/\/switchboard\.example\.workers\.dev"$/m);
});

test("a Worker of another name gets its own address, and not the PUBLIC_URL of wrangler.toml", async (t) => {
  const toml = 'name = "switchboard"\n[vars]\nPUBLIC_URL = "https://sms.example.com"\n';
  const own = "PUBLIC_URL:https://staging.example.workers.dev";
  for (const args of [["--name", "staging"], ["--name=staging"]]) {
    const { calls, printed } = await run(t, {
      args,
      toml,
      targets: ["https://staging.example.workers.dev"],
    });
    assert.deepEqual(calls[1], ["deploy", ...args, "--var", own]);
    assert.ok(printed.endsWith(`npm run deploy -- ${args.join(" ")} --var ${own}`), printed);
  }
  assert.equal((await run(t, { args: ["--name", "staging", "--var", own], toml })).calls.length, 1);
  assert.equal((await run(t, { args: ["--name", "switchboard"], toml })).calls.length, 1);
});

test("an environment gets its own address, and not the PUBLIC_URL of the others", async (t) => {
  const toml =
    '[vars]\nPUBLIC_URL = "https://sms.example.com"\n[env.staging.vars]\nMAX_SEGMENTS = "10"\n';
  const own = "PUBLIC_URL:https://switchboard.example.workers.dev";
  for (const args of [["--env", "staging"], ["--env=staging"], ["-e", "staging"]]) {
    const { calls, printed } = await run(t, { args, toml });
    assert.deepEqual(calls[1], ["deploy", ...args, "--var", own]);
    assert.match(printed, /add this line to \[env\.staging\.vars\] of wrangler\.toml/);
  }
  const inTheEnvironment = await run(t, { toml, env: { CLOUDFLARE_ENV: "staging" } });
  assert.equal(inTheEnvironment.calls.length, 2);
  assert.equal((await run(t, { toml, env: { CLOUDFLARE_ENV: "" } })).calls.length, 1);
});

test("a custom domain is an address too", async (t) => {
  const { calls } = await run(t, { targets: ["sms.example.com (custom domain)"] });
  assert.deepEqual(calls[1], ["deploy", "--var", "PUBLIC_URL:https://sms.example.com"]);
});

/** @type {Record<string, Deploy>} */
const UNCHANGED = {
  "PUBLIC_URL in wrangler.toml": { toml: '[vars]\nPUBLIC_URL = "https://sms.example.com"\n' },
  "PUBLIC_URL in an environment of wrangler.toml": {
    args: ["--env", "staging"],
    toml: '[env.staging.vars]\nPUBLIC_URL = "https://sms.example.com"\n',
  },
  "PUBLIC_URL as an argument": { args: ["--var", "PUBLIC_URL:https://sms.example.com"] },
  "a trial": { args: ["--dry-run"], targets: null },
  "a Worker without any address": { targets: [] },
};

for (const [what, options] of Object.entries(UNCHANGED)) {
  test(`${what}: wrangler runs once, with unchanged arguments`, async (t) => {
    const { code, calls, printed } = await run(t, options);
    assert.deepEqual([code, calls, printed], [0, [["deploy", ...(options.args ?? [])]], ""]);
  });
}

test("PUBLIC_URL in a comment of wrangler.toml sets nothing", async (t) => {
  assert.equal(
    (await run(t, { toml: '# PUBLIC_URL = "https://sms.example.com"\n' })).calls.length,
    2,
  );
});

test("with several addresses none is chosen, and the line to add is printed", async (t) => {
  for (const targets of [
    ["https://switchboard.example.workers.dev", "sms.example.com (custom domain)"],
    ["sms.example.com/* (zone name: example.com)"],
  ]) {
    const { code, calls, printed } = await run(t, { targets });
    assert.deepEqual([code, calls.length], [0, 1]);
    assert.match(
      printed,
      /^PUBLIC_URL is not set, and the Worker does not have exactly one origin: .*example/m,
    );
    assert.match(printed, /^ {2}PUBLIC_URL = "https:\/\/(switchboard\.example\.workers\.dev|…)"$/m);
  }
});

test("a failed deploy is not repeated, and a failed second deploy is reported", async (t) => {
  const first = await run(t, { codes: [3] });
  assert.deepEqual([first.code, first.calls.length], [3, 1]);
  const second = await run(t, { codes: [0, 4] });
  assert.deepEqual([second.code, second.calls.length], [4, 2]);
  assert.match(second.printed, /deployed without PUBLIC_URL/);
});

test("the output file that the caller set for wrangler is used, and its earlier contents are ignored", async (t) => {
  const output = path.join(directory, "output.ndjson");
  fs.writeFileSync(
    output,
    `${JSON.stringify({ type: "deploy", targets: ["https://another.example"] })}\n`,
  );
  const { calls } = await run(t, { env: { WRANGLER_OUTPUT_FILE_PATH: output } });
  assert.deepEqual(calls[1].slice(-1), ["PUBLIC_URL:https://switchboard.example.workers.dev"]);
  assert.equal(
    fs
      .readFileSync(output, "utf8")
      .split("\n")
      .filter((line) => line.includes('"deploy"')).length,
    3,
  );
});
