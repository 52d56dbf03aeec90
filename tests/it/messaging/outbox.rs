//! Answers that are too late for the webhook: sent by REST, once, whatever Twilio answers.
//!
//! Not here: an object that vanishes while it sends (`restarts`).

use std::time::Duration;

use switchboard::platform::Clock;

use super::users;
use crate::support::{
    ANNA, Act, BEN, FakePlatform, HOUR, NUMBER, SECOND, TOKEN, after, fresh_sid, webhook,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_slow_answer_is_sent_by_rest_once() {
    let platform = FakePlatform::new();
    platform.model([after(20_000, Act::Say("slow answer"))]);
    let (sid, started) = (fresh_sid(), platform.now());
    assert!(platform.message(ANNA, "Hello", &sid).await.is_empty());
    let waited = platform.now().since(started);
    assert!(
        waited >= 10 * SECOND && waited <= 10 * SECOND + SECOND / 2,
        "{waited:?}, with a look at the budget"
    );
    platform.pass(15 * SECOND).await;
    assert_eq!(platform.sent(), ["slow answer"]);
    let form = &platform.sent_forms()[0];
    assert_eq!((form["To"].as_str(), form["From"].as_str()), (ANNA, NUMBER));
    assert!(
        platform.message(ANNA, "Hello", &sid).await.is_empty(),
        "a duplicate gets what the first got"
    );
    platform.pass(HOUR / 2).await;
    assert_eq!(platform.sent().len(), 1);
    assert_eq!(platform.model_requests().len(), 1);
    assert_eq!(platform.events_named("turn")[0]["reply_via"], "rest");
    assert_eq!(platform.events_named("outbox_part")[0]["outcome"], "sent");
    platform.text(ANNA, "and?").await;
    assert_eq!(
        users(&platform.model_requests()[1]),
        ["Hello", "and?"],
        "it is part of the conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_long_slow_answer_is_sent_in_parts_in_order() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    let long: &'static str = Box::leak(
        (0..400)
            .map(|i| format!("Sentence {i}. "))
            .collect::<String>()
            .into_boxed_str(),
    );
    platform.model([after(12_000, Act::Say(long))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(15 * SECOND).await;
    assert_eq!(platform.sent().len(), 4);
    assert_eq!(platform.sent().join(" "), long.trim());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_being_stored_when_the_wait_ends_still_goes_out_by_webhook_and_once() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.storage_takes(ANNA, Duration::from_millis(100));
    platform.model([after(9800, Act::Say("just in time"))]);
    let started = platform.now();
    assert_eq!(platform.text(ANNA, "Hello").await, ["just in time"]);
    assert!(
        platform.now().since(started) > 10 * SECOND,
        "the wait had ended"
    );
    platform.pass(60 * SECOND).await;
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn whichever_webhook_still_waits_carries_the_answer() {
    let platform = FakePlatform::new();
    platform.model([after(12_000, Act::Say("slow answer"))]);
    let sid = fresh_sid();
    let retry = async {
        platform.pass(11 * SECOND).await;
        platform.message(ANNA, "Hello", &sid).await
    };
    let (first, retry) = futures_util::join!(platform.message(ANNA, "Hello", &sid), retry);
    assert!(first.is_empty());
    assert_eq!(retry, ["slow answer"]);
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_behind_a_slow_turn_is_answered_by_rest_and_in_order() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.model([
        after(9000, Act::Say("first")),
        after(9000, Act::Say("second")),
    ]);
    let second = async {
        platform.pass(SECOND).await;
        platform.text(ANNA, "two").await
    };
    let (first, second) = futures_util::join!(platform.text(ANNA, "one"), second);
    assert_eq!(first, ["first"]);
    assert!(second.is_empty());
    platform.pass(10 * SECOND).await;
    assert_eq!(platform.sent(), ["second"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_that_twilio_did_not_process_is_sent_again() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("later"))]);
    platform.twilio([Act::Later("1"), Act::Later("1")]);
    platform.text(ANNA, "one").await;
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent(), ["later"]);
    assert_eq!(platform.lookups(), 0, "429 is no unknown outcome");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_with_an_unknown_outcome_that_went_out_is_found_and_not_sent_again() {
    // Twilio creates the message and the answer is lost, or creates it after the time-out.
    for unknown in [Act::ThenDrop, after(12_000, Act::Say(""))] {
        let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
        let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
        platform.model([after(11_000, Act::Say(long))]);
        platform.twilio([unknown.clone()]);
        platform.text(ANNA, "Hello").await;
        platform.pass(120 * SECOND).await;
        assert_eq!(
            platform.sent().join(" "),
            long.trim(),
            "each part once, in order"
        );
        assert!(platform.lookups() >= 1);
        let outcomes: Vec<_> = platform
            .events_named("outbox_part")
            .iter()
            .map(|event| event["outcome"].clone())
            .collect();
        assert_eq!(outcomes, ["sent", "sent"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_with_an_unknown_outcome_that_did_not_go_out_is_sent_again_once_that_is_certain() {
    for unknown in [Act::Drop, Act::Status(500, ""), after(20_000, Act::Drop)] {
        let platform = FakePlatform::new();
        platform.model([after(11_000, Act::Say("answer"))]);
        platform.twilio([unknown.clone()]);
        platform.text(ANNA, "Hello").await;
        platform.pass(25 * SECOND).await;
        assert!(platform.sent().is_empty(), "Twilio may still be at it");
        platform.pass(60 * SECOND).await;
        assert_eq!(platform.sent(), ["answer"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_equal_answer_sent_before_is_not_taken_for_the_one_that_is_looked_for() {
    let platform = FakePlatform::new();
    platform.model([
        after(11_000, Act::Say("same")),
        after(11_000, Act::Say("same")),
    ]);
    platform.text(ANNA, "one").await;
    platform.pass(2 * SECOND).await;
    platform.twilio([Act::Drop]);
    platform.text(ANNA, "two").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["same", "same"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_is_given_up_after_a_quarter_of_an_hour_without_a_word_from_twilio() {
    let platform = FakePlatform::new();
    platform.model([
        after(11_000, Act::Say("one")),
        after(11_000, Act::Say("two")),
    ]);
    platform.twilio(vec![Act::Drop; 400]);
    platform.text(ANNA, "one").await;
    platform.pass(Duration::from_mins(16)).await;
    let events = platform.events_named("outbox_part");
    assert_eq!(
        (events.len(), events[0]["outcome"].as_str()),
        (1, Some("unknown"))
    );
    let lookups = platform.lookups();
    assert!(
        (5..60).contains(&lookups),
        "{lookups} look-ups, with growing waits"
    );
    platform.pass(25 * HOUR).await;
    assert!(platform.stored(ANNA).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_that_twilio_refuses_for_good_ends_and_is_logged_by_code() {
    let platform = FakePlatform::new();
    let long: &'static str = Box::leak("All is well. ".repeat(200).into_boxed_str());
    platform.model([after(11_000, Act::Say(long))]);
    platform.twilio([Act::Status(
        400,
        r#"{"code":21610,"message":"planted-error-text","status":400}"#,
    )]);
    platform.text(ANNA, "Hello").await;
    platform.pass(HOUR / 2).await;
    assert!(
        platform.sent().is_empty(),
        "the other parts are not sent either"
    );
    let events = platform.events_named("outbox_part");
    assert_eq!(
        (
            events.len(),
            events[0]["outcome"].as_str(),
            events[0]["code"].as_u64()
        ),
        (1, Some("rejected"), Some(21610))
    );
    assert!(!platform.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_by_rest_goes_out_although_the_token_that_verified_it_was_rotated_away() {
    let newer = "fedcba9876543210fedcba9876543210";
    let platform = FakePlatform::with(&[("TWILIO_AUTH_TOKEN", &format!("{TOKEN},{newer}"))]);
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio([Act::Status(401, r#"{"code":20003,"status":401}"#)]);
    platform.text(ANNA, "Hello").await;
    platform.pass(20 * SECOND).await;
    assert_eq!(platform.sent(), ["by REST"]);
    assert_eq!(platform.rest_tokens(), [TOKEN, newer]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_send_that_a_second_token_made_is_awaited_as_long_as_any_other_before_it_is_made_again() {
    let platform = FakePlatform::with(&[(
        "TWILIO_AUTH_TOKEN",
        &format!("{TOKEN},fedcba9876543210fedcba9876543210"),
    )]);
    platform.model([after(11_000, Act::Say("by REST"))]);
    platform.twilio([
        after(9000, Act::Status(401, r#"{"code":20003,"status":401}"#)),
        after(29_000, Act::Say("")),
    ]);
    platform.text(ANNA, "Hello").await;
    platform.pass(120 * SECOND).await;
    assert_eq!(platform.sent(), ["by REST"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn typing_is_shown_on_whatsapp_once_a_turn_takes_two_seconds_and_its_failure_changes_nothing()
{
    let platform = FakePlatform::new();
    platform.model([
        Act::Say("quick"),
        after(3000, Act::Say("slow")),
        after(3000, Act::Say("slow on SMS")),
    ]);
    let (anna, sid, started) = ("whatsapp:+15550100", fresh_sid(), platform.now());
    assert_eq!(platform.text(anna, "one").await, ["quick"]);
    assert_eq!(platform.message(anna, "two", &sid).await, ["slow"]);
    assert_eq!(platform.text(BEN, "three").await, ["slow on SMS"]);
    let typing = platform.typing();
    assert_eq!(typing.len(), 1);
    assert!(typing[0].0.since(started) >= 2 * SECOND);
    assert_eq!(
        typing[0].1,
        format!(r#"{{"channel":"WHATSAPP","messageId":"{sid}"}}"#)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_refusal_to_show_typing_is_logged_once_an_isolate_and_disturbs_no_answer() {
    let platform = FakePlatform::new();
    platform.model(["one", "two"].map(|text| after(3000, Act::Say(text))));
    let refusal = r#"{"code":20422,"message":"planted","status":400}"#;
    platform.typing_answers([(400, refusal), (403, refusal)]);
    assert_eq!(platform.text("whatsapp:+15550100", "one").await, ["one"]);
    assert_eq!(platform.text("whatsapp:+15550101", "two").await, ["two"]);
    assert_eq!(platform.typing().len(), 2);
    let events = platform.events_named("typing_refused");
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["status"], &events[0]["code"]),
        (&400.into(), &20422.into())
    );
    assert!(!platform.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn typing_is_shown_by_rcs_from_the_agent() {
    let platform = FakePlatform::new();
    platform.model([after(3000, Act::Say("slow"))]);
    let sid = fresh_sid();
    let mut fields = webhook("rcs:+15550100", "Hello", &sid);
    fields.iter_mut().find(|(name, _)| name == "To").unwrap().1 = "rcs:shop_agent".to_owned();
    platform.post(&fields).await;
    assert_eq!(
        platform.typing()[0].1,
        r#"{"channel":"RCS","from":"rcs:shop_agent","to":"rcs:+15550100","event":"START"}"#
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_ends_on_time_although_its_webhook_has_left_and_the_alarm_is_late() {
    let platform = FakePlatform::new();
    platform.alarms_late_by(40 * SECOND);
    platform.model([after(12_000, Act::Say("slow answer"))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(3 * SECOND).await;
    assert_eq!(platform.events_named("turn").len(), 1);
    platform.pass(60 * SECOND).await;
    assert_eq!(platform.sent(), ["slow answer"]);
}
