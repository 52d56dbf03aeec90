// `npm run deploy`: set-up, build, and `wrangler deploy` with the given arguments. For example,
// `npm run deploy -- --dry-run` bundles and checks everything without an account.

import { build } from "./build.mjs";
import { deploy } from "./lib/deployment.mjs";
import { WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { ROOT, readText } from "./lib/project.mjs";
import { command } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";

await command(async (args) => {
  await setUpNode();
  await build();
  return deploy(args, {
    wrangler: WRANGLER,
    cwd: ROOT,
    env: wranglerEnv(),
    toml: readText("wrangler.toml"),
  });
});
