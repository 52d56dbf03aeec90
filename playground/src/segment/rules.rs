//! What an item must be, so that Segment keeps it.
//!
//! Sources: Segment, "HTTP API Source", sections on errors and limits, and "Spec: Common Fields".
//! Where Segment does not say how many bytes a KB has, the smaller number counts.

use chrono::DateTime;
use serde_json::Value;

/// The most items of a batch.
pub const MOST_ITEMS: usize = 2500;
/// The longest item, in bytes.
const MOST_BYTES: usize = 32_000;
/// The longest batch, in bytes.
const MOST_BYTES_OF_BATCH: usize = 500_000;
/// From this length on, a `messageId` is too long.
const TOO_LONG_ID: usize = 100;

/// The longest body of a request to this path, in bytes.
pub fn most_bytes(path: &str) -> usize {
    match path {
        "/v1/batch" => MOST_BYTES_OF_BATCH,
        _ => MOST_BYTES,
    }
}

/// Checks an item.
///
/// # Errors
/// Why Segment drops it.
pub fn check(item: &Value) -> Result<(), String> {
    if !item.is_object() {
        return Err("it is no JSON object".to_owned());
    }
    if item.to_string().len() > MOST_BYTES {
        return Err(format!("it has more than {MOST_BYTES} bytes"));
    }
    let text = |name: &str| match item.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(format!("`{name}` is no text")),
    };
    let user = text("userId")?.or(text("anonymousId")?);
    if user.is_none_or(str::is_empty) {
        return Err("it has neither userId nor anonymousId".to_owned());
    }
    if text("messageId")?.is_some_and(|id| id.is_empty() || id.chars().count() >= TOO_LONG_ID) {
        return Err("messageId must have fewer than 100 characters".to_owned());
    }
    for name in ["timestamp", "sentAt"] {
        let is_moment = |text: &str| DateTime::parse_from_rfc3339(text).is_ok();
        if !text(name)?.is_none_or(is_moment) {
            return Err(format!("`{name}` is no ISO 8601 date"));
        }
    }
    for name in ["context", "integrations", "properties", "traits"] {
        if item.get(name).is_some_and(|value| !value.is_object()) {
            return Err(format!("`{name}` is no JSON object"));
        }
    }
    match text("type")? {
        Some("track") if text("event")?.is_none_or(str::is_empty) => {
            Err("a track has no event".to_owned())
        }
        Some("track" | "identify" | "page" | "screen" | "group" | "alias") => Ok(()),
        _ => Err("the type is unknown".to_owned()),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "type": "track", "event": "Call Completed", "userId": "u", "messageId": "m",
            "timestamp": "2026-11-22T12:00:00.000Z", "properties": {}, "context": {"ip": "0.0.0.0"}
        })
    }

    #[test]
    fn an_item_that_segment_drops_is_known_by_its_defect() {
        assert_eq!(check(&good()), Ok(()));
        for (change, named) in [
            (json!({"userId": null}), "neither"),
            (json!({"userId": ""}), "neither"),
            (json!({"userId": 7}), "userId"),
            (json!({"event": null}), "event"),
            (json!({"event": ""}), "event"),
            (json!({"type": "tracked"}), "type"),
            (json!({"type": null}), "type"),
            (json!({"messageId": "m".repeat(100)}), "messageId"),
            (json!({"messageId": ""}), "messageId"),
            (json!({"timestamp": "yesterday"}), "timestamp"),
            (json!({"timestamp": 7}), "timestamp"),
            (json!({"properties": []}), "properties"),
            (json!({"context": "x"}), "context"),
            (json!({"properties": {"text": "x".repeat(32_000)}}), "bytes"),
        ] {
            let mut item = good();
            for (name, value) in change.as_object().unwrap() {
                item[name] = value.clone();
            }
            let reason = check(&item).unwrap_err();
            assert!(reason.contains(named), "{change}: {reason}");
        }
        assert!(check(&json!("text")).is_err());
        let mut anonymous = good();
        anonymous["userId"] = Value::Null;
        anonymous["anonymousId"] = json!("a");
        assert_eq!(check(&anonymous), Ok(()));
    }
}
