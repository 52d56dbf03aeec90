// The list of phones, which this browser stores, and how a phone is matched with addresses.

import { CHANNELS } from "./phone.js";

const STORAGE = "switchboard.phones";
const MAX_PHONES = 12;

/** The stored phones, or a first one. */
export function storedPhones() {
  const known = (phone) =>
    Number.isInteger(phone?.id) &&
    phone.channel in CHANNELS &&
    [phone.name, phone.from, phone.to].every((text) => typeof text === "string");
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE) ?? "").filter(known);
    if (stored.length) return stored.slice(0, MAX_PHONES);
  } catch {
    // Nothing valid is stored.
  }
  return [newPhone([], "sms")];
}

/** A phone with the next free name and number. */
export function newPhone(others, channel) {
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

/** A number as an address of its channel. */
export function addressOf(channel, number) {
  return channel === "whatsapp" && !number.startsWith("whatsapp:") ? `whatsapp:${number}` : number;
}

/** The key of a pair of addresses. */
export function keyOf(from, to) {
  return `${from}|${to}`;
}

/** The key of a phone's pair of addresses. */
export function keyOfPhone(phone) {
  return phone && keyOf(addressOf(phone.channel, phone.from), addressOf(phone.channel, phone.to));
}
