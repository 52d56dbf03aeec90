// The inspector: what an engineer wants to see of the active phone. One panel each for the exchange
// with the Worker, the log, what the model was sent, budget and limits, and the faults of all
// phones. It shows what it is given.

import { byId, clock, duration, element } from "./dom.js";
import { faultForm } from "./faults.js";

const TABS = { exchange: "Exchange", log: "Log", model: "Model", usage: "Usage", faults: "Faults" };
const KINDS = { message: "Message", duplicate: "Duplicate", retry: "Retry", replay: "Replay" };
const MAX_LINES = 500;

/**
 * Fills in the inspector. `actions`: `choose(exchange)`, `refresh()`, `setFaults(switches)`,
 * `opened(tab)`. Returns `{ open(tab), tab(), phone(phone), exchanges(list, chosen), log(line),
 * clearLog(), conversation(told), usage(told), faults(switches) }`.
 */
export function inspectorView(actions) {
  const panels = {};
  const tabs = {};
  let current = "exchange";
  for (const [name, label] of Object.entries(TABS)) {
    tabs[name] = element(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `panel-${name}`,
        onclick: () => open(name),
        onkeydown: move,
      },
      label,
    );
    panels[name] = element("div", {
      role: "tabpanel",
      id: `panel-${name}`,
      class: "panel",
      "aria-labelledby": `tab-${name}`,
      tabIndex: 0,
    });
  }
  byId("tabs").append(...Object.values(tabs));
  byId("panels").append(...Object.values(panels));
  const inspected = byId("inspected");

  // Exchange.
  const choice = element("select", {
    id: "exchange-choice",
    onchange: () => actions.choose(Number(choice.value)),
  });
  const exchange = element("div", {});
  panels.exchange.append(
    element("div", { class: "row" }, element("label", { for: choice.id }, "Webhook"), choice),
    exchange,
  );

  // Log.
  const own = element("input", { type: "checkbox", id: "log-own", onchange: filterLog });
  const lines = element("ol", { class: "log" });
  const noLines = element(
    "p",
    { class: "quiet" },
    "The Worker’s log lines come here as it writes them, with the requests that it makes.",
  );
  let activePhone;
  panels.log.append(
    element(
      "div",
      { class: "row check" },
      own,
      element("label", { for: own.id }, "Only the lines of this phone"),
    ),
    noLines,
    lines,
  );

  const faults = faultForm("all-faults", "Faults for all phones", actions.setFaults);
  panels.faults.append(
    faults.element,
    element(
      "p",
      { class: "help" },
      "Each phone has switches of its own as well, under “Faults” in its head.",
    ),
  );
  open(current);

  function open(name) {
    current = name;
    for (const other of Object.keys(TABS)) {
      tabs[other].setAttribute("aria-selected", String(other === name));
      tabs[other].tabIndex = other === name ? 0 : -1;
      panels[other].hidden = other !== name;
    }
    actions.opened(name);
  }

  function move(event) {
    const names = Object.keys(TABS);
    const at = names.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[
      event.key
    ];
    if (next === undefined) return;
    event.preventDefault();
    open(names.at(next % names.length));
    tabs[current].focus();
  }

  function filterLog() {
    for (const line of lines.children)
      line.hidden = own.checked && line.dataset.phone !== activePhone;
  }

  function exchanges(list, chosen) {
    choice.disabled = list.length === 0;
    choice.replaceChildren(
      ...(list.length
        ? list.map((one) =>
            element(
              "option",
              { value: String(one.exchange), selected: one === chosen },
              titleOf(one),
            ),
          )
        : [element("option", {}, "none yet")]),
    );
    exchange.replaceChildren(
      ...(chosen
        ? exchangeDetails(chosen)
        : [
            element(
              "p",
              { class: "quiet" },
              "Send a message: the request as Twilio sends it comes here, with the Worker’s answer.",
            ),
          ]),
    );
  }

  return {
    open,
    tab: () => current,
    phone(phone, words) {
      activePhone = phone && String(phone.id);
      inspected.textContent = words;
      filterLog();
    },
    exchanges,
    /**
     * `{ at, source, level, text, facts, phone }`; `phone` is `{ id, name }` of the phone that it
     * is about, if known.
     */
    log(line) {
      noLines.hidden = true;
      const made = element(
        "li",
        { "data-level": line.level },
        element(
          "span",
          { class: "log-head" },
          element("time", {}, clock(line.at, true)),
          element("span", { class: `source ${line.source.toLowerCase()}` }, line.source),
          element("strong", {}, line.text),
          line.phone && element("span", { class: "of" }, line.phone.name),
        ),
        line.facts.length > 0 &&
          element(
            "span",
            { class: "facts" },
            line.facts.map(([name, value]) =>
              element("span", {}, `${name} `, element("b", {}, value)),
            ),
          ),
      );
      if (line.phone) made.dataset.phone = line.phone.id;
      made.hidden = own.checked && made.dataset.phone !== activePhone;
      lines.prepend(made);
      while (lines.childElementCount > MAX_LINES) lines.lastElementChild.remove();
    },
    clearLog() {
      lines.replaceChildren();
      noLines.hidden = false;
    },
    conversation: (told) => panels.model.replaceChildren(...conversationDetails(told)),
    usage: (told) => panels.usage.replaceChildren(...usageDetails(told, actions.refresh)),
    faults: (switches) => faults.show(switches),
  };
}

function titleOf({ kind, at, forged, answer }) {
  const result = !answer ? "waiting" : answer.problem ? "no answer" : String(answer.status);
  return `${clock(at, true)} ${KINDS[kind]}${forged ? ", forged" : ""}: ${result}`;
}

// The answer first: it is what one looks for.
function exchangeDetails({ request, answer, forged }) {
  return [
    element("h3", {}, "Answer"),
    ...answerDetails(answer),
    element("h3", {}, "Request"),
    request &&
      element("p", { class: "request-line" }, element("b", {}, request.method), ` ${request.url}`),
    forged && element("p", { class: "warn" }, "Signed with a token that is not Twilio’s."),
    request && pairs("Headers", request.headers, true),
    request && pairs("Parameters", request.parameters, true),
  ].filter(Boolean);
}

function answerDetails(answer) {
  if (!answer) return [element("p", { class: "quiet" }, "Waiting for the Worker.")];
  const lost =
    answer.lost &&
    element(
      "p",
      { class: "warn" },
      "Lost on its way: Twilio hung up, and sends the message again.",
    );
  if (answer.problem)
    return [
      element(
        "p",
        { class: "warn" },
        `No answer after ${duration(answer.took_ms)}: ${answer.problem}.`,
      ),
      lost,
    ].filter(Boolean);
  const good = answer.status < 400;
  return [
    element(
      "p",
      { class: "status-line" },
      element("span", { class: good ? "status good" : "status bad" }, String(answer.status)),
      ` in ${duration(answer.took_ms)}`,
    ),
    lost,
    answer.complaint &&
      element(
        "p",
        { class: "warn" },
        `Twilio would report ${answer.complaint.code}: ${answer.complaint.reason}.`,
      ),
    pairs("Headers", answer.headers, false),
    answer.body
      ? element("pre", { tabIndex: 0, "aria-label": "Body of the answer" }, answer.body)
      : element("p", { class: "quiet" }, "No body."),
  ].filter(Boolean);
}

function pairs(title, list, open) {
  return element(
    "details",
    { class: "pairs", open },
    element("summary", {}, `${title} (${list.length})`),
    element(
      "dl",
      {},
      list.flatMap(([name, value]) => [
        element("dt", {}, name),
        element("dd", {}, value === "" ? element("i", {}, "empty") : value),
      ]),
    ),
  );
}

function conversationDetails({ problem, request, answered }) {
  if (problem) return [element("p", { class: "notice" }, problem)];
  if (!request)
    return [element("p", { class: "quiet" }, "The model was not asked for this phone yet.")];
  const { body, status, took_ms: took, outcome, received_at: at, deprecation } = request;
  const results = {
    pending: "not answered yet",
    dropped: "its answer was lost",
    client_gone: "the Worker did not wait for the answer",
  };
  const result = results[outcome] ?? `${status} in ${duration(took)}`;
  return [
    element("h3", {}, "What the model was sent"),
    element(
      "p",
      { class: "facts" },
      [
        ["at", clock(at, true)],
        ["model", body.model],
        ["effort", body.reasoning_effort],
        ["deprecated", deprecation],
        ["tokens at most", body.max_completion_tokens ?? body.max_tokens],
        ["answer", result],
      ]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => element("span", {}, `${name} `, element("b", {}, String(value)))),
    ),
    element(
      "ol",
      { class: "turns" },
      (body.messages ?? []).map(({ role, content }) =>
        element(
          "li",
          { "data-role": role },
          element("span", { class: "role" }, role),
          contentOf(content),
        ),
      ),
    ),
    answered && element("p", { class: "quiet" }, answered),
  ].filter(Boolean);
}

function contentOf(content) {
  if (!Array.isArray(content)) return element("p", { dir: "auto" }, String(content));
  return content.map((part) =>
    element(
      "p",
      { dir: "auto" },
      part.text ?? `[${part.type}: ${part[part.type]?.url ?? JSON.stringify(part[part.type])}]`,
    ),
  );
}

function usageDetails({ usage, sender, phone }, refresh) {
  return [
    element(
      "div",
      { class: "row" },
      element("h3", {}, "Today"),
      element("button", { type: "button", class: "button small", onclick: refresh }, "Refresh"),
    ),
    ...(usage?.problem
      ? [element("p", { class: "notice" }, usage.problem)]
      : usage?.body
        ? usageOf(usage.body)
        : [element("p", { class: "quiet" }, "Not asked yet.")]),
    element("h3", {}, phone ? phone.name : "This phone"),
    ...(sender?.problem
      ? sender.problem === usage?.problem
        ? [element("p", { class: "quiet" }, "Not known either.")]
        : [element("p", { class: "notice" }, sender.problem)]
      : sender?.body
        ? [grid(senderOf(sender.body))]
        : [element("p", { class: "quiet" }, "Not asked yet.")]),
  ];
}

function usageOf(usage) {
  const { used = 0, cap = 0 } = usage.model_requests ?? {};
  const cost = usage.estimated_cost;
  const refusals = Object.entries(usage.refusals ?? {}).filter(([, count]) => count > 0);
  return [
    element(
      "p",
      { class: "budget" },
      element("label", { for: "budget" }, "Requests to the model"),
      element("span", {}, `${used} of ${cap}`),
    ),
    element(
      "meter",
      {
        id: "budget",
        min: 0,
        max: Math.max(cap, 1),
        high: cap * 0.8,
        value: Math.min(used, Math.max(cap, 1)),
      },
      `${used} of ${cap}`,
    ),
    grid([
      ["Day (UTC)", usage.day],
      ["Tokens in", usage.tokens?.prompt],
      ["Tokens out", usage.tokens?.completion],
      ["Estimated cost", cost === null || cost === undefined ? "no prices set" : cost.toFixed(6)],
      ["Messages in", usage.messages_in],
      ["Answers in the webhook", usage.answers?.inline],
      ["Answers by REST", usage.answers?.by_rest],
      [
        "Refused",
        refusals.length
          ? refusals.map(([kind, count]) => `${kind.replaceAll("_", " ")} ${count}`).join(", ")
          : "none",
      ],
    ]),
  ];
}

function senderOf(sender) {
  const yes = (value) => (value ? "yes" : "no");
  return [
    ["Opted out", yes(sender.opted_out)],
    ["Turns remembered", sender.turns],
    ["Revision", sender.revision ?? "none"],
    [
      "Forgotten at",
      sender.expires_at ? clock(Date.parse(sender.expires_at), true) : "nothing to forget",
    ],
    ["Turn running", yes(sender.turn_running)],
    ["Messages waiting", sender.pending_messages],
    ["Answers waiting for REST", sender.waiting_sends],
    ["Messages in the last minute", sender.messages_last_minute],
  ];
}

function grid(list) {
  return element(
    "dl",
    { class: "grid" },
    list.flatMap(([name, value]) => [
      element("dt", {}, name),
      element("dd", {}, String(value ?? "unknown")),
    ]),
  );
}
