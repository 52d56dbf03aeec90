// What phones of each channel have besides texts, in a real browser: their addresses, voice notes and
// the typing indicator.
//
// Not here: what all phones do (phone).

import assert from "node:assert/strict";
import { test } from "node:test";
import { echo } from "../e2e/harness.mjs";
import { chooseNext, PATIENCE, SLOW_SECONDS, setUpBrowserTests, usePhone } from "./browser.mjs";

const tests = setUpBrowserTests();

test("Add a phone offers every channel, and each is answered except a short code", async () => {
  const page = await tests.open();
  await usePhone(page, 1);
  const next = page.getByLabel("Next phone");
  const offered = await next.locator("option").allTextContents();
  assert.deepEqual(offered, ["SMS", "WhatsApp", "WhatsApp user", "RCS", "Messenger", "Short code"]);
  for (const [index, channel] of offered.entries()) {
    const name = `Phone ${index + 2}`;
    await chooseNext(page, channel);
    await page.getByRole("button", { name: "Add a phone" }).click();
    const card = page.getByRole("article", { name });
    assert.equal(await card.locator(".badge").innerText(), channel);
    const words = `Hello by ${channel}`;
    await card.getByLabel(`Message from ${name}`).fill(words);
    await card.getByLabel(`Message from ${name}`).press("Enter");
    await card.getByTitle(/^(Delivered|Read)$/).waitFor({ timeout: PATIENCE });
    const answers = card.locator(".in .bubble");
    if (channel === "Short code") assert.equal(await answers.count(), 0);
    else await answers.getByText(echo(words), { exact: true }).waitFor({ timeout: PATIENCE });
  }
});

test("another channel gives a phone addresses that it has", async () => {
  const page = await tests.open();
  const card = page.getByRole("article", { name: "Phone 1" });
  await card.locator("summary", { hasText: "Numbers" }).click();
  const value = (label) => card.getByLabel(label, { exact: true }).inputValue();
  for (const { channel, from, to } of [
    { channel: "WhatsApp user", from: /^US\.\d+$/, to: "+15550199" },
    { channel: "Messenger", from: /^\d+$/, to: "1415523888600" },
    { channel: "RCS", from: /^\+155501\d\d$/, to: "brand_x_agent" },
    { channel: "Short code", from: /^688\d\d$/, to: "+15550199" },
    { channel: "SMS", from: /^\+155501\d\d$/, to: "+15550199" },
  ]) {
    await card.getByLabel("Channel").selectOption({ label: channel });
    assert.match(await value("From"), from, channel);
    assert.equal(await value("To"), to, channel);
  }
});

test("on WhatsApp the Worker's typing shows on that phone alone, until the answer comes, and the message is read", async () => {
  const page = await tests.open();
  const one = await usePhone(page, 1);
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await usePhone(page, 2, { channel: "WhatsApp" });
  await two.fault("Slow model", true, SLOW_SECONDS);
  await two.send("Are you there?");
  await two.card.getByText("Switchboard is typing").waitFor({ timeout: PATIENCE });
  assert.equal(await one.card.getByText("Switchboard is typing").count(), 0);
  await two.card.getByTitle("Read", { exact: true }).waitFor();
  await two.sees(echo("Are you there?"));
  assert.equal(await two.card.getByText("Switchboard is typing").count(), 0);
  await two.fault("Slow model", false);
});

test("on RCS the Worker's typing shows on the phone that wrote to the agent, until the answer comes", async () => {
  const page = await tests.open();
  await usePhone(page, 1);
  const phones = [];
  for (const number of [2, 3]) {
    await chooseNext(page, "RCS");
    await page.getByRole("button", { name: "Add a phone" }).click();
    phones.push(page.getByRole("article", { name: `Phone ${number}` }));
  }
  const [other, card] = phones;
  // An agent of its own, because phones of other tests have the same contacts.
  await card.locator("summary", { hasText: "Numbers" }).click();
  await card.getByLabel("To", { exact: true }).fill("typing_agent");
  await card.getByLabel("To", { exact: true }).press("Tab");
  await card.locator("summary", { hasText: "Faults" }).click();
  const switched = () =>
    page.waitForResponse((response) => response.url().endsWith("/playground/switches"));
  await card.getByLabel("Seconds that the model takes").fill(String(SLOW_SECONDS));
  const on = switched();
  await card.getByLabel("Slow model", { exact: true }).setChecked(true);
  await on;
  const text = card.getByLabel("Message from Phone 3");
  await text.fill("Are you there?");
  await text.press("Enter");
  await card.getByText("Switchboard is typing").waitFor({ timeout: PATIENCE });
  assert.equal(await other.getByText("Switchboard is typing").count(), 0);
  const answer = card.locator(".in .bubble").getByText(echo("Are you there?"), { exact: true });
  await answer.waitFor({ timeout: PATIENCE });
  assert.equal(await card.getByText("Switchboard is typing").count(), 0);
  assert.equal(await card.getByTitle("Read", { exact: true }).count(), 0, "RCS says no such thing");
  const requests = await tests.switchboard.playground.requests("twilio");
  const typed = requests.filter(({ path }) => path === "/v3/Indicators/Typing.json");
  assert.deepEqual(
    typed.map(({ body }) => body).filter(({ channel }) => channel === "RCS"),
    [{ channel: "RCS", from: "rcs:typing_agent", to: typed.at(-1).body.to, event: "START" }],
  );
  const off = switched();
  await card.getByLabel("Slow model", { exact: true }).setChecked(false);
  await off;
});

test("the microphone attaches a voice note that says what is written, and its words reach the model", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1, { channel: "WhatsApp" });
  const { card } = phone;
  const speak = card.getByRole("button", { name: "Attach a voice note in Phone 1" });
  const text = card.getByLabel("Message from Phone 1");
  const attached = card.getByRole("list", { name: "Files to send" }).getByRole("listitem");
  await speak.click();
  await card.getByRole("button", { name: "Do not send voice-note.ogg" }).click();
  assert.equal(await attached.count(), 0, "it can be thrown away");

  await text.fill("Is the harbour open tomorrow?");
  await speak.click();
  await attached.getByText("voice-note.ogg", { exact: true }).waitFor();
  assert.equal(await text.inputValue(), "", "the words are in the note");
  await phone.order("");
  await phone.sees(echo("Is the harbour open tomorrow?"));
  await card.locator(".out .bubble .file", { hasText: "audio/ogg" }).waitFor();
  await page.getByRole("tab", { name: "Model" }).click();
  const model = page.getByRole("tabpanel", { name: "Model" });
  await model.getByText("Is the harbour open tomorrow?").first().waitFor();

  // Without a word it says a sentence of its own.
  await speak.click();
  await attached.getByText("voice-note.ogg", { exact: true }).waitFor();
  await phone.order("");
  await phone.sees(echo("Do you open on Sunday?", 2));
});

test("a voice note that the playground cannot make leaves the words where they are, with the reason", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await page.route("**/playground/voice-note?*", (route) => route.abort());
  const text = phone.card.getByLabel("Message from Phone 1");
  await text.fill("Do not lose me");
  await phone.card.getByRole("button", { name: "Attach a voice note in Phone 1" }).click();
  await phone.card.getByText("The playground made no voice note.", { exact: false }).waitFor();
  assert.equal(await text.inputValue(), "Do not lose me");
  // The browser's own words about the request that the test cut off.
  tests.problems = tests.problems.filter((problem) => !problem.includes("net::ERR_FAILED"));
});
