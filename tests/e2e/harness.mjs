// Starts Switchboard as it is deployed for the end-to-end tests: a playground and Workers on free
// ports, each with its own directory, settings and storage. The tests import everything from here;
// the parts are files beside this one.
//
// Not here: any assertion, and anything about one feature. The harness uses the builds in build/,
// which `npm run test:e2e` makes first.

import { freePort } from "../../scripts/lib/local.mjs";
import { stopEverythingOnSignals } from "../../scripts/lib/run.mjs";
import { startPlayground } from "./playground.mjs";
import { startWorker } from "./worker.mjs";

export { ACCOUNT, freshPair, freshSid, phoneHash, pseudonym, SECRETS } from "./identities.mjs";
export { echo, startPlayground } from "./playground.mjs";
export { EVENTS, SECURITY_HEADERS } from "./promises.mjs";
export { inboundForm, signatureOf, twiml } from "./twilio.mjs";
export { eventually, PATIENCE, reached, sleep } from "./waiting.mjs";
export { startWorker } from "./worker.mjs";

/**
 * Starts a playground and one Worker that know each other: `{ playground, worker, close }`. Options
 * as for `startWorker`, but `assistants` can be a function that makes the files for the playground.
 * `callSpeed` is as for `startPlayground`.
 *
 * @typedef {Record<string, string>} Files
 *
 * @param {Omit<import("./worker.mjs").WorkerOptions, "assistants"> & { assistants?: Files | ((playground: { url: string }) => Files), callSpeed?: number }} [options]
 */
export async function startSwitchboard({ assistants, callSpeed, ...options } = {}) {
  const port = await freePort();
  const playground = await startPlayground({ worker: `http://127.0.0.1:${port}`, callSpeed });
  try {
    const files = typeof assistants === "function" ? assistants(playground) : assistants;
    const worker = await startWorker({ playground, port, assistants: files, ...options });
    return { playground, worker, close: () => Promise.all([worker.close(), playground.close()]) };
  } catch (error) {
    await playground.close();
    throw error;
  }
}

stopEverythingOnSignals();
