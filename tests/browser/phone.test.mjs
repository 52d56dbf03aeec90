// The playground's page in a real browser, Debian's Chromium, against the real Worker: what a person does with it and sees.
//
// Two promises hold for every test, so they are checked after each: nothing was written to the browser's console as an error,
// and no request left this machine. UPDATE_PICTURE=1 writes docs/phone.png, the picture in the README.
//
// Not here: the routes behind the page (playground/tests/loopback/page.rs), and what the Worker does (tests/e2e).

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import zlib from "node:zlib";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { freePort, logForwarder } from "../../scripts/lib/local.mjs";
import { inRoot } from "../../scripts/lib/project.mjs";
import { onPath } from "../../scripts/lib/run.mjs";
import {
  eventually,
  freshPair,
  phoneHash,
  startPlayground,
  startSwitchboard,
} from "../e2e/harness.mjs";

// Long enough for a busy machine to answer within it, and short enough for a slow model to miss it.
const REPLY_WITHIN_MS = 5000;
const SLOW_SECONDS = 8;
/** How long a test waits for something to appear. */
const PATIENCE = 60_000;
const WIDE = { width: 1440, height: 900 };
const NARROW = { width: 360, height: 740 };
const RESET = "Done: our conversation is cleared. What would you like to talk about?";
const APOLOGY = "Sorry, I can't answer right now. Please try again in a few minutes.";
const NOT_A_PICTURE =
  "I can read text and pictures (JPEG, PNG, GIF or WebP), but no other kind of file.";
const echo = (text, number = 1) =>
  `Nice to hear from you! You said: "${text}" (message ${number} of our conversation)`;

let switchboard, browser, profile, forwarding;
let context, problems;

before(async () => {
  switchboard = await startSwitchboard({
    settings: {
      REPLY_WITHIN_MS: String(REPLY_WITHIN_MS),
      RATE_LIMIT_PER_MINUTE: "100",
      MAX_SEGMENTS: "30",
    },
  });
  forwarding = forwardLog(switchboard);
  const program = process.env.CHROMIUM ?? onPath("chromium");
  assert.ok(
    program,
    "no Chromium: `npm run test:browser` looks for one, and installs it where it can",
  );
  profile = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-browser-"));
  browser = await chromium.launch({
    executablePath: program,
    timeout: 120_000,
    env: { ...process.env, HOME: profile, XDG_CONFIG_HOME: profile, XDG_CACHE_HOME: profile },
    args: [
      ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
});

after(async () => {
  clearInterval(forwarding);
  await browser?.close();
  await switchboard?.close();
  if (profile) fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

beforeEach(() => {
  problems = [];
});

afterEach(async () => {
  await context?.close();
  context = undefined;
  assert.deepEqual(problems, []);
});

test("a message is answered in a bubble, and the inspector shows the request as Twilio sends it and the answer", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.send("Hello there");
  await phone.sees(echo("Hello there"));
  await phone.card.getByTitle("Delivered").waitFor();
  const panel = page.getByRole("tabpanel", { name: "Exchange" });
  await panel.getByText("X-Twilio-Signature").waitFor();
  const shown = await panel.innerText();
  for (const part of [
    "POST",
    `${switchboard.worker.url}/twilio/messages`,
    "I-Twilio-Idempotency-Token",
    "MessageSid",
    phone.from,
    phone.to,
    "Hello there",
  ]) {
    assert.ok(shown.includes(part), `the request shows ${part}`);
  }
  assert.match(shown, /200 in \d/);
  await panel.getByText("Headers (", { exact: false }).first().click();
  await panel.getByText("text/xml; charset=utf-8").waitFor();
  assert.ok((await panel.locator("pre").innerText()).includes("<Response><Message>"));
});

test("a long answer comes in parts, a bubble each, in order", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.send("Write 2500 characters");
  await phone.answers.nth(1).waitFor({ timeout: PATIENCE });
  const parts = await phone.answers.allInnerTexts();
  assert.equal(parts.length, 2);
  assert.ok(parts[0].includes("The harbour wakes") && parts.every((part) => part.length <= 1700));
});

test("a slow model's answer comes later by REST and appears by itself", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.fault("Slow model", true, SLOW_SECONDS);
  await phone.send("Take your time");
  await phone.notes("Empty answer: there is nothing to say, or it comes later by REST.");
  await phone.sees(echo("Take your time"));
  assert.match(
    await phone.answers.locator("xpath=..").locator(".meta").innerText(),
    /by REST\s+after \d/,
  );
  await phone.fault("Slow model", false);
});

test("a reset clears the conversation and says so", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.send("My boat is called Wagtail");
  await phone.sees(echo("My boat is called Wagtail"));
  await phone.send("reset");
  await phone.sees(RESET);
  await phone.send("What did I say first?");
  await phone.sees("You have said nothing before this message.");
});

test("a duplicate delivery is answered once, and the page says that it came twice", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.fault("Duplicate delivery", true);
  await phone.send("Once is enough");
  await phone.sees(echo("Once is enough"));
  await phone.notes(/^Delivered twice: /);
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await switchboard.playground.asked("Once is enough")).length, 1);
});

test("a message that Twilio retries is answered once", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.fault("Twilio retries", true);
  await phone.send("Try again");
  await phone.notes(/sends the message again\.$/);
  await phone.sees(echo("Try again"));
  await phone.notes(/^Sent again: /);
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await switchboard.playground.asked("Try again")).length, 1);
  const choices = await page.getByLabel("Webhook").locator("option").allInnerTexts();
  assert.equal(choices.length, 2);
  assert.match(choices[0], /Retry: 200$/);
});

test("a model that fails, or whose answers are lost, is apologised for, and is back when the switch is off", async () => {
  const page = await open();
  const phone = await use(page, 1);
  for (const [index, fault] of ["Model error", "Model’s answer lost"].entries()) {
    await phone.fault(fault, true);
    await phone.send(`Number ${index}`);
    await eventually(
      "the apology",
      async () => (await phone.texts()).filter((text) => text === APOLOGY).length === index + 1,
      PATIENCE,
    );
    await phone.fault(fault, false);
  }
  await phone.send("Are you back?");
  await phone.sees(echo("Are you back?"));
});

test("a late answer whose 201 is lost is shown once, and never sent twice", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.fault("Slow model", true, SLOW_SECONDS);
  await phone.fault("REST answer lost", true);
  await phone.send("Only once, please");
  await phone.sees(echo("Only once, please"));
  await phone.fault("REST answer lost", false);
  const isDone = ({ event, outcome, phone_hash: hash }) =>
    event === "late_part" && outcome === "sent" && hash === phoneHash(phone.from);
  await switchboard.worker.logged(isDone, { timeout: 120_000 });
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await switchboard.playground.messagesTo(phone.from)).length, 1);
  await phone.fault("Slow model", false);
});

test("a forged message is refused in the thread, and the same message truly signed is answered", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.fault("Forged signature", true);
  await phone.send("Trust me");
  await phone.notes(/^The Worker answered 403 to the forged signature: .* \(Twilio: 11200\)$/);
  await phone.card.getByTitle("Not delivered").waitFor();
  assert.equal(await phone.answers.count(), 0);
  assert.deepEqual(await switchboard.playground.asked("Trust me"), []);
  await phone.replay("Trust me");
  await phone.sees(echo("Trust me"));
  await phone.card.getByTitle("Delivered").waitFor();
});

test("a replay brings the same answer and costs nothing, also after a reload, which shows all that was said", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.send("Say that again");
  await phone.sees(echo("Say that again"));
  await phone.replay("Say that again");
  await phone.notes("Replayed: the same answer came back. It is not shown twice.");
  await page.reload();
  await phone.sees(echo("Say that again"));
  await phone.notes("Replayed: the same answer came back. It is not shown twice.");
  await phone.replay("Say that again");
  await eventually(
    "a second replay",
    async () => (await phone.card.locator(".system").count()) === 2,
    PATIENCE,
  );
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await switchboard.playground.asked("Say that again")).length, 1);
});

test("a picture is attached, shown and seen by the model; another kind of file gets the Worker's answer about it", async () => {
  const page = await open();
  const phone = await use(page, 1);
  const picture = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  const attach = (name, mimeType, buffer) =>
    phone.card.locator("input[type=file]").setInputFiles({ name, mimeType, buffer });
  await attach("wrong.txt", "text/plain", Buffer.from("not this"));
  await phone.card.getByRole("button", { name: "Do not send wrong.txt" }).click();
  await attach("boat.png", "image/png", picture);
  await phone.send("What is this?");
  await phone.answers.filter({ hasText: `${picture.length} bytes` }).waitFor({ timeout: PATIENCE });
  await page.reload();
  const shown = phone.card.getByAltText("Attached picture, image/png");
  await eventually(
    "the picture",
    () => shown.evaluate((image) => image.naturalWidth === 1),
    PATIENCE,
  );

  await page.getByRole("tab", { name: "Model" }).click();
  await page
    .getByRole("tabpanel", { name: "Model" })
    .getByText("[image_url: data:image/png", { exact: false })
    .waitFor();

  await attach("terms.pdf", "application/pdf", Buffer.from("%PDF-1.7"));
  await phone.order("");
  await phone.sees(NOT_A_PICTURE);
});

test("two phones write at once, and each has its own conversation, log lines and faults", async () => {
  const page = await open();
  const one = await use(page, 1);
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await use(page, 2, { channel: "SMS" });
  await two.fault("Forged signature", true);
  await one.fault("Slow model", true, 2);
  await one.order("From the first");
  await two.order("From the second");
  await two.notes(/^The Worker answered 403/);
  assert.equal(await one.answers.count(), 0, "the first phone still waits");
  await one.sees(echo("From the first"));
  await one.fault("Slow model", false);
  await two.fault("Forged signature", false);
  await two.send("From the second, too");
  await two.sees(echo("From the second, too"));
  assert.ok(
    !(await one.texts()).join().includes("second") && !(await two.texts()).join().includes("first"),
  );

  await page.getByRole("tab", { name: "Log" }).click();
  const log = page.getByRole("tabpanel", { name: "Log" });
  await log
    .locator("li", { hasText: "Phone 1" })
    .filter({ hasText: "turn" })
    .waitFor({ timeout: PATIENCE });
  await log
    .locator("li", { hasText: "Phone 2" })
    .filter({ hasText: "turn" })
    .waitFor({ timeout: PATIENCE });
  await log.getByLabel("Only the lines of this phone").check();
  await eventually(
    "only the lines of the second phone",
    async () => (await log.locator("li:visible", { hasText: "Phone 1" }).count()) === 0,
  );
  assert.ok((await log.locator("li:visible", { hasText: "Phone 2" }).count()) > 0);

  await page.getByRole("tab", { name: "Model" }).click();
  const model = page.getByRole("tabpanel", { name: "Model" });
  await model.getByText("From the second, too").waitFor();
  await one.card.getByLabel("Message from Phone 1").focus();
  await model.getByText("From the first").waitFor();
  assert.ok(!(await model.innerText()).includes("second"));

  await two.fault("Duplicate delivery", true);
  await two.card.getByRole("button", { name: "Remove Phone 2" }).click();
  assert.equal(await page.getByRole("article").count(), 1);
  const setup = async () => (await fetch(`${switchboard.playground.url}/playground/setup`)).json();
  await eventually(
    "its faults to go with it",
    async () => (await setup()).switches.phones.every(({ from }) => from !== two.from),
    PATIENCE,
  );
  await page.reload();
  assert.equal(await page.getByRole("article").count(), 1);
});

test("on WhatsApp the Worker's typing shows on that phone alone, until the answer comes, and the message is read", async () => {
  const page = await open();
  const one = await use(page, 1);
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await use(page, 2, { channel: "WhatsApp" });
  await two.fault("Slow model", true, SLOW_SECONDS);
  await two.send("Are you there?");
  await two.card.getByText("Switchboard is typing").waitFor({ timeout: PATIENCE });
  assert.equal(await one.card.getByText("Switchboard is typing").count(), 0);
  await two.card.getByTitle("Read", { exact: true }).waitFor();
  await two.sees(echo("Are you there?"));
  assert.equal(await two.card.getByText("Switchboard is typing").count(), 0);
  await two.fault("Slow model", false);
});

test("faults for all phones hit each of them", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await page.getByRole("tab", { name: "Faults" }).click();
  const all = page
    .getByRole("group", { name: "Faults for all phones" })
    .getByLabel("Forged signature", { exact: true });
  const set = async (on) => {
    const done = page.waitForResponse((response) =>
      response.url().endsWith("/playground/switches"),
    );
    await all.setChecked(on);
    await done;
  };
  await set(true);
  await phone.send("From nobody");
  await phone.notes(/^The Worker answered 403/);
  await set(false);
  await phone.send("From Twilio");
  await phone.sees(echo("From Twilio"));
});

test("budget and limits are shown after every exchange, from the Worker's admin routes", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await page.getByRole("tab", { name: "Usage" }).click();
  const usage = page.getByRole("tabpanel", { name: "Usage" });
  await usage
    .getByText(/^\d+ of 1000$/)
    .first()
    .waitFor();
  await usage.getByText("nothing to forget").waitFor();
  await phone.send("Count me");
  await phone.sees(echo("Count me"));
  await eventually(
    "another look after the exchange",
    async () =>
      /Turns remembered\s+1\s[\s\S]*Messages in the last minute\s+1/.test(await usage.innerText()),
    PATIENCE,
  );
  assert.match(await usage.innerText(), /Estimated cost\s+no prices set[\s\S]*Opted out\s+no/);
});

test("what keeps budget and limits from being known is said", async () => {
  const other = await startPlayground({
    worker: switchboard.worker.url,
    adminToken: "not the Worker's token, though as long as one",
  });
  const without = await startPlayground({ worker: switchboard.worker.url, adminToken: "" });
  try {
    for (const [{ url }, reason] of [
      [other, "The Worker refused ADMIN_TOKEN (401)"],
      [without, "The playground was started without ADMIN_TOKEN"],
    ]) {
      const page = await open({ url });
      await page.getByRole("tab", { name: "Usage" }).click();
      await page
        .getByRole("tabpanel", { name: "Usage" })
        .getByText(reason, { exact: false })
        .waitFor();
      await context.close();
    }
  } finally {
    await Promise.all([other.close(), without.close()]);
  }
});

test("a Worker that is not there is said in the thread", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const lonely = await startPlayground({ worker: url });
  try {
    const page = await open({ url: lonely.url });
    const phone = await use(page, 1);
    await phone.send("Anybody there?");
    await phone.notes(`Nothing is listening at ${url}: start the Worker.`);
    await phone.card.getByTitle("Not delivered").waitFor();
  } finally {
    await context.close();
    await lonely.close();
  }
});

test("what cannot be sent stays in its place with the reason", async () => {
  const page = await open();
  const phone = await use(page, 1);
  await phone.card.getByRole("button", { name: "Send from Phone 1" }).click();
  await phone.card.getByText("Write something, or attach a file.").waitFor();
  await page.route("**/playground/phone/messages", (route) => route.abort());
  await phone.order("Do not lose me");
  await phone.card.getByText("The playground does not answer. Is it still running?").waitFor();
  assert.equal(await phone.card.getByLabel("Message from Phone 1").inputValue(), "Do not lose me");
  // The browser's own words about the request that the test cut off.
  problems = problems.filter((problem) => !problem.includes("net::ERR_FAILED"));
});

test("everything can be done by keyboard alone, with a visible focus at every step", async () => {
  const page = await open();
  const { from, to } = freshPair();
  const focus = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      // A file input is drawn as its label.
      const style = getComputedStyle(at.type === "file" ? at.nextElementSibling : at);
      return {
        name: at.getAttribute("aria-label") ?? (at.labels?.[0] ?? at).innerText.trim(),
        visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      };
    });
  const tabTo = async (name, key = "Tab") => {
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press(key);
      const at = await focus();
      assert.ok(at.visible, `the focus on ${at.name} can be seen`);
      if (typeof name === "string" ? at.name === name : name.test(at.name)) return;
    }
    assert.fail(`${name} is not reached`);
  };
  await tabTo("Skip to the inspector");
  await tabTo("Numbers");
  await page.keyboard.press("Enter");
  for (const [name, value] of [
    ["From", from],
    ["To", to],
  ]) {
    await tabTo(name);
    await page.keyboard.press("Control+A");
    await page.keyboard.type(value);
  }
  await tabTo("Faults");
  await page.keyboard.press("Enter");
  await tabTo("Duplicate delivery");
  await page.keyboard.press("Space");
  await page.getByRole("article", { name: "Phone 1" }).getByText("1 on").waitFor();
  await page.keyboard.press("Space");
  await tabTo(/^Message from Phone 1/);
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("alone");
  await page.keyboard.press("Enter");
  const bubble = page.getByRole("article", { name: "Phone 1" }).locator(".in .bubble");
  await bubble.getByText("By keyboard\nalone").waitFor({ timeout: PATIENCE });
  await tabTo(/^Inspect/, "Shift+Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "inspector");
  await tabTo("Exchange");
  for (const name of ["Log", "Model", "Usage", "Faults", "Exchange"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal((await focus()).name, name);
    await page.getByRole("tabpanel", { name }).waitFor();
  }
  await tabTo("Add a phone", "Shift+Tab");
  await page.keyboard.press("Enter");
  assert.match((await focus()).name, /^Message from Phone 2/);
});

test("at phone width nothing scrolls sideways, whatever is open, and a message is answered", async () => {
  const page = await open({ viewport: NARROW });
  const phone = await use(page, 1);
  await phone.send(`A${"very".repeat(40)}long word, and https://example.com/${"path/".repeat(30)}`);
  await phone.answers.first().waitFor({ timeout: PATIENCE });
  await page.getByRole("button", { name: "Add a phone" }).click();
  const fits = async (what) => {
    const [content, window] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    assert.ok(content <= window, `${what}: ${content} wide in ${window}`);
  };
  for (const drawer of await page.locator(".drawer > summary").all()) {
    await drawer.click();
    await fits("a drawer");
  }
  for (const tab of await page.getByRole("tab").all()) {
    await tab.click();
    await fits(await tab.innerText());
  }
});

test("no serious accessibility fault, light and dark, wide and narrow, with everything in use", async () => {
  for (const colorScheme of ["light", "dark"]) {
    for (const viewport of [WIDE, NARROW]) {
      const where = `${colorScheme}, ${viewport.width} wide`;
      const page = await open({ viewport, colorScheme });
      const light = await page.evaluate(() =>
        getComputedStyle(document.body)
          .backgroundColor.match(/\d+/g)
          .every((part) => Number(part) > 128),
      );
      assert.equal(light, colorScheme === "light", where);
      const phone = await use(page, 1);
      assert.deepEqual(await violations(page), [], `${where}, empty`);
      await phone.send("Hello");
      await phone.sees(echo("Hello"));
      await phone.fault("Forged signature", true);
      await phone.send("Forged");
      await phone.notes(/^The Worker answered 403/);
      await page.getByRole("button", { name: "Add a phone" }).click();
      for (const drawer of await page.locator(".drawer").all())
        await drawer.evaluate((element) => (element.open = true));
      for (const tab of await page.getByRole("tab").all()) {
        await tab.click();
        assert.deepEqual(await violations(page), [], `${where}, ${await tab.innerText()}`);
      }
      await phone.fault("Forged signature", false);
      await context.close();
    }
  }
});

test("the page makes a picture that is not blank", async () => {
  const page = await open();
  const one = await use(page, 1, {}, { from: "+15550100", to: "+15550142" });
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await use(page, 2, { channel: "WhatsApp" }, { from: "+15550101", to: "+15550142" });
  await one.send("Hello! My boat is called Wagtail.");
  await one.sees(echo("Hello! My boat is called Wagtail."));
  await one.send("What did I say first?");
  await one.sees('The first thing you said was: "Hello! My boat is called Wagtail."');
  await two.send("Good evening");
  await two.sees(echo("Good evening"));
  await two.fault("Slow model", true, SLOW_SECONDS);
  await two.send("Take your time with this one");
  await two.sees(echo("Take your time with this one", 2));
  await two.fault("Slow model", false);
  await two.closeFaults();
  await two.send("Thank you!");
  await two.sees(echo("Thank you!", 3));
  await page.waitForFunction(() => document.querySelector("#panel-exchange .status"));
  await page.evaluate(() => document.activeElement.blur());
  const picture = await page.screenshot({ animations: "disabled" });
  assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [WIDE.width, WIDE.height]);
  assert.ok(shades(picture) > 60, "there is something in the picture");
  if (process.env.UPDATE_PICTURE) fs.writeFileSync(inRoot("docs", "phone.png"), picture);
});

// A page of its own storage, watched for problems.
async function open({
  url = switchboard.playground.url,
  viewport = WIDE,
  colorScheme = "light",
} = {}) {
  context = await browser.newContext({ viewport, colorScheme, locale: "en-GB", timezoneId: "UTC" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on(
    "console",
    (message) => message.type() === "error" && problems.push(`console: ${message.text()}`),
  );
  page.on("pageerror", (error) => problems.push(`page: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin)
      problems.push(`left this machine: ${request.url()}`);
  });
  await page.goto(url);
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
}

// Phone `number` of the page, with numbers that no other test uses.
async function use(page, number, { channel } = {}, { from, to } = freshPair()) {
  const name = `Phone ${number}`;
  const card = page.getByRole("article", { name });
  const drawer = async (title, open) => {
    const details = card.locator("details", { has: page.locator("summary", { hasText: title }) });
    if ((await details.evaluate((element) => element.open)) !== open)
      await details.locator("> summary").click();
  };
  await drawer("Numbers", true);
  if (channel) await card.getByLabel("Channel").selectOption({ label: channel });
  for (const [label, value] of [
    ["From", from],
    ["To", to],
  ]) {
    await card.getByLabel(label, { exact: true }).fill(value);
    await card.getByLabel(label, { exact: true }).press("Tab");
  }
  await drawer("Numbers", false);
  const text = card.getByLabel(`Message from ${name}`);
  const answers = card.locator(".in .bubble");
  return {
    card,
    from,
    to,
    answers,
    /** The texts of the answers. */
    texts: async () => (await answers.locator("p").allInnerTexts()).map((one) => one.trim()),
    /** Writes and sends, and waits until the message is in the thread. */
    async send(words) {
      await text.fill(words);
      await text.press("Enter");
      await card.locator(".out .bubble", { hasText: words }).last().waitFor({ timeout: PATIENCE });
    },
    /** Writes and sends, without waiting. */
    async order(words) {
      await text.fill(words);
      await card.getByRole("button", { name: `Send from ${name}` }).click();
    },
    sees: (words) =>
      answers.getByText(words, { exact: true }).last().waitFor({ timeout: PATIENCE }),
    notes: (words) =>
      card.locator(".system").filter({ hasText: words }).first().waitFor({ timeout: PATIENCE }),
    replay: (words) => card.getByRole("button", { name: `Replay “${words}”` }).click(),
    async fault(label, on, seconds) {
      await drawer("Faults", true);
      if (seconds) await card.getByLabel("Seconds that the model takes").fill(String(seconds));
      const set = page.waitForResponse((response) =>
        response.url().endsWith("/playground/switches"),
      );
      await card.getByLabel(label, { exact: true }).setChecked(on);
      assert.equal((await set).status(), 200);
    },
    closeFaults: () => drawer("Faults", false),
  };
}

// Passes on what the Worker prints, as `npm start` does.
function forwardLog({ worker, playground }) {
  const forward = logForwarder(playground.url);
  let next = 0;
  return setInterval(() => {
    for (; next < worker.lines.length; next += 1) forward(worker.lines[next]);
  }, 50);
}

// The serious and critical violations that axe-core finds, in words.
async function violations(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    );
}

// How many different bytes there are in the pixels of a PNG; a blank one has few.
function shades(png) {
  const parts = [];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  return new Set(zlib.inflateSync(Buffer.concat(parts))).size;
}
