// The operator's page (`npm run operate`) in a real browser, before a real Worker: usage, a contact, a
// hand-over, the checks and the log. And who cannot use its server.
//
// Not here: what the admin routes do (native tests), and the same tasks in the terminal (admin).

import assert from "node:assert/strict";
import fs from "node:fs";
import { after, test } from "node:test";
import { operatorServer } from "../../scripts/lib/operator-server.mjs";
import { TailReader } from "../../scripts/lib/tail.mjs";
import { exampleAssistants, FRONT_DESK } from "../e2e/examples.mjs";
import { eventually, freshPair, SECRETS } from "../e2e/harness.mjs";
import { assertFits, NARROW, setUpBrowserTests, violations, WIDE } from "./browser.mjs";

const tests = setUpBrowserTests({ assistants: exampleAssistants });

const log = new TailReader();
/** @type {Awaited<ReturnType<typeof operatorServer>> | undefined} */
let server;
after(() => server?.close());

/** The address of the page, which is served from the first test on. */
async function address() {
  const { url } = tests.switchboard.worker;
  process.env.ADMIN_TOKEN = SECRETS.ADMIN_TOKEN;
  process.env.TWILIO_AUTH_TOKEN = SECRETS.TWILIO_AUTH_TOKEN;
  server ??= await operatorServer({ url, publicUrl: url, log, port: 0 });
  return server.address;
}

/** @param {{ viewport?: typeof WIDE, colorScheme?: "light" | "dark" }} [options] */
async function open(options = {}) {
  const page = await tests.open({ url: await address(), live: false, ...options });
  await page.getByText("Healthy", { exact: true }).waitFor();
  return page;
}

async function choose(page, from, to) {
  await page.getByLabel(/^Contact \(/).fill(from);
  await page.getByLabel("Your number").fill(to);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText("Turns remembered").waitFor();
}

/** The text beside a name in a card. */
async function fact(page, card, name) {
  const list = page.locator(`#${card} .facts-list`);
  return list.locator("dt", { hasText: name }).locator("+ dd").innerText();
}

/** Has a fresh contact say hello to the front desk, which can hand over. */
async function contact() {
  const pair = { from: freshPair().from, to: FRONT_DESK };
  await tests.switchboard.worker.sendMessage({ ...pair, body: "Hello" });
  return [pair.from, pair.to];
}

test("the page shows today's usage and caps, and what the Worker knows of a contact", async () => {
  const [from, to] = await contact();
  const page = await open();
  await page
    .getByText(/^[1-9]\d* of 1000$/)
    .first()
    .waitFor();
  await choose(page, from, to);
  assert.equal(await fact(page, "contact", "Turns remembered"), "1");
  assert.equal(await fact(page, "contact", "A person answers"), "no");
});

test("a contact is handed over, released and erased on the page, and erasing asks first", async () => {
  const [from, to] = await contact();
  const page = await open();
  await choose(page, from, to);
  await page.getByRole("button", { name: "Hand over" }).click();
  await page.getByText("A person answers from now on.").waitFor();
  assert.equal(await fact(page, "contact", "A person answers"), "yes");
  await page.getByRole("button", { name: "Release" }).click();
  await page.getByText("The assistant answers again.").waitFor();

  await page.getByRole("button", { name: "Erase" }).click();
  const question = page.getByRole("dialog", { name: "Erase this contact?" });
  await question.getByRole("button", { name: "No" }).click();
  await question.waitFor({ state: "detached" });
  await choose(page, from, to);
  assert.equal(await fact(page, "contact", "Turns remembered"), "1");
  await page.getByRole("button", { name: "Erase" }).click();
  await question.getByRole("button", { name: "Erase" }).click();
  await page.getByText("Erased: 1 turns.").waitFor();
  assert.equal(await fact(page, "contact", "Turns remembered"), "0");
});

test("an answer that is sent again after a failure reaches the contact once", async () => {
  const [from, to] = await contact();
  const page = await open();
  await choose(page, from, to);
  await page.getByRole("button", { name: "Hand over" }).click();
  await page.getByText("A person answers from now on.").waitFor();
  await tests.switchboard.worker.sendMessage({ from, to, body: "Where is it?" });
  // The Worker gets the first request, and its answer is lost.
  await page.route(
    "**/admin",
    async (route) => {
      await route.fetch();
      await route.fulfill({ json: { problem: "the Worker does not answer" } });
    },
    { times: 1 },
  );
  await page.getByLabel("Answer a contact that is handed over").fill("On its way");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText(/the Worker does not answer/i).waitFor();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("The answer waits to be sent.").waitFor();
  const { playground } = tests.switchboard;
  const answers = async () =>
    (await playground.messagesTo(from)).filter(({ body }) => body === "On its way").length;
  await eventually("the answer to be sent", async () => (await answers()) > 0);
  // Another answer, which goes out after all before it.
  await page.getByLabel("Answer a contact that is handed over").fill("Bye");
  await page.getByRole("button", { name: "Send" }).click();
  await eventually("the next answer to be sent", async () =>
    (await playground.messagesTo(from)).some(({ body }) => body === "Bye"),
  );
  assert.equal(await answers(), 1);
});

test("a wrong address, and an action that is not possible, are said in one sentence", async () => {
  const page = await open();
  await page.getByLabel(/^Contact \(/).fill("somebody");
  await page.getByLabel("Your number").fill("+15550199");
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByText(/does not understand the request \(400\)/).waitFor();
  await page.getByRole("button", { name: "Call", exact: true }).click();
  await page.getByText("A call needs a number and an assistant.").waitFor();
});

test("the checks of doctor run on the page", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Check the deployment" }).click();
  await page.getByText(/token and public URL match/).waitFor();
  assert.equal(await page.locator("#checks [data-state=bad]").count(), 0);
});

test("the log shows the newest lines first, marks failures, and can be filtered", async () => {
  tell({ event: "turn", outcome: "answered", time: "2026-11-28T03:00:00.000Z" });
  tell({ event: "turn", outcome: "failed", time: "2026-11-28T03:00:01.000Z" });
  const page = await open();
  const lines = page.locator("#log li");
  await lines.nth(1).waitFor();
  assert.match(await lines.first().innerText(), /failed/);
  assert.equal(await lines.first().getAttribute("data-state"), "bad");
  await page.getByLabel("Only lines with").fill("answered");
  await page.getByText("1 of 2 lines").waitFor();
});

test("the page fits at 360 pixels and is accessible, light and dark", async () => {
  for (const [viewport, colorScheme] of /** @type {const} */ ([
    [NARROW, "light"],
    [WIDE, "dark"],
    [WIDE, "light"],
  ])) {
    const page = await open({ viewport, colorScheme });
    await page
      .getByText(/ of 1000$/)
      .first()
      .waitFor();
    await assertFits(page, `${viewport.width} ${colorScheme}`);
    assert.deepEqual(await violations(page), []);
    const [usage, contact] = await Promise.all(
      ["usage", "contact"].map((id) => page.locator(`#${id}`).boundingBox()),
    );
    assert.equal(
      usage?.y === contact?.y,
      viewport === WIDE,
      "cards stand side by side where they fit",
    );
    if (process.env.SCREENSHOTS)
      fs.writeFileSync(
        `${process.env.SCREENSHOTS}/operator-${viewport.width}-${colorScheme}.png`,
        await page.screenshot({ fullPage: true }),
      );
    await page.context().close();
  }
});

test("without the page's key, from another page or by another host name, nothing is answered", async () => {
  const { origin, hash } = new URL(await address());
  const post = (headers) =>
    fetch(`${origin}/admin`, {
      method: "POST",
      headers: { Authorization: `Bearer ${hash.slice(1)}`, ...headers },
      body: JSON.stringify({ action: "usage" }),
    });
  assert.equal((await post({})).status, 200);
  assert.equal((await post({ Authorization: "Bearer guessed" })).status, 401);
  assert.equal((await post({ Origin: "https://evil.example" })).status, 403);
  const told = await (await post({})).text();
  assert.ok(told.includes("model_requests"));
  assert.ok(!told.includes(SECRETS.ADMIN_TOKEN));
});

test("the server passes on nothing but the operator's actions, and serves no other file", async () => {
  const { origin, hash } = new URL(await address());
  const post = async (body) => {
    const headers = { Authorization: `Bearer ${hash.slice(1)}` };
    const response = await fetch(`${origin}/admin`, { method: "POST", headers, body });
    return (await response.json()).problem;
  };
  assert.equal(await post('{"action":"__proto__"}'), 'there is no action "__proto__".');
  assert.equal(await post('{"action":"batch","id":"../usage"}'), "the id is missing or malformed.");
  assert.match(await post("no JSON"), /not JSON/);
  for (const path of ["/.dev.vars", "/scripts/operator/../../.dev.vars", "/package.json"])
    assert.equal((await fetch(origin + path)).status, 404, path);
});

// Prints an event as `wrangler tail --format json` does: JSON over several lines.
function tell(line) {
  const event = {
    outcome: "ok",
    scriptName: "switchboard",
    exceptions: [],
    logs: [{ message: [JSON.stringify(line)], level: "log", timestamp: 0 }],
  };
  for (const part of JSON.stringify(event, undefined, 2).split("\n")) log.read(part);
}
