// `npm run say -- "Hello"`: sends a message to the local Worker as Twilio would, and without a text chats. The
// playground's `say` does the work and reads the options, which the help lists. This script builds it if needed, and adds the
// token to sign with from .dev.vars and the addresses of the instance that runs.

import fs from "node:fs";
import { asksForHelp, requireKnownOptions } from "./lib/cli.mjs";
import { runningInstance } from "./lib/instance.mjs";
import { buildPlayground, devVars } from "./lib/local.mjs";
import { playgroundBinary } from "./lib/project.mjs";
import { command, print, start, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpDevVars } from "./setup.mjs";

const HELP = `npm run say [-- "text" options]

Sends a message to the local Worker as Twilio would, and shows the answer. Without a text: a chat.

  --script FILE        play the lines of a script and compare the answers (exit code 1 if one differs, 2 if the script
                       is wrong)
  --from ADDRESS       the contact who writes (default: one for each channel; +15550100 for sms)
  --to ADDRESS         the number or agent that receives the message (default: one for each channel; +15550199 for sms)
  --channel CHANNEL    sms (default), whatsapp, whatsapp-user, rcs, messenger or short-code
  --user-id ID         the WhatsApp user id that Twilio knows for the number, such as US.13491208655302741918
  --group NUMBER       another member of the group that the message went to; can be repeated
  --service SID        the Messaging Service of the number
  --media FILE         attach a file, or the file at a URL; can be repeated
  --voice [WORDS]      attach a voice note that says these words
  --quote SID          quote the message with this SID, as a reply on WhatsApp does
  --button TEXT=PAYLOAD   press a button of a WhatsApp message
  --flow JSON          send the answers of a WhatsApp form
  --worker URL         the Worker on this machine (default: that of \`npm start\`)
  --playground URL     the playground on this machine (default: that of \`npm start\`)
  --public-url URL     the origin that the signature is made for (default: that of \`npm start -- --public\`, or PUBLIC_URL)
  --sid SID            send this MessageSid instead of a new one, as a retry does
  --token TOKEN        the auth token to sign with (default: TWILIO_AUTH_TOKEN in .dev.vars)
  --no-wait            do not wait for an answer that is sent by REST
  --help               print this

Exit code: 0 if Twilio would accept the answer, 1 otherwise, 2 if the command line is wrong and nothing was sent.`;

/** The names of the options, which the help lists. */
const OPTIONS = [...HELP.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);

await command(async (args) => {
  if (asksForHelp(args)) return print(HELP);
  requireKnownOptions(args, OPTIONS);
  await setUpNode();
  setUpDevVars();
  // `npm start` has built it. A source that does not compile at the moment is no reason to fail.
  const instance = runningInstance();
  if (!instance || !fs.existsSync(playgroundBinary())) await buildPlayground();
  const settings = devVars();
  const token = settings.TWILIO_AUTH_TOKEN?.split(",")[0].trim();
  if (!token)
    throw new UserError(
      ".dev.vars has no TWILIO_AUTH_TOKEN, so the message cannot be signed. Set one, or delete .dev.vars to have it created again.",
    );
  // What the command line does not give comes from the settings and from the instance that runs.
  const known = {
    "--worker": instance?.worker,
    "--playground": instance?.playground,
    "--public-url": instance?.publicUrl ?? settings.PUBLIC_URL,
  };
  const given = (option) => args.some((arg) => arg === option || arg.startsWith(`${option}=`));
  const more = Object.entries(known).flatMap(([option, value]) =>
    value && !given(option) ? [option, value] : [],
  );
  const env = { ...process.env, TWILIO_AUTH_TOKEN: token };
  const { code, error } = await start(playgroundBinary(), ["say", ...more, ...args], { env }).ended;
  if (error) throw new UserError(`${playgroundBinary()} could not be started: ${error.message}`);
  return code ?? 1;
});
