//! OpenAI's Chat Completions API: one request out, one completion or one failure back.
//!
//! Pure: what is sent, what an answer means, whether and when to try again. Not here: the loop that does it (`turn`).
//! Source: OpenAI API reference, "Create chat completion" and "Error codes".

use std::time::{Duration, UNIX_EPOCH};

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    config::{AI_GATEWAY_HOST, OpenAi},
    conversation::Conversation,
    platform::{HttpError, HttpRequest, HttpResponse, MAX_RESPONSE_BYTES, UnixMillis, millis},
    pseudonym::Pseudonym,
    twilio::media::{FetchError, Picture},
};

/// How often a request may be tried again.
pub const MAX_RETRIES: u32 = 2;

/// What the model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The text, never blank.
    pub text: String,
    /// What is unusual about it: `length` (cut short by the token limit) or `refusal` (the model declined in its own words).
    pub remark: Option<&'static str>,
}

/// The tokens that OpenAI charges for, as the `usage` of a response counts them. An answer without a usable text costs them too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tokens {
    /// Tokens of the request.
    #[serde(rename = "prompt_tokens")]
    pub prompt: u64,
    /// Tokens of the answer, those of its reasoning included.
    #[serde(rename = "completion_tokens")]
    pub completion: u64,
}

impl Tokens {
    /// Adds those of another response.
    pub fn add(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.completion = self.completion.saturating_add(other.completion);
    }
}

/// What a response means, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The completion, or why there is none.
    pub result: Result<Completion, Failure>,
    /// None where the response says nothing of tokens, as errors do.
    pub tokens: Tokens,
}

impl From<Failure> for Decoded {
    /// A failure that costs nothing.
    fn from(failure: Failure) -> Self {
        Self {
            result: Err(failure),
            tokens: Tokens::default(),
        }
    }
}

/// Why there is no completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The time ran out.
    Timeout,
    /// No connection, or it broke before an answer came.
    Connection,
    /// The answer broke off.
    Unreadable,
    /// 429, or another status that says "later": 408, 409.
    Busy,
    /// The account's own quota is used up; trying again does not help.
    InsufficientQuota,
    /// 401 or 403: the key.
    Unauthorized,
    /// Another 4xx: the request, the model's name.
    Rejected,
    /// 5xx.
    ServerError,
    /// A 200, or another status that nobody promised, with something else than a completion.
    Unexpected,
    /// A completion without a text.
    Empty,
    /// A completion without a text, because the model used up `OPENAI_MAX_COMPLETION_TOKENS` before the first word.
    TokenLimit,
    /// A content filter withheld the text.
    Filtered,
    /// The day's budget is used up: no request was made.
    BudgetExhausted,
    /// The contact's own share of the day is used up: no request was made.
    ContactLimit,
    /// The budget object did not answer: no request was made.
    BudgetUnreachable,
    /// The turn was cut off, twice: the request was not made a third time.
    Interrupted,
    /// The sender called the turn off while it ran: the request was broken off.
    Cancelled,
    /// A picture could not be had: no request was made.
    Picture(FetchError),
}

impl Failure {
    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection_failed",
            Self::Unreadable => "unreadable",
            Self::Busy => "busy",
            Self::InsufficientQuota => "insufficient_quota",
            Self::Unauthorized => "unauthorized",
            Self::Rejected => "rejected",
            Self::ServerError => "server_error",
            Self::Unexpected => "unexpected_response",
            Self::Empty => "empty_answer",
            Self::TokenLimit => "token_limit",
            Self::Filtered => "content_filter",
            Self::BudgetExhausted => "budget_exhausted",
            Self::ContactLimit => "contact_limit",
            Self::BudgetUnreachable => "budget_unreachable",
            Self::Interrupted => "interrupted",
            Self::Cancelled => "cancelled",
            Self::Picture(error) => error.label(),
        }
    }
}

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
pub fn request(
    config: &OpenAi,
    sender: &Pseudonym,
    conversation: &Conversation,
    input: &str,
    pictures: &[Picture],
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
    let mut messages = vec![said("system", config.prompt.as_str())];
    for turn in conversation.turns() {
        messages.push(said("user", &turn.user));
        messages.push(said("assistant", &turn.assistant));
    }
    messages.push(if pictures.is_empty() {
        said("user", input)
    } else {
        let shown = pictures.iter().map(|picture| Part::ImageUrl {
            image_url: ImageUrl {
                url: DataUrl(picture),
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
    let pseudonym = config.is_openai().then_some(sender.as_str());
    let body = Body {
        model: &config.model,
        messages,
        reasoning_effort: effort(config),
        max_completion_tokens: config.max_completion_tokens,
        stream: false,
        safety_identifier: pseudonym,
        prompt_cache_key: pseudonym,
    };
    let mut headers = vec![
        (
            "Authorization",
            format!("Bearer {}", config.api_key.expose()),
        ),
        ("Content-Type", "application/json".to_owned()),
    ];
    if config.base_url.host() == AI_GATEWAY_HOST {
        // A cached answer would be somebody else's.
        headers.push(("cf-aig-skip-cache", "true".to_owned()));
    }
    // Written into its place at once: pictures are large, and memory is not.
    let of_pictures: usize = pictures.iter().map(|picture| picture.bytes.len()).sum();
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
        url: config.base_url.join("/chat/completions"),
        headers,
        body,
        limit: MAX_RESPONSE_BYTES,
    })
}

/// The effort that is sent: the one that was set, as it is. Without one OpenAI is told not to let the model reason, which its
/// models do by default: that costs time and tokens, and can leave none for the answer. A model that would refuse `none` is
/// told nothing, and so is another server.
fn effort(config: &OpenAi) -> Option<&str> {
    let none = (config.is_openai() && takes_none(&config.model)).then_some("none");
    config.reasoning_effort.as_deref().or(none)
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
struct DataUrl<'a>(&'a Picture);

impl Serialize for DataUrl<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Picture { kind, bytes } = self.0;
        serializer.collect_str(&format_args!(
            "data:{};base64,{}",
            kind.name(),
            Base64Display::new(bytes, &BASE64_STANDARD)
        ))
    }
}

/// What a response, or the lack of one, means.
#[must_use]
pub fn decode(result: Result<&HttpResponse, HttpError>) -> Decoded {
    let failure = match result {
        Ok(response) => match response.status {
            200 => return completion(&response.body),
            401 | 403 => Failure::Unauthorized,
            408 | 409 => Failure::Busy,
            429 if is_insufficient_quota(&response.body) => Failure::InsufficientQuota,
            429 => Failure::Busy,
            400..=499 => Failure::Rejected,
            500..=599 => Failure::ServerError,
            _ => Failure::Unexpected,
        },
        Err(HttpError::Timeout) => Failure::Timeout,
        Err(HttpError::Connection) => Failure::Connection,
        Err(HttpError::Unreadable | HttpError::TooLarge) => Failure::Unreadable,
    };
    failure.into()
}

fn completion(body: &[u8]) -> Decoded {
    #[derive(Deserialize)]
    struct Body {
        choices: Vec<Choice>,
        #[serde(default)]
        usage: Option<Tokens>,
    }
    #[derive(Deserialize)]
    struct Choice {
        message: Message,
        #[serde(default)]
        finish_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Message {
        #[serde(default)]
        content: Option<String>,
        #[serde(default)]
        refusal: Option<String>,
    }
    let Ok(Body { choices, usage }) = serde_json::from_slice(body) else {
        return Failure::Unexpected.into();
    };
    let said = |text: Option<String>| {
        text.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let result = choices
        .into_iter()
        .next()
        .ok_or(Failure::Empty)
        .and_then(|choice| {
            let (text, remark) = match (
                said(choice.message.content),
                said(choice.message.refusal),
                choice.finish_reason.as_deref(),
            ) {
                (_, _, Some("content_filter")) => return Err(Failure::Filtered),
                (Some(text), _, Some("length")) => (format!("{text}…"), Some("length")),
                (Some(text), _, _) => (text, None),
                (None, Some(refusal), _) => (refusal, Some("refusal")),
                (None, None, Some("length")) => return Err(Failure::TokenLimit),
                (None, None, _) => return Err(Failure::Empty),
            };
            Ok(Completion { text, remark })
        });
    Decoded {
        result,
        tokens: usage.unwrap_or_default(),
    }
}

fn is_insufficient_quota(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        code: Option<String>,
        r#type: Option<String>,
    }
    serde_json::from_slice::<Body>(body).is_ok_and(|body| {
        [body.error.code, body.error.r#type]
            .iter()
            .flatten()
            .any(|label| label == "insufficient_quota")
    })
}

/// How long to wait before the next try, or `None` to give up. `retries` were made so far; `remaining` is the time left for
/// the whole request; `jitter` is random in `0.0..1.0`.
#[must_use]
pub fn retry_after(
    failure: Failure,
    retry_after: Option<&str>,
    now: UnixMillis,
    retries: u32,
    remaining: Duration,
    jitter: f64,
) -> Option<Duration> {
    if retries >= MAX_RETRIES
        || !matches!(
            failure,
            Failure::Connection | Failure::Busy | Failure::ServerError
        )
    {
        return None;
    }
    let own = FIRST_WAIT
        .saturating_mul(1u32 << retries.min(8))
        .mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    let wait = retry_after
        .and_then(|value| parse_retry_after(value, now))
        .map_or(own, |asked| asked.max(own));
    (wait < remaining).then_some(wait)
}

const FIRST_WAIT: Duration = Duration::from_millis(500);

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn parse_retry_after(value: &str, now: UnixMillis) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(value)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    Some(UnixMillis(millis(date)).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Config, tests::MINIMAL},
        conversation::Turn,
        twilio::media::PictureType,
    };

    fn config(changes: &[(&str, &str)]) -> OpenAi {
        let lookup = |name: &str| {
            changes
                .iter()
                .chain(&MINIMAL)
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Config::parse(lookup).unwrap().openai
    }

    fn build(changes: &[(&str, &str)]) -> HttpRequest {
        let mut conversation = Conversation::default();
        conversation.push(Turn {
            user: "Hi".into(),
            assistant: "Hello".into(),
        });
        request(
            &config(changes),
            &Pseudonym::from_object_name("ab12".into()),
            &conversation,
            "And \"now\"?",
            &[],
        )
        .unwrap()
    }

    fn decoded(status: u16, body: &str) -> Decoded {
        decode(Ok(&HttpResponse {
            status,
            retry_after: None,
            location: None,
            body: body.as_bytes().to_vec(),
        }))
    }

    fn respond(status: u16, body: &str) -> Result<Completion, Failure> {
        decoded(status, body).result
    }

    fn choice(message: &str, finish_reason: &str) -> Result<Completion, Failure> {
        let body = format!(
            r#"{{"choices":[{{"message":{message},"finish_reason":"{finish_reason}"}}],"usage":{{"prompt_tokens":7,"completion_tokens":3}}}}"#
        );
        let Decoded { result, tokens } = decoded(200, &body);
        assert_eq!(
            tokens,
            Tokens {
                prompt: 7,
                completion: 3
            },
            "whatever came of them, {finish_reason} {message} cost them"
        );
        result
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
    fn pictures_are_parts_of_the_newest_message_alone() {
        let mut conversation = Conversation::default();
        conversation.push(Turn {
            user: "[1 picture]".into(),
            assistant: "A gull.".into(),
        });
        let pictures = [
            (PictureType::Gif, &b"GIF89a"[..]),
            (PictureType::Jpeg, b"\xFF\xD8\xFF"),
        ]
        .map(|(kind, bytes)| Picture {
            kind,
            bytes: bytes.to_vec(),
        });
        let request = request(
            &config(&[]),
            &Pseudonym::from_object_name("ab12".into()),
            &conversation,
            "And these?",
            &pictures,
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

    #[test]
    fn a_plain_answer_is_its_trimmed_text() {
        let completion = choice(r#"{"content":" Hello.\n","refusal":null}"#, "stop").unwrap();
        assert_eq!(
            completion,
            Completion {
                text: "Hello.".into(),
                remark: None
            }
        );
        assert!(
            respond(200, r#"{"choices":[{"message":{"content":"x"}}]}"#).is_ok(),
            "usage and finish_reason may be absent"
        );
    }

    #[test]
    fn an_unusual_answer_has_a_defined_outcome() {
        let text = |result: Result<Completion, Failure>| {
            result.map(|completion| (completion.text, completion.remark))
        };
        assert_eq!(
            text(choice(r#"{"content":"Half a"}"#, "length")),
            Ok(("Half a…".into(), Some("length")))
        );
        assert_eq!(
            text(choice(r#"{"content":null,"refusal":"I won't."}"#, "stop")),
            Ok(("I won't.".into(), Some("refusal")))
        );
        assert_eq!(
            text(choice(r#"{"content":"leaked"}"#, "content_filter")),
            Err(Failure::Filtered)
        );
        for empty in [r#"{"content":null}"#, r#"{"content":" \n "}"#, "{}"] {
            assert_eq!(text(choice(empty, "stop")), Err(Failure::Empty));
            assert_eq!(text(choice(empty, "length")), Err(Failure::TokenLimit));
        }
        assert_eq!(respond(200, r#"{"choices":[]}"#), Err(Failure::Empty));
    }

    #[test]
    fn tokens_are_read_as_far_as_a_response_tells_them() {
        let tokens = |body| decoded(200, body).tokens;
        assert_eq!(
            tokens(r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":0}}"#),
            Tokens {
                prompt: 7,
                completion: 0
            }
        );
        for silent in [
            r#"{"choices":[]}"#,
            r#"{"choices":[],"usage":null}"#,
            r#"{"choices":[],"usage":{}}"#,
            "<html>",
        ] {
            assert_eq!(tokens(silent), Tokens::default(), "{silent}");
        }
        assert_eq!(
            decoded(500, r#"{"usage":{"prompt_tokens":7}}"#).tokens,
            Tokens::default(),
            "an error is not charged"
        );
        let mut sum = Tokens {
            prompt: 1,
            completion: u64::MAX,
        };
        sum.add(Tokens {
            prompt: 7,
            completion: 3,
        });
        assert_eq!(
            sum,
            Tokens {
                prompt: 8,
                completion: u64::MAX
            }
        );
    }

    #[test]
    fn a_body_that_is_not_the_expected_json_is_a_failure() {
        for body in [
            "",
            "<html>",
            "null",
            "{}",
            r#"{"choices":{}}"#,
            r#"{"choices":[{"message":{"content":5}}]}"#,
            "{\"choices\":[{\"mess",
        ] {
            assert_eq!(respond(200, body), Err(Failure::Unexpected), "{body}");
        }
        assert_eq!(respond(302, ""), Err(Failure::Unexpected));
    }

    #[test]
    fn statuses_become_failures() {
        let quota = r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        for (status, body, failure) in [
            (400, "", Failure::Rejected),
            (401, "", Failure::Unauthorized),
            (403, "", Failure::Unauthorized),
            (404, "", Failure::Rejected),
            (408, "", Failure::Busy),
            (409, "", Failure::Busy),
            (429, "", Failure::Busy),
            (429, quota, Failure::InsufficientQuota),
            (500, "", Failure::ServerError),
            (503, "<html>", Failure::ServerError),
        ] {
            assert_eq!(respond(status, body), Err(failure), "{status}");
        }
    }

    const NOW: UnixMillis = UnixMillis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn only_what_may_pass_is_tried_again_and_at_most_twice() {
        for failure in [Failure::Connection, Failure::Busy, Failure::ServerError] {
            assert!(retry_after(failure, None, NOW, 0, LONG, 0.5).is_some());
            assert!(retry_after(failure, None, NOW, 1, LONG, 0.5).is_some());
            assert!(retry_after(failure, None, NOW, 2, LONG, 0.5).is_none());
        }
        for failure in [
            Failure::Timeout,
            Failure::InsufficientQuota,
            Failure::Unauthorized,
            Failure::Rejected,
            Failure::Unexpected,
            Failure::Empty,
            Failure::TokenLimit,
            Failure::Filtered,
            Failure::Unreadable,
        ] {
            assert_eq!(
                retry_after(failure, None, NOW, 0, LONG, 0.5),
                None,
                "{}",
                failure.label()
            );
        }
    }

    #[test]
    fn waits_double_and_are_jittered() {
        let wait = |retries, jitter| {
            retry_after(Failure::Busy, None, NOW, retries, LONG, jitter)
                .unwrap()
                .as_millis()
        };
        assert_eq!((wait(0, 0.0), wait(0, 1.0)), (250, 500));
        assert_eq!((wait(1, 0.0), wait(1, 1.0)), (500, 1000));
    }

    #[test]
    fn retry_after_is_honoured_in_seconds_and_as_a_date_up_to_the_time_left() {
        let wait = |value, remaining| {
            retry_after(
                Failure::Busy,
                Some(value),
                NOW,
                0,
                Duration::from_secs(remaining),
                0.0,
            )
        };
        assert_eq!(wait("5", 60), Some(Duration::from_secs(5)));
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:47 GMT", 60),
            Some(Duration::from_secs(10))
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:07 GMT", 60),
            Some(Duration::from_millis(250)),
            "a date that has passed"
        );
        assert_eq!(wait("soon", 60), Some(Duration::from_millis(250)));
        assert_eq!(wait("60", 60), None);
        assert_eq!(wait("99999999999999", 60), Some(Duration::from_millis(250)));
    }
}
