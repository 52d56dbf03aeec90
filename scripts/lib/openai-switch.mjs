// Which OpenAI the Worker of `npm start` asks: the real one, or the playground's. Where .dev.vars has a
// real key, the page of the phones chooses.
//
// The page asks the playground, which prints the choice. `npm start` reads that, loads the Worker again
// with other settings, and tells the playground. The real key never reaches the playground: for the
// mock OpenAI, the Worker gets another key. Not here: how the Worker is loaded again.

import { generatedKey, isGeneratedKey } from "./local.mjs";

/** The line of the playground that names the choice. */
const CHOSEN = /^playground: the page chooses the (mock|real) OpenAI$/;

/**
 * @typedef {Record<string, string>} Settings those in .dev.vars that have a value
 * @typedef {"mock" | "real"} Choice
 */
export class OpenAiSwitch {
  /** @type {Choice} With a real key, the real one is asked until somebody chooses. */
  #choice = "real";
  #working = false;
  #playground;
  #settings;
  #load;
  #twilio;
  /** The key that the Worker has for the mock OpenAI, in place of a real one. */
  standInKey = generatedKey();

  /**
   * @param {object} options
   * @param {string} options.playground its origin
   * @param {() => Settings} options.settings reads .dev.vars
   * @param {() => Promise<boolean>} options.load loads the Worker with its settings as they are now, and
   *   returns whether it did
   * @param {(settings: Settings) => string | null} [options.twilio] the host of the Twilio that the Worker
   *   asks, or null for the playground
   */
  constructor({ playground, settings, load, twilio = () => null }) {
    this.#playground = playground;
    this.#settings = settings;
    this.#load = load;
    this.#twilio = twilio;
  }

  /**
   * The settings that the Worker gets in place of those in .dev.vars: none, unless there is a real key and
   * the mock OpenAI is chosen. Nothing that could cost money or is secret stays.
   *
   * @returns {Settings}
   */
  overrides() {
    if (!hasChoice(this.#settings()) || this.#choice === "real") return {};
    return {
      OPENAI_BASE_URL: `${this.#playground}/v1`,
      OPENAI_API_KEY: this.standInKey,
      OPENAI_FALLBACKS: "",
      OPENAI_EXTRA_HEADERS: "",
    };
  }

  /**
   * The key that the mock OpenAI of the playground accepts, if it accepts only one. It is never a real one.
   *
   * @returns {string | undefined}
   */
  mockKey() {
    const settings = this.#settings();
    if (hasChoice(settings)) return this.standInKey;
    return isGeneratedKey(settings.OPENAI_API_KEY) && !settings.OPENAI_BASE_URL
      ? settings.OPENAI_API_KEY
      : undefined;
  }

  /** Takes a line that the playground prints. @param {string} line */
  async hear(line) {
    const choice = /** @type {Choice | undefined} */ (line.match(CHOSEN)?.[1]);
    if (!choice || this.#working || choice === this.#choice || !hasChoice(this.#settings())) return;
    const before = this.#choice;
    this.#working = true;
    await this.tell({ starting: choice });
    this.#choice = choice;
    const isLoaded = await this.#load().catch(() => false);
    if (!isLoaded) this.#choice = before;
    this.#working = false;
    await this.tell({ problem: isLoaded ? null : "The Worker did not start: see the terminal." });
  }

  /**
   * Tells the page which OpenAI and which Twilio is asked, and the names of the settings in .dev.vars. A playground that
   * does not answer misses it.
   *
   * @param {{ starting?: Choice | null, problem?: string | null }} [state]
   */
  async tell({ starting = null, problem = null } = {}) {
    const settings = this.#settings();
    const told = {
      settings: Object.keys(settings),
      openai: {
        asked: asked(settings, this.#choice),
        can_switch: hasChoice(settings),
        starting,
        problem,
      },
      twilio: this.#twilio(settings),
    };
    await fetch(`${this.#playground}/playground/launcher`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(told),
    }).then(
      (response) => response.arrayBuffer(),
      () => {},
    );
  }
}

// Which OpenAI the Worker asks, as the playground's launcher.rs has it.
/** @param {Settings} settings @param {Choice} choice */
function asked({ OPENAI_API_KEY: key, OPENAI_BASE_URL: url }, choice) {
  if (!key) return "nobody";
  if (url) return { other: URL.canParse(url) ? new URL(url).host : "OPENAI_BASE_URL" };
  return isGeneratedKey(key) ? "mock" : choice;
}

// Whether there is a real key of OpenAI, and no other endpoint.
/** @param {Settings} settings */
function hasChoice({ OPENAI_API_KEY: key, OPENAI_BASE_URL: url }) {
  return Boolean(key) && !isGeneratedKey(key) && !url;
}
