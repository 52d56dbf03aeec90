//! Deadlines count from the arrival of the message, and clocks that jump break no promise.
//!
//! Not here: clocks that step back under the rate limit (`messaging::admission`).

use switchboard::platform::Clock;
use switchboard::wording::NO_MORE_TODAY;

use crate::support::{ANNA, Act, DAY, NOTHING, SECOND, World, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_time_to_answer_counts_from_when_the_front_got_the_message() {
    let world = World::new();
    world.storage_takes(ANNA, 4 * SECOND);
    world.model([after(8000, Act::Say("slow"))]);
    let started = world.now();
    assert_eq!(world.text(ANNA, "Hello").await, NOTHING);
    let waited = world.now().since(started);
    assert!(
        waited <= 11 * SECOND,
        "{waited:?}: taking it in took four seconds of the ten"
    );
    world.pass(60 * SECOND).await;
    assert_eq!(world.sent(), ["slow"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_way_to_an_object_takes_from_the_time_to_answer() {
    let world = World::new();
    world.objects_take(6 * SECOND);
    world.model([after(8000, Act::Say("slow"))]);
    for text in ["Hello", "delete my data"] {
        let started = world.now();
        world.text(ANNA, text).await;
        let waited = world.now().since(started);
        assert!(
            waited <= 11 * SECOND,
            "{text}: {waited:?}: six seconds of ten were the way"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_clock_that_jumped_ahead_for_a_moment_stops_neither_late_answers_nor_deletions() {
    let world = World::new();
    let year = 365 * 24 * 3600 * 1000;
    world.text(ANNA, "one").await;
    world.pass(SECOND).await;
    world.model([after(12_000, Act::Say("slow"))]);
    world.twilio([Act::Status(429, "")]);
    world.text(ANNA, "two").await;
    world.step_clock(year);
    world.pass(3 * SECOND).await;
    world.step_clock(-year);
    world.text(ANNA, "three").await;
    world.pass(180 * SECOND).await;
    assert_eq!(world.sent(), ["slow"]);
    world.pass(2 * DAY).await;
    assert!(world.stored(ANNA).is_empty(), "{:?}", world.stored(ANNA));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_that_was_sent_while_the_clock_was_ahead_is_found_and_not_sent_again() {
    let world = World::new();
    let days = 4 * 24 * 3600 * 1000;
    world.model([after(12_000, Act::Say("slow"))]);
    world.twilio([Act::ThenDrop]);
    world.text(ANNA, "Hello").await;
    world.step_clock(days);
    world.pass(3 * SECOND).await;
    world.step_clock(-days);
    world.alarms_late_by(180 * SECOND);
    world.pass(600 * SECOND).await;
    assert_eq!(world.sent().len(), 1, "{:?}", world.sent());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_day_far_ahead_is_not_believed_and_lifts_no_cap() {
    let world = World::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "2")]);
    let year = 365 * 24 * 3600 * 1000;
    world.text(ANNA, "one").await;
    world.step_clock(year);
    world.text(ANNA, "two").await;
    world.text(ANNA, "three").await;
    world.step_clock(-year);
    assert_eq!(
        world.text(ANNA, "four").await,
        [NO_MORE_TODAY],
        "what the wrong day has cost counts for today"
    );
    world.pass(DAY).await;
    assert_eq!(world.text(ANNA, "five").await, ["answer to five"]);
}
