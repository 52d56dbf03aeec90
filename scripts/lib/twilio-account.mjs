// A Twilio account, as far as the operators' commands need it: its phone numbers and Messaging Services, by the REST API.
// Source: Twilio, "IncomingPhoneNumber resource", "Messaging Services resource". Everything here can be done twice.
//
// Not here: which settings are right (connect, doctor).

import crypto from "node:crypto";
import { devVars } from "./local.mjs";
import { firstLine, isLoopback, request, setting } from "./operators.mjs";
import { UserError } from "./run.mjs";

/** Where the Worker takes messages, and reports of what became of its own. */
export const WEBHOOK_PATH = "/twilio/messages";
export const STATUS_PATH = "/twilio/messages/status";

/** Three tries more, on any failure. Twilio neither sends nor signs it. */
export const RETRIES = "#rc=3&rp=all";

/**
 * The account in TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, both from the environment or both from .dev.vars (of several
 * tokens the first), at the TWILIO_API_BASE_URL of the same place. Throws a UserError when they are not there.
 */
export function twilioAccount() {
  const names = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"];
  // A token of local development does not belong to an account that the environment names, nor the other way round.
  const given = names.map(setting);
  const fromEnvironment = names.some((name) => process.env[name]);
  const missing = names.filter(
    (_, index) => !given[index] || (fromEnvironment && given[index].source !== "the environment"),
  );
  if (missing.length) {
    const where = fromEnvironment
      ? "in the environment, beside the other one"
      : "in the environment";
    throw new UserError(
      `${missing.join(" and ")} ${missing.length > 1 ? "are" : "is"} missing ${where}: they are on the first page of Twilio's console.`,
    );
  }
  const [sid, tokens] = given.map(({ value }) => value.trim());
  if (!/^AC[0-9a-fA-F]{32}$/.test(sid))
    throw new UserError(
      `TWILIO_ACCOUNT_SID (from ${given[0].source}) must be AC and 32 hex digits.`,
    );
  const base =
    (fromEnvironment ? process.env : devVars()).TWILIO_API_BASE_URL || "https://api.twilio.com";
  return new TwilioAccount(sid, tokens.split(",")[0].trim(), base.replace(/\/+$/, ""));
}

/** Whether a Messaging Service sends inbound messages to its own webhook, and not to those of its numbers. */
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
    /** Its sid. */
    this.sid = sid;
    this.#authorization = `Basic ${Buffer.from(`${sid}:${token}`).toString("base64")}`;
    this.#token = token;
    this.#api = base;
    // Twilio has a host for each product, another service behind this address has one.
    this.#messaging = url.hostname.endsWith(".twilio.com")
      ? base.replace("://api.", "://messaging.")
      : base;
  }

  /** The number that is exactly `phoneNumber`, as the API shows it, or undefined. */
  async number(phoneNumber) {
    // The list also holds numbers of which this is a part.
    const path = `/2010-04-01/Accounts/${this.sid}/IncomingPhoneNumbers.json?PhoneNumber=${encodeURIComponent(phoneNumber)}`;
    for await (const number of this.#list(this.#api, path, "incoming_phone_numbers")) {
      if (number.phone_number === phoneNumber) return number;
    }
    return undefined;
  }

  /** Changes settings of a number; returns it as it is then. */
  updateNumber(sid, settings) {
    return this.#ask(
      `${this.#api}/2010-04-01/Accounts/${this.sid}/IncomingPhoneNumbers/${sid}.json`,
      settings,
    );
  }

  /** The Messaging Service `sid`, as the API shows it, or undefined. */
  service(sid) {
    return this.#ask(`${this.#messaging}/v1/Services/${sid}`);
  }

  /** Changes settings of a Messaging Service; returns it as it is then. */
  updateService(sid, settings) {
    return this.#ask(`${this.#messaging}/v1/Services/${sid}`, settings);
  }

  /** The Messaging Service that the number `sid` is in, or undefined. A request for each service of the account. */
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
   * Asks the Worker at `origin` whether it takes what Twilio signs for that address, with a request that lacks all that a
   * message must have: `agrees`, `refuses`, or what it answered instead. Throws Unreachable.
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
    if (status === 400 && /^Bad request: \w+ is missing/.test(text)) return "agrees";
    return status === 403 ? "refuses" : `${status} ${firstLine(text)}`;
  }

  async *#list(base, path, key) {
    for (let next = path; next; ) {
      const url = new URL(next, base);
      if (url.origin !== new URL(base).origin)
        throw new UserError(
          `Twilio's list goes on at another host (${url.host}), which does not get the token.`,
        );
      const page = (await this.#ask(url.href)) ?? {};
      yield* page[key] ?? [];
      next = page.next_page_uri ?? page.meta?.next_page_url;
    }
  }

  // The resource at `url`, changed by `settings` first if they are given; undefined when there is none.
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
    const said = json?.message
      ? `${json.message} (error ${json.code})`
      : `${status} ${firstLine(text)}`;
    if (status === 401) {
      throw new UserError(
        `Twilio does not take TWILIO_AUTH_TOKEN for the account ${this.sid} (401): ${said}. A subaccount has a token of its own.`,
      );
    }
    if (status === 429)
      throw new UserError(
        `Twilio has too many requests at the moment (429); nothing was changed by this one. Try again in a minute.`,
      );
    throw new UserError(`Twilio refused: ${said}`);
  }
}
