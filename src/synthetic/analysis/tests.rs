use serde_json::{Map, json};

use super::*;
use crate::{base::time::UnixMillis, synthetic::transcript::Mark};

const SAID: [&str; 4] = [
    "Hello, this is Ada from the shop. How can I help?",
    "My order 48213 has not arrived.",
    "I am sorry about that. It comes tomorrow.",
    "Great, thank you. Goodbye.",
];

fn lines() -> Vec<Line> {
    let speakers = [Speaker::Agent, Speaker::Customer].into_iter().cycle();
    let lines = SAID.iter().zip(speakers).zip(1..);
    lines
        .map(|((text, speaker), n)| Line {
            n,
            speaker,
            text: (*text).to_owned(),
            heard: None,
            started_at: UnixMillis(0),
            ended_at: UnixMillis(0),
            marks: Vec::new(),
        })
        .collect()
}

fn sentence(channel: u32, starts_ms: u32, text: &str) -> Sentence {
    Sentence {
        channel,
        starts_ms: Some(starts_ms),
        text: text.to_owned(),
    }
}

/// What was heard, with the agent and the customer on these channels. It does not come in order.
fn transcribed(agent: u32, customer: u32) -> Transcribed {
    Transcribed {
        sentences: vec![
            sentence(
                customer,
                5200,
                "my order four eight two one three has not arrived",
            ),
            sentence(agent, 700, "Hello, this is Aida from the shop."),
            sentence(agent, 2900, "How can I help?"),
            sentence(agent, 9100, "I'm sorry about that. It comes tomorrow."),
            sentence(customer, 12_000, "Great, thank you. Goodbye."),
        ],
        operators: Vec::new(),
    }
}

fn errors(words: u32, errors: u32) -> WordErrors {
    WordErrors { words, errors }
}

#[test]
fn a_key_names_one_run_and_fits() {
    let run: RunId = format!("{}-{}", "0123456789abcdef".repeat(2), u32::MAX)
        .parse()
        .unwrap();
    let key = key_of(&run);
    assert!(key.len() <= 64 && key.is_ascii(), "{key}");
    assert_eq!(run_of(&key), Some(run));
    for other in [
        "",
        "another",
        "synthetic:",
        "synthetic:x-1",
        "synthetic:0123456789abcdef0123456789abcdef-01",
    ] {
        assert_eq!(run_of(other), None, "{other}");
    }
}

#[test]
fn sides_are_found_by_their_words_whatever_the_order_of_channels() {
    for (agent, customer) in [(1, 2), (2, 1), (0, 1)] {
        let heard = analyse(&lines(), transcribed(agent, customer));
        assert_eq!(heard.channels, Some(Sides { agent, customer }));
        let lines: Vec<(u32, WordErrors)> = heard
            .lines
            .iter()
            .map(|line| (line.n, line.errors))
            .collect();
        let expected = [
            (1, errors(11, 1)),
            (2, errors(10, 0)),
            (3, errors(8, 2)),
            (4, errors(4, 0)),
        ];
        assert_eq!(lines, expected);
        assert_eq!(
            heard.lines[0].heard,
            "Hello, this is Aida from the shop. How can I help?"
        );
        assert_eq!(heard.errors, errors(33, 3));
    }
}

#[test]
fn a_recording_with_one_channel_is_compared_as_a_whole() {
    let heard = analyse(&lines(), transcribed(1, 1));
    assert_eq!(heard.channels, None);
    assert_eq!(heard.errors, errors(33, 3));
}

#[test]
fn a_recording_in_which_nothing_was_heard_has_only_errors() {
    let heard = analyse(&lines(), Transcribed::default());
    assert_eq!((heard.channels, heard.errors), (None, errors(33, 33)));
    let heard = analyse(&[], transcribed(1, 2));
    assert_eq!(
        (heard.lines, heard.errors),
        (Vec::new(), WordErrors::default())
    );
}

#[test]
fn of_a_line_that_was_cut_off_only_what_was_said_counts() {
    let mut lines = lines();
    lines[2].heard = Some("I am sorry".to_owned());
    lines[2].marks.push(Mark::Interrupted);
    let heard = analyse(&lines, transcribed(1, 2));
    assert_eq!(heard.lines[2].errors.words, 3);
    // A line that was cut off at the end of the call does not count.
    let mut cut_off = lines.clone();
    cut_off[3].marks.push(Mark::CutOff);
    assert_eq!(analyse(&cut_off, transcribed(1, 2)).lines.len(), 3);
    // What the other side's recognition made of a line does not change what was said.
    lines[2].marks.clear();
    assert_eq!(analyse(&lines, transcribed(1, 2)).lines[2].errors.words, 8);
}

#[test]
fn an_analysis_is_written_as_documented_and_read_again() {
    let mut transcribed = transcribed(2, 1);
    transcribed.operators.push(OperatorResult {
        name: "Summary".to_owned(),
        kind: "text-generation".to_owned(),
        result: Some(Map::new()),
    });
    let service = Service::IntelligenceV2;
    transcribed
        .sentences
        .retain(|sentence| sentence.starts_ms < Some(9000));
    let completed = Outcome::Completed(analyse(&lines()[..2], transcribed));
    for (outcome, expected) in [
        (
            completed,
            json!({
                "service": "intelligence_v2", "status": "completed", "words": 21, "errors": 1, "word_error_rate": 0.0476,
                "channels": { "agent": 2, "customer": 1 },
                "lines": [
                    { "n": 1, "heard": "Hello, this is Aida from the shop. How can I help?", "words": 11, "errors": 1, "word_error_rate": 0.0909 },
                    { "n": 2, "heard": "my order four eight two one three has not arrived", "words": 10, "errors": 0, "word_error_rate": 0.0 },
                ],
                "operators": [{ "name": "Summary", "type": "text-generation", "result": {} }],
            }),
        ),
        (
            Outcome::Absent,
            json!({ "service": "intelligence_v2", "status": "absent" }),
        ),
        (
            Outcome::from(Refusal::Rejected(20404)),
            json!({ "service": "intelligence_v2", "status": "failed", "reason": "rejected", "code": 20404 }),
        ),
        (
            Outcome::failed(Failure::Transcript),
            json!({ "service": "intelligence_v2", "status": "failed", "reason": "transcript" }),
        ),
        (
            Outcome::TimedOut {
                waited_for: WaitedFor::Recording,
            },
            json!({ "service": "intelligence_v2", "status": "timed_out", "waited_for": "recording" }),
        ),
    ] {
        let analysis = Analysis { service, outcome };
        let written = serde_json::to_value(&analysis).unwrap();
        assert_eq!(written, expected);
        assert_eq!(
            serde_json::from_value::<Analysis>(written).unwrap(),
            analysis
        );
    }
}
