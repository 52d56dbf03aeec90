// Counts calls between JavaScript and WebAssembly, and the operations that Cloudflare bills.
// Nothing here is timed.

import { get } from "../scripts/lib/local.mjs";
import { ANSWERED, inTurn, LOADS, message } from "./load.mjs";
import { add, rowsOf, seconds, withSubjects } from "./rounds.mjs";

/** Cloudflare's prices in dollars per million, beyond the included amount. */
export const PRICES = {
  date: "2026-11-22",
  source: "Cloudflare's documentation: Workers pricing, Durable Objects pricing, KV pricing",
  workerRequests: 0.3,
  objectRequests: 0.15,
  rowsWritten: 1,
  kvReads: 0.5,
  kvWrites: 5,
  kvDeletes: 5,
};

// workerd drops an object from memory after this time without a request.
const OBJECT_LIFE_SECONDS = 10;

export async function crossings() {
  return withSubjects(
    ["switchboard"],
    async ([subject]) => {
      const rows = [];
      for (const [name, title] of [
        ["health", "`GET /health`"],
        ["forged", "forged request"],
        ["message", "message, warm"],
      ]) {
        const { request, expected } =
          name === "message" ? { expected: ANSWERED } : LOADS[name](subject);
        const send = (times) =>
          inTurn(subject.url, {
            requests: Array.from({ length: times }, () => request ?? message(subject)),
            expected,
          });
        await send(1);
        await seconds(0.3);
        const before = await counted(subject);
        await send(10);
        await seconds(0.3);
        const after = await counted(subject);
        rows.push({
          name,
          title,
          figures: {
            into: [(after.into - before.into) / 10],
            out: [(after.out - before.out) / 10],
          },
        });
      }
      return rows;
    },
    { counting: true },
  );
}

export async function operations(plan) {
  return withSubjects(
    ["hono", "switchboard"],
    async (subjects, model) => {
      const rows = rowsOf(subjects);
      const contacts = 20;
      const zeros = () => Object.fromEntries(subjects.map(({ name }) => [name, 0]));
      const asked = zeros();
      const reads = { warm: zeros(), cold: zeros() };
      for (const [turn, gap] of plan.gaps.entries()) {
        await seconds(gap);
        for (const subject of subjects) {
          const before = await subject.kvCounts();
          const requests = Array.from({ length: contacts }, (_, contact) =>
            message(subject, { contact }),
          );
          await modelRequests(model, "DELETE");
          await inTurn(subject.url, { requests, expected: ANSWERED });
          asked[subject.name] += (await modelRequests(model, "GET")).requests.filter(
            ({ service }) => service === "openai",
          ).length;
          const isCold = gap > OBJECT_LIFE_SECONDS;
          if (turn)
            reads[isCold ? "cold" : "warm"][subject.name] +=
              (await subject.kvCounts()).reads - before.reads;
        }
      }
      await seconds(1);
      const messages = contacts * plan.gaps.length;
      const cold = plan.gaps.filter((gap) => gap > OBJECT_LIFE_SECONDS).length * contacts;
      const warm = messages - contacts - cold;
      const answered = await Promise.all(subjects.map(counted));
      await seconds(plan.expiry);
      for (const [index, subject] of subjects.entries()) {
        const [then, now] = [answered[index], await counted(subject)];
        const all = {
          thread: then["thread requests"],
          budget: then["budget requests"],
          kvWrites: then.writes,
          fetches: asked[subject.name],
          alarms: now["thread alarms"],
          rows: now["rows written"],
          kvDeletes: now.deletes,
          budgetLater: now["budget requests"],
          // A Worker's own requests to objects, KV and the model.
          subrequests:
            then["thread requests"] +
            then["budget requests"] +
            then.reads +
            then.writes +
            then.deletes +
            asked[subject.name],
        };
        const each = Object.fromEntries(
          Object.entries(all).map(([key, number]) => [key, (number ?? 0) / messages]),
        );
        const objects =
          ((now["thread requests"] ?? 0) +
            (now["budget requests"] ?? 0) +
            (now["thread alarms"] ?? 0)) /
          messages;
        const price =
          PRICES.workerRequests +
          objects * PRICES.objectRequests +
          each.rows * PRICES.rowsWritten +
          (now.reads / messages) * PRICES.kvReads +
          (now.writes / messages) * PRICES.kvWrites +
          each.kvDeletes * PRICES.kvDeletes;
        const { name } = subject;
        add(rows[index], {
          ...each,
          kvReadsWarm: reads.warm[name] / warm,
          kvReadsCold: reads.cold[name] / (cold || 1),
          price,
        });
      }
      return rows;
    },
    { counting: true, settings: { CONVERSATION_TTL_SECONDS: "60" } },
  );
}

async function counted(subject) {
  const answer = await get(`${subject.url}/bench/counts`);
  if (answer?.status !== 200) throw new Error(`${subject.title}: no counts (${answer?.status})`);
  return { ...JSON.parse(answer.text), ...(await subject.kvCounts()) };
}

async function modelRequests(model, method) {
  const response = await fetch(`${model.url}/playground/requests`, { method });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} /playground/requests: ${response.status}`);
  return text ? JSON.parse(text) : undefined;
}
