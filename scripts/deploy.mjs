// `npm run deploy`: set-up, build, and `wrangler deploy` with the arguments given, for example
// `npm run deploy -- --dry-run`, which bundles and checks everything and needs no account.

import { build } from "./build.mjs";
import { WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { ROOT } from "./lib/project.mjs";
import { command, start } from "./lib/run.mjs";
import { setUpNode } from "./setup.mjs";

await command(async (args) => {
  await setUpNode();
  await build();
  // wrangler asks before it signs in or makes a namespace, so it keeps the terminal.
  const { code } = await start(WRANGLER[0], [...WRANGLER.slice(1), "deploy", ...args], { cwd: ROOT, env: wranglerEnv() }).ended;
  return code ?? 1;
});
