// Runs `wrangler deploy` and makes sure that the deployed Worker has a PUBLIC_URL. Without one, the
// Worker takes the origin of each request for the one that Twilio signs, and has to trust
// Cloudflare to route only its own requests to it.
//
// Not here: set-up and build (deploy).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { print, start } from "./run.mjs";
import { sectionsOf } from "./wrangler-config.mjs";

/**
 * Runs `wrangler` (a program and its first arguments) with `deploy` and `args`, in `cwd` with
 * `env`. `toml` is the text of wrangler.toml. Returns the exit code.
 *
 * Only wrangler knows which address the Worker gets. If nothing sets PUBLIC_URL and the Worker has
 * one address, it is deployed a second time with that address. If it has several, advice is printed
 * instead: this script cannot know which one Twilio uses.
 *
 * @param {string[]} args
 * @param {{ wrangler: string[], cwd: string, env: NodeJS.ProcessEnv, toml: string }} options
 */
export async function deploy(args, { wrangler: [program, ...first], cwd, env, toml }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-deploy-"));
  const output = env.WRANGLER_OUTPUT_FILE_PATH || path.join(directory, "output.ndjson");
  const run = async (more) => {
    const before = textOf(output).length;
    // wrangler asks questions, for example before it signs in, so it needs the terminal.
    const { code } = await start(program, [...first, "deploy", ...args, ...more], {
      cwd,
      env: { ...env, WRANGLER_OUTPUT_FILE_PATH: output },
    }).ended;
    return { code: code ?? 1, targets: targetsIn(textOf(output).slice(before)) };
  };
  try {
    const { code, targets } = await run([]);
    const name = otherName(args, toml);
    const section = settingsOf(args, env);
    if (code !== 0 || !targets.length || isSet(args, name ? "" : textOfSection(toml, section)))
      return code;
    const origins = targets.map(originOf);
    if (origins.length > 1 || !origins[0]) {
      print(
        `\nPUBLIC_URL is not set, and the Worker does not have exactly one origin: ${targets.join(", ")}`,
      );
      print(
        `In ${section} of wrangler.toml, set it to the origin that you give to Twilio, and deploy again:\n\n  PUBLIC_URL = "${origins.find(Boolean) ?? "https://…"}"`,
      );
      return 0;
    }
    const [origin] = origins;
    print(`\nPUBLIC_URL is not set: deploying again with --var PUBLIC_URL:${origin}\n`);
    const again = await run(["--var", `PUBLIC_URL:${origin}`]);
    if (again.code !== 0)
      print("\nThe Worker is deployed without PUBLIC_URL: the second deploy failed.");
    if (name)
      print(
        `\nTo avoid the second deploy next time: npm run deploy -- ${args.join(" ")} --var PUBLIC_URL:${origin}`,
      );
    else
      print(
        `\nTo avoid the second deploy next time, add this line to ${section} of wrangler.toml:\n\n  PUBLIC_URL = "${origin}"`,
      );
    return again.code;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
}

// The name that the arguments give, if it differs from wrangler.toml: the PUBLIC_URL there belongs
// to another Worker.
function otherName(args, toml) {
  return given(args, ["--name"]).find((name) => name !== toml.match(/^name = "(.*)"$/m)?.[1]);
}

// The section of wrangler.toml with the settings of the environment that is deployed.
function settingsOf(args, env) {
  const environment = given(args, ["--env", "-e"]).at(-1) ?? env.CLOUDFLARE_ENV;
  return environment ? `[env.${environment}.vars]` : "[vars]";
}

// The values of an option, by any of its names.
function given(args, names) {
  return args.flatMap((arg, index) => {
    const [name, ...value] = arg.split("=");
    if (!names.includes(name)) return [];
    return value.length ? value.join("=") : args.slice(index + 1, index + 2);
  });
}

function textOfSection(toml, header) {
  return sectionsOf(toml).find((section) => section.startsWith(`${header}\n`)) ?? "";
}

// Whether the arguments or these settings of wrangler.toml set PUBLIC_URL.
function isSet(args, settings) {
  return (
    args.some((arg) => /^(--var=)?PUBLIC_URL:/.test(arg)) || /^\s*PUBLIC_URL\s*=/m.test(settings)
  );
}

// The addresses of the deployed Worker, from wrangler's output file: one JSON object per line.
function targetsIn(text) {
  const entries = text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return entries.filter(({ type }) => type === "deploy").flatMap(({ targets }) => targets ?? []);
}

// The origin in a target that wrangler reports: an address or a custom domain. A route pattern has
// no origin.
function originOf(target) {
  const [, address, domain] =
    target.match(/^https:\/\/([\w.-]+)$|^([\w.-]+) \(custom domain[^)]*\)$/) ?? [];
  return (address || domain) && `https://${address ?? domain}`;
}

function textOf(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
}
