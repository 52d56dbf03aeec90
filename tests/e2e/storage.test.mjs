// Damaged state: the contact is answered as if it had said nothing before.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { freshPair, pseudonym, startSwitchboard } from "./harness.mjs";

let switchboard, worker;

before(async () => {
  switchboard = await startSwitchboard();
  worker = switchboard.worker;
});

after(async () => {
  await switchboard?.close();
});

test("a state that the runtime cannot read, or that is not text, is treated as empty and logged as unreadable", async () => {
  const damaged = {
    "no serialised value": Buffer.from("damaged"),
    "a value broken off": Buffer.from("ff0fff", "hex"),
    "a version of the future": Buffer.from("ffee2203616263", "hex"),
    "a number": Buffer.from("ff0f4905", "hex"),
  };
  const pairs = new Map(Object.keys(damaged).map((what) => [what, freshPair()]));
  for (const pair of pairs.values())
    await worker.sendMessage({ ...pair, body: "Before the damage" });
  await worker.kill();
  for (const [what, pair] of pairs)
    worker.overwrite("ThreadObject", pseudonym(pair), "state", damaged[what]);
  await worker.start();
  for (const [what, pair] of pairs) {
    const since = await worker.mark();
    const answer = await worker.sendMessage({ ...pair, body: "What did I say first?" });
    assert.equal(answer.status, 200, what);
    assert.deepEqual(answer.messages, ["You have said nothing before this message."], what);
    await worker.logged(
      ({ event, reason }) => event === "internal_error" && reason === "state_unreadable",
      { since },
    );
    const next = await worker.sendMessage({ ...pair, body: "What did I say first?" });
    assert.deepEqual(
      next.messages,
      ['The first thing you said was: "What did I say first?"'],
      what,
    );
  }
});
