// Set-up: everything that a command needs and that git does not hold. Each part does nothing, quickly, when it is already
// done, so every command begins with the parts that it needs; `npm run setup` does them all, but for the browser, which
// only its tests need.
//
// Installs into node_modules/, the user's rustup and the tools cache (see toolDir), and Chromium as a package of the system;
// writes .dev.vars when there is none.
// Uses nothing but Node's own modules, in the Node that happens to be there, since it runs before anything is installed.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  atLeast,
  BUILD_DIR,
  inRoot,
  lockedCrate,
  NODE_BIN,
  ROOT,
  readText,
  rustToolchain,
  toolDir,
} from "./lib/project.mjs";
import {
  capture,
  command,
  continueAs,
  describe,
  onPath,
  run,
  say,
  UserError,
  withLock,
} from "./lib/run.mjs";

/**
 * npm packages, and the pinned Node: returns in a process that runs on it, with its directory first on PATH. Called
 * first by every command; when the running Node is another one, the command runs anew under the pinned one.
 */
export async function setUpNode() {
  if (process.platform === "win32") {
    throw new UserError("These commands need Linux, macOS or the Windows Subsystem for Linux.");
  }
  await installPackages();
  await continueUnderPinnedNode();
}

/** The Rust toolchain of rust-toolchain.toml with its components and targets. */
export async function setUpRust() {
  const { channel, components, targets } = rustToolchain();
  if (!onPath("cargo") || !onPath("rustc")) {
    throw new UserError(
      "Rust is not installed (no cargo on PATH). Install rustup as https://rustup.rs says, open a new terminal and try again.",
    );
  }
  if (!onPath("cc") && !process.env.CC && !onPath("clang") && !onPath("gcc")) {
    throw new UserError(
      "There is no C linker (cc) on PATH, which Rust needs. Install a C compiler: `apt install build-essential` on Debian and Ubuntu, `xcode-select --install` on macOS.",
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
  const hint =
    "Installing with rustup needs the network; the message above says what went wrong: it";
  if (!present) {
    say(
      `set-up: installing Rust ${channel} with ${[...components, ...targets].join(", ")}: about a minute, once`,
    );
    const options = [
      ...components.flatMap((name) => ["--component", name]),
      ...targets.flatMap((name) => ["--target", name]),
    ];
    await run(
      "rustup",
      ["toolchain", "install", channel, "--profile", "minimal", "--no-self-update", ...options],
      { cwd: ROOT, failure: hint },
    );
  }
  if (missing.components.length) {
    say(`set-up: adding ${missing.components.join(", ")} to Rust ${channel}: a few seconds, once`);
    await run("rustup", ["component", "add", "--toolchain", channel, ...missing.components], {
      cwd: ROOT,
      failure: hint,
    });
  }
  if (missing.targets.length) {
    say(
      `set-up: adding the target ${missing.targets.join(", ")} to Rust ${channel}: a few seconds, once`,
    );
    await run("rustup", ["target", "add", "--toolchain", channel, ...missing.targets], {
      cwd: ROOT,
      failure: hint,
    });
  }
}

/** The paths of the tools of the WebAssembly build: `{ wasmBindgen, esbuild }`. Needs the packages and the toolchain. */
export async function setUpWasmTools() {
  const wasmBindgen = await cargoTool(
    "wasm-bindgen-cli",
    lockedCrate("wasm-bindgen"),
    "wasm-bindgen",
  );
  return { wasmBindgen, esbuild: packageProgram("esbuild") };
}

/**
 * A Chromium for the browser tests: the one that CHROMIUM names, one on PATH, or, on Debian and Ubuntu, the package
 * `chromium`, installed now if that is possible without a question. Returns `{ program }`, or `{ missing }`: why there is
 * none and what to do, in a sentence.
 */
export async function setUpBrowser() {
  const named = process.env.CHROMIUM;
  if (named) {
    const program = named.includes(path.sep)
      ? fs.existsSync(named) && path.resolve(named)
      : onPath(named);
    return program ? { program } : { missing: `CHROMIUM names ${named}, which is not there` };
  }
  const found = () =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => onPath(name)).find(Boolean);
  if (found()) return { program: found() };
  const advice = "install Chromium (Debian: `apt-get install chromium`), or name one in CHROMIUM";
  // Ubuntu's package of that name only leads to a snap, which does not run headless in containers.
  const system = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : "";
  if (!onPath("apt-get") || !/^ID=debian$/m.test(system))
    return { missing: `none is on PATH; ${advice}` };
  const sudo = process.getuid() === 0 ? [] : ["sudo", "-n"];
  if (sudo.length && (await capture("sudo", ["-n", "true"])).code !== 0)
    return { missing: `none is on PATH, and installing it needs root; ${advice}` };
  say(
    "set-up: installing Debian's chromium with apt-get, for the browser tests: about a minute, once",
  );
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const patience = [
    "-o",
    "Acquire::http::Timeout=20",
    "-o",
    "Acquire::Retries=1",
    "-o",
    "DPkg::Lock::Timeout=120",
  ];
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
  ]) {
    const [program, ...rest] = [...sudo, "apt-get", ...patience, ...args];
    const { code, stderr } = await capture(program, rest, { env });
    if (code !== 0)
      return {
        missing: `\`apt-get ${args[0]}\` failed: ${stderr.trim().split("\n").at(-1)}; ${advice}`,
      };
  }
  return found()
    ? { program: found() }
    : { missing: `apt-get installed no program called chromium; ${advice}` };
}

/** `.dev.vars`, made from `.dev.vars.example` with fresh random values when there is none. Never overwrites one. */
export function setUpDevVars() {
  const file = inRoot(".dev.vars");
  if (fs.existsSync(file)) return;
  const values = {
    TWILIO_AUTH_TOKEN: crypto.randomBytes(16).toString("hex"),
    OPENAI_API_KEY: `sk-playground-${crypto.randomBytes(16).toString("hex")}`,
    PSEUDONYM_KEY: crypto.randomBytes(32).toString("hex"),
    ADMIN_TOKEN: crypto.randomBytes(32).toString("hex"),
  };
  const text = Object.entries(values).reduce((example, [name, value]) => {
    const line = new RegExp(`^${name}=.*$`, "m");
    if (!line.test(example)) throw new Error(`.dev.vars.example has no line ${name}=…`);
    return example.replace(line, `${name}=${value}`);
  }, readText(".dev.vars.example"));
  try {
    fs.writeFileSync(file, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (error.code === "EEXIST") return; // another command was faster
    throw error;
  }
  say(
    "set-up: wrote .dev.vars with fresh random keys for local development (ignored by git; edit it as you like)",
  );
}

async function installPackages() {
  const wanted = crypto.createHash("sha256").update(readText("package-lock.json")).digest("hex");
  const stamp = inRoot("node_modules", ".switchboard-stamp");
  const done = () => fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted;
  if (done()) return;
  // The pinned Node is about to be replaced, so npm must run on the one outside the checkout.
  const outside = (process.env.PATH ?? "")
    .split(path.delimiter)
    .filter((dir) => !dir.includes(`node_modules${path.sep}.bin`))
    .join(path.delimiter);
  if (!onPath("npm", outside))
    throw new UserError(
      "npm is not on PATH. Install Node.js 20 or newer, with npm, and try again.",
    );
  await withLock(
    path.join(BUILD_DIR, ".packages.lock"),
    "set-up: waiting for another command that is installing npm packages",
    async () => {
      if (done()) return;
      say(
        "set-up: installing the npm packages of package-lock.json (wrangler, a pinned Node, …): about half a minute, once",
      );
      await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: ROOT,
        env: { ...process.env, PATH: outside },
        failure: "`npm ci`",
      });
      await installPinnedNode(outside);
      fs.writeFileSync(stamp, wanted);
    },
  );
}

// The package `node` fetches the program for this machine in an install script, which a policy of npm may have held back.
async function installPinnedNode(outside) {
  if (await pinnedNodeVersion()) return;
  await capture("node", ["installArchSpecificPackage.js"], {
    cwd: inRoot("node_modules", "node"),
    env: { ...process.env, PATH: outside },
  });
  if (fs.existsSync(inRoot("node_modules", "node", "bin", "node"))) {
    fs.rmSync(path.join(NODE_BIN, "node"), { force: true });
    fs.symlinkSync(path.join("..", "node", "bin", "node"), path.join(NODE_BIN, "node"));
  }
}

async function continueUnderPinnedNode() {
  if (!process.env.PATH?.split(path.delimiter).includes(NODE_BIN)) {
    process.env.PATH = [NODE_BIN, process.env.PATH].join(path.delimiter);
  }
  const { engines } = JSON.parse(readText("node_modules", "wrangler", "package.json"));
  const minimum = engines.node.replace(/^[^\d]*/, "");
  const pinned = JSON.parse(readText("package.json")).devDependencies.node;
  if (process.versions.node === pinned) return;
  if ((await pinnedNodeVersion()) === pinned && !process.env.SWITCHBOARD_UNDER_PINNED_NODE) {
    await continueAs(path.join(NODE_BIN, "node"), process.argv.slice(1), {
      env: { ...process.env, SWITCHBOARD_UNDER_PINNED_NODE: "1" },
    });
  }
  if (!atLeast(process.versions.node, minimum)) {
    throw new UserError(
      `wrangler needs Node ${minimum} or newer; this is ${process.versions.node}, and the pinned Node ${pinned} of package.json does not run on this machine. Install Node ${minimum} or newer and try again.`,
    );
  }
}

async function pinnedNodeVersion() {
  const { code, stdout } = await capture(path.join(NODE_BIN, "node"), ["--version"]);
  return code === 0 ? stdout.trim().replace(/^v/, "") : undefined;
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

async function checkRustWithoutRustup(channel, targets) {
  const { stdout: version } = await capture("rustc", ["--version"], { cwd: ROOT });
  const found = version.match(/^rustc (\d+\.\d+\.\d+)/)?.[1];
  const advice = `Install rustup as https://rustup.rs says, or Rust ${channel} or newer with the target ${targets.join(", ")}.`;
  if (!found || !atLeast(found, channel))
    throw new UserError(
      `Rust ${channel} is needed and ${found ?? "none"} is here, without rustup. ${advice}`,
    );
  for (const target of targets) {
    const { code, stdout } = await capture(
      "rustc",
      ["--print", "target-libdir", "--target", target],
      { cwd: ROOT },
    );
    if (code !== 0 || !fs.existsSync(stdout.trim()))
      throw new UserError(
        `Rust ${found} lacks the target ${target}, and there is no rustup. ${advice}`,
      );
  }
}

/** The path of `program` of `crate`, exactly at `version`: from PATH, from the cache, or built now into the cache. */
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
      say(`set-up: building ${crate} ${version} from source into ${dir}: about 3 minutes, once`);
      // Beside its final place, and moved there when complete: an interrupted build leaves nothing that looks finished.
      const unfinished = `${dir}.unfinished`;
      for (const remains of [unfinished, dir]) fs.rmSync(remains, { recursive: true, force: true });
      await cargoInstall(crate, version, unfinished);
      fs.renameSync(unfinished, dir);
      if (!(await isRight(cached)))
        throw new UserError(`${cached} was built but does not answer --version with ${version}.`);
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
  // The lock file that a crate was published with may ask for versions that were withdrawn since.
  if (
    result.code !== 0 &&
    /failed to select a version|no matching package|is yanked/.test(result.stderr)
  ) {
    say(
      `set-up: the lock file published with ${crate} ${version} does not resolve any more; building it with current dependencies`,
    );
    result = await install();
  }
  if (result.code !== 0) {
    throw new UserError(
      `building ${crate} ${version} ${describe({ code: result.code })} (see above). It needs the crate registry; what is built once is kept in ${path.dirname(dir)}.`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await command(async () => {
    await setUpNode();
    await setUpRust();
    await setUpWasmTools();
    setUpDevVars();
    say("set-up: all there");
  });
}
