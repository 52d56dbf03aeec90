//! The completion: the text of the mock model in the shape of Chat Completions, plain or streamed.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer;
use super::compatible;
use super::image_check;
use super::intake;
use super::persona;
use super::problem::usual_headers;
use super::request::Request;
use super::score;
use super::shape::fitted;
use super::thoughts;
use super::tokens::{cut_to_tokens, tokens};
use super::tool_use::{Step, next};
use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::fault::{BodyFault, Fault, Service, without_directives};
use crate::http::reply::{Payload, Reply};

/// The result of the mock model.
struct Completion {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Vec<Value>,
    finish_reason: &'static str,
    /// The tokens that were spent before the first word.
    reasoning_tokens: u64,
}

impl Request {
    /// Answers the request.
    pub fn complete(&self, fault: Option<BodyFault>) -> Reply {
        let completion = self.completion(fault);
        let text_tokens = completion
            .content
            .as_deref()
            .or(completion.refusal.as_deref())
            .map_or(0, tokens)
            .saturating_add(completion.call_tokens());
        let reasoning_tokens = completion.reasoning_tokens.saturating_mul(self.choices);
        let completion_tokens = text_tokens
            .saturating_mul(self.choices)
            .saturating_add(reasoning_tokens);
        let usage = json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens.saturating_add(completion_tokens),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0
            }
        });
        let id = format!("chatcmpl-{}", random_hex());
        let created = now_ms().div_euclid(1000);
        let of_server = fault.filter(|fault| fault.is_of_compatible_server());
        let payload = if self.stream {
            let mut streamed = completion;
            if let (Some(fault), Some(text)) = (of_server, &streamed.content)
                && let Some(text) = compatible::with_thoughts(fault, text)
            {
                streamed.content = Some(text);
            }
            let events = self.events(&id, created, &streamed, &usage, self.include_usage);
            Payload::Events(match of_server {
                Some(fault) => compatible::streamed(fault, events),
                None => events,
            })
        } else {
            let choices = if fault == Some(BodyFault::NoChoices) {
                0
            } else {
                self.choices
            };
            let choices: Vec<Value> = (0..choices)
                .map(|index| self.choice(&completion, index))
                .collect();
            let answer = json!({
                "id": id,
                "object": "chat.completion",
                "created": created,
                "model": self.model.snapshot,
                "choices": choices,
                "usage": usage,
                "service_tier": "default",
                "system_fingerprint": FINGERPRINT
            });
            match of_server {
                Some(fault) => {
                    let events = self.events(&id, created, &completion, &usage, true);
                    compatible::altered(fault, answer, events)
                }
                None => Payload::Json(answer),
            }
        };
        Reply {
            status: StatusCode::OK,
            headers: usual_headers(),
            payload,
        }
    }

    /// The completion, with the faults that a well-formed answer can have.
    fn completion(&self, fault: Option<BodyFault>) -> Completion {
        let messages: Vec<String> = self
            .user_messages
            .iter()
            .map(|text| without_directives(Service::Openai, text))
            .collect();
        let (full, tool_calls) = self.said(&messages, fault);
        let reasoning_tokens = self.reasoning_tokens;
        let ended = |finish_reason, content| Completion {
            content,
            refusal: None,
            tool_calls: Vec::new(),
            finish_reason,
            reasoning_tokens,
        };
        let stopped = |content| ended("stop", content);
        let limit = self.max_tokens.unwrap_or(MAX_OUTPUT);
        // Reasoning comes first and leaves no tokens for the text.
        let used_up = || Completion {
            reasoning_tokens: limit,
            ..ended("length", Some(String::new()))
        };
        match fault {
            Some(BodyFault::EmptyAnswer) => stopped(Some(String::new())),
            Some(BodyFault::BlankAnswer) => stopped(Some(" \n ".to_owned())),
            Some(BodyFault::NullAnswer) => stopped(None),
            Some(BodyFault::PlainAnswer) => stopped(Some(answer::answer(&messages))),
            Some(BodyFault::Overlong) => stopped(Some(answer::prose(OVERLONG))),
            Some(BodyFault::Refusal) => Completion {
                refusal: Some("I'd rather not help with that.".to_owned()),
                ..stopped(None)
            },
            Some(BodyFault::ContentFilter) => ended("content_filter", Some(String::new())),
            Some(BodyFault::LengthEmpty) => used_up(),
            Some(BodyFault::Length) => {
                let half = full.chars().count().div_ceil(2);
                ended("length", Some(full.chars().take(half).collect()))
            }
            _ => match limit.saturating_sub(reasoning_tokens) {
                0 => used_up(),
                _ if !tool_calls.is_empty() => Completion {
                    tool_calls,
                    ..ended("tool_calls", Some(full).filter(|text| !text.is_empty()))
                },
                left if tokens(&full) > left => ended("length", Some(cut_to_tokens(&full, left))),
                _ => stopped(Some(full)),
            },
        }
    }

    /// The text of the answer and its tool calls, without the faults of a body.
    fn said(&self, messages: &[String], fault: Option<BodyFault>) -> (String, Vec<Value>) {
        if let Some(form) = &self.form {
            let schema = &form.schema;
            let value = match form.name.as_str() {
                persona::NAME => {
                    let line = persona::line(&self.instructions, &self.spoken, fault);
                    fitted(schema, &line)
                }
                score::NAME => {
                    let score = score::score(schema, &self.instructions, messages, fault);
                    fitted(schema, &score)
                }
                _ => intake::extracted(schema, &self.instructions, messages),
            };
            return (value.to_string(), Vec::new());
        }
        let newest = self.user_messages.last().map_or("", String::as_str);
        let fault = Fault::from_text(Service::Openai, newest);
        let fault = fault.ok().flatten().and_then(|fault| fault.tool);
        let text = messages.last().map_or("", String::as_str);
        let text = format!("{text}{}", image_check::texts(&self.images));
        match next(&self.tools, &text, &self.done, fault) {
            Step::Call(calls, text) => (text.unwrap_or_default(), calls),
            Step::Say(text) => (text, Vec::new()),
            Step::Talk => {
                let draft = intake::draft(messages);
                let text = draft.unwrap_or_else(|| answer::answer(messages));
                let images = image_check::describe(&self.images);
                (format!("{images}{text}"), Vec::new())
            }
        }
    }

    fn choice(&self, completion: &Completion, index: u64) -> Value {
        let mut message = json!({
            "role": "assistant",
            "content": completion.content,
            "refusal": completion.refusal,
            "annotations": []
        });
        if let (Some(fields), false) = (message.as_object_mut(), completion.tool_calls.is_empty()) {
            fields.insert(
                "tool_calls".to_owned(),
                completion.tool_calls.clone().into(),
            );
            thoughts::add(self.server, fields);
        }
        json!({
            "index": index,
            "message": message,
            "logprobs": null,
            "finish_reason": completion.finish_reason
        })
    }

    /// The events of a stream. Each choice has its role, its words and its end. The usage follows
    /// if it is wanted, then the last line.
    fn events(
        &self,
        id: &str,
        created: u64,
        completion: &Completion,
        usage: &Value,
        include_usage: bool,
    ) -> Vec<String> {
        let chunk = |choices: Value, usage_here: &Value| {
            let mut chunk = json!({
                "id": id,
                "object": "chat.completion.chunk",
                "created": created,
                "model": self.model.snapshot,
                "service_tier": "default",
                "system_fingerprint": FINGERPRINT,
                "choices": choices
            });
            if include_usage && let Some(fields) = chunk.as_object_mut() {
                fields.insert("usage".to_owned(), usage_here.clone());
            }
            format!("data: {chunk}\n\n")
        };
        let delta = |index: u64, delta: Value, finish_reason: Value| {
            let choice = json!([{
                "index": index, "delta": delta, "logprobs": null, "finish_reason": finish_reason
            }]);
            chunk(choice, &Value::Null)
        };
        let mut events = Vec::new();
        for index in 0..self.choices {
            events.push(delta(
                index,
                json!({"role": "assistant", "content": "", "refusal": null}),
                Value::Null,
            ));
            let (name, text) = match (&completion.content, &completion.refusal) {
                (_, Some(refusal)) => ("refusal", refusal.as_str()),
                (content, None) => ("content", content.as_deref().unwrap_or_default()),
            };
            for word in text.split_inclusive(char::is_whitespace) {
                let mut fields = Map::new();
                fields.insert(name.to_owned(), word.into());
                events.push(delta(index, fields.into(), Value::Null));
            }
            for (number, call) in completion.tool_calls.iter().enumerate() {
                for delta_call in call_deltas(number, call) {
                    let fields = json!({"tool_calls": [delta_call]});
                    events.push(delta(index, fields, Value::Null));
                }
            }
            events.push(delta(index, json!({}), completion.finish_reason.into()));
        }
        if include_usage {
            events.push(chunk(json!([]), usage));
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }
}

/// A tool call in the parts of a stream: first its name, then its arguments in two halves.
fn call_deltas(number: usize, call: &Value) -> Vec<Value> {
    let mut first = call.clone();
    let arguments = first
        .pointer_mut("/function/arguments")
        .map(std::mem::take)
        .unwrap_or_default();
    if let Some(fields) = first.as_object_mut() {
        fields.insert("index".to_owned(), number.into());
    }
    let part = |arguments: Value| json!({"index": number, "function": {"arguments": arguments}});
    let rest = match arguments.as_str() {
        Some(text) => {
            let middle = text.chars().count().div_euclid(2);
            let at = text.char_indices().nth(middle).map_or(0, |(at, _)| at);
            let (one, two) = text.split_at_checked(at).unwrap_or((text, ""));
            vec![part(one.into()), part(two.into())]
        }
        None => vec![part(arguments)],
    };
    if let Some(empty) = first.pointer_mut("/function/arguments") {
        *empty = "".into();
    }
    std::iter::once(first).chain(rest).collect()
}

impl Completion {
    fn call_tokens(&self) -> u64 {
        let calls = self.tool_calls.iter();
        calls.map(|call| tokens(&call.to_string())).sum()
    }
}

const FINGERPRINT: &str = "fp_playground";
/// More than ten messages of 1600 characters.
const OVERLONG: usize = 20_000;
/// The token limit of a request that sets none. It is the limit of the models.
const MAX_OUTPUT: u64 = 128_000;
