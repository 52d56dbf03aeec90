//! Tests of the intake: values, commands, and what each message does.

mod draft;
mod extraction;

use serde_json::{Value, json};

use super::{commands::WORDS, values::choice_or_number, *};
use crate::{
    base::time::UnixMillis,
    config::{
        Assistant, AssistantFile, Config, FieldKind, FixedText, Intake, Language,
        tests::{default_file, parse_with},
    },
    identity::PhoneHash,
    messaging::keywords::{Keyword, WORDS as KEYWORDS, folded},
};

const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

fn config() -> Config {
    let file = AssistantFile {
        name: "press-release".to_owned(),
        text: include_str!("../../../../assistants/press-release.toml").to_owned(),
    };
    let settings = [
        ("TWILIO_API_BASE_URL", "http://127.0.0.1:8788"),
        ("INTAKE_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"),
    ];
    parse_with(&settings, &[default_file(), file]).unwrap()
}

fn press_release(config: &Config) -> (&Assistant, &Intake) {
    let assistant = config.assistants.iter().nth(1).unwrap();
    (assistant, assistant.intake.as_ref().unwrap())
}

fn begun(form: &Intake) -> IntakeState {
    IntakeState::begin("press-release", form, PhoneHash::nobody(), NOW)
}

fn asked(state: &IntakeState) -> &str {
    match &state.stage {
        Stage::Asking(name) => name,
        Stage::Confirming => "confirm",
        Stage::Ended => "ended",
    }
}

fn reads(fields: &Value) -> Extraction {
    let text = json!({ "fields": fields, "skip": null, "confirm": null, "answer": null });
    read(&text.to_string()).unwrap()
}

fn all() -> Value {
    json!({
        "announcement_type": "Award",
        "company": "Birch & Bay",
        "headline": "Birch & Bay wins the Harbour Prize 2026",
        "key_facts": ["The prize is worth 25,000 euros", "The ceremony is on 5 December 2026"],
        "quotes": [{ "quote": "We build boats that last.", "speaker": "Ana Holm" }],
        "boilerplate": "Birch & Bay builds wooden boats. It has 42 employees.",
        "contact_name": "Ana Holm",
        "contact_email": "ana@birch.example",
        "contact_phone": "+1 555 0142",
    })
}

fn whole() -> (Config, IntakeState) {
    let config = config();
    let mut state = begun(press_release(&config).1);
    state.merge(press_release(&config).1, reads(&all()), "all");
    (config, state)
}

#[test]
fn code_checks_each_kind_and_normalises_only_what_is_unambiguous() {
    let one = |kind: &FieldKind, text: &str| match check(kind, &json!(text)) {
        Ok(FieldValue::Text(text)) => Some(text),
        _ => None,
    };
    for (kind, text, value) in [
        (FieldKind::Email, "ana@example.org", Some("ana@example.org")),
        (
            FieldKind::Email,
            "<Ana.B+x@mail.example.org>",
            Some("Ana.B+x@mail.example.org"),
        ),
        (FieldKind::Email, "ana(at)example.org", None),
        (FieldKind::Email, "ana@localhost", None),
        (FieldKind::Email, "ana@b@example.org", None),
        (FieldKind::Email, "ana bo@example.org", None),
        (FieldKind::Email, "ana@example.org\nBcc: x@y.example", None),
        (FieldKind::Phone, "+1 (555) 014-2000", Some("+15550142000")),
        (FieldKind::Phone, "+1.555.0142", Some("+15550142")),
        (FieldKind::Phone, "555 0142", None),
        (FieldKind::Phone, "0015550142", None),
        (FieldKind::Phone, "+44 (0)20 7946 0000", None),
        (FieldKind::Phone, "+1 555 CALL", None),
        (FieldKind::Phone, "+0555 0142 11", None),
        (FieldKind::Phone, "+1", None),
        (
            FieldKind::Url,
            "https://example.org/a?b=1",
            Some("https://example.org/a?b=1"),
        ),
        (
            FieldKind::Url,
            "www.example.org",
            Some("https://www.example.org"),
        ),
        (FieldKind::Url, "javascript://example.org", None),
        (FieldKind::Url, "https://user@example.org", None),
        (FieldKind::Url, "https://localhost/", None),
        (FieldKind::Url, "not a url", None),
        (FieldKind::Date, "2026-12-05", Some("2026-12-05")),
        (FieldKind::Date, "2026-02-30", None),
        (FieldKind::Date, "5 December", None),
        (FieldKind::Date, "2026-1-5", None),
        (FieldKind::Text, "  two\r\nlines ", Some("two\nlines")),
        (FieldKind::Text, " ", None),
    ] {
        assert_eq!(one(&kind, text).as_deref(), value, "{kind:?} {text}");
    }
    let choice = FieldKind::Choice(vec!["Product launch".into(), "Award".into()]);
    assert_eq!(one(&choice, "AWARD!").as_deref(), Some("Award"));
    assert_eq!(one(&choice, "2"), None, "a number is no choice by itself");
    assert_eq!(check(&choice, &json!(2)), Err(ValueProblem::Form));
    let long = json!("x".repeat(4001));
    assert_eq!(check(&FieldKind::Text, &long), Err(ValueProblem::TooLong));
    let many = json!(vec!["x"; 21]);
    assert_eq!(check(&FieldKind::List, &many), Err(ValueProblem::TooLong));
    let entries = FieldKind::Entries(vec!["quote".into(), "speaker".into()]);
    let half = json!([{ "quote": "Yes", "speaker": null }]);
    assert_eq!(check(&entries, &half), Err(ValueProblem::Part));
}

#[test]
fn a_command_means_one_thing_and_is_no_keyword() {
    let mut all: Vec<String> = Vec::new();
    for (_, words) in WORDS {
        all.extend(words.iter().map(|word| folded(word)));
    }
    for word in &all {
        assert!(Keyword::of(word).is_none(), "{word}");
        assert_eq!(
            all.iter().filter(|other| *other == word).count(),
            1,
            "{word}"
        );
        assert!(!confirms(word) && !declines(word), "{word}");
    }
    for (_, words) in KEYWORDS {
        assert!(words.iter().all(|word| Command::of(word).is_none()));
    }
    for text in ["go back home", "skip the intro", "status update", ""] {
        assert_eq!(Command::of(text), None, "{text}");
    }
}

#[test]
fn the_words_that_the_fixed_texts_name_work_in_every_language() {
    for language in Language::ALL {
        let text = FixedText::IntakeMenu.in_language(language);
        let is_capital = |word: &&str| {
            word.chars().any(char::is_alphabetic)
                && word.chars().count() > 2
                && word.to_uppercase() == **word
        };
        let words: Vec<&str> = text.split([' ', ',']).filter(is_capital).collect();
        let runs = words.join(" ");
        let mut found = 0;
        for (command, names) in WORDS {
            let named = names
                .iter()
                .any(|name| folded(&runs).contains(&folded(name)));
            found += usize::from(named && *command != Command::Menu);
        }
        assert_eq!(found, 4, "{language:?}: {runs}");
        let confirm = FixedText::IntakeConfirm.in_language(language);
        let yes: Vec<&str> = confirm
            .split([' ', ',', '.'])
            .filter(|word| word.chars().count() > 1 && word.to_uppercase() == **word)
            .collect();
        assert!(
            yes.iter().any(|word| confirms(word)),
            "{language:?}: {yes:?}"
        );
    }
}

#[test]
fn several_fields_at_once_and_corrections_are_taken_in() {
    let config = config();
    let (_, form) = press_release(&config);
    let mut state = begun(form);
    assert_eq!(asked(&state), "announcement_type");
    state.merge(
        form,
        reads(&json!({ "announcement_type": "Award", "company": "Birch" })),
        "both",
    );
    assert_eq!(asked(&state), "headline");
    state.merge(
        form,
        reads(&json!({ "company": "Birch & Bay" })),
        "no, it is Birch & Bay",
    );
    assert_eq!(asked(&state), "headline", "the question comes again");
    assert!(state.facts().contains(&"Birch & Bay".to_owned()));
    state.merge(form, reads(&all()), "all of it");
    assert_eq!(asked(&state), "confirm");
    let reply = state.merge(
        form,
        reads(&json!({ "contact_email": "nowhere" })),
        "mail is nowhere",
    );
    assert_eq!(
        (asked(&state), reply.next),
        ("contact_email", Next::Question)
    );
    assert!(
        state.facts().contains(&"ana@birch.example".to_owned()),
        "the old one stays"
    );
}

#[test]
fn a_yes_confirms_only_what_was_shown() {
    let config = config();
    let (_, form) = press_release(&config);
    let mut state = begun(form);
    state.merge(form, reads(&all()), "all");
    let mut read = reads(&json!({ "company": "Other" }));
    read.confirm = Some(true);
    assert_eq!(
        state.merge(form, read.clone(), "yes, but it is Other").next,
        Next::Question
    );
    read.fields.clear();
    assert_eq!(state.merge(form, read, "fine").next, Next::Confirmed);
    assert_eq!(
        state
            .answer_without_model(form, "Yes!")
            .map(|reply| reply.next),
        Some(Next::Confirmed)
    );
}

#[test]
fn a_number_is_a_choice_only_while_a_choice_is_asked() {
    let config = config();
    let (_, form) = press_release(&config);
    let mut state = begun(form);
    assert!(
        state.answer_without_model(form, "7").is_some(),
        "it is none of them"
    );
    assert_eq!(asked(&state), "announcement_type");
    state.answer_without_model(form, "2.").unwrap();
    assert_eq!(asked(&state), "company");
    assert!(state.answer_without_model(form, "2").is_none());
    state.merge(
        form,
        reads(&json!({ "company": "2", "announcement_type": "Award" })),
        "2",
    );
    assert!(
        state.facts().contains(&"Partnership".to_owned()),
        "the choice stays"
    );
    assert!(state.facts().contains(&"2".to_owned()));
    let choices = ["A".to_owned(), "B".to_owned()];
    assert_eq!(choice_or_number(&choices, "0"), None);
}

#[test]
fn back_skip_status_and_cancel_do_what_they_say() {
    let config = config();
    let (assistant, form) = press_release(&config);
    let mut state = begun(form);
    let text = |reply: &IntakeReply, state: &IntakeState| reply.text(assistant, form, state);
    let reply = state.command(Command::Back, form);
    assert!(text(&reply, &state).starts_with("This is the first question."));
    let reply = state.command(Command::Skip, form);
    assert!(text(&reply, &state).starts_with("Announcement: this is needed"));
    state.merge(
        form,
        reads(&json!({ "announcement_type": "Award", "company": "B" })),
        "x",
    );
    state.command(Command::Back, form);
    assert_eq!(asked(&state), "company");
    state.command(Command::Skip, form);
    assert_eq!(asked(&state), "headline", "what was given stays");
    let reply = state.command(Command::Status, form);
    assert_eq!(
        text(&reply, &state),
        "This is what I have so far:\nAnnouncement: Award\nCompany: B\n\nWhat should the headline say?"
    );
    state.merge(
        form,
        reads(&json!({ "headline": "H", "key_facts": ["f"] })),
        "x",
    );
    assert_eq!(asked(&state), "quotes");
    state.command(Command::Skip, form);
    assert_eq!(asked(&state), "boilerplate");
    state.command(Command::Back, form);
    assert_eq!(asked(&state), "quotes");
    state.command(Command::Cancel, form);
    assert!(!state.is_open() && state.filled() == 0);
}

#[test]
fn a_changed_file_drops_what_does_not_fit_it() {
    let (config, mut state) = whole();
    let mut form = press_release(&config).1.clone();
    form.fields[1].kind = FieldKind::Email;
    form.fields.remove(2);
    state.fit(&form);
    assert_eq!(asked(&state), "company");
    assert_eq!(state.filled(), 7);
}

#[test]
fn the_question_comes_as_it_stands_in_the_file() {
    let config = config();
    let (assistant, form) = press_release(&config);
    let state = begun(form);
    assert_eq!(
        IntakeReply::asked().text(assistant, form, &state),
        "What do you want to announce?\n1. Product launch\n2. Partnership\n3. Funding\n4. Event\n5. Award"
    );
}
