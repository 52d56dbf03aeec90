// A plain text area with line numbers, in which single lines can be marked. The Tab key moves on, as
// everywhere on the page.

import { element } from "./dom.js";

/**
 * A text area `id` that is described by the element `describedBy`. `typed` is called when somebody
 * changes the text. Returns `{ element, text(), setText(text), readOnly(on), mark(lines), goTo(line) }`.
 */
export function lineEditor(id, describedBy, typed) {
  const numbers = element("div", { class: "line-numbers", "aria-hidden": "true" });
  const area = element("textarea", {
    id,
    rows: 18,
    wrap: "off",
    spellcheck: false,
    autocapitalize: "off",
    "aria-label": "Text of the file",
    "aria-describedby": describedBy,
    oninput: () => {
      number();
      typed();
    },
    onscroll: () => (numbers.scrollTop = area.scrollTop),
  });
  let marked = new Set();

  function number() {
    const count = area.value.split("\n").length;
    numbers.replaceChildren(
      ...Array.from({ length: count }, (_, index) =>
        element("span", { class: marked.has(index + 1) && "bad" }, String(index + 1)),
      ),
    );
    numbers.scrollTop = area.scrollTop;
  }

  return {
    element: element("div", { class: "line-editor" }, numbers, area),
    text: () => area.value,
    setText(text) {
      const { selectionStart, scrollTop } = area;
      area.value = text;
      area.setSelectionRange(selectionStart, selectionStart);
      number();
      area.scrollTop = scrollTop;
    },
    readOnly(on) {
      area.readOnly = on;
    },
    /** Marks the lines with these numbers, from 1. */
    mark(lines) {
      marked = new Set(lines);
      area.setAttribute("aria-invalid", String(marked.size > 0));
      number();
    },
    goTo(line) {
      const before = area.value.split("\n").slice(0, line - 1);
      const start = before.join("\n").length + (line > 1 ? 1 : 0);
      const end = area.value.indexOf("\n", start);
      area.focus();
      area.setSelectionRange(start, end < 0 ? area.value.length : end);
      // Three lines above it stay visible.
      const height = area.scrollHeight / area.value.split("\n").length;
      area.scrollTop = Math.max(0, (line - 4) * height);
    },
  };
}
