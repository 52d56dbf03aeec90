//! The fake model, and how a scripted act becomes a response.
//!
//! Not here: the fake Twilio (`twilio`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::platform::{Clock, HttpError, HttpOpened, HttpRequest, HttpResponse};

use super::{Act, FakePlatform, Piece, after, http::FakeBody};
use crate::support::response::{completion, response};

/// What is heard in a voice note, unless a test says otherwise.
pub const HEARD: &str = "Do you open on Sunday?";

impl FakePlatform {
    pub(super) async fn model_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let (body, act) = self.take_model_request(request);
        let guard = AtOnce::new(self);
        let answer = self
            .act(act, &mut |said| (200, said_by_model(self, &body, said)))
            .await;
        drop(guard);
        answer
    }

    /// The answer to a request whose answer is read in pieces. What is no stream comes in one piece.
    pub(super) async fn model_stream(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpOpened<FakeBody>, HttpError> {
        let (body, mut act) = self.take_model_request(request);
        let guard = AtOnce::new(self);
        while let Act::After(milliseconds, then) = act {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            act = *then;
        }
        if let Act::Stream(steps) = act {
            return Ok(FakeBody::stream(steps, request.limit, Some(guard)));
        }
        let response = self
            .act(act, &mut |said| (200, said_by_model(self, &body, said)))
            .await?;
        Ok(FakeBody::whole(response))
    }

    /// Notes a request to the model, and returns its body and how the model reacts.
    fn take_model_request(&self, request: &HttpRequest) -> (Value, Act) {
        let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
        refuse_malformed_tools(&body);
        self.0.model_requests.borrow_mut().push(body.clone());
        self.0
            .model_calls
            .borrow_mut()
            .push((self.now(), request.clone()));
        let scripted = self.0.model.borrow_mut().pop_front();
        (body, scripted.unwrap_or(after(100, Act::Say(""))))
    }

    pub(super) async fn transcription_answer(
        &self,
        request: &HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        self.0
            .transcribed
            .borrow_mut()
            .push(request.body.to_bytes());
        let act = self.0.transcriptions.borrow_mut().pop_front();
        let mut done = |said: &str| {
            let text = if said.is_empty() { HEARD } else { said };
            let usage = json!({ "type": "duration", "seconds": 2 });
            (200, json!({ "text": text, "usage": usage }).to_string())
        };
        let usual = after(100, Act::Say(""));
        self.act(act.unwrap_or(usual), &mut done).await
    }

    pub(super) async fn act(
        &self,
        mut act: Act,
        done: &mut dyn FnMut(&str) -> (u16, String),
    ) -> Result<HttpResponse, HttpError> {
        while let Act::After(milliseconds, then) = act {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            act = *then;
        }
        let (status, retry_after, body) = match act {
            Act::Say(text) => {
                let (status, body) = done(text);
                (status, None, body)
            }
            Act::Status(status, body) => (status, None, body.to_owned()),
            Act::Later(wait) => (429, Some(wait.to_owned()), String::new()),
            Act::Body(body) => (200, None, body.to_owned()),
            Act::Stream(steps) => (200, None, streamed(steps)?),
            Act::File(bytes) => return Ok(response(200, bytes)),
            Act::ThenDrop => {
                done("");
                return Err(HttpError::Connection);
            }
            Act::Drop | Act::After(..) => return Err(HttpError::Connection),
        };
        Ok(HttpResponse {
            retry_after,
            ..response(status, body)
        })
    }
}

/// How the model plays personas and judges.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Plays {
    never_says_goodbye: bool,
    makes_up_quotes: bool,
}

impl FakePlatform {
    /// No persona says goodbye any more.
    pub fn personas_never_say_goodbye(&self) {
        let plays = self.0.plays.get();
        self.0.plays.set(Plays {
            never_says_goodbye: true,
            ..plays
        });
    }

    /// The judge quotes what nobody said.
    pub fn judge_makes_up_quotes(&self) {
        let plays = self.0.plays.get();
        self.0.plays.set(Plays {
            makes_up_quotes: true,
            ..plays
        });
    }

    /// The line of a persona, or the scores of a judge, if the request asks for one. A conversation has eight lines.
    fn played(&self, request: &Value) -> Option<String> {
        let plays = self.0.plays.get();
        let format = &request["response_format"]["json_schema"];
        let messages = request["messages"].as_array().unwrap();
        match format["name"].as_str()? {
            "persona_line" => {
                // Both sides see as many messages as there are lines, and the prompt.
                let n = messages.len();
                let words = [
                    "apple", "river", "stone", "cloud", "tiger", "music", "paper", "winter",
                ];
                let say = format!(
                    "{} line of number {n}, {}",
                    words[n % 8],
                    words[(n * 3) % 8].repeat(n % 5)
                );
                let ends_call = !plays.never_says_goodbye && n >= 7;
                Some(json!({ "say": say, "ends_call": ends_call }).to_string())
            }
            "conversation_score" => {
                let words = messages.last().unwrap()["content"].as_str().unwrap();
                let transcript: Value = serde_json::from_str(words).unwrap();
                let quote = if plays.makes_up_quotes {
                    json!("You get a million.")
                } else {
                    transcript["lines"][0]["text"].clone()
                };
                let names = format["schema"]["properties"]["criteria"]["required"]
                    .as_array()
                    .unwrap();
                let verdict = |name: &Value| {
                    let verdict = json!({ "met": true, "quote": quote });
                    (name.as_str().unwrap().to_owned(), verdict)
                };
                let criteria: serde_json::Map<_, _> = names.iter().map(verdict).collect();
                let mood = json!({ "start": 0, "end": 1 });
                let rating = json!({ "value": 50, "because": names[0] });
                let scores = json!({
                    "criteria": criteria,
                    "resolution": "resolved",
                    "escalated": false,
                    "sentiment": { "agent": mood, "customer": mood },
                    "churn_risk": rating,
                    "propensity_to_buy": rating,
                    "satisfaction": rating,
                });
                Some(scores.to_string())
            }
            _ => None,
        }
    }
}

/// The completion with which the model answers a request. No text means the usual one.
fn said_by_model(fake: &FakePlatform, request: &Value, said: &str) -> String {
    let messages = request["messages"].as_array().unwrap();
    let played = fake.played(request).filter(|_| said.is_empty());
    let said = played.as_deref().unwrap_or(said);
    let last = match &messages.last().unwrap()["content"] {
        Value::Array(parts) => format!(
            "{} and {} pictures",
            parts[0]["text"].as_str().unwrap(),
            parts.len() - 1
        ),
        content => content.as_str().unwrap().to_owned(),
    };
    let text = if said.is_empty() {
        format!("answer to {last}")
    } else {
        said.to_owned()
    };
    let mut completion = completion(&text, "stop");
    completion["usage"] = json!({ "prompt_tokens": messages.len(), "completion_tokens": 1 });
    completion.to_string()
}

/// The whole stream, for who waits for its end.
fn streamed(steps: Vec<Piece>) -> Result<String, HttpError> {
    let mut whole = Vec::new();
    for step in steps {
        match step {
            Piece::Bytes(bytes) => whole.extend(bytes),
            Piece::Silence(_) => {}
            Piece::Break => return Err(HttpError::Unreadable),
        }
    }
    Ok(String::from_utf8(whole).unwrap())
}

/// Panics at a request with tools that OpenAI refuses: each call has exactly one result after it, and
/// `tool_choice` comes with tools.
fn refuse_malformed_tools(body: &Value) {
    assert!(body.get("tool_choice").is_none() || body.get("tools").is_some());
    let mut open: Vec<&str> = Vec::new();
    for message in body["messages"].as_array().unwrap() {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap();
            let at = open.iter().position(|other| *other == id);
            open.remove(at.expect("a result belongs to a call before it"));
            assert!(message["content"].is_string());
            continue;
        }
        assert!(open.is_empty(), "each call has a result");
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            assert_eq!(
                (&message["role"], &call["type"]),
                (&json!("assistant"), &json!("function"))
            );
            let arguments = call["function"]["arguments"].as_str().unwrap();
            serde_json::from_str::<Value>(arguments).unwrap();
            let id = call["id"].as_str().unwrap();
            assert!(id.len() <= 40 && !open.contains(&id));
            open.push(id);
        }
    }
    assert!(open.is_empty(), "each call has a result");
}

/// Counts a request to the model as long as it is kept.
pub(super) struct AtOnce(FakePlatform);

impl AtOnce {
    fn new(fake: &FakePlatform) -> Self {
        let (now, most) = fake.0.model_at_once.get();
        fake.0.model_at_once.set((now + 1, most.max(now + 1)));
        Self(fake.clone())
    }
}

impl Drop for AtOnce {
    fn drop(&mut self) {
        let (now, most) = self.0.0.model_at_once.get();
        self.0.0.model_at_once.set((now - 1, most));
    }
}
