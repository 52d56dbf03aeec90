//! The request: only what every model takes, and for OpenAI itself the contact's pseudonym.

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Serialize, Serializer};

use crate::{
    base::{image::Image, url::AI_GATEWAY_HOST},
    config::Config,
    identity::Pseudonym,
    platform::{HttpRequest, MAX_RESPONSE_BYTES},
};

/// The request for the next turn of a conversation, whose newest message shows the pictures too.
///
/// Only what every model takes is in it: no `temperature` and no `stop`, which models that reason refuse, and no `max_tokens`,
/// which `max_completion_tokens` has replaced. OpenAI itself also gets the pseudonym twice: `safety_identifier` tells senders
/// apart without telling who they are, and `prompt_cache_key` brings a conversation's requests to the machine that has its
/// beginning in its cache. Through Cloudflare's AI Gateway both are sent too, since it passes a request on as it is. Other
/// servers get neither: they may refuse fields that they do not know.
///
/// # Errors
/// When JSON cannot be written, which writing to memory does not.
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
    let mut headers = vec![
        (
            "Authorization",
            format!("Bearer {}", config.openai_api_key.expose()),
        ),
        ("Content-Type", "application/json".to_owned()),
    ];
    if config.openai_base_url.host() == AI_GATEWAY_HOST {
        // A cached answer would be somebody else's.
        headers.push(("cf-aig-skip-cache", "true".to_owned()));
    }
    // Written into its place at once: pictures are large, and memory is not.
    let of_pictures: usize = images.iter().map(|image| image.bytes.len()).sum();
    let mut json = Vec::with_capacity(
        of_pictures
            .div_ceil(3)
            .saturating_mul(4)
            .saturating_add(TYPICAL_BYTES),
    );
    serde_json::to_writer(&mut json, &body)?;
    let body = String::from_utf8(json).map_err(serde::ser::Error::custom)?;
    Ok(HttpRequest {
        method: "POST",
        url: config.openai_base_url.join("/chat/completions"),
        headers,
        body,
        limit: MAX_RESPONSE_BYTES,
    })
}

/// The effort that is sent: the one that was set, as it is. Without one OpenAI is told not to let the model reason, which its
/// models do by default: that costs time and tokens, and can leave none for the answer. A model that would refuse `none` is
/// told nothing, and so is another server.
fn effort(config: &Config) -> Option<&str> {
    let none = (config.is_openai() && takes_none(&config.openai_model)).then_some("none");
    config.openai_reasoning_effort.as_deref().or(none)
}

/// Whether a model of OpenAI's takes the effort `none`, as all but some families do.
fn takes_none(model: &str) -> bool {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let is_of = |family: &str| {
        base.strip_prefix(family)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
    };
    !WITHOUT_NONE.into_iter().any(is_of)
}

/// The families of models that refuse the effort `none`: those that never reason do not know the parameter, the others always
/// reason. Source: OpenAI, "Models".
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

/// About as long as a request without pictures.
const TYPICAL_BYTES: usize = 16 * 1024;

/// A picture as a `data:` URL (RFC 2397), encoded while it is written.
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
            request.body,
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
        let mut body: serde_json::Value = serde_json::from_str(&build(changes).body).unwrap();
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
    fn an_effort_that_is_set_is_sent_as_it_is_to_whatever_server_and_model() {
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
    fn a_model_that_would_refuse_the_effort_none_is_not_sent_it() {
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
    fn the_token_limit_is_the_one_that_was_set() {
        assert_eq!(
            fields(&[("OPENAI_MAX_COMPLETION_TOKENS", "128000")])["max_completion_tokens"],
            128_000
        );
    }

    #[test]
    fn images_are_parts_of_the_newest_message_alone() {
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
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
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
