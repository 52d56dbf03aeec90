//! The feed of the page, its fault switches, and the conversation of a phone.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::harness::{Playground, chat, messages_path};
use crate::mock_worker::Worker;
use crate::page_client::{Watcher, name_of, post, switch};

#[test]
fn messages_typing_and_requests_are_in_the_feed() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    playground.text_to("+15550100", "by REST");
    let message = feed.next_of("message");
    assert_eq!(
        (
            message["to"].clone(),
            message["from"].clone(),
            message["text"].clone()
        ),
        (json!("+15550100"), json!("+15550199"), json!("by REST"))
    );
    let sid = format!("SM{}", "1".repeat(32));
    assert_eq!(
        playground
            .post_json(
                "/v3/Indicators/Typing.json",
                &json!({"channel": "WHATSAPP", "messageId": sid})
            )
            .status,
        200
    );
    assert_eq!(feed.next_of("typing")["sid"], sid);
    let mut request = chat(&[("user", "Hello [fault status=503]")]);
    request["safety_identifier"] = json!("a contact");
    playground.complete(&request);
    let mut of_model = || loop {
        let call = feed.next_of("call");
        if call["service"] == "openai" {
            return call;
        }
    };
    let (began, ended) = (of_model(), of_model());
    assert_eq!(
        (began["outcome"].clone(), began["name"].clone()),
        (json!("pending"), json!("a contact"))
    );
    assert_eq!(
        (ended["status"].clone(), ended["fault"].clone()),
        (json!(503), json!("status 503"))
    );
}

#[test]
fn a_page_that_reconnects_gets_what_it_missed_and_a_new_one_gets_all() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut first = Watcher::open(&playground, None);
    playground.text_to("+15550100", "one");
    assert_eq!(first.next_of("message")["text"], "one");
    let seen = first.last_id.clone();
    drop(first);
    playground.text_to("+15550100", "two");
    let mut back = Watcher::open(&playground, Some(&seen));
    assert_eq!(back.next_of("message")["text"], "two");
    for last_id in [None, Some("of-another-run"), Some("0123-7"), Some("")] {
        let mut fresh = Watcher::open(&playground, last_id);
        assert_eq!(fresh.next()["type"], "start", "{last_id:?}");
        assert_eq!(fresh.next_of("message")["text"], "one");
        assert_eq!(fresh.next_of("message")["text"], "two");
    }
}

#[test]
fn the_state_of_the_build_is_in_the_feed_however_many_events_come_after_it() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    let tell = |body: &Value| post(&playground, "/playground/build", body).status;
    assert_eq!(tell(&json!({"state": "building"})), 202);
    let event = json!({"type": "build", "state": "building", "detail": null});
    assert_eq!(feed.next_of("build"), event);
    let failed = json!({"state": "failed", "detail": "error[E0425]: cannot find value `x`"});
    assert_eq!(tell(&failed), 202);
    let event = json!({"type": "build", "state": "failed", "detail": failed["detail"]});
    assert_eq!(feed.next_of("build"), event);

    // More than the feed keeps.
    for _ in 0..5_010 {
        assert_eq!(post(&playground, "/playground/log", &json!({})).status, 202);
    }
    let mut later = Watcher::open(&playground, None);
    assert_eq!(later.next()["type"], "start");
    assert_eq!(later.next(), event);
    assert_eq!(later.next()["type"], "log");
}

#[test]
fn a_state_of_the_build_that_does_not_exist_is_rejected() {
    let playground = Worker::saying("Hi").playground();
    for body in [
        json!({"state": "late"}),
        json!({"state": "live", "seconds": 3}),
        json!({}),
        json!([]),
    ] {
        assert_eq!(
            post(&playground, "/playground/build", &body).status,
            400,
            "{body}"
        );
    }
    let large = json!({"state": "failed", "detail": "x".repeat(5_000)});
    assert_eq!(post(&playground, "/playground/build", &large).status, 413);
}

#[test]
fn a_fault_switch_affects_its_phone_until_it_is_off() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let ask = |from: &str| {
        let mut request = chat(&[("user", "Hello")]);
        request["safety_identifier"] = json!(name_of(from, "+15550199"));
        playground
            .try_complete(&request)
            .map(|answer| answer.status)
            .ok()
    };
    assert_eq!(
        switch(
            &playground,
            Some(("sms", "+15550100")),
            &json!({"model_error": true})
        )
        .status,
        200
    );
    assert_eq!(
        (ask("+15550100"), ask("+15550100"), ask("+15550101")),
        (Some(500), Some(500), Some(200))
    );
    switch(
        &playground,
        Some(("sms", "+15550101")),
        &json!({"model_drop": true, "rest_drop": true}),
    );
    assert_eq!(ask("+15550101"), None);
    let lost = playground.try_post_form(
        &messages_path(),
        &[("To", "+15550101"), ("From", "+15550199"), ("Body", "x")],
    );
    assert!(lost.is_err(), "the answer is lost");
    assert_eq!(
        playground.sent_messages().len(),
        1,
        "but the message is sent"
    );
    assert_eq!(playground.text_to("+15550100", "x").status, 201);
    for from in ["+15550100", "+15550101"] {
        switch(&playground, Some(("sms", from)), &json!({}));
    }
    assert_eq!((ask("+15550100"), ask("+15550101")), (Some(200), Some(200)));
    switch(&playground, None, &json!({"model_error": true}));
    assert_eq!(ask("+15550100"), Some(500));
    let shown = playground.control("GET", "setup", &Value::Null).json();
    assert_eq!(
        (
            shown["switches"]["all"]["model_error"].clone(),
            shown["switches"]["phones"].clone()
        ),
        (json!(true), json!([]))
    );
}

#[test]
fn a_model_fault_for_one_phone_needs_the_pseudonym_key() {
    let playground = Playground::start();
    let rejected = switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"slow_model": 3}),
    );
    assert_eq!(rejected.status, 409);
    assert!(rejected.text().contains("PSEUDONYM_KEY"));
    assert_eq!(
        switch(&playground, None, &json!({"slow_model": 3})).status,
        200
    );
    assert_eq!(
        switch(&playground, None, &json!({"slow_model": 1000})).status,
        400
    );
}

#[test]
fn the_conversation_of_a_phone_is_its_newest_request_to_the_model() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let path = "/playground/conversation?channel=sms&from=%2B15550100&to=%2B15550199";
    let shown = || playground.send("GET", path, &[], b"").json()["request"].clone();
    assert_eq!(shown(), Value::Null);
    let image = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 3742]].concat();
    let image = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(image));
    for (from, text) in [
        ("+15550100", "older"),
        ("+15550100", "newest"),
        ("+15550101", "of another"),
    ] {
        let mut request = chat(&[("user", text)]);
        request["safety_identifier"] = json!(name_of(from, "+15550199"));
        request["messages"][0]["content"] = json!([{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image}}]);
        assert_eq!(playground.complete(&request).status, 200);
    }
    let content = shown()["body"]["messages"][0]["content"].clone();
    assert_eq!(content[0]["text"], "newest");
    assert_eq!(
        content[1]["image_url"]["url"],
        "data:image/png, 5022 characters"
    );
}
