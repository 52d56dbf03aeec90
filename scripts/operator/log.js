// The newest lines of the Worker's log, filtered by what somebody types.

import { element } from "../../playground/web/dom.js";
import { ask, field } from "./ask.js";

/** Lines that the page keeps. */
const KEPT = 300;
/** Events and outcomes that an operator should look at. */
const BAD = /failed|rejected|unreadable|given_up|undeliverable|internal_error|exception|lost/;

/** Fills the card. Returns `show`, which fetches new lines; it does nothing without a log. */
export function logCard(card) {
  const filter = element("input", { type: "text", placeholder: "failed, or a phone_hash" });
  const list = element("ol", {
    class: "log-lines",
    tabIndex: 0,
    "aria-label": "Log lines, the newest first",
  });
  const note = element("p", { class: "quiet" }, "No line yet.");
  const find = field("log-filter", "Only lines with", filter);
  let seen = 0;
  let off = false;
  /** @type {any[]} */
  let lines = [];
  filter.addEventListener("input", draw);
  card.append(element("h2", { id: "log-title" }, "Log"), find, note, list);

  async function show() {
    if (off) return;
    const told = await ask("log", { seen });
    if (told.off) {
      off = true;
      find.hidden = true;
      list.hidden = true;
      note.replaceChildren(
        "Start the page with ",
        element("code", {}, "--log"),
        " to read the log here. It needs ",
        element("code", {}, "npx wrangler login"),
        ".",
      );
      return;
    }
    seen = told.seen;
    if (told.lines.length === 0) return;
    lines = [...told.lines.reverse(), ...lines].slice(0, KEPT);
    draw();
  }

  function draw() {
    const wanted = filter.value.trim().toLowerCase();
    const shown = lines.filter((line) => JSON.stringify(line).toLowerCase().includes(wanted));
    note.textContent =
      lines.length === 0 ? "No line yet." : `${shown.length} of ${lines.length} lines`;
    list.replaceChildren(...shown.map(entry));
  }
  return { show };
}

function entry(line) {
  const { time, event, ...rest } = line;
  const facts = Object.entries(rest).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
  return element(
    "li",
    { "data-state": BAD.test(JSON.stringify(line)) ? "bad" : "fine" },
    element("time", {}, String(time ?? "").slice(11, 19)),
    element("b", {}, event),
    facts.map(([name, value]) =>
      element("span", {}, element("span", { class: "quiet" }, `${name} `), value),
    ),
  );
}
