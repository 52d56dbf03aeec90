// Plays Twilio in a phone call: its webhooks, and the socket of ConversationRelay with the package
// `ws`. Requests and upgrades are signed by Twilio's own library.
//
// The frames are those that were recorded in live calls. Not here: speech.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import WebSocket from "ws";
import { ACCOUNT, SECRETS } from "./identities.mjs";
import { signatureOf } from "./twilio.mjs";
import { eventually } from "./waiting.mjs";

/** A call of `from` to `to`, on a Worker. */
export class Caller {
  sid = `CA${crypto.randomBytes(16).toString("hex")}`;
  /** The frames that the Worker sent. */
  frames = [];
  /** How the socket was closed: code and reason. */
  closed;
  #worker;
  #socket;
  #sessions = 0;

  constructor(worker, { from = "+15550100", to = "+15550199" } = {}) {
    this.#worker = worker;
    this.from = from;
    this.to = to;
  }

  /** Posts a webhook of the call. Returns `{ status, text }`. */
  async webhook(path, fields = {}, { token = SECRETS.TWILIO_AUTH_TOKEN } = {}) {
    const form = Object.entries({
      CallSid: this.sid,
      AccountSid: ACCOUNT,
      From: this.from,
      Caller: this.from,
      To: this.to,
      Called: this.to,
      Direction: "inbound",
      ApiVersion: "2010-04-01",
      CallStatus: "in-progress",
      ...fields,
    });
    const url = this.#worker.url + path;
    return await this.#worker.request(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Twilio-Signature": signatureOf(token, url, form),
      },
      body: new URLSearchParams(form).toString(),
    });
  }

  /** The call comes in. Returns the TwiML. */
  async dial() {
    const { status, text } = await this.webhook("/twilio/voice", { CallStatus: "ringing" });
    assert.equal(status, 200, text);
    return text;
  }

  /**
   * Opens the socket of an answer. Resolves to the status of the upgrade: 101 if it is open.
   *
   * @param {string} twiml
   * @param {{ signed?: (url: string) => string, url?: string }} [options]
   */
  async open(twiml, { signed = (url) => url, url = relayUrl(twiml) } = {}) {
    const signature = signatureOf(SECRETS.TWILIO_AUTH_TOKEN, signed(url), []);
    const socket = new WebSocket(url, { headers: { "X-Twilio-Signature": signature } });
    this.closed = undefined;
    this.#sessions += 1;
    socket.on("message", (data) => this.frames.push(JSON.parse(String(data))));
    socket.on("close", (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
    this.#socket = socket;
    return await new Promise((resolve, reject) => {
      socket.on("open", () => resolve(101));
      socket.on("unexpected-response", (request, response) => {
        request.destroy();
        resolve(response.statusCode);
      });
      socket.on("error", reject);
    });
  }

  /** The call is connected, and talks. */
  async connect() {
    assert.equal(await this.open(await this.dial()), 101);
    this.setUp();
    return this;
  }

  setUp() {
    this.send({
      type: "setup",
      sessionId: this.session,
      accountSid: ACCOUNT,
      parentCallSid: "",
      callSid: this.sid,
      from: this.from,
      to: this.to,
      forwardedFrom: "",
      callerName: "",
      direction: "inbound",
      callType: "PSTN",
      callStatus: "RINGING",
      customParameters: {},
    });
  }

  /** Twilio's id of the session. */
  get session() {
    return `VX${String(this.#sessions).padStart(32, "0")}`;
  }

  /** Sends a frame. A text or bytes go out as they are. */
  send(frame) {
    const isRaw = typeof frame === "string" || Buffer.isBuffer(frame);
    this.#socket.send(isRaw ? frame : JSON.stringify(frame));
  }

  /** Presses a key. */
  press(digit) {
    this.send({ type: "dtmf", digit });
  }

  says(text) {
    this.send({ type: "info", name: "clientSpeaking", value: "off" });
    this.send({ type: "prompt", voicePrompt: text, lang: "en-US", last: true });
  }

  cutsIn(heard) {
    this.send({ type: "info", name: "clientSpeaking", value: "on" });
    this.send({ type: "info", name: "tokensPlayed", value: heard });
    this.send({
      type: "interrupt",
      utteranceUntilInterrupt: heard,
      durationUntilInterruptMs: 684,
    });
    this.send({ type: "info", name: "agentSpeaking", value: "off" });
  }

  /** All has been played. */
  played() {
    this.send({ type: "info", name: "agentSpeaking", value: "on" });
    this.send({ type: "info", name: "agentSpeaking", value: "off" });
  }

  /** What was said so far. */
  get said() {
    return this.frames.map((frame) => frame.token ?? "").join("");
  }

  /** Waits until the answer is complete, and returns what was said since the last call of this. */
  async hears() {
    const from = this.#heard;
    await eventually("the end of an answer", () =>
      this.frames.slice(from).some((frame) => frame.last && !frame.preemptible),
    );
    this.#heard = this.frames.length;
    return this.frames
      .slice(from)
      .filter((frame) => !frame.preemptible)
      .map((frame) => frame.token ?? "")
      .join("");
  }
  #heard = 0;

  /** Closes the socket as Twilio does, or lets it break off. */
  async hangUp({ code = 1000 } = {}) {
    if (code === 1006) this.#socket.terminate();
    else this.#socket.close(code, "Closing websocket session");
    await eventually("the socket to close", () => this.closed !== undefined);
  }

  /** The action of `<Connect>`. Returns the TwiML. */
  async ended(status, callStatus = "in-progress") {
    const { text } = await this.webhook("/twilio/voice/ended", {
      SessionId: this.session,
      SessionStatus: status,
      SessionDuration: "12",
      CallStatus: callStatus,
    });
    return text;
  }
}

/** The URL of the socket in an answer. */
export function relayUrl(twiml) {
  const url = /<ConversationRelay url="([^"]+)"/.exec(twiml)?.[1];
  if (url === undefined) throw new Error(`no socket in ${twiml}`);
  return url;
}
