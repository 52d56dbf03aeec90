// `npm run call -- "Hello"`: a call to the local Worker from the terminal, or with `--answer` one that it
// makes. The playground of `npm start` plays Twilio's part; this script only says the lines, one after the
// other, and prints what both sides say and how fast it was answered.

import readline from "node:readline";
import { Call } from "./lib/call.mjs";
import { readCommandLine, readOrigin } from "./lib/cli.mjs";
import { localAddresses } from "./lib/instance.mjs";
import { command, print, UsageError, UserError } from "./lib/run.mjs";

/** The playground of `npm start`. */
const PLAYGROUND = localAddresses().playground;

const HELP = `npm run call [-- "text" ... options]

Calls the local Worker from a phone of the playground, which \`npm start\` must have started. Says each
text when the assistant has finished, prints both sides and the latencies, and hangs up. Without a text,
each line that you type is said at once, and interrupts the assistant; Ctrl-D hangs up.

  --from NUMBER         the phone (default +15550100)
  --to NUMBER           the number of the Worker (default +15550199)
  --answer              wait until the Worker calls the phone, for example by \`npm run admin -- call\`, and answer
  --wait SECONDS        how long to wait for each answer (default 60)
  --playground URL      the playground (default ${PLAYGROUND})
  --forged              the relay's upgrade is signed by somebody other than Twilio
  --slow-connect        Twilio connects to the relay four seconds late
  --pieces              each text arrives as up to three prompts
  --doubled             each prompt arrives twice
  --no-info             Twilio does not say who speaks and what was played
  --silent              Twilio ends no session, and tells of no end
  --dial OUTCOME        what becomes of a hand-off: answered (default), busy or no-answer
  --help                print this

Exit code: 0 if every text was answered and Twilio would report no error, 1 otherwise, 2 if the command line is
wrong.`;

/** What can become of a hand-off. The first one is the default. */
const DIALLED = ["answered", "busy", "no-answer"];

/** How long to wait for a greeting, in ms. */
const GREETING = 3000;

await command(async (args) => {
  const options = readOptions(args);
  if (!options) return 0;
  const { texts, playground, order, wait, answer } = options;
  const call = answer
    ? await Call.answer(playground, order, wait)
    : await Call.start(playground, order);
  if (!call) throw new UserError(`nobody called ${order.from} within ${wait / 1000} s.`);
  let missing = texts.length;
  await call.until(wait, () => call.isHeard);
  if (texts.length === 0) {
    await Promise.race([chat(call), call.over()]);
  } else {
    await call.until(GREETING, () => call.answered === 0);
    for (const text of texts) {
      if (call.isOver) break;
      await call.quiet(wait);
      await call.say(text);
      await call.until(wait, () => call.answered === call.prompts);
      if (call.answered === call.prompts) missing -= 1;
    }
    await call.quiet(wait);
  }
  if (!call.isOver) await call.act({ do: "hang_up" });
  await call.over();
  if (missing > 0) print(`${missing} of ${texts.length} texts got no answer`);
  return missing > 0 || call.errors > 0 ? 1 : 0;
});

// Says each line of the input, until it ends.
async function chat(call) {
  const input = readline.createInterface({ input: process.stdin });
  for await (const line of input) {
    if (call.isOver) break;
    if (line.trim()) await call.act({ do: "say", text: line.trim() });
  }
}

function readOptions(args) {
  const line = readCommandLine(args, {
    texts: ["from", "to", "wait", "playground", "dial"],
    flags: ["answer", "forged", "slow-connect", "pieces", "doubled", "no-info", "silent"],
    positionals: true,
  });
  if (!line) return print(HELP);
  const { values, positionals } = line;
  const seconds = Number(values.wait ?? "60");
  if (!(seconds >= 1 && seconds <= 3600)) throw new UsageError("--wait must be 1 to 3600 seconds.");
  const dial = values.dial ?? DIALLED[0];
  if (!DIALLED.includes(dial))
    throw new UsageError(`--dial must be ${DIALLED.join(", ")}, not "${dial}".`);
  const faults = ["forged", "slow-connect", "pieces", "doubled", "no-info", "silent", "dial"];
  if (values.answer && faults.some((name) => values[name] !== undefined))
    throw new UsageError("--answer takes no faults: switch them on at the playground's page.");
  return {
    texts: positionals,
    answer: values.answer === true,
    wait: seconds * 1000,
    playground: readOrigin("--playground", values.playground ?? PLAYGROUND, { local: true }),
    order: {
      from: values.from ?? "+15550100",
      to: values.to ?? "+15550199",
      faults: {
        forged_upgrade: values.forged === true,
        slow_connect: values["slow-connect"] === true,
        pieces: values.pieces === true,
        doubled: values.doubled === true,
        no_info: values["no-info"] === true,
        silent: values.silent === true,
        dial,
      },
    },
  };
}
