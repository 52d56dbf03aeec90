// The log lines of a deployed Worker, from what `wrangler tail --format json` prints.
//
// Not here: running wrangler (operate).

/** Lines that are kept, so that a page that stays open does not grow without end. */
const KEPT = 500;

/** Reads the output of `wrangler tail` line by line, and keeps the newest of the Worker's log lines. */
export class TailReader {
  /** @type {string[]} The lines of the event that is not complete yet. */
  #event = [];
  /** @type {object[]} */
  #lines = [];
  #count = 0;

  /**
   * Takes one line that wrangler has printed. An event is JSON over several lines: the first is `{`,
   * the last `}`. Everything else is wrangler talking, and is skipped.
   *
   * @param {string} line
   */
  read(line) {
    if (line === "{") this.#event = [line];
    else if (this.#event.length) this.#event.push(line);
    if (line !== "}" || !this.#event.length) return;
    const text = this.#event.join("\n");
    this.#event = [];
    for (const found of linesIn(text)) {
      this.#lines.push(found);
      this.#count += 1;
    }
    this.#lines.splice(0, this.#lines.length - KEPT);
  }

  /**
   * The lines after the first `seen` ones, and how many there were so far.
   *
   * @param {number} seen
   */
  after(seen) {
    const kept = Math.max(0, Math.min(this.#lines.length, this.#count - seen));
    return { lines: this.#lines.slice(this.#lines.length - kept), seen: this.#count };
  }
}

// The log lines of one event, which are JSON objects, and the names of its exceptions.
function linesIn(text) {
  const event = parsed(text);
  const messages = (event?.logs ?? []).flatMap(({ message }) => message);
  const lines = messages.map(parsed).filter((line) => line && typeof line === "object");
  const exceptions = (event?.exceptions ?? []).map(({ name, timestamp }) => ({
    event: "exception",
    name,
    time: new Date(timestamp).toISOString(),
  }));
  return [...lines, ...exceptions];
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
