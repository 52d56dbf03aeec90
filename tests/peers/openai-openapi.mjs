// `node tests/peers/openai-openapi.mjs [directory]`: the built Worker's requests to a model, checked
// against OpenAI's own OpenAPI description by Prism. It prints a table for docs/compatibility.md, and
// fails if Prism refused one.
//
// The directory has `openapi.json` of https://github.com/openai/openai-openapi. Without one it is
// downloaded from there. Not part of `npm test`: it needs the network the first time. Not here: the
// playground's imitation of OpenAI.

import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { build } from "../../scripts/build.mjs";
import { buildPlayground, freePort } from "../../scripts/lib/local.mjs";
import { command, print, UserError } from "../../scripts/lib/run.mjs";
import { setUpNode } from "../../scripts/lib/setup-node.mjs";
import { exampleAssistants, FRONT_DESK, PRESS_RELEASE } from "../e2e/examples.mjs";
import { freshPair, startPlayground, startWorker } from "../e2e/harness.mjs";
import { ask, installPrism, startPrism } from "./prism.mjs";

/** The version of the description that was last checked. */
const COMMIT = "f85dbe223d40e1a31cba812ab2d755c7e98a92a3";
const SOURCE = `https://raw.githubusercontent.com/openai/openai-openapi/${COMMIT}/openapi.json`;
const IMAGE = Buffer.from("R0lGODlhAQABAAAAACwAAAAAAQABAAACAkwBADs=", "base64");
/** What Prism's model answers. */
const ANSWER = "It is high water at noon.";
const HEARD = "When is high water?";

await command(async () => {
  await setUpNode();
  await build();
  await buildPlayground();
  const prism = await startPrism(installPrism(), await description(process.argv[2]));
  const model = await startFront(prism);
  const playground = await startPlayground();
  const worker = await startWorker({
    playground,
    assistants: exampleAssistants(playground),
    settings: { OPENAI_BASE_URL: `${model.url}/v1`, REPLY_WITHIN_MS: "14000" },
  });
  try {
    const rows = await say(worker, playground, model);
    for (const row of rows) print(`| ${row.join(" | ")} |`);
    const bad = rows.filter(([, , , as]) => as === "not as expected");
    if (bad.length > 0) throw new UserError(`${bad.length} requests were not as expected`);
  } finally {
    await worker.close();
    await playground.close();
    await model.close();
    await prism.stop();
  }
});

// Says what makes the Worker send each kind of request, and returns a row for each: what, the
// requests, Prism's answers, and whether Prism took them and the contact got an answer.
async function say(worker, playground, model) {
  /** @type {string[][]} */
  const rows = [
    ["What", "Requests", "Prism's answers", "As expected"],
    ["---", "---", "---", "---"],
  ];
  const tell = async (title, message, count, expected = ANSWER) => {
    const before = model.requests.length;
    const { messages } = await worker.sendMessage(message);
    const requests = model.requests.slice(before);
    const shown = requests.map(({ path: to }) => `\`POST ${to}\``);
    const answers = requests.map(({ status, words }) => `${status}${words ? ` (${words})` : ""}`);
    const right =
      requests.length === count &&
      requests.every(({ status }) => status === 200) &&
      messages.join("\n").includes(expected);
    rows.push([title, shown.join(", "), answers.join(", "), right ? "yes" : `not as expected`]);
  };
  // The peer can refuse: otherwise the rows below say nothing.
  const body = { model: "gpt-6-luna", messages: [{ role: "user", content: "Hi" }], temprature: 1 };
  const refused = await fetch(`${model.url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: "Bearer x", "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const { words } = model.requests.at(-1);
  const as = refused.status === 422 ? "yes" : "not as expected";
  rows.push(["An unknown field, by hand", "`POST /v1/chat/completions`", `422 (${words})`, as]);

  const pair = freshPair();
  await tell("A first message", { ...pair, body: "When is high water?" }, 1);
  await tell("The next one", { ...pair, body: "And low water?" }, 1);
  const image = await playground.upload(IMAGE, "image/gif");
  await tell("An image", { ...freshPair(), body: "What is this?", media: [image] }, 1);
  const note = await playground.upload(await playground.voiceNote("Hello"), "audio/ogg");
  await tell("A voice note", { ...freshPair(), body: "", media: [note] }, 2);

  const call = (id) => ({
    id,
    type: "function",
    function: { name: "order_status", arguments: '{"order_id":"1234"}' },
  });
  model.calls = [call("call_a"), call("call_b")];
  const desk = { from: freshPair().from, to: FRONT_DESK };
  await tell("Tools, and the round after two calls", { ...desk, body: "Where is it?" }, 2);
  const press = { from: freshPair().from, to: PRESS_RELEASE };
  await worker.sendMessage({ ...press, body: "Hello" });
  // The answer does not fit the schema, so it is asked for twice, and the question comes again.
  await tell("An intake's answer by a schema", { ...press, body: "A launch" }, 2, "announce");
  return rows;
}

// OpenAI, as the Worker sees it: Prism. It keeps what it was asked. With `calls`, the answer to the
// next request that Prism takes is these calls.
async function startFront(prism) {
  /** @type {{ requests: any[], calls: object[] | undefined }} */
  const front = { requests: [], calls: undefined };
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const target = (request.url ?? "").replace(/^\/v1/, "");
    const { status, words, text } = await ask(prism, request, target, Buffer.concat(chunks));
    front.requests.push({ path: request.url, status, words });
    let body = text;
    if (status === 200 && front.calls) {
      const answer = completion({ content: null, refusal: null, tool_calls: front.calls });
      body = JSON.stringify(answer);
      front.calls = undefined;
    }
    response.writeHead(status, { "Content-Type": "application/json" }).end(body);
  });
  const port = await freePort();
  await new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(undefined)));
  return Object.assign(front, {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((resolve) => server.close(resolve)),
  });
}

function completion(message) {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_795_348_800,
    model: "gpt-6-luna",
    choices: [
      {
        index: 0,
        message: { role: "assistant", ...message },
        logprobs: null,
        finish_reason: message.tool_calls ? "tool_calls" : "stop",
      },
    ],
    usage: { prompt_tokens: 9, completion_tokens: 7, total_tokens: 16 },
  };
}

// The file of the description, with the paths that are used, an answer of ours for each, and no
// field that it does not name. The real API refuses those, and the description does not say so.
async function description(given) {
  const text = given
    ? fs.readFileSync(path.join(given, "openapi.json"), "utf8")
    : await (await fetch(SOURCE)).text();
  const whole = JSON.parse(text);
  const { schemas } = whole.components;
  const examples = {
    "/chat/completions": completion({ content: ANSWER, refusal: null }),
    "/audio/transcriptions": { text: HEARD, usage: { type: "duration", seconds: 2 } },
  };
  for (const name of Object.keys(whole.paths)) if (!(name in examples)) delete whole.paths[name];
  for (const [name, example] of Object.entries(examples)) {
    const content = { "application/json": { schema: { type: "object" }, example } };
    whole.paths[name].post.responses = { 200: { description: "The answer", content } };
  }
  const request = { type: "object", ...flattened(schemas, schemas.CreateChatCompletionRequest) };
  schemas.CreateChatCompletionRequest = request;
  for (const [name, schema] of Object.entries(schemas)) {
    const isClosed =
      /^(CreateChatCompletionRequest|ChatCompletionRequest\w+Message|ChatCompletionMessageToolCall|ChatCompletionTool|FunctionObject|ResponseFormatJsonSchema)$/;
    if (isClosed.test(name)) schema.additionalProperties = false;
  }
  withoutNullable(whole);
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-openai-"));
  const file = path.join(directory, "openapi.json");
  fs.writeFileSync(file, JSON.stringify(whole));
  return file;
}

// `nullable` is a word of an older OpenAPI. Where it stands without a type, Prism passes over the whole
// schema, without a word.
function withoutNullable(part) {
  if (part?.nullable === true && !part.type) delete part.nullable;
  for (const value of Object.values(part ?? {}))
    if (typeof value === "object") withoutNullable(value);
}

// The properties of a schema and of all that it is put together from.
function flattened(schemas, schema) {
  const { $ref: ref, allOf = [], properties = {}, required = [] } = schema;
  const parts = allOf.map((part) => flattened(schemas, part));
  if (ref) parts.push(flattened(schemas, schemas[ref.split("/").at(-1)]));
  return {
    properties: Object.assign({}, ...parts.map((part) => part.properties), properties),
    required: [...new Set([...parts.flatMap((part) => part.required), ...required])],
  };
}
