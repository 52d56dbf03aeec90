// Copying and exporting, in a real browser: what is in the clipboard and in the files.
//
// The exported script runs in a shell in which `curl` only writes down its words. So the test sees what
// curl would get, and sends it itself.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { test } from "node:test";
import { echo, SECRETS } from "../e2e/harness.mjs";
import { setUpBrowserTests, usePhone } from "./browser.mjs";

const tests = setUpBrowserTests();
const TEXT = `It's "quoted" & $HOME\n\`second\` line: 100 %`;

/** Opens the page with a phone that has written once, and allows the clipboard. */
async function withThread() {
  const page = await tests.open();
  await tests.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const phone = await usePhone(page, 1);
  await phone.send("Hello");
  await phone.sees(echo("Hello"));
  const panel = page.getByRole("tabpanel", { name: "Exchange" });
  await panel.locator(".status").waitFor();
  const copy = async (name, where = panel) => {
    await where.getByRole("button", { name, exact: true }).click();
    const copied = where.getByText("Copied");
    await copied.waitFor();
    await copied.waitFor({ state: "detached" });
    return page.evaluate(() => navigator.clipboard.readText());
  };
  return { page, phone, panel, copy };
}

test("the answer, the request, its SID, the model's request and the log can be copied", async () => {
  const { page, phone, copy } = await withThread();
  assert.match(await copy("Copy the answer"), /^<\?xml[\s\S]*Hello/);
  assert.match(await copy("Copy as curl"), /^curl -sS -X POST 'http:/);
  assert.match(await copy("Copy the SID"), /^SM[0-9a-f]{32}$/);
  await page.getByRole("tab", { name: "Model" }).click();
  const model = page.getByRole("tabpanel", { name: "Model" });
  const body = JSON.parse(await copy("Copy as JSON", model));
  assert.equal(body.messages.at(-1).content, "Hello");
  await page.getByRole("tab", { name: "Log" }).click();
  const log = page.getByRole("tabpanel", { name: "Log" });
  await log.getByText("turn", { exact: false }).first().waitFor();
  assert.match(await copy("Copy the lines", log), /^\d\d:\d\d:\d\d /m);
  assert.ok(phone);
});

test("a thread is saved as JSON with its messages and webhooks, and without the token", async () => {
  const { page, phone, panel } = await withThread();
  await panel.getByText("Export this phone’s thread").click();
  const download = page.waitForEvent("download");
  await panel.getByRole("button", { name: "Save JSON" }).click();
  const file = await download;
  assert.match(file.suggestedFilename(), /^thread-1555\d+\.json$/);
  const text = fs.readFileSync(await file.path(), "utf8");
  const thread = JSON.parse(text);
  assert.deepEqual(
    [thread.format, thread.version, thread.channel, thread.from, thread.to],
    ["switchboard-thread", 1, "sms", phone.from, phone.to],
  );
  assert.deepEqual(
    thread.messages.map(({ direction, text: words }) => [direction, words]),
    [
      ["to_worker", "Hello"],
      ["from_worker", echo("Hello")],
    ],
  );
  const [{ request, answer, sid }] = thread.webhooks;
  assert.deepEqual([answer.status, sid], [200, thread.messages[0].sid]);
  assert.ok(request.headers.some(([name]) => name === "X-Twilio-Signature"));
  for (const token of SECRETS.TWILIO_AUTH_TOKEN.split(",")) assert.ok(!text.includes(token));
});

test("the curl commands send the same messages again, whatever is in them", async () => {
  const { phone, panel, copy } = await withThread();
  await phone.card.getByLabel("Message from Phone 1").fill(TEXT);
  await phone.card.getByRole("button", { name: "Send from Phone 1" }).click();
  await phone.answers.nth(1).waitFor();
  await panel.getByText("Export this phone’s thread").click();
  const script = await copy("Copy curl");
  for (const token of SECRETS.TWILIO_AUTH_TOKEN.split(",")) assert.ok(!script.includes(token));
  const calls = wordsOf(script);
  assert.equal(calls.length, 2);
  const answers = [];
  for (const words of calls) {
    const form = new URLSearchParams();
    /** @type {Record<string, string>} */
    const headers = {};
    for (const [index, word] of words.entries()) {
      const next = words[index + 1] ?? "";
      if (word === "-H") headers[next.split(": ")[0]] = next.slice(next.indexOf(": ") + 2);
      if (word === "--data-urlencode")
        form.append(next.slice(0, next.indexOf("=")), next.slice(next.indexOf("=") + 1));
    }
    const url = words.find((word) => word.startsWith("http")) ?? "";
    const answer = await fetch(url, { method: "POST", headers, body: form });
    answers.push([answer.status, await answer.text()]);
  }
  assert.deepEqual(
    answers.map(([status]) => status),
    [200, 200],
  );
  assert.ok(String(answers[0][1]).includes("Hello"), "the same MessageSid gets the same answer");
  assert.ok(String(answers[1][1]).includes("message 2 of our conversation"));
});

// The words of each `curl` of a script, as a shell reads them.
function wordsOf(script) {
  const shell = `curl() { printf '%s\\0' "$@"; printf '\\1\\0'; }\n${script}`;
  const output = execFileSync("sh", ["-c", shell], { encoding: "utf8" });
  const calls = output.split("\u0001\0").filter(Boolean);
  return calls.map((call) => call.split("\0").slice(0, -1));
}
