// The words of the page: names of personas, statuses, endings, marks, times and costs.

import { duration } from "../dom.js";

/** The statuses of a batch: words, and the look of their badge. */
export const STATUSES = {
  running: ["Running", "live"],
  waits_for_budget: ["Waits for budget", "warn"],
  waits_for_line: ["Waits for the line", "live"],
  paused: ["Paused", "warn"],
  cancelled: ["Cancelled", "off"],
  finished: ["Finished", "good"],
};

/** Why a conversation ended. */
export const REASONS = {
  goodbye: "Goodbye",
  handed_off: "Handed over",
  turns: "Limit of lines",
  seconds: "Limit of time",
  repetition: "Repetition",
  requests: "Requests used up",
  model_failed: "Model failed",
  configuration: "File is gone",
  call_failed: "Call failed",
  one_leg: "One leg only",
  leg_lost: "Leg lost",
  cancelled: "Cancelled",
};

/** What is special about a line. */
export const MARKS = {
  interrupted: "cut off",
  interrupts: "cuts in",
  misheard_name: "mishears the name",
  wrong_order_number: "gives a wrong number",
  topic_change: "changes the topic",
  silence: "says nothing",
  impatience: "is impatient",
  goodbye: "says goodbye",
  cut_off: "the call ended",
};

/** The modes of a batch. */
export const MODES = {
  text: "Two personas",
  assistant: "An assistant and a persona",
  call: "Two personas on the phone",
};

/** How a criterion turned out. */
export const RESULT_WORDS = { met: "Met", not_met: "Not met", no_proof: "No proof" };

const BY = {
  agent: "the agent",
  customer: "the customer",
  limit: "a limit",
  operator: "the operator",
  failure: "a failure",
};

/** How a conversation ended, as a sentence. */
export function endingSentence({ by, reason }) {
  const words = REASONS[reason] ?? spaced(reason);
  return `Ended by ${BY[by] ?? by}: ${words.toLowerCase()}.`;
}

/** A name of a file or field as words. */
export function spaced(name) {
  const words = name.replaceAll(/[_-]/g, " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** "1 run", "2 runs". */
export function some(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

/** A length of time in ms, in minutes if it is long. */
export function span(ms) {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return duration(Math.round(ms)).replace(".0 s", " s");
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** A date and a time of day. */
export function moment(text) {
  return new Date(text).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/** What something has cost. */
export function costWords({ estimated_cost: cost, model_requests: requests }) {
  const asked = some(requests, "request");
  return cost === null ? asked : `${asked}, cost ${cost.toFixed(4)}`;
}

/** A share of one, in per cent. */
export function perCent(share) {
  return `${(share * 100).toFixed(1).replace(/\.0$/, "")} %`;
}

/** The title of a batch. */
export function batchTitle({ batch, label }, progress) {
  if (label) return label;
  return progress ? spaced(progress.plan.scenario) : `Batch ${batch.slice(0, 8)}`;
}

/** Returns `nameOf(id)`: the name of a persona, or the id of anything else that talks. */
export function namesIn({ agents, customers }) {
  const names = new Map([...agents, ...customers].map(({ id, name }) => [id, name]));
  return (id) => names.get(id) ?? id;
}
