// The texts for events of the feed: answers of the Worker in a thread, and lines of the inspector's
// log.

/** How the page calls a message that was sent more than once. */
export const AGAIN = { duplicate: "Delivered twice", retry: "Sent again", replay: "Replayed" };

/** An answer that did not reach Twilio. */
export function lostText({ problem }) {
  return problem
    ? `${problem}, and sends the message again.`
    : "The answer was lost on its way to Twilio, which sends the message again.";
}

/** A webhook without an answer, or with one that Twilio cannot use. `again` is from AGAIN. */
export function failureText({ problem, twilio_error: twilioError, status, body }, again, forged) {
  const prefix = again ? `${again}: ` : "";
  if (problem) return `${prefix}${again ? problem : capital(problem)}.`;
  const result =
    status === 200
      ? `Twilio cannot use this answer: ${twilioError.reason}`
      : `The Worker answered ${status}${forged ? " to the forged signature" : ""}: ${firstLine(body)}`;
  return `${prefix}${result} (Twilio: ${twilioError.code})`;
}

/** An answer that redirects. */
export function redirectText({ redirect }, again) {
  const prefix = again ? `${again}: ` : "";
  return `${prefix}The answer redirects to ${redirect}, which the playground does not follow.`;
}

/** A line of the Worker's log, as a line of the inspector. */
export function workerLine({ time, event, details, phone_hash: _, ...rest }) {
  const facts = Object.entries({ ...details, ...rest })
    .filter(([name]) => name !== "kind")
    .sort(([one], [other]) => rankOf(one) - rankOf(other))
    .map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]);
  const isWarning =
    event === "security_event" ||
    /failed|error|unreadable/.test(event) ||
    rest.outcome === "failed";
  return {
    at: Date.parse(time) || Date.now(),
    source: "Worker",
    level: isWarning ? "warn" : "plain",
    text: [event ?? "line", details?.kind].filter(Boolean).join(": "),
    facts,
  };
}

// The facts that say most, in the order in which a line has them. Others follow, then numbers of tokens.
const FIRST_FACTS = [
  "outcome",
  "state",
  "reason",
  "failure",
  "response",
  "reply_via",
  "by",
  "messages",
  "tool",
  "model_requests",
  "duration_ms",
  "model_ms",
];
const LAST_FACTS = ["endpoint", "prompt_tokens", "completion_tokens", "segments"];

function rankOf(name) {
  const first = FIRST_FACTS.indexOf(name);
  if (first >= 0) return first;
  return FIRST_FACTS.length + 1 + LAST_FACTS.indexOf(name);
}

/** The names of the mock services in the log. */
const SOURCES = { openai: "Model", twilio: "Twilio", shop: "Shop", segment: "Segment" };

/** A request of the Worker to the model, to Twilio or to the shop, as a line of the inspector. */
export function callLine(event) {
  const results = { dropped: "answer lost", client_gone: "not waited for" };
  const failed = !event.status || event.status >= 400;
  return {
    at: event.at,
    source: SOURCES[event.service],
    level: failed ? "warn" : "plain",
    text: `${event.method} ${results[event.outcome] ?? event.status}`,
    facts: [
      ["path", event.path],
      ["took", `${event.took_ms} ms`],
      ...(event.fault ? [["fault", event.fault]] : []),
    ],
  };
}

/** An error of a call, as a line of the inspector. */
export function alertLine({ at, code, reason }) {
  return {
    at,
    source: "Twilio",
    level: "warn",
    text: `would report ${code}`,
    facts: [["reason", reason]],
  };
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

function firstLine(body) {
  const line = body.trim().split("\n")[0];
  return line.length > 160 ? `${line.slice(0, 160)}…` : line || "no body";
}
