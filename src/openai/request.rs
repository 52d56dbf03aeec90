//! The request: only parameters that every model accepts, the tools, and for OpenAI itself the
//! contact's pseudonym.
//!
//! Not here: sending it (`conversation::model_run`).

use std::borrow::Cow;

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    fields::{Facts, effort, sent},
    repeated::Repeated,
    tools::{self, Offer, OfferedTool, RepeatedCall, Round},
};
use crate::{
    base::{image::Image, url::AI_GATEWAY_HOST},
    config::{Assistant, Config, Endpoint, Field, Fields, SystemRole},
    identity::Pseudonym,
    platform::{HttpRequest, MAX_RESPONSE_BYTES},
};

/// What a request says: the prompt, the conversation so far, and the newest message with its images.
#[derive(Debug)]
pub struct RequestContent<'a, H> {
    /// The system prompt.
    pub prompt: &'a str,
    /// The earlier turns: what the contact said, and the answer.
    pub history: H,
    /// The contact's newest message.
    pub input: &'a str,
    /// The images that belong to it.
    pub images: &'a [Image],
    /// The rounds of tools since that message. What a tool said comes in messages of the role
    /// `tool` alone.
    pub rounds: &'a [Round],
    /// The number of the endpoint that is asked, as in the rounds.
    pub endpoint: usize,
    /// The tools that the model may call.
    pub offer: Offer<'a>,
    /// The schema of the answer, if it is JSON.
    pub schema: Option<&'a Value>,
    /// Whether the answer comes while the model writes it.
    pub streams: bool,
}

impl<H> RequestContent<'_, H> {
    /// What decides which optional fields the request has.
    #[must_use]
    pub fn facts(&self) -> Facts<'_> {
        let mut rounds = self.rounds.iter();
        Facts {
            offer: self.offer,
            has_schema: self.schema.is_some(),
            streams: self.streams,
            has_repeated: rounds.any(|round| round.has_repeated(self.endpoint)),
        }
    }
}

/// The request for the next turn of a conversation.
///
/// It has only parameters that every model accepts, without those that the endpoint does not know
/// (`omitted`). Reasoning models reject `temperature` and `stop`.
///
/// # Errors
/// When JSON cannot be written. Writing to memory never fails.
pub fn request<'h>(
    config: &Config,
    assistant: &Assistant,
    endpoint: &Endpoint,
    omitted: Fields,
    pseudonym: &Pseudonym,
    said: RequestContent<'h, impl Iterator<Item = (&'h str, &'h str)>>,
) -> Result<HttpRequest, serde_json::Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        messages: Vec<Message<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_effort: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_completion_tokens: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_tokens: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        stream_options: Option<StreamOptions>,
        #[serde(skip_serializing_if = "Option::is_none")]
        safety_identifier: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_key: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_choice: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tools: Option<Vec<OfferedTool<'a>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        response_format: Option<&'a Value>,
    }
    #[derive(Serialize)]
    struct StreamOptions {
        include_usage: bool,
    }
    let (offer, schema, streams) = (said.offer, said.schema, said.streams);
    let sent = sent(endpoint, omitted, said.facts());
    let images = said.images;
    let (limit, pseudonym) = (assistant.max_completion_tokens, pseudonym.as_str());
    let body = Body {
        model: &endpoint.model,
        messages: messages(config.openai_system_role, sent, said),
        reasoning_effort: effort(endpoint).filter(|_| sent.contains(Field::ReasoningEffort)),
        max_completion_tokens: sent.contains(Field::MaxCompletionTokens).then_some(limit),
        max_tokens: sent.contains(Field::MaxTokens).then_some(limit),
        stream: sent.contains(Field::Stream).then_some(streams),
        stream_options: sent
            .contains(Field::StreamOptions)
            .then_some(StreamOptions {
                include_usage: true,
            }),
        safety_identifier: sent.contains(Field::SafetyIdentifier).then_some(pseudonym),
        prompt_cache_key: sent.contains(Field::PromptCacheKey).then_some(pseudonym),
        tool_choice: sent.contains(Field::ToolChoice).then_some("none"),
        tools: sent.contains(Field::Tools).then(|| {
            let functions = offer.functions.iter();
            functions
                .map(|function| OfferedTool::Function {
                    function: *function,
                })
                .collect()
        }),
        response_format: schema.filter(|_| sent.contains(Field::ResponseFormat)),
    };
    // The URL is written directly into the request: images are large, and memory is small.
    let of_pictures: usize = images.iter().map(|image| image.bytes.len()).sum();
    let mut json = Vec::with_capacity(
        of_pictures
            .div_ceil(3)
            .saturating_mul(4)
            .saturating_add(TYPICAL_BYTES),
    );
    serde_json::to_writer(&mut json, &body)?;
    Ok(HttpRequest {
        method: "POST",
        url: endpoint.base_url.join("/chat/completions"),
        headers: headers(endpoint, "application/json".to_owned()),
        body: json.into(),
        limit: MAX_RESPONSE_BYTES,
    })
}

/// The headers, those of the operator included. An operator's `Authorization` replaces ours.
pub(super) fn headers(
    endpoint: &Endpoint,
    content_type: String,
) -> Vec<(Cow<'static, str>, String)> {
    let extra = endpoint.headers.iter();
    let authorizes = |name: &str| name.eq_ignore_ascii_case("Authorization");
    let mut headers = Vec::new();
    if !extra.clone().any(|header| authorizes(&header.name)) {
        let key = format!("Bearer {}", endpoint.key.expose());
        headers.push(("Authorization".into(), key));
    }
    headers.push(("Content-Type".into(), content_type));
    if endpoint.base_url.host() == AI_GATEWAY_HOST {
        // A cached answer could belong to another contact.
        headers.push(("cf-aig-skip-cache".into(), "true".to_owned()));
    }
    let extra = extra.map(|header| {
        let value = header.value.expose().to_owned();
        (Cow::from(header.name.clone()), value)
    });
    headers.extend(extra);
    headers
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    /// There is none beside calls.
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<RepeatedCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<String>,
    #[serde(flatten)]
    repeated: Option<&'a Repeated>,
}

impl<'a> Message<'a> {
    fn of(role: &'static str, content: Content<'a>) -> Self {
        Self {
            role,
            content: Some(content),
            tool_calls: Vec::new(),
            tool_call_id: None,
            repeated: None,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: DataUrl<'a>,
}

/// The messages: the prompt, the turns, and the newest message with its images.
///
/// Templates of models without a system role take user and assistant in turn. So the prompt stands
/// before the words of the first user message, with an empty line between them.
fn messages<'a>(
    role: SystemRole,
    sent: Fields,
    said: RequestContent<'a, impl Iterator<Item = (&'a str, &'a str)>>,
) -> Vec<Message<'a>> {
    let text = |role, text: Cow<'a, str>| Message::of(role, Content::Text(text));
    let prompt = said.prompt;
    let mut unsaid = (role == SystemRole::User).then_some(prompt);
    let mut with_prompt = |words: &'a str| match unsaid.take() {
        Some(prompt) => Cow::from(format!("{prompt}\n\n{words}")),
        None => Cow::from(words),
    };
    let mut messages = Vec::new();
    match role {
        SystemRole::System => messages.push(text("system", prompt.into())),
        SystemRole::Developer => messages.push(text("developer", prompt.into())),
        SystemRole::User => {}
    }
    for (user, assistant) in said.history {
        // While a person answered, one of the two may have said nothing.
        if !user.is_empty() {
            messages.push(text("user", with_prompt(user)));
        }
        if !assistant.is_empty() {
            messages.push(text("assistant", assistant.into()));
        }
    }
    let input = with_prompt(said.input);
    messages.push(if said.images.is_empty() {
        text("user", input)
    } else {
        let shown = said.images.iter().map(|image| Part::ImageUrl {
            image_url: ImageUrl {
                url: DataUrl(image),
            },
        });
        let parts = [Part::Text { text: input }].into_iter().chain(shown);
        Message::of("user", Content::Parts(parts.collect()))
    });
    let ids = tools::ids(said.rounds, said.endpoint);
    for (round, ids) in said.rounds.iter().zip(ids) {
        let is_own = round.endpoint == said.endpoint;
        let repeats = is_own && sent.contains(Field::ReasoningContent);
        messages.extend(self::round(round, ids, repeats));
    }
    messages
}

/// The messages of a round of tools: the calls, and then each result. `repeats`: the endpoint
/// wants to see again what it said beside the calls.
fn round(round: &Round, ids: Vec<String>, repeats: bool) -> impl Iterator<Item = Message<'_>> {
    let calls = round.calls.iter().zip(&ids);
    let calls = calls.map(|((call, _), id)| RepeatedCall::of(id.clone(), call, repeats));
    let asked = Message {
        role: "assistant",
        content: None,
        tool_calls: calls.collect(),
        tool_call_id: None,
        repeated: repeats.then_some(&round.repeated),
    };
    let results = round
        .calls
        .iter()
        .zip(ids)
        .map(|((_, result), id)| Message {
            tool_call_id: Some(id),
            ..Message::of("tool", Content::Text(result.into()))
        });
    std::iter::once(asked).chain(results)
}

/// Roughly the length of a request without images.
const TYPICAL_BYTES: usize = 16 * 1024;

/// An image as a `data:` URL (RFC 2397), which is encoded while it is written.
struct DataUrl<'a>(&'a Image);

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Image { kind, bytes } = self.0;
        serializer.collect_str(&format_args!(
            "data:{};base64,{}",
            kind.name(),
            Base64Display::new(bytes, &BASE64_STANDARD)
        ))
    }
}

#[cfg(test)]
mod tests;
