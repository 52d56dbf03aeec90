// The files of the personas and scenarios: reading them, bundling them with the Worker, and checking
// them.
//
// As with assistants, the Worker reads them as text, and the same WebAssembly that is deployed
// checks them here. Not here: what a file may say (src/config/personas).

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inRoot } from "./project.mjs";

/**
 * A file: its path in the project and its text.
 *
 * @typedef {{ path: string, text: string }} PersonaFile
 *
 * What the Worker says about all files.
 * @typedef {{ id: string, name?: string, about: string, detail: string }} Summary
 * @typedef {{ errors: import("./assistants.mjs").FileError[], agents: Summary[],
 *   customers: Summary[], scenarios: Summary[] }} Check
 */

const FOLDERS = ["personas/agents", "personas/customers", "scenarios"];

/**
 * Reads all files, in the order of their paths.
 *
 * @returns {PersonaFile[]}
 */
export function readPersonas() {
  return FOLDERS.flatMap((folder) => {
    const dir = inRoot(...folder.split("/"));
    const files = fs.existsSync(dir) ? fs.readdirSync(dir).sort() : [];
    return files
      .filter((file) => file.endsWith(".toml"))
      .map((file) => ({
        path: `${folder}/${file}`,
        text: fs.readFileSync(path.join(dir, file), "utf8"),
      }));
  });
}

/**
 * The files as a flat list: a path, its text, the next path, and so on.
 *
 * @param {PersonaFile[]} files
 */
export function pairsOf(files) {
  return files.flatMap(({ path, text }) => [path, text]);
}

/**
 * Has the built Worker read the files.
 *
 * @param {string} outDir
 * @param {PersonaFile[]} files
 * @returns {Promise<Check>}
 */
export async function checkPersonas(outDir, files) {
  const { checkPersonas: check } = await import(pathToFileURL(path.join(outDir, "check.js")).href);
  return JSON.parse(check(pairsOf(files)));
}
