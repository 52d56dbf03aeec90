// `npm run admin -- usage|reset-budget|show|erase|hand-over|release|message|call|call-state`: calls the admin routes of a
// Worker and prints the answers.
//
// Not here: what the routes do (src/http/admin/).

import readline from "node:readline/promises";
import { adminToken, askAdmin, explanation, LOCAL } from "./lib/admin.mjs";
import { columns, readCommandLine, readOrigin } from "./lib/cli.mjs";
import { nearest } from "./lib/nearest.mjs";
import { command, print, UsageError, UserError } from "./lib/run.mjs";

const HELP = `npm run admin -- usage                              what was used today (UTC)
npm run admin -- reset-budget                       reset today's budget: a full day's amount is available again
npm run admin -- show --from ADDRESS --to ADDRESS   what is stored about a contact, without texts
npm run admin -- erase --from ADDRESS --to ADDRESS  erase a contact's conversation; an opt-out is kept
npm run admin -- hand-over --from ADDRESS --to ADDRESS            a person answers the contact from now on
npm run admin -- message --from ADDRESS --to ADDRESS --text TEXT  answer a contact that is handed over
npm run admin -- release --from ADDRESS --to ADDRESS              the assistant answers the contact again
npm run admin -- call NUMBER --assistant NAME       the assistant calls somebody; it prints the call's id
npm run admin -- call-state ID                      how far that call has come

Calls the admin routes of a Worker and prints the answers.

  --from ADDRESS      the contact, such as +15550100, whatsapp:US.13491208655302741918 or messenger:2745689751200
  --to ADDRESS        your number, short code or agent, such as +15550199 or rcs:brand_x_agent
  --channel CHANNEL   sms (default), whatsapp, rcs or messenger, which is put in front of both addresses
  --text TEXT         the answer, at most 1600 characters
  --id ID             your id of the answer: a repeat with the same one is not sent again
  --assistant NAME    the assistant that calls, from the first phone number of its file
  --from NUMBER       for a call: another number of the assistant
  --context TEXT      what the assistant knows of this call, at most 2000 characters
  --url URL           the Worker (default ${LOCAL})
  --yes               erase, or reset the budget, without asking
  --json              print the Worker's answer as JSON (with \`npm run -s admin\`, nothing else is printed)
  --help              print this

The token is ADMIN_TOKEN in the environment. For a Worker on this machine, the one in .dev.vars is used if the
environment has none; it is never sent to another machine. There is no option for the token, because other users of
the machine can read the arguments of a command.

Exit code: 0 if it worked, 1 otherwise, 2 if the command line is wrong.`;

const COMMANDS = {
  usage,
  "reset-budget": resetBudget,
  show,
  erase,
  "hand-over": handOver,
  release,
  message,
  call,
  "call-state": callState,
};

// The options that one command alone takes.
const OPTIONS_OF = { assistant: "call", context: "call", id: "message", text: "message" };

// What some commands are about, before their options.
const SUBJECTS = { call: "the number", "call-state": "the call's id" };

const CHANNELS = ["sms", "whatsapp", "rcs", "messenger"];
const NUMBER = /^\+[1-9]\d{6,14}$/;

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: ["from", "to", "channel", "text", "id", "assistant", "context", "url"],
    flags: ["yes", "json"],
    positionals: true,
  });
  if (!line) return print(HELP);
  const {
    values,
    positionals: [name, ...more],
  } = line;
  if (!Object.hasOwn(COMMANDS, name ?? ""))
    throw new UsageError(`${noCommand(name)} Use ${Object.keys(COMMANDS).join(", ")}; see --help.`);
  const subject = SUBJECTS[name] ? more.shift() : undefined;
  if (more.length)
    throw new UsageError(`${name} takes only options, not "${more.join(" ")}": see --help.`);
  const url = readOrigin("--url", values.url ?? LOCAL, { local: true });
  const report = (answer, lines) =>
    print(values.json ? JSON.stringify(answer, undefined, 2) : lines.join("\n"));
  for (const [option, owner] of Object.entries(OPTIONS_OF))
    if (name !== owner) rejectOptions(values, name, [option]);
  return COMMANDS[name]({ url, values, report, subject });
});

function noCommand(name) {
  if (!name) return "a command is missing.";
  const near = nearest(name, Object.keys(COMMANDS));
  return `there is no command "${name}"${near ? `; did you mean ${near}?` : "."}`;
}

async function usage({ url, values, report }) {
  rejectOptions(values, "usage", ["from", "to", "channel", "yes"]);
  const answer = await ask(url, "/admin/usage", "messages_sent");
  const { model_requests: requests, messages_sent: sent, call_minutes: minutes } = answer;
  const { tokens, answers, rejections } = answer;
  const closed = answer.budget_unreadable
    ? ", closed for today: the stored count was damaged (reset-budget reopens it)"
    : "";
  const refused = Object.entries(rejections).filter(([, count]) => count > 0);
  const unpriced = "unknown: the Worker has no OPENAI_PRICE_INPUT and OPENAI_PRICE_OUTPUT";
  report(answer, [
    `usage of ${answer.day} (UTC) at ${url}`,
    "",
    ...columns([
      ["messages in", String(answer.messages_in)],
      ["answers", `${answers.webhook} by webhook, ${answers.rest} by REST`],
      ["requests to the model", `${requests.used} of ${requests.cap}${closed}`],
      ["messages sent by REST", `${sent.used} of ${sent.cap}${closed}`],
      ["minutes of calls", `${minutes.used} of ${minutes.cap}${closed}`],
      ["tokens", `${tokens.prompt} prompt, ${tokens.completion} completion`],
      ["estimated cost", answer.estimated_cost === null ? unpriced : String(answer.estimated_cost)],
      ["reported by Twilio", `${answer.twilio.errors} errors, ${answer.twilio.warnings} warnings`],
      ["rejections", refused.map(([kind, count]) => `${count} ${kind}`).join(", ") || "none"],
    ]),
  ]);
}

async function resetBudget({ url, values, report }) {
  rejectOptions(values, "reset-budget", ["from", "to", "channel"]);
  // Checked before the question, which would be useless without a token.
  const token = adminToken(url);
  const question = `Reset today's budget at ${url}? A full day's requests, messages and call minutes are allowed again.`;
  if (!values.yes && !(await confirmed("reset-budget", "reset", question))) {
    print("nothing was reset");
    return 1;
  }
  const answer = await ask(url, "/admin/budget/reset", "reset", { method: "POST", token });
  const { reset } = answer;
  report(answer, [
    `reset today's budget at ${url}; used until now:`,
    "",
    ...columns([
      ["requests to the model", String(reset.model_requests)],
      ["messages sent by REST", String(reset.messages_sent)],
      ["minutes of calls", String(reset.call_minutes)],
      ["count was damaged", yesNo(reset.budget_unreadable)],
    ]),
  ]);
}

async function show({ url, values, report }) {
  rejectOptions(values, "show", ["yes"]);
  const { from, to } = contactOf(values);
  const state = await ask(url, "/admin/contacts/show", "opted_out", { contact: { from, to } });
  report(state, [
    `${from} to ${to} at ${url}`,
    "",
    ...columns([
      ["opted out", yesNo(state.opted_out)],
      ["turns remembered", String(state.turns)],
      ["revision in KV", state.revision === null ? "none" : String(state.revision)],
      ["expires at", state.expires_at ?? "nothing stored"],
      ["turn running", yesNo(state.turn_running)],
      ["messages waiting for a turn", String(state.pending_messages)],
      ["answers waiting to be sent", String(state.outbox_parts)],
      ["messages in the last minute", String(state.messages_last_minute)],
      ["a person answers", yesNo(state.handed_off)],
    ]),
  ]);
}

async function erase({ url, values, report }) {
  const { from, to } = contactOf(values);
  // Checked before the question, which would be useless without a token.
  const token = adminToken(url);
  if (
    !values.yes &&
    !(await confirmed(
      "erase",
      "erase",
      `Erase the conversation of ${from} with ${to} at ${url}? This cannot be undone.`,
    ))
  ) {
    print("nothing was erased");
    return 1;
  }
  const answer = await ask(url, "/admin/contacts/erase", "erased", {
    contact: { from, to },
    token,
  });
  const { erased } = answer;
  const kv =
    answer.kv === "deleted" ? "deleted" : "being deleted: the Worker retries until it is done";
  report(answer, [
    `erased the conversation of ${from} with ${to} at ${url}`,
    "",
    ...columns([
      ["turns", String(erased.turns)],
      ["revisions in KV", `${erased.revisions}: ${kv}`],
      ["messages waiting for a turn", String(erased.pending_messages)],
      ["answers waiting to be sent", String(erased.outbox_parts)],
      ["answers kept for duplicates", String(erased.answers)],
      ["webhooks waiting to be sent", String(erased.deliveries)],
      [
        "opted out",
        `${yesNo(answer.opted_out)}${answer.opted_out ? ": kept, because it contains no personal data" : ""}`,
      ],
    ]),
  ]);
}

async function handOver({ url, values, report }) {
  rejectOptions(values, "hand-over", ["yes"]);
  const { from, to } = contactOf(values);
  const answer = await ask(url, "/admin/contacts/hand-over", "begun", { contact: { from, to } });
  report(answer, [
    answer.begun
      ? `a person answers ${from} to ${to} from now on; the contact is told with its next message`
      : `a person answers ${from} to ${to} already`,
  ]);
}

async function release({ url, values, report }) {
  rejectOptions(values, "release", ["yes"]);
  const { from, to } = contactOf(values);
  const answer = await ask(url, "/admin/contacts/release", "ended", { contact: { from, to } });
  report(answer, [
    answer.ended
      ? `the assistant answers ${from} to ${to} again`
      : `${from} to ${to} was not handed over`,
  ]);
}

async function message({ url, values, report }) {
  rejectOptions(values, "message", ["yes"]);
  const contact = contactOf(values);
  const text = values.text?.trim();
  if (!text) throw new UsageError("--text is missing: give it the answer.");
  if (text.length > 1600) throw new UsageError("--text must have at most 1600 characters.");
  const id = values.id?.trim();
  if (id === "" || id?.length > 200) throw new UsageError("--id must have 1 to 200 characters.");
  const answer = await ask(url, "/admin/contacts/messages", "queued", {
    contact: { ...contact, text, ...(id && { id }) },
  });
  report(answer, [`the answer to ${contact.from} waits to be sent`]);
}

async function call({ url, values, report, subject }) {
  rejectOptions(values, "call", ["to", "channel", "yes"]);
  if (!subject || !NUMBER.test(subject))
    throw new UsageError("call needs the number that is called, such as +15550100: see --help.");
  if (!values.assistant)
    throw new UsageError("--assistant is missing: give it the assistant's name.");
  const { assistant, from, context } = values;
  if (context && context.trim().length > 2000)
    throw new UsageError("--context must have at most 2000 characters.");
  const body = { to: subject, assistant, ...(from && { from }), ...(context && { context }) };
  const answer = await ask(url, "/admin/calls", "id", { body });
  report(answer, [
    `${assistant} calls ${subject}; see how far it has come:`,
    "",
    `  npm run admin -- call-state ${answer.id}${url === LOCAL ? "" : ` --url ${url}`}`,
  ]);
}

async function callState({ url, values, report, subject }) {
  rejectOptions(values, "call-state", ["from", "to", "channel", "yes"]);
  if (!subject || !/^[0-9a-f]{64}$/.test(subject))
    throw new UsageError("call-state needs the id that call has printed: see --help.");
  const answer = await ask(url, `/admin/calls/${subject}`, "state");
  const how = answer.ended_by ? `, by ${answer.ended_by.replaceAll("_", " ")}` : "";
  report(answer, [`the call is ${answer.state === "ended" ? `over${how}` : answer.state}`]);
}

function yesNo(value) {
  return value ? "yes" : "no";
}

function rejectOptions(values, name, options) {
  const given = options.find((option) => values[option] !== undefined);
  if (given) throw new UsageError(`${name} does not take --${given}: see --help.`);
}

function contactOf(values) {
  const channel = values.channel ?? "sms";
  if (!CHANNELS.includes(channel))
    throw new UsageError(`--channel must be sms, whatsapp, rcs or messenger, not "${channel}".`);
  const [from, to] = ["from", "to"].map((name) => address(`--${name}`, values[name], channel));
  // An RCS agent can be written to by SMS.
  const fallback = channelOf(from) === "sms" && channelOf(to) === "rcs";
  if (channelOf(from) !== channelOf(to) && !fallback)
    throw new UsageError("--from and --to must have the same channel: see --channel.");
  return { from, to };
}

function channelOf(text) {
  return CHANNELS.find((channel) => text.startsWith(`${channel}:`)) ?? "sms";
}

function address(option, text, channel) {
  if (!text) throw new UsageError(`${option} is missing: give it a number, such as +15550100.`);
  const full = channel === "sms" || text.startsWith(`${channel}:`) ? text : `${channel}:${text}`;
  const kind = channelOf(full);
  const id = kind === "sms" ? full : full.slice(kind.length + 1);
  const isShortCode = option === "--to" && kind === "sms" && /^\d{3,8}$/.test(id);
  // WhatsApp users, RCS agents and everybody on Messenger have ids. Digits alone are a number without its +.
  const isId = kind !== "sms" && /^[A-Za-z0-9][\w.-]{0,127}$/.test(id);
  const isNumberWithoutPlus = kind !== "messenger" && /^\d+$/.test(id);
  const isNumber = kind !== "messenger" && NUMBER.test(id);
  if (!isShortCode && !isNumber && !(isId && !isNumberWithoutPlus)) {
    throw new UsageError(
      `${option} must be a phone number with + and its country code, digits only, such as +15550100 or whatsapp:+15550100, or an id with its channel, such as whatsapp:US.13491208655302741918, rcs:brand_x_agent or messenger:2745689751200, not "${text}".`,
    );
  }
  return full;
}

// Asks the person at the terminal to confirm the command. `verb` names what it does.
async function confirmed(name, verb, question) {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UserError(
      `${name} asks before it ${verb}s, but there is no terminal: add --yes to confirm.`,
    );
  }
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (
      (await terminal.question(`${question}\nType yes to ${verb}: `)).trim().toLowerCase() === "yes"
    );
  } finally {
    terminal.close();
  }
}

/**
 * Calls an admin route and returns its answer, which must have `field`. Requests about a contact
 * are POSTs, because addresses do not belong in a URL.
 *
 * @param {string} url
 * @param {string} path
 * @param {string} field
 * @param {{ contact?: { from: string, to: string, text?: string }, body?: object, method?: string, token?: string }} [options]
 */
async function ask(
  url,
  path,
  field,
  { contact, body = contact, method = body ? "POST" : "GET", token } = {},
) {
  const answer = await askAdmin(url, path, { method, body, token });
  const { status, headers, text, json } = answer;
  if (json?.[field] !== undefined) return json;
  throw new UserError(explanation(url, status, headers, text));
}
