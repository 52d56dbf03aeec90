// The frame of a measurement: it starts the subjects, goes through them in rounds, and collects the
// figures.

import { print } from "../scripts/lib/run.mjs";
import { message } from "./load.mjs";
import { startModel, startSubject } from "./servers.mjs";

/**
 * Starts the subjects and a model for them, runs `body`, and stops them in any case.
 *
 * @param {string[]} names
 * @param {(subjects: any[], model: any) => Promise<any>} body
 * @param {import("./servers.mjs").SubjectOptions} [options]
 */
export async function withSubjects(names, body, options = {}) {
  const model = await startModel();
  const subjects = [];
  try {
    for (const name of names) subjects.push(await startSubject(name, { model, ...options }));
    return await body(subjects, model);
  } finally {
    await Promise.all([...subjects, model].map((program) => program.close()));
  }
}

/**
 * Measures every subject once per round. Before the first round each is warmed up, by default with
 * a measurement that is discarded.
 */
export async function inRounds(plan, subjects, measure, warmUp = measure) {
  const rows = rowsOf(subjects);
  for (const subject of subjects) await warmUp(subject, 0);
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const [index, subject] of subjects.entries())
      add(rows[index], await measure(subject, round));
    print(`  round ${round} of ${plan.rounds}`);
  }
  return rows;
}

export function rowsOf(subjects) {
  return subjects.map(({ name, title }) => ({ name, title, figures: {} }));
}

export function add({ figures }, measured) {
  for (const [key, value] of Object.entries(measured)) {
    figures[key] ??= [];
    figures[key].push(value);
  }
}

/**
 * `each` messages of every contact, in 20 lists, one per connection. A list goes through its
 * contacts again and again.
 */
export function conversations(subject, contacts, each, round) {
  const connections = Math.min(20, contacts);
  return Array.from({ length: connections }, (_, connection) => {
    const own = Array.from({ length: contacts }, (_, contact) => contact).filter(
      (contact) => contact % connections === connection,
    );
    return Array.from({ length: each }, () => own)
      .flat()
      .map((contact) => message(subject, { contact, to: recipient(round) }));
  });
}

/** A different number for every round, so that all conversations are new. */
export function recipient(round) {
  return `+155501${String(70_000_000 + round).padStart(8, "0")}`;
}

export function seconds(number) {
  return new Promise((resolve) => setTimeout(resolve, number * 1000));
}
