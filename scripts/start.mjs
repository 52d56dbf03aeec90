// `npm start`: runs Switchboard on this machine until Ctrl-C: the playground (mock OpenAI and
// Twilio), and the Worker on Cloudflare's runtime with local KV and Durable Objects. Both listen
// only on 127.0.0.1.

import { build } from "./build.mjs";
import { readCommandLine } from "./lib/cli.mjs";
import {
  accepts,
  buildPlayground,
  devVars,
  get,
  localSettings,
  logForwarder,
  portTaken,
  SYNTHETIC_CALLS,
  WRANGLER,
  waitUntil,
  wranglerEnv,
} from "./lib/local.mjs";
import { PLAYGROUND_URL, SHOP_SECRETS } from "./lib/local-assistants.mjs";
import { OpenAiSwitch } from "./lib/openai-switch.mjs";
import { DEFAULT_PORTS, inRoot, playgroundBinary, ROOT } from "./lib/project.mjs";
import { command, describe, eachLine, print, start, UserError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpDevVars } from "./setup.mjs";

const HELP = `npm start [-- --port N --playground-port N --verbose]

Runs the Worker and the playground on this machine until Ctrl-C.

  --port N              port of the Worker on 127.0.0.1 (default ${DEFAULT_PORTS.worker})
  --playground-port N   port of the playground on 127.0.0.1 (default ${DEFAULT_PORTS.playground})
  --verbose             show everything that wrangler prints`;

await command(
  async (args) => {
    const options = readOptions(args);
    if (!options) return;
    await requireFreePorts(options);
    await setUpNode();
    setUpDevVars();
    // wrangler, too, builds with this environment.
    process.env[PLAYGROUND_URL] = `http://127.0.0.1:${options.playgroundPort}`;
    await build();
    await buildPlayground();

    const settings = devVars();
    const local = localSettings(settings, options.playgroundPort);
    /** @type {Awaited<ReturnType<typeof startWorker>> | undefined} */
    let worker;
    const { promise: failed, reject: fail } = Promise.withResolvers();
    const openAi = new OpenAiSwitch({
      playground: `http://127.0.0.1:${options.playgroundPort}`,
      settings: devVars,
      load: async () => {
        const old = worker;
        worker = undefined;
        await old?.stop();
        const running = await startWorker(options, { ...local.overrides, ...openAi.overrides() });
        worker = running;
        running.ended.then((end) => {
          if (worker === running) fail(ended("wrangler", end));
        });
        return true;
      },
    });
    const playground = await startPlayground(options, settings, openAi);
    playground.ended.then((end) => fail(ended("the playground", end)));
    await openAi.load();
    await openAi.tell();
    welcome(options, local);
    await checkHealth(options);

    await failed;
  },
  { interrupted: "\nstopping the Worker and the playground" },
);

function ended(what, end) {
  return new UserError(`${what} ${describe(end)}; stopping everything else.`);
}

function readOptions(args) {
  const line = readCommandLine(args, { texts: ["port", "playground-port"], flags: ["verbose"] });
  if (!line) return print(HELP);
  const { values } = line;
  return {
    port: portNumber("--port", values.port, DEFAULT_PORTS.worker),
    playgroundPort: portNumber(
      "--playground-port",
      values["playground-port"],
      DEFAULT_PORTS.playground,
    ),
    verbose: values.verbose === true,
  };
}

function portNumber(option, text, fallback) {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 65535)
    throw new UserError(`${option} must be a port number, 1 to 65535.`);
  return number;
}

async function requireFreePorts({ port, playgroundPort }) {
  if (port === playgroundPort) throw new UserError("--port and --playground-port must differ.");
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

async function startPlayground({ port, playgroundPort }, settings, openAi) {
  print("start: starting the playground");
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, TWILIO_AUTH_TOKEN: settings.TWILIO_AUTH_TOKEN ?? "0".repeat(32) };
  // The playground must not get a real key.
  for (const name of ["OPENAI_API_KEY", "ADMIN_TOKEN", "PSEUDONYM_KEY", ...SHOP_SECRETS])
    delete env[name];
  const mockKey = openAi.mockKey();
  if (mockKey) env.OPENAI_API_KEY = mockKey;
  // With the first two, the page can show usage and the phone that a log line belongs to. With the
  // others, the shop's services can verify the Worker's calls.
  for (const name of ["ADMIN_TOKEN", "PSEUDONYM_KEY", ...SHOP_SECRETS])
    if (settings[name]) env[name] = settings[name];
  const publicUrl = settings.PUBLIC_URL ? ["--public-url", settings.PUBLIC_URL] : [];
  const args = [
    "serve",
    "--port",
    String(playgroundPort),
    "--worker",
    `http://127.0.0.1:${port}`,
    "--assistants",
    inRoot("assistants"),
    "--personas",
    inRoot("personas"),
    "--scenarios",
    inRoot("scenarios"),
    "--packages",
    inRoot("node_modules"),
    "--intelligence-service",
    SYNTHETIC_CALLS.INTELLIGENCE_SERVICE_SID,
    ...publicUrl,
  ];
  const running = start(playgroundBinary(), args, {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [running.child.stdout, running.child.stderr]) {
    eachLine(stream, (line) => {
      print(line.startsWith("playground") ? line : `playground: ${line}`);
      openAi.hear(line);
    });
  }
  await waitUntil("the playground", () => accepts(playgroundPort), running);
  return running;
}

async function startWorker({ port, playgroundPort, verbose }, overrides) {
  print("start: starting the Worker with wrangler (a few seconds)");
  const vars = Object.entries(overrides).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const running = start(
    WRANGLER[0],
    [...WRANGLER.slice(1), "dev", "--ip", "127.0.0.1", "--port", String(port), ...vars],
    {
      cwd: ROOT,
      env: wranglerEnv(),
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const isNoise = noiseFilter();
  const forward = logForwarder(`http://127.0.0.1:${playgroundPort}`);
  for (const stream of [running.child.stdout, running.child.stderr]) {
    eachLine(stream, (line) => {
      if (verbose || !isNoise(line)) print(line);
      forward(line);
    });
  }
  // An open port is not enough: while it starts, wrangler accepts connections but does not answer.
  await waitUntil("wrangler", () => get(`http://127.0.0.1:${port}/health`), running);
  return running;
}

// Recognises wrangler's progress and its table of bindings. Every other line is shown.
function noiseFilter() {
  let inTable = false;
  const noise = [
    /^\s*$/,
    /^Using (secrets|vars) defined in/,
    /^⎔ /,
    /^\[custom build\] (Running:|build: build is up to date|$)/,
    /^\[wrangler:info\] (Ready on|GET \/health) /,
  ];
  return (line) => {
    if (/^Your Worker has access to the following bindings/.test(line)) inTable = true;
    else if (inTable && !/^(Binding\s|env\.)/.test(line)) inTable = false;
    return inTable || noise.some((pattern) => pattern.test(line));
  };
}

function welcome({ port, playgroundPort }, { openai, twilio, segment }) {
  const worker = `http://127.0.0.1:${port}`;
  const playground = `http://127.0.0.1:${playgroundPort}`;
  const where =
    (port === DEFAULT_PORTS.worker ? "" : ` --worker ${worker}`) +
    (playgroundPort === DEFAULT_PORTS.playground ? "" : ` --playground ${playground}`);
  print(`
Switchboard is running.

  Worker       ${worker}   (Twilio's webhook: POST /twilio/messages)
  phones       ${playground}/   (open this in a browser)
  runs         ${playground}/runs   (synthetic conversations)
  OpenAI       ${openai}
  Twilio       ${twilio}${segment ? `\n  Segment      ${segment}` : ""}

Or try, in another terminal:

  npm run say -- "Hello"${where}
  npm run say -- "What did I say first?"${where}
  npm run say -- reset${where}
  curl ${worker}/health

Settings are in .dev.vars. Conversations and objects are stored in .wrangler/state. To erase them, stop and delete that
directory. The Worker's log follows. Ctrl-C stops everything.
`);
}

async function checkHealth({ port }) {
  const health = await get(`http://127.0.0.1:${port}/health`);
  if (health && health.status !== 200) {
    print(
      `The Worker is up but not healthy (${health.status}): ${health.text.trim()}\nFix the settings that it names in .dev.vars, and start again.\n`,
    );
  }
}
