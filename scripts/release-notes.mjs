// `node scripts/release-notes.mjs v0.1.0` prints the notes of that release. The release workflow runs
// it: it fails unless the tag is the version of package.json, and CHANGELOG.md has a dated section.
//
// Uses only Node's own modules, so that it needs no set-up.

import { releaseNotes } from "./lib/changelog.mjs";
import { readText } from "./lib/project.mjs";
import { command, print, UserError } from "./lib/run.mjs";

await command(async (args) => {
  const [tag] = args;
  if (args.length !== 1 || tag.startsWith("-"))
    throw new UserError("give the tag of the release: node scripts/release-notes.mjs v0.1.0");
  const { version } = JSON.parse(readText("package.json"));
  print(releaseNotes(readText("CHANGELOG.md"), tag, version));
});
