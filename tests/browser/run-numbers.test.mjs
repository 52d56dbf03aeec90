// The numbers and filters behind the page of synthetic conversations. They need no browser.
//
// Not here: the page (runs).

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cleared,
  filtersIn,
  isFiltered,
  matching,
  queryOf,
} from "../../playground/web/runs/filters.js";
import { byPair, counted, histogram, percentile } from "../../playground/web/runs/numbers.js";

/** A run with what the functions look at. @returns {any} */
function run({
  agent = "a",
  customer = "c",
  reason = "goodbye",
  criteria = {},
  satisfaction = 50,
}) {
  const rating = { value: satisfaction };
  return {
    agent,
    customer,
    ended: { by: "agent", reason },
    scores: { criteria, satisfaction: rating, churn_risk: rating, resolution: "resolved" },
  };
}

test("a percentile is the smallest value that so many per cent do not exceed", () => {
  const values = [40, 10, 30, 20];
  assert.deepEqual(
    [50, 75, 90, 100].map((perCent) => percentile(values, perCent)),
    [20, 30, 40, 40],
  );
  assert.equal(percentile([], 50), undefined);
  assert.deepEqual(values, [40, 10, 30, 20], "the values are left as they are");
});

test("a histogram counts every value once, in at most as many ranges as asked for", () => {
  const { ranges } = histogram([2, 2, 3, 7]);
  assert.deepEqual(
    ranges.map(({ from, to, count }) => [from, to, count]),
    [
      [2, 2, 2],
      [3, 3, 1],
      [4, 4, 0],
      [5, 5, 0],
      [6, 6, 0],
      [7, 7, 1],
    ],
  );
  for (const values of [[5], [0, 1000], [3, 60, 61], [99, 100], [11, 12, 23]]) {
    const { ranges: found } = histogram(values);
    assert.equal(
      found.reduce((sum, { count }) => sum + count, 0),
      values.length,
    );
    assert.ok(found.length <= 13, `${values}: ${found.length} ranges`);
    for (const value of values)
      assert.ok(found.some(({ from, to, count }) => from <= value && value <= to && count > 0));
  }
  assert.deepEqual(histogram([]).ranges, []);
});

test("values are counted, the most frequent first", () => {
  assert.deepEqual(counted(["x", "y", "y"]), [
    ["y", 2],
    ["x", 1],
  ]);
});

test("a cell of the heat map is the mean of its pair, and a pair without scores has none", () => {
  const unscored = { ...run({ customer: "d" }), scores: null };
  const runs = [
    run({ satisfaction: 20 }),
    run({ satisfaction: 41 }),
    run({ agent: "b" }),
    unscored,
  ];
  const { agents, customers, cell } = byPair(runs, "satisfaction");
  assert.deepEqual([agents, customers], [["a", "b"], ["c"]]);
  assert.deepEqual(cell("a", "c"), { value: 31, count: 2 });
  assert.equal(cell("a", "d"), undefined);
  const met = run({ criteria: { one: true, two: null, three: false, four: true } });
  assert.equal(byPair([met], "criteria").cell("a", "c")?.value, 50);
});

test("filters add up, and a criterion can be met, not met, or without proof", () => {
  const runs = [
    run({ criteria: { one: true, two: false } }),
    run({ criteria: { one: null, two: true }, reason: "turns" }),
    { ...run({ agent: "b" }), scores: null },
  ];
  const found = (filters) =>
    matching(runs, { ...cleared(""), ...filters }).map((one) => runs.indexOf(one));
  assert.deepEqual(found({}), [0, 1, 2]);
  assert.deepEqual(found({ agent: "b" }), [2]);
  assert.deepEqual(found({ agent: "a", reason: "turns" }), [1]);
  assert.deepEqual(found({ criterion: "one" }), [0, 1]);
  assert.deepEqual(found({ criterion: "one", result: "met" }), [0]);
  assert.deepEqual(found({ criterion: "one", result: "no_proof" }), [1]);
  assert.deepEqual(found({ criterion: "one", result: "not_met" }), []);
  assert.deepEqual(found({ result: "not_met" }), [0], "without a criterion, any of them");
});

test("filters survive the page's address, and unknown names in it are left out", () => {
  const filters = { ...cleared("0f"), agent: "priya raman", result: "met" };
  assert.deepEqual(filtersIn(queryOf(filters)), filters);
  assert.deepEqual(filtersIn("?batch=0f&evil=1"), cleared("0f"));
  assert.deepEqual([isFiltered(filters), isFiltered(cleared("0f"))], [true, false]);
});
