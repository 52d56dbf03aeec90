// `node tests/peers/twilio-openapi.mjs [directory]`: the built Worker's requests to Twilio, checked
// against Twilio's own OpenAPI description by Prism. It prints a table for docs/compatibility.md,
// and fails if Prism refused what it was not expected to refuse.
//
// The directory has `twilio_api_v2010.json` and `twilio_messaging_v3.json`, from `spec/json` of
// https://github.com/twilio/twilio-oai. Without one they are downloaded from there. Not part of
// `npm test`: it needs the network the first time. Not here: the playground's imitation of Twilio.

import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { build } from "../../scripts/build.mjs";
import { buildPlayground, freePort } from "../../scripts/lib/local.mjs";
import { command, print, UserError } from "../../scripts/lib/run.mjs";
import { setUpNode } from "../../scripts/lib/setup-node.mjs";
import { eventually, freshPair, startPlayground, startWorker } from "../e2e/harness.mjs";
import { ACCOUNT, SECRETS } from "../e2e/identities.mjs";
import { ask, installPrism, startPrism } from "./prism.mjs";

/** The version of the description that was last checked. */
const COMMIT = "d50069b44ea8cd23141385bdb6db48f16ff75bb5";
const SOURCE = `https://raw.githubusercontent.com/twilio/twilio-oai/${COMMIT}/spec/json`;
/** The origin that the Worker is given, so that it names its status callback. */
const ORIGIN = "https://switchboard.example";
const SERVICE = `MG${"0a".repeat(16)}`;
const IMAGE = Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=", "base64");
/** The paths of the large description that the Worker uses. */
const PATHS =
  /\/(Calls\.json|Messages(\.json|\/\{Sid\}\.json|\/\{MessageSid\}\/Media\/\{Sid\}\.json))$/;

await command(async () => {
  await setUpNode();
  await build();
  await buildPlayground();
  const prism = installPrism();
  const directory = await descriptions(process.argv[2]);
  const messages = await startPrism(prism, path.join(directory, "twilio_api_v2010.json"));
  const indicators = await startPrism(prism, path.join(directory, "twilio_messaging_v3.json"));
  const twilio = await startFront({ messages, indicators });
  const playground = await startPlayground();
  const worker = await startWorker({
    playground,
    settings: {
      TWILIO_API_BASE_URL: twilio.url,
      PUBLIC_URL: ORIGIN,
      REPLY_WITHIN_MS: "500",
    },
  });
  try {
    const rows = await send(worker, twilio);
    for (const row of rows) print(`| ${row.join(" | ")} |`);
    const bad = rows.filter(([, , , as]) => as === "not as expected");
    if (bad.length > 0) throw new UserError(`${bad.length} requests were not as expected`);
  } finally {
    await worker.close();
    await playground.close();
    await twilio.close();
    await messages.stop();
    await indicators.stop();
  }
});

// Makes the Worker send each kind of request, and returns a row for each: what, the request,
// Prism's answer, and whether that is as expected.
async function send(worker, twilio) {
  /** @type {string[][]} */
  const rows = [
    ["What", "Request", "Prism's answer", "As expected"],
    ["---", "---", "---", "---"],
  ];
  const seen = async (title, matches, expected) => {
    const request = await eventually(title, () => twilio.requests.find(matches), 60_000);
    const answer = `${request.status}${request.words ? ` (${request.words})` : ""}`;
    const as = expected === request.status ? "yes" : "not as expected";
    rows.push([title, `${request.method} ${request.path}`, answer, as]);
  };
  const message = ({ body = "Late [fault delay=900ms]", ...rest }) =>
    worker.sendMessage({ ...rest, body, url: `${ORIGIN}/twilio/messages` });
  const creates =
    (text) =>
    ({ method, body }) =>
      method === "POST" && new URLSearchParams(body).get("To") === text;

  const service = [["MessagingServiceSid", SERVICE]];
  const [sms, whatsapp, number, behind] = [freshPair(), freshPair(), freshPair(), freshPair()];
  for (const [title, from, to, params] of [
    ["A message by SMS", sms.from, sms.to, []],
    ["A message by WhatsApp", `whatsapp:${whatsapp.from}`, `whatsapp:${whatsapp.to}`, []],
    ["A message by RCS", `rcs:${number.from}`, "rcs:shop_agent", []],
    ["A message by Messenger", "messenger:2745689751200", "messenger:1415523888600", []],
    ["A message by a Messaging Service", behind.from, behind.to, service],
  ]) {
    await message({ from, to, params });
    await seen(title, creates(from), 201);
  }

  const lost = freshPair();
  twilio.loses = lost.from;
  await message(lost);
  const lists = ({ method, query }) =>
    method === "GET" && new URLSearchParams(query).get("To") === lost.from;
  await seen("The look-up after a lost answer", lists, 200);

  const [called, unheard] = [freshPair(), freshPair()];
  const call = ({ from: to, to: from }) =>
    worker.request("/admin/calls", {
      method: "POST",
      headers: {
        Authorization: `Bearer ${SECRETS.ADMIN_TOKEN}`,
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ to, assistant: "default", from }),
    });
  await call(called);
  await seen("A call", creates(called.from), 201);
  twilio.loses = unheard.from;
  await call(unheard);
  const looksUp = ({ method, path, query }) =>
    method === "GET" &&
    path.endsWith("/Calls.json") &&
    new URLSearchParams(query).get("To") === unheard.from;
  await seen("The look-up of a call after a lost answer", looksUp, 200);

  const typed = freshPair();
  await message({
    from: `whatsapp:${typed.from}`,
    to: `whatsapp:${typed.to}`,
    body: "Typed [fault delay=3s]",
  });
  const shows = (channel) => (request) =>
    request.path.endsWith("/Typing.json") && request.body.includes(`"${channel}"`);
  await seen("The typing indicator on WhatsApp", shows("WHATSAPP"), 200);
  const rcs = freshPair();
  await message({ from: `rcs:${rcs.from}`, to: "rcs:shop_agent", body: "Typed [fault delay=3s]" });
  // The description of this version knows WhatsApp and Apple only; Twilio's documentation has RCS.
  await seen("The typing indicator on RCS", shows("RCS"), 400);

  const shown = freshPair();
  // Credentials go to the message's own account alone.
  const account = `/2010-04-01/Accounts/${ACCOUNT}`;
  await message({
    ...shown,
    body: "What is this?",
    media: [
      {
        url: `${twilio.url}${account}/Messages/MM${"1".repeat(32)}/Media/ME${"2".repeat(32)}`,
        content_type: "image/gif",
      },
    ],
  });
  await seen("An image", (request) => request.path.includes("/Media/"), 200);
  return rows;
}

// Twilio, as the Worker sees it: Prism for each description. It keeps what it was asked.
async function startFront({ messages, indicators }) {
  /** @type {{ requests: any[], loses: string | undefined }} */
  const front = { requests: [], loses: undefined };
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const target = request.url ?? "/";
    const [pathname = "", query = ""] = target.split("?");
    const seen = { method: request.method, path: shortened(pathname), query, body };
    if (pathname.includes("/Media/")) {
      // The description has the record of a file (`.json`), and not the file. Its record is asked for.
      const record = await ask(messages, request, `${pathname}.json`);
      front.requests.push({ ...seen, ...record });
      response.writeHead(200, { "Content-Type": "image/gif" }).end(IMAGE);
      return;
    }
    const peer = pathname.startsWith("/v3/") ? indicators : messages;
    const { status, words, text } = await ask(peer, request, target, body);
    front.requests.push({ ...seen, status, words });
    if (front.loses && body.includes(encodeURIComponent(front.loses))) {
      front.loses = undefined;
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { "Content-Type": "application/json" }).end(text);
  });
  const port = await freePort();
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  return Object.assign(front, {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  });
}

// A path without ids.
function shortened(pathname) {
  return pathname.replace(/[A-Z]{2}[0-9a-f]{32}/g, (sid) => `${sid.slice(0, 2)}…`);
}

// The directory with the two descriptions. Of the large one it has only the paths that are used.
async function descriptions(given) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-oai-"));
  for (const file of ["twilio_api_v2010.json", "twilio_messaging_v3.json"]) {
    const text = given
      ? fs.readFileSync(path.join(given, file), "utf8")
      : await (await fetch(`${SOURCE}/${file}`)).text();
    const description = JSON.parse(text);
    if (file.includes("2010")) {
      for (const name of Object.keys(description.paths))
        if (!PATHS.test(name)) delete description.paths[name];
      allowRelative(description);
    }
    fs.writeFileSync(path.join(directory, file), JSON.stringify(description));
  }
  return directory;
}

// Twilio's pages name one another by relative addresses, in its own example too. The description
// calls them URIs, which Prism takes for absolute ones, and fails.
function allowRelative(part) {
  if (part?.format === "uri") delete part.format;
  for (const value of Object.values(part ?? {}))
    if (typeof value === "object") allowRelative(value);
}
