//! Parts in order: the next one goes out when the one before is on its way, or after a short wait.
//!
//! Not here: how an answer is split (`twilio::parts`).

use std::time::Duration;

use switchboard::{base::time::UnixMillis, conversation::outbox::PART_WAIT, platform::Clock};

use crate::support::{ANNA, Act, FakePlatform, Incoming, NUMBER, SECOND, after};

/// Three parts.
fn long() -> &'static str {
    let text: String = (0..250).map(|i| format!("Sentence {i}. ")).collect();
    Box::leak(text.into_boxed_str())
}

/// When each message arrived at Twilio, as its list says: in whole seconds.
fn created(platform: &FakePlatform) -> Vec<UnixMillis> {
    platform.created_at()
}

async fn post_receipt(platform: &FakePlatform, sid: &str, status: &str) {
    let mut receipt = Incoming::receipt(&[
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("To", ANNA),
        ("From", NUMBER),
    ]);
    assert_eq!(platform.handle(&mut receipt).await.status, 204);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_receipt_the_next_part_goes_out_after_a_short_wait() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    platform.model([after(11_000, Act::Say(long()))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(10 * SECOND).await;
    assert_eq!(platform.sent().join(" "), long().trim());
    let created = created(&platform);
    assert_eq!(created.len(), 3);
    for two in created.windows(2) {
        let gap = two[1].since(two[0]);
        assert!(gap >= PART_WAIT && gap < 2 * PART_WAIT, "{gap:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_receipt_of_the_part_before_lets_the_next_one_go_at_once() {
    for status in ["sent", "delivered", "undelivered", "failed", "read"] {
        let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
        platform.model([after(11_000, Act::Say(long()))]);
        platform.text(ANNA, "Hello").await;
        while platform.sent().is_empty() {
            platform.pass(Duration::from_millis(100)).await;
        }
        platform.pass(Duration::from_millis(200)).await;
        let first = platform.sent_forms()[0]["sid"].clone();
        for early in ["queued", "sending", "accepted"] {
            post_receipt(&platform, &first, early).await;
        }
        platform.pass(Duration::from_millis(300)).await;
        assert_eq!(platform.sent().len(), 1, "{status}: it is not sent yet");
        post_receipt(&platform, &first, status).await;
        platform.pass(Duration::from_millis(300)).await;
        assert_eq!(platform.sent().len(), 2, "{status}");
        post_receipt(&platform, &first, status).await;
        platform.pass(Duration::from_millis(300)).await;
        assert_eq!(
            platform.sent().len(),
            2,
            "{status}: only its own receipt counts"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_waits_for_the_last_part_of_the_one_before() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.model([
        after(11_000, Act::Say("first")),
        after(0, Act::Say("second")),
    ]);
    let second = async {
        platform.pass(Duration::from_millis(500)).await;
        platform.text(ANNA, "two").await
    };
    let (one, two) = futures_util::join!(platform.text(ANNA, "one"), second);
    assert!(one.is_empty() && two.is_empty());
    platform.pass(20 * SECOND).await;
    assert_eq!(platform.sent(), ["first", "second"]);
    let created = created(&platform);
    assert!(created[1].since(created[0]) >= PART_WAIT);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_first_part_does_not_wait() {
    let platform = FakePlatform::new();
    platform.model([after(11_000, Act::Say("short"))]);
    let started = platform.now();
    platform.text(ANNA, "When do you open?").await;
    platform.pass(5 * SECOND).await;
    let took = created(&platform)[0].since(started);
    assert!(took < Duration::from_millis(11_500), "{took:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn ten_parts_are_out_in_a_quarter_of_a_minute() {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "100")]);
    let text: String = (0..3000).map(|i| format!("Sentence {i}. ")).collect();
    platform.model([after(11_000, Act::Say(Box::leak(text.into_boxed_str())))]);
    platform.text(ANNA, "Hello").await;
    platform.pass(20 * SECOND).await;
    let created = created(&platform);
    assert!(created.len() >= 9, "{}", created.len());
    let took = created[created.len() - 1].since(created[0]);
    assert!(took <= 15 * SECOND, "{took:?}");
}
