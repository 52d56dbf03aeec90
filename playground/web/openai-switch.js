// The switch between the mock and the real OpenAI, in the head of the page. It shows what
// `npm start` has told (playground/src/launcher.rs), and asks it for a change.

import { element, request } from "./dom.js";

/** The explanation of each one, by what the Worker asks. */
const WHY = {
  mock: "Answers come from a mock on this machine. They cost nothing.",
  real: "Answers come from OpenAI, with the key in .dev.vars. Each one costs money.",
  other: "OPENAI_BASE_URL in .dev.vars names it. To choose here, remove it there.",
  nobody: "There is no OPENAI_API_KEY in .dev.vars, so the Worker answers 503.",
};
const HOW = "For real answers, set OPENAI_API_KEY in .dev.vars to your own key of OpenAI.";

/** Fills `place`. Returns `{ told(told) }`, which takes what `npm start` has told, or null. */
export function openAiSwitch(place) {
  // A person is asked once whether it may cost money.
  let hasAgreed = false;
  const why = element("p", {});
  const options = ["mock", "real"].map((value) =>
    element("input", {
      type: "radio",
      name: "openai",
      id: `openai-${value}`,
      value,
      onchange: () => chosen(value),
    }),
  );
  const labels = ["Mock: free", "Real: costs money"];
  const choices = element(
    "fieldset",
    {},
    element("legend", {}, "The Worker asks"),
    options.map((option, index) =>
      element(
        "p",
        { class: "choice" },
        option,
        element("label", { for: option.id }, labels[index]),
      ),
    ),
  );
  const sure = element(
    "button",
    { type: "button", class: "button danger", onclick: agree },
    "Use the real one",
  );
  const question = element(
    "div",
    { class: "question", role: "group", "aria-label": "Real OpenAI", hidden: true },
    element("p", {}, "OpenAI bills each answer to the key in .dev.vars. Use the real one?"),
    element(
      "div",
      { class: "actions" },
      sure,
      element("button", { type: "button", class: "button", onclick: stay }, "Stay with the mock"),
    ),
  );
  const problem = element("p", { class: "problem", role: "alert" });
  const panel = element(
    "div",
    { id: "openai-panel", class: "openai-panel", popover: "auto" },
    why,
    choices,
    question,
    problem,
  );
  const title = element("button", {
    type: "button",
    class: "button openai-switch",
    popoverTargetElement: panel,
    hidden: true,
  });
  place.append(title, panel);
  let current;

  function chosen(value) {
    if (value === "real" && !hasAgreed) {
      question.hidden = false;
      sure.focus();
    } else ask(value);
  }

  function agree() {
    hasAgreed = true;
    question.hidden = true;
    ask("real");
    title.focus();
  }

  function stay() {
    question.hidden = true;
    showChoice();
    options[0].focus();
  }

  async function ask(value) {
    problem.textContent = "";
    try {
      await request("PUT", "/playground/openai", { openai: value });
    } catch (error) {
      problem.textContent = error.message;
      showChoice();
    }
  }

  function showChoice() {
    const wanted = current?.starting ?? current?.asked;
    for (const option of options) {
      option.checked = option.value === wanted;
      option.disabled = Boolean(current?.starting);
    }
  }

  return {
    told(told) {
      title.hidden = !told;
      if (!told) return;
      current = told.openai;
      const { asked, starting, can_switch: canSwitch } = current;
      const kind = typeof asked === "string" ? asked : "other";
      const words = { nobody: "no key" }[kind] ?? (kind === "other" ? asked.other : kind);
      title.textContent = starting ? `OpenAI: ${words}, switching` : `OpenAI: ${words}`;
      title.dataset.kind = kind;
      const how = !canSwitch && kind !== "other" ? ` ${HOW}` : "";
      why.textContent = WHY[kind] + how;
      choices.hidden = !canSwitch;
      problem.textContent = current.problem ?? "";
      showChoice();
    },
  };
}
