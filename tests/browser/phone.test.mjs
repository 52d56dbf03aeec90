// The phones of the playground's page, in a real browser and against the real Worker: a person
// sends messages, switches faults on, and sees the answers.
//
// Not here: the inspector, the keyboard and the layout (page), the routes behind the page
// (playground/tests/loopback/page.rs), and the Worker (tests/e2e).

import assert from "node:assert/strict";
import { test } from "node:test";
import { freePort } from "../../scripts/lib/local.mjs";
import { echo, eventually, phoneHash, startPlayground } from "../e2e/harness.mjs";
import { PATIENCE, SLOW_SECONDS, setUpBrowserTests, usePhone } from "./browser.mjs";

const RESET = "Done: our conversation is cleared. What would you like to talk about?";
const APOLOGY = "Sorry, I can't answer right now. Please try again in a few minutes.";
const NOT_A_PICTURE =
  "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file.";

const tests = setUpBrowserTests();

test("a message is answered in a bubble, and the inspector shows the request as Twilio sends it and the answer", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("Hello there");
  await phone.sees(echo("Hello there"));
  await phone.card.getByTitle("Delivered").waitFor();
  const panel = page.getByRole("tabpanel", { name: "Exchange" });
  await panel.getByText("X-Twilio-Signature").waitFor();
  const shown = await panel.innerText();
  for (const part of [
    "POST",
    `${tests.switchboard.worker.url}/twilio/messages`,
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
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("Write 2500 characters");
  await phone.answers.nth(1).waitFor({ timeout: PATIENCE });
  const parts = await phone.answers.allInnerTexts();
  assert.equal(parts.length, 2);
  assert.ok(parts[0].includes("The harbour wakes") && parts.every((part) => part.length <= 1700));
});

test("a slow model's answer comes later by REST and appears by itself", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Slow model", true, SLOW_SECONDS);
  await phone.send("Take your time");
  await phone.notes(/the answer comes later by REST\.$/);
  await phone.sees(echo("Take your time"));
  assert.match(
    await phone.answers.locator("xpath=..").locator(".meta").innerText(),
    /by REST\s+after \d/,
  );
  await phone.fault("Slow model", false);
});

test("a tapback on a bubble gets no answer, and a quote and a form reach the model", async () => {
  const page = await tests.open();
  const sms = await usePhone(page, 1);
  await sms.send("Hello");
  await sms.sees(echo("Hello"));
  await sms.card.getByRole("button", { name: "Like “" }).click();
  await sms.notes("No answer: the message is a reaction.");

  const phone = await usePhone(page, 1, { channel: "WhatsApp" });
  await phone.send("Which do you have?");
  await phone.sees(echo("Which do you have?"));
  await phone.card.locator(".in").getByRole("button", { name: "Quote “" }).click();
  await phone.card.getByText("Quoting “Nice to hear").waitFor();
  await phone.send("that one");
  await phone.answers.getByText("> Nice to hear from you!", { exact: false }).waitFor();
  await phone.card.locator("summary", { hasText: "Buttons and forms" }).click();
  await phone.card.getByRole("button", { name: "Send the form" }).click();
  await phone.answers.getByText("guests: 4", { exact: false }).waitFor();
});

test("a reset clears the conversation and says so", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("My boat is called Wagtail");
  await phone.sees(echo("My boat is called Wagtail"));
  await phone.send("reset");
  await phone.sees(RESET);
  await phone.send("What did I say first?");
  await phone.sees("You have said nothing before this message.");
});

test("a duplicate delivery is answered once, and the page shows that it came twice", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Duplicate delivery", true);
  await phone.send("Once is enough");
  await phone.sees(echo("Once is enough"));
  await phone.notes(/^Delivered twice: /);
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await tests.switchboard.playground.asked("Once is enough")).length, 1);
});

test("a message that Twilio retries is answered once", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Twilio retries", true);
  await phone.send("Try again");
  await phone.notes(/sends the message again\.$/);
  await phone.sees(echo("Try again"));
  await phone.notes(/^Sent again: /);
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await tests.switchboard.playground.asked("Try again")).length, 1);
  const choices = await page.getByLabel("Webhook").locator("option").allInnerTexts();
  assert.equal(choices.length, 2);
  assert.match(choices[0], /Retry: 200$/);
});

test("a model that fails, or whose answers are lost, leads to an apology, and works again when the switch is off", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
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

test("an answer by REST whose 201 is lost is shown once, and never sent twice", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Slow model", true, SLOW_SECONDS);
  await phone.fault("REST answer lost", true);
  await phone.send("Only once, please");
  await phone.sees(echo("Only once, please"));
  await phone.fault("REST answer lost", false);
  const isDone = ({ event, outcome, phone_hash: hash }) =>
    event === "outbox_part" && outcome === "sent" && hash === phoneHash(phone.from);
  await tests.switchboard.worker.logged(isDone, { timeout: 120_000 });
  assert.equal(await phone.answers.count(), 1);
  assert.equal((await tests.switchboard.playground.messagesTo(phone.from)).length, 1);
  await phone.fault("Slow model", false);
});

test("a forged message is rejected in the thread, and the same message with a valid signature is answered", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Forged signature", true);
  await phone.send("Trust me");
  await phone.notes(/^The Worker answered 403 to the forged signature: .* \(Twilio: 11200\)$/);
  await phone.card.getByTitle("Not delivered").waitFor();
  assert.equal(await phone.answers.count(), 0);
  assert.deepEqual(await tests.switchboard.playground.asked("Trust me"), []);
  await phone.replay("Trust me");
  await phone.sees(echo("Trust me"));
  await phone.card.getByTitle("Delivered").waitFor();
});

test("a replay returns the same answer and costs nothing, even after a reload, which shows all messages", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
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
  assert.equal((await tests.switchboard.playground.asked("Say that again")).length, 1);
});

test("an image is attached, shown, and reaches the model; another kind of file gets the Worker's notice", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  const image = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );
  const attach = (name, mimeType, buffer) =>
    phone.card.locator("input[type=file]").setInputFiles({ name, mimeType, buffer });
  await attach("wrong.txt", "text/plain", Buffer.from("not this"));
  await phone.card.getByRole("button", { name: "Do not send wrong.txt" }).click();
  await attach("boat.png", "image/png", image);
  await phone.send("What is this?");
  await phone.answers.filter({ hasText: `${image.length} bytes` }).waitFor({ timeout: PATIENCE });
  await page.reload();
  const shown = phone.card.getByAltText("Attached image, image/png");
  await eventually(
    "the image",
    () => shown.evaluate((/** @type {any} */ image) => image.naturalWidth === 1),
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
  const page = await tests.open();
  const one = await usePhone(page, 1);
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await usePhone(page, 2, { channel: "SMS" });
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
  const setup = async () =>
    (await fetch(`${tests.switchboard.playground.url}/playground/setup`)).json();
  await eventually(
    "its faults to go with it",
    async () => (await setup()).switches.phones.every(({ from }) => from !== two.from),
    PATIENCE,
  );
  await page.reload();
  assert.equal(await page.getByRole("article").count(), 1);
});

test("faults for all phones hit each of them", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
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

test("a Worker that is not running is reported in the thread", async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const lonely = await startPlayground({ worker: url });
  try {
    const page = await tests.open({ url: lonely.url });
    const phone = await usePhone(page, 1);
    await phone.send("Anybody there?");
    await phone.notes(`Nothing is listening at ${url}: start the Worker.`);
    await phone.card.getByTitle("Not delivered").waitFor();
  } finally {
    await tests.context.close();
    await lonely.close();
  }
});

test("a message that cannot be sent stays in the composer, with the reason", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.card.getByRole("button", { name: "Send from Phone 1" }).click();
  await phone.card.getByText("Write something, or attach a file.").waitFor();
  await page.route("**/playground/phone/messages", (route) => route.abort());
  await phone.order("Do not lose me");
  await phone.card.getByText("The playground does not answer. Is it still running?").waitFor();
  assert.equal(await phone.card.getByLabel("Message from Phone 1").inputValue(), "Do not lose me");
  // The browser's own words about the request that the test cut off.
  tests.problems = tests.problems.filter((problem) => !problem.includes("net::ERR_FAILED"));
});
