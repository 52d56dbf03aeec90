// The charts of the runs: how long lines take, lines of a run, who talks how much, and endings.
//
// uPlot draws them on a canvas. Each has its numbers as words, too. Without the library, which npm
// installs, there are only the words. Not here: the numbers (numbers.js).

import { element } from "../dom.js";
import { counted, histogram, percentile } from "./numbers.js";
import { REASONS, some, spaced, span } from "./wording.js";

const LIBRARY = "/web/uplot.js";
const HEIGHT = 170;
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Creates the charts. Returns `{ element, show(runs) }`. */
export function runCharts() {
  const latency = figure("How long lines take", latencyChart, [
    "Half of a run’s lines, at most",
    "90 %, at most",
  ]);
  const turns = figure("Lines of a run", barChart);
  const talk = figure("The agent’s part of all words", barChart);
  const endings = element("ul", { class: "bars" });
  const empty = element("p", { class: "quiet" }, "No run has ended yet.");
  const grid = element(
    "div",
    { class: "chart-grid" },
    latency.element,
    turns.element,
    talk.element,
    element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, element("h3", {}, "Endings")),
      endings,
    ),
  );

  return {
    element: element("section", { class: "card", "aria-label": "Charts" }, empty, grid),
    show(runs) {
      empty.hidden = runs.length > 0;
      grid.hidden = runs.length === 0;
      if (runs.length === 0) return;
      latency.show(latencyOf(runs));
      turns.show(
        histogramOf(
          runs.map(({ metrics }) => metrics.turns),
          "",
          (count) => some(count, "line"),
        ),
      );
      talk.show(
        histogramOf(
          runs.map(({ metrics }) => metrics.agent_talk_percent),
          " %",
          (part) => `${part} %`,
        ),
      );
      const counts = counted(runs.map(({ ended }) => ended.reason));
      endings.replaceChildren(
        ...counts.map(([reason, count]) => barLine(reason, count, runs.length)),
      );
    },
  };
}

function barLine(reason, count, all) {
  const fill = element("i", {});
  fill.style.inlineSize = `${(count / all) * 100}%`;
  return element(
    "li",
    {},
    element("span", {}, REASONS[reason] ?? spaced(reason)),
    element("b", {}, `${count} (${Math.round((count / all) * 100)} %)`),
    element("span", { class: "bar", "aria-hidden": "true" }, fill),
  );
}

// What a chart shows: its columns of numbers, words for a column under the pointer, a summary, and
// a table.
function latencyOf(runs) {
  const ordered = runs.filter(({ metrics }) => metrics.turn_p50_ms !== undefined);
  ordered.sort((one, other) => one.endedAt - other.endedAt);
  const half = ordered.map(({ metrics }) => metrics.turn_p50_ms);
  const most = ordered.map(({ metrics }) => metrics.turn_p90_ms);
  const times = runs.flatMap((run) => run.times);
  const value = (perCent) => span(percentile(times, perCent) ?? 0);
  return {
    columns: [ordered.map((_, at) => at + 1), half, most],
    at: (index) =>
      `Run #${ordered[index].number}: half of its lines took at most ${span(half[index])}, 90 % at most ${span(most[index])}.`,
    summary: times.length
      ? `Half of all lines took at most ${value(50)}, 90 % at most ${value(90)}.`
      : "No line took any time.",
    table: [
      ["Part of all lines", "At most"],
      ...[50, 75, 90, 99].map((perCent) => [`${perCent} %`, value(perCent)]),
    ],
  };
}

function histogramOf(values, unit, wordsOf) {
  const { ranges } = histogram(values);
  const rangeWords = ({ from, to }) => (from === to ? `${from}${unit}` : `${from} to ${to}${unit}`);
  return {
    columns: [ranges.map((_, at) => at), ranges.map(({ count }) => count)],
    labels: ranges.map(({ from }) => `${from}${unit}`),
    at: (index) => `${rangeWords(ranges[index])}: ${some(ranges[index].count, "run")}.`,
    summary: `Half of the runs have at most ${wordsOf(percentile(values, 50) ?? 0)}, 90 % at most ${wordsOf(percentile(values, 90) ?? 0)}.`,
    table: [
      ["From and to", "Runs"],
      ...ranges.map((range) => [rangeWords(range), String(range.count)]),
    ],
  };
}

function figure(title, optionsOf, key = []) {
  const words = element("p", { class: "quiet chart-words" });
  const plot = element("div", { class: "plot", role: "img" });
  const numbers = element("table", { class: "numbers" });
  let shown;
  let chart;

  async function draw() {
    const library = await loaded();
    if (!library || !plot.isConnected) return;
    chart?.destroy();
    const options = optionsOf(theme(), () => shown, library);
    const hooks = {
      setCursor: [
        ({ cursor: { idx } }) => {
          words.textContent = Number.isInteger(idx) ? shown.at(idx) : shown.summary;
        },
      ],
    };
    const size = { width: Math.max(120, plot.clientWidth), height: HEIGHT };
    chart = new library({ ...COMMON, ...size, hooks, ...options }, shown.columns, plot);
  }

  new ResizeObserver(() => chart?.setSize({ width: plot.clientWidth, height: HEIGHT })).observe(
    plot,
  );
  DARK.addEventListener("change", () => shown && draw());

  return {
    element: element(
      "figure",
      { class: "chart" },
      element("figcaption", {}, element("h3", {}, title), words),
      plot,
      key.length > 0 &&
        element(
          "p",
          { class: "key" },
          key.map((words) => element("span", {}, words)),
        ),
      element("details", { class: "pairs" }, element("summary", {}, "Numbers"), numbers),
    ),
    show(next) {
      shown = next;
      words.textContent = shown.summary;
      plot.setAttribute("aria-label", `${title}. ${shown.summary}`);
      const [head, ...rows] = shown.table;
      numbers.replaceChildren(
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            head.map((cell) => element("th", { scope: "col" }, cell)),
          ),
        ),
        element(
          "tbody",
          {},
          rows.map((row) =>
            element(
              "tr",
              {},
              row.map((cell) => element("td", {}, cell)),
            ),
          ),
        ),
      );
      if (chart) chart.setData(shown.columns);
      else draw();
    },
  };
}

// uPlot, or nothing if npm has not installed it.
let library;
function loaded() {
  library ??= import(LIBRARY).then(
    (known) => known.default,
    () => undefined,
  );
  return library;
}

const COMMON = {
  legend: { show: false },
  cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
  scales: { x: { time: false } },
};

function theme() {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const axis = {
    stroke: color("quiet"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: color("line"), width: 1 },
    ticks: { stroke: color("line"), width: 1, size: 4 },
  };
  return { axis, one: color("accent"), other: color("second") };
}

// The range of numbers that begin at 0.
function fromZero(_, __, high) {
  return [0, Math.max(1, high * 1.1)];
}

function latencyChart({ axis, one, other }) {
  const line = (stroke) => ({ stroke, width: 2, points: { size: 5, fill: stroke, stroke } });
  return {
    series: [{}, line(one), line(other)],
    axes: [
      { ...axis, size: 28, space: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000] },
      { ...axis, size: 56, values: (_, values) => values.map((value) => span(value)) },
    ],
    scales: {
      x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] },
      y: { range: fromZero },
    },
  };
}

function barChart({ axis, one }, shown, library) {
  const paths = library.paths.bars({ size: [0.86, 72] });
  return {
    series: [{}, { fill: one, stroke: one, width: 0, paths, points: { show: false } }],
    axes: [
      {
        ...axis,
        size: 28,
        space: 44,
        grid: { show: false },
        incrs: [1, 2, 3, 4, 6],
        values: (_, values) => values.map((at) => shown().labels[at] ?? ""),
      },
      { ...axis, size: 34, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000] },
    ],
    scales: {
      x: { time: false, range: () => [-0.6, shown().labels.length - 0.4] },
      y: { range: fromZero },
    },
  };
}
