// `npm run doctor -- --url https://…`: whether a deployment is as it should be, from outside, a line for each check.
//
// Here is what it is asked to check; the checks are lib/examination.

import { Examination } from "./lib/examination.mjs";
import { isLoopback, readCommandLine, readNumber, readOrigin, setting } from "./lib/operators.mjs";
import { DEFAULT_PORTS } from "./lib/project.mjs";
import { command, say } from "./lib/run.mjs";
import { WEBHOOK_PATH } from "./lib/twilio-account.mjs";
import { setUpNode } from "./setup.mjs";

const HELP = `npm run doctor -- --url URL [--number NUMBER]

Checks a deployment from outside, and prints a line for each check: ok, FAILED and what to do, unknown, or a note.

  --url URL           the Worker, such as https://switchboard.example.workers.dev or http://127.0.0.1:${DEFAULT_PORTS.worker}
  --public-url URL    the origin that Twilio was given, where it is another one (for a Worker on this machine, PUBLIC_URL
                      of .dev.vars if it is there)
  --number NUMBER     a number that should point there, such as +15550199
  --help              print this

The signed request needs TWILIO_AUTH_TOKEN, from the environment or else from .dev.vars (of several the first); --number
also needs TWILIO_ACCOUNT_SID, and reads the account at TWILIO_API_BASE_URL (default https://api.twilio.com). There are no
options for them: other users of a machine can read the arguments of a command.

Nothing is changed. The Worker logs three refusals: two invalid_signature, one suspicious_request.

Exit code 0 when no check failed, else 1.`;

await command(async (args) => {
  const line = readCommandLine(args, { texts: ["url", "public-url", "number"] });
  if (!line) return say(HELP);
  const { values } = line;
  const url = readOrigin("--url", values.url, { local: true });
  const number = values.number === undefined ? undefined : readNumber("--number", values.number);
  const publicUrl = publicOrigin(url, values["public-url"]);
  await setUpNode();
  const { getExpectedTwilioSignature } = await import("twilio/lib/webhooks/webhooks.js");
  const sign = (token, form) => getExpectedTwilioSignature(token, publicUrl + WEBHOOK_PATH, form);

  const examination = new Examination(url, publicUrl, sign);
  await examination.worker();
  if (number) await examination.number(number);
  return examination.conclude();
});

function publicOrigin(url, option) {
  if (option !== undefined) return readOrigin("--public-url", option, { local: true });
  const local = isLoopback(url) ? setting("PUBLIC_URL")?.value : undefined;
  return local ? readOrigin("PUBLIC_URL", local, { local: true }) : url;
}
