// Three promises hold for every request of every test: each response has the security headers, each
// log line is a known event, and nothing that is printed contains a secret or a person's number.
//
// Not here: when they are checked (worker).

/** The security headers of every response, by lower-case name. */
export const SECURITY_HEADERS = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "strict-origin-when-cross-origin",
  "cache-control": "no-store",
};

/** Every event that the Worker may log. */
export const EVENTS = [
  "call",
  "call_turn",
  "call_refused",
  "call_fault",
  "call_dialled",
  "call_hung_up",
  "synthetic_run",
  "twilio_error",
  "security_event",
  "turn",
  "outbox_part",
  "delivery",
  "hand_off",
  "signed_webhook",
  "studio_flow",
  "intake",
  "typing_refused",
  "consent",
  "message_ignored",
  "erased",
  "budget_reset",
  "conversation_shortened",
  "conversation_unreadable",
  "endpoint_failed",
  "field_omitted",
  "segment_events",
  "tool_called",
  "kv_failed",
  "object_failed",
  "internal_error",
];

/**
 * Throws if a response lacks a security header.
 *
 * @param {string} what
 * @param {Headers} headers
 */
export function checkHeaders(what, headers) {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    if (headers.get(name) !== value)
      throw new Error(`${what}: the header ${name} is ${headers.get(name)}, not ${value}`);
  }
}

/**
 * Throws if a log line is no known event, or a line has one of these secrets or a person's number.
 *
 * @param {any[]} log
 * @param {string[]} lines
 * @param {string[]} secrets
 */
export function checkOutput(log, lines, secrets) {
  for (const entry of log) {
    if (!EVENTS.includes(entry.event))
      throw new Error(`an unknown event was logged: ${JSON.stringify(entry)}`);
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(entry.time))
      throw new Error(`an event without a time: ${JSON.stringify(entry)}`);
  }
  for (const line of lines) {
    if (/(\+|%2B)155501\d\d/i.test(line)) throw new Error(`a person's number was printed: ${line}`);
    if (secrets.some((secret) => secret.length >= 16 && line.includes(secret)))
      throw new Error("a secret was printed");
  }
}
