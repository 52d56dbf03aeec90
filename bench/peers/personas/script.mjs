// The script that one would write for synthetic conversations otherwise: a loop in memory with
// OpenAI's package. Two personas speak in turn until both have said goodbye, and the transcript is
// judged. It has no limits of time or money, no check of quotes, no disturbances, and nothing that
// survives a crash.
//
// Its argument is a file with the prompts and schemas that Switchboard sends, so that both ask for
// the same. It prints how many requests it made, and its CPU time in ms.

import fs from "node:fs";
import OpenAI from "openai";

const { OPENAI_BASE_URL, OPENAI_API_KEY } = process.env;
const { count, atOnce, turns, opening, agent, customer, score } = JSON.parse(
  fs.readFileSync(process.argv[2], "utf8"),
);
const openai = new OpenAI({ apiKey: OPENAI_API_KEY, baseURL: OPENAI_BASE_URL });
let requests = 0;

async function ask({ system, settings }, said) {
  requests += 1;
  const completion = await openai.chat.completions.create({
    ...settings,
    messages: [system, ...said],
  });
  return JSON.parse(completion.choices[0].message.content);
}

async function converse() {
  const lines = [{ speaker: "agent", text: opening }];
  let goodbye;
  while (lines.length < turns) {
    const speaker = lines.length % 2 ? "customer" : "agent";
    const said = lines.map((line) => ({
      role: line.speaker === speaker ? "assistant" : "user",
      content: line.text,
    }));
    const { say, ends_call } = await ask(speaker === "agent" ? agent : customer, said);
    lines.push({ speaker, text: say });
    if (goodbye !== undefined && goodbye !== speaker) break;
    if (ends_call) goodbye ??= speaker;
  }
  const transcript = lines.map((line, index) => ({ n: index + 1, ...line }));
  const scores = await ask(score, [
    { role: "user", content: JSON.stringify({ lines: transcript }) },
  ]);
  return { lines: transcript, scores };
}

let begun = 0;
const transcripts = [];
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (begun < count) {
      begun += 1;
      transcripts.push(await converse());
    }
  }),
);
const { user, system } = process.cpuUsage();
const cpu = (user + system) / 1000;
console.log(JSON.stringify({ requests, transcripts: transcripts.length, cpu }));
