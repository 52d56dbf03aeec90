// The operator's page: health, today's usage, a contact, calls, batches, the checks, and the log.
//
// Here are the pill, the batches, the checks, and how often the page asks. Each request of the page is
// a request to the Worker, so it asks only while somebody looks at it.

import { byId, element } from "../../playground/web/dom.js";
import { confirmed } from "../../playground/web/runs/confirm.js";
import { admin, ask, button, problemPlace } from "./ask.js";
import { callCard, contactCard } from "./contact.js";
import { logCard } from "./log.js";
import { usageCard } from "./usage.js";

/** Milliseconds between two looks at the Worker, and at the log, which is here already. */
const LOOK = 15_000;
const LOG_LOOK = 2000;

const usage = usageCard(byId("usage"));
contactCard(byId("contact"));
callCard(byId("calls"));
const batches = batchesCard(byId("batches"));
checksCard(byId("checks"));
const log = logCard(byId("log"));
every(LOOK, look);
every(LOG_LOOK, log.show);

async function look() {
  const pill = byId("health");
  const worker = byId("worker");
  try {
    const { url, code, told } = await ask("health");
    const { version, deployed, errors } = told;
    const facts = [url, version && `version ${version}`, deployed && `deploy ${nameOf(deployed)}`];
    worker.textContent = facts.filter(Boolean).join(" · ");
    const wrong = (errors ?? []).map(({ setting, file, line }) => setting ?? `${file}:${line}`);
    pill.textContent = code === 200 ? "Healthy" : `Not healthy: ${wrong.join(", ") || code}`;
    pill.setAttribute("data-state", code === 200 ? "live" : "lost");
  } catch (error) {
    pill.textContent = "No answer";
    pill.setAttribute("data-state", "lost");
    throw error;
  }
  await usage.show();
  await batches.show();
}

// The tag that somebody gave a deploy, or the beginning of its id.
function nameOf({ tag, id }) {
  return tag || id.slice(0, 8);
}

function every(milliseconds, work) {
  const problem = byId("problem");
  const run = async () => {
    if (!document.hidden) {
      try {
        await work();
        if (work === look) problem.textContent = "";
      } catch (error) {
        problem.textContent = error.message;
      }
    }
    setTimeout(run, milliseconds);
  };
  run();
}

function batchesCard(card) {
  const list = element("ul", { class: "rows" });
  const problem = problemPlace();
  card.append(element("h2", { id: "batches-title" }, "Synthetic conversations"), list, problem);

  async function show() {
    const { batches: listed } = await admin("batches");
    const newest = listed.slice(0, 5);
    const shown = await Promise.all(newest.map(({ batch: id }) => admin("batch", { id })));
    list.replaceChildren(
      ...(shown.length
        ? shown.map((batch, index) => row(newest[index], batch))
        : [element("li", { class: "quiet" }, "There is no batch.")]),
    );
  }

  function row({ batch: id, label }, { status, ended, runs }) {
    const name = label ?? id;
    const control = (words, action, question) =>
      button(words, "", problem, async () => {
        if (question && !(await confirmed(`${words} “${name}”?`, question, `${words} the batch`)))
          return;
        await admin(action, { id });
        await show();
      });
    const buttons = {
      running: [control("Pause", "pause-batch")],
      paused: [control("Resume", "resume-batch")],
    }[status];
    return element(
      "li",
      {},
      element("b", {}, name),
      element("span", {}, ` ${status}, ${ended} of ${runs} runs have ended `),
      ...(buttons ?? []),
      buttons &&
        control("Cancel", "cancel-batch", "Runs that go on are ended, and no other one begins."),
    );
  }
  return { show };
}

function checksCard(card) {
  const list = element("ul", { class: "rows", "aria-live": "polite" });
  const problem = problemPlace();
  const check = button("Check the deployment", "", problem, async () => {
    list.replaceChildren(element("li", { class: "quiet" }, "Checking …"));
    try {
      const { findings } = await ask("checks");
      list.replaceChildren(...findings.map(finding));
    } catch (error) {
      list.replaceChildren();
      throw error;
    }
  });
  card.append(
    element("h2", { id: "checks-title" }, "Checks"),
    element(
      "p",
      { class: "quiet" },
      "These are the checks of ",
      element("code", {}, "npm run doctor"),
      ". The Worker logs three rejections for them.",
    ),
    element("div", { class: "actions" }, check),
    list,
    problem,
  );
}

function finding({ state, check, text }) {
  return element(
    "li",
    { "data-state": state === "FAILED" ? "bad" : "fine" },
    element("b", {}, state === "FAILED" ? "failed" : state),
    ` ${check}: ${text}`,
  );
}
