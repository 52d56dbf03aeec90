// Runs `npm run admin` against a mock Worker that always gives the same answer.
//
// Not here: any assertion.

import crypto from "node:crypto";
import { after } from "node:test";
import { Checkout, mockWorker } from "./commands.mjs";

/** A token in the environment, and the one in .dev.vars. */
export const TOKEN = crypto.randomBytes(32).toString("hex");
export const LOCAL_TOKEN = crypto.randomBytes(32).toString("hex");
/** The options that name a contact and a number. */
export const PAIR = ["--from", "+15550100", "--to", "+15550199"];

/** The answers of the routes. */
export const USAGE = {
  day: "2026-11-22",
  model_requests: { used: 3, cap: 1000 },
  messages_sent: { used: 2, cap: 500 },
  call_minutes: { used: 4, cap: 60 },
  budget_unreadable: false,
  tokens: { prompt: 210, completion: 90 },
  estimated_cost: 0.000123,
  messages_in: 5,
  answers: { webhook: 3, rest: 1 },
  twilio: { errors: 1, warnings: 2 },
  rejections: {
    invalid_signature: 2,
    bad_request: 0,
    suspicious_request: 0,
    rate_limited: 1,
    opted_out: 0,
    budget_exhausted: 0,
  },
};
export const RESET = {
  reset: { model_requests: 7, messages_sent: 2, call_minutes: 4, budget_unreadable: true },
};
export const STATE = {
  opted_out: false,
  turns: 3,
  revision: 3,
  expires_at: "2026-11-22T06:00:00.000Z",
  turn_running: false,
  pending_messages: 0,
  outbox_parts: 0,
  messages_last_minute: 2,
  handed_off: true,
};
export const ERASED = {
  erased: {
    turns: 3,
    revisions: 3,
    pending_messages: 1,
    outbox_parts: 0,
    answers: 3,
    deliveries: 0,
  },
  kv: "deleted",
  opted_out: true,
};

/** The checkout in which admin runs. */
export const checkout = new Checkout({ ADMIN_TOKEN: LOCAL_TOKEN });
after(() => checkout.remove());

/**
 * Runs admin against a Worker that always gives the same answer. Returns its output and the requests.
 *
 * @param {string[]} args
 * @param {import("./commands.mjs").Answer} answer
 * @param {{ env?: NodeJS.ProcessEnv, typed?: string }} [options]
 */
export async function admin(args, answer, { env = { ADMIN_TOKEN: TOKEN }, ...options } = {}) {
  const worker = await mockWorker(() => answer);
  try {
    const result = await checkout.run("admin", [...args, "--url", worker.url], env, options);
    return { ...result, requests: worker.requests, url: worker.url };
  } finally {
    await worker.close();
  }
}
