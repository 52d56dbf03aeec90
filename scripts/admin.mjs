// `npm run admin -- usage|reset-budget|show|erase`: the admin routes of a Worker, for people. What they do is the Worker's business.

import readline from "node:readline/promises";
import { devVars } from "./lib/local.mjs";
import {
  columns,
  firstLine,
  isLoopback,
  readCommandLine,
  readOrigin,
  request,
} from "./lib/operators.mjs";
import { DEFAULT_PORTS } from "./lib/project.mjs";
import { command, duration, say, UserError } from "./lib/run.mjs";

const LOCAL = `http://127.0.0.1:${DEFAULT_PORTS.worker}`;

const HELP = `npm run admin -- usage                              what was used today (UTC)
npm run admin -- reset-budget                       begin today's budget anew: as much again as on a whole day
npm run admin -- show --from NUMBER --to NUMBER     what is known of a sender, without texts
npm run admin -- erase --from NUMBER --to NUMBER    forget all that a sender said, but not that it opted out

  --from NUMBER       the person's number, such as +15550100
  --to NUMBER         the number or short code that was written to, such as +15550199
  --channel CHANNEL   sms (default) or whatsapp; the same as writing whatsapp:+15550100 for both numbers
  --url URL           the Worker (default ${LOCAL})
  --yes               erase, or reset the budget, without asking
  --json              print the Worker's answer as it is (with \`npm run -s admin\`, nothing else is printed)
  --help              print this

The token is the environment's ADMIN_TOKEN. For a Worker on this machine it is .dev.vars' if the environment has none; that
one is never sent anywhere else. There is no option for it: other users of a machine can read the arguments of a command.

Exit code 0 when it was done, else 1.`;

const COMMANDS = { usage, "reset-budget": resetBudget, show, erase };

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: ["from", "to", "channel", "url"],
    flags: ["yes", "json"],
    positionals: true,
  });
  if (!line) return say(HELP);
  const {
    values,
    positionals: [name, ...more],
  } = line;
  if (!Object.hasOwn(COMMANDS, name ?? ""))
    throw new UserError(
      `${name ? `there is no command ${name}: there` : "which command? There"} are usage, reset-budget, show and erase; see --help.`,
    );
  if (more.length)
    throw new UserError(`${name} takes options only, not "${more.join(" ")}": see --help.`);
  const url = readOrigin("--url", values.url ?? LOCAL, { local: true });
  const print = (answer, lines) =>
    say(values.json ? JSON.stringify(answer, undefined, 2) : lines.join("\n"));
  return COMMANDS[name]({ url, values, print });
});

async function usage({ url, values, print }) {
  refuseOptions(values, "usage", ["from", "to", "channel", "yes"]);
  const answer = await ask(url, "/admin/usage", "messages_sent");
  const { model_requests: requests, messages_sent: sent, tokens, answers, refusals } = answer;
  const closed = answer.budget_unreadable
    ? ", and no more today: the stored count was damaged (reset-budget opens it)"
    : "";
  const refused = Object.entries(refusals).filter(([, count]) => count > 0);
  const unpriced = "not known: OPENAI_PRICE_INPUT and OPENAI_PRICE_OUTPUT are not set there";
  print(answer, [
    `usage of ${answer.day} (UTC) at ${url}`,
    "",
    ...columns([
      ["messages in", String(answer.messages_in)],
      ["answers", `${answers.inline} inline, ${answers.by_rest} by REST`],
      ["requests to the model", `${requests.used} of ${requests.cap}${closed}`],
      ["messages sent by REST", `${sent.used} of ${sent.cap}${closed}`],
      ["tokens", `${tokens.prompt} prompt, ${tokens.completion} completion`],
      ["estimated cost", answer.estimated_cost === null ? unpriced : String(answer.estimated_cost)],
      ["refusals", refused.map(([kind, count]) => `${count} ${kind}`).join(", ") || "none"],
    ]),
  ]);
}

async function resetBudget({ url, values, print }) {
  refuseOptions(values, "reset-budget", ["from", "to", "channel"]);
  // Before the question: nobody is asked for nothing.
  const token = adminToken(url);
  const question = `Begin today's budget at ${url} anew? As many requests and messages as on a whole day are allowed again.`;
  if (!values.yes && !(await confirmed("reset-budget", "reset", question))) {
    say("nothing was reset");
    return 1;
  }
  const answer = await ask(url, "/admin/budget/reset", "reset", { method: "POST", token });
  const { reset } = answer;
  print(answer, [
    `began today's budget anew at ${url}; until then there were`,
    "",
    ...columns([
      ["requests to the model", String(reset.model_requests)],
      ["messages sent by REST", String(reset.messages_sent)],
      ["a damaged count", yesNo(reset.budget_unreadable)],
    ]),
  ]);
}

async function show({ url, values, print }) {
  refuseOptions(values, "show", ["yes"]);
  const { from, to } = senderOf(values);
  const state = await ask(url, "/admin/senders/show", "opted_out", { sender: { from, to } });
  print(state, [
    `${from} to ${to} at ${url}`,
    "",
    ...columns([
      ["opted out", yesNo(state.opted_out)],
      ["turns remembered", String(state.turns)],
      ["revision in KV", state.revision === null ? "none" : String(state.revision)],
      ["forgotten at", state.expires_at ?? "nothing to forget"],
      ["turn running", yesNo(state.turn_running)],
      ["messages waiting for a turn", String(state.pending_messages)],
      ["answers waiting to be sent", String(state.waiting_sends)],
      ["messages in the last minute", String(state.messages_last_minute)],
    ]),
  ]);
}

async function erase({ url, values, print }) {
  const { from, to } = senderOf(values);
  // Before the question: nobody is asked for nothing.
  const token = adminToken(url);
  if (
    !values.yes &&
    !(await confirmed(
      "erase",
      "erase",
      `Erase all that ${from} said to ${to}, at ${url}? It cannot be undone.`,
    ))
  ) {
    say("nothing was erased");
    return 1;
  }
  const answer = await ask(url, "/admin/senders/erase", "erased", { sender: { from, to }, token });
  const { erased } = answer;
  const kv =
    answer.kv === "deleted" ? "deleted" : "being deleted: the Worker tries until it is done";
  print(answer, [
    `erased what ${from} said to ${to} at ${url}`,
    "",
    ...columns([
      ["turns", String(erased.turns)],
      ["revisions in KV", `${erased.revisions}: ${kv}`],
      ["messages waiting for a turn", String(erased.pending_messages)],
      ["answers waiting to be sent", String(erased.waiting_sends)],
      ["answers kept for duplicates", String(erased.answers)],
      [
        "opted out",
        `${yesNo(answer.opted_out)}${answer.opted_out ? ": kept, as it holds no personal data" : ""}`,
      ],
    ]),
  ]);
}

function yesNo(value) {
  return value ? "yes" : "no";
}

function refuseOptions(values, name, options) {
  const given = options.find((option) => values[option] !== undefined);
  if (given) throw new UserError(`${name} does not take --${given}: see --help.`);
}

function senderOf(values) {
  const channel = values.channel ?? "sms";
  if (!["sms", "whatsapp"].includes(channel))
    throw new UserError(`--channel must be sms or whatsapp, not "${channel}".`);
  const [from, to] = ["from", "to"].map((name) => address(`--${name}`, values[name], channel));
  if (from.startsWith("whatsapp:") !== to.startsWith("whatsapp:"))
    throw new UserError("--from and --to must be of the same channel: see --channel.");
  return { from, to };
}

function address(option, text, channel) {
  if (!text) throw new UserError(`${option} is missing: give it a number, such as +15550100.`);
  const full = channel === "whatsapp" && !text.startsWith("whatsapp:") ? `whatsapp:${text}` : text;
  const isShortCode = option === "--to" && /^\d{3,8}$/.test(full);
  if (!isShortCode && !/^(whatsapp:)?\+[1-9]\d{6,14}$/.test(full)) {
    throw new UserError(
      `${option} must be a phone number with + and its country code, digits only, such as +15550100 or whatsapp:+15550100, not "${text}".`,
    );
  }
  return full;
}

// Whether a person says yes to what the command does, which `verb` names.
async function confirmed(name, verb, question) {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UserError(
      `${name} asks before it ${verb}s, and there is no terminal to ask at: say --yes if you mean it.`,
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

// The environment's, or on this machine that of .dev.vars.
function adminToken(url) {
  const local = isLoopback(url);
  const token = process.env.ADMIN_TOKEN || (local ? devVars().ADMIN_TOKEN : undefined);
  if (token && /^[\x21-\x7e]+$/.test(token)) return token;
  if (token)
    throw new UserError(
      "ADMIN_TOKEN holds characters that cannot be sent: it must be visible ASCII without spaces.",
    );
  const where = local
    ? "neither in the environment nor in .dev.vars"
    : "not in the environment (the one in .dev.vars is for this machine only)";
  throw new UserError(`ADMIN_TOKEN is ${where}: set it to the one that the Worker at ${url} has.`);
}

// The answer, which is known by holding `field`. What is asked about a sender is posted: its addresses belong in no URL. The
// Worker may wait for its objects, one after the other.
async function ask(
  url,
  path,
  field,
  { sender, method = sender ? "POST" : "GET", token = adminToken(url) } = {},
) {
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(sender && { "Content-Type": "application/json" }),
  };
  const {
    status,
    headers: answered,
    text,
    json,
  } = await request(url + path, {
    method,
    headers,
    body: sender && JSON.stringify(sender),
    seconds: 45,
  });
  if (status === 200 && json?.[field] !== undefined) return json;
  throw new UserError(refusal(url, status, answered, text));
}

function refusal(url, status, headers, text) {
  if (status === 400)
    return `the Worker at ${url} does not understand the request (400): ${firstLine(text)}`;
  if (status === 401)
    return `the Worker at ${url} does not take this ADMIN_TOKEN (401): it has another one.`;
  if (status === 404)
    return `there are no admin routes at ${url} (404): ADMIN_TOKEN is not set there (\`npx wrangler secret put ADMIN_TOKEN\`, or .dev.vars for a local Worker), or it is not Switchboard.`;
  if (status === 429) {
    const seconds = Number(headers.get("retry-after"));
    const wait = seconds > 0 ? duration(seconds * 1000) : "a minute";
    return `too many wrong tokens from this address (429): wait ${wait} and try again with the right one.`;
  }
  if (status === 503)
    return `the Worker at ${url} cannot answer (503): ${firstLine(text)}. ${url}/health names settings that are wrong; if it names none, try again later.`;
  return `the answer from ${url} is not one of Switchboard's admin routes (${status}): ${firstLine(text)}`;
}
