// The page: it follows the playground's feed, keeps what happened, and lets the phones and the
// inspector show it.
//
// Everything that is shown comes out of the feed, so that a reload, a second window and a lost
// connection all end up with the same picture. Which phones there are is this browser's own
// business and kept in its storage.

import { byId, element, request } from "./dom.js";
import { countOf } from "./faults.js";
import { inspectorView } from "./inspector.js";
import { CHANNELS, phoneView } from "./phone.js";

const STORAGE = "switchboard.phones";
const MAX_PHONES = 12;
const TYPING_LASTS = 25_000;

// What is shown: the phones, the one that the inspector is about, and the exchange chosen there.
const phones = storedPhones();
const views = new Map();
let active;
let chosen;

// What happened, by pair of addresses, by number and by MessageSid; and the faults that are on.
let threads, exchanges, messages;
/** @type {{ all: object, phones: { from: string, to: string, switches: object }[] }} */
let switches = { all: {}, phones: [] };
let asking;
forget();

const inspector = inspectorView({
  choose(exchange) {
    chosen = exchange;
    showExchanges();
  },
  refresh: askUsage,
  setFaults: (wanted) =>
    request("PUT", "/playground/switches", { switches: wanted }).then(takeSwitches),
  opened(tab) {
    if (!active) return;
    if (tab === "model") askConversation();
    if (tab === "usage") askUsage();
  },
});

for (const phone of phones) addView(phone);
activate(phones[0]);
byId("add-phone").addEventListener("click", addPhone);
follow();

// The feed.

function follow() {
  const source = new EventSource("/playground/events");
  const status = byId("connection");
  const say = (words, state) => {
    if (status.textContent === words) return;
    status.textContent = words;
    status.dataset.state = state;
  };
  source.addEventListener("open", () => say("Live", "live"));
  // The browser tries again by itself, unless it was told that there is nothing.
  source.addEventListener("error", () => {
    say("Connection lost, trying again", "lost");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(follow, 2000);
  });
  source.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    HANDLERS[event.type]?.(event);
  });
}

const HANDLERS = {
  start() {
    forget();
    inspector.clearLog();
    for (const phone of phones) showPhone(phone);
    showExchanges();
    request("GET", "/playground/setup").then(({ worker, switches: set }) => {
      byId("worker").textContent = `Phones that write to ${worker}`;
      takeSwitches(set);
    }, showProblem);
  },

  sent(event) {
    exchanges.set(event.exchange, event);
    if (event.kind === "message") {
      const media = event.media.map((file) => ({
        ...file,
        preview: `/playground/media/${file.url.split("/").at(-1)}`,
      }));
      const item = {
        kind: "out",
        key: keyOf(event.from, event.to),
        sid: event.sid,
        text: event.text,
        media,
        at: event.at,
        state: "sent",
        answers: [],
      };
      messages.set(event.sid, item);
      add(item);
    }
    if (isActive(event)) {
      chosen = event.exchange;
      showExchanges();
    }
  },

  answered(event) {
    const exchange = exchanges.get(event.exchange);
    if (!exchange) return;
    exchange.answer = event;
    const item = messages.get(exchange.sid);
    if (item) tell(item, exchange, event);
    if (isActive(exchange)) {
      showExchanges();
      askUsageSoon();
    }
  },

  message(event) {
    for (const key of threads.keys()) {
      const [from, to] = key.split("|");
      if (event.to !== from || (event.from && event.from !== to)) continue;
      stopTyping(key);
      const asked = threads.get(key).items.findLast(({ kind }) => kind === "out");
      add({
        kind: "in",
        key,
        text: event.text,
        media: [],
        at: event.at,
        via: "by REST",
        after: asked && event.at - asked.at,
      });
      if (key === keyOfPhone(active)) askUsageSoon();
    }
  },

  typing({ sid, at }) {
    const item = messages.get(sid);
    if (!item) return;
    setState(item, "read");
    const left = at + TYPING_LASTS - Date.now();
    const thread = threads.get(item.key);
    clearTimeout(thread.typing);
    // An answer that is there already ends it.
    if (left <= 0 || item.answers.some((answer) => answer.length > 0)) return;
    thread.typing = setTimeout(() => stopTyping(item.key), left);
    eachView(item.key, (view) => view.typing(true));
  },

  log({ line }) {
    const { time, event, details, phone_hash: hash, ...rest } = line;
    const facts = Object.entries({ ...details, ...rest })
      .filter(([name]) => name !== "kind")
      .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
    const text = [event ?? "line", details?.kind].filter(Boolean).join(": ");
    const level =
      event === "security_event" ||
      /failed|error|unreadable/.test(event) ||
      rest.outcome === "failed"
        ? "warn"
        : "plain";
    // The hash tells the person, not the pair of numbers: of several phones of one person, the one
    // that wrote last is named.
    const known = [...exchanges.values()].findLast(
      ({ phone_hash: other }) => other && other === hash,
    );
    inspector.log({
      at: Date.parse(time) || Date.now(),
      source: "Worker",
      level,
      text,
      facts,
      phone: known && phoneOf(keyOf(known.from, known.to)),
    });
  },

  call(event) {
    const key = event.name && [...exchanges.values()].find(({ name }) => name === event.name);
    const phone = key
      ? phoneOf(keyOf(key.from, key.to))
      : phones.find((one) => addressOf(one.channel, one.from) === event.to);
    if (event.outcome !== "pending") {
      const results = { dropped: "answer lost", client_gone: "not waited for" };
      const source = event.service === "openai" ? "Model" : "Twilio";
      const facts = [
        ["path", event.path],
        ["took", `${event.took_ms} ms`],
        ...(event.fault ? [["fault", event.fault]] : []),
      ];
      const bad = !event.status || event.status >= 400;
      inspector.log({
        at: event.at,
        source,
        level: bad ? "warn" : "plain",
        text: `${event.method} ${results[event.outcome] ?? event.status}`,
        facts,
        phone,
      });
    }
    if (event.service === "openai" && phone && phone === active && inspector.tab() === "model")
      askConversation();
  },

  switches: ({ switches: set }) => takeSwitches(set),
};

// What an answer to a webhook means for the thread.
function tell(item, { kind, forged }, answer) {
  const { key } = item;
  const again = { duplicate: "Delivered twice", retry: "Sent again", replay: "Replayed" }[kind];
  const prefix = again ? `${again}: ` : "";
  const system = (text, error = false) => add({ kind: "system", key, text, error, at: answer.at });
  if (answer.lost) {
    return system(
      answer.problem
        ? `${answer.problem}, and sends the message again.`
        : "The answer was lost on its way to Twilio, which sends the message again.",
    );
  }
  if (answer.problem) {
    setState(item, "failed");
    return system(`${prefix}${again ? answer.problem : capital(answer.problem)}.`, true);
  }
  if (answer.complaint) {
    setState(item, "failed");
    const said =
      answer.status === 200
        ? `Twilio cannot use this answer: ${answer.complaint.reason}`
        : `The Worker answered ${answer.status}${forged ? " to the forged signature" : ""}: ${firstLine(answer.body)}`;
    return system(`${prefix}${said} (Twilio: ${answer.complaint.code})`, true);
  }
  setState(item, "delivered");
  if (answer.redirect)
    system(
      `${prefix}The answer redirects to ${answer.redirect}, which the playground does not follow.`,
      true,
    );
  const texts = answer.messages.map(({ text }) => text);
  const known = item.answers.some((other) => other.join("\0") === texts.join("\0"));
  const first = item.answers.length === 0;
  item.answers.push(texts);
  // Of two deliveries at once either may be answered first.
  const label = again ?? "Delivered twice";
  if (known)
    return system(
      texts.length
        ? `${label}: the same answer came back. It is not shown twice.`
        : `${label}: an empty answer, as before.`,
    );
  if (!first || kind === "retry" || kind === "replay")
    system(texts.length ? `${label}: this is the answer.` : `${label}: an empty answer.`);
  else if (texts.length === 0)
    system("Empty answer: there is nothing to say, or it comes later by REST.");
  if (texts.length) stopTyping(key);
  for (const { text, media } of answer.messages) {
    add({
      kind: "in",
      key,
      text,
      media: media.map((url) => ({ content_type: url })),
      at: answer.at,
      via: "in the webhook",
      after: answer.took_ms,
    });
  }
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function firstLine(body) {
  const line = body.trim().split("\n")[0];
  return line.length > 160 ? `${line.slice(0, 160)}…` : line || "no body";
}

function setState(item, state) {
  const rank = ["failed", "sent", "delivered", "read"];
  // A message that was taken in stays so, whatever becomes of its copies.
  if (item.state !== "sent" && rank.indexOf(state) < rank.indexOf(item.state)) return;
  item.state = state;
  eachView(item.key, (view) => view.update(item));
}

function forget() {
  for (const { typing } of threads?.values() ?? []) clearTimeout(typing);
  threads = new Map();
  exchanges = new Map();
  messages = new Map();
  chosen = undefined;
  for (const phone of phones) thread(keyOfPhone(phone));
}

function thread(key) {
  if (!threads.has(key)) threads.set(key, { items: [], typing: undefined });
  return threads.get(key);
}

function add(item) {
  thread(item.key).items.push(item);
  eachView(item.key, (view) => view.append(item));
}

function stopTyping(key) {
  clearTimeout(thread(key).typing);
  thread(key).typing = undefined;
  eachView(key, (view) => view.typing(false));
}

// The phones.

function storedPhones() {
  const known = (phone) =>
    Number.isInteger(phone?.id) &&
    phone.channel in CHANNELS &&
    [phone.name, phone.from, phone.to].every((text) => typeof text === "string");
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE) ?? "").filter(known);
    if (stored.length) return stored.slice(0, MAX_PHONES);
  } catch {
    // nothing stored, or nothing that is understood
  }
  return [newPhone([], "sms")];
}

function newPhone(others, channel) {
  const free = (taken) => {
    for (let number = 0; ; number += 1) if (!taken.includes(number)) return number;
  };
  const id = free(others.map((phone) => phone.id - 1)) + 1;
  const number = free(others.map(({ from }) => Number(from.match(/^\+155501(\d\d)$/)?.[1] ?? 0)));
  return {
    id,
    name: `Phone ${id}`,
    channel,
    from: `+155501${String(number).padStart(2, "0")}`,
    to: "+15550199",
  };
}

function addPhone() {
  // The second phone is there to see the other channel.
  const phone = newPhone(
    phones,
    phones.length === 1 && phones[0].channel === "sms" ? "whatsapp" : (active?.channel ?? "sms"),
  );
  phones.push(phone);
  addView(phone);
  store();
  activate(phone);
  views.get(phone.id).focus();
}

function removePhone(phone) {
  phones.splice(phones.indexOf(phone), 1);
  // Nothing goes wrong in secret: with the last phone of its numbers, their faults go.
  if (countOf(switchesOf(phone)) && !phoneOf(keyOfPhone(phone)))
    setFaults(phone, {}).catch(showProblem);
  views.get(phone.id).element.remove();
  views.delete(phone.id);
  store();
  if (active === phone) activate(phones[0]);
  if (active) views.get(active.id).focus();
  else byId("add-phone").focus();
}

function addView(phone) {
  const view = phoneView(phone, {
    activate: () => activate(phone),
    remove: () => removePhone(phone),
    configure(changes) {
      Object.assign(phone, changes);
      store();
      view.rename(phone);
      showPhone(phone);
      activate(phone, true);
    },
    send: (text, files) => send(phone, text, files),
    setFaults: (wanted) => setFaults(phone, wanted),
    replay: (item) =>
      request("POST", "/playground/phone/replay", { sid: item.sid }).catch((error) =>
        add({ kind: "system", key: item.key, text: error.message, error: true, at: Date.now() }),
      ),
    inspect(item) {
      chosen = [...exchanges.values()].findLast(({ sid }) => sid === item.sid)?.exchange;
      activate(phone);
      inspector.open("exchange");
      showExchanges();
      byId("inspector").focus();
    },
  });
  views.set(phone.id, view);
  byId("phones").append(view.element);
  showPhone(phone);
}

function showPhone(phone) {
  const { items, typing } = thread(keyOfPhone(phone));
  const view = views.get(phone.id);
  view.show(items);
  view.typing(typing !== undefined);
  showSwitches(phone);
}

function activate(phone, changed = false) {
  if (phone === active && !changed) return;
  active = phone;
  for (const other of phones) views.get(other.id).active(other === active);
  inspector.phone(
    phone,
    phone ? `${phone.name}, ${CHANNELS[phone.channel]}, ${phone.from}` : "No phone",
  );
  chosen = undefined;
  showExchanges();
  if (phone && inspector.tab() === "model") askConversation();
  if (phone && inspector.tab() === "usage") askUsage();
}

async function send(phone, text, files) {
  const media = [];
  for (const file of files) media.push(await upload(file));
  await request("POST", "/playground/phone/messages", { ...bare(phone), text, media });
}

// The type is the browser's guess, as it would be the phone's.
async function upload(file) {
  const type = file.type || "application/octet-stream";
  const response = await fetch("/playground/media", {
    method: "POST",
    headers: { "Content-Type": type },
    body: file,
  }).catch(() => undefined);
  const answer = await response?.json().catch(() => ({}));
  if (!response?.ok)
    throw new Error(
      `${file.name} could not be attached: ${answer?.error ?? "the playground did not take it"}`,
    );
  return { url: answer.url, content_type: answer.content_type ?? type };
}

function store() {
  try {
    localStorage.setItem(STORAGE, JSON.stringify(phones));
  } catch {
    // Without storage the phones last as long as the page.
  }
}

// Faults.

function takeSwitches(set) {
  switches = set;
  inspector.faults(switches.all);
  for (const phone of phones) showSwitches(phone);
}

function showSwitches(phone) {
  views.get(phone.id).faults(switchesOf(phone));
}

function switchesOf(phone) {
  return (
    switches.phones.find(({ from, to }) => keyOf(from, to) === keyOfPhone(phone))?.switches ?? {}
  );
}

function setFaults(phone, wanted) {
  return request("PUT", "/playground/switches", { phone: bare(phone), switches: wanted }).then(
    takeSwitches,
  );
}

// The inspector.

function showExchanges() {
  const list = active ? [...exchanges.values()].filter(isActive).reverse() : [];
  inspector.exchanges(list, list.find(({ exchange }) => exchange === chosen) ?? list[0]);
}

async function askConversation() {
  const phone = active;
  const told = await request("GET", `/playground/conversation?${query(phone)}`).catch((error) => ({
    problem: error.message,
  }));
  if (phone === active) inspector.conversation(told);
}

async function askUsage() {
  const phone = active;
  const ask = (what) => request("GET", what).catch((error) => ({ problem: error.message }));
  const [usage, sender] = await Promise.all([
    ask("/playground/worker/usage"),
    phone ? ask(`/playground/worker/sender?${query(phone)}`) : undefined,
  ]);
  if (phone === active) inspector.usage({ usage, sender, phone });
}

// After an exchange, not all the time; the Worker has a moment to write down what the exchange
// cost.
function askUsageSoon() {
  clearTimeout(asking);
  if (inspector.tab() === "usage") asking = setTimeout(askUsage, 300);
}

function showProblem(error) {
  document
    .querySelector("main")
    ?.prepend(element("p", { class: "notice", role: "alert" }, error.message));
}

// Which is which.

function bare({ channel, from, to }) {
  return { channel, from, to };
}

function query(phone) {
  return new URLSearchParams(bare(phone));
}

function addressOf(channel, number) {
  return channel === "whatsapp" && !number.startsWith("whatsapp:") ? `whatsapp:${number}` : number;
}

function keyOf(from, to) {
  return `${from}|${to}`;
}

function keyOfPhone(phone) {
  return phone && keyOf(addressOf(phone.channel, phone.from), addressOf(phone.channel, phone.to));
}

function phoneOf(key) {
  return phones.find((phone) => keyOfPhone(phone) === key);
}

function isActive({ from, to }) {
  return keyOf(from, to) === keyOfPhone(active);
}

function eachView(key, show) {
  for (const phone of phones) if (keyOfPhone(phone) === key) show(views.get(phone.id));
}
