// Set-up of the npm packages and of Node: the user's own Node, or a newer one if that is too old.
//
// Uses only Node's own modules, and runs on any Node that package.json allows: nothing is installed
// yet.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { atLeast, BUILD_DIR, inRoot, NODE_BIN, ROOT, readText, toolDir } from "./project.mjs";
import { capture, continueAs, describe, onPath, UserError, withLock } from "./run.mjs";
import { step } from "./steps.mjs";

// wrangler reads its own minimum from its package.json. The end-to-end tests need `node:sqlite`
// without a flag.
const MINIMUM = "22.13.0";

/** What the installed packages are: the hash of their lock file. */
const STAMP = inRoot("node_modules", ".switchboard-stamp");

/**
 * Installs the npm packages and makes sure that this process runs on Node 22.13 or newer. If it
 * does not, this runs the command again on a newer Node and never returns. Every command calls this
 * first.
 */
export async function setUpNode() {
  if (process.platform === "win32") {
    throw new UserError("These commands need Linux, macOS or the Windows Subsystem for Linux.");
  }
  await installPackages();
  if (atLeast(process.versions.node, MINIMUM)) return;
  const node = await newerNode();
  linkForNpm(node);
  await continueAs(node, process.argv.slice(1), {
    // Programs that call `node` must find the same one.
    env: { ...process.env, PATH: [path.dirname(node), process.env.PATH].join(path.delimiter) },
  });
}

/** How many steps of this set-up are still to be done. */
export function stepsOfNode() {
  const isTooOld = !atLeast(process.versions.node, MINIMUM);
  return Number(!packagesAreInstalled()) + Number(isTooOld && !fs.existsSync(newerNodeProgram()));
}

/**
 * Runs `npm ci` in `cwd`.
 *
 * @param {string} cwd
 * @param {string} failure what it is, for the error
 */
export async function npmCi(cwd, failure) {
  if (!onPath("npm"))
    throw new UserError(
      "npm is not on PATH. Install Node.js 22 or newer, with npm, and try again.",
    );
  // npm would try for more than a minute without a word, also where there is no network.
  const retries = [
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=3000",
  ];
  const result = await capture(
    "npm",
    ["ci", "--no-audit", "--no-fund", "--loglevel=error", ...retries],
    { cwd, echo: true },
  );
  if (result.code === 0) return;
  const unreachable =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/;
  throw new UserError(
    unreachable.test(result.stdout + result.stderr)
      ? `${failure} needs the network, and npm's registry does not answer. Connect this machine and try again.`
      : `${failure} ${describe(result)} (see above).`,
  );
}

async function installPackages() {
  if (packagesAreInstalled()) return;
  const lock = path.join(BUILD_DIR, ".packages.lock");
  await withLock(
    lock,
    "set-up: waiting for another command that installs npm packages",
    async () => {
      if (packagesAreInstalled()) return;
      const install = () => npmCi(ROOT, "installing the npm packages");
      await step("the npm packages", "about 10 s, needs the network", install);
      fs.writeFileSync(STAMP, wantedPackages());
    },
  );
}

function packagesAreInstalled() {
  return fs.existsSync(STAMP) && fs.readFileSync(STAMP, "utf8") === wantedPackages();
}

function wantedPackages() {
  return crypto.createHash("sha256").update(readText("package-lock.json")).digest("hex");
}

// Makes `npm run` and `npx wrangler` use the newer Node: npm looks for programs in
// node_modules/.bin first.
function linkForNpm(node) {
  const link = path.join(NODE_BIN, "node");
  fs.rmSync(link, { force: true });
  fs.symlinkSync(node, link);
}

// Returns the path of a newer Node. It is a package without install scripts, pinned in scripts/node
// and kept in the tools cache.
async function newerNode() {
  const version = newerNodeVersion();
  const advice = `Switchboard needs Node ${MINIMUM} or newer, and this is ${process.versions.node}. Install a newer one and try again.`;
  if (!version) throw new UserError(advice);
  const dir = toolDir("node", version);
  const program = newerNodeProgram();
  const works = async () => (await capture(program, ["--version"])).code === 0;
  if (await works()) return program;
  await withLock(
    `${dir}.lock`,
    "set-up: waiting for another command that installs Node",
    async () => {
      if (await works()) return;
      fs.mkdirSync(dir, { recursive: true });
      for (const file of [".npmrc", "package.json", "package-lock.json"])
        fs.copyFileSync(inRoot("scripts", "node", file), path.join(dir, file));
      const title = `Node ${version}, because Node ${process.versions.node} is too old, into ${dir}`;
      const install = () => npmCi(dir, `installing Node ${version}`);
      await step(title, "about 10 s, needs the network", install);
    },
  );
  if (!(await works()))
    throw new UserError(`Node ${version} does not run on this machine. ${advice}`);
  return program;
}

function newerNodeVersion() {
  const { optionalDependencies } = JSON.parse(readText("scripts", "node", "package.json"));
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return optionalDependencies[`${prefix}-${process.platform}-${process.arch}`];
}

function newerNodeProgram() {
  return path.join(toolDir("node", newerNodeVersion()), "node_modules", ".bin", "node");
}
