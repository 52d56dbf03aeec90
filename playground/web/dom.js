// Creating elements, formatting times, and requests to the playground. Knows nothing about phones and
// runs.

/**
 * Creates an element. `class` and properties with a dash become attributes, `on…` listeners.
 * Children that are null, undefined or false are skipped. A string is always text, never markup.
 */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class" || name === "for" || name === "role" || name.includes("-"))
      made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return made;
}

/** The element with this id, which the page must have. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** One of the page's icons, which screen readers ignore. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  for (const line of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}

/** Text that only screen readers present. */
export function hidden(text) {
  return element("span", { class: "hidden" }, text);
}

/** Formats the time of day of a timestamp in ms. */
export function clock(at, withSeconds = false) {
  return new Date(at).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: withSeconds ? "2-digit" : undefined,
    hourCycle: "h23",
  });
}

/** Formats a length of time in ms. */
export function duration(ms) {
  return ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Makes a request to the playground and returns its JSON. Throws an Error with the playground's
 * message.
 */
export async function request(method, path, body) {
  const json =
    body === undefined
      ? {}
      : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, { method, ...json });
  } catch {
    throw new Error("The playground does not answer. Is it still running?");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.error ?? `The playground answered ${response.status}.`);
  return answer;
}

/** Uploads a file as media. The type is the browser's guess, as on a real phone. */
export async function upload(file) {
  const type = file.type || "application/octet-stream";
  const response = await fetch("/playground/media", {
    method: "POST",
    headers: { "Content-Type": type },
    body: file,
  }).catch(() => undefined);
  const answer = await response?.json().catch(() => ({}));
  if (!response?.ok)
    throw new Error(
      `${file.name} could not be attached: ${answer?.error ?? "the playground did not take it"}`,
    );
  return { url: answer.url, content_type: answer.content_type ?? type, name: file.name };
}

/** A voice note as a file. It says `words`, and a sentence of the playground's without any. */
export async function voiceNote(words) {
  const query = new URLSearchParams({ words });
  const response = await fetch(`/playground/voice-note?${query}`).catch(() => undefined);
  if (!response?.ok) throw new Error("The playground made no voice note. Is it still running?");
  return new File([await response.blob()], "voice-note.ogg", { type: "audio/ogg" });
}

/** Saves a file: its name, and the parts of its text. */
export function saveFile(name, parts, type) {
  const href = URL.createObjectURL(new Blob(parts, { type }));
  const link = element("a", { href, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has taken the file before the next task.
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  send: ["M12 19V5", "M5.5 11.5 12 5l6.5 6.5"],
  attach: [
    "M20 11.5 12.4 19a5 5 0 0 1-7-7l8-8a3.4 3.4 0 0 1 4.8 4.8l-8 8a1.7 1.7 0 0 1-2.4-2.4l7.4-7.3",
  ],
  voice: [
    "M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3z",
    "M5 11a7 7 0 0 0 14 0",
    "M12 18v3",
  ],
  call: [
    "M5 4h4l2 5-2.5 1.5a11 11 0 0 0 5 5L15 13l5 2v4a2 2 0 0 1-2 2A16 16 0 0 1 3 6a2 2 0 0 1 2-2z",
  ],
  close: ["M6 6l12 12", "M18 6 6 18"],
  sent: ["M5 12.5l4.5 4.5L19 7.5"],
  delivered: ["M2 12.5 6.5 17 16 7.5", "M11.5 16 12.5 17 22 7.5"],
  read: ["M2 12.5 6.5 17 16 7.5", "M11.5 16 12.5 17 22 7.5"],
  failed: ["M12 6v8", "M12 18v.5"],
};
