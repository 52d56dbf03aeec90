// The files of the assistants: reading them, bundling them with the Worker, and checking them.
//
// The Worker reads the files as text, so a changed file needs no build of the Rust code. The check
// is the Worker's own: the same WebAssembly that is deployed reads the files here. Not here: what a
// file may say (src/config/assistants).

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { inRoot } from "./project.mjs";
import { UserError } from "./run.mjs";

/**
 * A file: its assistant's name and its text.
 *
 * @typedef {{ name: string, text: string }} AssistantFile
 *
 * What the Worker says about all files.
 * @typedef {{ file: string, line: number, field?: string, problem: string }} FileError
 * @typedef {{ setting: string, problem: string }} SettingError
 * @typedef {{ name: string, numbers: string[], model: string, tools: string[], intake: number,
 *   hand_off: boolean, local_only: boolean }} Summary
 * @typedef {{ errors: (FileError | SettingError)[], assistants: Summary[] }} Check
 */

/**
 * Reads all files of the directory, in the order of their names.
 *
 * @param {string} [dir]
 * @returns {AssistantFile[]}
 */
export function readAssistants(dir = inRoot("assistants")) {
  const files = fs.existsSync(dir) ? fs.readdirSync(dir).sort() : [];
  return files
    .filter((file) => file.endsWith(".toml"))
    .map((file) => ({
      name: file.slice(0, -".toml".length),
      text: fs.readFileSync(path.join(dir, file), "utf8"),
    }));
}

/**
 * Writes the files as a module for the Worker in `outDir`, if they have changed.
 *
 * @param {string} outDir
 * @param {AssistantFile[]} files
 * @returns {boolean} whether the module is new
 */
export function bundleAssistants(outDir, files) {
  const pairs = files.flatMap(({ name, text }) => [name, text]);
  return writeFileModule(outDir, "assistants.js", "assistantFiles", pairs);
}

/**
 * Writes a module that exports a function which returns texts, if it has changed.
 *
 * @param {string} outDir
 * @param {string} file
 * @param {string} name the function
 * @param {string[]} texts
 * @returns {boolean} whether the module is new
 */
export function writeFileModule(outDir, file, name, texts) {
  const module = path.join(outDir, file);
  const text = `export const ${name} = () => ${JSON.stringify(texts, null, 1)};\n`;
  if (fs.existsSync(module) && fs.readFileSync(module, "utf8") === text) return false;
  fs.writeFileSync(module, text);
  return true;
}

/**
 * Has the built Worker read the files, with these settings.
 *
 * @param {string} outDir
 * @param {AssistantFile[]} files
 * @param {Record<string, string>} settings
 * @returns {Promise<Check>}
 */
export async function checkAssistants(outDir, files, settings) {
  const { checkAssistants: check } = await import(
    pathToFileURL(path.join(outDir, "check.js")).href
  );
  const pairs = files.flatMap(({ name, text }) => [name, text]);
  return JSON.parse(check(settings, pairs));
}

/**
 * The errors of files among all errors.
 *
 * @param {Check} check
 * @returns {FileError[]}
 */
export function fileErrors({ errors }) {
  return errors.flatMap((error) => ("file" in error ? [error] : []));
}

/**
 * An error as an editor understands it: `file:line: field problem`.
 *
 * @param {FileError} error
 */
export function describeError({ file, line, field, problem }) {
  return `${file}:${line}: ${field ? `${field} ` : ""}${problem}`;
}

/**
 * Throws the errors of the files, if there are any.
 *
 * @param {FileError[]} errors
 */
export function rejectErrors(errors) {
  if (errors.length > 0) throw new UserError(errors.map(describeError).join("\n"));
}
