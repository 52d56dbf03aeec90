//! The typing indicator: `POST /v3/Indicators/Typing.json`, as JSON.
//!
//! The version before it, a form to `/v2`, is refused as Twilio refuses it for many accounts
//! (twilio-node #1160).

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::bad;
use super::messages::Outbox;
use super::values::{is_e164, is_sid};
use crate::base::address::RCS;
use crate::base::time::now_ms;
use crate::feed::Feed;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};

/// The refusal of the version before.
pub fn old_version() -> Reply {
    bad(400, "invalid or incomplete inbound data in MDR")
}

/// Checks a request to show that an answer is being written.
///
/// # Errors
/// The error of Twilio.
pub fn typing<'a>(feed: &'a Feed, outbox: &Outbox, call: &Call) -> Result<Prepared<'a>, Reply> {
    let body: Value = serde_json::from_slice(&call.body)
        .ok()
        .filter(|_| call.content_type() == "application/json")
        .ok_or_else(|| bad(20001, "The body must be JSON."))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let event = match text("channel") {
        "WHATSAPP" => whatsapp(text("messageId"), outbox)?,
        "RCS" => rcs(text("from"), text("to"), text("event"))?,
        _ => return Err(bad(20001, "The 'channel' must be WHATSAPP or RCS.")),
    };
    Ok(Prepared::new(move |_| {
        feed.publish("typing", event);
        Reply::json(StatusCode::OK, json!({"success": true}))
    }))
}

fn whatsapp(message: &str, outbox: &Outbox) -> Result<Value, Reply> {
    if !is_sid(message, "SM") && !is_sid(message, "MM") {
        return Err(bad(
            20001,
            "The 'messageId' must be SM or MM and 32 hex digits.",
        ));
    }
    if outbox.lock().iter().any(|sent| sent.sid == message) {
        return Err(bad(
            20422,
            "The 'messageId' must be of an incoming message.",
        ));
    }
    Ok(json!({"sid": message, "at": now_ms()}))
}

fn rcs(from: &str, to: &str, event: &str) -> Result<Value, Reply> {
    let agent = from.strip_prefix(RCS).unwrap_or_default();
    if agent.is_empty() {
        return Err(bad(20001, "The 'from' must match rcs:<agent_id>."));
    }
    if !to.strip_prefix(RCS).is_some_and(is_e164) {
        return Err(bad(20001, "The 'to' must match rcs:<number>."));
    }
    if !matches!(event, "START" | "STOP") {
        return Err(bad(20001, "The 'event' must be START or STOP."));
    }
    Ok(json!({"from": from, "to": to, "at": now_ms()}))
}
