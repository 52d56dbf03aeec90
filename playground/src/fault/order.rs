//! A fault, as it is ordered.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::kinds::{
    BodyFault, ConnectionFault, Endpoint, ErrorOverrides, Server, Service, ToolFault, word,
};

/// A fault for some requests to one service. Only `service` is required.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The service that fails.
    pub service: Service,
    /// How many requests fail.
    #[serde(default = "once")]
    pub times: u32,
    /// The status of the answer. From 400 on, the answer is the error of the service for this
    /// status, and the request is not carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Replacements for the fields of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorOverrides>,
    /// More headers of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The delay before the request is carried out, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// The fault of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyFault>,
    /// The fault of the TCP connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<ConnectionFault>,
    /// The server that the mock OpenAI stands for. Only a directive can say so.
    #[serde(skip)]
    pub server: Option<Server>,
    /// Only requests to this endpoint of the mock OpenAI fail. Only a directive can say so.
    #[serde(skip)]
    pub endpoint: Option<Endpoint>,
    /// How the mock OpenAI calls tools. Only a directive can say so.
    #[serde(skip)]
    pub tool: Option<ToolFault>,
    /// Only requests with this text fail. It can be in the request line or in a value of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

impl Fault {
    /// The delay before the request is carried out.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms.unwrap_or(0))
    }

    /// A short phrase for the log.
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
        if let Some(server) = self.server {
            parts.push(format!("server {}", word(&server)));
        }
        if let Some(tool) = self.tool {
            parts.push(format!("tool {}", word(&tool)));
        }
        if !self.headers.is_empty() {
            parts.push("headers".to_owned());
        }
        parts.join(", ")
    }

    /// A fault without any effect, whose fields the caller sets.
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
            server: None,
            endpoint: None,
            tool: None,
            contains: None,
        }
    }

    /// Whether the answer is an error. The request is not carried out then.
    pub fn is_failure(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
    }

    /// The status of the answer, or `usual` without one.
    pub fn status_or(&self, usual: StatusCode) -> StatusCode {
        self.status
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(usual)
    }
}

fn once() -> u32 {
    1
}
