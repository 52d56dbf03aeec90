//! The transcript of a recorded call: it is made once, waited for, and compared with what was said.
//!
//! Not here: what fails (`faults`), the webhook's signature (`http::intelligence`), and single decisions
//! (`src/synthetic/analysis`).

mod faults;

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{config::Speaker, synthetic::plan::Leg};

use super::{calls, twilio::Line, with};
use crate::{
    support::{FakePlatform, INTELLIGENCE_SERVICE, Incoming, WITH_INTELLIGENCE, operator::ACCOUNT},
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

/// When the service got the requests that fit, in seconds after its first one.
fn requests(fake: &FakePlatform, fits: impl Fn(&str) -> bool) -> Vec<u64> {
    let all = fake.intelligence_requests();
    let first = all[0].0;
    let fitting = all.iter().filter(|(_, asked)| fits(asked));
    fitting.map(|(at, _)| at.since(first).as_secs()).collect()
}

/// When it was asked for the newest transcript.
fn looks(fake: &FakePlatform) -> Vec<u64> {
    let made = fake.transcripts_made().pop().unwrap();
    let path = format!("GET /v2/Transcripts/{}", made.sid);
    requests(fake, |asked| asked == path)
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
