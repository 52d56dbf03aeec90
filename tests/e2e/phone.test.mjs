// Calls by a phone of the playground, which plays Twilio's voice side with its times: a sentence that
// comes in pieces, and keys that are pressed.
//
// Not here: the same without a phone's times (voice, recorded), and the page (tests/browser).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, startSwitchboard } from "./harness.mjs";

const DEFAULT = `
prompt = "You answer the phone."
[voice]
greeting = "Hello"
ask_digits = true
`;

let switchboard;

before(async () => {
  switchboard = await startSwitchboard({ assistants: { default: DEFAULT } });
});

after(() => switchboard?.close());

/** A call of a phone of the playground. */
class PhoneCall {
  #url;

  /** Calls, and waits until the greeting was said. */
  static async begin(from, faults = {}) {
    const call = new PhoneCall();
    call.#url = `${switchboard.playground.url}/playground/calls`;
    const { sid } = await call.#request({ from, to: "+15550199", faults });
    call.#url += `/${sid}`;
    await call.has("the greeting", (frames) => frames.includes("agentSpeaking off"));
    return call;
  }

  does(action) {
    return this.#request(action);
  }

  /** The frames so far, in short. */
  async frames() {
    const { frames } = await this.#request(undefined, "/frames");
    return frames.map(({ frame }) => short(frame));
  }

  has(what, probe) {
    return eventually(what, async () => probe(await this.frames()));
  }

  async #request(body, path = "") {
    const options = body && {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    };
    const response = await fetch(this.#url + path, options);
    assert.ok(response.ok, `${response.status} ${this.#url}${path}`);
    return await response.json();
  }
}

function short(frame) {
  if (frame.type === "info")
    return `${frame.name} ${frame.name === "tokensPlayed" ? "" : frame.value}`;
  if (frame.type === "prompt") return `prompt ${frame.voicePrompt}`;
  if (frame.type === "text") return frame.last ? "last" : "text";
  return frame.type;
}

const turns = () => switchboard.worker.log.filter(({ event }) => event === "call_turn");

test("a sentence in pieces interrupts each answer that has begun, and gets one whole answer", async () => {
  const call = await PhoneCall.begin("+15550100", { pieces: true });
  await call.does({ do: "say", text: "the um I would like a small boat please" });
  const last = "prompt small boat please";
  await call.has("the last piece", (frames) => frames.includes(last));
  await call.has("the whole answer", (frames) =>
    frames.slice(frames.indexOf(last)).includes("agentSpeaking off"),
  );
  const frames = await call.frames();
  const prompts = frames.flatMap((frame, at) => (frame.startsWith("prompt") ? [at] : []));
  assert.equal(prompts.length, 3, String(frames));
  for (const [at, prompt] of prompts.entries()) {
    const before = frames.slice(prompts[at - 1] ?? 0, prompt);
    const began = before.lastIndexOf("agentSpeaking on");
    // The voice that has begun was interrupted, and is silent, when the piece comes.
    if (at > 0 && began >= 0) {
      const then = before
        .slice(began)
        .filter((frame) => !/^(last|text|tokensPlayed|client)/.test(frame));
      assert.deepEqual(
        then,
        ["agentSpeaking on", "interrupt", "agentSpeaking off"],
        String(frames),
      );
    }
  }
  const answers = frames.filter((frame) => frame === "last").length;
  const interrupts = frames.filter((frame) => frame === "interrupt").length;
  const played = frames.slice(prompts[2]).filter((frame) => frame === "interrupt").length;
  assert.equal(played, 0, "the last answer is heard to its end");
  assert.ok(
    answers - interrupts <= 1,
    `${answers} answers, ${interrupts} interruptions: ${frames}`,
  );
  await call.does({ do: "hang_up" });
});

test("the hash key behind a number does not cut the answer to it off", async () => {
  const since = turns().length;
  const call = await PhoneCall.begin("+15550101");
  const question = JSON.stringify({ question: "Your order number?", max_digits: 4 });
  await call.does({ do: "say", text: `call ask_digits(${question})` });
  await call.has("the question", (frames) => frames.includes("text") || frames.includes("last"));
  // Some of them while the question is said.
  await eventually("the turn of the question", () => turns().length > since);
  await call.does({ do: "press", digits: "4711#" });
  await call.has("the answer", (frames) => {
    const from = frames.lastIndexOf("dtmf");
    return from >= 0 && frames.slice(from).includes("agentSpeaking off");
  });
  await eventually("the turn of the answer", () => turns().length > since + 1);
  const frames = await call.frames();
  assert.equal(frames.filter((frame) => frame === "dtmf").length, 5);
  assert.ok(!frames.includes("interrupt"), String(frames));
  assert.deepEqual(
    turns()
      .slice(since)
      .map(({ outcome }) => outcome),
    ["answered", "answered"],
  );
  const asked = await switchboard.playground.asked("[keys pressed: 4711]");
  assert.equal(asked.length, 1);
  assert.ok(switchboard.worker.lines.every((line) => !line.includes("4711")));
  await call.does({ do: "hang_up" });
});
