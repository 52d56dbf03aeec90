// A phone call on the page, in a real browser: what the assistant says appears, typing cuts it off, and
// the call ends by a button.
//
// Not here: every rule of a call (native tests, tests/e2e/voice.test.mjs), and the protocol (the
// playground's own tests).

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, freshPair } from "../e2e/harness.mjs";
import { SECRETS } from "../e2e/identities.mjs";
import { PATIENCE, setUpBrowserTests, usePhone } from "./browser.mjs";

/** A number of the playground's account. */
const NUMBER = "+15550199";

const tests = setUpBrowserTests();

/** Calls from the first phone, and waits for the greeting. */
async function call() {
  const page = await tests.open();
  const card = page.getByRole("article", { name: "Phone 1" });
  await card.getByRole("button", { name: "Call from Phone 1" }).click();
  const words = card.getByRole("log", { name: "Words of the call of Phone 1" });
  await words.getByText("Hello! How can I help you?").first().waitFor({ timeout: PATIENCE });
  const say = card.getByLabel("Words in the call of Phone 1");
  return { card, words, say };
}

/** How many sessions the newest call has had: each begins with `setup`. */
async function sessions() {
  const get = async (path) => (await fetch(tests.switchboard.playground.url + path)).json();
  const { calls } = await get("/playground/calls");
  const { frames } = await get(`/playground/calls/${calls.at(-1).sid}/frames`);
  return frames.filter(({ frame }) => frame.type === "setup").length;
}

test("a caller hears the greeting and an answer to what is typed, and hangs up", async () => {
  const { card, words, say } = await call();
  await say.fill("When do you open?");
  await say.press("Enter");
  await words.locator(".out", { hasText: "When do you open?" }).waitFor({ timeout: PATIENCE });
  await words.locator(".in").nth(1).waitFor({ timeout: PATIENCE });
  await words.getByText(/first token after/).waitFor({ timeout: PATIENCE });
  await card.getByRole("button", { name: "Hang up" }).click();
  await card.getByText(/^Call ended: completed/).waitFor({ timeout: PATIENCE });
  const { worker } = tests.switchboard;
  const ended = await worker.logged(({ event }) => event === "call");
  assert.equal(ended.ended_by, "caller");
});

test("a phone that Switchboard calls rings, and is answered on the page", async () => {
  const page = await tests.open();
  const { card, from: to, to: from } = await usePhone(page, 1, {}, { ...freshPair(), to: NUMBER });
  const wanted = JSON.stringify({ to, assistant: "default", from });
  const { status, text } = await tests.switchboard.worker.request("/admin/calls", {
    method: "POST",
    headers: {
      Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
      "Content-Type": "application/json",
    },
    body: wanted,
  });
  assert.equal(status, 202, text);
  await card.getByText("Switchboard calls", { exact: true }).waitFor({ timeout: PATIENCE });
  assert.equal(await card.getByRole("button", { name: "Hang up" }).count(), 0);
  await card.getByRole("button", { name: "Answer" }).click();
  const words = card.getByRole("log", { name: "Words of the call of Phone 1" });
  await words.getByText("This is an automated assistant").waitFor({ timeout: PATIENCE });
  await card.getByRole("button", { name: "Hang up" }).click();
  await card.getByText(/^Call ended: completed/).waitFor({ timeout: PATIENCE });
});

test("a socket that dies is replaced, and the call goes on without another greeting", async () => {
  const { card, words, say } = await call();
  await card.getByRole("button", { name: "Socket dies" }).click();
  await words.getByText(/The socket was closed.*1006/).waitFor({ timeout: PATIENCE });
  await eventually("the second session", async () => (await sessions()) === 2);
  await say.fill("Are you still with me?");
  await say.press("Enter");
  await words.locator(".in").nth(1).waitFor({ timeout: PATIENCE });
  assert.equal(await words.getByText("Hello!").count(), 1, "nobody is greeted twice");
  await card.getByRole("button", { name: "Hang up" }).click();
  await card.getByText(/^Call ended/).waitFor({ timeout: PATIENCE });
});
