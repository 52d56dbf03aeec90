// The page: it keeps the phones, and passes what the feed tells to them and to the inspector.
//
// All that the page shows comes from the feed. After a reload or a lost connection, and in a second
// window, it therefore shows the same. Only the list of phones is kept in the browser (phones.js). What the
// events mean is known to threads.js.

import { askConversation, askUsage, memory, sendMessage } from "./asks.js";
import { byId, request } from "./dom.js";
import { countOf, faultChips } from "./faults.js";
import { followFeed } from "./feed.js";
import { showProblem, showTwilio, statusView } from "./header.js";
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
  MAX_PHONES,
  newPhone,
  storedPhones,
  storePhones,
} from "./phones.js";
import { shelfView } from "./shelf.js";
import { newThreads } from "./threads.js";
import { alertLine, callLine, workerLine } from "./wording.js";

// The phones, the active one, and the exchange that is selected in the inspector.
const phones = storedPhones();
const views = new Map();
let active;
let chosen;

// The newest call of each pair of addresses: its SID and its events. The calls of the shop, and the faults
// that are on.
let calls = new Map();
let shopCalls = new Map();
/** @type {{ all: object, phones: { from: string, to: string, switches: object }[] }} */
let switches = { all: {}, phones: [] };
let asking;
const remembered = memory();

const threads = newThreads(
  {
    added(item) {
      eachView(item.key, (view) => view.append(item));
      if (!phoneOf(item.key)) showStrangers();
    },
    updated: (item) => eachView(item.key, (view) => view.update(item)),
    waiting: (key) => eachView(key, (view) => view.waiting(threads.waitOf(key))),
    repeated(item, at) {
      if (Date.now() - at < FRESH) eachView(item.key, (view) => view.reveal(item));
    },
  },
  (key) => remembered.of(phoneOf(key)),
);
// A page that is opened later does not show again what is older, in ms.
const FRESH = 5000;

const inspector = inspectorView({
  choose(exchange) {
    chosen = exchange;
    showExchanges();
  },
  refresh: showUsage,
  setFaults: setFaultsOfAll,
  opened(tab) {
    if (!active) return;
    if (tab === "model") showConversation();
    if (tab === "usage") showUsage();
  },
});
const tools = pageTools(inspector, () => {
  const own = threads.exchanges().filter(isActive);
  return active && { phone: active, items: threads.of(keyOfPhone(active)).items, exchanges: own };
});
const chips = faultChips("Faults for all phones that are on", setFaultsOfAll);
byId("all-faults-on").append(chips.element);
const shelf = shelfView({ changed: fold, adopt: (addresses) => addPhone(addresses) });
const next = nextPhoneView((channel) => addPhone({ channel }));
const status = statusView();
for (const phone of phones) addView(phone);
activate(phones[0]);
showLimit();
byId("add-phone").addEventListener("click", () => addPhone());

const HANDLERS = {
  start() {
    threads.forget();
    calls = new Map();
    shopCalls = new Map();
    chosen = undefined;
    remembered.again();
    tools.told(undefined);
    inspector.clearLog();
    for (const phone of phones) showPhone(phone);
    showExchanges();
    showShop();
    showStrangers();
    request("GET", "/playground/setup").then((setup) => {
      next.offer(setup.assistants);
      tools.offer(setup.assistants);
      byId("worker").textContent = `at ${new URL(setup.worker).host}`;
      takeSwitches(setup.switches);
    }, showProblem);
    showMemory();
  },

  sent(event) {
    threads.sent(event);
    if (!isActive(event)) return;
    chosen = event.exchange;
    showExchanges();
  },

  answered(event) {
    const exchange = threads.answered(event);
    if (!exchange || !isActive(exchange)) return;
    showExchanges();
    showUsageSoon();
  },

  message(event) {
    if (threads.message(event).includes(keyOfPhone(active))) showUsageSoon();
  },

  typing: threads.typing,

  log({ line }) {
    const about = threads.log(line);
    const phone = about && phoneOf(keyOf(about.from, about.to));
    inspector.log({ ...workerLine(line), phone });
  },

  call(event) {
    const about = event.name && threads.exchanges().find(({ name }) => name === event.name);
    const phone = about
      ? phoneOf(keyOf(about.from, about.to))
      : phones.find((one) => addressOf(one.channel, one.from) === event.to);
    if (event.outcome !== "pending") inspector.log({ ...callLine(event), phone });
    if (event.service === "shop") {
      shopCalls.set(event.number, event);
      showShop();
    }
    if (event.service === "openai" && phone && phone === active && inspector.tab() === "model")
      showConversation();
  },

  voice(event) {
    const key = keyOf(event.from, event.to);
    if (event.event === "ringing") calls.set(key, { sid: event.call, events: [] });
    const call = calls.get(key);
    if (call?.sid !== event.call) return;
    call.events.push(event);
    eachView(key, (view) => view.call.take(event));
    if (event.event === "alert") inspector.log({ ...alertLine(event), phone: phoneOf(key) });
    // A call that comes in opens its phone.
    const called = phoneOf(key);
    if (event.event === "ringing" && called && Date.now() - event.at < FRESH) activate(called);
  },

  switches: ({ switches: set }) => takeSwitches(set),
  build(event) {
    status.build(event);
    tools.build(event);
  },

  launcher({ told }) {
    showTwilio(told.twilio);
    tools.told(told);
  },
};

followFeed((event) => HANDLERS[event.type]?.(event), status.connected);

// The phones.

/** Adds a phone: the one that is chosen in the head of the page, or one with these settings. */
function addPhone(settings) {
  if (phones.length >= MAX_PHONES) return;
  const phone = settings
    ? { ...newPhone(phones, settings.channel), ...settings }
    : next.phone(phones);
  phones.push(phone);
  addView(phone);
  storePhones(phones);
  activate(phone);
  showLimit();
  showStrangers();
  views.get(phone.id).focus();
  showMemory();
}

function removePhone(phone) {
  phones.splice(phones.indexOf(phone), 1);
  // No hidden faults: removing the last phone with these numbers removes their faults.
  if (countOf(switchesOf(phone)) && !phoneOf(keyOfPhone(phone)))
    setFaults(phone, {}).catch(showProblem);
  views.get(phone.id).element.remove();
  views.get(phone.id).row.remove();
  views.delete(phone.id);
  shelf.forget(phone);
  storePhones(phones);
  if (active === phone) activate(phones[0]);
  fold();
  showLimit();
  showStrangers();
  if (active) views.get(active.id).focus();
  else byId("add-phone").focus();
}

function addView(phone) {
  const view = phoneView(phone, {
    activate: () => activate(phone),
    unfold() {
      activate(phone);
      view.focus();
    },
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
      showStrangers();
      showMemory();
    },
    send: (text, files, rich) => sendMessage(phone, text, files, rich),
    setFaults: (wanted) => setFaults(phone, wanted),
    startCall: () => request("POST", "/playground/calls", { from: phone.from, to: phone.to }),
    act: (action) =>
      request("POST", `/playground/calls/${calls.get(keyOfPhone(phone))?.sid}`, action),
    replay: (item) =>
      request("POST", "/playground/phone/replay", { sid: item.sid }).catch(({ message: text }) =>
        threads.add({ kind: "system", key: item.key, text, error: true, at: Date.now() }),
      ),
    inspect(item) {
      chosen = threads.exchanges().findLast(({ sid }) => sid === item.sid)?.exchange;
      activate(phone);
      inspector.open("exchange");
      showExchanges();
      byId("inspector").focus();
    },
  });
  views.set(phone.id, view);
  byId("open-phones").append(view.element);
  byId("shelf").append(view.row);
  showPhone(phone);
}

function showPhone(phone) {
  const key = keyOfPhone(phone);
  const view = views.get(phone.id);
  view.show(threads.of(key).items);
  view.call.show(calls.get(key)?.events ?? []);
  view.waiting(threads.waitOf(key));
  showSwitches(phone);
}

function activate(phone, changed = false) {
  if (phone === active && !changed) return;
  active = phone;
  if (phone) shelf.use(phone);
  fold();
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
  if (phone && inspector.tab() === "model") showConversation();
  if (phone && inspector.tab() === "usage") showUsage();
}

// Folds the phones that do not fit.
function fold() {
  for (const phone of phones) views.get(phone.id)?.fold(!shelf.isOpen(phone, phones));
}

function showLimit() {
  byId("no-phones").hidden = phones.length > 0;
  const full = phones.length >= MAX_PHONES;
  byId("add-phone").setAttribute("aria-disabled", String(full));
  byId("limit").textContent = full
    ? `There are ${MAX_PHONES} phones, which is the most. Remove one to add another.`
    : "";
}

// The conversations that no phone shows, such as those of `npm run say` from another number.
function showStrangers() {
  const without = threads.keys().filter((key) => !phoneOf(key));
  const listed = without.map((key) => {
    const last = threads.of(key).items.findLast(({ kind }) => kind !== "system");
    return { key, words: last?.text ?? "" };
  });
  shelf.strangers(listed.filter(({ words }) => words));
}

// Says in each empty thread what the Worker remembers of it. It may know more than the feed.
async function showMemory() {
  for (const phone of [...phones]) {
    const key = keyOfPhone(phone);
    if (threads.of(key).items.length > 0) continue;
    const state = await remembered.of(phone);
    if (phones.includes(phone) && keyOfPhone(phone) === key) views.get(phone.id).remember(state);
  }
}

// Faults.

function takeSwitches(set) {
  switches = set;
  inspector.faults(switches.all);
  chips.show(switches.all);
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

function setFaultsOfAll(wanted) {
  return request("PUT", "/playground/switches", { switches: wanted }).then(takeSwitches);
}

// The inspector.

function showExchanges() {
  const list = active ? threads.exchanges().filter(isActive).reverse() : [];
  inspector.exchanges(list, list.find(({ exchange }) => exchange === chosen) ?? list[0]);
}

// The calls of the shop for the active phone. A call without a known phone is shown to all.
function showShop() {
  const known = threads.exchanges();
  const isOwn = ({ name }) => {
    const exchange = name && known.find((one) => one.name === name);
    return !exchange || isActive(exchange);
  };
  inspector.shop([...shopCalls.values()].filter(isOwn).reverse());
}

async function showConversation() {
  const phone = active;
  const told = await askConversation(phone);
  if (phone === active) inspector.conversation(told);
}

async function showUsage() {
  const phone = active;
  const told = await askUsage(phone);
  if (phone === active) inspector.usage(told);
}

// After an exchange, with a short delay in which the Worker counts its cost.
function showUsageSoon() {
  clearTimeout(asking);
  if (inspector.tab() === "usage") asking = setTimeout(showUsage, 300);
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
