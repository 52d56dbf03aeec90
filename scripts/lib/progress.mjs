// A progress bar: one line that is written over in a terminal, or a line now and then in a file.

import { duration, print } from "./run.mjs";

/** Cells of the bar. */
const WIDTH = 24;
/** Milliseconds between two lines where there is no terminal. */
const QUIET = 10_000;

/** Returns a bar: `show(text, part)` draws it, `end()` leaves its line. */
export function bar() {
  const live = process.stdout.isTTY;
  let last = 0;
  let open = false;
  return {
    show(text, part) {
      if (live) {
        const filled = Math.round(Math.min(1, Math.max(0, part)) * WIDTH);
        const cells = "#".repeat(filled) + "-".repeat(WIDTH - filled);
        const line = `[${cells}] ${text}`.slice(0, (process.stdout.columns || 100) - 1);
        process.stdout.write(`\r\x1b[K${line}`);
        open = true;
      } else if (Date.now() - last >= QUIET) {
        last = Date.now();
        print(text);
      }
    },
    end() {
      if (open) process.stdout.write("\n");
      open = false;
    },
  };
}

/** Returns the time that is left, judged by the time so far, or nothing if nobody can know. */
export function eta(done, all, minutes) {
  if (done === 0 || done >= all) return "";
  return `${duration((minutes / done) * (all - done) * 60_000)} left`;
}
