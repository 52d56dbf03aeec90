// The Worker comes up on the real runtime and answers the routes that need nothing else. First to look at when all of
// the end-to-end tests fail.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SECURITY_HEADERS, startSwitchboard } from "./harness.mjs";

let switchboard;

before(async () => {
  switchboard = await startSwitchboard();
});

after(() => switchboard?.close());

test("health answers 200 with a version and the security headers", async (t) => {
  t.diagnostic(`the Worker was up after ${switchboard.worker.startMs} ms`);
  const answer = await switchboard.worker.request("/health");
  assert.equal(answer.status, 200);
  const { status, version } = JSON.parse(answer.text);
  assert.equal(status, "ok");
  assert.match(version, /^\d+\.\d+\.\d+/);
  assertSecurityHeaders(answer);
});

test("an unknown route answers 404 with the security headers", async () => {
  const answer = await switchboard.worker.request("/nothing-here?with=query");
  assert.equal(answer.status, 404);
  assertSecurityHeaders(answer);
});

function assertSecurityHeaders(answer) {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) assert.equal(answer.headers.get(name), value, name);
}
