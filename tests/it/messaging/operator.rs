//! What the operator sees and does: the day's usage, the budget, and one contact's data.
//!
//! Not here: who may call these routes, and what a wrong request gets (`http`).

use serde_json::Value;
use switchboard::platform::Stored;

use super::{admin, admin_answer};
use crate::support::{
    ANNA, Act, BEN, FakePlatform, Incoming, NUMBER, SECOND, WITH_ADMIN, after, fresh_sid, webhook,
};

/// Asks an admin route about the contact with these addresses.
async fn admin_of(platform: &FakePlatform, what: &str, from: &str, to: &str) -> (u16, Value) {
    let pair = serde_json::json!({ "from": from, "to": to }).to_string();
    admin_answer(
        platform,
        Incoming::json(&format!("/admin/contacts/{what}"), &pair),
    )
    .await
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn usage_adds_up_what_all_contacts_did_today() {
    let prices = [
        ("OPENAI_PRICE_INPUT", "0.5"),
        ("OPENAI_PRICE_OUTPUT", "2"),
        ("RATE_LIMIT_PER_MINUTE", "4"),
        WITH_ADMIN,
    ];
    let platform = FakePlatform::with(&prices);
    platform.text(ANNA, "one").await;
    platform.model([after(12_000, Act::Say("by REST"))]);
    platform.text(ANNA, "two").await;
    platform.pass(5 * SECOND).await;
    platform.text(ANNA, "").await;
    for _ in 0..3 {
        platform.text(BEN, "three").await;
    }
    platform.text(BEN, "STOP").await;
    platform.text(BEN, "ignored").await;
    platform.pass(60 * SECOND).await;
    platform.text(BEN, "ignored").await;
    platform.pass(60 * SECOND).await;
    let mut forged = Incoming::signed(&webhook(ANNA, "x", &fresh_sid()));
    forged.sign("another token", &[]);
    platform.handle(&mut forged).await;
    platform
        .handle(&mut Incoming::new("POST", "/twilio/messages"))
        .await;
    let (status, usage) = admin(&platform, "GET", "/admin/usage").await;
    assert_eq!(status, 200);
    let expected = serde_json::json!({
        "day": "2026-11-22",
        "model_requests": { "used": 5, "cap": 1000 },
        "messages_sent": { "used": 1, "cap": 1000 },
        "call_minutes": { "used": 0, "cap": 60 },
        "budget_unreadable": false,
        "tokens": { "prompt": 2 + 4 + 2 + 4 + 6, "completion": 5 },
        "estimated_cost": 0.000_019,
        "messages_in": 8,
        "answers": { "webhook": 1 + 1 + 3, "rest": 1 },
        "twilio": { "errors": 0, "warnings": 0 },
            "rejections": { "invalid_signature": 1, "bad_request": 1, "suspicious_request": 0, "rate_limited": 1, "opted_out": 1, "budget_exhausted": 0 },
    });
    assert_eq!(usage, expected);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_budget_that_cannot_be_read_is_shown_as_such_and_opened_by_the_operator_or_by_midnight() {
    for opened_by_operator in [true, false] {
        let platform = FakePlatform::with(&[WITH_ADMIN]);
        platform.budget_holds(Stored::Unreadable);
        let used_up = "Sorry, I can't take more questions today. Please try again tomorrow.";
        assert_eq!(platform.text(ANNA, "one").await, [used_up]);
        assert_eq!(
            platform.events_named("internal_error")[0]["reason"],
            "budget_unreadable"
        );
        let (_, usage) = admin(&platform, "GET", "/admin/usage").await;
        assert_eq!(
            (
                &usage["budget_unreadable"],
                &usage["model_requests"]["used"]
            ),
            (&true.into(), &0.into())
        );
        if opened_by_operator {
            let expected = serde_json::json!({ "model_requests": 0, "messages_sent": 0, "call_minutes": 0, "budget_unreadable": true });
            let (status, reset) = admin(&platform, "POST", "/admin/budget/reset").await;
            assert_eq!((status, &reset["reset"]), (200, &expected));
            let event = &platform.events_named("budget_reset")[0];
            assert!(
                expected
                    .as_object()
                    .unwrap()
                    .iter()
                    .all(|(name, value)| event[name] == *value),
                "{event}"
            );
        } else {
            platform.pass(12 * 60 * 60 * SECOND).await;
        }
        assert_eq!(platform.text(ANNA, "two").await, ["answer to two"]);
        let (_, usage) = admin(&platform, "GET", "/admin/usage").await;
        assert_eq!(
            (
                &usage["budget_unreadable"],
                &usage["model_requests"]["used"]
            ),
            (&false.into(), &1.into())
        );
        assert_eq!(platform.events_named("internal_error").len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_allows_as_much_again_as_a_whole_day_does() {
    let platform = FakePlatform::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "1")]);
    assert_eq!(platform.text(ANNA, "one").await, ["answer to one"]);
    assert_ne!(platform.text(BEN, "two").await, ["answer to two"]);
    let (_, reset) = admin(&platform, "POST", "/admin/budget/reset").await;
    assert_eq!(
        reset,
        serde_json::json!({ "reset": { "model_requests": 1, "messages_sent": 0, "call_minutes": 0, "budget_unreadable": false } })
    );
    assert_eq!(platform.text(BEN, "three").await, ["answer to three"]);
    assert_ne!(platform.text(ANNA, "four").await, ["answer to four"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_counted_is_reported_within_a_minute_and_when_that_fails_a_minute_later() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let by_webhook =
        async || admin(&platform, "GET", "/admin/usage").await.1["answers"]["webhook"].clone();
    platform.text(ANNA, "help").await;
    assert_eq!(by_webhook().await, 0);
    platform.budget_fails(true);
    platform.pass(61 * SECOND).await;
    platform.budget_fails(false);
    assert_eq!(
        (
            by_webhook().await,
            platform.events_named("object_failed").len()
        ),
        (Value::from(0), 1)
    );
    platform.pass(61 * SECOND).await;
    assert_eq!(by_webhook().await, 1);
    platform.pass(61 * SECOND).await;
    assert_eq!(by_webhook().await, 1, "once");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn counting_costs_no_request_and_no_write_of_its_own_while_messages_come() {
    let platform = FakePlatform::new();
    platform.text(ANNA, "one").await;
    platform.pass(SECOND).await;
    let commits = platform.commits(ANNA);
    platform.text(ANNA, "two").await;
    platform.pass(SECOND).await;
    assert_eq!(
        platform.budget_calls(),
        2,
        "one for each request to the model"
    );
    assert_eq!(platform.commits(ANNA) - commits, 2, "taken in, and ended");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_contact_is_shown_without_texts_and_erased_by_the_operator() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let blank = serde_json::json!({
        "opted_out": false, "turns": 0, "revision": null, "expires_at": null, "turn_running": false,
        "pending_messages": 0, "outbox_parts": 0, "messages_last_minute": 0, "handed_off": false,
    });
    assert_eq!(
        admin_of(&platform, "show", ANNA, NUMBER).await,
        (200, blank)
    );
    assert!(platform.stored(ANNA).is_empty(), "looking stores nothing");
    platform.text(ANNA, "PLANTED").await;
    platform.pass(SECOND).await;
    let (_, shown) = admin_of(&platform, "show", ANNA, NUMBER).await;
    assert_eq!(
        (
            &shown["turns"],
            &shown["revision"],
            &shown["messages_last_minute"]
        ),
        (&1.into(), &1.into(), &1.into())
    );
    assert!(
        shown["expires_at"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-22T13:00:00"),
        "{shown}"
    );
    let erased = serde_json::json!({ "turns": 1, "revisions": 1, "pending_messages": 0, "outbox_parts": 0, "answers": 1, "deliveries": 0 });
    let expected = serde_json::json!({ "erased": erased, "kv": "deleted", "opted_out": false });
    assert_eq!(
        admin_of(&platform, "erase", ANNA, NUMBER).await,
        (200, expected)
    );
    let left = format!("{:?} {:?}", platform.kv_values(), platform.stored(ANNA));
    assert!(!left.contains("PLANTED"), "{left}");
    let event = &platform.events_named("erased")[0];
    assert_eq!(
        (&event["by"], event["phone_hash"].as_str().map(str::len)),
        (&"operator".into(), Some(8))
    );
    assert!(!platform.log_text().contains("5550100"));
    platform.kv_fails(true);
    platform.text(ANNA, "Hello").await;
    assert_eq!(
        admin_of(&platform, "erase", ANNA, NUMBER).await.1["kv"],
        "being_deleted"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_contact_of_another_number_is_another_contact() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    platform.text(ANNA, "Hello").await;
    for (from, to) in [(ANNA, "+15550198"), ("whatsapp:+15550100", NUMBER)] {
        assert_eq!(
            admin_of(&platform, "show", from, to).await.1["turns"],
            0,
            "{from} {to}"
        );
        assert_eq!(
            admin_of(&platform, "erase", from, to).await.1["erased"]["turns"],
            0,
            "{from} {to}"
        );
    }
    assert_eq!(
        admin_of(&platform, "show", ANNA, NUMBER).await.1["turns"],
        1
    );
}
