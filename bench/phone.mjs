// A call as Twilio plays it: the webhook, signed by Twilio's own library, the socket, and the frames
// that were recorded in live calls.
//
// Not here: the measurements (voice.mjs).

import crypto from "node:crypto";
import { createRequire } from "node:module";
import { inRoot } from "../scripts/lib/project.mjs";
import { SECRETS } from "./servers.mjs";

const ACCOUNT = `AC${"0123456789abcdef".repeat(2)}`;
const TO = "+15550199";

/** A call to a subject. */
export class Phone {
  /** When the frames with words came, and what they said. */
  words = [];
  #subject;
  #sid = `CA${crypto.randomBytes(16).toString("hex")}`;
  #socket;
  #wake;

  /**
   * @param {{ url: string }} subject
   * @param {number} number the caller, counted from 0
   */
  constructor(subject, number) {
    this.#subject = subject;
    // Numbers that do not exist: 555 01xx with additional digits.
    this.from = `+155501${String(number).padStart(8, "0")}`;
  }

  /** Calls, and connects the socket. */
  async connect() {
    const path = "/twilio/voice";
    const form = this.#form({ CallStatus: "ringing" });
    const answer = await fetch(this.#subject.url + path, {
      method: "POST",
      headers: { "x-twilio-signature": signature(this.#subject.url + path, form) },
      body: new URLSearchParams(form),
    });
    const twiml = await answer.text();
    const url = /<ConversationRelay url="([^"]+)"/.exec(twiml)?.[1];
    if (!url) throw new Error(`the call was not answered: ${answer.status} ${twiml}`);
    const { WebSocket } = required("ws");
    const socket = new WebSocket(url, { headers: { "x-twilio-signature": signature(url, {}) } });
    this.#socket = socket;
    socket.on("message", (data) => {
      const at = performance.now();
      const frame = JSON.parse(data);
      if (frame.type === "text") this.words.push({ at, token: frame.token, last: frame.last });
      this.#wake?.();
    });
    await new Promise((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
    });
    this.send({
      type: "setup",
      sessionId: `VX${"0".repeat(32)}`,
      accountSid: ACCOUNT,
      parentCallSid: "",
      callSid: this.#sid,
      from: this.from,
      to: TO,
      forwardedFrom: "",
      callerName: "",
      direction: "inbound",
      callType: "PSTN",
      callStatus: "RINGING",
      customParameters: {},
    });
    return this;
  }

  /** Sends a frame. */
  send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  /** The caller has said something. */
  says(text) {
    this.words = [];
    this.send({ type: "info", name: "clientSpeaking", value: "on" });
    this.send({ type: "info", name: "clientSpeaking", value: "off" });
    this.send({ type: "prompt", voicePrompt: text, lang: "en-US", last: true });
  }

  /** The answer is played, clause by clause. */
  plays(clauses) {
    this.send({ type: "info", name: "agentSpeaking", value: "on" });
    for (const clause of clauses) this.send({ type: "info", name: "tokensPlayed", value: clause });
    this.send({ type: "info", name: "agentSpeaking", value: "off" });
  }

  /** Waits until a condition on the words holds. */
  async until(condition) {
    const deadline = performance.now() + 20_000;
    while (!condition(this.words)) {
      if (performance.now() > deadline) throw new Error("the call has stalled");
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000);
      });
    }
  }

  /** Waits for the end of an answer. */
  async hears() {
    await this.until((words) => words.some(({ last }) => last));
  }

  /** The caller hangs up: the socket, the action, and the status callback. */
  async hangUp() {
    this.#socket.close(1000, "Closing websocket session");
    await new Promise((resolve) => this.#socket.on("close", resolve));
    const path = "/twilio/voice/ended";
    const form = this.#form({
      CallStatus: "completed",
      SessionId: `VX${"0".repeat(32)}`,
      SessionStatus: "completed",
      SessionDuration: "60",
    });
    await fetch(this.#subject.url + path, {
      method: "POST",
      headers: { "x-twilio-signature": signature(this.#subject.url + path, form) },
      body: new URLSearchParams(form),
    });
  }

  #form(fields) {
    return {
      CallSid: this.#sid,
      AccountSid: ACCOUNT,
      From: this.from,
      Caller: this.from,
      To: TO,
      Called: TO,
      Direction: "inbound",
      ApiVersion: "2010-04-01",
      ...fields,
    };
  }
}

const required = createRequire(inRoot("bench", "package.json"));
const signature = (url, form) =>
  required("twilio/lib/webhooks/webhooks.js").getExpectedTwilioSignature(
    SECRETS.TWILIO_AUTH_TOKEN,
    url,
    form,
  );
