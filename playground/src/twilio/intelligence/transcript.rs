//! One transcript, and how far it is.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::twilio::recordings::Recording;
use crate::twilio::values::rfc3339;

/// A transcript.
pub struct Transcript {
    /// Its SID.
    pub sid: String,
    /// The account.
    pub account: String,
    /// The service that makes it.
    pub service: String,
    /// How many times as fast as in reality it is made.
    pub speed: u32,
    /// When it was created, in milliseconds since 1970.
    pub created_at: u64,
    /// What it is made of.
    pub recording: Arc<Recording>,
    /// The channel as the request has given it.
    pub channel: Value,
    /// The key of the request.
    pub customer_key: Option<String>,
    /// The time of the request.
    pub media_start_time: Option<String>,
}

/// From its creation to its beginning, and to its end.
const BEGINS_MS: u64 = 1500;
pub const DONE_MS: u64 = 6000;

impl Transcript {
    /// Its status at a time.
    pub fn status(&self, now: u64) -> &'static str {
        let passed = now
            .saturating_sub(self.created_at)
            .saturating_mul(self.speed.into());
        match passed {
            ..BEGINS_MS => "queued",
            BEGINS_MS..DONE_MS => "in-progress",
            _ if self.recording.fate.fails => "failed",
            _ => "completed",
        }
    }

    /// The resource at a time.
    pub fn resource(&self, now: u64) -> Value {
        let url = self.url();
        let status = self.status(now);
        let is_done = status == "completed";
        let link = |name: &str| format!("{url}/{name}");
        json!({
            "account_sid": self.account,
            "service_sid": self.service,
            "sid": self.sid,
            "date_created": rfc3339(self.created_at),
            "date_updated": rfc3339(now),
            "status": status,
            "channel": self.channel,
            "data_logging": false,
            "language_code": "en-US",
            "media_start_time": self.media_start_time,
            "duration": if is_done { self.recording.seconds } else { 0 },
            "customer_key": self.customer_key,
            "url": url,
            "redaction": true,
            "encryption_credential_sid": null,
            "links": {
                "sentences": link("Sentences"),
                "encrypted_sentences": link("Sentences/Encrypted"),
                "media": link("Media"),
                "operator_results": link("OperatorResults"),
                "encrypted_operator_results": link("OperatorResults/Encrypted")
            }
        })
    }

    /// Its address at Twilio.
    pub fn url(&self) -> String {
        format!(
            "https://intelligence.twilio.com/v2/Transcripts/{}",
            self.sid
        )
    }
}
