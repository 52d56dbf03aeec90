// A quick tunnel of cloudflared: an https address for the Worker on this machine, while it runs.
//
// Cloudflare, "Quick tunnels": no account is needed, and the address is another one each time.

import { eachLine, onPath, print, start, UserError } from "./run.mjs";

/** How long Cloudflare may take to give an address, in ms. */
const PATIENCE = 60_000;

/** Throws unless cloudflared is there. */
export function requireCloudflared() {
  if (!onPath("cloudflared"))
    throw new UserError(
      "--public needs cloudflared, and it is not on PATH. Install it from https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/downloads/ and try again.",
    );
}

/**
 * Opens a tunnel to `port` on 127.0.0.1. Returns its origin, and a promise of how cloudflared ended.
 *
 * @param {number} port
 * @returns {Promise<{ origin: string, ended: Promise<import("./run.mjs").Result> }>}
 */
export async function openTunnel(port) {
  print("start: opening a tunnel with cloudflared (a few seconds, needs the network)");
  const target = `http://127.0.0.1:${port}`;
  const { child, ended } = start("cloudflared", ["tunnel", "--no-autoupdate", "--url", target], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  /** @type {string[]} */
  const lines = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<string | undefined>} */
  const origin = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      eachLine(stream, (line) => {
        lines.push(line);
        // The address of the terms of service is on another host.
        const found = line.match(/https:\/\/[a-z0-9-]+\.trycloudflare\.com/);
        if (found && !found[0].includes("//api.")) resolve(found[0]);
      });
    }
    ended.then(() => resolve(undefined));
    timer = setTimeout(() => resolve(undefined), PATIENCE);
  });
  const found = await origin;
  clearTimeout(timer);
  if (found) return { origin: found, ended };
  throw new UserError(
    `cloudflared gave no address. Its last words:\n${lines.slice(-5).join("\n")}`,
  );
}
