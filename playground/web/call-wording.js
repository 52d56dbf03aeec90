// The texts of a call, and how its words are cut. Knows nothing about elements.

import { duration } from "./dom.js";

/** What the head of a call says after an event, if it says anything new. */
export function stateText({ event, direction, status, seconds }) {
  if (event === "ringing") return direction === "outbound-api" ? "Switchboard calls" : "Ringing";
  if (event === "answered") return "In a call";
  if (event === "over") return `Call ended: ${status}, ${seconds} s`;
  return undefined;
}

/** How fast a turn was answered, from the end of the prompt. */
export function turnText({ prompt, token, voice }) {
  const after = (at) => `after ${duration(at - prompt)}`;
  return `first token ${after(token)}, voice ${after(voice)}`;
}

/** The whole clauses at the beginning of a text, and with `closed` the rest of it. */
export function clauses(text, closed) {
  const whole = text.match(/[^,.;:?!]*[,.;:?!]+\s+/g) ?? [];
  const rest = text.slice(whole.join("").length);
  return closed && rest ? [...whole, rest] : whole;
}

/** How many characters of a text are heard after `played`, from `start` on. */
export function heardUpTo(text, start, played) {
  const at = text.indexOf(played, start);
  return at < 0 ? start : at + played.length;
}
