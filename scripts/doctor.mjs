// `npm run doctor -- --url https://…`: checks a deployment from outside and prints one line per
// check.
//
// Here are the options. The checks are in lib/checks.

import { Checks, publicOrigin, signerFor } from "./lib/checks.mjs";
import { readCommandLine, readNumber, readOrigin } from "./lib/cli.mjs";
import { DEFAULT_PORTS } from "./lib/project.mjs";
import { command, print } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";

const HELP = `npm run doctor -- --url URL [--number NUMBER]

Checks a deployment from outside and prints one line per check: ok, FAILED and how to fix it, unknown, or a note.

  --url URL           the Worker, such as https://switchboard.example.workers.dev or http://127.0.0.1:${DEFAULT_PORTS.worker}
  --public-url URL    the origin that Twilio uses, if it is different (for a Worker on this machine, the default is
                      PUBLIC_URL in .dev.vars)
  --number NUMBER     a number that should point to the Worker, such as +15550199
  --help              print this

The signed request needs TWILIO_AUTH_TOKEN from the environment or from .dev.vars (the first one, if there are several).
--number also needs TWILIO_ACCOUNT_SID and reads the account at TWILIO_API_BASE_URL (default https://api.twilio.com).
There are no options for them, because other users of the machine can read the arguments of a command.

Nothing is changed. The Worker logs three rejections: two invalid_signature, one suspicious_request.

Exit code: 0 if no check failed, 1 otherwise, 2 if the command line is wrong.`;

await command(async (args) => {
  const line = readCommandLine(args, { texts: ["url", "public-url", "number"] });
  if (!line) return print(HELP);
  const { values } = line;
  const url = readOrigin("--url", values.url, { local: true });
  const number = values.number === undefined ? undefined : readNumber("--number", values.number);
  const publicUrl = publicOrigin(url, values["public-url"]);
  await setUpNode();

  print(`${url}${publicUrl === url ? "" : `, which Twilio knows as ${publicUrl}`}\n`);
  const checks = new Checks(url, publicUrl, await signerFor(publicUrl));
  await checks.worker();
  if (number) await checks.number(number);
  return checks.conclude();
});
