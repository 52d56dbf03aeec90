//! The attributes of the elements of TwiML for calls, and the values that each may have.
//!
//! Sources: Twilio's TwiML reference of each verb and noun. It is stricter than Twilio in one point:
//! Twilio ignores an unknown attribute and only warns (12200).

use crate::twilio::values::{is_sid, is_web_address};
use crate::webhook::xml::Element;

/// The values that an attribute may have.
#[derive(Clone, Copy)]
enum Rule {
    Any,
    /// A web address, or a path at the server of the document.
    Url,
    /// The address of a relay. `target.rs` checks it.
    Relay,
    /// The name of a voice of `<Say>`.
    Voice,
    Bool,
    Number(u32, u32),
    /// A number, or `auto`.
    NumberOrAuto(u32, u32),
    /// A share of one, in hundredths.
    Share(u32, u32),
    Word(&'static [&'static str]),
    /// Words with a space between them.
    Words(&'static [&'static str]),
    Sid(&'static str),
}

use Rule::{Any, Bool, Number, NumberOrAuto, Relay, Share, Sid, Url, Voice, Word, Words};

type Rules = &'static [(&'static str, Rule)];

/// Checks the attributes of an element.
///
/// # Errors
/// A sentence about the first that is wrong.
pub fn check(element: &Element) -> Result<(), String> {
    let rules = rules(&element.name);
    for (name, value) in &element.attributes {
        if name.starts_with("xmlns") {
            continue;
        }
        let Some((_, rule)) = rules.iter().find(|(other, _)| other == name) else {
            return Err(format!("<{}> has no attribute {name}", element.name));
        };
        if !rule.allows(value) {
            return Err(format!(
                "<{}> cannot have {name}={value:?}: {}",
                element.name,
                rule.words()
            ));
        }
    }
    Ok(())
}

/// Whether `<Say>` has more text than Twilio reads aloud with this voice (error 13521).
pub fn is_too_long(text: &str, voice: Option<&str>) -> bool {
    let most = match voice.unwrap_or_default().split_once('.') {
        Some(("Polly", _)) => 3000,
        Some(("Google", _)) => 5000,
        _ => 4096,
    };
    let encoded: usize = text
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 })
        .sum();
    text.chars().count() > most || encoded > 4500
}

impl Rule {
    fn allows(self, value: &str) -> bool {
        let within = |low: u32, high: u32| {
            value
                .parse()
                .is_ok_and(|number: u32| (low..=high).contains(&number))
        };
        match self {
            Any | Relay => true,
            Voice => {
                let is_of = |provider: &str| {
                    let name = value.strip_prefix(provider);
                    name.is_some_and(|name| !name.is_empty() && !name.contains(' '))
                };
                matches!(value, "man" | "woman" | "alice") || is_of("Polly.") || is_of("Google.")
            }
            Url => {
                let is_path = value.starts_with('/') && !value.starts_with("//");
                is_web_address(value) || is_path && !value.contains(char::is_whitespace)
            }
            Bool => matches!(value, "true" | "false"),
            Number(low, high) => within(low, high),
            NumberOrAuto(low, high) => value == "auto" || within(low, high),
            Share(low, high) => value.strip_prefix("0.").is_some_and(|digits| {
                let hundredths = format!("{digits:0<2}");
                hundredths.len() == 2
                    && hundredths
                        .parse()
                        .is_ok_and(|share: u32| (low..=high).contains(&share))
            }),
            Word(words) => words.contains(&value),
            Words(words) => value.split(' ').all(|word| words.contains(&word)),
            Sid(prefix) => is_sid(value, prefix),
        }
    }

    fn words(self) -> String {
        match self {
            Any | Relay => "anything is allowed".to_owned(),
            Voice => "it must be man, woman, or a voice of Polly. or Google.".to_owned(),
            Url => "it must be a web address".to_owned(),
            Bool => "it must be true or false".to_owned(),
            Number(low, high) => format!("it must be from {low} to {high}"),
            NumberOrAuto(low, high) => format!("it must be auto, or from {low} to {high}"),
            Share(low, high) => format!("it must be from 0.{low} to 0.{high}"),
            Word(words) => format!("it must be one of {}", words.join(", ")),
            Words(words) => format!("it must be of the words {}", words.join(", ")),
            Sid(prefix) => format!("it must be {prefix} and 32 hex digits"),
        }
    }
}

const METHOD: Rule = Word(&["GET", "POST"]);
/// What the person can interrupt with.
const INPUT: Rule = Word(&["none", "dtmf", "speech", "any", "true", "false"]);
const EVENTS: Rule = Words(&["debugging", "speaker-events", "tokens-played"]);
const RECORDED: Rule = Words(&["in-progress", "completed", "absent"]);
const TRIM: Rule = Word(&["trim-silence", "do-not-trim"]);
const PROGRESS: Rule = Words(&["initiated", "ringing", "answered", "completed"]);

fn rules(element: &str) -> Rules {
    match element {
        "Say" => &[
            ("voice", Voice),
            ("language", Any),
            ("loop", Number(0, 1000)),
        ],
        "Play" => &[("loop", Number(0, 1000)), ("digits", Any)],
        "Pause" => &[("length", Number(0, 3600))],
        "Redirect" => &[("method", METHOD)],
        "Reject" => &[("reason", Word(&["rejected", "busy"]))],
        "Connect" | "Start" => &[("action", Url), ("method", METHOD)],
        "Parameter" => &[("name", Any), ("value", Any)],
        "ConversationRelay" => RELAY,
        "Language" => &[
            ("code", Any),
            ("ttsProvider", TTS),
            ("voice", Any),
            ("transcriptionProvider", STT),
            ("speechModel", Any),
        ],
        "Dial" => DIAL,
        "Number" | "Sip" | "Client" => &[
            ("url", Url),
            ("method", METHOD),
            ("statusCallback", Url),
            ("statusCallbackEvent", PROGRESS),
            ("statusCallbackMethod", METHOD),
            ("sendDigits", Any),
            ("username", Any),
            ("password", Any),
        ],
        "Gather" => GATHER,
        "Record" => RECORD,
        "Recording" => &[
            ("channels", Word(&["mono", "dual"])),
            ("track", Word(&["inbound", "outbound", "both"])),
            ("trim", TRIM),
            ("recordingStatusCallback", Url),
            ("recordingStatusCallbackEvent", RECORDED),
            ("recordingStatusCallbackMethod", METHOD),
        ],
        _ => &[],
    }
}

const TTS: Rule = Word(&["ElevenLabs", "Google", "Amazon"]);
const STT: Rule = Word(&["Deepgram", "Google"]);

const RELAY: Rules = &[
    ("url", Relay),
    ("welcomeGreeting", Any),
    ("welcomeGreetingInterruptible", INPUT),
    ("interruptible", INPUT),
    ("interruptSensitivity", Word(&["high", "medium", "low"])),
    ("reportInputDuringAgentSpeech", INPUT),
    ("preemptible", Bool),
    ("ignoreBackchannel", Bool),
    ("dtmfDetection", Bool),
    ("language", Any),
    ("ttsLanguage", Any),
    ("transcriptionLanguage", Any),
    ("ttsProvider", TTS),
    ("voice", Any),
    ("elevenlabsTextNormalization", Word(&["on", "auto", "off"])),
    ("transcriptionProvider", STT),
    ("speechModel", Any),
    ("deepgramSmartFormat", Bool),
    ("hints", Any),
    ("profanityFilter", Bool),
    ("partialPrompts", Bool),
    ("speechTimeout", NumberOrAuto(600, 5000)),
    ("eotThreshold", Share(50, 90)),
    ("events", EVENTS),
    ("debug", EVENTS),
    ("intelligenceService", Sid("GA")),
    ("conversationConfiguration", Any),
    ("conversationId", Any),
    ("backgroundNoiseReduction", Any),
    ("applicationReconnect", Bool),
    ("echoPromptFiltering", Bool),
    ("turnDetection", Any),
];

const DIAL: Rules = &[
    ("action", Url),
    ("method", METHOD),
    ("timeout", Number(1, 600)),
    ("timeLimit", Number(1, 14_400)),
    ("callerId", Any),
    ("answerOnBridge", Bool),
    ("hangupOnStar", Bool),
    ("ringTone", Any),
    ("sequential", Bool),
    (
        "record",
        Word(&[
            "do-not-record",
            "record-from-answer",
            "record-from-ringing",
            "record-from-answer-dual",
            "record-from-ringing-dual",
        ]),
    ),
    ("trim", TRIM),
    ("recordingStatusCallback", Url),
    ("recordingStatusCallbackEvent", RECORDED),
    ("recordingStatusCallbackMethod", METHOD),
    ("recordingTrack", Word(&["inbound", "outbound", "both"])),
    ("referUrl", Url),
    ("referMethod", METHOD),
];

/// The models of `<Gather>`: Twilio's choice, and those of one provider. `flux` is for relays alone.
const SPEECH_MODELS: &[&str] = &[
    "default",
    "numbers_and_commands",
    "phone_call",
    "experimental_conversations",
    "experimental_utterances",
    "googlev2_long",
    "googlev2_short",
    "googlev2_telephony",
    "googlev2_telephony_short",
    "deepgram_nova-2",
    "deepgram_nova-3",
];
/// A key that ends digits, or none.
const KEY: Rule = Word(&[
    "", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#",
]);

const GATHER: Rules = &[
    ("action", Url),
    ("method", METHOD),
    ("input", Words(&["dtmf", "speech"])),
    ("timeout", Number(1, 3600)),
    ("speechTimeout", NumberOrAuto(1, 3600)),
    ("numDigits", Number(1, 1000)),
    ("finishOnKey", KEY),
    ("language", Any),
    ("hints", Any),
    ("profanityFilter", Bool),
    ("speechModel", Word(SPEECH_MODELS)),
    ("enhanced", Bool),
    ("actionOnEmptyResult", Bool),
    ("bargeIn", Bool),
    ("partialResultCallback", Url),
    ("partialResultCallbackMethod", METHOD),
];

const RECORD: Rules = &[
    ("action", Url),
    ("method", METHOD),
    ("timeout", Number(0, 3600)),
    ("finishOnKey", Any),
    ("maxLength", Number(1, 14_400)),
    ("playBeep", Bool),
    ("trim", TRIM),
    ("recordingStatusCallback", Url),
    ("recordingStatusCallbackEvent", RECORDED),
    ("recordingStatusCallbackMethod", METHOD),
    ("transcribe", Bool),
    ("transcribeCallback", Url),
];
