//! The object vanishes during a turn or a send, and goes on from its storage.
//!
//! Not here: what KV has of the conversation (`kv`).

use crate::support::{ANNA, Act, BEN, FakePlatform, HOUR, SECOND, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_was_cut_off_is_run_again_once_and_answered_by_rest() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "2")]);
    platform.model([
        after(5000, Act::Say("lost with the object")),
        after(1000, Act::Say("answer")),
    ]);
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let fresh = fresh_sid();
    let (response, ()) = futures_util::join!(platform.try_message(ANNA, "Hello", &fresh), killed);
    assert_eq!(
        response.status, 503,
        "Twilio may try again, or its fallback"
    );
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["answer"]);
    assert_eq!(platform.model_requests().len(), 2);
    assert!(
        platform.text(BEN, "Hi").await[0].starts_with("Sorry"),
        "both requests were counted"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_retry_after_the_object_vanished_carries_the_answer() {
    let platform = FakePlatform::new();
    platform.model([
        after(5000, Act::Say("lost")),
        after(1000, Act::Say("answer")),
    ]);
    let sid = fresh_sid();
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let (first, ()) = futures_util::join!(platform.try_message(ANNA, "Hello", &sid), killed);
    assert_eq!(first.status, 503);
    assert_eq!(platform.message(ANNA, "Hello", &sid).await, ["answer"]);
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_is_cut_off_twice_ends_with_an_apology() {
    let platform = FakePlatform::new();
    platform.model([
        after(8000, Act::Say("lost")),
        after(8000, Act::Say("lost too")),
        Act::Say("never asked for"),
    ]);
    let kills = async {
        for _ in 0..2 {
            platform.pass(12 * SECOND).await;
            platform.kill(ANNA);
        }
    };
    platform.kill(ANNA);
    let killed_at_once = async {
        platform.pass(SECOND).await;
        platform.kill(ANNA);
    };
    let fresh = fresh_sid();
    let (_, (), ()) = futures_util::join!(
        platform.try_message(ANNA, "Hello", &fresh),
        killed_at_once,
        kills
    );
    platform.pass(120 * SECOND).await;
    assert_eq!(
        platform.sent(),
        ["Sorry, I can't answer right now. Please try again in a few minutes."]
    );
    assert_eq!(platform.model_requests().len(), 2);
    assert_eq!(
        platform.events_named("turn").last().unwrap()["failure"],
        "interrupted"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_part_that_was_being_sent_when_the_object_vanished_is_looked_for_and_comes_once() {
    // Twilio may create the message or not, and the object may still be there or not.
    for act in [
        after(3000, Act::Say("")),
        after(3000, Act::Drop),
        after(1000, Act::Say("")),
    ] {
        let platform = FakePlatform::new();
        platform.model([after(11_000, Act::Say("answer"))]);
        platform.twilio([act.clone()]);
        platform.text(ANNA, "Hello").await;
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
        platform.pass(120 * SECOND).await;
        assert_eq!(platform.sent(), ["answer"]);
    }
}
