// The playground of `npm start`: starting it with the secrets that it shares with the Worker, and
// telling it the state of the build.

import { accepts, SYNTHETIC_CALLS, waitUntil } from "./local.mjs";
import { SHOP_SECRETS } from "./local-assistants.mjs";
import { inRoot, playgroundBinary, ROOT } from "./project.mjs";
import { eachLine, print, start } from "./run.mjs";

/** With these, its page shows usage and whose phone a log line is about, and its shop can verify calls. */
const SHARED = ["ADMIN_TOKEN", "PSEUDONYM_KEY", ...SHOP_SECRETS];

/**
 * What it is started with. If that stays the same, it need not start again.
 *
 * @param {Record<string, string>} settings
 * @param {{ mockKey?: string, publicUrl?: string }} options `mockKey` is the only key that the mock
 *   OpenAI accepts. It is never a real one
 */
export function playgroundConfiguration(settings, { mockKey, publicUrl }) {
  /** @type {Record<string, string>} */
  const secrets = { TWILIO_AUTH_TOKEN: settings.TWILIO_AUTH_TOKEN ?? "0".repeat(32) };
  for (const name of SHARED) if (settings[name]) secrets[name] = settings[name];
  if (mockKey) secrets.OPENAI_API_KEY = mockKey;
  return { secrets, publicUrl: publicUrl ?? settings.PUBLIC_URL };
}

/**
 * Starts it, and waits until it answers.
 *
 * @param {{ port: number, playgroundPort: number }} ports
 * @param {ReturnType<typeof playgroundConfiguration>} configuration
 * @param {(line: string) => void} hear gets every line that it prints
 */
export async function startPlayground({ port, playgroundPort }, { secrets, publicUrl }, hear) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env };
  for (const name of ["OPENAI_API_KEY", ...SHARED]) delete env[name];
  const options = {
    port: String(playgroundPort),
    worker: `http://127.0.0.1:${port}`,
    assistants: inRoot("assistants"),
    personas: inRoot("personas"),
    scenarios: inRoot("scenarios"),
    packages: inRoot("node_modules"),
    "intelligence-service": SYNTHETIC_CALLS.INTELLIGENCE_SERVICE_SID,
    ...(publicUrl && { "public-url": publicUrl }),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const running = start(playgroundBinary(), ["serve", ...args], {
    cwd: ROOT,
    env: { ...env, ...secrets },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of [running.child.stdout, running.child.stderr])
    eachLine(stream, (line) => {
      print(line.startsWith("playground") ? line : `playground: ${line}`);
      hear(line);
    });
  await waitUntil("the playground", () => accepts(playgroundPort), running);
  return running;
}

/**
 * Tells the page the state of the build. A playground that does not answer misses it.
 *
 * @param {string} url
 * @param {"building" | "failed" | "live"} state
 * @param {string | null} [detail]
 */
export async function tellBuild(url, state, detail = null) {
  await fetch(`${url}/playground/build`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ state, detail }),
  }).then(
    (response) => response.arrayBuffer(),
    () => {},
  );
}
