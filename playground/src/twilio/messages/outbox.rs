//! The messages that were sent.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use serde_json::{Map, Value, json};

use crate::base::address::WHATSAPP;
use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::fault::BodyFault;
use crate::request_log::KEPT;
use crate::twilio::text::segments;
use crate::twilio::values::rfc2822;

/// The newest [`KEPT`] messages, oldest first.
#[derive(Default)]
pub struct Outbox(Mutex<VecDeque<Message>>);

impl Outbox {
    /// The messages that the API created at or after `since`, in milliseconds since 1970. Each has
    /// the fields of the API, the time when it was accepted, and the parameters of its request. They
    /// are in the order in which they arrive at the phones.
    pub fn list(&self, since: u64) -> Vec<Value> {
        let messages = self.lock();
        let listed = |message: &&Message| {
            message.direction == Direction::Api && message.accepted_at >= since
        };
        as_they_arrive(messages.iter().filter(listed).collect())
            .into_iter()
            .map(|message| {
                let mut shown = message.resource(Stage::Delivered);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("received_at".to_owned(), message.accepted_at.into());
                    fields.insert("parameters".to_owned(), message.parameters.clone().into());
                }
                shown
            })
            .collect()
    }

    /// Adds a text from the answer to a webhook. Twilio lists it like any other message, as a
    /// reply. Returns its SID.
    pub fn add_reply(&self, account: &str, from: &str, to: &str, body: &str) -> String {
        let sid = format!("SM{}", random_hex());
        self.add(Message {
            sid: sid.clone(),
            account: account.to_owned(),
            to: to.to_owned(),
            from: Some(from.to_owned()),
            messaging_service: None,
            body: body.to_owned(),
            shown_body: None,
            listed_after: 0,
            media: 0,
            accepted_at: now_ms(),
            direction: Direction::Reply,
            parameters: Map::new(),
        });
        sid
    }

    /// Adds a message.
    pub fn add(&self, message: Message) {
        push_newest(&mut self.lock(), message, KEPT);
    }

    /// All messages.
    pub fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        lock(&self.0)
    }
}

/// How long after its creation a message is listed that is listed late.
const LIST_LAG_MS: u64 = 10_000;
/// Messages to one phone that are created within this time arrive in another order.
const SHUFFLED_WITHIN_MS: u64 = 1000;

/// The messages in the order in which they arrive. Twilio sends messages that are created within a
/// second in any order: here the last one first.
fn as_they_arrive(mut messages: Vec<&Message>) -> Vec<&Message> {
    let mut phones: Vec<&str> = messages.iter().map(|message| message.to.as_str()).collect();
    phones.sort_unstable();
    phones.dedup();
    for phone in phones {
        let is_to = |message: &&&Message| message.to == phone;
        let own: Vec<&Message> = messages.iter().filter(is_to).copied().collect();
        let mut shuffled = own
            .chunk_by(|one, next| {
                next.accepted_at < one.accepted_at.saturating_add(SHUFFLED_WITHIN_MS)
            })
            .flat_map(|together| together.iter().rev().copied());
        for message in messages.iter_mut().filter(|message| message.to == phone) {
            if let Some(next) = shuffled.next() {
                *message = next;
            }
        }
    }
    messages
}

/// A text after Smart Encoding, for the usual marks.
fn smart_encoded(text: &str) -> String {
    text.replace(['“', '”'], "\"")
        .replace(['‘', '’'], "'")
        .replace(['–', '—'], "-")
        .replace('…', "...")
}

/// A message that was sent.
pub struct Message {
    /// Its SID.
    pub sid: String,
    /// The SID of its account.
    pub account: String,
    /// The recipient.
    pub to: String,
    /// The sender, unless a Messaging Service chooses it.
    pub from: Option<String>,
    /// The SID of the Messaging Service.
    pub messaging_service: Option<String>,
    /// The text.
    pub body: String,
    /// The text that is shown afterwards, if it was changed.
    pub shown_body: Option<String>,
    /// How long after its creation the list shows it, in milliseconds.
    pub listed_after: u64,
    /// How many files are attached.
    pub media: usize,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: u64,
    /// Where it came from.
    pub direction: Direction,
    /// The parameters of the request that created it.
    pub parameters: Map<String, Value>,
}

/// Where an outgoing message came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A request to the API.
    Api,
    /// The answer to a webhook.
    Reply,
}

impl Direction {
    fn name(self) -> &'static str {
        match self {
            Self::Api => "outbound-api",
            Self::Reply => "outbound-reply",
        }
    }
}

/// The stages of a message. It is delivered as soon as it was created.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// In the answer to the request that creates it.
    Created,
    /// In every later answer.
    Delivered,
}

impl Message {
    /// Does to the message what Twilio does to messages of some accounts.
    pub fn alter(&mut self, fault: Option<BodyFault>) {
        self.shown_body = match fault {
            Some(BodyFault::Trial) => Some(format!(
                "Sent from your Twilio trial account - {}",
                self.body
            )),
            Some(BodyFault::Redacted) => Some(String::new()),
            Some(BodyFault::SmartEncoded) => Some(smart_encoded(&self.body)),
            _ => None,
        };
        if fault == Some(BodyFault::ListedLate) {
            self.listed_after = LIST_LAG_MS;
        }
    }

    /// The message as the API shows it.
    pub fn resource(&self, stage: Stage) -> Value {
        let date = rfc2822(self.accepted_at);
        let uri = format!(
            "/2010-04-01/Accounts/{}/Messages/{}",
            self.account, self.sid
        );
        let status = match (stage, &self.messaging_service) {
            (Stage::Created, Some(_)) => "accepted",
            (Stage::Created, None) => "queued",
            (Stage::Delivered, _) => "delivered",
        };
        json!({
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": self.shown_body.as_ref().unwrap_or(&self.body),
            "date_created": date,
            "date_sent": (stage == Stage::Delivered).then_some(&date),
            "date_updated": date,
            "direction": self.direction.name(),
            "error_code": null,
            "error_message": null,
            "from": self.from,
            "messaging_service_sid": self.messaging_service,
            "num_media": self.media.to_string(),
            "num_segments": self.segments().to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": status,
            "subresource_uris": {"media": format!("{uri}/Media.json")},
            "to": self.to,
            "uri": format!("{uri}.json")
        })
    }

    fn segments(&self) -> usize {
        if self.to.starts_with(WHATSAPP) {
            1
        } else {
            segments(&self.body)
        }
    }
}
