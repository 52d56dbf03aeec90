// The requests of the operator's page to its server, and the parts that its cards share. The key is in
// the page's address, after the #, which browsers do not send.

import { element } from "../../playground/web/dom.js";

const key = keyOf();

/**
 * Asks the page's server. Throws an Error with a sentence if it or the Worker cannot do it.
 *
 * @param {string} route
 * @param {object} [asked]
 */
export async function ask(route, asked = {}) {
  let response;
  try {
    response = await fetch(`/${route}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
      body: JSON.stringify(asked),
    });
  } catch {
    throw new Error("The page's server does not answer. Is `npm run operate` still running?");
  }
  const answer = await response.json();
  if (answer.problem) throw new Error(sentence(answer.problem));
  return answer;
}

/**
 * Asks an admin route of the Worker and returns its answer.
 *
 * @param {string} action
 * @param {{ id?: string, body?: object }} [asked]
 */
export async function admin(action, asked = {}) {
  const { told } = await ask("admin", { action, ...asked });
  return told;
}

/** A button that says what went wrong in `problem`, and is off while it works. */
export function button(label, look, problem, work) {
  const made = element(
    "button",
    {
      type: "button",
      class: `button small ${look}`.trim(),
      onclick: async () => {
        made.disabled = true;
        problem.textContent = "";
        try {
          await work();
        } catch (error) {
          problem.textContent = error.message;
        }
        made.disabled = false;
      },
    },
    label,
  );
  return made;
}

/** A place for what went wrong. */
export function problemPlace() {
  return element("p", { class: "problem", role: "alert" });
}

/** A field with its label. */
export function field(id, label, control) {
  control.id = id;
  return element("div", { class: "field" }, element("label", { htmlFor: id }, label), control);
}

/** A list of facts: pairs of a name and a text. */
export function facts(pairs) {
  return element(
    "dl",
    { class: "facts-list" },
    pairs.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, String(text))]),
  );
}

// A reload keeps the key, and the address bar does not show it.
function keyOf() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem("key", given);
    history.replaceState(undefined, "", location.pathname);
  }
  return given || sessionStorage.getItem("key") || "";
}

function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(first) ? first : `${first}.`;
}
