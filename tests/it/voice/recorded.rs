//! Sessions with the frames, the closes and the callbacks of recorded calls, replayed: `tests/vectors/calls`.
//!
//! Each line of a session is one thing that happens, or that is expected:
//!
//! - `about`: what the session is.
//! - `twilio`, `raw`, `binary`: a frame, a text that is none, or bytes in hex.
//! - `close`: the socket is closed with this code; 1006 is one that breaks off.
//! - `action`, `then`: the fields of the action of `<Connect>`, and the verbs of the answer.
//! - `status`: the fields of a status callback.
//! - `model`: from now on, it answers `slow` or as `usual`.
//! - `until`: waits for a `word` of an answer, or for a whole `answer`.
//! - `asked`: the messages of the newest request to the model, after the prompt.
//! - `log`: fields of an event that was logged in the session.
//!
//! `$call`, `$session`, `$account`, `$from` and `$to` are those of the call. `$said` is what was said at the last `until`, and
//! `$before` at the one before. `tests/e2e/recorded.test.mjs` replays the same on the real runtime. Source of the forms:
//! recorded calls, and Twilio, "`WebSocket` messages".

use std::{fs, time::Duration};

use serde_json::Value;

use crate::support::{
    FakePlatform, NUMBER,
    phone::{Call, streamed},
};

const SESSIONS: [&str; 6] = [
    "normal",
    "barge-in",
    "partial-prompts",
    "hang-up",
    "socket-lost",
    "other-forms",
];
const TICK: Duration = Duration::from_millis(20);
/// How often a tick is waited for something.
const TICKS: usize = 500;

/// A session that is replayed.
struct Replay {
    fake: FakePlatform,
    call: Call,
    /// What was said since the last `until`.
    saying: String,
    /// Whether the answer is complete.
    is_whole: bool,
    said: String,
    before: String,
}

impl Replay {
    async fn new() -> Self {
        let fake = FakePlatform::new();
        let mut call = Call::new(&fake, 1);
        let verbs = call.dial().await;
        call.open(&verbs).await;
        Self {
            fake,
            call,
            saying: String::new(),
            is_whole: false,
            said: String::new(),
            before: String::new(),
        }
    }

    /// A value with what its placeholders stand for.
    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let session = format!("VX{:032x}", self.call.session);
                let text = text
                    .replace("$call", &self.call.sid)
                    .replace("$session", &session)
                    .replace("$account", "AC0123456789abcdef0123456789abcdef")
                    .replace("$from", "+15550100")
                    .replace("$to", NUMBER)
                    .replace("$said", &self.said)
                    .replace("$before", &self.before);
                text.into()
            }
            Value::Array(values) => values.iter().map(|value| self.filled(value)).collect(),
            Value::Object(fields) => {
                let filled = |(name, value): (&String, &Value)| (name.clone(), self.filled(value));
                Value::Object(fields.iter().map(filled).collect())
            }
            other => other.clone(),
        }
    }

    async fn play(&mut self, line: &Value) {
        let line = self.filled(line);
        let fields = line.as_object().unwrap();
        let fields = |name: &str| {
            let fields = fields[name].as_object().unwrap().iter();
            let fields =
                fields.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
            fields.collect::<Vec<_>>()
        };
        let phone = self.fake.phone(&self.call.name());
        match line.as_object().unwrap().keys().next().unwrap().as_str() {
            // `entry.js` drops bytes.
            "about" | "binary" => {}
            "twilio" => self.call.frame(line["twilio"].clone()).await,
            "raw" => {
                let text = line["raw"].as_str().unwrap();
                phone.frame(self.call.session, text).await;
            }
            "close" => phone.closed(self.call.session).await,
            "action" => {
                let session = format!("VX{:032x}", self.call.session);
                let mut fields = fields("action");
                fields.push(("SessionId".to_owned(), session));
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let verbs = self.call.webhook("/twilio/voice/ended", &fields).await;
                let names: Vec<_> = verbs.iter().map(|verb| verb.name.as_str()).collect();
                assert_eq!(Value::from(names), line["then"]);
                if verbs.iter().any(|verb| verb.name == "ConversationRelay") {
                    assert_eq!(verbs[1].attribute("welcomeGreeting"), None);
                    self.call.open(&verbs).await;
                }
            }
            "status" => {
                let fields = fields("status");
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                let response = self.call.response("/twilio/voice/status", &fields).await;
                assert_eq!(response.status, 204);
            }
            "model" => {
                if line["model"] == "slow" {
                    let words = ["We", " have", " many", " boats."];
                    self.fake.model([streamed(&words, 400)]);
                }
            }
            "until" => self.wait_until(line["until"].as_str().unwrap()).await,
            "asked" => self.expect_asked(&line["asked"]).await,
            "log" => self.expect_logged(&line["log"]),
            other => panic!("{other} is no line of a session"),
        }
    }

    async fn wait_until(&mut self, what: &str) {
        for _ in 0..TICKS {
            for frame in self.call.sent() {
                assert_eq!(frame["type"], "text", "the session is not ended");
                if frame["preemptible"] == false {
                    self.saying.push_str(frame["token"].as_str().unwrap());
                    self.is_whole |= frame["last"] == true;
                }
            }
            let has_come = match what {
                "word" => !self.saying.trim().is_empty(),
                _ => self.is_whole,
            };
            if has_come {
                let saying = std::mem::take(&mut self.saying);
                self.is_whole = false;
                self.before = std::mem::replace(&mut self.said, saying.trim().to_owned());
                return;
            }
            self.call.after(TICK).await;
        }
        panic!("no {what}");
    }

    async fn expect_asked(&self, expected: &Value) {
        let asked = || {
            let requests = self.fake.model_requests();
            let newest = requests.last().map(|request| request["messages"].clone());
            let messages = newest.as_ref().and_then(Value::as_array);
            let contents = messages.into_iter().flatten().skip(1);
            contents
                .map(|message| message["content"].clone())
                .collect::<Value>()
        };
        for _ in 0..TICKS {
            if asked() == *expected {
                return;
            }
            self.call.after(TICK).await;
        }
        assert_eq!(asked(), *expected);
    }

    fn expect_logged(&self, expected: &Value) {
        let expected = expected.as_object().unwrap();
        let events = self.fake.events_named(expected["event"].as_str().unwrap());
        let fits = |event: &Value| expected.iter().all(|(name, value)| event[name] == *value);
        assert!(events.iter().any(fits), "{expected:?} of {events:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn recorded_sessions_are_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/calls");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut names = SESSIONS.map(|name| format!("{name}.jsonl"));
    files.sort();
    names.sort();
    assert_eq!(files, names, "each session is replayed");
    for name in SESSIONS {
        println!("{name}");
        let text = fs::read_to_string(format!("{folder}/{name}.jsonl")).unwrap();
        let mut replay = Replay::new().await;
        for line in text.lines() {
            println!("  {line}");
            replay.play(&serde_json::from_str(line).unwrap()).await;
        }
        let log = replay.fake.log_text();
        for secret in ["never answered", "boat", "15550100", &replay.call.sid] {
            assert!(!log.contains(secret), "{name} logs {secret}");
        }
    }
}
