// The time line of a transcript: a lane for each speaker, with a block for each line.

import { element } from "../dom.js";
import { some, span } from "./wording.js";

const SVG = "http://www.w3.org/2000/svg";
/** Units of the drawing, which is stretched to the width of the page. */
const WIDTH = 1000;
const LANE = 22;
const GAP = 6;
/** The least width of a block. A scripted line takes no time. */
const LEAST = 4;

/**
 * The time line. A click on a block calls `choose(n)` with the number of its line. The list of lines
 * says the same, so screen readers get only a summary.
 */
export function laneView(turns, choose) {
  if (turns.length === 0) return undefined;
  const begun = Date.parse(turns[0].started_at);
  const all = Math.max(1, Date.parse(turns.at(-1).ended_at) - begun);
  const at = (time) => ((Date.parse(time) - begun) / all) * (WIDTH - LEAST);
  const drawing = made("svg", {
    viewBox: `0 0 ${WIDTH} ${2 * LANE + GAP}`,
    preserveAspectRatio: "none",
    class: "lanes",
    role: "img",
    "aria-label": summary(turns, all),
  });
  for (const [speaker, y] of [
    ["agent", 0],
    ["customer", LANE + GAP],
  ]) {
    drawing.append(made("rect", { x: 0, y, width: WIDTH, height: LANE, class: "lane" }));
    for (const turn of turns.filter((one) => one.speaker === speaker)) {
      const x = at(turn.started_at);
      const block = made("rect", {
        x,
        y,
        width: Math.max(LEAST, at(turn.ended_at) - x),
        height: LANE,
        class: `block ${speaker}${turn.marks.length ? " marked" : ""}`,
      });
      block.addEventListener("click", () => choose(turn.n));
      drawing.append(block);
    }
  }
  return element(
    "div",
    { class: "lane-box" },
    element("span", { class: "lane-name", "aria-hidden": "true" }, "Agent"),
    drawing,
    element("span", { class: "lane-name", "aria-hidden": "true" }, "Customer"),
    element(
      "span",
      { class: "lane-scale", "aria-hidden": "true" },
      element("span", {}, "0 s"),
      element("span", { class: "mark" }, "has a mark"),
      span(all),
    ),
  );
}

function summary(turns, all) {
  const lines = (speaker) => some(turns.filter((turn) => turn.speaker === speaker).length, "line");
  return `The conversation took ${span(all)}: ${lines("agent")} of the agent, ${lines("customer")} of the customer.`;
}

function made(tag, attributes) {
  const drawn = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) drawn.setAttribute(name, String(value));
  return drawn;
}
