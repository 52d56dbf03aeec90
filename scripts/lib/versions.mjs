// The versions of the Worker that `npm start` runs: each is a folder in build/dev with all files of
// one build, and none of them ever changes. So a version can be built beside the one that runs, and
// the one that runs stays whole if that fails.
//
// Not here: how a version is compiled (compile), and how wrangler gets it (dev-worker).

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { bundleAssistants, writeFileModule } from "./assistants.mjs";
import { pairsOf } from "./personas.mjs";
import { inRoot, readText } from "./project.mjs";

/** The folder of what belongs to `npm start`, relative to the root. */
export const DEV_DIR = path.join("build", "dev");

/** The compiled Worker, without the files of assistants, personas and scenarios. */
export const COMPILED_DIR = path.join(DEV_DIR, "compiled");

/** The file with the name of the newest version. */
const NEWEST = inRoot(DEV_DIR, "newest");

const VERSIONS = inRoot(DEV_DIR, "versions");

/**
 * Adds the version of the compiled Worker with these files.
 *
 * @param {{ assistants: import("./assistants.mjs").AssistantFile[],
 *   personas: import("./personas.mjs").PersonaFile[] }} files
 */
export function addVersion({ assistants, personas }) {
  const texts = JSON.stringify([assistants, personas]);
  const compiled = readText(COMPILED_DIR, ".stamp");
  const name = crypto
    .createHash("sha256")
    .update(compiled)
    .update(texts)
    .digest("hex")
    .slice(0, 16);
  const dir = path.join(VERSIONS, name);
  if (!fs.existsSync(dir)) {
    // Renamed when it is complete, so that no version is ever half there.
    const unfinished = `${dir}.unfinished`;
    fs.rmSync(unfinished, { recursive: true, force: true });
    fs.mkdirSync(unfinished, { recursive: true });
    for (const file of ["index.js", "index_bg.wasm"])
      fs.copyFileSync(inRoot(COMPILED_DIR, file), path.join(unfinished, file));
    bundleAssistants(unfinished, assistants);
    writeFileModule(unfinished, "personas.js", "personaFiles", pairsOf(personas));
    fs.renameSync(unfinished, dir);
  }
  fs.writeFileSync(NEWEST, name);
}

/** The folder of the newest version that was built, or undefined if there is none. */
export function newestVersion() {
  if (!fs.existsSync(NEWEST)) return undefined;
  const dir = path.join(VERSIONS, fs.readFileSync(NEWEST, "utf8"));
  return fs.existsSync(dir) ? dir : undefined;
}

/**
 * Deletes all versions but that one.
 *
 * @param {string} dir
 */
export function keepOnly(dir) {
  for (const name of fs.readdirSync(VERSIONS)) {
    if (name !== path.basename(dir))
      fs.rmSync(path.join(VERSIONS, name), { recursive: true, force: true });
  }
}
