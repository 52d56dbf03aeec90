//! The typing indicator: `POST /v2/Indicators/Typing.json`.

use axum::http::StatusCode;
use serde_json::json;

use super::error::{bad, unknown_parameter};
use super::values::{form_of, is_sid, value_of};
use crate::base::time::now_ms;
use crate::feed::Feed;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};

/// Checks a request to show that an answer is being written.
///
/// # Errors
/// The error of Twilio.
pub fn typing<'a>(feed: &'a Feed, call: &Call) -> Result<Prepared<'a>, Reply> {
    let form = form_of(call)?;
    if let Some((name, _)) = form
        .iter()
        .find(|(name, _)| !matches!(name.as_str(), "messageId" | "channel"))
    {
        return Err(unknown_parameter(name));
    }
    let message = value_of(&form, "messageId").unwrap_or_default();
    if !is_sid(message, "SM") && !is_sid(message, "MM") {
        return Err(bad(
            20001,
            "The 'messageId' must be SM or MM and 32 hex digits.",
        ));
    }
    if value_of(&form, "channel") != Some("whatsapp") {
        return Err(bad(20001, "The 'channel' must be whatsapp."));
    }
    let sid = message.to_owned();
    Ok(Prepared::new(move |_| {
        feed.publish("typing", json!({"sid": sid, "at": now_ms()}));
        Reply::json(StatusCode::OK, json!({"success": true}))
    }))
}
