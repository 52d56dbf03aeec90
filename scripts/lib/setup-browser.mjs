// Set-up of Chromium for the browser tests. Only `npm run test:browser` and `npm test` need it.

import fs from "node:fs";
import path from "node:path";
import { inRoot } from "./project.mjs";
import { capture, onPath, print } from "./run.mjs";

const ADVICE =
  "install Chromium (Debian: `apt-get install chromium`), or set CHROMIUM to the path of one";

/**
 * Finds or installs a Chromium. In this order: the one that CHROMIUM names, the one that Playwright
 * has installed, one on PATH, a download with Playwright's installer, and on Debian the package
 * `chromium`, if root rights need no password.
 *
 * @returns {Promise<{ program?: string, missing?: string }>} the program, or why there is none and
 *   what to do
 */
export async function setUpBrowser() {
  const named = process.env.CHROMIUM;
  if (named) {
    const program = named.includes(path.sep)
      ? fs.existsSync(named) && path.resolve(named)
      : onPath(named);
    return program ? { program } : { missing: `CHROMIUM names ${named}, which does not exist` };
  }
  const present = (await playwrightChromium()) ?? chromiumOnPath();
  if (present) return { program: present };
  const downloaded = await downloadWithPlaywright();
  return downloaded ? { program: downloaded } : installWithApt();
}

function chromiumOnPath() {
  return ["chromium", "chromium-browser", "google-chrome"]
    .map((name) => onPath(name))
    .find(Boolean);
}

// The Chromium that Playwright has installed, if it starts: libraries of the system may be missing.
async function playwrightChromium() {
  const { chromium } = await import("playwright-core");
  const program = chromium.executablePath();
  if (!fs.existsSync(program)) return undefined;
  return (await capture(program, ["--version"])).code === 0 ? program : undefined;
}

async function downloadWithPlaywright() {
  print(
    "set-up: downloading Chromium with Playwright, for the browser tests (about a minute, once)",
  );
  const cli = inRoot("node_modules", "playwright-core", "cli.js");
  const { code, stderr } = await capture(
    process.execPath,
    [cli, "install", "--no-shell", "chromium"],
    {
      env: { PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT: "15000", ...process.env },
    },
  );
  const program = code === 0 ? await playwrightChromium() : undefined;
  if (program) return program;
  const reason = code === 0 ? "it does not start" : stderr.match(/^Error: (.+)$/m)?.[1];
  print(`set-up: Playwright has no Chromium for this machine (${reason ?? `exit code ${code}`})`);
  return undefined;
}

async function installWithApt() {
  // Ubuntu's package `chromium` only installs a snap, which does not run headless in containers.
  const system = fs.existsSync("/etc/os-release") ? fs.readFileSync("/etc/os-release", "utf8") : "";
  if (!onPath("apt-get") || !/^ID=debian$/m.test(system))
    return { missing: `none was found or could be downloaded; ${ADVICE}` };
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  if (sudo.length && (await capture("sudo", ["-n", "true"])).code !== 0)
    return { missing: `none was found, and installing it needs root; ${ADVICE}` };
  print(
    "set-up: installing Debian's chromium with apt-get, for the browser tests (about a minute, once)",
  );
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const limits = ["Acquire::http::Timeout=20", "Acquire::Retries=1", "DPkg::Lock::Timeout=120"];
  const options = limits.flatMap((limit) => ["-o", limit]);
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "chromium"],
  ]) {
    const [program, ...rest] = [...sudo, "apt-get", ...options, ...args];
    const { code, stderr } = await capture(program, rest, { env });
    if (code !== 0)
      return {
        missing: `\`apt-get ${args[0]}\` failed: ${stderr.trim().split("\n").at(-1)}; ${ADVICE}`,
      };
  }
  const program = chromiumOnPath();
  return program
    ? { program }
    : { missing: `apt-get did not install a program chromium; ${ADVICE}` };
}
