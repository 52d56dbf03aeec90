// A client for the parts of Twilio's REST API that connect and doctor need: phone numbers and
// Messaging Services. Source: Twilio, "IncomingPhoneNumber resource", "Messaging Services
// resource". Every call here is idempotent.
//
// Not here: which settings are right (connect, doctor).

import crypto from "node:crypto";
import { firstLine, isLoopback, request, setting } from "./cli.mjs";
import { devVars } from "./local.mjs";
import { UserError } from "./run.mjs";

/** The Worker's paths for inbound messages and for delivery receipts. */
export const WEBHOOK_PATH = "/twilio/messages";
export const STATUS_PATH = "/twilio/messages/status";

/**
 * Asks Twilio to retry three times, on any failure. Twilio neither sends nor signs this part of the
 * URL.
 */
export const RETRIES = "#rc=3&rp=all";

/**
 * The account that TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN name (the first token, if there are
 * several), at TWILIO_API_BASE_URL. All of them come from the environment, or all from .dev.vars.
 * Throws a UserError if one is missing.
 */
export function twilioAccount() {
  const names = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"];
  // Never mix the two sources: a local development token does not belong to the account that the
  // environment names.
  const given = names.map(setting);
  const fromEnvironment = names.some((name) => process.env[name]);
  const missing = names.filter(
    (_, index) => !given[index] || (fromEnvironment && given[index]?.source !== "the environment"),
  );
  if (missing.length) {
    const where = fromEnvironment
      ? "in the environment, where the other one is"
      : "in the environment";
    throw new UserError(
      `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} missing ${where}: they are on the first page of Twilio's console.`,
    );
  }
  const [sid, tokens] = given.map((found) => found?.value.trim() ?? "");
  if (!/^AC[0-9a-fA-F]{32}$/.test(sid))
    throw new UserError(
      `TWILIO_ACCOUNT_SID (from ${given[0]?.source}) must be AC and 32 hex digits.`,
    );
  const base =
    (fromEnvironment ? process.env : devVars()).TWILIO_API_BASE_URL || "https://api.twilio.com";
  return new TwilioAccount(sid, tokens.split(",")[0].trim(), base.replace(/\/+$/, ""));
}

/**
 * Returns whether a Messaging Service uses its own webhook for inbound messages instead of its
 * numbers' webhooks.
 */
export function serviceDecides(service) {
  return service.use_inbound_webhook_on_number !== true;
}

class TwilioAccount {
  #authorization;
  #token;
  #api;
  #messaging;

  constructor(sid, token, base) {
    const url = URL.canParse(base) ? new URL(base) : undefined;
    if (!url || !(url.protocol === "https:" || (url.protocol === "http:" && isLoopback(base)))) {
      throw new UserError(
        "TWILIO_API_BASE_URL must be an https URL (http on this machine only): the auth token is sent there.",
      );
    }
    /** The account's SID. */
    this.sid = sid;
    this.#authorization = `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}`;
    this.#token = token;
    this.#api = base;
    // Twilio has one host per product. Any other server has a single host.
    this.#messaging = url.hostname.endsWith(".twilio.com")
      ? base.replace("://api.", "://messaging.")
      : base;
  }

  /** Returns the API's resource for exactly `phoneNumber`, or undefined. */
  async number(phoneNumber) {
    // The list also contains numbers that only contain this one.
    const path = `/2010-04-01/Accounts/${this.sid}/IncomingPhoneNumbers.json?PhoneNumber=${encodeURIComponent(phoneNumber)}`;
    for await (const number of this.#list(this.#api, path, "incoming_phone_numbers")) {
      if (number.phone_number === phoneNumber) return number;
    }
    return undefined;
  }

  /** Returns the phone numbers of the account that can receive text messages. */
  async textNumbers() {
    const path = `/2010-04-01/Accounts/${this.sid}/IncomingPhoneNumbers.json?PageSize=100`;
    const found = [];
    for await (const number of this.#list(this.#api, path, "incoming_phone_numbers"))
      if (number.capabilities?.sms !== false) found.push(number.phone_number);
    return found;
  }

  /** Changes settings of a number and returns the updated resource. */
  updateNumber(sid, settings) {
    return this.#ask(
      `${this.#api}/2010-04-01/Accounts/${this.sid}/IncomingPhoneNumbers/${sid}.json`,
      settings,
    );
  }

  /** Returns the API's resource for the Messaging Service `sid`, or undefined. */
  service(sid) {
    return this.#ask(`${this.#messaging}/v1/Services/${sid}`);
  }

  /** Changes settings of a Messaging Service and returns the updated resource. */
  updateService(sid, settings) {
    return this.#ask(`${this.#messaging}/v1/Services/${sid}`, settings);
  }

  /**
   * Returns the Messaging Service that contains the number `sid`, or undefined. Makes one request
   * per service.
   */
  async serviceOfNumber(sid) {
    for await (const service of this.#list(
      this.#messaging,
      "/v1/Services?PageSize=100",
      "services",
    )) {
      if (await this.#ask(`${this.#messaging}/v1/Services/${service.sid}/PhoneNumbers/${sid}`))
        return service;
    }
    return undefined;
  }

  /**
   * Tests whether the Worker at `origin` accepts a signature that Twilio makes for that address.
   * The signed request has no message in it. Returns `accepts`, `rejects`, or the unexpected
   * answer. Throws Unreachable.
   */
  async probe(origin) {
    const url = origin + WEBHOOK_PATH;
    const signature = crypto
      .createHmac("sha1", this.#token)
      .update(`${url}ApiVersion2010-04-01`)
      .digest("base64");
    const headers = {
      "Content-Type": "application/x-www-form-urlencoded",
      "X-Twilio-Signature": signature,
    };
    const { status, text } = await request(url, {
      method: "POST",
      headers,
      body: "ApiVersion=2010-04-01",
    });
    if (status === 400 && /^Bad request: \w+ is missing/.test(text)) return "accepts";
    return status === 403 ? "rejects" : `${status} ${firstLine(text)}`;
  }

  async *#list(base, path, key) {
    for (let next = path; next; ) {
      const url = new URL(next, base);
      if (url.origin !== new URL(base).origin)
        throw new UserError(
          `Twilio's list continues at another host (${url.host}), which must not get the token.`,
        );
      const page = (await this.#ask(url.href)) ?? {};
      yield* page[key] ?? [];
      next = page.next_page_uri ?? page.meta?.next_page_url;
    }
  }

  // Returns the resource at `url`, or undefined. With `settings` it changes the resource first.
  async #ask(url, settings) {
    const { status, text, json } = await request(url, {
      method: settings ? "POST" : "GET",
      headers: {
        Authorization: this.#authorization,
        ...(settings && { "Content-Type": "application/x-www-form-urlencoded" }),
      },
      body: settings && new URLSearchParams(settings).toString(),
    });
    if (status === 200 && json) return json;
    if (status === 404 && !settings) return undefined;
    const reason = json?.message
      ? `${json.message} (error ${json.code})`
      : `${status} ${firstLine(text)}`;
    if (status === 401) {
      throw new UserError(
        `Twilio does not accept TWILIO_AUTH_TOKEN for the account ${this.sid} (401): ${reason}. A subaccount has its own token.`,
      );
    }
    if (status === 429)
      throw new UserError(
        `Twilio is rate-limiting this account (429). This request changed nothing. Try again in a minute.`,
      );
    throw new UserError(`Twilio rejected the request: ${reason}`);
  }
}
