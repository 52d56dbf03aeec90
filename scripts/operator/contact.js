// A contact: its state, erasing it, handing it over, answering it, and calling somebody. Addresses go
// in bodies only, and the page stores none.

import { element } from "../../playground/web/dom.js";
import { confirmed } from "../../playground/web/runs/confirm.js";
import { admin, button, facts, field, problemPlace } from "./ask.js";

/** Fills the card of a contact. */
export function contactCard(card) {
  const from = element("input", { type: "text", autocomplete: "off", placeholder: "+15550100" });
  const to = element("input", { type: "text", autocomplete: "off", placeholder: "+15550199" });
  const text = element("textarea", { rows: 3, maxLength: 1600 });
  const state = element("div", {});
  const done = element("p", { class: "done", role: "status" });
  // The answer that was not sent yet, and its id.
  let unsent = { about: "", id: "" };
  const problem = problemPlace();
  const pair = () => ({ from: from.value.trim(), to: to.value.trim() });
  const act = (label, look, action, words) =>
    button(label, look, problem, async () => {
      done.textContent = "";
      const said = await words(await admin(action, { body: pair() }));
      await show();
      done.textContent = said;
    });

  async function show() {
    state.replaceChildren(facts(stateFacts(await admin("show", { body: pair() }))));
  }

  const erase = button("Erase", "danger", problem, async () => {
    done.textContent = "";
    const { from: contact, to: number } = pair();
    const question = `The conversation of ${contact} with ${number} will be gone. An opt-out is kept. This cannot be undone.`;
    if (!(await confirmed("Erase this contact?", question, "Erase"))) return;
    const { erased } = await admin("erase", { body: pair() });
    await show();
    done.textContent = `Erased: ${erased.turns} turns.`;
  });
  const send = button("Send", "primary", problem, async () => {
    done.textContent = "";
    const said = text.value.trim();
    if (!said) throw new Error("The answer is empty.");
    const answer = { ...pair(), text: said };
    const about = JSON.stringify(answer);
    // It keeps its id when it is sent again after a failure, so that the contact gets it once.
    if (about !== unsent.about) unsent = { about, id: crypto.randomUUID() };
    await admin("message", { body: { ...answer, id: unsent.id } });
    unsent = { about: "", id: "" };
    text.value = "";
    done.textContent = "The answer waits to be sent.";
  });

  card.append(
    element("h2", { id: "contact-title" }, "A contact"),
    element(
      "div",
      { class: "fields" },
      field("contact-from", "Contact (with whatsapp:, rcs: or messenger: in front)", from),
      field("contact-to", "Your number", to),
    ),
    element(
      "div",
      { class: "actions" },
      button("Show", "primary", problem, async () => {
        done.textContent = "";
        await show();
      }),
      act("Hand over", "", "hand-over", ({ begun }) =>
        begun ? "A person answers from now on." : "A person answers already.",
      ),
      act("Release", "", "release", ({ ended }) =>
        ended ? "The assistant answers again." : "The contact was not handed over.",
      ),
      erase,
    ),
    state,
    field("contact-text", "Answer a contact that is handed over", text),
    element("div", { class: "actions" }, send),
    done,
    problem,
  );
}

/** Fills the card of calls. */
export function callCard(card) {
  const number = element("input", { type: "text", autocomplete: "off", placeholder: "+15550100" });
  const assistant = element("input", {
    type: "text",
    autocomplete: "off",
    placeholder: "front-desk",
  });
  const context = element("textarea", { rows: 2, maxLength: 2000 });
  const state = element("p", { class: "done", role: "status" });
  const problem = problemPlace();
  let id = "";
  const look = button("How far is it?", "", problem, follow);
  look.hidden = true;

  async function follow() {
    const { state: now, ended_by: by } = await admin("call-state", { id });
    state.textContent = `The call is ${now}${by ? `, by ${by.replaceAll("_", " ")}` : ""}.`;
  }

  card.append(
    element("h2", { id: "calls-title" }, "Call somebody"),
    element(
      "div",
      { class: "fields" },
      field("call-number", "Number", number),
      field("call-assistant", "Assistant", assistant),
    ),
    field("call-context", "What the assistant knows of this call (optional)", context),
    element(
      "div",
      { class: "actions" },
      button("Call", "primary", problem, async () => {
        const to = number.value.trim();
        const name = assistant.value.trim();
        if (!to || !name) throw new Error("A call needs a number and an assistant.");
        const question = `${name} calls ${to}. Twilio and OpenAI bill the call.`;
        if (!(await confirmed("Call now?", question, "Call"))) return;
        const about = context.value.trim();
        const body = { to, assistant: name, ...(about && { context: about }) };
        ({ id } = await admin("call", { body }));
        look.hidden = false;
        await follow();
      }),
      look,
    ),
    state,
    problem,
  );
}

function stateFacts(state) {
  const yesNo = (value) => (value ? "yes" : "no");
  return [
    ["Opted out", yesNo(state.opted_out)],
    ["A person answers", yesNo(state.handed_off)],
    ["Turns remembered", state.turns],
    ["Forgotten at", state.expires_at ?? "nothing is stored"],
    ["A turn runs", yesNo(state.turn_running)],
    ["Messages that wait for a turn", state.pending_messages],
    ["Answers that wait to be sent", state.outbox_parts],
    ["Messages in the last minute", state.messages_last_minute],
  ];
}
