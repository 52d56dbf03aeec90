// Facts about this checkout that several commands need: where things are, which versions the lock files ask for.
// Reads files only; starts nothing and writes nothing.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the checkout. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Where npm puts the programs of the development packages. */
export const NODE_BIN = path.join(ROOT, "node_modules", ".bin");

/** What `npm run build` writes, and where the stamps and locks of the commands are. Ignored by git. */
export const BUILD_DIR = path.join(ROOT, "build");

/** The ports of a local Switchboard, on 127.0.0.1. */
export const DEFAULT_PORTS = { worker: 8787, playground: 8788 };

/** `file` below the root, in full. */
export const inRoot = (...file) => path.join(ROOT, ...file);

/** The text of `file` below the root. */
export const readText = (...file) => fs.readFileSync(inRoot(...file), "utf8");

/** Cargo's target directory: CARGO_TARGET_DIR, or `target` in the checkout. */
export function targetDir() {
  return path.resolve(ROOT, process.env.CARGO_TARGET_DIR || "target");
}

/** The playground's program, whether it is built or not. */
export function playgroundBinary() {
  return path.join(targetDir(), "debug", "playground");
}

/** The directory of a tool that is built from source once and shared by all checkouts of this user. */
export function toolDir(crate, version) {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache");
  return path.join(cache, "switchboard", "tools", `${crate}-${version}`);
}

/** The version of `crate` in Cargo.lock. Throws when it is absent or there are several. */
export function lockedCrate(crate) {
  const found = [
    ...readText("Cargo.lock").matchAll(/^\[\[package\]\]\nname = "([^"]+)"\nversion = "([^"]+)"/gm),
  ]
    .filter(([, name]) => name === crate)
    .map(([, , version]) => version);
  if (found.length !== 1) {
    throw new Error(
      `Cargo.lock should hold one version of ${crate}, and holds ${found.length ? found.join(" and ") : "none"}.`,
    );
  }
  return found[0];
}

/** What rust-toolchain.toml asks for: `{ channel, components, targets }`. */
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

/** All files below `dir` of the root whose name ends with `suffix`, sorted, relative to the root. */
export function filesBelow(dir, suffix = "") {
  if (!fs.existsSync(inRoot(dir))) return [];
  return fs
    .readdirSync(inRoot(dir), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

/** Whether version `a` (as in "22.12.0") is at least `b`. */
export function atLeast(a, b) {
  const [left, right] = [a, b].map((version) => version.replace(/^v/, "").split(".").map(Number));
  for (let i = 0; i < 3; i += 1) {
    if ((left[i] || 0) !== (right[i] || 0)) return (left[i] || 0) > (right[i] || 0);
  }
  return true;
}
