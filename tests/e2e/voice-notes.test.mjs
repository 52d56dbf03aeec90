// Voice notes, from Twilio to the transcription and to the model.
//
// Not here: images (media), and the single limits (tests/it/messaging/voice_notes.rs).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { after, before, test } from "node:test";
import { freshPair, phoneHash, startPlayground, startWorker } from "./harness.mjs";

// A file of 3000 bytes that starts like a PNG.
const PICTURE = Buffer.concat([
  Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  crypto.randomBytes(2992),
]);

let worker, playground;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, settings: { REPLY_WITHIN_MS: "14000" } });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

const turnsOf = async (pair, count) =>
  worker.loggedTimes(
    count,
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
const transcriptions = async () =>
  (await playground.requests("openai")).filter(({ path }) => path.endsWith("/transcriptions"));

test("a voice note is transcribed, answered, and remembered as what was said", async () => {
  const pair = freshPair();
  const note = await playground.upload(await playground.voiceNote("Ships in the fog"), "audio/ogg");
  const whatsApp = { ...pair, channel: "whatsapp" };
  const before = (await transcriptions()).length;
  const answer = await worker.sendMessage({ ...whatsApp, body: "", media: [note] });
  assert.match(answer.messages[0], /You said: "Ships in the fog"/);
  const [request] = (await transcriptions()).slice(before);
  assert.deepEqual([request.status, request.body.model], [200, "gpt-transcribe"]);
  assert.match(request.body.file, /^voice\.ogg \(\d+ bytes\)$/);
  const next = await worker.sendMessage({ ...whatsApp, body: "What did I say before?" });
  assert.deepEqual(next.messages, ['Before this you said: "Ships in the fog"']);
  const [turn] = await turnsOf(pair, 2);
  assert.deepEqual([turn.outcome, turn.model_requests, turn.transcriptions], ["answered", 2, 1]);
});

test("a voice note of 5 MB arrives byte for byte, beside a text and an image", async () => {
  const sound = Buffer.concat([Buffer.from("OggS"), crypto.randomBytes(5 * 1024 * 1024)]);
  const media = [
    await playground.upload(sound, "audio/ogg; codecs=opus"),
    await playground.upload(PICTURE, "image/png"),
  ];
  const before = (await transcriptions()).length;
  const answer = await worker.sendMessage({ ...freshPair(), body: "Listen", media });
  assert.match(answer.messages[0], /^I see 1 picture \(PNG, 3000 bytes\)\./);
  assert.match(answer.messages[0], /Listen\nDo you open on Sunday\?\n\[1 picture\]/);
  const [request] = (await transcriptions()).slice(before);
  assert.equal(request.body.file, `voice.ogg (${sound.length} bytes)`);
});

test("a voice note that cannot be heard is reported, and only what was asked for is counted", async () => {
  const spoken = async (words) => playground.upload(await playground.voiceNote(words), "audio/ogg");
  const NO_VOICE = "I can't listen to voice notes here. Please write to me.";
  const SILENT = "Sorry, I couldn't hear any words in your voice note. Please write to me.";
  const FORMAT = "Sorry, I can't listen to this kind of recording. Please write to me.";
  for (const [media, text, failure, requests] of [
    [await spoken("[fault status=404] Hello"), NO_VOICE, "no_transcription", 1],
    [await spoken("[fault body=empty_answer] Hello"), SILENT, "voice_silent", 1],
    [await playground.upload("#!AMR\n\x3c", "audio/amr"), FORMAT, "voice_format", 0],
    [await playground.upload("<html>", "audio/ogg"), FORMAT, "voice_format", 0],
  ]) {
    const pair = freshPair();
    const answer = await worker.sendMessage({ ...pair, body: "", media: [media] });
    assert.deepEqual(answer.messages, [text]);
    const [turn] = await turnsOf(pair, 1);
    assert.deepEqual(
      [turn.outcome, turn.failure, turn.model_requests],
      ["failed", failure, requests],
    );
  }
});

test("who says stop aloud is opted out, until START", async () => {
  const pair = freshPair();
  const stop = await playground.upload(await playground.voiceNote("Stop."), "audio/ogg");
  const answer = await worker.sendMessage({ ...pair, body: "", media: [stop] });
  assert.match(answer.messages[0], /^You will get no more messages from us\./);
  assert.deepEqual((await worker.sendMessage({ ...pair, body: "Hello" })).messages, []);
  await worker.sendMessage({ ...pair, body: "START" });
  assert.equal((await worker.sendMessage({ ...pair, body: "Hello" })).messages.length, 1);
});
