//! The page of the log: events, their fields, failures, responses.
//!
//! Not here: one of each event, which is in `log_samples`.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard::event::Event;

use super::{
    log_samples::sample_events,
    markdown::{code_spans, first_cells, place, row_of, table},
    project::read,
    report::assert_has,
    source::{after_each, snake_case, variants},
};

const PAGE: &str = "docs/logs.md";

#[test]
fn the_documented_events_are_those_of_the_code() {
    let source = read("src/event.rs");
    for (column, name) in [("Event", "Event"), ("Kind", "Security")] {
        let documented = first_cells(PAGE, column);
        assert_has(&place(PAGE, column), documented, variants(&source, name));
    }
}

#[test]
fn the_documented_fields_are_those_that_are_logged() {
    let mut seen = BTreeSet::new();
    for event in sample_events() {
        let logged = serde_json::to_value(&event).unwrap();
        let name = logged["event"].as_str().unwrap().to_owned();
        let fields_of = |column: &str, name: &str| {
            let row = row_of(PAGE, column, name);
            let place = format!("{}, row {name}, third column", place(PAGE, column));
            (place, code_spans(&row[2]))
        };
        let (place, fields) = fields_of("Event", &name);
        assert_has(&place, fields, keys_without(&logged, "event"));
        if let Event::Security { .. } = event {
            let kind = logged["details"]["kind"].as_str().unwrap();
            let (place, fields) = fields_of("Kind", kind);
            assert_has(&place, fields, keys_without(&logged["details"], "kind"));
            seen.insert(kind.to_owned());
        }
        seen.insert(name);
    }
    let source = read("src/event.rs");
    let of_the_code = &variants(&source, "Event") | &variants(&source, "Security");
    assert_has(
        "tests/it/documents/log_samples.rs, sample_events",
        seen,
        of_the_code,
    );
}

#[test]
fn the_logs_page_lists_every_failure_that_a_turn_can_have() {
    let mut expected = BTreeSet::new();
    for file in [
        "src/conversation/model_run.rs",
        "src/openai/mod.rs",
        "src/conversation/voice_error.rs",
    ] {
        let source = read(file);
        let labels = source
            .split_once("fn label(self)")
            .unwrap()
            .1
            .split_once("\n    }\n")
            .unwrap()
            .0;
        expected.extend(after_each(labels, "=> \"").map(str::to_owned));
    }
    assert!(expected.len() >= 10);
    // The same field says what is unusual about a good answer.
    expected.extend(
        after_each(&read("src/openai/response.rs"), "Some(\"")
            .filter(|word| ["length", "refusal"].contains(word))
            .map(str::to_owned),
    );
    let documented = first_cells(PAGE, "Failure");
    assert_has(&place(PAGE, "Failure"), documented, expected);
}

#[test]
fn the_logs_page_says_what_a_response_can_be_that_is_not_understood() {
    let documented = first_cells(PAGE, "Response");
    let source = read("src/event/labels.rs");
    let labels = source.split_once("\n    UnexpectedResponse {\n").unwrap().1;
    let labels = labels.split_once("\n    }\n").unwrap().0;
    let labels = labels.lines().map(str::trim);
    let kinds: BTreeSet<String> = labels
        .filter_map(|line| line.strip_suffix(','))
        .map(snake_case)
        .collect();
    assert_has(&place(PAGE, "Response"), documented, kinds);
}

/// Each set of words, and the row of the event or of the security event that has them.
const WORDS: [(&str, &str); 31] = [
    ("TurnOutcome", "turn"),
    ("ReplyVia", "turn"),
    ("ToolOutcome", "tool_called"),
    ("OutboxOutcome", "outbox_part"),
    ("DeliveryPurpose", "signed_webhook"),
    ("DeliveryOutcome", "signed_webhook"),
    ("HandOffState", "hand_off"),
    ("HandOffBy", "hand_off"),
    ("IntakeOutcome", "intake"),
    ("FlowOutcome", "studio_flow"),
    ("DeliveryStatus", "delivery"),
    ("ConsentState", "consent"),
    ("ConsentBy", "consent"),
    ("IgnoreReason", "message_ignored"),
    ("ErasedBy", "erased"),
    ("DailyLimit", "daily_limit_reached"),
    ("ConversationProblem", "conversation_unreadable"),
    ("KvOperation", "kv_failed"),
    ("ObjectKind", "object_failed"),
    ("TwilioSeverity", "twilio_error"),
    ("TwilioResource", "twilio_error"),
    ("InternalProblem", "internal_error"),
    ("SegmentOutcome", "segment_events"),
    ("DenialReason", "admin_denied"),
    ("FieldProblem", "suspicious_request"),
    ("CallRefusal", "call_refused"),
    ("DialOutcome", "call_dialled"),
    ("CallEnd", "call"),
    ("HangUpOutcome", "call_hung_up"),
    ("CallTurnOutcome", "call_turn"),
    ("CallFault", "call_fault"),
];

#[test]
fn each_event_is_documented_with_every_word_that_it_can_have() {
    let mut rows = table(&read(PAGE), "Event");
    rows.extend(table(&read(PAGE), "Kind"));
    let mut named = BTreeSet::new();
    for file in ["src/event/labels.rs", "src/event/call_labels.rs"] {
        let source = read(file);
        let labels = source.rsplit_once("labels! {\n").unwrap().1;
        let labels = labels.split("\n}\n").next().unwrap();
        for label in labels.split("\n    }\n") {
            let mut lines = label.lines().map(str::trim);
            let Some(name) = lines.find_map(|line| line.strip_suffix(" {")) else {
                continue;
            };
            named.insert(name.to_owned());
            // Responses have a table of their own.
            let Some((_, event)) = WORDS.iter().find(|(label, _)| *label == name) else {
                continue;
            };
            let row = rows
                .iter()
                .find(|row| row[0] == format!("`{event}`"))
                .unwrap();
            for word in lines
                .filter_map(|line| line.strip_suffix(','))
                .map(snake_case)
            {
                assert!(
                    row.iter().any(|cell| cell.contains(&format!("`{word}`"))),
                    "{PAGE}, row {event}, lacks `{word}`. Write when it is logged."
                );
            }
        }
    }
    let known = WORDS.iter().map(|(label, _)| (*label).to_owned());
    let known = known.chain(["UnexpectedResponse".to_owned()]);
    assert_has("tests/it/documents/log.rs, WORDS", known, named);
}

fn keys_without(object: &Value, key: &str) -> Vec<String> {
    let mut keys: Vec<String> = object
        .as_object()
        .unwrap()
        .keys()
        .filter(|other| *other != key)
        .cloned()
        .collect();
    keys.sort();
    keys
}
