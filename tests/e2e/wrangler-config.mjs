// The configuration files of a Worker in the tests: wrangler.toml and .dev.vars.

import fs from "node:fs";
import { inRoot, readText } from "../../scripts/lib/project.mjs";

/**
 * Returns the project's wrangler.toml with another `main` and without `[build]` and `[vars]`, and the
 * variables in `[vars]`.
 */
export function deployedConfiguration(build) {
  const main = inRoot(build, "index.js");
  if (!fs.existsSync(main))
    throw new Error(`${build} has no build of the Worker; run \`npm run test:e2e\``);
  const sections = readText("wrangler.toml").split(/^(?=\[)/m);
  const vars = sections.find((section) => section.startsWith("[vars]")) ?? "";
  const kept = sections.filter((section) => !/^\[(vars|build)\]/.test(section)).join("");
  return {
    toml: kept.replace(/^main = .*$/m, `main = ${JSON.stringify(main)}`),
    vars: Object.fromEntries(
      [...vars.matchAll(/^(\w+) = (".*")$/gm)].map(([, name, value]) => [name, JSON.parse(value)]),
    ),
  };
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
