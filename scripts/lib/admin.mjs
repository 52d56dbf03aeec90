// Shared by the commands that call admin routes (admin, synthesize): the token, one request, and what
// an answer means that is no success.
//
// Not here: what the routes do (src/http/admin/).

import { firstLine, isLoopback, request } from "./cli.mjs";
import { devVars } from "./local.mjs";
import { DEFAULT_PORTS } from "./project.mjs";
import { duration, UserError } from "./run.mjs";

/** The Worker of `npm start`. */
export const LOCAL = `http://127.0.0.1:${DEFAULT_PORTS.worker}`;

/**
 * Returns the token in the environment, or for a Worker on this machine the one in .dev.vars.
 *
 * @param {string} url
 * @returns {string}
 */
export function adminToken(url) {
  const local = isLoopback(url);
  const token = process.env.ADMIN_TOKEN || (local ? devVars().ADMIN_TOKEN : undefined);
  if (token && /^[\x21-\x7e]+$/.test(token)) return token;
  if (token)
    throw new UserError(
      "ADMIN_TOKEN contains characters that cannot be sent: use visible ASCII without spaces.",
    );
  const where = local
    ? "neither in the environment nor in .dev.vars"
    : "not in the environment (the one in .dev.vars is for this machine only)";
  throw new UserError(`ADMIN_TOKEN is ${where}: set it to the token of the Worker at ${url}.`);
}

/**
 * Calls an admin route. Returns its answer if its status is one of `statuses`, and throws what it
 * means otherwise. The timeout is long: the Worker may wait for several objects in turn.
 *
 * @param {string} url
 * @param {string} path
 * @param {{ method?: string, body?: unknown, token?: string, statuses?: number[] }} [options]
 */
export async function askAdmin(
  url,
  path,
  { method = "GET", body, token = adminToken(url), statuses = [200, 201, 202, 204] } = {},
) {
  const headers = {
    Authorization: `Bearer ${token}`,
    ...(body !== undefined && { "Content-Type": "application/json" }),
  };
  const answer = await request(url + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    seconds: 45,
  });
  if (statuses.includes(answer.status)) return answer;
  throw new UserError(explanation(url, answer.status, answer.headers, answer.text));
}

/**
 * What an answer of an admin route means.
 *
 * @param {string} url
 * @param {number} status
 * @param {Headers} headers
 * @param {string} text
 */
export function explanation(url, status, headers, text) {
  if (status === 400)
    return `the Worker at ${url} does not understand the request (400): ${firstLine(text)}`;
  if (status === 401)
    return `the Worker at ${url} does not accept this ADMIN_TOKEN (401): its own is different.`;
  if (status === 404 && text.startsWith("There is no such call")) return firstLine(text);
  if (status === 404)
    return `there are no admin routes at ${url} (404): ADMIN_TOKEN is not set there (\`npx wrangler secret put ADMIN_TOKEN\`, or .dev.vars for a local Worker), or it is not Switchboard.`;
  if (status === 409) return `that is not possible now (409): ${firstLine(text)}`;
  if (status === 429 && text.startsWith("MAX_DAILY_MESSAGES"))
    return `the day's messages are used up (429): ${firstLine(text)}`;
  if (status === 429 && /^(MAX_DAILY_CALL_MINUTES|CALL_RATE_LIMIT_PER_HOUR)/.test(text))
    return `no call is made (429): ${firstLine(text)}`;
  if (status === 429) {
    const seconds = Number(headers.get("retry-after"));
    const wait = seconds > 0 ? duration(seconds * 1000) : "a minute";
    return `too many wrong tokens from this address (429): wait ${wait}, then try again with the right one.`;
  }
  if (status === 503)
    return `the Worker at ${url} cannot answer (503): ${firstLine(text)}. ${url}/health lists wrong settings; if it lists none, try again later.`;
  return `the answer from ${url} does not come from Switchboard's admin routes (${status}): ${firstLine(text)}`;
}
