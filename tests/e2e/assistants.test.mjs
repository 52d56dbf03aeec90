// Assistants in files: the number that was written to chooses one, a wrong file is named, and a
// changed file is live without a build. And the commands that check and bundle the files.
//
// Not here: every error of a file (native tests of src/config/assistants).

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { inRoot } from "../../scripts/lib/project.mjs";
import { Checkout } from "./commands.mjs";
import { freshPair, startPlayground, startWorker } from "./harness.mjs";

const DEFAULT = 'prompt = "You are the default."\n';
const DESK = `
numbers = ["+15550121", "whatsapp:+15550121"]
time_zone = "America/New_York"
model = "gpt-6.1-terra"
language = "de"
prompt = """
It is {{weekday}}.

You are the front desk, on {{channel}}.
"""
`;

let playground, worker;

before(async () => {
  playground = await startPlayground();
  worker = await startWorker({ playground, assistants: { default: DEFAULT, desk: DESK } });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

/** The model and the system prompt that answered `text` to `to`. */
async function asked(to, text) {
  const { from } = freshPair();
  const channel = to.startsWith("whatsapp:") ? "whatsapp:" : "";
  const { status } = await worker.sendMessage({ from: channel + from, to, body: text });
  assert.equal(status, 200);
  const [{ body }] = await playground.asked(text);
  return { model: body.model, prompt: body.messages[0].content };
}

test("the number that was written to chooses the assistant", async () => {
  const desk = await asked("+15550121", "To the desk");
  assert.equal(desk.model, "gpt-6.1-terra");
  const days = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday";
  assert.match(
    desk.prompt,
    new RegExp(`^You are the front desk, on SMS\\.\n\nIt is (${days})\\.$`),
  );
  const other = await asked("+15550199", "To another number");
  assert.deepEqual(other, { model: "gpt-6-luna", prompt: "You are the default." });
  assert.match((await asked("whatsapp:+15550121", "On WhatsApp")).prompt, /on WhatsApp/);
});

test("fixed texts are in the assistant's language", async () => {
  const { from } = freshPair();
  const answer = async (to) => (await worker.sendMessage({ from, to, body: "HELP!" })).text;
  assert.match(await answer("+15550121"), /automatischer Assistent/);
  assert.match(await answer("+15550199"), /automated assistant/);
});

test("a file that is saved is live without a build of the Worker", async () => {
  const changed = DESK.replace("the front desk", "the night desk");
  await worker.changeAssistants({ default: DEFAULT, desk: changed });
  const { prompt } = await asked("+15550121", "Who is there now?");
  assert.match(prompt, /the night desk/);
});

test("a wrong file closes the Twilio route, and /health names its line and field", async () => {
  const directory = fs.mkdtempSync(path.join(worker.directory, "wrong-"));
  const wrong = await startWorker({
    playground,
    directory,
    assistants: {
      default: DEFAULT,
      desk: 'numbers = ["+15550121"]\npromt = "planted"\n[[tools]]\nname = "t"\ndescription = "d"\nurl = "https://shop.example/"\nsecret = "SHOP_SECRET"\n',
    },
  });
  try {
    const health = await wrong.request("/health");
    assert.equal(health.status, 503);
    assert.deepEqual(JSON.parse(health.text).errors, [
      { setting: "SHOP_SECRET", problem: "is missing, but assistants/desk.toml names it" },
      { file: "assistants/desk.toml", line: 1, field: "prompt", problem: "is missing" },
      {
        file: "assistants/desk.toml",
        line: 2,
        field: "promt",
        problem: "is not a field here; the nearest is prompt",
      },
    ]);
    assert.equal((await wrong.sendMessage({ ...freshPair(), body: "Hello" })).status, 503);
    await wrong.logged(({ event, details }) => {
      const { kind, settings } = details ?? {};
      return (
        event === "security_event" &&
        kind === "configuration_invalid" &&
        settings.includes("assistants/desk.toml")
      );
    });
    assert.ok(!wrong.lines.some((line) => line.includes("planted")));
  } finally {
    await wrong.close();
  }
});

/** A checkout with the build of this one, and with these assistants. */
function checkout(assistants) {
  const made = new Checkout({});
  for (const name of ["src", "bindgen", "Cargo.toml", "rust-toolchain.toml"])
    fs.symlinkSync(inRoot(name), path.join(made.directory, name));
  fs.mkdirSync(path.join(made.directory, "build"));
  for (const name of [".stamp", "index.js", "index_bg.wasm", "check.js"])
    fs.copyFileSync(inRoot("build", name), path.join(made.directory, "build", name));
  fs.mkdirSync(path.join(made.directory, "assistants"));
  for (const [name, text] of Object.entries(assistants))
    fs.writeFileSync(path.join(made.directory, "assistants", `${name}.toml`), text);
  return made;
}

test("`npm run assistants` lists the assistants and the secrets that are not there", async () => {
  const made = checkout({
    default: DEFAULT,
    desk: `${DESK}\nfallbacks = [{ base_url = "https://m.example/v1", model = "m", key = "M_KEY" }]\n`,
  });
  try {
    const { code, stdout } = await made.run("assistants", []);
    assert.equal(code, 0);
    assert.match(stdout, /default +all others +gpt-6-luna/);
    assert.match(stdout, /desk +\+15550121, whatsapp:\+15550121 +gpt-6\.1-terra/);
    assert.match(stdout, /M_KEY is not in \.dev\.vars/);
  } finally {
    made.remove();
  }
});

test("`npm run assistants` and the build name what is wrong, and the build keeps what was right", async () => {
  const made = checkout({ default: DEFAULT, desk: DESK });
  const bundle = path.join(made.directory, "build", "assistants.js");
  const error = "assistants/desk.toml:2: time_zone must be the IANA name of a time zone";
  try {
    assert.equal((await made.run("build", [])).code, 0);
    const before = fs.readFileSync(bundle, "utf8");
    assert.ok(before.includes("You are the front desk"));
    const wrong = 'numbers = ["+15550121"]\ntime_zone = "Moon/Base"\nprompt = "x"\n';
    fs.writeFileSync(path.join(made.directory, "assistants", "desk.toml"), wrong);
    for (const name of ["assistants", "build"]) {
      const { code, text } = await made.run(name, []);
      assert.equal(code, 1, name);
      assert.ok(text.includes(error), text);
    }
    assert.equal(fs.readFileSync(bundle, "utf8"), before);
  } finally {
    made.remove();
  }
});
