// Measures calls: how fast the model's words reach Twilio, how fast they stop, memory, and what
// Cloudflare bills for a minute.
//
// Not here: the caller (phone.mjs), and the model that times its words (streaming-model.mjs).

import { PRICES } from "./counts.mjs";
import { quantiles } from "./measure.mjs";
import { Phone } from "./phone.mjs";
import { add, inRounds, rowsOf, seconds } from "./rounds.mjs";
import { SUBJECTS, startSubject } from "./servers.mjs";
import { startStreamingModel } from "./streaming-model.mjs";

const NAMES = ["relay", "switchboard"];

const SETTINGS = {
  CALL_RATE_LIMIT_PER_HOUR: "1000",
  MAX_DAILY_CALL_MINUTES: "1000000000",
};

// About 130 words a second, as models stream.
const STREAMED = { words: 40, wait: 20, interval: 8 };

/** Words that stream to Twilio, and interruptions. */
export async function voice(plan) {
  const pace = { ...STREAMED };
  return withCalls(pace, {}, async (subjects, model) => {
    let number = 0;
    return inRounds(plan, subjects, async (subject) => {
      number += 1;
      const phone = await new Phone(subject, number).connect();
      const added = [];
      Object.assign(pace, STREAMED);
      for (let turn = 0; turn < plan.callTurns; turn += 1) {
        const asked = model.answers.length;
        // The same words within a moment would count as a frame that came twice.
        phone.says(`What do you have for dish ${turn}?`);
        await phone.hears();
        added.push(phone.words[0].at - model.answers[asked].first);
        phone.plays([phone.words.map(({ token }) => token).join("")]);
        await seconds(0.02);
      }
      const { p50, p99 } = quantiles(added);
      // A long answer is cut off in its middle.
      Object.assign(pace, { words: 300, wait: 20, interval: 8 });
      const late = [];
      const stops = [];
      for (let turn = 0; turn < plan.interruptions; turn += 1) {
        const asked = model.answers.length;
        phone.says(`Tell me everything about dish ${turn}.`);
        await phone.until((words) => words.length > 20);
        const heard = phone.words.map(({ token }) => token).join("");
        const at = performance.now();
        phone.send({ type: "info", name: "clientSpeaking", value: "on" });
        phone.send({
          type: "interrupt",
          utteranceUntilInterrupt: heard,
          durationUntilInterruptMs: 700,
        });
        phone.send({ type: "info", name: "agentSpeaking", value: "off" });
        await seconds(0.3);
        late.push(Math.max(0, phone.words.at(-1).at - at));
        stops.push((model.answers[asked].ended ?? Number.NaN) - at);
      }
      await phone.hangUp();
      return {
        added50: p50,
        added99: p99,
        late: quantiles(late).p50,
        lateMost: Math.max(...late),
        stops: quantiles(stops).p50,
      };
    });
  });
}

/** Memory of many calls at once, each with one turn behind it. */
export async function callMemory(plan) {
  const pace = { words: 10, wait: 5, interval: 1 };
  return withCalls(pace, {}, async (subjects) => {
    const rows = rowsOf(subjects);
    for (const [index, subject] of subjects.entries()) {
      const phone = await new Phone(subject, 0).connect();
      phone.says("Hello");
      await phone.hears();
      const before = subject.memory();
      const phones = [];
      for (let number = 1; number <= plan.calls; number += 1) {
        const one = await new Phone(subject, number).connect();
        one.says("Hello");
        await one.hears();
        one.plays(["Well"]);
        phones.push(one);
      }
      add(rows[index], {
        start: before / 1e6,
        talking: subject.memory() / 1e6,
        each: (subject.memory() - before) / 1e3 / plan.calls,
      });
      await seconds(plan.callIdle);
      add(rows[index], { idle: subject.memory() / 1e6 });
      await Promise.all([phone, ...phones].map((one) => one.hangUp()));
    }
    return rows;
  });
}

// A Durable Object has 128 MB, and a million gigabyte-seconds cost this (Cloudflare, "Durable
// Objects: pricing"). Twenty messages over a socket are one request.
const GIGABYTES = 0.128;
const GIGABYTE_SECONDS = 12.5;
const MESSAGES_OF_A_REQUEST = 20;

/** What Cloudflare bills for a minute of a call: four turns, whose words stream for a second and a half. */
export async function callMinute(plan) {
  const pace = { words: 40, wait: 700, interval: 20 };
  return withCalls(pace, { names: ["switchboard"], counting: true }, async ([subject]) => {
    const before = await counts(subject);
    const call = async (_, number) => {
      await seconds(number * 0.2);
      const phone = await new Phone(subject, 1000 + number).connect();
      for (let turn = 0; turn < 4; turn += 1) {
        const next = seconds(plan.callGap);
        phone.says(`What do you have for dish ${turn}?`);
        await phone.hears();
        phone.plays(["Well,", " we have this,", " and we have that."]);
        await next;
      }
      await phone.hangUp();
    };
    await Promise.all(Array.from({ length: plan.minuteCalls }, call));
    await seconds(2);
    const after = await counts(subject);
    const of = (key) => ((after[key] ?? 0) - (before[key] ?? 0)) / plan.minuteCalls;
    const messages = of("call socketMessages");
    const requests =
      of("call requests") + of("caller requests") + of("budget requests") + of("call alarms");
    const rows = of("rows written");
    // The webhook, the upgrade and the end.
    const worker = 3;
    const row = (title, busy) => {
      const price =
        worker * PRICES.workerRequests +
        (requests + messages / MESSAGES_OF_A_REQUEST) * PRICES.objectRequests +
        rows * PRICES.rowsWritten +
        busy * GIGABYTES * GIGABYTE_SECONDS;
      return {
        name: title,
        title,
        figures: {
          busy: [busy],
          messages: [messages],
          requests: [requests],
          rows: [rows],
          price: [price],
        },
      };
    };
    return [
      row("Switchboard, whose objects hibernate", of("call busy ms") / 1000),
      row("the same, if its objects stayed in memory", 4 * plan.callGap),
    ];
  });
}

async function counts(subject) {
  return (await fetch(`${subject.url}/bench/counts`)).json();
}

/** Starts the subjects of calls with a model that times its words, runs `body`, and stops them. */
async function withCalls(pace, { names = NAMES, counting = false }, body) {
  const model = await startStreamingModel(pace);
  const subjects = [];
  try {
    for (const name of names)
      subjects.push(
        await startSubject(name, {
          model,
          settings: SETTINGS,
          counting: counting && SUBJECTS[name].worker,
        }),
      );
    return await body(subjects, model);
  } finally {
    await Promise.all([...subjects, model].map((program) => program.close()));
  }
}
