//! The phones of the page: a message reaches the Worker as Twilio would send it.

use std::net::TcpListener;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Playground, messages_path};
use crate::mock_worker::{Worker, field, form_of, header, http, is_signed};
use crate::page_client::{Watcher, name_of, post, send, switch};

#[test]
fn the_answer_to_a_webhook_is_listed_as_a_reply() {
    let worker = Worker::saying("Yes.");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    send(&playground, "Is it so?");
    feed.next_of("answered");
    playground.text_to("+15550100", "Yes.");
    let listed = playground
        .get(&format!("{}?To=%2B15550100", messages_path()))
        .json();
    let directions: Vec<&str> = listed["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["direction"].as_str().unwrap())
        .collect();
    assert_eq!(directions, ["outbound-api", "outbound-reply"]);
    assert_eq!(playground.sent_messages().len(), 1, "one was sent by REST");
}

#[test]
fn a_message_from_the_page_is_a_signed_webhook_and_its_answer_is_in_the_feed() {
    let worker = Worker::saying("Hi &amp; bye");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    assert_eq!(feed.next()["type"], "start");
    let order = json!({
        "channel": "whatsapp", "from": "+15550100", "to": "+15550199", "text": "Grüße 👋",
        "media": [{"url": "http://127.0.0.1:1/image", "content_type": "image/png"}]
    });
    let sid = post(&playground, "/playground/phone/messages", &order).json()["sid"]
        .as_str()
        .unwrap()
        .to_owned();
    let sent = feed.next_of("sent");
    let answered = feed.next_of("answered");
    let [request] = worker.requests().try_into().unwrap();
    assert!(is_signed(&request, &worker.url));
    assert_eq!(header(&request, "user-agent"), "TwilioProxy/1.1");
    assert_eq!(field(&request, "MessageSid"), sid);
    assert_eq!(field(&request, "From"), "whatsapp:+15550100");
    assert_eq!(field(&request, "Body"), "Grüße 👋");
    assert_eq!(
        (
            field(&request, "MediaUrl0"),
            field(&request, "MediaContentType0")
        ),
        (
            "http://127.0.0.1:1/image".to_owned(),
            "image/png".to_owned()
        )
    );
    assert_eq!(
        (
            sent["sid"].clone(),
            sent["kind"].clone(),
            sent["forged"].clone()
        ),
        (json!(sid), json!("message"), json!(false))
    );
    assert_eq!(
        sent["name"],
        name_of("whatsapp:+15550100", "whatsapp:+15550199")
    );
    assert!(
        sent["request"]["headers"]
            .as_array()
            .unwrap()
            .contains(&json!([
                "X-Twilio-Signature",
                header(&request, "x-twilio-signature")
            ]))
    );
    assert_eq!(answered["exchange"], sent["exchange"]);
    assert_eq!(answered["status"], 200);
    assert_eq!(
        answered["messages"],
        json!([{"text": "Hi & bye", "media": []}])
    );
    assert!(
        answered["body"].as_str().unwrap().starts_with("<Response>")
            && answered["took_ms"].is_u64()
    );
}

#[test]
fn a_replay_has_the_same_form_and_a_genuine_signature() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(&playground, None, &json!({"forged": true}));
    let sid = send(&playground, "Again and again");
    feed.next_of("answered");
    assert_eq!(
        post(
            &playground,
            "/playground/phone/replay",
            &json!({"sid": sid})
        )
        .status,
        202
    );
    assert_eq!(feed.next_of("sent")["kind"], "replay");
    feed.next_of("answered");
    let [first, second] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&first), form_of(&second));
    assert!(!is_signed(&first, &worker.url) && is_signed(&second, &worker.url));
    let token = |request: &str| header(request, "i-twilio-idempotency-token").to_owned();
    assert!(!token(&first).is_empty() && token(&first) == token(&second));
    let unknown = post(
        &playground,
        "/playground/phone/replay",
        &json!({"sid": "SM1"}),
    );
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_duplicate_is_the_same_webhook_twice_at_once() {
    let gate = Arc::new(Barrier::new(2));
    // The Worker answers when both have arrived.
    let worker = Worker::start(move |_| {
        gate.wait();
        http(
            "200 OK",
            "text/xml",
            "<Response><Message>Hi</Message></Response>",
        )
    });
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"duplicate": true}),
    );
    send(&playground, "Twice");
    let mut kinds = [feed.next_of("sent"), feed.next_of("sent")]
        .map(|event| event["kind"].as_str().unwrap().to_owned());
    kinds.sort();
    assert_eq!(kinds, ["duplicate", "message"]);
    for _ in 0..2 {
        assert_eq!(feed.next_of("answered")["status"], 200);
    }
    let [first, second] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&first), form_of(&second));
    assert!(is_signed(&first, &worker.url) && is_signed(&second, &worker.url));
}

#[test]
fn a_retry_follows_a_lost_answer_with_the_same_sid_and_idempotency_token() {
    // This is slower than Twilio waits the first time.
    let worker = Worker::start(|_| {
        std::thread::sleep(Duration::from_millis(400));
        http(
            "200 OK",
            "text/xml",
            "<Response><Message>Hi</Message></Response>",
        )
    });
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(&playground, None, &json!({"retry": true}));
    send(&playground, "Lost");
    let (first, lost) = (feed.next_of("sent"), feed.next_of("answered"));
    assert_eq!(
        (first["kind"].clone(), lost["lost"].clone()),
        (json!("message"), json!(true))
    );
    assert!(
        lost["problem"]
            .as_str()
            .unwrap()
            .starts_with("Twilio hung up"),
        "{lost}"
    );
    let (second, answered) = (feed.next_of("sent"), feed.next_of("answered"));
    assert_eq!(
        (
            second["kind"].clone(),
            answered["lost"].clone(),
            answered["status"].clone()
        ),
        (json!("retry"), json!(false), json!(200))
    );
    let [one, two] = worker.requests().try_into().unwrap();
    assert_eq!(form_of(&one), form_of(&two));
    assert_eq!(
        header(&one, "i-twilio-idempotency-token"),
        header(&two, "i-twilio-idempotency-token")
    );
}

#[test]
fn a_forged_message_has_a_wrong_signature_and_its_rejection_is_shown() {
    let worker = Worker::start(|_| http("403 Forbidden", "text/plain", "Forbidden"));
    let playground = worker.playground();
    let mut feed = Watcher::open(&playground, None);
    switch(
        &playground,
        Some(("sms", "+15550100")),
        &json!({"forged": true}),
    );
    send(&playground, "Not Twilio");
    assert_eq!(feed.next_of("sent")["forged"], true);
    let answered = feed.next_of("answered");
    assert_eq!(
        (
            answered["status"].clone(),
            answered["twilio_error"]["code"].clone(),
            answered["body"].clone()
        ),
        (json!(403), json!(11200), json!("Forbidden"))
    );
    let [request] = worker.requests().try_into().unwrap();
    assert!(
        !is_signed(&request, &worker.url) && header(&request, "x-twilio-signature").len() == 28
    );
}

#[test]
fn a_missing_answer_is_explained() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let playground = Playground::start_with(&["--quiet", "--worker", &url]);
    let mut feed = Watcher::open(&playground, None);
    send(&playground, "Anybody there?");
    let sent = feed.next_of("sent");
    assert_eq!(
        (sent["name"].clone(), sent["phone_hash"].clone()),
        (Value::Null, Value::Null),
        "there is no key to work them out with"
    );
    assert_eq!(
        feed.next_of("answered")["problem"],
        format!("nothing is listening at {url}: start the Worker")
    );
}

#[test]
fn invalid_messages_from_the_page_are_rejected_with_a_reason() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    for (order, reason) in [
        (
            json!({"channel": "sms", "from": "", "to": "+15550199"}),
            "`from`",
        ),
        (
            json!({"channel": "fax", "from": "+15550100", "to": "+15550199"}),
            "fax",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "txt": "a"}),
            "txt",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": "x".repeat(20_001)}),
            "20000 characters",
        ),
        (
            json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "media": [{"url": "file:///etc/passwd", "content_type": "a/b"}]}),
            "web address",
        ),
    ] {
        let answer = post(&playground, "/playground/phone/messages", &order);
        assert_eq!(answer.status, 400, "{order}");
        assert!(
            answer.json()["error"].as_str().unwrap().contains(reason),
            "{}",
            answer.text()
        );
    }
    assert!(worker.requests().is_empty());
}
