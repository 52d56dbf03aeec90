//! The webhook client: it signs the form of an inbound message and posts it to the Worker. Like
//! Twilio it gives up after 15 seconds. It only posts to this machine.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::signature::sign;
use crate::base::loopback::{loopback_origin, origin};
use crate::base::random::random_hex;

/// A client for the webhook of one Worker.
pub struct WebhookClient {
    worker: String,
    /// The origin that the Worker has for Twilio.
    public: String,
    token: String,
    agent: ureq::Agent,
}

/// A webhook that can be posted.
#[derive(Clone)]
pub struct Webhook {
    /// Its URL.
    pub url: String,
    /// The headers of Twilio.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

/// How a webhook is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// With the auth token.
    Genuine,
    /// With a random token, as an attacker would.
    Forged,
}

/// The answer of the Worker.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The `Content-Type` header.
    pub fn content_type(&self) -> Option<String> {
        self.headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// Why the Worker did not answer.
#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// No program listens on its port.
    NotListening,
    /// The time limit has passed.
    TimedOut,
    /// Another error.
    Broken(String),
}

/// The time limit of Twilio for the whole answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The path of the webhook for messages.
const MESSAGES: &str = "/twilio/messages";
/// The time limit of Twilio for the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

impl WebhookClient {
    /// A client for the Worker at the origin `worker`. Webhooks are signed for `public_url` if
    /// given.
    ///
    /// # Errors
    /// A sentence that says why an address cannot be used. `--worker` must be on loopback.
    pub fn new(worker: &str, public_url: Option<&str>, token: String) -> Result<Self, String> {
        let worker = loopback_origin("--worker", worker)?;
        let public = match public_url {
            Some(url) => origin("--public-url", url)?.0,
            None => worker.clone(),
        };
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(ANSWER_TIMEOUT))
            .user_agent(USER_AGENT)
            .build()
            .new_agent();
        Ok(Self {
            worker,
            public,
            token,
            agent,
        })
    }

    /// The origin of the Worker.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// The HTTP client. It uses no proxy and follows no redirect.
    pub fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    /// The URL of a path of the Worker, as Twilio knows it.
    pub fn public_url(&self, path: &str) -> String {
        format!("{}{path}", self.public)
    }

    /// The URL of the webhook for messages, as Twilio knows it.
    pub fn messages_url(&self) -> String {
        self.public_url(MESSAGES)
    }

    /// Where on this machine the Worker serves `url`. `None`: it is not a URL of the Worker.
    pub fn local_url(&self, url: &str) -> Option<String> {
        let path = [&self.public, &self.worker]
            .into_iter()
            .find_map(|origin| url.strip_prefix(origin.as_str()))
            .filter(|path| path.starts_with('/'))?;
        Some(format!("{}{path}", self.worker))
    }

    /// The webhook for a message. `idempotency_token` is the same in every retry.
    ///
    /// # Errors
    /// If it cannot be signed. No such token is known.
    pub fn webhook(
        &self,
        parameters: &[(String, String)],
        signature: Signature,
        idempotency_token: &str,
    ) -> anyhow::Result<Webhook> {
        self.webhook_to(
            &self.messages_url(),
            parameters,
            signature,
            idempotency_token,
        )
    }

    /// The webhook for a form to `url`, which is signed as it is written.
    ///
    /// # Errors
    /// If it is no URL of the Worker. The playground posts to nobody else.
    pub fn webhook_to(
        &self,
        url: &str,
        parameters: &[(String, String)],
        signature: Signature,
        idempotency_token: &str,
    ) -> anyhow::Result<Webhook> {
        let signature = self.signature(url, parameters, signature)?;
        let mut webhook = self.signed(url, FORM, signature)?;
        let token = idempotency_token.to_owned();
        webhook.headers.push(("I-Twilio-Idempotency-Token", token));
        webhook.body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        Ok(webhook)
    }

    /// The webhook for JSON to `url`. The hash of the body is in the URL, which is signed with it.
    ///
    /// # Errors
    /// As [`WebhookClient::webhook_to`].
    pub fn json_webhook(&self, url: &str, body: &Value) -> anyhow::Result<Webhook> {
        let body = body.to_string();
        let mut hash = String::new();
        for byte in Sha256::digest(&body) {
            // Writing to a text cannot fail.
            let _ = write!(hash, "{byte:02x}");
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}bodySHA256={hash}");
        let signature = self.signature(&url, &[], Signature::Genuine)?;
        let webhook = self.signed(&url, "application/json", signature)?;
        Ok(Webhook { body, ..webhook })
    }

    /// A webhook without a body.
    fn signed(&self, url: &str, content_type: &str, signature: String) -> anyhow::Result<Webhook> {
        let local = self
            .local_url(url)
            .ok_or_else(|| anyhow::anyhow!("{url} is no URL of the Worker"))?;
        let headers = vec![
            ("Content-Type", content_type.to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
            ("X-Twilio-Signature", signature),
        ];
        Ok(Webhook {
            url: local,
            headers,
            body: String::new(),
        })
    }

    /// The value of `X-Twilio-Signature` for a URL exactly as it is written.
    ///
    /// # Errors
    /// If it cannot be signed. No such token is known.
    pub fn signature(
        &self,
        url: &str,
        parameters: &[(String, String)],
        signature: Signature,
    ) -> anyhow::Result<String> {
        let forged;
        let token = match signature {
            Signature::Genuine => &self.token,
            Signature::Forged => {
                forged = random_hex();
                &forged
            }
        };
        sign(token, url, parameters)
    }

    /// Posts a webhook and blocks until the answer has come.
    ///
    /// # Errors
    /// The reason if there is no answer within `timeout`.
    pub fn post(&self, webhook: &Webhook, timeout: Duration) -> Result<Answer, NoAnswer> {
        let start = Instant::now();
        let mut request = self
            .agent
            .post(&webhook.url)
            .config()
            .timeout_global(Some(timeout))
            .build();
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        let broken = |error| match no_answer(error) {
            NoAnswer::Broken(_) if start.elapsed() >= timeout => NoAnswer::TimedOut,
            reason => reason,
        };
        let mut response = request.send(&webhook.body).map_err(broken)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec();
        Ok(Answer {
            status,
            headers,
            body: body.map_err(broken)?,
        })
    }
}

const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";
const USER_AGENT: &str = "TwilioProxy/1.1";

/// The reason why a request to the Worker failed.
pub fn no_answer(error: ureq::Error) -> NoAnswer {
    match error {
        ureq::Error::Timeout(_) => NoAnswer::TimedOut,
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            NoAnswer::NotListening
        }
        ureq::Error::ConnectionFailed => NoAnswer::NotListening,
        error => NoAnswer::Broken(error.to_string()),
    }
}

/// The auth tokens in a list with commas.
pub fn tokens_of(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tokens_is_split_at_commas() {
        assert_eq!(tokens_of(" a, b,,"), ["a", "b"]);
        assert!(tokens_of(" , ").is_empty());
    }
}
