// The assistants that work on this machine only: their services are the playground's.

import { DEFAULT_PORTS } from "./project.mjs";

/**
 * The secrets that sign the Worker's calls to the playground's services. The files of the example
 * assistants name them.
 */
export const SHOP_SECRETS = ["ORDERS_SECRET", "DESK_SECRET", "INTAKE_SECRET"];

/** The variable of the environment that tells the build where the playground is. */
export const PLAYGROUND_URL = "SWITCHBOARD_PLAYGROUND_URL";

/** The playground's origin as the files of assistants have it. */
const IN_FILES = `http://127.0.0.1:${DEFAULT_PORTS.playground}`;

/**
 * Returns the files, `{ name, text }` each, with the playground's origin in place of the default one
 * in those that are `local_only`. Other files stay as they are, whatever they contain.
 *
 * @template {{ name: string, text: string }} File
 * @param {File[]} files
 * @param {string} playgroundUrl such as http://127.0.0.1:8788
 * @returns {File[]}
 */
export function localAssistants(files, playgroundUrl) {
  const { origin } = new URL(playgroundUrl);
  // The port must end there: 87880 is another one.
  const inFiles = new RegExp(`${IN_FILES.replaceAll(".", "\\.")}(?!\\d)`, "g");
  return files.map((file) =>
    /^local_only\s*=\s*true\b/m.test(file.text)
      ? { ...file, text: file.text.replace(inFiles, () => origin) }
      : file,
  );
}
