//! The transcript of a recorded call: it is made once, waited for, and compared with what was said.
//!
//! Not here: the webhook's signature (`http::intelligence`), and single decisions (`src/synthetic/analysis`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{config::Speaker, synthetic::plan::Leg};

use super::{calls, twilio::Line, with};
use crate::{
    support::{
        Act, FakePlatform, INTELLIGENCE_SERVICE, Incoming, TOKEN, WITH_INTELLIGENCE, after,
        operator::ACCOUNT,
    },
    synthetic::{begin, progress, request, transcripts},
};

const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";

/// A platform whose calls are transcribed.
fn platform() -> FakePlatform {
    with(&[WITH_INTELLIGENCE])
}

fn recorded_calls() -> Value {
    let mut body = calls(1);
    body["record"] = json!(true);
    body
}

/// A recorded call that is over. The service hears every word, the agent on channel 2.
async fn talked(fake: &FakePlatform) -> (String, Line) {
    let batch = begin(fake, &recorded_calls()).await;
    let mut line = Line::connected(fake).await;
    line.talk().await;
    hears(fake, &line, 2, 1);
    (batch, line)
}

/// The service hears what was spoken, with the agent and the customer on these channels.
fn hears(fake: &FakePlatform, line: &Line, agent: u32, customer: u32) {
    let start = line.spoken[0].0;
    let sentences = line.spoken.iter().zip(0..).map(|((at, leg, words), index)| {
        let channel = match leg.speaker() {
            Speaker::Agent => agent,
            Speaker::Customer => customer,
        };
        let seconds = Duration::from_millis(at - start).as_secs_f64();
        // The API's description says that these are texts, and some answers have them as numbers.
        json!({
            "media_channel": channel.to_string(), "sentence_index": index, "transcript": words.to_lowercase(),
            "start_time": seconds.to_string(), "end_time": seconds + 1.0, "confidence": "0.9",
        })
    });
    let summary = json!({
        "name": "Summary", "operator_type": "text-generation", "extract_match": null, "utterance_results": [],
        "text_generation_results": { "format": "text", "result": "An order is late." },
    });
    fake.intelligence_hears(sentences.collect(), vec![summary]);
}

/// Twilio tells of the recording.
async fn recording_is(line: &Line, status: &str) {
    let path = format!("/twilio/synthetic/{}/recording", line.run);
    let fields = [("RecordingSid", RECORDING), ("RecordingStatus", status)];
    line.webhook(Leg::Caller, &path, &fields).await;
}

/// The service tells that the newest transcript is there.
async fn notice(fake: &FakePlatform) {
    let made = fake.transcripts_made().pop().expect("a transcript");
    let body = json!({
        "account_sid": ACCOUNT, "service_sid": INTELLIGENCE_SERVICE, "transcript_sid": made.sid,
        "customer_key": made.key, "event_type": "voice_intelligence_transcript_available",
    });
    let mut request = Incoming::signed_json("/twilio/intelligence", &body.to_string());
    assert_eq!(fake.handle(&mut request).await.status, 204);
}

/// The transcript of the only run, if it has been reported.
async fn reported(fake: &FakePlatform, batch: &str) -> Option<Value> {
    transcripts(fake, batch).await.pop()
}

/// What came of the analysis, after so long.
async fn analysis(fake: &FakePlatform, batch: &str, wait: Duration) -> Value {
    fake.pass(wait).await;
    let run = reported(fake, batch).await.expect("the run has reported");
    assert_eq!(run["ended"]["reason"], "goodbye");
    assert!(run["scores"].is_object() && run["turns"].as_array().unwrap().len() >= 6);
    run["analysis"].clone()
}

/// The requests to the service that begin like this, in seconds after the first one.
fn requests(fake: &FakePlatform, begins: &str) -> Vec<u64> {
    let all = fake.intelligence_requests();
    let first = all[0].0;
    let fitting = all.iter().filter(|(_, asked)| asked.starts_with(begins));
    fitting.map(|(at, _)| at.since(first).as_secs()).collect()
}

fn looks(fake: &FakePlatform) -> Vec<u64> {
    let made = fake.transcripts_made().pop().unwrap();
    let all = fake.intelligence_requests();
    let first = all[0].0;
    let path = format!("GET /v2/Transcripts/{}", made.sid);
    let fitting = all.iter().filter(|(_, asked)| *asked == path);
    fitting.map(|(at, _)| at.since(first).as_secs()).collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_recorded_call_is_transcribed_once_and_compared_with_what_was_said() {
    let fake = platform();
    let (batch, line) = talked(&fake).await;
    recording_is(&line, "in-progress").await;
    fake.pass(Duration::from_secs(5)).await;
    assert!(
        fake.intelligence_requests().is_empty(),
        "the recording goes on"
    );
    recording_is(&line, "completed").await;
    recording_is(&line, "completed").await;
    let analysis = analysis(&fake, &batch, Duration::from_mins(1)).await;
    let made = fake.transcripts_made();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].key, format!("synthetic:{}", line.run));
    assert_eq!(made[0].recording, RECORDING);
    assert_eq!(analysis["status"], "completed", "{analysis}");
    assert_eq!(analysis["service"], "intelligence_v2");
    assert_eq!(analysis["channels"], json!({ "agent": 2, "customer": 1 }));
    assert_eq!(
        (&analysis["errors"], &analysis["word_error_rate"]),
        (&json!(0), &json!(0.0))
    );
    let lines = analysis["lines"].as_array().unwrap();
    assert_eq!(lines.len(), line.spoken.len());
    for (heard, (_, _, words)) in lines.iter().zip(&line.spoken) {
        assert_eq!(heard["heard"], words.to_lowercase());
    }
    assert_eq!(
        analysis["operators"],
        json!([{ "name": "Summary", "type": "text-generation", "result": { "text_generation_results": { "format": "text", "result": "An order is late." } } }])
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn channels_may_be_swapped_and_a_word_that_was_misheard_counts_in_its_line() {
    let fake = platform();
    let (batch, line) = talked(&fake).await;
    hears(&fake, &line, 1, 2);
    let mut sentences = fake.intelligence_sentences();
    let words = sentences[0]["transcript"]
        .as_str()
        .unwrap()
        .replace("ada", "aida");
    sentences[0]["transcript"] = json!(words);
    fake.intelligence_hears(sentences, Vec::new());
    recording_is(&line, "completed").await;
    let analysis = analysis(&fake, &batch, Duration::from_mins(1)).await;
    assert_eq!(analysis["channels"], json!({ "agent": 1, "customer": 2 }));
    let errors: Vec<u64> = analysis["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["errors"].as_u64().unwrap())
        .collect();
    assert_eq!(
        (errors[0], errors[1..].iter().sum::<u64>()),
        (1, 0),
        "{analysis}"
    );
    assert_eq!(analysis["errors"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_webhook_brings_the_transcript_at_once_and_coming_twice_changes_nothing() {
    let fake = platform();
    fake.intelligence_takes(Duration::from_secs(8), "completed");
    let (batch, line) = talked(&fake).await;
    recording_is(&line, "completed").await;
    fake.pass(Duration::from_secs(10)).await;
    assert!(reported(&fake, &batch).await.is_none());
    notice(&fake).await;
    notice(&fake).await;
    let analysis = analysis(&fake, &batch, Duration::from_secs(3)).await;
    assert_eq!(analysis["status"], "completed");
    assert_eq!(looks(&fake).len(), 1);
    // A late one finds nobody who waits.
    notice(&fake).await;
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(looks(&fake).len(), 1);
    assert_eq!(transcripts(&fake, &batch).await.len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_the_webhook_the_transcript_is_asked_for_three_times() {
    for (takes, expected) in [
        (20, vec![30]),
        (90, vec![30, 120]),
        (500, vec![30, 120, 600]),
    ] {
        let fake = platform();
        fake.intelligence_takes(Duration::from_secs(takes), "completed");
        let (batch, line) = talked(&fake).await;
        recording_is(&line, "completed").await;
        let wait = Duration::from_secs(expected.last().unwrap() + 5);
        assert_eq!(analysis(&fake, &batch, wait).await["status"], "completed");
        assert_eq!(looks(&fake), expected);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_reports_without_a_transcript_that_fails_or_takes_too_long() {
    for (ends, expected) in [
        (
            "failed",
            json!({ "status": "failed", "reason": "transcript" }),
        ),
        (
            "error",
            json!({ "status": "failed", "reason": "transcript" }),
        ),
        (
            "canceled",
            json!({ "status": "failed", "reason": "transcript" }),
        ),
        (
            "in-progress",
            json!({ "status": "timed_out", "waited_for": "transcript" }),
        ),
        (
            "a-new-word",
            json!({ "status": "timed_out", "waited_for": "transcript" }),
        ),
    ] {
        let fake = platform();
        fake.intelligence_takes(Duration::ZERO, ends);
        let (batch, line) = talked(&fake).await;
        recording_is(&line, "completed").await;
        let mut found = analysis(&fake, &batch, Duration::from_secs(605)).await;
        found.as_object_mut().unwrap().remove("service");
        assert_eq!(found, expected, "{ends}");
        assert_eq!(
            requests(&fake, "GET /v2/Transcripts/").len(),
            looks(&fake).len()
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_reports_without_a_recording_that_is_absent_fails_or_is_never_told_of() {
    for (status, expected) in [
        (Some("absent"), json!({ "status": "absent" })),
        (
            Some("failed"),
            json!({ "status": "failed", "reason": "recording" }),
        ),
        (
            None,
            json!({ "status": "timed_out", "waited_for": "recording" }),
        ),
    ] {
        let fake = platform();
        let (batch, line) = talked(&fake).await;
        if let Some(status) = status {
            recording_is(&line, status).await;
        }
        let mut found = analysis(&fake, &batch, Duration::from_secs(305)).await;
        found.as_object_mut().unwrap().remove("service");
        assert_eq!(found, expected, "{status:?}");
        assert!(fake.intelligence_requests().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_recording_that_is_told_of_during_the_call_is_used_after_it() {
    let fake = platform();
    let batch = begin(&fake, &recorded_calls()).await;
    let mut line = Line::connected(&fake).await;
    recording_is(&line, "completed").await;
    line.talk().await;
    hears(&fake, &line, 1, 2);
    assert_eq!(
        analysis(&fake, &batch, Duration::from_mins(1)).await["status"],
        "completed"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_to_create_whose_outcome_is_unknown_makes_no_second_transcript() {
    let lost: [(&str, Act); 4] = [
        ("the answer is lost", Act::ThenDrop),
        ("the request is lost", Act::Drop),
        ("the answer takes too long", after(15_000, Act::Say(""))),
        ("the service fails", Act::Status(500, "no")),
    ];
    for (what, act) in lost {
        let fake = platform();
        let (batch, line) = talked(&fake).await;
        fake.intelligence([act]);
        recording_is(&line, "completed").await;
        let analysis = analysis(&fake, &batch, Duration::from_mins(3)).await;
        assert_eq!(analysis["status"], "completed", "{what}");
        assert_eq!(fake.transcripts_made().len(), 1, "{what}");
        assert_eq!(requests(&fake, "GET /v2/Transcripts?").len(), 1, "{what}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_vanishes_during_the_request_looks_for_the_transcript() {
    for moment in [100, 3000] {
        let fake = platform();
        let (batch, line) = talked(&fake).await;
        fake.intelligence([after(2000, Act::Say(""))]);
        recording_is(&line, "completed").await;
        fake.pass(Duration::from_millis(moment)).await;
        fake.kill_runs();
        let analysis = analysis(&fake, &batch, Duration::from_mins(2)).await;
        assert_eq!(analysis["status"], "completed", "{moment}");
        assert_eq!(fake.transcripts_made().len(), 1, "{moment}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_service_that_is_busy_or_down_is_asked_again() {
    let busy = || {
        [
            Act::Later("9"),
            Act::Status(503, "no"),
            Act::Drop,
            Act::Status(429, "no"),
        ]
    };
    // While it is created: what is unknown is looked for.
    let fake = platform();
    let (batch, line) = talked(&fake).await;
    fake.intelligence([Act::Later("9"), Act::Status(429, "no")]);
    recording_is(&line, "completed").await;
    assert_eq!(
        analysis(&fake, &batch, Duration::from_mins(3)).await["status"],
        "completed"
    );
    assert_eq!(fake.transcripts_made().len(), 1);
    // While it is asked for, and while it is read.
    for answers_before in [1, 2, 3] {
        let fake = platform();
        let (batch, line) = talked(&fake).await;
        fake.intelligence((0..answers_before).map(|_| after(40, Act::Say(""))));
        fake.intelligence(busy());
        recording_is(&line, "completed").await;
        let analysis = analysis(&fake, &batch, Duration::from_mins(5)).await;
        assert_eq!(analysis["status"], "completed", "{answers_before}");
        assert!(looks(&fake).len() >= 5);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_service_that_refuses_is_not_asked_again() {
    for (act, reason, code) in [
        (
            Act::Status(404, r#"{"code":20404}"#),
            "rejected",
            json!(20404),
        ),
        (Act::Status(400, "no"), "rejected", json!(400)),
        (
            Act::Status(401, r#"{"code":20003}"#),
            "unauthorized",
            Value::Null,
        ),
    ] {
        let fake = platform();
        let (batch, line) = talked(&fake).await;
        fake.intelligence([act]);
        recording_is(&line, "completed").await;
        let found = analysis(&fake, &batch, Duration::from_secs(5)).await;
        assert_eq!(
            (&found["status"], &found["reason"]),
            (&json!("failed"), &json!(reason))
        );
        assert_eq!(found["code"], code);
        assert_eq!(fake.intelligence_requests().len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_token_that_was_rotated_away_is_followed_by_the_next_one() {
    let tokens = format!("{},{TOKEN}", "f".repeat(32));
    let fake = with(&[WITH_INTELLIGENCE, ("TWILIO_AUTH_TOKEN", &tokens)]);
    let (batch, line) = talked(&fake).await;
    let rotated = || Act::Status(401, r#"{"code":20003}"#);
    // It is refused when the transcript is created, and when it is asked for.
    fake.intelligence([rotated(), after(40, Act::Say("")), rotated()]);
    recording_is(&line, "completed").await;
    let analysis = analysis(&fake, &batch, Duration::from_mins(1)).await;
    assert_eq!(analysis["status"], "completed");
    assert_eq!(fake.transcripts_made().len(), 1);
    assert_eq!(looks(&fake).len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_that_is_not_to_be_transcribed_waits_for_nothing() {
    let unrecorded = {
        let mut body = recorded_calls();
        body["record"] = json!(false);
        body
    };
    for (fake, body) in [(platform(), unrecorded), (with(&[]), recorded_calls())] {
        let batch = begin(&fake, &body).await;
        let mut line = Line::connected(&fake).await;
        line.talk().await;
        let analysis = analysis(&fake, &batch, Duration::from_secs(20)).await;
        assert_eq!(analysis, Value::Null);
        assert!(fake.intelligence_requests().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_operator_who_cancels_does_not_wait_for_a_transcript() {
    let fake = platform();
    let (batch, line) = talked(&fake).await;
    recording_is(&line, "completed").await;
    fake.pass(Duration::from_secs(5)).await;
    request(&fake, "POST", &format!("{batch}/cancel"), None).await;
    assert_eq!(
        analysis(&fake, &batch, Duration::from_secs(10)).await,
        Value::Null
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_line_is_free_while_a_transcript_is_waited_for() {
    let fake = platform();
    let (first, _) = talked(&fake).await;
    let second = begin(&fake, &calls(1)).await;
    let mut line = Line::made_after(&fake, 1).await;
    line.connect().await;
    line.talk().await;
    fake.pass(Duration::from_secs(20)).await;
    assert_eq!(progress(&fake, &second).await["status"], "finished");
    assert!(
        reported(&fake, &first).await.is_none(),
        "it still waits for the recording"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_says_how_well_a_call_was_heard_and_no_word_of_it() {
    let fake = platform();
    let (batch, line) = talked(&fake).await;
    recording_is(&line, "completed").await;
    let found = analysis(&fake, &batch, Duration::from_mins(1)).await;
    let logged = fake.events_named("synthetic_run");
    assert_eq!(logged[0]["analysis"], "completed");
    assert_eq!(
        logged[0]["heard"],
        json!({ "words": found["words"], "errors": 0 })
    );
    let log = fake.log_text();
    let made = fake.transcripts_made().pop().unwrap();
    for secret in [
        RECORDING,
        &made.sid,
        INTELLIGENCE_SERVICE,
        "An order is late",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    for (_, _, words) in &line.spoken {
        assert!(!log.contains(&words.to_lowercase()));
    }
}
