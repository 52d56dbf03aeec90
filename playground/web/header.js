// The head of the page: whether the Worker is built and runs, whether Twilio is real, and what went wrong.

import { byId, element } from "./dom.js";

/**
 * The state of the connection and of the build, in one place. Returns `{ connected(on), build(event) }`. A
 * build event is `{ state: "building" | "failed" | "live", detail }`.
 */
export function statusView() {
  const status = byId("connection");
  let isConnected = false;
  let build = { state: "live", detail: undefined };
  measureHead();

  function show() {
    const [words, state] = isConnected
      ? buildText(build)
      : ["Connection lost, trying again", "lost"];
    // A screen reader says only what is new.
    if (status.textContent === words) return;
    status.textContent = words;
    status.dataset.state = state;
    status.title = words;
  }

  return {
    connected(on) {
      isConnected = on;
      show();
    },
    build(event) {
      build = event;
      show();
    },
  };
}

// Tells the style sheet how high the head is, so that a phone fills the rest of a narrow window.
function measureHead() {
  const main = /** @type {HTMLElement} */ (document.querySelector("main"));
  const measure = () => document.documentElement.style.setProperty("--head", `${main.offsetTop}px`);
  const observer = new ResizeObserver(measure);
  for (const part of document.querySelectorAll(".top, .about")) observer.observe(part);
  measure();
}

function buildText({ state, detail }) {
  if (state === "building") return ["Building…", "building"];
  if (state === "failed") return [`Build failed${detail ? `: ${detail}` : ""}`, "lost"];
  return ["Live", "live"];
}

/**
 * Says whether Twilio is real. `host` is the one that the Worker asks, if it is not the playground. Which
 * OpenAI it asks is said by its switch (openai-switch.js).
 *
 * @param {string | null} [host]
 */
export function showTwilio(host) {
  const pill = byId("twilio");
  const isReal = host === "api.twilio.com";
  pill.textContent = `Twilio: ${host ? (isReal ? "real" : host) : "mock"}`;
  pill.dataset.kind = host ? "real" : "mock";
  pill.title = host
    ? "Answers by REST and calls go there, and can cost money. What these phones write is not real."
    : "The playground plays Twilio. No message leaves this machine.";
}

/** Says above everything else what went wrong. */
export function showProblem(error) {
  document
    .querySelector("main")
    ?.prepend(element("p", { class: "notice", role: "alert" }, error.message));
}
