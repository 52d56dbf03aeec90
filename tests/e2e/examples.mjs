// The example assistants in assistants/, with services on a playground of the tests.

import { readAssistants } from "../../scripts/lib/assistants.mjs";
import { localAssistants } from "../../scripts/lib/local-assistants.mjs";

/** The number of assistants/front-desk.toml. */
export const FRONT_DESK = "+15550121";
/** The number of assistants/press-release.toml. */
export const PRESS_RELEASE = "+15550120";

/**
 * The files of the example assistants, by their names, for `startWorker`.
 *
 * @param {{ url: string }} playground the playground that has their services
 * @returns {Record<string, string>}
 */
export function exampleAssistants({ url }) {
  const files = localAssistants(readAssistants(), url);
  return Object.fromEntries(files.map(({ name, text }) => [name, text]));
}
