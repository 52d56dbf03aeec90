// Shared by the browser tests: Switchboard and a real Chromium, fresh pages, and what a person
// does with a phone.
//
// Two promises hold for every test and are checked after each: the page wrote no error to the
// browser's console, and it made no request to another server.

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, afterEach, before, beforeEach } from "node:test";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { logForwarder } from "../../scripts/lib/local.mjs";
import { onPath } from "../../scripts/lib/run.mjs";
import { freshPair, startSwitchboard } from "../e2e/harness.mjs";

/** How long a test waits for something to appear, in ms. */
export const PATIENCE = 60_000;
/** Seconds of a slow model: longer than REPLY_WITHIN_MS, which a busy machine can still keep. */
export const SLOW_SECONDS = 8;
const REPLY_WITHIN_MS = 5000;

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 360, height: 740 };

/**
 * Starts everything before the tests of a file, and stops it after them. `assistants` makes the files
 * of the assistants for a playground; those of the build are used by default.
 *
 * @param {{ assistants?: (playground: { url: string }) => Record<string, string> }} [options]
 */
export function setUpBrowserTests({ assistants } = {}) {
  const tests = new BrowserTests(assistants);
  before(() => tests.start());
  after(() => tests.stop());
  beforeEach(() => {
    tests.problems = [];
  });
  afterEach(async () => {
    await tests.context?.close();
    tests.context = undefined;
    assert.deepEqual(tests.problems, []);
  });
  return tests;
}

class BrowserTests {
  /** @type {any} The playground and the Worker. */
  switchboard;
  /** @type {any} Playwright's context of the current test, with its own storage. */
  context;
  /** @type {string[]} Errors in the console, and requests to other servers. */
  problems = [];
  #browser;
  #profile = "";
  #forwarding;
  #assistants;

  /** @param {((playground: { url: string }) => Record<string, string>) | undefined} assistants */
  constructor(assistants) {
    this.#assistants = assistants;
  }

  async start() {
    this.switchboard = await startSwitchboard({
      assistants: this.#assistants,
      settings: {
        REPLY_WITHIN_MS: String(REPLY_WITHIN_MS),
        RATE_LIMIT_PER_MINUTE: "100",
        MAX_SEGMENTS: "30",
      },
    });
    this.#forwarding = forwardLog(this.switchboard);
    const program = process.env.CHROMIUM ?? onPath("chromium");
    assert.ok(program, "no Chromium: `npm run test:browser` finds or installs one");
    this.#profile = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-browser-"));
    const home = {
      HOME: this.#profile,
      XDG_CONFIG_HOME: this.#profile,
      XDG_CACHE_HOME: this.#profile,
    };
    this.#browser = await chromium.launch({
      executablePath: program,
      timeout: 120_000,
      env: { ...process.env, ...home },
      args: [
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  }

  async stop() {
    clearInterval(this.#forwarding);
    await this.#browser?.close();
    await this.switchboard?.close();
    if (this.#profile) fs.rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /**
   * Opens the page in a fresh context and waits until it is live, unless it cannot be.
   *
   * With `phones`, the browser remembers so many SMS phones; with undefined it has no memory.
   *
   * @param {{ url?: string, viewport?: { width: number, height: number }, colorScheme?: "light" | "dark", live?: boolean, phones?: number | undefined }} [options]
   * @returns {Promise<import("playwright-core").Page>}
   */
  async open({
    url = this.switchboard.playground.url,
    viewport = WIDE,
    colorScheme = "light",
    live = true,
    ...options
  } = {}) {
    const phones = "phones" in options ? options.phones : 1;
    const settings = { viewport, colorScheme, locale: "en-GB", timezoneId: "UTC" };
    this.context = await this.#browser.newContext(settings);
    if (phones !== undefined) await this.context.addInitScript(rememberPhones, phones);
    const page = await this.context.newPage();
    page.setDefaultTimeout(PATIENCE);
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.problems.push(`page: ${error.message}`));
    page.on("request", (request) => {
      if (new URL(request.url()).origin !== new URL(url).origin)
        this.problems.push(`left this machine: ${request.url()}`);
    });
    await page.goto(url);
    if (live) await page.getByText("Live", { exact: true }).waitFor();
    return page;
  }
}

// Runs in the browser: stores phones, unless some are stored.
function rememberPhones(number) {
  const phones = Array.from({ length: number }, (_, index) => ({
    id: index + 1,
    name: `Phone ${index + 1}`,
    channel: "sms",
    from: `+155501${String(index).padStart(2, "0")}`,
    to: "+15550199",
  }));
  if (localStorage.getItem("switchboard.phones") === null)
    localStorage.setItem("switchboard.phones", JSON.stringify(phones));
}

/**
 * Chooses the kind of the next phone, and the assistant that it writes to.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} channel
 * @param {string} [assistant]
 */
export async function chooseNext(page, channel, assistant) {
  const menu = page.locator("#next-phone");
  if (!(await menu.evaluate((/** @type {any} */ element) => element.open)))
    await menu.locator("summary").click();
  await page.getByLabel("Next phone").selectOption({ label: channel });
  if (assistant) await page.getByLabel("writes to").selectOption({ label: assistant });
}

/**
 * Gives phone `number` of the page fresh addresses, and returns what a person can do with it.
 *
 * @param {import("playwright-core").Page} page
 * @param {number} number
 * @param {{ channel?: string }} [options]
 */
export async function usePhone(page, number, { channel } = {}, { from, to } = freshPair()) {
  const name = `Phone ${number}`;
  const card = page.getByRole("article", { name });
  const drawer = async (title, open) => {
    if (!(await card.isVisible())) await page.getByRole("button", { name: `Open ${name}` }).click();
    const details = card.locator("details", { has: page.locator("summary", { hasText: title }) });
    if ((await details.evaluate((/** @type {any} */ element) => element.open)) !== open)
      await details.locator("> summary").click();
  };
  await drawer("Numbers", true);
  if (channel) await card.getByLabel("Channel").selectOption({ label: channel });
  for (const [label, value] of [
    ["From", from],
    ["To", to],
  ]) {
    await card.getByLabel(label, { exact: true }).fill(value);
    await card.getByLabel(label, { exact: true }).press("Tab");
  }
  await drawer("Numbers", false);
  const text = card.getByLabel(`Message from ${name}`);
  const answers = card.locator(".in .bubble");
  return {
    card,
    from,
    to,
    answers,
    /** The texts of the answers. */
    texts: async () => (await answers.locator("p").allInnerTexts()).map((one) => one.trim()),
    /** Writes and sends, and waits until the message is in the thread. */
    async send(words) {
      await text.fill(words);
      await text.press("Enter");
      await card.locator(".out .bubble", { hasText: words }).last().waitFor({ timeout: PATIENCE });
    },
    /** Writes and sends, without waiting. */
    async order(words) {
      await text.fill(words);
      await card.getByRole("button", { name: `Send from ${name}` }).click();
    },
    sees: (words) =>
      answers.getByText(words, { exact: true }).last().waitFor({ timeout: PATIENCE }),
    notes: (words) =>
      card.locator(".system").filter({ hasText: words }).first().waitFor({ timeout: PATIENCE }),
    replay: (words) => card.getByRole("button", { name: `Replay “${words}”` }).click(),
    async fault(label, on, seconds) {
      await drawer("Faults", true);
      if (seconds) await card.getByLabel("Seconds that the model takes").fill(String(seconds));
      const set = page.waitForResponse((response) =>
        response.url().endsWith("/playground/switches"),
      );
      await card.getByLabel(label, { exact: true }).setChecked(on);
      assert.equal((await set).status(), 200);
    },
    closeFaults: () => drawer("Faults", false),
  };
}

/** The serious and critical violations that axe-core finds, in words. */
export async function violations(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { resultTypes: ["violations"] }),
  );
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`,
    );
}

/** Asserts that nothing scrolls sideways. */
export async function assertFits(page, what) {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= window, `${what}: ${content} wide in ${window}`);
}

// Passes on what the Worker prints, as `npm start` does.
function forwardLog({ worker, playground }) {
  const forward = logForwarder(playground.url);
  let next = 0;
  return setInterval(() => {
    for (; next < worker.lines.length; next += 1) forward(worker.lines[next]);
  }, 50);
}
