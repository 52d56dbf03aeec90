//! The request for a transcript.

use std::sync::Arc;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use super::service::Service;
use crate::http::call::Call;
use crate::http::reply::Reply;
use crate::twilio::error::{bad, missing, unknown_parameter};
use crate::twilio::recordings::{Recording, Recordings};
use crate::twilio::values::{form_of, is_sid, value_of};

/// What is wanted.
pub struct Wanted {
    /// The recording.
    pub recording: Arc<Recording>,
    /// The channel as it is given.
    pub channel: Value,
    /// A key of the account's own.
    pub customer_key: Option<String>,
    /// When the recording began.
    pub media_start_time: Option<String>,
}

/// The parameter `Channel`, as far as Twilio documents it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channel {
    media_properties: Media,
    #[serde(default)]
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Media {
    source_sid: Option<String>,
    media_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "these fields are only checked")]
struct Participant {
    #[serde(rename = "channel_participant")]
    channel: u8,
    role: Option<String>,
    user_id: Option<String>,
    media_participant_id: Option<String>,
    full_name: Option<String>,
    email: Option<String>,
    image_url: Option<String>,
}

/// The longest key, in characters.
const MAX_KEY: usize = 64;
const PARAMETERS: [&str; 4] = ["ServiceSid", "Channel", "CustomerKey", "MediaStartTime"];

/// Reads a request.
///
/// # Errors
/// The error of Twilio about the first parameter that it would reject.
pub fn read(service: &Service, recordings: &Recordings, call: &Call) -> Result<Wanted, Reply> {
    let form = form_of(call)?;
    for (index, (name, _)) in form.iter().enumerate() {
        if !PARAMETERS.contains(&name.as_str()) {
            return Err(unknown_parameter(name));
        }
        if form.iter().take(index).any(|(other, _)| other == name) {
            let message = format!("The parameter {name} is given more than once.");
            return Err(bad(20001, &message));
        }
    }
    let value = |name: &str| value_of(&form, name);
    let wanted = value("ServiceSid").ok_or_else(|| bad(20001, "A 'ServiceSid' is required."))?;
    if !is_sid(wanted, "GA") {
        return Err(bad(20001, "The 'ServiceSid' must be GA and 32 hex digits."));
    }
    if wanted != service.sid {
        return Err(missing(&format!("There is no service {wanted}.")));
    }
    let channel = value("Channel").ok_or_else(|| bad(20001, "A 'Channel' is required."))?;
    let (source, channel) = source_of(channel)?;
    let customer_key = value("CustomerKey");
    if customer_key.is_some_and(|key| key.chars().count() > MAX_KEY) {
        return Err(bad(
            20001,
            "The 'CustomerKey' is longer than 64 characters.",
        ));
    }
    let media_start_time = value("MediaStartTime");
    if media_start_time.is_some_and(|time| DateTime::parse_from_rfc3339(time).is_err()) {
        return Err(bad(20001, "The 'MediaStartTime' is no time in ISO 8601."));
    }
    let recording = recordings.find(&source);
    Ok(Wanted {
        recording: recording
            .ok_or_else(|| missing(&format!("There is no completed recording {source}.")))?,
        channel,
        customer_key: customer_key.map(str::to_owned),
        media_start_time: media_start_time.map(str::to_owned),
    })
}

/// The SID of the recording in a channel, and the channel.
fn source_of(text: &str) -> Result<(String, Value), Reply> {
    let wrong = |reason: &str| bad(20001, &format!("The 'Channel' cannot be used: {reason}."));
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    let channel = Channel::deserialize(&value).map_err(|error| wrong(&error.to_string()))?;
    for participant in &channel.participants {
        if !matches!(participant.channel, 1 | 2) {
            return Err(wrong("a channel_participant is 1 or 2"));
        }
        if participant.role.as_ref().is_some_and(String::is_empty) {
            return Err(wrong("a role is empty"));
        }
    }
    match (
        channel.media_properties.source_sid,
        channel.media_properties.media_url,
    ) {
        (Some(source), None) if is_sid(&source, "RE") => Ok((source, value)),
        (Some(_), None) => Err(wrong("the source_sid must be RE and 32 hex digits")),
        (None, Some(_)) => Err(wrong("the playground fetches no media_url")),
        _ => Err(wrong("media_properties needs a source_sid")),
    }
}
