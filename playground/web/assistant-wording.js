// The words of the tab "Assistant": facts about a file, and what is wrong in it.

import { element } from "./dom.js";

/** What is wrong, as a sentence: `model must not be blank.` */
export function problemOf({ field, problem }) {
  return `${field ? `${field} ` : "this "}${problem}.`;
}

/** What the assistant is, beside its prompt and model. */
export function factsOf({ summary, values }) {
  if (!summary) return [];
  return [
    ["answers", summary.numbers.join(", ") || "every number of no other assistant"],
    ["language", values?.language ?? "as in default"],
    ["tools", summary.tools.join(", ") || "none"],
    ["intake", summary.intake > 0 && `${summary.intake} fields`],
    ["hand-off", summary.hand_off && "yes"],
    ["deployed", summary.local_only && "no, local only"],
  ]
    .filter(([, value]) => value)
    .map(([name, value]) => element("span", {}, `${name} `, element("b", {}, value)));
}

/** What the settings in .dev.vars have to do with the file. Without them nothing is known. */
export function settingsNotes({ replaced_by: replacing, secrets }, settings) {
  if (settings.size === 0) return [];
  const replaced = replacing.filter((name) => settings.has(name));
  const missing = secrets.filter((name) => !settings.has(name));
  return [
    replaced.length > 0 &&
      `${replaced.join(" and ")} in .dev.vars replaces what this file says. Remove it there to use the file.`,
    missing.length > 0 &&
      `${missing.join(" and ")} is not set in .dev.vars. Without it the Worker answers 503.`,
  ]
    .filter((words) => words !== false)
    .map((words) => element("p", { class: "warn" }, words));
}
