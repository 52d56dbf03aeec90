// Transcripts as files: JSON Lines, CSV with numbers, or messages for training and evaluation.
//
// Not here: where they come from (synthesize.mjs).

import fs from "node:fs";

/** The formats of a file. */
export const FORMATS = ["jsonl", "csv", "openai-chat"];

/** The columns of CSV: names, and how a transcript fills them. They hold ids and numbers only. */
const COLUMNS = {
  run: (run) => run.run,
  number: (run) => run.number,
  mode: (run) => run.mode,
  scenario: (run) => run.scenario,
  agent: (run) => run.personas.agent,
  customer: (run) => run.personas.customer,
  seed: (run) => run.seed,
  model: (run) => run.model,
  synthetic: (run) => run.synthetic,
  ended_by: (run) => run.ended.by,
  reason: (run) => run.ended.reason,
  turns: (run) => run.metrics.turns,
  duration_ms: (run) => run.metrics.duration_ms,
  agent_words: (run) => run.metrics.agent_words,
  customer_words: (run) => run.metrics.customer_words,
  interruptions: (run) => run.metrics.interruptions,
  silences: (run) => run.metrics.silences,
  resolution: (run) => run.scores?.resolution,
  escalated: (run) => run.scores?.escalated,
  satisfaction: (run) => run.scores?.satisfaction.value,
  churn_risk: (run) => run.scores?.churn_risk.value,
  propensity_to_buy: (run) => run.scores?.propensity_to_buy.value,
  model_requests: (run) => run.cost.model_requests,
  prompt_tokens: (run) => run.cost.prompt_tokens,
  completion_tokens: (run) => run.cost.completion_tokens,
  call_minutes: (run) => run.cost.call_minutes,
  word_error_rate: (run) => run.metrics.recognition?.word_error_rate,
};

/**
 * Returns a writer that adds transcripts to the end of a file: `write(lines)` takes lines of JSON,
 * `written` is how many the file has.
 *
 * @param {string} format
 * @param {string} file
 */
export function writerOf(format, file) {
  const head = format === "csv" ? 1 : 0;
  let written = Math.max(0, linesOf(file) - head);
  if (head && linesOf(file) === 0) fs.writeFileSync(file, `${Object.keys(COLUMNS).join(",")}\n`);
  return {
    format,
    file,
    get written() {
      return written;
    },
    write(lines) {
      if (lines.length === 0) return;
      fs.appendFileSync(file, lines.map((line) => `${converted(format, line)}\n`).join(""));
      written += lines.length;
    },
  };
}

function linesOf(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n").filter(Boolean).length : 0;
}

function converted(format, line) {
  if (format === "jsonl") return line;
  const run = JSON.parse(line);
  if (format === "csv")
    return Object.values(COLUMNS)
      .map((cell) => cellOf(cell(run)))
      .join(",");
  return JSON.stringify({ messages: messagesOf(run) });
}

function cellOf(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The conversation as the agent sees it. What was not heard is not in it. */
function messagesOf({ turns }) {
  return turns
    .filter(({ text }) => text)
    .map(({ speaker, text, heard }) => ({
      role: speaker === "agent" ? "assistant" : "user",
      content: heard ?? text,
    }));
}
