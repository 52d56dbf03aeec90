// `npm run admin` against a real Worker.
//
// Not here: how it reads options and prints answers (admin), and the admin routes in full (Rust).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { after, before, test } from "node:test";
import { findings } from "./commands.mjs";
import { startDeployment } from "./deployment.mjs";
import { eventually, freshPair, SECRETS } from "./harness.mjs";

let deployment, worker, checkout;

before(async () => {
  deployment = await startDeployment();
  ({ worker, checkout } = deployment);
});

after(() => deployment?.close());

const doctor = () => checkout.run("doctor", ["--url", worker.url]);
const admin = (args, env = { ADMIN_TOKEN: SECRETS.ADMIN_TOKEN }) =>
  checkout.run("admin", [...args, "--url", worker.url], env);
const asArgs = ({ from, to }) => ["--from", from, "--to", to];

test("admin usage counts what the Worker did", async () => {
  await worker.restart({});
  const usage = async () => JSON.parse((await admin(["usage", "--json"])).stdout);
  const before = await usage();
  const pair = freshPair();
  await worker.sendMessage({ ...pair, signature: null });
  await worker.sendMessage({ ...pair, body: "Hello" });
  // The result of a turn may be counted only with the contact's next one.
  await worker.sendMessage({ ...pair, body: "Hello again" });
  const after = await eventually("both messages to be counted", async () => {
    const now = await usage();
    return (
      now.messages_in === before.messages_in + 2 &&
      now.answers.webhook > before.answers.webhook &&
      now
    );
  });
  assert.equal(after.model_requests.used, before.model_requests.used + 2);
  assert.equal(after.rejections.invalid_signature, before.rejections.invalid_signature + 1);
  assert.ok(after.tokens.prompt > before.tokens.prompt);
  assert.match((await admin(["usage"])).stdout, /^usage of \d{4}-\d\d-\d\d \(UTC\) at http:/);
});

test("admin shows a contact and erases its conversation", async () => {
  const pair = freshPair();
  await worker.sendMessage({ ...pair, body: "Remember the lighthouse" });
  await eventually("its conversation", () =>
    worker.kv().some(({ value }) => value?.includes("lighthouse")),
  );
  assert.match((await admin(["show", ...asArgs(pair)])).stdout, /turns remembered +1$/m);
  const refused = await admin(["erase", ...asArgs(pair)]);
  assert.equal(refused.code, 1);
  const { code, stdout } = await admin(["erase", ...asArgs(pair), "--yes"]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^ +turns +1$/m);
  assert.match((await admin(["show", ...asArgs(pair)])).stdout, /turns remembered +0$/m);
  await eventually(
    "KV to be empty of it",
    () => !worker.kv().some(({ value }) => value?.includes("lighthouse")),
  );
});

test("admin is denied with a wrong token, and finds no routes if the Worker has none", async () => {
  const wrong = await admin(["usage"], { ADMIN_TOKEN: crypto.randomBytes(32).toString("hex") });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /\(401\)/);
  assert.match(findings(await doctor()).admin, /^note ADMIN_TOKEN is set/);
  await worker.reconfigure({ ADMIN_TOKEN: null });
  const none = await admin(["usage"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /\(404\): ADMIN_TOKEN is not set there/);
  assert.match(findings(await doctor()).admin, /^note ADMIN_TOKEN is not set/);
});

test("admin prints how long to wait after too many wrong tokens", async () => {
  await worker.restart({});
  const wrong = { ADMIN_TOKEN: crypto.randomBytes(32).toString("hex") };
  let last;
  for (let attempt = 0; attempt < 6; attempt += 1) last = await admin(["usage"], wrong);
  assert.equal(last.code, 1);
  assert.match(last.stderr, /\(429\): wait (\d+(\.\d)?|1 min 0) s, then try again/);
});
