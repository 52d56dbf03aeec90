// Measures batches of synthetic conversations: time and CPU for batches of several sizes, beside a
// script that does the same in memory, and what Cloudflare bills.
//
// Not here: the script (peers/personas).

import { spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { print } from "../scripts/lib/run.mjs";
import { PRICES } from "./counts.mjs";
import { seconds } from "./rounds.mjs";
import { BENCH, SECRETS, SUBJECTS, startModel, startSubject } from "./servers.mjs";

const TOKEN = crypto.randomBytes(24).toString("hex");
const AT_ONCE = 20;

const PLAN = {
  mode: "text",
  scenario: "lost-delivery",
  personas: { agent: "priya-raman", customer: "dana-whitfield" },
  per_minute: 600,
  at_once: AT_ONCE,
  seed: 7,
  disturbances: false,
};

/** Batches of the sizes of the plan, and the script with the same conversations. */
export async function batches(plan) {
  const model = await startModel();
  try {
    const rows = [];
    const subject = await start(model, false);
    let transcript;
    try {
      // One run shows what is asked of the model.
      await modelRequests(model, "DELETE");
      [transcript] = (await batch(subject, 1)).transcripts;
      const { requests } = await modelRequests(model, "GET");
      rows.push(await script(model, plan.scriptRuns, transcript, requests));
      for (const count of plan.batchSizes) {
        const { figures } = await batch(subject, count);
        rows.push({
          name: `of${count}`,
          title: `Switchboard, a batch of ${count}`,
          figures: listed(figures),
        });
        await modelRequests(model, "DELETE");
      }
    } finally {
      await subject.close();
    }
    const counting = await start(model, true);
    try {
      rows.push({
        name: "counted",
        title: `the same, counted, a batch of ${plan.countedRuns}`,
        figures: listed(await counted(counting, plan.countedRuns)),
      });
    } finally {
      await counting.close();
    }
    return rows;
  } finally {
    await model.close();
  }
}

const start = (model, counting) =>
  startSubject("switchboard", { model, counting, settings: { ADMIN_TOKEN: TOKEN } });

/** Makes a batch, and waits for its end. Returns its figures and its first transcripts. */
async function batch(subject, count) {
  const cpu = subject.cpu();
  const began = performance.now();
  const { batch: id } = await admin(subject, "/admin/batches", { ...PLAN, count });
  let told = 0;
  for (;;) {
    await seconds(0.2);
    const progress = await admin(subject, `/admin/batches/${id}`);
    if (progress.status === "finished") {
      const wrong = Object.keys(progress.reasons).filter((reason) => reason !== "goodbye");
      if (wrong.length || progress.not_scored)
        throw new Error(`runs ended by ${wrong}; ${progress.not_scored} were not scored`);
      const minutes = (performance.now() - began) / 60_000;
      const page = await fetch(`${subject.url}/admin/batches/${id}/runs.jsonl?limit=1`, {
        headers: { Authorization: `Bearer ${TOKEN}` },
      });
      return {
        transcripts: (await page.text())
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line)),
        figures: {
          perMinute: count / minutes,
          cpu: (subject.cpu() - cpu) / count,
          requests: progress.cost.model_requests / count,
          memory: subject.memory() / 1e6,
        },
      };
    }
    if (performance.now() - began > (told + 1) * 60_000) {
      told += 1;
      print(`  ${progress.ended} of ${count} runs`);
    }
  }
}

/** The script, with the prompts that Switchboard has sent. */
async function script(model, count, transcript, requests) {
  const bodies = requests.filter(({ service }) => service === "openai").map(({ body }) => body);
  const of = (words) => {
    const found = bodies.find(({ messages: [system] }) => system.content.includes(words));
    if (!found) throw new Error(`no request with ${words}`);
    const { messages, ...settings } = found;
    return { system: messages[0], settings };
  };
  const task = {
    count,
    atOnce: AT_ONCE,
    turns: 20,
    opening: transcript.turns[0].text,
    agent: of("You are: the agent"),
    customer: of("You are: the customer"),
    score: of("Criterion "),
  };
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "switchboard-bench-")), "task.json");
  fs.writeFileSync(file, JSON.stringify(task));
  const began = performance.now();
  const output = await runScript(file, model);
  fs.rmSync(path.dirname(file), { recursive: true });
  if (output.transcripts !== count) throw new Error(`the script made ${output.transcripts} runs`);
  return {
    name: "script",
    title: `Node script in memory, ${count} runs`,
    figures: listed({
      perMinute: (count * 60_000) / (performance.now() - began),
      cpu: output.cpu / count,
      requests: output.requests / count,
    }),
  };
}

function runScript(file, model) {
  const child = spawn(process.execPath, [path.join(BENCH, "peers/personas/script.mjs"), file], {
    env: {
      PATH: process.env.PATH,
      OPENAI_BASE_URL: `${model.url}/v1`,
      OPENAI_API_KEY: SECRETS.OPENAI_API_KEY,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => (text += data));
  return new Promise((resolve, reject) =>
    child.on("close", (code) => {
      if (code !== 0) return reject(new Error(`the script failed (${code})`));
      resolve(JSON.parse(text));
    }),
  );
}

/** What Cloudflare bills for a batch. */
async function counted(subject, count) {
  const before = await counts(subject);
  await batch(subject, count);
  await seconds(2);
  const after = await counts(subject);
  const of = (...keys) =>
    keys.reduce((sum, key) => sum + (after[key] ?? 0) - (before[key] ?? 0), 0) / count;
  const objects = of(
    "run requests",
    "run alarms",
    "batch requests",
    "batch alarms",
    "budget requests",
    "batches requests",
  );
  const rows = of("rows written");
  return {
    objects,
    rows,
    price: (objects * PRICES.objectRequests + rows * PRICES.rowsWritten) / 1000,
  };
}

const listed = (figures) =>
  Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, [value]]));

async function counts(subject) {
  return (await fetch(`${subject.url}/bench/counts`)).json();
}

async function admin(subject, route, body) {
  const response = await fetch(subject.url + route, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${SUBJECTS[subject.name].title}: ${response.status} ${text}`);
  return JSON.parse(text);
}

async function modelRequests(model, method) {
  const response = await fetch(`${model.url}/playground/requests`, { method });
  return response.json();
}
