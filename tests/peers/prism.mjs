// Prism, a mock server that refuses what an OpenAPI description does not allow: how it is installed,
// started and asked. Not here: the descriptions (twilio-openapi, openai-openapi).

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { freePort } from "../../scripts/lib/local.mjs";
import { inRoot, toolDir } from "../../scripts/lib/project.mjs";
import { print, start } from "../../scripts/lib/run.mjs";
import { collect, started } from "../e2e/waiting.mjs";

/** Installs Prism once, beside the project's other tools. Returns its program. */
export function installPrism() {
  const lock = fs.readFileSync(inRoot("tests", "peers", "package-lock.json"), "utf8");
  const { version } = JSON.parse(lock).packages["node_modules/@stoplight/prism-cli"];
  const directory = toolDir("prism-peer", version);
  const program = path.join(directory, "node_modules", ".bin", "prism");
  if (!fs.existsSync(program)) {
    print("installing Prism");
    fs.mkdirSync(directory, { recursive: true });
    for (const file of ["package.json", "package-lock.json", ".npmrc"])
      fs.copyFileSync(inRoot("tests", "peers", file), path.join(directory, file));
    execFileSync("npm", ["ci", "--ignore-scripts"], { cwd: directory, stdio: "inherit" });
  }
  return program;
}

/**
 * Starts Prism with the file of a description.
 *
 * @param {string} program
 * @param {string} description
 */
export async function startPrism(program, description) {
  const port = await freePort();
  const lines = [];
  const running = start(
    program,
    ["mock", "--errors", "--host", "127.0.0.1", "--port", String(port), description],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  collect(running, (line) => lines.push(line));
  const ready = () => lines.some((line) => line.includes("is listening")) && "yes";
  await started("Prism", ready, running, lines);
  return { url: `http://127.0.0.1:${port}`, stop: () => running.stop() };
}

/**
 * Asks Prism. Returns its status, its text, and in words what it found wrong.
 *
 * @param {{ url: string }} peer
 * @param {import("node:http").IncomingMessage} request
 * @param {string} url the path
 * @param {string | Uint8Array<ArrayBuffer>} [body]
 */
export async function ask(peer, request, url, body = "") {
  const { authorization, "content-type": type } = request.headers;
  const answer = await fetch(`${peer.url}${url}`, {
    method: request.method,
    headers: { ...(authorization && { authorization }), ...(type && { "content-type": type }) },
    ...(request.method === "POST" && { body }),
  });
  const text = await answer.text();
  const refused = answer.status >= 400 ? JSON.parse(text) : {};
  const problems = refused.validation ?? [];
  const words = problems.map(({ location, message }) => `${location.join(".")}: ${message}`);
  return { status: answer.status, words: words.join("; ") || refused.detail, text };
}
