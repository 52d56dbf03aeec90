//! The mock Segment: what it answers, what it keeps, what it drops without a word, and how it fails.

use serde_json::{Value, json};

use crate::harness::{Answer, Playground, basic};

const WRITE_KEY: &str = "a-write-key";

fn started() -> Playground {
    Playground::start_with(&["--quiet", "--segment-write-key", WRITE_KEY])
}

fn post(playground: &Playground, path: &str, key: &str, body: &str) -> Answer {
    let credential = basic(key, "");
    let headers = [
        ("authorization", credential.as_str()),
        ("content-type", "application/json"),
    ];
    playground.send("POST", path, &headers, body.as_bytes())
}

fn batch(playground: &Playground, items: &[Value]) -> Answer {
    let body = json!({"batch": items, "sentAt": "2026-11-22T12:00:00.000Z"}).to_string();
    post(playground, "/v1/batch", WRITE_KEY, &body)
}

fn item(id: &str) -> Value {
    json!({
        "type": "track", "event": "Call Completed", "userId": "u", "messageId": id,
        "properties": {"synthetic": true}
    })
}

fn events(playground: &Playground) -> Value {
    playground.control("GET", "segment", &Value::Null).json()
}

fn ids(playground: &Playground) -> Vec<Value> {
    let events = events(playground);
    let kept = events["events"].as_array().unwrap().iter();
    kept.map(|kept| json!([kept["id"], kept["times"]]))
        .collect()
}

#[test]
fn items_are_kept_once_whatever_the_request_that_brings_them() {
    let playground = started();
    let answer = batch(&playground, &[item("a"), item("b")]);
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"success": true}))
    );
    assert_eq!(batch(&playground, &[item("b")]).status, 200);
    let single = json!({"event": "Call Completed", "userId": "u", "messageId": "c"});
    post(&playground, "/v1/track", WRITE_KEY, &single.to_string());
    let by_body = json!({"writeKey": WRITE_KEY, "userId": "u", "messageId": "d", "traits": {}});
    let headers = [("content-type", "application/json")];
    let sent = by_body.to_string();
    let answer = playground.send("POST", "/v1/identify", &headers, sent.as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(
        ids(&playground),
        [
            json!(["a", 1]),
            json!(["b", 2]),
            json!(["c", 1]),
            json!(["d", 1])
        ]
    );
    let all = events(&playground);
    assert_eq!(all["events"][3]["item"]["type"], "identify");
    assert!(!all.to_string().contains(WRITE_KEY));
    let requests = playground.requests();
    assert_eq!(requests[0]["service"], "segment");
    assert_eq!(requests[0]["body"]["batch"][0]["messageId"], "a");
    playground.control("DELETE", "segment", &Value::Null);
    assert!(ids(&playground).is_empty());
}

#[test]
fn an_unknown_key_and_an_invalid_item_are_answered_200_and_dropped() {
    let playground = started();
    let body = json!({"batch": [item("a")]}).to_string();
    let answer = post(&playground, "/v1/batch", "another-key", &body);
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"success": true}))
    );
    let mut nobody = item("b");
    nobody["userId"] = Value::Null;
    let mut long = item("c");
    long["properties"]["text"] = "x".repeat(32_000).into();
    assert_eq!(batch(&playground, &[nobody, long, item("d")]).status, 200);
    assert_eq!(ids(&playground), [json!(["d", 1])]);
    let dropped = events(&playground)["dropped"].clone();
    let reasons: Vec<&str> = dropped
        .as_array()
        .unwrap()
        .iter()
        .map(|dropped| dropped["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons,
        [
            "the write key is unknown",
            "it has neither userId nor anonymousId",
            "it has more than 32000 bytes"
        ]
    );
    assert_eq!(playground.requests()[0]["authorized"], false);
}

#[test]
fn a_batch_of_too_many_items_is_answered_200_and_dropped_whole() {
    let playground = started();
    let items: Vec<Value> = (0..2501).map(|n| item(&n.to_string())).collect();
    assert_eq!(batch(&playground, &items).status, 200);
    assert!(ids(&playground).is_empty());
    assert_eq!(batch(&playground, &items[..2500]).status, 200);
    assert_eq!(ids(&playground).len(), 2500);
}

#[test]
fn only_a_missing_key_bad_json_and_too_many_bytes_are_refused() {
    let playground = started();
    let good = json!({"batch": [item("a")]}).to_string();
    let headers = [("content-type", "application/json")];
    let without = playground.send("POST", "/v1/batch", &headers, good.as_bytes());
    assert_eq!(without.status, 400);
    for (path, body) in [
        ("/v1/batch", "{".to_owned()),
        ("/v1/batch", "[]".to_owned()),
        ("/v1/batch", json!({"batch": {}}).to_string()),
        (
            "/v1/batch",
            json!({"batch": ["x".repeat(500_000)]}).to_string(),
        ),
        (
            "/v1/track",
            json!({"event": "x".repeat(32_000)}).to_string(),
        ),
    ] {
        let answer = post(&playground, path, WRITE_KEY, &body);
        assert_eq!(answer.status, 400, "{path} {body:.40}");
        assert_eq!(answer.json()["success"], false);
    }
    let get = playground.send("GET", "/v1/batch", &[], b"");
    assert_eq!(get.status, 405);
    assert!(ids(&playground).is_empty());
    assert_eq!(events(&playground)["dropped"], json!([]));
}

#[test]
fn it_fails_as_ordered() {
    let playground = started();
    playground
        .fault(&json!({"service": "segment", "status": 429, "headers": {"Retry-After": "7"}}));
    let busy = batch(&playground, &[item("a")]);
    assert_eq!((busy.status, busy.header("retry-after")), (429, "7"));
    playground.fault(&json!({"service": "segment", "status": 500}));
    assert_eq!(batch(&playground, &[item("a")]).status, 500);
    assert!(ids(&playground).is_empty(), "it has not received them");
    playground.fault(&json!({"service": "segment", "delay_ms": 10, "connection": "act_then_drop"}));
    let body = json!({"batch": [item("a")]}).to_string();
    let credential = basic(WRITE_KEY, "");
    let headers = [
        ("authorization", credential.as_str()),
        ("content-type", "application/json"),
    ];
    let lost = playground.try_send("POST", "/v1/batch", &headers, body.as_bytes());
    assert!(lost.is_err());
    assert_eq!(ids(&playground), [json!(["a", 1])], "it has received them");
    assert_eq!(batch(&playground, &[item("a")]).status, 200);
    assert_eq!(ids(&playground), [json!(["a", 2])]);
}
