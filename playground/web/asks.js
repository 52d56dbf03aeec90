// What the page asks the playground about a phone: the newest request to the model, the usage, and what the
// Worker remembers of the contact. And the message that it sends.

import { request, upload } from "./dom.js";
import { addressesOf, query } from "./phones.js";

/** The newest request to the model for a phone, or the problem. */
export function askConversation(phone) {
  return orProblem(`/playground/conversation?${query(phone)}`);
}

/** The usage of today, and the state of a phone's contact. Each can be a problem. */
export async function askUsage(phone) {
  const [usage, contact] = await Promise.all([
    orProblem("/playground/worker/usage"),
    phone ? orProblem(`/playground/worker/contact?${query(phone)}`) : undefined,
  ]);
  return { usage, contact, phone };
}

/**
 * What the Worker knows of contacts. `of(phone)` is that, or undefined if the Worker does not say. Without a
 * valid token it is asked once, because it locks out who uses wrong ones, until `again()`.
 */
export function memory() {
  let isTold = true;
  return {
    again() {
      isTold = true;
    },
    async of(phone) {
      if (!phone || !isTold) return undefined;
      const told = await orProblem(`/playground/worker/contact?${query(phone)}`);
      isTold = told.body !== undefined;
      return told.body;
    },
  };
}

/** Sends a message of a phone, with its files. `rich` is what WhatsApp has besides. */
export async function sendMessage(phone, text, files, rich = {}) {
  const media = [];
  for (const file of files) media.push(await upload(file));
  const message = { ...addressesOf(phone), text, media, rich };
  await request("POST", "/playground/phone/messages", message);
}

function orProblem(path) {
  return request("GET", path).catch((error) => ({ problem: error.message }));
}
