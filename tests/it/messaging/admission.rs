//! Which messages are admitted: the rate limit, and the day's budget of model requests.
//!
//! Not here: the caps of one contact and of sent messages (`faults::day_limits`).

use std::time::Duration;

use futures_util::future::join_all;

use super::users;
use crate::support::{ANNA, Act, BEN, FakePlatform, SECOND};

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_rate_limit_is_exact_and_slides() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    for i in 0..10 {
        assert_eq!(platform.text(ANNA, "Hello").await.len(), 1, "{i}");
        platform.pass(SECOND).await;
    }
    let refused = platform.text(ANNA, "Hello").await;
    // Each answer took 100 ms, so the first message came 11 s ago.
    assert_eq!(
        refused,
        ["That's more messages than I can take in. Please try again in 49 seconds."]
    );
    assert!(platform.text(ANNA, "Hello").await.is_empty(), "told once");
    assert_eq!(
        platform.text(BEN, "Hello").await.len(),
        1,
        "others are not concerned"
    );
    let told: Vec<_> = platform
        .security_events("rate_limit_exceeded")
        .iter()
        .map(|event| event["details"]["told"].clone())
        .collect();
    assert_eq!(told, [true, false]);
    platform.pass(Duration::from_millis(48_800)).await;
    assert!(platform.text(ANNA, "a moment too early").await.is_empty());
    platform.pass(Duration::from_millis(200)).await;
    assert_eq!(platform.text(ANNA, "on time").await.len(), 1);
    assert!(
        platform
            .text(ANNA, "the window has slid by one message only")
            .await
            .is_empty()
    );
    assert_eq!(platform.model_requests().len(), 12);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_refused_message_costs_no_write_but_for_the_first() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "1")]);
    platform.text(ANNA, "Hello").await;
    platform.text(ANNA, "told").await;
    platform.pass(SECOND).await;
    let commits = platform.commits(ANNA);
    for _ in 0..20 {
        assert!(platform.text(ANNA, "silent").await.is_empty());
    }
    assert_eq!(platform.commits(ANNA), commits);
    assert_eq!(platform.security_events("rate_limit_exceeded").len(), 21);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_clock_that_steps_back_neither_opens_nor_jams_the_rate_limit() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "2")]);
    platform.text(ANNA, "one").await;
    platform.text(ANNA, "two").await;
    platform.step_clock(-3_600_000);
    assert_eq!(
        platform.text(ANNA, "three").await,
        ["That's more messages than I can take in. Please try again in 60 seconds."]
    );
    platform.pass(61 * SECOND).await;
    assert_eq!(platform.text(ANNA, "four").await, ["answer to four"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_thousand_messages_at_once_against_a_cap_of_100_make_exactly_100_requests() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "100")]);
    let contacts: Vec<String> = (0..1000).map(|i| format!("+155501{i:05}")).collect();
    let answers = join_all(contacts.iter().map(|from| platform.text(from, "Hello"))).await;
    assert_eq!(platform.model_requests().len(), 100);
    let polite = answers
        .iter()
        .filter(|answer| answer[0].starts_with("Sorry, I can't take more questions today"))
        .count();
    assert_eq!(polite, 900);
    let logged = platform
        .events_named("turn")
        .iter()
        .filter(|turn| turn["failure"] == "budget_exhausted")
        .count();
    assert_eq!(logged, 900, "one event each");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_unreachable_budget_makes_no_request() {
    let platform = FakePlatform::new();
    platform.budget_fails(true);
    let apology = "Sorry, I can't answer right now. Please try again in a few minutes.";
    assert_eq!(
        platform.text(ANNA, "Hello").await,
        [apology],
        "tomorrow would be wrong"
    );
    assert!(platform.model_requests().is_empty());
    assert_eq!(
        platform.events_named("turn")[0]["failure"],
        "budget_unreachable"
    );
    platform.budget_fails(false);
    platform.text(ANNA, "again").await;
    assert_eq!(
        users(&platform.model_requests()[0]),
        ["again"],
        "the refused turn is no part of the conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn every_retry_is_reserved_and_the_last_one_that_the_budget_allows_is_the_last_one_made() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "2")]);
    platform.model([
        Act::Status(500, ""),
        Act::Status(500, ""),
        Act::Say("never asked for"),
    ]);
    assert_eq!(
        platform.text(ANNA, "Hello").await,
        ["Sorry, I can't take more questions today. Please try again tomorrow."]
    );
    assert_eq!(platform.model_requests().len(), 2);
}
