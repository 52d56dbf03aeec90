// Why a message got no answer in its webhook: the reason from a line of the Worker's log, or from what the
// Worker knows of the contact. See docs/logs.md.

/**
 * The reason that a line of the log gives, if it gives one: `{ text, later }`. With `later`, an answer
 * follows by REST.
 *
 * @returns {{ text: string, later?: boolean } | undefined}
 */
export function reasonInLog(line) {
  return REASONS[line.event]?.(line);
}

/**
 * The reason in what the Worker knows of a contact, if there is one.
 *
 * @returns {{ text: string, later?: boolean } | undefined}
 */
export function reasonInState(state) {
  if (state.turn_running || state.pending_messages > 0 || state.outbox_parts > 0) return LATER;
  if (state.opted_out) return { text: IGNORED.opted_out };
  if (state.handed_off) return { text: HANDED_OFF };
  return undefined;
}

/** What is said if nothing gives a reason. */
export const NO_REASON = { text: "No answer. The Worker’s log does not say why." };
/** What is said until a reason is known. */
export const LOOKING = { text: "No answer in the webhook. Looking for the reason." };
/** The reason of a message whose answer came for a later one. */
export const TOGETHER = { text: "Answered together with the next message." };
/** The reason of a message whose answer has come by REST. */
export const CAME_LATER = { text: "The model was slow: the answer came later by REST." };

const LATER = { text: "The model is slow: the answer comes later by REST.", later: true };
const HANDED_OFF = "No answer: a person answers this contact now.";

const IGNORED = {
  opted_out: "No answer: this contact has opted out. START opts in again.",
  not_answerable: "No answer: a short code and a sender name take no messages.",
  group_message: "No answer: the message went to a group.",
  reaction: "No answer: the message is a reaction.",
  reply_loop: "No answer: the message looks like an automatic reply in a loop.",
};

const LIMITS = {
  calls_per_contact: "MAX_DAILY_CALLS_PER_CONTACT",
  calls: "MAX_DAILY_CALLS",
  messages: "MAX_DAILY_MESSAGES",
  fixed_replies: "the daily limit of fixed replies",
};

const SILENT_TURNS = {
  cancelled: "No answer: the contact cancelled the turn, or was handed over.",
  opted_out: "No answer: the voice note opts the contact out.",
  handed_over: "No answer: the assistant handed the contact over to a person.",
};

const REASONS = {
  message_ignored: ({ reason }) => IGNORED[reason] && { text: IGNORED[reason] },
  turn({ outcome, failure, reply_via: via }) {
    if (via === "rest") return LATER;
    if (via !== "none") return undefined;
    if (outcome === "failed") return { text: `No answer: the model failed (${failure}).` };
    return SILENT_TURNS[outcome] && { text: SILENT_TURNS[outcome] };
  },
  consent({ state, by }) {
    if (by !== "contact") return undefined;
    const words = state === "opted_out" ? "opted out" : "opted in";
    return { text: `No answer: the contact has ${words}, and Twilio confirms that itself.` };
  },
  signed_webhook({ purpose, outcome }) {
    if (purpose !== "handed_over_message") return undefined;
    const where = {
      delivered: "The desk has the message.",
      delayed: "The desk does not take the message yet: the Worker tries again.",
      given_up: "The desk has not taken the message within a day.",
    };
    return { text: [HANDED_OFF, where[outcome]].filter(Boolean).join(" ") };
  },
  security_event({ details }) {
    if (details?.kind === "rate_limit_exceeded")
      return {
        text: `No answer: more than ${details.limit} messages in a minute (RATE_LIMIT_PER_MINUTE).`,
      };
    if (details?.kind === "daily_limit_reached")
      return { text: `No answer: a limit of the day is used up (${LIMITS[details.limit]}).` };
    return undefined;
  },
};
