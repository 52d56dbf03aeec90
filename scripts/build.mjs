// `npm run build`: compiles the Worker to WebAssembly in build/, for `wrangler dev` and `wrangler
// deploy`, and prints its size. Then it checks the files of the assistants, personas and scenarios,
// and bundles them. It compiles nothing if no source changed. wrangler runs it as well: when it
// starts, and when a source file or one of these files changes.
//
// `--features NAME --out-dir DIR` makes a second build for tests, for example `npm run build --
// --features panic-route --out-dir build/panic-route`. Such a build keeps the names of its
// functions.

import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import zlib from "node:zlib";
import {
  bundleAssistants,
  checkAssistants,
  fileErrors,
  readAssistants,
  rejectErrors,
  writeFileModule,
} from "./lib/assistants.mjs";
import { localAssistants, PLAYGROUND_URL } from "./lib/local-assistants.mjs";
import { checkPersonas, pairsOf, readPersonas } from "./lib/personas.mjs";
import { BUILD_DIR, filesBelow, inRoot, ROOT, readText, targetDir } from "./lib/project.mjs";
import { command, duration, kilobytes, print, run, withLock } from "./lib/run.mjs";
import { setUpNode } from "./lib/setup-node.mjs";
import { setUpRust, setUpWasmTools } from "./lib/setup-rust.mjs";

/**
 * Builds the Worker into `outDir` (relative to the root) with these cargo features, if its sources
 * changed, and `bundles` the files of the assistants, personas and scenarios. If one of them is
 * wrong, the bundle keeps those that were right before.
 */
export async function build({ features = "", outDir = "build", bundles = true } = {}) {
  await compileIfChanged({ features, outDir });
  if (!bundles) return;
  const files = bundledAssistants();
  rejectErrors(fileErrors(await checkAssistants(inRoot(outDir), files, {})));
  const personas = readPersonas();
  rejectErrors((await checkPersonas(inRoot(outDir), personas)).errors);
  if (writeFileModule(inRoot(outDir), "personas.js", "personaFiles", pairsOf(personas)))
    print(`build: ${personas.length} personas and scenarios are bundled`);
  if (bundleAssistants(inRoot(outDir), files)) {
    const names = files.map(({ name }) => name).join(", ");
    print(`build: the assistants are bundled: ${names}`);
  }
}

// Under `npm start`, the services of the example assistants are those of its playground.
function bundledAssistants() {
  const files = readAssistants();
  const playground = process.env[PLAYGROUND_URL];
  return playground ? localAssistants(files, playground) : files;
}

async function compileIfChanged({ features, outDir }) {
  const out = inRoot(outDir);
  const stamp = path.join(out, ".stamp");
  const results = ["index.js", "index_bg.wasm"].map((file) => path.join(out, file));
  const check = path.join(out, "check.js");
  const upToDate = () =>
    fs.existsSync(stamp) &&
    fs.readFileSync(stamp, "utf8") === inputsHash(features) &&
    [...results, check].every((file) => fs.existsSync(file));
  if (upToDate())
    return print(
      `build: ${outDir} is up to date${features ? ` (features: ${features})` : ""}; ${sizes(results)}`,
    );

  await setUpRust();
  const tools = await setUpWasmTools();
  await withLock(
    path.join(BUILD_DIR, ".build.lock"),
    "build: waiting for another build",
    async () => {
      if (upToDate()) return;
      const before = inputsHash(features);
      const started = Date.now();
      print(
        `build: compiling the Worker to WebAssembly${features ? ` with the features ${features}` : ""} (seconds, about a minute the first time)`,
      );
      fs.rmSync(stamp, { force: true });
      const work = path.join(out, "parts");
      fs.rmSync(work, { recursive: true, force: true });
      fs.mkdirSync(work, { recursive: true });
      await compile(tools, features, work);
      await bundle(tools, work, out);
      // The hash from before the build: a file that was saved in the meantime counts as changed.
      fs.writeFileSync(stamp, before);
      print(`build: done in ${duration(Date.now() - started)}; ${sizes(results)}`);
    },
  );
}

// Compiles the crate to index_bg.wasm, with index.js, the JavaScript that wasm-bindgen generates
// for it, in `work`.
async function compile({ wasmBindgen }, features, work) {
  const target = "wasm32-unknown-unknown";
  await run(
    "cargo",
    [
      "build",
      "--locked",
      "--quiet",
      "--lib",
      "--release",
      "--target",
      target,
      ...(features ? ["--features", features] : []),
    ],
    {
      cwd: ROOT,
      // As worker-build does: the generated code then uses `js-sys` for JavaScript's own types.
      env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: rustFlags(), WASM_BINDGEN_USE_JS_SYS: "1" },
      failure: "the WebAssembly build",
    },
  );
  const module = path.join(targetDir(), target, "release", "switchboard.wasm");
  const options = [
    ...["--target", "module", "--no-typescript", "--out-name", "index", "--out-dir", work],
    // Adds the function that starts a fresh instance after a panic.
    "--experimental-reset-state-function",
    // Encodes strings with one call of the runtime instead of a loop over their characters.
    ...["--encode-into", "always"],
    // Function names are a fifth of the module. A test build keeps them for its stack traces.
    ...(features ? [] : ["--remove-name-section", "--remove-producers-section"]),
  ];
  await run(wasmBindgen, [module, ...options], { failure: "wasm-bindgen" });
  // In workerd and wrangler, a plain import returns the compiled module.
  const script = path.join(work, "index.js");
  fs.writeFileSync(script, fs.readFileSync(script, "utf8").replace("import source ", "import "));
}

// Bundles the entry and its imports into index.js in `out`, together with the WebAssembly.
async function bundle({ esbuild }, work, out) {
  const entry = path.join(work, "entry.js");
  fs.copyFileSync(inRoot("src", "runtime", "entry.js"), entry);
  const options = [
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2024",
    "--external:cloudflare:*",
    "--external:./index_bg.wasm",
    "--external:./assistants.js",
    "--external:./personas.js",
    "--log-level=warning",
  ];
  await run(esbuild, [entry, ...options, `--outfile=${path.join(out, "index.js")}`], {
    failure: "esbuild",
  });
  await bundleCheck({ esbuild }, work, out);
  fs.renameSync(path.join(work, "index_bg.wasm"), path.join(out, "index_bg.wasm"));
  fs.rmSync(work, { recursive: true });
}

// Bundles check.js in `out`: the same WebAssembly for Node.js, which checks the files of assistants.
// It has no runtime of Workers, and needs none for that.
async function bundleCheck({ esbuild }, work, out) {
  const script = fs.readFileSync(path.join(work, "index.js"), "utf8");
  const imported = script.match(/^import (\w+) from "\.\/index_bg\.wasm";?$/m);
  if (!imported) throw new Error("wasm-bindgen's script imports its module in another way.");
  const read = `import fs from "node:fs";
const ${imported[1]} = new WebAssembly.Module(
  fs.readFileSync(new URL("./index_bg.wasm", import.meta.url)),
);`;
  fs.writeFileSync(path.join(work, "check.js"), script.replace(imported[0], read));
  writeFileModule(work, "assistants.js", "assistantFiles", []);
  writeFileModule(work, "personas.js", "personaFiles", []);
  const options = [
    "--bundle",
    "--format=esm",
    "--platform=node",
    "--target=node20",
    "--log-level=error",
  ];
  const from = path.join(work, "check.js");
  await run(esbuild, [from, ...options, `--outfile=${path.join(out, "check.js")}`], {
    failure: "esbuild",
  });
}

// Removes this machine's paths from panic messages: they are private, and they would make builds
// differ between machines.
function rustFlags() {
  const sources = path.join(
    process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo"),
    "registry",
    "src",
  );
  const registries = fs.existsSync(sources)
    ? fs.readdirSync(sources).map((name) => path.join(sources, name))
    : [];
  return [...registries, ROOT].map((dir) => `--remap-path-prefix=${dir}=.`).join("\x1f");
}

function inputsHash(features) {
  const hash = crypto.createHash("sha256").update(features);
  const inputs = [
    ...filesBelow("src"),
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "package-lock.json",
    "scripts/build.mjs",
  ];
  for (const file of inputs) hash.update(`\n${file}\n`).update(readText(file));
  return hash.digest("hex");
}

function sizes(files) {
  const [code, module] = files.map((file) => fs.readFileSync(file));
  const gzipped = (bytes) => zlib.gzipSync(bytes, { level: 9 }).length;
  return [
    `wasm ${kilobytes(module.length)} (${kilobytes(gzipped(module))} gzipped)`,
    `in all ${kilobytes(module.length + code.length)} (${kilobytes(gzipped(module) + gzipped(code))} gzipped)`,
  ].join(", ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async (args) => {
    const { values } = parseArgs({
      args,
      options: { features: { type: "string" }, "out-dir": { type: "string" } },
    });
    await setUpNode();
    await build({ features: values.features, outDir: values["out-dir"] });
  });
}
