// What is known of the batches: the list, how far each is, and a summary of each run that has ended.
//
// Texts are not kept, because a batch can have 10,000 transcripts. They are read again when somebody
// opens or downloads one.

import { listBatches, readRuns, showBatch } from "./api.js";

/** Transcripts of one request. */
export const PAGE = 200;
/** Requests at the same time. */
const AT_ONCE = 4;

/**
 * A summary of a run.
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {string} batch
 * @property {number} place Its place in the batch, from 1: the order in which runs ended.
 * @property {number} number
 * @property {string} scenario
 * @property {string} agent
 * @property {string} customer
 * @property {string} mode
 * @property {{ by: string, reason: string }} ended
 * @property {Record<string, any>} metrics
 * @property {Record<string, any> | null} scores
 * @property {number} endedAt In ms.
 * @property {number[]} times How long its lines took, in ms. A scripted line takes no time.
 */

/** Creates the store. It knows nothing before `refresh`. */
export function newStore() {
  let batches = [];
  const progress = new Map();
  /** @type {Map<string, { after: number, complete: boolean, list: Run[] }>} */
  const runs = new Map();

  const isOver = (id) => {
    const known = progress.get(id);
    return ["finished", "cancelled"].includes(known?.status) && known.running === 0;
  };

  function forgetGone() {
    const ids = new Set(batches.map(({ batch }) => batch));
    for (const known of [progress, runs])
      for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
  }

  async function readNew(id, changed) {
    const known = runs.get(id) ?? { after: 0, complete: false, list: [] };
    runs.set(id, known);
    // What was over before this reading began has no new runs after it.
    const wasOver = isOver(id);
    for (let more = !known.complete; more; ) {
      const page = await readRuns(id, known.after, PAGE);
      const place = page.after - page.lines.length;
      known.list.push(...page.lines.map((line, at) => summaryOf(line, place + at + 1)));
      known.after = page.after;
      more = page.more;
      if (page.lines.length) changed();
    }
    known.complete ||= wasOver;
  }

  return {
    /** The batches, the newest first. */
    batches: () => batches,
    /** How far a batch is, if that is known. */
    progress: (id) => progress.get(id),
    /** The runs of these batches that have ended and are read. */
    runsOf: (ids) => ids.flatMap((id) => runs.get(id)?.list ?? []),
    isOver,
    /** Takes what a control route answered. */
    take: (told) => progress.set(told.batch, told),
    /** Forgets a batch that was deleted. */
    forget(id) {
      batches = batches.filter(({ batch }) => batch !== id);
      forgetGone();
    },
    /**
     * Reads what is new: the list, then how far the first `shown` batches and the chosen ones are,
     * then the runs of the chosen ones. `chosen` returns their ids, `changed` is called whenever
     * something new is known. Returns whether a batch goes on.
     */
    async refresh({ shown, chosen, changed }) {
      batches = await listBatches();
      forgetGone();
      changed();
      const first = batches.slice(0, shown).map(({ batch }) => batch);
      const wanted = [...new Set([...chosen().slice(0, shown), ...first])].filter(
        (id) => !isOver(id),
      );
      for (let at = 0; at < wanted.length; at += AT_ONCE) {
        const told = await Promise.all(wanted.slice(at, at + AT_ONCE).map(showBatch));
        for (const one of told) progress.set(one.batch, one);
        changed();
      }
      for (const id of chosen()) await readNew(id, changed);
      return batches.some(({ batch }) => progress.has(batch) && !isOver(batch));
    },
  };
}

/** @returns {Run} */
function summaryOf(line, place) {
  const { run, turns, personas, scores, ended, ...rest } = JSON.parse(line);
  const { batch, number, scenario, mode, metrics } = rest;
  const at = (time) => Date.parse(time);
  return {
    id: run,
    batch,
    place,
    number,
    scenario,
    agent: personas.agent,
    customer: personas.customer,
    mode,
    ended,
    metrics,
    scores: scores && { ...scores, criteria: verdicts(scores.criteria) },
    endedAt: at(turns.at(-1)?.ended_at ?? 0),
    times: turns.map((turn) => at(turn.ended_at) - at(turn.started_at)).filter((time) => time > 0),
  };
}

function verdicts(criteria) {
  return Object.fromEntries(Object.entries(criteria).map(([name, { met }]) => [name, met]));
}
