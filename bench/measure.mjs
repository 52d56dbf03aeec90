// Measures time and memory: floods, turns, latency, growth, start-up, bundle size, and memory.
//
// Not here: what is only counted (counts.mjs).

import fs from "node:fs";
import zlib from "node:zlib";
import { print } from "../scripts/lib/run.mjs";
import { ANSWERED, drain, flood, inTurn, message, pace } from "./load.mjs";
import {
  add,
  conversations,
  inRounds,
  recipient,
  rowsOf,
  seconds,
  withSubjects,
} from "./rounds.mjs";
import { bundleOf, checkStartup, SECRETS, SUBJECTS, startModel, timeStart } from "./servers.mjs";

export async function floods(plan, load, names) {
  return withSubjects(names, async (subjects) => {
    const one = (subject, seconds) => {
      const { request, expected } = load(subject);
      return flood(subject, {
        request,
        expected: ["hello", "reads"].includes(subject.name) ? { status: 200 } : expected,
        seconds,
      });
    };
    return inRounds(
      plan,
      subjects,
      (subject) => one(subject, plan.seconds),
      (subject) => one(subject, plan.warmUp),
    );
  });
}

export async function turns(plan) {
  return withSubjects(["hono", "switchboard", "express"], (subjects) =>
    inRounds(plan, subjects, (subject, round) =>
      drain(subject, {
        lists: conversations(subject, plan.contacts, plan.turnsEach, round),
        expected: ANSWERED,
      }),
    ),
  );
}

export async function latency(plan) {
  return withSubjects(["hono", "switchboard", "express"], async (subjects, model) => {
    const count = Math.max(2, Math.round(plan.paceSeconds * 20));
    let alone;
    const rows = await inRounds(plan, subjects, async (subject, round) => {
      // The first subject of a round has the model measured before it.
      if (subject === subjects[0])
        alone = quantiles(
          await pace(model.url, {
            requests: Array.from({ length: count }, modelRequest),
            expected: { status: 200 },
            perSecond: 20,
          }),
        );
      const requests = Array.from({ length: count }, (_, index) =>
        message(subject, { contact: index % 40, to: recipient(round) }),
      );
      const { p50, p99 } = quantiles(
        await pace(subject.url, { requests, expected: ANSWERED, perSecond: 20 }),
      );
      return {
        p50,
        p99,
        added50: p50 - alone.p50,
        added99: p99 - alone.p99,
        alone50: alone.p50,
        alone99: alone.p99,
      };
    });
    const [{ figures }] = rows;
    return [
      ...rows,
      {
        name: "model",
        title: "(the model alone)",
        figures: { p50: figures.alone50, p99: figures.alone99 },
      },
    ];
  });
}

export async function growth(plan) {
  return withSubjects(["hono", "switchboard", "express"], (subjects) =>
    inRounds(plan, subjects, async (subject, round) => {
      const figures = {};
      for (let turn = 1; turn <= 20; turn += 1) {
        const requests = Array.from({ length: plan.sequences }, (_, contact) =>
          message(subject, { contact, to: recipient(round) }),
        );
        const before = subject.cpu();
        const latencies = await inTurn(subject.url, { requests, expected: ANSWERED });
        figures[`ms${turn}`] = quantiles(latencies).p50;
        figures[`cpu${turn}`] = (subject.cpu() - before) / requests.length;
      }
      return figures;
    }),
  );
}

export async function startUp(plan) {
  const names = ["hono", "switchboard", "hello", "express"];
  const rows = names.map((name) => ({ name, title: SUBJECTS[name].title, figures: {} }));
  const model = await startModel();
  for (let round = 1; round <= plan.starts; round += 1) {
    for (const row of rows) {
      add(row, await timeStart(row.name, { model }));
      if (["hono", "switchboard"].includes(row.name))
        add(row, { isolate: await checkStartup(row.name) });
    }
    if (round % 5 === 0) print(`  ${round} of ${plan.starts} starts`);
  }
  await model.close();
  return rows;
}

export async function bundle() {
  return ["hono", "switchboard"].map((name) => {
    const files = bundleOf(name).map(([, file]) => fs.readFileSync(file));
    const sum = (size) => files.reduce((all, file) => all + size(file), 0) / 1000;
    return {
      name,
      title: SUBJECTS[name].title,
      figures: {
        raw: [sum((file) => file.length)],
        gzipped: [sum((file) => zlib.gzipSync(file, { level: 9 }).length)],
      },
    };
  });
}

export async function memory(plan) {
  return withSubjects(
    ["hono", "switchboard"],
    async (subjects) => {
      const rows = rowsOf(subjects);
      const note = async (key) => {
        for (const [index, subject] of subjects.entries())
          add(rows[index], { [key]: subject.memory() / 1e6 });
      };
      for (const subject of subjects)
        await inTurn(subject.url, {
          requests: [message(subject, { contact: 1, to: "+15550150" })],
          expected: ANSWERED,
        });
      await note("start");
      for (const { batch, after, afterwards } of [
        { batch: 0, after: "first", afterwards: "expired" },
        { batch: 1, after: "second", afterwards: "expiredAgain" },
      ]) {
        for (const subject of subjects) {
          print(`  ${subject.title}: ${plan.crowd * 2} turns over ${plan.crowd} contacts`);
          await drain(subject, {
            lists: conversations(subject, plan.crowd, 2, 60 + batch),
            expected: ANSWERED,
          });
        }
        await note(after);
        if (plan.expiry) print(`  waiting ${plan.expiry} s for all of it to expire`);
        await seconds(plan.expiry);
        await note(afterwards);
      }
      for (const [index, subject] of subjects.entries())
        add(rows[index], { kept: (await subject.kvCounts()).entries });
      return rows;
    },
    { settings: { CONVERSATION_TTL_SECONDS: "60" } },
  );
}

/** One round of whole turns, for a profile. */
export function profiledTurns(subject, round) {
  return drain(subject, { lists: conversations(subject, 200, 10, round), expected: ANSWERED });
}

function modelRequest() {
  const body = JSON.stringify({
    model: "gpt-6-luna",
    messages: [
      { role: "system", content: "You are a helpful assistant who answers by text message." },
      { role: "user", content: "Hello, how are you today?" },
    ],
    reasoning_effort: "none",
    max_completion_tokens: 1000,
    stream: false,
  });
  return {
    method: "POST",
    path: "/v1/chat/completions",
    headers: {
      authorization: `Bearer ${SECRETS.OPENAI_API_KEY}`,
      "content-type": "application/json",
    },
    body,
  };
}

/** The median and the 99th percentile. */
export function quantiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { p50: at(0.5), p99: at(0.99) };
}
