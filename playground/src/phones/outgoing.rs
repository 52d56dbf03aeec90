//! Sending from the phones of the page and of the terminal. One message of the page becomes one or more
//! webhooks, as the switches say. The feed gets an event for each webhook and for its answer.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::new_message::{Attachment, NewMessage};
use super::switches::FaultSwitches;
use crate::base::random::random_hex;
use crate::base::shared::{lock, push_newest};
use crate::base::time::{elapsed_ms, now_ms};
use crate::feed::Feed;
use crate::twilio::media_store::ACCOUNT_SID;
use crate::twilio::messages::Outbox;
use crate::webhook::client::{ANSWER_TIMEOUT, Answer, NoAnswer, Signature, Webhook, WebhookClient};
use crate::webhook::pseudonyms::Pseudonyms;
use crate::webhook::twiml;

/// Sends messages for the phones.
pub struct Outgoing {
    /// The client of the Worker.
    pub client: WebhookClient,
    /// The pseudonyms of the contacts.
    pub pseudonyms: Arc<Pseudonyms>,
    /// The faults that are switched on.
    pub switches: Arc<FaultSwitches>,
    /// The messages of Twilio, which get the texts of the answers.
    pub outbox: Arc<Outbox>,
    /// The events for the page.
    pub feed: Arc<Feed>,
    /// What has been sent.
    pub history: History,
}

/// The newest messages, which can be sent again.
#[derive(Default)]
pub struct History {
    sent: Mutex<VecDeque<Arc<Sent>>>,
    exchanges: AtomicU64,
}

impl History {
    /// The number of the next exchange with the Worker.
    pub fn next_exchange(&self) -> u64 {
        let exchanges = self.exchanges.fetch_add(1, Ordering::Relaxed);
        exchanges.saturating_add(1)
    }
}

impl Outgoing {
    /// Starts to send a message, and returns its SID. The feed has all that follows.
    ///
    /// # Errors
    /// A sentence that says why the message is rejected.
    pub fn send(self: &Arc<Self>, message: NewMessage) -> Result<String, String> {
        message.check()?;
        let inbound = message.inbound();
        let sid = inbound.sid.clone();
        let sent = self.keep(Sent {
            parameters: inbound.parameters(),
            text: inbound.shown_text().to_owned(),
            sid: inbound.sid,
            from: inbound.from,
            to: inbound.to,
            media: message.media,
            idempotency_token: random_hex(),
        });
        let outgoing = Arc::clone(self);
        tokio::spawn(async move { outgoing.post_with_faults(&sent).await });
        Ok(sid)
    }

    /// Posts a message of the phone in the terminal, and returns what the feed says of the answer. Fault
    /// switches have no effect. `None`: the terminal would post another webhook, to another Worker or with
    /// another token. Then it posts by itself.
    pub async fn deliver(self: &Arc<Self>, signed: SignedMessage) -> Option<Value> {
        let SignedMessage {
            signature,
            worker,
            message,
        } = signed;
        let url = self.client.messages_url();
        let own = self
            .client
            .signature(&url, &message.parameters, Signature::Genuine)
            .ok()?;
        if own != signature || worker != self.client.worker() {
            return None;
        }
        let sent = self.keep(message);
        let post = Post::new(Kind::Message, Signature::Genuine);
        Some(self.post(&sent, post).await)
    }

    /// Keeps a message, so that it can be sent again.
    fn keep(&self, sent: Sent) -> Arc<Sent> {
        let sent = Arc::new(sent);
        push_newest(
            &mut lock(&self.history.sent),
            Arc::clone(&sent),
            KEPT_MESSAGES,
        );
        sent
    }

    /// Sends the message `sid` again: the same form with the same SID and a genuine signature.
    /// Fault switches have no effect.
    ///
    /// # Errors
    /// A sentence that says that there is no such message.
    pub fn replay(self: &Arc<Self>, sid: &str) -> Result<(), String> {
        let sent = lock(&self.history.sent)
            .iter()
            .find(|sent| sent.sid == sid)
            .cloned();
        let sent = sent.ok_or_else(|| {
            format!("no message {sid:.40} was sent from this playground, or too long ago")
        })?;
        let outgoing = Arc::clone(self);
        tokio::spawn(async move {
            let replay = Post::new(Kind::Replay, Signature::Genuine);
            outgoing.post(&sent, replay).await;
        });
        Ok(())
    }

    /// Posts a message as often as the switches of its phone say.
    async fn post_with_faults(self: &Arc<Self>, sent: &Arc<Sent>) {
        let pair = (sent.from.clone(), sent.to.clone());
        let switches = self.switches.of(&pair);
        let signature = if switches.forged {
            Signature::Forged
        } else {
            Signature::Genuine
        };
        let first = Post {
            answer_lost: switches.retry,
            ..Post::new(Kind::Message, signature)
        };
        if switches.duplicate {
            let duplicate = Post::new(Kind::Duplicate, signature);
            tokio::join!(self.post(sent, first), self.post(sent, duplicate));
        } else {
            self.post(sent, first).await;
        }
        if switches.retry {
            tokio::time::sleep(RETRY_AFTER).await;
            self.post(sent, Post::new(Kind::Retry, signature)).await;
        }
    }

    /// Posts one webhook, and publishes it and its answer. Returns what is published of the answer.
    async fn post(self: &Arc<Self>, sent: &Arc<Sent>, post: Post) -> Value {
        let exchange = self.history.next_exchange();
        let parameters = &sent.parameters;
        let webhook = self
            .client
            .webhook(parameters, post.signature, &sent.idempotency_token);
        let request = webhook.as_ref().ok().map(|webhook| {
            json!({
                "method": "POST",
                "url": webhook.url,
                "headers": webhook.headers,
                "parameters": parameters
            })
        });
        let event = json!({
            "exchange": exchange,
            "sid": sent.sid,
            "kind": post.kind,
            "forged": post.signature == Signature::Forged,
            "at": now_ms(),
            "from": sent.from,
            "to": sent.to,
            "text": sent.text,
            "media": sent.media,
            "request": request,
            "name": self.pseudonyms.pair(&sent.from, &sent.to),
            "phone_hash": self.pseudonyms.phone_hash(&sent.from)
        });
        self.feed.publish("sent", event);
        let start = Instant::now();
        let timeout = if post.answer_lost {
            HANG_UP
        } else {
            ANSWER_TIMEOUT
        };
        let answer = match webhook {
            Ok(webhook) => self.answer(webhook, timeout).await,
            Err(error) => Err(NoAnswer::Broken(error.to_string())),
        };
        let took_ms = elapsed_ms(start);
        let mut event = match &answer {
            Ok(answer) => {
                let sids = if post.answer_lost {
                    Vec::new()
                } else {
                    self.list_replies(sent, answer)
                };
                let mut shown = shown(answer);
                if let Some(fields) = shown.as_object_mut() {
                    fields.insert("sids".to_owned(), sids.into());
                }
                shown
            }
            Err(reason) => {
                json!({
                    "problem": problem(reason, self.client.worker(), post.answer_lost),
                    "listens": *reason != NoAnswer::NotListening
                })
            }
        };
        if let Some(fields) = event.as_object_mut() {
            fields.insert("exchange".to_owned(), exchange.into());
            fields.insert("took_ms".to_owned(), took_ms.into());
            fields.insert("lost".to_owned(), post.answer_lost.into());
            fields.insert("at".to_owned(), now_ms().into());
        }
        self.feed.publish("answered", event.clone());
        event
    }

    async fn answer(
        self: &Arc<Self>,
        webhook: Webhook,
        timeout: Duration,
    ) -> Result<Answer, NoAnswer> {
        let outgoing = Arc::clone(self);
        let posted =
            tokio::task::spawn_blocking(move || outgoing.client.post(&webhook, timeout)).await;
        posted.unwrap_or_else(|error| Err(NoAnswer::Broken(error.to_string())))
    }

    /// Adds the messages in the answer to the messages of Twilio, and returns their SIDs.
    fn list_replies(&self, sent: &Sent, answer: &Answer) -> Vec<String> {
        if answer.status != 200 {
            return Vec::new();
        }
        let Ok(read) = twiml::read(answer.content_type().as_deref(), &answer.body) else {
            return Vec::new();
        };
        let messages = read.messages.into_iter();
        messages
            .map(|message| {
                self.outbox
                    .add_reply(ACCOUNT_SID, &sent.to, &sent.from, &message.text)
            })
            .collect()
    }
}

/// A message of the phone in the terminal, with the webhook that it would post by itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedMessage {
    signature: String,
    /// The origin of the Worker.
    worker: String,
    message: Sent,
}

/// A message that was sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    sid: String,
    from: String,
    to: String,
    /// What the person sees of it.
    text: String,
    media: Vec<Attachment>,
    /// The form of the webhook.
    parameters: Vec<(String, String)>,
    /// The same in every retry.
    idempotency_token: String,
}

/// How a webhook is posted.
#[derive(Clone, Copy)]
struct Post {
    kind: Kind,
    signature: Signature,
    /// Twilio hangs up early, and ignores an answer that comes before.
    answer_lost: bool,
}

impl Post {
    fn new(kind: Kind, signature: Signature) -> Self {
        Self {
            kind,
            signature,
            answer_lost: false,
        }
    }
}

/// Why a webhook is posted.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Message,
    Duplicate,
    Retry,
    Replay,
}

/// How many messages can be sent again. The oldest are dropped first.
const KEPT_MESSAGES: usize = 1_000;
/// How much of an answer is shown, in characters.
const MAX_SHOWN: usize = 64 * 1024;
/// When Twilio hangs up if the switch `retry` is on, and when it sends the message again.
const HANG_UP: Duration = Duration::from_millis(250);
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// An answer, and what Twilio reads in it.
fn shown(answer: &Answer) -> Value {
    let text = String::from_utf8_lossy(&answer.body);
    let headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.to_string(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    let body: String = text.chars().take(MAX_SHOWN).collect();
    let mut fields = json!({"status": answer.status, "headers": headers, "body": body});
    let more = if answer.status == 200 {
        match twiml::read(answer.content_type().as_deref(), &answer.body) {
            Ok(twiml::Answer { messages, redirect }) => {
                let messages: Vec<Value> = messages
                    .into_iter()
                    .map(|message| json!({"text": message.text, "media": message.media}))
                    .collect();
                json!({"messages": messages, "redirect": redirect})
            }
            Err(error) => twilio_error(error.code, &error.reason),
        }
    } else {
        twilio_error(11200, &format!("the Worker answered {}", answer.status))
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}

/// An error that Twilio would report.
fn twilio_error(code: u32, reason: &str) -> Value {
    json!({"twilio_error": {"code": code, "reason": reason}})
}

/// Why there is no answer, in words.
fn problem(reason: &NoAnswer, worker: &str, lost: bool) -> String {
    match reason {
        NoAnswer::TimedOut if lost => format!("Twilio hung up after {} ms", HANG_UP.as_millis()),
        NoAnswer::TimedOut => format!(
            "no answer within {} s: Twilio has given up, and would report 11200",
            ANSWER_TIMEOUT.as_secs()
        ),
        NoAnswer::NotListening => format!("nothing is listening at {worker}: start the Worker"),
        NoAnswer::Broken(error) => format!("no answer from {worker}: {error} (Twilio: 11200)"),
    }
}
