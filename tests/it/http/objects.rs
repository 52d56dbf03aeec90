//! Objects that fail or hang: the Worker retries where it may, and answers in time.
//!
//! Not here: objects that vanish during a turn (`messaging::restarts`).

use std::time::Duration;

use serde_json::Value;
use switchboard::http::{self, BodyBroken, Request};
use switchboard::platform::{Clock, PlatformError};

use super::{PAIR, about_contact, admin, fields, form_of};
use crate::support::{ANNA, FakePlatform, Incoming, TOKEN, WITH_ADMIN, bearer, fresh_sid};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_failed_object_is_called_again_only_if_the_platform_calls_it_retryable() {
    let retryable = || PlatformError {
        reason: "Network connection lost.".into(),
        retryable: true,
    };
    let platform = FakePlatform::new();
    platform.object_errors([retryable()]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
    for errors in [
        vec![PlatformError::new("Durable Object is overloaded.")],
        vec![retryable(), retryable()],
    ] {
        platform.object_errors(errors);
        assert_eq!(
            platform.post(&fields()).await.status,
            503,
            "Twilio's retry or fallback can act"
        );
    }
    let failures = platform.events_named("object_failed");
    assert_eq!(failures.len(), 2);
    assert_eq!(
        platform.model_requests().len(),
        1,
        "nothing is half taken in"
    );
}

/// A request whose body takes a while.
struct Slow(Incoming, Duration);

impl Request for Slow {
    fn method(&self) -> String {
        self.0.method()
    }
    fn url(&self) -> String {
        self.0.url()
    }
    fn header(&self, name: &str) -> Option<String> {
        self.0.header(name)
    }
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        tokio::time::sleep(std::mem::take(&mut self.1)).await;
        self.0.chunk().await
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_whose_object_hangs_is_answered_503_within_the_15_seconds_that_twilio_waits() {
    let platform = FakePlatform::new();
    platform.hangs(&["THREAD"]);
    for body_takes in [0, 6, 20] {
        let began = platform.now();
        let mut request = Slow(Incoming::signed(&fields()), Duration::from_secs(body_takes));
        let response = http::handle(&platform, Ok(platform.config()), &mut request).await;
        assert_eq!(response.status, 503);
        let took = platform.now().since(began);
        // The Worker cannot limit how long the body takes.
        let bound = Duration::from_millis(14_800).max(Duration::from_secs(body_takes));
        assert!(
            (bound..bound + Duration::from_millis(10)).contains(&took),
            "{took:?}"
        );
    }
    let failures = platform.events_named("object_failed");
    assert_eq!(failures.len(), 3);
    assert!(
        failures
            .iter()
            .all(|event| event["object"] == "thread" && event["reason"] == "took too long"),
        "{failures:?}"
    );
    platform.hangs(&[]);
    assert_eq!(platform.text(ANNA, "Hello").await, ["answer to Hello"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_other_request_waits_longer_than_10_seconds_for_an_object_that_hangs() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let usage = || admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1");
    let mut report = Incoming::new("POST", "/twilio/messages/status");
    let sent = [
        ("MessageSid", fresh_sid().as_str()),
        ("MessageStatus", "delivered"),
        ("From", "+15550199"),
        ("To", ANNA),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    report.headers.push((
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    ));
    report
        .chunks
        .push_back(Ok(form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&sent)
            .finish()
            .into_bytes()));
    report.sign(TOKEN, &sent);
    for (objects, object, request, seconds) in [
        (["THREAD"].as_slice(), "thread", report, 10),
        (&["THREAD"], "thread", about_contact("show", PAIR), 10),
        // It waits for KV on its own, as long as a reply may take.
        (&["THREAD"], "thread", about_contact("erase", PAIR), 20),
        (&["BUDGET"], "budget", usage(), 10),
        (
            &["BUDGET"],
            "budget",
            admin("POST", "/admin/budget/reset", Some(&bearer()), "192.0.2.1"),
            10,
        ),
        (
            &["ADMIN_LOCKOUT", "BUDGET", "THREAD"],
            "admin_lockout",
            usage(),
            10,
        ),
    ] {
        platform.hangs(objects);
        let began = platform.now();
        assert_eq!(platform.handle(&mut request.clone()).await.status, 503);
        let took = platform.now().since(began);
        let bound = Duration::from_secs(seconds);
        assert!(
            (bound..bound + Duration::from_millis(10)).contains(&took),
            "{object}: {took:?}"
        );
        let failure = platform
            .events_named("object_failed")
            .last()
            .unwrap()
            .clone();
        assert_eq!(
            (&failure["object"], &failure["reason"]),
            (&object.into(), &"took too long".into())
        );
    }
    platform.hangs(&[]);
    assert_eq!(platform.handle(&mut usage()).await.status, 200);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_counted_is_reported_later_when_an_object_hangs() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let usage = || admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1");
    assert_eq!(platform.handle(&mut form_of(b"a=1")).await.status, 403);
    platform.hangs(&["THREAD", "BUDGET"]);
    assert_eq!(
        platform
            .try_message(ANNA, "Hello", &fresh_sid())
            .await
            .status,
        503
    );
    assert_eq!(platform.handle(&mut usage()).await.status, 503);
    platform.hangs(&[]);
    let shown: Value = serde_json::from_str(&platform.handle(&mut usage()).await.body).unwrap();
    assert_eq!(shown["rejections"]["invalid_signature"], 1);
}
