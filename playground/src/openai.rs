//! The mock OpenAI: `POST /v1/chat/completions`, plain and streamed, as strict about the request as the real one.
//!
//! It covers what a client of Chat Completions with text and pictures can meet. The models that it knows are in `models.rs`,
//! what they say is in `answer.rs`, how they see pictures in `image_check.rs`; tools and audio are accepted in the request and
//! ignored.

use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use chrono::NaiveDate;
use serde_json::{Map, Value, json};

use crate::answer;
use crate::exchange::{Authorization, Call, Payload, Playground, Prepared, Reply};
use crate::fault::{BodyFault, ErrorOverrides, Service, without_directives};
use crate::image_check::{self, Seen};
use crate::models::{self, Model, reasoning_tokens};
use crate::random_hex;
use crate::request_log::now_ms;

/// Looks at the bearer key. Any key is good if the playground was given none.
pub fn authorize(playground: &Playground, call: &Call) -> Authorization {
    let granted = call.credential("bearer").is_some_and(|key| {
        !key.is_empty()
            && playground
                .openai_key
                .as_deref()
                .is_none_or(|right| right == key)
    });
    Authorization {
        granted,
        token_index: None,
    }
}

/// Checks an authorized request. `today` decides which models there still are.
///
/// # Errors
/// The answer to a request that the real API would refuse too.
pub fn prepare(call: &Call, today: NaiveDate) -> Result<Prepared<'static>, Reply> {
    if call.path != "/v1/chat/completions" {
        let message = format!("There is nothing at {} {}.", call.method, call.path);
        return Err(Problem::invalid(message).status(404).reply());
    }
    if call.method != Method::POST {
        let message = format!("{} is not possible here, only POST.", call.method);
        return Err(Problem::invalid(message)
            .code("method_not_supported")
            .status(405)
            .reply());
    }
    let request = Request::read(call, today).map_err(Problem::reply)?;
    Ok(Prepared {
        spoken: request.user_messages.last().cloned().unwrap_or_default(),
        deprecation: request.model.deprecation(),
        act: Box::new(move |fault| request.complete(fault)),
    })
}

/// The usual error for `status`, with the overrides of a fault.
pub fn error_reply(status: u16, overrides: Option<&ErrorOverrides>) -> Reply {
    let mut problem = Problem::usual(status);
    if let Some(overrides) = overrides {
        if let Some(code) = &overrides.code {
            problem.code = code.clone();
            if code == "insufficient_quota" {
                problem.kind = "insufficient_quota".to_owned();
                problem.message =
                    "The quota of this account is used up; see its plan and billing.".to_owned();
            }
        }
        if let Some(kind) = &overrides.kind {
            problem.kind.clone_from(kind);
        }
        if let Some(message) = &overrides.message {
            problem.message.clone_from(message);
        }
        if let Some(param) = &overrides.param {
            problem.param = param.clone().into();
        }
    }
    problem.reply()
}

/// A request that is in order.
struct Request {
    model: &'static Model,
    user_messages: Vec<String>,
    /// The pictures of the newest user message.
    seen: Vec<Seen>,
    prompt_tokens: u64,
    /// What it spends on reasoning, if it may.
    reasoning_tokens: u64,
    max_tokens: Option<u64>,
    choices: u64,
    stream: bool,
    include_usage: bool,
}

/// What the model came up with.
struct Completion {
    content: Option<String>,
    refusal: Option<String>,
    finish_reason: &'static str,
    /// What it cost before the first word.
    reasoning_tokens: u64,
}

impl Request {
    fn read(call: &Call, today: NaiveDate) -> Result<Self, Problem> {
        if call.content_type() != "application/json" {
            let message = "The content type must be application/json.";
            return Err(Problem::invalid(message.to_owned()).code("unsupported_content_type"));
        }
        let body: Value = serde_json::from_slice(&call.body).map_err(|error| {
            Problem::invalid(format!("The body of the request is not JSON: {error}."))
        })?;
        let Value::Object(fields) = body else {
            return Err(Problem::invalid(
                "The body of the request must be a JSON object.".to_owned(),
            ));
        };
        check_fields(&fields)?;
        let model = find_model(&fields, today)?;
        check_combinations(&fields, model)?;
        let messages = fields
            .get("messages")
            .and_then(Value::as_array)
            .ok_or_else(|| missing("messages"))?;
        if messages.is_empty() {
            return Err(Problem::invalid(
                "'messages' is empty; at least one is needed.".to_owned(),
            )
            .param("messages")
            .code("empty_array"));
        }
        let (mut user_messages, mut seen) = (Vec::new(), Vec::new());
        let mut prompt_tokens: u64 = 3;
        for (index, message) in messages.iter().enumerate() {
            let (role, Said { text, pictures }) = read_message(index, message)?;
            let of_pictures =
                TOKENS_A_PICTURE.saturating_mul(u64::try_from(pictures.len()).unwrap_or(u64::MAX));
            prompt_tokens = prompt_tokens
                .saturating_add(tokens(&text))
                .saturating_add(of_pictures)
                .saturating_add(4);
            if role == "user" {
                user_messages.push(text);
                seen = pictures;
            }
        }
        let number = |name: &str| fields.get(name).and_then(Value::as_u64);
        Ok(Self {
            model,
            user_messages,
            seen,
            prompt_tokens,
            reasoning_tokens: reasoning_tokens(effort(&fields, model)),
            max_tokens: number("max_completion_tokens").or_else(|| number("max_tokens")),
            choices: number("n").unwrap_or(1),
            stream: fields.get("stream") == Some(&Value::Bool(true)),
            include_usage: fields
                .get("stream_options")
                .and_then(|options| options.get("include_usage"))
                == Some(&Value::Bool(true)),
        })
    }

    fn complete(&self, fault: Option<BodyFault>) -> Reply {
        let completion = self.think(fault);
        let said = completion
            .content
            .as_deref()
            .or(completion.refusal.as_deref())
            .map_or(0, tokens);
        let reasoned = completion.reasoning_tokens.saturating_mul(self.choices);
        let spent = said.saturating_mul(self.choices).saturating_add(reasoned);
        let usage = json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": spent,
            "total_tokens": self.prompt_tokens.saturating_add(spent),
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoned,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0
            }
        });
        let id = format!("chatcmpl-{}", random_hex());
        let created = now_ms().div_euclid(1000);
        let payload = if self.stream {
            Payload::Events(self.events(&id, created, &completion, &usage))
        } else {
            let choices = if fault == Some(BodyFault::NoChoices) {
                0
            } else {
                self.choices
            };
            let choices: Vec<Value> = (0..choices).map(|index| completion.choice(index)).collect();
            Payload::Json(json!({
                "id": id,
                "object": "chat.completion",
                "created": created,
                "model": self.model.snapshot,
                "choices": choices,
                "usage": usage,
                "service_tier": "default",
                "system_fingerprint": FINGERPRINT
            }))
        };
        Reply {
            status: StatusCode::OK,
            headers: usual_headers(),
            payload,
        }
    }

    /// The completion, with the fault that shows inside a well-formed answer.
    fn think(&self, fault: Option<BodyFault>) -> Completion {
        let heard: Vec<String> = self
            .user_messages
            .iter()
            .map(|text| without_directives(Service::Openai, text))
            .collect();
        let full = format!(
            "{}{}",
            image_check::described(&self.seen),
            answer::answer(&heard)
        );
        let reasoning_tokens = self.reasoning_tokens;
        let ended = |finish_reason, content| Completion {
            content,
            refusal: None,
            finish_reason,
            reasoning_tokens,
        };
        let stopped = |content| ended("stop", content);
        let limit = self.max_tokens.unwrap_or(MAX_OUTPUT);
        // Reasoning comes first, and nothing is left for the text.
        let used_up = || Completion {
            reasoning_tokens: limit,
            ..ended("length", Some(String::new()))
        };
        match fault {
            Some(BodyFault::EmptyAnswer) => stopped(Some(String::new())),
            Some(BodyFault::BlankAnswer) => stopped(Some(" \n ".to_owned())),
            Some(BodyFault::NullAnswer) => stopped(None),
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
                left if tokens(&full) > left => ended("length", Some(cut_to_tokens(&full, left))),
                _ => stopped(Some(full)),
            },
        }
    }

    /// The stream: for each choice the role, the words, the end; then the usage if wanted, and the last line.
    fn events(
        &self,
        id: &str,
        created: u64,
        completion: &Completion,
        usage: &Value,
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
            if self.include_usage
                && let Some(fields) = chunk.as_object_mut()
            {
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
            events.push(delta(index, json!({}), completion.finish_reason.into()));
        }
        if self.include_usage {
            events.push(chunk(json!([]), usage));
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }
}

impl Completion {
    fn choice(&self, index: u64) -> Value {
        json!({
            "index": index,
            "message": {
                "role": "assistant",
                "content": self.content,
                "refusal": self.refusal,
                "annotations": []
            },
            "logprobs": null,
            "finish_reason": self.finish_reason
        })
    }
}

/// An error of the API.
struct Problem {
    status: StatusCode,
    message: String,
    kind: String,
    param: Value,
    code: Value,
}

impl Problem {
    fn invalid(message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message,
            kind: "invalid_request_error".to_owned(),
            param: Value::Null,
            code: Value::Null,
        }
    }

    /// What the API says with this status when nothing special is known.
    fn usual(status: u16) -> Self {
        let (message, kind, code) = match status {
            401 => (
                "No API key, or one that is not valid here. Send it as `Authorization: Bearer …`.",
                "invalid_request_error",
                "invalid_api_key".into(),
            ),
            403 => (
                "This key may not do that.",
                "invalid_request_error",
                "permission_denied".into(),
            ),
            404 => (
                "There is no such model, or this key may not use it.",
                "invalid_request_error",
                "model_not_found".into(),
            ),
            413 => (
                "The request is too large.",
                "invalid_request_error",
                "request_too_large".into(),
            ),
            429 => (
                "Too many requests a minute for this model. Try again a little later.",
                "requests",
                "rate_limit_exceeded".into(),
            ),
            503 => (
                "The engine is overloaded at the moment. Try again later.",
                "server_error",
                Value::Null,
            ),
            500.. => ("The server failed to do this.", "server_error", Value::Null),
            _ => (
                "The request cannot be served.",
                "invalid_request_error",
                Value::Null,
            ),
        };
        let mut problem = Self::invalid(message.to_owned()).status(status);
        problem.kind = kind.to_owned();
        problem.code = code;
        problem
    }

    fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        self
    }

    fn param(mut self, param: &str) -> Self {
        self.param = param.into();
        self
    }

    fn code(mut self, code: &str) -> Self {
        self.code = code.into();
        self
    }

    fn reply(self) -> Reply {
        let body = json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code
        }});
        Reply {
            headers: usual_headers(),
            ..Reply::json(self.status, body)
        }
    }
}

const FINGERPRINT: &str = "fp_playground";
/// Longer than ten messages of 1600 characters.
const OVERLONG: usize = 20_000;
/// The most tokens of an answer where the request sets no limit: the models' own.
const MAX_OUTPUT: u64 = 128_000;
/// What a picture costs, in tokens, when it is looked at in low detail.
const TOKENS_A_PICTURE: u64 = 85;
/// About how many characters one token is.
const CHARACTERS_A_TOKEN: u64 = 4;
/// The longest text of one message, in characters.
const MAX_TEXT: usize = 1_048_576;

/// What a field of the request may hold. `null` stands for a field that is not there.
enum Kind {
    Text,
    ShortText(usize),
    OneOf(&'static [&'static str]),
    Flag,
    Whole(i64, i64),
    Number(f64, f64),
    List,
    Object,
    TextOrObject,
    TextOrList,
}

/// The documented top-level fields.
const FIELDS: [(&str, Kind); 36] = [
    ("messages", Kind::List),
    ("model", Kind::Text),
    ("audio", Kind::Object),
    ("frequency_penalty", Kind::Number(-2.0, 2.0)),
    ("function_call", Kind::TextOrObject),
    ("functions", Kind::List),
    ("logit_bias", Kind::Object),
    ("logprobs", Kind::Flag),
    ("max_completion_tokens", Kind::Whole(1, i64::MAX)),
    ("max_tokens", Kind::Whole(1, i64::MAX)),
    ("metadata", Kind::Object),
    ("modalities", Kind::List),
    ("n", Kind::Whole(1, 128)),
    ("parallel_tool_calls", Kind::Flag),
    ("prediction", Kind::Object),
    ("presence_penalty", Kind::Number(-2.0, 2.0)),
    ("prompt_cache_key", Kind::ShortText(64)),
    ("prompt_cache_options", Kind::Object),
    (
        "prompt_cache_retention",
        Kind::OneOf(&["in_memory", "in-memory", "24h"]),
    ),
    (
        "reasoning_effort",
        Kind::OneOf(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ),
    ("response_format", Kind::Object),
    ("safety_identifier", Kind::ShortText(64)),
    ("seed", Kind::Whole(i64::MIN, i64::MAX)),
    (
        "service_tier",
        Kind::OneOf(&["auto", "default", "flex", "scale", "priority", "fast"]),
    ),
    ("stop", Kind::TextOrList),
    ("store", Kind::Flag),
    ("stream", Kind::Flag),
    ("stream_options", Kind::Object),
    ("temperature", Kind::Number(0.0, 2.0)),
    ("tool_choice", Kind::TextOrObject),
    ("tools", Kind::List),
    ("top_logprobs", Kind::Whole(0, 20)),
    ("top_p", Kind::Number(0.0, 1.0)),
    ("user", Kind::Text),
    ("verbosity", Kind::OneOf(&["low", "medium", "high"])),
    ("web_search_options", Kind::Object),
];

/// Checks names and types of the top-level fields.
fn check_fields(fields: &Map<String, Value>) -> Result<(), Problem> {
    for (name, value) in fields {
        let Some((_, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            return Err(unrecognized(name));
        };
        if !value.is_null() {
            check_value(name, value, kind)?;
        }
    }
    let options = fields.get("stream_options").and_then(Value::as_object);
    for (name, value) in options.into_iter().flatten() {
        let path = format!("stream_options.{name}");
        match name.as_str() {
            "include_usage" | "include_obfuscation" => check_value(&path, value, &Kind::Flag)?,
            _ => return Err(unknown(&path)),
        }
    }
    Ok(())
}

fn check_value(name: &str, value: &Value, kind: &Kind) -> Result<(), Problem> {
    let out_of_range = |range: String| {
        Problem::invalid(format!("'{name}' must be {range}, not {value}."))
            .param(name)
            .code("value_out_of_range")
    };
    let wanted = match kind {
        Kind::Text if value.is_string() => return Ok(()),
        Kind::Text => "a string",
        Kind::ShortText(limit) => match value.as_str() {
            Some(text) if text.chars().count() <= *limit => return Ok(()),
            Some(_) => {
                return Err(Problem::invalid(format!(
                    "'{name}' is longer than {limit} characters."
                ))
                .param(name)
                .code("string_above_max_length"));
            }
            None => "a string",
        },
        Kind::OneOf(words) => match value.as_str() {
            Some(text) if words.contains(&text) => return Ok(()),
            Some(text) => {
                return Err(Problem::invalid(format!(
                    "Invalid value: '{text}'. Supported values are: {}.",
                    listed(words)
                ))
                .param(name)
                .code("invalid_value"));
            }
            None => "a string",
        },
        Kind::Flag if value.is_boolean() => return Ok(()),
        Kind::Flag => "a boolean",
        Kind::Whole(least, most) => match value.as_i64() {
            Some(number) if (least..=most).contains(&&number) => return Ok(()),
            Some(_) if *most == i64::MAX => return Err(out_of_range(format!("at least {least}"))),
            Some(_) => return Err(out_of_range(format!("from {least} to {most}"))),
            None => "an integer",
        },
        Kind::Number(least, most) => match value.as_f64() {
            Some(number) if (least..=most).contains(&&number) => return Ok(()),
            Some(_) => return Err(out_of_range(format!("from {least} to {most}"))),
            None => "a number",
        },
        Kind::List if value.is_array() => return Ok(()),
        Kind::List => "an array",
        Kind::Object if value.is_object() => return Ok(()),
        Kind::Object => "an object",
        Kind::TextOrObject if value.is_string() || value.is_object() => return Ok(()),
        Kind::TextOrObject => "a string or an object",
        Kind::TextOrList if value.is_string() || value.is_array() => return Ok(()),
        Kind::TextOrList => "a string or an array",
    };
    Err(wrong_type(name, wanted, value))
}

fn find_model(fields: &Map<String, Value>, today: NaiveDate) -> Result<&'static Model, Problem> {
    let Some(name) = fields.get("model").and_then(Value::as_str) else {
        return Err(Problem::invalid("The request names no model.".to_owned()));
    };
    let gone = |message: String| {
        Problem::invalid(message)
            .status(404)
            .code("model_not_found")
    };
    let model = models::find(name).ok_or_else(|| {
        gone(format!(
            "The model `{name}` does not exist or you do not have access to it."
        ))
    })?;
    if !model.answers_on(today) {
        let page = "https://platform.openai.com/docs/deprecations";
        return Err(gone(format!(
            "The model `{name}` has been deprecated, learn more here: {page}"
        )));
    }
    Ok(model)
}

/// The effort that a request is answered with.
fn effort<'a>(fields: &'a Map<String, Value>, model: &Model) -> &'a str {
    fields
        .get("reasoning_effort")
        .and_then(Value::as_str)
        .unwrap_or(model.default_effort)
}

/// Refuses fields that do not go together, or not with this model.
fn check_combinations(fields: &Map<String, Value>, model: &Model) -> Result<(), Problem> {
    let given = |name: &str| fields.get(name).filter(|value| !value.is_null());
    let unsupported = |name: &str, instead: &str| {
        let message =
            format!("Unsupported parameter: '{name}' is not supported with this model.{instead}");
        Problem::invalid(message)
            .param(name)
            .code("unsupported_parameter")
    };
    let unsupported_value = |name: &str, value: &str, instead: &str| {
        let message = format!(
            "Unsupported value: '{name}' does not support {value} with this model. {instead}"
        );
        Problem::invalid(message)
            .param(name)
            .code("unsupported_value")
    };
    if given("max_tokens").is_some() && given("max_completion_tokens").is_some() {
        let message = "'max_tokens' and 'max_completion_tokens' cannot both be given.";
        return Err(Problem::invalid(message.to_owned())
            .param("max_tokens")
            .code("invalid_parameter_combination"));
    }
    if given("stream_options").is_some() && given("stream") != Some(&Value::Bool(true)) {
        let message = "'stream_options' needs 'stream' to be true.";
        return Err(Problem::invalid(message.to_owned()).param("stream_options"));
    }
    if given("top_logprobs").is_some() && given("logprobs") != Some(&Value::Bool(true)) {
        let message = "'top_logprobs' needs 'logprobs' to be true.";
        return Err(Problem::invalid(message.to_owned()).param("top_logprobs"));
    }
    if !model.reasons() {
        return match given("reasoning_effort") {
            Some(_) => Err(unrecognized("reasoning_effort")),
            None => Ok(()),
        };
    }
    if given("max_tokens").is_some() {
        return Err(unsupported(
            "max_tokens",
            " Use 'max_completion_tokens' instead.",
        ));
    }
    if let Some(effort) = given("reasoning_effort").and_then(Value::as_str)
        && !model.efforts.contains(&effort)
    {
        let instead = format!("Supported values are: {}.", listed(model.efforts));
        return Err(unsupported_value(
            "reasoning_effort",
            &format!("'{effort}'"),
            &instead,
        ));
    }
    for name in ["temperature", "top_p"] {
        if let Some(value) = given(name)
            && value
                .as_f64()
                .is_some_and(|number| (number - 1.0).abs() > f64::EPSILON)
        {
            return Err(unsupported_value(
                name,
                &value.to_string(),
                "Only the default (1) value is supported.",
            ));
        }
    }
    for name in [
        "frequency_penalty",
        "presence_penalty",
        "logprobs",
        "logit_bias",
        "stop",
    ] {
        if given(name)
            .is_some_and(|value| value.as_f64() != Some(0.0) && *value != Value::Bool(false))
        {
            return Err(unsupported(name, ""));
        }
    }
    let has_tools = given("tools")
        .and_then(Value::as_array)
        .is_some_and(|tools| !tools.is_empty());
    if has_tools && !model.tools_with_reasoning && effort(fields, model) != "none" {
        let message = format!(
            "Function tools with reasoning_effort are not supported for {} in /v1/chat/completions. To use function tools, use \
             /v1/responses or set reasoning_effort to 'none'.",
            model.name
        );
        return Err(Problem::invalid(message).param("reasoning_effort"));
    }
    Ok(())
}

/// Words as the API lists them: `'a', 'b', and 'c'`.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{}, and {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What a message says and shows.
#[derive(Default)]
struct Said {
    text: String,
    pictures: Vec<Seen>,
}

/// Checks one message and gives its role and its content.
fn read_message(index: usize, message: &Value) -> Result<(&str, Said), Problem> {
    let path = format!("messages[{index}]");
    let Some(fields) = message.as_object() else {
        return Err(wrong_type(&path, "an object", message));
    };
    let role_path = format!("{path}.role");
    let role = match fields.get("role") {
        None => return Err(missing(&role_path)),
        Some(Value::String(role)) => role.as_str(),
        Some(other) => return Err(wrong_type(&role_path, "a string", other)),
    };
    let known: &[&str] = match role {
        "system" | "developer" | "user" => &["role", "content", "name"],
        "assistant" => &[
            "role",
            "content",
            "name",
            "refusal",
            "audio",
            "tool_calls",
            "function_call",
            "annotations",
        ],
        "tool" => &["role", "content", "tool_call_id"],
        _ => {
            return Err(Problem::invalid(format!(
                "'{role_path}' cannot be '{role}'; it can be system, developer, user, assistant or tool."
            ))
            .param(&role_path)
            .code("invalid_value"));
        }
    };
    if let Some(name) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown(&format!("{path}.{name}")));
    }
    for name in ["name", "tool_call_id", "refusal"] {
        if let Some(value) = fields.get(name).filter(|value| !value.is_null()) {
            check_value(&format!("{path}.{name}"), value, &Kind::Text)?;
        }
    }
    if role == "tool" && !fields.contains_key("tool_call_id") {
        return Err(missing(&format!("{path}.tool_call_id")));
    }
    let said = read_content(&path, role, fields)?;
    if said.text.chars().count() > MAX_TEXT {
        return Err(Problem::invalid(format!(
            "'{path}.content' is longer than {MAX_TEXT} characters."
        ))
        .param(&format!("{path}.content"))
        .code("string_above_max_length"));
    }
    Ok((role, said))
}

fn read_content(path: &str, role: &str, fields: &Map<String, Value>) -> Result<Said, Problem> {
    let path = format!("{path}.content");
    let parts = match fields.get("content") {
        Some(Value::String(text)) => {
            return Ok(Said {
                text: text.clone(),
                ..Said::default()
            });
        }
        Some(Value::Array(parts)) => parts,
        None | Some(Value::Null) if role == "assistant" => return Ok(Said::default()),
        None => return Err(missing(&path)),
        Some(other) => return Err(wrong_type(&path, "a string or an array", other)),
    };
    if parts.is_empty() {
        return Err(Problem::invalid(format!("'{path}' is an empty array."))
            .param(&path)
            .code("empty_array"));
    }
    let possible: &[&str] = match role {
        "user" => &["text", "image_url", "input_audio", "file"],
        "assistant" => &["text", "refusal"],
        _ => &["text"],
    };
    let mut said = Said::default();
    for (index, part) in parts.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let kind = part
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| missing(&format!("{path}.type")))?;
        if !possible.contains(&kind) {
            return Err(Problem::invalid(format!(
                "'{path}.type' cannot be '{kind}' in a message of {role}; it can be {}.",
                possible.join(", ")
            ))
            .param(&format!("{path}.type"))
            .code("invalid_value"));
        }
        let value = part
            .get(kind)
            .ok_or_else(|| missing(&format!("{path}.{kind}")))?;
        let expected = if matches!(kind, "text" | "refusal") {
            Kind::Text
        } else {
            Kind::Object
        };
        check_value(&format!("{path}.{kind}"), value, &expected)?;
        match kind {
            "text" => said.text.push_str(value.as_str().unwrap_or_default()),
            "image_url" => said
                .pictures
                .push(read_picture(&format!("{path}.image_url"), value)?),
            _ => {}
        }
    }
    Ok(said)
}

/// Checks an `image_url` and looks at the picture.
fn read_picture(path: &str, value: &Value) -> Result<Seen, Problem> {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match name.as_str() {
            "url" => check_value(&path, value, &Kind::Text)?,
            "detail" => check_value(&path, value, &Kind::OneOf(&["auto", "low", "high"]))?,
            _ => return Err(unknown(&path)),
        }
    }
    let path = format!("{path}.url");
    let url = value
        .get("url")
        .and_then(Value::as_str)
        .ok_or_else(|| missing(&path))?;
    image_check::look(url).map_err(|blind| {
        Problem::invalid(blind.message.to_owned())
            .param(&path)
            .code(blind.code)
    })
}

fn unrecognized(name: &str) -> Problem {
    Problem::invalid(format!("Unrecognized request argument supplied: {name}"))
}

fn unknown(path: &str) -> Problem {
    Problem::invalid(format!("There is no parameter '{path}'."))
        .param(path)
        .code("unknown_parameter")
}

fn missing(path: &str) -> Problem {
    Problem::invalid(format!("The parameter '{path}' is missing."))
        .param(path)
        .code("missing_required_parameter")
}

fn wrong_type(path: &str, wanted: &str, value: &Value) -> Problem {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Problem::invalid(format!("'{path}' must be {wanted}, but is {got}."))
        .param(path)
        .code("invalid_type")
}

fn usual_headers() -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (
            HeaderName::from_static("openai-version"),
            HeaderValue::from_static("2020-10-01"),
        ),
        (
            HeaderName::from_static("openai-processing-ms"),
            HeaderValue::from_static("1"),
        ),
    ];
    if let Ok(id) = HeaderValue::from_str(&format!("req_{}", random_hex())) {
        headers.push((HeaderName::from_static("x-request-id"), id));
    }
    headers
}

/// About how many tokens a text is.
fn tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count())
        .unwrap_or(u64::MAX)
        .div_ceil(CHARACTERS_A_TOKEN)
}

fn cut_to_tokens(text: &str, limit: u64) -> String {
    let characters =
        usize::try_from(limit.saturating_mul(CHARACTERS_A_TOKEN)).unwrap_or(usize::MAX);
    text.chars().take(characters).collect()
}
