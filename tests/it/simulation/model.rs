//! The fake model: answers, failures, and answers that come too late.
//!
//! Not here: what must hold of a request (`invariants::model`).

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Value, json};
use switchboard::{
    conversation::history::Turn,
    messaging::canned_replies,
    platform::{HttpError, HttpRequest, HttpResponse},
};

use super::{
    executor::{OUTSIDE, promise},
    fault_plan::Down,
    intake::Form,
    mutation::Mutation,
    object_ports::ObjectPlatform,
    state::Simulation,
    tools,
};
use crate::support::response::{completion, response};

impl Simulation {
    pub async fn ask_model(
        self: &Rc<Self>,
        platform: &ObjectPlatform,
        request: &HttpRequest,
        timeout: u64,
    ) -> Result<HttpResponse, HttpError> {
        let form = Form::of(request);
        let (turns, mut input) = said(request);
        if let Some(Form::Read(data)) = &form {
            input = data["message"].as_str().unwrap_or_default().to_owned();
        }
        if self.is(Mutation::JoinForgotten)
            && let Some((earlier, _)) = input.rsplit_once('\n')
        {
            input.truncate(earlier.len());
        }
        self.trace(|| {
            format!(
                "{:.6} asks the model, after {} turns: {}",
                platform.name,
                turns.len(),
                input.replace('\n', " | ")
            )
        });
        self.invariants.borrow_mut().asked(
            &platform.name,
            platform.number,
            &turns,
            &input,
            form.as_ref(),
            self.executor.now(),
        );
        let (results, allows_calls) = tools::of_request(request);
        let tokens =
            self.invariants
                .borrow_mut()
                .told_of_tools(&platform.name, platform.number, &results);
        let (mut leaving, answer) = (
            AtModel {
                sim: Rc::clone(self),
                name: platform.name.clone(),
                answer: None,
            },
            promise(),
        );
        let (give, take) = answer;
        let (sim, name) = (Rc::clone(self), platform.name.clone());
        let asked = Asked {
            second: !request.url.starts_with("https://api.openai.com/"),
            images: request.body.to_text().contains("\"image_url\""),
            turns: turns.len(),
            input,
            allows_calls,
            tokens,
            form,
        };
        let second = asked.second;
        let timeout = if self.is(Mutation::TimeNotShared) && !second {
            self.fault_plan.model_timeout
        } else {
            timeout
        };
        self.executor.spawn(
            OUTSIDE,
            async move { give.give(sim.model(&name, &asked).await) },
        );
        let answer = self.executor.within(timeout, take).await;
        let (response, number) = match answer {
            None => (Err(HttpError::Timeout), None),
            Some(None) => (Err(HttpError::Connection), None),
            Some(Some(answer)) => answer,
        };
        leaving.answer = number;
        let failed = !response
            .as_ref()
            .is_ok_and(|response| response.status == 200);
        self.failed_over
            .set(failed && !second && self.fault_plan.second);
        if second && number.is_some() {
            self.count("answers of the second endpoint");
        }
        self.trace(|| match &response {
            Ok(response) => format!(
                "{:.6} hears from the model: {} {}",
                platform.name,
                response.status,
                number.map_or(String::new(), |n| format!("answer#{n}"))
            ),
            Err(error) => format!("{:.6} hears from the model: {error}", platform.name),
        });
        match &response {
            Ok(response) if response.status == 200 => {}
            _ if self.is(Mutation::ApologyStored) => {
                let number = self
                    .invariants
                    .borrow_mut()
                    .add_answer(&platform.name, canned_replies::APOLOGY.to_owned());
                leaving.answer = Some(number);
                return Ok(answered(canned_replies::APOLOGY, "stop"));
            }
            _ => {}
        }
        response
    }

    async fn model(
        &self,
        name: &str,
        asked: &Asked,
    ) -> (Result<HttpResponse, HttpError>, Option<usize>) {
        if let Some(down) = self.fault_plan.first_down {
            self.sleep(self.random.between(50, 400)).await;
            match down {
                _ if asked.second => return self.say(name, asked),
                Down::Unreachable => return (Err(HttpError::Connection), None),
                Down::Hangs => std::future::pending().await,
                Down::Status(status) => return (Ok(response(status, "")), None),
            }
        }
        let slow = self.fault(self.fault_plan.model_slow, "slow answers of the model");
        self.sleep(if slow {
            self.random.between(3000, 70_000)
        } else {
            self.random.between(50, 2500)
        })
        .await;
        let status = |status: u16, body: &str| (Ok(response(status, body)), None);
        if self.fault(self.fault_plan.model_particular, "particular errors") {
            return (Ok(self.particular(name, asked)), None);
        }
        let fails = if asked.second {
            self.fault_plan.second_fails
        } else {
            self.fault_plan.model_fails
        };
        if self.fault(fails, "failures of the model") {
            let later = |seconds: &str| HttpResponse {
                retry_after: Some(seconds.to_owned()),
                ..response(429, "")
            };
            return match self.random.below(15) {
                0 => (Ok(later("2")), None),
                1 => (Ok(later("30")), None),
                2 => status(
                    429,
                    r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#,
                ),
                3 => status(500, "<html>"),
                4 => status(503, ""),
                5 => status(401, ""),
                6 => status(400, r#"{"error":{}}"#),
                7 => status(200, "<html>"),
                8 => status(200, r#"{"choices":[{"message":{"content":null}}]}"#),
                9 => status(
                    200,
                    r#"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#,
                ),
                // The model answers, but the response is lost.
                10 => (Err(HttpError::Unreadable), None),
                11 => {
                    self.count("errors inside a 200");
                    status(200, r#"{"error":{"code":502,"message":"m"}}"#)
                }
                12 => {
                    self.count("streams that broke off");
                    let end = if self.is(Mutation::CutStreamEnded) {
                        "data: [DONE]\n\n"
                    } else {
                        ""
                    };
                    (
                        Ok(response(200, format!("{}{end}", chunk("Half an")))),
                        None,
                    )
                }
                _ => (Err(HttpError::Connection), None),
            };
        }
        self.say(name, asked)
    }

    /// An answer, or calls of tools.
    fn say(&self, name: &str, asked: &Asked) -> (Result<HttpResponse, HttpError>, Option<usize>) {
        if let Some(form) = &asked.form {
            return (Ok(self.say_of_form(name, form)), None);
        }
        if asked.allows_calls
            && (self.fault_plan.tools || self.fault_plan.hands_over)
            && let Some(calls) = self.calls(name)
        {
            return (Ok(calls), None);
        }
        if self.fault(self.fault_plan.same_answers, "equal answers") {
            let text = format!("answer#same for {name:.6}");
            let number = self.invariants.borrow_mut().add_answer(name, text.clone());
            return (Ok(answered(&text, "stop")), Some(number));
        }
        let number = self.invariants.borrow().answers.len();
        let mut text = format!("answer#{number} to {}", asked.input.replace('\n', ", "));
        for token in &asked.tokens {
            text.push_str(&format!(", {token}"));
        }
        if self.fault(self.fault_plan.model_long, "answers of several parts") {
            for word in 0..self.random.between(50, 420) {
                text.push_str(&format!(" word{number}x{word}"));
            }
        }
        let (said, response) = match self.random.below(20) {
            0 => (format!("{text}…"), answered(&text, "length")),
            1 => {
                let refusal =
                    json!({ "choices": [{ "message": { "content": null, "refusal": text } }] });
                (text, response(200, refusal.to_string()))
            }
            form @ 2..=6 => {
                self.count("answers in the forms of other servers");
                let left_in = self.is(Mutation::ThoughtsWithoutTags);
                let answer = of_another_server(form, &text, left_in);
                (text, response(200, answer))
            }
            _ => (text.clone(), answered(&text, "stop")),
        };
        let number = self.invariants.borrow_mut().add_answer(name, said);
        (Ok(response), Some(number))
    }
}

/// The conversation and the new input in a request.
pub fn said(request: &HttpRequest) -> (Vec<Turn>, String) {
    #[derive(Deserialize)]
    struct Body {
        messages: Vec<Said>,
    }
    #[derive(Deserialize)]
    struct Said {
        role: String,
        content: Value,
        tool_calls: Option<Value>,
    }
    /// The text of a message, alone or beside images.
    fn text(content: Value) -> String {
        let beside = content.get(0).and_then(|part| part["text"].as_str());
        beside.or(content.as_str()).unwrap_or_default().to_owned()
    }
    let body: Body = serde_json::from_slice(&request.body.to_bytes()).unwrap();
    let said = body
        .messages
        .into_iter()
        .skip(1)
        // Behind the input are the rounds of tools.
        .take_while(|said| said.tool_calls.is_none());
    let (mut turns, mut input) = (Vec::new(), None);
    for said in said {
        let (is_user, words) = (said.role == "user", text(said.content));
        // While a person answered, one of the two may have said nothing.
        if is_user {
            let before = input.replace(words);
            turns.extend(before.map(|user| Turn {
                user,
                assistant: String::new(),
            }));
        } else {
            turns.push(Turn {
                user: input.take().unwrap_or_default(),
                assistant: words,
            });
        }
    }
    (turns, input.unwrap_or_default())
}

/// What a request asks.
struct Asked {
    /// Whether it is at the second endpoint.
    second: bool,
    images: bool,
    /// The turns of the conversation in it.
    turns: usize,
    input: String,
    /// Whether the model may call tools.
    allows_calls: bool,
    /// The tokens that tools have answered in this turn.
    tokens: Vec<String>,
    /// What is asked for an intake.
    form: Option<Form>,
}

impl Simulation {
    /// An error that names a cause which the product can act on.
    fn particular(&self, name: &str, asked: &Asked) -> HttpResponse {
        let mut invariants = self.invariants.borrow_mut();
        let code = |code: &str| json!({ "error": { "code": code } }).to_string();
        match self.random.below(5) {
            0 if asked.turns > 0 => {
                invariants.told_too_long(name, asked.turns);
                response(400, code("context_length_exceeded"))
            }
            1 if asked.images => {
                invariants.count("models without eyes");
                response(
                    400,
                    json!({ "error": "image input is not supported" }).to_string(),
                )
            }
            2 => response(404, code("model_not_found")),
            3 => response(402, ""),
            _ => {
                invariants.told_unsupported(name);
                let field = self.random.pick(&[
                    "max_completion_tokens",
                    "max_tokens",
                    "stream",
                    "reasoning_effort",
                    "response_format",
                ]);
                let error = json!({ "error": { "code": "unknown_parameter", "param": field } });
                response(400, error.to_string())
            }
        }
    }
}

/// A response with this answer.
fn answered(text: &str, finish_reason: &str) -> HttpResponse {
    response(200, completion(text, finish_reason).to_string())
}

/// The body with this answer, as another server than OpenAI sends it. `left_in` removes the tags around
/// its thoughts, so that nobody can tell them from the answer.
fn of_another_server(form: u64, text: &str, left_in: bool) -> String {
    const THOUGHT: &str = "I had better be brief.";
    let (open, close) = if left_in {
        ("", "")
    } else {
        ("<think>\n", "\n</think>\n\n")
    };
    let body = |content: Value| json!({ "choices": [{ "message": { "content": content } }] });
    match form {
        2 => body(format!("{open}{THOUGHT}{close}{text}").into()).to_string(),
        3 => {
            let thinking = json!({ "type": "thinking", "thinking": THOUGHT });
            body(json!([thinking, { "type": "text", "text": text }])).to_string()
        }
        4 => {
            let words: String = text.split_inclusive(' ').map(chunk).collect();
            format!("{words}data: [DONE]\n\n")
        }
        5 => body(format!("<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{text}").into()).to_string(),
        _ => format!("\u{FEFF}: PROCESSING\n\n{}\n", body(text.into())),
    }
}

/// A piece of a stream.
fn chunk(text: &str) -> String {
    let chunk = json!({ "choices": [{ "delta": { "content": text }, "finish_reason": null }] });
    format!("data: {chunk}\n\n")
}

struct AtModel {
    sim: Rc<Simulation>,
    name: String,
    answer: Option<usize>,
}

impl Drop for AtModel {
    fn drop(&mut self) {
        self.sim
            .invariants
            .borrow_mut()
            .model_left(&self.name, self.answer);
    }
}
