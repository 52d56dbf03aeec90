// `npm start`: what happens when a file is saved, what it remembers, and its public address.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { portTaken } from "../../scripts/lib/local.mjs";
import { services, unknownSettings } from "../../scripts/lib/settings.mjs";
import { StartCheckout } from "./start-checkout.mjs";
import { inboundForm, signatureOf } from "./twilio.mjs";
import { eventually } from "./waiting.mjs";

const PUBLIC = "https://some-quick-words.trycloudflare.com";

const checkout = new StartCheckout();
/** @type {Awaited<ReturnType<StartCheckout["start"]>> | undefined} */
let instance;

after(() => instance?.stop());

test("a source that does not compile leaves the Worker answering, and mending it swaps the Worker", async () => {
  instance = await checkout.start();
  const { lines } = instance;
  assert.deepEqual(
    lines.filter((line) => /^(npm )?error\b|\bERROR\b/.test(line)),
    [],
    "nothing is wrong yet",
  );
  assert.equal((await instance.health()).status, 200);

  const since = lines.length;
  checkout.edit("src/http/health.rs", '"ok"),', '"mended".no_such_word),');
  await instance.printed("build failed: the last good Worker still answers", since);
  assert.match((await instance.health()).text, /"status":"ok"/);
  const said = lines.slice(since);
  for (const once of [
    "src/http/health.rs changed: building",
    "error: could not compile",
    "no field `no_such_word`",
  ])
    assert.equal(said.filter((line) => line.includes(once)).length, 1, once);
  const { state, detail } = await instance.buildOnPage();
  assert.equal(state, "failed");
  assert.match(detail, /^error/);
  const answered = await checkout.run("say", ["Are you still there?"]);
  assert.equal(answered.code, 0, answered.stdout + answered.stderr);

  const mended = lines.length;
  checkout.edit("src/http/health.rs", ".no_such_word", "");
  await instance.printed("live after", mended);
  assert.match((await instance.health()).text, /"status":"mended"/);
  assert.deepEqual(await instance.buildOnPage(), { type: "build", state: "live", detail: null });
});

test("a file of an assistant that is wrong is named, and the Worker keeps those before", async () => {
  assert.ok(instance);
  const since = instance.lines.length;
  checkout.edit("assistants/default.toml", "prompt = ", "promt = ");
  await instance.printed("build failed: the last good Worker still answers", since);
  await instance.printed("assistants/default.toml:", since);
  assert.equal((await instance.health()).status, 200);
  const mended = instance.lines.length;
  checkout.edit("assistants/default.toml", "promt = ", "prompt = ");
  await instance.printed("live: the Worker that answers is made of these sources", mended);
});

test("a change of .dev.vars takes effect, and a name that is no setting is named", async () => {
  assert.ok(instance);
  const before = fs.readFileSync(checkout.path(".dev.vars"), "utf8");
  const since = instance.lines.length;
  fs.writeFileSync(
    checkout.path(".dev.vars"),
    `${before}\nOPENAI_MODLE=gpt-6-luna\nMAX_MESSAGE_CHARS=many\n`,
  );
  await instance.printed(".dev.vars changed: restarting", since);
  await instance.printed("OPENAI_MODLE is no setting; did you mean OPENAI_MODEL?", since);
  await instance.printed("The Worker is up but not healthy (503)", since);
  assert.match((await instance.health()).text, /MAX_MESSAGE_CHARS/);
  const mended = instance.lines.length;
  fs.writeFileSync(checkout.path(".dev.vars"), before);
  await instance.printed("live after", mended);
  assert.equal((await instance.health()).status, 200);
  assert.ok(
    !instance.lines.slice(since).some((line) => line.includes("restarting the playground")),
    "the phones keep what they show",
  );
});

test("a wrangler.toml that wrangler rejects leaves the Worker answering", async () => {
  assert.ok(instance);
  const since = instance.lines.length;
  checkout.edit("wrangler.toml", "[vars]", "[vars");
  await instance.printed("wrangler did not load it", since);
  assert.equal((await instance.health()).status, 200);
  const mended = instance.lines.length;
  checkout.edit("wrangler.toml", "[vars", "[vars]");
  await instance.printed("live after", mended);
});

test("other commands find the instance by itself, until it has ended", async () => {
  assert.ok(instance);
  const { stdout } = await checkout.run("admin", ["usage", "--json"]);
  assert.match(stdout, /"model_requests"/);
  const said = await checkout.run("say", ["Hello"]);
  assert.equal(said.code, 0, said.stdout + said.stderr);

  const second = await checkout.run("start", ["--port", "1", "--playground-port", "2"]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /`npm start` already runs from this checkout, at http/);

  const { code } = await instance.interrupt();
  assert.equal(code, 0);
  for (const url of [instance.worker, instance.playground])
    assert.equal(await portTaken(Number(new URL(url).port)), false, url);
  const help = await checkout.run("admin", ["--help"]);
  assert.match(help.stdout, /default http:\/\/127\.0\.0\.1:8787\b/);

  // A killed `npm start` leaves its note behind.
  const gone = { pid: 2 ** 22 - 1, worker: instance.worker, playground: instance.playground };
  fs.writeFileSync(checkout.path(".wrangler", "switchboard.json"), JSON.stringify(gone));
  const later = await checkout.run("admin", ["--help"]);
  assert.match(later.stdout, /default http:\/\/127\.0\.0\.1:8787\b/);
});

test("a public address leads to the Worker, which takes the signatures made for it", async () => {
  const bin = checkout.path("bin");
  fs.mkdirSync(bin);
  const said = checkout.path("cloudflared.txt");
  const script = `#!/bin/sh\necho "$@" > '${said}'\necho "INF |  ${PUBLIC}  |" >&2\nexec sleep 600\n`;
  fs.writeFileSync(path.join(bin, "cloudflared"), script, { mode: 0o755 });
  const env = { PATH: `${bin}${path.delimiter}${process.env.PATH}` };
  instance = await checkout.start(["--public"], env);
  await instance.printed("To point a number at it, put TWILIO_ACCOUNT_SID");
  assert.ok(instance.lines.some((line) => line.includes(PUBLIC)));
  assert.equal(
    fs.readFileSync(said, "utf8"),
    `tunnel --no-autoupdate --url http://127.0.0.1:${instance.port}\n`,
  );

  const token = fs
    .readFileSync(checkout.path(".dev.vars"), "utf8")
    .match(/^TWILIO_AUTH_TOKEN=(\w+)/m)?.[1];
  const form = inboundForm({ sid: `SM${"7".repeat(32)}` });
  const post = (url) =>
    fetch(`${instance?.worker}/twilio/messages`, {
      method: "POST",
      headers: { "X-Twilio-Signature": signatureOf(token, `${url}/twilio/messages`, form) },
      body: new URLSearchParams(form),
    });
  assert.equal((await post(PUBLIC)).status, 200);
  assert.equal((await post(instance.worker)).status, 403);
  const answered = await checkout.run("say", ["Hello"]);
  assert.equal(answered.code, 0, answered.stdout + answered.stderr);
  assert.equal((await instance.interrupt()).code, 0);
  await eventually(
    "the note to go",
    () => !fs.existsSync(checkout.path(".wrangler/switchboard.json")),
  );
});

test("without cloudflared, --public says in one sentence where to get it", async () => {
  const folders = (process.env.PATH ?? "").split(path.delimiter);
  const without = folders.filter((folder) => !fs.existsSync(path.join(folder, "cloudflared")));
  const env = { PATH: without.join(path.delimiter) };
  const { code, stderr } = await checkout.run("start", ["--public"], env);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^\nerror: --public needs cloudflared.*https:\/\/developers\.cloudflare\.com\S+.*\n$/,
  );
});

test("a setting is unknown if nothing reads it, and only a similar name is suggested", () => {
  const lines = [
    "# OPENAI_MODLE=x",
    "OPENAI_MODEL=gpt-6-luna",
    "ORDERS_SECRET=whsec_x",
    "openai_model=x",
    "MY_OWN_THING=x",
    'OPENAI_FALLBACKS=[{"key": "OTHER_KEY"}]',
    "OTHER_KEY=x",
  ];
  assert.deepEqual(unknownSettings(lines.join("\n")), [
    ".dev.vars line 4: openai_model is no setting; did you mean OPENAI_MODEL?",
    ".dev.vars line 5: MY_OWN_THING is no setting.",
  ]);
});

test("each service is said to be what it is", () => {
  const openai = (settings, overrides = {}) => services(settings, overrides)[0][1];
  assert.match(openai({}), /^off: OPENAI_API_KEY is not set/);
  assert.match(
    openai({ OPENAI_API_KEY: "sk-x" }),
    /^real: https:\/\/api\.openai\.com\/v1, with the key in \.dev\.vars/,
  );
  const overrides = { OPENAI_BASE_URL: "http://127.0.0.1:8788/v1" };
  assert.match(openai({ OPENAI_API_KEY: "sk-playground-x" }, overrides), /^mocked/);
  const segment = (settings, overrides = {}) => services(settings, overrides)[2][1];
  assert.match(segment({}), /^off/);
  assert.match(segment({ SEGMENT_WRITE_KEY: "x" }), /^real: https:\/\/api\.segment\.io$/);
});
