// `npm run admin` against a mock Worker: what it requests, and what it prints. Also: set-up creates
// its token.
//
// Not here: errors and mistakes (admin-errors), and admin against a real Worker (admin-worker).

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { capture } from "../../scripts/lib/run.mjs";
import { admin, checkout, ERASED, PAIR, RESET, STATE, TOKEN, USAGE } from "./admin.mjs";
import { Checkout, hasTerminal } from "./commands.mjs";

// The route and the contact of a request.
const asked = ({ method, url, headers, body }) => [
  method,
  url,
  headers["content-type"],
  JSON.parse(body),
];

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
    /by Twilio +1 errors, 2 warnings$/m,
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
    const text = command === "message" ? ["--text", " On its way ", "--id", "desk 7"] : [];
    const { code, stdout, requests } = await admin([command, ...PAIR, ...text], answer);
    assert.equal(code, 0, stdout);
    assert.match(stdout, says);
    const said = command === "message" ? { text: "On its way", id: "desk 7" } : {};
    const body = { from: "+15550100", to: "+15550199", ...said };
    assert.deepEqual(requests.map(asked), [
      ["POST", `/admin/contacts/${path}`, "application/json", body],
    ]);
  }
});

test("call has an assistant call somebody, and call-state tells how far it has come", async () => {
  const id = "0123456789abcdef".repeat(4);
  const answer = { status: 202, body: { id, state: "dialling" } };
  const wanted = ["call", "+15550100", "--assistant", "desk"];
  const made = await admin([...wanted, "--context", "Ready", "--from", "+15550199"], answer);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, new RegExp(`npm run admin -- call-state ${id} --url ${made.url}`));
  const body = { to: "+15550100", assistant: "desk", from: "+15550199", context: "Ready" };
  assert.deepEqual(made.requests.map(asked), [["POST", "/admin/calls", "application/json", body]]);
  for (const [body, says] of /** @type {const} */ ([
    [{ id, state: "talking" }, /^the call is talking$/m],
    [{ id, state: "ended", ended_by: "no_answer" }, /^the call is over, by no answer$/m],
  ])) {
    const { stdout, requests } = await admin(["call-state", id], { body });
    assert.match(stdout, says);
    assert.deepEqual([requests[0].method, requests[0].url], ["GET", `/admin/calls/${id}`]);
  }
});

test("a call that is not made says why", async () => {
  const wanted = ["call", "+15550100", "--assistant", "desk"];
  for (const [status, body, says] of /** @type {const} */ ([
    [
      409,
      "the person has opted out of messages with this number\n",
      /\(409\): the person has opted out/,
    ],
    [429, "MAX_DAILY_CALL_MINUTES is used up until midnight UTC\n", /no call is made \(429\)/],
    [
      404,
      "There is no such call, or it ended more than ten minutes ago\n",
      /There is no such call/,
    ],
  ])) {
    const { code, stderr } = await admin(wanted, { status, body });
    assert.equal(code, 1);
    assert.match(stderr, says);
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
