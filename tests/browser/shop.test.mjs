// The page and the shop's services behind an assistant's tools, in a real browser: the phones can
// write to the assistants' numbers, the inspector shows each signed call, and faults can be switched
// on.
//
// The calls are made here, signed by this file's own code. Not here: the calls of the Worker
// (tests/e2e).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { test } from "node:test";
import { pseudonym, SECRETS } from "../e2e/harness.mjs";
import { PATIENCE, setUpBrowserTests, usePhone } from "./browser.mjs";

const tests = setUpBrowserTests();

test("a new phone can write to the number of an assistant, on each of its channels", async () => {
  const page = await tests.open();
  const to = page.getByLabel("writes to");
  for (const [index, [channel, number]] of [
    ["SMS", "+15550121"],
    ["WhatsApp", "whatsapp:+15550121"],
    ["RCS", "rcs:front_desk_agent"],
  ].entries()) {
    await page.getByLabel("Next phone").selectOption({ label: channel });
    await to.selectOption({ label: "front-desk" });
    await page.getByRole("button", { name: "Add a phone" }).click();
    const card = page.getByRole("article", { name: `Phone ${index + 2}` });
    assert.ok((await card.locator(".route").innerText()).endsWith(` to ${number}`), channel);
  }
  await page.getByLabel("Next phone").selectOption({ label: "Messenger" });
  assert.deepEqual(await to.locator("option").allInnerTexts(), ["default number"]);
});

test("the inspector shows a call of the shop with its signature, status and body, on its phone alone", async () => {
  const page = await tests.open();
  const one = await usePhone(page, 1);
  await one.send("Hello");
  await one.answers.first().waitFor({ timeout: PATIENCE });
  const answer = await call(one, "1234");
  assert.deepEqual([answer.status, answer.body.status], [200, "shipped"]);
  await page.getByRole("tab", { name: "Shop" }).click();
  const panel = page.getByRole("tabpanel", { name: "Shop" });
  await panel.getByText("orders: order_status").waitFor();
  const shown = await panel.innerText();
  for (const part of ["webhook-id", "webhook-timestamp", "v1,", "200 in", '"order_id": "1234"'])
    assert.ok(shown.includes(part), part);
  assert.match(await panel.getByLabel("Answer of the shop").innerText(), /"arrives": "Friday"/);
  await page.getByRole("button", { name: "Add a phone" }).click();
  await panel.getByText("No calls yet.", { exact: false }).waitFor();
});

test("the shop's faults are switched on for one phone, and the inspector names them", async () => {
  const page = await tests.open();
  const phone = await usePhone(page, 1);
  await phone.send("Hello");
  await phone.answers.first().waitFor({ timeout: PATIENCE });
  await phone.card.locator("summary", { hasText: "Faults" }).click();
  const select = async (label) => {
    const set = page.waitForResponse((response) => response.url().endsWith("/playground/switches"));
    await phone.card.getByLabel("Shop’s services").selectOption({ label });
    assert.equal((await set).status(), 200);
  };
  await select("Answer 500");
  await phone.card.getByText("1 on").waitFor();
  assert.equal((await call(phone, "1234")).status, 500);
  assert.equal((await call({ from: "+15550100", to: "+15550199" }, "1234")).status, 200);
  await page.getByRole("tab", { name: "Shop" }).click();
  await page
    .getByRole("tabpanel", { name: "Shop" })
    .getByText("fault: status 500", { exact: false })
    .waitFor();
  await select("Work");
  assert.equal((await call(phone, "1234")).status, 200);
});

// Calls the order service as the Worker would for this pair of addresses.
async function call(pair, order) {
  const id = `msg_${crypto.randomBytes(8).toString("hex")}`;
  const at = String(Math.floor(Date.now() / 1000));
  const body = JSON.stringify({
    tool: "order_status",
    arguments: { order_id: order },
    conversation: pseudonym(pair),
  });
  const key = Buffer.from(SECRETS.ORDERS_SECRET.slice("whsec_".length), "base64");
  const mac = crypto.createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64");
  const response = await fetch(`${tests.switchboard.playground.url}/tools/orders`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": at,
      "webhook-signature": `v1,${mac}`,
    },
    body,
  });
  return { status: response.status, body: await response.json() };
}
