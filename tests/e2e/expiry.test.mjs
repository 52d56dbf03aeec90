// Expiry: a conversation disappears by itself, and the window of a rate limit reopens. Both take at
// least a minute, so one test waits for both.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  eventually,
  freshPair,
  freshSid,
  pseudonym,
  sleep,
  startPlayground,
  startWorker,
} from "./harness.mjs";

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, settings: { CONVERSATION_TTL_SECONDS: "60" } });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

test("after its lifetime a conversation is gone from KV, the object and memory, and the rate limit's window slides", async () => {
  const [writer, other, hasty] = [freshPair(), freshPair(), freshPair()];
  const first = { ...writer, sid: freshSid(), body: "Gone in a minute: heliotrope" };
  await worker.sendMessage(first);
  // Only notices: there is no conversation to expire, but the object must be emptied all the same.
  await worker.sendMessage({ ...other, body: "" });
  const began = Date.now();
  for (let number = 0; number < 5; number += 1)
    await worker.sendMessage({ ...hasty, body: `Early ${number}` });
  await sleep(8000);
  for (let number = 0; number < 5; number += 1)
    await worker.sendMessage({ ...hasty, body: `Later ${number}` });
  const refused = await worker.sendMessage({ ...hasty, body: "Too many" });
  const seconds = Number(refused.messages[0].match(/try again in (\d+) seconds/)?.[1]);
  assert.ok(Math.abs(seconds - (60 - (Date.now() - began) / 1000)) < 2.5, `told ${seconds} s`);
  await eventually("the conversation in KV", () => entry(writer));
  assert.ok(worker.filesWith("heliotrope").length > 0, "it would be found");
  for (const pair of [writer, other]) assert.ok(object(pair).alarm > Date.now() && rows(pair) > 0);

  // Now the first five no longer count, and the later five still do. The contact got the notice
  // less than a minute ago.
  await sleep(began + 61_000 - Date.now());
  const again = [];
  for (let number = 0; number < 6; number += 1)
    again.push(await worker.sendMessage({ ...hasty, body: `Again ${number}` }));
  assert.deepEqual(
    again.map(({ messages }) => messages.length),
    [1, 1, 1, 1, 1, 0],
  );

  // The cost of a day stays, and is deleted an hour after the day.
  await eventually("the objects to hold no more than the day's counts", () =>
    [writer, other].every(holdsCountsAlone),
  );
  const end = new Date().setUTCHours(25, 0, 0, 0);
  assert.ok(
    [end, undefined].includes(object(writer)?.alarm),
    `it is emptied at ${new Date(object(writer)?.alarm).toISOString()}`,
  );
  const kept = entry(writer);
  assert.ok(!kept || kept.expiration <= Date.now(), "KV serves it no more");

  const next = await worker.sendMessage({ ...writer, body: "What did I say first?" });
  assert.deepEqual(next.messages, ["You have said nothing before this message."]);
});

function entry(pair) {
  return worker.kv().find(({ key }) => key.startsWith(`conversation/${pseudonym(pair)}/`));
}

function object(pair) {
  return worker.objects("ThreadObject").find(({ name }) => name === pseudonym(pair));
}

function rows(pair) {
  return object(pair)?.tables._cf_KV?.length ?? 0; // the runtime removes the file of an object that stores nothing
}

function holdsCountsAlone(pair) {
  const stored = object(pair)?.tables._cf_KV ?? [];
  const texts = stored.map(({ key, value }) => [key, Buffer.from(value).toString("latin1")]);
  return texts.every(
    ([key, text]) =>
      key === "state" &&
      text.includes('"share"') &&
      !/[SM]M[0-9a-f]{32}|155501|"at":|heliotrope/.test(text),
  );
}
