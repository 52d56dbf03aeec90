// What WhatsApp can send besides text: a pressed button, and the answers of a form.

import { element } from "./dom.js";

/** The drawer of a WhatsApp phone. `id` makes the ids of its elements. `send(rich)` sends one of them. */
export function richDrawer(id, send) {
  const richField = (name, label, placeholder) => {
    const field = element("input", {
      id: id(name),
      type: "text",
      autocomplete: "off",
      maxLength: 2000,
      placeholder,
    });
    return [field, element("div", {}, element("label", { for: field.id }, label), field)];
  };
  const [buttonText, buttonTextRow] = richField("button-text", "Button", "Book a table");
  const [payload, payloadRow] = richField("button-payload", "Payload", "book_7");
  const [flow, flowRow] = richField("flow", "Answers of a form, as JSON", '{"guests":"4"}');
  const richButton = (text, rich) =>
    element("button", { type: "button", class: "chip", onclick: () => send(rich()) }, text);
  return element(
    "details",
    { class: "drawer choices" },
    element("summary", {}, "Buttons and forms"),
    element(
      "div",
      { class: "fields" },
      buttonTextRow,
      payloadRow,
      richButton("Press the button", () => ({
        button: { text: buttonText.value || buttonText.placeholder, payload: payload.value },
      })),
      flowRow,
      richButton("Send the form", () => ({ flow: flow.value || flow.placeholder })),
    ),
  );
}
