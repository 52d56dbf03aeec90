//! Deadlines count from the arrival of the message, and clocks that jump break no promise.
//!
//! Not here: clocks that step back under the rate limit (`messaging::admission`).

use switchboard::messaging::canned_replies::NO_MORE_TODAY;
use switchboard::platform::Clock;

use crate::support::{ANNA, Act, DAY, FakePlatform, NOTHING, SECOND, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_time_to_answer_counts_from_when_the_front_got_the_message() {
    let platform = FakePlatform::new();
    platform.storage_takes(ANNA, 4 * SECOND);
    platform.model([after(8000, Act::Say("slow"))]);
    let started = platform.now();
    assert_eq!(platform.text(ANNA, "Hello").await, NOTHING);
    let waited = platform.now().since(started);
    assert!(
        waited <= 11 * SECOND,
        "{waited:?}: taking it in took four seconds of the ten"
    );
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["slow"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_way_to_an_object_takes_from_the_time_to_answer() {
    let platform = FakePlatform::new();
    platform.objects_take(6 * SECOND);
    platform.model([after(8000, Act::Say("slow"))]);
    for text in ["Hello", "delete my data"] {
        let started = platform.now();
        platform.text(ANNA, text).await;
        let waited = platform.now().since(started);
        assert!(
            waited <= 11 * SECOND,
            "{text}: {waited:?}: six seconds of ten were the way"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_clock_that_jumped_ahead_for_a_moment_stops_neither_answers_by_rest_nor_deletions() {
    let platform = FakePlatform::new();
    let year = 365 * 24 * 3600 * 1000;
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.twilio([Act::Status(429, "")]);
    platform.text(ANNA, "two").await;
    platform.step_clock(year);
    platform.pass(3 * SECOND).await;
    platform.step_clock(-year);
    platform.text(ANNA, "three").await;
    platform.pass(180 * SECOND).await;
    assert_eq!(platform.sent(), ["slow"]);
    platform.pass(2 * DAY).await;
    assert!(
        platform.stored(ANNA).is_empty(),
        "{:?}",
        platform.stored(ANNA)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_that_was_sent_while_the_clock_was_ahead_is_found_and_not_sent_again() {
    let platform = FakePlatform::new();
    let days = 4 * 24 * 3600 * 1000;
    platform.model([after(12_000, Act::Say("slow"))]);
    platform.twilio([Act::ThenDrop]);
    platform.text(ANNA, "Hello").await;
    platform.step_clock(days);
    platform.pass(3 * SECOND).await;
    platform.step_clock(-days);
    platform.alarms_late_by(180 * SECOND);
    platform.pass(600 * SECOND).await;
    assert_eq!(platform.sent().len(), 1, "{:?}", platform.sent());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_day_far_ahead_is_not_believed_and_lifts_no_cap() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
    let year = 365 * 24 * 3600 * 1000;
    platform.text(ANNA, "one").await;
    platform.step_clock(year);
    platform.text(ANNA, "two").await;
    platform.text(ANNA, "three").await;
    platform.step_clock(-year);
    assert_eq!(
        platform.text(ANNA, "four").await,
        [NO_MORE_TODAY],
        "what the wrong day has cost counts for today"
    );
    platform.pass(DAY).await;
    assert_eq!(platform.text(ANNA, "five").await, ["answer to five"]);
}
