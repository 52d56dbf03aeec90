// Today's usage: how much of each cap is used, the other counts, and the reset of the budget.

import { element } from "../../playground/web/dom.js";
import { confirmed } from "../../playground/web/runs/confirm.js";
import { admin, button, facts, problemPlace } from "./ask.js";

const CAPS = [
  ["model_requests", "Requests to the model"],
  ["messages_sent", "Messages sent by REST"],
  ["call_minutes", "Minutes of calls"],
];

/** Fills the card. Returns `show`, which asks the Worker and shows the day. */
export function usageCard(card) {
  const day = element("p", { class: "quiet" });
  const damaged = element("p", { class: "warn", hidden: true });
  const meters = element("div", { class: "meters" });
  const others = element("div", {});
  const problem = problemPlace();
  const reset = button("Reset today’s budget", "", problem, async () => {
    const question =
      "A full day’s requests, messages and call minutes are allowed again. The other counts stay.";
    if (!(await confirmed("Reset today’s budget?", question, "Reset the budget"))) return;
    await admin("reset-budget");
    await show();
  });
  card.append(
    element("h2", { id: "usage-title" }, "Today"),
    day,
    damaged,
    meters,
    others,
    element("div", { class: "actions" }, reset),
    problem,
  );

  async function show() {
    const usage = await admin("usage");
    day.textContent = `${usage.day}, in UTC. The day ends at midnight UTC.`;
    damaged.hidden = !usage.budget_unreadable;
    damaged.textContent =
      "The stored count was damaged, so nothing is allowed until midnight UTC, or until you reset the budget.";
    meters.replaceChildren(...CAPS.map(([name, label]) => meter(label, usage[name])));
    others.replaceChildren(facts(otherCounts(usage)));
  }
  return { show };
}

function meter(label, { used, cap }) {
  const share = cap ? used / cap : 1;
  const state = share >= 1 ? "full" : share >= 0.8 ? "high" : "fine";
  const words = `${used} of ${cap}${share >= 1 ? ": used up" : ""}`;
  return element(
    "div",
    { class: "meter", "data-state": state },
    element("p", {}, element("span", {}, label), element("b", {}, words)),
    element("progress", { value: Math.min(used, cap), max: cap || 1, "aria-label": label }),
  );
}

function otherCounts({ messages_in, answers, tokens, estimated_cost, twilio, rejections }) {
  const refused = Object.entries(rejections).filter(([, count]) => count > 0);
  const words = refused.map(([kind, count]) => `${count} ${kind.replaceAll("_", " ")}`);
  return [
    ["Messages in", messages_in],
    ["Answers", `${answers.webhook} by webhook, ${answers.rest} by REST`],
    ["Tokens", `${tokens.prompt} prompt, ${tokens.completion} completion`],
    [
      "Estimated cost",
      estimated_cost === null ? "unknown: the Worker has no prices" : estimated_cost.toFixed(4),
    ],
    ["Reported by Twilio", `${twilio.errors} errors, ${twilio.warnings} warnings`],
    ["Rejections", words.join(", ") || "none"],
  ];
}
