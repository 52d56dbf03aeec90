// One build of `npm start`, in a process of its own: `npm run build -- --development`.
//
// The process of its own can be stopped when a file changes again, and what it has loaded to check
// the files of assistants goes away with it. What the compiler prints is shown as it is.

import { stripVTControlCharacters } from "node:util";
import { inRoot } from "./project.mjs";
import { start } from "./run.mjs";

/** The longest detail that is told. */
const MAX_DETAIL = 300;

/**
 * Begins a build. `result` is a promise of `{ built, detail }`: whether there is a new version, and
 * otherwise in one line what is wrong. `stop` ends the build.
 */
export function startBuild() {
  // Its output goes through a pipe, and keeps its colours.
  const colours = process.stderr.isTTY ? { CARGO_TERM_COLOR: "always" } : {};
  const running = start(process.execPath, [inRoot("scripts", "build.mjs"), "--development"], {
    env: { ...process.env, ...colours },
    stdio: ["ignore", "inherit", "pipe"],
  });
  let output = "";
  running.child.stderr?.setEncoding("utf8").on("data", (text) => {
    output += text;
    process.stderr.write(text);
  });
  return {
    result: running.ended.then(({ code }) => ({ built: code === 0, detail: firstError(output) })),
    stop: () => running.stop(),
  };
}

// The first error in the output of a build, in one line.
function firstError(output) {
  const lines = stripVTControlCharacters(output)
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const line = lines.find((line) => /^error\b/.test(line)) ?? lines[0] ?? "the build failed";
  return line.slice(0, MAX_DETAIL);
}
