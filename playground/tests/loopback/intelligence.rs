//! The mock Twilio Intelligence: transcripts of recorded calls, their webhook, and what it refuses.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::{ACCOUNT, Playground, TOKENS, basic, wait_until};
use crate::legs::{RECORDED, dial, speak, worker};
use crate::mock_worker::{field, header, signature_of};
use crate::page_client::switch;
use crate::relay_worker::{RelayWorker, receive_type, say};

const SERVICE: &str = "GA0123456789abcdef0123456789abcdef";
const TRANSCRIPTS: &str = "/v2/Transcripts";

/// A Worker on whose calls B says something, A answers, and B hangs up.
fn talk() -> RelayWorker {
    let (worker, _) = worker(
        RECORDED,
        |a| {
            receive_type(a, "prompt");
            speak(a, "My bill is wrong. The order is 48213.");
        },
        |b| {
            speak(b, "I am Aiva, how can I help?");
            receive_type(b, "prompt");
            say(b, &json!({"type": "end"}));
        },
    );
    worker
}

/// The recording of a call that is over.
fn recording(playground: &Playground, worker: &RelayWorker) -> String {
    let (a, b) = dial(playground, worker, &[]);
    a.over();
    b.over();
    wait_until("the recording is there", || {
        worker.posts_to("/recording").len() == 2
    });
    field(&worker.posts_to("/recording")[1], "RecordingSid")
}

fn channel(recording: &str) -> String {
    json!({
        "media_properties": {"source_sid": recording},
        "participants": [
            {"channel_participant": 1, "role": "Customer"},
            {"channel_participant": 2, "role": "Agent"}
        ]
    })
    .to_string()
}

fn create(playground: &Playground, recording: &str) -> Value {
    let channel = channel(recording);
    let form = [
        ("ServiceSid", SERVICE),
        ("Channel", channel.as_str()),
        ("CustomerKey", "synthetic-1"),
    ];
    let answer = playground.post_form(TRANSCRIPTS, &form);
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()
}

fn path(transcript: &Value) -> String {
    format!("{TRANSCRIPTS}/{}", transcript["sid"].as_str().unwrap())
}

/// Waits until the transcript has this status, and returns those that it had.
fn until(playground: &Playground, transcript: &Value, last: &str) -> Vec<String> {
    let seen = std::cell::RefCell::new(Vec::new());
    wait_until(last, || {
        let now = playground.get(&path(transcript)).json();
        let now = now["status"].as_str().unwrap().to_owned();
        let mut seen = seen.borrow_mut();
        if seen.last() != Some(&now) {
            seen.push(now.clone());
        }
        now == last
    });
    seen.into_inner()
}

/// The webhooks of transcripts so far.
fn told(worker: &RelayWorker) -> Vec<String> {
    let mut posts = worker.posts();
    posts.retain(|post| post.starts_with("POST /twilio/intelligence?"));
    posts
}

#[test]
fn a_transcript_has_what_both_legs_said_and_its_webhook_is_signed_with_the_hash_of_its_body() {
    let worker = talk();
    let playground = worker.playground();
    let recording = recording(&playground, &worker);
    let made = create(&playground, &recording);
    assert_eq!(made["status"], "queued");
    assert_eq!(
        (
            &made["service_sid"],
            &made["account_sid"],
            &made["customer_key"]
        ),
        (&json!(SERVICE), &json!(ACCOUNT), &json!("synthetic-1"))
    );
    let sentences = |query: &str| {
        let list = playground.get(&format!("{}/Sentences{query}", path(&made)));
        assert_eq!(list.status, 200, "{}", list.text());
        list.json()
    };
    assert_eq!(sentences("")["sentences"], json!([]), "it is not completed");
    assert_eq!(
        until(&playground, &made, "completed").last().unwrap(),
        "completed"
    );
    let done = playground.get(&path(&made)).json();
    assert!(done["duration"].as_u64().unwrap() > 0);

    // The called leg has the first channel, which Twilio's description says of the other one.
    let all = sentences("?Redacted=true&PageSize=5000");
    let all = all["sentences"].as_array().unwrap();
    let said: Vec<_> = all
        .iter()
        .map(|one| {
            (
                one["media_channel"].as_u64().unwrap(),
                one["transcript"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (1, "I am Eiva, how can I help?"),
            (2, "My bill is wrong."),
            (2, "The order is 48213.")
        ]
    );
    assert!(all[0]["start_time"].is_string() && all[0]["confidence"].is_string());
    assert!(all[1]["start_time"].is_f64() && all[1]["confidence"].is_f64());
    let first = sentences("?PageSize=2");
    let next = first["meta"]["next_page_url"].as_str().unwrap();
    let next = next.strip_prefix(&playground.url("")).unwrap();
    let rest = playground.get(next).json();
    assert_eq!(rest["sentences"].as_array().unwrap().len(), 1);
    let results = playground
        .get(&format!("{}/OperatorResults", path(&made)))
        .json();
    assert_eq!(
        results["operator_results"][0]["predicted_probability"],
        "0.93"
    );
    assert_eq!(results["meta"]["key"], "operator_results");

    wait_until("the webhook comes", || !told(&worker).is_empty());
    let [post] = told(&worker).try_into().unwrap();
    let (head, body) = post.split_once("\r\n\r\n").unwrap();
    let mut hash = String::new();
    for byte in Sha256::digest(body) {
        write!(hash, "{byte:02x}").unwrap();
    }
    let target = format!("/twilio/intelligence?bodySHA256={hash}");
    assert!(head.starts_with(&format!("POST {target} ")), "{head}");
    let signed = signature_of(&format!("{}{target}", worker.url));
    assert_eq!(header(head, "x-twilio-signature"), signed);
    assert_eq!(header(head, "content-type"), "application/json");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        json!({
            "account_sid": ACCOUNT,
            "service_sid": SERVICE,
            "transcript_sid": made["sid"],
            "customer_key": "synthetic-1",
            "event_type": "voice_intelligence_transcript_available"
        })
    );
}

#[test]
fn a_second_transcript_of_a_recording_is_another_one_and_both_are_listed() {
    let worker = talk();
    let playground = worker.playground();
    let recording = recording(&playground, &worker);
    let (one, two) = (
        create(&playground, &recording),
        create(&playground, &recording),
    );
    let sids = |query: &str| {
        let list = playground.get(&format!("{TRANSCRIPTS}?{query}"));
        assert_eq!(list.status, 200, "{}", list.text());
        let list = list.json()["transcripts"].as_array().unwrap().clone();
        list.iter()
            .map(|one| one["sid"].clone())
            .collect::<Vec<_>>()
    };
    let both = [two["sid"].clone(), one["sid"].clone()];
    assert_eq!(
        sids(&format!("SourceSid={recording}&ServiceSid={SERVICE}")),
        both
    );
    assert_eq!(sids("PageSize=1"), both[..1]);
    assert_eq!(sids("AfterDateCreated=2020-01-01T00:00:00Z"), both);
    assert_eq!(
        sids("BeforeDateCreated=2020-01-01T00:00:00Z"),
        [Value::Null; 0]
    );
    assert_eq!(
        sids(&format!("SourceSid=RE{}", "0".repeat(32))),
        [Value::Null; 0]
    );
    until(&playground, &two, "completed");
    assert_eq!(sids("Status=completed").len(), 2);
    let deleted = playground.send(
        "DELETE",
        &path(&one),
        &[("authorization", &basic(ACCOUNT, TOKENS[0]))],
        b"",
    );
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(playground.get(&path(&one)).status, 404);
    assert_eq!(
        playground.get(&format!("{TRANSCRIPTS}?Sort=up")).status,
        400
    );
    assert_eq!(
        playground
            .get(&format!("{TRANSCRIPTS}?SourceSid=RE1"))
            .status,
        400
    );
}

#[test]
fn a_transcript_can_fail_and_its_webhook_can_be_lost() {
    for (fault, end) in [
        ("transcript_failed", "failed"),
        ("transcript_untold", "completed"),
    ] {
        let worker = talk();
        let playground = worker.playground();
        assert_eq!(
            switch(&playground, None, &json!({"call": {fault: true}})).status,
            200
        );
        let recording = recording(&playground, &worker);
        let made = create(&playground, &recording);
        until(&playground, &made, end);
        let list = playground.get(&format!("{}/Sentences", path(&made))).json();
        assert_eq!(list["sentences"] == json!([]), end == "failed");
        // The next one is told of, and it alone.
        assert_eq!(switch(&playground, None, &json!({})).status, 200);
        let (a, b) = dial(&playground, &worker, &[]);
        a.over();
        b.over();
        wait_until("the second recording is there", || {
            worker.posts_to("/recording").len() == 4
        });
        let second = field(&worker.posts_to("/recording")[3], "RecordingSid");
        let second = create(&playground, &second);
        wait_until("its webhook comes", || !told(&worker).is_empty());
        let [only] = told(&worker).try_into().unwrap();
        assert!(only.contains(second["sid"].as_str().unwrap()), "{fault}");
    }
}

#[test]
fn what_intelligence_would_refuse_is_refused() {
    let playground = Playground::start();
    let unknown = format!("RE{}", "0".repeat(32));
    let good = channel(&unknown);
    let other = format!("GA{}", "1".repeat(32));
    let media = |media: Value| json!({"media_properties": media}).to_string();
    let (short, both) = (
        media(json!({"source_sid": "RE1"})),
        media(json!({"source_sid": unknown, "media_url": "https://a.example/b"})),
    );
    let (url, odd) = (
        media(json!({"media_url": "https://a.example/b"})),
        json!({"media_properties": {"source_sid": unknown}, "participants": [{"channel_participant": 3}]})
            .to_string(),
    );
    let long = "x".repeat(65);
    let cases: Vec<(Vec<(&str, &str)>, u16)> = vec![
        (vec![("Channel", &good)], 400),
        (vec![("ServiceSid", SERVICE)], 400),
        (vec![("ServiceSid", "GA1"), ("Channel", &good)], 400),
        (vec![("ServiceSid", &other), ("Channel", &good)], 404),
        (vec![("ServiceSid", SERVICE), ("Channel", "{}")], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", "RE1")], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", &short)], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", &both)], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", &url)], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", &odd)], 400),
        (vec![("ServiceSid", SERVICE), ("Channel", &good)], 404),
        (
            vec![
                ("ServiceSid", SERVICE),
                ("Channel", &good),
                ("CustomerKey", &long),
            ],
            400,
        ),
        (
            vec![
                ("ServiceSid", SERVICE),
                ("Channel", &good),
                ("MediaStartTime", "today"),
            ],
            400,
        ),
        (
            vec![
                ("ServiceSid", SERVICE),
                ("Channel", &good),
                ("Recording", &unknown),
            ],
            400,
        ),
    ];
    for (form, status) in cases {
        let answer = playground.post_form(TRANSCRIPTS, &form);
        assert_eq!(answer.status, status, "{form:?}: {}", answer.text());
        assert!(answer.json()["code"].is_u64());
    }
    assert_eq!(playground.post_json(TRANSCRIPTS, &json!({})).status, 400);
    assert_eq!(playground.send("GET", TRANSCRIPTS, &[], b"").status, 401);
    assert_eq!(playground.get("/v2/Transcripts/GT1").status, 404);
    playground.fault(&json!({"service": "twilio", "status": 429, "contains": "/v2/Transcripts"}));
    let list = playground.get(TRANSCRIPTS);
    assert_eq!((list.status, &list.json()["code"]), (429, &json!(20429)));
}
