// The operators' commands, run as an operator runs them: connect against the pretend Twilio's REST API, doctor and admin
// against the Worker. What each of them says when something is wrong, and that doctor touches nothing.
//
// Not here: what admin prints and refuses by itself (admin), and the admin routes in full.

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { Examination } from "../../scripts/lib/examination.mjs";
import { freePort } from "../../scripts/lib/local.mjs";
import { Checkout, pretendWorker } from "./commands.mjs";
import {
  ACCOUNT,
  eventually,
  freshPair,
  SECRETS,
  SECURITY_HEADERS,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const ORIGIN = "https://switchboard.example";
const WEBHOOK = `${ORIGIN}/twilio/messages`;
const RETRIES = "#rc=3&rp=all";
const NUMBER = "+15550199";
const OTHER_TOKEN = crypto.randomBytes(16).toString("hex");

let playground, worker, checkout;

before(async () => {
  checkout = new Checkout();
  playground = await startPlayground();
  worker = await startWorker({ playground });
});

after(async () => {
  checkout?.remove();
  await playground?.close();
  await worker?.close();
});

beforeEach(async () => {
  await playground.resetNumbers();
  await playground.clearFaults();
  await playground.clearRequests();
});

// An environment that holds the account.
function account(more = {}) {
  return {
    TWILIO_ACCOUNT_SID: ACCOUNT,
    TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN,
    TWILIO_API_BASE_URL: playground.url,
    ...more,
  };
}

const connect = (args, env = account()) => checkout.run("connect", args, env);
const connectNumber = (number, args = [], env) =>
  connect(["--number", number, "--url", ORIGIN, ...args], env);
const changes = async () =>
  (await playground.requests("twilio")).filter(({ method }) => method === "POST");

async function numberNow(number) {
  return (await playground.account()).numbers.find(({ phone_number: other }) => other === number);
}

async function servicesNow() {
  // Asked for once, they are there.
  await connectNumber(NUMBER, ["--dry-run"]);
  return (await playground.account()).services;
}

// connect

test("connect sets a number's webhook with its retries, and shows what was and what is", async () => {
  const { code, stdout } = await connectNumber("+15550150");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^\+15550150 "another webhook, by GET" \(PN[0-9a-f]{32}\) of the account AC/,
  );
  assert.match(
    stdout,
    /SmsUrl +https:\/\/another\.example\/sms +https:\/\/switchboard\.example\/twilio\/messages#rc=3&rp=all$/m,
  );
  assert.match(stdout, /SmsMethod +GET +POST$/m);
  assert.match(stdout, /Changed 2 settings\./);
  const number = await numberNow("+15550150");
  assert.deepEqual(
    [number.sms_url, number.sms_method, number.status_callback],
    [WEBHOOK + RETRIES, "POST", ""],
  );
  // The list that was searched held a longer number before it.
  assert.equal((await numberNow("+155501501")).sms_url, "");
});

test("connect says what a number has no setting for: status callbacks and WhatsApp", async () => {
  const { stdout } = await connectNumber(NUMBER);
  assert.match(
    stdout,
    /each late answer names https:\/\/switchboard\.example\/twilio\/messages\/status; a number has no setting for it/,
  );
  assert.match(stdout, /WhatsApp: a sender's webhook is not the number's/);
});

test("connect changes nothing the second time", async () => {
  await connectNumber(NUMBER);
  const second = await connectNumber(NUMBER);
  assert.equal(second.code, 0);
  assert.match(second.stdout, /Nothing to change\./);
  assert.equal((await changes()).length, 1);
});

test("connect --dry-run changes nothing, and shows what would", async () => {
  const { code, stdout } = await connectNumber("+15550150", [
    "--dry-run",
    "--fallback",
    "https://fallback.example/sms",
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /would be$/m);
  assert.match(stdout, /SmsFallbackUrl +\(none\) +https:\/\/fallback\.example\/sms$/m);
  assert.match(stdout, /nothing was changed; 3 settings would be/);
  assert.deepEqual(await changes(), []);
  assert.equal((await numberNow("+15550150")).sms_method, "GET");
});

test("connect sets a fallback when it is given, and leaves it alone when not", async () => {
  await connectNumber(NUMBER, ["--fallback", "https://fallback.example/sms?a=b"]);
  assert.equal((await numberNow(NUMBER)).sms_fallback_url, "https://fallback.example/sms?a=b");
  await connectNumber(NUMBER, []);
  assert.equal((await numberNow(NUMBER)).sms_fallback_url, "https://fallback.example/sms?a=b");
});

test("connect says that a Messaging Service decides for a number, and how to change that", async () => {
  const { code, stdout } = await connectNumber("+15550153");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^ATTENTION: .* whose webhook wins: inbound messages go to https:\/\/another\.example\/service\.$/m,
  );
  const advice = stdout.match(
    /npm run connect -- (--messaging-service MG[0-9a-f]{32} --url \S+)$/m,
  )[1];
  assert.equal((await connect(advice.split(" "))).code, 0);
  assert.match((await connectNumber("+15550153")).stdout, /whose webhook wins, and leads here too/);
});

test("connect says that a service leaves inbound messages to its numbers, and that a number is in none", async () => {
  assert.match(
    (await connectNumber("+15550154")).stdout,
    /leaves inbound messages to the numbers' own webhooks/,
  );
  assert.match((await connectNumber(NUMBER)).stdout, /the number is in none/);
});

test("connect sets a number even when it cannot be told whether a service decides", async () => {
  await playground.fault({ service: "twilio", status: 500, contains: "/v1/Services" });
  const { code, stdout } = await connectNumber(NUMBER);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /it could not be told whether the number is in one .* the service's webhook wins/,
  );
  assert.equal((await numberNow(NUMBER)).sms_url, WEBHOOK + RETRIES);
});

test("connect sets the webhooks of a Messaging Service, status callback included", async () => {
  const deferring = (await servicesNow())[1];
  const args = ["--messaging-service", deferring.sid, "--url", ORIGIN];
  const { code, stdout } = await connect(args);
  assert.equal(code, 0);
  assert.match(stdout, /UseInboundWebhookOnNumber +true +false$/m);
  assert.match(
    stdout,
    /StatusCallback +\(none\) +https:\/\/switchboard\.example\/twilio\/messages\/status$/m,
  );
  const after = (await playground.account()).services[1];
  assert.deepEqual(
    [
      after.inbound_request_url,
      after.inbound_method,
      after.status_callback,
      after.use_inbound_webhook_on_number,
    ],
    [WEBHOOK + RETRIES, "POST", `${WEBHOOK}/status`, false],
  );
  assert.match((await connect(args)).stdout, /Nothing to change\./);
});

// An environment in which requests to ORIGIN reach the Worker of these tests, as those to a deployed one would.
function reaching(target) {
  const script = `const real = fetch; globalThis.fetch = (url, options) => real(String(url).replace("${ORIGIN}", "${target}"), options);`;
  return account({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` });
}

test("connect asks the Worker whether it takes what is signed for the URL that Twilio is given, and says what to set if not", async () => {
  await worker.reconfigure({ PUBLIC_URL: ORIGIN });
  const senders = worker.objects("SenderObject").length;
  const agrees = await connectNumber(NUMBER, [], reaching(worker.url));
  assert.equal(agrees.code, 0, agrees.text);
  assert.match(
    agrees.stdout,
    /^Worker: it takes what is signed for https:\/\/switchboard\.example\.$/m,
  );
  assert.doesNotMatch(agrees.stdout, /ATTENTION/);
  await worker.reconfigure({ PUBLIC_URL: "https://another.example" });
  const service = (await servicesNow())[0].sid;
  for (const of of [
    ["--number", NUMBER],
    ["--messaging-service", service],
  ]) {
    const refuses = await connect([...of, "--url", ORIGIN], reaching(worker.url));
    assert.equal(refuses.code, 0, refuses.text);
    assert.match(
      refuses.stdout,
      /^ATTENTION: the Worker refuses what is signed for https:\/\/switchboard\.example \(403\): its PUBLIC_URL is another origin/m,
    );
    assert.match(refuses.stdout, /^ {2}PUBLIC_URL = "https:\/\/switchboard\.example"$/m);
  }
  assert.equal(worker.objects("SenderObject").length, senders, "no sender is touched");
  await worker.reconfigure({});
});

test("connect says that it is no Switchboard that answers, or that nothing does", async () => {
  const other = await pretendWorker(() => ({ status: 404, body: "No such site" }));
  assert.match(
    (await connectNumber(NUMBER, [], reaching(other.url))).stdout,
    /^ATTENTION: a signed probe gets an answer .* not Switchboard's, .*: 404 No such site\.$/m,
  );
  await other.close();
  const nobody = await connectNumber(NUMBER, [], reaching(other.url));
  assert.equal(nobody.code, 0);
  assert.match(
    nobody.stdout,
    /^Worker: it could not be told whether it takes what is signed for /m,
  );
});

const CONNECT_FAILURES = {
  "a number that the account does not have": [
    ["--number", "+15550100", "--url", ORIGIN],
    /has no number \+15550100/,
  ],
  "a part of a number of the account": [
    ["--number", "+1555015", "--url", ORIGIN],
    /has no number \+1555015/,
  ],
  "a number without text messages": [
    ["--number", "+15550152", "--url", ORIGIN],
    /\+15550152 cannot receive text messages/,
  ],
  "a Messaging Service that the account does not have": [
    ["--messaging-service", `MG${"0".repeat(32)}`, "--url", ORIGIN],
    /has no Messaging Service MG0/,
  ],
};

for (const [what, [args, message]] of Object.entries(CONNECT_FAILURES)) {
  test(`connect: ${what} is said, and nothing is changed`, async () => {
    const { code, stderr } = await connect(args);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.deepEqual(await changes(), []);
  });
}

const CONNECT_MISTAKES = {
  "neither number nor service": [["--url", ORIGIN], /--number is missing/],
  "number and service": [
    ["--number", NUMBER, "--messaging-service", `MG${"0".repeat(32)}`, "--url", ORIGIN],
    /two different things/,
  ],
  "a number that is none": [
    ["--number", "5550199", "--url", ORIGIN],
    /--number must be a phone number .* not "5550199"/,
  ],
  "a WhatsApp sender": [
    ["--number", "whatsapp:+15550199", "--url", ORIGIN],
    /WhatsApp senders are no numbers of the account/,
  ],
  "a service that is none": [
    ["--messaging-service", "MG1", "--url", ORIGIN],
    /--messaging-service must be MG and 32 hex digits, not "MG1"/,
  ],
  "no URL": [["--number", NUMBER], /--url is missing/],
  "plain http": [
    ["--number", NUMBER, "--url", "http://switchboard.example"],
    /--url must be https: Twilio's servers fetch it/,
  ],
  "a Worker on this machine": [
    ["--number", NUMBER, "--url", "https://127.0.0.1:8787"],
    /--url must be public: Twilio's servers cannot reach 127\.0\.0\.1:8787/,
  ],
  "a URL with a path": [
    ["--number", NUMBER, "--url", WEBHOOK],
    /--url must be an origin without a path, such as https:\/\/switchboard\.example,/,
  ],
  "a URL with retries of its own": [
    ["--number", NUMBER, "--url", `${ORIGIN}/#rc=2`],
    /--url must be an origin without a path/,
  ],
  "a fallback over plain http": [
    ["--number", NUMBER, "--url", ORIGIN, "--fallback", "http://fallback.example"],
    /--fallback must be https/,
  ],
  "an unknown option": [["--number", NUMBER, "--uri", ORIGIN], /Unknown option '--uri'/],
  "a token as an option": [
    ["--number", NUMBER, "--url", ORIGIN, "--auth-token", "x"],
    /Unknown option '--auth-token'/,
  ],
};

for (const [what, [args, message]] of Object.entries(CONNECT_MISTAKES)) {
  test(`connect: ${what} is refused before anything is asked`, async () => {
    const { code, stderr } = await connect(args);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.deepEqual(await playground.requests(), []);
  });
}

test("connect says that Twilio does not take the token", async () => {
  const { code, stderr } = await connectNumber(
    NUMBER,
    [],
    account({ TWILIO_AUTH_TOKEN: OTHER_TOKEN }),
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Twilio does not take TWILIO_AUTH_TOKEN for the account AC[0-9a-f]{32} \(401\): .* \(error 20003\)/,
  );
});

test("connect names the credential that is missing, and does not mix those of two places", async () => {
  const mixed = new Checkout({ TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN });
  const run = (env) =>
    mixed.run("connect", ["--number", NUMBER, "--url", ORIGIN], {
      TWILIO_API_BASE_URL: playground.url,
      ...env,
    });
  const none = await run({});
  assert.match(none.stderr, /TWILIO_ACCOUNT_SID is missing in the environment/);
  const half = await run({ TWILIO_ACCOUNT_SID: ACCOUNT });
  assert.match(
    half.stderr,
    /TWILIO_AUTH_TOKEN is missing in the environment, beside the other one/,
  );
  const malformed = await run({ TWILIO_ACCOUNT_SID: "AC1", TWILIO_AUTH_TOKEN: OTHER_TOKEN });
  assert.match(
    malformed.stderr,
    /TWILIO_ACCOUNT_SID \(from the environment\) must be AC and 32 hex digits/,
  );
  assert.deepEqual(
    [none.code, half.code, malformed.code, await playground.requests()],
    [1, 1, 1, []],
  );
  mixed.remove();
});

test("connect takes the account from .dev.vars, and of several tokens the first", async () => {
  const own = new Checkout(
    account({ TWILIO_AUTH_TOKEN: `${SECRETS.TWILIO_AUTH_TOKEN},${OTHER_TOKEN}` }),
  );
  const { code } = await own.run("connect", ["--number", NUMBER, "--url", ORIGIN]);
  own.remove();
  assert.deepEqual([code, (await numberNow(NUMBER)).sms_url], [0, WEBHOOK + RETRIES]);
});

test("connect sends the token over plain http to this machine only", async () => {
  const { code, stderr } = await connectNumber(
    NUMBER,
    [],
    account({ TWILIO_API_BASE_URL: "http://twilio.example" }),
  );
  assert.equal(code, 1);
  assert.match(stderr, /TWILIO_API_BASE_URL must be an https URL/);
});

test("connect does not follow a list to another host with the token", async () => {
  const elsewhere = await pretendWorker(() => ({ body: { incoming_phone_numbers: [] } }));
  const twilio = await pretendWorker(() => ({
    body: { incoming_phone_numbers: [], next_page_uri: `${elsewhere.url}/more` },
  }));
  const { code, stderr } = await connectNumber(
    NUMBER,
    [],
    account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  await elsewhere.close();
  assert.deepEqual([code, elsewhere.requests], [1, []]);
  assert.match(stderr, /goes on at another host/);
});

test("connect says what Twilio answered when it fails, and when it took the change and did not make it", async () => {
  for (const [fault, message] of [
    [{ status: 429 }, /too many requests at the moment \(429\)/],
    [{ status: 500 }, /Twilio refused: .* \(error 20500\)/],
    [{ body: "garbage" }, /Twilio refused: 200 /],
    [{ connection: "drop" }, /no answer from http:/],
  ]) {
    await playground.fault({ service: "twilio", contains: "IncomingPhoneNumbers", ...fault });
    const { code, stderr } = await connectNumber(NUMBER);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  const number = {
    sid: `PN${"0".repeat(32)}`,
    phone_number: NUMBER,
    sms_url: "",
    sms_method: "POST",
  };
  const twilio = await pretendWorker(({ method }) => ({
    body: method === "POST" ? number : { incoming_phone_numbers: [number] },
  }));
  const { code, stderr } = await connectNumber(
    NUMBER,
    [],
    account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  assert.equal(code, 1);
  assert.match(stderr, /SmsUrl did not become what was asked for/);
});

test("connect takes an application off the number, and shows no password of an old webhook", async () => {
  const number = {
    sid: `PN${"0".repeat(32)}`,
    phone_number: NUMBER,
    sms_url: "https://user:planted@old.example/sms",
    sms_method: "POST",
    sms_application_sid: `AP${"0".repeat(32)}`,
  };
  const twilio = await pretendWorker(({ method }) => {
    if (method === "POST")
      Object.assign(number, { sms_url: WEBHOOK + RETRIES, sms_application_sid: "" });
    return {
      body: method === "POST" ? number : { incoming_phone_numbers: [number], services: [] },
    };
  });
  const { code, text } = await connectNumber(
    NUMBER,
    [],
    account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  assert.equal(code, 0, text);
  assert.match(text, /SmsUrl +https:\/\/…@old\.example\/sms +https:\/\/switchboard/);
  assert.match(text, /SmsApplicationSid +AP0{32} +\(none\)$/m);
  assert.doesNotMatch(text, /planted/);
});

// doctor

const doctor = (args = [], env = { TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN }) =>
  checkout.run("doctor", ["--url", worker.url, ...args], env);

// What doctor said of each check: `{ health: "ok …" }`; of several lines about one check the first.
function findings({ stdout }) {
  const lines = [...stdout.matchAll(/^(ok|FAILED|unknown|note) +(\S+) +(.*)$/gm)].reverse();
  return Object.fromEntries(lines.map(([, state, check, text]) => [check, `${state} ${text}`]));
}

test("doctor finds nothing wrong with a Worker that is in order, and touches no sender", async () => {
  await worker.reconfigure({});
  const senders = worker.objects("SenderObject").length;
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
    /token and public URL agree: .* \(Bad request: MessageSid is missing\)$/,
  );
  const logged = await worker.loggedTimes(3, () => true, { since });
  assert.deepEqual(
    logged.map(({ details }) => details.kind),
    ["invalid_signature", "invalid_signature", "suspicious_request"],
  );
  assert.equal(worker.objects("SenderObject").length, senders);
  assert.deepEqual(await playground.requests(), []);
});

test("doctor says that the token or the public URL differs", async () => {
  const wrongToken = await doctor([], { TWILIO_AUTH_TOKEN: OTHER_TOKEN });
  assert.equal(wrongToken.code, 1);
  assert.match(
    findings(wrongToken).signed,
    /^FAILED .*TWILIO_AUTH_TOKEN there is not the one from the environment, or PUBLIC_URL there is not http:/,
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

test("doctor says that the token of .dev.vars may be only the local one", async () => {
  await worker.reconfigure({});
  const local = new Checkout({ TWILIO_AUTH_TOKEN: OTHER_TOKEN });
  const { code, stdout } = await local.run("doctor", ["--url", worker.url]);
  local.remove();
  assert.equal(code, 1);
  assert.match(
    stdout,
    /not the one from \.dev\.vars \(\.dev\.vars has the one of local development: give the account's in the environment\)/,
  );
});

test("doctor without a token does not know whether it agrees, and does not call that a failure", async () => {
  await worker.reconfigure({});
  const result = await doctor([], {});
  assert.match(
    findings(result).signed,
    /^unknown TWILIO_AUTH_TOKEN is neither in the environment nor in \.dev\.vars/,
  );
  assert.equal(result.code, 0, result.text);
});

test("doctor names the settings that are missing or wrong", async () => {
  await worker.reconfigure({ TWILIO_AUTH_TOKEN: null, MAX_DAILY_CALLS: "planted" });
  const result = await doctor();
  assert.equal(result.code, 1);
  assert.match(
    result.stdout,
    /^FAILED +health +TWILIO_AUTH_TOKEN is missing: put it right in \.dev\.vars/m,
  );
  assert.match(result.stdout, /^FAILED +health +MAX_DAILY_CALLS must /m);
  assert.doesNotMatch(result.stdout, /planted/);
  for (const check of ["unsigned", "forged", "signed"])
    assert.match(findings(result)[check], /^unknown /);
  await worker.reconfigure({});
});

test("doctor says that nothing listens, and that a server speaks no TLS", async () => {
  const nobody = await checkout.run("doctor", ["--url", `http://127.0.0.1:${await freePort()}`]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stdout, /^FAILED +reachable +nothing listens at/m);
  const noTls = await doctor(["--url", worker.url.replace("http:", "https:")]);
  assert.equal(noTls.code, 1);
  assert.match(noTls.stdout, /^FAILED +TLS +no TLS connection to /m);
});

// A Worker as doctor sees it, with one thing after the other wrong.
async function withPretendWorker({
  health,
  unsigned = 403,
  signed = [400, "Bad request: MessageSid is missing\n"],
  get = 405,
  other = 404,
  admin = 404,
  headers = SECURITY_HEADERS,
}) {
  const ok = { status: 200, body: { status: "ok", version: "9.9.9" } };
  const server = await pretendWorker(
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

const BROKEN = {
  "another version, which is no failure": [
    {},
    "version",
    /^note 9\.9\.9 is deployed, this checkout is \d/,
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
    /^FAILED a request that Twilio did not sign is answered with 200, not 403/,
    1,
  ],
  "forged requests that are taken in": [{ unsigned: 200 }, "forged", /^FAILED .* 200, not 403/, 1],
  "a signed probe that gets lost": [
    { signed: [502, "Bad gateway"] },
    "signed",
    /^FAILED a signed probe answers 502 \(Bad gateway\), not 400/,
    1,
  ],
  "a 400 of somebody else": [
    { signed: [400, "Bad request"] },
    "signed",
    /^FAILED a signed probe answers 400 \(Bad request\), not 400/,
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
    /^FAILED \/admin\/usage without a token answers 200/,
    1,
  ],
};

for (const [what, [wrong, check, finding, exitCode]] of Object.entries(BROKEN)) {
  test(`doctor finds ${what}`, async () => {
    const { code, findingsOf, text } = await withPretendWorker(wrong);
    assert.match(findingsOf[check] ?? "", finding, text);
    assert.equal(code, exitCode, text);
  });
}

test("doctor says how to set what a deployed Worker lacks", async (t) => {
  const faults = [
    { setting: "PSEUDONYM_KEY", problem: "is missing" },
    { setting: "MAX_DAILY_CALLS", problem: "must be a number" },
  ];
  const lines = [];
  t.mock.method(globalThis, "fetch", async () =>
    Response.json({ status: "misconfigured", version: "9.9.9", faults }, { status: 503 }),
  );
  t.mock.method(console, "log", (line) => lines.push(line));
  const examination = new Examination(
    "https://switchboard.invalid",
    "https://switchboard.invalid",
    () => "",
  );
  await examination.worker();
  t.mock.restoreAll();
  const text = lines.join("\n");
  assert.match(text, /^FAILED +TLS +no TLS connection: /m);
  assert.match(
    text,
    /^FAILED +health +PSEUDONYM_KEY is missing: npx wrangler secret put PSEUDONYM_KEY$/m,
  );
  assert.match(
    text,
    /^FAILED +health +MAX_DAILY_CALLS must be a number: put it right in \[vars\] of wrangler\.toml, and npm run deploy$/m,
  );
});

test("doctor sends no signed request to what is no Switchboard", async () => {
  const { findingsOf } = await withPretendWorker({ health: { status: 404, body: "Not found" } });
  for (const check of ["unsigned", "forged", "signed"])
    assert.match(findingsOf[check], /^unknown not asked, as it is no Switchboard/);
});

const doctorNumber = (number, env = account()) =>
  doctor(["--public-url", ORIGIN, "--number", number], env);

test("doctor sees that a number points here, with retries or without", async () => {
  await worker.reconfigure({ PUBLIC_URL: ORIGIN });
  await connectNumber(NUMBER);
  const connected = await doctorNumber(NUMBER);
  assert.equal(connected.code, 0, connected.text);
  assert.match(
    findings(connected).number,
    /^ok \+15550199 points to https:\/\/switchboard\.example\/twilio\/messages$/,
  );
  assert.equal(findings(connected).retries, undefined);
  const uri = (await numberNow(NUMBER)).uri;
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
  "+15550151": /^FAILED an application \(AP[0-9a-f]{32}\) decides for \+15550151/,
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

test("doctor finds a number that asks by GET", async () => {
  await connectNumber(NUMBER);
  await setByHand((await numberNow(NUMBER)).uri, { SmsMethod: "GET" });
  const result = await doctorNumber(NUMBER);
  assert.match(findings(result).number, /^FAILED \+15550199 asks by GET, not by POST/);
  assert.equal(result.code, 1);
});

test("doctor follows the Messaging Service of a number, where it decides", async () => {
  const [deciding] = await servicesNow();
  await connect(["--messaging-service", deciding.sid, "--url", ORIGIN]);
  assert.match(
    findings(await doctorNumber("+15550153")).number,
    /^ok the Messaging Service MG[0-9a-f]{32} of \+15550153 points to https:/,
  );
  await connectNumber("+15550154");
  assert.match(findings(await doctorNumber("+15550154")).number, /^ok \+15550154 points to https:/);
});

test("doctor without the account does not know where a number points", async () => {
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

const DOCTOR_MISTAKES = {
  "no URL": [[], /--url is missing/],
  "plain http to another machine": [["--url", "http://switchboard.example"], /--url must be https/],
  "a URL with a path": [["--url", WEBHOOK], /--url must be an origin without a path/],
  "a number that is none": [
    ["--url", ORIGIN, "--number", "0199"],
    /--number must be a phone number/,
  ],
  "an unknown option": [["--url", ORIGIN, "--fix"], /Unknown option '--fix'/],
};

for (const [what, [args, message]] of Object.entries(DOCTOR_MISTAKES)) {
  test(`doctor: ${what} is refused`, async () => {
    const { code, stdout, stderr } = await checkout.run("doctor", args);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, message);
  });
}

test("connect and doctor tell their options when asked for help", async () => {
  for (const [name, options] of [
    [
      "connect",
      ["--number", "--messaging-service", "--url", "--fallback", "--dry-run", "TWILIO_ACCOUNT_SID"],
    ],
    ["doctor", ["--url", "--public-url", "--number", "TWILIO_AUTH_TOKEN"]],
  ]) {
    const { code, stdout } = await checkout.run(name, ["--help"]);
    assert.equal(code, 0);
    for (const option of options) assert.ok(stdout.includes(option), `${name} ${option}`);
  }
});

// admin

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
  // What came of a turn may be counted as late as with the sender's next one.
  await worker.sendMessage({ ...pair, body: "Hello again" });
  const after = await eventually("both messages to be counted", async () => {
    const now = await usage();
    return (
      now.messages_in === before.messages_in + 2 &&
      now.answers.inline > before.answers.inline &&
      now
    );
  });
  assert.equal(after.model_requests.used, before.model_requests.used + 2);
  assert.equal(after.refusals.invalid_signature, before.refusals.invalid_signature + 1);
  assert.ok(after.tokens.prompt > before.tokens.prompt);
  assert.match((await admin(["usage"])).stdout, /^usage of \d{4}-\d\d-\d\d \(UTC\) at http:/);
});

test("admin shows a sender and erases it", async () => {
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

test("admin is refused with another token, and finds no routes where there is none", async () => {
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

test("admin says how long to wait after too many wrong tokens", async () => {
  await worker.restart({});
  const wrong = { ADMIN_TOKEN: crypto.randomBytes(32).toString("hex") };
  let last;
  for (let attempt = 0; attempt < 6; attempt += 1) last = await admin(["usage"], wrong);
  assert.equal(last.code, 1);
  assert.match(last.stderr, /\(429\): wait (\d+(\.\d)?|1 min 0) s and try again/);
});
