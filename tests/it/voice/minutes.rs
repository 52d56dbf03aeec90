//! The minutes of a call: reserved before they begin, given back if they do not, and never over the cap.

use std::time::Duration;

use crate::support::{FakePlatform, SECOND, phone::Call};

/// A call that talks for so long.
async fn talks(call: &Call, seconds: u64) {
    for _ in 0..seconds / 10 {
        call.after(Duration::from_secs(10)).await;
        call.info("clientSpeaking", "on").await;
    }
    call.after(Duration::from_secs(seconds % 10)).await;
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_minute_is_reserved_before_it_begins_and_counted_once() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    assert_eq!(fake.call_minutes().await, 1);
    talks(&call, 54).await;
    assert_eq!(fake.call_minutes().await, 1);
    talks(&call, 2).await;
    assert_eq!(
        fake.call_minutes().await,
        2,
        "five seconds before the second minute"
    );
    call.hangs_up().await;
    call.after(SECOND).await;
    assert_eq!(fake.call_minutes().await, 1, "it did not begin");
    call.ended("completed", "completed").await;
    assert_eq!(fake.call_minutes().await, 1, "it is given back once");
    assert_eq!(fake.events_named("call")[0]["minutes"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_ends_with_a_sentence_before_a_minute_that_nobody_has() {
    let fake = FakePlatform::with(&[("MAX_DAILY_CALL_MINUTES", "2")]);
    let call = Call::connected(&fake).await;
    talks(&call, 110).await;
    assert_eq!(call.said(), "");
    talks(&call, 6).await;
    assert!(call.said().contains("can't take more calls today"));
    call.played().await;
    assert_eq!(call.sent()[0]["type"], "end");
    call.ended("ended", "in-progress").await;
    let ended = &fake.events_named("call")[0];
    assert_eq!(
        (&ended["ended_by"], &ended["minutes"]),
        (&"daily_limit".into(), &2.into())
    );
    assert_eq!(fake.call_minutes().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_minute_of_yesterday_is_not_given_back_to_today() {
    let fake = FakePlatform::new();
    // The platform's day begins at noon: 57 s before midnight.
    fake.step_clock((12 * 3600 - 57) * 1000);
    let first = Call::connected(&fake).await;
    talks(&first, 56).await;
    let mut second = Call::new(&fake, 2).from("+15550101");
    first.after(Duration::from_secs(2)).await;
    let verbs = second.dial().await;
    second.open(&verbs).await;
    second.set_up().await;
    first.hangs_up().await;
    first.after(SECOND).await;
    assert_eq!(fake.call_minutes().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_says_about_what_the_minutes_cost() {
    for (record, cost) in [("false", 157_000), ("true", 162_000)] {
        let file = format!("numbers = [\"+15550199\"]\nprompt = \"x\"\n[voice]\nrecord = {record}");
        let fake = FakePlatform::with_assistants(&[], &[("desk", &file)]);
        let call = Call::connected(&fake).await;
        talks(&call, 61).await;
        call.hangs_up().await;
        let ended = &fake.events_named("call")[0];
        assert_eq!(ended["minutes"], 2);
        assert_eq!(ended["estimated_micro_usd"], cost, "{record}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_minute_whose_call_ends_while_it_is_reserved_is_given_back() {
    let fake = FakePlatform::new();
    let call = Call::connected(&fake).await;
    talks(&call, 54).await;
    fake.budget_takes(Duration::from_secs(3));
    talks(&call, 2).await;
    call.hangs_up().await;
    call.after(Duration::from_secs(10)).await;
    assert_eq!(fake.call_minutes().await, 1);
}
