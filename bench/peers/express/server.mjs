// The server that one would write otherwise: Express with Twilio's and OpenAI's npm packages, with
// everything in the memory of one process. It accepts only signed messages, answers a repeated
// message once, limits the rate of a contact, runs one turn at a time, has a daily budget, and
// forgets a conversation after a while. A restart loses everything, and a second process is not
// possible.

import express from "express";
import OpenAI from "openai";
import twilio from "twilio";

const PATH = "/twilio/messages";
const PROMPT =
  "You are a helpful assistant who answers by text message. Be brief and friendly, use plain text without markup, and say so when you do not know something.";
const LIMITED = "You have sent too many messages. Please wait a minute and try again.";
const EXHAUSTED = "The assistant has reached its limit for today. Please try again tomorrow.";
const TOO_LONG = "Your message is too long. Please send a shorter one.";
const FAILED = "Sorry, something went wrong. Please try again.";
const CLEARED = "The conversation was cleared.";
const MAX_TURNS = 20;
const MAX_CHARS = 16_000;
const PART_CHARS = 1600;
const ADDRESS = /^(whatsapp:)?\+?[1-9]\d{2,14}$/;

const { TWILIO_AUTH_TOKEN, OPENAI_BASE_URL, OPENAI_API_KEY, OPENAI_MODEL } = process.env;
const [PORT, LIMIT, CAP, TTL_SECONDS, TIMEOUT, MAX_MESSAGE_CHARS] = [
  "PORT",
  "RATE_LIMIT_PER_MINUTE",
  "MAX_DAILY_CALLS",
  "CONVERSATION_TTL_SECONDS",
  "OPENAI_TIMEOUT_MS",
  "MAX_MESSAGE_CHARS",
].map((name) => Number(process.env[name]));

const openai = new OpenAI({ apiKey: OPENAI_API_KEY, baseURL: OPENAI_BASE_URL, timeout: TIMEOUT });
const contacts = new Map();
const budget = { day: 0, calls: 0 };

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use((_request, response, next) => {
  response.set({
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cache-Control": "no-store",
  });
  next();
});

app.get("/health", (_request, response) => response.json({ status: "ok" }));

app.post(
  PATH,
  express.urlencoded({ extended: false, limit: "64kb" }),
  async (request, response) => {
    if (!request.is("application/x-www-form-urlencoded"))
      return response
        .status(415)
        .send("The content type must be application/x-www-form-urlencoded\n");
    const url = `${request.protocol}://${request.get("Host")}${request.originalUrl}`;
    if (
      !twilio.validateRequest(
        TWILIO_AUTH_TOKEN,
        request.get("X-Twilio-Signature") ?? "",
        url,
        request.body,
      )
    ) {
      console.log(
        JSON.stringify({ time: new Date(), event: "security_event", kind: "invalid_signature" }),
      );
      return response.status(403).type("text").send("Forbidden\n");
    }
    const { MessageSid: sid, From: from, To: to, Body: text = "" } = request.body;
    const wrong = !/^(SM|MM)[0-9a-f]{32}$/i.test(sid)
      ? "MessageSid"
      : !ADDRESS.test(from)
        ? "From"
        : !ADDRESS.test(to)
          ? "To"
          : undefined;
    if (wrong) {
      console.log(
        JSON.stringify({
          time: new Date(),
          event: "security_event",
          kind: "suspicious_request",
          field: wrong,
        }),
      );
      return response.status(400).type("text").send(`Bad request: ${wrong}\n`);
    }
    const answer = await deliver(contactOf(`${from} ${to}`), sid, text);
    const twiml = new twilio.twiml.MessagingResponse();
    for (let at = 0; at < answer.length; at += PART_CHARS)
      twiml.message(answer.slice(at, at + PART_CHARS));
    response.type("text/xml").send(twiml.toString());
  },
);
app.all(PATH, (_request, response) =>
  response.status(405).set("Allow", "POST").type("text").send("Method not allowed\n"),
);

setInterval(forgetExpired, Math.min(TTL_SECONDS, 60) * 1000).unref();
app.listen(PORT, "127.0.0.1");

function contactOf(name) {
  const known = contacts.get(name);
  if (known) return known;
  const contact = { name, messages: new Map(), turns: [], turnAt: 0, last: Promise.resolve() };
  contacts.set(name, contact);
  return contact;
}

/** Returns the answer to a message. A repeated message gets the same answer. */
function deliver(contact, sid, text) {
  const known = contact.messages.get(sid);
  if (known) return known.answer;
  const now = Date.now();
  let recent = 0;
  for (const { at } of contact.messages.values()) if (at > now - 60_000) recent += 1;
  if (recent >= LIMIT) return LIMITED;
  const answer = contact.last.then(() => turn(contact, text));
  contact.messages.set(sid, { at: now, answer });
  contact.last = answer;
  return answer;
}

async function turn(contact, text) {
  const now = Date.now();
  if (contact.turnAt <= now - TTL_SECONDS * 1000) contact.turns = [];
  if (text.trim().toLowerCase() === "reset") {
    contact.turns = [];
    return CLEARED;
  }
  if (text.length > MAX_MESSAGE_CHARS) return TOO_LONG;
  const day = Math.floor(now / 86_400_000);
  if (day > budget.day) Object.assign(budget, { day, calls: 0 });
  if (budget.calls >= CAP) return EXHAUSTED;
  budget.calls += 1;
  try {
    const said = contact.turns.flatMap(({ user, assistant }) => [
      { role: "user", content: user },
      { role: "assistant", content: assistant },
    ]);
    const completion = await openai.chat.completions.create({
      model: OPENAI_MODEL,
      messages: [{ role: "system", content: PROMPT }, ...said, { role: "user", content: text }],
      reasoning_effort: "none",
      max_completion_tokens: 1000,
      stream: false,
    });
    const answer = completion.choices[0]?.message.content?.trim();
    if (!answer) throw new Error("no answer");
    contact.turns = newest([...contact.turns, { user: text, assistant: answer }]);
    contact.turnAt = Date.now();
    console.log(
      JSON.stringify({
        time: new Date(),
        event: "turn",
        outcome: "answered",
        turns: contact.turns.length,
      }),
    );
    return answer;
  } catch (error) {
    console.log(
      JSON.stringify({
        time: new Date(),
        event: "turn",
        outcome: "model_failed",
        reason: error.message,
      }),
    );
    return FAILED;
  }
}

function newest(turns) {
  const kept = turns.slice(-MAX_TURNS);
  let chars = kept.reduce((sum, { user, assistant }) => sum + user.length + assistant.length, 0);
  while (chars > MAX_CHARS) {
    const { user, assistant } = kept.shift();
    chars -= user.length + assistant.length;
  }
  return kept;
}

function forgetExpired() {
  const oldest = Date.now() - TTL_SECONDS * 1000;
  for (const contact of contacts.values()) {
    for (const [sid, { at }] of contact.messages) if (at <= oldest) contact.messages.delete(sid);
    if (!contact.messages.size) contacts.delete(contact.name);
  }
}
