// `npm run connect`: points a phone number or a Messaging Service of a Twilio account at a Worker,
// and shows what changed. Sources: Twilio, "IncomingPhoneNumber resource", "Messaging Services
// resource", "Webhook connection overrides".
//
// Not here: other checks of the Worker (doctor), and WhatsApp senders, whose webhook is set only in
// Twilio's console.

import { columns, readCommandLine, readNumber, readOrigin, readUrl } from "./lib/cli.mjs";
import { command, print, UsageError, UserError } from "./lib/run.mjs";
import {
  RETRIES,
  STATUS_PATH,
  serviceDecides,
  twilioAccount,
  WEBHOOK_PATH,
} from "./lib/twilio-account.mjs";

const HELP = `npm run connect -- --number NUMBER --url URL              set the webhook of a phone number
npm run connect -- --messaging-service SID --url URL      set the webhooks of a Messaging Service

Points a phone number or a Messaging Service of a Twilio account at a Worker, and shows what changed.

  --number NUMBER            a number of the account, such as +15550199
  --messaging-service SID    MG and 32 hex digits
  --url URL                  the origin of the Worker, such as https://switchboard.example.workers.dev
  --fallback URL             the URL that Twilio calls if the Worker fails; unchanged without this option
  --dry-run                  show what would change, and change nothing
  --help                     print this

The webhook becomes URL${WEBHOOK_PATH}${RETRIES}, by POST. Twilio then retries up to three times, on any failure.
If an application is set on the number, it is removed, because it would take precedence. A number has no status callback
for messages (its StatusCallback is for calls and stays unchanged). Instead, each message that the Worker sends names
URL${STATUS_PATH}. A Messaging Service does have a status callback: it is set, and "defer to sender's webhook" is
switched off.

The account is TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, both in the environment or both in .dev.vars, at
TWILIO_API_BASE_URL (default https://api.twilio.com). There are no options for them, because other users of the machine
can read the arguments of a command.

Afterwards a signed request tests whether the Worker accepts signatures for URL. It does not if its PUBLIC_URL or its
token differ. (The Worker logs the test as one suspicious_request.)

The webhook of a WhatsApp sender is set in Twilio's console: Messaging, Senders, WhatsApp senders.

Exit code: 0 if the settings are now as shown, 1 otherwise, 2 if the command line is wrong.`;

await command(async (args) => {
  const line = readCommandLine(args, {
    texts: ["number", "messaging-service", "url", "fallback"],
    flags: ["dry-run"],
  });
  if (!line) return print(HELP);
  const { values } = line;
  const service = values["messaging-service"];
  if (values.number && service)
    throw new UsageError("--number and --messaging-service cannot be combined: give one of them.");
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
      `the account ${account.sid} has no number ${phoneNumber}. The numbers of a subaccount need the subaccount's SID and token.`,
    );
  if (number.capabilities?.sms === false)
    throw new UserError(`${phoneNumber} cannot receive text messages.`);
  const settings = {
    SmsUrl: origin + WEBHOOK_PATH + RETRIES,
    SmsMethod: "POST",
    ...(fallback && { SmsFallbackUrl: fallback, SmsFallbackMethod: "POST" }),
    SmsApplicationSid: "",
  };
  print(
    `${phoneNumber} "${number.friendly_name ?? ""}" (${number.sid}) of the account ${account.sid}\n`,
  );
  await apply(number, settings, dryRun, (changes) => account.updateNumber(number.sid, changes));
  print(await precedence(account, number, origin));
  print(
    `Status callbacks: each message that the Worker sends names ${origin}${STATUS_PATH}; a number has no such setting (StatusCallback is for calls).`,
  );
  print(
    "WhatsApp: a sender has its own webhook; set it in Twilio's console (Messaging, Senders, WhatsApp senders).",
  );
  print(await signatureCheck(account, origin));
  if (!dryRun)
    print(`\nTo check everything: npm run doctor -- --url ${origin} --number ${phoneNumber}`);
}

async function connectService(sid, { origin, fallback, dryRun }) {
  if (!/^MG[0-9a-fA-F]{32}$/.test(sid))
    throw new UsageError(`--messaging-service must be MG and 32 hex digits, not "${sid}".`);
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
  print(
    `Messaging Service "${service.friendly_name ?? ""}" (${sid}) of the account ${account.sid}\n`,
  );
  await apply(service, settings, dryRun, (changes) => account.updateService(sid, changes));
  print("It decides for all numbers in it, regardless of their own webhooks.");
  print(await signatureCheck(account, origin));
  if (!dryRun) print(`\nTo check the Worker: npm run doctor -- --url ${origin}`);
}

// Makes the necessary changes, and shows the old and new value of every setting.
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
    name in changes ? shown(dryRun ? settings[name] : value(after, name)) : "unchanged";
  const rows = names.map((name) => [name, shown(value(resource, name)), now(name)]);
  print([...columns([["setting", "was", dryRun ? "would be" : "is now"], ...rows]), ""].join("\n"));
  if (wrong.length)
    throw new UserError(
      `Twilio accepted the change, but ${wrong.join(" and ")} did not get the new value.`,
    );
  const settingsChanged = `${count} setting${count === 1 ? "" : "s"}`;
  if (!count) print("Nothing to change.");
  else
    print(
      dryRun
        ? `Dry run: nothing was changed; ${settingsChanged} would be.`
        : `Changed ${settingsChanged}.`,
    );
}

// Returns a setting of a resource by the name of its parameter; the empty text if it is not set.
function value(resource, parameter) {
  const field = parameter.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
  return String(resource[field] ?? "");
}

// Hides the user name and password that a URL may contain.
function shown(text) {
  return text === "" ? "(none)" : text.replace(/\/\/[^/?#@]*@/, "//…@");
}

// Reports whether the Worker accepts Twilio's signatures for its new address.
async function signatureCheck(account, origin) {
  let answer;
  try {
    answer = await account.probe(origin);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `Worker: unknown whether it accepts signatures for ${origin} (${error.message}).`;
  }
  if (answer === "accepts") return `Worker: it accepts signatures for ${origin}.`;
  if (answer !== "rejects")
    return `ATTENTION: the answer of ${origin} to a signed request is not Switchboard's, or its settings are wrong: ${answer}.`;
  return `ATTENTION: the Worker rejects signatures for ${origin} (403): its PUBLIC_URL or its TWILIO_AUTH_TOKEN is different.\nIf it is PUBLIC_URL, put this line into [vars] of wrangler.toml and run npm run deploy:\n\n  PUBLIC_URL = "${origin}"`;
}

// Reports whether a Messaging Service takes precedence over the number's webhook.
async function precedence(account, number, origin) {
  let service;
  try {
    service = await account.serviceOfNumber(number.sid);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return `Messaging Service: unknown whether the number is in one (${error.message}). If it is, the service's webhook takes precedence.`;
  }
  if (!service) return "Messaging Service: the number is not in one, so its own webhook is used.";
  const name = `"${service.friendly_name ?? ""}" (${service.sid})`;
  if (!serviceDecides(service))
    return `Messaging Service: the number is in ${name}, which uses its numbers' own webhooks for inbound messages.`;
  const goesTo = value(service, "InboundRequestUrl");
  if (goesTo.split("#")[0] === origin + WEBHOOK_PATH)
    return `Messaging Service: the number is in ${name}, whose webhook takes precedence and also points here.`;
  return `ATTENTION: the number is in the Messaging Service ${name}, whose webhook takes precedence: inbound messages go to ${shown(goesTo)}.\nTo change that: npm run connect -- --messaging-service ${service.sid} --url ${origin}`;
}
