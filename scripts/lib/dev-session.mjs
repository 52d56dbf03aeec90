// What runs under `npm start`: the playground, the Worker, and the builds beside them.
//
// A change of a source builds a new version. The Worker that runs answers until that is complete, and
// stays if it fails. A change of .dev.vars or wrangler.toml loads the Worker again with it. Not here:
// the set-up, and what is printed in the beginning (start).

import { startBuild } from "./dev-build.mjs";
import { playgroundConfiguration, startPlayground, tellBuild } from "./dev-playground.mjs";
import { configure, DevWorker } from "./dev-worker.mjs";
import { addressesOf } from "./instance.mjs";
import { devVars, get, localSettings, logForwarder } from "./local.mjs";
import { OpenAiSwitch } from "./openai-switch.mjs";
import { readText } from "./project.mjs";
import { describe, duration, isStopping, print, UserError } from "./run.mjs";
import { services, twilioHost, unknownSettings } from "./settings.mjs";
import { newestVersion } from "./versions.mjs";
import { watchFiles } from "./watch.mjs";

const SOURCES = ["src", "assistants", "personas", "scenarios"];
const MANIFESTS = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"];
const SETTINGS = [".dev.vars", "wrangler.toml"];

/**
 * @typedef {{ port: number, playgroundPort: number, verbose: boolean }} Options
 */
export class DevSession {
  #options;
  #addresses;
  /** @type {string | undefined} */
  #publicUrl;
  #changed = new Set();
  #working = true;
  #stopWatching;
  /** @type {ReturnType<typeof startBuild> | undefined} */
  #build;
  /** @type {string | undefined} the version that answers */
  #version;
  /** @type {DevWorker | undefined} */
  #worker;
  /** @type {Awaited<ReturnType<typeof startPlayground>> | undefined} */
  #playground;
  #playgroundConfiguration = "";
  #openAi;
  #fail;

  /**
   * Begins to watch. What changes before `start` counts.
   *
   * @param {Options} options
   */
  constructor(options) {
    this.#options = options;
    this.#addresses = addressesOf({ worker: options.port, playground: options.playgroundPort });
    this.#openAi = new OpenAiSwitch({
      playground: this.#addresses.playground,
      settings: devVars,
      load: () => this.#loadAgain(),
      twilio: (settings) => twilioHost(settings, this.#settings().overrides),
    });
    const watched = [...SOURCES, ...MANIFESTS, ...SETTINGS];
    this.#stopWatching = watchFiles(watched, (files) => this.#onChange(files));
    /** A promise that is rejected when something ends that should run. */
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => this.#stopWatching());
  }

  /** Makes the first build. Without it, an earlier version may run. Returns whether it succeeded. */
  async buildFirst() {
    const { built, detail } = await startBuild().result;
    this.detail = built ? null : detail;
    return built;
  }

  /**
   * Starts the playground and the Worker of the newest version.
   *
   * @param {string | undefined} publicUrl the origin of a tunnel
   */
  async start(publicUrl) {
    this.#publicUrl = publicUrl;
    this.#warn();
    print("start: starting the playground");
    await this.#startPlayground();
    print("start: starting the Worker with wrangler (a few seconds)");
    this.#version = newestVersion();
    if (!this.#version) throw new UserError("there is no build of the Worker.");
    configure(this.#version, this.#settings().overrides);
    const { port, verbose } = this.#options;
    const forward = logForwarder(this.#addresses.playground);
    this.#worker = new DevWorker({ port, verbose, forward });
    this.#worker.ended.then((end) => this.#ended("wrangler", end));
    await this.#worker.ready();
    await this.#openAi.tell();
    if (this.detail) await this.#tellFailed(this.detail);
    else await tellBuild(this.#addresses.playground, "live");
  }

  /** From now on, changes have their effect. */
  followChanges() {
    this.#working = false;
    this.#work();
  }

  /** What each service is: rows for the terminal. */
  services() {
    return services(devVars(), this.#settings().overrides);
  }

  /** Prints which settings are wrong, if the Worker says that some are. */
  async checkHealth() {
    const health = await get(`${this.#addresses.worker}/health`);
    if (health && health.status !== 200)
      print(
        `The Worker is up but not healthy (${health.status}): ${health.text.trim()}\nFix the settings that it names in .dev.vars and save.\n`,
      );
  }

  #onChange(files) {
    for (const file of files) this.#changed.add(file);
    // A build of sources that have changed again is for nothing.
    if (files.some(isSource)) this.#build?.stop();
    this.#work();
  }

  async #work() {
    if (this.#working) return;
    this.#working = true;
    try {
      while (this.#changed.size > 0) {
        const files = [...this.#changed];
        this.#changed.clear();
        await this.#apply(files);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#working = false;
  }

  // Does what the changes of these files call for.
  async #apply(files) {
    const began = Date.now();
    const sources = files.filter(isSource);
    const settings = files.filter((file) => SETTINGS.includes(file));
    for (const file of settings) print(`${file} changed: restarting`);
    if (settings.includes(".dev.vars")) await this.#applySettings();
    if (sources.length > 0) {
      const what = sources.length === 1 ? sources[0] : `${sources.length} files`;
      print(`${what} changed: building`);
      if (!(await this.#buildVersion()) && settings.length === 0) return;
    }
    const version = newestVersion();
    if (!version || (version === this.#version && settings.length === 0)) {
      if (sources.length > 0) print("live: the Worker that answers is made of these sources");
      return this.#tellLive();
    }
    if (!(await this.#worker?.swap(version, this.#settings().overrides))) {
      print("wrangler did not load it (see above): what ran before still answers; fix it and save");
      return tellBuild(this.#addresses.playground, "failed", "wrangler did not load the Worker");
    }
    this.#version = version;
    if (this.detail) return;
    print(`live after ${duration(Date.now() - began)}`);
    await this.#tellLive();
    await this.checkHealth();
  }

  // Loads the version that answers with the settings as they are now. Returns whether that worked.
  async #loadAgain() {
    while (this.#working) await new Promise((resolve) => setTimeout(resolve, 50));
    this.#working = true;
    try {
      const version = this.#version ?? "";
      return (await this.#worker?.swap(version, this.#settings().overrides)) ?? false;
    } finally {
      this.#working = false;
      this.#work();
    }
  }

  // Returns whether there is a version of the sources as they are.
  async #buildVersion() {
    await tellBuild(this.#addresses.playground, "building");
    this.#build = startBuild();
    const { built, detail } = await this.#build.result;
    this.#build = undefined;
    if (built) {
      this.detail = null;
      return true;
    }
    // It was stopped for the next one, or with everything else.
    if (isStopping() || [...this.#changed].some(isSource)) return false;
    this.detail = detail;
    await this.#tellFailed(detail);
    return false;
  }

  async #tellFailed(detail) {
    print("build failed: the last good Worker still answers; fix it and save");
    await tellBuild(this.#addresses.playground, "failed", detail);
  }

  async #tellLive() {
    await tellBuild(this.#addresses.playground, "live");
  }

  async #applySettings() {
    this.#warn();
    const wanted = JSON.stringify(this.#wantedPlayground());
    if (wanted === this.#playgroundConfiguration) return this.#openAi.tell();
    print("start: restarting the playground, whose secrets changed; its page begins anew");
    const old = this.#playground;
    this.#playground = undefined;
    await old?.stop();
    await this.#startPlayground();
    await this.#openAi.tell();
  }

  async #startPlayground() {
    const configuration = this.#wantedPlayground();
    this.#playgroundConfiguration = JSON.stringify(configuration);
    const hear = (line) => this.#openAi.hear(line);
    const running = await startPlayground(this.#options, configuration, hear);
    this.#playground = running;
    running.ended.then((end) => {
      if (this.#playground === running) this.#ended("the playground", end);
    });
  }

  #wantedPlayground() {
    const mockKey = this.#openAi.mockKey();
    return playgroundConfiguration(devVars(), { mockKey, publicUrl: this.#publicUrl });
  }

  #settings() {
    const overrides = localSettings(devVars(), this.#addresses.playground, {
      isPublic: this.#publicUrl !== undefined,
    });
    if (this.#publicUrl) overrides.PUBLIC_URL = this.#publicUrl;
    return { overrides: { ...overrides, ...this.#openAi.overrides() } };
  }

  #warn() {
    for (const line of unknownSettings(readText(".dev.vars"))) print(line);
  }

  #ended(what, end) {
    this.#fail(new UserError(`${what} ${describe(end)}; stopping everything else.`));
  }
}

function isSource(file) {
  return !SETTINGS.includes(file);
}
