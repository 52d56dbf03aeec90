// The filters above the runs, the order of the list, and the download.

import { element } from "../dom.js";
import { choicesIn, cleared, isFiltered, ORDERS } from "./filters.js";
import { REASONS, RESULT_WORDS, some, spaced } from "./wording.js";

/**
 * Creates the bar. `actions`: `filter(changes)`, `order(name)`, and `download()`, which returns a
 * promise of words. Returns `{ element, show(filters, runs, matched, nameOf) }`.
 */
export function filterBar(actions) {
  const choices = {};
  const fields = [
    ["agent", "Agent", "All agents"],
    ["customer", "Customer", "All customers"],
    ["reason", "Ending", "All endings"],
    ["criterion", "Criterion", "Any criterion"],
    ["result", "Result", "Any result"],
  ].map(([name, label, none]) => {
    const choice = element("select", {
      id: `filter-${name}`,
      onchange: () => actions.filter({ [name]: choice.value }),
    });
    choices[name] = { choice, none };
    return field(label, choice);
  });
  const order = element(
    "select",
    { id: "order", onchange: () => actions.order(order.value) },
    Object.entries(ORDERS).map(([value, { label }]) => element("option", { value }, label)),
  );
  const clear = element(
    "button",
    {
      type: "button",
      class: "button small",
      onclick() {
        actions.filter(cleared(""));
        choices.agent.choice.focus();
      },
    },
    "Clear filters",
  );
  const count = element("p", { class: "match-count", role: "status" });
  const said = element("p", { class: "quiet", role: "status" });
  const download = element("button", { type: "button", class: "button small", onclick: save });

  async function save() {
    download.disabled = true;
    said.textContent = "";
    try {
      said.textContent = await actions.download((words) => {
        said.textContent = words;
      });
    } catch (error) {
      said.textContent = error.message;
    } finally {
      download.disabled = false;
      download.focus();
    }
  }

  function offer(name, values, chosen, wordsOf) {
    const { choice, none } = choices[name];
    // A value that no run has any more stays chosen until somebody clears it.
    const all = chosen && !values.includes(chosen) ? [...values, chosen] : values;
    const key = all.join("|");
    if (choice.dataset.key !== key) {
      choice.dataset.key = key;
      choice.replaceChildren(
        element("option", { value: "" }, none),
        ...all.map((value) => element("option", { value }, wordsOf(value))),
      );
    }
    choice.value = chosen;
  }

  return {
    element: element(
      "section",
      { class: "card filter-bar", "aria-label": "Filters" },
      element("div", { class: "filters" }, fields, field("Order", order)),
      element(
        "div",
        { class: "filter-foot" },
        count,
        element("div", { class: "batch-buttons" }, clear, download),
      ),
      said,
    ),
    show(filters, runs, matched, nameOf) {
      const values = choicesIn(runs);
      offer("agent", values.agent, filters.agent, nameOf);
      offer("customer", values.customer, filters.customer, nameOf);
      offer("reason", values.reason, filters.reason, (value) => REASONS[value] ?? spaced(value));
      offer("criterion", values.criterion, filters.criterion, spaced);
      offer("result", Object.keys(RESULT_WORDS), filters.result, (value) => RESULT_WORDS[value]);
      clear.hidden = !isFiltered(filters);
      const words = isFiltered(filters)
        ? `${matched.length.toLocaleString("en")} of ${some(runs.length, "run")} match`
        : `${some(runs.length, "run")} ended`;
      if (count.textContent !== words) count.textContent = words;
      download.textContent = `Download ${some(matched.length, "transcript")}`;
      download.hidden = matched.length === 0;
    },
  };
}

function field(text, input) {
  return element("div", { class: "field" }, element("label", { for: input.id }, text), input);
}
