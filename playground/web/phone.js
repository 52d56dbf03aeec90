// One phone: its numbers, its faults, its messages (thread-view.js), its calls (call.js), and the composer
// (composer.js) of the next message. Or, when it is folded, its row in the shelf. It shows what it is given
// and tells what a person does; what happens is known to main.js.

import { callView } from "./call.js";
import { composerView } from "./composer.js";
import { element, hidden, icon } from "./dom.js";
import { countOf, faultChips, faultForm } from "./faults.js";
import { richDrawer } from "./rich.js";
import { threadView } from "./thread-view.js";

/** The channels, by their name in the playground. */
export const CHANNELS = {
  sms: "SMS",
  whatsapp: "WhatsApp",
  "whatsapp-user": "WhatsApp user",
  rcs: "RCS",
  messenger: "Messenger",
  "short-code": "Short code",
};

/**
 * A phone, `{ id, name, channel, from, to }`. `actions` are called with what a person does:
 * - `configure({ channel, from, to })`, `remove()`, `activate()`, `unfold()`;
 * - `send(text, files, rich)` and `setFaults(switches)`, which may reject with an Error to show.
 *   `rich` is what WhatsApp has besides: `{ quoted, button: { text, payload }, flow }`;
 * - `replay(item)`, `inspect(item)`, `startCall()` and `act(action)`.
 *
 * Returns `{ element, row, show(items), append(item), update(item), reveal(item), waiting(wait),
 * remember(state), call, faults(switches), rename(phone), active(on), fold(on), focus() }`. `row` is for the
 * shelf, `call` is from call.js.
 */
export function phoneView(phone, actions) {
  const id = (name) => `phone-${phone.id}-${name}`;
  const composer = composerView(phone, id, actions.send);
  const { deliver, quote } = composer;
  const thread = threadView(phone, {
    send: (text) => deliver(text, [], {}),
    inspect: actions.inspect,
    replay: actions.replay,
    quote,
    react,
  });

  // Head: name, channel, numbers, and the button to remove it.
  const title = element("h2", { id: id("title") }, phone.name);
  const numbers = element("p", { class: "route" });
  const badge = element("span", { class: "badge" });
  const remove = element(
    "button",
    { type: "button", class: "icon-button", title: "Remove", onclick: actions.remove },
    icon("close"),
    hidden(`Remove ${phone.name}`),
  );
  const call = callView(phone, {
    start: actions.startCall,
    act: actions.act,
    // A call takes the place of the messages.
    opened: (on) => {
      for (const part of [...thread.elements, composer.element]) part.hidden = on;
    },
  });
  const head = element(
    "header",
    {},
    element("div", { class: "who" }, element("div", { class: "name" }, title, badge), numbers),
    call.button,
    remove,
  );

  // Drawers: numbers and faults.
  const channel = element(
    "select",
    { id: id("channel"), onchange: configure },
    Object.entries(CHANNELS).map(([value, text]) => element("option", { value }, text)),
  );
  const numberField = (name, help) =>
    element("input", {
      id: id(name),
      type: "text",
      inputMode: "tel",
      autocomplete: "off",
      maxLength: 60,
      "aria-describedby": id("numbers-help"),
      onchange: configure,
      title: help,
    });
  const from = numberField("from", "Who writes");
  const to = numberField("to", "The number that is written to");
  const settings = element(
    "details",
    { class: "drawer" },
    element("summary", {}, "Numbers"),
    element(
      "div",
      { class: "fields" },
      element("div", {}, element("label", { for: channel.id }, "Channel"), channel),
      element("div", {}, element("label", { for: from.id }, "From"), from),
      element("div", {}, element("label", { for: to.id }, "To"), to),
      element(
        "p",
        { class: "help", id: id("numbers-help") },
        "Every pair of numbers is a separate conversation.",
      ),
    ),
  );
  const count = element("span", { class: "count" });
  const faults = faultForm(id("faults"), `Faults for ${phone.name}`, actions.setFaults);
  const chips = faultChips(`Faults of ${phone.name} that are on`, actions.setFaults);
  const faultDrawer = element(
    "details",
    { class: "drawer" },
    element("summary", {}, "Faults", count),
    faults.element,
  );
  const choices = richDrawer(id, (rich) => deliver("", [], rich));
  const drawers = element("div", { class: "drawers" }, settings, faultDrawer);

  const card = element(
    "article",
    {
      class: "phone",
      "aria-labelledby": title.id,
      onfocusin: actions.activate,
      onpointerdown: actions.activate,
    },
    head,
    drawers,
    chips.element,
    call.element,
    thread.elements,
    composer.element,
  );

  // The row of a phone that is folded.
  let unread = 0;
  // What came before is read.
  let foldedAt = Date.now();
  const unreadMark = element("span", { class: "unread" });
  const lastWords = element("span", { class: "last" });
  const rowBadge = element("span", { class: "badge" });
  const row = element(
    "li",
    {},
    element(
      "button",
      { type: "button", class: "folded", onclick: actions.unfold },
      element("span", { class: "folded-name" }, hidden("Open "), phone.name),
      rowBadge,
      lastWords,
      unreadMark,
    ),
  );
  rename(phone);
  show([]);

  function configure() {
    actions.configure({ channel: channel.value, from: from.value.trim(), to: to.value.trim() });
  }

  // What an iPhone sends to a number when its owner reacts to a message. WhatsApp tells us nothing.
  function react(item) {
    const words = item.text.replace(/\s+/g, " ");
    const short = words.length > 120 ? `${words.slice(0, 120)}…` : words;
    deliver(`Liked “${short}”`, [], {});
  }

  function show(items) {
    thread.show(items);
    composer.clearProblem();
    lastWords.textContent = wordsOf(items.findLast(({ kind }) => kind !== "system"));
    showUnread(0);
  }

  function append(item) {
    thread.append(item);
    if (item.kind === "system") return;
    lastWords.textContent = wordsOf(item);
    if (item.kind === "in" && card.hidden && item.at >= foldedAt) showUnread(unread + 1);
  }

  function showUnread(number) {
    unread = number;
    unreadMark.replaceChildren(...(number ? [String(number), hidden(" unread")] : []));
  }

  function rename({ channel: newChannel, from: newFrom, to: newTo }) {
    channel.value = newChannel;
    from.value = newFrom;
    to.value = newTo;
    for (const mark of [badge, rowBadge]) mark.textContent = CHANNELS[newChannel];
    numbers.textContent = `${newFrom} to ${newTo}`;
    card.dataset.channel = newChannel;
    row.dataset.channel = newChannel;
    thread.channel(newChannel);
    // Only a plain number can call.
    call.button.hidden = newChannel !== "sms";
    if (newChannel === "whatsapp") drawers.append(choices);
    else {
      choices.remove();
      quote(undefined);
    }
  }

  return {
    element: card,
    row,
    show,
    append,
    update: thread.update,
    reveal: thread.reveal,
    waiting: thread.waiting,
    remember: thread.remember,
    call,
    rename,
    faults(switches) {
      faults.show(switches);
      chips.show(switches);
      const on = countOf(switches);
      count.textContent = on ? `${on} on` : "";
    },
    active: (on) => card.classList.toggle("active", on),
    fold(on) {
      if (on && !card.hidden) foldedAt = Date.now();
      card.hidden = on;
      row.hidden = !on;
      if (!on) showUnread(0);
    },
    focus: composer.focus,
  };
}

function wordsOf(item) {
  if (!item) return "No messages yet";
  const words = item.text || "A file";
  return item.kind === "out" ? `You: ${words}` : words;
}
