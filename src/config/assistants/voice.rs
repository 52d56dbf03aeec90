//! How an assistant sounds and listens on the phone.
//!
//! Everything has a default that works on any account of Twilio's, so a file needs no `[voice]`. Not
//! here: the fixed sentences (`texts`), how it is written as TwiML (`twilio::voice`), and the call
//! itself (`voice` above).

use std::time::Duration;

use super::super::{
    parsers::{self, Parsed},
    texts::Language,
    toml_file::{Found, Table},
    words::words,
};
use crate::identity::Address;

/// A voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// What a caller hears first, if it is not the text of the language.
    pub greeting: Option<String>,
    /// The same for somebody whom the assistant has called.
    pub outbound_greeting: Option<String>,
    /// The language that is spoken and heard (BCP 47), such as `en-US`.
    pub language: String,
    /// Who speaks.
    pub tts_provider: TtsProvider,
    /// The name of the voice at that provider.
    pub name: String,
    /// Who listens.
    pub transcription_provider: TranscriptionProvider,
    /// The model that listens.
    pub speech_model: String,
    /// The longest call, if it is shorter than `MAX_CALL_SECONDS`.
    pub longest_call: Option<Duration>,
    /// The phone number of a person.
    pub hand_off_to: Option<Address>,
    /// Whether calls are recorded. The caller is told so first.
    pub record: bool,
    /// Whether the model may ask for digits, which the caller presses, by the tool `ask_digits`.
    pub ask_digits: bool,
    /// How the address of a web page is spoken.
    pub urls: SpokenUrls,
}

impl Voice {
    /// Whether the model has a tool on the phone alone.
    pub(super) fn offers_tools(&self) -> bool {
        self.ask_digits || self.hand_off_to.is_some()
    }
}

words! {
    /// Who speaks at Twilio. The words are Twilio's.
    TtsProvider, "must be Amazon, ElevenLabs or Google" {
        /// Amazon Polly.
        Amazon = "Amazon",
        /// ElevenLabs. An account can forbid it.
        ElevenLabs = "ElevenLabs",
        /// Google.
        Google = "Google",
    }
    /// Who listens at Twilio. The words are Twilio's.
    TranscriptionProvider, "must be Deepgram or Google" {
        /// Deepgram.
        Deepgram = "Deepgram",
        /// Google.
        Google = "Google",
    }
    /// How the address of a web page is spoken.
    SpokenUrls, "must be say, full or phrase" {
        /// By its host alone: "example dot com".
        Say = "say",
        /// Whole.
        Full = "full",
        /// By its host in a sentence: "you can find it on example dot com".
        Phrase = "phrase",
    }
}

/// The neural voices of Amazon, by their languages. Those of the languages of the fixed texts come
/// first, in the order of [`Language::ALL`]. Source: Twilio, "Text-to-Speech", available voices.
const AMAZON_VOICES: [(&str, &str); 13] = [
    ("en-US", "Joanna-Neural"),
    ("fr-FR", "Lea-Neural"),
    ("es-ES", "Lucia-Neural"),
    ("pt-PT", "Ines-Neural"),
    ("de-DE", "Vicki-Neural"),
    ("it-IT", "Bianca-Neural"),
    ("nl-NL", "Laura-Neural"),
    ("en-GB", "Amy-Neural"),
    ("en-AU", "Olivia-Neural"),
    ("fr-CA", "Gabrielle-Neural"),
    ("es-US", "Lupe-Neural"),
    ("es-MX", "Mia-Neural"),
    ("pt-BR", "Camila-Neural"),
];
/// Twilio's default voice of ElevenLabs. It speaks every language.
const ELEVEN_LABS_VOICE: &str = "UgBBYS2sOqTuMpoF3BR0";
/// The longest greeting, in characters.
const MAX_GREETING: usize = 500;

/// What `[voice]` states. What it leaves out may depend on the assistant's language.
#[derive(Default)]
pub(super) struct Stated {
    greeting: Option<String>,
    outbound_greeting: Option<String>,
    language: Option<String>,
    tts_provider: Option<TtsProvider>,
    name: Option<String>,
    transcription_provider: Option<TranscriptionProvider>,
    speech_model: Option<String>,
    longest_call: Option<Duration>,
    hand_off_to: Option<Address>,
    record: bool,
    ask_digits: bool,
    urls: Option<SpokenUrls>,
}

/// The voice of a file.
pub(super) fn parse(file: &mut Table<'_, '_>) -> Stated {
    let Some(mut table) = file.table("voice") else {
        return Stated::default();
    };
    let greetings = ["greeting", "outbound_greeting"].map(|name| {
        let greeting = table.text(name);
        greeting.and_then(|greeting| greeting.parse(|text| own_greeting(text)))
    });
    let [greeting, outbound_greeting] = greetings;
    let language = table.text("language");
    let tts_provider = table.text("tts_provider");
    let name = table.text("voice");
    let stated = Stated {
        greeting,
        outbound_greeting,
        language: language
            .as_ref()
            .and_then(|language| language.parse(|text| parsers::language_tag(text))),
        tts_provider: tts_provider
            .as_ref()
            .and_then(|provider| provider.parse(|text| TtsProvider::parse(text))),
        name: name
            .as_ref()
            .and_then(|name| name.parse(|text| parsers::plain_name(text))),
        transcription_provider: table
            .text("transcription_provider")
            .and_then(|provider| provider.parse(|text| TranscriptionProvider::parse(text))),
        speech_model: table
            .text("speech_model")
            .and_then(|model| model.parse(|text| parsers::plain_name(text))),
        longest_call: table
            .number("max_seconds", 30..=14_400)
            .map(|seconds| Duration::from_secs(seconds.into())),
        hand_off_to: table
            .text("hand_off_to")
            .and_then(|number| number.parse(|text| parsers::phone(text))),
        record: table.flag("record").unwrap_or(false),
        ask_digits: table.flag("ask_digits").unwrap_or(false),
        urls: table
            .text("speak_urls")
            .and_then(|urls| urls.parse(|text| SpokenUrls::parse(text))),
    };
    if name.is_none() {
        report_missing_voice(&stated, language.as_ref(), tts_provider.as_ref());
    }
    table.finish();
    stated
}

/// Reports that there is no voice by default, at the field that asks for another one.
fn report_missing_voice(
    stated: &Stated,
    language: Option<&Found<'_, '_, &str>>,
    provider: Option<&Found<'_, '_, &str>>,
) {
    const PROBLEM: &str = "has no voice by default, so there must be a voice beside it";
    let is_unknown = |tag: &String| amazon_voice(tag).is_none();
    let field = match stated.tts_provider {
        Some(TtsProvider::ElevenLabs) => None,
        Some(TtsProvider::Google) => provider,
        Some(TtsProvider::Amazon) | None => {
            language.filter(|_| stated.language.as_ref().is_some_and(is_unknown))
        }
    };
    if let Some(field) = field {
        field.error(PROBLEM);
    }
}

impl Stated {
    /// Whether the model has a tool on the phone alone.
    pub(super) fn offers_tools(&self) -> bool {
        self.ask_digits || self.hand_off_to.is_some()
    }

    /// The voice of an assistant whose fixed texts are in this language.
    pub(super) fn in_language(self, language: Language) -> Voice {
        let tts_provider = self.tts_provider.unwrap_or(TtsProvider::Amazon);
        let language = self
            .language
            .unwrap_or_else(|| spoken_language(language).to_owned());
        let transcription_provider = self
            .transcription_provider
            .unwrap_or(TranscriptionProvider::Deepgram);
        let name = self.name.unwrap_or_else(|| {
            let name = match tts_provider {
                TtsProvider::ElevenLabs => ELEVEN_LABS_VOICE,
                // A file without a voice by default is refused.
                TtsProvider::Amazon | TtsProvider::Google => {
                    amazon_voice(&language).unwrap_or_default()
                }
            };
            name.to_owned()
        });
        let speech_model = self.speech_model.unwrap_or_else(|| {
            let model = match transcription_provider {
                TranscriptionProvider::Deepgram => "nova-3-general",
                TranscriptionProvider::Google => "telephony",
            };
            model.to_owned()
        });
        Voice {
            greeting: self.greeting,
            outbound_greeting: self.outbound_greeting,
            language,
            tts_provider,
            name,
            transcription_provider,
            speech_model,
            longest_call: self.longest_call,
            hand_off_to: self.hand_off_to,
            record: self.record,
            ask_digits: self.ask_digits,
            urls: self.urls.unwrap_or(SpokenUrls::Say),
        }
    }
}

/// What is spoken where the fixed texts are in this language.
fn spoken_language(language: Language) -> &'static str {
    match language {
        Language::English => "en-US",
        Language::French => "fr-FR",
        Language::Spanish => "es-ES",
        Language::Portuguese => "pt-PT",
        Language::German => "de-DE",
        Language::Italian => "it-IT",
        Language::Dutch => "nl-NL",
    }
}

fn amazon_voice(language: &str) -> Option<&'static str> {
    let mut voices = AMAZON_VOICES.into_iter();
    let found = voices.find(|(tag, _)| *tag == language);
    found.map(|(_, name)| name)
}

fn own_greeting(text: &str) -> Parsed<String> {
    if text.chars().count() > MAX_GREETING {
        return Err("must have at most 500 characters");
    }
    parsers::non_blank(text.trim())
}

#[cfg(test)]
mod tests;
