// The page and the shop's services behind an assistant's tools, in a real browser: the phones can
// write to the assistants' numbers, the inspector shows each signed call, and faults can be switched
// on. The last two tests live through the example assistants with the real Worker.
//
// The calls of the other tests are made here, signed by this file's own code. Not here: each fault
// of a tool and of an intake (tests/e2e).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { test } from "node:test";
import { exampleAssistants, FRONT_DESK, PRESS_RELEASE } from "../e2e/examples.mjs";
import { freshPair, pseudonym, SECRETS } from "../e2e/harness.mjs";
import { chooseNext, PATIENCE, setUpBrowserTests, usePhone } from "./browser.mjs";

const tests = setUpBrowserTests({ assistants: exampleAssistants });

test("a new phone can write to the number of an assistant, on each of its channels", async () => {
  const page = await tests.open();
  const to = page.getByLabel("writes to");
  for (const [index, [channel, number]] of [
    ["SMS", "+15550121"],
    ["WhatsApp", "whatsapp:+15550121"],
    ["RCS", "rcs:front_desk_agent"],
  ].entries()) {
    await chooseNext(page, channel, "front-desk");
    await page.getByRole("button", { name: "Add a phone" }).click();
    const card = page.getByRole("article", { name: `Phone ${index + 2}` });
    assert.ok((await card.locator(".route").innerText()).endsWith(` to ${number}`), channel);
  }
  await chooseNext(page, "Messenger");
  assert.deepEqual(await to.locator("option").allTextContents(), ["default number"]);
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

test("a question to the front desk is answered with the shop's words, and the inspector shows the Worker's call", async () => {
  const page = await tests.open();
  const pair = { from: freshPair().from, to: FRONT_DESK };
  const phone = await usePhone(page, 1, {}, pair);
  await phone.send("Where is order 1234?");
  await phone.sees("Order 1234: shipped, arrives Friday.");
  await page.getByRole("tab", { name: "Shop" }).click();
  const panel = page.getByRole("tabpanel", { name: "Shop" });
  // The newest is first. Below are calls of the other tests, because nobody has their phone.
  await panel.getByText(pseudonym(pair), { exact: false }).first().waitFor();
  const shown = await panel.innerText();
  for (const part of ["v1,", "200 in", '"order_id": "1234"', pseudonym(pair)])
    assert.ok(shown.includes(part), part);
  assert.match(
    await panel.getByLabel("Answer of the shop").first().innerText(),
    /"arrives": "Friday"/,
  );
});

test("a press release is asked for, confirmed and saved, and the inspector shows its delivery", async () => {
  const page = await tests.open();
  const pair = { from: freshPair().from, to: PRESS_RELEASE };
  const phone = await usePhone(page, 1, {}, pair);
  const replies = async (words, part) => {
    const before = await phone.answers.count();
    await phone.order(words);
    const answer = phone.answers.nth(before);
    await answer.waitFor({ timeout: PATIENCE });
    const text = await answer.innerText();
    assert.ok(text.includes(part), `${words}: ${text}`);
  };
  for (const [words, part] of [
    ["Hello", "What do you want to announce?"],
    ["4", "What is the name of the company?"],
    ["Wagtail Boats", "What should the headline say?"],
    ["Open day at the yard", "What are the key facts?"],
    ["The yard is open on 5 December 2026", "Is there a quote to use"],
    ["skip", "Please send the boilerplate"],
    ["Wagtail builds boats since 1998.", "Who is the contact for the media?"],
    ["Ana Marsh", "e-mail address?"],
    ["ana at example", "please give an e-mail address"],
    ["ana@example.org", "phone number"],
    ["+15550142", "Please check this."],
    ["yes", "Saved: we have your answers and the draft."],
  ])
    await replies(words, part);
  await page.getByRole("tab", { name: "Shop" }).click();
  const panel = page.getByRole("tabpanel", { name: "Shop" });
  await panel.getByText("Open day at the yard", { exact: false }).first().waitFor();
  assert.ok((await panel.innerText()).includes(pseudonym(pair)));
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
