//! The answer as servers send it that call themselves compatible with OpenAI.
//!
//! Each form was seen at a real one, which its fault names. Not here: the answer itself
//! (`completion`), and what no server means to send (`http::response`).

use axum::body::Bytes;
use axum::http::HeaderValue;
use serde_json::{Value, json};

use crate::fault::BodyFault;
use crate::http::reply::Payload;

/// The answer in the form of `fault`. `events` is the same answer as a stream.
pub fn altered(fault: BodyFault, mut answer: Value, events: Vec<String>) -> Payload {
    let text = answer.pointer("/choices/0/message/content");
    let Some(text) = text.and_then(Value::as_str).map(str::to_owned) else {
        return Payload::Json(answer);
    };
    if let Some(content) = content(fault, &text) {
        set(&mut answer, "/choices/0/message/content", content);
    }
    let mut set = |path, value| set(&mut answer, path, value);
    match fault {
        BodyFault::OnlyThoughts => set("/choices/0/finish_reason", "length".into()),
        BodyFault::FinishError => set("/choices/0/finish_reason", "error".into()),
        BodyFault::ErrorInChoice => set("/choices/0/error", error(502)),
        BodyFault::OddFields => {
            set("/choices/0/index", "0".into());
            set("/choices/0/logprobs", 7.into());
            set("/choices/0/finish_reason", "eos".into());
            set("/choices/0/message/tool_calls", "none".into());
            set("/choices/0/message/reasoning_content", THOUGHT.into());
            set("/created", "just now".into());
            set("/error", Value::Null);
        }
        BodyFault::OddUsage => set(
            "/usage",
            json!({"prompt_tokens": null, "completion_tokens": 10.5, "total_tokens": -35}),
        ),
        BodyFault::ErrorIn200 => return Payload::Json(json!({"error": error(502)})),
        BodyFault::RateLimitIn200 => return Payload::Json(json!({"error": error(429)})),
        BodyFault::Surrogate => return with_bytes(&answer, br"\ud83d"),
        BodyFault::InvalidUtf8 => return with_bytes(&answer, b"\xF0\x9F"),
        BodyFault::Bom => return raw(format!("\u{FEFF}{answer}").into()),
        BodyFault::Comments => {
            const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";
            return raw(format!("{COMMENT}\n{COMMENT}{answer}\n\ndata: [DONE]\n\n").into());
        }
        BodyFault::Stream
        | BodyFault::StreamCut
        | BodyFault::StreamError
        | BodyFault::StreamLate
        | BodyFault::StreamSlow
        | BodyFault::StreamStall => return Payload::Events(streamed(fault, events)),
        _ => {}
    }
    Payload::Json(answer)
}

/// The events of a stream in the form of `fault`. When they come is not decided here.
pub fn streamed(fault: BodyFault, events: Vec<String>) -> Vec<String> {
    match fault {
        BodyFault::StreamCut => beginning(events),
        BodyFault::StreamError | BodyFault::ErrorInChoice | BodyFault::FinishError => {
            let mut events = beginning(events);
            let end = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
            let chunk = json!({"error": error(502), "choices": end});
            events.push(format!("data: {chunk}\n\n"));
            events
        }
        BodyFault::ErrorIn200 => vec![format!("data: {}\n\n", json!({"error": error(502)}))],
        BodyFault::RateLimitIn200 => vec![format!("data: {}\n\n", json!({"error": error(429)}))],
        BodyFault::Comments => events
            .into_iter()
            .flat_map(|event| [": OPENROUTER PROCESSING\n\n".to_owned(), event])
            .collect(),
        _ => events,
    }
}

/// The text of an answer with thoughts in it, if `fault` says so.
pub fn with_thoughts(fault: BodyFault, text: &str) -> Option<String> {
    content(fault, text)?.as_str().map(str::to_owned)
}

/// The content in place of `text`, if it differs.
fn content(fault: BodyFault, text: &str) -> Option<Value> {
    let (first, second) = halves(text);
    let content = match fault {
        BodyFault::Parts => json!([
            {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
            {"type": "text", "text": first},
            {"type": "text", "text": second},
        ]),
        BodyFault::RefusalParts => json!([{"type": "refusal", "refusal": REFUSAL}]),
        BodyFault::Thoughts => format!("<think>\n{THOUGHT}\n</think>\n\n{text}").into(),
        BodyFault::BareThoughts => format!("{THOUGHT}\n</think>\n\n{text}").into(),
        BodyFault::OnlyThoughts => format!("<think>\n{THOUGHT}").into(),
        BodyFault::Channels => format!(
            "<|channel|>analysis<|message|>{THOUGHT}<|end|>\
             <|start|>assistant<|channel|>final<|message|>{text}<|return|>"
        )
        .into(),
        BodyFault::ErrorInChoice | BodyFault::FinishError => first.into(),
        BodyFault::Surrogate | BodyFault::InvalidUtf8 => format!("{text} {PLACE}").into(),
        _ => return None,
    };
    Some(content)
}

/// The place in a content where other bytes come.
const PLACE: char = '\u{E000}';

/// The answer with these bytes in its content.
fn with_bytes(answer: &Value, bytes: &[u8]) -> Payload {
    let json = answer.to_string();
    let (before, behind) = json.split_once(PLACE).unwrap_or((&json, ""));
    raw([before.as_bytes(), bytes, behind.as_bytes()].concat())
}

/// Sets the value at a path, whose last field may be new.
fn set(answer: &mut Value, path: &str, value: Value) {
    if let Some((parent, name)) = path.rsplit_once('/')
        && let Some(fields) = answer.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        fields.insert(name.to_owned(), value);
    }
}

const THOUGHT: &str = "This is a planted thought. The user wants an answer.";
const REFUSAL: &str = "I'd rather not help with that.";

/// The error of a gateway whose provider failed.
fn error(code: u16) -> Value {
    json!({
        "code": code,
        "message": "Provider returned error",
        "metadata": {"provider_name": "Playground"}
    })
}

/// A text in two parts.
fn halves(text: &str) -> (&str, &str) {
    let middle = text.chars().count().div_euclid(2);
    let at = text.char_indices().nth(middle).map_or(0, |(at, _)| at);
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The first half of a stream.
fn beginning(mut events: Vec<String>) -> Vec<String> {
    events.truncate(events.len().div_euclid(2));
    events
}

/// Bytes that are labelled as JSON.
fn raw(bytes: Vec<u8>) -> Payload {
    let json = HeaderValue::from_static("application/json");
    Payload::Bytes(json, vec![Bytes::from(bytes)])
}
