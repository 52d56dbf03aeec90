//! What an operator's wish for a call must be.
//!
//! Not here: the call (`voice::outbound`).

use serde_json::{Value, json};

use crate::support::{Incoming, bearer, operator::with_calls};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_wish_that_cannot_be_understood_is_refused_and_what_is_wrong_is_named_and_not_repeated() {
    let fake = with_calls(&[]);
    let long = "x".repeat(2001);
    for (body, says) in [
        (json!([]), "the body must be a JSON object"),
        (json!({ "assistant": "desk" }), "to is missing"),
        (json!({ "to": "+15550100" }), "assistant is missing"),
        (
            json!({ "to": "planted", "assistant": "desk" }),
            "to must be a phone number",
        ),
        (
            json!({ "to": "whatsapp:+15550100", "assistant": "desk" }),
            "to must be a phone number",
        ),
        (
            json!({ "to": "15550100", "assistant": "desk" }),
            "to must be a phone number",
        ),
        (
            json!({ "to": "55501", "assistant": "desk" }),
            "to must be a phone number",
        ),
        (
            json!({ "to": 15_550_100, "assistant": "desk" }),
            "to must be a phone number",
        ),
        (
            json!({ "to": "+15550199", "assistant": "desk" }),
            "to is the number that would call",
        ),
        (
            json!({ "to": "+15550100", "assistant": "planted" }),
            "assistant must be one of default, desk",
        ),
        (
            json!({ "to": "+15550100", "assistant": "default" }),
            "the assistant has no phone number in its file",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "from": "planted" }),
            "from must be a phone number",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "from": "+15550198" }),
            "from is not a number of the assistant",
        ),
        (
            json!({ "to": "+15550100", "assistant": "default", "from": "+15550199" }),
            "from is not a number of the assistant",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "context": "" }),
            "context must have 1 to 2000 characters",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "context": 7 }),
            "context must have 1 to 2000 characters",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "context": "planted\u{7}" }),
            "context must have 1 to 2000 characters",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "context": long }),
            "context must have 1 to 2000 characters",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "contxt": "planted" }),
            "contxt is not known",
        ),
        (
            json!({ "to": "+15550100", "assistant": "desk", "+15550100 planted": 1 }),
            "a field is not known",
        ),
    ] {
        let response = fake.wants_call(&body).await;
        assert_eq!(response.status, 400, "{body}");
        let told = response.body.strip_prefix("Bad request: ").unwrap();
        assert!(told.starts_with(says), "{body}: {told}");
        assert!(
            !told.contains("planted") && !told.contains("5550100 "),
            "{told}"
        );
    }
    assert!(fake.calls_made().is_empty() && fake.call_minutes().await == 0);
    assert!(!fake.log_text().contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_assistant_calls_from_its_own_number_or_from_one_that_no_other_has() {
    let fake = with_calls(&[]);
    for (assistant, from) in [
        ("desk", Value::Null),
        ("desk", json!("+15550199")),
        ("default", json!("+15550198")),
    ] {
        let mut wanted = json!({ "to": "+15550100", "assistant": assistant });
        if !from.is_null() {
            wanted["from"] = from;
        }
        assert_eq!(fake.wants_call(&wanted).await.status, 202, "{wanted}");
    }
    let made = fake.calls_made();
    let from: Vec<_> = made.iter().map(|call| call.form["From"].as_str()).collect();
    assert_eq!(from, ["+15550199", "+15550199", "+15550198"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_what_a_call_needs_nothing_is_spent_and_the_operator_is_told() {
    let wanted = json!({ "to": "+15550100", "assistant": "desk" });
    for (setting, says) in [
        (("TWILIO_ACCOUNT_SID", ""), "TWILIO_ACCOUNT_SID is not set"),
        (("VOICE_MODE", "off"), "VOICE_MODE is off"),
        (("PUBLIC_URL", "http://localhost:8787"), "set PUBLIC_URL"),
    ] {
        let fake = with_calls(&[setting]);
        let response = fake.wants_call(&wanted).await;
        assert_eq!(response.status, 409, "{setting:?}");
        assert!(response.body.contains(says), "{}", response.body);
        assert!(fake.calls_made().is_empty() && fake.call_minutes().await == 0);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_cannot_be_asked_for_consent_is_not_called() {
    let fake = with_calls(&[]);
    fake.hangs(&["THREAD"]);
    let wanted = json!({ "to": "+15550100", "assistant": "desk" });
    assert_eq!(fake.wants_call(&wanted).await.status, 503);
    assert!(fake.calls_made().is_empty() && fake.call_minutes().await == 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_wish_whose_outcome_is_not_known_names_the_call() {
    let fake = with_calls(&[]);
    fake.hangs(&["CALL"]);
    let wanted = json!({ "to": "+15550100", "assistant": "desk" });
    let response = fake.wants_call(&wanted).await;
    assert_eq!(response.status, 503);
    assert!(
        response.body.contains("see GET /admin/calls/"),
        "{}",
        response.body
    );
    assert_eq!(fake.events_named("object_failed")[0]["object"], "call");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_call_is_shown_by_its_id_only() {
    let fake = with_calls(&[]);
    let id = fake.calls_anna().await;
    assert_eq!(id.len(), 64);
    for other in [
        "",
        "1",
        &id[..63],
        &id.to_uppercase(),
        &"0".repeat(64),
        &format!("{id}/x"),
    ] {
        assert_eq!(fake.call_state(other).await, 404, "{other}");
    }
    for (method, path, status) in [
        ("GET", "/admin/calls".to_owned(), 405),
        ("POST", format!("/admin/calls/{id}"), 405),
        ("GET", format!("/admin/calls/{id}"), 200),
    ] {
        let mut request = Incoming::new(method, &path);
        request.headers.push(("Authorization", bearer()));
        assert_eq!(
            fake.handle(&mut request).await.status,
            status,
            "{method} {path}"
        );
    }
}
