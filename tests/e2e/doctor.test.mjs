// `npm run doctor` against a real Worker and against mock ones: what it finds, what it prints, and
// that it changes nothing.
//
// Not here: how a number is connected (connect).

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Checks } from "../../scripts/lib/checks.mjs";
import { freePort } from "../../scripts/lib/local.mjs";
import { Checkout, findings, mockWorker } from "./commands.mjs";
import { NUMBER, ORIGIN, OTHER_TOKEN, startDeployment, WEBHOOK } from "./deployment.mjs";
import { ACCOUNT, SECRETS, SECURITY_HEADERS } from "./harness.mjs";

let deployment, playground, worker, checkout;

before(async () => {
  deployment = await startDeployment();
  ({ playground, worker, checkout } = deployment);
});

after(() => deployment?.close());

beforeEach(() => deployment.reset());

/**
 * @param {string[]} [args]
 * @param {NodeJS.ProcessEnv} [env]
 */
const doctor = (args = [], env = { TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN }) =>
  checkout.run("doctor", ["--url", worker.url, ...args], env);

test("doctor finds nothing wrong with a healthy Worker, and reaches no thread", async () => {
  await worker.reconfigure({});
  const threads = worker.objects("ThreadObject").length;
  const since = await worker.mark();
  const result = await doctor();
  const found = findings(result);
  assert.equal(result.code, 0, result.text);
  assert.doesNotMatch(result.stdout, /^(FAILED|unknown)/m);
  for (const check of [
    "TLS",
    "health",
    "version",
    "method",
    "routes",
    "unsigned",
    "forged",
    "signed",
    "headers",
  ])
    assert.match(found[check] ?? "", /^ok /, `${check}: ${result.stdout}`);
  assert.match(
    found.signed,
    /token and public URL match: .* \(Bad request: MessageSid is missing\)$/,
  );
  const logged = await worker.loggedTimes(3, () => true, { since });
  assert.deepEqual(
    logged.map(({ details }) => details.kind),
    ["invalid_signature", "invalid_signature", "suspicious_request"],
  );
  assert.equal(worker.objects("ThreadObject").length, threads);
  assert.deepEqual(await playground.requests(), []);
});

test("doctor reports a different token or public URL", async () => {
  const wrongToken = await doctor([], { TWILIO_AUTH_TOKEN: OTHER_TOKEN });
  assert.equal(wrongToken.code, 1);
  assert.match(
    findings(wrongToken).signed,
    /^FAILED .*its TWILIO_AUTH_TOKEN is not the one from the environment, or its PUBLIC_URL is not http:/,
  );

  await worker.reconfigure({ PUBLIC_URL: ORIGIN });
  const otherOrigin = await doctor();
  assert.equal(otherOrigin.code, 1);
  assert.match(findings(otherOrigin).signed, /^FAILED /);
  const told = await doctor(["--public-url", ORIGIN]);
  assert.deepEqual([told.code, findings(told).signed.slice(0, 3)], [0, "ok "], told.text);
  const local = new Checkout({
    PUBLIC_URL: ORIGIN,
    TWILIO_AUTH_TOKEN: `${SECRETS.TWILIO_AUTH_TOKEN},${OTHER_TOKEN}`,
  });
  const fromDevVars = await local.run("doctor", ["--url", worker.url]);
  local.remove();
  assert.deepEqual(
    [fromDevVars.code, findings(fromDevVars).signed.slice(0, 3)],
    [0, "ok "],
    fromDevVars.text,
  );
});

test("doctor explains that the token in .dev.vars may be only the local one", async () => {
  await worker.reconfigure({});
  const local = new Checkout({ TWILIO_AUTH_TOKEN: OTHER_TOKEN });
  const { code, stdout } = await local.run("doctor", ["--url", worker.url]);
  local.remove();
  assert.equal(code, 1);
  assert.match(
    stdout,
    /not the one from \.dev\.vars \(\.dev\.vars has the local development token: set the account's token in the environment\)/,
  );
});

test("without a token, doctor reports the signature check as unknown, not as failed", async () => {
  await worker.reconfigure({});
  const result = await doctor([], {});
  assert.match(
    findings(result).signed,
    /^unknown TWILIO_AUTH_TOKEN is neither in the environment nor in \.dev\.vars/,
  );
  assert.equal(result.code, 0, result.text);
});

test("doctor names missing and wrong settings", async () => {
  await worker.reconfigure({ TWILIO_AUTH_TOKEN: null, MAX_DAILY_CALLS: "planted" });
  const result = await doctor();
  assert.equal(result.code, 1);
  assert.match(
    result.stdout,
    /^FAILED +health +TWILIO_AUTH_TOKEN is missing: fix it in \.dev\.vars/m,
  );
  assert.match(result.stdout, /^FAILED +health +MAX_DAILY_CALLS must /m);
  assert.doesNotMatch(result.stdout, /planted/);
  for (const check of ["unsigned", "forged", "signed"])
    assert.match(findings(result)[check], /^unknown /);
  await worker.reconfigure({});
});

test("doctor reports that nothing listens, and that a server does not speak TLS", async () => {
  const nobody = await checkout.run("doctor", ["--url", `http://127.0.0.1:${await freePort()}`]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stdout, /^FAILED +reachable +nothing listens at/m);
  const noTls = await doctor(["--url", worker.url.replace("http:", "https:")]);
  assert.equal(noTls.code, 1);
  assert.match(noTls.stdout, /^FAILED +TLS +no TLS connection to /m);
});

/**
 * Runs doctor against a mock Worker in which something may be wrong.
 *
 * @typedef {object} Behaviour
 * @property {import("./commands.mjs").Answer} [health]
 * @property {number} [unsigned]
 * @property {[number, string]} [signed]
 * @property {number} [get]
 * @property {number} [other]
 * @property {number} [admin]
 * @property {Record<string, string>} [headers]
 *
 * @param {Behaviour} behaviour
 */
async function withMockWorker({
  health,
  unsigned = 403,
  signed = [400, "Bad request: MessageSid is missing\n"],
  get = 405,
  other = 404,
  admin = 404,
  headers = SECURITY_HEADERS,
}) {
  const ok = { status: 200, body: { status: "ok", version: "9.9.9" } };
  const server = await mockWorker(
    ({ method, url, headers: { "x-twilio-signature": signature } }) => {
      const [status, body = ""] = (() => {
        if (url === "/admin/usage") return [admin];
        if (url !== "/twilio/messages") return [other];
        if (method === "GET") return [get];
        // The forged request is the one before the last.
        if (!signature) return [unsigned];
        seen += 1;
        return seen > 1 ? signed : [unsigned];
      })();
      const answer = url === "/health" ? (health ?? ok) : { status, body };
      return {
        ...answer,
        headers: {
          ...headers,
          ...(method === "GET" && url === "/twilio/messages" && { Allow: "POST" }),
        },
      };
    },
  );
  let seen = 0;
  const result = await checkout.run("doctor", ["--url", server.url], {
    TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN,
  });
  await server.close();
  return { ...result, findingsOf: findings(result) };
}

/** @type {Record<string, [Behaviour, string, RegExp, number]>} */
const BROKEN = {
  "another version, which is no failure": [
    {},
    "version",
    /^note 9\.9\.9 is deployed, but this checkout is \d/,
    0,
  ],
  "a site that answers everything": [
    { health: { status: 200, body: "Welcome" } },
    "health",
    /^FAILED \/health answers 200 \(Welcome\), which is not Switchboard's/,
    1,
  ],
  "unsigned requests that are taken in": [
    { unsigned: 200 },
    "unsigned",
    /^FAILED a request that Twilio did not sign gets 200, not 403/,
    1,
  ],
  "forged requests that are taken in": [{ unsigned: 200 }, "forged", /^FAILED .* 200, not 403/, 1],
  "a signed probe that gets lost": [
    { signed: [502, "Bad gateway"] },
    "signed",
    /^FAILED a signed request gets 502 \(Bad gateway\), not 400/,
    1,
  ],
  "a 400 of somebody else": [
    { signed: [400, "Bad request"] },
    "signed",
    /^FAILED a signed request gets 400 \(Bad request\), not 400/,
    1,
  ],
  "a webhook that answers GET": [
    { get: 200 },
    "method",
    /^FAILED GET \/twilio\/messages answers 200, not 405/,
    1,
  ],
  "a page for every path": [
    { other: 200 },
    "routes",
    /^FAILED an unknown path answers 200, not 404/,
    1,
  ],
  "a header that something in front takes away": [
    { headers: Object.fromEntries(Object.entries(SECURITY_HEADERS).slice(1)) },
    "headers",
    /^FAILED missing: X-Content-Type-Options of GET \/health \(200\), /,
    1,
  ],
  "admin routes without ADMIN_TOKEN": [{ admin: 404 }, "admin", /^note ADMIN_TOKEN is not set/, 0],
  "admin routes that ask for it": [{ admin: 401 }, "admin", /^note ADMIN_TOKEN is set/, 0],
  "admin routes that cannot be asked": [
    { admin: 503 },
    "admin",
    /^unknown the Worker answers 503/,
    0,
  ],
  "admin routes that are open": [
    { admin: 200 },
    "admin",
    /^FAILED \/admin\/usage without a token gets 200/,
    1,
  ],
};

for (const [what, [wrong, check, finding, exitCode]] of Object.entries(BROKEN)) {
  test(`doctor finds ${what}`, async () => {
    const { code, findingsOf, text } = await withMockWorker(wrong);
    assert.match(findingsOf[check] ?? "", finding, text);
    assert.equal(code, exitCode, text);
  });
}

test("doctor prints how to mend the settings and files of a deployed Worker", async (t) => {
  const errors = [
    { setting: "PSEUDONYM_KEY", problem: "is missing" },
    { setting: "MAX_DAILY_CALLS", problem: "must be a number" },
    { setting: "OPENAI_EXTRA_HEADERS", problem: "must be a JSON object" },
    { setting: "ORDERS_SECRET", problem: "is missing, but assistants/bakery.toml names it" },
    { file: "assistants/bakery.toml", line: 3, field: "promt", problem: "is not a field here" },
  ];
  const lines = [];
  t.mock.method(globalThis, "fetch", async () =>
    Response.json({ status: "misconfigured", version: "9.9.9", errors }, { status: 503 }),
  );
  t.mock.method(console, "log", (line) => lines.push(line));
  const checks = new Checks("https://switchboard.invalid", "https://switchboard.invalid", () => "");
  await checks.worker();
  t.mock.restoreAll();
  const text = lines.join("\n");
  assert.match(text, /^FAILED +TLS +no TLS connection: /m);
  assert.match(
    text,
    /^FAILED +health +PSEUDONYM_KEY is missing: npx wrangler secret put PSEUDONYM_KEY$/m,
  );
  assert.match(
    text,
    /^FAILED +health +MAX_DAILY_CALLS must be a number: fix it in \[vars\] of wrangler\.toml, then npm run deploy$/m,
  );
  for (const secret of ["OPENAI_EXTRA_HEADERS", "ORDERS_SECRET"])
    assert.match(text, new RegExp(`${secret} .*: npx wrangler secret put ${secret}$`, "m"));
  assert.match(
    text,
    /^FAILED +health +assistants\/bakery\.toml:3: promt is not a field here: fix it, then npm run deploy$/m,
  );
});

test("doctor sends no signed request to a server that is not Switchboard", async () => {
  const { findingsOf } = await withMockWorker({ health: { status: 404, body: "Not found" } });
  for (const check of ["unsigned", "forged", "signed"])
    assert.match(findingsOf[check], /^unknown not checked: this is not Switchboard/);
});

const doctorNumber = (number, env = deployment.account()) =>
  doctor(["--public-url", ORIGIN, "--number", number], env);

test("doctor finds a number that points to the Worker, with retries or without", async () => {
  await worker.reconfigure({ PUBLIC_URL: ORIGIN });
  await deployment.connectNumber(NUMBER);
  const connected = await doctorNumber(NUMBER);
  assert.equal(connected.code, 0, connected.text);
  assert.match(
    findings(connected).number,
    /^ok \+15550199 points to https:\/\/switchboard\.example\/twilio\/messages$/,
  );
  assert.equal(findings(connected).retries, undefined);
  const uri = (await deployment.numberNow(NUMBER)).uri;
  await setByHand(uri, { SmsUrl: WEBHOOK });
  const bare = await doctorNumber(NUMBER);
  assert.equal(bare.code, 0, bare.text);
  assert.match(
    findings(bare).retries,
    /^note without #rc=3&rp=all .* npm run connect -- --number \+15550199 --url https:\/\/switchboard\.example$/,
  );
});

const POINTS_ELSEWHERE = {
  "+15550199":
    /^FAILED \+15550199 points to nothing, not to https:.* npm run connect -- --number \+15550199 --url https:\/\/switchboard\.example$/,
  "+15550150": /^FAILED \+15550150 points to https:\/\/another\.example\/sms, not to /,
  "+15550151":
    /^FAILED an application \(AP[0-9a-f]{32}\) takes precedence over the webhook of \+15550151/,
  "+15550153":
    /^FAILED the Messaging Service MG[0-9a-f]{32} of \+15550153 points to https:\/\/another\.example\/service, .* --messaging-service MG[0-9a-f]{32} --url/,
  "+15550100": /^FAILED the account AC[0-9a-f]{32} has no number \+15550100/,
};

for (const [number, finding] of Object.entries(POINTS_ELSEWHERE)) {
  test(`doctor finds that ${number} does not point here`, async () => {
    const result = await doctorNumber(number);
    assert.match(findings(result).number, finding);
    assert.equal(result.code, 1);
  });
}

test("doctor finds a number that uses GET", async () => {
  await deployment.connectNumber(NUMBER);
  await setByHand((await deployment.numberNow(NUMBER)).uri, { SmsMethod: "GET" });
  const result = await doctorNumber(NUMBER);
  assert.match(findings(result).number, /^FAILED \+15550199 uses GET, not POST/);
  assert.equal(result.code, 1);
});

test("doctor follows the Messaging Service of a number if it takes precedence", async () => {
  const [deciding] = await deployment.servicesNow();
  await deployment.connect(["--messaging-service", deciding.sid, "--url", ORIGIN]);
  assert.match(
    findings(await doctorNumber("+15550153")).number,
    /^ok the Messaging Service MG[0-9a-f]{32} of \+15550153 points to https:/,
  );
  await deployment.connectNumber("+15550154");
  assert.match(findings(await doctorNumber("+15550154")).number, /^ok \+15550154 points to https:/);
});

test("without the account, doctor reports a number as unknown", async () => {
  const result = await doctorNumber(NUMBER, { TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN });
  assert.match(
    findings(result).number,
    /^unknown TWILIO_ACCOUNT_SID is missing in the environment/,
  );
  assert.equal(result.code, 0, result.text);
});

async function setByHand(uri, settings) {
  const response = await fetch(playground.url + uri, {
    method: "POST",
    headers: {
      Authorization: `Basic ${Buffer.from(`${ACCOUNT}:${SECRETS.TWILIO_AUTH_TOKEN}`).toString("base64")}`,
    },
    body: new URLSearchParams(settings),
  });
  assert.equal(response.status, 200, await response.text());
}

/** @type {Record<string, [string[], RegExp]>} */
const DOCTOR_MISTAKES = {
  "no URL": [[], /--url is missing/],
  "plain http to another machine": [["--url", "http://switchboard.example"], /--url must be https/],
  "a URL with a path": [["--url", WEBHOOK], /--url must be an origin without a path/],
  "an invalid number": [["--url", ORIGIN, "--number", "0199"], /--number must be a phone number/],
  "an unknown option": [["--url", ORIGIN, "--fix"], /unknown option --fix;/],
};

for (const [what, [args, message]] of Object.entries(DOCTOR_MISTAKES)) {
  test(`doctor: ${what} is rejected`, async () => {
    const { code, stdout, stderr } = await checkout.run("doctor", args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  });
}

test("doctor: a wrong PUBLIC_URL in .dev.vars is no mistake of the command line", async () => {
  const own = new Checkout({ PUBLIC_URL: "switchboard.example" });
  const { code, stderr } = await own.run("doctor", ["--url", "http://127.0.0.1:1"]);
  own.remove();
  assert.equal(code, 1);
  assert.match(stderr, /PUBLIC_URL must be a URL, such as /);
});

test("doctor --help names the options", async () => {
  const { code, stdout } = await checkout.run("doctor", ["--help"]);
  assert.equal(code, 0);
  for (const option of ["--url", "--public-url", "--number", "TWILIO_AUTH_TOKEN"])
    assert.ok(stdout.includes(option), option);
});
