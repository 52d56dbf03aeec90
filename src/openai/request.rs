//! The request: only parameters that every model accepts, and for OpenAI itself the contact's
//! pseudonym.
//!
//! Not here: sending it (`conversation::model_run`).

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};

use crate::{
    base::{image::Image, url::AI_GATEWAY_HOST},
    config::Config,
    identity::Pseudonym,
    platform::{HttpRequest, MAX_RESPONSE_BYTES},
};

/// The request for the next turn of a conversation. Its newest message shows the images, too.
///
/// It has only parameters that every model accepts. Reasoning models reject `temperature` and
/// `stop`, and `max_completion_tokens` has replaced `max_tokens`.
///
/// OpenAI itself also gets the pseudonym in two fields. `safety_identifier` distinguishes contacts
/// without identifying them. `prompt_cache_key` leads a conversation's requests to the machine that
/// has its beginning in the cache. Cloudflare's AI Gateway passes both on unchanged. Other servers
/// get neither, because they may reject unknown fields.
///
/// # Errors
/// When JSON cannot be written. Writing to memory never fails.
pub fn request<'h>(
    config: &Config,
    pseudonym: &Pseudonym,
    history: impl Iterator<Item = (&'h str, &'h str)>,
    input: &str,
    images: &[Image],
) -> Result<HttpRequest, serde_json::Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        messages: Vec<Message<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reasoning_effort: Option<&'a str>,
        max_completion_tokens: u32,
        stream: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        safety_identifier: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_key: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Message<'a> {
        role: &'static str,
        content: Content<'a>,
    }
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Content<'a> {
        Text(&'a str),
        Parts(Vec<Part<'a>>),
    }
    #[derive(Serialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Part<'a> {
        Text { text: &'a str },
        ImageUrl { image_url: ImageUrl<'a> },
    }
    #[derive(Serialize)]
    struct ImageUrl<'a> {
        url: DataUrl<'a>,
    }
    let said = |role, text| Message {
        role,
        content: Content::Text(text),
    };
    let mut messages = vec![said("system", config.assistant_prompt.as_str())];
    for (user, assistant) in history {
        messages.push(said("user", user));
        messages.push(said("assistant", assistant));
    }
    messages.push(if images.is_empty() {
        said("user", input)
    } else {
        let shown = images.iter().map(|image| Part::ImageUrl {
            image_url: ImageUrl {
                url: DataUrl(image),
            },
        });
        Message {
            role: "user",
            content: Content::Parts(
                [Part::Text { text: input }]
                    .into_iter()
                    .chain(shown)
                    .collect(),
            ),
        }
    });
    let pseudonym = config.is_openai().then_some(pseudonym.as_str());
    let body = Body {
        model: &config.openai_model,
        messages,
        reasoning_effort: effort(config),
        max_completion_tokens: config.openai_max_completion_tokens,
        stream: false,
        safety_identifier: pseudonym,
        prompt_cache_key: pseudonym,
    };
    let mut headers = authorization(config);
    headers.push(("Content-Type", "application/json".to_owned()));
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
        url: config.openai_base_url.join("/chat/completions"),
        headers,
        body: json.into(),
        limit: MAX_RESPONSE_BYTES,
    })
}

/// The headers of every request to the endpoint, without the type of its body.
pub(super) fn authorization(config: &Config) -> Vec<(&'static str, String)> {
    let key = config.openai_api_key.expose();
    let mut headers = vec![("Authorization", format!("Bearer {key}"))];
    if config.openai_base_url.host() == AI_GATEWAY_HOST {
        // A cached answer could belong to another contact.
        headers.push(("cf-aig-skip-cache", "true".to_owned()));
    }
    headers
}

/// The reasoning effort to send. An effort that was set is sent unchanged.
///
/// Otherwise OpenAI gets `none`: its models reason by default, which costs time and tokens, and can
/// leave none for the answer. Models that would reject `none`, and other servers, get no effort.
fn effort(config: &Config) -> Option<&str> {
    let none = (config.is_openai() && takes_none(&config.openai_model)).then_some("none");
    config.openai_reasoning_effort.as_deref().or(none)
}

/// Whether an OpenAI model accepts the effort `none`. Only some families do not.
fn takes_none(model: &str) -> bool {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let is_of = |family: &str| {
        base.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
    };
    !WITHOUT_NONE.into_iter().any(is_of)
}

/// The model families that reject the effort `none`. Some never reason and do not know the
/// parameter, the others always reason. Source: OpenAI, "Models".
const WITHOUT_NONE: [&str; 11] = [
    "gpt-3.5-turbo",
    "gpt-4",
    "gpt-4o",
    "gpt-4.1",
    "gpt-5",
    "gpt-6-astra",
    "gpt-6.2-astra",
    "gpt-6.2-sol",
    "o1",
    "o3",
    "o4-mini",
];

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
    use crate::{base::image::ImageType, config::tests::MINIMAL};

    fn config(changes: &[(&str, &str)]) -> Config {
        let lookup = |name: &str| {
            changes
                .iter()
                .chain(&MINIMAL)
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::parse(lookup).unwrap()
    }

    fn build(changes: &[(&str, &str)]) -> HttpRequest {
        request(
            &config(changes),
            &Pseudonym::from_object_name("ab12".into()),
            [("Hi", "Hello")].into_iter(),
            "And \"now\"?",
            &[],
        )
        .unwrap()
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
                .contains(&("Authorization", "Bearer sk-test".to_owned()))
        );
    }

    /// The fields of a request beside the messages, as JSON.
    fn fields(changes: &[(&str, &str)]) -> serde_json::Value {
        let mut body: serde_json::Value =
            serde_json::from_slice(&build(changes).body.to_bytes()).unwrap();
        body.as_object_mut().unwrap().remove("messages");
        body
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
        let request = request(
            &config(&[]),
            &Pseudonym::from_object_name("ab12".into()),
            [("[1 picture]", "A gull.")].into_iter(),
            "And these?",
            &images,
        )
        .unwrap();
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
}
