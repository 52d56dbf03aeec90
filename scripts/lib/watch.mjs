// Watching files: which of them changed, whatever the editor and the file system do.
//
// It looks at their times and sizes twice a second, which takes some milliseconds. The events of the
// operating system are cheaper, but they differ between editors, and do not cross the border of
// shared folders.

import fs from "node:fs";
import { filesBelow, inRoot } from "./project.mjs";

/** Milliseconds between two looks. */
const INTERVAL = 500;

/**
 * Calls `changed` with the paths of files that appeared, changed or went away, relative to the root.
 * `files` are single files and folders. Files that change while it is called count as well.
 *
 * @param {string[]} files
 * @param {(changed: string[]) => void} changed
 */
export function watchFiles(files, changed) {
  let before = look(files);
  const timer = setInterval(() => {
    const now = look(files);
    const names = [...new Set([...before.keys(), ...now.keys()])];
    const different = names.filter((name) => before.get(name) !== now.get(name));
    before = now;
    if (different.length > 0) changed(different);
  }, INTERVAL);
  return () => clearInterval(timer);
}

// The state of each file, by its path.
function look(files) {
  const states = new Map();
  for (const name of files.flatMap((file) => (isFolder(file) ? filesBelow(file) : [file]))) {
    const found = fs.statSync(inRoot(name), { throwIfNoEntry: false });
    if (found) states.set(name, `${found.mtimeMs} ${found.size}`);
  }
  return states;
}

function isFolder(file) {
  return fs.statSync(inRoot(file), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
