// `npm run call -- "Hello"`: a call to the local Worker from the terminal. The playground of `npm
// start` plays Twilio's part; this script only says the lines, one after the other, and prints what
// both sides say and how fast it was answered.

import readline from "node:readline";
import { firstLine, readCommandLine, readOrigin, request } from "./lib/cli.mjs";
import { DEFAULT_PORTS } from "./lib/project.mjs";
import { command, print, UserError } from "./lib/run.mjs";

const HELP = `npm run call -- ["text" ...]

Calls the local Worker from a phone of the playground, which \`npm start\` must have started. Says each
text when the assistant has finished, prints both sides and the latencies, and hangs up. Without a text,
each line that you type is said at once, and interrupts the assistant; Ctrl-D hangs up.

  --from NUMBER         who calls (default +15550100)
  --to NUMBER           the number that is called (default +15550199)
  --wait SECONDS        how long to wait for each answer (default 60)
  --playground URL      the playground (default http://127.0.0.1:${DEFAULT_PORTS.playground})
  --forged              the relay's upgrade is signed by somebody other than Twilio
  --slow-connect        Twilio connects to the relay four seconds late
  --pieces              each text arrives as up to three prompts
  --doubled             each prompt arrives twice
  --no-info             Twilio does not say who speaks and what was played
  --dial OUTCOME        what becomes of a hand-off: answered, busy or no-answer

The exit code is 0 if every text was answered and Twilio would report no error, otherwise 1.`;

/** How long the assistant must have been silent before the next text is said, in ms. */
const PAUSE = 700;
/** How long to wait for a greeting, in ms. */
const GREETING = 3000;
const POLL = 50;

await command(async (args) => {
  const options = readOptions(args);
  if (!options) return 0;
  const { texts, playground, order, wait } = options;
  const call = await Call.start(playground, order);
  let missing = texts.length;
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

/** One call, followed by its events. */
class Call {
  /** @param {string} url The call at the playground. */
  constructor(url) {
    this.url = url;
    this.isOver = false;
    this.reported = false;
    this.errors = 0;
    /** How many prompts there were, and how many before the newest words of the assistant. */
    this.prompts = 0;
    this.answered = -1;
    this.after = 0;
    this.speech = "";
    /** @type {{ prompt?: number, token?: number, voice?: number }} */
    this.turn = {};
    this.lastSpeech = Date.now();
    this.speaking = false;
  }

  static async start(playground, order) {
    const url = `${playground}/playground/calls`;
    const { sid } = await ask(url, order);
    print(`${sid} from ${order.from} to ${order.to}`);
    return new Call(`${url}/${sid}`);
  }

  async act(action) {
    await ask(this.url, action);
  }

  async say(text) {
    await this.act({ do: "say", text });
    const { prompts } = this;
    await this.until(10_000, () => this.prompts > prompts);
  }

  /** Waits until `condition` holds, the call is over, or this many ms have passed. */
  async until(milliseconds, condition) {
    for (const end = Date.now() + milliseconds; Date.now() < end; ) {
      await this.follow();
      if (condition() || this.isOver) return;
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  }

  /** Waits until the assistant has been silent for a moment. */
  quiet(milliseconds) {
    return this.until(milliseconds, () => !this.speaking && Date.now() - this.lastSpeech > PAUSE);
  }

  /** Waits until the call is over and its status callback is posted. */
  async over() {
    while (!this.reported) {
      await this.follow();
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  }

  async follow() {
    const { events } = await ask(`${this.url}?after=${this.after}`);
    for (const event of events) {
      // Two requests at once may bring the same events.
      if (event.number <= this.after) continue;
      this.after = event.number;
      this.take(event);
    }
  }

  take(event) {
    const { event: name, text = "", at } = event;
    if (name === "token") {
      this.lastSpeech = Date.now();
      this.speech += text;
      if (this.turn.prompt && text) this.turn.token ??= at;
    } else if (name === "speaking") {
      this.speaking = event.on;
      this.lastSpeech = Date.now();
      if (event.on && this.turn.token) this.turn.voice ??= at;
    } else if (name === "finished") {
      this.printSpeech("");
    } else if (name === "interrupted" || name === "cut") {
      this.printSpeech(` [cut off after “${event.heard}”]`);
    } else if (name === "prompt" && event.last) {
      this.prompts += 1;
      this.turn = { prompt: at };
      print(`you        ${text}`);
    } else if (name === "dtmf") print(`you        key ${event.digit}`);
    else if (name === "verb" || name === "note") print(`           ${text}`);
    else if (name === "relay" && event.state === "closed" && event.code !== 1000)
      print(`           the socket was closed: ${event.code}`);
    else if (name === "alert") {
      this.errors += 1;
      print(`           Twilio would report ${event.code}: ${event.reason}`);
    } else if (name === "over") {
      this.isOver = true;
      this.printSpeech("");
      print(`           ${event.status}, ${event.seconds} s`);
    } else if (name === "reported") this.reported = true;
  }

  printSpeech(more) {
    const { prompt, token, voice } = this.turn;
    const words = this.speech.trim();
    this.speech = "";
    if (!words) return;
    const latency =
      prompt && token
        ? `   (first token ${token - prompt} ms${voice ? `, voice ${voice - prompt} ms` : ""})`
        : "";
    print(`assistant  ${words}${more}${latency}`);
    this.answered = this.prompts;
    this.turn = {};
  }
}

// Says each line of the input, until it ends.
async function chat(call) {
  const input = readline.createInterface({ input: process.stdin });
  for await (const line of input) {
    if (call.isOver) break;
    if (line.trim()) await call.act({ do: "say", text: line.trim() });
  }
}

async function ask(url, body) {
  const answer = await request(
    url,
    body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    },
  );
  if (answer.status >= 400 || !answer.json)
    throw new UserError(answer.json?.error ?? `${url} answered ${firstLine(answer.text)}`);
  return answer.json;
}

function readOptions(args) {
  const line = readCommandLine(args, {
    texts: ["from", "to", "wait", "playground", "dial"],
    flags: ["forged", "slow-connect", "pieces", "doubled", "no-info"],
    positionals: true,
  });
  if (!line) return print(HELP);
  const { values, positionals } = line;
  const seconds = Number(values.wait ?? "60");
  if (!(seconds >= 1 && seconds <= 3600)) throw new UserError("--wait must be 1 to 3600 seconds.");
  const url = values.playground ?? `http://127.0.0.1:${DEFAULT_PORTS.playground}`;
  return {
    texts: positionals,
    wait: seconds * 1000,
    playground: readOrigin("--playground", url, { local: true }),
    order: {
      from: values.from ?? "+15550100",
      to: values.to ?? "+15550199",
      faults: {
        forged_upgrade: values.forged === true,
        slow_connect: values["slow-connect"] === true,
        pieces: values.pieces === true,
        doubled: values.doubled === true,
        no_info: values["no-info"] === true,
        dial: values.dial ?? "answered",
      },
    },
  };
}
