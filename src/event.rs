//! The vocabulary of the log: everything that is ever logged, one JSON object a line.
//!
//! No event can hold an address, a name, a text, a token or a URL's query: the types here have no place for them. Security
//! events have the form `{"event":"security_event","phone_hash":"<8 hex>","details":{"kind":…},"time":…}`.

use serde::Serialize;

use crate::{
    message::DeliveryStatus,
    platform::{Clock, Log},
    pseudonym::PhoneHash,
    sender::{DailyLimit, Erased},
};

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something that a security review would ask for.
    #[serde(rename = "security_event")]
    Security {
        /// The sender, as far as known.
        phone_hash: PhoneHash,
        /// What happened.
        details: Security,
    },
    /// A turn has ended.
    Turn(TurnEnded),
    /// A part of a late answer has come to its end.
    LatePart {
        /// The sender.
        phone_hash: PhoneHash,
        /// What became of it: `sent`, `refused`, `unknown`, `undeliverable`.
        outcome: &'static str,
        /// Twilio's error code, when it was refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// Twilio reports what became of a message that was sent by REST.
    Delivery {
        /// Whom it was sent to.
        phone_hash: PhoneHash,
        /// What became of it.
        status: DeliveryStatus,
        /// Twilio's error code, if it did not arrive.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<u32>,
    },
    /// A sender has said whether it may be sent anything.
    Consent {
        /// The sender.
        phone_hash: PhoneHash,
        /// `opted_out` or `opted_in`.
        state: &'static str,
        /// Messages that will not be answered for it.
        dropped_messages: usize,
        /// Parts of late answers that will not be sent for it.
        dropped_parts: usize,
    },
    /// A message of a sender that is opted out was not read.
    MessageIgnored {
        /// The sender.
        phone_hash: PhoneHash,
    },
    /// What was kept of a sender is erased.
    Erased {
        /// The sender.
        phone_hash: PhoneHash,
        /// Who asked for it: `sender` or `operator`.
        by: &'static str,
        /// What there was.
        erased: Erased,
    },
    /// An operator has begun the day's budget anew.
    BudgetReset {
        /// Requests to the model that were counted until then.
        model_requests: u32,
        /// Messages by REST that were counted until then.
        messages_sent: u32,
        /// Whether the count was unreadable, and the day closed.
        budget_unreadable: bool,
    },
    /// A stored conversation could not be used, and was treated as empty.
    ConversationUnreadable {
        /// Why: `corrupt`, `unknown_version`, `missing`, `kv_failed`, `storage_failed`.
        reason: &'static str,
    },
    /// KV did not do its work; what was to be written is kept, and tried again.
    KvFailed {
        /// `put` or `delete`.
        operation: &'static str,
    },
    /// An object or its storage did not do its work.
    ObjectFailed {
        /// `sender`, `budget`, `tries`.
        object: &'static str,
        /// The platform's words, which name no data.
        reason: String,
    },
    /// Something that cannot happen by the code's own rules did.
    InternalError {
        /// A label of ours.
        reason: &'static str,
    },
}

/// The kinds of security event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Security {
    /// A sender wrote more than the limit.
    RateLimitExceeded {
        /// Messages a minute that are taken in.
        limit: u32,
        /// Whether the sender was told this time.
        told: bool,
    },
    /// A limit of the UTC day kept a message from being answered by the model, or at all.
    DailyLimitReached {
        /// `calls_per_contact`, `calls`, `messages` or `fixed_replies`.
        limit: DailyLimit,
        /// Whether the sender was told this time.
        told: bool,
    },
    /// A request to an admin route had a wrong token.
    AdminRefused {
        /// `wrong_token`, or `locked` after too many of them.
        reason: &'static str,
    },
    /// A request to a Twilio route was not signed by Twilio.
    InvalidSignature {
        /// `missing`, `malformed` or `mismatch`.
        reason: String,
    },
    /// A Twilio route was called while settings are missing or wrong.
    ConfigurationInvalid {
        /// Their names.
        settings: Vec<&'static str>,
    },
    /// A signed request without the form that Twilio's have.
    SuspiciousRequest {
        /// The field.
        field: &'static str,
        /// `missing`, `malformed` or `repeated`.
        problem: &'static str,
    },
}

/// How a turn ended, and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnEnded {
    /// The sender.
    pub phone_hash: PhoneHash,
    /// `answered`, `reset`, `failed` or `cancelled`.
    pub outcome: &'static str,
    /// Why it failed, or what was unusual about the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'static str>,
    /// `inline`, when a webhook carries the answer, `late`, when REST does, or `none`, when nothing is sent.
    pub delivery: &'static str,
    /// How many messages were answered together.
    pub messages: usize,
    /// The segments of the answer, if it is an SMS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<usize>,
    /// From the first of them to the answer.
    pub duration_ms: u64,
    /// Of that, the time spent on the model, retries and waits included.
    pub model_ms: u64,
    /// Requests made to OpenAI.
    pub model_requests: u32,
    /// Tokens of the requests, as far as OpenAI told them. A failed turn may have cost some too.
    pub prompt_tokens: u64,
    /// Tokens of the answers, those of the model's reasoning included.
    pub completion_tokens: u64,
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'l> {
    #[serde(flatten)]
    event: &'l Event,
    /// RFC 3339 in UTC.
    time: &'l str,
}

/// Writes one event, with the time.
pub fn log(platform: &(impl Clock + Log), event: &Event) {
    let time = platform.now().to_string();
    // An error in the log must never become an error for a user: what cannot be written is said in a fixed line.
    let text = serde_json::to_string(&Line { event, time: &time }).unwrap_or_else(|_| {
        format!(r#"{{"event":"internal_error","reason":"log_line","time":"{time}"}}"#)
    });
    platform.write(&text);
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::platform::UnixMillis;

    #[derive(Default)]
    struct Recorder(RefCell<Vec<String>>);

    impl Clock for Recorder {
        fn now(&self) -> UnixMillis {
            UnixMillis(0)
        }
        async fn sleep(&self, _: std::time::Duration) {}
    }

    impl Log for Recorder {
        fn write(&self, line: &str) {
            self.0.borrow_mut().push(line.to_owned());
        }
    }

    fn line(event: &Event) -> String {
        let recorder = Recorder::default();
        log(&recorder, event);
        recorder.0.take().concat()
    }

    #[test]
    fn security_events_have_the_promised_form() {
        let security = |details| {
            line(&Event::Security {
                phone_hash: PhoneHash::nobody(),
                details,
            })
        };
        assert_eq!(
            security(Security::RateLimitExceeded {
                limit: 10,
                told: true
            }),
            r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"rate_limit_exceeded","limit":10,"told":true},"time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(
            security(Security::InvalidSignature {
                reason: "mismatch".into()
            }),
            r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"invalid_signature","reason":"mismatch"},"time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(
            security(Security::ConfigurationInvalid {
                settings: vec!["PSEUDONYM_KEY"]
            }),
            r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"configuration_invalid","settings":["PSEUDONYM_KEY"]},"time":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(
            security(Security::SuspiciousRequest {
                field: "From",
                problem: "malformed"
            }),
            r#"{"event":"security_event","phone_hash":"00000000","details":{"kind":"suspicious_request","field":"From","problem":"malformed"},"time":"1970-01-01T00:00:00.000Z"}"#
        );
    }

    #[test]
    fn an_event_is_one_line_whatever_the_platform_says() {
        let text = line(&Event::ObjectFailed {
            object: "sender",
            reason: "two\nlines".into(),
        });
        assert!(!text.contains('\n'));
        assert!(text.starts_with(r#"{"event":"object_failed","object":"sender","#));
    }
}
