// `npm run say` against a real Worker: one message, a chat by lines, a script, and one feed with the page.
//
// The program is the playground's `say`, which the script of npm runs. Not here: the form that it posts, and
// how it reads scripts (native tests).

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { inRoot, playgroundBinary } from "../../scripts/lib/project.mjs";
import { start } from "../../scripts/lib/run.mjs";
import { freshPair, SECRETS, startSwitchboard } from "./harness.mjs";

let switchboard;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-say-"));

before(async () => {
  switchboard = await startSwitchboard({ settings: { REPLY_WITHIN_MS: "3000" } });
});

after(async () => {
  fs.rmSync(directory, { recursive: true, force: true });
  await switchboard?.close();
});

/**
 * Runs `say` with a fresh phone and this input. Returns its exit code and what it printed.
 *
 * @param {string[]} args
 * @param {{ input?: string, token?: string, from?: string }} [options]
 */
async function say(args, { input = "", token = SECRETS.TWILIO_AUTH_TOKEN, from } = {}) {
  const { worker, playground } = switchboard;
  const where = ["--worker", worker.url, "--playground", playground.url];
  const running = start(
    playgroundBinary(),
    ["say", ...where, "--from", from ?? freshPair().from, ...args],
    {
      env: { ...process.env, TWILIO_AUTH_TOKEN: token },
      stdio: ["pipe", "pipe", "pipe"],
    },
  );
  const { stdin, stdout, stderr } = running.child;
  let text = "";
  for (const stream of [stdout, stderr])
    stream?.setEncoding("utf8").on("data", (part) => (text += part));
  // A program that ends at once does not read it.
  stdin?.on("error", () => {}).end(input);
  const { code } = await running.ended;
  return { code, text };
}

function scriptOf(text) {
  const file = path.join(directory, "script.say");
  fs.writeFileSync(file, text);
  return file;
}

test("without a text, each line of the input is a message, and the chat remembers", async () => {
  const { code, text } = await say([], { input: "Hello\n\nWhat did I say first?\n" });
  assert.equal(code, 0, text);
  assert.match(text, /You said: "Hello"/);
  assert.match(text, /The first thing you said was: "Hello"/);
});

test("a chat sends the last message again, and goes on after an error", async () => {
  const { code, text } = await say([], {
    input: "/again\nHello\n/again\n/help\n/quit\nnot sent\n",
  });
  assert.equal(code, 0, text);
  assert.match(text, /Nothing was sent yet/);
  assert.equal(text.match(/You said: "Hello" \(message 1/g)?.length, 2, text);
  assert.match(text, /\/again {2}sends the last message again/);
  assert.doesNotMatch(text, /not sent/);
});

test("an unknown command is not sent, and a chat without any line is an error", async () => {
  const chat = await say([], { input: "/hlep\n//hlep\n" });
  assert.equal(chat.code, 0, chat.text);
  assert.match(chat.text, /There is no \/hlep/);
  assert.match(chat.text, /You said: "\/hlep" \(message 1/);
  const empty = await say([]);
  assert.equal(empty.code, 2, empty.text);
  assert.match(empty.text, /the input has no line to send/);
});

test("an answer by REST contradicts that there is none", async () => {
  const script = scriptOf("> [fault delay=4s] Late\n<-\n");
  const { code, text } = await say(["--script", script]);
  assert.equal(code, 1, text);
  assert.match(text, /expected {2}<- \(no answer\)\n {2}answered {2}< /);
});

test("the example script is answered as it expects", async () => {
  const { code, text } = await say(["--script", inRoot("examples", "hello.say")]);
  assert.equal(code, 0, text);
  assert.match(text, /All 7 messages were answered as expected/);
});

test("a script whose answer differs shows both and exits with 1", async () => {
  const script = scriptOf("> Hello\n< Good evening\n> And you?\n<~ You said\n");
  const { code, text } = await say(["--script", script]);
  assert.equal(code, 1, text);
  assert.match(
    text,
    /DIFFERS {2}line 1: Hello\n {2}expected {2}< Good evening\n {2}answered {2}< Nice/,
  );
  assert.match(text, /ok {7}line 3: And you\?/);
  assert.match(text, /1 of 2 answers differ/);
});

test("a script that is wrong or missing sends nothing, and exits with 2", async () => {
  await switchboard.playground.clearRequests();
  const wrong = await say(["--script", scriptOf("> Hello\nHi\n")]);
  assert.equal(wrong.code, 2, wrong.text);
  assert.match(wrong.text, /script\.say: line 2 begins with none of/);
  const missing = await say(["--script", path.join(directory, "none.say")]);
  assert.equal(missing.code, 2);
  assert.match(missing.text, /none\.say: cannot be read/);
  assert.equal((await switchboard.playground.requests("openai")).length, 0);
});

test("the page's feed has the messages of the terminal, with their answers", async () => {
  const { from } = freshPair();
  const { code, text } = await say(["Seen on the page"], { from });
  assert.equal(code, 0, text);
  const sid = text.match(/^(SM[0-9a-f]{32}) from/m)?.[1];
  const events = await newestEvents(switchboard.playground.url);
  const sent = events.find((event) => event.type === "sent" && event.sid === sid);
  const answered = events.find(
    (event) => event.type === "answered" && event.exchange === sent?.exchange,
  );
  assert.equal(sent?.text, "Seen on the page");
  assert.match(answered?.messages[0].text, /You said: "Seen on the page"/);
});

test("a token of another checkout is explained, and its message is not in the feed", async () => {
  const { code, text } = await say(["Stranger"], { token: "f".repeat(32) });
  assert.equal(code, 1);
  assert.match(text, /403 in \d+ ms/);
  assert.match(text, /is not the one of this checkout's \.dev\.vars/);
  const events = await newestEvents(switchboard.playground.url);
  assert.ok(!events.some((event) => event.text === "Stranger"));
});

// All events that the page would get now.
async function newestEvents(url) {
  const stop = new AbortController();
  const response = await fetch(`${url}/playground/events`, { signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  // The feed has no end. What it holds comes at once.
  for (;;) {
    const quiet = new Promise((resolve) => setTimeout(() => resolve({ done: true }), 300));
    const { done, value } = /** @type {any} */ (await Promise.race([reader?.read(), quiet]));
    if (done) break;
    text += value;
  }
  stop.abort();
  const lines = text.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => JSON.parse(line.slice(5)));
}
