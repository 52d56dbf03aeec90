// The notes of a release: a section of CHANGELOG.md.
//
// Not here: publishing them (.github/workflows/release.yml).

import { UserError } from "./run.mjs";

/**
 * Returns the notes of the release with this tag, from the text of CHANGELOG.md. Throws unless the
 * tag is that of `version` and its section has a date.
 *
 * @param {string} changelog
 * @param {string} tag
 * @param {string} version the version in package.json
 */
export function releaseNotes(changelog, tag, version) {
  if (tag !== `v${version}`)
    throw new UserError(
      `the tag ${tag} is not the version of package.json: tag v${version}, or change the version first.`,
    );
  const section = changelog.split(/^(?=## )/m).find((text) => text.startsWith(`## [${version}]`));
  const [heading, ...lines] = section?.split("\n") ?? [];
  if (!heading)
    throw new UserError(`CHANGELOG.md has no section ## [${version}]: write what is new.`);
  if (!/ - \d{4}-\d{2}-\d{2}$/.test(heading))
    throw new UserError(
      `CHANGELOG.md: "${heading}" has no date. Write the day of the release: ## [${version}] - 2026-11-28`,
    );
  const notes = lines.join("\n").trim();
  if (!notes) throw new UserError(`CHANGELOG.md: the section ## [${version}] is empty.`);
  return notes;
}
