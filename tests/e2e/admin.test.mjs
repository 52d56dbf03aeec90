// `npm run admin` against a mock Worker: what it requests, what it prints, how it explains each
// error, and that its token goes nowhere else. Also: set-up creates such a token.
//
// Not here: admin against a real Worker (admin-worker).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import { after, test } from "node:test";
import { freePort } from "../../scripts/lib/local.mjs";
import { capture } from "../../scripts/lib/run.mjs";
import { Checkout, hasTerminal, mockWorker } from "./commands.mjs";

const TOKEN = crypto.randomBytes(32).toString("hex");
const LOCAL_TOKEN = crypto.randomBytes(32).toString("hex");
const PAIR = ["--from", "+15550100", "--to", "+15550199"];

const USAGE = {
  day: "2026-11-22",
  model_requests: { used: 3, cap: 1000 },
  messages_sent: { used: 2, cap: 500 },
  budget_unreadable: false,
  tokens: { prompt: 210, completion: 90 },
  estimated_cost: 0.000123,
  messages_in: 5,
  answers: { webhook: 3, rest: 1 },
  rejections: {
    invalid_signature: 2,
    bad_request: 0,
    suspicious_request: 0,
    rate_limited: 1,
    opted_out: 0,
    budget_exhausted: 0,
  },
};
const RESET = { reset: { model_requests: 7, messages_sent: 2, budget_unreadable: true } };
const STATE = {
  opted_out: false,
  turns: 3,
  revision: 3,
  expires_at: "2026-11-22T06:00:00.000Z",
  turn_running: false,
  pending_messages: 0,
  outbox_parts: 0,
  messages_last_minute: 2,
  handed_off: true,
};
const ERASED = {
  erased: {
    turns: 3,
    revisions: 3,
    pending_messages: 1,
    outbox_parts: 0,
    answers: 3,
    deliveries: 0,
  },
  kv: "deleted",
  opted_out: true,
};

const checkout = new Checkout({ ADMIN_TOKEN: LOCAL_TOKEN });
after(() => checkout.remove());

// The route and the contact of a request.
const asked = ({ method, url, headers, body }) => [
  method,
  url,
  headers["content-type"],
  JSON.parse(body),
];

/**
 * Runs admin against a Worker that always gives the same answer. Returns its output and the requests.
 *
 * @param {string[]} args
 * @param {import("./commands.mjs").Answer} answer
 * @param {{ env?: NodeJS.ProcessEnv, typed?: string }} [options]
 */
async function admin(args, answer, { env = { ADMIN_TOKEN: TOKEN }, ...options } = {}) {
  const worker = await mockWorker(() => answer);
  try {
    const result = await checkout.run("admin", [...args, "--url", worker.url], env, options);
    return { ...result, requests: worker.requests, url: worker.url };
  } finally {
    await worker.close();
  }
}

test("usage is printed as a readable table", async () => {
  const { code, stdout, requests, url } = await admin(["usage"], { body: USAGE });
  assert.equal(code, 0);
  assert.ok(stdout.includes(`usage of 2026-11-22 (UTC) at ${url}`));
  for (const line of [
    /messages in +5$/m,
    /answers +3 by webhook, 1 by REST$/m,
    /model +3 of 1000$/m,
    /by REST +2 of 500$/m,
    /tokens +210 prompt, 90 completion$/m,
    /cost +0.000123$/m,
    /rejections +2 invalid_signature, 1 rate_limited$/m,
  ]) {
    assert.match(stdout, line);
  }
  assert.deepEqual(
    requests.map(({ method, url: path }) => [method, path]),
    [["GET", "/admin/usage"]],
  );
  assert.equal(requests[0].headers.authorization, `Bearer ${TOKEN}`);
});

test("an unknown cost and a day without rejections are shown as such", async () => {
  const { stdout } = await admin(["usage"], {
    body: { ...USAGE, estimated_cost: null, rejections: { bad_request: 0 } },
  });
  assert.match(
    stdout,
    /cost +unknown: the Worker has no OPENAI_PRICE_INPUT and OPENAI_PRICE_OUTPUT$/m,
  );
  assert.match(stdout, /rejections +none$/m);
});

test("a budget that is closed because its count was damaged is shown as closed", async () => {
  const { stdout } = await admin(["usage"], { body: { ...USAGE, budget_unreadable: true } });
  for (const line of [
    /model +3 of 1000, closed for today: .* \(reset-budget reopens it\)$/m,
    /by REST +2 of 500, closed for today/m,
  ])
    assert.match(stdout, line);
});

test("reset-budget resets the budget only with --yes, and prints what was used", async () => {
  const refused = await admin(["reset-budget"], { body: RESET });
  assert.deepEqual([refused.code, refused.requests], [1, []]);
  assert.match(
    refused.stderr,
    /reset-budget asks before it resets, but there is no terminal: add --yes to confirm/,
  );
  const { code, stdout, requests } = await admin(["reset-budget", "--yes"], { body: RESET });
  assert.equal(code, 0);
  assert.deepEqual(
    requests.map(({ method, url: path }) => [method, path]),
    [["POST", "/admin/budget/reset"]],
  );
  for (const line of [
    /^reset today's budget at http:/,
    /model +7$/m,
    /by REST +2$/m,
    /count was damaged +yes$/m,
  ])
    assert.match(stdout, line);
});

test("at a terminal reset-budget asks, and only yes resets", {
  skip: !hasTerminal && "needs the program `script` of Linux",
}, async () => {
  const no = await admin(["reset-budget"], { body: RESET }, { typed: "y" });
  assert.match(no.text, /Reset today's budget at http:\S+\?/);
  assert.match(no.text, /nothing was reset/);
  assert.deepEqual([no.code, no.requests], [1, []]);
  const yes = await admin(["reset-budget"], { body: RESET }, { typed: "yes" });
  assert.deepEqual([yes.code, yes.requests.map(({ method }) => method)], [0, ["POST"]]);
});

test("--json prints the answer and nothing else", async () => {
  for (const { args, body } of [
    { args: ["usage"], body: USAGE },
    { args: ["show", ...PAIR], body: STATE },
    { args: ["erase", ...PAIR, "--yes"], body: ERASED },
    { args: ["reset-budget", "--yes"], body: RESET },
  ]) {
    const { stdout, stderr } = await admin([...args, "--json"], { body });
    assert.deepEqual([JSON.parse(stdout), stderr], [body, ""]);
  }
});

test("a contact is shown, and its addresses reach the Worker in the body and not in a URL", async () => {
  const { code, stdout, requests } = await admin(["show", ...PAIR], { body: STATE });
  assert.equal(code, 0);
  assert.match(stdout, /^\+15550100 to \+15550199 at /);
  for (const line of [
    /opted out +no$/m,
    /turns remembered +3$/m,
    /revision in KV +3$/m,
    /expires at +2026-11-22T06/m,
  ])
    assert.match(stdout, line);
  assert.deepEqual(asked(requests[0]), [
    "POST",
    "/admin/contacts/show",
    "application/json",
    { from: "+15550100", to: "+15550199" },
  ]);
});

test("a contact is taken over, answered and released", async () => {
  for (const [command, answer, path, says] of /** @type {const} */ ([
    ["hand-over", { body: { handed_off: true, begun: true } }, "hand-over", /from now on/],
    ["hand-over", { body: { handed_off: true, begun: false } }, "hand-over", /already/],
    [
      "release",
      { body: { handed_off: false, ended: true } },
      "release",
      /assistant answers .* again/,
    ],
    ["release", { body: { handed_off: false, ended: false } }, "release", /was not handed over/],
    ["message", { status: 202, body: { queued: true } }, "messages", /waits to be sent/],
  ])) {
    const text = command === "message" ? ["--text", " On its way "] : [];
    const { code, stdout, requests } = await admin([command, ...PAIR, ...text], answer);
    assert.equal(code, 0, stdout);
    assert.match(stdout, says);
    const said = command === "message" ? { text: "On its way" } : {};
    const body = { from: "+15550100", to: "+15550199", ...said };
    assert.deepEqual(requests.map(asked), [
      ["POST", `/admin/contacts/${path}`, "application/json", body],
    ]);
  }
});

test("a message that cannot be sent now says why", async () => {
  for (const [status, body, says] of /** @type {const} */ ([
    [409, "the contact has opted out\n", /not possible now \(409\): the contact has opted out/],
    [429, "MAX_DAILY_MESSAGES is used up until midnight UTC\n", /messages are used up \(429\)/],
  ])) {
    const { code, stderr } = await admin(["message", ...PAIR, "--text", "x"], { status, body });
    assert.equal(code, 1);
    assert.match(stderr, says);
  }
});

test("an unknown contact is shown without a revision and without an expiry", async () => {
  const { stdout } = await admin(["show", ...PAIR], {
    body: { ...STATE, turns: 0, revision: null, expires_at: null },
  });
  assert.match(stdout, /revision in KV +none$/m);
  assert.match(stdout, /expires at +nothing stored$/m);
});

test("a contact of any channel is named by --channel or by its address, and --to can be a short code", async () => {
  const whatsapp = { from: "whatsapp:+15550100", to: "whatsapp:+15550199" };
  const addresses = ["--from", "whatsapp:+15550100", "--to", "whatsapp:+15550199"];
  const shortCode = { from: "+15550100", to: "55501" };
  for (const { args, contact } of [
    { args: [...PAIR, "--channel", "whatsapp"], contact: whatsapp },
    { args: addresses, contact: whatsapp },
    { args: [...addresses, "--channel", "whatsapp"], contact: whatsapp },
    { args: ["--from", "+15550100", "--to", "55501"], contact: shortCode },
    ...[
      { from: "whatsapp:US.13491208655302741918", to: "whatsapp:+15550199" },
      { from: "rcs:+15550100", to: "rcs:brand_x_agent" },
      { from: "+15550100", to: "rcs:brand_x_agent" },
      { from: "messenger:2745689751200", to: "messenger:1415523888600" },
    ].map((contact) => ({ args: ["--from", contact.from, "--to", contact.to], contact })),
    {
      args: ["--from", "2745689751200", "--to", "1415523888600", "--channel", "messenger"],
      contact: { from: "messenger:2745689751200", to: "messenger:1415523888600" },
    },
  ]) {
    const { requests } = await admin(["show", ...args], { body: STATE });
    assert.deepEqual(JSON.parse(requests[0].body), contact);
  }
});

test("--yes erases, and prints what was erased", async () => {
  const { code, stdout, requests } = await admin(["erase", ...PAIR, "--yes"], { body: ERASED });
  assert.equal(code, 0);
  assert.deepEqual(asked(requests[0]), [
    "POST",
    "/admin/contacts/erase",
    "application/json",
    { from: "+15550100", to: "+15550199" },
  ]);
  for (const line of [
    /^erased the conversation of \+15550100 with \+15550199 at /,
    /turns +3$/m,
    /revisions in KV +3: deleted$/m,
    /waiting for a turn +1$/m,
    /opted out +yes: kept/m,
  ]) {
    assert.match(stdout, line);
  }
  const later = await admin(["erase", ...PAIR, "--yes"], {
    body: { ...ERASED, kv: "being_deleted" },
  });
  assert.match(later.stdout, /revisions in KV +3: being deleted/);
});

test("without a terminal and without --yes nothing is erased", async () => {
  const { code, stderr, requests } = await admin(["erase", ...PAIR], { body: ERASED });
  assert.deepEqual([code, requests], [1, []]);
  assert.match(stderr, /there is no terminal: add --yes to confirm/);
});

test("at a terminal erase asks, and only yes erases", {
  skip: !hasTerminal && "needs the program `script` of Linux",
}, async () => {
  const no = await admin(["erase", ...PAIR], { body: ERASED }, { typed: "y" });
  assert.match(no.text, /Erase the conversation of \+15550100 with \+15550199 at http:/);
  assert.match(no.text, /nothing was erased/);
  assert.deepEqual([no.code, no.requests], [1, []]);
  const yes = await admin(["erase", ...PAIR], { body: ERASED }, { typed: "yes" });
  assert.deepEqual([yes.code, yes.requests.map(({ url }) => url)], [0, ["/admin/contacts/erase"]]);
});

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
    /a command is missing\. Use usage, reset-budget, show, erase, hand-over, release or message/,
  ],
  "an unknown command": [
    ["delete"],
    /there is no command "delete"\. Use usage, reset-budget, show, erase, hand-over, release or message/,
  ],
  "an unknown option": [["usage", "--form", "x"], /Unknown option '--form'/],
  "a token as an option": [["usage", "--token", "x"], /Unknown option '--token'/],
  "more words": [["usage", "today"], /usage takes only options, not "today"/],
  "an option of another command": [["usage", "--from", "+15550100"], /usage does not take --from/],
  "--yes without erasing": [["show", ...PAIR, "--yes"], /show does not take --yes/],
  "--text without a message": [["release", ...PAIR, "--text", "x"], /release does not take --text/],
  "a message without a text": [["message", ...PAIR], /--text is missing/],
  "a message that is too long": [
    ["message", ...PAIR, "--text", "x".repeat(1601)],
    /--text must have at most 1600 characters/,
  ],
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
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, message);
  });
}

test("--help names the options, and needs no token", async () => {
  for (const args of [["--help"], ["-h"], ["show", "--help"]]) {
    const { code, stdout } = await checkout.run("admin", args);
    assert.equal(code, 0);
    for (const option of ["--from", "--to", "--channel", "--url", "--yes", "--json", "ADMIN_TOKEN"])
      assert.ok(stdout.includes(option), option);
  }
});

test("set-up creates a fresh ADMIN_TOKEN, and an old .dev.vars gains only the examples' secrets", async () => {
  const setUp = (place) =>
    capture(
      process.execPath,
      ["-e", 'import("./scripts/setup.mjs").then((setup) => setup.setUpDevVars())'],
      { cwd: place.directory },
    );
  const places = [new Checkout(), new Checkout()];
  const tokens = [];
  for (const place of places) {
    assert.equal((await setUp(place)).code, 0);
    const text = fs.readFileSync(place.devVars, "utf8");
    tokens.push(text.match(/^ADMIN_TOKEN=([0-9a-f]{64})$/m)?.[1]);
    await setUp(place);
    assert.equal(fs.readFileSync(place.devVars, "utf8"), text);
    assert.equal(fs.statSync(place.devVars).mode & 0o077, 0, "nobody else may read it");
  }
  assert.ok(tokens[0] && tokens[1]);
  assert.notEqual(tokens[0], tokens[1]);
  const old = new Checkout({ TWILIO_AUTH_TOKEN: "0".repeat(32) });
  await setUp(old);
  const lines = fs.readFileSync(old.devVars, "utf8").split("\n");
  assert.equal(lines[0], `TWILIO_AUTH_TOKEN=${"0".repeat(32)}`);
  const names = lines.slice(1).map((line) => line.split("=")[0]);
  assert.deepEqual(names, ["ORDERS_SECRET", "DESK_SECRET", "INTAKE_SECRET", ""]);
  for (const place of [...places, old]) place.remove();
});
