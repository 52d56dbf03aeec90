// The chosen batch: how far it is, what it is to do, and its buttons.

import { element } from "../dom.js";
import { confirmed } from "./confirm.js";
import {
  batchTitle,
  costWords,
  MODES,
  moment,
  REASONS,
  STATUSES,
  some,
  spaced,
  span,
} from "./wording.js";

/**
 * Creates the head. `actions`: `control(id, action)` and `remove(id)` return promises. Returns
 * `{ element, show(listed, progress) }`. Without a batch, all of them are meant.
 */
export function batchHead(actions) {
  let id = "";
  let name = "";
  let count = 0;
  const title = element("h2", { id: "batch-title", tabIndex: -1 });
  const badge = element("span", { class: "state" });
  const bar = element("progress", { "aria-labelledby": "batch-title" });
  const text = element("p", { class: "batch-progress", role: "status" });
  const note = element("p", { class: "notice", hidden: true });
  const problem = element("p", { class: "problem", role: "alert" });
  const facts = element("dl", { class: "facts-list" });
  const button = (label, look, onclick) =>
    element("button", { type: "button", class: `button small ${look}`, onclick }, label);
  const pause = button("Pause", "", () => act(() => actions.control(id, "pause")));
  const resume = button("Resume", "", () => act(() => actions.control(id, "resume")));
  const cancel = button("Cancel", "", async () => {
    const question = "Runs that go on are ended, and no other one begins. This cannot be undone.";
    if (await confirmed(`Cancel “${name}”?`, question, "Cancel the batch"))
      act(() => actions.control(id, "cancel"));
  });
  const remove = button("Delete", "danger", async () => {
    const question = `${some(count, "transcript")} will be gone. This cannot be undone.`;
    if (await confirmed(`Delete “${name}”?`, question, "Delete the batch"))
      act(() => actions.remove(id));
  });
  const buttons = [pause, resume, cancel, remove];
  const plan = element(
    "details",
    { class: "pairs" },
    element("summary", {}, "What it is to do"),
    facts,
  );

  async function act(action) {
    problem.textContent = "";
    for (const one of buttons) one.disabled = true;
    try {
      await action();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      for (const one of buttons) one.disabled = false;
      // The button may be hidden now.
      if (document.activeElement === document.body) title.focus();
    }
  }

  function show(listed, progress) {
    id = listed?.batch ?? "";
    name = listed ? batchTitle(listed, progress) : "All batches";
    title.textContent = name;
    const [words, look] = STATUSES[progress?.status] ?? ["", ""];
    badge.textContent = words;
    badge.dataset.look = look;
    badge.hidden = !words;
    for (const one of [bar, text, plan, ...buttons]) one.hidden = !progress;
    note.hidden = progress?.status !== "waits_for_budget";
    if (!progress) return setText(text, "");
    count = progress.ended;
    const { status } = progress;
    pause.hidden = !["running", "waits_for_line"].includes(status);
    resume.hidden = !["paused", "waits_for_budget"].includes(status);
    cancel.hidden = ["finished", "cancelled"].includes(status);
    bar.max = progress.runs;
    bar.value = progress.ended;
    setText(text, progressWords(progress));
    note.textContent =
      "The day’s budget (MAX_DAILY_CALLS) has no room for another run. The batch goes on when there is room: tomorrow, or after npm run admin -- reset-budget.";
    const rows = factsOf(progress);
    const key = JSON.stringify(rows);
    if (facts.dataset.key === key) return;
    facts.dataset.key = key;
    facts.replaceChildren(
      ...rows.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]),
    );
  }

  return {
    element: element(
      "header",
      { class: "batch-head" },
      element(
        "div",
        { class: "batch-top" },
        element("div", { class: "batch-name" }, title, badge),
        element("div", { class: "batch-buttons" }, buttons),
      ),
      bar,
      text,
      note,
      problem,
      plan,
    ),
    show,
  };
}

// A screen reader repeats a status only if its text changes.
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

function progressWords(progress) {
  const { runs, running, ended, reasons, not_scored: unscored, cost } = progress;
  const failed = (reasons.model_failed ?? 0) + (reasons.configuration ?? 0);
  return [
    `${ended.toLocaleString("en")} of ${some(runs, "run")} ended`,
    running > 0 && `${running} running`,
    failed > 0 && `${failed} failed`,
    unscored > 0 && `${unscored} not scored`,
    costWords(cost),
    timeLeft(progress),
  ]
    .filter(Boolean)
    .join(", ");
}

function timeLeft({ status, runs, ended, created_at: begun, ended_at: over }) {
  if (over) return `took ${span(Date.parse(over) - Date.parse(begun))}`;
  if (status !== "running" || ended === 0) return "";
  const left = ((Date.now() - Date.parse(begun)) / ended) * (runs - ended);
  return `about ${span(Math.max(1000, Math.round(left / 1000) * 1000))} left`;
}

function factsOf({ batch, created_at: begun, plan, reasons }) {
  const { pairing, limits } = plan;
  const who = pairing.given
    ? `${agentOf(pairing.given.agent)} and ${pairing.given.customer}`
    : pairing.all
      ? "each agent with each customer"
      : "random pairs";
  return [
    ["Scenario", spaced(plan.scenario)],
    ["Mode", MODES[plan.mode] ?? plan.mode],
    ["Who talks", who],
    ["Begun", moment(begun)],
    ["Pace", `${plan.per_minute} a minute, ${plan.at_once} at once`],
    ["Limits", `${limits.turns} lines, ${limits.seconds} s`],
    ["Seed", String(plan.seed)],
    ["Scores", plan.score ? "yes" : "no"],
    ["Disturbances", plan.disturbed ? "yes" : "no"],
    [
      "Endings",
      Object.entries(reasons)
        .map(([reason, number]) => `${REASONS[reason] ?? reason} ${number}`)
        .join(", ") || "none yet",
    ],
    ["Id", batch],
  ];
}

function agentOf({ persona, assistant }) {
  return persona ?? assistant;
}
