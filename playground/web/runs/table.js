// The list of runs. A row opens its transcript.

import { element, hidden } from "../dom.js";
import { inOrder } from "./batches.js";
import { REASONS, some, spaced, span } from "./wording.js";

/** Rows that are shown at first, and added by the button. */
const STEP = 50;
/** Endings that somebody should look at. */
const BAD = ["model_failed", "configuration", "repetition", "requests"];

/**
 * Creates the list. `open(run)` is called for a row. Returns `{ element, show(runs, nameOf) }`.
 */
export function runTable(open) {
  let limit = STEP;
  let latest = () => {};
  const rows = new Map();
  const body = element("tbody", {});
  const more = element("button", {
    type: "button",
    class: "button small",
    onclick() {
      limit += STEP;
      latest();
    },
  });
  const heading = (text, look) => element("th", { scope: "col", class: look }, text);
  const table = element(
    "table",
    { class: "run-table", "aria-labelledby": "runs-title" },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        heading("Run"),
        heading("Who"),
        heading("Ending"),
        heading("Lines", "wide number"),
        heading("90 % within", "wide number"),
        heading("Criteria", "criteria-met number"),
        heading("Satisfaction", "number"),
      ),
    ),
    body,
  );

  function rowOf(run, nameOf) {
    const known = rows.get(run.id);
    if (known) return known;
    const who = `${nameOf(run.agent)} and ${nameOf(run.customer)}`;
    const { metrics, scores, ended } = run;
    const criteria = Object.values(scores?.criteria ?? {});
    const made = element(
      "tr",
      { onclick: () => open(run) },
      element(
        "th",
        { scope: "row" },
        element(
          "button",
          { type: "button", class: "tool", "aria-label": `Open run ${run.number}: ${who}` },
          `#${run.number}`,
        ),
      ),
      element(
        "td",
        {},
        element("span", { class: "agent-name" }, nameOf(run.agent)),
        element("span", { class: "customer-name" }, nameOf(run.customer)),
      ),
      element(
        "td",
        {},
        element(
          "span",
          { class: "state", "data-look": BAD.includes(ended.reason) ? "bad" : "off" },
          REASONS[ended.reason] ?? spaced(ended.reason),
        ),
      ),
      element("td", { class: "wide number" }, String(metrics.turns)),
      element(
        "td",
        { class: "wide number" },
        metrics.turn_p90_ms === undefined ? none() : span(metrics.turn_p90_ms),
      ),
      element(
        "td",
        { class: "criteria-met number" },
        scores ? `${criteria.filter((met) => met === true).length}/${criteria.length}` : none(),
      ),
      element("td", { class: "number" }, scores ? String(scores.satisfaction.value) : none()),
    );
    rows.set(run.id, made);
    return made;
  }

  function show(runs, nameOf) {
    latest = () => show(runs, nameOf);
    inOrder(
      body,
      runs.slice(0, limit).map((run) => rowOf(run, nameOf)),
    );
    table.hidden = runs.length === 0;
    more.hidden = runs.length <= limit;
    const left = runs.length - limit;
    more.textContent = `Show ${some(Math.min(STEP, left), "more run")}`;
  }

  return {
    element: element(
      "section",
      { class: "card" },
      element("h3", { id: "runs-title" }, "Runs"),
      table,
      more,
    ),
    show,
    /** Forgets the rows, for example because the names are known now. */
    reset() {
      rows.clear();
      limit = STEP;
    },
  };
}

function none() {
  return [hidden("none"), element("span", { "aria-hidden": "true" }, "–")];
}
