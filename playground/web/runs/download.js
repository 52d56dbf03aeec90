// Downloading transcripts as JSON Lines, exactly as the Worker writes them.

import { saveFile } from "../dom.js";
import { readRuns } from "./api.js";
import { PAGE } from "./store.js";
import { some } from "./wording.js";

/**
 * Reads the transcripts of these runs again and saves them as a file. `show(words)` is told how far
 * it is. Returns words for the end.
 *
 * @param {import("./store.js").Run[]} runs
 * @param {(words: string) => void} show
 */
export async function download(runs, show) {
  const lines = [];
  for (const [batch, wanted] of grouped(runs)) {
    const last = Math.max(...wanted.values());
    let after = Math.min(...wanted.values()) - 1;
    while (after < last) {
      const page = await readRuns(batch, after, PAGE);
      lines.push(...page.lines.filter((line) => wanted.has(JSON.parse(line).run)));
      if (page.after <= after) break;
      after = page.after;
      show(`${lines.length} of ${some(runs.length, "transcript")} read`);
    }
  }
  const batches = new Set(runs.map(({ batch }) => batch));
  const [first] = batches;
  save(`runs${batches.size === 1 ? `-${first.slice(0, 8)}` : ""}.jsonl`, lines);
  return `${some(lines.length, "transcript")} saved.`;
}

/** Saves lines as a file. @param {string} name @param {string[]} lines */
export function save(name, lines) {
  saveFile(
    name,
    lines.map((line) => `${line}\n`),
    "application/jsonl",
  );
}

// The places of the runs by their ids, by their batches.
function grouped(runs) {
  const batches = new Map();
  for (const { batch, id, place } of runs) {
    if (!batches.has(batch)) batches.set(batch, new Map());
    batches.get(batch).set(id, place);
  }
  return batches;
}
