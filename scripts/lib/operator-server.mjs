// The server of the operator's page, on 127.0.0.1: the page's files, and its few requests, which it
// passes on to the admin routes of one Worker.
//
// The ADMIN_TOKEN never leaves this process. Whoever asks needs the key that is in the page's
// address: other users of this machine can reach the port, too. Not here: the page (scripts/operator)
// and what the routes do (src/http/admin).

import crypto from "node:crypto";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { askAdmin } from "./admin.mjs";
import { Checks, signerFor } from "./checks.mjs";
import { request } from "./cli.mjs";
import { portOf } from "./local.mjs";
import { inRoot } from "./project.mjs";
import { UserError } from "./run.mjs";

/** The longest request of the page, in bytes. */
const LONGEST = 16_384;

/** The page's files: where they are on the server is where they are in this checkout. */
const PAGE = "scripts/operator/index.html";
const FILES = [
  PAGE,
  "scripts/operator/main.js",
  "scripts/operator/ask.js",
  "scripts/operator/contact.js",
  "scripts/operator/log.js",
  "scripts/operator/usage.js",
  "scripts/operator/operator.css",
  "playground/web/dom.js",
  "playground/web/style.css",
  "playground/web/icon.svg",
  "playground/web/runs/confirm.js",
];

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

const HEADERS = {
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

const ID = /^[0-9A-Za-z_-]{1,64}$/;

/**
 * What the page can ask of the Worker: the method and the path of each admin route. Nothing else of
 * the Worker can be reached through this server.
 *
 * @type {Record<string, [string, (id: string) => string]>}
 */
const ACTIONS = {
  usage: ["GET", () => "/admin/usage"],
  "reset-budget": ["POST", () => "/admin/budget/reset"],
  show: ["POST", () => "/admin/contacts/show"],
  erase: ["POST", () => "/admin/contacts/erase"],
  "hand-over": ["POST", () => "/admin/contacts/hand-over"],
  release: ["POST", () => "/admin/contacts/release"],
  message: ["POST", () => "/admin/contacts/messages"],
  call: ["POST", () => "/admin/calls"],
  "call-state": ["GET", (id) => `/admin/calls/${id}`],
  batches: ["GET", () => "/admin/batches"],
  batch: ["GET", (id) => `/admin/batches/${id}`],
  "pause-batch": ["POST", (id) => `/admin/batches/${id}/pause`],
  "resume-batch": ["POST", (id) => `/admin/batches/${id}/resume`],
  "cancel-batch": ["POST", (id) => `/admin/batches/${id}/cancel`],
};

/**
 * Serves the page of the Worker at `url`, which Twilio knows as `publicUrl`. `log` has its log lines,
 * if there are any. Returns the page's `address` with its key, and `close`.
 *
 * @param {{ url: string, publicUrl: string, log?: import("./tail.mjs").TailReader, port: number }} options
 */
export async function operatorServer({ url, publicUrl, log, port }) {
  const key = crypto.randomBytes(24).toString("base64url");
  const routes = {
    health: () => health(url),
    admin: ({ action, id, body }) => passOn(url, action, id, body),
    checks: () => checks(url, publicUrl),
    log: ({ seen }) => (log ? log.after(Number(seen) || 0) : { off: true }),
  };
  const server = http.createServer((incoming, response) => {
    answer(incoming, { key, routes })
      .catch(() => ({
        status: 500,
        json: { problem: "The page's server failed." },
        file: undefined,
      }))
      .then(({ status, json, file }) => {
        const type = file ? TYPES[path.extname(file)] : "application/json";
        const body = file ? fs.readFileSync(inRoot(file)) : JSON.stringify(json);
        response.writeHead(status, { ...HEADERS, "Content-Type": type }).end(body);
      });
  });
  await new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        /** @type {any} */ (error).code === "EADDRINUSE"
          ? new UserError(
              `port ${port} is in use by another program: choose another one by --port.`,
            )
          : error,
      ),
    );
    server.listen(port, "127.0.0.1", () => resolve(undefined));
  });
  return {
    address: `http://127.0.0.1:${portOf(server)}/#${key}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}

/**
 * @param {http.IncomingMessage} incoming
 * @param {{ key: string, routes: Record<string, (asked: any) => any> }} options
 * @returns {Promise<{ status: number, json?: object, file?: string }>}
 */
async function answer(incoming, { key, routes }) {
  const { method, headers } = incoming;
  const refused = (status, problem) => ({ status, json: { problem } });
  // Another web page can make a browser send requests here, but not with these headers; and a name
  // that it points to 127.0.0.1 is not this host.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? ""))
    return refused(403, "The page is only served to 127.0.0.1 and localhost.");
  if (headers.origin && headers.origin !== `http://${headers.host}`)
    return refused(403, "Other web pages can't use this server.");
  const name = (incoming.url ?? "/").slice(1).split("?")[0];
  if (method === "GET") {
    const file = name === "" ? PAGE : FILES.find((one) => one === name);
    return file ? { status: 200, file } : refused(404, "There is no such file.");
  }
  if (method !== "POST" || !Object.hasOwn(routes, name))
    return refused(404, "There is no such route.");
  if (!same(headers.authorization ?? "", `Bearer ${key}`))
    return refused(401, "The key is wrong. Open the address that `npm run operate` has printed.");
  const asked = await bodyOf(incoming);
  if (asked === undefined) return refused(400, "The request is not JSON, or it is too long.");
  try {
    return { status: 200, json: await routes[name](asked) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { status: 200, json: { problem: error.message } };
  }
}

async function health(url) {
  const { status, json } = await request(`${url}/health`);
  return { url, code: status, told: json ?? {} };
}

async function passOn(url, action, id, body) {
  if (!Object.hasOwn(ACTIONS, action)) throw new UserError(`there is no action "${action}".`);
  const [method, pathOf] = ACTIONS[action];
  if (pathOf.length && !ID.test(id ?? "")) throw new UserError("the id is missing or malformed.");
  const posted = method === "POST" ? (body ?? {}) : undefined;
  const { json } = await askAdmin(url, pathOf(id), { method, body: posted });
  return { told: json };
}

async function checks(url, publicUrl) {
  /** @type {import("./checks.mjs").Finding[]} */
  const findings = [];
  const one = new Checks(url, publicUrl, await signerFor(publicUrl), (finding) =>
    findings.push(finding),
  );
  await one.worker();
  return { findings };
}

async function bodyOf(incoming) {
  let text = "";
  incoming.setEncoding("utf8");
  for await (const part of incoming) {
    text += part;
    if (text.length > LONGEST) return undefined;
  }
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" ? value : undefined;
  } catch {
    return undefined;
  }
}

// Compares in constant time.
function same(a, b) {
  const [left, right] = [a, b].map((text) => crypto.createHash("sha256").update(text).digest());
  return crypto.timingSafeEqual(left, right);
}
