// The tab "Assistant" and the switch of OpenAI, in a real browser: a prompt is changed, checked while one
// types, and saved to the file.
//
// The files are copies of assistants/ in a temporary folder. Here the test says what `npm start` says of a
// build. Not here: what the checks find (src/config/assistants), and copying and exporting (export).

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, beforeEach, test } from "node:test";
import { inRoot } from "../../scripts/lib/project.mjs";
import { eventually, startPlayground } from "../e2e/harness.mjs";
import { assertFits, NARROW, setUpBrowserTests, usePhone, violations, WIDE } from "./browser.mjs";

const tests = setUpBrowserTests();
/** @type {string} */
let folder;
/** @type {import("../e2e/playground.mjs").Playground | undefined} */
let started;

beforeEach(async () => {
  folder ??= fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-assistants-"));
  fs.cpSync(inRoot("assistants"), folder, { recursive: true });
  started ??= await startPlayground({
    worker: tests.switchboard.worker.url,
    assistants: folder,
  });
});

after(async () => {
  await started?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

const onDisk = (name) => fs.readFileSync(path.join(folder, `${name}.toml`), "utf8");

/** Opens the page and the tab. @param {any} [options] */
async function openEditor(options = {}) {
  const page = await tests.open({ url: started?.url, ...options });
  await page.getByRole("tab", { name: "Assistant" }).click();
  const panel = page.getByRole("tabpanel", { name: "Assistant" });
  await panel.getByText("every number of no other assistant").waitFor();
  return { page, panel, save: panel.getByRole("button", { name: "Save" }) };
}

/** Opens the text of the whole file. */
async function openText(panel) {
  await panel.getByText("The whole file: assistants/").click();
  return panel.getByLabel("Text of the file");
}

test("a new prompt is saved to the file with its comments, and the page says when it is live", async () => {
  const { panel, save } = await openEditor();
  assert.ok(await save.isDisabled(), "there is nothing to save");
  await panel.getByLabel("Prompt").fill("You are a pirate.\nAnswer briefly.");
  await panel.getByLabel("Model").fill("gpt-6-sol");
  await eventually("the text is checked", () => save.isEnabled());
  await save.click();
  await panel.getByText("Saved. It takes effect in a few seconds.").waitFor();
  const saved = onDisk("default");
  assert.match(saved, /^prompt = """\nYou are a pirate\.\nAnswer briefly\."""$/m);
  for (const line of fs.readFileSync(inRoot("assistants", "default.toml"), "utf8").split("\n"))
    if (line.startsWith("#")) assert.ok(saved.includes(line), line);
  assert.match(saved, /^model = "gpt-6-sol"$/m);
  assert.ok(await save.isDisabled(), "all is saved");
  await started?.tell("POST", "build", { state: "building" });
  await started?.tell("POST", "build", { state: "live" });
  await panel.getByText("Saved. The next message gets the new one.").waitFor();
});

test("a mistake is shown at its line while one types, and nothing wrong can be saved", async () => {
  const { panel, save } = await openEditor();
  const before = onDisk("default");
  const text = await openText(panel);
  await text.fill('prompt = "Hello"\nmodle = "gpt-6-luna"\n');
  await panel
    .getByText("modle is not a field here; the nearest is model.", { exact: false })
    .waitFor();
  assert.deepEqual(await panel.locator(".line-numbers .bad").allInnerTexts(), ["2"]);
  assert.ok(await save.isDisabled());
  assert.equal(await text.getAttribute("aria-invalid"), "true");
  await panel.getByRole("button", { name: "Line 2" }).click();
  assert.equal(
    await text.evaluate((/** @type {HTMLTextAreaElement} */ area) =>
      area.value.slice(area.selectionStart, area.selectionEnd),
    ),
    'modle = "gpt-6-luna"',
  );
  await text.fill('prompt = "Hello');
  await panel.getByText("Line 1", { exact: false }).waitFor();
  assert.ok(await panel.getByLabel("Prompt").isDisabled(), "there is no prompt to show");
  await text.fill('prompt = "Hello"\n');
  await eventually("it is right", () => save.isEnabled());
  await eventually("the field follows", async () => {
    return (await panel.getByLabel("Prompt").inputValue()) === "Hello";
  });
  await panel.getByRole("button", { name: "Undo changes" }).click();
  assert.equal(await text.inputValue(), before);
  assert.equal(onDisk("default"), before);
});

test("a file that somebody else has changed is not overwritten, and no text is lost", async () => {
  const { panel, save } = await openEditor();
  await panel.getByLabel("Model").fill("mine");
  await eventually("the text is checked", () => save.isEnabled());
  const theirs = `# Theirs.\n${onDisk("default")}`;
  fs.writeFileSync(path.join(folder, "default.toml"), theirs);
  await save.click();
  await panel.getByText("has changed on disk since it was loaded here", { exact: false }).waitFor();
  assert.equal(onDisk("default"), theirs);
  assert.equal(await panel.getByLabel("Model").inputValue(), "mine");
  await panel.getByRole("button", { name: "Load the file" }).click();
  await eventually("the file is loaded", async () => {
    return (await panel.getByLabel("Model").inputValue()) === "gpt-6-luna";
  });
  await panel.getByLabel("Model").fill("mine");
  await eventually("the text is checked", () => save.isEnabled());
  await save.click();
  await panel.getByText("Saved.", { exact: false }).waitFor();
  assert.equal(onDisk("default"), theirs.replace('"gpt-6-luna"', '"mine"'));
  await started?.tell("POST", "build", { state: "live" });
  await panel.getByText("Saved. The next message gets the new one.").waitFor();
  fs.writeFileSync(path.join(folder, "default.toml"), theirs);
  await started?.tell("POST", "build", { state: "live" });
  await eventually("what others save is shown where nobody writes", async () => {
    return (await panel.getByLabel("Model").inputValue()) === "gpt-6-luna";
  });
});

test("the file is that of the assistant that answers the phone in use, and changes hold it", async () => {
  const { page, panel } = await openEditor();
  const file = panel.getByLabel("Assistant", { exact: true });
  await usePhone(page, 1, {}, { from: "+15550100", to: "+15550121" });
  await eventually("another file", async () => (await file.inputValue()) === "front-desk");
  await panel.getByText("order_status, opening_hours").waitFor();
  await panel.getByLabel("Model").fill("another");
  await usePhone(page, 1, {}, { from: "+15550100", to: "+15550199" });
  assert.equal(await file.inputValue(), "front-desk");
  await file.selectOption("default");
  await panel.getByText("Save or undo the changes to front-desk first.").waitFor();
  assert.equal(await panel.getByLabel("Model").inputValue(), "another");
});

test("a setting in .dev.vars that replaces the prompt is named, and a secret that is missing", async () => {
  const { panel } = await openEditor();
  await tell({ settings: ["ASSISTANT_PROMPT", "ORDERS_SECRET", "DESK_SECRET"] });
  await panel
    .getByText("ASSISTANT_PROMPT in .dev.vars replaces what this file says", { exact: false })
    .waitFor();
  await panel.getByText("INTAKE_SECRET is not set in .dev.vars", { exact: false }).waitFor();
});

test("the real OpenAI is asked for once, with its price, and the page shows the switch", async () => {
  await tell({ openai: { asked: "mock", can_switch: true } });
  const { page } = await openEditor();
  const choose = async (label) => {
    const chosen = page.waitForResponse((response) => response.url().endsWith("/openai"));
    await page.getByLabel(label).click();
    assert.equal((await chosen).status(), 202);
  };
  await page.getByText("OpenAI: mock").click();
  await page.getByLabel("Real: costs money").click();
  await page.getByText("OpenAI bills each answer to the key in .dev.vars").waitFor();
  await page.getByRole("button", { name: "Stay with the mock" }).click();
  assert.ok(await page.getByLabel("Mock: free").isChecked());
  assert.deepEqual(choices(), []);
  await page.getByLabel("Real: costs money").click();
  await page.getByRole("button", { name: "Use the real one" }).click();
  await eventually("npm start is asked", () => choices().length > 0);
  assert.deepEqual(choices(), ["playground: the page chooses the real OpenAI"]);
  await tell({ openai: { asked: "mock", can_switch: true, starting: "real" } });
  await page.getByText("OpenAI: mock, switching").waitFor();
  await tell({ openai: { asked: "real", can_switch: true } });
  await page.getByText("OpenAI: real", { exact: true }).waitFor();
  await choose("Mock: free");
  await tell({ openai: { asked: "mock", can_switch: true } });
  await page.getByText("OpenAI: mock", { exact: true }).waitFor();
  await choose("Real: costs money");
});

test("without a key of OpenAI there is nothing to switch, and the page says how to get it", async () => {
  await tell({ openai: { asked: "mock", can_switch: false } });
  const { page } = await openEditor();
  await page.getByText("OpenAI: mock").click();
  await page
    .getByText("set OPENAI_API_KEY in .dev.vars to your own key", { exact: false })
    .waitFor();
  assert.ok(await page.getByLabel("Real: costs money").isHidden());
  await tell({ openai: { asked: { other: "gateway.example" }, can_switch: false } });
  await page.getByText("OpenAI: gateway.example").waitFor();
});

test("the editor fits, has no serious accessibility fault, and works by keyboard", async () => {
  await tell({ openai: { asked: "mock", can_switch: true } });
  for (const colorScheme of /** @type {const} */ (["light", "dark"]))
    for (const viewport of [WIDE, NARROW]) {
      const { page, panel } = await openEditor({ viewport, colorScheme });
      const where = `${colorScheme}, ${viewport.width} wide`;
      const text = await openText(panel);
      await text.fill('prompt = "Hello"\nmodle = "x"\n');
      await panel.getByRole("button", { name: "Line 2" }).waitFor();
      await page.getByText("OpenAI: mock").click();
      await page.getByLabel("Real: costs money").click();
      await assertFits(page, where);
      assert.deepEqual(await violations(page), [], where);
      await page.keyboard.press("Escape");
      await text.focus();
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Line 2");
      const screenshots = process.env.EDITOR_SCREENSHOTS;
      if (screenshots)
        await page.screenshot({ path: path.join(screenshots, `${where}.png`), fullPage: true });
      await tests.context.close();
    }
});

// What the page has asked of `npm start`.
function choices() {
  return started?.lines.filter((line) => line.includes("the page chooses")) ?? [];
}

/** Tells the playground what `npm start` tells. @param {any} told */
async function tell({ settings = [], openai = { asked: "mock", can_switch: false } }) {
  await started?.tell("PUT", "launcher", { settings, openai });
}
