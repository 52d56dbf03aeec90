// The command line of every npm command, in a fresh clone: without npm packages, cargo and network.
//
// Not here: what the commands do. A new script of package.json is tested here without a change.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { inRoot, playgroundBinary, readText } from "../../scripts/lib/project.mjs";
import { capture } from "../../scripts/lib/run.mjs";
import { Checkout } from "./commands.mjs";

/** These pass unknown options on to another program. */
const PASS_ON = ["deploy"];

/** @type {Record<string, string>} */
const SCRIPTS = JSON.parse(readText("package.json")).scripts;

const clone = new Checkout();
fs.rmSync(path.join(clone.directory, "node_modules"));
for (const name of ["bench", "rust-toolchain.toml", "wrangler.toml"])
  fs.cpSync(inRoot(name), path.join(clone.directory, name), {
    recursive: true,
    filter: (file) => path.basename(file) !== "node_modules",
  });
const before = files();

after(() => clone.remove());

for (const [name, script] of Object.entries(SCRIPTS)) {
  test(`${name} --help and -h print the help in a fresh clone`, async () => {
    const long = await npmScript(script, ["--help"]);
    assert.deepEqual([long.code, long.stderr], [0, ""]);
    const [usage, about] = long.stdout.split("\n\n");
    assert.ok(
      usage.startsWith(["start", "test"].includes(name) ? `npm ${name}` : `npm run ${name}`),
    );
    assert.match(about, /^[A-Z].*\.$/s, "a sentence says what it does");
    assert.match(long.stdout, /^ {2}--help +print this$/m);
    assert.match(long.stdout, /^Exit code: 0 /m);
    assert.deepEqual(await npmScript(script, ["-h"]), long);
    assert.deepEqual(files(), before);
  });

  if (PASS_ON.includes(name)) continue;
  test(`${name} refuses an option that it does not know, before it does anything`, async () => {
    const unknown = await npmScript(script, ["--no-such-option"]);
    assert.deepEqual([unknown.code, unknown.stdout], [2, ""]);
    assert.match(unknown.stderr, /^\nerror: unknown option --no-such-option; see --help\.\n$/);
    const near = await npmScript(script, ["--hepl"]);
    assert.deepEqual([near.code, near.stdout], [2, ""]);
    assert.match(near.stderr, /^\nerror: unknown option --hepl; did you mean --help\?\n$/);
    assert.deepEqual(files(), before);
  });
}

for (const [name, args, message] of /** @type {[string, string[], string][]} */ ([
  ["start", ["--prot", "8080"], "unknown option --prot; did you mean --port?"],
  ["start", ["--port"], "--port needs a value; see --help."],
  [
    "start",
    ["--port", "--public"],
    "--port needs a value; one that starts with a dash is written as --port=VALUE.",
  ],
  ["start", ["--port", "0"], "--port must be a port number, 1 to 65535."],
  ["start", ["--public=yes"], "--public takes no value."],
  ["operate", ["--port", "x"], "--port must be a port number, 0 to 65535; 0 takes any free port."],
  ["call", ["--dial", "lost"], '--dial must be answered, busy, no-answer, not "lost".'],
  ["setup", ["now"], 'unexpected argument "now": this command takes none; see --help.'],
  ["test", ["brwser"], 'there is no part "brwser"; did you mean browser?'],
  ["say", ["Hello", "--chanel", "rcs"], "unknown option --chanel; did you mean --channel?"],
  [
    "build",
    ["--development", "--features", "x"],
    "--development takes neither --features nor --out-dir.",
  ],
])) {
  test(`${name} ${args.join(" ")} is refused with a sentence`, async () => {
    const { code, stdout, stderr } = await npmScript(SCRIPTS[name], args);
    assert.deepEqual([code, stdout, stderr], [2, "", `\nerror: ${message}\n`]);
  });
}

test("an option's value is not repeated, because it may be a secret", async () => {
  const { code, stderr } = await npmScript(SCRIPTS.admin, ["usage", "--token=planted"]);
  assert.equal(code, 2);
  assert.doesNotMatch(stderr, /planted/);
});

test("the help of say lists every option of the program that reads them", async () => {
  const program = await capture(playgroundBinary(), ["say", "--help"]);
  const { stdout } = await npmScript(SCRIPTS.say, ["--help"]);
  const options = [...program.stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)];
  assert.ok(options.length > 10);
  for (const [, option] of options) assert.match(stdout, new RegExp(`^ {2}${option} `, "m"));
});

// Runs a script of package.json, as npm does, with these arguments. No program is on PATH.
async function npmScript(script, args) {
  const [exec, node, ...command] = script.split(" ");
  assert.deepEqual([exec, node], ["exec", "node"]);
  return capture(process.execPath, [...command, ...args], {
    cwd: clone.directory,
    env: { PATH: clone.directory },
  });
}

function files() {
  return fs.readdirSync(clone.directory, { recursive: true }).sort();
}
