// A whole guided intake by WhatsApp, from the first message to the signed delivery, and what happens
// if the Worker or the service behind it fails on the way.
//
// Not here: the checks of each kind of field, and the expiry (native tests).

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { exampleAssistants, PRESS_RELEASE } from "./examples.mjs";
import { eventually, freshPair, pseudonym, startSwitchboard } from "./harness.mjs";

const TYPE = [
  "What do you want to announce?",
  "1. Product launch",
  "2. Partnership",
  "3. Funding",
  "4. Event",
  "5. Award",
].join("\n");
const COMPANY = "What is the name of the company?";
const HEADLINE = "What should the headline say?";
const FACTS = "What are the key facts? Send as many as you like: who, what, when, where, numbers.";
const QUOTES = "Is there a quote to use, and who says it? Write SKIP if there is none.";
const BOILERPLATE = "Please send the boilerplate: two or three sentences about the company.";
const CONTACT = "Who is the contact for the media?";
const EMAIL = "What is that person's e-mail address?";
const PHONE = "And the phone number, with the country code?";
const CONFIRM = "Please check this. Reply YES if it is right, or write what to change.";
const SAVED = "Saved: we have your answers and the draft.";
const PENDING = "I am handing it in now, and will write to you when it is saved.";

let playground, worker, close;

before(async () => {
  ({ playground, worker, close } = await startSwitchboard({
    assistants: exampleAssistants,
    // The reply waits for the service, which may take three seconds.
    settings: { RATE_LIMIT_PER_MINUTE: "100", MAX_SEGMENTS: "30", REPLY_WITHIN_MS: "12000" },
  }));
});

afterEach(() => playground.clearFaults());

after(() => close?.());

/** A contact on WhatsApp that writes to the assistant. */
class Contact {
  pair = { from: freshPair().from, to: PRESS_RELEASE };

  /** Writes a message, and returns the answer. */
  async says(body) {
    const { status, messages } = await worker.sendMessage({
      ...this.pair,
      channel: "whatsapp",
      body,
    });
    assert.equal(status, 200);
    return messages.join("\n\n");
  }

  /** Writes each message, and expects the answer after it. */
  async lives(turns) {
    for (const [body, answer] of turns) assert.equal(await this.says(body), answer, body);
  }

  /** Answers all until the summary. */
  async untilSummary() {
    await this.lives([
      ["Hello", TYPE],
      ["Event", COMPANY],
      ["Company: Wagtail Boats\nHeadline: Open day at the yard", FACTS],
      ["It is on 5 December 2026\nEntry is free", QUOTES],
      ["skip", BOILERPLATE],
      ["Wagtail builds boats since 1998.", CONTACT],
      ["Ana Marsh", EMAIL],
      ["ana@example.org", PHONE],
    ]);
    assert.ok((await this.says("+15550142")).startsWith(CONFIRM));
  }

  /** What the service behind the intake has accepted from it. */
  async delivered() {
    const all = await playground.deliveries("intake");
    return all.filter(({ body }) => body.conversation === pseudonym(this.pair, "whatsapp"));
  }

  /** The texts that came by REST. */
  async byRest() {
    const messages = await playground.messagesTo(`whatsapp:${this.pair.from}`);
    return messages.map(({ body }) => body);
  }
}

test("a press release is asked for, corrected, confirmed, drafted with every fact, delivered once, and then called saved", async () => {
  const contact = new Contact();
  await contact.lives([
    ["Hello, I want a press release", TYPE],
    ["BACK", `This is the first question.\n\n${TYPE}`],
    ["Status", `I have nothing yet.\n\n${TYPE}`],
    // A digit is a choice only while a choice is asked for.
    ["2", COMPANY],
    // Several fields at once, so the headline is not asked for.
    ["Company: Wagtail Boats\nHeadline: Wagtail opens a second yard", FACTS],
    ["back", HEADLINE],
    ["no, the headline is Wagtail opens a third yard", FACTS],
    // A question in between is answered, and the question of the intake comes again.
    [
      "What is a boilerplate?",
      `Nice to hear from you! You said: "What is a boilerplate?" (message 1 of our conversation)\n\n${FACTS}`,
    ],
    ["The yard opens on 5 December 2026\nIt has 40 berths", QUOTES],
    ["SKIP", BOILERPLATE],
    ["Back", QUOTES],
    ['"We need room", says Ana Marsh\n"It is time", says Ben Roe', BOILERPLATE],
    ["skip", `About the company: this is needed, so it cannot be skipped.\n\n${BOILERPLATE}`],
    ["Wagtail builds small boats. It was founded in 1998.", CONTACT],
    ["Cleo Finch", EMAIL],
    [
      "cleo at example",
      `E-mail: please give an e-mail address, such as ana@example.org.\n\n${EMAIL}`,
    ],
    ["cleo@example.org", PHONE],
    [
      "0555 0142",
      `Phone: please give a phone number with its country code, such as +15550142.\n\n${PHONE}`,
    ],
  ]);
  const status = await contact.says("status");
  assert.ok(status.startsWith("This is what I have so far:"), status);
  assert.ok(status.endsWith(PHONE), status);
  assert.ok(status.includes("Headline: Wagtail opens a third yard"), status);

  const summary = (company) =>
    `${CONFIRM}
Announcement: Partnership
Company: ${company}
Headline: Wagtail opens a third yard
Key facts: 
- The yard opens on 5 December 2026
- It has 40 berths
Quotes: 
- quote: We need room; speaker: Ana Marsh
- quote: It is time; speaker: Ben Roe
About the company: Wagtail builds small boats. It was founded in 1998.
Media contact: Cleo Finch
E-mail: cleo@example.org
Phone: +15550142`;
  await contact.lives([
    ["+1 (555) 0142", summary("Wagtail Boats")],
    ["no", "What should I change?"],
    ["the company is Wagtail Boats Ltd", summary("Wagtail Boats Ltd")],
  ]);
  assert.deepEqual(await contact.delivered(), [], "nothing is delivered before the yes");

  const end = await contact.says("yes");
  const [said, title, ...draft] = end.split("\n\n");
  assert.deepEqual([said, title], [SAVED, "Here is the draft:"]);
  const fields = {
    announcement_type: "Partnership",
    company: "Wagtail Boats Ltd",
    headline: "Wagtail opens a third yard",
    key_facts: ["The yard opens on 5 December 2026", "It has 40 berths"],
    quotes: [
      { quote: "We need room", speaker: "Ana Marsh" },
      { quote: "It is time", speaker: "Ben Roe" },
    ],
    boilerplate: "Wagtail builds small boats. It was founded in 1998.",
    contact_name: "Cleo Finch",
    contact_email: "cleo@example.org",
    contact_phone: "+15550142",
  };
  const facts = Object.values(fields)
    .flat()
    .flatMap((fact) => (typeof fact === "string" ? [fact] : Object.values(fact)));
  for (const fact of facts) assert.ok(draft.join("\n\n").includes(fact), fact);
  const numbers = (text) => text.match(/\d+/g) ?? [];
  for (const number of numbers(draft.join(" "))) assert.ok(facts.join(" ").includes(number));

  const [received, ...more] = await contact.delivered();
  assert.deepEqual(more, []);
  assert.equal(received.times, 1);
  assert.deepEqual(received.body.fields, fields);
  assert.equal(received.body.draft, draft.join("\n\n"));
  assert.deepEqual(
    [received.body.type, received.body.assistant, received.body.channel],
    ["intake", "press-release", "whatsapp"],
  );
  assert.ok(!JSON.stringify(received.body).includes(contact.pair.from.slice(1)));
  assert.deepEqual(await contact.byRest(), [], "saved is said once");
  // After its end, the assistant answers as usual.
  assert.match(await contact.says("Thanks"), /You said: "Thanks"/);
});

test("an intake goes on after a restart of the Worker in the middle of it", async () => {
  const contact = new Contact();
  await contact.lives([
    ["Hello", TYPE],
    ["Award", COMPANY],
    ["Wagtail Boats", HEADLINE],
  ]);
  await worker.restart();
  assert.equal(await contact.says("A prize for the yard"), FACTS);
  const status = await contact.says("status");
  for (const fact of ["Award", "Wagtail Boats", "A prize for the yard"])
    assert.ok(status.includes(fact), status);
});

test("cancel ends an intake and deletes its answers, and start over begins again", async () => {
  const contact = new Contact();
  await contact.lives([
    ["Hello", TYPE],
    ["Award", COMPANY],
  ]);
  assert.match(await contact.says("Never mind"), /^Cancelled: your answers are deleted/);
  assert.match(await contact.says("Hello again"), /You said: "Hello again"/);
  assert.ok((await contact.says("start over")).endsWith(TYPE));
  assert.equal(await contact.says("status"), `I have nothing yet.\n\n${TYPE}`);
});

// `accepted` is how often the service accepts it.
for (const { what, fault, accepted } of [
  { what: "answers 503", fault: { status: 503 }, accepted: 1 },
  { what: "does not answer in time", fault: { delay_ms: 6000 }, accepted: 1 },
  {
    what: "takes it, but its answer is lost",
    fault: { connection: "act_then_drop" },
    accepted: 2,
  },
]) {
  test(`if the service ${what}, saved is said only once it is, by REST, and every try has one id`, async () => {
    const contact = new Contact();
    await contact.untilSummary();
    await playground.fault({ service: "shop", contains: "/tools/intake", ...fault });
    const end = await contact.says("yes");
    assert.ok(end.startsWith(`${PENDING}\n\nHere is the draft:`), end);
    assert.ok(!end.includes("Saved"));
    await eventually("the word that it is saved", async () =>
      (await contact.byRest()).includes(SAVED),
    );
    assert.deepEqual(await contact.byRest(), [SAVED]);
    const delivered = await contact.delivered();
    assert.equal(delivered.length, 1);
    assert.equal(delivered[0].times, accepted);
  });
}

test("a Worker that is killed before the delivery delivers after its restart, with the same answers", async () => {
  const contact = new Contact();
  await contact.untilSummary();
  await playground.fault({ service: "shop", contains: "/tools/intake", status: 503 });
  assert.ok((await contact.says("yes")).startsWith(PENDING));
  await worker.restart();
  await eventually("the word that it is saved", async () =>
    (await contact.byRest()).includes(SAVED),
  );
  const delivered = await contact.delivered();
  assert.equal(delivered.length, 1);
  assert.equal(delivered[0].body.fields.headline, "Open day at the yard");
});
