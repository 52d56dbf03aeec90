// The checks of a deployment. Each finds one thing: ok, FAILED and how to fix it, unknown, or a
// note. `npm run doctor` prints them, and the page of `npm run operate` shows them.
//
// The checks change nothing and reach no thread: the only signed request has no message in it. Not
// here: whether messages are answered (`npm run say`), and usage (`npm run admin`).

import crypto from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { describeError } from "./assistants.mjs";
import { firstLine, isLoopback, isTls, readOrigin, request, setting, Unreachable } from "./cli.mjs";
import { lockedCrate } from "./project.mjs";
import { print, UserError } from "./run.mjs";
import { settingNames } from "./settings.mjs";
import { RETRIES, serviceDecides, twilioAccount, WEBHOOK_PATH } from "./twilio-account.mjs";

const SECURITY_HEADERS = [
  "X-Content-Type-Options",
  "X-Frame-Options",
  "X-XSS-Protection",
  "Referrer-Policy",
  "Cache-Control",
];
// The settings that are secret. A test compares them with the code.
const SECRETS = [
  "TWILIO_AUTH_TOKEN",
  "OPENAI_API_KEY",
  "PSEUDONYM_KEY",
  "ADMIN_TOKEN",
  "SEGMENT_WRITE_KEY",
  "OPENAI_EXTRA_HEADERS",
];
const WEBHOOK_HINT =
  "is the address right, and does a proxy in front of the Worker change paths or methods?";

/**
 * What a check has found: its state, its name, and a sentence.
 *
 * @typedef {{ state: "ok" | "FAILED" | "unknown" | "note", check: string, text: string }} Finding
 */

/** The checks of one deployment. Each finding is told at once. */
export class Checks {
  #url;
  #publicUrl;
  #sign;
  #tell;
  #counts = { ok: 0, FAILED: 0, unknown: 0, note: 0 };
  /** All answers so far, as `[request, headers]`. */
  #answers = [];

  /**
   * For the Worker at the origin `url`, which Twilio knows as `publicUrl`. `sign(token, form)`
   * signs a form for its webhook as Twilio does. `tell` is told of each finding, and prints it by
   * default.
   *
   * @param {string} url
   * @param {string} publicUrl
   * @param {(token: string, form: Record<string, string>) => string} sign
   * @param {(finding: Finding) => void} [tell]
   */
  constructor(url, publicUrl, sign, tell = printFinding) {
    this.#url = url;
    this.#publicUrl = publicUrl;
    this.#sign = sign;
    this.#tell = tell;
  }

  /** Runs all checks of the Worker itself. */
  async worker() {
    let health;
    try {
      health = await this.#ask("GET", "/health");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#report("FAILED", isTls(error.code) ? "TLS" : "reachable", error.message);
      this.#report("unknown", "the rest", "the Worker cannot be reached");
      return;
    }
    await this.#tls();
    const configured = this.#health(health);
    await this.#routes();
    await this.#signatures(configured);
    await this.#admin();
    this.#headers();
  }

  /** Checks whether a number of the account points to the Worker. */
  async number(phoneNumber) {
    const webhook = this.#publicUrl + WEBHOOK_PATH;
    try {
      const account = twilioAccount();
      const number = await account.number(phoneNumber);
      if (!number)
        return this.#report(
          "FAILED",
          "number",
          `the account ${account.sid} has no number ${phoneNumber}: is it in a subaccount?`,
        );
      const service = await account.serviceOfNumber(number.sid);
      const decides = service && serviceDecides(service);
      const [current, method] = decides
        ? [service.inbound_request_url, service.inbound_method]
        : [number.sms_url, number.sms_method];
      const whose = decides
        ? `the Messaging Service ${service.sid} of ${phoneNumber}`
        : phoneNumber;
      const fix = `npm run connect -- ${decides ? `--messaging-service ${service.sid}` : `--number ${phoneNumber}`} --url ${this.#publicUrl}`;
      const [address, overrides] = (current || "").split("#");
      if (!decides && number.sms_application_sid) {
        return this.#report(
          "FAILED",
          "number",
          `an application (${number.sms_application_sid}) takes precedence over the webhook of ${phoneNumber}: ${fix}`,
        );
      }
      if (address !== webhook)
        return this.#report(
          "FAILED",
          "number",
          `${whose} points to ${host(address)}, not to ${webhook}: ${fix}`,
        );
      if (method !== "POST")
        return this.#report("FAILED", "number", `${whose} uses ${method}, not POST: ${fix}`);
      this.#report("ok", "number", `${whose} points to ${webhook}`);
      if (!overrides)
        this.#report(
          "note",
          "retries",
          `without ${RETRIES} after the webhook URL, Twilio retries only if it could not connect: ${fix}`,
        );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#report("unknown", "number", error.message);
    }
  }

  /** Prints the totals and returns the exit code. */
  conclude() {
    const { ok, FAILED: failed, unknown } = this.#counts;
    print(`\n${ok} ok, ${failed} failed${unknown ? `, ${unknown} unknown` : ""}`);
    return failed ? 1 : 0;
  }

  async #tls() {
    if (this.#url.startsWith("http:"))
      return this.#report("ok", "TLS", "not needed: the Worker is on this machine");
    const { protocol, daysLeft = 0, problem } = await connection(new URL(this.#url));
    if (problem) return this.#report("FAILED", "TLS", problem);
    this.#report(
      daysLeft < 7 ? "note" : "ok",
      "TLS",
      `${protocol}, the certificate is trusted and valid for ${daysLeft} more days`,
    );
  }

  // Returns whether the Worker is configured, or undefined if it is not Switchboard.
  #health({ status, text, json }) {
    const errors = Array.isArray(json?.errors) ? json.errors : [];
    if (status === 200 && json?.status === "ok") {
      this.#report("ok", "health", "the settings are valid and all secrets are set");
      this.#version(json.version);
      return true;
    }
    if (status === 503 && errors.length) {
      for (const error of errors)
        this.#report("FAILED", "health", `${describeProblem(error)}: ${this.#howToMend(error)}`);
      this.#version(json.version);
      return false;
    }
    this.#report(
      "FAILED",
      "health",
      `/health answers ${status} (${firstLine(text)}), which is not Switchboard's answer: ${WEBHOOK_HINT}`,
    );
    return undefined;
  }

  #howToMend({ setting: name, file }) {
    if (isLoopback(this.#url)) return file ? "fix it and save" : "fix it in .dev.vars and save";
    if (file) return "fix it, then npm run deploy";
    // Files of assistants and OPENAI_FALLBACKS name secrets that are no settings.
    return SECRETS.includes(name) || !settingNames().includes(name)
      ? `npx wrangler secret put ${name}`
      : "fix it in [vars] of wrangler.toml, then npm run deploy";
  }

  #version(deployed) {
    const here = lockedCrate("switchboard");
    if (deployed === here) this.#report("ok", "version", `${deployed}, as in this checkout`);
    else
      this.#report(
        "note",
        "version",
        `${deployed} is deployed, but this checkout is ${here}: npm run deploy updates it`,
      );
  }

  async #routes() {
    const get = await this.#ask("GET", WEBHOOK_PATH);
    const allowed = get.headers.get("allow");
    if (get.status === 405 && allowed === "POST")
      this.#report("ok", "method", `GET ${WEBHOOK_PATH} is rejected with 405`);
    else
      this.#report(
        "FAILED",
        "method",
        `GET ${WEBHOOK_PATH} answers ${get.status}, not 405: ${WEBHOOK_HINT}`,
      );
    const other = await this.#ask("GET", "/doctor-asks-for-what-is-not-there");
    if (other.status === 404) this.#report("ok", "routes", "an unknown path gets 404");
    else
      this.#report(
        "FAILED",
        "routes",
        `an unknown path answers ${other.status}, not 404: ${WEBHOOK_HINT}`,
      );
  }

  async #signatures(configured) {
    const form = { ApiVersion: "2010-04-01" };
    const closed = "not checked until the settings are valid";
    if (!configured) {
      for (const check of ["unsigned", "forged", "signed"])
        this.#report(
          "unknown",
          check,
          configured === false ? closed : "not checked: this is not Switchboard",
        );
      return;
    }
    const attempts = {
      unsigned: {},
      forged: { "X-Twilio-Signature": this.#sign(crypto.randomBytes(16).toString("hex"), form) },
    };
    for (const [check, headers] of Object.entries(attempts)) {
      const { status } = await this.#post(form, headers);
      if (status === 403)
        this.#report(
          "ok",
          check,
          `a request ${check === "forged" ? "signed by another token" : "without a signature"} is rejected with 403`,
        );
      else
        this.#report(
          "FAILED",
          check,
          `a request that Twilio did not sign gets ${status}, not 403: this is not the code of this checkout; npm run deploy`,
        );
    }
    const token = setting("TWILIO_AUTH_TOKEN");
    if (!token)
      return this.#report(
        "unknown",
        "signed",
        "TWILIO_AUTH_TOKEN is neither in the environment nor in .dev.vars",
      );
    const { status, text } = await this.#post(form, {
      "X-Twilio-Signature": this.#sign(token.value.split(",")[0].trim(), form),
    });
    if (status === 400 && /^Bad request: \w+ is missing/.test(text))
      return this.#report(
        "ok",
        "signed",
        `token and public URL match: a signed request is accepted (${firstLine(text)})`,
      );
    if (status !== 403)
      return this.#report(
        "FAILED",
        "signed",
        `a signed request gets ${status} (${firstLine(text)}), not 400: ${WEBHOOK_HINT}`,
      );
    const isLocal =
      token.source === ".dev.vars"
        ? " (.dev.vars has the local development token: set the account's token in the environment)"
        : "";
    this.#report(
      "FAILED",
      "signed",
      `the signature for ${this.#publicUrl}${WEBHOOK_PATH} is rejected: either its TWILIO_AUTH_TOKEN is not the one from ${token.source}${isLocal}, or its PUBLIC_URL is not ${this.#publicUrl} (use --public-url if Twilio uses another one)`,
    );
  }

  async #admin() {
    const { status } = await this.#ask("GET", "/admin/usage");
    if (status === 401)
      this.#report("note", "admin", "ADMIN_TOKEN is set: the admin routes are on and require it");
    else if (status === 404)
      this.#report("note", "admin", "ADMIN_TOKEN is not set: the admin routes are off");
    else if (status === 503) this.#report("unknown", "admin", "the Worker answers 503");
    else
      this.#report(
        "FAILED",
        "admin",
        `/admin/usage without a token gets ${status}, not 401 or 404: this is not the code of this checkout; npm run deploy`,
      );
  }

  #headers() {
    const missing = this.#answers.flatMap(([what, headers]) =>
      SECURITY_HEADERS.filter((name) => !headers.has(name)).map((name) => `${name} of ${what}`),
    );
    if (!missing.length)
      return this.#report(
        "ok",
        "headers",
        `all ${SECURITY_HEADERS.length} security headers are on all ${this.#answers.length} answers`,
      );
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    this.#report(
      "FAILED",
      "headers",
      `missing: ${missing.slice(0, 3).join(", ")}${more}: does a proxy in front of the Worker remove them?`,
    );
  }

  #post(form, headers) {
    return this.#ask("POST", WEBHOOK_PATH, {
      headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
      body: new URLSearchParams(form).toString(),
    });
  }

  async #ask(method, path, options) {
    const answer = await request(this.#url + path, { method, ...options });
    this.#answers.push([`${method} ${path} (${answer.status})`, answer.headers]);
    return answer;
  }

  #report(state, check, text) {
    this.#counts[state] += 1;
    this.#tell({ state, check, text });
  }
}

/**
 * The origin that Twilio uses for the Worker at `url`: the value of `--public-url`, or PUBLIC_URL if
 * the Worker is on this machine, or else `url` itself.
 *
 * @param {string} url
 * @param {string} [option]
 */
export function publicOrigin(url, option) {
  if (option !== undefined) return readOrigin("--public-url", option, { local: true });
  const local = isLoopback(url) ? setting("PUBLIC_URL")?.value : undefined;
  return local ? readOrigin("PUBLIC_URL", local, { local: true }) : url;
}

/** Returns a function that signs a form for the webhook at `origin`, with Twilio's own library. */
export async function signerFor(origin) {
  const { getExpectedTwilioSignature } = await import("twilio/lib/webhooks/webhooks.js");
  return (token, form) => getExpectedTwilioSignature(token, origin + WEBHOOK_PATH, form);
}

/**
 * A setting that is missing or wrong, or a place in a file, as `/health` names it.
 *
 * @param {import("./assistants.mjs").SettingError | import("./assistants.mjs").FileError} error
 */
function describeProblem(error) {
  return "file" in error ? describeError(error) : `${error.setting} ${error.problem}`;
}

/** @param {Finding} finding */
function printFinding({ state, check, text }) {
  print(`${state.padEnd(7)}  ${check.padEnd(9)}  ${text}`);
}

// A URL without the user name and password that it may contain.
function host(address) {
  if (!address) return "nothing";
  return URL.canParse(address)
    ? new URL(address).origin + new URL(address).pathname
    : "something that is not a URL";
}

/**
 * Opens a TLS connection only to inspect it.
 *
 * @returns {Promise<{ protocol?: string | null, daysLeft?: number, problem?: string }>}
 */
function connection({ hostname, port }) {
  return new Promise((resolve) => {
    const name = hostname.replace(/^\[|\]$/g, "");
    const socket = tls.connect({
      host: name,
      port: Number(port) || 443,
      servername: net.isIP(name) ? "" : name,
      timeout: 10_000,
    });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.once("error", (error) => end({ problem: `no TLS connection: ${error.message}` }));
    socket.once("timeout", () => end({ problem: "no TLS connection within 10 s" }));
    socket.once("secureConnect", () => {
      const daysLeft = Math.floor(
        (Date.parse(socket.getPeerCertificate().valid_to) - Date.now()) / 86_400_000,
      );
      end({ protocol: socket.getProtocol(), daysLeft });
    });
  });
}
