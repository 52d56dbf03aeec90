// `npm run build`: compiles the Worker to WebAssembly in build/, for `wrangler dev` and `wrangler
// deploy`, and prints its size. Then it checks the files of the assistants, personas and scenarios,
// and bundles them. It compiles nothing if no source changed. wrangler runs it as well: when it
// starts, and when a source file or one of these files changes.
//
// `--features NAME --out-dir DIR` makes a second build for tests, for example `npm run build --
// --features panic-route --out-dir build/panic-route`. Such a build keeps the names of its
// functions. `--development` makes the build that `npm start` runs (lib/versions).

import { fileURLToPath } from "node:url";
import {
  bundleAssistants,
  checkAssistants,
  fileErrors,
  readAssistants,
  rejectErrors,
  writeFileModule,
} from "./lib/assistants.mjs";
import { readCommandLine } from "./lib/cli.mjs";
import { compileWorker, isUpToDate } from "./lib/compile.mjs";
import { localAssistants, PLAYGROUND_URL } from "./lib/local-assistants.mjs";
import { checkPersonas, pairsOf, readPersonas } from "./lib/personas.mjs";
import { inRoot } from "./lib/project.mjs";
import { command, print, UsageError } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { addVersion, COMPILED_DIR } from "./lib/versions.mjs";

const HELP = `npm run build [-- --development | --features NAMES --out-dir DIR]

Compiles the Worker to WebAssembly if a source changed, checks the files of assistants/, personas/ and scenarios/, and
bundles them.

  --development      the build that npm start runs, which is faster to make
  --features NAMES   features of cargo, with a comma between two (default: none)
  --out-dir DIR      where the build goes (default build)
  --help             print this

Exit code: 0 if it is built, 1 otherwise, 2 if the command line is wrong.`;

/**
 * Builds the Worker into `outDir` (relative to the root) with these cargo features, if its sources
 * changed, and bundles the files of the assistants, personas and scenarios. If one of them is wrong,
 * the bundle keeps those that were right before.
 */
export async function build({ features = "", outDir = "build" } = {}) {
  await compileWorker({ features, out: outDir });
  const { assistants, personas } = await checkedFiles(inRoot(outDir));
  if (writeFileModule(inRoot(outDir), "personas.js", "personaFiles", pairsOf(personas)))
    print(`build: ${personas.length} personas and scenarios are bundled`);
  if (bundleAssistants(inRoot(outDir), assistants)) {
    const names = assistants.map(({ name }) => name).join(", ");
    print(`build: the assistants are bundled: ${names}`);
  }
}

/** Builds the version of the Worker that `npm start` runs next. */
async function buildDevelopment() {
  await compileWorker({ profile: "development", out: COMPILED_DIR });
  addVersion(await checkedFiles(inRoot(COMPILED_DIR)));
}

/**
 * Returns the folder of a build of the sources as they are now, which can check files: the release
 * build if there is one, or else that of development, which is faster to make.
 */
export async function buildForChecks() {
  if (isUpToDate({ out: "build" })) return inRoot("build");
  await compileWorker({ profile: "development", out: COMPILED_DIR });
  return inRoot(COMPILED_DIR);
}

// The files to bundle. Throws the errors in them.
async function checkedFiles(checkDir) {
  const assistants = bundledAssistants();
  rejectErrors(fileErrors(await checkAssistants(checkDir, assistants, {})));
  const personas = readPersonas();
  rejectErrors((await checkPersonas(checkDir, personas)).errors);
  return { assistants, personas };
}

// Under `npm start`, the services of the example assistants are those of its playground.
function bundledAssistants() {
  const files = readAssistants();
  const playground = process.env[PLAYGROUND_URL];
  return playground ? localAssistants(files, playground) : files;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async (args) => {
    const line = readCommandLine(args, { texts: ["features", "out-dir"], flags: ["development"] });
    if (!line) return print(HELP);
    const { values } = line;
    if (values.development && (values.features ?? values["out-dir"]) !== undefined)
      throw new UsageError("--development takes neither --features nor --out-dir.");
    await setUpNode();
    if (values.development) await buildDevelopment();
    else await build({ features: values.features, outDir: values["out-dir"] });
  });
}
