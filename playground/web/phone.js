// One phone: its numbers, its faults, its messages, and the composer (composer.js) of the next one. It
// shows what it is given and tells what a person does; what happens is known to main.js.

import { callView } from "./call.js";
import { composerView } from "./composer.js";
import { clock, duration, element, hidden, icon } from "./dom.js";
import { countOf, faultForm } from "./faults.js";

/** The meaning of the ticks of a sent message. */
export const STATES = {
  sent: "Sent, not answered yet",
  delivered: "Delivered",
  read: "Read",
  failed: "Not delivered",
};
/** The channels, by their name in the playground. */
export const CHANNELS = {
  sms: "SMS",
  whatsapp: "WhatsApp",
  "whatsapp-user": "WhatsApp user",
  rcs: "RCS",
  messenger: "Messenger",
  "short-code": "Short code",
};

const SUGGESTIONS = [
  "Hello",
  "What did I say first?",
  "Write 2500 characters",
  "reset",
  "delete my data",
];

/**
 * A phone, `{ id, name, channel, from, to }`. `actions` are called with what a person does:
 * - `configure({ channel, from, to })`, `remove()`, `activate()`;
 * - `send(text, files, rich)` and `setFaults(switches)`, which may reject with an Error to show.
 *   `rich` is what WhatsApp has besides: `{ quoted, button: { text, payload }, flow }`;
 * - `replay(item)`, `inspect(item)`, `startCall()` and `act(action)`. Returns `{ element, show(items),
 *   append(item), update(item), typing(on), call, faults(switches), rename(phone), active(on), focus()
 *   }`. `call` is from call.js.
 */
export function phoneView(phone, actions) {
  const id = (name) => `phone-${phone.id}-${name}`;
  const shown = new Map();
  const composer = composerView(phone, id, actions.send);
  const { deliver, quote } = composer;

  // Head: name, channel, numbers, and the button to remove it.
  const title = element("h2", { id: id("title") }, phone.name);
  const numbers = element("p", { class: "route" });
  const badge = element("span", { class: "badge" });
  const remove = element(
    "button",
    { type: "button", class: "icon-button", onclick: actions.remove },
    icon("close"),
    hidden(`Remove ${phone.name}`),
  );
  const call = callView(phone, {
    start: actions.startCall,
    act: actions.act,
    // A call takes the place of the messages.
    opened: (on) => {
      for (const part of [scroller, typingLine, composer.element]) part.hidden = on;
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
  const faultDrawer = element(
    "details",
    { class: "drawer" },
    element("summary", {}, "Faults", count),
    faults.element,
  );

  // What WhatsApp can send besides text: a pressed button, and the answers of a form.
  const richField = (name, label, placeholder) => {
    const field = element("input", {
      id: id(name),
      type: "text",
      autocomplete: "off",
      maxLength: 2000,
      placeholder,
    });
    return [field, element("div", {}, element("label", { for: field.id }, label), field)];
  };
  const [buttonText, buttonTextRow] = richField("button-text", "Button", "Book a table");
  const [payload, payloadRow] = richField("button-payload", "Payload", "book_7");
  const [flow, flowRow] = richField("flow", "Answers of a form, as JSON", '{"guests":"4"}');
  const richButton = (text, rich) =>
    element(
      "button",
      { type: "button", class: "chip", onclick: () => deliver("", [], rich()) },
      text,
    );
  const choices = element(
    "details",
    { class: "drawer choices" },
    element("summary", {}, "Buttons and forms"),
    element(
      "div",
      { class: "fields" },
      buttonTextRow,
      payloadRow,
      richButton("Press the button", () => ({
        button: { text: buttonText.value || buttonText.placeholder, payload: payload.value },
      })),
      flowRow,
      richButton("Send the form", () => ({ flow: flow.value || flow.placeholder })),
    ),
  );

  // Messages.
  const empty = element(
    "li",
    { class: "empty" },
    element("p", {}, "No messages yet. Write one, or start with one of these:"),
    element(
      "div",
      { class: "suggestions" },
      SUGGESTIONS.map((text) =>
        element(
          "button",
          { type: "button", class: "chip", onclick: () => composer.suggest(text) },
          text,
        ),
      ),
    ),
  );
  const thread = element("ol", { class: "messages" });
  const scroller = element(
    "div",
    { class: "thread", role: "log", "aria-label": `Messages of ${phone.name}`, tabIndex: 0 },
    thread,
  );
  const dots = element(
    "span",
    { class: "dots", "aria-hidden": "true" },
    element("i"),
    element("i"),
    element("i"),
  );
  const typingLine = element("p", { class: "typing", role: "status" });

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
    call.element,
    scroller,
    typingLine,
    composer.element,
  );
  let atEnd = true;
  scroller.addEventListener(
    "scroll",
    () => (atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80),
  );
  // The newest message stays visible when a drawer opens or the window changes its size.
  new ResizeObserver(() => atEnd && toEnd()).observe(scroller);
  rename(phone);
  show([]);

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
  }

  function configure() {
    actions.configure({ channel: channel.value, from: from.value.trim(), to: to.value.trim() });
  }

  // What an iPhone sends to a number when its owner reacts to a message. WhatsApp tells us nothing.
  function react(item) {
    const words = item.text.replace(/\s+/g, " ");
    const short = words.length > 120 ? `${words.slice(0, 120)}…` : words;
    deliver(`Liked “${short}”`, [], {});
  }

  function answerTools(item) {
    if (channel.value === "whatsapp") return item.sid && tool("Quote", item, quote);
    return tool("Like", item, react);
  }

  function show(items) {
    shown.clear();
    thread.replaceChildren();
    if (items.length === 0) thread.append(empty);
    for (const item of items) append(item);
    composer.clearProblem();
  }

  function append(item) {
    const follow = atEnd || item.kind === "out";
    empty.remove();
    const made = line(item);
    shown.set(item, made);
    thread.append(made);
    if (follow) toEnd();
  }

  function update(item) {
    const old = shown.get(item);
    const ticks = old?.querySelector(".ticks");
    if (ticks) ticks.replaceWith(tickMark(item));
  }

  function line(item) {
    if (item.kind === "system")
      return element("li", { class: item.error ? "system error" : "system" }, item.text);
    const media = item.media.map((file) => attachment(file));
    const bubble = element(
      "div",
      { class: "bubble", dir: "auto" },
      hidden(item.kind === "out" ? "You: " : "Switchboard: "),
      media,
      item.text && element("p", {}, item.text),
    );
    const facts =
      item.kind === "out"
        ? [
            element("time", {}, clock(item.at)),
            tickMark(item),
            tool("Inspect", item, actions.inspect),
            tool("Replay", item, actions.replay),
            channel.value === "whatsapp" && item.text && tool("Quote", item, quote),
          ]
        : [
            element("time", {}, clock(item.at)),
            element("span", {}, item.via),
            item.after !== undefined && element("span", {}, `after ${duration(item.after)}`),
            item.text && answerTools(item),
          ];
    return element("li", { class: item.kind }, bubble, element("div", { class: "meta" }, facts));
  }

  function tool(name, item, action) {
    const about = item.text ? `“${item.text.slice(0, 40)}”` : "the message";
    return element(
      "button",
      { type: "button", class: "tool", onclick: () => action(item) },
      name,
      hidden(` ${about}`),
    );
  }

  function tickMark(item) {
    return element(
      "span",
      { class: `ticks ${item.state}`, title: STATES[item.state] },
      icon(item.state),
      hidden(STATES[item.state]),
    );
  }

  function typing(on) {
    typingLine.replaceChildren(...(on ? [dots, "Switchboard is typing"] : []));
  }

  function rename({ channel: newChannel, from: newFrom, to: newTo }) {
    channel.value = newChannel;
    from.value = newFrom;
    to.value = newTo;
    badge.textContent = CHANNELS[newChannel];
    numbers.textContent = `${newFrom} to ${newTo}`;
    card.dataset.channel = newChannel;
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
    show,
    append,
    update,
    typing,
    call,
    rename,
    faults(switches) {
      faults.show(switches);
      const on = countOf(switches);
      count.textContent = on ? `${on} on` : "";
    },
    active: (on) => card.classList.toggle("active", on),
    focus: composer.focus,
  };
}

function attachment({ content_type: type, preview }) {
  if (preview && type.startsWith("image/"))
    return element("img", { src: preview, alt: `Attached image, ${type}` });
  return element("p", { class: "file" }, icon("attach"), type);
}
