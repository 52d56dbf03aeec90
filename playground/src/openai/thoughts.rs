//! What servers want to see again of the model's calls of tools: Gemini a signature in the first call,
//! DeepSeek the thoughts in the message.
//!
//! Both are added to an answer with calls, and looked for in the calls since the newest message of
//! the user. Any other server refuses these fields as unknown. Sources: Gemini, "Thought
//! signatures"; DeepSeek, "Thinking mode"; and the errors that users of both have reported.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use crate::fault::Server;
use crate::http::reply::Reply;

/// The thoughts of the mock model before a call.
const THOUGHTS: &str = "These are planted thoughts. The user wants to know, so a tool is called.";

/// Adds what the server wants to see again to the message of an answer.
pub fn add(server: Option<Server>, message: &mut Map<String, Value>) {
    let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) else {
        return;
    };
    match server {
        Some(Server::Signatures) => {
            // Of several calls at once, only the first has a signature.
            if let Some(call) = calls.first_mut() {
                let signature = signature(call);
                if let Some(call) = call.as_object_mut() {
                    let content = json!({"google": {"thought_signature": signature}});
                    call.insert("extra_content".to_owned(), content);
                }
            }
        }
        Some(Server::Thoughts) => {
            message.insert("reasoning_content".to_owned(), THOUGHTS.into());
        }
        _ => {}
    }
}

/// The answer to a request in which the server does not see again what it wants to.
pub fn refusal(server: Server, fields: &Map<String, Value>) -> Option<Reply> {
    let mut calling = since_the_newest(fields.get("messages")?.as_array()?);
    match server {
        Server::Signatures => {
            let wrong = calling.find_map(|message| {
                let first = message.pointer("/tool_calls/0")?;
                let given = first.pointer("/extra_content/google/thought_signature");
                (given != Some(&signature(first).into())).then_some((first, given.is_some()))
            });
            wrong.map(|(call, has_one)| refused_signature(call, has_one))
        }
        Server::Thoughts => {
            let is_missing = |message: &Value| {
                message.get("reasoning_content").and_then(Value::as_str) != Some(THOUGHTS)
            };
            calling.any(is_missing).then(|| {
                let message =
                    "The `reasoning_content` in the thinking mode must be passed back to the API.";
                let problem = Problem::invalid(message.to_owned());
                problem.code("invalid_request_error").reply()
            })
        }
        _ => None,
    }
}

/// Removes what only this server knows, so that the rest can be checked as OpenAI checks it.
pub fn strip(server: Option<Server>, messages: &mut Value) {
    for message in messages.as_array_mut().into_iter().flatten() {
        let Some(message) = message.as_object_mut() else {
            continue;
        };
        match server {
            Some(Server::Signatures) => {
                let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
                let calls = calls.into_iter().flatten().filter_map(Value::as_object_mut);
                calls.for_each(|call| {
                    call.remove("extra_content");
                });
            }
            Some(Server::Thoughts) => {
                message.remove("reasoning_content");
            }
            _ => {}
        }
    }
}

/// The messages with calls since the newest message of the user.
fn since_the_newest(messages: &[Value]) -> impl Iterator<Item = &Value> {
    let is_user = |message: &Value| message.get("role") == Some(&"user".into());
    let newest = messages.iter().rposition(is_user).unwrap_or_default();
    let calling = |message: &&Value| message.get("tool_calls").is_some();
    messages.iter().skip(newest).filter(calling)
}

/// The signature of a call. It depends on the call's id too, so that no other call has it.
fn signature(call: &Value) -> String {
    let part = |path: &str| {
        call.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let parts = [part("/function/name"), part("/id")];
    format!("planted signature of {}", parts.join(" "))
}

/// Gemini's words for a call whose signature is missing, or is not the one that was given.
fn refused_signature(call: &Value, has_one: bool) -> Reply {
    let name = call.pointer("/function/name").and_then(Value::as_str);
    let message = if has_one {
        "Invalid thought signature.".to_owned()
    } else {
        format!(
            "Function call is missing a thought_signature in functionCall parts. This is required \
             for tools to work correctly, and missing thought_signature may lead to degraded model \
             performance. Additional data, function call `default_api:{}` , position 2.",
            name.unwrap_or_default()
        )
    };
    let error = json!({"code": 400, "message": message, "status": "INVALID_ARGUMENT"});
    Reply::json(StatusCode::BAD_REQUEST, json!([{ "error": error }]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn answer(server: Server) -> Value {
        let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}});
        let mut message = json!({"role": "assistant", "tool_calls": [call("a"), call("b")]});
        add(Some(server), message.as_object_mut().unwrap());
        message
    }

    fn fields(messages: &Value) -> Map<String, Value> {
        let fields = json!({ "messages": messages });
        fields.as_object().unwrap().clone()
    }

    #[test]
    fn what_was_added_is_what_is_looked_for_and_removed() {
        let user = json!({"role": "user", "content": "Hi"});
        for server in [Server::Signatures, Server::Thoughts] {
            let seen = answer(server);
            assert!(refusal(server, &fields(&json!([user, seen]))).is_none());
            let mut messages = json!([user, seen]);
            strip(Some(server), &mut messages);
            let plain = answer(Server::Old);
            assert_eq!(messages, json!([user, plain]));
            assert!(refusal(server, &fields(&messages)).is_some());
            // What was called for an earlier message is not looked at.
            assert!(refusal(server, &fields(&json!([user, plain, user]))).is_none());
        }
    }

    #[test]
    fn a_signature_of_another_call_is_refused() {
        let mut seen = answer(Server::Signatures);
        *seen.pointer_mut("/tool_calls/0/id").unwrap() = "c".into();
        assert!(refusal(Server::Signatures, &fields(&json!([seen]))).is_some());
    }
}
