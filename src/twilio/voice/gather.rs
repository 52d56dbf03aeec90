//! `<Gather>`: a call without a relay. A document says something and listens, and Twilio posts what it heard.
//!
//! Every attribute that we rely on is written out. Sources: Twilio, "`<Gather>`", "`<Redirect>`", and errors 13327 and
//! 13335 (a model needs a `speechTimeout` in seconds). Not here: what is said and when (`voice` above).

use std::{fmt, io, time::Duration};

use quick_xml::events::BytesText;
use serde::{Deserialize, Serialize};

use super::{
    fields::IncomingCall,
    relay::Digit,
    say::{Sentence, say},
    twiml::start_recording,
};
use crate::{
    config::{TranscriptionProvider, Voice},
    twilio::{
        fields::FieldError,
        form::Form,
        twiml::{allowed, response},
    },
};

/// A document that says something and listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen<'a> {
    /// Where Twilio posts what it has gathered.
    pub action: &'a str,
    /// What is said. A caller that speaks meanwhile cuts it off.
    pub sentence: Sentence<'a>,
    /// How the assistant listens.
    pub voice: &'a Voice,
    /// How long the caller may be silent, in whole seconds. A pause between two keys may be as long.
    pub silence: Duration,
    /// The most keys that the caller is asked for, if it is asked for keys.
    pub keys: Option<u8>,
    /// Whether the recording of the call begins.
    pub starts_recording: bool,
}

/// The silence after which Twilio takes the caller's words for complete, in seconds. Who goes on after that is not heard
/// before the answer, so it is longer than in a relay.
const SPEECH_TIMEOUT: &str = "2";

/// Says something and listens. Silence is posted, too.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn listen(listen: &Listen<'_>) -> io::Result<String> {
    let silence = listen.silence.as_secs().max(1).to_string();
    let model = speech_model(listen.voice);
    let most = listen.keys.map(|most| most.to_string());
    let attributes = [
        // A key that nobody has asked for, such as one behind an entry, must not cut the answer off.
        (
            "input",
            if most.is_some() {
                "dtmf speech"
            } else {
                "speech"
            },
        ),
        ("action", listen.action),
        ("method", "POST"),
        ("timeout", &silence),
        ("speechTimeout", SPEECH_TIMEOUT),
        ("speechModel", &model),
        ("language", &listen.voice.language),
        ("actionOnEmptyResult", "true"),
        ("profanityFilter", "false"),
        ("bargeIn", "true"),
    ];
    let keys = most
        .iter()
        .flat_map(|most| [("numDigits", most.as_str()), ("finishOnKey", "#")]);
    response(false, |writer| {
        if listen.starts_recording {
            start_recording(writer, None)?;
        }
        let mut element = writer.create_element("Gather");
        for (name, value) in attributes.into_iter().chain(keys) {
            element = element.with_attribute((name, allowed(value).as_ref()));
        }
        element.write_inner_content(|writer| say(writer, listen.sentence))?;
        Ok(())
    })
}

/// Says something, and asks for the next document at once.
///
/// # Errors
/// When the XML writer fails. Writing to memory never does.
pub fn redirect(sentence: Sentence<'_>, url: &str) -> io::Result<String> {
    response(false, |writer| {
        say(writer, sentence)?;
        writer
            .create_element("Redirect")
            .with_attribute(("method", "POST"))
            .write_text_content(BytesText::new(&allowed(url)))?;
        Ok(())
    })
}

/// The name that `<Gather>` has for a model of a relay.
fn speech_model(voice: &Voice) -> String {
    let model = voice.speech_model.as_str();
    match voice.transcription_provider {
        TranscriptionProvider::Google => format!("googlev2_{model}"),
        // It works in relays alone.
        TranscriptionProvider::Deepgram if model == "flux" => "deepgram_nova-3".to_owned(),
        TranscriptionProvider::Deepgram => {
            format!(
                "deepgram_{}",
                model.strip_suffix("-general").unwrap_or(model)
            )
        }
    }
}

/// What a document has gathered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gathered {
    /// The caller has said this.
    Words(String),
    /// The caller has pressed these keys, without the one that ended them. They are not words.
    Keys(Vec<Digit>),
    /// The caller was silent, or was not understood.
    Nothing,
}

/// What was said or pressed is not shown.
impl fmt::Debug for Gathered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Words(_) => "Words(..)",
            Self::Keys(_) => "Keys(..)",
            Self::Nothing => "Nothing",
        })
    }
}

/// A document has gathered something, and its call waits for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatherEnded {
    /// The call. It has the fields of one that comes in.
    pub call: IncomingCall,
    /// What was gathered. How sure Twilio is of it (`Confidence`) is not read: models mean different things by it.
    pub gathered: Gathered,
}

impl GatherEnded {
    /// Reads the fields of the action of `<Gather>`.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the call.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        let call = IncomingCall::from_form(form)?;
        let words = form.get("SpeechResult").unwrap_or_default().trim();
        let digits = form.get("Digits").unwrap_or_default();
        let keys: Vec<_> = digits
            .chars()
            .filter_map(|key| Digit::read(key.encode_utf8(&mut [0; 4])))
            .collect();
        // The key that ends an entry is not among its digits, and may be the only one.
        let last_key = form.get("FinishedOnKey").unwrap_or_default();
        let gathered = match (words, keys) {
            ("", keys) if keys.is_empty() && last_key.is_empty() => Gathered::Nothing,
            ("", keys) => Gathered::Keys(keys),
            (words, _) => Gathered::Words(words.to_owned()),
        };
        Ok(Self { call, gathered })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::FieldProblem,
        twilio::voice::{
            say::say_voice,
            twiml::tests::{attribute, read, voice},
        },
    };

    const HEARD: &str = "https://example.com/twilio/voice/heard?document=1";

    fn written(says: &str, voice: &Voice, starts_recording: bool) -> String {
        asking(says, voice, starts_recording, None)
    }

    fn asking(says: &str, voice: &Voice, starts_recording: bool, keys: Option<u8>) -> String {
        let name = say_voice(voice);
        let sentence = Sentence {
            text: says,
            language: &voice.language,
            voice: name.as_deref(),
        };
        listen(&Listen {
            action: HEARD,
            sentence,
            voice,
            silence: Duration::from_secs(12),
            keys,
            starts_recording,
        })
        .unwrap()
    }

    #[test]
    fn a_document_says_something_and_listens_with_every_attribute_written_out() {
        assert_eq!(
            written("Tom & Ann here.", &voice(), false),
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Gather input="speech" action="https://example.com/twilio/voice/heard?document=1" method="POST" timeout="12" speechTimeout="2" speechModel="deepgram_nova-3" language="en-US" actionOnEmptyResult="true" profanityFilter="false" bargeIn="true"><Say language="en-US" voice="Polly.Joanna-Neural">Tom &amp; Ann here.</Say></Gather></Response>"#
        );
    }

    #[test]
    fn keys_are_heard_where_they_are_asked_for_and_end_with_the_last_one_or_a_hash() {
        for (keys, input, most, last_key) in [
            (Some(8), "dtmf speech", Some("8"), Some("#")),
            (None, "speech", None, None),
        ] {
            let xml = asking("Your order number?", &voice(), false, keys);
            let attribute = |name: &str| attribute(&xml, "Gather", name);
            assert_eq!(attribute("input").as_deref(), Some(input));
            assert_eq!(attribute("numDigits").as_deref(), most);
            assert_eq!(attribute("finishOnKey").as_deref(), last_key);
        }
    }

    #[test]
    fn a_document_without_words_only_listens_and_a_recording_begins_before() {
        let names =
            |xml: &str| -> Vec<String> { read(xml).into_iter().map(|(name, ..)| name).collect() };
        assert_eq!(
            names(&written(" ", &voice(), false)),
            ["Response", "Gather"]
        );
        assert_eq!(
            names(&written("Hi.", &voice(), true)),
            ["Response", "Start", "Recording", "Gather", "Say"]
        );
    }

    #[test]
    fn a_model_has_its_providers_name_before_it_and_a_timeout_in_seconds() {
        for (provider, model, named) in [
            (
                TranscriptionProvider::Deepgram,
                "nova-3-general",
                "deepgram_nova-3",
            ),
            (TranscriptionProvider::Deepgram, "nova-2", "deepgram_nova-2"),
            (TranscriptionProvider::Deepgram, "flux", "deepgram_nova-3"),
            (
                TranscriptionProvider::Google,
                "telephony",
                "googlev2_telephony",
            ),
        ] {
            let voice = Voice {
                transcription_provider: provider,
                speech_model: model.to_owned(),
                ..voice()
            };
            let xml = written("Hi.", &voice, false);
            assert_eq!(
                attribute(&xml, "Gather", "speechModel").as_deref(),
                Some(named)
            );
            let timeout = attribute(&xml, "Gather", "speechTimeout").unwrap();
            assert!(
                timeout.parse::<u32>().is_ok(),
                "auto is refused with a model"
            );
        }
    }

    #[test]
    fn markup_in_an_answer_is_read_aloud() {
        let hostile = "</Say></Gather><Redirect>https://evil.example</Redirect> & more";
        let xml = written(hostile, &voice(), false);
        let elements = read(&xml);
        assert_eq!(elements.len(), 3, "{xml}");
        assert_eq!(elements[2].2, hostile);
    }

    #[test]
    fn a_caller_that_waits_is_redirected() {
        let sentence = Sentence {
            text: "One moment.",
            language: "en-US",
            voice: None,
        };
        let xml = redirect(sentence, "https://example.com/twilio/voice/wait?document=1").unwrap();
        let elements = read(&xml);
        let names: Vec<_> = elements.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, ["Response", "Say", "Redirect"]);
        assert_eq!(
            elements[2].2,
            "https://example.com/twilio/voice/wait?document=1"
        );
    }

    fn gathered(fields: &[(&str, &str)]) -> Result<Gathered, FieldError> {
        let call = [("CallSid", "CA0123456789abcdef0123456789abcdef")];
        let form = Form::from_pairs(&[&call, fields].concat());
        GatherEnded::from_form(&form).map(|ended| ended.gathered)
    }

    #[test]
    fn words_are_words_keys_are_keys_and_all_else_is_silence() {
        let keys = |keys: &str| {
            let keys = keys
                .chars()
                .map(|key| Digit::read(&key.to_string()).unwrap());
            Gathered::Keys(keys.collect())
        };
        for (fields, expected) in [
            (
                &[("SpeechResult", " Hello. "), ("Confidence", "0.9")][..],
                Gathered::Words("Hello.".to_owned()),
            ),
            (
                &[("SpeechResult", "Hello."), ("Digits", "1")],
                Gathered::Words("Hello.".to_owned()),
            ),
            (&[("Digits", "1")], keys("1")),
            (&[("Digits", "#"), ("SpeechResult", "")], keys("#")),
            (&[("Digits", "47"), ("FinishedOnKey", "#")], keys("47")),
            (&[("Digits", ""), ("FinishedOnKey", "#")], keys("")),
            (&[("Digits", ""), ("FinishedOnKey", "")], Gathered::Nothing),
            (&[("Digits", ""), ("SpeechResult", " ")], Gathered::Nothing),
            (&[("Digits", "x"), ("Confidence", "0.0")], Gathered::Nothing),
            (&[], Gathered::Nothing),
        ] {
            assert_eq!(gathered(fields).unwrap(), expected, "{fields:?}");
        }
        let twice = gathered(&[("SpeechResult", "a"), ("SpeechResult", "b")]);
        assert_eq!(twice.unwrap_err().problem, FieldProblem::Repeated);
    }

    #[test]
    fn neither_words_nor_keys_are_shown() {
        let shown = format!(
            "{:?} {:?}",
            gathered(&[("SpeechResult", "Tiramisu")]),
            gathered(&[("Digits", "7")])
        );
        assert!(
            !shown.contains("Tiramisu") && !shown.contains('7'),
            "{shown}"
        );
    }
}
