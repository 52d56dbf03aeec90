//! The object vanishes during a turn or a send, and goes on from its storage.
//!
//! Not here: what KV has of the conversation (`kv`).

use crate::support::{ANNA, Act, BEN, HOUR, SECOND, World, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_was_cut_off_is_run_again_once_and_answered_by_rest() {
    let world = World::with(&[("MAX_DAILY_CALLS", "2")]);
    world.model([
        after(5000, Act::Say("lost with the object")),
        after(1000, Act::Say("answer")),
    ]);
    let killed = async {
        world.pass(2 * SECOND).await;
        world.kill(ANNA);
    };
    let fresh = fresh_sid();
    let (response, ()) = futures_util::join!(world.try_message(ANNA, "Hello", &fresh), killed);
    assert_eq!(
        response.status, 503,
        "Twilio may try again, or its fallback"
    );
    world.pass(60 * SECOND).await;
    assert_eq!(world.sent(), ["answer"]);
    assert_eq!(world.model_requests().len(), 2);
    assert!(
        world.text(BEN, "Hi").await[0].starts_with("Sorry"),
        "both requests were counted"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_retry_after_the_object_vanished_carries_the_answer() {
    let world = World::new();
    world.model([
        after(5000, Act::Say("lost")),
        after(1000, Act::Say("answer")),
    ]);
    let sid = fresh_sid();
    let killed = async {
        world.pass(2 * SECOND).await;
        world.kill(ANNA);
    };
    let (first, ()) = futures_util::join!(world.try_message(ANNA, "Hello", &sid), killed);
    assert_eq!(first.status, 503);
    assert_eq!(world.message(ANNA, "Hello", &sid).await, ["answer"]);
    world.pass(HOUR / 2).await;
    assert!(world.sent().is_empty());
    assert_eq!(world.model_requests().len(), 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_is_cut_off_twice_ends_with_an_apology() {
    let world = World::new();
    world.model([
        after(8000, Act::Say("lost")),
        after(8000, Act::Say("lost too")),
        Act::Say("never asked for"),
    ]);
    let kills = async {
        for _ in 0..2 {
            world.pass(12 * SECOND).await;
            world.kill(ANNA);
        }
    };
    world.kill(ANNA);
    let killed_at_once = async {
        world.pass(SECOND).await;
        world.kill(ANNA);
    };
    let fresh = fresh_sid();
    let (_, (), ()) = futures_util::join!(
        world.try_message(ANNA, "Hello", &fresh),
        killed_at_once,
        kills
    );
    world.pass(120 * SECOND).await;
    assert_eq!(
        world.sent(),
        ["Sorry, I can't answer right now. Please try again in a few minutes."]
    );
    assert_eq!(world.model_requests().len(), 2);
    assert_eq!(
        world.events_named("turn").last().unwrap()["failure"],
        "interrupted"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_part_that_was_being_sent_when_the_object_vanished_is_looked_for_and_comes_once() {
    // Twilio acts on it or not, whether the object still listens or has vanished.
    for act in [
        after(3000, Act::Say("")),
        after(3000, Act::Drop),
        after(1000, Act::Say("")),
    ] {
        let world = World::new();
        world.model([after(11_000, Act::Say("answer"))]);
        world.twilio([act.clone()]);
        world.text(ANNA, "Hello").await;
        world.pass(2 * SECOND).await;
        world.kill(ANNA);
        world.pass(120 * SECOND).await;
        assert_eq!(world.sent(), ["answer"]);
    }
}
