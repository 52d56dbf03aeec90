//! The webhook of Twilio Intelligence: what is signed tells a run, and nothing else does anything.
//!
//! Not here: what the run does then (`synthetic::call::transcript`).

use serde_json::{Value, json};
use switchboard::http::Response;

use crate::support::{
    FakePlatform, INTELLIGENCE_SERVICE, Incoming, ORIGIN, TOKEN, WITH_INTELLIGENCE,
    operator::ACCOUNT, sign, sign_json,
};

const PATH: &str = "/twilio/intelligence";
const KEY: &str = "synthetic:0123456789abcdef0123456789abcdef-1";

fn platform() -> FakePlatform {
    FakePlatform::with(&[WITH_INTELLIGENCE, ("TWILIO_ACCOUNT_SID", ACCOUNT)])
}

fn notice() -> Value {
    json!({
        "account_sid": ACCOUNT,
        "service_sid": INTELLIGENCE_SERVICE,
        "transcript_sid": "GT0123456789abcdef0123456789abcdef",
        "customer_key": KEY,
        "event_type": "voice_intelligence_transcript_available",
    })
}

async fn post(fake: &FakePlatform, body: &Value) -> Response {
    fake.handle(&mut Incoming::signed_json(PATH, &body.to_string()))
        .await
}

/// How often a run was told.
fn told(fake: &FakePlatform) -> usize {
    fake.run_calls("transcript_ready")
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_notice_tells_its_run_as_often_as_it_comes() {
    let fake = platform();
    for times in 1..=2 {
        let response = post(&fake, &notice()).await;
        assert_eq!((response.status, response.body.as_str()), (204, ""));
        assert_eq!(told(&fake), times);
    }
    let nothing = fake.disk_of_run(KEY.strip_prefix("synthetic:").unwrap());
    assert_eq!(
        nothing.text("run"),
        None,
        "a run that does not exist stores nothing"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_notice_as_a_form_is_read_too() {
    let fake = platform();
    let fields: Vec<(String, String)> = notice()
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let mut request = Incoming::signed(&fields);
    request.url = format!("{ORIGIN}{PATH}");
    request.sign(TOKEN, &fields);
    assert_eq!(fake.handle(&mut request).await.status, 204);
    assert_eq!(told(&fake), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_notice_that_twilio_has_not_signed_as_it_is_tells_nobody() {
    let fake = platform();
    let body = notice().to_string();
    let signed = || Incoming::signed_json(PATH, &body);
    let mut changed = signed();
    changed.chunks = [Ok(body.replace(KEY, &KEY.replace("-1", "-2")).into_bytes())].into();
    let mut without_hash = Incoming::json(PATH, &body);
    without_hash
        .headers
        .push(("X-Twilio-Signature", sign(TOKEN, &without_hash.url, &[])));
    let mut by_another = signed();
    let other = sign(&"f".repeat(32), &by_another.url, &[]);
    by_another
        .headers
        .retain(|(name, _)| *name != "X-Twilio-Signature");
    by_another.headers.push(("X-Twilio-Signature", other));
    let mut of_another_hash = Incoming::json(PATH, &body);
    sign_json(&mut of_another_hash, TOKEN, "{}");
    let requests = [
        Incoming::json(PATH, &body),
        changed,
        without_hash,
        by_another,
        of_another_hash,
    ];
    let count = requests.len();
    for mut request in requests {
        assert_eq!(fake.handle(&mut request).await.status, 403);
    }
    assert_eq!(told(&fake), 0);
    assert_eq!(fake.events_named("security_event").len(), count);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_notice_about_something_else_changes_nothing() {
    let fake = platform();
    for (field, value) in [
        ("account_sid", json!("AC00000000000000000000000000000001")),
        ("service_sid", json!("GA00000000000000000000000000000001")),
        ("customer_key", Value::Null),
        ("customer_key", json!("another program's")),
        (
            "customer_key",
            json!("synthetic:0123456789abcdef0123456789abcdef-01"),
        ),
        ("event_type", json!("something_else")),
    ] {
        let mut body = notice();
        body[field] = value;
        assert_eq!(post(&fake, &body).await.status, 204, "{field}");
    }
    let without_service = FakePlatform::with(&[("TWILIO_ACCOUNT_SID", ACCOUNT)]);
    assert_eq!(post(&without_service, &notice()).await.status, 204);
    assert_eq!((told(&fake), told(&without_service)), (0, 0));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_is_no_notice_is_refused() {
    let fake = platform();
    for body in [json!([]), json!({}), json!({ "transcript_sid": 1 })] {
        assert_eq!(post(&fake, &body).await.status, 400, "{body}");
    }
    let mut get = Incoming::new("GET", PATH);
    assert_eq!(fake.handle(&mut get).await.status, 405);
    let mut text = Incoming::json(PATH, "hello");
    text.headers = vec![("Content-Type", "text/plain".to_owned())];
    assert_eq!(fake.handle(&mut text).await.status, 415);
    assert_eq!(told(&fake), 0);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_cannot_be_told_is_an_error() {
    let fake = platform();
    fake.run_call_fails("transcript_ready", false);
    fake.run_call_fails("transcript_ready", false);
    assert_eq!(post(&fake, &notice()).await.status, 503);
    assert_eq!(fake.events_named("object_failed").len(), 1);
}
