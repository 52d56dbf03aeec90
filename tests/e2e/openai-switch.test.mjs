// The switch between the mock and the real OpenAI: what the Worker is given, and what the page is told.
// A server here stands in for the playground. Not here: the page (tests/browser/editor.test.mjs).

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { localSettings, portOf } from "../../scripts/lib/local.mjs";
import { OpenAiSwitch } from "../../scripts/lib/openai-switch.mjs";
import { twilioHost } from "../../scripts/lib/settings.mjs";

const REAL = { OPENAI_API_KEY: "sk-real", PSEUDONYM_KEY: "secret" };
/** @type {any[]} */
let told;
/** @type {http.Server} */
let server;
let playground = "";

before(async () => {
  server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    told.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.end("{}");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  playground = `http://127.0.0.1:${portOf(server)}`;
});

after(() => server.close());

beforeEach(() => {
  told = [];
});

/** @param {Record<string, string>} settings */
function switchOf(settings, load = async () => true) {
  return new OpenAiSwitch({ playground, settings: () => settings, load });
}

test("with a real key the real OpenAI is asked until the page chooses the mock", async () => {
  const openAi = switchOf(REAL);
  assert.deepEqual(openAi.overrides(), {});
  await openAi.hear("playground: the page chooses the mock OpenAI");
  assert.deepEqual(openAi.overrides(), {
    OPENAI_BASE_URL: `${playground}/v1`,
    OPENAI_API_KEY: openAi.standInKey,
    OPENAI_FALLBACKS: "",
    OPENAI_EXTRA_HEADERS: "",
  });
  assert.deepEqual(
    told.map(({ openai }) => [openai.asked, openai.starting, openai.can_switch]),
    [
      ["real", "mock", true],
      ["mock", null, true],
    ],
  );
  await openAi.hear("playground: the page chooses the real OpenAI");
  assert.deepEqual(openAi.overrides(), {});
});

test("the playground is told names and no values, and never gets the real key", async () => {
  const openAi = switchOf({ ...REAL, OPENAI_MODEL: "gpt-6-luna" });
  await openAi.tell();
  assert.deepEqual(told[0].settings, ["OPENAI_API_KEY", "PSEUDONYM_KEY", "OPENAI_MODEL"]);
  assert.doesNotMatch(JSON.stringify(told), /sk-real|secret|luna/);
  assert.match(openAi.mockKey() ?? "", /^sk-playground-[0-9a-f]{32}$/);
});

test("a Worker that does not start leaves the choice as it was, and the page is told so", async () => {
  for (const load of [async () => false, () => Promise.reject(new Error("no"))]) {
    told = [];
    const openAi = switchOf(REAL, load);
    await openAi.hear("playground: the page chooses the mock OpenAI");
    assert.deepEqual(openAi.overrides(), {});
    const { asked, starting, problem } = told.at(-1).openai;
    assert.deepEqual([asked, starting], ["real", null]);
    assert.match(problem, /did not start/);
  }
});

test("the playground is told the host of a Twilio that is not its own", async () => {
  const twilio = (settings) => twilioHost(settings, localSettings(settings, playground));
  for (const [settings, host] of /** @type {[Record<string, string>, string | null][]} */ ([
    [{}, null],
    [{ TWILIO_API_BASE_URL: "https://user:pass@api.twilio.com" }, "api.twilio.com"],
  ])) {
    told = [];
    await new OpenAiSwitch({
      playground,
      settings: () => settings,
      load: async () => true,
      twilio,
    }).tell();
    assert.deepEqual(
      told.map((one) => one.twilio),
      [host],
    );
  }
  assert.equal(twilioHost({}, {}), "api.twilio.com");
});

test("without a real key, or with another endpoint, there is nothing to choose", async () => {
  for (const [settings, asked, key] of /** @type {const} */ ([
    [{}, "nobody", undefined],
    [{ OPENAI_API_KEY: "sk-playground-1" }, "mock", "sk-playground-1"],
    [
      { ...REAL, OPENAI_BASE_URL: "https://user:pass@gateway.example/v1" },
      { other: "gateway.example" },
      undefined,
    ],
  ])) {
    told = [];
    const openAi = switchOf(settings, () => assert.fail("the Worker stays"));
    await openAi.hear("playground: the page chooses the mock OpenAI");
    await openAi.tell();
    assert.deepEqual(openAi.overrides(), {});
    assert.equal(openAi.mockKey(), key);
    assert.deepEqual(told, [
      {
        settings: Object.keys(settings),
        openai: { asked, can_switch: false, starting: null, problem: null },
        twilio: null,
      },
    ]);
  }
});

test("other lines of the playground choose nothing", async () => {
  const openAi = switchOf(REAL, () => assert.fail("the Worker stays"));
  for (const line of [
    "playground: the page chooses the real OpenAI",
    "twilio POST playground: the page chooses the mock OpenAI",
    "playground: the page chooses the mock OpenAI 404 in 1 ms",
  ])
    await openAi.hear(line);
  assert.deepEqual(told, []);
});
