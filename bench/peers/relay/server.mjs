// The server that one would write for calls otherwise, after the samples for ConversationRelay: Node
// with `ws` and OpenAI's package. It streams the model's words to Twilio as they come, breaks the
// model's request off when the caller cuts in, and keeps what was heard. Everything is in the memory
// of one process. It verifies no signature, and has no caps, no time limits, no fixed sentences, no
// tools and no log: a call that fails is silent.

import http from "node:http";
import OpenAI from "openai";
import { WebSocketServer } from "ws";

const PROMPT =
  "You are a helpful assistant on the phone. Answer in one to three short sentences, without markup.";
const { OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL, PORT } = process.env;

const openai = new OpenAI({ apiKey: OPENAI_API_KEY, baseURL: OPENAI_BASE_URL });

const server = http.createServer((request, response) => {
  if (request.url === "/health") return void response.end('{"status":"ok"}');
  request.resume();
  response.setHeader("Content-Type", "text/xml");
  response.end(
    `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><ConversationRelay url="ws://127.0.0.1:${PORT}/relay" welcomeGreeting="Hello! How can I help you?"/></Connect></Response>`,
  );
});

const sockets = new WebSocketServer({ server, path: "/relay" });
sockets.on("connection", (socket) => {
  const messages = [{ role: "system", content: PROMPT }];
  let answering;
  socket.on("message", (data) => {
    const frame = JSON.parse(data);
    if (frame.type === "prompt" && frame.last) {
      answering?.abort();
      answering = new AbortController();
      answer(socket, messages, frame.voicePrompt, answering.signal).catch(() => {});
    } else if (frame.type === "interrupt") {
      answering?.abort();
      const last = messages.at(-1);
      if (last.role === "assistant") last.content = frame.utteranceUntilInterrupt;
    }
  });
  socket.on("close", () => answering?.abort());
});

async function answer(socket, messages, words, signal) {
  messages.push({ role: "user", content: words });
  const stream = await openai.chat.completions.create(
    {
      model: OPENAI_MODEL,
      messages,
      reasoning_effort: "none",
      max_completion_tokens: 1000,
      stream: true,
    },
    { signal },
  );
  const said = { role: "assistant", content: "" };
  messages.push(said);
  for await (const chunk of stream) {
    const token = chunk.choices[0]?.delta?.content;
    if (!token || signal.aborted) continue;
    said.content += token;
    socket.send(JSON.stringify({ type: "text", token, last: false }));
  }
  if (!signal.aborted) socket.send(JSON.stringify({ type: "text", token: "", last: true }));
}

server.listen(PORT, "127.0.0.1");
