// `npm run say -- "Hello"`: sends a message to the local Worker as Twilio would, and without a text chats. The playground's
// `say` does the work and has the options (--help). This script builds it if needed, and adds the
// token to sign with from .dev.vars and the addresses of the instance that runs.

import { runningInstance } from "./lib/instance.mjs";
import { buildPlayground, devVars } from "./lib/local.mjs";
import { playgroundBinary } from "./lib/project.mjs";
import { command, start, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpDevVars } from "./setup.mjs";

await command(async (args) => {
  await setUpNode();
  setUpDevVars();
  await buildPlayground();
  const settings = devVars();
  const token = settings.TWILIO_AUTH_TOKEN?.split(",")[0].trim();
  if (!token)
    throw new UserError(
      ".dev.vars has no TWILIO_AUTH_TOKEN, so the message cannot be signed. Set one, or delete .dev.vars to have it created again.",
    );
  // What the command line does not give comes from the settings and from the instance that runs.
  const instance = runningInstance();
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
