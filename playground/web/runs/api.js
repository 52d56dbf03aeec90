// The playground's routes of synthetic conversations. Each function throws an Error with a sentence
// if the playground or the Worker cannot do it.

import { request } from "../dom.js";

const BATCHES = "/playground/batches";

/**
 * Who can talk, and about what.
 *
 * @typedef {object} Cast
 * @property {{ agents: { id: string, name: string, role: string }[],
 *   customers: { id: string, name: string, issue: string }[],
 *   scenarios: { id: string, goal: string, criteria: { name: string, asks: string }[] }[] }} cast
 * @property {string[]} assistants
 *
 * @returns {Promise<Cast>}
 */
export function readCast() {
  return ask("GET", "/playground/cast");
}

/** All batches, the newest first. */
export async function listBatches() {
  return (await ask("GET", BATCHES)).batches;
}

/** How far a batch is. */
export function showBatch(id) {
  return ask("GET", `${BATCHES}/${id}`);
}

/** What a batch may cost at most. Nothing begins. */
export function estimateBatch(plan) {
  return ask("POST", BATCHES, { ...plan, dry_run: true });
}

/** Begins a batch. Returns its id as `batch`. */
export function createBatch(plan) {
  return ask("POST", BATCHES, plan);
}

/** Does "pause", "resume" or "cancel" with a batch. Returns how far it is. */
export function controlBatch(id, action) {
  return ask("POST", `${BATCHES}/${id}/control`, { do: action });
}

/** Deletes a batch with its transcripts. */
export function deleteBatch(id) {
  return ask("DELETE", `${BATCHES}/${id}`);
}

/** Transcripts after a place: `{ lines, after, more }`, where each line is JSON. */
export function readRuns(id, after, limit) {
  return ask("GET", `${BATCHES}/${id}/runs?after=${after}&limit=${limit}`);
}

async function ask(method, path, body) {
  const { body: told, problem } = await request(method, path, body);
  if (problem) throw new Error(problem);
  return told;
}
