// `npm run say -- "Hello"`: plays Twilio towards the local Worker. The playground's `say` does the work (its own --help
// tells the options); this adds what it signs with, from .dev.vars, and builds it when needed.

import { buildPlayground, devVars } from "./lib/local.mjs";
import { playgroundBinary } from "./lib/project.mjs";
import { command, start, UserError } from "./lib/run.mjs";
import { setUpDevVars, setUpNode } from "./setup.mjs";

await command(async (args) => {
  await setUpNode();
  setUpDevVars();
  await buildPlayground();
  const settings = devVars();
  const token = settings.TWILIO_AUTH_TOKEN?.split(",")[0].trim();
  if (!token)
    throw new UserError(
      ".dev.vars has no TWILIO_AUTH_TOKEN, so the message cannot be signed. Set one, or remove .dev.vars to have it made anew.",
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
