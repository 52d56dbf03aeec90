// The tools of the page that are beside the phones: the assistant's file, the switch of OpenAI, and what
// can be copied and exported. main.js gives them the events and the phone in use.

import { assistantEditor } from "./assistant-editor.js";
import { byId } from "./dom.js";
import { copyButton, exportView } from "./export.js";
import { openAiSwitch } from "./openai-switch.js";
import { addressOf } from "./phones.js";

/**
 * Adds the tools. `thread()` returns `{ phone, items, exchanges }` of the phone in use, or nothing. Returns
 * `{ phone(phone), offer(assistants), told(about), build(event) }`.
 */
export function pageTools(inspector, thread) {
  const editor = assistantEditor(inspector.addTab("assistant", "Assistant"));
  const openAi = openAiSwitch(byId("header-tools"));
  byId("panel-exchange").querySelector(".row")?.after(exportView(thread));
  const log = byId("panel-log");
  log.querySelector(".row")?.append(copyButton("Copy the lines", () => linesOf(log)));
  let assistants = [];
  let active;

  // The assistant that answers the phone in use.
  function openAssistant() {
    const to = active && addressOf(active.channel, active.to);
    const answering = assistants.find(({ numbers }) => numbers.includes(to));
    editor.open(answering?.name ?? "default");
  }

  return {
    /** Shows the phone in use. */
    phone(phone) {
      active = phone;
      openAssistant();
    },
    /** Takes the assistants that there are. */
    offer(list) {
      assistants = list;
      openAssistant();
    },
    /** Takes what `npm start` has told. */
    told(about) {
      editor.told(about);
      openAi.told(about);
    },
    /** Takes the state of the Worker's build. */
    build: editor.build,
  };
}

// The lines of the log that are shown, the oldest first.
function linesOf(log) {
  const lines = [...log.querySelectorAll("li")].filter((line) => !line.hidden).reverse();
  const words = (line) => [...line.querySelectorAll("time, .source, strong, .of, .facts > span")];
  return lines
    .map(
      (line) =>
        `${words(line)
          .map((one) => one.textContent)
          .join(" ")}\n`,
    )
    .join("");
}
