// Numbers about many runs: percentiles, histograms, counts, and means by pair of personas.
//
// Not here: how they are drawn (charts.js, heat.js).

/**
 * The smallest value that so many per cent of all do not exceed, as the Worker computes it for one
 * run. Nothing if there are no values.
 */
export function percentile(values, perCent) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil((sorted.length * perCent) / 100) - 1];
}

/** The mean, or nothing. */
export function mean(values) {
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
}

/**
 * Counts whole numbers in at most `most` ranges of the same width: `{ width, ranges }`, each range
 * `{ from, to, count }`, both ends included.
 */
export function histogram(values, most = 12) {
  if (values.length === 0) return { width: 1, ranges: [] };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const width = niceWidth((high - low + 1) / most);
  const start = Math.floor(low / width) * width;
  const count = Math.floor((high - start) / width) + 1;
  const ranges = Array.from({ length: count }, (_, at) => ({
    from: start + at * width,
    to: start + (at + 1) * width - 1,
    count: 0,
  }));
  for (const value of values) ranges[Math.floor((value - start) / width)].count += 1;
  return { width, ranges };
}

// The next of 1, 2, 5, 10, 20, 50, …
function niceWidth(width) {
  for (let power = 1; ; power *= 10)
    for (const step of [1, 2, 5]) if (step * power >= width) return step * power;
}

/** How often each value occurs, the most frequent first: `[value, count]`. */
export function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((one, other) => other[1] - one[1]);
}

/** What can be measured of a scored run, 0 to 100. */
export const MEASURES = {
  satisfaction: { label: "Satisfaction", of: ({ satisfaction }) => satisfaction.value },
  criteria: { label: "Criteria met, in %", of: ({ criteria }) => metPercent(criteria) },
  resolved: {
    label: "Resolved, in %",
    of: ({ resolution }) => (resolution === "resolved" ? 100 : 0),
  },
  churn_risk: { label: "Risk that the customer leaves", of: ({ churn_risk: risk }) => risk.value },
  propensity_to_buy: {
    label: "Inclination to buy",
    of: ({ propensity_to_buy: propensity }) => propensity.value,
  },
};

function metPercent(criteria) {
  const results = Object.values(criteria);
  return mean(results.map((met) => (met === true ? 100 : 0))) ?? 0;
}

/**
 * The mean of a measure for each pair of an agent and a customer: `{ agents, customers, cell }`,
 * where `cell(agent, customer)` is `{ value, count }`, or nothing without a scored run.
 *
 * @param {import("./store.js").Run[]} runs
 * @param {string} measure One of `MEASURES`.
 */
export function byPair(runs, measure) {
  const pairs = new Map();
  const scored = runs.filter(({ scores }) => scores);
  for (const { agent, customer, scores } of scored) {
    const key = `${agent}|${customer}`;
    if (!pairs.has(key)) pairs.set(key, []);
    pairs.get(key).push(MEASURES[measure].of(scores));
  }
  const names = (of) => [...new Set(scored.map(of))].sort();
  return {
    agents: names(({ agent }) => agent),
    customers: names(({ customer }) => customer),
    cell(agent, customer) {
      const values = pairs.get(`${agent}|${customer}`);
      return values && { value: Math.round(mean(values) ?? 0), count: values.length };
    },
  };
}
