// wrangler.toml as `npm start` and the tests change it: with another build of the Worker.

/**
 * The text of wrangler.toml in its sections: each begins with its own line, the first one with the
 * beginning of the file.
 *
 * @param {string} toml
 */
export function sectionsOf(toml) {
  return toml.split(/^(?=\[)/m);
}

/**
 * Returns wrangler.toml with `main`, and with its build as comments: it would replace `main`. The lines
 * keep their numbers.
 *
 * @param {string} toml
 * @param {string} main
 */
export function withMain(toml, main) {
  const sections = sectionsOf(toml).map((section) =>
    section.startsWith("[build]") ? section.replace(/^(?=.)/gm, "# ") : section,
  );
  return sections.join("").replace(/^main = .*$/m, () => `main = ${JSON.stringify(main)}`);
}

/**
 * The values in `[vars]`.
 *
 * @param {string} toml
 * @returns {Record<string, string>}
 */
export function varsOf(toml) {
  const vars = sectionsOf(toml).find((section) => section.startsWith("[vars]")) ?? "";
  return Object.fromEntries(
    [...vars.matchAll(/^(\w+) = (".*")$/gm)].map(([, name, value]) => [name, JSON.parse(value)]),
  );
}
