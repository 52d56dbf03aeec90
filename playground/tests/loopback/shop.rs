//! The web services of the shop: which calls they accept, what they answer, and how they fail.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, KEY, Playground};

const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER: &str = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";

fn shop() -> Playground {
    let options = [
        "--quiet",
        "--openai-api-key",
        KEY,
        "--orders-secret",
        SECRET,
        "--desk-secret",
        OTHER,
    ];
    Playground::start_with(&options)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// A signature made here, so that the scheme's library is not compared with itself.
fn signature(secret: &str, id: &str, at: u64, body: &str) -> String {
    let key = BASE64_STANDARD
        .decode(secret.trim_start_matches("whsec_"))
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn post(shop: &Playground, path: &str, id: &str, at: u64, signature: &str, body: &str) -> Answer {
    let at = at.to_string();
    let headers = [
        ("content-type", "application/json"),
        ("webhook-id", id),
        ("webhook-timestamp", &at),
        ("webhook-signature", signature),
    ];
    shop.send("POST", path, &headers, body.as_bytes())
}

fn signed(shop: &Playground, id: &str, body: &Value) -> Answer {
    let (at, body) = (now(), body.to_string());
    post(
        shop,
        "/tools/orders",
        id,
        at,
        &signature(SECRET, id, at, &body),
        &body,
    )
}

fn order(id: &str) -> Value {
    json!({"tool": "order_status", "arguments": {"order_id": id}, "conversation": "c"})
}

#[test]
fn a_signed_call_is_answered_and_a_repeat_gets_the_same_answer() {
    let shop = shop();
    let first = signed(&shop, "msg_1", &order("1234"));
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.json()["status"], "shipped");
    assert_eq!(first.json()["arrives"], "Friday");
    assert_eq!(signed(&shop, "msg_1", &order("1234")).text(), first.text());
    assert_eq!(signed(&shop, "msg_1", &order("1235")).status, 409);
    assert_eq!(
        signed(&shop, "msg_2", &order("77")).json()["status"],
        "not found"
    );
    let deliveries = shop.control("GET", "deliveries", &Value::Null).json()["deliveries"].clone();
    assert_eq!(deliveries.as_array().unwrap().len(), 2);
    assert_eq!(deliveries[0]["times"], 2);
    assert_eq!(deliveries[0]["body"], order("1234"));
    let requests = shop.requests();
    assert_eq!(requests[0]["service"], "shop");
    assert_eq!(requests[0]["headers"]["webhook-id"], "msg_1");
    assert_eq!(requests[0]["answer"]["status"], "shipped");
}

#[test]
fn a_forged_an_old_and_an_altered_call_are_refused() {
    let shop = shop();
    let (at, body) = (now(), order("1234").to_string());
    let good = signature(SECRET, "msg_1", at, &body);
    let old = at - 301;
    for (path, id, at, signature, body) in [
        (
            "/tools/orders",
            "msg_1",
            at,
            signature(OTHER, "msg_1", at, &body),
            &body,
        ),
        ("/tools/orders", "msg_2", at, good.clone(), &body),
        ("/tools/orders", "msg_1", at + 1, good.clone(), &body),
        (
            "/tools/orders",
            "msg_1",
            at,
            good.clone(),
            &body.replace('4', "5"),
        ),
        (
            "/tools/orders",
            "msg_1",
            at,
            good.replace("v1,", "v2,"),
            &body,
        ),
        ("/tools/orders", "msg_1", at, String::new(), &body),
        (
            "/tools/orders",
            "msg_1",
            old,
            signature(SECRET, "msg_1", old, &body),
            &body,
        ),
        (
            "/tools/orders",
            "msg_1",
            at + 400,
            signature(SECRET, "msg_1", at + 400, &body),
            &body,
        ),
        ("/tools/desk", "msg_1", at, good.clone(), &body),
        // It was started without the secret of this one.
        ("/tools/intake", "msg_1", at, good.clone(), &body),
    ] {
        let answer = post(&shop, path, id, at, &signature, body);
        assert_eq!(answer.status, 401, "{path} {id} {at}: {}", answer.text());
    }
    let none = shop.send(
        "POST",
        "/tools/orders",
        &[("content-type", "application/json")],
        b"{}",
    );
    assert_eq!(none.status, 401);
    assert_eq!(
        post(&shop, "/tools/orders", "msg_1", at, &good, &body).status,
        200
    );
}

#[test]
fn each_switch_makes_its_fault() {
    let shop = shop();
    let set = |fault: &str| {
        let body = json!({"switches": {"shop": fault}}).to_string();
        let headers = [("content-type", "application/json")];
        let answer = shop.send("PUT", "/playground/switches", &headers, body.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    for (number, (fault, status)) in [
        ("error", 500),
        ("not_json", 200),
        ("too_long", 200),
        ("redirect", 302),
        ("wrong_type", 200),
    ]
    .into_iter()
    .enumerate()
    {
        set(fault);
        let headers = format!("msg_{number}");
        let (at, body) = (now(), order("1234").to_string());
        let made = signature(SECRET, &headers, at, &body);
        let answer = shop.raw(&format!(
            "POST /tools/orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nwebhook-id: {headers}\r\n\
             webhook-timestamp: {at}\r\nwebhook-signature: {made}\r\n\r\n{body}",
            body.len()
        ));
        let text = String::from_utf8_lossy(&answer.0).into_owned();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{fault}: {text:.80}"
        );
        match fault {
            "too_long" => assert!(text.len() > 20_000),
            "redirect" => assert!(text.contains("location: /tools/elsewhere")),
            "wrong_type" => assert!(text.contains("content-type: image/png")),
            "not_json" => assert!(!text.contains("shipped")),
            _ => {}
        }
    }
    set("none");
    assert_eq!(signed(&shop, "msg_9", &order("1234")).status, 200);
}
