// `npm run deploy`: set-up, build, and `wrangler deploy` with the given arguments. For example,
// `npm run deploy -- --dry-run` bundles and checks everything without an account.

import { build } from "./build.mjs";
import { asksForHelp } from "./lib/cli.mjs";
import { deploy } from "./lib/deployment.mjs";
import { WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { ROOT, readText } from "./lib/project.mjs";
import { command, print } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";

const HELP = `npm run deploy [-- --dry-run --env NAME, and other options of wrangler deploy]

Builds the Worker and deploys it to Cloudflare with \`wrangler deploy\`. All options but --help go on to wrangler, which
refuses those that it does not know: \`npx wrangler deploy --help\` lists them.

  --dry-run    build, bundle and check everything, and deploy nothing; needs no account
  --env NAME   the environment of wrangler.toml, such as staging (default: the top level)
  --help       print this

Exit code: 0 if it is deployed, 1 or that of wrangler otherwise.`;

await command(async (args) => {
  if (asksForHelp(args)) return print(HELP);
  await setUpNode();
  await build();
  return deploy(args, {
    wrangler: WRANGLER,
    cwd: ROOT,
    env: wranglerEnv(),
    toml: readText("wrangler.toml"),
  });
});
