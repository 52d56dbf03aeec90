use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::identity::PseudonymKey;

#[derive(Serialize)]
struct Text {
    text: String,
}

fn user() -> Pseudonym {
    PseudonymKey::new(Secret::new("k".repeat(32))).persona("ada")
}

fn item_with(id: &str, length: usize) -> Result<Item, TooLarge> {
    let text = "x".repeat(length);
    Item::new(&Message {
        id,
        user: &user(),
        at: UnixMillis(1),
        call: Call::Track {
            event: "Call Completed",
            properties: &Text { text },
        },
    })
}

/// An item of exactly so many bytes.
fn item_of(bytes: usize) -> Item {
    let empty = item_with("id", 0).unwrap().as_str().len();
    let item = item_with("id", bytes - empty).unwrap();
    assert_eq!(item.as_str().len(), bytes);
    item
}

#[test]
fn an_item_has_the_fields_of_the_common_specification_and_hides_the_address_of_the_sender() {
    let item: Value = serde_json::from_str(item_with("id", 1).unwrap().as_str()).unwrap();
    assert_eq!(
        item,
        json!({
            "type": "track",
            "event": "Call Completed",
            "properties": { "text": "x" },
            "messageId": "id",
            "userId": user().as_str(),
            "timestamp": "1970-01-01T00:00:00.001Z",
            "context": { "ip": "0.0.0.0" },
        })
    );
    let traits = Text {
        text: "x".to_owned(),
    };
    let identify = Item::new(&Message {
        id: "id",
        user: &user(),
        at: UnixMillis(1),
        call: Call::Identify { traits: &traits },
    });
    let identify: Value = serde_json::from_str(identify.unwrap().as_str()).unwrap();
    assert_eq!(identify["type"], "identify");
    assert_eq!(identify["traits"], json!({ "text": "x" }));
}

#[test]
fn an_item_that_segment_would_drop_is_not_made() {
    let most = MAX_ITEM_BYTES - item_with("id", 0).unwrap().as_str().len();
    assert!(item_with("id", most).is_ok());
    assert_eq!(item_with("id", most + 1), Err(TooLarge));
    assert!(item_with(&"i".repeat(99), 1).is_ok());
    assert_eq!(item_with(&"i".repeat(100), 1), Err(TooLarge));
}

#[test]
fn the_length_of_an_item_is_counted_in_bytes_as_they_are_sent() {
    let text = "\u{1f600}".repeat(MAX_ITEM_BYTES / 5);
    let item = Item::new(&Message {
        id: "id",
        user: &user(),
        at: UnixMillis(1),
        call: Call::Identify {
            traits: &Text { text },
        },
    });
    assert!(item.is_ok(), "an emoji has four bytes");
    let text = "\"".repeat(MAX_ITEM_BYTES / 2);
    let item = Item::new(&Message {
        id: "id",
        user: &user(),
        at: UnixMillis(1),
        call: Call::Identify {
            traits: &Text { text },
        },
    });
    assert_eq!(item, Err(TooLarge), "a quotation mark has two");
}

#[test]
fn a_request_has_as_many_items_as_fit_its_bytes() {
    let now = UnixMillis(1_795_348_800_000);
    let items = vec![item_of(MAX_ITEM_BYTES); 40];
    let count = fitting(&items);
    assert_eq!(count, 15, "15 of 32,000 bytes");
    assert!(body(&items[..count], now).len() <= MAX_BATCH_BYTES);
    assert!(body(&items[..=count], now).len() > MAX_BATCH_BYTES);
    // To the byte, for the longest date.
    let frame = body(&[], UnixMillis(u64::MAX)).len();
    let rest = MAX_BATCH_BYTES - frame - 15 * (MAX_ITEM_BYTES + 1) - 1;
    let mut exact = vec![item_of(MAX_ITEM_BYTES); 15];
    exact.push(item_of(rest));
    assert_eq!(fitting(&exact), 16);
    exact[15] = item_of(rest + 1);
    assert_eq!(fitting(&exact), 15);
}

#[test]
fn a_request_has_at_most_2500_items() {
    let small = Item("{}".to_owned());
    assert_eq!(fitting(&vec![small.clone(); 2500]), 2500);
    assert_eq!(fitting(&vec![small; 2501]), 2500);
    assert_eq!(fitting(&[]), 0);
}

#[test]
fn a_request_is_authorised_by_the_key_alone_and_says_when_it_was_sent() {
    let base = BaseUrl::parse("https://events.eu1.segmentapis.com").unwrap();
    let key = Secret::new("writekey".to_owned());
    let items = [item_of(300), item_of(300)];
    let request = request(&base, &key, &items, UnixMillis(2));
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, "https://events.eu1.segmentapis.com/v1/batch");
    let header = |name: &str| {
        let mut found = request.headers.iter().filter(|(other, _)| other == name);
        found.next().map(|(_, value)| value.as_str())
    };
    // `printf writekey: | base64`
    assert_eq!(header("Authorization"), Some("Basic d3JpdGVrZXk6"));
    assert_eq!(header("Content-Type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&request.body.to_bytes()).unwrap();
    assert_eq!(body["sentAt"], "1970-01-01T00:00:00.002Z");
    assert_eq!(body["batch"].as_array().unwrap().len(), 2);
    assert_eq!(body["batch"][0]["messageId"], "id");
}

#[test]
fn only_busy_broken_and_unreachable_servers_are_tried_again() {
    let now = UnixMillis(0);
    let of = |status, asked: Option<&str>| {
        let response = HttpResponse {
            status,
            retry_after: asked.map(str::to_owned),
            location: None,
            body: Vec::new(),
        };
        Outcome::of(Ok(&response), now)
    };
    let later = |reason, wait: Option<u64>| Outcome::Later {
        reason,
        wait: wait.map(Duration::from_secs),
    };
    assert_eq!(of(200, None), Outcome::Received);
    for status in [301, 400, 401, 403, 404, 413] {
        assert_eq!(of(status, Some("5")), Outcome::Refused, "{status}");
    }
    assert_eq!(of(429, Some("5")), later(Reason::Busy, Some(5)));
    assert_eq!(of(429, None), later(Reason::Busy, None));
    for status in [500, 502, 503, 504] {
        assert_eq!(of(status, None), later(Reason::ServerError, None));
    }
    for (error, reason) in [
        (HttpError::Timeout, Reason::TimedOut),
        (HttpError::Connection, Reason::Unreachable),
        (HttpError::Unreadable, Reason::Unreachable),
        (HttpError::TooLarge, Reason::Unreachable),
    ] {
        assert_eq!(Outcome::of(Err(error), now), later(reason, None));
    }
}
