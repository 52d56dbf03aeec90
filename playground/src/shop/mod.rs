//! The web services of a shop that has an assistant: `POST /tools/orders` is behind its tools,
//! `/tools/desk` gets the messages of contacts that were handed over, and `/tools/intake` gets
//! the results of guided intakes.
//!
//! Each verifies the signature of the Standard Webhooks scheme with the scheme's own library, so
//! that the Worker's code is not compared with itself, and refuses what a careful service refuses.
//! A repeat of an id gets the first answer. Not here: the faults (`fault`, `phones`).

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use axum::http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook, WebhookError};

use crate::base::shared::{lock, push_newest};
use crate::base::time::now_ms;
use crate::fault::BodyFault;
use crate::http::call::{Authorization, Call};
use crate::http::reply::{Prepared, Reply};

mod orders;

/// The secrets that the Worker signs with, `whsec_…`. Without one, its service refuses all calls.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// That of `/tools/orders`.
    pub orders: Option<String>,
    /// That of `/tools/desk`.
    pub desk: Option<String>,
    /// That of `/tools/intake`.
    pub intake: Option<String>,
}

/// The services of the shop.
pub struct Shop {
    secrets: Secrets,
    received: Mutex<VecDeque<Received>>,
}

/// A call that was accepted, as `GET /playground/deliveries` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// The service: `orders`, `desk` or `intake`.
    service: &'static str,
    /// The `webhook-id`.
    id: String,
    /// When it came first, in milliseconds since 1970.
    at: u64,
    /// How often it came.
    times: u32,
    /// Its body.
    body: Value,
    /// The answer.
    answer: Value,
    #[serde(skip)]
    bytes: Vec<u8>,
}

/// How many calls are remembered.
const KEPT: usize = 1000;
/// The length of an answer that is too long, in bytes. A tool's answer may have 16 kB.
const OVERSIZE: usize = 20_000;

impl Shop {
    /// A shop with these secrets.
    ///
    /// # Errors
    /// The name of a secret that is not `whsec_` and base64.
    pub fn new(secrets: Secrets) -> Result<Self, &'static str> {
        for (name, secret) in [
            ("ORDERS_SECRET", &secrets.orders),
            ("DESK_SECRET", &secrets.desk),
            ("INTAKE_SECRET", &secrets.intake),
        ] {
            if let Some(secret) = secret {
                let is_secret = secret.starts_with("whsec_") && Webhook::new(secret).is_ok();
                if !is_secret {
                    return Err(name);
                }
            }
        }
        Ok(Self {
            secrets,
            received: Mutex::default(),
        })
    }

    /// Checks the signature.
    pub fn authorize(&self, call: &Call) -> Authorization {
        Authorization {
            granted: self.verify(call).is_ok(),
            token_index: None,
        }
    }

    /// The answer to a call without a valid signature.
    pub fn refusal(&self, call: &Call) -> Reply {
        let reason = self.verify(call).err().unwrap_or_default();
        refused(StatusCode::UNAUTHORIZED, &reason)
    }

    /// Checks a signed call.
    ///
    /// # Errors
    /// The answer to a call that is refused.
    pub fn prepare(&self, call: &Call) -> Result<Prepared<'_>, Reply> {
        let Some(service) = service(&call.path) else {
            return Err(refused(StatusCode::NOT_FOUND, "there is no such service"));
        };
        if call.method != Method::POST {
            return Err(refused(
                StatusCode::METHOD_NOT_ALLOWED,
                "only POST is possible",
            ));
        }
        if call.content_type() != "application/json" {
            let reason = "the content type must be application/json";
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason));
        }
        let body: Value = serde_json::from_slice(&call.body)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| refused(StatusCode::BAD_REQUEST, "the body is not a JSON object"))?;
        let id = header(&call.headers, HEADER_WEBHOOK_ID);
        let known = self
            .received()
            .iter()
            .find(|one| one.service == service && one.id == id)
            .cloned();
        if known.is_some_and(|known| known.bytes != call.body) {
            let reason = "this webhook-id came before with another body";
            return Err(refused(StatusCode::CONFLICT, reason));
        }
        let bytes = call.body.to_vec();
        Ok(Prepared::new(move |fault| {
            let answer = self.receive(service, id, body, bytes);
            let answer = match fault {
                Some(BodyFault::Oversize) => json!({"status": "x".repeat(OVERSIZE)}),
                _ => answer,
            };
            Reply::json(StatusCode::OK, answer)
        }))
    }

    /// The newest calls, oldest first.
    pub fn list(&self) -> Vec<Received> {
        self.received().iter().cloned().collect()
    }

    /// Forgets all calls.
    pub fn clear(&self) {
        self.received().clear();
    }

    /// Carries a call out, once.
    fn receive(&self, service: &'static str, id: String, body: Value, bytes: Vec<u8>) -> Value {
        let mut received = self.received();
        let known = received
            .iter_mut()
            .find(|one| one.service == service && one.id == id);
        if let Some(known) = known {
            known.times = known.times.saturating_add(1);
            return known.answer.clone();
        }
        let answer = match service {
            "orders" => orders::answer(&body),
            _ => json!({"received": true}),
        };
        let new = Received {
            service,
            id,
            at: now_ms(),
            times: 1,
            body,
            answer: answer.clone(),
            bytes,
        };
        push_newest(&mut received, new, KEPT);
        answer
    }

    /// # Errors
    /// A sentence that says what is wrong with the signature.
    fn verify(&self, call: &Call) -> Result<(), String> {
        let (name, secret) = match service(&call.path) {
            Some("orders") => ("ORDERS_SECRET", &self.secrets.orders),
            Some("desk") => ("DESK_SECRET", &self.secrets.desk),
            Some("intake") => ("INTAKE_SECRET", &self.secrets.intake),
            // There is nothing to protect.
            _ => return Ok(()),
        };
        let Some(secret) = secret else {
            return Err(format!("the playground was started without {name}"));
        };
        let verified = Webhook::new(secret).and_then(|key| key.verify(&call.body, &call.headers));
        verified.map_err(|error| {
            match error {
                WebhookError::MissingHeader(_) | WebhookError::InvalidHeader(_) => {
                    "webhook-id, webhook-timestamp and webhook-signature are needed"
                }
                WebhookError::TimestampTooOldError | WebhookError::FutureTimestampError => {
                    "webhook-timestamp is more than five minutes away"
                }
                WebhookError::InvalidTimestamp => "webhook-timestamp is not in seconds",
                _ => "webhook-signature is not that of this body",
            }
            .to_owned()
        })
    }

    fn received(&self) -> MutexGuard<'_, VecDeque<Received>> {
        lock(&self.received)
    }
}

/// An error of the shop.
pub fn error_reply(status: u16) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refused(status, "the shop cannot do this now")
}

fn refused(status: StatusCode, reason: &str) -> Reply {
    Reply::json(status, json!({"error": reason}))
}

fn service(path: &str) -> Option<&'static str> {
    match path {
        "/tools/orders" => Some("orders"),
        "/tools/desk" => Some("desk"),
        "/tools/intake" => Some("intake"),
        _ => None,
    }
}

fn header(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}
