// The page of synthetic conversations: it follows the batches, and passes what it knows to its parts.
//
// The address of the page has the filters, so a reload shows the same. Everything else comes from
// the Worker, by the playground.

import { byId, element } from "../dom.js";
import { controlBatch, deleteBatch, readCast } from "./api.js";
import { batchList } from "./batches.js";
import { runCharts } from "./charts.js";
import { download } from "./download.js";
import { filterBar } from "./filter-bar.js";
import { ALL, cleared, filtersIn, matching, ORDERS, queryOf } from "./filters.js";
import { batchForm } from "./form.js";
import { batchHead } from "./head.js";
import { heatMap } from "./heat.js";
import { newStore } from "./store.js";
import { runTable } from "./table.js";
import { transcriptDialog } from "./transcript.js";
import { namesIn } from "./wording.js";

/** Ms between two looks: while a batch goes on, and else. */
const OFTEN = 1000;
const SELDOM = 5000;

const store = newStore();
/** @type {import("./api.js").Cast} */
let told = { cast: { agents: [], customers: [], scenarios: [] }, assistants: [] };
let nameOf = namesIn(told.cast);
let filters = filtersIn(location.search);
let order = "newest";
// The runs in the list, and what they were made of.
let listed = [];
let drawn = "";
let wake = () => {};

const list = batchList((id) => setFilters(cleared(id)));
const head = batchHead({
  async control(id, action) {
    store.take(await controlBatch(id, action));
    show();
    wake();
  },
  async remove(id) {
    await deleteBatch(id);
    store.forget(id);
    setFilters(cleared(""));
    byId("chosen").focus();
  },
});
const bar = filterBar({
  filter: (changes) => setFilters({ ...filters, ...changes, batch: filters.batch }),
  order(name) {
    order = name;
    show();
  },
  download: (showWords) => download(listed, showWords),
});
const charts = runCharts();
const heat = heatMap((agent, customer) => setFilters({ ...filters, agent, customer }));
const transcript = transcriptDialog(() => ({ runs: listed, nameOf, asks }));
const table = runTable(transcript.open);
const form = batchForm((batch) => {
  setFilters(cleared(batch));
  byId("chosen").focus();
});

const nothing = element(
  "section",
  { class: "card welcome", hidden: true },
  element("h2", {}, "No conversations yet"),
  element(
    "p",
    {},
    "A batch makes conversations between personas: an agent and a customer. Here you see how they went.",
  ),
  element(
    "button",
    { type: "button", class: "button primary", onclick: openForm },
    "Begin a batch",
  ),
);
const known = element(
  "div",
  { class: "known", hidden: true },
  element("section", { class: "card", "aria-labelledby": "batch-title" }, head.element),
  bar.element,
  charts.element,
  heat.element,
  table.element,
);
const loading = element("p", { class: "quiet card", role: "status" }, "Reading the batches…");
byId("chosen").append(loading, nothing, known);
byId("batches").append(list.element);
byId("new-batch").addEventListener("click", openForm);
document.addEventListener("visibilitychange", () => wake());
follow();

// Looks again and again, more often while a batch goes on. A page that nobody sees waits.
async function follow() {
  for (;;) {
    let goesOn = false;
    try {
      if (told.cast.scenarios.length === 0) learn(await readCast());
      goesOn = await store.refresh({ shown: list.shown(), chosen, changed: showSoon });
      loading.hidden = true;
      report("");
      show();
    } catch (error) {
      loading.hidden = true;
      report(error.message);
    }
    await Promise.race([
      new Promise((done) => {
        wake = () => done(undefined);
      }),
      new Promise((done) => setTimeout(done, goesOn ? OFTEN : SELDOM)),
    ]);
    while (document.hidden)
      await new Promise((done) => {
        wake = () => done(undefined);
      });
  }
}

function learn(answer) {
  told = answer;
  nameOf = namesIn(told.cast);
  table.reset();
}

function report(problem) {
  const notice = byId("problem");
  if (notice.textContent !== problem) notice.textContent = problem;
  const status = byId("connection");
  const words = problem ? "No answer, trying again" : "Live";
  if (status.textContent !== words) status.textContent = words;
  status.dataset.state = problem ? "lost" : "live";
}

function openForm() {
  form.open(told);
}

function setFilters(changed) {
  const isOther = changed.batch !== filters.batch;
  filters = changed;
  if (isOther) table.reset();
  history.replaceState(null, "", queryOf(filters));
  show();
  if (isOther) wake();
}

// The ids of the batches that are shown. Without a choice, it is the newest one.
function chosen() {
  const ids = store.batches().map(({ batch }) => batch);
  if (filters.batch === ALL) return ids;
  return ids.includes(filters.batch) ? [filters.batch] : ids.slice(0, 1);
}

function asks(scenario, criterion) {
  const known = told.cast.scenarios.find(({ id }) => id === scenario);
  return known?.criteria.find(({ name }) => name === criterion)?.asks;
}

// Once for all that changes before the next picture.
let waiting = false;
function showSoon() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    show();
  });
}

function show() {
  const batches = store.batches();
  const ids = chosen();
  const isAll = filters.batch === ALL;
  list.show(store, isAll ? ALL : ids[0]);
  const isEmpty = batches.length === 0;
  nothing.hidden = !isEmpty || !loading.hidden || byId("problem").textContent !== "";
  known.hidden = isEmpty;
  if (isEmpty) return;
  const one = isAll ? undefined : batches.find(({ batch }) => batch === ids[0]);
  head.show(one, one && store.progress(one.batch));
  const runs = store.runsOf(ids);
  const matched = matching(runs, filters);
  bar.show(filters, runs, matched, nameOf);
  // Drawing is dear: only if something is new.
  const key = JSON.stringify([filters, ids, matched.length, order, told.cast.agents.length]);
  if (key === drawn) return;
  drawn = key;
  listed = matched.toSorted(ORDERS[order].compare);
  charts.show(matched);
  heat.show(matched, nameOf);
  table.show(listed, nameOf);
}
