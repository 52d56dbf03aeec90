// `npm run admin` when something is wrong: how it explains each error and each mistake of the command
// line, and that its token goes nowhere else.
//
// Not here: what it prints otherwise (admin).

import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../scripts/lib/local.mjs";
import { admin, checkout, LOCAL_TOKEN, PAIR, TOKEN, USAGE } from "./admin.mjs";
import { Checkout, mockWorker } from "./commands.mjs";

/** @type {Record<string, [import("./commands.mjs").Answer, RegExp]>} */
const ERRORS = {
  "a malformed request": [
    { status: 400, body: "Bad request: from is malformed\n" },
    /does not understand the request \(400\): Bad request: from is malformed$/m,
  ],
  "another token": [
    { status: 401, headers: { "WWW-Authenticate": "Bearer" } },
    /does not accept this ADMIN_TOKEN \(401\)/,
  ],
  "a Worker without ADMIN_TOKEN": [
    { status: 404, body: "Not found\n" },
    /ADMIN_TOKEN is not set there \(`npx wrangler secret put ADMIN_TOKEN`/,
  ],
  "too many wrong tokens": [
    { status: 429, headers: { "Retry-After": "42" } },
    /\(429\): wait 42 s, then try again/,
  ],
  "too many wrong tokens without a Retry-After": [
    { status: 429 },
    /\(429\): wait a minute, then try again/,
  ],
  "wrong settings": [
    { status: 503, body: "Not configured: see /health\n" },
    /cannot answer \(503\): Not configured: see \/health\. http:\S+\/health lists/,
  ],
  "an error": [
    { status: 500, body: "Internal error\n" },
    /not come from Switchboard's admin routes \(500\): Internal error$/m,
  ],
  "an answer that is not JSON": [
    { status: 200, body: "\u001b[31m<html>" },
    /admin routes \(200\): \?\[31m<html>$/m,
  ],
  "an answer of another shape": [
    { status: 200, body: { ok: true } },
    /admin routes \(200\): \{"ok":true\}$/m,
  ],
};

for (const [what, [answer, message]] of Object.entries(ERRORS)) {
  test(`${what} is explained, with exit code 1`, async () => {
    for (const args of [["usage"], ["show", ...PAIR], ["erase", ...PAIR, "--yes"]]) {
      const { code, stdout, stderr } = await admin(args, answer);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /^\nerror: /);
      assert.match(stderr, message);
    }
  });
}

test("a redirect is not followed: the token would go with it", async () => {
  const other = await mockWorker(() => ({ body: USAGE }));
  const { code, stderr, requests } = await admin(["usage"], {
    status: 307,
    headers: { Location: `${other.url}/admin/usage` },
  });
  await other.close();
  assert.deepEqual([code, requests.length, other.requests], [1, 1, []]);
  assert.match(stderr, /\(307\)/);
});

test("a Worker that does not run is reported", async () => {
  const { code, stderr } = await checkout.run(
    "admin",
    ["usage", "--url", `http://127.0.0.1:${await freePort()}`],
    { ADMIN_TOKEN: TOKEN },
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /nothing listens at http:\S+ \(connection refused\)\. Is `npm start` running\?/,
  );
});

test("the token in .dev.vars is used for this machine only, and the environment's takes precedence", async () => {
  const local = await admin(["usage"], { body: USAGE }, { env: {} });
  assert.equal(local.requests[0].headers.authorization, `Bearer ${LOCAL_TOKEN}`);
  const given = await admin(["usage"], { body: USAGE });
  assert.equal(given.requests[0].headers.authorization, `Bearer ${TOKEN}`);
});

test("the token in .dev.vars is not sent to another machine", async () => {
  const args = ["usage", "--url", "https://switchboard.invalid"];
  const without = await checkout.run("admin", args);
  assert.equal(without.code, 1);
  assert.match(
    without.stderr,
    /ADMIN_TOKEN is not in the environment \(the one in \.dev\.vars is for this machine only\)/,
  );
  // With a token from the environment, the host is looked up.
  const given = await checkout.run("admin", args, { ADMIN_TOKEN: TOKEN });
  assert.doesNotMatch(given.stderr, /ADMIN_TOKEN/);
  assert.match(given.stderr, /switchboard\.invalid/);
});

test("without any token nothing is requested, and erase does not ask for confirmation", async () => {
  const bare = new Checkout({});
  const worker = await mockWorker(() => ({ body: USAGE }));
  for (const args of [["usage"], ["erase", ...PAIR, "--yes"], ["erase", ...PAIR]]) {
    const { code, stderr } = await bare.run("admin", [...args, "--url", worker.url]);
    assert.equal(code, 1);
    assert.match(stderr, /ADMIN_TOKEN is neither in the environment nor in \.dev\.vars/);
  }
  await worker.close();
  bare.remove();
  assert.deepEqual(worker.requests, []);
});

/** @type {Record<string, [string[], RegExp]>} */
const MISTAKES = {
  "no command": [
    [],
    /a command is missing\. Use usage, reset-budget, show, erase, hand-over, release, message, call, call-state;/,
  ],
  "an unknown command": [
    ["delete"],
    /there is no command "delete"\. Use usage, reset-budget, show, erase, hand-over, release, message, call, call-state;/,
  ],
  "a misspelled command": [
    ["relase"],
    /there is no command "relase"; did you mean release\? Use usage, /,
  ],
  "an unknown option": [["usage", "--form", "x"], /unknown option --form; did you mean --from\?/],
  "a token as an option": [["usage", "--token", "x"], /unknown option --token;/],
  "more words": [["usage", "today"], /usage takes only options, not "today"/],
  "an option of another command": [["usage", "--from", "+15550100"], /usage does not take --from/],
  "--yes without erasing": [["show", ...PAIR, "--yes"], /show does not take --yes/],
  "--text without a message": [["release", ...PAIR, "--text", "x"], /release does not take --text/],
  "a call without a number": [["call", "--assistant", "desk"], /needs the number that is called/],
  "a call of a number without +": [
    ["call", "15550100", "--assistant", "desk"],
    /needs the number that is called/,
  ],
  "a call without an assistant": [["call", "+15550100"], /--assistant is missing/],
  "a context that is too long": [
    ["call", "+15550100", "--assistant", "desk", "--context", "x".repeat(2001)],
    /--context must have at most 2000 characters/,
  ],
  "--assistant without a call": [
    ["show", ...PAIR, "--assistant", "desk"],
    /show does not take --assistant/,
  ],
  "the state of no call": [["call-state", "1"], /needs the id that call has printed/],
  "a message without a text": [["message", ...PAIR], /--text is missing/],
  "a message that is too long": [
    ["message", ...PAIR, "--text", "x".repeat(1601)],
    /--text must have at most 1600 characters/,
  ],
  "an id of no characters": [
    ["message", ...PAIR, "--text", "x", "--id", " "],
    /--id must have 1 to 200 characters/,
  ],
  "--id without a message": [["show", ...PAIR, "--id", "7"], /show does not take --id/],
  "no --from": [["show", "--to", "+15550199"], /--from is missing/],
  "no --to": [["erase", "--from", "+15550100", "--yes"], /--to is missing/],
  "a number without its country": [
    ["show", "--from", "5550100", "--to", "+15550199"],
    /--from must be a phone number .* not "5550100"/,
  ],
  "a short code that writes": [
    ["show", "--from", "55501", "--to", "+15550199"],
    /--from must be a phone number/,
  ],
  "an id without its channel": [
    ["show", "--from", "US.13491208655302741918", "--to", "+15550199"],
    /--from must be a phone number/,
  ],
  "a WhatsApp number that lost its plus": [
    ["show", "--from", "whatsapp:15550100", "--to", "whatsapp:+15550199"],
    /--from must be a phone number/,
  ],
  "a number with spaces": [
    ["show", "--from", "+1 555 0100", "--to", "+15550199"],
    /--from must be a phone number/,
  ],
  "an unknown channel": [
    ["show", ...PAIR, "--channel", "signal"],
    /--channel must be sms, whatsapp, rcs or messenger, not "signal"/,
  ],
  "two channels": [
    ["show", "--from", "whatsapp:+15550100", "--to", "+15550199"],
    /have the same channel/,
  ],
  "plain http to another machine": [
    ["usage", "--url", "http://switchboard.example"],
    /--url must be https \(plain http is for this machine only/,
  ],
  "a URL with a path": [
    ["usage", "--url", "https://switchboard.example/admin"],
    /must be an origin without a path, such as https:\/\/switchboard\.example/,
  ],
  "a URL with a password": [
    ["usage", "--url", "https://user:password@switchboard.example"],
    /--url must not contain a user name or a password/,
  ],
  "an invalid URL": [
    ["usage", "--url", "switchboard.example"],
    /--url must be a URL, such as .* not "switchboard\.example"/,
  ],
};

for (const [what, [args, message]] of Object.entries(MISTAKES)) {
  test(`${what}: rejected with a message, and nothing is requested`, async () => {
    const { code, stdout, stderr } = await checkout.run("admin", args, { ADMIN_TOKEN: TOKEN });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}
