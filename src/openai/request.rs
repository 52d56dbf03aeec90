//! The request: only parameters that every model accepts, the tools, and for OpenAI itself the
//! contact's pseudonym.
//!
//! Not here: sending it (`conversation::model_run`).

use std::borrow::Cow;

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{
    fields::{effort, sent},
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
pub struct Said<'a, H> {
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
    /// The tools that the model may call.
    pub offer: Offer<'a>,
    /// The schema of the answer, if it is JSON.
    pub schema: Option<&'a Value>,
    /// Whether the answer comes while the model writes it.
    pub streams: bool,
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
    said: Said<'h, impl Iterator<Item = (&'h str, &'h str)>>,
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
    let sent = sent(endpoint, omitted, offer, schema.is_some(), streams);
    let images = said.images;
    let (limit, pseudonym) = (assistant.max_completion_tokens, pseudonym.as_str());
    let body = Body {
        model: &endpoint.model,
        messages: messages(config.openai_system_role, said),
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
}

impl<'a> Message<'a> {
    fn of(role: &'static str, content: Content<'a>) -> Self {
        Self {
            role,
            content: Some(content),
            tool_calls: Vec::new(),
            tool_call_id: None,
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
    said: Said<'a, impl Iterator<Item = (&'a str, &'a str)>>,
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
    messages.extend(said.rounds.iter().enumerate().flat_map(round));
    messages
}

/// The messages of a round of tools: the calls, and then each result.
fn round((number, round): (usize, &Round)) -> impl Iterator<Item = Message<'_>> {
    let calls = round.0.iter().enumerate();
    let repeated = calls
        .clone()
        .map(|(at, (call, _))| RepeatedCall::of(tools::id(number, at), call));
    let asked = Message {
        role: "assistant",
        content: None,
        tool_calls: repeated.collect(),
        tool_call_id: None,
    };
    let results = calls.map(move |(at, (_, result))| Message {
        tool_call_id: Some(tools::id(number, at)),
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
mod tests {
    use super::*;
    use crate::{
        base::{image::ImageType, time::UnixMillis},
        config::tests::parse,
        identity::Channel,
    };

    fn config(changes: &[(&str, &str)]) -> Config {
        parse(changes).unwrap()
    }

    fn pseudonym() -> Pseudonym {
        Pseudonym::from_object_name("ab12".into())
    }

    fn build(changes: &[(&str, &str)]) -> HttpRequest {
        built(changes, false)
    }

    fn built(changes: &[(&str, &str)], streams: bool) -> HttpRequest {
        let config = config(changes);
        let assistant = config.assistants.default();
        let prompt = prompt(assistant);
        let said = Said {
            prompt: &prompt,
            history: [("Hi", "Hello")].into_iter(),
            input: "And \"now\"?",
            images: &[],
            rounds: &[],
            offer: Offer::default(),
            schema: None,
            streams,
        };
        let endpoint = assistant.endpoints.get(0);
        let omitted = endpoint.omitted;
        request(&config, assistant, endpoint, omitted, &pseudonym(), said).unwrap()
    }

    fn prompt(assistant: &Assistant) -> String {
        let (now, channel) = (UnixMillis(0), Channel::Sms);
        assistant.prompt.render(now, 0, channel)
    }

    #[test]
    fn the_system_prompt_comes_once_and_the_turns_in_order() {
        let request = build(&[("ASSISTANT_PROMPT", "Be kind.")]);
        assert_eq!(request.url, "https://api.openai.com/v1/chat/completions");
        assert_eq!(
            request.body.to_text(),
            r#"{"model":"gpt-6-luna","messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"And \"now\"?"}],"reasoning_effort":"none","max_completion_tokens":1000,"stream":false,"safety_identifier":"ab12","prompt_cache_key":"ab12"}"#
        );
        assert!(
            request
                .headers
                .contains(&("Authorization".into(), "Bearer sk-test".to_owned()))
        );
    }

    /// The fields of a request beside the messages, as JSON.
    fn fields(changes: &[(&str, &str)]) -> serde_json::Value {
        let mut body: serde_json::Value =
            serde_json::from_slice(&build(changes).body.to_bytes()).unwrap();
        body.as_object_mut().unwrap().remove("messages");
        body
    }

    #[test]
    fn an_answer_is_streamed_if_somebody_hears_it_and_only_openai_is_asked_for_its_cost() {
        for (url, omitted, expected) in [
            (
                "https://api.openai.com/v1",
                "",
                r#""stream":true,"stream_options":{"include_usage":true}"#,
            ),
            (
                "https://api.openai.com/v1",
                "stream_options",
                r#""stream":true,"safety"#,
            ),
            ("https://api.openai.com/v1", "stream", r#"1000,"safety"#),
            ("https://models.example/v1", "", r#""stream":true}"#),
        ] {
            let changes = [("OPENAI_BASE_URL", url), ("OPENAI_OMIT_FIELDS", omitted)];
            let body = built(&changes, true).body.to_text();
            assert!(body.contains(expected), "{body}");
            let sent = body.contains("stream_options");
            assert_eq!(sent, expected.contains("stream_options"), "{body}");
        }
    }

    const OTHER_SERVERS: [&str; 3] = [
        "https://models.example/v1",
        "http://127.0.0.1:11434/v1",
        "https://gateway.ai.cloudflare.com/v1/account/gateway/workers-ai/v1",
    ];

    #[test]
    fn another_server_gets_no_field_that_only_openai_knows() {
        for url in OTHER_SERVERS {
            let expected = serde_json::json!({ "model": "gpt-6-luna", "max_completion_tokens": 1000, "stream": false });
            assert_eq!(fields(&[("OPENAI_BASE_URL", url)]), expected, "{url}");
        }
        let gateway = "https://gateway.ai.cloudflare.com/v1/account/gateway/openai";
        assert_eq!(
            fields(&[("OPENAI_BASE_URL", gateway)]),
            fields(&[]),
            "the gateway passes all on to OpenAI"
        );
    }

    #[test]
    fn an_effort_that_is_set_is_sent_unchanged_to_every_server_and_model() {
        for url in [&OTHER_SERVERS[..], &["https://api.openai.com/v1"]].concat() {
            for model in ["gpt-6-luna", "gpt-6-astra", "llama"] {
                let sent = fields(&[
                    ("OPENAI_BASE_URL", url),
                    ("OPENAI_MODEL", model),
                    ("OPENAI_REASONING_EFFORT", "Xhigh"),
                ]);
                assert_eq!(sent["reasoning_effort"], "Xhigh", "{url} {model}");
            }
        }
    }

    #[test]
    fn a_model_that_would_reject_the_effort_none_does_not_get_it() {
        let effort = |model| {
            fields(&[("OPENAI_MODEL", model)])
                .get("reasoning_effort")
                .cloned()
        };
        for model in [
            "gpt-6-luna",
            "gpt-6.1-terra",
            "gpt-5.1",
            "gpt-5.4-nano",
            "gpt-7",
            "o30",
        ] {
            assert_eq!(effort(model), Some("none".into()), "{model}");
        }
        for model in [
            "gpt-4o-mini",
            "gpt-4o",
            "gpt-4.1-mini-2025-04-14",
            "ft:gpt-4o-mini-2024-07-18:org::id",
            "ft:gpt-4.1:org::id",
            "gpt-4-turbo",
            "gpt-5-mini",
            "gpt-6-astra",
            "gpt-6.2-sol",
            "o3-mini",
        ] {
            assert_eq!(effort(model), None, "{model}");
        }
    }

    #[test]
    fn the_token_limit_is_the_configured_one() {
        assert_eq!(
            fields(&[("OPENAI_MAX_COMPLETION_TOKENS", "128000")])["max_completion_tokens"],
            128_000
        );
    }

    #[test]
    fn only_the_newest_message_has_images() {
        let images = [
            (ImageType::Gif, &b"GIF89a"[..]),
            (ImageType::Jpeg, b"\xFF\xD8\xFF"),
        ]
        .map(|(kind, bytes)| Image {
            kind,
            bytes: bytes.to_vec(),
        });
        let config = config(&[]);
        let assistant = config.assistants.default();
        let said = Said {
            prompt: "Be brief.",
            history: [("[1 picture]", "A gull.")].into_iter(),
            input: "And these?",
            images: &images,
            rounds: &[],
            offer: Offer::default(),
            schema: None,
            streams: false,
        };
        let endpoint = assistant.endpoints.get(0);
        let omitted = Fields::default();
        let request = request(&config, assistant, endpoint, omitted, &pseudonym(), said).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
        assert_eq!(
            body["messages"][1],
            serde_json::json!({ "role": "user", "content": "[1 picture]" })
        );
        assert_eq!(
            body["messages"][3],
            serde_json::json!({ "role": "user", "content": [
                { "type": "text", "text": "And these?" },
                { "type": "image_url", "image_url": { "url": "data:image/gif;base64,R0lGODlh" } },
                { "type": "image_url", "image_url": { "url": "data:image/jpeg;base64,/9j/" } },
            ]})
        );
    }

    #[test]
    fn a_gateway_is_told_not_to_cache() {
        let skips = |request: HttpRequest| {
            request
                .headers
                .iter()
                .any(|(name, _)| *name == "cf-aig-skip-cache")
        };
        assert!(skips(build(&[(
            "OPENAI_BASE_URL",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/openai"
        )])));
        assert!(!skips(build(&[])));
    }

    #[test]
    fn tools_are_offered_and_each_round_follows_the_message() {
        let config = config(&[("OPENAI_BASE_URL", "https://models.example/v1")]);
        let assistant = config.assistants.default();
        let endpoint = assistant.endpoints.get(0);
        let parameters = serde_json::json!({ "type": "object" });
        let functions = [tools::Function {
            name: "look",
            description: "Looks.",
            parameters: &parameters,
        }];
        let call = |arguments: serde_json::Value| tools::ToolCall {
            name: "look".to_owned(),
            arguments: arguments.as_object().cloned(),
        };
        let rounds = [
            Round(vec![
                (
                    call(serde_json::json!({ "id": 7 })),
                    "{\"result\":1}".to_owned(),
                ),
                (
                    call(serde_json::json!(null)),
                    "{\"error\":\"timeout\"}".to_owned(),
                ),
            ]),
            Round(vec![(
                call(serde_json::json!({})),
                "{\"result\":2}".to_owned(),
            )]),
        ];
        let body = |must_answer, omitted: Fields| {
            let said = Said {
                schema: None,
                streams: false,
                prompt: "p",
                history: std::iter::empty(),
                input: "And now?",
                images: &[],
                rounds: &rounds,
                offer: Offer {
                    functions: &functions,
                    must_answer,
                },
            };
            let request = request(&config, assistant, endpoint, omitted, &pseudonym(), said);
            let bytes = request.unwrap().body.to_bytes();
            serde_json::from_slice::<serde_json::Value>(&bytes).unwrap()
        };
        let asked = body(false, Fields::default());
        assert_eq!(
            asked["tools"],
            serde_json::json!([{ "type": "function", "function": { "name": "look", "description": "Looks.", "parameters": { "type": "object" } } }])
        );
        assert!(asked.get("tool_choice").is_none());
        assert_eq!(
            asked["messages"].as_array().unwrap()[1..],
            serde_json::json!([
                { "role": "user", "content": "And now?" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "call00000", "type": "function", "function": { "name": "look", "arguments": "{\"id\":7}" } },
                    { "id": "call00001", "type": "function", "function": { "name": "look", "arguments": "{}" } },
                ] },
                { "role": "tool", "content": "{\"result\":1}", "tool_call_id": "call00000" },
                { "role": "tool", "content": "{\"error\":\"timeout\"}", "tool_call_id": "call00001" },
                { "role": "assistant", "content": null, "tool_calls": [
                    { "id": "call01000", "type": "function", "function": { "name": "look", "arguments": "{}" } },
                ] },
                { "role": "tool", "content": "{\"result\":2}", "tool_call_id": "call01000" },
            ])
            .as_array()
            .unwrap()[..]
        );
        assert_eq!(body(true, Fields::default())["tool_choice"], "none");
        let without = body(true, Field::Tools.into());
        assert!(without.get("tools").is_none() && without.get("tool_choice").is_none());
        let without = body(true, Field::ToolChoice.into());
        assert!(without.get("tools").is_some() && without.get("tool_choice").is_none());
    }
}
