// The page: it follows the playground's feed, keeps the events, and passes them to the phones and
// the inspector.
//
// Everything on the page comes from the feed. After a reload or a lost connection, and in a second
// window, it therefore shows the same. Only the list of phones is kept in the browser (phones.js).

import { byId, element, request, upload } from "./dom.js";
import { countOf } from "./faults.js";
import { inspectorView } from "./inspector.js";
import { nextPhoneView } from "./next-phone.js";
import { pageTools } from "./page-tools.js";
import { CHANNELS, phoneView } from "./phone.js";
import {
  adapted,
  addressesOf,
  addressOf,
  keyOf,
  keyOfPhone,
  query,
  storedPhones,
  storePhones,
} from "./phones.js";
import {
  AGAIN,
  alertLine,
  callLine,
  failureText,
  lostText,
  redirectText,
  workerLine,
} from "./wording.js";

const TYPING_LASTS = 25_000;

// The phones, the active one, and the exchange that is selected in the inspector.
const phones = storedPhones();
const views = new Map();
let active;
let chosen;

// The events: threads by pair of addresses, exchanges by number, messages by MessageSid. And the
// faults that are on.
let threads, exchanges, messages, shopCalls;
// The newest call of each pair of addresses: its SID and its events.
let calls;
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

const tools = pageTools(inspector, () => {
  const own = [...exchanges.values()].filter(isActive);
  return active && { phone: active, items: thread(keyOfPhone(active)).items, exchanges: own };
});
const next = nextPhoneView();
for (const phone of phones) addView(phone);
activate(phones[0]);
byId("add-phone").addEventListener("click", addPhone);
follow();

// The feed.

function follow() {
  const source = new EventSource("/playground/events");
  const status = byId("connection");
  const show = (words, state) => {
    if (status.textContent === words) return;
    status.textContent = words;
    status.dataset.state = state;
  };
  source.addEventListener("open", () => show("Live", "live"));
  // The browser reconnects by itself, unless the server refused the connection.
  source.addEventListener("error", () => {
    show("Connection lost, trying again", "lost");
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(follow, 2000);
  });
  source.addEventListener("message", ({ data }) => {
    const event = JSON.parse(data);
    HANDLERS[event.type]?.(event);
    tools.take(event);
  });
}

const HANDLERS = {
  start() {
    forget();
    inspector.clearLog();
    for (const phone of phones) showPhone(phone);
    showExchanges();
    showShop();
    request("GET", "/playground/setup").then(({ worker, switches: set, assistants }) => {
      next.offer(assistants);
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
    if (item) showAnswer(item, exchange, event);
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
      const asked = lastSent(key);
      add({
        kind: "in",
        key,
        text: event.text,
        media: [],
        at: event.at,
        sid: event.sid,
        via: "by REST",
        after: asked && event.at - asked.at,
      });
      if (key === keyOfPhone(active)) askUsageSoon();
    }
  },

  // WhatsApp names the message, which is then read. RCS names the agent that types (`from`) and the
  // contact.
  typing({ sid, from, to, at }) {
    const item = sid ? messages.get(sid) : lastSent(keyOf(to, from));
    if (!item) return;
    if (sid) setState(item, "read");
    const left = at + TYPING_LASTS - Date.now();
    const thread = threads.get(item.key);
    clearTimeout(thread.typing);
    // Not if the answer has already arrived.
    if (left <= 0 || item.answers.some((answer) => answer.length > 0)) return;
    thread.typing = setTimeout(() => stopTyping(item.key), left);
    eachView(item.key, (view) => view.typing(true));
  },

  log({ line }) {
    // The hash identifies the person, not the pair of numbers. If a person has several phones, the
    // one that wrote last is named.
    const hash = line.phone_hash;
    const known = [...exchanges.values()].findLast(
      ({ phone_hash: other }) => other && other === hash,
    );
    inspector.log({ ...workerLine(line), phone: known && phoneOf(keyOf(known.from, known.to)) });
  },

  call(event) {
    const key = event.name && [...exchanges.values()].find(({ name }) => name === event.name);
    const phone = key
      ? phoneOf(keyOf(key.from, key.to))
      : phones.find((one) => addressOf(one.channel, one.from) === event.to);
    if (event.outcome !== "pending") inspector.log({ ...callLine(event), phone });
    if (event.service === "shop") {
      shopCalls.set(event.number, event);
      showShop();
    }
    if (event.service === "openai" && phone && phone === active && inspector.tab() === "model")
      askConversation();
  },

  voice(event) {
    const key = keyOf(event.from, event.to);
    if (event.event === "ringing") calls.set(key, { sid: event.call, events: [] });
    const call = calls.get(key);
    if (call?.sid !== event.call) return;
    call.events.push(event);
    eachView(key, (view) => view.call.take(event));
    if (event.event === "alert") inspector.log({ ...alertLine(event), phone: phoneOf(key) });
  },

  switches: ({ switches: set }) => takeSwitches(set),
};

// Shows the answer to a webhook in the thread.
function showAnswer(item, { kind, forged }, answer) {
  const { key } = item;
  const again = AGAIN[kind];
  const system = (text, error = false) => add({ kind: "system", key, text, error, at: answer.at });
  if (answer.lost) return system(lostText(answer));
  if (answer.problem || answer.twilio_error) {
    setState(item, "failed");
    return system(failureText(answer, again, forged), true);
  }
  setState(item, "delivered");
  if (answer.redirect) system(redirectText(answer, again), true);
  const texts = answer.messages.map(({ text }) => text);
  const known = item.answers.some((other) => other.join("\0") === texts.join("\0"));
  const first = item.answers.length === 0;
  item.answers.push(texts);
  // Of two simultaneous deliveries, either can be answered first.
  const label = again ?? AGAIN.duplicate;
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
  for (const [index, { text, media }] of answer.messages.entries()) {
    add({
      kind: "in",
      key,
      sid: answer.sids?.[index],
      text,
      media: media.map((url) => ({ content_type: url })),
      at: answer.at,
      via: "in the webhook",
      after: answer.took_ms,
    });
  }
}

function setState(item, state) {
  const rank = ["failed", "sent", "delivered", "read"];
  // A message that was accepted stays accepted, even if a copy of it fails.
  if (item.state !== "sent" && rank.indexOf(state) < rank.indexOf(item.state)) return;
  item.state = state;
  eachView(item.key, (view) => view.update(item));
}

function forget() {
  for (const { typing } of threads?.values() ?? []) clearTimeout(typing);
  threads = new Map();
  exchanges = new Map();
  messages = new Map();
  shopCalls = new Map();
  calls = new Map();
  chosen = undefined;
  for (const phone of phones) thread(keyOfPhone(phone));
}

function thread(key) {
  if (!threads.has(key)) threads.set(key, { items: [], typing: undefined });
  return threads.get(key);
}

// The message that was sent last in a thread.
function lastSent(key) {
  return threads.get(key)?.items.findLast(({ kind }) => kind === "out");
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

function addPhone() {
  const phone = next.phone(phones);
  phones.push(phone);
  addView(phone);
  storePhones(phones);
  activate(phone);
  views.get(phone.id).focus();
}

function removePhone(phone) {
  phones.splice(phones.indexOf(phone), 1);
  // No hidden faults: removing the last phone with these numbers removes their faults.
  if (countOf(switchesOf(phone)) && !phoneOf(keyOfPhone(phone)))
    setFaults(phone, {}).catch(showProblem);
  views.get(phone.id).element.remove();
  views.delete(phone.id);
  storePhones(phones);
  if (active === phone) activate(phones[0]);
  if (active) views.get(active.id).focus();
  else byId("add-phone").focus();
}

function addView(phone) {
  const view = phoneView(phone, {
    activate: () => activate(phone),
    remove: () => removePhone(phone),
    configure(changes) {
      if (changes.channel !== phone.channel)
        changes = adapted(
          changes,
          phones.filter((other) => other !== phone),
        );
      Object.assign(phone, changes);
      storePhones(phones);
      view.rename(phone);
      showPhone(phone);
      activate(phone, true);
    },
    send: (text, files, rich) => send(phone, text, files, rich),
    setFaults: (wanted) => setFaults(phone, wanted),
    startCall: () => request("POST", "/playground/calls", { from: phone.from, to: phone.to }),
    act: (action) =>
      request("POST", `/playground/calls/${calls.get(keyOfPhone(phone))?.sid}`, action),
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
  view.call.show(calls.get(keyOfPhone(phone))?.events ?? []);
  view.typing(typing !== undefined);
  showSwitches(phone);
}

function activate(phone, changed = false) {
  if (phone === active && !changed) return;
  active = phone;
  next.propose(phones, active);
  for (const other of phones) views.get(other.id).active(other === active);
  inspector.phone(
    phone,
    phone ? `${phone.name}, ${CHANNELS[phone.channel]}, ${phone.from}` : "No phone",
  );
  tools.phone(phone);
  chosen = undefined;
  showExchanges();
  showShop();
  if (phone && inspector.tab() === "model") askConversation();
  if (phone && inspector.tab() === "usage") askUsage();
}

async function send(phone, text, files, rich = {}) {
  const media = [];
  for (const file of files) media.push(await upload(file));
  const message = { ...addressesOf(phone), text, media, rich };
  await request("POST", "/playground/phone/messages", message);
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
  return request("PUT", "/playground/switches", {
    phone: addressesOf(phone),
    switches: wanted,
  }).then(takeSwitches);
}

// The inspector.

function showExchanges() {
  const list = active ? [...exchanges.values()].filter(isActive).reverse() : [];
  inspector.exchanges(list, list.find(({ exchange }) => exchange === chosen) ?? list[0]);
}

// The calls of the shop for the active phone. A call without a known phone is shown to all.
function showShop() {
  const known = [...exchanges.values()];
  const isOwn = ({ name }) => {
    const exchange = name && known.find((one) => one.name === name);
    return !exchange || isActive(exchange);
  };
  inspector.shop([...shopCalls.values()].filter(isOwn).reverse());
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
  const [usage, contact] = await Promise.all([
    ask("/playground/worker/usage"),
    phone ? ask(`/playground/worker/contact?${query(phone)}`) : undefined,
  ]);
  if (phone === active) inspector.usage({ usage, contact, phone });
}

// After an exchange, with a short delay in which the Worker counts its cost.
function askUsageSoon() {
  clearTimeout(asking);
  if (inspector.tab() === "usage") asking = setTimeout(askUsage, 300);
}

function showProblem(error) {
  document
    .querySelector("main")
    ?.prepend(element("p", { class: "notice", role: "alert" }, error.message));
}

// Finding phones.

function phoneOf(key) {
  return phones.find((phone) => keyOfPhone(phone) === key);
}

function isActive({ from, to }) {
  return keyOf(from, to) === keyOfPhone(active);
}

function eachView(key, show) {
  for (const phone of phones) if (keyOfPhone(phone) === key) show(views.get(phone.id));
}
