// The secrets and addresses of the tests, and the pseudonyms that the Worker must derive from them.

import crypto from "node:crypto";

/** Fresh secrets for all Workers and playgrounds of this process. */
export const SECRETS = {
  TWILIO_AUTH_TOKEN: crypto.randomBytes(16).toString("hex"),
  OPENAI_API_KEY: `sk-playground-${crypto.randomBytes(16).toString("hex")}`,
  PSEUDONYM_KEY: crypto.randomBytes(32).toString("hex"),
  ADMIN_TOKEN: crypto.randomBytes(32).toString("hex"),
  ORDERS_SECRET: `whsec_${crypto.randomBytes(32).toString("base64")}`,
  DESK_SECRET: `whsec_${crypto.randomBytes(32).toString("base64")}`,
  INTAKE_SECRET: `whsec_${crypto.randomBytes(32).toString("base64")}`,
};

/**
 * A pair of addresses, `{ from, to }`, that no other call in this process returns. 50 consecutive
 * calls also differ in `from`.
 */
export function freshPair() {
  const number = pairs;
  pairs += 1;
  if (number >= 2500) throw new Error("no more pairs of test addresses");
  return {
    from: `+155501${String(number % 50).padStart(2, "0")}`,
    to: `+155501${50 + Math.floor(number / 50)}`,
  };
}

/** A fresh MessageSid. */
export function freshSid(prefix = "SM") {
  return prefix + crypto.randomBytes(16).toString("hex");
}

/** The Twilio account of all messages. */
export const ACCOUNT = `AC${"0123456789abcdef".repeat(2)}`;

/** The pseudonym that the Worker must use for a pair of addresses, computed independently. */
export function pseudonym({ from, to }, channel = "sms") {
  const prefix = channel === "whatsapp" ? "whatsapp:" : "";
  return hmac(`pair\0${prefix}${from}\0${prefix}${to}`);
}

/** The hash that the log must have instead of a number, computed independently. */
export function phoneHash(number) {
  return hmac(`phone\0${number}`).slice(0, 8);
}

let pairs = 0;

function hmac(text) {
  return crypto.createHmac("sha256", SECRETS.PSEUDONYM_KEY).update(text).digest("hex");
}
