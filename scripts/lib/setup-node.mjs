// Set-up of the npm packages and of Node: the user's own Node, or a newer one if that is too old.
//
// Uses only Node's own modules, and runs on any Node that package.json allows: nothing is installed
// yet.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { atLeast, BUILD_DIR, inRoot, NODE_BIN, ROOT, readText, toolDir } from "./project.mjs";
import { capture, continueAs, onPath, print, run, UserError, withLock } from "./run.mjs";

// wrangler reads its own minimum from its package.json. The end-to-end tests need `node:sqlite`
// without a flag.
const MINIMUM = "22.13.0";

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

/** Runs `npm ci` in `cwd`. */
export async function npmCi(cwd, failure) {
  if (!onPath("npm"))
    throw new UserError(
      "npm is not on PATH. Install Node.js 22 or newer, with npm, and try again.",
    );
  await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd, failure });
}

async function installPackages() {
  const wanted = crypto.createHash("sha256").update(readText("package-lock.json")).digest("hex");
  const stamp = inRoot("node_modules", ".switchboard-stamp");
  const done = () => fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted;
  if (done()) return;
  const lock = path.join(BUILD_DIR, ".packages.lock");
  await withLock(
    lock,
    "set-up: waiting for another command that installs npm packages",
    async () => {
      if (done()) return;
      print(
        "set-up: installing the npm packages of package-lock.json (about half a minute, only once)",
      );
      await npmCi(ROOT, "`npm ci`");
      fs.writeFileSync(stamp, wanted);
    },
  );
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
  const { optionalDependencies } = JSON.parse(readText("scripts", "node", "package.json"));
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  const version = optionalDependencies[`${prefix}-${process.platform}-${process.arch}`];
  const advice = `Switchboard needs Node ${MINIMUM} or newer, and this is ${process.versions.node}. Install a newer one and try again.`;
  if (!version) throw new UserError(advice);
  const dir = toolDir("node", version);
  const program = path.join(dir, "node_modules", ".bin", "node");
  const works = async () => (await capture(program, ["--version"])).code === 0;
  if (await works()) return program;
  await withLock(
    `${dir}.lock`,
    "set-up: waiting for another command that installs Node",
    async () => {
      if (await works()) return;
      print(
        `set-up: Node ${process.versions.node} is too old; installing ${version} into ${dir} (once)`,
      );
      fs.mkdirSync(dir, { recursive: true });
      for (const file of [".npmrc", "package.json", "package-lock.json"])
        fs.copyFileSync(inRoot("scripts", "node", file), path.join(dir, file));
      await npmCi(dir, `installing Node ${version}`);
    },
  );
  if (!(await works()))
    throw new UserError(`Node ${version} does not run on this machine. ${advice}`);
  return program;
}
