// A transcript in a dialog: two speakers on a time line, how it ended, and its scores.

import { element, hidden } from "../dom.js";
import { readRuns } from "./api.js";
import { save } from "./download.js";
import { laneView } from "./lanes.js";
import { scoreView } from "./scores.js";
import { costWords, endingSentence, MARKS, MODES, perCent, some, spaced, span } from "./wording.js";

/**
 * Creates the dialog. `context()` returns `{ runs, nameOf, asks(scenario, criterion) }`: the runs in
 * the order of the list, for the buttons to the next and the previous one. Returns `{ open(run) }`.
 */
export function transcriptDialog(context) {
  let at;
  const title = element("h2", { id: "transcript-title", tabIndex: -1 });
  const content = element("div", { class: "transcript-body" });
  const step = (label, by) =>
    element("button", { type: "button", class: "button small", onclick: () => go(by) }, label);
  const previous = step("Previous", -1);
  const next = step("Next", 1);
  const close = element(
    "button",
    { type: "button", class: "button small", onclick: () => dialog.close() },
    "Close",
  );
  const dialog = element(
    "dialog",
    { class: "dialog transcript", "aria-labelledby": "transcript-title" },
    element(
      "header",
      { class: "transcript-head" },
      title,
      element("div", { class: "batch-buttons" }, previous, next, close),
    ),
    content,
  );
  document.body.append(dialog);

  function go(by) {
    const { runs } = context();
    const place = runs.findIndex(({ id }) => id === at.id);
    const other = runs[place + by];
    if (other) show(other).then(() => title.focus());
  }

  async function show(run) {
    at = run;
    const { runs, nameOf, asks } = context();
    const place = runs.findIndex(({ id }) => id === run.id);
    previous.disabled = place <= 0;
    next.disabled = place < 0 || place + 1 >= runs.length;
    title.textContent = `Run ${run.number}: ${nameOf(run.agent)} and ${nameOf(run.customer)}`;
    content.replaceChildren(element("p", { class: "quiet", role: "status" }, "Reading…"));
    try {
      const line = await read(run);
      if (at !== run) return;
      content.replaceChildren(...parts(line, nameOf, (name) => asks(run.scenario, name)));
      content.scrollTop = 0;
    } catch (error) {
      if (at === run)
        content.replaceChildren(element("p", { class: "notice", role: "alert" }, error.message));
    }
  }

  function parts(line, nameOf, asks) {
    const told = JSON.parse(line);
    const { turns } = told;
    const rows = new Map(turns.map((turn) => [turn.n, turnRow(turn, told, nameOf)]));
    const choose = (n) => {
      const row = rows.get(n);
      row.scrollIntoView({ block: "center" });
      row.focus();
    };
    const lineOf = (quote) => turns.find((turn) => known(turn).includes(quote))?.n;
    return [
      element(
        "p",
        { class: "ending" },
        element("b", {}, endingSentence(told.ended)),
        ` ${facts(told)}`,
      ),
      laneView(turns, choose),
      element(
        "div",
        { class: "transcript-columns" },
        element(
          "section",
          { "aria-labelledby": "lines-title" },
          element("h3", { id: "lines-title" }, "Transcript"),
          turns.length
            ? element("ol", { class: "lines" }, [...rows.values()])
            : element("p", { class: "quiet" }, "Nobody said anything."),
        ),
        element(
          "section",
          { class: "score-box", "aria-labelledby": "scores-title" },
          element("h3", { id: "scores-title" }, "Scores"),
          scoreView(told.scores, { asks, lineOf, choose }),
          element("h3", {}, "About this run"),
          about(told),
          element(
            "button",
            {
              type: "button",
              class: "button small",
              onclick: () => save(`run-${told.batch.slice(0, 8)}-${told.number}.jsonl`, [line]),
            },
            "Download this transcript",
          ),
        ),
      ),
    ].filter((part) => part !== undefined);
  }

  return {
    open(run) {
      show(run);
      dialog.showModal();
    },
  };
}

// The transcript of a run, as the Worker writes it.
async function read({ batch, place, id }) {
  const { lines } = await readRuns(batch, place - 1, 1);
  const line = lines.find((one) => JSON.parse(one).run === id);
  if (!line) throw new Error("The Worker does not have this transcript any more.");
  return line;
}

function facts({ turns, metrics }) {
  const errors = metrics.recognition?.word_error_rate;
  return [
    some(turns.length, "line"),
    span(metrics.duration_ms),
    `the agent has ${metrics.agent_talk_percent} % of the words`,
    errors !== undefined && `${perCent(errors)} of the words were recognised wrongly`,
  ]
    .filter(Boolean)
    .join(", ");
}

function turnRow(turn, { turns, personas }, nameOf) {
  const since = Date.parse(turn.started_at) - Date.parse(turns[0].started_at);
  const took = Date.parse(turn.ended_at) - Date.parse(turn.started_at);
  return element(
    "li",
    { class: `line ${turn.speaker}`, tabIndex: -1 },
    element("span", { class: "line-time" }, hidden("After "), span(since)),
    element(
      "div",
      { class: "line-box" },
      element(
        "p",
        { class: "line-who" },
        element("b", {}, nameOf(personas[turn.speaker])),
        took > 0 && element("span", {}, `took ${span(took)}`),
        element("span", { class: "line-number" }, `line ${turn.n}`),
      ),
      words(turn),
      turn.marks.length > 0 &&
        element(
          "ul",
          { class: "marks", "aria-label": "Marks" },
          turn.marks.map((mark) => element("li", {}, MARKS[mark] ?? spaced(mark))),
        ),
    ),
  );
}

// What the other side knows of a line. On a call it gets the words themselves, whatever was recognised.
function known({ text, heard, marks }) {
  return marks.includes("interrupted") ? (heard ?? text) : text;
}

// What was said. What was cut off is struck through, and what speech recognition took it for stands
// beneath it.
function words({ text, heard, marks }) {
  if (!text) return element("p", { class: "quiet" }, "(says nothing)");
  if (heard === undefined || heard === text) return element("p", { dir: "auto" }, text);
  if (!marks.includes("interrupted") || !text.startsWith(heard))
    return [
      element("p", { dir: "auto" }, text),
      element("p", { class: "quiet", dir: "auto" }, `Heard: ${heard || "nothing"}`),
    ];
  return element(
    "p",
    { dir: "auto" },
    heard,
    element("s", { class: "unheard" }, hidden("Not heard: "), text.slice(heard.length)),
  );
}

// The numbers that only a call has.
function ofCall({ metrics, cost, analysis }) {
  const errors = metrics.recognition?.word_error_rate;
  const minutes = cost.call_minutes;
  return [
    ...(errors === undefined ? [] : [["Word error rate", perCent(errors)]]),
    ...(minutes === undefined ? [] : [["Minutes of both legs", minutes]]),
    ...(analysis ? [["Recording", recordingWords(analysis)]] : []),
  ];
}

// What came of the transcript that Twilio has made of the recording.
function recordingWords({ status, word_error_rate: errors }) {
  return errors === undefined ? spaced(status) : `Transcribed, ${perCent(errors)} wrong words`;
}

function about(told) {
  const rows = [
    ["Scenario", spaced(told.scenario)],
    ["Mode", MODES[told.mode] ?? told.mode],
    ["Model", told.model],
    ["Cost", costWords(told.cost)],
    ["Tokens", `${told.cost.prompt_tokens} in, ${told.cost.completion_tokens} out`],
    ["Interruptions", told.metrics.interruptions],
    ["Silences", told.metrics.silences],
    ...ofCall(told),
    ["Id", told.run],
  ];
  return element(
    "dl",
    { class: "facts-list" },
    rows.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, String(value))]),
  );
}
