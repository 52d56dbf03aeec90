// Where a phone's next message is written: its text, its files, and the message that it quotes.

import { element, hidden, icon, voiceNote } from "./dom.js";

const MAX_FILES = 10;

/**
 * The composer of a phone. `id` makes the ids of its elements. `send(text, files, rich)` sends a
 * message, and may reject with an Error to show; the message then stays in the composer. Returns
 * `{ element, deliver(text, files, rich), quote(item), clearProblem(), focus() }`.
 */
export function composerView(phone, id, send) {
  let files = [];
  // The message that the next one quotes.
  let quoted;

  const text = element("textarea", {
    id: id("text"),
    rows: 1,
    placeholder: "Message",
    title: "Enter sends, Shift+Enter begins a new line",
    maxLength: 20_000,
    onkeydown: keyDown,
    oninput: grow,
  });
  const picker = element("input", {
    type: "file",
    id: id("file"),
    multiple: true,
    class: "hidden",
    onchange: pick,
  });
  const speak = element(
    "button",
    {
      type: "button",
      class: "attach",
      title: "Attach a voice note that says what is written here",
      onclick: attachVoice,
    },
    icon("voice"),
    hidden(`Attach a voice note in ${phone.name}`),
  );
  const attachments = element("ul", { class: "attachments", "aria-label": "Files to send" });
  const quoting = element("p", { class: "quoting", hidden: true });
  const problem = element("p", { class: "problem", role: "alert" });
  const submitButton = element(
    "button",
    { type: "submit", class: "send" },
    icon("send"),
    hidden(`Send from ${phone.name}`),
  );
  const form = element(
    "form",
    { class: "composer", onsubmit: submit },
    attachments,
    quoting,
    problem,
    element(
      "div",
      { class: "line" },
      picker,
      element(
        "label",
        { class: "attach", for: picker.id, title: "Attach a file" },
        icon("attach"),
        hidden(`Attach a file in ${phone.name}`),
      ),
      speak,
      element("label", { class: "hidden", for: text.id }, `Message from ${phone.name}`),
      text,
      submitButton,
    ),
  );

  function keyDown(event) {
    // In an input method, Enter only ends the composition.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  }

  // Grows with its text, up to the limit of the style sheet.
  function grow() {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + text.offsetHeight - text.clientHeight}px`;
  }

  function pick() {
    files = [...files, ...picker.files].slice(0, MAX_FILES);
    picker.value = "";
    showFiles();
  }

  // What is written becomes what the voice note says. Without anything it says a sentence of its own.
  async function attachVoice() {
    const words = text.value;
    try {
      const note = await voiceNote(words);
      files = [...files, note].slice(0, MAX_FILES);
      if (text.value === words) text.value = "";
      problem.textContent = "";
    } catch (error) {
      problem.textContent = error.message;
    }
    grow();
    showFiles();
    text.focus();
  }

  function showFiles() {
    attachments.replaceChildren(
      ...files.map((file, index) =>
        element(
          "li",
          {},
          element("span", {}, file.name),
          element(
            "button",
            { type: "button", class: "icon-button", onclick: () => drop(index) },
            icon("close"),
            hidden(`Do not send ${file.name}`),
          ),
        ),
      ),
    );
  }

  function drop(index) {
    files = files.filter((_, other) => other !== index);
    showFiles();
    text.focus();
  }

  async function submit(event) {
    event.preventDefault();
    const [words, chosen] = [text.value, files];
    if (!words.trim() && chosen.length === 0) {
      problem.textContent = "Write something, or attach a file.";
      return;
    }
    const rich = quoted ? { quoted: quoted.sid } : {};
    text.value = "";
    files = [];
    quote(undefined);
    grow();
    showFiles();
    text.focus();
    await deliver(words, chosen, rich);
  }

  async function deliver(words, chosen, rich) {
    problem.textContent = "";
    try {
      await send(words, chosen, rich);
    } catch (error) {
      // The unsent message stays in the composer.
      if (!text.value) text.value = words;
      files = [...chosen, ...files];
      grow();
      showFiles();
      problem.textContent = error.message;
    }
  }

  // Chooses the message that the next one quotes, or none.
  function quote(item) {
    quoted = item;
    quoting.hidden = !item;
    quoting.replaceChildren(
      ...(item
        ? [
            element("span", {}, `Quoting “${item.text.slice(0, 60)}”`),
            element(
              "button",
              { type: "button", class: "icon-button", onclick: () => quote(undefined) },
              icon("close"),
              hidden("Do not quote"),
            ),
          ]
        : []),
    );
    if (item) text.focus();
  }

  return {
    element: form,
    deliver,
    quote,
    clearProblem() {
      problem.textContent = "";
    },
    focus: () => text.focus(),
  };
}
