// A panic takes down one request and not the Worker. Runs a build with a route that panics, which is never released.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, freshPair, freshSid, startPlayground, startWorker } from "./harness.mjs";

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, build: "build/panic-route" });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

test("after a panic the Worker answers again, remembers the conversation, and has said where it panicked", async () => {
  const pair = freshPair();
  await worker.sendMessage({ ...pair, body: "Before the panic" });
  const places = () =>
    worker.lines.filter((line) => /panicked at src\/runtime\//.test(line)).length;
  for (const time of ["first", "second"]) {
    const before = places();
    assert.equal((await worker.request("/panic")).status, 500, `${time} panic`);
    await eventually("its place to be printed", () => places() > before);
    assert.equal((await worker.request("/health")).status, 200);
    const answer = await worker.sendMessage({ ...pair, body: "What did I say first?" });
    assert.deepEqual(answer.messages, ['The first thing you said was: "Before the panic"']);
  }
});

test("a message that waits when the instance panics is not left hanging, and is answered when it comes again", async () => {
  const message = {
    ...freshPair(),
    sid: freshSid(),
    body: "Waits through a panic [fault delay=1500ms]",
  };
  const waiting = worker.sendMessage(message);
  await eventually(
    "the model to be asked",
    async () => (await playground.asked("Waits through a panic")).length === 1,
  );
  assert.equal((await worker.request("/panic")).status, 500);
  assert.equal((await waiting).status, 500);
  const again = await worker.sendMessage(message);
  assert.equal(again.status, 200);
  assert.equal(again.messages.length, 1);
});

test("the released build has no route that panics", async () => {
  const released = await startWorker({ playground });
  try {
    assert.equal((await released.request("/panic")).status, 404);
  } finally {
    await released.close();
  }
});
