// Shared by the commands: reading the command line, and for those that talk to a deployment (admin,
// connect, doctor) secrets, one HTTP request with readable errors, and tables.
//
// Secrets come from the environment or .dev.vars, never from an argument: other users of the
// machine can read arguments in the process list. No secret is ever printed. Not here: the Twilio
// account (twilio-account).

import { parseArgs } from "node:util";
import { devVars } from "./local.mjs";
import { nearest } from "./nearest.mjs";
import { UsageError, UserError } from "./run.mjs";

/**
 * No answer: no connection, no TLS, or a timeout. `code` is the error code of the system or of TLS.
 */
export class Unreachable extends UserError {
  /**
   * @param {string} message
   * @param {string} code
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * Reads a command line as `{ values, positionals }`, or returns undefined if it asks for help.
 * `texts` are the names of options with a value, `flags` those without. Throws a UsageError for
 * anything else, and for an argument without an option unless `positionals` allows them.
 *
 * @template {string} Text
 * @template {string} [Flag=never]
 * @param {string[]} args
 * @param {{ texts?: Text[], flags?: Flag[], positionals?: boolean }} allowed
 * @returns {{ values: Partial<Record<Text, string> & Record<Flag, boolean>>, positionals: string[]
 *   } | undefined}
 */
export function readCommandLine(args, { texts = [], flags = [], positionals = false }) {
  if (asksForHelp(args)) return undefined;
  /** @type {import("node:util").ParseArgsOptionsConfig} */
  const options = Object.fromEntries([
    ...texts.map((name) => [name, { type: "string" }]),
    ...flags.map((name) => [name, { type: "boolean" }]),
  ]);
  const line = parseArgs({ args, options, allowPositionals: true, strict: false, tokens: true });
  for (const token of line.tokens) {
    if (token.kind === "option") checkOption(token, options);
    if (token.kind === "positional" && !positionals)
      throw new UsageError(
        `unexpected argument "${token.value}": this command takes none; see --help.`,
      );
  }
  return /** @type {any} */ (line);
}

/** Returns whether a command line asks for help. */
export function asksForHelp(args) {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

/**
 * Throws a UsageError for an option whose name is not in `names`. For a command that leaves the
 * rest to another program.
 *
 * @param {string[]} args
 * @param {string[]} names
 */
export function requireKnownOptions(args, names) {
  const { tokens } = parseArgs({ args, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens)
    if (token.kind === "option" && !names.includes(token.name)) throw unknownOption(token, names);
}

/**
 * Reads the port in `text`, the value of `option`.
 *
 * @param {string} option
 * @param {string | undefined} text
 * @param {number} fallback the port if the option is not given
 * @param {{ any?: boolean }} [allowed] `any`: 0 takes any free port
 */
export function readPort(option, text, fallback, { any = false } = {}) {
  if (text === undefined) return fallback;
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < (any ? 0 : 1) || number > 65535)
    throw new UsageError(
      `${option} must be a port number, ${any ? "0 to 65535; 0 takes any free port" : "1 to 65535"}.`,
    );
  return number;
}

/**
 * Reads the origin in `text`, the value of `option`, which may also be the name of a setting. Throws
 * unless it is https; with `local`, plain http to this machine is allowed as well.
 */
export function readOrigin(option, text, { local }) {
  const url = readUrl(option, text, { local });
  if (url.pathname !== "/" || url.search || url.hash) {
    throw wrongUrl(
      option,
      `must be an origin without a path, such as ${url.origin}, not ${text}: the command adds the paths itself.`,
    );
  }
  return url.origin;
}

/** Reads the URL in `text`, the value of `option`. Throws as `readOrigin` does. */
export function readUrl(option, text, { local }) {
  if (!text)
    throw wrongUrl(
      option,
      "is missing: give it a URL, such as https://switchboard.example.workers.dev",
    );
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.host || !/^https?:$/.test(url.protocol) || /\s/.test(text)) {
    throw wrongUrl(
      option,
      `must be a URL, such as https://switchboard.example.workers.dev, not "${text}".`,
    );
  }
  if (url.username || url.password)
    throw wrongUrl(option, "must not contain a user name or a password.");
  if (url.protocol === "http:" && !(local && isLoopback(url.origin))) {
    const where = local
      ? "https (plain http is for this machine only: 127.0.0.1, localhost, [::1])"
      : "https: Twilio's servers fetch it, and it must be public";
    throw wrongUrl(option, `must be ${where}, not ${text}.`);
  }
  if (!local && isLoopback(url.origin))
    throw wrongUrl(option, `must be public: Twilio's servers cannot reach ${url.host}.`);
  return url;
}

/** Returns whether an origin is on this machine. */
export function isLoopback(origin) {
  return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(origin).hostname);
}

/** Reads the phone number in `text`, the value of `option`. Throws unless it is in E.164 form. */
export function readNumber(option, text) {
  if (!text)
    throw new UsageError(`${option} is missing: give it a phone number, such as +15550199.`);
  if (!/^\+[1-9]\d{6,14}$/.test(text)) {
    const whatsapp = text.startsWith("whatsapp:")
      ? " A WhatsApp sender is not a phone number of the account: see --help."
      : "";
    throw new UsageError(
      `${option} must be a phone number with + and its country code, digits only, such as +15550199, not "${text}".${whatsapp}`,
    );
  }
  return text;
}

/**
 * Reads a setting from the environment or else from .dev.vars, as `{ value, source }`, or
 * undefined.
 */
export function setting(name) {
  if (process.env[name]) return { value: process.env[name], source: "the environment" };
  const value = devVars()[name];
  return value ? { value, source: ".dev.vars" } : undefined;
}

/**
 * Makes one request and returns `{ status, headers, text, json }`; `json` is undefined if the body
 * is not JSON. Does not follow redirects, which would pass on credentials. Throws Unreachable.
 *
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string>, body?: string, seconds?: number }}
 *   [options]
 */
export async function request(url, { method = "GET", headers = {}, body, seconds = 20 } = {}) {
  /** @type {RequestInit} */
  const options = {
    method,
    headers: { Connection: "close", ...headers },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(seconds * 1000),
  };
  try {
    const response = await fetch(url, options);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parseJson(text) };
  } catch (error) {
    throw unreachable(new URL(url), error, seconds);
  }
}

/** Returns the first line of an answer, shortened, for an error message. */
export function firstLine(text) {
  const line = text
    .trim()
    .split("\n")[0]
    .replace(/[^\x20-\x7e]/g, "?");
  if (!line) return "an empty answer";
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}

/** Formats rows of cells as lines with aligned columns. */
export function columns(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]))).join("  ")}`.trimEnd(),
  );
}

// Checks that an option exists and has a value if it needs one. What it says never repeats a value.
function checkOption(token, options) {
  const { name, rawName, value, inlineValue } = token;
  if (!Object.hasOwn(options, name)) throw unknownOption(token, Object.keys(options));
  if (options[name].type === "boolean") {
    if (value !== undefined) throw new UsageError(`${rawName} takes no value.`);
    return;
  }
  if (value === undefined) throw new UsageError(`${rawName} needs a value; see --help.`);
  if (!inlineValue && value.startsWith("-"))
    throw new UsageError(
      `${rawName} needs a value; one that starts with a dash is written as ${rawName}=VALUE.`,
    );
}

function unknownOption({ name, rawName }, names) {
  const near = nearest(name, [...names, "help"]);
  return new UsageError(
    `unknown option ${rawName}${near ? `; did you mean --${near}?` : "; see --help."}`,
  );
}

// A setting is no part of the command line.
function wrongUrl(name, problem) {
  const message = `${name} ${problem}`;
  return name.startsWith("--") ? new UsageError(message) : new UserError(message);
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(url, error, seconds) {
  if (error.name === "TimeoutError")
    return new Unreachable(`${url.origin} did not answer within ${seconds} s.`, "TIMEOUT");
  const cause = error.cause ?? error;
  const code = cause.code ?? cause.errors?.[0]?.code ?? "";
  if (code === "ECONNREFUSED") {
    const hint = isLoopback(url.origin) ? " Is `npm start` running?" : "";
    return new Unreachable(`nothing listens at ${url.origin} (connection refused).${hint}`, code);
  }
  if (["ENOTFOUND", "EAI_AGAIN"].includes(code))
    return new Unreachable(
      `there is no host ${url.hostname} (${code}): is it spelled correctly?`,
      code,
    );
  if (isTls(code))
    return new Unreachable(
      `no TLS connection to ${url.host}: ${cause.reason ?? cause.message} (${code}).`,
      code,
    );
  return new Unreachable(
    `no answer from ${url.origin}: ${cause.message} ${code && `(${code})`}`.trimEnd(),
    code,
  );
}

/** Returns whether an error code comes from TLS: from the certificate or the connection. */
export function isTls(code) {
  return /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO)/.test(code);
}
