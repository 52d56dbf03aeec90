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
    let Some(choice) = answer.pointer_mut("/choices/0") else {
        return Payload::Json(answer);
    };
    let Some(text) = choice["message"]["content"].as_str().map(str::to_owned) else {
        return Payload::Json(answer);
    };
    let (first, second) = halves(&text);
    match fault {
        BodyFault::Parts => {
            choice["message"]["content"] = json!([
                {"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]},
                {"type": "text", "text": first},
                {"type": "text", "text": second},
            ]);
        }
        BodyFault::RefusalParts => {
            choice["message"]["content"] = json!([{"type": "refusal", "refusal": REFUSAL}]);
        }
        BodyFault::Thoughts => {
            let said = format!("<think>\n{THOUGHT}\n</think>\n\n{text}");
            choice["message"]["content"] = said.into();
        }
        BodyFault::BareThoughts => {
            choice["message"]["content"] = format!("{THOUGHT}\n</think>\n\n{text}").into();
        }
        BodyFault::OnlyThoughts => {
            choice["message"]["content"] = format!("<think>\n{THOUGHT}").into();
            choice["finish_reason"] = "length".into();
        }
        BodyFault::Channels => {
            let said = format!(
                "<|channel|>analysis<|message|>{THOUGHT}<|end|>\
                 <|start|>assistant<|channel|>final<|message|>{text}<|return|>"
            );
            choice["message"]["content"] = said.into();
        }
        BodyFault::OddFields => {
            choice["index"] = "0".into();
            choice["logprobs"] = 7.into();
            choice["finish_reason"] = "eos".into();
            choice["message"]["tool_calls"] = "none".into();
            choice["message"]["reasoning_content"] = THOUGHT.into();
            answer["created"] = "just now".into();
            answer["error"] = Value::Null;
        }
        BodyFault::OddUsage => {
            answer["usage"] =
                json!({"prompt_tokens": null, "completion_tokens": 10.5, "total_tokens": -35});
        }
        BodyFault::ErrorIn200 => return Payload::Json(json!({"error": error(502)})),
        BodyFault::RateLimitIn200 => return Payload::Json(json!({"error": error(429)})),
        BodyFault::ErrorInChoice => {
            choice["message"]["content"] = first.into();
            choice["error"] = error(502);
        }
        BodyFault::FinishError => {
            choice["message"]["content"] = first.into();
            choice["finish_reason"] = "error".into();
        }
        BodyFault::Surrogate | BodyFault::InvalidUtf8 => {
            const PLACE: char = '\u{E000}';
            choice["message"]["content"] = format!("{text} {PLACE}").into();
            let json = answer.to_string();
            let (before, behind) = json.split_once(PLACE).unwrap_or((&json, ""));
            let odd: &[u8] = match fault {
                BodyFault::Surrogate => br"\ud83d",
                _ => b"\xF0\x9F",
            };
            return raw([before.as_bytes(), odd, behind.as_bytes()].concat());
        }
        BodyFault::Bom => return raw(format!("\u{FEFF}{answer}").into()),
        BodyFault::Comments => {
            const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";
            return raw(format!("{COMMENT}\n{COMMENT}{answer}\n\ndata: [DONE]\n\n").into());
        }
        BodyFault::Stream => return Payload::Events(events),
        BodyFault::StreamCut => return Payload::Events(beginning(events)),
        BodyFault::StreamError => {
            let mut events = beginning(events);
            let end = json!([{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]);
            let chunk = json!({"error": error(502), "choices": end});
            events.push(format!("data: {chunk}\n\n"));
            return Payload::Events(events);
        }
        _ => {}
    }
    Payload::Json(answer)
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
