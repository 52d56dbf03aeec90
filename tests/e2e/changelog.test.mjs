// The notes of a release, cut from CHANGELOG.md, and the tags that are refused.
//
// Not here: the workflow that publishes them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { releaseNotes } from "../../scripts/lib/changelog.mjs";
import { readText } from "../../scripts/lib/project.mjs";

const CHANGELOG = `# Changelog

Words about it.

## [0.2.0] - unreleased

### Added

- Something later.

## [0.1.0] - 2026-11-28

### Added

- The first thing.

### Changed

- The second thing.

## [0.0.1] - 2026-01-01

## [0.0.10] - 2026-02-01

- Something older.
`;

test("the notes are the section of the version, without its heading and without the next one", () => {
  assert.equal(
    releaseNotes(CHANGELOG, "v0.1.0", "0.1.0"),
    "### Added\n\n- The first thing.\n\n### Changed\n\n- The second thing.",
  );
});

/** @type {[string, string, string, RegExp][]} */
const REFUSED = [
  ["a tag of another version", "v0.1.1", "0.1.0", /v0\.1\.1 is not the version .* tag v0\.1\.0/],
  ["a tag without the v", "0.1.0", "0.1.0", /tag v0\.1\.0/],
  ["a section without a date", "v0.2.0", "0.2.0", /has no date/],
  ["an empty section", "v0.0.1", "0.0.1", /is empty/],
  ["a version without a section", "v0.3.0", "0.3.0", /has no section ## \[0\.3\.0\]/],
];

for (const [what, tag, version, message] of REFUSED) {
  test(`${what} is refused, with what to do`, () => {
    assert.throws(() => releaseNotes(CHANGELOG, tag, version), { message });
  });
}

test("the changelog of this project has notes for its version once that has a date", () => {
  const { version } = JSON.parse(readText("package.json"));
  const dated = readText("CHANGELOG.md").replace(/ - unreleased$/m, " - 2026-11-28");
  assert.match(releaseNotes(dated, `v${version}`, version), /^### Added\n/);
});
