use proptest::prelude::*;
use serde_json::{Value, json};

use super::{commands::WORDS, draft::check as draft_problems, values::choice_or_number, *};
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
        text: include_str!("../../../assistants/press-release.toml").to_owned(),
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
fn the_schema_is_strict_and_every_field_can_be_null() {
    let config = config();
    let (_, form) = press_release(&config);
    let schema = schema(form);
    assert_eq!(schema["type"], "json_schema");
    assert_eq!(schema["json_schema"]["strict"], true);
    let root = &schema["json_schema"]["schema"];
    assert_eq!(root["additionalProperties"], false);
    let fields = &root["properties"]["fields"];
    assert_eq!(
        fields["required"].as_array().unwrap().len(),
        form.fields.len()
    );
    for field in &form.fields {
        let types = &fields["properties"][&field.name]["type"];
        assert!(
            types.as_array().unwrap().contains(&json!("null")),
            "{}",
            field.name
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
    let said = state.merge(
        form,
        reads(&json!({ "contact_email": "nowhere" })),
        "mail is nowhere",
    );
    assert_eq!(
        (asked(&state), said.next),
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
            .map(|said| said.next),
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
    let text = |said: &Said, state: &IntakeState| said.text(assistant, form, state);
    let said = state.command(Command::Back, form);
    assert!(text(&said, &state).starts_with("This is the first question."));
    let said = state.command(Command::Skip, form);
    assert!(text(&said, &state).starts_with("Announcement: this is needed"));
    state.merge(
        form,
        reads(&json!({ "announcement_type": "Award", "company": "B" })),
        "x",
    );
    state.command(Command::Back, form);
    assert_eq!(asked(&state), "company");
    state.command(Command::Skip, form);
    assert_eq!(asked(&state), "headline", "what was given stays");
    let said = state.command(Command::Status, form);
    assert_eq!(
        text(&said, &state),
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
fn the_model_cannot_say_that_something_is_saved() {
    let config = config();
    let (assistant, form) = press_release(&config);
    for answer in [
        "Saved!",
        "Alles ist gespeichert.",
        "C'est enregistré",
        "I have submitted it.",
    ] {
        let mut state = begun(form);
        let mut read = reads(&json!({}));
        read.answer = Some(answer.into());
        let said = state.merge(form, read, "?").text(assistant, form, &state);
        assert!(said.starts_with("What do you want"), "{said}");
    }
}

#[test]
fn garbage_is_not_read() {
    for text in [
        "",
        "Sure!",
        "{}",
        "[]",
        "{\"fields\":[]}",
        "{\"fields\":",
        "null",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    let fenced = "```json\n{\"fields\":{\"a\":null},\"confirm\":\"maybe\"}\n```";
    assert_eq!(read(fenced), Some(Extraction::default()));
}

fn whole() -> (Config, IntakeState) {
    let config = config();
    let mut state = begun(press_release(&config).1);
    state.merge(press_release(&config).1, reads(&all()), "all");
    (config, state)
}

#[test]
fn a_draft_states_no_number_quotation_or_address_that_no_field_has() {
    let (_, state) = whole();
    for (draft, numbers, quotations, addresses) in [
        (
            "The prize of 25000 euros, on December 5, 2026.",
            false,
            false,
            false,
        ),
        (
            "“We build boats that last,” says Ana Holm.",
            false,
            false,
            false,
        ),
        (
            "Write to ana@birch.example or +15550142.",
            false,
            false,
            false,
        ),
        ("The prize of 26,000 euros.", true, false, false),
        ("It has 4 employees.", true, false, false),
        ("It has ٤٢٠ employees.", true, false, false),
        (
            "\"We build the best boats,\" says Ana Holm.",
            false,
            true,
            false,
        ),
        ("“We build boats", false, true, false),
        ("Write to press@birch.example.", false, false, true),
        ("See birch.com for more.", false, false, true),
        ("Call +15550143.", true, false, true),
    ] {
        let expected = Problems {
            numbers,
            quotations,
            addresses,
            length: false,
        };
        assert_eq!(draft_problems(draft, &state), expected, "{draft}");
    }
    assert!(draft_problems(" ", &state).length);
    assert!(draft_problems(&"x".repeat(6001), &state).length);
}

#[test]
fn the_fields_laid_out_by_code_pass_the_check() {
    let (config, state) = whole();
    let text = plain(&state, press_release(&config).1);
    assert_eq!(draft_problems(&text, &state), Problems::default(), "{text}");
    // Every name in it, a capital within a line, is in a field or is a label.
    let facts = state.facts().join(" ");
    for line in text.lines() {
        let said = line.split_once(": ").map_or(line, |(_, said)| said);
        for word in said.split(|c: char| !c.is_alphanumeric()) {
            let is_name = word.chars().next().is_some_and(char::is_uppercase);
            assert!(!is_name || facts.contains(word), "{word}");
        }
    }
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
        Said::asked().text(assistant, form, &state),
        "What do you want to announce?\n1. Product launch\n2. Partnership\n3. Funding\n4. Event\n5. Award"
    );
}

/// Any value that a model could give.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::from("Award")),
        Just(Value::from("+15550142")),
        Just(Value::from("x".repeat(5000))),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..25).prop_map(Value::from),
            prop::collection::btree_map("quote|speaker|x", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_the_model_says_only_checked_values_are_stored_within_bounds(
        steps in prop::collection::vec(
            (prop::collection::vec((0usize..10, any_value()), 0..4), any::<bool>(), any::<Option<bool>>(), ".{0,20}", 0usize..7),
            1..12,
        ),
    ) {
        let config = config();
        let (assistant, form) = press_release(&config);
        let mut state = begun(form);
        for (fields, skip, confirm, input, command) in steps {
            let commands = [Command::Menu, Command::Status, Command::Back, Command::Skip];
            if let Some(command) = commands.get(command) {
                state.command(*command, form);
            }
            let named = |at: usize| form.fields.get(at).map_or("unknown", |field| &field.name).to_owned();
            let read = Extraction {
                fields: fields.into_iter().map(|(at, value)| (named(at), value)).collect(),
                skip,
                confirm,
                answer: Some(input.clone()),
            };
            let said = state.merge(form, read, &input);
            prop_assert!(said.text(assistant, form, &state).len() < 200_000);
            let stored = serde_json::to_string(&state).unwrap();
            prop_assert!(stored.len() < 200 * 1024);
            let again: IntakeState = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&again, &state);
            let mut fitted = state.clone();
            fitted.fit(form);
            prop_assert_eq!(&fitted, &state, "a value fails its check");
            if said.next == Next::Confirmed {
                let complete = form.fields.iter().all(|field| {
                    !field.required || state.fields().get(&field.name).is_some()
                });
                prop_assert!(complete);
            }
        }
    }
}
