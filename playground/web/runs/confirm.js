// A question before something that cannot be undone.

import { element } from "../dom.js";

/** Asks in a dialog, and returns whether the answer was yes. `yes` is the word on the button. */
export function confirmed(title, text, yes) {
  return new Promise((resolve) => {
    const close = (answer) => {
      dialog.close();
      resolve(answer);
    };
    const dialog = element(
      "dialog",
      {
        class: "dialog small",
        "aria-labelledby": "confirm-title",
        onclose: () => {
          dialog.remove();
          resolve(false);
        },
      },
      element("h2", { id: "confirm-title" }, title),
      element("p", {}, text),
      element(
        "div",
        { class: "actions" },
        element("button", { type: "button", class: "button", onclick: () => close(false) }, "No"),
        element(
          "button",
          { type: "button", class: "button danger", onclick: () => close(true) },
          yes,
        ),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
