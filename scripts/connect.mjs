// `npm run connect`: points a number, or a Messaging Service, of a Twilio account at a Worker, by Twilio's REST API, and
// shows what it changed. Sources: Twilio, "IncomingPhoneNumber resource", "Messaging Services resource", "Webhook connection
// overrides".
//
// Not here: all else about the Worker (doctor), and WhatsApp senders, whose webhook neither of the two has.

import { columns, readCommandLine, readNumber, readOrigin, readUrl } from "./lib/operators.mjs";
import { command, say, UserError } from "./lib/run.mjs";
import {
  RETRIES,
  STATUS_PATH,
  serviceDecides,
  twilioAccount,
  WEBHOOK_PATH,
} from "./lib/twilio-account.mjs";

const HELP = `npm run connect -- --number NUMBER --url URL              set the webhook of a phone number
npm run connect -- --messaging-service SID --url URL      set the webhooks of a Messaging Service

  --number NUMBER            a number of the account, such as +15550199
  --messaging-service SID    MG and 32 hex digits
  --url URL                  the origin of the Worker, such as https://switchboard.example.workers.dev
  --fallback URL             what Twilio asks when the Worker fails; left as it is without this option
  --dry-run                  show what would change, and change nothing
  --help                     print this

The webhook becomes URL${WEBHOOK_PATH}${RETRIES}, by POST: Twilio then tries up to three times more, on any failure.
An application on the number, which would win, is taken off it. A number has no status callback for messages (its
StatusCallback is for calls, and stays as it is): each late answer names URL${STATUS_PATH} as its own. A Messaging
Service has one, which is set, and "defer to sender's webhook" is switched off there.

The account is TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, both in the environment or both in .dev.vars, at
TWILIO_API_BASE_URL (default https://api.twilio.com). There are no options for them: other users of a machine can read the
arguments of a command.

Then the Worker is asked whether it takes what is signed for URL: its PUBLIC_URL and its token may be others. (The Worker
logs that as one suspicious_request.)

A WhatsApp sender's webhook is set in Twilio's console: Messaging, Senders, WhatsApp senders.

Exit code 0 when the settings are as shown, else 1.`;

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: ["number", "messaging-service", "url", "fallback"],
    flags: ["dry-run"],
  });
  if (!line) return say(HELP);
  const { values } = line;
  const service = values["messaging-service"];
  if (values.number && service)
    throw new UserError(
      "--number and --messaging-service are two different things to set: give one of them.",
    );
  const origin = readOrigin("--url", values.url, { local: false });
  const fallback =
    values.fallback === undefined
      ? undefined
      : readUrl("--fallback", values.fallback, { local: false }).href;
  const wanted = { origin, fallback, dryRun: values["dry-run"] };
  return service === undefined
    ? connectNumber(readNumber("--number", values.number), wanted)
    : connectService(service, wanted);
});

async function connectNumber(phoneNumber, { origin, fallback, dryRun }) {
  const account = twilioAccount();
  const number = await account.number(phoneNumber);
  if (!number)
    throw new UserError(
      `the account ${account.sid} has no number ${phoneNumber}. A subaccount's numbers are seen with the subaccount's sid and token.`,
    );
  if (number.capabilities?.sms === false)
    throw new UserError(
      `${phoneNumber} cannot receive text messages: Twilio sells it for other things.`,
    );
  const settings = {
    SmsUrl: origin + WEBHOOK_PATH + RETRIES,
    SmsMethod: "POST",
    ...(fallback && { SmsFallbackUrl: fallback, SmsFallbackMethod: "POST" }),
    SmsApplicationSid: "",
  };
  say(
    `${phoneNumber} "${number.friendly_name ?? ""}" (${number.sid}) of the account ${account.sid}\n`,
  );
  await apply(number, settings, dryRun, (changes) => account.updateNumber(number.sid, changes));
  say(await whoDecides(account, number, origin));
  say(
    `Status callbacks: each late answer names ${origin}${STATUS_PATH}; a number has no setting for it (StatusCallback is for calls).`,
  );
  say(
    "WhatsApp: a sender's webhook is not the number's; set it in Twilio's console (Messaging, Senders, WhatsApp senders).",
  );
  say(await agreement(account, origin));
  if (!dryRun) say(`\nTo check it all: npm run doctor -- --url ${origin} --number ${phoneNumber}`);
}

async function connectService(sid, { origin, fallback, dryRun }) {
  if (!/^MG[0-9a-fA-F]{32}$/.test(sid))
    throw new UserError(`--messaging-service must be MG and 32 hex digits, not "${sid}".`);
  const account = twilioAccount();
  const service = await account.service(sid);
  if (!service) throw new UserError(`the account ${account.sid} has no Messaging Service ${sid}.`);
  const settings = {
    InboundRequestUrl: origin + WEBHOOK_PATH + RETRIES,
    InboundMethod: "POST",
    ...(fallback && { FallbackUrl: fallback, FallbackMethod: "POST" }),
    StatusCallback: origin + STATUS_PATH,
    UseInboundWebhookOnNumber: "false",
  };
  say(
    `Messaging Service "${service.friendly_name ?? ""}" (${sid}) of the account ${account.sid}\n`,
  );
  await apply(service, settings, dryRun, (changes) => account.updateService(sid, changes));
  say("It decides for all numbers in it, whatever their own webhooks are.");
  say(await agreement(account, origin));
  if (!dryRun) say(`\nTo check the Worker: npm run doctor -- --url ${origin}`);
}

// Makes the changes that are needed, and shows every setting with what it was and is.
async function apply(resource, settings, dryRun, update) {
  const names = Object.keys(settings);
  const changes = Object.fromEntries(
    names
      .filter((name) => value(resource, name) !== settings[name])
      .map((name) => [name, settings[name]]),
  );
  const count = Object.keys(changes).length;
  const after = count && !dryRun ? await update(changes) : resource;
  const wrong = dryRun ? [] : names.filter((name) => value(after, name) !== settings[name]);
  const now = (name) =>
    name in changes ? shown(dryRun ? settings[name] : value(after, name)) : "the same";
  const rows = names.map((name) => [name, shown(value(resource, name)), now(name)]);
  say([...columns([["setting", "was", dryRun ? "would be" : "is now"], ...rows]), ""].join("\n"));
  if (wrong.length)
    throw new UserError(
      `Twilio took the change, but ${wrong.join(" and ")} did not become what was asked for.`,
    );
  const settingsChanged = `${count} setting${count === 1 ? "" : "s"}`;
  if (!count) say("Nothing to change.");
  else
    say(
      dryRun
        ? `Dry run: nothing was changed; ${settingsChanged} would be.`
        : `Changed ${settingsChanged}.`,
    );
}

// A setting of a resource by the name of its parameter; what is not set is the empty text.
function value(resource, parameter) {
  const field = parameter.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return String(resource[field] ?? "");
}

// For the terminal: a URL may hold a user and a password.
function shown(text) {
  return text === "" ? "(none)" : text.replace(/\/\/[^/?#@]*@/, "//…@");
}

// Whether the Worker takes what Twilio signs for the address that it was given here.
async function agreement(account, origin) {
  let answer;
  try {
    answer = await account.probe(origin);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `Worker: it could not be told whether it takes what is signed for ${origin} (${error.message}).`;
  }
  if (answer === "agrees") return `Worker: it takes what is signed for ${origin}.`;
  if (answer !== "refuses")
    return `ATTENTION: a signed probe gets an answer from ${origin} that is not Switchboard's, or its settings are not in order: ${answer}.`;
  return `ATTENTION: the Worker refuses what is signed for ${origin} (403): its PUBLIC_URL is another origin, or its TWILIO_AUTH_TOKEN another token.\nIf it is PUBLIC_URL, put this line into [vars] of wrangler.toml, and npm run deploy:\n\n  PUBLIC_URL = "${origin}"`;
}

async function whoDecides(account, number, origin) {
  let service;
  try {
    service = await account.serviceOfNumber(number.sid);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `Messaging Service: it could not be told whether the number is in one (${error.message}). If it is, the service's webhook wins.`;
  }
  if (!service) return "Messaging Service: the number is in none, so its own webhook counts.";
  const name = `"${service.friendly_name ?? ""}" (${service.sid})`;
  if (!serviceDecides(service))
    return `Messaging Service: the number is in ${name}, which leaves inbound messages to the numbers' own webhooks.`;
  const goesTo = value(service, "InboundRequestUrl");
  if (goesTo.split("#")[0] === origin + WEBHOOK_PATH)
    return `Messaging Service: the number is in ${name}, whose webhook wins, and leads here too.`;
  return `ATTENTION: the number is in the Messaging Service ${name}, whose webhook wins: inbound messages go to ${shown(goesTo)}.\nTo change that: npm run connect -- --messaging-service ${service.sid} --url ${origin}`;
}
