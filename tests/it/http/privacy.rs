//! No personal data in the log, in keys or in names.
//!
//! Not here: the same over many runs (`simulation`).

use std::time::Duration;

use crate::support::{Act, FakePlatform, Incoming, TOKEN, after, fresh_sid, webhook};

/// Every input carries a marker. No marker may appear in the log, in KV keys or in object names.
#[tokio::test(flavor = "local", start_paused = true)]
async fn no_marker_of_any_input_reaches_the_log_kv_keys_or_object_names() {
    let platform = FakePlatform::with(&[
        ("RATE_LIMIT_PER_MINUTE", "4"),
        ("ASSISTANT_PROMPT", "planted-prompt"),
    ]);
    let from = "+15550123456";
    let mut fields = webhook(from, "planted-body", &fresh_sid());
    for (name, value) in [
        ("ProfileName", "planted-name"),
        ("FromCity", "planted-city"),
        ("MediaUrl0", "https://planted.example/m"),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    let signed = |fields: &[(String, String)]| {
        let mut request = Incoming::signed(fields);
        request.url.push_str("?query=planted-query");
        request.sign(TOKEN, fields);
        request
    };
    let mut statuses = Vec::new();
    let mut forged = signed(&fields);
    forged.headers.last_mut().unwrap().1 = "planted-signature".to_owned();
    statuses.push(platform.handle(&mut forged).await.status);
    let mut malformed = fields.clone();
    malformed[2].1 = "planted-from".to_owned();
    statuses.push(platform.handle(&mut signed(&malformed)).await.status);
    platform.model([
        Act::Say("planted-answer"),
        Act::Status(
            401,
            r#"{"error":{"message":"planted-error","code":"planted-code"}}"#,
        ),
        Act::Body("planted-garbage"),
        after(15_000, Act::Say("planted-answer-by-rest")),
    ]);
    platform.twilio([Act::Status(
        400,
        r#"{"code":21211,"message":"planted-twilio-error +15550123456"}"#,
    )]);
    for _ in 0..6 {
        fields[0].1 = fresh_sid();
        statuses.push(platform.handle(&mut signed(&fields)).await.status);
    }
    platform.pass(Duration::from_secs(20)).await;
    platform.kv_fails(true);
    platform.pass(Duration::from_mins(1)).await;
    platform.storage_fails(from, true);
    fields[0].1 = fresh_sid();
    statuses.push(platform.handle(&mut signed(&fields)).await.status);
    assert_eq!(statuses, [403, 400, 200, 200, 200, 200, 200, 200, 503]);
    assert_eq!(platform.sent().len(), 0);

    let visible = [
        platform.log_text(),
        platform.kv_keys().join("\n"),
        platform.object_names().join("\n"),
    ]
    .join("\n");
    for marker in [
        "planted",
        "5550123456",
        "15550199",
        TOKEN,
        "a-pseudonym-key",
    ] {
        assert!(!visible.contains(marker), "{marker} in:\n{visible}");
    }
    let known = [
        "security_event",
        "turn",
        "outbox_part",
        "delivery",
        "conversation_unreadable",
        "kv_failed",
        "object_failed",
        "internal_error",
    ];
    for event in platform.events() {
        assert!(known.contains(&event["event"].as_str().unwrap()), "{event}");
        assert!(event["time"].as_str().unwrap().ends_with('Z'));
    }
    let kinds: std::collections::BTreeSet<_> = platform
        .events()
        .iter()
        .map(|event| event["event"].to_string())
        .collect();
    assert!(
        kinds.len() >= 4,
        "the run was to reach many events: {kinds:?}"
    );
}
