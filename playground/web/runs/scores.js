// The scores of a transcript, with the quotes that they rest on.

import { element } from "../dom.js";
import { RESULTS } from "./filters.js";
import { RESULT_WORDS, spaced } from "./wording.js";

const RATINGS = [
  ["satisfaction", "Satisfaction"],
  ["churn_risk", "Risk that the customer leaves"],
  ["propensity_to_buy", "Inclination to buy"],
];
const RESOLUTIONS = {
  resolved: "Resolved",
  partly: "Resolved in part",
  unresolved: "Not resolved",
};
const MOODS = { "-2": "very bad", "-1": "bad", 0: "neutral", 1: "good", 2: "very good" };

/**
 * The scores. `asks(criterion)` is its question, if it is known. `lineOf(quote)` is the number of
 * the line with these words, and `choose(n)` goes there.
 */
export function scoreView(scores, { asks, lineOf, choose }) {
  if (!scores)
    return [
      element("p", { class: "quiet" }, "There are no scores: nobody judged this transcript."),
    ];
  const { sentiment } = scores;
  return [
    element(
      "p",
      { class: "outcome" },
      element(
        "span",
        { class: "state", "data-look": scores.resolution === "resolved" ? "good" : "warn" },
        RESOLUTIONS[scores.resolution] ?? scores.resolution,
      ),
      scores.escalated &&
        element("span", { class: "state", "data-look": "warn" }, "Asked for somebody else"),
    ),
    element(
      "ul",
      { class: "criteria" },
      Object.entries(scores.criteria).map(([name, verdict]) =>
        criterion(name, verdict, { asks, lineOf, choose }),
      ),
    ),
    element(
      "ul",
      { class: "bars ratings" },
      RATINGS.map(([name, label]) => rating(label, scores[name])),
    ),
    element(
      "dl",
      { class: "facts-list" },
      mood("The agent’s mood", sentiment.agent),
      mood("The customer’s mood", sentiment.customer),
      element("dt", {}, "Judged by"),
      element("dd", {}, `${scores.model}, prompt ${scores.prompt_version}`),
    ),
  ];
}

function criterion(name, { met, quote }, { asks, lineOf, choose }) {
  const [result] = Object.entries(RESULTS).find(([, value]) => value === met) ?? ["no_proof"];
  const looks = { met: "good", not_met: "bad", no_proof: "warn" };
  const line = quote && lineOf(quote);
  return element(
    "li",
    {},
    element("span", { class: "state", "data-look": looks[result] }, RESULT_WORDS[result]),
    element(
      "div",
      {},
      element("b", {}, spaced(name)),
      asks(name) && element("p", { class: "quiet" }, asks(name)),
      result === "no_proof" &&
        element(
          "p",
          { class: "quiet" },
          "The judge said yes, but its quote is not in the transcript.",
        ),
      quote &&
        element(
          "blockquote",
          {},
          element("q", {}, quote),
          line &&
            element(
              "button",
              { type: "button", class: "tool", onclick: () => choose(line) },
              `Line ${line}`,
            ),
        ),
    ),
  );
}

function rating(label, { value, because }) {
  const fill = element("i", {});
  fill.style.inlineSize = `${value}%`;
  return element(
    "li",
    {},
    element("span", {}, label),
    element("b", {}, String(value)),
    element("span", { class: "bar", "aria-hidden": "true" }, fill),
    because && element("span", { class: "quiet because" }, `Because of: ${spaced(because)}`),
  );
}

function mood(label, { start, end }) {
  return [element("dt", {}, label), element("dd", {}, `${MOODS[start]}, in the end ${MOODS[end]}`)];
}
