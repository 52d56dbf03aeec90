use super::*;
use crate::config::{
    Assistant, AssistantFile, Config, ConfigError, FixedText,
    tests::{default_file, parse_with},
};

fn desk(voice: &str) -> Result<Config, Vec<ConfigError>> {
    let text = format!("numbers = [\"+15550199\"]\nprompt = \"x\"\n{voice}");
    let desk = AssistantFile {
        name: "desk".to_owned(),
        text,
    };
    parse_with(&[], &[default_file(), desk])
}

fn assistant(voice: &str) -> Assistant {
    let config = desk(voice).unwrap();
    config.assistants.iter().nth(1).unwrap().clone()
}

/// The errors of a `[voice]` as `line field: problem`.
fn errors(voice: &str) -> Vec<String> {
    let errors = desk(&format!("[voice]\n{voice}")).expect_err(voice);
    let shown = |error| match error {
        ConfigError::File(error) => format!("{} {}: {}", error.line, error.field, error.problem),
        ConfigError::Setting(error) => panic!("{}", error.setting),
    };
    errors.into_iter().map(shown).collect()
}

#[test]
fn every_language_of_the_texts_has_a_voice_in_its_place() {
    for (language, (tag, name)) in Language::ALL.into_iter().zip(AMAZON_VOICES) {
        let voice = Stated::default().in_language(language);
        assert_eq!(voice.language, tag);
        assert_eq!(voice.name, name);
        assert!(voice.language.starts_with(language.code()));
        assert_eq!(voice.tts_provider, TtsProvider::Amazon);
    }
}

#[test]
fn an_assistant_without_a_voice_has_that_of_its_language() {
    for (text, tag) in [("", "en-US"), ("language = \"de\"", "de-DE")] {
        let assistant = assistant(text);
        let expected = Stated::default().in_language(assistant.language);
        assert_eq!(assistant.voice, expected);
        assert_eq!(assistant.voice.language, tag);
        assert_eq!(
            assistant.greeting(false),
            assistant.text(FixedText::CallGreeting)
        );
    }
}

#[test]
fn a_voice_is_read_with_all_that_it_states() {
    let voice = assistant(
        r#"
[voice]
greeting = " Boat shop, hello! "
language = "en-GB"
tts_provider = "Google"
voice = "en-GB-Chirp3-HD-Aoede"
transcription_provider = "Google"
speech_model = "long"
max_seconds = 120
hand_off_to = "+15550142"
record = true
ask_digits = true
speak_urls = "full"
"#,
    )
    .voice;
    let expected = Voice {
        greeting: Some("Boat shop, hello!".to_owned()),
        outbound_greeting: None,
        language: "en-GB".to_owned(),
        tts_provider: TtsProvider::Google,
        name: "en-GB-Chirp3-HD-Aoede".to_owned(),
        transcription_provider: TranscriptionProvider::Google,
        speech_model: "long".to_owned(),
        longest_call: Some(Duration::from_mins(2)),
        hand_off_to: Some("+15550142".parse().unwrap()),
        record: true,
        ask_digits: true,
        urls: SpokenUrls::Full,
    };
    assert_eq!(voice, expected);
}

#[test]
fn what_a_voice_leaves_out_follows_from_its_providers_and_language() {
    for (voice, name, model) in [
        ("", "Joanna-Neural", "nova-3-general"),
        ("language = \"pt-BR\"", "Camila-Neural", "nova-3-general"),
        (
            "tts_provider = \"ElevenLabs\"",
            ELEVEN_LABS_VOICE,
            "nova-3-general",
        ),
        (
            "tts_provider = \"ElevenLabs\"\nlanguage = \"ja-JP\"",
            ELEVEN_LABS_VOICE,
            "nova-3-general",
        ),
        (
            "transcription_provider = \"Google\"",
            "Joanna-Neural",
            "telephony",
        ),
        (
            "language = \"ja-JP\"\nvoice = \"Tomoko-Neural\"",
            "Tomoko-Neural",
            "nova-3-general",
        ),
    ] {
        let found = assistant(&format!("[voice]\n{voice}")).voice;
        assert_eq!(
            (found.name.as_str(), found.speech_model.as_str()),
            (name, model),
            "{voice}"
        );
    }
}

#[test]
fn a_recorded_call_says_so_before_it_greets() {
    let assistant = assistant("[voice]\nrecord = true\ngreeting = \"Boat shop!\"");
    assert_eq!(
        assistant.greeting(false),
        "This call is recorded. Boat shop!"
    );
    let outbound = assistant.text(FixedText::CallOutboundGreeting);
    assert_eq!(
        assistant.greeting(true),
        format!("This call is recorded. {outbound}"),
        "whom it calls hears another one"
    );
}

#[test]
fn every_error_of_a_voice_names_its_line_and_field_and_what_would_be_right() {
    for (voice, expected) in [
        (
            "greting = \"x\"",
            "4 voice.greting: is not a field here; the nearest is greeting",
        ),
        ("greeting = \" \"", "4 voice.greeting: must not be blank"),
        (
            "language = \"english\"",
            "4 voice.language: must be a language with its country",
        ),
        (
            "\nlanguage = \"ja-JP\"",
            "5 voice.language: has no voice by default",
        ),
        (
            "tts_provider = \"amazon\"",
            "4 voice.tts_provider: must be Amazon, ElevenLabs or Google",
        ),
        (
            "tts_provider = \"Google\"",
            "4 voice.tts_provider: has no voice by default",
        ),
        ("voice = \"Joanna Neural\"", "4 voice.voice: must be a name"),
        (
            "transcription_provider = 1",
            "4 voice.transcription_provider: must be a text",
        ),
        (
            "max_seconds = 29",
            "4 voice.max_seconds: must be a whole number, 30 to 14400",
        ),
        (
            "hand_off_to = \"5550142\"",
            "4 voice.hand_off_to: must be a phone number in E.164",
        ),
        (
            "hand_off_to = \"whatsapp:+15550142\"",
            "4 voice.hand_off_to: must be a phone number",
        ),
        ("record = \"yes\"", "4 voice.record: must be true or false"),
        (
            "ask_digits = 1",
            "4 voice.ask_digits: must be true or false",
        ),
        (
            "speak_urls = \"no\"",
            "4 voice.speak_urls: must be say, full or phrase",
        ),
    ] {
        let found = errors(voice);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(expected), "{found:?}");
    }
    let long = errors(&format!("greeting = \"{}\"", "x".repeat(501)));
    assert_eq!(long, ["4 voice.greeting: must have at most 500 characters"]);
}

#[test]
fn a_language_has_its_country() {
    for good in ["en-US", "es-419", "cmn-CN", "en-GB-WLS"] {
        assert_eq!(parsers::language_tag(good).as_deref(), Ok(good));
    }
    for bad in [
        "", "en", "EN-US", "en_US", "en-us", "english", "en-", "-US", "e-US", "en-U",
    ] {
        assert!(parsers::language_tag(bad).is_err(), "{bad}");
    }
}
