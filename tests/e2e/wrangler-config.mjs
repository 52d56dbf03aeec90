// The configuration files of a Worker in the tests: wrangler.toml and .dev.vars.

import fs from "node:fs";
import path from "node:path";
import { bundleAssistants } from "../../scripts/lib/assistants.mjs";
import { inRoot, readText } from "../../scripts/lib/project.mjs";
import { sectionsOf, varsOf, withMain } from "../../scripts/lib/wrangler-config.mjs";

/**
 * Returns the project's wrangler.toml with another `main` and without `[build]`, `[vars]` and environments, and
 * the variables in `[vars]`.
 *
 * @param {string} build the build of the Worker
 */
export function deployedConfiguration(build) {
  const main = path.resolve(inRoot(), build, "index.js");
  if (!fs.existsSync(main))
    throw new Error(`${build} has no build of the Worker; run \`npm run test:e2e\``);
  const toml = readText("wrangler.toml");
  const kept = sectionsOf(withMain(toml, main)).filter(
    (section) => !/^\[(vars\]|\[?env\.)/.test(section),
  );
  return { toml: kept.join(""), vars: varsOf(toml) };
}

/**
 * Makes the same build with other assistants in `dir`, and returns its path.
 *
 * @param {string} build
 * @param {Record<string, string>} assistants the files, by the assistants' names
 * @param {string} dir
 */
export function withAssistants(build, assistants, dir) {
  const out = path.join(dir, "build");
  fs.mkdirSync(out, { recursive: true });
  for (const file of ["index.js", "index_bg.wasm", "personas.js"])
    fs.copyFileSync(inRoot(build, file), path.join(out, file));
  const files = Object.entries(assistants).map(([name, text]) => ({ name, text }));
  bundleAssistants(out, files);
  return out;
}

/**
 * Returns the text of .dev.vars. All settings go there, because wrangler prints the values in `[vars]`.
 *
 * @param {Record<string, string | null>} settings
 */
export function dotenv(settings) {
  return Object.entries(settings)
    .flatMap(([name, value]) => (value === null ? [] : [line(name, value)]))
    .join("");
}

function line(name, value) {
  const quote = ["'", '"', "`"].find((mark) => !value.includes(mark));
  if (!quote || (quote === '"' && /\\[nr]/.test(value)))
    throw new Error(`${name}: this value cannot be written to .dev.vars`);
  return `${name}=${quote}${value}${quote}\n`;
}
