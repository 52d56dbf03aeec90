//! The analytics events of any record: they fit their published schemas, and have nothing that was said.
//!
//! Not here: how they reach Segment (`segment`).

use std::{collections::BTreeMap, fs};

use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::TestRunner,
};
use serde_json::Value;
use switchboard::{
    base::{secret::Secret, time::UnixMillis},
    config::{Limits, Schema, Speaker},
    identity::PseudonymKey,
    segment::Item,
    synthetic::{
        api::{Cost, Record},
        events,
        metrics::metrics,
        plan::{AgentSide, BatchId, Mode, RunId, RunPlan},
        score::{Rating, Resolution, Scores, Sentiment, Sentiments, Verdict},
        transcript::{EndReason, Ended, EndedBy, Line, Mark},
    },
};

/// What must not be in any event: a name, a number, an address and an amount. Each has a character that no id has.
const PLANTED: [&str; 4] = [
    "Ximena Quill",
    "+15550142",
    "x.quill@example.com",
    "£90,210",
];

/// The published schema of an item.
pub(super) fn schema_of(item: &Value) -> Value {
    let name = match (item["type"].as_str(), item["event"].as_str()) {
        (Some("identify"), None) => "identify",
        (Some("track"), Some("Call Completed")) => "call_completed",
        (Some("track"), Some("Call Scored")) => "call_scored",
        other => panic!("no schema for {other:?}"),
    };
    let text = fs::read_to_string(format!("docs/events/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn key() -> PseudonymKey {
    PseudonymKey::new(Secret::new("a-pseudonym-key-of-enough-length".to_owned()))
}

fn items(record: &Record) -> Vec<Item> {
    let made = events::of(record, Some(UnixMillis(record.ended_at.0 + 1)), &key());
    made.into_iter().map(Result::unwrap).collect()
}

/// Any words, with what must not leave in them.
fn words() -> impl Strategy<Value = String> {
    (select(PLANTED.as_slice()), "[ -~\u{e9}\u{1f600}]{0,60}")
        .prop_map(|(planted, rest)| format!("{rest} {planted}"))
}

fn speaker() -> impl Strategy<Value = Speaker> {
    select(vec![Speaker::Agent, Speaker::Customer])
}

fn line() -> impl Strategy<Value = Line> {
    let mark = select(vec![
        Mark::Interrupted,
        Mark::Interrupts,
        Mark::Silence,
        Mark::MisheardName,
        Mark::Goodbye,
    ]);
    (
        speaker(),
        words(),
        option::of(words()),
        0..4_000_000_000_000u64,
        0..100_000u64,
        vec(mark, 0..3),
    )
        .prop_map(|(speaker, text, heard, at, took, marks)| Line {
            n: 1,
            speaker,
            text,
            heard,
            started_at: UnixMillis(at),
            ended_at: UnixMillis(at + took),
            marks,
        })
}

fn rating() -> impl Strategy<Value = Rating> {
    (0..=100u8, option::of(words())).prop_map(|(value, because)| Rating { value, because })
}

fn mood() -> impl Strategy<Value = Sentiment> {
    (-2..=2i8, -2..=2i8).prop_map(|(start, end)| Sentiment { start, end })
}

fn scores() -> impl Strategy<Value = Scores> {
    let verdict = (option::of(any::<bool>()), option::of(words()))
        .prop_map(|(met, quote)| Verdict { met, quote });
    let resolution = select(vec![
        Resolution::Resolved,
        Resolution::Partly,
        Resolution::Unresolved,
    ]);
    (
        btree_map(words(), verdict, 0..8),
        resolution,
        any::<bool>(),
        (mood(), mood()),
        (rating(), rating(), rating()),
    )
        .prop_map(|(criteria, resolution, escalated, moods, ratings)| Scores {
            prompt_version: 1,
            model: "judge-1".to_owned(),
            criteria,
            resolution,
            escalated,
            sentiment: Sentiments {
                agent: moods.0,
                customer: moods.1,
            },
            churn_risk: ratings.0,
            propensity_to_buy: ratings.1,
            satisfaction: ratings.2,
        })
}

fn plan() -> impl Strategy<Value = RunPlan> {
    let id = || "[a-z0-9-]{1,40}";
    let agent = prop_oneof![
        id().prop_map(|id| AgentSide::Persona(id.parse().unwrap())),
        "[a-z][a-z0-9-]{0,39}".prop_map(AgentSide::Assistant),
    ];
    let ids = (any::<[u8; 16]>(), any::<u32>(), id(), agent, id());
    let rest = (any::<u64>(), option::of(words()), any::<bool>());
    (ids, rest).prop_map(
        |((batch, number, scenario, agent, customer), rest)| RunPlan {
            run: RunId {
                batch: BatchId::new(batch),
                number: number.max(1),
            },
            mode: match agent {
                AgentSide::Persona(_) => Mode::Text,
                AgentSide::Assistant(_) => Mode::Assistant,
            },
            scenario: scenario.parse().unwrap(),
            agent,
            customer: customer.parse().unwrap(),
            seed: rest.0,
            limits: Limits {
                turns: 20,
                seconds: 300,
            },
            call: None,
            label: rest.1,
            score: true,
            disturbed: rest.2,
        },
    )
}

fn record() -> impl Strategy<Value = Record> {
    let by = select(vec![
        EndedBy::Agent,
        EndedBy::Customer,
        EndedBy::Limit,
        EndedBy::Operator,
        EndedBy::Failure,
    ]);
    let reason = select(vec![
        EndReason::Goodbye,
        EndReason::Turns,
        EndReason::Seconds,
        EndReason::Requests,
        EndReason::Repetition,
        EndReason::ModelFailed,
        EndReason::HandedOff,
        EndReason::Cancelled,
        EndReason::Configuration,
        EndReason::CallFailed,
        EndReason::OneLeg,
        EndReason::LegLost,
    ]);
    let cost = (any::<u32>(), any::<u64>(), any::<u64>());
    (
        plan(),
        select(vec!["", "gpt-6-luna"]),
        vec(line(), 0..12),
        (by, reason),
        option::of(scores()),
        cost,
        0..4_000_000_000_000u64,
    )
        .prop_map(
            |(plan, model, lines, (by, reason), scores, cost, at)| Record {
                plan,
                model: model.to_owned(),
                metrics: metrics(&lines, Mode::Text),
                lines,
                ended: Ended { by, reason },
                scores,
                analysis: None,
                cost: Cost {
                    model_requests: cost.0,
                    prompt_tokens: cost.1,
                    completion_tokens: cost.2,
                    call_minutes: 0,
                },
                ended_at: UnixMillis(at),
            },
        )
}

proptest! {
    #[test]
    fn every_event_fits_its_schema_and_has_no_word_name_number_or_address(record in record()) {
        let items = items(&record);
        prop_assert_eq!(items.len(), 2 + usize::from(record.scores.is_some()));
        for item in items {
            let text = item.as_str();
            let value: Value = serde_json::from_str(text).unwrap();
            let schema = Schema::parse(&schema_of(&value)).unwrap();
            prop_assert!(schema.accepts(&value), "{}", text);
            prop_assert!(!text.contains("null"), "{}", text);
            for planted in PLANTED {
                prop_assert!(!text.contains(planted), "{}", text);
            }
            prop_assert!(!text.contains(['@', '+', '£']), "{}", text);
            prop_assert!(text.len() < 2000, "{}", text.len());
        }
    }

    #[test]
    fn an_event_is_the_same_whenever_it_is_made_and_no_other_one_has_its_id(
        one in record(),
        other in record(),
    ) {
        prop_assert_eq!(items(&one), items(&one));
        let mut ids = BTreeMap::new();
        for item in items(&one).iter().chain(&items(&other)) {
            let value: Value = serde_json::from_str(item.as_str()).unwrap();
            let id = value["messageId"].as_str().unwrap().to_owned();
            prop_assert!(id.len() < 100);
            prop_assert!(ids.insert(id, value).is_none());
        }
    }
}

#[test]
fn a_schema_refuses_a_field_that_it_does_not_name_and_a_missing_one() {
    let mut runner = TestRunner::deterministic();
    let with_scores = record().prop_filter("scores", |record| record.scores.is_some());
    let record = with_scores.new_tree(&mut runner).unwrap().current();
    for item in items(&record) {
        let value: Value = serde_json::from_str(item.as_str()).unwrap();
        let schema = Schema::parse(&schema_of(&value)).unwrap();
        let body = if value["type"] == "identify" {
            "traits"
        } else {
            "properties"
        };
        let mut more = value.clone();
        more[body]["name"] = "Ximena Quill".into();
        assert!(!schema.accepts(&more));
        let mut less = value.clone();
        less[body].as_object_mut().unwrap().remove("synthetic");
        assert!(!schema.accepts(&less));
        let mut about_a_person = value.clone();
        about_a_person[body]["synthetic"] = false.into();
        assert!(!schema.accepts(&about_a_person));
        let mut as_text = value.clone();
        as_text["userId"] = "cleo".into();
        assert!(!schema.accepts(&as_text));
    }
}
