// Media and long answers: images from Twilio to the model, locations and buttons as text, and answers
// of many segments.
//
// Not here: texts (messages), voice notes (voice-notes), and what is stored and logged (privacy).

import assert from "node:assert/strict";
import crypto from "node:crypto";
import { after, before, describe, test } from "node:test";
import {
  eventually,
  freshPair,
  freshSid,
  phoneHash,
  SECRETS,
  startPlayground,
  startWorker,
} from "./harness.mjs";

const OLDER_TOKEN = crypto.randomBytes(16).toString("hex");
const OTHER_FILE =
  "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file.";
const NOT_FETCHED = "Sorry, I couldn't open your picture. Please send it again.";
const TOO_LARGE = "Sorry, that is too large for me. Please send pictures of at most 5 MB in all.";
const MB = 1024 * 1024;

let worker, playground;

before(async () => {
  const tokens = `${OLDER_TOKEN},${SECRETS.TWILIO_AUTH_TOKEN}`;
  playground = await startPlayground({ tokens });
  worker = await startWorker({
    playground,
    settings: { TWILIO_AUTH_TOKEN: tokens, MAX_SEGMENTS: "3", REPLY_WITHIN_MS: "14000" },
  });
});

after(async () => {
  await worker?.close();
  await playground?.close();
});

const BEGINNINGS = {
  "image/jpeg": Buffer.from([0xff, 0xd8, 0xff, 0xe0]),
  "image/png": Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
  "image/gif": Buffer.from("GIF89a"),
  "image/webp": Buffer.from("RIFF\0\0\0\0WEBPVP8 ", "latin1"),
};
// A file that starts like an image of this type.
const imageFile = (type, bytes = 3000) =>
  Buffer.concat([BEGINNINGS[type], crypto.randomBytes(bytes - BEGINNINGS[type].length)]);
const turnsOf = async (pair, count) =>
  worker.loggedTimes(
    count,
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
  );
const fileOf = ({ url }) => url.split("/").at(-1);
// The requests for a file, at its address and at the target of the redirect.
const fetches = async (file) =>
  (await playground.requests("twilio")).filter(({ path }) => path.includes(fileOf(file)));

describe("media that come late", () => {
  test("a file that is not there yet is tried again, and then answered", async () => {
    for (const [status, times] of [
      [404, 1],
      [503, 2],
    ]) {
      const file = await playground.upload(imageFile("image/gif"), "image/gif");
      await playground.fault({
        service: "twilio",
        status,
        times,
        contains: `/media/${fileOf(file)}`,
      });
      const answer = await worker.sendMessage({ ...freshPair(), body: "Late", media: [file] });
      assert.match(answer.messages[0], /^I see 1 picture \(GIF/);
      const statuses = (await fetches(file)).map((request) => request.status);
      assert.deepEqual(statuses, [...Array(times).fill([307, status]).flat(), 307, 200]);
    }
  });
});

describe("images", () => {
  test("an image reaches the model byte for byte, through Twilio's redirect, with the text of its message", async () => {
    for (const [type, name] of [
      ["image/jpeg", "JPEG"],
      ["image/png", "PNG"],
      ["image/gif", "GIF"],
      ["image/webp", "WebP"],
    ]) {
      const pair = freshPair();
      const bytes = imageFile(type);
      const file = await playground.upload(bytes, type);
      const answer = await worker.sendMessage({
        ...pair,
        sid: freshSid("MM"),
        body: `What is this ${name}?`,
        media: [file],
      });
      assert.ok(
        answer.messages[0].startsWith(`I see 1 picture (${name}, 3000 bytes). `),
        answer.messages[0],
      );
      const [request] = await playground.asked(`What is this ${name}?`);
      const url = `data:${type};base64,${bytes.toString("base64")}`;
      assert.deepEqual(request.body.messages.at(-1).content, [
        { type: "text", text: `What is this ${name}?\n[1 picture]` },
        { type: "image_url", image_url: { url } },
      ]);
      assert.deepEqual(
        (await fetches(file)).map(({ status }) => status),
        [307, 200],
      );
    }
  });

  test("the account's credentials are sent to the API, and not to the target of its redirect", async () => {
    for (const [index, token] of [OLDER_TOKEN, SECRETS.TWILIO_AUTH_TOKEN].entries()) {
      const file = await playground.upload(imageFile("image/png"), "image/png");
      await worker.sendMessage({ ...freshPair(), token, media: [file] });
      assert.deepEqual(
        (await fetches(file)).map(({ token_index: shown }) => shown),
        [index, undefined],
        "the token that verified the message",
      );
    }
  });

  test("several images, and images without text, make one turn, and the next turn remembers them", async () => {
    const pair = freshPair();
    const media = [
      await playground.upload(imageFile("image/jpeg", 100), "image/jpeg"),
      await playground.upload(imageFile("image/webp", 200), "image/webp"),
    ];
    const answer = await worker.sendMessage({ ...pair, channel: "whatsapp", body: "", media });
    assert.ok(
      answer.messages[0].startsWith("I see 2 pictures (JPEG, 100 bytes; WebP, 200 bytes). "),
      answer.messages[0],
    );
    const next = await worker.sendMessage({
      ...pair,
      channel: "whatsapp",
      body: "What did I say before?",
    });
    assert.deepEqual(next.messages, ['Before this you said: "[2 pictures]"']);
    const [turn] = await turnsOf(pair, 1);
    assert.deepEqual([turn.outcome, turn.model_requests], ["answered", 1]);
  });

  test("an image of 5 MB reaches the model, and a copy of its message costs nothing", async () => {
    const file = await playground.upload(imageFile("image/jpeg", 5 * MB), "image/jpeg");
    const message = { ...freshPair(), sid: freshSid("MM"), body: "A large one", media: [file] };
    const answer = await worker.sendMessage(message);
    assert.ok(
      answer.messages[0].startsWith("I see 1 picture (JPEG, 5242880 bytes). "),
      answer.messages[0],
    );
    assert.deepEqual((await worker.sendMessage(message)).messages, answer.messages);
    assert.equal((await fetches(file)).length, 2);
    assert.equal((await playground.asked("A large one")).length, 1);
  });

  test("images of more than 5 MB in total are too large, with or without a Content-Length", async () => {
    const two = [
      await playground.upload(imageFile("image/png", 3 * MB), "image/png"),
      await playground.upload(imageFile("image/png", 3 * MB), "image/png"),
    ];
    const endless = await playground.upload(imageFile("image/png"), "image/png");
    await playground.fault({
      service: "twilio",
      body: "oversize",
      contains: `/media/${fileOf(endless)}`,
    });
    for (const media of [
      [await playground.upload(imageFile("image/png", 5 * MB + 1), "image/png")],
      two,
      [endless],
    ]) {
      await fails({ body: "Large", media }, TOO_LARGE, "image_too_large");
    }
  });

  test("a file whose bytes are not an image does not reach the model, whatever its declared type", async () => {
    for (const bytes of ["<svg xmlns='http://www.w3.org/2000/svg'/>", "%PDF-1.7", "<html>"]) {
      await fails(
        { media: [await playground.upload(bytes, "image/png")] },
        OTHER_FILE,
        "image_type",
      );
    }
  });

  test("an image that cannot be fetched is reported, without a model request", async () => {
    for (const fault of [
      { status: 404 },
      { status: 500 },
      { connection: "drop" },
      { body: "truncated" },
      { status: 206 },
    ]) {
      const file = await playground.upload(imageFile("image/jpeg", 20_000), "image/jpeg");
      // The runtime itself may repeat a request if the connection was dropped.
      await playground.fault({
        service: "twilio",
        contains: `/media/${fileOf(file)}`,
        times: 20,
        ...fault,
      });
      await fails({ media: [file] }, NOT_FETCHED, "image_not_fetched");
    }
    const gone = await playground.upload(imageFile("image/jpeg"), "image/jpeg");
    await fails({ media: [`${gone.url.slice(0, -4)}0000`] }, NOT_FETCHED, "image_not_fetched");
  });

  test("nothing is requested from a host that is not Twilio's, directly or by a redirect", async () => {
    const other = await startPlayground();
    try {
      const elsewhere = await other.upload(imageFile("image/jpeg"), "image/jpeg");
      const addresses = [
        elsewhere.url,
        "https://media.example/a.jpg",
        "http://169.254.169.254/a.jpg",
        `https://api.twilio.com@${new URL(other.url).host}/a.jpg`,
        "file:///a.jpg",
        "nonsense",
      ];
      for (const url of addresses) await fails({ media: [url] }, NOT_FETCHED, "image_address");
      for (const location of [
        elsewhere.url.replace(/2010.*\//, "media/"),
        `//${new URL(other.url).host}/media/x`,
        "https://media.example/a.jpg",
      ]) {
        const file = await playground.upload(imageFile("image/jpeg"), "image/jpeg");
        await playground.fault({
          service: "twilio",
          headers: { Location: location },
          contains: file.url.slice(playground.url.length),
        });
        await fails({ media: [file] }, NOT_FETCHED, "image_address");
        assert.equal((await fetches(file)).length, 1);
      }
      assert.deepEqual(await other.requests(), []);
    } finally {
      await other.close();
    }
  });

  test("another kind of file gets a list of supported types, even among images; a keyword with it is a keyword", async () => {
    const file = await playground.upload(imageFile("image/jpeg"), "image/jpeg");
    for (const [type, more] of [
      ["image/heic", []],
      ["video/mp4", []],
      ["application/pdf", [file]],
      ["text/vcard", []],
    ]) {
      const pair = freshPair();
      const media = [...more, { url: `${playground.url}/any`, content_type: type }];
      for (const body of ["", "Look"])
        assert.deepEqual((await worker.sendMessage({ ...pair, body, media })).messages, [
          OTHER_FILE,
        ]);
      assert.match(
        (await worker.sendMessage({ ...pair, body: "Reset", media })).messages[0],
        /^Done/,
      );
    }
    assert.deepEqual(await fetches(file), []);
  });

  test("nothing of an image is in KV, in objects or in the log, nor is its address after the answer", async () => {
    const marker = `planted-${crypto.randomBytes(8).toString("hex")}`;
    const file = await playground.upload(
      Buffer.concat([imageFile("image/gif"), Buffer.from(marker)]),
      "image/gif",
    );
    const pair = freshPair();
    await worker.sendMessage({ ...pair, body: "Keep this", media: [file] });
    await eventually("the conversation in KV", () =>
      worker.kv().some(({ value }) => value?.includes("Keep this")),
    );
    assert.deepEqual(worker.filesWith(marker), []);
    const encoded = [0, 1, 2].map((skip) =>
      Buffer.from(marker)
        .subarray(skip, skip + 21)
        .toString("base64"),
    );
    for (const text of encoded) assert.deepEqual(worker.filesWith(text), []);
    const kept = JSON.stringify([
      worker.kv(),
      worker
        .objects("ThreadObject")
        .map(({ tables }) =>
          Object.values(tables._cf_KV ?? {}).map(({ value }) =>
            Buffer.from(Object.values(value ?? {})).toString("latin1"),
          ),
        ),
    ]);
    assert.ok(kept.includes("[1 picture]"));
    for (const text of [fileOf(file), "data:image"]) assert.ok(!kept.includes(text), text);
    await worker.mark();
    for (const text of [marker, fileOf(file), "/Media/"])
      assert.ok(!worker.lines.some((line) => line.includes(text)), text);
  });
});

describe("locations and buttons", () => {
  test("a location becomes one line of text for the model", async () => {
    const params = [
      ["Latitude", "52.5200"],
      ["Longitude", "13.4050"],
      ["Label", "The harbour"],
      ["Address", "1 Pier Road\nHarbourton"],
    ];
    await worker.sendMessage({ ...freshPair(), channel: "whatsapp", body: "", params });
    assert.equal(
      (
        await playground.asked(
          "My location: 52.5200, 13.4050 (The harbour, 1 Pier Road Harbourton)",
        )
      ).length,
      1,
    );
    const nothing = await worker.sendMessage({
      ...freshPair(),
      channel: "whatsapp",
      body: "",
      params: [
        ["Latitude", "north"],
        ["Longitude", "1"],
      ],
    });
    assert.deepEqual(nothing.messages, ["Please send text."]);
  });

  test("a button and a list item become their text", async () => {
    for (const [params, said] of [
      [
        [
          ["ButtonText", "Yes, book it"],
          ["ButtonPayload", "book-1"],
          ["ButtonType", "quick_reply"],
        ],
        "Yes, book it",
      ],
      [[["ButtonPayload", "book-2"]], "book-2"],
      [
        [
          ["ListTitle", "Fish of the day"],
          ["ListId", "fish"],
        ],
        "Fish of the day",
      ],
    ]) {
      const answer = await worker.sendMessage({
        ...freshPair(),
        channel: "whatsapp",
        body: "",
        params,
      });
      assert.ok(answer.messages[0].includes(`You said: "${said}"`), answer.messages[0]);
    }
  });
});

describe("segments", () => {
  test("a long SMS answer is cut at a sentence within MAX_SEGMENTS, remembered that way, and its segments are logged", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({ ...pair, body: "Please write 900 characters" });
    assert.equal(answer.messages.length, 1);
    const [text] = answer.messages;
    assert.ok(text.length <= 459 && text.length > 300 && /[a-z]\.\.\.$/.test(text), text);
    const [turn] = await turnsOf(pair, 1);
    assert.equal(turn.segments, 3);
    await worker.sendMessage({ ...pair, body: "Go on with segments" });
    const [request] = await playground.asked("Go on with segments");
    assert.equal(request.body.messages[2].content, text);
  });

  test("an answer on WhatsApp is not cut, and has no segments", async () => {
    const pair = freshPair();
    const answer = await worker.sendMessage({
      ...pair,
      channel: "whatsapp",
      body: "Please write 900 characters",
    });
    assert.equal(answer.messages.join("").length, 900);
    const [turn] = await turnsOf(pair, 1);
    assert.equal("segments" in turn, false);
  });

  test("typographic characters are replaced on SMS if that makes the answer GSM-7, and never on WhatsApp", async () => {
    const typeset = "“It’s” – so…";
    const said = async (channel, body) =>
      (await worker.sendMessage({ ...freshPair(), channel, body })).messages[0];
    assert.ok((await said("sms", typeset)).includes(`You said: ""It's" - so..."`));
    assert.ok((await said("whatsapp", typeset)).includes(`You said: "${typeset}"`));
    assert.ok(
      (await said("sms", `${typeset} 🦆`)).includes(`You said: "${typeset} 🦆"`),
      "it would not help",
    );
  });
});

// Sends a message that must fail with `failure`: the answer is `text`, and the model gets no
// request.
async function fails(message, text, failure) {
  const pair = freshPair();
  const marker = `fails ${crypto.randomBytes(6).toString("hex")}`;
  const since = await worker.mark();
  const answer = await worker.sendMessage({ ...pair, ...message, body: marker });
  assert.deepEqual(answer.messages, [text], failure);
  const turn = await worker.logged(
    ({ event, phone_hash: hash }) => event === "turn" && hash === phoneHash(pair.from),
    { since },
  );
  assert.deepEqual([turn.outcome, turn.failure, turn.model_requests], ["failed", failure, 0]);
  assert.deepEqual(await playground.asked(marker), []);
}
