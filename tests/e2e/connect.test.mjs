// `npm run connect` against the mock Twilio REST API: what it changes, what it prints, and each
// error.
//
// Not here: whether a deployment is in order (doctor).

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Checkout, mockWorker } from "./commands.mjs";
import { NUMBER, ORIGIN, OTHER_TOKEN, RETRIES, startDeployment, WEBHOOK } from "./deployment.mjs";
import { ACCOUNT, SECRETS } from "./harness.mjs";

let deployment, playground, worker, checkout;

before(async () => {
  deployment = await startDeployment();
  ({ playground, worker, checkout } = deployment);
});

after(() => deployment?.close());

beforeEach(() => deployment.reset());

test("connect sets a number's webhook with its retries, and shows the old and new values", async () => {
  const { code, stdout } = await deployment.connectNumber("+15550150");
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
  const number = await deployment.numberNow("+15550150");
  assert.deepEqual(
    [number.sms_url, number.sms_method, number.status_callback],
    [WEBHOOK + RETRIES, "POST", ""],
  );
  // A longer number comes first in the list that is searched.
  assert.equal((await deployment.numberNow("+155501501")).sms_url, "");
});

test("connect explains what is not a setting of a number: status callbacks and WhatsApp", async () => {
  const { stdout } = await deployment.connectNumber(NUMBER);
  assert.match(
    stdout,
    /each message that the Worker sends names https:\/\/switchboard\.example\/twilio\/messages\/status; a number has no such setting/,
  );
  assert.match(stdout, /WhatsApp: a sender has its own webhook/);
});

test("connect changes nothing the second time", async () => {
  await deployment.connectNumber(NUMBER);
  const second = await deployment.connectNumber(NUMBER);
  assert.equal(second.code, 0);
  assert.match(second.stdout, /Nothing to change\./);
  assert.equal((await deployment.changes()).length, 1);
});

test("connect --dry-run changes nothing, and shows what would change", async () => {
  const { code, stdout } = await deployment.connectNumber("+15550150", [
    "--dry-run",
    "--fallback",
    "https://fallback.example/sms",
  ]);
  assert.equal(code, 0);
  assert.match(stdout, /would be$/m);
  assert.match(stdout, /SmsFallbackUrl +\(none\) +https:\/\/fallback\.example\/sms$/m);
  assert.match(stdout, /nothing was changed; 3 settings would be/);
  assert.deepEqual(await deployment.changes(), []);
  assert.equal((await deployment.numberNow("+15550150")).sms_method, "GET");
});

test("connect sets a fallback if one is given, and otherwise leaves it unchanged", async () => {
  await deployment.connectNumber(NUMBER, ["--fallback", "https://fallback.example/sms?a=b"]);
  assert.equal(
    (await deployment.numberNow(NUMBER)).sms_fallback_url,
    "https://fallback.example/sms?a=b",
  );
  await deployment.connectNumber(NUMBER, []);
  assert.equal(
    (await deployment.numberNow(NUMBER)).sms_fallback_url,
    "https://fallback.example/sms?a=b",
  );
});

test("connect reports that a Messaging Service takes precedence, and how to change that", async () => {
  const { code, stdout } = await deployment.connectNumber("+15550153");
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^ATTENTION: .* whose webhook takes precedence: inbound messages go to https:\/\/another\.example\/service\.$/m,
  );
  const advice = stdout.match(
    /npm run connect -- (--messaging-service MG[0-9a-f]{32} --url \S+)$/m,
  )[1];
  assert.equal((await deployment.connect(advice.split(" "))).code, 0);
  assert.match(
    (await deployment.connectNumber("+15550153")).stdout,
    /whose webhook takes precedence and also points here/,
  );
});

test("connect reports a service that uses its numbers' webhooks, and a number that is not in a service", async () => {
  assert.match(
    (await deployment.connectNumber("+15550154")).stdout,
    /uses its numbers' own webhooks for inbound messages/,
  );
  assert.match((await deployment.connectNumber(NUMBER)).stdout, /the number is not in one/);
});

test("connect sets a number even if it cannot find out whether a service takes precedence", async () => {
  await playground.fault({ service: "twilio", status: 500, contains: "/v1/Services" });
  const { code, stdout } = await deployment.connectNumber(NUMBER);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /unknown whether the number is in one .* the service's webhook takes precedence/,
  );
  assert.equal((await deployment.numberNow(NUMBER)).sms_url, WEBHOOK + RETRIES);
});

test("connect sets the webhooks of a Messaging Service, status callback included", async () => {
  const deferring = (await deployment.servicesNow())[1];
  const args = ["--messaging-service", deferring.sid, "--url", ORIGIN];
  const { code, stdout } = await deployment.connect(args);
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
  assert.match((await deployment.connect(args)).stdout, /Nothing to change\./);
});

// An environment in which requests to ORIGIN reach the Worker of these tests.
function reaching(target) {
  const script = `const real = fetch; globalThis.fetch = (url, options) => real(String(url).replace("${ORIGIN}", "${target}"), options);`;
  return deployment.account({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}`,
  });
}

test("connect tests whether the Worker accepts signatures for the new URL, and prints what to set if it does not", async () => {
  await worker.reconfigure({ PUBLIC_URL: ORIGIN });
  const threads = worker.objects("ThreadObject").length;
  const accepted = await deployment.connectNumber(NUMBER, [], reaching(worker.url));
  assert.equal(accepted.code, 0, accepted.text);
  assert.match(
    accepted.stdout,
    /^Worker: it accepts signatures for https:\/\/switchboard\.example\.$/m,
  );
  assert.doesNotMatch(accepted.stdout, /ATTENTION/);
  await worker.reconfigure({ PUBLIC_URL: "https://another.example" });
  const service = (await deployment.servicesNow())[0].sid;
  for (const of of [
    ["--number", NUMBER],
    ["--messaging-service", service],
  ]) {
    const rejected = await deployment.connect([...of, "--url", ORIGIN], reaching(worker.url));
    assert.equal(rejected.code, 0, rejected.text);
    assert.match(
      rejected.stdout,
      /^ATTENTION: the Worker rejects signatures for https:\/\/switchboard\.example \(403\): its PUBLIC_URL or its TWILIO_AUTH_TOKEN is different/m,
    );
    assert.match(rejected.stdout, /^ {2}PUBLIC_URL = "https:\/\/switchboard\.example"$/m);
  }
  assert.equal(worker.objects("ThreadObject").length, threads, "no thread is touched");
  await worker.reconfigure({});
});

test("connect reports that the server is not Switchboard, or that nothing answers", async () => {
  const other = await mockWorker(() => ({ status: 404, body: "No such site" }));
  assert.match(
    (await deployment.connectNumber(NUMBER, [], reaching(other.url))).stdout,
    /^ATTENTION: the answer of .* is not Switchboard's, .*: 404 No such site\.$/m,
  );
  await other.close();
  const nobody = await deployment.connectNumber(NUMBER, [], reaching(other.url));
  assert.equal(nobody.code, 0);
  assert.match(nobody.stdout, /^Worker: unknown whether it accepts signatures for /m);
});

/** @type {Record<string, [string[], RegExp]>} */
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
  test(`connect: ${what} is reported, and nothing is changed`, async () => {
    const { code, stderr } = await deployment.connect(args);
    assert.equal(code, 1);
    assert.match(stderr, message);
    assert.deepEqual(await deployment.changes(), []);
  });
}

/** @type {Record<string, [string[], RegExp]>} */
const CONNECT_MISTAKES = {
  "neither number nor service": [["--url", ORIGIN], /--number is missing/],
  "number and service": [
    ["--number", NUMBER, "--messaging-service", `MG${"0".repeat(32)}`, "--url", ORIGIN],
    /cannot be combined/,
  ],
  "an invalid number": [
    ["--number", "5550199", "--url", ORIGIN],
    /--number must be a phone number .* not "5550199"/,
  ],
  "a WhatsApp sender": [
    ["--number", "whatsapp:+15550199", "--url", ORIGIN],
    /A WhatsApp sender is not a phone number of the account/,
  ],
  "an invalid service": [
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
  "a URL with its own retries": [
    ["--number", NUMBER, "--url", `${ORIGIN}/#rc=2`],
    /--url must be an origin without a path/,
  ],
  "a fallback over plain http": [
    ["--number", NUMBER, "--url", ORIGIN, "--fallback", "http://fallback.example"],
    /--fallback must be https/,
  ],
  "an unknown option": [["--number", NUMBER, "--uri", ORIGIN], /unknown option --uri;/],
  "a token as an option": [
    ["--number", NUMBER, "--url", ORIGIN, "--auth-token", "x"],
    /unknown option --auth-token;/,
  ],
};

for (const [what, [args, message]] of Object.entries(CONNECT_MISTAKES)) {
  test(`connect: ${what} is rejected before any request`, async () => {
    const { code, stderr } = await deployment.connect(args);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.deepEqual(await playground.requests(), []);
  });
}

test("connect reports that Twilio does not accept the token", async () => {
  const { code, stderr } = await deployment.connectNumber(
    NUMBER,
    [],
    deployment.account({ TWILIO_AUTH_TOKEN: OTHER_TOKEN }),
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Twilio does not accept TWILIO_AUTH_TOKEN for the account AC[0-9a-f]{32} \(401\): .* \(error 20003\)/,
  );
});

test("connect names the missing credential, and does not mix credentials from two sources", async () => {
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
    /TWILIO_AUTH_TOKEN is missing in the environment, where the other one is/,
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

test("connect reads the account from .dev.vars, and uses the first of several tokens", async () => {
  const own = new Checkout(
    deployment.account({ TWILIO_AUTH_TOKEN: `${SECRETS.TWILIO_AUTH_TOKEN},${OTHER_TOKEN}` }),
  );
  const { code } = await own.run("connect", ["--number", NUMBER, "--url", ORIGIN]);
  own.remove();
  assert.deepEqual([code, (await deployment.numberNow(NUMBER)).sms_url], [0, WEBHOOK + RETRIES]);
});

test("connect sends the token over plain http only to this machine", async () => {
  const { code, stderr } = await deployment.connectNumber(
    NUMBER,
    [],
    deployment.account({ TWILIO_API_BASE_URL: "http://twilio.example" }),
  );
  assert.equal(code, 1);
  assert.match(stderr, /TWILIO_API_BASE_URL must be an https URL/);
});

test("connect does not follow a list to another host with the token", async () => {
  const elsewhere = await mockWorker(() => ({ body: { incoming_phone_numbers: [] } }));
  const twilio = await mockWorker(() => ({
    body: { incoming_phone_numbers: [], next_page_uri: `${elsewhere.url}/more` },
  }));
  const { code, stderr } = await deployment.connectNumber(
    NUMBER,
    [],
    deployment.account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  await elsewhere.close();
  assert.deepEqual([code, elsewhere.requests], [1, []]);
  assert.match(stderr, /continues at another host/);
});

test("connect prints Twilio's error, and reports a change that Twilio accepted but did not make", async () => {
  for (const { message, ...fault } of [
    { status: 429, message: /rate-limiting this account \(429\)/ },
    { status: 500, message: /Twilio rejected the request: .* \(error 20500\)/ },
    { body: "garbage", message: /Twilio rejected the request: 200 / },
    { connection: "drop", message: /no answer from http:/ },
  ]) {
    await playground.fault({ service: "twilio", contains: "IncomingPhoneNumbers", ...fault });
    const { code, stderr } = await deployment.connectNumber(NUMBER);
    assert.equal(code, 1);
    assert.match(stderr, message);
  }
  const number = {
    sid: `PN${"0".repeat(32)}`,
    phone_number: NUMBER,
    sms_url: "",
    sms_method: "POST",
  };
  const twilio = await mockWorker(({ method }) => ({
    body: method === "POST" ? number : { incoming_phone_numbers: [number] },
  }));
  const { code, stderr } = await deployment.connectNumber(
    NUMBER,
    [],
    deployment.account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  assert.equal(code, 1);
  assert.match(stderr, /SmsUrl did not get the new value/);
});

test("connect removes an application from the number, and does not show the password in an old webhook", async () => {
  const number = {
    sid: `PN${"0".repeat(32)}`,
    phone_number: NUMBER,
    sms_url: "https://user:planted@old.example/sms",
    sms_method: "POST",
    sms_application_sid: `AP${"0".repeat(32)}`,
  };
  const twilio = await mockWorker(({ method }) => {
    if (method === "POST")
      Object.assign(number, { sms_url: WEBHOOK + RETRIES, sms_application_sid: "" });
    return {
      body: method === "POST" ? number : { incoming_phone_numbers: [number], services: [] },
    };
  });
  const { code, text } = await deployment.connectNumber(
    NUMBER,
    [],
    deployment.account({ TWILIO_API_BASE_URL: twilio.url }),
  );
  await twilio.close();
  assert.equal(code, 0, text);
  assert.match(text, /SmsUrl +https:\/\/…@old\.example\/sms +https:\/\/switchboard/);
  assert.match(text, /SmsApplicationSid +AP0{32} +\(none\)$/m);
  assert.doesNotMatch(text, /planted/);
});

test("connect --help names the options", async () => {
  const { code, stdout } = await checkout.run("connect", ["--help"]);
  assert.equal(code, 0);
  for (const option of [
    "--number",
    "--messaging-service",
    "--url",
    "--fallback",
    "--dry-run",
    "TWILIO_ACCOUNT_SID",
  ])
    assert.ok(stdout.includes(option), option);
});
