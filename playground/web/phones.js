// The list of phones, which this browser stores, and how a phone is matched with addresses.

import { CHANNELS } from "./phone.js";

const STORAGE = "switchboard.phones";
/** How many phones there can be. */
export const MAX_PHONES = 12;

/** The stored phones, or the first two. A person can also have removed all. */
export function storedPhones() {
  const known = (phone) =>
    Number.isInteger(phone?.id) &&
    phone.channel in CHANNELS &&
    [phone.name, phone.from, phone.to].every((text) => typeof text === "string");
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE) ?? "");
    const valid = stored.filter(known);
    if (valid.length || stored.length === 0) return valid;
  } catch {
    // Nothing valid is stored.
  }
  const first = newPhone([], "sms");
  return [first, newPhone([first], "whatsapp")];
}

/** A phone with the next free name, and addresses of its channel. */
export function newPhone(others, channel) {
  const id = free(others.map((phone) => phone.id - 1)) + 1;
  return { id, name: `Phone ${id}`, channel, ...newAddresses(others, channel) };
}

/** The settings of a phone, with the addresses that do not fit its channel replaced. */
export function adapted({ channel, from, to }, others) {
  const fresh = newAddresses(others, channel);
  const { form, toForm } = FORMS[channel];
  const bare = (text) => text.replace(PREFIXES[channel] ?? "", "");
  return {
    channel,
    from: form.test(bare(from)) ? from : fresh.from,
    to: toForm.test(bare(to)) ? to : fresh.to,
  };
}

// Addresses of a contact that no other phone has, and of the number, on this channel. They are
// Twilio's forms: a person with a WhatsApp user name has an id, an RCS agent has a name.
function newAddresses(others, channel) {
  const { start, number } = FORMS[channel];
  const last = (from) => (from.startsWith(start) ? from.slice(start.length) : "");
  const taken = others
    .map(({ from }) => last(from))
    .filter((digits) => /^\d\d$/.test(digits))
    .map(Number);
  return { from: `${start}${String(free(taken)).padStart(2, "0")}`, to: number };
}

const NUMBER = "+15550199";
const IS_NUMBER = /^(\+\d+|\d{3,8})$/;
const SMS = { start: "+155501", form: /^\+\d+$/, number: NUMBER, toForm: IS_NUMBER };
const FORMS = {
  sms: SMS,
  whatsapp: SMS,
  "whatsapp-user": { ...SMS, start: "US.134912086553027419", form: /^[A-Z]{2}\./ },
  rcs: { ...SMS, number: "brand_x_agent", toForm: /[A-Za-z]/ },
  messenger: { start: "27456897512", form: /^\d+$/, number: "1415523888600", toForm: /^\d{9,}$/ },
  "short-code": { ...SMS, start: "688", form: /^\d{3,8}$/ },
};
const PREFIXES = {
  whatsapp: "whatsapp:",
  "whatsapp-user": "whatsapp:",
  rcs: "rcs:",
  messenger: "messenger:",
};

// The lowest number that is not taken.
function free(taken) {
  for (let number = 0; ; number += 1) if (!taken.includes(number)) return number;
}

/** Stores the phones. */
export function storePhones(phones) {
  try {
    localStorage.setItem(STORAGE, JSON.stringify(phones));
  } catch {
    // Without storage, the phones exist until the page is closed.
  }
}

/** The fields that the playground needs to know about a phone. */
export function addressesOf({ channel, from, to }) {
  return { channel, from, to };
}

/** The same as a query string. */
export function query(phone) {
  return new URLSearchParams(addressesOf(phone));
}

/** A number or an id as an address of its channel. */
export function addressOf(channel, number) {
  const prefix = PREFIXES[channel] ?? "";
  return number.startsWith(prefix) ? number : `${prefix}${number}`;
}

/** The key of a pair of addresses. */
export function keyOf(from, to) {
  return `${from}|${to}`;
}

/** The settings of a phone that has this pair of addresses. */
export function addressesIn(key) {
  const [from, to] = key.split("|");
  const isId = /^whatsapp:[A-Z]{2}\./.test(from);
  const prefixed = Object.keys(PREFIXES).find((name) => from.startsWith(PREFIXES[name])) ?? "sms";
  const channel = isId ? "whatsapp-user" : /^\d{3,8}$/.test(from) ? "short-code" : prefixed;
  const bare = (address) => address.replace(PREFIXES[channel] ?? "", "");
  return { channel, from: bare(from), to: bare(to) };
}

/** The key of a phone's pair of addresses. */
export function keyOfPhone(phone) {
  return phone && keyOf(addressOf(phone.channel, phone.from), addressOf(phone.channel, phone.to));
}
