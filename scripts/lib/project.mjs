// Facts about this checkout: where things are, and which versions the lock files pin.
// Only reads files. Starts and writes nothing.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Where npm puts the programs of the development packages. */
export const NODE_BIN = path.join(ROOT, "node_modules", ".bin");

/** The output of `npm run build`, and the stamps and locks of the commands. Ignored by git. */
export const BUILD_DIR = path.join(ROOT, "build");

/** The ports of a local Switchboard, on 127.0.0.1. */
export const DEFAULT_PORTS = { worker: 8787, playground: 8788 };

/** The full path of `file` below the root. */
export const inRoot = (...file) => path.join(ROOT, ...file);

/** The text of `file` below the root. */
export const readText = (...file) => fs.readFileSync(inRoot(...file), "utf8");

/** Cargo's target directory: CARGO_TARGET_DIR, or `target` in the checkout. */
export function targetDir() {
  return path.resolve(ROOT, process.env.CARGO_TARGET_DIR || "target");
}

/** The path of a program of the workspace (playground, bindgen), which may not be built yet. */
export function hostProgram(name) {
  return path.join(targetDir(), "debug", name);
}

/** The path of the playground's program, which may not be built yet. */
export function playgroundBinary() {
  return hostProgram("playground");
}

/** The directory of a tool that is installed once. All checkouts of this user share it. */
export function toolDir(tool, version) {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(cache, "switchboard", "tools", `${tool}-${version}`);
}

/** Returns the version of `crate` in Cargo.lock. Throws unless there is exactly one. */
export function lockedCrate(crate) {
  const found = [
    ...readText("Cargo.lock").matchAll(/^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"/gm),
  ]
    .filter(([, name]) => name === crate)
    .map(([, , version]) => version);
  if (found.length !== 1) {
    throw new Error(
      `Cargo.lock should contain one version of ${crate}, but has ${found.length ? found.join(" and ") : "none"}.`,
    );
  }
  return found[0];
}

/** Reads rust-toolchain.toml: `{ channel, components, targets }`. */
export function rustToolchain() {
  const text = readText("rust-toolchain.toml");
  const list = (key) =>
    [
      ...(text.match(new RegExp(`^${key} = \\[(.*)\\]`, "m"))?.[1] ?? "").matchAll(/"([^"]+)"/g),
    ].map(([, item]) => item);
  const channel = text.match(/^channel = "([^"]+)"/m)?.[1];
  if (!channel) throw new Error("rust-toolchain.toml names no channel.");
  return { channel, components: list("components"), targets: list("targets") };
}

/**
 * Lists all files below `dir` whose name ends with `suffix`, sorted. All paths are relative to the
 * root.
 */
export function filesBelow(dir, suffix = "") {
  if (!fs.existsSync(inRoot(dir))) return [];
  return fs
    .readdirSync(inRoot(dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Returns whether version `a` (such as "22.12.0") is at least `b`. */
export function atLeast(a, b) {
  const [left, right] = [a, b].map((version) => version.replace(/^v/, "").split(".").map(Number));
  for (let i = 0; i < 3; i += 1) {
    if ((left[i] || 0) !== (right[i] || 0)) return (left[i] || 0) > (right[i] || 0);
  }
  return true;
}
