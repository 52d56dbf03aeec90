//! Responses of the services that the Worker calls, first of all chat completions.
//!
//! Not here: which response comes when (`fake_platform`, `simulation`).

use serde_json::{Value, json};
use switchboard::platform::HttpResponse;

/// A response with this status and body, without any header.
pub fn response(status: u16, body: impl Into<Vec<u8>>) -> HttpResponse {
    HttpResponse {
        status,
        retry_after: None,
        location: None,
        body: body.into(),
    }
}

/// A chat completion with this text.
pub fn completion(text: &str, finish_reason: &str) -> Value {
    let message = json!({ "role": "assistant", "content": text, "refusal": null });
    json!({ "choices": [{ "message": message, "finish_reason": finish_reason }] })
}
