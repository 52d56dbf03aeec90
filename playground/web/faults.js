// The fault switches, as a group of check boxes: one group for each phone, and one for all phones. And the
// faults that are on, as chips.

import { element, hidden, icon } from "./dom.js";

/** The switches: name, label, explanation. */
const SWITCHES = [
  ["model_error", "Model error", "The model answers 500 to every request."],
  ["model_drop", "Model’s answer lost", "The model works, but its answer never arrives."],
  [
    "rest_drop",
    "REST answer lost",
    "Twilio sends the answer, but its “201” never arrives. Answers go by REST if the model is slow.",
  ],
  [
    "retry",
    "Twilio retries",
    "Twilio hangs up on the first attempt and sends the same message again.",
  ],
  ["duplicate", "Duplicate delivery", "Every message is delivered twice at the same time."],
  ["forged", "Forged signature", "Messages are signed by somebody other than Twilio."],
];
/** The switches of calls. */
const CALL_SWITCHES = [
  [
    "forged_upgrade",
    "Forged upgrade",
    "The relay of a call is opened by somebody other than Twilio.",
  ],
  ["slow_connect", "Slow relay", "Twilio connects to the relay of a call four seconds late."],
  [
    "pieces",
    "Prompts in pieces",
    "A sentence arrives as up to three final prompts. Each interrupts what the assistant says.",
  ],
  ["doubled", "Prompts twice", "Every final prompt arrives twice."],
  [
    "misheard",
    "Misheard words",
    "Some words of a prompt are other ones than those that were said.",
  ],
  ["no_info", "No info messages", "Twilio does not say who speaks and what was played."],
  [
    "silent",
    "Silent Twilio",
    "Twilio ends no session, and tells of no end of a session or a call.",
  ],
  ["no_recording", "No recording", "The recording of a call turns out to be absent."],
  ["transcript_failed", "Transcript fails", "Twilio Intelligence cannot transcribe the recording."],
  [
    "transcript_untold",
    "Transcript’s webhook lost",
    "Nobody is told that the transcript of a recording is there.",
  ],
];
/** What becomes of a phone that is called: value and label. */
const DIAL_OUTCOMES = [
  ["answered", "Is answered"],
  ["busy", "Is busy"],
  ["no-answer", "Is not answered"],
];
/** How the web services of the shop fail: value and label. */
const SHOP_FAULTS = [
  ["none", "Work"],
  ["slow", "Take 3 seconds"],
  ["hang", "Never answer"],
  ["error", "Answer 500"],
  ["not_json", "Answer no JSON"],
  ["too_long", "Answer 20 kB"],
  ["redirect", "Redirect"],
  ["wrong_type", "Answer a picture’s type"],
];
const SLOW_SECONDS = 12;
const MOST_SECONDS = 120;

/** The number of switches that are on. */
export function countOf(switches) {
  return faultsOn(switches).length;
}

/**
 * The faults that are on: the name of each, and the switches without it.
 *
 * @returns {{ name: string, without: object }[]}
 */
function faultsOn(switches = {}) {
  const { slow_model: slow = 0, shop = "none", call = {} } = switches;
  const named = (list, value) => list.find(([other]) => other === value)?.[1].toLowerCase();
  const withCall = (changes) => ({ ...switches, call: { ...call, ...changes } });
  return [
    slow && { name: `Slow model, ${slow} s`, without: { ...switches, slow_model: 0 } },
    ...SWITCHES.filter(([name]) => switches[name]).map(([name, label]) => ({
      name: label,
      without: { ...switches, [name]: false },
    })),
    shop !== "none" && {
      name: `Shop’s services ${named(SHOP_FAULTS, shop)}`,
      without: { ...switches, shop: "none" },
    },
    ...CALL_SWITCHES.filter(([name]) => call[name]).map(([name, label]) => ({
      name: label,
      without: withCall({ [name]: false }),
    })),
    (call.dial ?? "answered") !== "answered" && {
      name: `A called phone ${named(DIAL_OUTCOMES, call.dial)}`,
      without: withCall({ dial: "answered" }),
    },
  ].filter((fault) => fault !== false && fault !== 0);
}

/**
 * The faults that are on, as a list called `label`. Each is a button that switches it off: `change` gets the
 * switches without it, and may reject. Returns `{ element, show(switches) }`.
 */
export function faultChips(label, change) {
  const list = element("ul", { class: "fault-chips", "aria-label": label, hidden: true });
  const problem = element("p", { class: "problem", role: "alert" });

  async function remove(switches) {
    problem.textContent = "";
    try {
      await change(switches);
    } catch (error) {
      problem.textContent = error.message;
    }
  }

  return {
    element: element("div", { class: "faults-on" }, list, problem),
    show(switches) {
      const on = faultsOn(switches);
      list.hidden = on.length === 0;
      list.replaceChildren(
        ...on.map(({ name, without }) =>
          element(
            "li",
            {},
            element(
              "button",
              { type: "button", title: "Switch this fault off", onclick: () => remove(without) },
              hidden("Switch off: "),
              name,
              icon("close"),
            ),
          ),
        ),
      );
    },
  };
}

/**
 * A group of switches called `legend`. `change` gets all of them when one was changed, and may
 * reject. Returns `{ element, show }`; `show` sets what is on.
 */
export function faultForm(id, legend, change) {
  const problem = element("p", { class: "problem", role: "alert" });
  const boxes = new Map(
    [...SWITCHES, ...CALL_SWITCHES].map(([name]) => [
      name,
      element("input", {
        type: "checkbox",
        id: `${id}-${name}`,
        "aria-describedby": `${id}-${name}-help`,
        onchange: changed,
      }),
    ]),
  );
  const slow = element("input", {
    type: "checkbox",
    id: `${id}-slow`,
    "aria-describedby": `${id}-slow-help`,
    onchange: changed,
  });
  const seconds = element("input", {
    type: "number",
    id: `${id}-seconds`,
    min: "1",
    max: String(MOST_SECONDS),
    value: String(SLOW_SECONDS),
    "aria-label": "Seconds that the model takes",
    onchange: () => slow.checked && changed(),
  });
  const shop = element(
    "select",
    { id: `${id}-shop`, "aria-describedby": `${id}-shop-help`, onchange: changed },
    SHOP_FAULTS.map(([value, text]) => element("option", { value }, text)),
  );
  const dial = element(
    "select",
    { id: `${id}-dial`, "aria-describedby": `${id}-dial-help`, onchange: changed },
    DIAL_OUTCOMES.map(([value, text]) => element("option", { value }, text)),
  );
  const row = (box, text, help, more) =>
    element(
      "div",
      { class: "switch" },
      box,
      element(
        "div",
        {},
        element("label", { for: box.id }, text),
        more,
        element("p", { class: "help", id: `${box.id}-help` }, help),
      ),
    );
  const form = element(
    "fieldset",
    { class: "switches" },
    element("legend", {}, legend),
    row(
      slow,
      "Slow model",
      "Every answer takes this long. Beyond 10 s, answers come by REST.",
      element("span", { class: "seconds" }, seconds, " s"),
    ),
    SWITCHES.map(([name, label, help]) => row(boxes.get(name), label, help)),
    element(
      "div",
      { class: "shop" },
      element("label", { for: shop.id }, "Shop’s services"),
      shop,
      element(
        "p",
        { class: "help", id: `${id}-shop-help` },
        "The services behind tools, hand-off and intake.",
      ),
    ),
    CALL_SWITCHES.map(([name, label, help]) => row(boxes.get(name), label, help)),
    element(
      "div",
      { class: "shop" },
      element("label", { for: dial.id }, "A called phone"),
      dial,
      element(
        "p",
        { class: "help", id: `${id}-dial-help` },
        "The one that a call is handed off to, and this one when Switchboard calls it.",
      ),
    ),
    problem,
  );
  let shown = {};

  async function changed() {
    const checked = (list) =>
      Object.fromEntries(list.map(([name]) => [name, boxes.get(name).checked]));
    const call = { ...checked(CALL_SWITCHES), dial: dial.value };
    const time = Math.round(Number(seconds.value));
    if (!(time >= 1 && time <= MOST_SECONDS)) {
      problem.textContent = `The model can take 1 to ${MOST_SECONDS} seconds.`;
      return;
    }
    problem.textContent = "";
    try {
      await change({
        ...checked(SWITCHES),
        call,
        shop: shop.value,
        slow_model: slow.checked ? time : 0,
      });
    } catch (error) {
      show(shown);
      problem.textContent = error.message;
    }
  }

  function show(switches) {
    shown = switches;
    for (const [name] of SWITCHES) boxes.get(name).checked = Boolean(switches[name]);
    for (const [name] of CALL_SWITCHES) boxes.get(name).checked = Boolean(switches.call?.[name]);
    dial.value = switches.call?.dial ?? "answered";
    shop.value = switches.shop ?? "none";
    slow.checked = Boolean(switches.slow_model);
    if (switches.slow_model) seconds.value = String(switches.slow_model);
  }

  return { element: form, show };
}
