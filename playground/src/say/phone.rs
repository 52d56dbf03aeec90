//! The phone in the terminal: it sends a message, and gets what answers it.
//!
//! It sends through the playground if that one would post the same webhook, so that the page shows the
//! message, too. Not here: what is printed of it (`say`, `chat`, `script`).

use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::bubble::printable;
use crate::base::random::random_hex;
use crate::base::time::now_ms;
use crate::webhook::client::{ANSWER_TIMEOUT, Answer, NoAnswer, Signature, WebhookClient};
use crate::webhook::inbound::{Inbound, new_sid};
use crate::webhook::twiml::{self, Message};

/// Why there is no answer to show.
pub enum Failure {
    /// Nothing was sent.
    NotSent(String),
    /// Twilio would not accept the answer.
    BadAnswer(String),
}

impl Failure {
    /// The sentence.
    pub fn reason(&self) -> &str {
        match self {
            Self::NotSent(reason) | Self::BadAnswer(reason) => reason,
        }
    }
}

/// The answer in the webhook's response.
pub struct Answered {
    /// Its status and how long it took.
    pub took: String,
    /// Its messages, or why Twilio would not accept it.
    pub read: Result<twiml::Answer, Failure>,
}

/// A phone, and what it sends with.
pub struct Phone {
    /// The client of the Worker.
    pub client: WebhookClient,
    /// The origin of the playground.
    pub playground: String,
}

/// The checked options: who writes to whom, and by which phone.
pub struct Conversation {
    /// The phone.
    pub phone: Phone,
    /// Whether to wait for answers that are sent by REST.
    pub waits: bool,
    /// A message without a text.
    pub template: Inbound,
    /// The SID that the message gets in place of a new one.
    pub sid: Option<String>,
}

impl Conversation {
    /// A message with this text.
    pub fn message(&self, text: &str) -> Inbound {
        let template = self.template.clone();
        let sid = self.sid.clone();
        Inbound {
            text: text.to_owned(),
            sid: sid.unwrap_or_else(|| new_sid(&template.media)),
            ..template
        }
    }
}

/// Twilio's time limit, and some more: the playground keeps that limit.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

impl Phone {
    /// Sends a message, and waits for the answer of the webhook.
    ///
    /// # Errors
    /// Why there is none.
    pub fn send(&self, inbound: &Inbound) -> Result<Answered, Failure> {
        let start = Instant::now();
        let parameters = inbound.parameters();
        let idempotency_token = random_hex();
        let answer = match self.deliver(inbound, &parameters, &idempotency_token) {
            Some(answer) => answer?,
            None => self.post(&parameters, &idempotency_token)?,
        };
        let took = format!("{} in {} ms", answer.status, start.elapsed().as_millis());
        let read = read(&answer);
        Ok(Answered { took, read })
    }

    /// Posts the webhook through the playground. `None`: there is none, or it would post another one.
    fn deliver(
        &self,
        inbound: &Inbound,
        parameters: &[(String, String)],
        idempotency_token: &str,
    ) -> Option<Result<Answer, Failure>> {
        let url = self.client.messages_url();
        let signature = self
            .client
            .signature(&url, parameters, Signature::Genuine)
            .ok()?;
        let media: Vec<Value> = inbound
            .media
            .iter()
            .zip(&inbound.media_types)
            .map(|(url, content_type)| json!({"url": url, "content_type": content_type}))
            .collect();
        let body = json!({
            "signature": signature,
            "worker": self.client.worker(),
            "message": {
                "sid": inbound.sid,
                "from": inbound.from,
                "to": inbound.to,
                "text": inbound.shown_text(),
                "media": media,
                "parameters": parameters,
                "idempotency_token": idempotency_token
            }
        });
        let response = self
            .client
            .agent()
            .post(format!("{}/playground/phone/signed", self.playground))
            .config()
            .timeout_global(Some(DELIVERY_TIMEOUT))
            .build()
            .header("Content-Type", "application/json")
            .send(body.to_string())
            .ok();
        let mut response = response.filter(|response| response.status().as_u16() == 200)?;
        let answered = response.body_mut().read_to_string().ok()?;
        let answered: Value = serde_json::from_str(&answered).ok()?;
        if answered.get("listens") == Some(&Value::Bool(false)) {
            return Some(Err(self.no_answer(NoAnswer::NotListening)));
        }
        if let Some(problem) = answered.get("problem").and_then(Value::as_str) {
            return Some(Err(Failure::BadAnswer(problem.to_owned())));
        }
        Some(Ok(answer_of(&answered)))
    }

    fn post(
        &self,
        parameters: &[(String, String)],
        idempotency_token: &str,
    ) -> Result<Answer, Failure> {
        let webhook = self
            .client
            .webhook(parameters, Signature::Genuine, idempotency_token)
            .map_err(|error| Failure::NotSent(format!("cannot sign: {error}")))?;
        self.client
            .post(&webhook, ANSWER_TIMEOUT)
            .map_err(|reason| self.no_answer(reason))
    }

    /// The failure for a request without an answer.
    fn no_answer(&self, reason: NoAnswer) -> Failure {
        let worker = self.client.worker();
        match reason {
            NoAnswer::TimedOut => Failure::BadAnswer(
                "no answer within 15 s: Twilio would have given up and reported 11200".to_owned(),
            ),
            NoAnswer::NotListening => Failure::NotSent(format!(
                "nothing is listening at {worker}: start it with npm start"
            )),
            NoAnswer::Broken(error) => {
                Failure::BadAnswer(format!("no answer from {worker}: {error} (Twilio: 11200)"))
            }
        }
    }

    /// The messages to the contact that were sent by REST since `sent_at`, oldest first.
    ///
    /// # Errors
    /// If there is no playground, or it does not answer.
    pub fn rest_messages(&self, inbound: &Inbound, sent_at: u64) -> anyhow::Result<Vec<Message>> {
        let playground = &self.playground;
        let body = self
            .client
            .agent()
            .get(format!("{playground}/playground/messages?since={sent_at}"))
            .call()?
            .body_mut()
            .read_to_string()?;
        let body: Value = serde_json::from_str(&body)?;
        let messages = body.get("messages").and_then(Value::as_array);
        let text = |message: &Value, name: &str| {
            message.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let is_answer = |message: &&Value| {
            text(message, "to").as_deref() == Some(&inbound.from)
                // A message of a Messaging Service has no sender yet.
                && text(message, "from").is_none_or(|from| from == inbound.to)
        };
        let read = |message: &Value| Message {
            text: text(message, "body").unwrap_or_default(),
            media: match message.pointer("/parameters/MediaUrl") {
                Some(Value::String(url)) => vec![url.clone()],
                Some(Value::Array(urls)) => urls
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => Vec::new(),
            },
        };
        Ok(messages
            .into_iter()
            .flatten()
            .filter(is_answer)
            .map(read)
            .collect())
    }

    /// Waits for messages that are sent by REST, at most until `limit` has passed, and calls `each` with each
    /// of them and the time since `start`. `waits` is called while none has come. Returns how many there were.
    ///
    /// # Errors
    /// If there is no playground.
    pub fn wait_for_rest(
        &self,
        inbound: &Inbound,
        (sent_at, start): (u64, Instant),
        limit: Duration,
        mut each: impl FnMut(Message, Duration),
        mut waits: impl FnMut(Duration),
    ) -> anyhow::Result<usize> {
        let mut shown = 0_usize;
        let mut until = limit;
        while start.elapsed() < until {
            let messages = self.rest_messages(inbound, sent_at)?;
            let all = messages.len();
            for message in messages.into_iter().skip(shown) {
                each(message, start.elapsed());
                until = start.elapsed().saturating_add(NEXT_MESSAGE_TIMEOUT);
            }
            shown = shown.max(all);
            if shown == 0 {
                waits(start.elapsed());
            }
            std::thread::sleep(REST_INTERVAL);
        }
        Ok(shown)
    }
}

/// The beginning of a wait, for [`Phone::wait_for_rest`].
pub fn now() -> (u64, Instant) {
    (now_ms(), Instant::now())
}

/// How long to wait for an answer that is sent by REST, and how often to ask for it.
pub const REST_TIMEOUT: Duration = Duration::from_secs(65);
const REST_INTERVAL: Duration = Duration::from_millis(250);
/// How long to wait for more messages after the first one.
const NEXT_MESSAGE_TIMEOUT: Duration = Duration::from_millis(1500);

/// The answer that the playground tells of.
fn answer_of(answered: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    let pairs = answered.get("headers").and_then(Value::as_array);
    for pair in pairs.into_iter().flatten() {
        let part = |index: usize| pair.get(index).and_then(Value::as_str);
        let name = part(0).and_then(|name| HeaderName::try_from(name).ok());
        let value = part(1).and_then(|value| HeaderValue::try_from(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let body = answered.get("body").and_then(Value::as_str);
    let status = answered.get("status").and_then(Value::as_u64);
    Answer {
        status: status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or_default(),
        headers,
        body: body.unwrap_or_default().as_bytes().to_vec(),
    }
}

/// Reads the answer of the Worker as Twilio would.
fn read(answer: &Answer) -> Result<twiml::Answer, Failure> {
    let body = || printable(&String::from_utf8_lossy(&answer.body));
    if answer.status == 403 {
        return Err(Failure::BadAnswer(format!(
            "the Worker refused the signature, which Twilio would report as 11200. Its TWILIO_AUTH_TOKEN or \
             PUBLIC_URL is not the one of this checkout's .dev.vars: is it another checkout's Worker? Run npm \
             start here, or give --worker, --playground and --public-url\n{}",
            body()
        )));
    }
    if answer.status != 200 {
        return Err(Failure::BadAnswer(format!(
            "the Worker refused, which Twilio would report as 11200:\n{}",
            body()
        )));
    }
    twiml::read(answer.content_type().as_deref(), &answer.body).map_err(|error| {
        Failure::BadAnswer(format!(
            "Twilio would report {}: {}\n{}",
            error.code,
            error.reason,
            body()
        ))
    })
}
