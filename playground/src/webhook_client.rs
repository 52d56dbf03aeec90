//! The carrier: Twilio's side of a webhook. It signs the form of an inbound message, posts it to the Worker, and gives up
//! where Twilio would give up.
//!
//! It posts to this machine only. What the form holds is in `webhook.rs`, what the answer means in `twiml.rs`.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Uri, header};

use crate::random_hex;
use crate::signature::sign;

/// Where webhooks go and what they are signed with.
pub struct WebhookClient {
    worker: String,
    signed_url: String,
    token: String,
    agent: ureq::Agent,
}

/// A webhook, ready to be posted.
#[derive(Clone)]
pub struct Webhook {
    /// Where it is posted.
    pub url: String,
    /// The headers that Twilio sets.
    pub headers: Vec<(&'static str, String)>,
    /// The form, encoded.
    pub body: String,
}

/// Whether a signature is made with the right token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signed {
    /// As Twilio signs.
    Truly,
    /// With a token that nobody has, as somebody would who is not Twilio.
    Forged,
}

/// The Worker's answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the content type.
    pub fn content_type(&self) -> Option<String> {
        self.headers
            .get(header::CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nothing listens where the Worker should be.
    NotListening,
    /// Twilio's patience, or what it was said to be, has ended.
    TimedOut,
    /// Anything else.
    Broken(String),
}

/// How long Twilio waits for the whole answer.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// The path of the webhook.
const PATH: &str = "/twilio/messages";
/// How long Twilio waits for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

impl WebhookClient {
    /// A carrier for the Worker at the origin `worker`, which knows itself as `public_url` if that is given.
    ///
    /// # Errors
    /// A sentence about an address that cannot be used; `--worker` must be on loopback.
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
            .timeout_global(Some(PATIENCE))
            .user_agent(USER_AGENT)
            .build()
            .new_agent();
        Ok(Self {
            signed_url: format!("{public}{PATH}"),
            worker,
            token,
            agent,
        })
    }

    /// The Worker's origin.
    pub fn worker(&self) -> &str {
        &self.worker
    }

    /// An HTTP client that stays on the way to the Worker: no proxy, no redirect, Twilio's patience.
    pub fn agent(&self) -> &ureq::Agent {
        &self.agent
    }

    /// The webhook of a form. `delivery` names this message towards the Worker, the same in every retry.
    ///
    /// # Errors
    /// When it cannot be signed, which no token is known to cause.
    pub fn webhook(
        &self,
        parameters: &[(String, String)],
        signed: Signed,
        delivery: &str,
    ) -> anyhow::Result<Webhook> {
        let token = match signed {
            Signed::Truly => self.token.clone(),
            Signed::Forged => random_hex(),
        };
        let headers = vec![
            (
                "Content-Type",
                "application/x-www-form-urlencoded; charset=UTF-8".to_owned(),
            ),
            ("User-Agent", USER_AGENT.to_owned()),
            (
                "X-Twilio-Signature",
                sign(&token, &self.signed_url, parameters)?,
            ),
            ("I-Twilio-Idempotency-Token", delivery.to_owned()),
        ];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        Ok(Webhook {
            url: format!("{}{PATH}", self.worker),
            headers,
            body,
        })
    }

    /// Posts a webhook and waits for the answer, as long as `patience`. Blocks.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn post(&self, webhook: &Webhook, patience: Duration) -> Result<Answer, NoAnswer> {
        let clock = Instant::now();
        let mut request = self
            .agent
            .post(&webhook.url)
            .config()
            .timeout_global(Some(patience))
            .build();
        for (name, value) in &webhook.headers {
            request = request.header(*name, value);
        }
        let broken = |error| match no_answer(error) {
            NoAnswer::Broken(_) if clock.elapsed() >= patience => NoAnswer::TimedOut,
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

const USER_AGENT: &str = "TwilioProxy/1.1";

/// Why a request to the Worker brought nothing.
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

/// The origin of a loopback address, such as `http://127.0.0.1:8787`.
///
/// # Errors
/// A sentence that names `option` and what is wrong with `url`.
pub fn loopback_origin(option: &str, url: &str) -> Result<String, String> {
    let (origin, host) = origin(option, url)?;
    if !origin.starts_with("http://") {
        return Err(format!(
            "{option} {url}: only http:// is spoken on loopback"
        ));
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    if loopback {
        Ok(origin)
    } else if host.eq_ignore_ascii_case("localhost") {
        // The name could be made to mean another machine.
        Ok(origin.replacen(&host, "127.0.0.1", 1))
    } else {
        Err(format!(
            "{option} {url}: {host} is not this machine; mock messages go to loopback only, such as http://127.0.0.1:8787"
        ))
    }
}

/// The origin of a web address, and its host.
fn origin(option: &str, url: &str) -> Result<(String, String), String> {
    let unusable = |reason: &str| format!("{option} {url}: {reason}");
    let uri: Uri = url.parse().map_err(|_| unusable("not a web address"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    };
    if !matches!(scheme, "http" | "https") {
        return Err(unusable("not a web address such as http://127.0.0.1:8787"));
    }
    if authority.as_str().contains('@') {
        return Err(unusable("user names are not taken"));
    }
    if uri.path() != "/" && !uri.path().is_empty() || uri.query().is_some() {
        return Err(unusable("give scheme, host and port only, no path"));
    }
    Ok((
        format!("{scheme}://{authority}"),
        authority.host().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_taken() {
        for (url, origin) in [
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("http://127.0.0.1:8787/", "http://127.0.0.1:8787"),
            ("http://127.8.9.1:1", "http://127.8.9.1:1"),
            ("http://[::1]:8787", "http://[::1]:8787"),
            ("http://localhost:8787", "http://127.0.0.1:8787"),
        ] {
            assert_eq!(loopback_origin("--worker", url).as_deref(), Ok(origin));
        }
    }

    #[test]
    fn addresses_beyond_loopback_are_refused() {
        for url in [
            "http://example.com",
            "http://0.0.0.0:8787",
            "http://10.0.0.1:8787",
            "http://[::]:8787",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://example.com@127.0.0.1",
            "http://2130706433",
            "https://127.0.0.1:8787",
            "http://127.0.0.1:8787/other",
            "127.0.0.1:8787",
            "/twilio",
            "",
        ] {
            assert!(loopback_origin("--worker", url).is_err(), "{url}");
        }
    }
}
