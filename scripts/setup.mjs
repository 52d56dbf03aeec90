// `npm run setup`: installs everything that a command needs and that git does not contain, except
// for the browser, which only its tests need.
//
// Every command calls the parts that it needs; a part that is already done returns at once. Here
// are the command and the local settings. The other parts are lib/setup-node, lib/setup-rust and
// lib/setup-browser.

import crypto from "node:crypto";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { readCommandLine } from "./lib/cli.mjs";
import { generatedKey } from "./lib/local.mjs";
import { SHOP_SECRETS } from "./lib/local-assistants.mjs";
import { inRoot, readText } from "./lib/project.mjs";
import { command, print } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust, setUpWasmTools } from "./lib/setup-rust.mjs";

const HELP = `npm run setup

Installs what the commands need and git does not contain: the npm packages, Rust and the tools for WebAssembly, and
.dev.vars with random keys. What is there already stays as it is. Every command does this by itself, as far as it needs it.

  --help   print this

Exit code: 0 if everything is there, 1 otherwise, 2 if the command line is wrong.`;

// A signing secret of the Standard Webhooks scheme.
function signingSecret() {
  return `whsec_${crypto.randomBytes(32).toString("base64")}`;
}

/**
 * Creates `.dev.vars` from `.dev.vars.example` with fresh random values. An existing file keeps what
 * it has. It only gains the secrets of the example assistants that it lacks.
 */
export function setUpDevVars() {
  const file = inRoot(".dev.vars");
  if (fs.existsSync(file)) return addShopSecrets(file);
  const values = {
    TWILIO_AUTH_TOKEN: crypto.randomBytes(16).toString("hex"),
    OPENAI_API_KEY: generatedKey(),
    PSEUDONYM_KEY: crypto.randomBytes(32).toString("hex"),
    ADMIN_TOKEN: crypto.randomBytes(32).toString("hex"),
    ...Object.fromEntries(SHOP_SECRETS.map((name) => [name, signingSecret()])),
  };
  const text = Object.entries(values).reduce((example, [name, value]) => {
    const line = new RegExp(`^${name}=.*$`, "m");
    if (!line.test(example)) throw new Error(`.dev.vars.example has no line ${name}=…`);
    return example.replace(line, `${name}=${value}`);
  }, readText(".dev.vars.example"));
  try {
    fs.writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (error.code === "EEXIST") return; // another command created it first
    throw error;
  }
  print(
    "set-up: created .dev.vars with fresh random keys for local development (ignored by git; edit it as you like)",
  );
}

// Without them, an example assistant would close the Worker. An empty value is left as it is.
function addShopSecrets(file) {
  const text = fs.readFileSync(file, "utf8");
  const missing = SHOP_SECRETS.filter((name) => !new RegExp(`^${name}=`, "m").test(text));
  if (missing.length === 0) return;
  const lines = missing.map((name) => `${name}=${signingSecret()}\n`);
  const newline = text === "" || text.endsWith("\n") ? "" : "\n";
  fs.appendFileSync(file, newline + lines.join(""));
  print(`set-up: added ${missing.join(", ")} to .dev.vars, for the example assistants`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async (args) => {
    if (!readCommandLine(args, {})) return print(HELP);
    await setUpNode();
    await setUpRust();
    await setUpWasmTools();
    setUpDevVars();
    print("set-up: complete");
  });
}
