// The heat map: a measure of the scores for each agent with each customer.
//
// A cell is a button, which filters by its pair. The arrow keys go from cell to cell.

import { element, hidden } from "../dom.js";
import { byPair, MEASURES } from "./numbers.js";
import { some } from "./wording.js";

/** The lowest value of each shade. */
const SHADES = [0, 20, 40, 60, 80];

/**
 * Creates the heat map. `choose(agent, customer)` is called for a cell. Returns `{ element,
 * show(runs, nameOf) }`.
 */
export function heatMap(choose) {
  let latest = () => {};
  const measure = element(
    "select",
    { id: "measure", onchange: () => latest() },
    Object.entries(MEASURES).map(([value, { label }]) => element("option", { value }, label)),
  );
  const empty = element("p", { class: "quiet" }, "No run has scores yet.");
  const table = element("table", { class: "heat", onkeydown: move });
  const scroller = element(
    "div",
    { class: "heat-scroll", role: "group", "aria-label": "Table of scores", tabIndex: 0 },
    table,
  );
  const legend = element(
    "p",
    { class: "heat-legend", "aria-hidden": "true" },
    SHADES.map((from, at) =>
      element("span", { "data-shade": at }, `${from}–${at === 4 ? 100 : from + 19}`),
    ),
  );

  function move(event) {
    const steps = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const step = steps[event.key];
    const from = event.target.closest("td");
    if (!step || !from) return;
    event.preventDefault();
    const lines = [...table.tBodies[0].rows].map((row) => [...row.querySelectorAll("td")]);
    let row = lines.findIndex((cells) => cells.includes(from));
    let column = lines[row].indexOf(from);
    // Over pairs without a run.
    for (;;) {
      row += step[0];
      column += step[1];
      const cell = lines[row]?.[column];
      if (!cell) return;
      const button = cell.querySelector("button");
      if (button) return focus(button);
    }
  }

  function focus(button) {
    for (const other of table.querySelectorAll("button")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  }

  function show(runs, nameOf) {
    latest = () => show(runs, nameOf);
    const { agents, customers, cell } = byPair(runs, measure.value);
    const isEmpty = agents.length === 0;
    empty.hidden = !isEmpty;
    scroller.hidden = isEmpty;
    legend.hidden = isEmpty;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.pair;
    table.replaceChildren(
      element("caption", { class: "hidden" }, `${MEASURES[measure.value].label} by pair`),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("td", {}),
          customers.map((id) => element("th", { scope: "col" }, element("span", {}, nameOf(id)))),
        ),
      ),
      element(
        "tbody",
        {},
        agents.map((agent) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, nameOf(agent)),
            customers.map((customer) => cellOf(agent, customer, cell(agent, customer), nameOf)),
          ),
        ),
      ),
    );
    const buttons = [...table.querySelectorAll("button")];
    const again = buttons.find(({ dataset }) => dataset.pair === focused);
    if (again && focused) focus(again);
    else if (buttons[0]) buttons[0].tabIndex = 0;
  }

  function cellOf(agent, customer, known, nameOf) {
    if (!known) return element("td", {}, hidden("no run"));
    const { value, count } = known;
    const button = element(
      "button",
      {
        type: "button",
        tabIndex: -1,
        title: `${nameOf(agent)} and ${nameOf(customer)}: ${value} (${some(count, "run")})`,
        onclick: () => choose(agent, customer),
      },
      String(value),
      hidden(`, ${some(count, "run")}`),
    );
    button.dataset.pair = `${agent}|${customer}`;
    button.dataset.shade = String(SHADES.findLastIndex((from) => value >= from));
    return element("td", {}, button);
  }

  return {
    element: element(
      "section",
      { class: "card heat-card", "aria-labelledby": "heat-title" },
      element(
        "div",
        { class: "heat-head" },
        element("h3", { id: "heat-title" }, "Scores by pair"),
        element(
          "div",
          { class: "field" },
          element("label", { for: "measure" }, "Measure"),
          measure,
        ),
      ),
      empty,
      scroller,
      legend,
    ),
    show,
  };
}
