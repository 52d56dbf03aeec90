//! The table of all settings. A new setting is one entry here.
//!
//! Not here: how a value is parsed (`parsers`), and how it is looked up (`reader`).

use std::time::Duration;

use super::{
    assistants::{self, AssistantFile, Assistants, Given, Prompt},
    call_hours::{CallHours, call_hours},
    endpoint::{self, ExtraHeader, Fallback, SystemRole},
    field::Fields,
    parsers::{self, milliseconds, seconds, whole_number},
    reader::{
        ConfigError,
        DefaultValue::{InAssistant, InLanguage, NoReasoning, Off, RequestOrigin, Required, Value},
        Kind, Reader, Setting,
    },
    texts::{self, FixedText, Language, Overrides},
    voice_mode::{VoiceMode, voice_mode},
};
use crate::{
    base::{
        secret::Secret,
        url::{BaseUrl, Origin},
    },
    identity::{AccountSid, Address, IntelligenceServiceSid, PseudonymKey},
};

/// Makes [`SETTINGS`], [`Config`] and `Config::parse` from the table.
///
/// An entry has a name, a kind, a default and a parser, and after `=>` the field of `Config` and
/// its type. The field of an `optional` entry is an `Option`. The comment documents the field.
macro_rules! settings {
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@value required $value:expr) => { $value? };
    (@value optional $value:expr) => { $value };
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

        /// The settings that parse. Without a value, a setting is wrong or not set.
        struct Parsed {
            $($field: Option<$type>,)+
        }

        /// The parsed settings.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[$doc])* pub $field: settings!(@type $presence $type),)+
            /// The assistants.
            pub assistants: Assistants,
        }

        impl Config {
            /// Parses the settings and the files of the assistants.
            ///
            /// # Errors
            /// All errors: those of settings in the order of [`SETTINGS`], then those of files.
            pub fn parse(sources: &Sources<'_>) -> Result<Self, Vec<ConfigError>> {
                let mut reader = Reader::new(sources.setting, SETTINGS);
                let parsed = Parsed { $($field: reader.$presence(&$name, $parse),)+ };
                check_together(&mut reader, &parsed);
                let given = given(&parsed);
                let (files, is_time_zone) = (sources.files, sources.is_time_zone);
                let assistants = assistants::parse(&mut reader, files, given, is_time_zone);
                let errors = reader.into_errors();
                let config = || {
                    Some(Self {
                        $($field: settings!(@value $presence parsed.$field),)+
                        assistants: assistants?,
                    })
                };
                config().filter(|_| errors.is_empty()).ok_or(errors)
            }
        }
    };
}

/// Where the configuration comes from.
pub struct Sources<'s> {
    /// The value of a setting, by its name.
    pub setting: &'s dyn Fn(&str) -> Option<String>,
    /// The files of the assistants.
    pub files: &'s [AssistantFile],
    /// Whether a name is that of a time zone.
    pub is_time_zone: &'s dyn Fn(&str) -> bool,
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
    /// The write key of a Segment source. Without it, no event is made.
    SEGMENT_WRITE_KEY: Secret, Off, optional parsers::header_secret
        => segment_write_key: Secret;
    /// The base of Segment's API. It depends on the region of the workspace.
    SEGMENT_API_BASE_URL: Var, Value("https://api.segment.io"), required BaseUrl::parse
        => segment_api_base_url: BaseUrl;
    /// The origin that Twilio calls, if it differs from the request's own.
    PUBLIC_URL: Var, RequestOrigin, optional Origin::parse
        => public_url: Origin;
    /// The account that calls of ours are made with. Without it, none are made.
    TWILIO_ACCOUNT_SID: Var, Off, optional parsers::account_sid
        => twilio_account: AccountSid;
    /// The number of ours that calls somebody in synthetic calls. Without it, none are made.
    SYNTHETIC_CALLER: Var, Off, optional parsers::phone
        => synthetic_caller: Address;
    /// The number of ours that is called in synthetic calls.
    SYNTHETIC_CALLEE: Var, Off, optional parsers::phone
        => synthetic_callee: Address;
    /// The service of Twilio Intelligence that transcribes synthetic calls. Without it, none are.
    INTELLIGENCE_SERVICE_SID: Var, Off, optional parsers::intelligence_service
        => intelligence_service: IntelligenceServiceSid;
    /// The base of the model's API.
    OPENAI_BASE_URL: Var, Value("https://api.openai.com/v1"), required BaseUrl::parse
        => openai_base_url: BaseUrl;
    /// The model of the assistant `default`.
    OPENAI_MODEL: Var, InAssistant, optional parsers::non_blank
        => openai_model: String;
    /// How much the model of `default` should reason. Without it, `openai` decides what to send.
    OPENAI_REASONING_EFFORT: Var, NoReasoning, optional parsers::effort
        => openai_reasoning_effort: String;
    /// The most tokens that one answer of `default` may cost, reasoning included.
    OPENAI_MAX_COMPLETION_TOKENS: Var, InAssistant, optional whole_number!(1..=128_000)
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
    /// Other endpoints of `default`, which are asked when the first one fails.
    OPENAI_FALLBACKS: Var, Off, optional endpoint::fallbacks
        => openai_fallbacks: Vec<Fallback>;
    /// The model of `default` that transcribes voice notes.
    OPENAI_TRANSCRIPTION_MODEL: Var, InAssistant, optional parsers::non_blank
        => openai_transcription_model: String;
    /// The time for one model run, with its retries and the waits between them.
    OPENAI_TIMEOUT_MS: Var, Value("60000"), required milliseconds!(100..=300_000)
        => openai_timeout: Duration;
    /// The base of Twilio's REST API.
    TWILIO_API_BASE_URL: Var, Value("https://api.twilio.com"), required BaseUrl::parse
        => twilio_api_base_url: BaseUrl;
    /// The base of Twilio Intelligence's API.
    TWILIO_INTELLIGENCE_BASE_URL: Var, Value("https://intelligence.twilio.com"), required BaseUrl::parse
        => twilio_intelligence_base_url: BaseUrl;
    /// The system prompt of `default`.
    ASSISTANT_PROMPT: Var, InAssistant, optional prompt
        => assistant_prompt: Prompt;
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
    /// How calls are answered.
    VOICE_MODE: Var, Value("relay"), required voice_mode
        => voice_mode: VoiceMode;
    /// Calls an hour that are accepted from one caller.
    CALL_RATE_LIMIT_PER_HOUR: Var, Value("10"), required whole_number!(1..=1000)
        => call_rate_limit_per_hour: u32;
    /// Minutes of calls a UTC day, begun ones counted whole.
    MAX_DAILY_CALL_MINUTES: Var, Value("60"), required parsers::cap
        => max_daily_call_minutes: u32;
    /// The longest call.
    MAX_CALL_SECONDS: Var, Value("600"), required seconds!(30..=14_400)
        => max_call: Duration;
    /// The time of day at which somebody is called, there where the number is from.
    CALL_HOURS: Var, Value("09:00-20:00"), required call_hours
        => call_hours: CallHours;
    /// How long a caller waits for the first word of an answer before it is asked to wait.
    VOICE_FIRST_TOKEN_MS: Var, Value("2500"), required milliseconds!(500..=10_000)
        => voice_first_token: Duration;
    /// How long a caller may be silent before it is asked, and again before the call ends.
    VOICE_SILENCE_SECONDS: Var, Value("12"), required seconds!(3..=120)
        => voice_silence: Duration;
    /// The language of the fixed texts of `default`.
    LANGUAGE: Var, InAssistant, optional texts::language
        => language: Language;
    /// The answer of `default` to HELP, if it is not that of the language.
    HELP_TEXT: Var, InLanguage, optional parsers::help_text
        => help_text: String;
    /// The operator's own fixed texts of `default`.
    TEXTS: Var, Off, optional texts::overrides
        => texts: Overrides;
    /// The price of a million request tokens, in millionths. It is for the estimate in the usage.
    OPENAI_PRICE_INPUT: Var, Off, optional parsers::price
        => openai_price_input: u64;
    /// The price of a million answer tokens, in millionths.
    OPENAI_PRICE_OUTPUT: Var, Off, optional parsers::price
        => openai_price_output: u64;
}

/// A system prompt. Only its variables can be wrong.
fn prompt(text: &str) -> parsers::Parsed<Prompt> {
    Prompt::parse(text).map_err(
        |_| "must not be blank, and have no {{variable}} but date, time, weekday and channel",
    )
}

/// Checks the settings that depend on each other.
fn check_together(reader: &mut Reader<'_>, parsed: &Parsed) {
    if let (Some(key), Some(url)) = (&parsed.openai_api_key, &parsed.openai_base_url)
        && !endpoint::key_fits(key, url)
    {
        let problem = "must start with sk- when OPENAI_BASE_URL is OpenAI's own";
        reader.error(&OPENAI_API_KEY, problem);
    }
    let (price, number) = (
        "must be set, as the other price is",
        "must be set, as the other number of synthetic calls is",
    );
    for (setting, other, problem) in [
        (&OPENAI_PRICE_INPUT, &OPENAI_PRICE_OUTPUT, price),
        (&OPENAI_PRICE_OUTPUT, &OPENAI_PRICE_INPUT, price),
        (&SYNTHETIC_CALLER, &SYNTHETIC_CALLEE, number),
        (&SYNTHETIC_CALLEE, &SYNTHETIC_CALLER, number),
    ] {
        if reader.is_set(other) && !reader.is_set(setting) {
            reader.error(setting, problem);
        }
    }
    if parsed.synthetic_caller.is_some() && parsed.synthetic_caller == parsed.synthetic_callee {
        reader.error(
            &SYNTHETIC_CALLEE,
            "must be another number than SYNTHETIC_CALLER",
        );
    }
}

/// What the settings say about assistants.
fn given(parsed: &Parsed) -> Given {
    let twilio = parsed.twilio_api_base_url.as_ref();
    let mut texts = parsed.texts.clone().unwrap_or_default();
    let help = parsed.help_text.clone();
    texts.extend(help.map(|help| (FixedText::Help, help)));
    Given {
        key: parsed.openai_api_key.clone(),
        base_url: parsed.openai_base_url.clone(),
        omitted: parsed.openai_omit_fields.unwrap_or_default(),
        headers: parsed.openai_extra_headers.clone().unwrap_or_default(),
        // Only the playground is a Twilio on this machine.
        is_local: twilio.is_some_and(BaseUrl::is_loopback),
        prompt: parsed.assistant_prompt.clone(),
        model: parsed.openai_model.clone(),
        reasoning_effort: parsed.openai_reasoning_effort.clone(),
        max_completion_tokens: parsed.openai_max_completion_tokens,
        transcription_model: parsed.openai_transcription_model.clone(),
        fallbacks: parsed.openai_fallbacks.clone(),
        language: parsed.language,
        texts,
    }
}
