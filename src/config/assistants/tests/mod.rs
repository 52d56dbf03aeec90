//! Tests of the assistants' files: what is read, what is an error, and who answers what.

mod tools;

use super::*;
use crate::{
    base::time::UnixMillis,
    config::{
        Config, ConfigError, FileError, FixedText, Language,
        tests::{default_file, parse, parse_with},
    },
    identity::{Channel, Medium},
};

/// A signing secret of 24 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const LOCAL: (&str, &str) = ("TWILIO_API_BASE_URL", "http://127.0.0.1:8788");

fn file(name: &str, text: &str) -> AssistantFile {
    AssistantFile {
        name: name.to_owned(),
        text: text.to_owned(),
    }
}

fn with(changes: &[(&str, &str)], text: &str) -> Result<Config, Vec<ConfigError>> {
    parse_with(changes, &[default_file(), file("desk", text)])
}

/// The errors of a file as `line field: problem`.
fn errors(text: &str) -> Vec<String> {
    let shown = |error| match error {
        ConfigError::File(error) => {
            let FileError {
                line,
                field,
                problem,
                file,
            } = error;
            assert_eq!(file, "assistants/desk.toml");
            format!("{line} {field}: {problem}")
        }
        ConfigError::Setting(error) => format!("{}: {}", error.setting, error.problem),
    };
    let errors = with(&[], text).expect_err(text);
    errors.into_iter().map(shown).collect()
}

fn prompt(assistant: &Assistant) -> String {
    assistant
        .prompt
        .render(UnixMillis(0), 0, Medium::Messages(Channel::Sms))
}

const DESK: &str = r#"
numbers = ["+15550199", "whatsapp:+15550199", "MG0123456789abcdef0123456789abcdef"]
prompt = "You are the front desk."
model = "gpt-6.1-terra"
"#;

#[test]
fn the_number_that_was_written_to_chooses_the_assistant() {
    let config = with(&[], DESK).unwrap();
    let answering = |number: &str, service: Option<&str>| {
        let service = service.map(|sid| sid.parse().unwrap());
        let number = number.parse().unwrap();
        let assistants = &config.assistants;
        assistants.answering(&number, service.as_ref()).name.clone()
    };
    assert_eq!(answering("+15550199", None), "desk");
    assert_eq!(answering("whatsapp:+15550199", None), "desk");
    assert_eq!(answering("rcs:+15550199", None), "default");
    assert_eq!(answering("+15550198", None), "default");
    let service = Some("MG0123456789abcdef0123456789abcdef");
    assert_eq!(answering("+15550198", service), "desk");
    let other = Some("MG0123456789abcdef0123456789abcde0");
    assert_eq!(answering("+15550198", other), "default");
}

#[test]
fn a_number_says_more_than_a_messaging_service() {
    let service = file(
        "service",
        "numbers = [\"MG0123456789abcdef0123456789abcde0\"]\nprompt = \"x\"",
    );
    let files = [default_file(), file("desk", DESK), service];
    let config = parse_with(&[], &files).unwrap();
    let service = "MG0123456789abcdef0123456789abcde0".parse().unwrap();
    let number = "+15550199".parse().unwrap();
    let answering = config.assistants.answering(&number, Some(&service));
    assert_eq!(answering.name, "desk");
}

#[test]
fn what_a_file_leaves_out_is_as_in_default() {
    let default = file(
        "default",
        "prompt = \"Be kind.\"\nmodel = \"m\"\nlanguage = \"de\"\nmax_completion_tokens = 50\n\
         reasoning_effort = \"low\"\ntexts = { apology = \"Hoppla!\" }",
    );
    let desk = "numbers = [\"+15550199\"]\nprompt = \"You are the front desk.\"";
    let config = parse_with(&[], &[default, file("desk", desk)]).unwrap();
    let all: Vec<_> = config.assistants.iter().collect();
    assert_eq!(prompt(all[0]), "Be kind.");
    assert_eq!(prompt(all[1]), "You are the front desk.");
    for assistant in all {
        let endpoint = assistant.endpoints.get(0);
        assert_eq!(endpoint.model, "m");
        assert_eq!(endpoint.reasoning_effort.as_deref(), Some("low"));
        assert_eq!(assistant.max_completion_tokens, 50);
        assert_eq!(assistant.text(FixedText::Apology), "Hoppla!");
        let help = FixedText::Help.in_language(Language::German);
        assert_eq!(assistant.text(FixedText::Help), help);
    }
}

#[test]
fn an_assistant_in_another_language_has_the_texts_of_its_own() {
    let default = file("default", "prompt = \"x\"\ntexts = { apology = \"Oops!\" }");
    let desk = "numbers = [\"+15550199\"]\nprompt = \"x\"\nlanguage = \"fr\"";
    let config = parse_with(&[], &[default, file("desk", desk)]).unwrap();
    let desk = config.assistants.iter().nth(1).unwrap();
    let french = FixedText::Apology.in_language(Language::French);
    assert_eq!(desk.text(FixedText::Apology), french);
}

#[test]
fn settings_replace_what_default_says_and_no_other_file() {
    let settings = [
        ("ASSISTANT_PROMPT", "Be loud."),
        ("OPENAI_MODEL", "other"),
        ("OPENAI_MAX_COMPLETION_TOKENS", "7"),
        ("HELP_TEXT", "Call us."),
    ];
    let config = with(&settings, DESK).unwrap();
    let default = config.assistants.default();
    assert_eq!(prompt(default), "Be loud.");
    assert_eq!(default.endpoints.get(0).model, "other");
    assert_eq!(default.max_completion_tokens, 7);
    assert_eq!(default.text(FixedText::Help), "Call us.");
    let desk = config.assistants.iter().nth(1).unwrap();
    assert_eq!(prompt(desk), "You are the front desk.");
    assert_eq!(desk.endpoints.get(0).model, "gpt-6.1-terra");
    assert_eq!(desk.max_completion_tokens, 7, "left out, so as in default");
}

#[test]
fn every_error_names_its_line_and_field_and_what_would_be_right() {
    let text = r#"
numbers = ["+1555", 5]
promt = "Hello"
model = ""
max_completion_tokens = 0
language = "english"
time_zone = "Berlin"
[texts]
apolgy = "Oops"
[[tools]]
name = "look up"
description = "Looks up."
url = "http://example.com"
secret = "orders"
methd = "GET"
"#;
    let expected = [
        "1 prompt: is missing",
        "2 numbers[0]: must be a number such as +15550100",
        "2 numbers[1]: must be a text in quotation marks",
        "3 promt: is not a field here; the nearest is prompt",
        "4 model: must not be blank",
        "5 max_completion_tokens: must be a whole number, 1 to 128000",
        "6 language: must be en, fr, es, pt, de, it or nl",
        "7 time_zone: must be the IANA name of a time zone",
        "9 texts.apolgy: has a name that is not known, the nearest is apology",
        "11 tools[0].name: must have only letters, digits, _ and -",
        "13 tools[0].url: must be an https URL",
        "14 tools[0].secret: must name secrets in capital letters",
        "15 tools[0].methd: is not a field here; the nearest is method",
    ];
    let found = errors(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n{expected}");
    }
}

#[test]
fn a_file_that_is_not_toml_is_an_error_with_its_line() {
    let found = errors("numbers = [\"+15550199\"]\nprompt = open\n");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("2 : is not TOML: "), "{found:?}");
}

#[test]
fn no_error_repeats_a_value() {
    let planted = r#"
numbers = ["planted"]
prompt = "planted {{planted}}"
model = ""
language = "planted"
time_zone = "planted"
fallbacks = [{ base_url = "planted", model = "planted", key = "planted" }]
[[tools]]
name = "planted planted"
description = "planted"
parameters = "planted"
url = "planted"
secret = "planted"
method = "planted"
[[tools]]
name = "n"
description = "d"
parameters = { type = "planted" }
url = "https://example.com/"
secret = "PLANTED_SECRET"
[intake]
fields = [{ name = "Planted", ask = "planted", kind = "planted" }]
draft = "planted"
deliver_to = "planted"
secret = "planted"
[hand_off]
number = "planted"
studio_flow = "planted"
[voice]
greeting = " "
language = "planted"
tts_provider = "planted"
voice = "planted planted"
transcription_provider = "planted"
speech_model = "planted planted"
hand_off_to = "planted"
speak_urls = "planted"
"#;
    let errors = with(&[("PLANTED_SECRET", "planted")], planted).unwrap_err();
    assert!(errors.len() >= 23, "{errors:#?}");
    assert!(!format!("{errors:?}").contains("planted"), "{errors:#?}");
}

#[test]
fn two_files_that_claim_the_same_number_are_an_error() {
    let files = [
        default_file(),
        file("desk", DESK),
        file("other", "prompt = \"x\"\nnumbers = [\"+15550199\"]"),
    ];
    let errors = parse_with(&[], &files).unwrap_err();
    let [ConfigError::File(error)] = &errors[..] else {
        panic!("{errors:?}");
    };
    assert_eq!(
        (error.file.as_str(), error.field.as_str(), error.line),
        ("assistants/other.toml", "numbers[0]", 2)
    );
    assert_eq!(error.problem, "is claimed by assistants/desk.toml, too");
}

#[test]
fn default_must_be_there_and_has_no_numbers() {
    let errors = parse_with(&[], &[file("desk", DESK)]).unwrap_err();
    assert_eq!(errors[0].place(), "assistants/default.toml");
    let default = file("default", "prompt = \"x\"\nnumbers = [\"+15550199\"]");
    assert!(parse_with(&[], &[default]).is_err());
    assert!(with(&[], "prompt = \"x\"").is_err(), "no numbers");
}

#[test]
fn an_intake_has_fields_of_every_kind() {
    let text = r#"
numbers = ["+15550199"]
prompt = "x"
[intake]
draft = "Write it."
expires_after_minutes = 120
[[intake.fields]]
name = "kind"
ask = "Which kind?"
kind = "choice"
choices = ["Launch", "Award"]
[[intake.fields]]
name = "quotes"
ask = "Quotes?"
kind = "list"
parts = ["quote", "speaker"]
required = false
[[intake.fields]]
name = "contact_email"
label = "e-mail"
ask = "Your e-mail?"
kind = "email"
"#;
    let config = with(&[], text).unwrap();
    let intake = config.assistants.iter().nth(1).unwrap().intake.clone();
    let intake = intake.unwrap();
    let [kind, quotes, email] = &intake.fields[..] else {
        panic!("{intake:?}");
    };
    assert_eq!(
        kind.kind,
        FieldKind::Choice(vec!["Launch".to_owned(), "Award".to_owned()])
    );
    assert_eq!(
        quotes.kind,
        FieldKind::Entries(vec!["quote".to_owned(), "speaker".to_owned()])
    );
    assert!(kind.required && !quotes.required);
    assert_eq!(
        (kind.label.as_str(), email.label.as_str()),
        ("kind", "e-mail")
    );
    assert!(intake.deliver_to.is_none());
    assert_eq!(intake.expires_after.unwrap().as_secs(), 7200);
}

#[test]
fn the_files_of_this_project_are_right() {
    let default = file(
        "default",
        include_str!("../../../../assistants/default.toml"),
    );
    assert_eq!(default.text.matches("{{").count(), 0);
    assert!(parse_with(&[], &[default]).is_ok());
    assert!(parse(&[]).is_ok());
}
