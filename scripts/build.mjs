// `npm run build`: the Worker as WebAssembly, in build/, for `wrangler dev` and `wrangler deploy`. Prints its size, and
// does nothing when nothing changed. wrangler runs it too, before it starts and when a source file changes.
//
// `--features NAME --out-dir DIR` makes a build for tests beside it, for example
// `npm run build -- --features panic-route --out-dir build/panic-route`; such a build is not optimised for size.

import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import zlib from "node:zlib";
import { BUILD_DIR, filesBelow, inRoot, readText, ROOT } from "./lib/project.mjs";
import { command, duration, kilobytes, run, say, withLock } from "./lib/run.mjs";
import { setUpNode, setUpRust, setUpWasmTools } from "./setup.mjs";

/** Builds the Worker into `outDir` (relative to the root) when its sources changed, with the cargo features given. */
export async function build({ features = "", outDir = "build" } = {}) {
  const out = inRoot(outDir);
  const stamp = path.join(out, ".stamp");
  const results = ["index.js", "index_bg.wasm"].map((file) => path.join(out, file));
  const upToDate = () => fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === inputsHash(features) && results.every((file) => fs.existsSync(file));
  if (upToDate()) return say(`build: ${outDir} is up to date${features ? ` (features: ${features})` : ""}; ${sizes(results)}`);

  await setUpRust();
  const { workerBuild, env } = await setUpWasmTools();
  await withLock(path.join(BUILD_DIR, ".build.lock"), "build: waiting for another build", async () => {
    if (upToDate()) return;
    const before = inputsHash(features);
    const started = Date.now();
    say(`build: compiling the Worker to WebAssembly${features ? ` with the features ${features}` : ""}: seconds, about a minute the first time`);
    fs.rmSync(stamp, { force: true });
    const cargo = ["--locked", ...(features ? ["--features", features] : [])];
    await run(workerBuild, [ROOT, "--release", "--out-dir", outDir, "--no-opt", "--", ...cargo], {
      cwd: ROOT,
      // The compiler's message says all; a trace through worker-build would only hide it.
      env: { ...process.env, ...env, RUST_BACKTRACE: "0", CARGO_ENCODED_RUSTFLAGS: rustFlags() },
      failure: "the WebAssembly build",
    });
    if (!features) await makeSmaller(env.WASM_OPT_BIN, results[1]);
    // Hashed before the build began: what was saved meanwhile counts as changed.
    fs.writeFileSync(stamp, before);
    say(`build: done in ${duration(Date.now() - started)}; ${sizes(results)}`);
  });
}

/** The paths of this machine stay out of the messages of panics: they are nobody's business, and the same build is the same anywhere. */
function rustFlags() {
  const sources = path.join(process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo"), "registry", "src");
  const registries = fs.existsSync(sources) ? fs.readdirSync(sources).map((name) => path.join(sources, name)) : [];
  return [...registries, ROOT].map((dir) => `--remap-path-prefix=${dir}=.`).join("\x1f");
}

/** What rustc and wasm-bindgen use of WebAssembly; nothing newer, which workerd may not know. */
const WASM_FEATURES = ["mutable-globals", "sign-ext", "nontrapping-float-to-int", "bulk-memory", "multivalue", "reference-types", "exception-handling"];

/**
 * Optimises a module for size. worker-build would do it too, but keeps the names of all functions. What the compiler did not
 * inline stays apart, since wasm-opt's inlining makes this module larger.
 */
async function makeSmaller(wasmOpt, module) {
  const passes = ["--no-inline=*", "-Oz", "--strip-debug", "--strip-producers"];
  const small = `${module}.small`;
  await run(wasmOpt, [module, "-o", small, ...passes, ...WASM_FEATURES.map((feature) => `--enable-${feature}`)], { failure: "wasm-opt" });
  fs.renameSync(small, module);
}

function inputsHash(features) {
  const hash = crypto.createHash("sha256").update(features);
  const inputs = [...filesBelow("src"), "Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "package-lock.json", "scripts/build.mjs"];
  for (const file of inputs) hash.update(`\n${file}\n`).update(readText(file));
  return hash.digest("hex");
}

function sizes([script, wasm]) {
  const [code, module] = [script, wasm].map((file) => fs.readFileSync(file));
  const gzipped = (bytes) => zlib.gzipSync(bytes, { level: 9 }).length;
  return [
    `wasm ${kilobytes(module.length)} (${kilobytes(gzipped(module))} gzipped)`,
    `in all ${kilobytes(module.length + code.length)} (${kilobytes(gzipped(module) + gzipped(code))} gzipped)`,
  ].join(", ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async (args) => {
    const { values } = parseArgs({ args, options: { features: { type: "string" }, "out-dir": { type: "string" } } });
    await setUpNode();
    await build({ features: values.features, outDir: values["out-dir"] });
  });
}
