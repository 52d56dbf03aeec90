// Compiles the Worker to WebAssembly: cargo, then the bindings, then one file of JavaScript by
// esbuild. Does nothing if no source has changed.
//
// There are two profiles. `release` is what `npm run build` makes and what is deployed.
// `development` is what `npm start` runs: it is compiled in seconds, and is larger and slower. Not
// here: the files of assistants, personas and scenarios, which are bundled as text (build).

import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { writeFileModule } from "./assistants.mjs";
import {
  BUILD_DIR,
  filesBelow,
  hostProgram,
  inRoot,
  ROOT,
  readText,
  targetDir,
} from "./project.mjs";
import {
  describe,
  duration,
  kilobytes,
  print,
  ShownError,
  start,
  UserError,
  withLock,
} from "./run.mjs";
import { packageProgram, setUpRust, setUpWasmTools } from "./setup-rust.mjs";

const TARGET = "wasm32-unknown-unknown";

/**
 * The profiles: that of cargo, the folder of its results, and whether the functions keep their
 * names, which stack traces then contain. They are an eighth of a release build.
 */
const PROFILES = {
  release: { cargo: "release", folder: "release", keepNames: false },
  development: { cargo: "dev", folder: "debug", keepNames: true },
};

/** The files that a compilation makes. */
const COMPILED = ["index.js", "index_bg.wasm", "check.js"];

/**
 * Compiles the Worker into the folder `out` (relative to the root), with these features of cargo.
 * Throws a ShownError if the compiler has said what is wrong.
 *
 * @param {{ profile?: keyof typeof PROFILES, features?: string, out: string }} options
 */
export async function compileWorker({ profile = "release", features = "", out: folder }) {
  const out = inRoot(folder);
  const what = features ? ` with the features ${features}` : "";
  // `npm start` says itself what it does.
  const tell = profile === "release" ? print : () => {};
  if (isUpToDate({ profile, features, out: folder }))
    return tell(`build: ${folder} is up to date${what}; ${sizes(out)}`);
  await setUpRust();
  await setUpWasmTools();
  await withLock(
    path.join(BUILD_DIR, ".build.lock"),
    "build: waiting for another build",
    async () => {
      if (isUpToDate({ profile, features, out: folder })) return;
      const before = inputsHash(profile, features);
      const started = Date.now();
      tell(`build: compiling the Worker to WebAssembly${what} (about two minutes the first time)`);
      const stamp = path.join(out, ".stamp");
      fs.rmSync(stamp, { force: true });
      const work = path.join(out, "parts");
      fs.rmSync(work, { recursive: true, force: true });
      fs.mkdirSync(work, { recursive: true });
      await compile(PROFILES[profile], features, work);
      await bundle(work, out);
      // The hash from before the build: a file that was saved in the meantime counts as changed.
      fs.writeFileSync(stamp, before);
      tell(`build: done in ${duration(Date.now() - started)}; ${sizes(out)}`);
    },
  );
}

/**
 * Whether `out` contains what the sources as they are now compile to.
 *
 * @param {{ profile?: keyof typeof PROFILES, features?: string, out: string }} options
 */
export function isUpToDate({ profile = "release", features = "", out }) {
  const stamp = inRoot(out, ".stamp");
  return (
    fs.existsSync(stamp) &&
    fs.readFileSync(stamp, "utf8") === inputsHash(profile, features) &&
    COMPILED.every((file) => fs.existsSync(inRoot(out, file)))
  );
}

// Compiles the crate to index_bg.wasm, with index.js, the JavaScript that wasm-bindgen generates
// for it, in `work`.
async function compile({ cargo, folder, keepNames }, features, work) {
  const args = ["build", "--locked", "--quiet", "--lib", "--profile", cargo, "--target", TARGET];
  if (features) args.push("--features", features);
  await shown("cargo", args, {
    cwd: ROOT,
    // As worker-build does: the generated code then uses `js-sys` for JavaScript's own types.
    env: { ...process.env, CARGO_ENCODED_RUSTFLAGS: rustFlags(), WASM_BINDGEN_USE_JS_SYS: "1" },
  });
  const module = path.join(targetDir(), TARGET, folder, "switchboard.wasm");
  // A test build keeps the names for its stack traces.
  const names = keepNames || features ? ["--keep-names"] : [];
  await shown(hostProgram("bindgen"), [module, work, ...names]);
  // In workerd and wrangler, a plain import returns the compiled module.
  const script = path.join(work, "index.js");
  fs.writeFileSync(script, fs.readFileSync(script, "utf8").replace("import source ", "import "));
}

// Bundles the entry and its imports into index.js in `out`, together with the WebAssembly.
async function bundle(work, out) {
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
  await esbuild([entry, ...options, `--outfile=${path.join(out, "index.js")}`]);
  await bundleCheck(work, out);
  fs.renameSync(path.join(work, "index_bg.wasm"), path.join(out, "index_bg.wasm"));
  fs.rmSync(work, { recursive: true });
}

// Bundles check.js in `out`: the same WebAssembly for Node.js, which checks the files of assistants.
// It has no runtime of Workers, and needs none for that.
async function bundleCheck(work, out) {
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
  await esbuild([
    path.join(work, "check.js"),
    ...options,
    `--outfile=${path.join(out, "check.js")}`,
  ]);
}

async function esbuild(args) {
  await shown(packageProgram("esbuild"), args);
}

// Runs a compiler. It says itself what is wrong.
async function shown(program, args, options = {}) {
  const running = start(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  const result = await running.ended;
  if (result.error) throw new UserError(`${path.basename(program)} ${describe(result)}.`);
  if (result.code !== 0) throw new ShownError(`${path.basename(program)} ${describe(result)}`);
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

function inputsHash(profile, features) {
  const hash = crypto.createHash("sha256").update(`${profile} ${features}`);
  const inputs = [
    ...filesBelow("src"),
    ...filesBelow("bindgen"),
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "package-lock.json",
    "scripts/lib/compile.mjs",
  ];
  for (const file of inputs) hash.update(`\n${file}\n`).update(readText(file));
  return hash.digest("hex");
}

function sizes(out) {
  const [code, module] = ["index.js", "index_bg.wasm"].map((file) =>
    fs.readFileSync(path.join(out, file)),
  );
  const gzipped = (bytes) => zlib.gzipSync(bytes, { level: 9 }).length;
  return [
    `wasm ${kilobytes(module.length)} (${kilobytes(gzipped(module))} gzipped)`,
    `in all ${kilobytes(module.length + code.length)} (${kilobytes(gzipped(module) + gzipped(code))} gzipped)`,
  ].join(", ");
}
