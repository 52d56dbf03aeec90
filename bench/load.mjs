// The load: messages as Twilio posts them, signed by Twilio's own library, and three ways to send
// them: as fast as possible (autocannon), at a steady pace, and one after the other. An unexpected
// answer fails the measurement.
//
// Not here: the measurements (measure.mjs, counts.mjs).

import crypto from "node:crypto";
import http from "node:http";
import { createRequire } from "node:module";
import { inRoot } from "../scripts/lib/project.mjs";
import { SECRETS } from "./servers.mjs";

/** The webhook's path. */
export const WEBHOOK = "/twilio/messages";

/** The expected answer to a message: TwiML with the model's text. */
export const ANSWERED = { status: 200, text: "<Message>Nice to hear from you!" };

/**
 * An inbound message for `subject` as a request: `{ method, path, headers, body }`. `contact` is the
 * contact, counted from 0, `to` the business number, `signature` a wrong signature.
 *
 * @param {{ url: string }} subject
 * @param {{ contact?: number, to?: string, text?: string, signature?: string }} [options]
 */
export function message(
  subject,
  { contact = 0, to = "+15550199", text = "Hello, how are you today?", signature } = {},
) {
  const sid = `SM${crypto.randomBytes(16).toString("hex")}`;
  const form = {
    ToCountry: "US",
    ToState: "CA",
    SmsMessageSid: sid,
    NumMedia: "0",
    ToCity: "",
    FromZip: "94601",
    SmsSid: sid,
    FromState: "CA",
    SmsStatus: "received",
    FromCity: "OAKLAND",
    Body: text,
    FromCountry: "US",
    To: to,
    ToZip: "",
    NumSegments: "1",
    MessageSid: sid,
    AccountSid: `AC${"0123456789abcdef".repeat(2)}`,
    // Numbers that do not exist: 555 01xx with additional digits.
    From: `+155501${String(contact).padStart(8, "0")}`,
    ApiVersion: "2010-04-01",
  };
  const body = new URLSearchParams(form).toString();
  return {
    method: "POST",
    path: WEBHOOK,
    headers: {
      "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
      "user-agent": "TwilioProxy/1.1",
      "i-twilio-idempotency-token": crypto.randomUUID(),
      accept: "*/*",
      "x-twilio-signature":
        signature ??
        twilio().getExpectedTwilioSignature(SECRETS.TWILIO_AUTH_TOKEN, subject.url + WEBHOOK, form),
    },
    body,
  };
}

/** The requests of the floods and the expected answers, by table. */
export const LOADS = {
  forged: (subject) => ({
    request: message(subject, { signature: `${"A".repeat(27)}=` }),
    expected: { status: 403 },
  }),
  refused: (subject) => ({
    request: message(subject, { to: "nobody" }),
    expected: { status: 400 },
  }),
  health: () => ({ request: { method: "GET", path: "/health" }, expected: { status: 200 } }),
};

/**
 * Sends `request` again and again for `seconds`. Each connection sends the next one as soon as it
 * has the answer. Returns `{ perSecond, cpuMs, busy, generator }`: requests/s, the subject's CPU time
 * per request, and the shares of a core that subject and load generator used.
 */
export async function flood(subject, { request, expected, seconds, connections = 32 }) {
  return measured(
    subject,
    {
      url: subject.url,
      connections,
      duration: seconds,
      setupClient: (client) => client.setRequests([request]),
    },
    expected,
  );
}

/**
 * Sends every request in `lists` once, with one connection per list, so that the requests of a list
 * never overlap. Returns the same as `flood`.
 */
export async function drain(subject, { lists, expected }) {
  const amount = lists.reduce((sum, list) => sum + list.length, 0);
  let next = 0;
  const setupClient = (client) => client.setRequests(lists[next++]);
  return measured(
    subject,
    { url: subject.url, connections: lists.length, amount, timeout: 60, setupClient },
    expected,
  );
}

/**
 * Sends the requests at a steady rate, even if earlier ones have no answer yet. Returns the
 * latencies in ms.
 */
export async function pace(url, { requests, expected, perSecond }) {
  const agent = new http.Agent({ keepAlive: true });
  const began = performance.now();
  const latencies = await Promise.all(
    requests.map(async (request, index) => {
      const due = began + (index * 1000) / perSecond;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      return exchange(agent, url, request, expected);
    }),
  );
  agent.destroy();
  return latencies;
}

/** Sends the requests one after the other. Returns the latencies in ms. */
export async function inTurn(url, { requests, expected }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const latencies = [];
  for (const request of requests) latencies.push(await exchange(agent, url, request, expected));
  agent.destroy();
  return latencies;
}

async function measured(subject, options, { status, text }) {
  const problems = new Map();
  const problem = (what) => problems.set(what, (problems.get(what) ?? 0) + 1);
  // This process, the load generator, does nothing else in the meantime.
  const before = { subject: subject.cpu(), own: process.cpuUsage(), at: performance.now() };
  let answered = 0;
  let last = before.at;
  const run = autocannon()({
    ...options,
    verifyBody: (body) => !text || String(body).includes(text),
  });
  run.on("response", (_client, code) => {
    answered += 1;
    last = performance.now();
    if (code !== status) problem(`status ${code}`);
  });
  // Ends with the last answer: autocannon itself checks only twice a second whether it is done.
  const finished = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    run.on("response", () => answered === options.amount && resolve());
    run.then(resolve);
  });
  await finished;
  const after = { subject: subject.cpu(), own: process.cpuUsage(before.own) };
  const result = await run;
  if (result.errors) problems.set("errors of the connection", result.errors);
  if (result.mismatches) problems.set("another text", result.mismatches);
  if (options.amount && answered !== options.amount)
    problems.set("requests too few or many", answered - options.amount);
  if (problems.size)
    throw new Error(
      `${subject.title}: expected ${status}, but: ${[...problems].map(([what, times]) => `${what} (${times} times)`).join(", ")}`,
    );
  const ms = last - before.at;
  const cpu = after.subject - before.subject;
  return {
    perSecond: (answered * 1000) / ms,
    cpuMs: cpu / answered,
    busy: cpu / ms,
    generator: (after.own.user + after.own.system) / 1000 / ms,
  };
}

function exchange(agent, url, { method, path, headers, body }, expected) {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const request = http.request(url + path, {
      method,
      agent,
      headers: { ...headers, ...(body && { "content-length": Buffer.byteLength(body) }) },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        const ms = performance.now() - began;
        const right = response.statusCode === expected.status && text.includes(expected.text ?? "");
        if (right) resolve(ms);
        else
          reject(
            new Error(
              `${method} ${path}: expected ${expected.status}, got ${response.statusCode} ${text.slice(0, 200)}`,
            ),
          );
      });
    });
    request.end(body);
  });
}

// Loaded on first use, because the bench's packages are installed after this file is loaded.
const required = createRequire(inRoot("bench", "package.json"));
const autocannon = () => required("autocannon");
const twilio = () => required("twilio/lib/webhooks/webhooks.js");
