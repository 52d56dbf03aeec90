//! Sending from the page's phones: one message becomes one or more webhooks, as the switches say, and everything that
//! happens to them goes to the feed.
//!
//! How a webhook is signed and posted is in `webhook_client.rs`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exchange::Playground;
use crate::pseudonyms::Pseudonyms;
use crate::random_hex;
use crate::request_log::now_ms;
use crate::twiml;
use crate::webhook::{ACCOUNT_SID, Channel, Inbound};
use crate::webhook_client::{Answer, NoAnswer, PATIENCE, Signed, Webhook, WebhookClient};

/// Everything that the page's phones need to send.
pub struct Outgoing {
    /// The way to the Worker.
    pub carrier: WebhookClient,
    /// What the Worker calls people.
    pub names: Pseudonyms,
    /// What the Worker's admin routes want, if it is known.
    pub admin_token: Option<String>,
    sent: Mutex<VecDeque<Arc<Sent>>>,
    exchanges: AtomicU64,
}

/// A message as the page orders it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    channel: Channel,
    from: String,
    to: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Vec<Attachment>,
}

/// A file that was uploaded before.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    url: String,
    content_type: String,
}

/// A message that was sent, so that it can be sent again.
struct Sent {
    order: Order,
    inbound: Inbound,
    /// The same in every retry.
    delivery: String,
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

/// How many messages can be sent again; the oldest go first.
const KEPT_MESSAGES: usize = 1_000;
/// The longest text that is sent: more than the Worker takes, so that its answer to that can be seen.
const MAX_TEXT: usize = 20_000;
/// The longest address, number or media type.
const MAX_NAME: usize = 100;
const MAX_URL: usize = 2_000;
const MAX_MEDIA: usize = 10;
/// The longest body of an answer that is shown, in characters.
const MAX_SHOWN: usize = 64 * 1024;
/// When Twilio hangs up, with the switch for retries on, and how long it takes to send again.
const HANG_UP: Duration = Duration::from_millis(250);
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Outgoing {
    /// A desk from which nothing was sent yet.
    pub fn new(carrier: WebhookClient, names: Pseudonyms, admin_token: Option<String>) -> Self {
        Self {
            carrier,
            names,
            admin_token,
            sent: Mutex::default(),
            exchanges: AtomicU64::new(0),
        }
    }

    fn keep(&self, sent: Arc<Sent>) {
        let mut kept = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MESSAGES {
            kept.pop_front();
        }
        kept.push_back(sent);
    }

    fn find(&self, sid: &str) -> Option<Arc<Sent>> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .find(|sent| sent.inbound.sid == sid)
            .cloned()
    }
}

/// Sends a message, and returns its sid at once: what becomes of it is told in the feed.
///
/// # Errors
/// A sentence about what is wrong with the order.
pub fn send(playground: &Arc<Playground>, order: Order) -> Result<String, String> {
    check(&order)?;
    let urls = order.media.iter().map(|media| media.url.clone()).collect();
    let mut inbound = Inbound::new(
        order.channel,
        &order.from,
        &order.to,
        &order.text,
        urls,
        None,
    );
    inbound.media_types = order
        .media
        .iter()
        .map(|media| media.content_type.clone())
        .collect();
    let sid = inbound.sid.clone();
    let sent = Arc::new(Sent {
        order,
        inbound,
        delivery: random_hex(),
    });
    playground.outgoing.keep(Arc::clone(&sent));
    let playground = Arc::clone(playground);
    tokio::spawn(async move {
        let switches = playground
            .fault_switches
            .of(&(sent.inbound.from.clone(), sent.inbound.to.clone()));
        let signed = if switches.forged {
            Signed::Forged
        } else {
            Signed::Truly
        };
        let first = deliver(&playground, &sent, Kind::Message, signed, switches.retry);
        if switches.duplicate {
            tokio::join!(
                first,
                deliver(&playground, &sent, Kind::Duplicate, signed, false)
            );
        } else {
            first.await;
        }
        if switches.retry {
            tokio::time::sleep(RETRY_AFTER).await;
            deliver(&playground, &sent, Kind::Retry, signed, false).await;
        }
    });
    Ok(sid)
}

/// Sends the message `sid` again, truly signed and whatever is switched on: the same form under the same name.
///
/// # Errors
/// A sentence, when there is no such message (any more).
pub fn replay(playground: &Arc<Playground>, sid: &str) -> Result<(), String> {
    let sent = playground.outgoing.find(sid).ok_or_else(|| {
        format!("no message {sid:.40} was sent from this playground, or too long ago")
    })?;
    let playground = Arc::clone(playground);
    tokio::spawn(
        async move { deliver(&playground, &sent, Kind::Replay, Signed::Truly, false).await },
    );
    Ok(())
}

fn check(order: &Order) -> Result<(), String> {
    for (name, value) in [("from", &order.from), ("to", &order.to)] {
        if value.trim().is_empty() || value.chars().count() > MAX_NAME {
            return Err(format!("`{name}` must be a number, such as +15550100"));
        }
    }
    if order.text.chars().count() > MAX_TEXT {
        return Err(format!("`text` must have at most {MAX_TEXT} characters"));
    }
    if order.media.len() > MAX_MEDIA {
        return Err(format!("a message carries at most {MAX_MEDIA} files"));
    }
    for media in &order.media {
        let web_address = media.url.starts_with("http://") || media.url.starts_with("https://");
        if !web_address || media.url.len() > MAX_URL {
            return Err("the `url` of a file must be a web address".to_owned());
        }
        if media.content_type.is_empty() || media.content_type.chars().count() > MAX_NAME {
            return Err("the `content_type` of a file is missing or too long".to_owned());
        }
    }
    Ok(())
}

/// Posts one webhook and tells of it. `lost`: Twilio soon hangs up, and its answer is of no use if it came.
async fn deliver(
    playground: &Arc<Playground>,
    sent: &Arc<Sent>,
    kind: Kind,
    signed: Signed,
    lost: bool,
) {
    let outgoing = &playground.outgoing;
    let exchange = outgoing
        .exchanges
        .fetch_add(1, Ordering::Relaxed)
        .saturating_add(1);
    let inbound = &sent.inbound;
    let parameters = inbound.parameters();
    let webhook = outgoing
        .carrier
        .webhook(&parameters, signed, &sent.delivery);
    let request = webhook
        .as_ref()
        .ok()
        .map(|webhook| json!({"method": "POST", "url": webhook.url, "headers": webhook.headers, "parameters": parameters}));
    playground.feed.publish(
        "sent",
        json!({
            "exchange": exchange, "sid": inbound.sid, "kind": kind, "forged": signed == Signed::Forged, "at": now_ms(),
            "from": inbound.from, "to": inbound.to, "text": sent.order.text, "media": sent.order.media, "request": request,
            "name": outgoing.names.pair(&inbound.from, &inbound.to), "phone_hash": outgoing.names.phone_hash(&inbound.from)
        }),
    );
    let clock = Instant::now();
    let answer = match webhook {
        Ok(webhook) => post(playground, webhook, if lost { HANG_UP } else { PATIENCE }).await,
        Err(error) => Err(NoAnswer::Broken(error.to_string())),
    };
    let took_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let (Ok(answer), false) = (&answer, lost) {
        list_replies(playground, inbound, answer);
    }
    let mut told = match answer {
        Ok(answer) => shown(&answer),
        Err(reason) => json!({"problem": problem(&reason, outgoing.carrier.worker(), lost)}),
    };
    if let Some(fields) = told.as_object_mut() {
        fields.insert("exchange".to_owned(), exchange.into());
        fields.insert("took_ms".to_owned(), took_ms.into());
        fields.insert("lost".to_owned(), lost.into());
        fields.insert("at".to_owned(), now_ms().into());
    }
    playground.feed.publish("answered", told);
}

async fn post(
    playground: &Arc<Playground>,
    webhook: Webhook,
    patience: Duration,
) -> Result<Answer, NoAnswer> {
    let playground = Arc::clone(playground);
    let posted =
        tokio::task::spawn_blocking(move || playground.outgoing.carrier.post(&webhook, patience))
            .await;
    posted.unwrap_or_else(|error| Err(NoAnswer::Broken(error.to_string())))
}

/// What a webhook was answered is a message of its own in Twilio's list.
fn list_replies(playground: &Playground, inbound: &Inbound, answer: &Answer) {
    if answer.status != 200 {
        return;
    }
    let Ok(read) = twiml::read(answer.content_type().as_deref(), &answer.body) else {
        return;
    };
    for message in read.messages {
        playground
            .outbox
            .add_reply(ACCOUNT_SID, &inbound.to, &inbound.from, &message.text);
    }
}

/// An answer, and what Twilio makes of it.
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
    let mut fields = json!({"status": answer.status, "headers": headers, "body": text.chars().take(MAX_SHOWN).collect::<String>()});
    let more = if answer.status == 200 {
        match twiml::read(answer.content_type().as_deref(), &answer.body) {
            Ok(twiml::Answer { messages, redirect }) => {
                let messages: Vec<Value> = messages
                    .into_iter()
                    .map(|message| json!({"text": message.text, "media": message.media}))
                    .collect();
                json!({"messages": messages, "redirect": redirect})
            }
            Err(complaint) => {
                json!({"complaint": {"code": complaint.code, "reason": complaint.reason}})
            }
        }
    } else {
        json!({"complaint": {"code": 11200, "reason": format!("the Worker answered {}", answer.status)}})
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    fields
}

fn problem(reason: &NoAnswer, worker: &str, lost: bool) -> String {
    match reason {
        NoAnswer::TimedOut if lost => format!("Twilio hung up after {} ms", HANG_UP.as_millis()),
        NoAnswer::TimedOut => format!(
            "no answer within {} s: Twilio has given up, and would report 11200",
            PATIENCE.as_secs()
        ),
        NoAnswer::NotListening => format!("nothing is listening at {worker}: start the Worker"),
        NoAnswer::Broken(error) => format!("no answer from {worker}: {error} (Twilio: 11200)"),
    }
}
