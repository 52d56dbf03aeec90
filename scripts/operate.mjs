// `npm run operate -- --url https://…`: an operator's page for a deployed Worker, in the browser of
// this machine, until Ctrl-C.
//
// Here are the options and the log. The page is scripts/operator/, its server lib/operator-server.

import { adminToken, LOCAL } from "./lib/admin.mjs";
import { publicOrigin } from "./lib/checks.mjs";
import { readCommandLine, readOrigin, readPort } from "./lib/cli.mjs";
import { WRANGLER, wranglerEnv } from "./lib/local.mjs";
import { operatorServer } from "./lib/operator-server.mjs";
import { ROOT } from "./lib/project.mjs";
import { command, describe, eachLine, print, start, UsageError, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { TailReader } from "./lib/tail.mjs";

const DEFAULT_PORT = 8790;

const HELP = `npm run operate -- --url URL [--log]

Serves a page for operators on this machine until Ctrl-C: today's usage and caps, a contact's state,
erasing it, handing it over, calls, batches, the checks of doctor, and the log.

  --url URL           the Worker, such as https://switchboard.example.workers.dev (default ${LOCAL})
  --public-url URL    the origin that Twilio uses, if it is different
  --log               show the Worker's log, too, by \`wrangler tail\`. It needs \`npx wrangler login\`
  --env NAME          with --log: the environment of wrangler.toml, such as staging
  --port N            the port of the page on 127.0.0.1 (default ${DEFAULT_PORT})
  --help              print this

The token is ADMIN_TOKEN in the environment. For a Worker on this machine, the one in .dev.vars is used if the
environment has none. It stays in this process: the browser gets a key of its own, in the address that is printed.

Exit code: 0 after Ctrl-C, 1 if it cannot run, 2 if the command line is wrong.

Example: ADMIN_TOKEN=… npm run operate -- --url https://switchboard.example.workers.dev --log`;

await command(
  async (args) => {
    const line = readCommandLine(args, {
      texts: ["url", "public-url", "env", "port"],
      flags: ["log"],
    });
    if (!line) return print(HELP);
    const { values } = line;
    const url = readOrigin("--url", values.url ?? LOCAL, { local: true });
    const port = readPort("--port", values.port, DEFAULT_PORT, { any: true });
    if (values.env !== undefined && !values.log)
      throw new UsageError("--env chooses the log of an environment: use it with --log.");
    adminToken(url);
    await setUpNode();

    const tail = values.log ? readLog(values.env) : undefined;
    const server = await operatorServer({
      url,
      publicUrl: publicOrigin(url, values["public-url"]),
      log: tail?.lines,
      port,
    });
    print(`
The operator's page of ${url}:

  ${server.address}

The address has a key that only this page knows. Ctrl-C ends it.`);
    await (tail ? tail.ended : new Promise(() => {}));
  },
  { interrupted: "\nthe page has ended" },
);

// Runs `wrangler tail`. `lines` are the newest log lines, and `ended` rejects when wrangler ends.
function readLog(env) {
  const reader = new TailReader();
  const options = env === undefined ? [] : ["--env", env];
  const running = start(
    WRANGLER[0],
    [...WRANGLER.slice(1), "tail", "--format", "json", ...options],
    { cwd: ROOT, env: wranglerEnv(), stdio: ["inherit", "pipe", "inherit"] },
  );
  eachLine(running.child.stdout, (line) => reader.read(line));
  const ended = running.ended.then((result) => {
    throw new UserError(`wrangler tail ${describe(result)} (see above): is it logged in?`);
  });
  return { lines: reader, ended };
}
