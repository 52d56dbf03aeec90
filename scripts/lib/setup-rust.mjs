// Set-up of Rust and of the programs of this workspace.
//
// Installs into the user's rustup. What cargo builds is in its target directory.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { atLeast, hostProgram, NODE_BIN, ROOT, rustToolchain } from "./project.mjs";
import { capture, onPath, print, run, UserError } from "./run.mjs";
import { step } from "./steps.mjs";

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

  const present = await isInstalled(channel);
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
    const title = `Rust ${channel} with ${[...components, ...targets].join(", ")}`;
    const options = [
      ...components.flatMap((name) => ["--component", name]),
      ...targets.flatMap((name) => ["--target", name]),
    ];
    const args = ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update"];
    await step(title, "about a minute, needs the network", () =>
      run("rustup", [...args, ...options], { cwd: ROOT, failure }),
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

/** Builds the generator of the bindings, which the WebAssembly build needs. */
export async function setUpWasmTools() {
  await buildPrograms(["bindgen"]);
}

/** The programs of this workspace. */
export const PROGRAMS = ["bindgen", "playground"];

/** Whether these programs were never built. */
export function areMissing(names) {
  return names.some((name) => !fs.existsSync(hostProgram(name)));
}

/**
 * Builds these programs of the workspace if they are missing or their sources changed.
 *
 * @param {string[]} names
 */
export async function buildPrograms(names) {
  const packages = names.flatMap((name) => ["--package", name]);
  const what = names.join(" and ");
  if (!areMissing(names))
    return run("cargo", ["build", "--locked", "--quiet", ...packages], {
      cwd: ROOT,
      failure: `building ${what}`,
    });
  await step(`building ${what}`, "about a minute, needs the network", () =>
    run("cargo", ["build", "--locked", ...packages], {
      cwd: ROOT,
      failure: `building ${what}, which needs the network the first time,`,
    }),
  );
}

/**
 * The path of a program of the npm packages.
 *
 * @param {string} name
 */
export function packageProgram(name) {
  const program = onPath(name, NODE_BIN);
  if (!program)
    throw new UserError(`${name} is missing from node_modules. Run \`npm ci\` and try again.`);
  return program;
}

/** How many steps of this set-up are still to be done. */
export async function stepsOfRust() {
  return Number(onPath("rustup") !== undefined && !(await isInstalled(rustToolchain().channel)));
}

async function isInstalled(channel) {
  const { stdout } = await capture("rustup", ["toolchain", "list"]);
  return stdout
    .split("\n")
    .some((line) => line === channel || [" ", "-"].some((end) => line.startsWith(channel + end)));
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
