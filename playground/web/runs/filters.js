// Which runs are shown: the filters, which runs match them, and how they are written in the page's
// address. Not here: how they look (filter-bar.js).

/** The batch of the filters that stands for all. */
export const ALL = "all";

/** How a criterion can turn out: the values of a filter, and those in the scores. */
export const RESULTS = { met: true, not_met: false, no_proof: null };

/**
 * @typedef {object} Filters
 * @property {string} batch The id of a batch, or `ALL`.
 * @property {string} agent
 * @property {string} customer
 * @property {string} reason How the run ended.
 * @property {string} criterion Without one, any criterion may have the result.
 * @property {string} result One of `RESULTS`.
 *
 * An empty text filters nothing.
 */

/** @type {Filters} */
const NONE = { batch: "", agent: "", customer: "", reason: "", criterion: "", result: "" };

/** The filters without anything but their batch. @param {string} batch */
export function cleared(batch) {
  return { ...NONE, batch };
}

/** Reads the filters in a query, such as `?batch=…&reason=goodbye`. @returns {Filters} */
export function filtersIn(query) {
  const read = new URLSearchParams(query);
  return Object.assign(
    { ...NONE },
    Object.fromEntries(Object.keys(NONE).map((name) => [name, read.get(name) ?? ""])),
  );
}

/** The query of the filters, without those that filter nothing. @param {Filters} filters */
export function queryOf(filters) {
  const set = Object.entries(filters).filter(([, value]) => value);
  return `?${new URLSearchParams(set)}`;
}

/** Whether anything but the batch is filtered. @param {Filters} filters */
export function isFiltered({ batch, ...rest }) {
  return Object.values(rest).some(Boolean);
}

/** The runs that match. @param {import("./store.js").Run[]} runs @param {Filters} filters */
export function matching(runs, { agent, customer, reason, criterion, result }) {
  return runs.filter(
    (run) =>
      (!agent || run.agent === agent) &&
      (!customer || run.customer === customer) &&
      (!reason || run.ended.reason === reason) &&
      hasResult(run.scores?.criteria, criterion, result),
  );
}

function hasResult(criteria, criterion, result) {
  if (!criterion && !result) return true;
  const known = Object.entries(criteria ?? {}).filter(([name]) => !criterion || name === criterion);
  return known.some(([, met]) => !result || met === RESULTS[result]);
}

/** The values that the runs have, for the choices of each filter. @param {import("./store.js").Run[]} runs */
export function choicesIn(runs) {
  const values = (of) => [...new Set(runs.flatMap(of))].sort();
  return {
    agent: values(({ agent }) => agent),
    customer: values(({ customer }) => customer),
    reason: values(({ ended }) => ended.reason),
    criterion: values(({ scores }) => Object.keys(scores?.criteria ?? {})),
  };
}

/** The orders of the list of runs, each with its comparison. */
export const ORDERS = {
  newest: { label: "Newest first", compare: (one, other) => other.endedAt - one.endedAt },
  satisfaction: {
    label: "Least satisfied first",
    compare: (one, other) => satisfaction(one) - satisfaction(other),
  },
  turns: {
    label: "Longest first",
    compare: (one, other) => other.metrics.turns - one.metrics.turns,
  },
  slowest: {
    label: "Slowest first",
    compare: (one, other) => (other.metrics.turn_p90_ms ?? 0) - (one.metrics.turn_p90_ms ?? 0),
  },
};

function satisfaction({ scores }) {
  return scores?.satisfaction.value ?? Number.POSITIVE_INFINITY;
}
