//! The transcript of a recorded call when something fails: requests, answers, the recording, the run's object.
//!
//! Not here: what a transcript says (`analysis`).

use std::time::Duration;

use serde_json::{Value, json};

use super::{analysis, looks, platform, recording_is, requests, talked};
use crate::{
    support::{Act, TOKEN, WITH_INTELLIGENCE, after},
    synthetic::call::with,
};

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
            requests(&fake, |asked| asked.starts_with("GET /v2/Transcripts/")).len(),
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
        assert_eq!(
            requests(&fake, |asked| asked.starts_with("GET /v2/Transcripts?")).len(),
            1,
            "{what}"
        );
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
