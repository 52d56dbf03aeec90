// The messages of a phone, as bubbles, and what stands in their place: suggestions, and what the Worker
// remembers. Beneath them it says who is waited for.

import { clock, duration, element, hidden, icon } from "./dom.js";

/** The meaning of the ticks of a sent message. */
const STATES = {
  sent: "Sent, not answered yet",
  delivered: "Delivered",
  read: "Read",
  failed: "Not delivered",
};

const SUGGESTIONS = ["Hello", "What can you do?", "What did I say first?", "Write 2500 characters"];

// An answer that comes at once shows no waiting.
const SHOW_WAIT_AFTER = 400;

/**
 * The messages of a phone. `actions`: `send(text)`, `inspect(item)`, `replay(item)`, `quote(item)`,
 * `react(item)`. Returns `{ elements, show(items), append(item), update(item), reveal(item),
 * waiting(wait), remember(state), channel(name) }`.
 */
export function threadView(phone, actions) {
  const shown = new Map();
  let isWhatsapp = false;
  let atEnd = true;
  let timer;

  const suggestion = (text) =>
    element(
      "button",
      { type: "button", class: "chip", onclick: () => actions.send(text) },
      text,
      hidden(`: send this from ${phone.name}`),
    );
  const memory = element("div", { class: "memory", role: "status" });
  const empty = element(
    "li",
    { class: "empty" },
    memory,
    element("p", {}, "No messages yet. Write one, or send one of these:"),
    element("div", { class: "suggestions" }, SUGGESTIONS.map(suggestion)),
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
  // A screen reader hears what is waited for once, and not each second.
  const waitWords = element("span", { role: "status" });
  const seconds = element("span", { class: "seconds-waited", "aria-hidden": "true" });
  const waitLine = element("p", { class: "typing" }, dots, element("span", {}, waitWords, seconds));
  dots.hidden = true;

  scroller.addEventListener(
    "scroll",
    () => (atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80),
  );
  // The newest message stays visible when a drawer opens or the window changes its size.
  new ResizeObserver(() => atEnd && toEnd()).observe(scroller);

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
  }

  function show(items) {
    shown.clear();
    thread.replaceChildren();
    remember(undefined);
    if (items.length === 0) thread.append(empty);
    for (const item of items) append(item);
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
    const made = shown.get(item);
    if (!made) return;
    if (item.kind === "system") made.textContent = item.text;
    else made.querySelector(".sent-facts")?.replaceWith(sentFacts(item));
  }

  function reveal(item) {
    const made = shown.get(item);
    if (!made) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    made.scrollIntoView({ block: "center", behavior: calm ? "instant" : "smooth" });
    // Reading a size between the two begins the animation again.
    made.classList.remove("flash");
    made.getBoundingClientRect();
    made.classList.add("flash");
  }

  function line(item) {
    if (item.kind === "system")
      return element("li", { class: item.error ? "system error" : "system" }, item.text);
    const bubble = element(
      "div",
      { class: "bubble", dir: "auto" },
      hidden(item.kind === "out" ? "You: " : "Switchboard: "),
      item.media.map(attachment),
      item.text && element("p", {}, item.text),
    );
    const facts =
      item.kind === "out"
        ? [
            element("time", {}, clock(item.at)),
            sentFacts(item),
            tool("Inspect", item, actions.inspect),
            tool("Replay", item, actions.replay),
            isWhatsapp && item.text && tool("Quote", item, actions.quote),
          ]
        : [
            element("time", {}, clock(item.at)),
            element("span", {}, item.via),
            item.after !== undefined && element("span", {}, `after ${duration(item.after)}`),
            item.text && answerTool(item),
          ];
    return element("li", { class: item.kind }, bubble, element("div", { class: "meta" }, facts));
  }

  function answerTool(item) {
    if (isWhatsapp) return item.sid && tool("Quote", item, actions.quote);
    return tool("Like", item, actions.react);
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

  // `wait` is as in threads.js, or nothing.
  function waiting(wait) {
    clearInterval(timer);
    const tick = () => {
      const ms = Date.now() - (wait?.since ?? Date.now());
      const on = wait !== undefined && (wait.typing || wait.later || ms >= SHOW_WAIT_AFTER);
      dots.hidden = !on;
      const words = on ? waitText(wait) : "";
      if (waitWords.textContent !== words) waitWords.textContent = words;
      seconds.textContent =
        on && wait.since !== undefined ? ` ${Math.floor(Math.max(ms, 0) / 1000)} s` : "";
    };
    tick();
    if (wait) timer = setInterval(tick, SHOW_WAIT_AFTER);
    if (wait && atEnd) toEnd();
  }

  // What the Worker remembers of a conversation without messages here, if anything.
  function remember(state) {
    memory.replaceChildren();
    if (!state) return;
    if (state.opted_out)
      memory.append(
        element("p", {}, "The Worker remembers that this contact has opted out."),
        suggestion("START"),
      );
    if (state.turns > 0)
      memory.append(
        element(
          "p",
          {},
          `The Worker remembers ${state.turns === 1 ? "1 turn" : `${state.turns} turns`} of this conversation, which began before the playground was started.`,
        ),
        element(
          "button",
          { type: "button", class: "button small", onclick: () => actions.send("reset") },
          "Reset the conversation",
        ),
      );
  }

  return {
    elements: [scroller, waitLine],
    show,
    append,
    update,
    reveal,
    waiting,
    remember,
    channel(name) {
      isWhatsapp = name === "whatsapp";
    },
  };
}

function waitText({ since, typing, later }) {
  if (typing)
    return since === undefined ? "Switchboard is typing" : "Switchboard is typing, waiting";
  return later ? "The answer comes later by REST, waiting" : "Waiting";
}

// How a message was sent: its tick, and how often.
function sentFacts(item) {
  return element(
    "span",
    { class: "sent-facts" },
    element(
      "span",
      { class: `ticks ${item.state}`, title: STATES[item.state] },
      icon(item.state),
      hidden(STATES[item.state]),
    ),
    item.times > 1 && element("span", {}, `sent ${item.times} times`),
  );
}

function attachment({ content_type: type, preview, name }) {
  if (preview && type.startsWith("image/"))
    return element("img", { src: preview, alt: `Attached image, ${type}` });
  return element("p", { class: "file" }, icon("attach"), [name, type].filter(Boolean).join(", "));
}
