// What is said about the settings in .dev.vars: which of them are unknown, and which services are
// real with them.
//
// The names of the settings are those in .dev.vars.example, which tests compare with the code. Not
// here: whether a value is right, which the Worker says (/health).

import { readAssistants } from "./assistants.mjs";
import { isGeneratedKey } from "./local.mjs";
import { SHOP_SECRETS } from "./local-assistants.mjs";
import { nearest } from "./nearest.mjs";
import { readText } from "./project.mjs";
import { varsOf } from "./wrangler-config.mjs";

/**
 * A sentence for each line of .dev.vars whose name nothing reads.
 *
 * @param {string} text the text of .dev.vars
 */
export function unknownSettings(text) {
  const known = [...settingNames(), ...SHOP_SECRETS];
  // Files of assistants name secrets, and so does the list of fallbacks.
  const named = [...readAssistants().map((file) => file.text), text].join("\n");
  return text.split("\n").flatMap((line, index) => {
    const name = line.match(/^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/)?.[1];
    if (!name || known.includes(name) || new RegExp(`"${name}"`).test(named)) return [];
    const near = nearest(name.toUpperCase(), known);
    return `.dev.vars line ${index + 1}: ${name} is no setting${near ? `; did you mean ${near}?` : "."}`;
  });
}

/**
 * What each service is with these settings, for the terminal: rows of a name and a sentence.
 *
 * @param {Record<string, string>} settings those in .dev.vars
 * @param {Record<string, string>} overrides those that `npm start` sets
 */
export function services(settings, overrides) {
  const address = (name) => addressOf(settings, name);
  const mocked = (name) =>
    `mocked by the playground (${overrides[name]}): nothing leaves this machine`;
  const openai = () => {
    if (overrides.OPENAI_BASE_URL) return mocked("OPENAI_BASE_URL");
    const key = settings.OPENAI_API_KEY;
    if (!key) return "off: OPENAI_API_KEY is not set in .dev.vars, so every message gets a 503";
    const whose = isGeneratedKey(key) ? "the generated key" : "the key";
    return `real: ${address("OPENAI_BASE_URL")}, with ${whose} in .dev.vars: requests may cost money`;
  };
  const twilio = () =>
    overrides.TWILIO_API_BASE_URL
      ? mocked("TWILIO_API_BASE_URL")
      : `real: ${address("TWILIO_API_BASE_URL")}: messages and calls may cost money`;
  const segment = () => {
    if (!settings.SEGMENT_WRITE_KEY) return "off: SEGMENT_WRITE_KEY is not set";
    return overrides.SEGMENT_API_BASE_URL
      ? mocked("SEGMENT_API_BASE_URL")
      : `real: ${address("SEGMENT_API_BASE_URL")}`;
  };
  return [
    ["OpenAI", openai()],
    ["Twilio", twilio()],
    ["Segment", segment()],
  ];
}

/**
 * The host of the Twilio that the Worker asks, or null if the playground plays Twilio.
 *
 * @param {Record<string, string>} settings those in .dev.vars
 * @param {Record<string, string>} overrides those that `npm start` sets
 */
export function twilioHost(settings, overrides) {
  if (overrides.TWILIO_API_BASE_URL) return null;
  const url = addressOf(settings, "TWILIO_API_BASE_URL");
  return URL.canParse(url) ? new URL(url).host : "TWILIO_API_BASE_URL";
}

// The address of a service: that in .dev.vars, or else that in wrangler.toml.
function addressOf(settings, name) {
  return settings[name] ?? varsOf(readText("wrangler.toml"))[name];
}

/** The names of all settings. */
export function settingNames() {
  const names = readText(".dev.vars.example").matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm);
  return [...names].map(([, name]) => name).filter((name) => !SHOP_SECRETS.includes(name));
}
