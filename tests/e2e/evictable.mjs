// A Worker whose call objects can be made to leave memory, as Cloudflare does when they are idle or
// when it needs the memory. Their sockets stay open. It says how often an object was constructed.
//
// The build is the deployed one, behind a module that counts. Not here: any assertion.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createTestHarness } from "wrangler";
import { wranglerEnv } from "../../scripts/lib/local.mjs";
import { SECRETS } from "./identities.mjs";
import { checkOutput } from "./promises.mjs";
import { deployedConfiguration, withAssistants } from "./wrangler-config.mjs";

const CONSTRUCTED = "a call's object was constructed";
const COUNTING = `
export * from "./index.js";
export { default } from "./index.js";
import { CallObject as Deployed } from "./index.js";
export class CallObject extends Deployed {
  constructor(ctx, env) {
    super(ctx, env);
    console.log(${JSON.stringify(CONSTRUCTED)}, ctx.id.name);
  }
}
`;

/**
 * Starts one on the playground, with these files of assistants and settings.
 *
 * @param {{ url: string }} playground
 * @param {{ assistants: Record<string, string>, settings?: Record<string, string> }} options
 */
export async function startEvictable(playground, { assistants, settings = {} }) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-e2e-"));
  const build = withAssistants("build", assistants, dir);
  fs.writeFileSync(path.join(build, "counting.js"), COUNTING);
  const { toml, vars } = deployedConfiguration(build);
  const configPath = path.join(dir, "wrangler.toml");
  fs.writeFileSync(configPath, toml.replace("index.js", "counting.js"));
  Object.assign(process.env, wranglerEnv(), {
    WRANGLER_REGISTRY_PATH: path.join(dir, "registry"),
    WRANGLER_LOG_PATH: path.join(dir, "logs"),
  });
  const secrets = {
    ...vars,
    ...SECRETS,
    OPENAI_BASE_URL: `${playground.url}/v1`,
    TWILIO_API_BASE_URL: playground.url,
    ...settings,
  };
  const server = createTestHarness({ root: dir, workers: [{ configPath, secrets }] });
  const { url } = await server.listen();
  const lines = () => server.getLogs().map(({ message }) => message);
  return {
    url: url.origin,
    /** Makes one request, as `request` of worker.mjs. */
    async request(pathAndQuery, options) {
      const response = await fetch(new URL(pathAndQuery, url), options);
      return { status: response.status, headers: response.headers, text: await response.text() };
    },
    /** The object of this name leaves memory. Its sockets stay open. */
    evict: (name) =>
      server.getWorker().evictDurableObject("CALL", { name, webSockets: "hibernate" }),
    /** How often the object of this name was constructed. */
    constructed: (name) =>
      lines().filter((line) => line.includes(CONSTRUCTED) && line.includes(name)).length,
    async close() {
      const printed = lines();
      await server.close();
      fs.rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
      const log = printed.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
      checkOutput(log, printed, Object.values(SECRETS));
    },
  };
}
