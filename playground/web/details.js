// The contents of the inspector's tabs: an exchange with the Worker, the model request,
// the calls of the shop, and usage.

import { clock, duration, element } from "./dom.js";
import { copyButton, curlOf } from "./export.js";

/** An exchange with the Worker: the answer first, because people look for it, then the request. */
export function exchangeDetails({ request, answer, forged, sid }) {
  return [
    headWith("Answer", answer?.body && copyButton("Copy the answer", () => answer.body)),
    ...answerDetails(answer),
    headWith(
      "Request",
      request && copyButton("Copy as curl", () => `${curlOf(request)}\n`),
      sid && copyButton("Copy the SID", () => sid),
    ),
    request &&
      element("p", { class: "request-line" }, element("b", {}, request.method), ` ${request.url}`),
    forged && element("p", { class: "warn" }, "Signed with a token that is not Twilio’s."),
    request && pairs("Headers", request.headers, true),
    request && pairs("Parameters", request.parameters, true),
  ].filter(Boolean);
}

function headWith(title, ...buttons) {
  return element("div", { class: "row" }, element("h3", {}, title), ...buttons);
}

function answerDetails(answer) {
  if (!answer) return [element("p", { class: "quiet" }, "Waiting for the Worker.")];
  const lost =
    answer.lost &&
    element("p", { class: "warn" }, "Lost on its way: Twilio hung up and sends the message again.");
  if (answer.problem)
    return [
      element(
        "p",
        { class: "warn" },
        `No answer after ${duration(answer.took_ms)}: ${answer.problem}.`,
      ),
      lost,
    ].filter(Boolean);
  const good = answer.status < 400;
  return [
    element(
      "p",
      { class: "status-line" },
      element("span", { class: good ? "status good" : "status bad" }, String(answer.status)),
      ` in ${duration(answer.took_ms)}`,
    ),
    lost,
    answer.twilio_error &&
      element(
        "p",
        { class: "warn" },
        `Twilio would report ${answer.twilio_error.code}: ${answer.twilio_error.reason}.`,
      ),
    pairs("Headers", answer.headers, false),
    answer.body
      ? element("pre", { tabIndex: 0, "aria-label": "Body of the answer" }, answer.body)
      : element("p", { class: "quiet" }, "No body."),
  ].filter(Boolean);
}

function pairs(title, list, open) {
  return element(
    "details",
    { class: "pairs", open },
    element("summary", {}, `${title} (${list.length})`),
    element(
      "dl",
      {},
      list.flatMap(([name, value]) => [
        element("dt", {}, name),
        element("dd", {}, value === "" ? element("i", {}, "empty") : value),
      ]),
    ),
  );
}

/** The newest request to the model. */
export function conversationDetails({ problem, request, answered }) {
  if (problem) return [element("p", { class: "notice" }, problem)];
  if (!request)
    return [element("p", { class: "quiet" }, "The model was not asked for this phone yet.")];
  const { body, status, took_ms: took, outcome, received_at: at, deprecation } = request;
  const results = {
    pending: "not answered yet",
    dropped: "its answer was lost",
    client_gone: "the Worker did not wait for the answer",
  };
  const result = results[outcome] ?? `${status} in ${duration(took)}`;
  return [
    headWith(
      "What the model was sent",
      copyButton("Copy as JSON", () => `${JSON.stringify(body, null, 2)}\n`),
    ),
    element(
      "p",
      { class: "facts" },
      [
        ["at", clock(at, true)],
        ["model", body.model],
        ["effort", body.reasoning_effort],
        ["deprecated", deprecation],
        ["tokens at most", body.max_completion_tokens ?? body.max_tokens],
        ["answer", result],
      ]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => element("span", {}, `${name} `, element("b", {}, String(value)))),
    ),
    element(
      "ol",
      { class: "turns" },
      (body.messages ?? []).map(({ role, content, tool_calls: calls = [] }) =>
        element(
          "li",
          { "data-role": role },
          element("span", { class: "role" }, role),
          content !== null && contentOf(content),
          calls.map(({ function: called }) =>
            element("p", {}, `[calls ${called.name}(${called.arguments})]`),
          ),
        ),
      ),
    ),
    answered && element("p", { class: "quiet" }, answered),
  ].filter(Boolean);
}

function contentOf(content) {
  if (!Array.isArray(content)) return element("p", { dir: "auto" }, String(content));
  return content.map((part) =>
    element(
      "p",
      { dir: "auto" },
      part.text ?? `[${part.type}: ${part[part.type]?.url ?? JSON.stringify(part[part.type])}]`,
    ),
  );
}

/** The calls that the shop's services got for the phone, the newest first. */
export function shopDetails(calls) {
  if (calls.length === 0)
    return [
      element(
        "p",
        { class: "quiet" },
        "No calls yet. Write to an assistant with tools, such as front-desk: “Where is order 1234?”",
      ),
    ];
  return calls.flatMap((call) => [
    element("h3", {}, shopTitle(call)),
    element(
      "p",
      { class: "status-line" },
      element(
        "span",
        { class: call.status && call.status < 400 ? "status good" : "status bad" },
        String(call.status ?? call.outcome.replaceAll("_", " ")),
      ),
      call.took_ms === null ? "" : ` in ${duration(call.took_ms)}`,
      ` at ${clock(call.at, true)}${call.fault ? `, fault: ${call.fault}` : ""}`,
    ),
    pairs("Headers", Object.entries(call.headers), true),
    jsonOf("Body of the call", call.body),
    call.answer === null ? "" : jsonOf("Answer of the shop", call.answer),
  ]);
}

function shopTitle({ path, body }) {
  const what = body?.tool ?? body?.purpose ?? body?.type;
  return `${path.replace("/tools/", "")}${what ? `: ${what}` : ""}`;
}

function jsonOf(label, value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return element("pre", { tabIndex: 0, "aria-label": label }, text);
}

/** The usage of today, and the state of the phone's conversation. */
export function usageDetails({ usage, contact, phone }, refresh) {
  return [
    element(
      "div",
      { class: "row" },
      element("h3", {}, "Today"),
      element("button", { type: "button", class: "button small", onclick: refresh }, "Refresh"),
    ),
    ...(usage?.problem
      ? [element("p", { class: "notice" }, usage.problem)]
      : usage?.body
        ? usageOf(usage.body)
        : [element("p", { class: "quiet" }, "Not asked yet.")]),
    element("h3", {}, phone ? phone.name : "This phone"),
    ...(contact?.problem
      ? contact.problem === usage?.problem
        ? [element("p", { class: "quiet" }, "Not known either.")]
        : [element("p", { class: "notice" }, contact.problem)]
      : contact?.body
        ? [grid(stateOf(contact.body))]
        : [element("p", { class: "quiet" }, "Not asked yet.")]),
  ];
}

function usageOf(usage) {
  const { used = 0, cap = 0 } = usage.model_requests ?? {};
  const cost = usage.estimated_cost;
  const rejections = Object.entries(usage.rejections ?? {}).filter(([, count]) => count > 0);
  return [
    element(
      "p",
      { class: "budget" },
      element("label", { for: "budget" }, "Requests to the model"),
      element("span", {}, `${used} of ${cap}`),
    ),
    element(
      "meter",
      {
        id: "budget",
        min: 0,
        max: Math.max(cap, 1),
        high: cap * 0.8,
        value: Math.min(used, Math.max(cap, 1)),
      },
      `${used} of ${cap}`,
    ),
    grid([
      ["Day (UTC)", usage.day],
      ["Tokens in", usage.tokens?.prompt],
      ["Tokens out", usage.tokens?.completion],
      ["Estimated cost", cost === null || cost === undefined ? "no prices set" : cost.toFixed(6)],
      ["Messages in", usage.messages_in],
      ["Answers in the webhook", usage.answers?.webhook],
      ["Answers by REST", usage.answers?.rest],
      [
        "Refused",
        rejections.length
          ? rejections.map(([kind, count]) => `${kind.replaceAll("_", " ")} ${count}`).join(", ")
          : "none",
      ],
    ]),
  ];
}

function stateOf(state) {
  const yes = (value) => (value ? "yes" : "no");
  return [
    ["Opted out", yes(state.opted_out)],
    ["Turns remembered", state.turns],
    ["Revision", state.revision ?? "none"],
    ["Expires at", state.expires_at ? clock(Date.parse(state.expires_at), true) : "nothing stored"],
    ["Turn running", yes(state.turn_running)],
    ["Messages waiting", state.pending_messages],
    ["Answers waiting for REST", state.outbox_parts],
    ["Messages in the last minute", state.messages_last_minute],
  ];
}

function grid(list) {
  return element(
    "dl",
    { class: "grid" },
    list.flatMap(([name, value]) => [
      element("dt", {}, name),
      element("dd", {}, String(value ?? "unknown")),
    ]),
  );
}
