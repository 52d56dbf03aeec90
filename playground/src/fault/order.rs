//! One order to fail.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::kinds::{BodyFault, ConnectionFault, ErrorOverrides, Service, word};

/// One order to fail. Everything but `service` is optional.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Whose requests fail.
    pub service: Service,
    /// How many requests it is for.
    #[serde(default = "once")]
    pub times: u32,
    /// The status to answer; from 400 on the answer is the service's own error for it and nothing is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What differs from the service's usual error for `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorOverrides>,
    /// Headers to add to the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long to wait before anything else happens, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// What is wrong with the body of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyFault>,
    /// What happens to the TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionFault>,
    /// Only requests in which this text occurs: in the request line or in a value of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

impl Fault {
    /// How long to wait first.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    /// One short phrase for the log.
    pub fn summary(&self) -> String {
        let mut parts = Vec::new();
        if let Some(status) = self.status {
            parts.push(format!("status {status}"));
        }
        if let Some(delay) = self.delay_ms {
            parts.push(format!("delay {delay} ms"));
        }
        if let Some(body) = self.body {
            parts.push(format!("body {}", word(&body)));
        }
        if let Some(connection) = self.connection {
            parts.push(format!("connection {}", word(&connection)));
        }
        if !self.headers.is_empty() {
            parts.push("headers".to_owned());
        }
        parts.join(", ")
    }

    /// A fault of `service` that does nothing yet.
    pub fn new(service: Service) -> Self {
        Self {
            service,
            times: once(),
            status: None,
            error: None,
            headers: BTreeMap::new(),
            delay_ms: None,
            body: None,
            connection: None,
            contains: None,
        }
    }

    /// True when the answer is an error, so that nothing is done.
    pub fn is_failure(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
    }

    /// The status to answer with in place of `usual`.
    pub fn status_or(&self, usual: StatusCode) -> StatusCode {
        self.status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(usual)
    }
}

fn once() -> u32 {
    1
}
