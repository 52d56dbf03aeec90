//! What fails in synthetic conversations, and what comes of it.
//!
//! Not here: what works (`batches`), what an operator does meanwhile (`interference`), and random faults (`simulation`).

use std::time::Duration;

use serde_json::json;

use super::{begin, plain, platform, progress, transcripts};
use crate::support::{Act, FakePlatform, WITH_ADMIN};

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_error_is_never_spoken_to_the_other_side_and_two_failures_end_the_run() {
    let fake = platform();
    // The first line of the agent is scripted. Then the model fails twice.
    fake.model([
        Act::Say("I'm sorry, an error occurred. Please try again."),
        Act::Say("I'm sorry, an error occurred. Please try again."),
    ]);
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(
        run["ended"],
        json!({ "by": "failure", "reason": "model_failed" })
    );
    assert_eq!(run["turns"].as_array().unwrap().len(), 1);
    assert!(!run.to_string().contains("an error occurred"));
    for request in fake.model_requests() {
        assert!(
            !request["messages"]
                .to_string()
                .contains("an error occurred")
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn one_failure_is_made_up_for_and_nobody_hears_of_it() {
    let fake = platform();
    fake.model([Act::Status(400, "{}"), Act::Body("not json")]);
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["ended"]["reason"], "model_failed");
    let fake = platform();
    fake.model([Act::Status(400, "{}")]);
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["ended"]["reason"], "goodbye");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_conversation_that_never_says_goodbye_ends_at_its_limit_of_lines() {
    let fake = platform();
    fake.personas_never_say_goodbye();
    let mut body = plain(1);
    body["limits"] = json!({ "turns": 9 });
    let batch = begin(&fake, &body).await;
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["turns"].as_array().unwrap().len(), 9);
    assert_eq!(run["ended"], json!({ "by": "limit", "reason": "turns" }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_conversation_ends_at_its_limit_of_time_and_the_request_is_broken_off() {
    let fake = platform();
    fake.personas_never_say_goodbye();
    fake.model((0..60).map(|_| crate::support::after(9000, Act::Say(""))));
    let mut body = plain(1);
    body["limits"] = json!({ "seconds": 60 });
    body["score"] = json!(false);
    let batch = begin(&fake, &body).await;
    fake.pass(Duration::from_secs(63)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["ended"], json!({ "by": "limit", "reason": "seconds" }));
    assert!(run["metrics"]["duration_ms"].as_u64().unwrap() <= 60_000);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_cap_of_the_day_is_reserved_for_a_whole_run_and_what_is_not_used_comes_back() {
    // A run may need 42 requests, so only two fit at once.
    let fake = FakePlatform::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "100")]);
    let batch = begin(&fake, &plain(20)).await;
    fake.pass(Duration::from_mins(30)).await;
    let made = fake.model_requests().len();
    assert!(made <= 100, "{made}");
    let progress = progress(&fake, &batch).await;
    assert_eq!(progress["status"], "waits_for_budget");
    assert_eq!(progress["running"], 0);
    let ended = progress["ended"].as_u64().unwrap();
    // Each run uses eight or so, and the rest of its 42 comes back: the last one begins while 42 are left.
    assert!(ended >= 7, "{ended}");
    assert_eq!(
        fake.model_requests_reserved().await as usize,
        made,
        "the cap is exact"
    );
    for run in transcripts(&fake, &batch).await {
        assert_eq!(
            run["ended"]["reason"], "goodbye",
            "no run was cut off by the cap"
        );
    }
    // The next day has a budget of its own.
    fake.pass(Duration::from_hours(12)).await;
    assert!(
        super::progress(&fake, &batch).await["ended"]
            .as_u64()
            .unwrap()
            > ended
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_that_does_not_answer_begins_no_run() {
    let fake = platform();
    fake.budget_fails(true);
    let batch = begin(&fake, &plain(3)).await;
    fake.pass(Duration::from_mins(10)).await;
    assert!(fake.model_requests().is_empty());
    fake.budget_fails(false);
    fake.pass(Duration::from_mins(10)).await;
    assert_eq!(progress(&fake, &batch).await["status"], "finished");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn objects_that_vanish_again_and_again_lose_no_run_and_double_none() {
    let fake = platform();
    let batch = begin(&fake, &plain(25)).await;
    for round in 0..40 {
        fake.pass(Duration::from_millis(700 + round * 37)).await;
        fake.kill_runs();
    }
    fake.pass(Duration::from_mins(30)).await;
    let progress = progress(&fake, &batch).await;
    assert_eq!(progress["status"], "finished", "{progress}");
    let all = transcripts(&fake, &batch).await;
    let mut numbers: Vec<u64> = all
        .iter()
        .filter_map(|run| run["number"].as_u64())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=25).collect::<Vec<_>>());
    for run in &all {
        for (at, turn) in run["turns"].as_array().unwrap().iter().enumerate() {
            assert_eq!(turn["n"], at + 1, "no line twice or lost");
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_report_whose_answer_is_lost_is_stored_once() {
    let fake = platform();
    fake.run_call_fails("run_ended", true);
    fake.run_call_fails("run_ended", false);
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(5)).await;
    assert_eq!(fake.run_calls("run_ended"), 3);
    assert_eq!(transcripts(&fake, &batch).await.len(), 1);
    let id = batch.rsplit('/').next().unwrap();
    assert_eq!(progress(&fake, &batch).await["ended"], 1);
    fake.pass(Duration::from_hours(25)).await;
    assert!(
        fake.disk_of_run(&format!("{id}-1")).is_empty(),
        "the run forgets itself"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_quote_that_nobody_said_proves_nothing() {
    let fake = platform();
    fake.judge_makes_up_quotes();
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["scores"]["criteria"]["greeted"], json!({ "met": null }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_has_numbers_and_no_words_of_a_conversation() {
    let fake = platform();
    let batch = begin(&fake, &plain(3)).await;
    fake.pass(Duration::from_mins(5)).await;
    let events = fake.events_named("synthetic_run");
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(event["reason"], "goodbye");
        assert_eq!(event["scored"], true);
        assert_eq!(event["batch"], batch.rsplit('/').next().unwrap());
    }
    let log = fake.log_text();
    for word in ["Hello, this is", "Cleo", "48213", "line of"] {
        assert!(!log.contains(word), "{word}");
    }
}
