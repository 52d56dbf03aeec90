//! Answers that are too late for the webhook: sent by REST, once, whatever Twilio answers.
//!
//! Not here: an object that vanishes while it sends (`restarts`).

use std::time::Duration;

use switchboard::platform::Clock;

use super::users;
use crate::support::{ANNA, Act, BEN, HOUR, NUMBER, SECOND, TOKEN, World, after, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_answer_is_sent_by_rest_once() {
    let world = World::new();
    world.model([after(20_000, Act::Say("slow answer"))]);
    let (sid, started) = (fresh_sid(), world.now());
    assert!(world.message(ANNA, "Hello", &sid).await.is_empty());
    let waited = world.now().since(started);
    assert!(
        waited >= 10 * SECOND && waited <= 10 * SECOND + SECOND / 2,
        "{waited:?}, with a look at the budget"
    );
    world.pass(15 * SECOND).await;
    assert_eq!(world.sent(), ["slow answer"]);
    let form = &world.sent_forms()[0];
    assert_eq!((form["To"].as_str(), form["From"].as_str()), (ANNA, NUMBER));
    assert!(
        world.message(ANNA, "Hello", &sid).await.is_empty(),
        "a duplicate gets what the first got"
    );
    world.pass(HOUR / 2).await;
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.model_requests().len(), 1);
    assert_eq!(world.events_named("turn")[0]["delivery"], "late");
    assert_eq!(world.events_named("late_part")[0]["outcome"], "sent");
    world.text(ANNA, "and?").await;
    assert_eq!(
        users(&world.model_requests()[1]),
        ["Hello", "and?"],
        "it is part of the conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_long_slow_answer_is_sent_in_parts_in_order() {
    let world = World::with(&[("MAX_SEGMENTS", "100")]);
    let long: &'static str = Box::leak(
        (0..400)
            .map(|i| format!("Sentence {i}. "))
            .collect::<String>()
            .into_boxed_str(),
    );
    world.model([after(12_000, Act::Say(long))]);
    world.text(ANNA, "Hello").await;
    world.pass(15 * SECOND).await;
    assert_eq!(world.sent().len(), 4);
    assert_eq!(world.sent().join(" "), long.trim());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_being_stored_when_the_wait_ends_still_goes_out_inline_and_once() {
    let world = World::new();
    world.storage_takes(ANNA, Duration::from_millis(100));
    world.model([after(9800, Act::Say("just in time"))]);
    let started = world.now();
    assert_eq!(world.text(ANNA, "Hello").await, ["just in time"]);
    assert!(
        world.now().since(started) > 10 * SECOND,
        "the wait had ended"
    );
    world.pass(60 * SECOND).await;
    assert!(world.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn whichever_webhook_still_waits_carries_the_answer() {
    let world = World::new();
    world.model([after(12_000, Act::Say("slow answer"))]);
    let sid = fresh_sid();
    let retry = async {
        world.pass(11 * SECOND).await;
        world.message(ANNA, "Hello", &sid).await
    };
    let (first, retry) = futures_util::join!(world.message(ANNA, "Hello", &sid), retry);
    assert!(first.is_empty());
    assert_eq!(retry, ["slow answer"]);
    world.pass(HOUR / 2).await;
    assert!(world.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_behind_a_slow_turn_is_answered_late_and_in_order() {
    let world = World::new();
    world.model([
        after(9000, Act::Say("first")),
        after(9000, Act::Say("second")),
    ]);
    let second = async {
        world.pass(SECOND).await;
        world.text(ANNA, "two").await
    };
    let (first, second) = futures_util::join!(world.text(ANNA, "one"), second);
    assert_eq!(first, ["first"]);
    assert!(second.is_empty());
    world.pass(10 * SECOND).await;
    assert_eq!(world.sent(), ["second"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_that_twilio_did_not_process_is_sent_again() {
    let world = World::new();
    world.model([after(11_000, Act::Say("later"))]);
    world.twilio([Act::Later("1"), Act::Later("1")]);
    world.text(ANNA, "one").await;
    world.pass(30 * SECOND).await;
    assert_eq!(world.sent(), ["later"]);
    assert_eq!(world.lookups(), 0, "429 is no unknown outcome");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_with_an_unknown_outcome_that_went_out_is_found_and_not_sent_again() {
    // Acted upon, and the answer lost; or acted upon after we stopped waiting.
    for unknown in [Act::ThenDrop, after(12_000, Act::Say(""))] {
        let world = World::with(&[("MAX_SEGMENTS", "100")]);
        let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
        world.model([after(11_000, Act::Say(long))]);
        world.twilio([unknown.clone()]);
        world.text(ANNA, "Hello").await;
        world.pass(120 * SECOND).await;
        assert_eq!(
            world.sent().join(" "),
            long.trim(),
            "each part once, in order"
        );
        assert!(world.lookups() >= 1);
        let outcomes: Vec<_> = world
            .events_named("late_part")
            .iter()
            .map(|event| event["outcome"].clone())
            .collect();
        assert_eq!(outcomes, ["sent", "sent"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_with_an_unknown_outcome_that_did_not_go_out_is_sent_again_once_that_is_certain() {
    for unknown in [Act::Drop, Act::Status(500, ""), after(20_000, Act::Drop)] {
        let world = World::new();
        world.model([after(11_000, Act::Say("answer"))]);
        world.twilio([unknown.clone()]);
        world.text(ANNA, "Hello").await;
        world.pass(25 * SECOND).await;
        assert!(world.sent().is_empty(), "Twilio may still be at it");
        world.pass(60 * SECOND).await;
        assert_eq!(world.sent(), ["answer"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_equal_answer_sent_before_is_not_taken_for_the_one_that_is_looked_for() {
    let world = World::new();
    world.model([
        after(11_000, Act::Say("same")),
        after(11_000, Act::Say("same")),
    ]);
    world.text(ANNA, "one").await;
    world.pass(2 * SECOND).await;
    world.twilio([Act::Drop]);
    world.text(ANNA, "two").await;
    world.pass(120 * SECOND).await;
    assert_eq!(world.sent(), ["same", "same"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_is_given_up_after_a_quarter_of_an_hour_without_a_word_from_twilio() {
    let world = World::new();
    world.model([
        after(11_000, Act::Say("one")),
        after(11_000, Act::Say("two")),
    ]);
    world.twilio(vec![Act::Drop; 400]);
    world.text(ANNA, "one").await;
    world.pass(Duration::from_secs(16 * 60)).await;
    let events = world.events_named("late_part");
    assert_eq!(
        (events.len(), events[0]["outcome"].as_str()),
        (1, Some("unknown"))
    );
    let lookups = world.lookups();
    assert!(
        (5..60).contains(&lookups),
        "{lookups} look-ups, with growing waits"
    );
    world.pass(25 * HOUR).await;
    assert!(world.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_that_twilio_refuses_for_good_ends_and_is_logged_by_code() {
    let world = World::new();
    let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
    world.model([after(11_000, Act::Say(long))]);
    world.twilio([Act::Status(
        400,
        r#"{"code":21610,"message":"planted-error-text","status":400}"#,
    )]);
    world.text(ANNA, "Hello").await;
    world.pass(HOUR / 2).await;
    assert!(
        world.sent().is_empty(),
        "the other parts are not sent either"
    );
    let events = world.events_named("late_part");
    assert_eq!(
        (
            events.len(),
            events[0]["outcome"].as_str(),
            events[0]["code"].as_u64()
        ),
        (1, Some("refused"), Some(21610))
    );
    assert!(!world.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_late_answer_goes_out_although_the_token_that_verified_it_was_rotated_away() {
    let newer = "fedcba9876543210fedcba9876543210";
    let world = World::with(&[("TWILIO_AUTH_TOKEN", &format!("{},{newer}", TOKEN))]);
    world.model([after(11_000, Act::Say("late"))]);
    world.twilio([Act::Status(401, r#"{"code":20003,"status":401}"#)]);
    world.text(ANNA, "Hello").await;
    world.pass(20 * SECOND).await;
    assert_eq!(world.sent(), ["late"]);
    assert_eq!(world.rest_tokens(), [TOKEN, newer]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_that_a_second_token_made_is_awaited_as_long_as_any_other_before_it_is_made_again() {
    let world = World::with(&[(
        "TWILIO_AUTH_TOKEN",
        &format!("{},fedcba9876543210fedcba9876543210", TOKEN),
    )]);
    world.model([after(11_000, Act::Say("late"))]);
    world.twilio([
        after(9000, Act::Status(401, r#"{"code":20003,"status":401}"#)),
        after(29_000, Act::Say("")),
    ]);
    world.text(ANNA, "Hello").await;
    world.pass(120 * SECOND).await;
    assert_eq!(world.sent(), ["late"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn typing_is_shown_on_whatsapp_once_a_turn_takes_two_seconds_and_its_failure_changes_nothing()
{
    let world = World::new();
    world.model([
        Act::Say("quick"),
        after(3000, Act::Say("slow")),
        after(3000, Act::Say("slow on SMS")),
    ]);
    let (anna, sid, started) = ("whatsapp:+15550100", fresh_sid(), world.now());
    assert_eq!(world.text(anna, "one").await, ["quick"]);
    assert_eq!(world.message(anna, "two", &sid).await, ["slow"]);
    assert_eq!(world.text(BEN, "three").await, ["slow on SMS"]);
    let typing = world.typing();
    assert_eq!(typing.len(), 1);
    assert!(typing[0].0.since(started) >= 2 * SECOND);
    assert_eq!(typing[0].1, format!("messageId={sid}&channel=whatsapp"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_ends_on_time_although_its_webhook_has_left_and_the_alarm_is_late() {
    let world = World::new();
    world.alarms_late_by(40 * SECOND);
    world.model([after(12_000, Act::Say("slow answer"))]);
    world.text(ANNA, "Hello").await;
    world.pass(3 * SECOND).await;
    assert_eq!(world.events_named("turn").len(), 1);
    world.pass(60 * SECOND).await;
    assert_eq!(world.sent(), ["slow answer"]);
}
