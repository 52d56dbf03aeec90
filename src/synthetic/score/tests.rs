use serde_json::{Value, json};

use super::{Resolution, Scores, Verdict, read, schema, transcript_text};
use crate::{
    base::time::UnixMillis,
    config::{Criterion, Speaker},
    synthetic::transcript::{Line, Mark},
};

fn criteria() -> Vec<Criterion> {
    let criterion = |name: &str| Criterion {
        name: name.to_owned(),
        asks: "Was it?".to_owned(),
    };
    vec![criterion("found"), criterion("refunded")]
}

fn lines() -> Vec<Line> {
    let line = |n, speaker, text: &str| Line {
        n,
        speaker,
        text: text.to_owned(),
        heard: None,
        started_at: UnixMillis(0),
        ended_at: UnixMillis(0),
        marks: Vec::new(),
    };
    vec![
        line(1, Speaker::Agent, "I’ve found  your order."),
        line(2, Speaker::Customer, "I am unhappy."),
    ]
}

fn answer() -> Value {
    json!({
        "criteria": {
            "found": { "met": true, "quote": "I've found your ORDER" },
            "refunded": { "met": false, "quote": "" },
        },
        "resolution": "partly",
        "escalated": false,
        "sentiment": { "agent": { "start": 0, "end": 1 }, "customer": { "start": -1, "end": -9 } },
        "churn_risk": { "value": 140, "because": "refunded" },
        "propensity_to_buy": { "value": "12.6", "because": "nothing" },
        "satisfaction": { "value": -3, "because": "found" },
    })
}

fn scores(answer: &Value) -> Option<Scores> {
    read(&answer.to_string(), "gpt-6-luna", &criteria(), &lines())
}

#[test]
fn a_quote_that_is_in_the_transcript_proves_a_criterion() {
    let scores = scores(&answer()).expect("scores");
    assert_eq!(scores.criteria["found"].met, Some(true));
    assert_eq!(scores.criteria["refunded"].met, Some(false));
    assert_eq!(scores.resolution, Resolution::Partly);
    assert_eq!(scores.model, "gpt-6-luna");
}

#[test]
fn a_yes_whose_quote_is_not_in_the_transcript_counts_for_nothing() {
    for quote in ["I have refunded you", "", "…", "order. I am unhappy"] {
        let mut answer = answer();
        answer["criteria"]["found"]["quote"] = json!(quote);
        let scores = scores(&answer).expect("scores");
        let unproven = Verdict {
            met: None,
            quote: None,
        };
        assert_eq!(scores.criteria["found"], unproven, "{quote}");
    }
}

#[test]
fn a_quote_of_half_a_word_proves_nothing() {
    for (quote, met) in [
        ("I am happy", None),
        ("happy", None),
        ("am unhappy", Some(true)),
    ] {
        let mut answer = answer();
        answer["criteria"]["found"]["quote"] = json!(quote);
        let scores = scores(&answer).expect("scores");
        assert_eq!(scores.criteria["found"].met, met, "{quote}");
    }
}

#[test]
fn numbers_are_held_to_their_range_by_code() {
    let scores = scores(&answer()).expect("scores");
    assert_eq!(scores.churn_risk.value, 100);
    assert_eq!(scores.propensity_to_buy.value, 13);
    assert_eq!(scores.satisfaction.value, 0);
    assert_eq!(scores.sentiment.customer.end, -2);
    // A reason that is no criterion is none.
    assert_eq!(scores.propensity_to_buy.because, None);
    assert_eq!(scores.churn_risk.because.as_deref(), Some("refunded"));
}

#[test]
fn an_answer_that_lacks_a_part_is_no_score() {
    for path in [
        "criteria",
        "resolution",
        "escalated",
        "sentiment",
        "satisfaction",
    ] {
        let mut answer = answer();
        answer.as_object_mut().expect("an object").remove(path);
        assert_eq!(scores(&answer), None, "{path}");
    }
    let mut answer = answer();
    answer["criteria"]
        .as_object_mut()
        .expect("an object")
        .remove("found");
    assert_eq!(scores(&answer), None);
}

#[test]
fn the_judge_reads_what_was_heard_and_the_schema_is_strict() {
    let mut lines = lines();
    lines[0].heard = Some("I’ve found".into());
    lines[0].marks.push(Mark::Interrupted);
    assert!(!transcript_text(&lines).contains("your order"));
    let schema = schema(&criteria());
    assert_eq!(schema["json_schema"]["strict"], true);
    let object = &schema["json_schema"]["schema"];
    assert_eq!(object["additionalProperties"], false);
    assert_eq!(
        object["properties"]["criteria"]["required"],
        json!(["found", "refunded"])
    );
}
