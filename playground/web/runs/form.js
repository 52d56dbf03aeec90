// The form that begins a batch. It asks for an estimate whenever something changes, and begins only
// what was estimated.

import { element } from "../dom.js";
import { createBatch, estimateBatch } from "./api.js";
import { MODES, some, spaced } from "./wording.js";

/** Ms without a change before an estimate is asked for. */
const SETTLED = 300;

/**
 * Creates the dialog. `begun(batch)` is called with the id of a new batch. Returns `{ open(told) }`,
 * where `told` is who can talk.
 */
export function batchForm(begun) {
  /** @type {import("./api.js").Cast} */
  let told = { cast: { agents: [], customers: [], scenarios: [] }, assistants: [] };
  // What was estimated last, as text, and the number of the newest question.
  let estimated = "";
  let asked = 0;
  let timer;

  const mode = select("mode", Object.entries(MODES));
  const scenario = select("scenario");
  const about = element("p", { class: "help", id: "scenario-about" });
  scenario.setAttribute("aria-describedby", about.id);
  const assistant = select("assistant");
  const pairing = select("pairing");
  const agent = select("agent");
  const customer = select("customer");
  const count = number("count", 1, 10_000, "10");
  const seed = number("seed", 0, Number.MAX_SAFE_INTEGER, "", "random");
  const perMinute = number("per-minute", 1, 600, "600");
  const atOnce = number("at-once", 1, 50, "10");
  const turns = number("turns", 2, 60, "", "as the scenario says");
  const label = element("input", {
    type: "text",
    id: "f-label",
    maxLength: 80,
    autocomplete: "off",
  });
  const score = check("score", true);
  const disturbances = check("disturbances", true);
  const record = check("record", false);
  const fieldOfRecord = checked(record, "Record the calls");
  const fieldOfAssistant = field("Assistant", assistant);
  const fieldOfAgent = field("Agent", agent);
  const fieldOfCustomer = field("Customer", customer);
  const fieldOfAtOnce = field("Run at once", atOnce);

  const estimate = element("p", { class: "estimate", role: "status" });
  const warning = element("p", { class: "warn", hidden: true });
  const problem = element("p", { class: "problem", role: "alert" });
  const begin = element("button", { type: "submit", class: "button primary" }, "Begin");
  const form = element(
    "form",
    { class: "batch-form", onsubmit: submit, oninput: changed, noValidate: true },
    element(
      "div",
      { class: "form-grid" },
      field("Scenario", scenario, about),
      field("Mode", mode),
      field("Conversations", count),
      fieldOfAssistant,
      field("Who talks", pairing),
      fieldOfAgent,
      fieldOfCustomer,
      field("Label", label),
      field("Seed", seed),
    ),
    element(
      "details",
      { class: "pairs" },
      element("summary", {}, "More settings"),
      element(
        "div",
        { class: "form-grid" },
        field("Begin in a minute", perMinute),
        fieldOfAtOnce,
        field("Lines at most", turns),
        element(
          "div",
          { class: "checks" },
          checked(score, "Judge the transcripts"),
          checked(disturbances, "Interruptions, silences and the like"),
          fieldOfRecord,
        ),
      ),
    ),
    element("div", { class: "estimate-box" }, element("h3", {}, "Estimate"), estimate, warning),
    problem,
    element(
      "div",
      { class: "actions" },
      element(
        "button",
        { type: "button", class: "button", onclick: () => dialog.close() },
        "Close",
      ),
      begin,
    ),
  );
  const dialog = element(
    "dialog",
    { class: "dialog", "aria-labelledby": "form-title", onclose: () => clearTimeout(timer) },
    element("h2", { id: "form-title" }, "New batch"),
    form,
  );
  document.body.append(dialog);

  function fill() {
    const { agents, customers, scenarios } = told.cast;
    options(
      scenario,
      scenarios.map(({ id }) => [id, spaced(id)]),
    );
    options(
      agent,
      agents.map(({ id, name, role }) => [id, `${name}, ${role}`]),
    );
    options(
      customer,
      customers.map(({ id, name }) => [id, name]),
    );
    options(
      assistant,
      told.assistants.map((name) => [name, name]),
    );
    mode.options[1].disabled = told.assistants.length === 0;
  }

  function arrange() {
    const withAssistant = mode.value === "assistant";
    const agents = withAssistant ? 1 : told.cast.agents.length;
    const pairs = agents * told.cast.customers.length;
    options(pairing, [
      ["random", "Random pairs"],
      ["all", `Each pair in turn (${some(pairs, "pair")})`],
      ["given", "The same two"],
    ]);
    const given = pairing.value === "given";
    fieldOfAssistant.hidden = !withAssistant;
    fieldOfAgent.hidden = !given || withAssistant;
    fieldOfCustomer.hidden = !given;
    const isCall = mode.value === "call";
    fieldOfRecord.hidden = !isCall;
    // There is one call at a time between the two numbers.
    fieldOfAtOnce.hidden = isCall;
    about.textContent = told.cast.scenarios.find(({ id }) => id === scenario.value)?.goal ?? "";
    begin.textContent = `Begin ${some(Number(count.value) || 0, "conversation")}`;
  }

  function planned() {
    const numberIn = (input) => (input.value.trim() === "" ? undefined : Number(input.value));
    const withAssistant = mode.value === "assistant";
    const isCall = mode.value === "call";
    const given = pairing.value === "given";
    const two = { agent: withAssistant ? undefined : agent.value, customer: customer.value };
    return {
      mode: mode.value,
      assistant: withAssistant ? assistant.value : undefined,
      scenario: scenario.value,
      personas: given ? two : undefined,
      pairing: given ? undefined : pairing.value,
      count: numberIn(count) ?? 0,
      per_minute: numberIn(perMinute),
      at_once: isCall ? undefined : numberIn(atOnce),
      seed: numberIn(seed),
      limits: { turns: numberIn(turns) },
      label: label.value.trim() || undefined,
      score: score.checked,
      disturbances: disturbances.checked,
      record: isCall ? record.checked : undefined,
    };
  }

  function changed() {
    arrange();
    estimated = "";
    begin.disabled = true;
    problem.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(ask, SETTLED);
  }

  async function ask() {
    asked += 1;
    const own = asked;
    const plan = planned();
    try {
      const answer = await estimateBatch(plan);
      if (own !== asked) return;
      show(answer);
      estimated = JSON.stringify(plan);
      begin.disabled = false;
    } catch (error) {
      if (own !== asked) return;
      estimate.textContent = "";
      warning.hidden = true;
      problem.textContent = error.message;
    }
  }

  function show(answer) {
    const {
      model_requests_at_most: most,
      model_requests_a_day: day,
      minutes_at_least: minutes,
    } = answer;
    const cost =
      answer.estimated_cost === null
        ? "The cost is unknown: the Worker has no prices."
        : `The cost is about ${answer.estimated_cost.toFixed(4)}.`;
    estimate.textContent = `At most ${some(most, "request")} to the model, in at least ${some(minutes, "minute")}. ${cost}${callCost(answer)}`;
    const limits = [
      most > day && `${some(day, "request")} (MAX_DAILY_CALLS)`,
      answer.call_minutes_at_most > answer.call_minutes_a_day &&
        `${some(answer.call_minutes_a_day, "minute")} of calls (MAX_DAILY_CALL_MINUTES)`,
    ].filter(Boolean);
    warning.hidden = limits.length === 0;
    warning.textContent = `The day has ${limits.join(" and ")}. When they are used up, the batch waits.`;
  }

  async function submit(event) {
    event.preventDefault();
    const plan = planned();
    if (JSON.stringify(plan) !== estimated) return;
    estimated = "";
    begin.disabled = true;
    try {
      const { batch } = await createBatch(plan);
      dialog.close();
      begun(batch);
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  return {
    open(known) {
      told = known;
      fill();
      changed();
      if (told.cast.scenarios.length === 0)
        problem.textContent =
          "The playground knows no scenarios. Start it with npm start, which passes their folder.";
      dialog.showModal();
    },
  };
}

// What the calls of a batch need at most. A batch without calls has none.
function callCost({ call_minutes_at_most: minutes, call_usd_at_most: dollars }) {
  if (minutes === undefined) return "";
  return ` The calls have at most ${some(minutes, "minute")} on both legs, which cost about $${dollars.toFixed(2)}.`;
}

function select(name, list = []) {
  const made = element("select", { id: `f-${name}` });
  options(made, list);
  return made;
}

// Offers other choices, and keeps what is chosen if it is still offered.
function options(choice, list) {
  const wanted = choice.value;
  choice.replaceChildren(...list.map(([value, text]) => element("option", { value }, text)));
  if (list.some(([value]) => value === wanted)) choice.value = wanted;
}

function number(name, min, max, value, placeholder = "") {
  return element("input", { type: "number", id: `f-${name}`, min, max, value, placeholder });
}

function check(name, on) {
  return element("input", { type: "checkbox", id: `f-${name}`, checked: on });
}

function checked(input, text) {
  return element("div", { class: "switch" }, input, element("label", { for: input.id }, text));
}

function field(text, input, ...more) {
  return element("div", { class: "field" }, element("label", { for: input.id }, text), input, more);
}
