// The playground's page as a whole, in a real browser: usage, the keyboard, narrow windows, and
// accessibility. UPDATE_SCREENSHOT=1 writes docs/phone.png, the screenshot in the README.
//
// Not here: what the phones do (phone).

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import zlib from "node:zlib";
import { inRoot } from "../../scripts/lib/project.mjs";
import { echo, eventually, freshPair, startPlayground } from "../e2e/harness.mjs";
import {
  assertFits,
  NARROW,
  PATIENCE,
  SLOW_SECONDS,
  setUpBrowserTests,
  usePhone,
  violations,
  WIDE,
} from "./browser.mjs";

const tests = setUpBrowserTests();

// The first one, so that no conversations of other tests are in it.
test("a screenshot of the page is not blank", async () => {
  const page = await tests.open();
  const one = await usePhone(page, 1, {}, { from: "+15550100", to: "+15550142" });
  await page.getByRole("button", { name: "Add a phone" }).click();
  const two = await usePhone(
    page,
    2,
    { channel: "WhatsApp" },
    { from: "+15550101", to: "+15550142" },
  );
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
  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  const screenshot = await page.screenshot({ animations: "disabled" });
  assert.deepEqual(
    [screenshot.readUInt32BE(16), screenshot.readUInt32BE(20)],
    [WIDE.width, WIDE.height],
  );
  assert.ok(shades(screenshot) > 60, "there is something in the screenshot");
  if (process.env.UPDATE_SCREENSHOT) fs.writeFileSync(inRoot("docs", "phone.png"), screenshot);
});

test("budget and limits are shown after every exchange, from the Worker's admin routes", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await page.getByRole("tab", { name: "Usage" }).click();
  const usage = page.getByRole("tabpanel", { name: "Usage" });
  await usage
    .getByText(/^\d+ of 1000$/)
    .first()
    .waitFor();
  await usage.getByText("nothing stored").waitFor();
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

test("the reason is shown if budget and limits are unknown", async () => {
  const other = await startPlayground({
    worker: tests.switchboard.worker.url,
    adminToken: "not the Worker's token, though as long as one",
  });
  const without = await startPlayground({ worker: tests.switchboard.worker.url, adminToken: "" });
  try {
    for (const { url, reason } of [
      { url: other.url, reason: "The Worker refused ADMIN_TOKEN (401)" },
      { url: without.url, reason: "The playground was started without ADMIN_TOKEN" },
    ]) {
      const page = await tests.open({ url });
      await page.getByRole("tab", { name: "Usage" }).click();
      await page
        .getByRole("tabpanel", { name: "Usage" })
        .getByText(reason, { exact: false })
        .waitFor();
      await tests.context.close();
    }
  } finally {
    await Promise.all([other.close(), without.close()]);
  }
});

test("everything can be done by keyboard alone, with a visible focus at every step", async () => {
  const page = await tests.open();
  const { from, to } = freshPair();
  const focus = () =>
    page.evaluate(() => {
      const at = /** @type {HTMLInputElement} */ (document.activeElement);
      // A file input is drawn as its label.
      const label = /** @type {Element} */ (at.nextElementSibling);
      const style = getComputedStyle(at.type === "file" ? label : at);
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
  assert.equal(await page.evaluate(() => document.activeElement?.id), "inspector");
  await tabTo("Exchange");
  for (const name of ["Log", "Model", "Shop", "Usage", "Faults", "Assistant", "Exchange"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal((await focus()).name, name);
    await page.getByRole("tabpanel", { name }).waitFor();
  }
  await tabTo("Add a phone", "Shift+Tab");
  await page.keyboard.press("Enter");
  assert.match((await focus()).name, /^Message from Phone 2/);
});

test("at phone width nothing scrolls sideways, whatever is open, and a message is answered", async () => {
  const page = await tests.open({ viewport: NARROW });
  const phone = await usePhone(page, 1);
  await phone.send(`A${"very".repeat(40)}long word, and https://example.com/${"path/".repeat(30)}`);
  await phone.answers.first().waitFor({ timeout: PATIENCE });
  await page.getByRole("button", { name: "Add a phone" }).click();
  for (const drawer of await page.locator(".drawer > summary:visible").all()) {
    await drawer.click();
    await assertFits(page, "a drawer");
  }
  for (const tab of await page.getByRole("tab").all()) {
    await tab.click();
    await assertFits(page, await tab.innerText());
  }
});

test("no serious accessibility fault, light and dark, wide and narrow, with everything in use", async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const viewport of [WIDE, NARROW]) {
      const where = `${colorScheme}, ${viewport.width} wide`;
      const page = await tests.open({ viewport, colorScheme });
      const light = await page.evaluate(() =>
        getComputedStyle(document.body)
          .backgroundColor.match(/\d+/g)
          ?.every((part) => Number(part) > 128),
      );
      assert.equal(light, colorScheme === "light", where);
      const phone = await usePhone(page, 1);
      assert.deepEqual(await violations(page), [], `${where}, empty`);
      await phone.send("Hello");
      await phone.sees(echo("Hello"));
      await phone.fault("Forged signature", true);
      await phone.send("Forged");
      await phone.notes(/^The Worker answered 403/);
      await page.getByRole("button", { name: "Add a phone" }).click();
      for (const drawer of await page.locator(".drawer").all())
        await drawer.evaluate((/** @type {any} */ element) => (element.open = true));
      for (const tab of await page.getByRole("tab").all()) {
        await tab.click();
        assert.deepEqual(await violations(page), [], `${where}, ${await tab.innerText()}`);
      }
      await phone.fault("Forged signature", false);
      await tests.context.close();
    }
  }
});

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
