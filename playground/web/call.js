// A call of a phone: what is said on both sides, how fast it was answered, and what the person does.
// It shows the events that it is given (main.js).
//
// The person speaks by typing: the first letter is heard as the beginning of their words, so that it
// interrupts. Where the browser has them, its own voice reads aloud, and its own recognition hears.

import { clauses, heardUpTo, stateText, turnText } from "./call-wording.js";
import { clock, element, hidden, icon } from "./dom.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];
const MUTED = "switchboard.muted";
// Older events are of a page that was opened later: they are shown and not read aloud.
const FRESH = 5000;

/**
 * The call of a phone. `actions`: `start()` and `act(action)`, which may reject with an Error to show,
 * and `opened(on)`. Returns `{ element, button, show(events), take(event) }`: the button is for the
 * head of the phone.
 */
export function callView(phone, actions) {
  const id = (name) => `phone-${phone.id}-call-${name}`;
  // The lines of the assistant that are not heard to their end, oldest first, and the current turn.
  let unheard = [];
  let turn;
  // Whether the person's words have begun, and what was asked for last.
  let begun = false;
  let asked = Promise.resolve();

  const button = element(
    "button",
    { type: "button", class: "icon-button", title: "Call", onclick: start },
    icon("call"),
    hidden(`Call from ${phone.name}`),
  );
  const state = element("p", { class: "call-state", role: "status" });
  const lines = element("ol", { class: "messages" });
  const scroller = element(
    "div",
    {
      class: "thread",
      role: "log",
      "aria-label": `Words of the call of ${phone.name}`,
      tabIndex: 0,
    },
    lines,
  );
  const problem = element("p", { class: "problem", role: "alert" });
  const text = element("input", {
    type: "text",
    id: id("text"),
    autocomplete: "off",
    maxLength: 2000,
    placeholder: "Say something",
    oninput: begin,
  });
  const say = element(
    "button",
    { type: "submit", class: "send" },
    icon("send"),
    hidden(`Say in the call of ${phone.name}`),
  );
  const composer = element(
    "form",
    { class: "line", onsubmit: submit },
    element("label", { class: "hidden", for: text.id }, `Words in the call of ${phone.name}`),
    text,
    listenButton(),
    say,
  );
  const keypad = element(
    "details",
    { class: "drawer" },
    element("summary", {}, "Keypad"),
    element(
      "div",
      { class: "keypad", role: "group", "aria-label": `Keypad of ${phone.name}` },
      KEYS.map((key) =>
        element(
          "button",
          { type: "button", class: "chip", onclick: () => act({ do: "press", digits: key }) },
          key,
        ),
      ),
    ),
  );
  const mute = element("input", {
    type: "checkbox",
    id: id("mute"),
    checked: stored(),
    onchange: muted,
  });
  const tool = (name, onclick, title) =>
    element("button", { type: "button", class: "button small", title, onclick }, name);
  const hangUp = tool("Hang up", () => act({ do: "hang_up" }));
  const drop = tool(
    "Socket dies",
    () => act({ do: "drop_socket" }),
    "A fault: the WebSocket of the relay dies",
  );
  const ringing = element(
    "div",
    { class: "call-tools row", hidden: true },
    tool("Answer", () => act({ do: "answer" })),
    tool("Decline", () => act({ do: "hang_up" })),
  );
  const during = element(
    "div",
    { class: "call-tools" },
    composer,
    keypad,
    element(
      "div",
      { class: "row" },
      hangUp,
      drop,
      voices() &&
        element("span", { class: "switch" }, mute, element("label", { for: mute.id }, "Mute")),
    ),
  );
  const after = element(
    "div",
    { class: "call-tools row", hidden: true },
    tool("Call again", start),
    tool("Messages", close),
  );
  const panel = element(
    "section",
    { class: "call", hidden: true, "aria-label": `Call of ${phone.name}` },
    state,
    scroller,
    problem,
    ringing,
    during,
    after,
  );

  function open(on) {
    panel.hidden = !on;
    button.disabled = on;
    actions.opened(on);
  }

  function close() {
    open(false);
    button.focus();
  }

  async function start() {
    problem.textContent = "";
    reset();
    open(true);
    state.textContent = "Calling";
    text.focus();
    try {
      await actions.start();
    } catch (error) {
      fail(error);
      state.textContent = "No call";
      showTools(after);
      button.disabled = false;
    }
  }

  function reset() {
    unheard = [];
    turn = undefined;
    begun = false;
    lines.replaceChildren();
    showTools(during);
  }

  // Of the tools for a call, those that are of use now.
  function showTools(shown) {
    for (const tools of [ringing, during, after]) tools.hidden = tools !== shown;
  }

  function fail(error) {
    problem.textContent = error.message;
  }

  // One after the other, so that words do not arrive before they have begun.
  function act(action) {
    problem.textContent = "";
    asked = asked.then(() => actions.act(action)).catch(fail);
    return asked;
  }

  function begin() {
    if (begun || !text.value.trim()) return;
    begun = true;
    act({ do: "speak" });
  }

  function submit(event) {
    event.preventDefault();
    const words = text.value.trim();
    if (!words) return;
    text.value = "";
    begun = false;
    act({ do: "say", text: words });
  }

  // The browser may send what it hears to its maker. It asks the person first.
  function listenButton() {
    const Recognition = globalThis.SpeechRecognition ?? globalThis.webkitSpeechRecognition;
    if (!Recognition) return undefined;
    const recognition = new Recognition();
    recognition.addEventListener("speechstart", () => act({ do: "speak" }));
    recognition.addEventListener("result", ({ results }) => {
      const words = results[0]?.[0]?.transcript.trim();
      if (words) act({ do: "say", text: words });
    });
    recognition.addEventListener("error", ({ error }) => fail(new Error(`Not heard: ${error}`)));
    const listen = () => {
      try {
        recognition.start();
      } catch {
        // It is listening already.
      }
    };
    return element(
      "button",
      { type: "button", class: "attach", title: "Speak: the browser listens", onclick: listen },
      icon("voice"),
      hidden(`Speak in the call of ${phone.name}`),
    );
  }

  function muted() {
    try {
      localStorage.setItem(MUTED, mute.checked ? "yes" : "");
    } catch {
      // Without storage, it lasts until the page is closed.
    }
    if (mute.checked) voices()?.cancel();
  }

  function show(events) {
    reset();
    for (const event of events) take(event);
    open(events.length > 0 && events.at(-1).event !== "reported");
  }

  function take(event) {
    const words = stateText(event);
    if (words) state.textContent = words;
    TAKEN[event.event]?.(event);
    scroller.scrollTop = scroller.scrollHeight;
  }

  const TAKEN = {
    ringing({ direction }) {
      reset();
      open(true);
      if (direction === "outbound-api") showTools(ringing);
    },
    answered: () => showTools(during),
    token({ text: token, last, at }) {
      if (turn && !turn.token) turn.token = at;
      const line = lineFor(token, at);
      if (!line) return;
      line.text += token;
      line.closed = last;
      showLine(line);
      readAloud(line, at);
    },
    speaking({ on, at }) {
      if (on && turn?.token && !turn.voice) {
        turn.voice = at;
        showTurn();
      }
    },
    heard({ text: played }) {
      const line = unheard[0];
      if (!line) return;
      line.heard = heardUpTo(line.text, line.heard, played);
      showLine(line);
      if (line.closed && line.heard >= line.text.trimEnd().length) unheard.shift();
    },
    finished: () => {
      unheard = unheard.filter(({ closed }) => !closed);
    },
    interrupted: cut,
    cut,
    prompt({ text: said, last, at }) {
      if (!last) return;
      turn = { prompt: at };
      person(said, at);
    },
    dtmf: ({ digit, reported, at }) =>
      person(`Key ${digit}${reported ? "" : ", which Twilio does not report"}`, at),
    play: ({ source }) => system(`Plays ${source}`),
    digits: ({ digits }) => system(`Sends the digits ${digits}`),
    verb: ({ text: done }) => system(done),
    note: ({ text: note }) => system(note),
    alert: ({ code, reason }) => system(`Twilio would report ${code}: ${reason}`, true),
    relay({ state: now, code, by }) {
      if (now !== "closed" || code === 1000) return;
      system(`The socket was closed${by ? ` by the ${by}` : ""}: ${code}`, true);
    },
    over({ at }) {
      voices()?.cancel();
      showTools(after);
      button.disabled = false;
      // A page that is opened later shows the messages.
      if (Date.now() - at > FRESH) open(false);
    },
  };

  // The line that a token belongs to. An empty token only closes one.
  function lineFor(token, at) {
    const last = unheard.at(-1);
    if (last && !last.closed) return last;
    if (!token) return undefined;
    const line = { text: "", heard: 0, read: 0, closed: false, turn };
    line.heardPart = element("span", {});
    line.queuedPart = element("span", { class: "queued" });
    line.meta = element("div", { class: "meta" }, element("time", {}, clock(at)));
    line.element = element(
      "li",
      { class: "in" },
      element(
        "div",
        { class: "bubble", dir: "auto" },
        hidden("Switchboard: "),
        line.heardPart,
        line.queuedPart,
      ),
      line.meta,
    );
    if (turn && !turn.line) turn.line = line;
    unheard.push(line);
    lines.append(line.element);
    return line;
  }

  function showLine(line) {
    line.heardPart.textContent = line.text.slice(0, line.heard);
    line.queuedPart.textContent = line.text.slice(line.heard);
  }

  // The small time line of a turn.
  function showTurn() {
    turn.line?.meta.append(element("span", { class: "turn" }, turnText(turn)));
  }

  // The person hears nothing more of what was to be said.
  function cut() {
    voices()?.cancel();
    for (const line of unheard.filter(({ text: whole, heard }) => whole.trimEnd().length > heard)) {
      line.queuedPart.className = "unheard";
      line.queuedPart.prepend(hidden("Not heard: "));
      line.meta.append(element("span", {}, "cut off"));
    }
    unheard = [];
  }

  function person(words, at) {
    lines.append(
      element(
        "li",
        { class: "out" },
        element("div", { class: "bubble", dir: "auto" }, hidden("You: "), element("p", {}, words)),
        element("div", { class: "meta" }, element("time", {}, clock(at))),
      ),
    );
  }

  function system(words, error = false) {
    lines.append(element("li", { class: error ? "system error" : "system" }, words));
  }

  function readAloud(line, at) {
    const ready = clauses(line.text.slice(line.read), line.closed);
    line.read += ready.join("").length;
    if (mute.checked || Date.now() - at > FRESH) return;
    for (const clause of ready)
      if (clause.trim()) voices()?.speak(new SpeechSynthesisUtterance(clause.trim()));
  }

  return { element: panel, button, show, take };
}

// The voices of the browser, if it has any.
function voices() {
  return globalThis.speechSynthesis;
}

function stored() {
  try {
    return localStorage.getItem(MUTED) === "yes";
  } catch {
    return false;
  }
}
