// `npm start`: a whole Switchboard on this machine. Set-up, build, the playground (pretend OpenAI and Twilio) and the
// Worker on Cloudflare's runtime, with local KV and Durable Objects; both listen on 127.0.0.1 only. Runs until Ctrl-C.

import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import {
  accepts,
  buildPlayground,
  devVars,
  get,
  localSettings,
  logForwarder,
  portTaken,
  WRANGLER,
  waitUntil,
  wranglerEnv,
} from "./lib/local.mjs";
import { DEFAULT_PORTS, playgroundBinary, ROOT } from "./lib/project.mjs";
import { command, describe, eachLine, say, start, UserError } from "./lib/run.mjs";
import { setUpDevVars, setUpNode } from "./setup.mjs";

const HELP = `npm start [-- --port N --playground-port N --verbose]

Runs the Worker and the playground on this machine until Ctrl-C.

  --port N              port of the Worker on 127.0.0.1 (default ${DEFAULT_PORTS.worker})
  --playground-port N   port of the playground on 127.0.0.1 (default ${DEFAULT_PORTS.playground})
  --verbose             show all that wrangler prints`;

await command(
  async (args) => {
    const options = readOptions(args);
    if (!options) return;
    await requireFreePorts(options);
    await setUpNode();
    setUpDevVars();
    await build();
    await buildPlayground();

    const settings = devVars();
    const local = localSettings(settings, options.playgroundPort);
    const playground = await startPlayground(options, settings, local);
    const worker = await startWorker(options, local.overrides);
    welcome(options, local);
    await checkHealth(options);

    const [name, end] = await Promise.race([
      playground.ended.then((result) => ["the playground", result]),
      worker.ended.then((result) => ["wrangler", result]),
    ]);
    throw new UserError(`${name} ${describe(end)}; everything else is being stopped.`);
  },
  { interrupted: "\nstopping the Worker and the playground" },
);

function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string" },
      "playground-port": { type: "string" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return say(HELP);
  return {
    port: portNumber("--port", values.port, DEFAULT_PORTS.worker),
    playgroundPort: portNumber(
      "--playground-port",
      values["playground-port"],
      DEFAULT_PORTS.playground,
    ),
    verbose: values.verbose,
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
        `port ${number}, meant for the ${what}, cannot be used: another program (perhaps another \`npm start\`) has it. Stop that, or choose another port: npm start -- ${option} ${number + 10}`,
      );
    }
  }
}

async function startPlayground({ port, playgroundPort }, settings, { pretendOpenAi }) {
  say("start: the playground");
  const env = { ...process.env, TWILIO_AUTH_TOKEN: settings.TWILIO_AUTH_TOKEN ?? "0".repeat(32) };
  // A real key is none of the playground's business.
  for (const name of ["OPENAI_API_KEY", "ADMIN_TOKEN", "PSEUDONYM_KEY"]) delete env[name];
  if (pretendOpenAi) env.OPENAI_API_KEY = settings.OPENAI_API_KEY;
  // With these two the page shows budget and limits, and whose a log line is.
  for (const name of ["ADMIN_TOKEN", "PSEUDONYM_KEY"])
    if (settings[name]) env[name] = settings[name];
  const publicUrl = settings.PUBLIC_URL ? ["--public-url", settings.PUBLIC_URL] : [];
  const args = [
    "serve",
    "--port",
    String(playgroundPort),
    "--worker",
    `http://127.0.0.1:${port}`,
    ...publicUrl,
  ];
  const running = start(playgroundBinary(), args, {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [running.child.stdout, running.child.stderr]) {
    eachLine(stream, (line) => say(line.startsWith("playground") ? line : `playground: ${line}`));
  }
  await waitUntil("the playground", () => accepts(playgroundPort), running);
  return running;
}

async function startWorker({ port, playgroundPort, verbose }, overrides) {
  say("start: the Worker, with wrangler: a few seconds");
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
      if (verbose || !isNoise(line)) say(line);
      forward(line);
    });
  }
  // Not /health alone: while it starts, wrangler accepts connections and lets them wait.
  await waitUntil("wrangler", () => get(`http://127.0.0.1:${port}/health`), running);
  return running;
}

// wrangler's progress and its table of bindings. Whatever is not known here is shown.
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

function welcome({ port, playgroundPort }, { openai, twilio }) {
  const worker = `http://127.0.0.1:${port}`;
  const playground = `http://127.0.0.1:${playgroundPort}`;
  const where =
    (port === DEFAULT_PORTS.worker ? "" : ` --worker ${worker}`) +
    (playgroundPort === DEFAULT_PORTS.playground ? "" : ` --playground ${playground}`);
  say(`
Switchboard is running.

  Worker       ${worker}   (Twilio's webhook: POST /twilio/messages)
  phones       ${playground}/   (open this in a browser)
  OpenAI       ${openai}
  Twilio       ${twilio}

Or try, in another terminal:

  npm run say -- "Hello"${where}
  npm run say -- "What did I say first?"${where}
  npm run say -- reset${where}
  curl ${worker}/health

Settings are in .dev.vars. Conversations and objects are kept in .wrangler/state; to forget them all, stop and remove
that directory. Log lines of the Worker follow. Ctrl-C stops everything.
`);
}

async function checkHealth({ port }) {
  const health = await get(`http://127.0.0.1:${port}/health`);
  if (health && health.status !== 200) {
    say(
      `The Worker is up but not healthy (${health.status}): ${health.text.trim()}\nPut right in .dev.vars what it names, and start again.\n`,
    );
  }
}
