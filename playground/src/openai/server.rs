//! Other servers than OpenAI, and other accounts: what they refuse, in their own words and shape.
//!
//! A directive chooses one, so that all attempts of a turn meet the same.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::model_rules;
use super::persona;
use super::problem::{Problem, error_reply, usual_headers};
use super::score;
use super::thoughts;
use crate::fault::{Endpoint, Fault, Server, Service};
use crate::http::call::Call;
use crate::http::reply::Reply;

/// The most messages that a server with a small context reads, the prompt included.
const MOST_MESSAGES: usize = 6;

/// Fields that OpenAI added lately.
const NEW_FIELDS: [&str; 4] = [
    "max_completion_tokens",
    "prompt_cache_key",
    "reasoning_effort",
    "safety_identifier",
];

/// The endpoint that a request is for.
pub fn endpoint(call: &Call) -> Option<Endpoint> {
    match call.path.as_str() {
        "/v1/chat/completions" => Some(Endpoint::First),
        "/fallback/v1/chat/completions" => Some(Endpoint::Second),
        _ => None,
    }
}

/// The text in which a directive counts: the newest message of the user. A request of a persona in a
/// call, or for the score of one, has it in what the system says: there are the texts of persona and
/// scenario, and a line that is only quoted is no directive.
pub fn fault_text(call: &Call) -> String {
    let fields = fields(call).unwrap_or_default();
    let messages = fields.get("messages").and_then(Value::as_array);
    let of_roles = |roles: &[&str]| -> Vec<String> {
        let is_of = |message: &&Value| {
            let role = message.get("role").and_then(Value::as_str);
            role.is_some_and(|role| roles.contains(&role))
        };
        let found = messages.into_iter().flatten().filter(is_of);
        found
            .filter_map(|message| message.get("content").map(text))
            .collect()
    };
    let form = fields.get("response_format");
    let name = form.and_then(|form| form.pointer("/json_schema/name")?.as_str());
    if matches!(name, Some(persona::NAME | score::NAME)) {
        of_roles(&["system", "developer"]).join("\n")
    } else {
        of_roles(&["user"]).pop().unwrap_or_default()
    }
}

/// The server that the directive of a request names, if it is meant for this endpoint.
pub fn of_directive(call: &Call) -> Option<Server> {
    let fault = Fault::from_text(Service::Openai, &fault_text(call)).ok()??;
    let is_meant = fault.endpoint.is_none() || fault.endpoint == endpoint(call);
    fault.server.filter(|_| is_meant)
}

/// The answer of that server, if it refuses the request.
pub fn refusal(server: Server, call: &Call) -> Option<Reply> {
    let fields = fields(call)?;
    let problem = match server {
        Server::Old => {
            fields.get("max_completion_tokens")?;
            model_rules::unsupported("max_completion_tokens", " Use 'max_tokens' instead.")
        }
        Server::Strict => return extra_fields(&fields),
        Server::SmallContext => {
            let count = fields.get("messages")?.as_array()?.len();
            if count <= MOST_MESSAGES {
                return None;
            }
            let message = "This model's maximum context length is 4097 tokens. However, your \
                           messages resulted in 5021 tokens. Please reduce the length of the \
                           messages.";
            Problem::invalid(message.to_owned())
                .param("messages")
                .code("context_length_exceeded")
        }
        Server::NoImages => {
            let messages = fields.get("messages")?.as_array()?;
            let is_image = |part: &Value| part.get("type") == Some(&"image_url".into());
            messages
                .iter()
                .filter_map(|message| message.get("content")?.as_array())
                .flatten()
                .find(|part| is_image(part))?;
            let message = "Invalid content type. image_url is only supported by certain models.";
            Problem::invalid(message.to_owned()).param("messages")
        }
        Server::Filter => return Some(filtered()),
        Server::NoCredit => {
            return Some(error_reply(402, None));
        }
        Server::NoModel => return Some(error_reply(404, None)),
        Server::Signatures | Server::Thoughts => return thoughts::refusal(server, &fields),
    };
    Some(problem.reply())
}

/// Pydantic's list of the fields that are not permitted.
fn extra_fields(fields: &Map<String, Value>) -> Option<Reply> {
    let extra: Vec<Value> = NEW_FIELDS
        .into_iter()
        .filter_map(|name| Some((name, fields.get(name)?)))
        .map(|(name, value)| {
            json!({
                "type": "extra_forbidden", "loc": ["body", name],
                "msg": "Extra inputs are not permitted", "input": value
            })
        })
        .collect();
    let body = json!({ "detail": extra });
    let reply = Reply::json(StatusCode::UNPROCESSABLE_ENTITY, body);
    (!extra.is_empty()).then_some(reply)
}

/// The answer of Azure's filter.
fn filtered() -> Reply {
    let body = json!({"error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content \
                    management policy. Please modify your prompt and retry.",
        "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"hate": {"filtered": true, "severity": "high"}}
        }
    }});
    Reply {
        headers: usual_headers(),
        ..Reply::json(StatusCode::BAD_REQUEST, body)
    }
}

/// The fields of a request.
fn fields(call: &Call) -> Option<Map<String, Value>> {
    serde_json::from_slice(&call.body).ok()
}

/// The text of a message's content.
fn text(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    let in_parts: String = parts
        .filter_map(|part| part.get("text")?.as_str())
        .collect();
    content.as_str().map_or(in_parts, str::to_owned)
}
