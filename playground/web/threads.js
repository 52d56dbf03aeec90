// What the feed tells, by pair of addresses: the messages of each thread, who waits for an answer, and why
// there is none. And the webhooks, by number.
//
// Not here: how it looks (phone.js, thread-view.js), and which phones there are (phones.js).

import { keyOf } from "./phones.js";
import { CAME_LATER, LOOKING, NO_REASON, reasonInLog, reasonInState, TOGETHER } from "./reasons.js";
import { AGAIN, failureText, lostText, redirectText } from "./wording.js";

const TYPING_LASTS = 25_000;
// How long an answer is waited for.
const PATIENCE = 180_000;
// When the Worker is asked about an empty answer that its log has not explained, and how old that may be.
const ASK_AFTER = 700;
const ASK_UNTIL = 60_000;

/**
 * Keeps the threads. `shown` is told what changes: `added(item)`, `updated(item)`, `repeated(item)` (a
 * message is sent again), `waiting(key)`. `stateOf(key)` asks the Worker about a contact.
 */
export function newThreads(shown, stateOf) {
  // Threads by pair of addresses, webhooks by number, sent messages by MessageSid.
  let threads = new Map();
  let exchanges = new Map();
  let messages = new Map();

  function forget() {
    for (const { typing, waits } of threads.values())
      for (const timer of [typing, ...[...waits.values()].map((wait) => wait.timer)])
        clearTimeout(timer);
    threads = new Map();
    exchanges = new Map();
    messages = new Map();
  }

  function of(key) {
    if (!threads.has(key)) threads.set(key, { items: [], typing: undefined, waits: new Map() });
    return threads.get(key);
  }

  // The message that was sent last in a thread.
  function lastSent(key) {
    return of(key).items.findLast(({ kind }) => kind === "out");
  }

  function add(item) {
    of(item.key).items.push(item);
    shown.added(item);
    return item;
  }

  /** What a thread waits for: `{ since, later, typing }`, or nothing. */
  function waitOf(key) {
    const { waits, typing } = of(key);
    const [oldest] = waits.values();
    if (!oldest && typing === undefined) return undefined;
    return {
      since: oldest?.since,
      later: oldest?.later ?? false,
      typing: typing !== undefined,
    };
  }

  function wait(key, sid, at) {
    const left = at + PATIENCE - Date.now();
    const { waits } = of(key);
    if (left <= 0 || waits.has(sid)) return;
    waits.set(sid, { since: at, later: false, timer: setTimeout(() => endWait(key, sid), left) });
    shown.waiting(key);
  }

  function endWait(key, sid) {
    const { waits } = of(key);
    clearTimeout(waits.get(sid)?.timer);
    if (waits.delete(sid)) shown.waiting(key);
  }

  function stopTyping(key) {
    const thread = of(key);
    clearTimeout(thread.typing);
    thread.typing = undefined;
    shown.waiting(key);
  }

  function setState(item, state) {
    const rank = ["failed", "sent", "delivered", "read"];
    // A message that was accepted stays accepted, even if a copy of it fails.
    if (item.state !== "sent" && rank.indexOf(state) < rank.indexOf(item.state)) return;
    item.state = state;
    shown.updated(item);
  }

  // Events.

  function sent(event) {
    exchanges.set(event.exchange, event);
    const key = keyOf(event.from, event.to);
    if (event.kind === "message") {
      const media = event.media.map((file) => ({
        ...file,
        preview: `/playground/media/${file.url.split("/").at(-1)}`,
      }));
      const item = {
        kind: "out",
        key,
        sid: event.sid,
        text: event.text,
        media,
        at: event.at,
        state: "sent",
        times: 1,
        answers: [],
      };
      messages.set(event.sid, item);
      add(item);
    } else {
      const item = messages.get(event.sid);
      if (item) {
        item.times += 1;
        shown.updated(item);
        shown.repeated(item, event.at);
      }
    }
    wait(key, event.sid, event.at);
  }

  function answered(event) {
    const exchange = exchanges.get(event.exchange);
    if (!exchange) return undefined;
    exchange.answer = event;
    const item = messages.get(exchange.sid);
    if (item) showAnswer(item, exchange);
    return exchange;
  }

  // Shows the answer to a webhook in the thread.
  function showAnswer(item, exchange) {
    const { kind, forged, answer, sid } = exchange;
    const { key } = item;
    const again = AGAIN[kind];
    const system = (text, error = false) =>
      add({ kind: "system", key, text, error, at: answer.at });
    if (answer.lost) return system(lostText(answer));
    if (answer.problem || answer.twilio_error) {
      endWait(key, sid);
      setState(item, "failed");
      return system(failureText(answer, again, forged), true);
    }
    setState(item, "delivered");
    if (answer.redirect) system(redirectText(answer, again), true);
    const texts = answer.messages.map(({ text }) => text);
    const known = item.answers.some((other) => other.join("\0") === texts.join("\0"));
    const first = item.answers.length === 0;
    item.answers.push(texts);
    const open = unexplained(key).some((other) => other.sid === sid);
    if (texts.length || (!first && !open)) endWait(key, sid);
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
    if (first && texts.length === 0) lookForReason(exchange, key);
    if (texts.length) {
      stopTyping(key);
      for (const other of unexplained(key)) explain(other, TOGETHER);
    }
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

  // A message by REST.
  function message(event) {
    const isMeant = (key) => {
      const [from, to] = key.split("|");
      return event.to === from && (!event.from || event.from === to);
    };
    const keys = [...threads.keys()].filter(isMeant);
    if (keys.length === 0 && event.from) keys.push(keyOf(event.to, event.from));
    for (const key of keys) {
      stopTyping(key);
      for (const exchange of unexplained(key)) explain(exchange, CAME_LATER);
      for (const [sid, { later }] of of(key).waits) if (later) endWait(key, sid);
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
    }
    return keys;
  }

  // WhatsApp names the message, which is then read. RCS names the agent that types (`from`) and the
  // contact.
  function typing({ sid, from, to, at }) {
    const item = sid ? messages.get(sid) : lastSent(keyOf(to, from));
    if (!item) return;
    if (sid) setState(item, "read");
    const left = at + TYPING_LASTS - Date.now();
    const thread = of(item.key);
    clearTimeout(thread.typing);
    // Not if the answer has already arrived.
    if (left <= 0 || item.answers.some((answer) => answer.length > 0)) return;
    thread.typing = setTimeout(() => stopTyping(item.key), left);
    shown.waiting(item.key);
  }

  // A line of the Worker's log. The hash in it identifies the person, not the pair of numbers. If a person
  // has several phones, the one that wrote last is meant. Returns the webhook that the line is about.
  function log(line) {
    const own = [...exchanges.values()].filter(
      ({ phone_hash: hash }) => hash && hash === line.phone_hash,
    );
    const reason = reasonInLog(line);
    const about = own.find((one) => one.note) ?? own.findLast(({ answer }) => !answer);
    if (about && reason) {
      about.reason = reason;
      if (about.note) explain(about, reason);
    }
    return own.at(-1);
  }

  // Reasons of empty answers.

  // `note` is the line in the thread, until the reason is final.
  function lookForReason(exchange, key) {
    const { answer, reason } = exchange;
    const text = (reason ?? LOOKING).text;
    exchange.note = add({ kind: "system", key, text, error: false, at: answer.at });
    if (reason) explain(exchange, reason);
    else setTimeout(() => ask(exchange, key), ASK_AFTER);
  }

  async function ask(exchange, key) {
    if (!exchange.note) return;
    const old = Date.now() - exchange.answer.at > ASK_UNTIL;
    const state = old ? undefined : await stateOf(key);
    if (exchange.note && !exchange.reason)
      explain(exchange, (state && reasonInState(state)) ?? NO_REASON);
  }

  function explain(exchange, reason) {
    const { note, sid } = exchange;
    note.text = reason.text;
    shown.updated(note);
    exchange.reason = reason;
    const open = of(note.key).waits.get(sid);
    if (reason.later && open) open.later = true;
    else endWait(note.key, sid);
    // The line of a turn, or the answer by REST, can still say more.
    if (!reason.later) exchange.note = undefined;
    shown.waiting(note.key);
  }

  function unexplained(key) {
    return [...exchanges.values()].filter(({ note }) => note?.key === key);
  }

  return {
    forget,
    of,
    add,
    waitOf,
    keys: () => [...threads.keys()],
    exchanges: () => [...exchanges.values()],
    sent,
    answered,
    message,
    typing,
    log,
  };
}
