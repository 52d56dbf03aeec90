// The tab "Assistant": the file of the assistant that answers the phone in use. It is checked while
// somebody types, and saved to the folder assistants/.
//
// There is one text, that of the file. The fields for the prompt and the model show parts of it, and
// the playground puts what is written there into the text. The checks are the Worker's own
// (playground/src/assistants). Not here: what happens after the file is saved (`npm start`).

import { factsOf, problemOf, settingsNotes } from "./assistant-wording.js";
import { element, request } from "./dom.js";
import { lineEditor } from "./line-editor.js";

/** Milliseconds after the last key before the text is checked. */
const PAUSE = 300;

/**
 * Fills the panel. Returns `{ open(name), build(event), told(told) }`:
 * - `open(name)` shows the file of this assistant, unless another one has changes;
 * - `build(event)` and `told(told)` take what the feed says of the Worker's build and its settings.
 */
export function assistantEditor(panel) {
  // The file that is shown: its name, and the version that the text is made of.
  let name;
  let version;
  let stored = "";
  let checked;
  /** @type {Set<string>} */
  let settings = new Set();
  // The values of fields that are not in the text yet.
  const changes = new Map();
  let timer;
  // Each check gets a number. Only the answer to the newest one counts.
  let newest = 0;
  let isChecking = false;
  // A file that waits until it is shown: the one of the phone in use, while another has changes.
  let waiting;
  let awaitsBuild = false;

  const choice = element("select", { id: "assistant-file", onchange: () => show(choice.value) });
  const prompt = element("textarea", {
    id: "assistant-prompt",
    rows: 7,
    spellcheck: false,
    "aria-describedby": "assistant-status",
    oninput: () => changeField("prompt", prompt.value),
  });
  const model = element("input", {
    id: "assistant-model",
    type: "text",
    autocomplete: "off",
    spellcheck: false,
    oninput: () => changeField("model", model.value),
  });
  const facts = element("p", { class: "facts" });
  const notes = element("div", {});
  const file = lineEditor("assistant-text", "assistant-errors", typed);
  const errors = element("ul", { id: "assistant-errors", class: "errors", "aria-live": "polite" });
  const elsewhere = element("div", {});
  const status = element("p", { id: "assistant-status", class: "editor-status", role: "status" });
  const save = element(
    "button",
    { type: "button", class: "button primary", onclick: saveFile },
    "Save",
  );
  const undo = element(
    "button",
    { type: "button", class: "button", onclick: () => setText(stored) },
    "Undo changes",
  );
  const conflict = element("div", { class: "notice conflict", hidden: true });
  const whole = element("summary", {}, "The whole file");
  panel.append(
    element("div", { class: "row" }, element("label", { for: choice.id }, "Assistant"), choice),
    facts,
    notes,
    element("label", { for: prompt.id }, "Prompt"),
    prompt,
    element("label", { for: model.id }, "Model"),
    model,
    element("details", { class: "pairs whole-file" }, whole, file.element),
    errors,
    elsewhere,
    conflict,
    element("div", { class: "actions editor-actions" }, save, undo),
    status,
  );
  panel.classList.add("assistant-editor");
  showButtons();

  const isChanged = () => changes.size > 0 || file.text() !== stored;

  // Files.

  async function show(wanted) {
    waiting = undefined;
    if (wanted !== name && isChanged()) {
      waiting = wanted;
      choice.value = name;
      return say(`Save or undo the changes to ${name} first.`);
    }
    try {
      const { names } = await request("GET", "/playground/assistants");
      const found = names.includes(wanted) ? wanted : "default";
      const read = await request("GET", `/playground/assistants/${encodeURIComponent(found)}`);
      choice.replaceChildren(
        ...names.map((one) => element("option", { value: one, selected: one === found }, one)),
      );
      name = found;
      whole.textContent = `The whole file: assistants/${name}.toml`;
      say("");
      take(read);
      showChecked(read.checked);
      for (const field of [prompt, model]) field.disabled = !read.checked.values;
    } catch (error) {
      say(error.message, true);
    }
    showButtons();
  }

  // Takes the content of the file as the one that the changes are made to.
  function take(content) {
    version = content.version;
    stored = content.text;
    changes.clear();
    file.readOnly(false);
    conflict.hidden = true;
    clearTimeout(timer);
    newest += 1;
    isChecking = false;
    file.setText(content.text);
  }

  // Changes.

  function changeField(field, value) {
    changes.set(field, value);
    // Until the change is in the text, nobody else may change it.
    file.readOnly(true);
    checkSoon();
  }

  function typed() {
    checkSoon();
  }

  function setText(text) {
    changes.clear();
    file.readOnly(false);
    file.setText(text);
    checkNow();
  }

  function checkSoon() {
    say("");
    clearTimeout(timer);
    newest += 1;
    isChecking = true;
    showButtons();
    timer = setTimeout(checkNow, PAUSE);
  }

  async function checkNow() {
    clearTimeout(timer);
    newest += 1;
    const number = newest;
    isChecking = true;
    showButtons();
    const asked = [...changes].map(([field, value]) => ({ field, value }));
    const path = `/playground/assistants/${encodeURIComponent(name)}/check`;
    try {
      const told = await request("POST", path, { text: file.text(), changes: asked });
      if (number !== newest) return;
      changes.clear();
      isChecking = false;
      if (told.text !== file.text()) file.setText(told.text);
      showChecked(told.checked);
    } catch (error) {
      if (number === newest) say(error.message, true);
    }
    if (number !== newest) return;
    file.readOnly(false);
    showButtons();
  }

  // What the Worker says.

  function showChecked(told) {
    checked = told;
    const { values } = told;
    if (values) {
      setValue(prompt, values.prompt ?? "");
      setValue(model, values.model ?? "");
      model.placeholder = `${told.summary?.model ?? "as in default"} (not in this file)`;
    }
    for (const field of [prompt, model]) field.disabled = !values;
    facts.replaceChildren(...factsOf(told));
    notes.replaceChildren(...settingsNotes(told, settings));
    const own = `assistants/${name}.toml`;
    file.mark(told.errors.filter((error) => error.file === own).map(({ line }) => line));
    errors.replaceChildren(
      ...told.errors.map((error) =>
        element(
          "li",
          {},
          error.file === own
            ? element(
                "button",
                { type: "button", class: "link", onclick: () => goTo(error.line) },
                `Line ${error.line}`,
              )
            : `${error.file}, line ${error.line}`,
          `: ${problemOf(error)}`,
        ),
      ),
    );
    elsewhere.replaceChildren(
      ...told.elsewhere.map((error) =>
        element(
          "p",
          { class: "warn" },
          `Another file is wrong, and until it is right no change takes effect: ${error.file}, line ${error.line}: ${problemOf(error)}`,
        ),
      ),
    );
    showButtons();
  }

  function goTo(line) {
    /** @type {HTMLDetailsElement} */ (whole.parentElement).open = true;
    file.goTo(line);
  }

  // Saving.

  async function saveFile() {
    const path = `/playground/assistants/${encodeURIComponent(name)}`;
    const text = file.text();
    say("Saving");
    try {
      const answer = await request("PUT", path, { text, version });
      if (answer.saved) {
        version = answer.saved.version;
        stored = answer.saved.text;
        awaitsBuild = true;
        say("Saved. It takes effect in a few seconds.");
        if (waiting) show(waiting);
      } else if (answer.changed) showConflict(answer.changed);
      else {
        say("Not saved.", true);
        showChecked(answer.wrong);
      }
    } catch (error) {
      say(`Not saved: ${error.message}`, true);
    }
    showButtons();
  }

  // Somebody else has changed the file. Both texts stay until a person decides.
  function showConflict(content) {
    say("Not saved.", true);
    const button = (words, onclick) =>
      element("button", { type: "button", class: "button small", onclick }, words);
    conflict.replaceChildren(
      element(
        "p",
        {},
        `assistants/${name}.toml has changed on disk since it was loaded here. Your text is still here, and the file is as it was.`,
      ),
      element(
        "div",
        { class: "actions" },
        button("Load the file", () => {
          take(content);
          checkNow();
        }),
        button("Keep my text", () => {
          version = content.version;
          stored = content.text;
          conflict.hidden = true;
          say("The next Save replaces what is in the file.");
          showButtons();
        }),
      ),
    );
    conflict.hidden = false;
  }

  function say(words, isProblem = false) {
    status.textContent = words;
    status.dataset.kind = isProblem ? "problem" : "";
  }

  function showButtons() {
    const isRight = name !== undefined && !isChecking && checked?.errors.length === 0;
    save.disabled = !isRight || !isChanged() || !conflict.hidden;
    undo.disabled = name === undefined || !isChanged();
  }

  return {
    open(wanted) {
      if (wanted === name && version !== undefined) return;
      if (name !== undefined && isChanged()) waiting = wanted;
      else show(wanted);
    },
    build({ state, detail }) {
      if (state === "building") return;
      // Somebody may have changed the file elsewhere.
      if (!awaitsBuild) {
        if (name !== undefined && !isChanged()) show(name);
        return;
      }
      awaitsBuild = false;
      if (state === "live") say("Saved. The next message gets the new one.");
      else say(`Saved, but the Worker did not take it: ${detail ?? "see the terminal"}`, true);
    },
    told(told) {
      settings = new Set(told?.settings ?? []);
      if (checked) showChecked(checked);
    },
  };
}

// A field keeps its cursor if its value is already there.
function setValue(field, value) {
  if (field.value !== value) field.value = value;
}
