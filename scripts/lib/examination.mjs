// The checks of `npm run doctor`: a line for each, ok, FAILED and what to do, unknown, or a note.
//
// Nothing is changed and no sender's object is touched: the only signed request lacks all that a message must have.
// Not here: what is said to people, and what it costs (the end-to-end tests, `npm run say`, `npm run admin`).

import crypto from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import { firstLine, isLoopback, isTls, request, setting, Unreachable } from "./operators.mjs";
import { lockedCrate } from "./project.mjs";
import { say, UserError } from "./run.mjs";
import { RETRIES, serviceDecides, twilioAccount, WEBHOOK_PATH } from "./twilio-account.mjs";

const SECURITY_HEADERS = [
  "X-Content-Type-Options",
  "X-Frame-Options",
  "X-XSS-Protection",
  "Referrer-Policy",
  "Cache-Control",
];
const SECRETS = [
  "TWILIO_AUTH_TOKEN",
  "OPENAI_API_KEY",
  "PSEUDONYM_KEY",
  "ADMIN_TOKEN",
  "SEGMENT_WRITE_KEY",
];
const WEBHOOK_HINT =
  "is the address right, and does everything in front of the Worker leave paths and methods alone?";

/** One examination, printed as it goes on. */
export class Examination {
  #url;
  #publicUrl;
  #sign;
  #counts = { ok: 0, FAILED: 0, unknown: 0, note: 0 };
  /** Every answer so far, as `[what was asked, headers]`. */
  #answers = [];

  /**
   * Of the Worker at the origin `url`, which Twilio knows as `publicUrl`. `sign(token, form)` signs a form for its webhook
   * as Twilio does.
   */
  constructor(url, publicUrl, sign) {
    this.#url = url;
    this.#publicUrl = publicUrl;
    this.#sign = sign;
  }

  /** All checks of the Worker itself. */
  async worker() {
    say(
      `${this.#url}${this.#publicUrl === this.#url ? "" : `, which Twilio knows as ${this.#publicUrl}`}\n`,
    );
    let health;
    try {
      health = await this.#ask("GET", "/health");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#say("FAILED", isTls(error.code) ? "TLS" : "reachable", error.message);
      this.#say("unknown", "all else", "it could not be asked");
      return;
    }
    await this.#tls();
    const configured = this.#health(health);
    await this.#routes();
    await this.#signatures(configured);
    await this.#admin();
    this.#headers();
  }

  /** Whether a number of the account points here. */
  async number(phoneNumber) {
    const webhook = this.#publicUrl + WEBHOOK_PATH;
    try {
      const account = twilioAccount();
      const number = await account.number(phoneNumber);
      if (!number)
        return this.#say(
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
      const putRight = `npm run connect -- ${decides ? `--messaging-service ${service.sid}` : `--number ${phoneNumber}`} --url ${this.#publicUrl}`;
      const [address, overrides] = (current || "").split("#");
      if (!decides && number.sms_application_sid) {
        return this.#say(
          "FAILED",
          "number",
          `an application (${number.sms_application_sid}) decides for ${phoneNumber}, not its webhook: ${putRight}`,
        );
      }
      if (address !== webhook)
        return this.#say(
          "FAILED",
          "number",
          `${whose} points to ${host(address)}, not to ${webhook}: ${putRight}`,
        );
      if (method !== "POST")
        return this.#say(
          "FAILED",
          "number",
          `${whose} asks by ${method}, not by POST: ${putRight}`,
        );
      this.#say("ok", "number", `${whose} points to ${webhook}`);
      if (!overrides)
        this.#say(
          "note",
          "retries",
          `without ${RETRIES} behind the webhook Twilio tries again only when it could not connect: ${putRight}`,
        );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#say("unknown", "number", error.message);
    }
  }

  /** Prints the sum, and returns the exit code. */
  conclude() {
    const { ok, FAILED: failed, unknown } = this.#counts;
    say(`\n${ok} ok, ${failed} failed${unknown ? `, ${unknown} unknown` : ""}`);
    return failed ? 1 : 0;
  }

  async #tls() {
    if (this.#url.startsWith("http:"))
      return this.#say("ok", "TLS", "not needed: the Worker is on this machine");
    const { protocol, daysLeft, problem } = await connection(new URL(this.#url));
    if (problem) return this.#say("FAILED", "TLS", problem);
    this.#say(
      daysLeft < 7 ? "note" : "ok",
      "TLS",
      `${protocol}, the certificate is trusted and runs for ${daysLeft} more days`,
    );
  }

  // Whether it is configured; undefined when it is no Switchboard.
  #health({ status, text, json }) {
    const faults = Array.isArray(json?.faults) ? json.faults : [];
    if (status === 200 && json?.status === "ok") {
      this.#say("ok", "health", "the settings are in order, all secrets are set");
      this.#version(json.version);
      return true;
    }
    if (status === 503 && faults.length) {
      for (const { setting: name, problem } of faults)
        this.#say("FAILED", "health", `${name} ${problem}: ${this.#howToSet(name)}`);
      this.#version(json.version);
      return false;
    }
    this.#say(
      "FAILED",
      "health",
      `/health answers ${status} (${firstLine(text)}), which is not Switchboard's: ${WEBHOOK_HINT}`,
    );
    return undefined;
  }

  #howToSet(name) {
    if (isLoopback(this.#url)) return "put it right in .dev.vars and start again";
    return SECRETS.includes(name)
      ? `npx wrangler secret put ${name}`
      : "put it right in [vars] of wrangler.toml, and npm run deploy";
  }

  #version(deployed) {
    const here = lockedCrate("switchboard");
    if (deployed === here) this.#say("ok", "version", `${deployed}, as in this checkout`);
    else
      this.#say(
        "note",
        "version",
        `${deployed} is deployed, this checkout is ${here}: npm run deploy brings it there`,
      );
  }

  async #routes() {
    const get = await this.#ask("GET", WEBHOOK_PATH);
    const allowed = get.headers.get("allow");
    if (get.status === 405 && allowed === "POST")
      this.#say("ok", "method", `GET ${WEBHOOK_PATH} is refused with 405`);
    else
      this.#say(
        "FAILED",
        "method",
        `GET ${WEBHOOK_PATH} answers ${get.status}, not 405: ${WEBHOOK_HINT}`,
      );
    const other = await this.#ask("GET", "/doctor-asks-for-what-is-not-there");
    if (other.status === 404) this.#say("ok", "routes", "an unknown path is answered with 404");
    else
      this.#say(
        "FAILED",
        "routes",
        `an unknown path answers ${other.status}, not 404: ${WEBHOOK_HINT}`,
      );
  }

  async #signatures(configured) {
    const form = { ApiVersion: "2010-04-01" };
    const closed = "cannot be told before the settings are in order";
    if (!configured) {
      for (const check of ["unsigned", "forged", "signed"])
        this.#say(
          "unknown",
          check,
          configured === false ? closed : "not asked, as it is no Switchboard",
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
        this.#say(
          "ok",
          check,
          `a request ${check === "forged" ? "signed by another token" : "without a signature"} is refused with 403`,
        );
      else
        this.#say(
          "FAILED",
          check,
          `a request that Twilio did not sign is answered with ${status}, not 403: this is not the code of this checkout; npm run deploy`,
        );
    }
    const token = setting("TWILIO_AUTH_TOKEN");
    if (!token)
      return this.#say(
        "unknown",
        "signed",
        "TWILIO_AUTH_TOKEN is neither in the environment nor in .dev.vars",
      );
    const { status, text } = await this.#post(form, {
      "X-Twilio-Signature": this.#sign(token.value.split(",")[0].trim(), form),
    });
    if (status === 400 && /^Bad request: \w+ is missing/.test(text))
      return this.#say(
        "ok",
        "signed",
        `token and public URL agree: a signed probe is understood (${firstLine(text)})`,
      );
    if (status !== 403)
      return this.#say(
        "FAILED",
        "signed",
        `a signed probe answers ${status} (${firstLine(text)}), not 400: ${WEBHOOK_HINT}`,
      );
    const isLocal =
      token.source === ".dev.vars"
        ? " (.dev.vars has the one of local development: give the account's in the environment)"
        : "";
    this.#say(
      "FAILED",
      "signed",
      `the signature for ${this.#publicUrl}${WEBHOOK_PATH} is refused: either TWILIO_AUTH_TOKEN there is not the one from ${token.source}${isLocal}, or PUBLIC_URL there is not ${this.#publicUrl} (--public-url tells another one)`,
    );
  }

  async #admin() {
    const { status } = await this.#ask("GET", "/admin/usage");
    if (status === 401)
      this.#say("note", "admin", "ADMIN_TOKEN is set: the admin routes are there, and ask for it");
    else if (status === 404)
      this.#say("note", "admin", "ADMIN_TOKEN is not set: there are no admin routes");
    else if (status === 503) this.#say("unknown", "admin", "the Worker answers 503");
    else
      this.#say(
        "FAILED",
        "admin",
        `/admin/usage without a token answers ${status}, not 401 or 404: this is not the code of this checkout; npm run deploy`,
      );
  }

  #headers() {
    const missing = this.#answers.flatMap(([what, headers]) =>
      SECURITY_HEADERS.filter((name) => !headers.has(name)).map((name) => `${name} of ${what}`),
    );
    if (!missing.length)
      return this.#say(
        "ok",
        "headers",
        `all ${SECURITY_HEADERS.length} security headers are on all ${this.#answers.length} answers`,
      );
    const more = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    this.#say(
      "FAILED",
      "headers",
      `missing: ${missing.slice(0, 3).join(", ")}${more}: does something in front of the Worker take them away?`,
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

  #say(state, check, text) {
    this.#counts[state] += 1;
    say(`${state.padEnd(7)}  ${check.padEnd(9)}  ${text}`);
  }
}

// Of a URL that may hold a user and a password, only where it leads.
function host(address) {
  if (!address) return "nothing";
  return URL.canParse(address)
    ? new URL(address).origin + new URL(address).pathname
    : "something that is no URL";
}

// A TLS connection by itself: `{ protocol, daysLeft }`, or `{ problem }`.
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
        (new Date(socket.getPeerCertificate().valid_to) - Date.now()) / 86_400_000,
      );
      end({ protocol: socket.getProtocol(), daysLeft });
    });
  });
}
