// The inspector shows the technical side of the active phone in six tabs: the exchange with the
// Worker, the log, the model request, the calls of the shop, usage, and the faults of all phones.
//
// It only shows what it is given (main.js). The contents of most tabs are built in details.js.

import { conversationDetails, exchangeDetails, shopDetails, usageDetails } from "./details.js";
import { byId, clock, element, hidden } from "./dom.js";
import { countOf, faultForm } from "./faults.js";

const TABS = {
  exchange: "Exchange",
  log: "Log",
  model: "Model",
  shop: "Shop",
  usage: "Usage",
  faults: "Faults",
};
const KINDS = {
  message: "Message",
  duplicate: "Duplicate",
  retry: "Retry",
  replay: "Replay",
  voice: "Call",
  action: "Call, action",
  status: "Call, status",
};
const MAX_LINES = 500;

/**
 * Creates the inspector. `actions`: `choose(exchange)`, `refresh()`, `setFaults(switches)`,
 * `opened(tab)`. Returns `{ addTab(name, label), open(tab), tab(), phone(phone), exchanges(list, chosen),
 * log(line), clearLog(), conversation(told), shop(calls), usage(told), faults(switches) }`. `addTab` returns
 * the panel of the new tab, the last one.
 */
export function inspectorView(actions) {
  const panels = {};
  const tabs = {};
  let current = "exchange";
  for (const [name, label] of Object.entries(TABS)) addTab(name, label);
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

  const faultCount = element("span", { class: "count" });
  tabs.faults.append(" ", faultCount);
  const faults = faultForm("all-faults", "Faults for all phones", actions.setFaults);
  panels.faults.append(
    faults.element,
    element(
      "p",
      { class: "help" },
      "Each phone also has its own switches, under “Faults” in its head.",
    ),
  );
  open(current);

  function addTab(name, label) {
    tabs[name] = element(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": `panel-${name}`,
        "aria-selected": "false",
        tabIndex: -1,
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
      hidden: true,
    });
    byId("tabs").append(tabs[name]);
    byId("panels").append(panels[name]);
    return panels[name];
  }

  function open(name) {
    current = name;
    for (const other of Object.keys(tabs)) {
      tabs[other].setAttribute("aria-selected", String(other === name));
      tabs[other].tabIndex = other === name ? 0 : -1;
      panels[other].hidden = other !== name;
    }
    actions.opened(name);
  }

  function move(event) {
    const names = Object.keys(tabs);
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
    addTab,
    open,
    tab: () => current,
    phone(phone, words) {
      activePhone = phone && String(phone.id);
      inspected.textContent = words;
      filterLog();
    },
    exchanges,
    /**
     * Adds `{ at, source, level, text, facts, phone }`. `phone` is the phone that the line is about,
     * if it is known.
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
    shop: (calls) => panels.shop.replaceChildren(...shopDetails(calls)),
    usage: (told) => panels.usage.replaceChildren(...usageDetails(told, actions.refresh)),
    faults(switches) {
      faults.show(switches);
      const on = countOf(switches);
      faultCount.replaceChildren(...(on ? [String(on), hidden(" on for all phones")] : []));
    },
  };
}

function titleOf({ kind, at, forged, answer }) {
  const result = !answer ? "waiting" : answer.problem ? "no answer" : String(answer.status);
  return `${clock(at, true)} ${KINDS[kind]}${forged ? ", forged" : ""}: ${result}`;
}
