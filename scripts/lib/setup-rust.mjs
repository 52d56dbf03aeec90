// Set-up of Rust and of the tools of the WebAssembly build.
//
// Installs into the user's rustup and into the tools cache (see toolDir).

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { atLeast, lockedCrate, NODE_BIN, ROOT, rustToolchain, toolDir } from "./project.mjs";
import { capture, describe, onPath, print, run, UserError, withLock } from "./run.mjs";

/** Installs the Rust toolchain of rust-toolchain.toml with its components and targets. */
export async function setUpRust() {
  const { channel, components, targets } = rustToolchain();
  if (!onPath("cargo") && process.env.WORKERS_CI) await installRustup();
  if (!onPath("cargo") || !onPath("rustc")) {
    throw new UserError(
      "Rust is not installed (no cargo on PATH). Install rustup as described at https://rustup.rs, open a new terminal and try again.",
    );
  }
  if (!onPath("cc") && !process.env.CC && !onPath("clang") && !onPath("gcc")) {
    throw new UserError(
      "Rust needs a C linker, and there is no cc on PATH. Install a C compiler: `apt install build-essential` on Debian and Ubuntu, `xcode-select --install` on macOS.",
    );
  }
  if (!onPath("rustup")) return checkRustWithoutRustup(channel, targets);

  const installed = await capture("rustup", ["toolchain", "list"]);
  const present = installed.stdout
    .split("\n")
    .some(
      (line) =>
        line === channel || line.startsWith(`${channel}-`) || line.startsWith(`${channel} `),
    );
  const missing = present
    ? {
        components: absent(
          components,
          (await capture("rustup", ["component", "list", "--installed", "--toolchain", channel]))
            .stdout,
        ),
        targets: absent(
          targets,
          (await capture("rustup", ["target", "list", "--installed", "--toolchain", channel]))
            .stdout,
        ),
      }
    : { components: [], targets: [] };
  const failure = "rustup, which needs the network (see its message above),";
  if (!present) {
    print(
      `set-up: installing Rust ${channel} with ${[...components, ...targets].join(", ")} (about a minute, only once)`,
    );
    const options = [
      ...components.flatMap((name) => ["--component", name]),
      ...targets.flatMap((name) => ["--target", name]),
    ];
    await run(
      "rustup",
      ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update", ...options],
      { cwd: ROOT, failure },
    );
  }
  if (missing.components.length) {
    print(
      `set-up: adding ${missing.components.join(", ")} to Rust ${channel} (a few seconds, only once)`,
    );
    await run("rustup", ["component", "add", "--toolchain", channel, ...missing.components], {
      cwd: ROOT,
      failure,
    });
  }
  if (missing.targets.length) {
    print(
      `set-up: adding the target ${missing.targets.join(", ")} to Rust ${channel} (a few seconds, only once)`,
    );
    await run("rustup", ["target", "add", "--toolchain", channel, ...missing.targets], {
      cwd: ROOT,
      failure,
    });
  }
}

/**
 * Installs the tools of the WebAssembly build and returns their paths: `{ wasmBindgen, esbuild }`.
 */
export async function setUpWasmTools() {
  const wasmBindgen = await cargoTool(
    "wasm-bindgen-cli",
    lockedCrate("wasm-bindgen"),
    "wasm-bindgen",
  );
  return { wasmBindgen, esbuild: packageProgram("esbuild") };
}

function packageProgram(name) {
  const program = onPath(name, NODE_BIN);
  if (!program)
    throw new UserError(`${name} is missing from node_modules. Run \`npm ci\` and try again.`);
  return program;
}

function absent(wanted, installed) {
  const lines = installed.split("\n");
  return wanted.filter(
    (name) => !lines.some((line) => line === name || line.startsWith(`${name}-`)),
  );
}

// Cloudflare's Workers Builds has no Rust. The toolchain itself is installed afterwards.
async function installRustup() {
  print("set-up: installing rustup, because this is Workers Builds");
  const install =
    "curl --proto =https --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --no-modify-path --profile minimal --default-toolchain none";
  await run("sh", ["-c", install], { failure: "the installation of rustup" });
  const cargoHome = process.env.CARGO_HOME ?? path.join(os.homedir(), ".cargo");
  process.env.PATH = [path.join(cargoHome, "bin"), process.env.PATH].join(path.delimiter);
}

async function checkRustWithoutRustup(channel, targets) {
  const { stdout: version } = await capture("rustc", ["--version"], { cwd: ROOT });
  const found = version.match(/^rustc (\d+\.\d+\.\d+)/)?.[1];
  const advice = `Install rustup as described at https://rustup.rs, or Rust ${channel} or newer with the target ${targets.join(", ")}.`;
  if (!found || !atLeast(found, channel))
    throw new UserError(
      `Rust ${channel} is needed, but this machine has ${found ?? "none"} and no rustup. ${advice}`,
    );
  for (const target of targets) {
    const { code, stdout } = await capture(
      "rustc",
      ["--print", "target-libdir", "--target", target],
      { cwd: ROOT },
    );
    if (code !== 0 || !fs.existsSync(stdout.trim()))
      throw new UserError(
        `Rust ${found} lacks the target ${target}, and there is no rustup to add it. ${advice}`,
      );
  }
}

// Returns the path of `program` of `crate` at exactly `version`: from the cache, from PATH, or
// built into the cache now.
async function cargoTool(crate, version, program) {
  const dir = toolDir(crate, version);
  const cached = path.join(dir, "bin", program);
  const isRight = async (file) => {
    const { code, stdout } = await capture(file, ["--version"]);
    return code === 0 && stdout.trim().split(/\s+/).at(-1) === version;
  };
  if (fs.existsSync(cached) && (await isRight(cached))) return cached;
  const elsewhere = onPath(program);
  if (elsewhere && (await isRight(elsewhere))) return elsewhere;

  return withLock(
    `${dir}.lock`,
    `set-up: waiting for another command that is building ${crate} ${version}`,
    async () => {
      if (fs.existsSync(cached) && (await isRight(cached))) return cached;
      print(
        `set-up: building ${crate} ${version} from source into ${dir} (about 3 minutes, only once)`,
      );
      // Built in a temporary directory and then renamed, so that an interrupted build never looks
      // complete.
      const unfinished = `${dir}.unfinished`;
      for (const remains of [unfinished, dir]) fs.rmSync(remains, { recursive: true, force: true });
      await cargoInstall(crate, version, unfinished);
      fs.renameSync(unfinished, dir);
      if (!(await isRight(cached)))
        throw new UserError(`${cached} was built, but its --version is not ${version}.`);
      return cached;
    },
  );
}

async function cargoInstall(crate, version, dir) {
  const install = (...locked) =>
    capture("cargo", ["install", crate, "--version", version, ...locked, "--root", dir], {
      cwd: ROOT,
      echo: true,
    });
  let result = await install("--locked");
  // The lock file that was published with a crate may name versions that have been yanked since.
  if (
    result.code !== 0 &&
    /failed to select a version|no matching package|is yanked/.test(result.stderr)
  ) {
    print(
      `set-up: the lock file published with ${crate} ${version} no longer resolves; building with current dependencies`,
    );
    result = await install();
  }
  if (result.code !== 0) {
    throw new UserError(
      `building ${crate} ${version} ${describe(result)} (see above). It needs the crate registry, but only once: the result is kept in ${path.dirname(dir)}.`,
    );
  }
}
