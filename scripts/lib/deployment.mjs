// `wrangler deploy`, and seeing to it that the deployed Worker has a PUBLIC_URL: without one it takes the origin of each
// request for the one that Twilio was given, and so relies on Cloudflare to bring it its own requests only.
//
// Not here: set-up and build (deploy).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { say, start } from "./run.mjs";

/**
 * Runs `wrangler` (a program and its first arguments) with `deploy` and `args`, in `cwd` with `env`. `toml` is the text of
 * wrangler.toml. Returns the exit code.
 *
 * Which address the Worker gets is known when wrangler has said it: where nothing sets PUBLIC_URL, and the Worker has one
 * address, it is deployed once more with that. A Worker with several addresses gets advice instead: which one Twilio was
 * given is not known here.
 */
export async function deploy(args, { wrangler: [program, ...first], cwd, env, toml }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-deploy-"));
  const output = env.WRANGLER_OUTPUT_FILE_PATH || path.join(directory, "output.ndjson");
  const run = async (more) => {
    const before = textOf(output).length;
    // wrangler asks before it signs in or makes a namespace, so it keeps the terminal.
    const { code } = await start(program, [...first, "deploy", ...args, ...more], {
      cwd,
      env: { ...env, WRANGLER_OUTPUT_FILE_PATH: output },
    }).ended;
    return { code: code ?? 1, targets: targetsIn(textOf(output).slice(before)) };
  };
  try {
    const { code, targets } = await run([]);
    const name = otherName(args, toml);
    if (code !== 0 || !targets.length || isSet(args, name ? "" : toml)) return code;
    const origins = targets.map(originOf);
    if (origins.length > 1 || !origins[0]) {
      say(
        `\nPUBLIC_URL is not set, and the Worker has other addresses than one origin: ${targets.join(", ")}`,
      );
      say(
        `Set it to the one that Twilio is given, in [vars] of wrangler.toml, and deploy again:\n\n  PUBLIC_URL = "${origins.find(Boolean) ?? "https://…"}"`,
      );
      return 0;
    }
    const [origin] = origins;
    say(`\nPUBLIC_URL is not set: deploying once more with --var PUBLIC_URL:${origin}\n`);
    const again = await run(["--var", `PUBLIC_URL:${origin}`]);
    if (again.code !== 0)
      say(`\nThe Worker is deployed, but without PUBLIC_URL, as the second deploy failed.`);
    if (name)
      say(
        `\nTo spare the second deploy: npm run deploy -- ${args.join(" ")} --var PUBLIC_URL:${origin}`,
      );
    else
      say(
        `\nThis line in [vars] of wrangler.toml spares the second deploy:\n\n  PUBLIC_URL = "${origin}"`,
      );
    return again.code;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

// The name of another Worker than that of wrangler.toml, where the arguments give one: the PUBLIC_URL there is not its own.
function otherName(args, toml) {
  const given = args.flatMap((arg, index) =>
    arg === "--name" ? args.slice(index + 1, index + 2) : (arg.match(/^--name=(.+)$/)?.[1] ?? []),
  );
  return given.find((name) => name !== toml.match(/^name = "(.*)"$/m)?.[1]);
}

// Whether the arguments or any environment of wrangler.toml say what PUBLIC_URL is: then it is left to them.
function isSet(args, toml) {
  return args.some((arg) => /^(--var=)?PUBLIC_URL:/.test(arg)) || /^\s*PUBLIC_URL\s*=/m.test(toml);
}

// Where the Worker was deployed to, by what wrangler writes for programs, a line of JSON for each thing it did.
function targetsIn(text) {
  const entries = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return entries.filter(({ type }) => type === "deploy").flatMap(({ targets }) => targets ?? []);
}

// The origin that a target of wrangler's names: an address, or a custom domain. A route with a pattern has none.
function originOf(target) {
  const [, address, domain] =
    target.match(/^https:\/\/([\w.-]+)$|^([\w.-]+) \(custom domain[^)]*\)$/) ?? [];
  return (address || domain) && `https://${address ?? domain}`;
}

function textOf(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
}
