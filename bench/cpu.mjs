// The CPU time of processes, from Linux's /proc.

import fs from "node:fs";

/**
 * The CPU time of a process and its descendants, in ms. The scheduler's figure is exact to the
 * microsecond, but does not contain threads that have ended.
 */
export function cpuOf(pid) {
  let tree = 0;
  for (const id of [pid, ...descendants(pid)]) {
    const threads = fs.readdirSync(`/proc/${id}/task`);
    for (const thread of threads) {
      try {
        tree +=
          Number(fs.readFileSync(`/proc/${id}/task/${thread}/schedstat`, "utf8").split(" ")[0]) /
          1e6;
      } catch {
        // the thread has just ended
      }
    }
  }
  return tree;
}

function descendants(pid) {
  const children = fs.readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return fs
        .readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
        .split(" ")
        .filter(Boolean)
        .map(Number);
    } catch {
      return [];
    }
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}
