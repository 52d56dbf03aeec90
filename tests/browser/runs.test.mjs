// The page of synthetic conversations, in a real browser: a batch is begun, followed, filtered,
// downloaded, paused, cancelled and deleted, and its transcripts are read.
//
// The playground's own model plays the personas and scores them. Not here: the numbers behind the
// charts (run-numbers), and the batch itself (native tests). UPDATE_SCREENSHOT=1 writes docs/runs.png.

import assert from "node:assert/strict";
import fs from "node:fs";
import { test } from "node:test";
import { inRoot } from "../../scripts/lib/project.mjs";
import { eventually, SECRETS, startPlayground } from "../e2e/harness.mjs";
import { assertFits, NARROW, PATIENCE, setUpBrowserTests, violations, WIDE } from "./browser.mjs";

const ESTIMATE = /^At most [\d,]+ requests to the model/;

const tests = setUpBrowserTests();

/** @param {{ query?: string, viewport?: typeof WIDE, colorScheme?: "light" | "dark" }} [options] */
function open({ query = "", ...options } = {}) {
  return tests.open({ url: `${tests.switchboard.playground.url}/runs${query}`, ...options });
}

/** Begins a batch with the form, and waits until the page shows it. */
async function begin(page, label, count, more = {}) {
  await page.getByRole("button", { name: "New batch" }).click();
  const form = page.getByRole("dialog", { name: "New batch" });
  await form.getByLabel("Label").fill(label);
  await form.getByLabel("Conversations").fill(String(count));
  if (more.pace) {
    await form.getByText("More settings").click();
    await form.getByLabel("Begin in a minute").fill(String(more.pace));
  }
  await form.getByText(ESTIMATE).waitFor();
  await form.getByRole("button", { name: `Begin ${count} conversation` }).click();
  await page.getByRole("heading", { name: label, exact: true }).waitFor();
}

/** Waits until all runs of the chosen batch have ended and are listed. */
async function finished(page, count) {
  await page
    .getByText(new RegExp(`^${count} of ${count} runs? ended`))
    .waitFor({ timeout: PATIENCE });
  await page.getByRole("button", { name: `Download ${count} transcript` }).waitFor();
}

/** The ids of the listed runs, as the download has them. */
async function downloaded(page) {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /^Download \d+ transcripts?$/ }).click(),
  ]);
  const text = fs.readFileSync(await download.path(), "utf8");
  return { name: download.suggestedFilename(), text, lines: text.trimEnd().split("\n") };
}

/** The status and text of an admin route of the Worker. */
function admin(path) {
  const headers = { Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}` };
  return tests.switchboard.worker.request(path, { headers });
}

test("a batch is estimated, begun and followed, and a transcript shows both sides and the quotes of its scores", async () => {
  const page = await open();
  await page.getByRole("heading", { name: "No conversations yet" }).waitFor();
  await begin(page, "First of all", 3);
  await finished(page, 3);
  await page.getByText("Finished").first().waitFor();
  for (const title of ["How long lines take", "Lines of a run", "Endings", "Scores by pair"])
    await page.getByRole("heading", { name: title }).waitFor();
  assert.ok((await page.locator(".plot canvas").count()) === 3, "the charts are drawn");
  await page.getByRole("button", { name: /^Open run 2: / }).click();
  const dialog = page.getByRole("dialog", { name: /^Run 2: / });
  await dialog.getByText(/^Ended by the (agent|customer): goodbye/).waitFor();
  const lines = dialog.locator(".line");
  assert.ok((await lines.count()) >= 4, "a conversation has lines");
  for (const side of ["agent", "customer"])
    assert.ok((await dialog.locator(`.line.${side}`).count()) >= 2, side);
  await dialog.getByText("says goodbye").first().waitFor();
  // A quote leads to the line that has it.
  const quote = dialog.locator("blockquote").first();
  const words = (await quote.locator("q").innerText()).replaceAll(/[“”"]/g, "");
  await quote.getByRole("button", { name: /^Line \d+$/ }).click();
  const focused = await page.evaluate(() => document.activeElement?.textContent ?? "");
  assert.ok(focused.includes(words), `“${words}” is in the line “${focused}”`);
  // The list has the order in which runs ended: the second one may be the last.
  const next = dialog.getByRole("button", { name: "Next" });
  const previous = dialog.getByRole("button", { name: "Previous" });
  await ((await next.isDisabled()) ? previous : next).click();
  await page.getByRole("dialog", { name: /^Run [13]: / }).waitFor();
});

test("the filters narrow the runs, survive a reload, and the download has exactly the lines that match", async () => {
  const page = await open();
  await begin(page, "To be filtered", 6);
  await finished(page, 6);
  const all = await downloaded(page);
  assert.match(all.name, /^runs-[0-9a-f]{8}\.jsonl$/);
  const runs = all.lines.map((line) => JSON.parse(line));
  const batch = runs[0].batch;
  const { text } = await admin(`/admin/batches/${batch}/runs.jsonl`);
  assert.equal(all.text, text, "as the Worker writes them");

  const { agent } = runs[0].personas;
  const filters = page.getByRole("region", { name: "Filters" });
  await filters.getByLabel("Agent").selectOption(agent);
  const own = runs.filter(({ personas }) => personas.agent === agent);
  await page.getByText(`${own.length} of 6 runs match`).waitFor();
  const filtered = await downloaded(page);
  assert.deepEqual(
    filtered.lines.map((line) => JSON.parse(line).run),
    own.map(({ run }) => run),
  );
  await page.reload();
  await page.getByText(`${own.length} of 6 runs match`).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();

  const [criterion] = Object.keys(runs[0].scores.criteria);
  for (const [label, met] of /** @type {const} */ ([
    ["Met", true],
    ["Not met", false],
  ])) {
    await filters.getByLabel("Criterion").selectOption(criterion);
    await filters.getByLabel("Result").selectOption({ label });
    const expected = runs.filter(({ scores }) => scores.criteria[criterion].met === met);
    await page.getByText(`${expected.length} of 6 runs match`).waitFor();
    assert.equal(await page.locator(".run-table tbody tr").count(), expected.length);
  }
});

test("a batch is paused, resumed, cancelled and deleted, and asks before what cannot be undone", async () => {
  const page = await open();
  // One in ten seconds: it goes on for the whole test.
  await begin(page, "A slow one", 30, { pace: 6 });
  const head = page.locator(".batch-head");
  const batch = new URL(page.url()).searchParams.get("batch");
  const status = async () => JSON.parse((await admin(`/admin/batches/${batch}`)).text).status;
  await head.getByRole("button", { name: "Pause" }).click();
  await head.getByText("Paused", { exact: true }).waitFor();
  assert.equal(await status(), "paused");
  await head.getByRole("button", { name: "Resume" }).click();
  await head.getByText("Running", { exact: true }).waitFor();
  assert.equal(await status(), "running");

  await head.getByRole("button", { name: "Cancel" }).click();
  const sure = page.getByRole("dialog", { name: "Cancel “A slow one”?" });
  await sure.getByRole("button", { name: "No" }).click();
  assert.equal(await status(), "running", "no means no");
  await head.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the batch" }).click();
  await head.getByText("Cancelled", { exact: true }).waitFor();
  assert.equal(await status(), "cancelled");

  await head.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("button", { name: "Delete the batch" }).click();
  await page.getByRole("heading", { name: "A slow one" }).waitFor({ state: "detached" });
  await eventually(
    "the batch is gone",
    async () => (await admin(`/admin/batches/${batch}`)).status === 404,
  );
});

test("what the Worker refuses is said in the form, and nothing begins", async () => {
  const page = await open();
  await page.getByRole("button", { name: "New batch" }).click();
  const form = page.getByRole("dialog", { name: "New batch" });
  await form.getByText(ESTIMATE).waitFor();
  await form.getByLabel("Conversations").fill("20000");
  await form.getByText("count must be a whole number, 1 to 10000").waitFor();
  assert.ok(await form.getByRole("button", { name: /^Begin/ }).isDisabled());
  await form.getByLabel("Conversations").fill("100");
  await form.getByText(/^The day has 1,000 requests/).waitFor();
  await form.getByLabel("Who talks").selectOption("given");
  await form.getByLabel("Agent").selectOption("priya-raman");
  await form.getByText(ESTIMATE).waitFor();
});

test("everything can be done by keyboard, and the focus returns to where it was", async () => {
  const page = await open();
  const focus = () =>
    page.evaluate(() => {
      const at = /** @type {HTMLInputElement} */ (document.activeElement);
      const style = getComputedStyle(at);
      return {
        name: at.getAttribute("aria-label") ?? (at.labels?.[0] ?? at).innerText.trim(),
        visible: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      };
    });
  const tabTo = async (name) => {
    for (let step = 0; step < 60; step += 1) {
      await page.keyboard.press("Tab");
      const at = await focus();
      assert.ok(at.visible, `the focus on ${at.name} can be seen`);
      if (typeof name === "string" ? at.name === name : name.test(at.name)) return;
    }
    assert.fail(`${String(name)} is not reached`);
  };
  await tabTo("New batch");
  await page.keyboard.press("Enter");
  await tabTo("Conversations");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("4");
  await tabTo("Label");
  await page.keyboard.type("By keyboard");
  await page.getByText(ESTIMATE).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "By keyboard" }).waitFor();
  await finished(page, 4);
  await tabTo(/^\d+\s*, \d+ runs?$/);
  await page.keyboard.press("Enter");
  await page.getByText(/ of \d+ runs match$/).waitFor();
  await tabTo(/^Open run/);
  const opener = (await focus()).name;
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "About this run" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "About this run" }).waitFor({ state: "hidden" });
  assert.equal((await focus()).name, opener);
});

test("no serious accessibility fault and no sideways scrolling, light and dark, wide and narrow", async () => {
  const first = await open();
  await begin(first, "For all to see", 24);
  await finished(first, 24);
  await first.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  const screenshot = await first.screenshot({ animations: "disabled" });
  if (process.env.UPDATE_SCREENSHOT) fs.writeFileSync(inRoot("docs", "runs.png"), screenshot);
  await tests.context.close();
  for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
    for (const viewport of [
      WIDE,
      { width: 768, height: 900 },
      { width: 390, height: 780 },
      NARROW,
    ]) {
      const page = await open({ viewport, colorScheme });
      const where = `${colorScheme}, ${viewport.width} wide`;
      const check = async (what) => {
        assert.deepEqual(await violations(page), [], `${where}, ${what}`);
        await assertFits(page, `${where}, ${what}`);
      };
      await page.locator(".plot canvas").first().waitFor();
      for (const details of await page.locator("details").all())
        await details.evaluate((/** @type {any} */ element) => (element.open = true));
      await check("the page");
      await page.getByRole("button", { name: /^Open run 1:/ }).click();
      await page.getByRole("heading", { name: "About this run" }).waitFor();
      await check("a transcript");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "New batch" }).click();
      await page.getByText(ESTIMATE).waitFor();
      await check("the form");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Delete" }).click();
      await page.getByText("This cannot be undone").waitFor();
      await check("a question");
      await tests.context.close();
    }
  }
});

test("a call shows what was heard in it, its word error rate and its minutes", async () => {
  const page = await open();
  await begin(page, "As if on the phone", 1);
  await finished(page, 1);
  const misheard = "Thank you for colling.";
  await page.route("**/playground/batches/*/runs?*", async (route) => {
    const response = await route.fetch();
    const told = await response.json();
    told.body.lines = told.body.lines.map((line) => {
      const run = JSON.parse(line);
      run.mode = "call";
      run.metrics.recognition = { words: 40, errors: 5, word_error_rate: 0.125 };
      run.cost.call_minutes = 4;
      run.analysis = { status: "completed", word_error_rate: 0.05 };
      run.turns[0].heard = misheard;
      return JSON.stringify(run);
    });
    await route.fulfill({ response, json: told });
  });
  await page.getByRole("button", { name: /^Open run 1: / }).click();
  const dialog = page.getByRole("dialog", { name: /^Run 1: / });
  const first = dialog.locator(".line").first();
  await first.getByText(`Heard: ${misheard}`).waitFor();
  assert.equal(await dialog.getByText(/^Heard: /).count(), 1, "the other lines were heard as said");
  assert.equal(await first.locator("s").count(), 0, "nothing of it was cut off");
  await dialog.getByText(/12\.5 % of the words were recognised wrongly$/).waitFor();
  const facts = await dialog.locator(".facts-list").last().innerText();
  for (const fact of ["Two personas on the phone", "Word error rate", "12.5 %", "5 % wrong words"])
    assert.ok(facts.includes(fact), facts);
  assert.match(facts, /Minutes of both legs\s+4/);
});

test("a batch of calls is estimated with its minutes, one call at a time", async () => {
  const page = await open();
  const asked = [];
  await page.route("**/playground/batches", async (route) => {
    if (route.request().method() !== "POST") return route.fallback();
    asked.push(route.request().postDataJSON());
    const estimate = {
      model_requests_at_most: 84,
      model_requests_a_day: 1000,
      minutes_at_least: 3,
      estimated_cost: null,
      call_minutes_at_most: 120,
      call_minutes_a_day: 60,
      call_usd_at_most: 9.75,
    };
    await route.fulfill({ json: { body: estimate } });
  });
  await page.getByRole("button", { name: "New batch" }).click();
  const form = page.getByRole("dialog", { name: "New batch" });
  await form.getByText("More settings").click();
  await form.getByLabel("Run at once").waitFor();
  assert.ok(await form.getByLabel("Record the calls").isHidden());
  await form.getByLabel("Mode").selectOption({ label: "Two personas on the phone" });
  await form.getByLabel("Record the calls").check();
  assert.ok(await form.getByLabel("Run at once").isHidden());
  await form.getByText("at most 120 minutes on both legs, which cost about $9.75").waitFor();
  await form.getByText("The day has 60 minutes of calls (MAX_DAILY_CALL_MINUTES)").waitFor();
  await eventually("the last change is estimated", () => asked.at(-1).record === true);
  assert.equal(asked.at(-1).mode, "call");
  assert.equal("at_once" in asked.at(-1), false);
});

test("without ADMIN_TOKEN the page says what to do, and the phones are one click away", async () => {
  const without = await startPlayground({
    worker: tests.switchboard.worker.url,
    adminToken: "",
  });
  try {
    const page = await tests.open({ url: `${without.url}/runs`, live: false });
    await page.getByText("Set it in .dev.vars (at least 32 characters) and start again").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Phones" }).click();
    await page.getByRole("article", { name: "Phone 1" }).waitFor();
    await page.getByRole("link", { name: "Runs" }).click();
    await page.getByRole("heading", { name: "Synthetic conversations" }).waitFor();
    await tests.context.close();
  } finally {
    await without.close();
  }
});
