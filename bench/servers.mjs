// The programs of the bench, each a separate process on loopback: the Workers on workerd, the
// Express server, KV, and the model.
//
// A Worker runs in `workerd serve` with a configuration from workerd.mjs, without wrangler or
// miniflare. As with miniflare, its objects are SQLite files; KV is kv.mjs. Not here: the requests
// that they get.

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { freePort, WRANGLER, waitUntil, wranglerEnv } from "../scripts/lib/local.mjs";
import { SHOP_SECRETS } from "../scripts/lib/local-assistants.mjs";
import { inRoot, NODE_BIN, ROOT, targetDir } from "../scripts/lib/project.mjs";
import { capture, eachLine, print, run, start, UserError } from "../scripts/lib/run.mjs";
import { cpuOf } from "./cpu.mjs";
import { compatibilityDate, deployedObjects, firstGroup, workerdConfig } from "./workerd.mjs";

/** The directory of the bench, with its own packages and the peers. */
export const BENCH = inRoot("bench");

/**
 * The subjects by name: the title, and for a Worker its objects: bindings and classes.
 */
export const SUBJECTS = {
  hello: { title: "hello world (workerd's limit)", worker: true, objects: [] },
  reads: { title: "hello world that reads what is signed", worker: true, objects: [] },
  floor: { title: "the same, logged and refused unverified", worker: true, objects: [] },
  switchboard: {
    title: "Switchboard",
    worker: true,
    objects: deployedObjects(),
  },
  hono: {
    title: "Hono Worker",
    worker: true,
    objects: [
      ["THREAD", "ThreadObject"],
      ["BUDGET", "BudgetObject"],
    ],
  },
  express: { title: "Express", worker: false, objects: [] },
  relay: { title: "Node with ws", worker: false, objects: [] },
};

/** The bench's secrets, fresh for each run. */
export const SECRETS = {
  TWILIO_AUTH_TOKEN: crypto.randomBytes(16).toString("hex"),
  OPENAI_API_KEY: `sk-playground-${crypto.randomBytes(16).toString("hex")}`,
  PSEUDONYM_KEY: crypto.randomBytes(32).toString("hex"),
};

/**
 * The settings of all subjects. Limits are so high that they have no effect.
 */
const SETTINGS = {
  ...SECRETS,
  ...Object.fromEntries(SHOP_SECRETS.map((name) => [name, crypto.randomBytes(32).toString("hex")])),
  OPENAI_MODEL: "gpt-6-luna",
  OPENAI_TIMEOUT_MS: "60000",
  RATE_LIMIT_PER_MINUTE: "1000",
  MAX_DAILY_CALLS: "1000000000",
  MAX_DAILY_CALLS_PER_CONTACT: "0",
  MAX_DAILY_MESSAGES: "1000000000",
  MAX_MESSAGE_CHARS: "4000",
  CONVERSATION_TTL_SECONDS: "3600",
};

/** The version of the runtime that all Workers run on. */
export function workerdVersion() {
  return rootRequire("workerd/package.json").version;
}

/**
 * The files of a Worker as they are deployed, by the name of the module: its first one is the
 * entry.
 */
export function bundleOf(subject) {
  const from = (dir, ...names) => names.map((name) => [name, path.join(dir, name)]);
  if (subject === "switchboard")
    return from(inRoot("build"), "index.js", "assistants.js", "personas.js", "index_bg.wasm");
  if (subject === "hono") return from(path.join(builtDir(), "hono"), "index.js");
  return from(path.join(BENCH, "peers", subject), "index.js");
}

/**
 * Bundles the Hono Worker as wrangler would, but minified. The packages must be installed.
 */
export async function bundlePeers() {
  const out = path.join(builtDir(), "hono", "index.js");
  const args = [
    path.join(BENCH, "peers/hono/index.js"),
    "--bundle",
    "--minify",
    "--format=esm",
    "--target=es2024",
    "--conditions=workerd,worker,browser",
    "--external:cloudflare:*",
    `--outfile=${out}`,
    "--log-level=warning",
  ];
  await run(path.join(NODE_BIN, "esbuild"), args, {
    cwd: BENCH,
    failure: "bundling the Hono Worker",
  });
}

/** Builds the playground as a release build, because a slow model would distort the figures. */
export async function buildModel() {
  print("bench: building the playground as a release build (minutes the first time)");
  await run("cargo", ["build", "--locked", "--quiet", "--release", "--package", "playground"], {
    cwd: ROOT,
    failure: "building the playground",
  });
}

/** Starts the model: `{ url, close }`. */
export async function startModel() {
  const running = start(
    path.join(targetDir(), "release", "playground"),
    ["serve", "--port", "0", "--quiet"],
    {
      cwd: ROOT,
      env: { ...process.env, ...SECRETS, ADMIN_TOKEN: "" },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let url;
  eachLine(running.child.stdout, (line) => (url ??= line.match(/listening on (http:\S+)/)?.[1]));
  await waitUntil("the playground", () => url, running);
  return { url, close: () => running.stop() };
}

/**
 * Starts a subject, and its KV if it is a Worker, and waits until it is ready.
 * - `model`: the result of `startModel`;
 * - `settings`: additional settings;
 * - `counting`: adds the wrapper that counts billable operations;
 * - `inspected`: for a Worker, enables workerd's inspector at `inspectorUrl`.
 *
 * @typedef {object} SubjectOptions
 * @property {{ url?: string }} [model]
 * @property {Record<string, string>} [settings]
 * @property {boolean} [counting]
 * @property {boolean} [inspected]
 *
 * @param {string} name
 * @param {SubjectOptions} [options]
 */
export async function startSubject(
  name,
  { model, settings = {}, counting = false, inspected = false } = {},
) {
  const all = {
    ...SETTINGS,
    OPENAI_BASE_URL: `${model?.url}/v1`,
    TWILIO_API_BASE_URL: model?.url,
    ...settings,
  };
  return SUBJECTS[name].worker ? startWorker(name, all, counting, inspected) : startNode(name, all);
}

class Subject {
  /** @type {string | undefined} */
  inspectorUrl;
  /** @type {{ ms: number, cpu: number } | undefined} */
  started;
  #running;
  #cleanUp;

  constructor(name, port, kv, running, cleanUp) {
    this.name = name;
    this.title = SUBJECTS[name].title;
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.kv = kv;
    this.pid = running.child.pid;
    this.#running = running;
    this.#cleanUp = cleanUp;
  }

  /** The CPU time of its processes so far, in ms. */
  cpu() {
    return cpuOf(this.pid);
  }

  /** Its resident memory, in bytes. */
  memory() {
    return (
      Number(
        firstGroup(fs.readFileSync(`/proc/${this.pid}/status`, "utf8"), /^VmRSS:\s+(\d+) kB/m),
      ) * 1024
    );
  }

  /** The requests to its KV so far: `{ reads, writes, deletes, entries }`. */
  async kvCounts() {
    return (await fetch(`${this.kv.url}/?counts`)).json();
  }

  /** Stops it. */
  async close() {
    await Promise.all([this.#running.stop("SIGKILL"), this.kv?.close()]);
    this.#cleanUp();
  }
}

/**
 * Starts a subject, stops it, and returns `{ ms, cpu }`: the time from the start of the process to
 * its first answer, and its CPU time until then.
 */
export async function timeStart(name, options) {
  const subject = await startSubject(name, { ...options });
  try {
    return subject.started;
  } finally {
    await subject.close();
  }
}

/**
 * Runs `wrangler check startup` and returns the ms that the isolate of a Worker is active while it
 * starts.
 */
export async function checkStartup(name) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-bench-"));
  try {
    const files = bundleOf(name);
    for (const [module, file] of files) fs.copyFileSync(file, path.join(dir, module));
    const rules = `rules = [{ type = "CompiledWasm", globs = ["*.wasm"] }]`;
    fs.writeFileSync(
      path.join(dir, "wrangler.toml"),
      `name = "bench"\nmain = "${files[0][0]}"\ncompatibility_date = "${compatibilityDate()}"\nno_bundle = true\n${rules}\n`,
    );
    const { stdout, stderr } = await capture(
      WRANGLER[0],
      [...WRANGLER.slice(1), "check", "startup"],
      { cwd: dir, env: { ...wranglerEnv(), WRANGLER_LOG_PATH: path.join(dir, "logs") } },
    );
    const active = stdout.match(/Active: ([\d.]+) ms/)?.[1];
    if (active === undefined)
      throw new UserError(
        `wrangler check startup told nothing of ${SUBJECTS[name].title}: ${stdout}${stderr}`,
      );
    return Number(active);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

/** Throws a UserError where the system does not tell what is measured of processes. */
export function requireProc() {
  if (!fs.existsSync("/proc/self/schedstat"))
    throw new UserError(
      "the benchmark needs Linux: CPU time and memory of processes are read from /proc.",
    );
}

const rootRequire = createRequire(inRoot("package.json"));

function workerdBinary() {
  // The program itself, without the script that the package `workerd` puts around it.
  const workerd = createRequire(rootRequire.resolve("workerd/package.json"));
  const platform = `${process.platform}-${process.arch === "x64" ? "64" : process.arch}`;
  return workerd.resolve(`@cloudflare/workerd-${platform}/bin/workerd`);
}

function builtDir() {
  return inRoot("build", "bench");
}

/**
 * The parent directory of the storage: a file system in memory, if there is one, so that the disk
 * does not affect the figures.
 */
export function storageParent() {
  try {
    fs.accessSync("/dev/shm", fs.constants.W_OK);
    return "/dev/shm";
  } catch {
    return os.tmpdir();
  }
}

async function startWorker(name, settings, counting, inspected) {
  const kv = await startKv();
  const dir = fs.mkdtempSync(path.join(storageParent(), "switchboard-bench-"));
  const remove = () =>
    fs.rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  // In any case: files that stay there would occupy memory.
  process.once("exit", remove);
  const port = await freePort();
  fs.mkdirSync(path.join(dir, "storage"));
  const files = bundleOf(name);
  const modules = files.map(([module, file]) => {
    const as = counting && module === files[0][0] ? "worker.js" : module;
    fs.copyFileSync(file, path.join(dir, as));
    return as;
  });
  if (counting) {
    const counters = ["counting.js", "crossings.js"];
    for (const module of counters)
      fs.copyFileSync(path.join(BENCH, module), path.join(dir, module));
    modules.unshift(...counters);
  }
  fs.writeFileSync(
    path.join(dir, "config.capnp"),
    workerdConfig(SUBJECTS[name].objects, modules, settings, port, kv.port),
  );
  const inspector = inspected ? await freePort() : undefined;
  const began = performance.now();
  const running = start(
    workerdBinary(),
    [
      "serve",
      "--experimental",
      ...(inspected ? [`--inspector-addr=127.0.0.1:${inspector}`] : []),
      "config.capnp",
    ],
    { cwd: dir, stdio: ["ignore", "ignore", "inherit"] },
  );
  const subject = new Subject(
    name,
    port,
    kv,
    running,
    () => process.off("exit", remove) && remove(),
  );
  if (inspected) subject.inspectorUrl = `http://127.0.0.1:${inspector}`;
  return ready(subject, began, running);
}

async function startNode(name, settings) {
  const port = await freePort();
  const began = performance.now();
  const running = start(process.execPath, [path.join(BENCH, "peers", name, "server.mjs")], {
    env: { PATH: process.env.PATH, NODE_ENV: "production", ...settings, PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return ready(new Subject(name, port, undefined, running, () => {}), began, running);
}

async function startKv() {
  const running = start(process.execPath, [path.join(BENCH, "kv.mjs")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let port;
  eachLine(running.child.stdout, (line) => (port ??= Number(line)));
  await waitUntil("KV", () => port, running);
  return { port, url: `http://127.0.0.1:${port}`, close: () => running.stop("SIGKILL") };
}

async function ready(subject, began, running) {
  let ended = false;
  running.ended.then(() => (ended = true));
  for (const deadline = began + 30_000; ; ) {
    if (await answers(subject.url)) break;
    if (ended || performance.now() > deadline)
      throw new UserError(`${subject.title} ${ended ? "ended" : "gave no answer"} (see above).`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  subject.started = { ms: performance.now() - began, cpu: subject.cpu() };
  return subject;
}

function answers(url) {
  return new Promise((resolve) => {
    const request = http.get(`${url}/health`, { agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200));
    });
    request.on("error", () => resolve(false));
  });
}
