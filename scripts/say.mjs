// `npm run say -- "Hello"`: sends a message to the local Worker as Twilio would. The playground's
// `say` does the work and has the options (--help). This script builds it if needed, and adds the
// token to sign with from .dev.vars.

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
  const signedFor =
    settings.PUBLIC_URL && !args.some((arg) => arg.startsWith("--public-url"))
      ? ["--public-url", settings.PUBLIC_URL]
      : [];
  const env = { ...process.env, TWILIO_AUTH_TOKEN: token };
  const { code, error } = await start(playgroundBinary(), ["say", ...signedFor, ...args], { env })
    .ended;
  if (error) throw new UserError(`${playgroundBinary()} could not be started: ${error.message}`);
  return code ?? 1;
});
