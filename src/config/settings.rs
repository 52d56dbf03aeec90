//! The table of all settings. A new setting is one entry here.
//!
//! Not here: how a value is parsed (`parsers`), and how it is looked up (`reader`).

use std::time::Duration;

use super::{
    endpoint::{self, Endpoint, Endpoints, ExtraHeader, Fallback, SystemRole},
    field::Fields,
    parsers::{self, milliseconds, seconds, whole_number},
    reader::{
        DefaultValue::{InLanguage, NoReasoning, Off, RequestOrigin, Required, Value},
        Kind, Reader, Setting, SettingError,
    },
    texts::{self, Language, Overrides},
};
use crate::{
    base::{
        secret::Secret,
        url::{BaseUrl, Origin},
    },
    identity::PseudonymKey,
};

/// Makes [`SETTINGS`], [`Config`] and `Config::parse` from the table.
///
/// An entry has a name, a kind, a default and a parser, and after `=>` the field of `Config` and
/// its type. The field of an `optional` entry is an `Option`. The comment documents the field.
macro_rules! settings {
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@value required $value:ident) => { $value? };
    (@value optional $value:ident) => { $value };
    ($(
        $(#[$doc:meta])*
        $name:ident: $kind:ident, $default:expr, $presence:ident $parse:expr
            => $field:ident: $type:ty;
    )+) => {
        $(const $name: Setting = Setting {
            name: stringify!($name),
            kind: Kind::$kind,
            default: $default,
        };)+

        /// All settings.
        pub const SETTINGS: &[Setting] = &[$($name),+];

        /// The parsed settings.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[$doc])* pub $field: settings!(@type $presence $type),)+
            /// The endpoints of the model.
            pub endpoints: Endpoints,
        }

        impl Config {
            /// Parses the settings that `lookup` finds by name.
            ///
            /// # Errors
            /// All errors, in the order of [`SETTINGS`].
            pub fn parse(
                lookup: impl Fn(&str) -> Option<String>,
            ) -> Result<Self, Vec<SettingError>> {
                let mut reader = Reader::new(&lookup);
                $(let $field = reader.$presence(&$name, $parse);)+
                check_together(&mut reader);
                let endpoints = endpoints(&mut reader);
                let errors = reader.into_errors(SETTINGS);
                let parsed = || {
                    Some(Self {
                        $($field: settings!(@value $presence $field),)+
                        endpoints: endpoints?,
                    })
                };
                parsed().filter(|_| errors.is_empty()).ok_or(errors)
            }
        }
    };
}

settings! {
    /// The auth tokens that webhooks may be signed with.
    TWILIO_AUTH_TOKEN: Secret, Required, required parsers::auth_tokens
        => twilio_tokens: Vec<Secret>;
    /// The bearer key of the model's API.
    OPENAI_API_KEY: Secret, Required, required parsers::header_secret
        => openai_api_key: Secret;
    /// The key of all pseudonyms.
    PSEUDONYM_KEY: Secret, Required, required parsers::pseudonym_key
        => pseudonym_key: PseudonymKey;
    /// The bearer token of the admin routes. Without it, they do not exist.
    ADMIN_TOKEN: Secret, Off, optional parsers::long_secret
        => admin_token: Secret;
    /// The header that holds the address of a client of the admin routes.
    ADMIN_CLIENT_HEADER: Var, Value("CF-Connecting-IP"), required parsers::header_name
        => admin_client_header: String;
    /// The write key of a Segment source. It is checked, but not used yet.
    SEGMENT_WRITE_KEY: Secret, Off, optional parsers::header_secret
        => segment_write_key: Secret;
    /// The origin that Twilio calls, if it differs from the request's own.
    PUBLIC_URL: Var, RequestOrigin, optional Origin::parse
        => public_url: Origin;
    /// The base of the model's API.
    OPENAI_BASE_URL: Var, Value("https://api.openai.com/v1"), required BaseUrl::parse
        => openai_base_url: BaseUrl;
    /// The model's name.
    OPENAI_MODEL: Var, Value("gpt-6-luna"), required parsers::non_blank
        => openai_model: String;
    /// How much the model should reason. Without this setting, `openai` decides what to send.
    OPENAI_REASONING_EFFORT: Var, NoReasoning, optional parsers::effort
        => openai_reasoning_effort: String;
    /// The most tokens that one answer may cost, reasoning included.
    OPENAI_MAX_COMPLETION_TOKENS: Var, Value("1000"), required whole_number!(1..=128_000)
        => openai_max_completion_tokens: u32;
    /// The fields that the endpoint is never sent.
    OPENAI_OMIT_FIELDS: Var, Off, optional endpoint::omitted
        => openai_omit_fields: Fields;
    /// Who says the system prompt.
    OPENAI_SYSTEM_ROLE: Var, Value("system"), required endpoint::system_role
        => openai_system_role: SystemRole;
    /// Headers that the endpoint gets beside the usual ones.
    OPENAI_EXTRA_HEADERS: Secret, Off, optional endpoint::headers
        => openai_extra_headers: Vec<ExtraHeader>;
    /// Other endpoints, which are asked when this one fails.
    OPENAI_FALLBACKS: Var, Off, optional endpoint::fallbacks
        => openai_fallbacks: Vec<Fallback>;
    /// The model that transcribes voice notes. `gpt-transcribe` is the one that OpenAI names as the
    /// successor of `whisper-1`, `gpt-4o-transcribe` and `gpt-4o-mini-transcribe`, which it shuts
    /// down on 26 February 2027. Source: OpenAI, "Deprecations", 26 August 2026.
    OPENAI_TRANSCRIPTION_MODEL: Var, Value("gpt-transcribe"), required parsers::non_blank
        => openai_transcription_model: String;
    /// The time for one model run, with its retries and the waits between them.
    OPENAI_TIMEOUT_MS: Var, Value("60000"), required milliseconds!(100..=300_000)
        => openai_timeout: Duration;
    /// The base of Twilio's REST API.
    TWILIO_API_BASE_URL: Var, Value("https://api.twilio.com"), required BaseUrl::parse
        => twilio_api_base_url: BaseUrl;
    /// The system prompt.
    ASSISTANT_PROMPT: Var, Value(GENERAL_PROMPT), required parsers::non_blank
        => assistant_prompt: String;
    /// Messages a minute that are accepted from one contact.
    RATE_LIMIT_PER_MINUTE: Var, Value("10"), required whole_number!(1..=1000)
        => rate_limit_per_minute: u32;
    /// Requests to the model a UTC day, retries counted.
    MAX_DAILY_CALLS: Var, Value("1000"), required parsers::cap
        => max_daily_calls: u32;
    /// Requests to the model a UTC day for one contact and number, retries counted. `None` means no
    /// limit.
    MAX_DAILY_CALLS_PER_CONTACT: Var, Value("100"), required parsers::cap_or_unlimited
        => max_daily_calls_per_contact: Option<u32>;
    /// Messages sent by REST a UTC day, to all contacts.
    MAX_DAILY_MESSAGES: Var, Value("1000"), required parsers::cap
        => max_daily_messages: u32;
    /// The longest message, in characters.
    MAX_MESSAGE_CHARS: Var, Value("4000"), required whole_number!(1..=10_000)
        => max_message_chars: usize;
    /// Whether an answer to a voice note begins with what was heard.
    REPEAT_TRANSCRIPT: Var, Value("off"), required parsers::on_or_off
        => repeat_transcript: bool;
    /// The most segments of an answer by SMS.
    MAX_SEGMENTS: Var, Value("10"), required whole_number!(1..=100)
        => max_segments: usize;
    /// How long a conversation is kept after its last turn.
    CONVERSATION_TTL_SECONDS: Var, Value("3600"), required seconds!(60..=86_400)
        => conversation_ttl: Duration;
    /// How long a webhook waits for its answer.
    REPLY_WITHIN_MS: Var, Value("10000"), required milliseconds!(100..=14_000)
        => reply_within: Duration;
    /// How long after its request to the model began a turn is asked anew with a message that came
    /// meanwhile. Zero means never.
    JOIN_WITHIN_MS: Var, Value("1500"), required milliseconds!(0..=5000)
        => join_within: Duration;
    /// The language of the fixed texts.
    LANGUAGE: Var, Value("en"), required texts::language
        => language: Language;
    /// The answer to HELP, if it is not that of the language.
    HELP_TEXT: Var, InLanguage, optional parsers::help_text
        => help_text: String;
    /// The operator's own fixed texts.
    TEXTS: Var, Off, optional texts::overrides
        => texts: Overrides;
    /// The price of a million request tokens, in millionths. It is for the estimate in the usage.
    OPENAI_PRICE_INPUT: Var, Off, optional parsers::price
        => openai_price_input: u64;
    /// The price of a million answer tokens, in millionths.
    OPENAI_PRICE_OUTPUT: Var, Off, optional parsers::price
        => openai_price_output: u64;
}

const GENERAL_PROMPT: &str = "You are a helpful assistant who answers by text message. \
    Be brief and friendly, use plain text without markup, and say so when you do not know \
    something.";

/// Checks the settings that depend on each other.
fn check_together(reader: &mut Reader<'_>) {
    for (price, other) in [
        (&OPENAI_PRICE_INPUT, &OPENAI_PRICE_OUTPUT),
        (&OPENAI_PRICE_OUTPUT, &OPENAI_PRICE_INPUT),
    ] {
        if reader.is_set(other) && !reader.is_set(price) {
            reader.error(price, "must be set, as the other price is");
        }
    }
}

/// The endpoints, if the settings that make them have no error. Errors of one setting alone are
/// reported already.
fn endpoints(reader: &mut Reader<'_>) -> Option<Endpoints> {
    let key = reader.value(&OPENAI_API_KEY);
    let key = key.and_then(|key| parsers::header_secret(&key).ok());
    let url = reader.value(&OPENAI_BASE_URL);
    let url = url.and_then(|url| BaseUrl::parse(&url).ok());
    if let (Some(key), Some(url)) = (&key, &url)
        && !fits(key, url)
    {
        let problem = "must start with sk- when OPENAI_BASE_URL is OpenAI's own";
        reader.error(&OPENAI_API_KEY, problem);
    }
    let listed = reader.value(&OPENAI_FALLBACKS);
    let listed = listed.and_then(|text| endpoint::fallbacks(&text).ok());
    let fallbacks: Vec<_> = listed
        .unwrap_or_default()
        .into_iter()
        .map(|fallback| resolve(reader, fallback))
        .collect();
    let omitted = reader.value(&OPENAI_OMIT_FIELDS);
    let omitted = omitted.and_then(|text| endpoint::omitted(&text).ok());
    let headers = reader.value(&OPENAI_EXTRA_HEADERS);
    let headers = headers.and_then(|text| endpoint::headers(&text).ok());
    let first = Endpoint {
        base_url: url?,
        model: reader.value(&OPENAI_MODEL)?,
        key: key?,
        reasoning_effort: reader.value(&OPENAI_REASONING_EFFORT),
        omitted: omitted.unwrap_or_default(),
        headers: headers.unwrap_or_default(),
    };
    Some(Endpoints::new(
        first,
        fallbacks.into_iter().collect::<Option<_>>()?,
    ))
}

/// A fallback with the secrets that it names.
fn resolve(reader: &mut Reader<'_>, fallback: Fallback) -> Option<Endpoint> {
    let shared = &OPENAI_API_KEY;
    let key = named_secret(reader, &fallback.key, shared, parsers::header_secret);
    let headers = match &fallback.headers {
        Some(name) => named_secret(reader, name, &OPENAI_EXTRA_HEADERS, endpoint::headers),
        None => Some(Vec::new()),
    };
    let key = key?;
    if !fits(&key, &fallback.base_url) {
        let problem = "must start with sk-, because OPENAI_FALLBACKS sends it to OpenAI";
        reader.named_error(&fallback.key, problem);
        return None;
    }
    Some(Endpoint {
        base_url: fallback.base_url,
        model: fallback.model,
        key,
        reasoning_effort: fallback.reasoning_effort,
        omitted: fallback.omitted,
        headers: headers?,
    })
}

/// The secret that `OPENAI_FALLBACKS` names. It is one of its own, or `shared`: no other setting is
/// for an endpoint to see.
fn named_secret<T>(
    reader: &mut Reader<'_>,
    name: &str,
    shared: &Setting,
    parse: impl Fn(&str) -> parsers::Parsed<T>,
) -> Option<T> {
    let is_setting = SETTINGS.iter().any(|setting| setting.name == name);
    let parsed = if is_setting && name != shared.name {
        Err("must not be named by OPENAI_FALLBACKS")
    } else {
        let value = reader.named(name);
        value.map_or(Err("is missing, but OPENAI_FALLBACKS names it"), |value| {
            parse(&value)
        })
    };
    parsed
        .map_err(|problem| reader.named_error(name, problem))
        .ok()
}

/// Whether a key can be one for that URL. Only OpenAI's own keys have a known form. The keys of
/// other servers do not.
fn fits(key: &Secret, url: &BaseUrl) -> bool {
    !url.is_openai_host() || key.expose().starts_with("sk-")
}
