// One call of `npm run call`: it follows the events of the playground, and prints what both sides say.

import { firstLine, request } from "./cli.mjs";
import { print, UserError } from "./run.mjs";

/** How long the assistant must have been silent before the next text is said, in ms. */
const PAUSE = 700;
const POLL = 50;

/** One call, followed by its events. */
export class Call {
  /** @param {string} url The call at the playground. */
  constructor(url) {
    this.url = url;
    this.isOver = false;
    /** Whether somebody listens: a relay, or a verb. */
    this.isHeard = false;
    /** Whether it is a relay that listens. A verb listens anew after each answer. */
    this.isRelay = false;
    /** Whether what is said is an answer, and not a word before it. */
    this.isAnswer = true;
    this.reported = false;
    this.errors = 0;
    /** Whether the assistant has spoken since the newest prompt. */
    this.hasSpoken = false;
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

  /** Waits for the Worker to call this phone, and answers. Returns undefined after this many ms without a call. */
  static async answer(playground, { from, to }, milliseconds) {
    const url = `${playground}/playground/calls`;
    const isIt = (call) =>
      call.direction === "outbound-api" && !call.over && call.from === from && call.to === to;
    for (const end = Date.now() + milliseconds; Date.now() < end; ) {
      const { calls } = await ask(url);
      const found = calls.find(isIt);
      if (found) {
        print(`${found.sid} from ${to} to ${from}`);
        const call = new Call(`${url}/${found.sid}`);
        await call.act({ do: "answer" });
        return call;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
    return undefined;
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
    if (name === "relay" && event.state === "open") this.isRelay = this.isHeard = true;
    if (name === "verb") this.isHeard = this.isAnswer = true;
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
      this.isAnswer = this.isRelay;
      this.turn = { prompt: at };
      this.hasSpoken = false;
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
      if (this.hasSpoken) this.answered = this.prompts;
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
    this.hasSpoken = true;
    if (!this.isAnswer) return;
    this.answered = this.prompts;
    this.turn = {};
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
