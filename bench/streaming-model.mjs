// A model whose streamed answers come at known times, in the process of the bench, so that its clock
// is the same as that of the frames.
//
// It takes what OpenAI's package and Switchboard send, and looks at nothing. Not here: the
// playground's strict model, which the other tables use.

import http from "node:http";

/**
 * Starts it: `{ url, answers, close }`. Each answer has `first`, when its first word went out, and
 * `ended`, when the last one did, or when whoever asked had gone.
 *
 * @param {{ words: number, wait: number, interval: number }} pace the words of an answer, the ms
 *   before the first of them, and between two of them; it may be changed
 */
export async function startStreamingModel(pace) {
  /** @type {{ first?: number, ended?: number, cut?: boolean }[]} */
  const answers = [];
  const server = http.createServer((request, response) => {
    request.resume();
    request.on("end", () => void stream(response, pace, answers));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    answers,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function stream(response, { words, wait, interval }, answers) {
  /** @type {{ first?: number, ended?: number, cut?: boolean }} */
  const answer = {};
  answers.push(answer);
  response.on("close", () => {
    answer.cut = !response.writableFinished;
    answer.ended ??= performance.now();
  });
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  write(response, { role: "assistant", content: "" });
  for (let word = 0; word < words && !response.destroyed; word += 1) {
    await new Promise((resolve) => setTimeout(resolve, word ? interval : wait));
    answer.first ??= performance.now();
    write(response, { content: word ? ` word${word}` : "Well" });
  }
  write(response, {}, "stop");
  answer.ended ??= performance.now();
  response.end("data: [DONE]\n\n");
}

/**
 * @param {http.ServerResponse} response
 * @param {object} delta
 * @param {string | null} [reason]
 */
function write(response, delta, reason = null) {
  const chunk = {
    id: "chatcmpl-bench",
    object: "chat.completion.chunk",
    created: 1_790_000_000,
    model: "gpt-6-luna",
    choices: [{ index: 0, delta, finish_reason: reason }],
  };
  response.write(`data: ${JSON.stringify(chunk)}\n\n`);
}
