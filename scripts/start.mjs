// `npm start`: runs Switchboard on this machine until Ctrl-C: the playground (mock OpenAI and
// Twilio), and the Worker on Cloudflare's runtime with local KV and Durable Objects. Both listen
// only on 127.0.0.1. With `--public`, a tunnel leads to the Worker.
//
// Here are the options, the set-up and what is printed in the beginning. What runs, and what happens
// when a file changes, is in lib/dev-session.

import readline from "node:readline/promises";
import { readCommandLine, readPort } from "./lib/cli.mjs";
import { DevSession } from "./lib/dev-session.mjs";
import { addressesOf, noteInstance, requireNoInstance } from "./lib/instance.mjs";
import { devVars, portTaken } from "./lib/local.mjs";
import { PLAYGROUND_URL } from "./lib/local-assistants.mjs";
import { DEFAULT_PORTS, inRoot } from "./lib/project.mjs";
import { command, print, ShownError, start, UsageError, UserError } from "./lib/run.mjs";
import { setUpNode, stepsOfNode } from "./lib/setup-node.mjs";
import { areMissing, buildPrograms, PROGRAMS, setUpRust, stepsOfRust } from "./lib/setup-rust.mjs";
import { planSteps, step } from "./lib/steps.mjs";
import { openTunnel, requireCloudflared } from "./lib/tunnel.mjs";
import { newestVersion } from "./lib/versions.mjs";
import { setUpDevVars } from "./setup.mjs";

const HELP = `npm start [-- --port N --playground-port N --public --verbose]

Runs the Worker and the playground on this machine until Ctrl-C. When a source, an assistant, a persona, a scenario,
.dev.vars or wrangler.toml is saved, the Worker is built and loaded again; until then, the one before answers.

  --port N              port of the Worker on 127.0.0.1 (default ${DEFAULT_PORTS.worker})
  --playground-port N   port of the playground on 127.0.0.1 (default ${DEFAULT_PORTS.playground})
  --public              give the Worker an https address, by a tunnel of cloudflared, so that Twilio can reach it
  --verbose             show everything that wrangler prints
  --help                print this

Exit code: 0 after Ctrl-C, 1 if it cannot run, 2 if the command line is wrong.`;

await command(
  async (args) => {
    const options = readOptions(args);
    if (!options) return;
    requireNoInstance();
    await requireFreePorts(options);
    if (options.public) requireCloudflared();
    await planSetUp();
    await setUpNode();
    setUpDevVars();
    await setUpRust();
    const addresses = addressesOf({ worker: options.port, playground: options.playgroundPort });
    noteInstance(addresses);
    process.env[PLAYGROUND_URL] = addresses.playground;
    await buildPrograms(PROGRAMS);
    const session = new DevSession(options);
    await firstBuild(session);

    const tunnel = options.public ? await openTunnel(options.port) : undefined;
    await session.start(tunnel?.origin);
    if (tunnel) noteInstance({ ...addresses, publicUrl: tunnel.origin });
    welcome(addresses, session, tunnel?.origin);
    await session.checkHealth();
    session.followChanges();
    if (tunnel) {
      tunnel.ended.then(() =>
        print("cloudflared has ended: the public address is gone. Start again for another one."),
      );
      await offerNumber(tunnel.origin);
    }
    await session.failed;
  },
  { interrupted: "\nstopping the Worker and the playground" },
);

function readOptions(args) {
  const line = readCommandLine(args, {
    texts: ["port", "playground-port"],
    flags: ["public", "verbose"],
  });
  if (!line) return print(HELP);
  const { values } = line;
  return {
    port: readPort("--port", values.port, DEFAULT_PORTS.worker),
    playgroundPort: readPort(
      "--playground-port",
      values["playground-port"],
      DEFAULT_PORTS.playground,
    ),
    public: values.public === true,
    verbose: values.verbose === true,
  };
}

async function requireFreePorts({ port, playgroundPort }) {
  if (port === playgroundPort) throw new UsageError("--port and --playground-port must differ.");
  for (const [what, number, option] of [
    ["Worker", port, "--port"],
    ["playground", playgroundPort, "--playground-port"],
  ]) {
    if (await portTaken(number)) {
      throw new UserError(
        `port ${number} for the ${what} is in use by another program, perhaps another \`npm start\`. Stop that program, or choose another port: npm start -- ${option} ${number + 10}`,
      );
    }
  }
}

// Counts the steps of the set-up that are still to be done.
async function planSetUp() {
  const builds = Number(areMissing(PROGRAMS)) + Number(!newestVersion());
  planSteps(stepsOfNode() + (await stepsOfRust()) + builds);
}

// Builds the Worker. Where that fails, an earlier version runs, if there is one.
async function firstBuild(session) {
  const build = async () => {
    if ((await session.buildFirst()) || newestVersion()) return;
    print("build failed: there is no Worker to run yet. Fix it, and run `npm start` again.");
    throw new ShownError("the first build failed");
  };
  if (newestVersion()) await build();
  else await step("building the Worker", "about a minute", build);
}

function welcome({ worker, playground }, session, publicUrl) {
  const rows = session.services().map(([name, what]) => `  ${name.padEnd(12)} ${what}`);
  if (publicUrl)
    rows.unshift(`  public       ${publicUrl}   (leads to the Worker, not to the phones)`);
  print(`
Switchboard is running.

  Worker       ${worker}   (Twilio's webhook: POST /twilio/messages)
  phones       ${playground}/   (open this in a browser)
  runs         ${playground}/runs   (synthetic conversations)
${rows.join("\n")}

Or try, in another terminal:

  npm run say -- "Hello"
  npm run say -- "What did I say first?"
  npm run say -- reset
  curl ${worker}/health

Settings are in .dev.vars. Conversations and objects are stored in .wrangler/state. To erase them, stop and delete that
directory. What you save in src, assistants, personas, scenarios, .dev.vars or wrangler.toml takes effect by itself.
The Worker's log follows. Ctrl-C stops everything.
`);
}

// Offers to point a number of the account at the Worker, if .dev.vars names an account.
async function offerNumber(origin) {
  print(
    `Whoever knows ${origin} reaches the Worker: its webhooks, which need Twilio's signature, /health, and the admin routes, which need ADMIN_TOKEN.`,
  );
  if (!devVars().TWILIO_ACCOUNT_SID)
    return print(
      "To point a number at it, put TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN of your account into .dev.vars and start again.\n",
    );
  const { twilioAccount } = await import("./lib/twilio-account.mjs");
  const numbers = await twilioAccount()
    .textNumbers()
    .catch((error) => print(`The numbers of the account cannot be listed: ${error.message}`));
  if (!numbers?.length) return;
  const number = process.stdin.isTTY ? await chooseNumber(numbers) : undefined;
  if (!number)
    return print(
      `To point a number at this Worker: npm run connect -- --number ${numbers[0]} --url ${origin}\n`,
    );
  const args = [inRoot("scripts", "connect.mjs"), "--number", number, "--url", origin];
  await start(process.execPath, args).ended;
}

// The number of the account that the person at the terminal chooses, if any.
async function chooseNumber(numbers) {
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  // Ctrl-C at the question ends everything, as elsewhere.
  terminal.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
  try {
    if (numbers.length === 1) {
      const answer = await terminal.question(`Point ${numbers[0]} at this Worker? [y/N] `);
      return /^y(es)?$/i.test(answer.trim()) ? numbers[0] : undefined;
    }
    print(`Numbers of the account: ${numbers.join(", ")}`);
    const answer = await terminal.question("Point which one at this Worker? [none] ");
    return numbers.find((number) => number === answer.trim());
  } finally {
    terminal.close();
  }
}
