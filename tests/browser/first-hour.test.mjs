// What the page tells somebody who sees it for the first time, in a real browser: what is mocked, why
// there is no answer, what is waited for, which faults are on, and what the Worker remembers.
//
// Not here: what the phones do (phone), the keyboard and accessibility (page).

import assert from "node:assert/strict";
import { test } from "node:test";
import { echo, eventually, freshPair, startPlayground } from "../e2e/harness.mjs";
import { PATIENCE, SLOW_SECONDS, setUpBrowserTests, usePhone } from "./browser.mjs";

const SIZES = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1024, height: 768 },
  { width: 1440, height: 900 },
  { width: 1920, height: 1080 },
];

const tests = setUpBrowserTests();

test("a new browser has an SMS and a WhatsApp phone, and reads what is mocked", async () => {
  const page = await tests.open({ phones: undefined });
  const badges = page.getByRole("article").locator(".badge");
  assert.deepEqual(await badges.allInnerTexts(), ["SMS", "WhatsApp"]);
  await page.getByText("Switchboard puts OpenAI assistants behind phone numbers.").waitFor();
  await page.getByText("Twilio: mock", { exact: true }).waitFor();
  await tell("PUT", "launcher", {
    settings: [],
    openai: { asked: "mock", can_switch: false },
    twilio: "api.twilio.com",
  });
  await page.getByText("Twilio: real", { exact: true }).waitFor();
  await page.getByText("OpenAI: mock", { exact: true }).waitFor();
});

test("a suggestion sends at once, and none of them deletes data", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  const chips = await phone.card.locator(".suggestions .chip").allInnerTexts();
  assert.ok(chips.length > 2 && !chips.join().includes("delete"), chips.join());
  await phone.card.getByRole("button", { name: /^Hello/ }).click();
  await phone.sees(echo("Hello"));
});

test("a message box and its phone fit into every window, with the inspector beside them from 768 pixels", async () => {
  for (const viewport of SIZES) {
    const page = await tests.open({ viewport, phones: undefined });
    const where = `${viewport.width}`;
    const inWindow = async (locator) => {
      const box = await locator.boundingBox();
      assert.ok(box, where);
      assert.ok(
        box.y >= 0 &&
          box.x >= 0 &&
          box.y + box.height <= viewport.height &&
          box.x + box.width <= viewport.width,
        `${where}: ${JSON.stringify(box)}`,
      );
    };
    await inWindow(page.getByLabel("Message from Phone 1"));
    await inWindow(page.getByText("Live", { exact: true }));
    const head = await page.locator(".top").boundingBox();
    assert.ok(head && head.height < 70, `${where}: the head is one line`);
    if (viewport.width >= 768) await inWindow(page.getByRole("tab", { name: "Exchange" }));
    const open = await page.getByRole("article").count();
    assert.equal(open, viewport.width >= 1440 ? 2 : 1, where);
    await tests.context.close();
  }
});

test("a message from elsewhere is in the thread of its phone, and one without a phone can get one", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  const sent = { channel: "sms", from: phone.from, to: phone.to, text: "From a terminal" };
  await tell("POST", "phone/messages", sent);
  await phone.sees(echo("From a terminal"));
  const other = freshPair();
  await tell("POST", "phone/messages", { ...sent, ...other, text: "Nobody shows me" });
  await page.getByText(/conversations? ha(s|ve) no phone$/).click();
  await page
    .getByRole("button", { name: `Open ${other.from}` })
    .last()
    .click();
  const second = page.getByRole("article", { name: "Phone 2" });
  await second
    .locator(".in .bubble")
    .getByText(echo("Nobody shows me"), { exact: true })
    .waitFor({ timeout: PATIENCE });
});

test("an empty thread says what the Worker remembers, and resets it", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("Remember me");
  await phone.sees(echo("Remember me"));
  await tests.context.close();
  const later = await startPlayground({ worker: tests.switchboard.worker.url });
  try {
    const again = await usePhone(await tests.open({ url: later.url }), 1, {}, phone);
    await again.card.getByText("The Worker remembers 1 turn of this conversation").waitFor();
    await again.card.getByRole("button", { name: "Reset the conversation" }).click();
    await again.sees("Done: our conversation is cleared. What would you like to talk about?");
  } finally {
    await tests.context?.close();
    await later.close();
  }
});

test("the reason of an empty answer is the one in the Worker's log", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("STOP");
  await phone.notes("No answer: the contact has opted out, and Twilio confirms that itself.");
  await phone.send("Hello?");
  await phone.notes("No answer: this contact has opted out. START opts in again.");
  await phone.send("START");
});

test("what is waited for is shown, with the seconds, until the answer comes by REST", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Slow model", true, SLOW_SECONDS);
  await phone.send("Take your time");
  const waiting = phone.card.locator(".typing");
  await waiting.getByText("Waiting", { exact: true }).waitFor();
  await waiting.getByText(/^\s*[1-9]\d* s$/).waitFor();
  await waiting.getByText("The answer comes later by REST, waiting").waitFor({ timeout: PATIENCE });
  await phone.sees(echo("Take your time"));
  await eventually("no more waiting", async () => (await waiting.innerText()).trim() === "");
  await phone.fault("Slow model", false);
});

test("faults that are on have their names on the phone and above all phones, and a click removes one", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.fault("Model error", true);
  await phone.fault("Slow model", true, 3);
  await phone.closeFaults();
  const chips = phone.card.getByRole("list", { name: "Faults of Phone 1 that are on" });
  await chips.getByText("Slow model, 3 s").waitFor();
  await chips.getByText("Model error").click();
  await eventually(
    "one chip less",
    async () => (await chips.locator("li").count()) === 1,
    PATIENCE,
  );
  await chips.getByText("Slow model").click();
  await chips.waitFor({ state: "hidden" });
  await page.getByRole("tab", { name: "Faults" }).click();
  await page
    .getByRole("group", { name: "Faults for all phones" })
    .getByLabel("Duplicate delivery")
    .check();
  const all = page.getByRole("list", { name: "Faults for all phones that are on" });
  await page.getByRole("tab", { name: "Faults 1 on for all phones" }).waitFor();
  await all.getByText("Duplicate delivery").click();
  await all.waitFor({ state: "hidden" });
});

test("the last switch of a phone can be reached in a low window", async () => {
  const page = await tests.open({ viewport: { width: 1024, height: 600 } });
  const phone = await usePhone(page, 1);
  await phone.fault("Model error", true);
  await phone.fault("Model error", false);
  const last = phone.card.getByLabel("A called phone");
  await last.scrollIntoViewIfNeeded();
  const [control, card] = await Promise.all([last.boundingBox(), phone.card.boundingBox()]);
  assert.ok(control && card && control.y + control.height <= card.y + card.height);
});

test("a replay shows the message that is repeated", async () => {
  const page = await tests.open({ viewport: { width: 1024, height: 600 } });
  const phone = await usePhone(page, 1);
  await phone.send("Say that again");
  await phone.sees(echo("Say that again"));
  for (let number = 2; number < 5; number += 1) {
    await phone.send(`Message ${number}`);
    await phone.sees(echo(`Message ${number}`, number));
  }
  await phone.replay("Say that again");
  const item = phone.card.locator("li.out.flash", { hasText: "Say that again" });
  await item.waitFor();
  await eventually("the message in sight", async () => {
    const [one, thread] = await Promise.all([
      item.boundingBox(),
      phone.card.getByRole("log").boundingBox(),
    ]);
    return one && thread && one.y >= thread.y && one.y < thread.y + thread.height;
  });
  await phone.card.getByText("sent 2 times").waitFor();
});

test("the twelfth phone is the last one, all have names after a reload, and folded ones tell of new messages", async () => {
  const page = await tests.open();
  const add = page.getByRole("button", { name: "Add a phone" });
  for (let number = 2; number <= 12; number += 1) await add.click();
  assert.ok(await add.isDisabled());
  await page.getByText("There are 12 phones, which is the most.", { exact: false }).waitFor();
  await add.click({ force: true });
  await page.reload();
  await page.getByRole("button", { name: "Open Phone 12" }).waitFor();
  const names = await page
    .locator(".phone h2")
    .evaluateAll((all) => all.map((one) => one.textContent));
  assert.deepEqual(
    names,
    Array.from({ length: 12 }, (_, index) => `Phone ${index + 1}`),
  );
  const row = page.getByRole("button", { name: "Open Phone 12" });
  const stored = await page.evaluate(() => JSON.parse(localStorage["switchboard.phones"]));
  const { channel, from, to } = stored.at(-1);
  await tell("POST", "phone/messages", { channel, from, to, text: "To a folded phone" });
  await row.getByText("1 unread").waitFor({ timeout: PATIENCE });
  await row.press("Enter");
  await page.getByRole("article", { name: "Phone 12" }).waitFor();
});

test("without any phone the page offers one", async () => {
  const page = await tests.open();
  await page.getByRole("button", { name: "Remove Phone 1" }).click();
  await page.reload();
  await page.getByRole("button", { name: "Add a WhatsApp phone" }).click();
  await page.getByRole("article", { name: "Phone 1" }).waitFor();
});

test("a long text makes the message box higher, up to a limit", async () => {
  const page = await tests.open();
  const box = page.getByLabel("Message from Phone 1");
  const height = () => box.evaluate((element) => element.getBoundingClientRect().height);
  const low = await height();
  await box.fill("word ".repeat(40));
  const middle = await height();
  await box.fill("word ".repeat(2000));
  const high = await height();
  assert.ok(low < middle && middle < high && high < 200, `${low} ${middle} ${high}`);
});

test("a sound has the name of its file, and a line of the log begins with its outcome", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.card.getByRole("button", { name: "Attach a voice note in Phone 1" }).click();
  await phone.card.getByText("voice-note.ogg", { exact: true }).waitFor();
  await phone.order("");
  await phone.card.getByText("voice-note.ogg, audio/ogg").waitFor({ timeout: PATIENCE });
  await page.getByRole("tab", { name: "Log" }).click();
  const turn = page
    .getByRole("tabpanel", { name: "Log" })
    .locator("li", { hasText: /turn.*Phone 1/ });
  await turn.first().waitFor({ timeout: PATIENCE });
  assert.match(
    await turn.first().locator(".facts > span").first().innerText(),
    /^outcome answered$/,
  );
});

test("the state of the build stands in the head", async () => {
  const page = await tests.open();
  const status = page.locator("#connection");
  for (const [state, detail, words] of /** @type {[string, string | null, string][]} */ ([
    ["building", null, "Building…"],
    ["failed", "error in src/lib.rs", "Build failed: error in src/lib.rs"],
    ["live", null, "Live"],
  ])) {
    await tell("POST", "build", { state, detail });
    await status.getByText(words, { exact: true }).waitFor();
  }
});

// A request to the playground from outside the page.
async function tell(method, path, body) {
  const response = await fetch(`${tests.switchboard.playground.url}/playground/${path}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${path}: ${response.status}`);
}
