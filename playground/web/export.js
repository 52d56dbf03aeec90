// Copying and exporting: what the inspector shows, and the thread of a phone as JSON and as curl
// commands. docs/playground.md describes both formats.
//
// A command repeats a request with the same signature, which Twilio's algorithm makes of the URL and
// the parameters. The auth token is in none of them: the page never has it.

import { element, saveFile } from "./dom.js";
import { addressOf } from "./phones.js";

/** The version of the JSON. It changes when a reader of the old one could not read the new one. */
const VERSION = 1;

/** A button that copies the text that `text()` returns, and the place where it says that it has. */
export function copyButton(label, text) {
  const done = element("span", { class: "copied", role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      done.textContent = "Copied";
    } catch {
      done.textContent = "The browser does not allow it";
    }
    setTimeout(() => (done.textContent = ""), 2000);
  };
  return element(
    "span",
    { class: "copy" },
    element("button", { type: "button", class: "button small", onclick: copy }, label),
    done,
  );
}

/** A button that saves the text that `text()` returns as a file. */
function saveButton(label, name, text) {
  return element(
    "button",
    {
      type: "button",
      class: "button small",
      onclick: () => saveFile(name(), [text()], "text/plain"),
    },
    label,
  );
}

/**
 * The buttons that export a thread. `thread()` returns `{ phone, items, exchanges }` of the phone in use,
 * or nothing.
 */
export function exportView(thread) {
  const text = (make) => () => {
    const found = thread();
    return found ? make(found) : "";
  };
  const name = (ending) => () =>
    `thread-${thread()?.phone.from.replace(/\W/g, "") ?? ""}.${ending}`;
  return element(
    "details",
    { class: "pairs export" },
    element("summary", {}, "Export this phone’s thread"),
    element(
      "p",
      { class: "help" },
      "Both contain the signatures of the messages, so that they can be sent again to this Worker. The auth token is in neither.",
    ),
    element(
      "div",
      { class: "actions" },
      copyButton("Copy JSON", text(threadJson)),
      saveButton("Save JSON", name("json"), text(threadJson)),
      copyButton("Copy curl", text(threadCurl)),
      saveButton("Save curl", name("sh"), text(threadCurl)),
    ),
  );
}

/** The thread as JSON: what was said, and the webhooks with their answers. */
function threadJson({ phone, items, exchanges }) {
  const messages = items
    .filter(({ kind }) => kind !== "system")
    .map(({ kind, sid, text, media, at, state, via }) => ({
      direction: kind === "out" ? "to_worker" : "from_worker",
      sid: sid ?? null,
      at: new Date(at).toISOString(),
      text,
      media: media.map(({ content_type: type, url }) => ({ content_type: type, url: url ?? null })),
      ...(kind === "out" ? { state } : { carrier: via === "by REST" ? "rest" : "webhook" }),
    }));
  const webhooks = exchanges.map(({ kind, sid, at, forged, request, answer }) => ({
    kind,
    sid: sid ?? null,
    at: new Date(at).toISOString(),
    forged: Boolean(forged),
    request: request ?? null,
    answer: answer
      ? {
          status: answer.status ?? null,
          headers: answer.headers ?? [],
          body: answer.body ?? null,
          took_ms: answer.took_ms,
          problem: answer.problem ?? null,
        }
      : null,
  }));
  const { channel, from, to } = phone;
  const thread = {
    format: "switchboard-thread",
    version: VERSION,
    channel,
    from: addressOf(channel, from),
    to: addressOf(channel, to),
    messages,
    webhooks,
  };
  return `${JSON.stringify(thread, null, 2)}\n`;
}

/** The messages of the thread as a script of curl commands, each once. */
function threadCurl({ exchanges }) {
  const sent = exchanges.filter(({ kind, request }) => kind === "message" && request);
  return `${[
    "#!/bin/sh",
    "# The messages of a phone of the playground, as Twilio would send them. Each has its signature, which is",
    "# valid for this URL and for the auth token of this Worker. The same MessageSid gets the same answer.",
    ...sent.map(({ request }) => curlOf(request)),
  ].join("\n\n")}\n`;
}

/** A request as a curl command. */
export function curlOf({ method, url, headers, parameters }) {
  return [
    `curl -sS -X ${method} ${quoted(url)}`,
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...parameters.map(([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`),
  ].join(" \\\n  ");
}

// A word of a shell: nothing in it means anything.
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
