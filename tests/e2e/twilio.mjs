// Plays Twilio: the forms that it posts, its signatures (with its own library), and the TwiML that
// it reads.

import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { ACCOUNT, freshSid } from "./identities.mjs";

/**
 * The form of an inbound message as Twilio sends it: a list of pairs, because names can repeat.
 * `media` are URLs, or `{ url, content_type }` if the file is not a JPEG.
 *
 * @typedef {object} InboundMessage
 * @property {string} [from]
 * @property {string} [to]
 * @property {string} [body]
 * @property {string} [channel] sms or whatsapp
 * @property {string} [sid]
 * @property {(string | { url: string, content_type?: string })[]} [media]
 *
 * @param {InboundMessage} [message]
 * @returns {string[][]}
 */
export function inboundForm({
  from = "+15550100",
  to = "+15550199",
  body = "Hello",
  channel = "sms",
  sid = freshSid(),
  media = [],
} = {}) {
  const address = (number) => (channel === "whatsapp" ? `whatsapp:${number}` : number);
  const waId = from.replace("+", "");
  const ofChannel = {
    // Twilio sends an empty value for whatever it does not know about a number.
    sms: [
      ["ToCountry", "US"],
      ["ToState", "CA"],
      ["ToCity", ""],
      ["ToZip", ""],
      ["FromCountry", "US"],
      ["FromState", ""],
      ["FromCity", "OAKLAND"],
      ["FromZip", "94601"],
    ],
    whatsapp: [
      ["ProfileName", "Test Person"],
      ["WaId", waId],
      ["MessageType", media.length ? "image" : "text"],
      ["ReferralNumMedia", "0"],
      [
        "ChannelMetadata",
        JSON.stringify({
          type: "whatsapp",
          data: { context: { ProfileName: "Test Person", WaId: waId } },
        }),
      ],
    ],
  };
  return [
    ["SmsMessageSid", sid],
    ["NumMedia", String(media.length)],
    ["SmsSid", sid],
    ["SmsStatus", "received"],
    ["Body", body],
    ["To", address(to)],
    ["NumSegments", "1"],
    ["MessageSid", sid],
    ["AccountSid", ACCOUNT],
    ["From", address(from)],
    ["ApiVersion", "2010-04-01"],
    ...media.flatMap((file, index) => [
      [`MediaUrl${index}`, typeof file === "string" ? file : file.url],
      [
        `MediaContentType${index}`,
        (typeof file === "string" ? undefined : file.content_type) ?? "image/jpeg",
      ],
    ]),
    ...ofChannel[channel],
  ];
}

/** The signature of a form, made by Twilio's own library. `url` is the webhook that Twilio was given. */
export function signatureOf(token, url, form) {
  const params = Object.create(null);
  for (const [name, value] of form) {
    if (!(name in params)) params[name] = value;
    else params[name] = [params[name], value].flat();
  }
  return getExpectedTwilioSignature(token, url, params);
}

/**
 * The texts of the <Message>s in a TwiML document. Throws if the Worker may not send such a
 * document.
 *
 * @param {string} document
 * @returns {string[]}
 */
export function twiml(document) {
  const text = document.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/i, "");
  if (/^<Response\s*\/>\s*$/.test(text)) return [];
  const inner = text.match(/^<Response>([\s\S]*)<\/Response>\s*$/)?.[1];
  if (inner === undefined) throw new Error(`not a TwiML response: ${document}`);
  const messages = [...inner.matchAll(/\s*<Message>([^<]*)<\/Message>\s*/gy)];
  if (messages.map(([whole]) => whole).join("") !== inner)
    throw new Error(`other elements than <Message> in: ${document}`);
  return messages.map(([, content]) => unescaped(content));
}

function unescaped(text) {
  const named = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) {
      if (!(name in named)) throw new Error(`unknown entity ${whole}`);
      return named[name];
    }
    return String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal));
  });
}
