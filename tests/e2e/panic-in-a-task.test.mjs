// A panic in a task that continues after its call has returned, so that no call can catch it. Uses
// the same build as panic.test.mjs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, freshPair, freshSid, startSwitchboard } from "./harness.mjs";

let switchboard, playground, worker;

before(async () => {
  switchboard = await startSwitchboard({ build: "build/panic-route" });
  ({ playground, worker } = switchboard);
});

after(() => switchboard?.close());

test("a request whose task panics gets a 500, so does one that waits meanwhile, and the Worker answers again", async () => {
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
  const panicked = await worker.request("/panic/in-a-task", { timeout: 5000 });
  assert.equal(panicked.status, 500);
  assert.equal((await waiting).status, 500);
  assert.equal((await worker.request("/health")).status, 200);
  const again = await worker.sendMessage(message);
  assert.equal(again.status, 200);
  assert.equal(again.messages.length, 1);
});
