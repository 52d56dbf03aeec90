//! The settings: variables and secrets, parsed once, all faults found together.
//!
//! [`SETTINGS`] is the one list of them; tests hold the README, `wrangler.toml` and `.dev.vars.example` against it. A value
//! that does not parse is a fault that names the setting, never a default in silence, and never the value itself.

use std::{ops::RangeInclusive, time::Duration};

use serde::Serialize;

use crate::{
    base::{
        secret::Secret,
        url::{BaseUrl, Origin},
    },
    identity::PseudonymKey,
};

/// Everything the Worker was told, parsed.
#[derive(Clone, Debug)]
pub struct Config {
    /// The auth tokens that webhooks may be signed with.
    pub twilio_tokens: Vec<Secret>,
    /// The key of all pseudonyms.
    pub pseudonym_key: PseudonymKey,
    /// The bearer token for admin routes; without one there are none.
    pub admin_token: Option<Secret>,
    /// The name of the header that tells the address of a client of the admin routes.
    pub admin_client_header: String,
    /// The write key of a Segment source. Checked; nothing uses it yet.
    pub segment_write_key: Option<Secret>,
    /// The origin that Twilio was given, where it is not the request's own.
    pub public_url: Option<Origin>,
    /// Where and how the model is asked.
    pub openai: OpenAi,
    /// The base of Twilio's REST API, without a slash at its end.
    pub twilio_api_base_url: BaseUrl,
    /// Messages a minute that one sender may have taken in.
    pub rate_limit_per_minute: u32,
    /// Requests to OpenAI a UTC day, retries counted.
    pub max_daily_calls: u32,
    /// Requests to OpenAI for one contact and number a UTC day, retries counted; none: no limit.
    pub max_daily_calls_per_contact: Option<u32>,
    /// Messages sent by REST a UTC day, to all contacts.
    pub max_daily_messages: u32,
    /// The longest message, in characters.
    pub max_message_chars: usize,
    /// The most segments of an answer by SMS.
    pub max_segments: usize,
    /// How long a conversation is kept after its last turn.
    pub conversation_ttl: Duration,
    /// How long a webhook waits for its answer.
    pub reply_within: Duration,
    /// What HELP is answered.
    pub help_text: String,
    /// What the model costs, for the estimate in the usage.
    pub prices: Option<Prices>,
}

/// What a million tokens cost, in millionths of the operator's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prices {
    /// Tokens of requests.
    pub input: u64,
    /// Tokens of answers.
    pub output: u64,
}

/// Where and how the model is asked.
#[derive(Clone, Debug)]
pub struct OpenAi {
    /// The bearer key.
    pub api_key: Secret,
    /// The base of the API, without a slash at its end.
    pub base_url: BaseUrl,
    /// The model's name.
    pub model: String,
    /// How much the model is to reason, as it was set. What is sent where nothing was set is decided in `openai`.
    pub reasoning_effort: Option<String>,
    /// The most tokens that one answer may cost, those of its reasoning included.
    pub max_completion_tokens: u32,
    /// The time for one model request, with its retries and the waits between them.
    pub timeout: Duration,
    /// The system prompt.
    pub prompt: String,
}

impl OpenAi {
    /// Whether it is OpenAI that answers, and no other server that speaks its language: at one of its own hosts, or through
    /// Cloudflare's AI Gateway, which passes a request on to it as it is. The playground stands for OpenAI on this machine,
    /// with a key of its own (`sk-playground-…`), so that what is tried there is what OpenAI gets.
    #[must_use]
    pub fn is_openai(&self) -> bool {
        let in_playground =
            self.base_url.is_loopback() && self.api_key.expose().starts_with("sk-playground-");
        self.base_url.is_openai_host() || self.base_url.is_gateway_to_openai() || in_playground
    }
}

/// One setting, as an operator sees it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Whether it is set by `wrangler secret put` or in `[vars]`.
    pub kind: Kind,
    /// What holds when it is not set.
    pub default: DefaultValue,
}

/// How a setting is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By `wrangler secret put`.
    Secret,
    /// In `[vars]`.
    Var,
}

/// What holds when a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// Nothing: it is a fault.
    Required,
    /// What it is for is off.
    Off,
    /// The public origin is the request's own.
    RequestOrigin,
    /// The model does not reason, where it is OpenAI's own; another server is told nothing.
    NoReasoning,
    /// This value.
    Value(&'static str),
}

/// All settings there are.
pub const SETTINGS: &[Setting] = &[
    secret(TWILIO_AUTH_TOKEN, DefaultValue::Required),
    secret(OPENAI_API_KEY, DefaultValue::Required),
    secret(PSEUDONYM_KEY, DefaultValue::Required),
    secret(ADMIN_TOKEN, DefaultValue::Off),
    var(ADMIN_CLIENT_HEADER, DefaultValue::Value("CF-Connecting-IP")),
    secret(SEGMENT_WRITE_KEY, DefaultValue::Off),
    var(PUBLIC_URL, DefaultValue::RequestOrigin),
    var(
        OPENAI_BASE_URL,
        DefaultValue::Value("https://api.openai.com/v1"),
    ),
    var(OPENAI_MODEL, DefaultValue::Value("gpt-6-luna")),
    var(OPENAI_REASONING_EFFORT, DefaultValue::NoReasoning),
    var(OPENAI_MAX_COMPLETION_TOKENS, DefaultValue::Value("1000")),
    var(OPENAI_TIMEOUT_MS, DefaultValue::Value("60000")),
    var(
        TWILIO_API_BASE_URL,
        DefaultValue::Value("https://api.twilio.com"),
    ),
    var(ASSISTANT_PROMPT, DefaultValue::Value(GENERAL_PROMPT)),
    var(RATE_LIMIT_PER_MINUTE, DefaultValue::Value("10")),
    var(MAX_DAILY_CALLS, DefaultValue::Value("1000")),
    var(MAX_DAILY_CALLS_PER_CONTACT, DefaultValue::Value("100")),
    var(MAX_DAILY_MESSAGES, DefaultValue::Value("1000")),
    var(MAX_MESSAGE_CHARS, DefaultValue::Value("4000")),
    var(MAX_SEGMENTS, DefaultValue::Value("10")),
    var(CONVERSATION_TTL_SECONDS, DefaultValue::Value("3600")),
    var(REPLY_WITHIN_MS, DefaultValue::Value("10000")),
    var(HELP_TEXT, DefaultValue::Value(GENERAL_HELP)),
    var(OPENAI_PRICE_INPUT, DefaultValue::Off),
    var(OPENAI_PRICE_OUTPUT, DefaultValue::Off),
];

const TWILIO_AUTH_TOKEN: &str = "TWILIO_AUTH_TOKEN";
const OPENAI_API_KEY: &str = "OPENAI_API_KEY";
const PSEUDONYM_KEY: &str = "PSEUDONYM_KEY";
const ADMIN_TOKEN: &str = "ADMIN_TOKEN";
const ADMIN_CLIENT_HEADER: &str = "ADMIN_CLIENT_HEADER";
const SEGMENT_WRITE_KEY: &str = "SEGMENT_WRITE_KEY";
const PUBLIC_URL: &str = "PUBLIC_URL";
const OPENAI_BASE_URL: &str = "OPENAI_BASE_URL";
const OPENAI_MODEL: &str = "OPENAI_MODEL";
const OPENAI_REASONING_EFFORT: &str = "OPENAI_REASONING_EFFORT";
const OPENAI_MAX_COMPLETION_TOKENS: &str = "OPENAI_MAX_COMPLETION_TOKENS";
const OPENAI_TIMEOUT_MS: &str = "OPENAI_TIMEOUT_MS";
const TWILIO_API_BASE_URL: &str = "TWILIO_API_BASE_URL";
const ASSISTANT_PROMPT: &str = "ASSISTANT_PROMPT";
const RATE_LIMIT_PER_MINUTE: &str = "RATE_LIMIT_PER_MINUTE";
const MAX_DAILY_CALLS: &str = "MAX_DAILY_CALLS";
const MAX_DAILY_CALLS_PER_CONTACT: &str = "MAX_DAILY_CALLS_PER_CONTACT";
const MAX_DAILY_MESSAGES: &str = "MAX_DAILY_MESSAGES";
const MAX_MESSAGE_CHARS: &str = "MAX_MESSAGE_CHARS";
const MAX_SEGMENTS: &str = "MAX_SEGMENTS";
const CONVERSATION_TTL_SECONDS: &str = "CONVERSATION_TTL_SECONDS";
const REPLY_WITHIN_MS: &str = "REPLY_WITHIN_MS";
const HELP_TEXT: &str = "HELP_TEXT";
const OPENAI_PRICE_INPUT: &str = "OPENAI_PRICE_INPUT";
const OPENAI_PRICE_OUTPUT: &str = "OPENAI_PRICE_OUTPUT";

const GENERAL_PROMPT: &str = "You are a helpful assistant who answers by text message. Be brief and friendly, use plain \
    text without markup, and say so when you do not know something.";

const GENERAL_HELP: &str = "This is an automated assistant. Reply RESET to start over, DELETE MY DATA to erase what was said, \
    STOP to get no more messages.";

const fn secret(name: &'static str, default: DefaultValue) -> Setting {
    Setting {
        name,
        kind: Kind::Secret,
        default,
    }
}

const fn var(name: &'static str, default: DefaultValue) -> Setting {
    Setting {
        name,
        kind: Kind::Var,
        default,
    }
}

/// A setting that is missing or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SettingError {
    /// The setting's name.
    pub setting: &'static str,
    /// What is wrong, in words that tell nothing of the value.
    pub problem: &'static str,
}

impl Config {
    /// Parses the settings that `lookup` finds by name.
    ///
    /// # Errors
    /// All faults, in the order of [`SETTINGS`].
    pub fn parse(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<SettingError>> {
        let mut reader = Reader {
            lookup,
            faults: Vec::new(),
        };
        let twilio_tokens = reader.read(TWILIO_AUTH_TOKEN, auth_tokens);
        let api_key = reader.read(OPENAI_API_KEY, header_secret);
        let pseudonym_key = reader.read(PSEUDONYM_KEY, long_secret);
        let admin_token = reader.read_optional(ADMIN_TOKEN, long_secret);
        let admin_client_header = reader.read(ADMIN_CLIENT_HEADER, header_name);
        let segment_write_key = reader.read_optional(SEGMENT_WRITE_KEY, header_secret);
        let public_url = reader.read_optional(PUBLIC_URL, Origin::parse);
        let base_url = reader.read(OPENAI_BASE_URL, BaseUrl::parse);
        // The key's form is known only for OpenAI itself; compatible endpoints have their own.
        if let (Some(key), Some(url)) = (&api_key, &base_url)
            && url.is_openai_host()
            && !key.expose().starts_with("sk-")
        {
            reader.fault(
                OPENAI_API_KEY,
                "must start with sk- when OPENAI_BASE_URL is OpenAI's own",
            );
        }
        let model = reader.read(OPENAI_MODEL, non_blank);
        let reasoning_effort = reader.read_optional(OPENAI_REASONING_EFFORT, effort);
        let max_completion_tokens = reader.read(OPENAI_MAX_COMPLETION_TOKENS, |text| {
            number(text, 1..=128_000, "must be a whole number, 1 to 128000")
        });
        let openai_timeout = reader.read(OPENAI_TIMEOUT_MS, |text| {
            number(
                text,
                100..=300_000,
                "must be a whole number of milliseconds, 100 to 300000",
            )
        });
        let twilio_api_base_url = reader.read(TWILIO_API_BASE_URL, BaseUrl::parse);
        let prompt = reader.read(ASSISTANT_PROMPT, non_blank);
        let rate_limit_per_minute = reader.read(RATE_LIMIT_PER_MINUTE, |text| {
            number(text, 1..=1000, "must be a whole number, 1 to 1000")
        });
        let cap = |text: &str| {
            number(
                text,
                0..=1_000_000_000,
                "must be a whole number, 0 to 1000000000",
            )
        };
        let max_daily_calls = reader.read(MAX_DAILY_CALLS, cap);
        let max_daily_calls_per_contact = reader.read(MAX_DAILY_CALLS_PER_CONTACT, cap);
        let max_daily_messages = reader.read(MAX_DAILY_MESSAGES, cap);
        let max_message_chars = reader.read(MAX_MESSAGE_CHARS, |text| {
            number(text, 1..=10_000, "must be a whole number, 1 to 10000")
        });
        let max_segments = reader.read(MAX_SEGMENTS, |text| {
            number(text, 1..=100, "must be a whole number, 1 to 100")
        });
        let ttl_seconds = reader.read(CONVERSATION_TTL_SECONDS, |text| {
            number(
                text,
                60..=86_400,
                "must be a whole number of seconds, 60 to 86400",
            )
        });
        let reply_within = reader.read(REPLY_WITHIN_MS, |text| {
            number(
                text,
                100..=14_000,
                "must be a whole number of milliseconds, 100 to 14000",
            )
        });

        let help_text = reader.read(HELP_TEXT, help_text);
        let price_input = reader.read_optional(OPENAI_PRICE_INPUT, price);
        let price_output = reader.read_optional(OPENAI_PRICE_OUTPUT, price);
        for (name, is_set, other_is_set) in [
            (
                OPENAI_PRICE_INPUT,
                reader.is_set(OPENAI_PRICE_INPUT),
                reader.is_set(OPENAI_PRICE_OUTPUT),
            ),
            (
                OPENAI_PRICE_OUTPUT,
                reader.is_set(OPENAI_PRICE_OUTPUT),
                reader.is_set(OPENAI_PRICE_INPUT),
            ),
        ] {
            if other_is_set && !is_set {
                reader.fault(name, "must be set, as the other price is");
            }
        }

        let parsed = (|| {
            Some(Self {
                twilio_tokens: twilio_tokens?,
                pseudonym_key: PseudonymKey::new(pseudonym_key?),
                admin_token,
                admin_client_header: admin_client_header?,
                segment_write_key,
                public_url,
                openai: OpenAi {
                    api_key: api_key?,
                    base_url: base_url?,
                    model: model?,
                    reasoning_effort,
                    max_completion_tokens: max_completion_tokens?,
                    timeout: Duration::from_millis(openai_timeout?.into()),
                    prompt: prompt?,
                },
                twilio_api_base_url: twilio_api_base_url?,
                rate_limit_per_minute: rate_limit_per_minute?,
                max_daily_calls: max_daily_calls?,
                max_daily_calls_per_contact: Some(max_daily_calls_per_contact?)
                    .filter(|cap| *cap > 0),
                max_daily_messages: max_daily_messages?,
                max_message_chars: usize::try_from(max_message_chars?).ok()?,
                max_segments: usize::try_from(max_segments?).ok()?,
                conversation_ttl: Duration::from_secs(ttl_seconds?.into()),
                reply_within: Duration::from_millis(reply_within?.into()),
                help_text: help_text?,
                prices: price_input
                    .zip(price_output)
                    .map(|(input, output)| Prices { input, output }),
            })
        })();
        match parsed {
            Some(config) if reader.faults.is_empty() => Ok(config),
            _ => Err(reader.into_faults()),
        }
    }
}

type Parsed<T> = Result<T, &'static str>;

struct Reader<L> {
    lookup: L,
    faults: Vec<SettingError>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// The value of a setting that must have one, its own or its default.
    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Parsed<T>) -> Option<T> {
        let set = (self.lookup)(name).filter(|value| !value.is_empty());
        let default = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .map(|setting| setting.default);
        let value = match (set, default) {
            (Some(value), _) => value,
            (None, Some(DefaultValue::Value(value))) => value.to_owned(),
            (None, _) => {
                self.fault(name, "is missing");
                return None;
            }
        };
        match parse(&value) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.fault(name, problem);
                None
            }
        }
    }

    /// The value of a setting that may be absent.
    fn read_optional<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Parsed<T>,
    ) -> Option<T> {
        if self.is_set(name) {
            self.read(name, parse)
        } else {
            None
        }
    }

    fn is_set(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| !value.is_empty())
    }

    fn fault(&mut self, setting: &'static str, problem: &'static str) {
        self.faults.push(SettingError { setting, problem });
    }

    fn into_faults(self) -> Vec<SettingError> {
        let of = |setting: &'static Setting| {
            self.faults
                .iter()
                .filter(|fault| fault.setting == setting.name)
                .copied()
        };
        SETTINGS.iter().flat_map(of).collect()
    }
}

fn auth_tokens(text: &str) -> Parsed<Vec<Secret>> {
    let token = |token: &str| {
        let token = token.trim();
        (token.len() == 32 && token.bytes().all(|b| b.is_ascii_hexdigit()))
            .then(|| Secret::new(token.to_owned()))
    };
    text.split(',')
        .map(token)
        .collect::<Option<_>>()
        .ok_or("must be one or more auth tokens of 32 hex digits, separated by commas")
}

/// A secret that travels in a header: visible ASCII.
fn header_secret(text: &str) -> Parsed<Secret> {
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(Secret::new(text.to_owned()))
    } else {
        Err("must be visible ASCII characters without spaces")
    }
}

/// The name of an HTTP header: a token (RFC 9110, section 5.1). Looking a header up by another text is an error at the runtime.
fn header_name(text: &str) -> Parsed<String> {
    let is_token = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if is_token && text.len() <= 100 {
        Ok(text.to_owned())
    } else {
        Err("must be the name of an HTTP header, at most 100 characters")
    }
}

fn long_secret(text: &str) -> Parsed<Secret> {
    if text.chars().count() < 32 {
        return Err("must have at least 32 characters");
    }
    Ok(Secret::new(text.to_owned()))
}

fn non_blank(text: &str) -> Parsed<String> {
    if text.trim().is_empty() {
        Err("must not be blank")
    } else {
        Ok(text.to_owned())
    }
}

/// A word. Which ones there are is the model's to say: it refuses what it does not know, and they change from model to model.
fn effort(text: &str) -> Parsed<String> {
    let is_word = text.len() <= 20
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_word {
        Ok(text.to_owned())
    } else {
        Err("must be a word such as low: at most 20 letters, digits, - and _")
    }
}

/// A text that one SMS answer can hold.
fn help_text(text: &str) -> Parsed<String> {
    if text.trim().is_empty() || text.encode_utf16().count() > 1600 {
        return Err("must be a text of at most 1600 characters");
    }
    Ok(text.to_owned())
}

/// A price a million tokens, in millionths.
fn price(text: &str) -> Parsed<u64> {
    const PROBLEM: &str = "must be a price a million tokens such as 0.15, with at most six decimals and below 1000000";
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str, most: usize| {
        !part.is_empty() && part.len() <= most && part.bytes().all(|b| b.is_ascii_digit())
    };
    if !digits(whole, 6) || !digits(decimals, 6) {
        return Err(PROBLEM);
    }
    format!("{whole}{decimals:0<6}")
        .parse()
        .map_err(|_| PROBLEM)
}

fn number(text: &str, range: RangeInclusive<u32>, problem: &'static str) -> Parsed<u32> {
    // `u32::from_str` would take a leading plus.
    let plain = text.bytes().all(|b| b.is_ascii_digit());
    text.parse::<u32>()
        .ok()
        .filter(|number| plain && range.contains(number))
        .ok_or(problem)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The least that makes a valid configuration.
    pub(crate) const MINIMAL: [(&str, &str); 3] = [
        (TWILIO_AUTH_TOKEN, "0123456789abcdef0123456789abcdef"),
        (OPENAI_API_KEY, "sk-test"),
        (PSEUDONYM_KEY, "0123456789abcdef0123456789abcdef"),
    ];

    fn parse(changes: &[(&str, &str)]) -> Result<Config, Vec<SettingError>> {
        Config::parse(|name| {
            changes
                .iter()
                .chain(&MINIMAL)
                .find(|(other, _)| *other == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_defaults_are_those_of_the_table() {
        let config = parse(&[]).unwrap();
        assert_eq!(
            config.openai.base_url.join("/x"),
            "https://api.openai.com/v1/x"
        );
        assert_eq!(config.openai.model, "gpt-6-luna");
        assert_eq!(
            (
                config.openai.reasoning_effort,
                config.openai.max_completion_tokens
            ),
            (None, 1000)
        );
        assert_eq!(config.openai.timeout, Duration::from_secs(60));
        assert_eq!(
            config.twilio_api_base_url.join(""),
            "https://api.twilio.com"
        );
        assert_eq!(
            (
                config.rate_limit_per_minute,
                config.max_daily_calls,
                config.max_message_chars
            ),
            (10, 1000, 4000)
        );
        assert_eq!(
            (
                config.max_daily_calls_per_contact,
                config.max_daily_messages
            ),
            (Some(100), 1000)
        );
        assert_eq!(
            parse(&[(MAX_DAILY_CALLS_PER_CONTACT, "0")])
                .unwrap()
                .max_daily_calls_per_contact,
            None,
            "no limit"
        );
        assert_eq!(config.conversation_ttl, Duration::from_secs(3600));
        assert_eq!(config.reply_within, Duration::from_secs(10));
        assert!(
            config.admin_token.is_none()
                && config.segment_write_key.is_none()
                && config.public_url.is_none()
        );
    }

    #[test]
    fn all_faults_are_found_together_and_show_no_value() {
        let faults = Config::parse(|name| {
            (name != TWILIO_AUTH_TOKEN).then(|| " planted value\n".to_owned())
        })
        .unwrap_err();
        let names: Vec<_> = faults.iter().map(|fault| fault.setting).collect();
        let all_but_free_text: Vec<_> = SETTINGS
            .iter()
            .map(|setting| setting.name)
            .filter(|name| ![OPENAI_MODEL, ASSISTANT_PROMPT, HELP_TEXT].contains(name))
            .collect();
        assert_eq!(names, all_but_free_text);
        assert!(!format!("{faults:?}").contains("planted"));
    }

    #[test]
    fn a_number_that_does_not_parse_is_a_fault_and_not_the_default() {
        for (name, bad) in [
            (MAX_DAILY_CALLS, "abc"),
            (MAX_DAILY_CALLS, "-1"),
            (MAX_DAILY_CALLS, "+5"),
            (MAX_DAILY_CALLS, "1e3"),
            (MAX_DAILY_CALLS, "99999999999"),
            (RATE_LIMIT_PER_MINUTE, "0"),
            (CONVERSATION_TTL_SECONDS, "59"),
            (REPLY_WITHIN_MS, "14001"),
            (OPENAI_TIMEOUT_MS, "1.5"),
            (OPENAI_MAX_COMPLETION_TOKENS, "0"),
            (OPENAI_MAX_COMPLETION_TOKENS, "128001"),
            (MAX_MESSAGE_CHARS, " 4000"),
        ] {
            let faults = parse(&[(name, bad)]).unwrap_err();
            assert_eq!(faults.len(), 1);
            assert_eq!(faults[0].setting, name);
        }
        assert_eq!(parse(&[(MAX_DAILY_CALLS, "0")]).unwrap().max_daily_calls, 0);
    }

    #[test]
    fn tokens_are_lists_of_32_hex_digits() {
        let two = "0123456789abcdef0123456789abcdef, fedcba9876543210fedcba9876543210";
        assert_eq!(
            parse(&[(TWILIO_AUTH_TOKEN, two)])
                .unwrap()
                .twilio_tokens
                .len(),
            2
        );
        for bad in [
            "12345",
            "0123456789abcdef0123456789abcdeg",
            "0123456789abcdef0123456789abcdef,",
            ",",
        ] {
            assert_eq!(
                parse(&[(TWILIO_AUTH_TOKEN, bad)]).unwrap_err()[0].setting,
                TWILIO_AUTH_TOKEN
            );
        }
    }

    #[test]
    fn an_effort_is_any_word_and_nothing_else() {
        for good in [
            "none",
            "low",
            "xhigh",
            "max",
            "Extra_high-2",
            &"x".repeat(20),
        ] {
            assert_eq!(
                parse(&[(OPENAI_REASONING_EFFORT, good)])
                    .unwrap()
                    .openai
                    .reasoning_effort
                    .as_deref(),
                Some(good)
            );
        }
        for bad in [
            " ",
            "very high",
            "low,high",
            "h\u{f6}chste",
            "\"low\"",
            &"x".repeat(21),
        ] {
            assert_eq!(
                parse(&[(OPENAI_REASONING_EFFORT, bad)]).unwrap_err()[0].setting,
                OPENAI_REASONING_EFFORT,
                "{bad}"
            );
        }
        assert_eq!(
            parse(&[(OPENAI_REASONING_EFFORT, "")])
                .unwrap()
                .openai
                .reasoning_effort,
            None
        );
    }

    #[test]
    fn the_header_that_tells_a_clients_address_has_the_name_of_one() {
        assert_eq!(parse(&[]).unwrap().admin_client_header, "CF-Connecting-IP");
        for good in ["X-Real-IP", "true-client-ip", "x_client", &"x".repeat(100)] {
            assert_eq!(
                parse(&[(ADMIN_CLIENT_HEADER, good)])
                    .unwrap()
                    .admin_client_header,
                good
            );
        }
        for bad in [
            " ",
            "X-Real-IP ",
            "X Real IP",
            "X-Real-IP:",
            "X-Real-IP,X-Other",
            "X-R\u{e9}al-IP",
            "a\nb",
            &"x".repeat(101),
        ] {
            assert_eq!(
                parse(&[(ADMIN_CLIENT_HEADER, bad)]).unwrap_err()[0].setting,
                ADMIN_CLIENT_HEADER,
                "{bad}"
            );
        }
    }

    #[test]
    fn openai_is_told_from_other_servers_by_its_hosts_and_by_the_gateways_path() {
        let is_openai = |url, key| {
            parse(&[(OPENAI_BASE_URL, url), (OPENAI_API_KEY, key)])
                .unwrap()
                .openai
                .is_openai()
        };
        for own in [
            "https://api.openai.com/v1",
            "https://eu.api.openai.com/v1",
            "https://us.api.openai.com/v1/",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/openai",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/openai/",
        ] {
            assert!(is_openai(own, "sk-test"), "{own}");
        }
        for other in [
            "https://openai.com/v1",
            "https://notapi.openai.com/v1",
            "https://api.openai.com.example/v1",
            "https://models.example/v1/account/gateway/openai",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/compat",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/workers-ai/v1",
            "https://gateway.ai.cloudflare.com/v1/account/gateway/azure-openai/resource/deployment",
            "https://gateway.ai.cloudflare.com/v1/account/openai",
            "https://gateway.ai.cloudflare.com/v1//gateway/openai",
            "http://127.0.0.1:11434/v1",
        ] {
            assert!(!is_openai(other, "sk-test"), "{other}");
        }
        assert!(
            is_openai("http://127.0.0.1:8788/v1", "sk-playground-1"),
            "the playground stands for it"
        );
        assert!(
            !is_openai("https://models.example/v1", "sk-playground-1"),
            "on this machine only"
        );
    }

    #[test]
    fn an_openai_key_must_look_like_one_for_openai_itself_only() {
        for url in ["https://api.openai.com/v1", "https://eu.api.openai.com/v1"] {
            assert_eq!(
                parse(&[(OPENAI_API_KEY, "key"), (OPENAI_BASE_URL, url)]).unwrap_err()[0].setting,
                OPENAI_API_KEY
            );
        }
        assert!(
            parse(&[
                (OPENAI_API_KEY, "key"),
                (OPENAI_BASE_URL, "https://models.example/v1")
            ])
            .is_ok()
        );
    }

    #[test]
    fn urls_are_https_except_on_this_machine() {
        for good in [
            "https://a.example",
            "https://a.example:8443/v1/",
            "http://127.0.0.1:8788/v1",
            "http://localhost:1",
            "http://[::1]:8788",
        ] {
            assert!(parse(&[(OPENAI_BASE_URL, good)]).is_ok(), "{good}");
        }
        for bad in [
            "a.example",
            "http://a.example",
            "ftp://localhost",
            "https://",
            "https://a.example?x=1",
            "https://u:p@a.example",
            "https://a.example:0",
            "https://a b",
        ] {
            assert!(parse(&[(OPENAI_BASE_URL, bad)]).is_err(), "{bad}");
        }
        assert_eq!(
            parse(&[(PUBLIC_URL, "https://a.example/")])
                .unwrap()
                .public_url
                .unwrap()
                .as_str(),
            "https://a.example"
        );
        assert!(parse(&[(PUBLIC_URL, "https://a.example/twilio")]).is_err());
    }

    #[test]
    fn prices_are_exact_decimals_and_come_in_pairs() {
        let both =
            |input, output| parse(&[(OPENAI_PRICE_INPUT, input), (OPENAI_PRICE_OUTPUT, output)]);
        assert_eq!(
            both("0.15", "10").unwrap().prices,
            Some(Prices {
                input: 150_000,
                output: 10_000_000
            })
        );
        assert_eq!(
            both("0.000001", "999999.999999").unwrap().prices,
            Some(Prices {
                input: 1,
                output: 999_999_999_999
            })
        );
        assert_eq!(parse(&[]).unwrap().prices, None);
        for bad in [
            "free",
            "-1",
            ".5",
            "1.",
            "1e3",
            "1,5",
            "0.0000001",
            "1000000",
            "$1",
        ] {
            assert_eq!(
                both(bad, "1").unwrap_err()[0].setting,
                OPENAI_PRICE_INPUT,
                "{bad}"
            );
        }
        assert_eq!(
            parse(&[(OPENAI_PRICE_INPUT, "1")]).unwrap_err()[0].setting,
            OPENAI_PRICE_OUTPUT
        );
        assert_eq!(
            parse(&[(OPENAI_PRICE_OUTPUT, "1")]).unwrap_err()[0].setting,
            OPENAI_PRICE_INPUT
        );
    }

    #[test]
    fn a_help_text_fits_one_message() {
        assert!(parse(&[(HELP_TEXT, &"x".repeat(1600))]).is_ok());
        assert_eq!(
            parse(&[(HELP_TEXT, &"x".repeat(1601))]).unwrap_err()[0].setting,
            HELP_TEXT
        );
        assert_eq!(
            parse(&[(HELP_TEXT, " ")]).unwrap_err()[0].setting,
            HELP_TEXT
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let shown = format!("{:?}", parse(&[]).unwrap());
        for (_, value) in MINIMAL {
            assert!(!shown.contains(value));
        }
    }
}
