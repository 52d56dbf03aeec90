use proptest::prelude::*;
use quick_xml::{Reader, events::Event};

use super::*;
use crate::config::{SpokenUrls, TtsProvider};

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const ACTION: &str = "https://example.com/twilio/voice/ended";

pub(in super::super) fn voice() -> Voice {
    Voice {
        greeting: None,
        outbound_greeting: None,
        language: "en-US".to_owned(),
        tts_provider: TtsProvider::Amazon,
        name: "Joanna-Neural".to_owned(),
        transcription_provider: TranscriptionProvider::Deepgram,
        speech_model: "nova-3-general".to_owned(),
        longest_call: None,
        hand_off_to: None,
        record: false,
        ask_digits: false,
        urls: SpokenUrls::Say,
    }
}

fn relay<'a>(greeting: Option<&'a str>, voice: &'a Voice) -> Connect<'a> {
    Connect {
        action: ACTION,
        url: "wss://example.com/twilio/relay/a/b",
        greeting,
        voice,
        starts_recording: false,
    }
}

/// Names with their values.
pub(in super::super) type Attributes = Vec<(String, String)>;

/// The elements of a document with their attributes and texts, read back by a parser.
pub(in super::super) fn read(xml: &str) -> Vec<(String, Attributes, String)> {
    let mut reader = Reader::from_str(xml);
    let mut elements = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                let attributes = tag.attributes().map(|attribute| {
                    let attribute = attribute.unwrap();
                    let value = quick_xml::escape::unescape(&attribute.value).unwrap();
                    (attribute.key.as_ref().to_owned(), value.into_owned())
                });
                let name = tag.name().as_ref().to_owned();
                elements.push((name, attributes.collect(), String::new()));
            }
            Event::Text(text) => elements.last_mut().unwrap().2.push_str(&text),
            Event::GeneralRef(name) => {
                let text = quick_xml::escape::unescape(&format!("&{};", &*name))
                    .unwrap()
                    .into_owned();
                elements.last_mut().unwrap().2.push_str(&text);
            }
            Event::Eof => return elements,
            _ => {}
        }
    }
}

fn names(xml: &str) -> Vec<String> {
    read(xml).into_iter().map(|(name, ..)| name).collect()
}

/// An attribute of the first element of that name.
pub(in super::super) fn attribute(xml: &str, element: &str, name: &str) -> Option<String> {
    let (_, attributes, _) = read(xml).into_iter().find(|(other, ..)| other == element)?;
    let found = attributes.into_iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value)
}

/// The attributes of the relay in a document.
fn attributes(xml: &str) -> Attributes {
    let found = read(xml)
        .into_iter()
        .find(|(name, ..)| name == "ConversationRelay");
    found.unwrap().1
}

#[test]
fn a_relay_has_every_attribute_that_we_rely_on() {
    let xml = connect(&relay(Some("Hello!"), &voice())).unwrap();
    let expected = concat!(
        r#"<Response><Connect action="https://example.com/twilio/voice/ended"><ConversationRelay "#,
        r#"url="wss://example.com/twilio/relay/a/b" welcomeGreeting="Hello!" "#,
        r#"welcomeGreetingInterruptible="speech" interruptible="speech" interruptSensitivity="high" "#,
        r#"reportInputDuringAgentSpeech="none" preemptible="false" ignoreBackchannel="false" "#,
        r#"dtmfDetection="false" language="en-US" ttsProvider="Amazon" voice="Joanna-Neural" "#,
        r#"transcriptionProvider="Deepgram" speechModel="nova-3-general" speechTimeout="1000" "#,
        r#"profanityFilter="false" partialPrompts="false" events="speaker-events tokens-played" "#,
        r#"deepgramSmartFormat="true"/></Connect></Response>"#,
    );
    assert_eq!(xml, format!("{HEAD}{expected}"));
    assert_eq!(names(&xml), ["Response", "Connect", "ConversationRelay"]);
}

#[test]
fn a_relay_that_takes_the_place_of_another_greets_nobody() {
    let xml = connect(&relay(None, &voice())).unwrap();
    let is_greeting = |(name, _): &(String, String)| name == "welcomeGreeting";
    assert!(!attributes(&xml).iter().any(is_greeting));
}

#[test]
fn an_attribute_of_deepgram_is_for_deepgram_alone() {
    let google = Voice {
        transcription_provider: TranscriptionProvider::Google,
        ..voice()
    };
    let xml = connect(&relay(None, &google)).unwrap();
    let is_deepgrams = |(name, _): &(String, String)| name == "deepgramSmartFormat";
    assert!(!attributes(&xml).iter().any(is_deepgrams));
}

#[test]
fn a_recording_begins_before_the_relay_does() {
    let voice = voice();
    let recorded = Connect {
        starts_recording: true,
        ..relay(Some("This call is recorded."), &voice)
    };
    let xml = connect(&recorded).unwrap();
    let start = r#"<Start><Recording channels="dual" track="both" trim="do-not-trim"/></Start>"#;
    assert!(
        xml.starts_with(&format!("{HEAD}<Response>{start}<Connect ")),
        "{xml}"
    );
    assert_eq!(
        names(&xml),
        [
            "Response",
            "Start",
            "Recording",
            "Connect",
            "ConversationRelay"
        ]
    );
}

#[test]
fn a_refused_call_hears_one_sentence_and_is_hung_up() {
    let sentence = Sentence {
        text: "Leider nicht.",
        language: "de-DE",
        voice: None,
    };
    assert_eq!(
        say_and_hang_up(sentence).unwrap(),
        format!(r#"{HEAD}<Response><Say language="de-DE">Leider nicht.</Say><Hangup/></Response>"#)
    );
    assert_eq!(
        hang_up().unwrap(),
        format!("{HEAD}<Response><Hangup/></Response>")
    );
}

#[test]
fn a_person_is_dialled_by_the_number_of_the_configuration() {
    let (number, called) = ("+15550142".parse().unwrap(), "+15550199".parse().unwrap());
    let person = Dial {
        sentence: Some(Sentence {
            text: "Please hold.",
            language: "en-US",
            voice: None,
        }),
        number: &number,
        caller_id: Some(&called),
        action: ACTION,
        timeout: Duration::from_secs(20),
    };
    let expected = concat!(
        r#"<Response><Say language="en-US">Please hold.</Say>"#,
        r#"<Dial action="https://example.com/twilio/voice/ended" timeout="20" "#,
        r#"callerId="+15550199"><Number>+15550142</Number></Dial></Response>"#,
    );
    assert_eq!(dial(&person).unwrap(), format!("{HEAD}{expected}"));
    let silent = Dial {
        sentence: None,
        caller_id: None,
        timeout: Duration::ZERO,
        ..person
    };
    let xml = dial(&silent).unwrap();
    assert!(xml.contains(r#"timeout="5"><Number>"#), "{xml}");
    assert_eq!(names(&xml), ["Response", "Dial", "Number"]);
}

#[test]
fn markup_in_a_greeting_or_a_sentence_is_text() {
    let hostile = r#"" url="wss://evil.example"/><Redirect>https://evil.example</Redirect> & 'x'"#;
    let xml = connect(&relay(Some(hostile), &voice())).unwrap();
    assert_eq!(names(&xml), ["Response", "Connect", "ConversationRelay"]);
    let found = attributes(&xml);
    assert_eq!(found[0].1, "wss://example.com/twilio/relay/a/b");
    assert_eq!(found[1], ("welcomeGreeting".to_owned(), hostile.to_owned()));
    let sentence = Sentence {
        text: hostile,
        language: "en-US",
        voice: None,
    };
    let xml = say_and_hang_up(sentence).unwrap();
    assert_eq!(names(&xml), ["Response", "Say", "Hangup"]);
    assert_eq!(read(&xml)[1].2, hostile);
}

proptest! {
    #[test]
    fn any_words_come_out_as_they_went_in_without_what_xml_forbids(text in "[^\t\n\r]{1,60}") {
        let xml = connect(&relay(Some(&text), &voice())).unwrap();
        let found = attributes(&xml);
        let expected = allowed(&text);
        // Nobody says blank words.
        prop_assume!(!expected.trim().is_empty());
        prop_assert_eq!(found[1].1.as_str(), expected.as_ref());
        let xml = say_and_hang_up(Sentence { text: &text, language: "en-US", voice: None }).unwrap();
        let said = read(&xml);
        prop_assert_eq!(said[1].2.as_str(), expected.as_ref());
    }
}
