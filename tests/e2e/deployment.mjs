// Shared by the tests of connect, doctor and admin: a playground with a Twilio account, a Worker
// that uses it, and a checkout to run the commands in.
//
// Not here: any assertion.

import crypto from "node:crypto";
import { Checkout } from "./commands.mjs";
import { ACCOUNT, SECRETS, startPlayground, startWorker } from "./harness.mjs";

/** The public origin of the Worker, as Twilio knows it. */
export const ORIGIN = "https://switchboard.example";
export const WEBHOOK = `${ORIGIN}/twilio/messages`;
export const RETRIES = "#rc=3&rp=all";
/** A number of the account that nothing is set for. */
export const NUMBER = "+15550199";
/** A token that belongs to nobody. */
export const OTHER_TOKEN = crypto.randomBytes(16).toString("hex");

/** Starts a playground and a Worker, and makes a checkout without .dev.vars. */
export async function startDeployment() {
  const checkout = new Checkout();
  const playground = await startPlayground();
  try {
    return new Deployment(checkout, playground, await startWorker({ playground }));
  } catch (error) {
    checkout.remove();
    await playground.close();
    throw error;
  }
}

class Deployment {
  constructor(checkout, playground, worker) {
    this.checkout = checkout;
    this.playground = playground;
    this.worker = worker;
  }

  /** Undoes all changes to the account, and forgets faults and requests. */
  async reset() {
    await this.playground.resetNumbers();
    await this.playground.clearFaults();
    await this.playground.clearRequests();
  }

  /** Stops and removes everything. */
  async close() {
    this.checkout.remove();
    await this.playground.close();
    await this.worker.close();
  }

  /** The environment that names the account. */
  account(more = {}) {
    return {
      TWILIO_ACCOUNT_SID: ACCOUNT,
      TWILIO_AUTH_TOKEN: SECRETS.TWILIO_AUTH_TOKEN,
      TWILIO_API_BASE_URL: this.playground.url,
      ...more,
    };
  }

  /** Runs `npm run connect`. */
  connect(args, env = this.account()) {
    return this.checkout.run("connect", args, env);
  }

  /** Runs `npm run connect` for a number, with the URL of this deployment. */
  connectNumber(number, args = [], env = this.account()) {
    return this.connect(["--number", number, "--url", ORIGIN, ...args], env);
  }

  /** The requests that changed something of the account. */
  async changes() {
    return (await this.playground.requests("twilio")).filter(({ method }) => method === "POST");
  }

  /** The current settings of a number. */
  async numberNow(number) {
    const { numbers } = await this.playground.account();
    return numbers.find(({ phone_number: other }) => other === number);
  }

  /** The current settings of the Messaging Services. */
  async servicesNow() {
    // The playground creates the account with the first request for it.
    await this.connectNumber(NUMBER, ["--dry-run"]);
    return (await this.playground.account()).services;
  }
}
