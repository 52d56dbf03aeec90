//! The errors of the API, in its own words and shape.

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::base::random::random_hex;
use crate::fault::ErrorOverrides;
use crate::http::reply::Reply;

/// The usual error for `status`, with the fields that a fault overrides.
pub fn error_reply(status: u16, overrides: Option<&ErrorOverrides>) -> Reply {
    let mut problem = Problem::usual(status);
    if let Some(overrides) = overrides {
        if let Some(code) = &overrides.code {
            problem.code = code.clone();
            if code == "insufficient_quota" {
                "insufficient_quota".clone_into(&mut problem.kind);
                "The quota of this account is used up; see its plan and billing."
                    .clone_into(&mut problem.message);
            }
        }
        if let Some(kind) = &overrides.kind {
            problem.kind.clone_from(kind);
        }
        if let Some(message) = &overrides.message {
            problem.message.clone_from(message);
        }
        if let Some(param) = &overrides.param {
            problem.param = param.clone().into();
        }
    }
    problem.reply()
}

/// An error of the API.
pub struct Problem {
    status: StatusCode,
    message: String,
    kind: String,
    param: Value,
    code: Value,
}

impl Problem {
    /// A request that is not valid.
    pub fn invalid(message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message,
            kind: "invalid_request_error".to_owned(),
            param: Value::Null,
            code: Value::Null,
        }
    }

    /// The error that the API usually sends with this status.
    fn usual(status: u16) -> Self {
        let (message, kind, code) = match status {
            401 => (
                "No API key, or one that is not valid here. Send it as `Authorization: Bearer …`.",
                "invalid_request_error",
                "invalid_api_key".into(),
            ),
            402 => (
                "Insufficient Balance",
                "unknown_error",
                "invalid_request_error".into(),
            ),
            403 => (
                "This key may not do that.",
                "invalid_request_error",
                "permission_denied".into(),
            ),
            404 => (
                "There is no such model, or this key may not use it.",
                "invalid_request_error",
                "model_not_found".into(),
            ),
            413 => (
                "The request is too large.",
                "invalid_request_error",
                "request_too_large".into(),
            ),
            429 => (
                "Too many requests a minute for this model. Try again a little later.",
                "requests",
                "rate_limit_exceeded".into(),
            ),
            503 => (
                "The engine is overloaded at the moment. Try again later.",
                "server_error",
                Value::Null,
            ),
            500.. => ("The server failed to do this.", "server_error", Value::Null),
            _ => (
                "The request cannot be served.",
                "invalid_request_error",
                Value::Null,
            ),
        };
        let mut problem = Self::invalid(message.to_owned()).status(status);
        kind.clone_into(&mut problem.kind);
        problem.code = code;
        problem
    }

    /// With this status in place of 400.
    pub fn status(mut self, status: u16) -> Self {
        self.status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        self
    }

    /// With the parameter that is wrong.
    pub fn param(mut self, param: &str) -> Self {
        self.param = param.into();
        self
    }

    /// With the code of the API.
    pub fn code(mut self, code: &str) -> Self {
        self.code = code.into();
        self
    }

    /// The answer.
    pub fn reply(self) -> Reply {
        let body = json!({"error": {
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code
        }});
        Reply {
            headers: usual_headers(),
            ..Reply::json(self.status, body)
        }
    }
}

/// A top-level field that does not exist.
pub fn unrecognized(name: &str) -> Problem {
    Problem::invalid(format!("Unrecognized request argument supplied: {name}"))
}

/// A parameter further inside that does not exist.
pub fn unknown(path: &str) -> Problem {
    Problem::invalid(format!("There is no parameter '{path}'."))
        .param(path)
        .code("unknown_parameter")
}

/// A required parameter that is missing.
pub fn missing(path: &str) -> Problem {
    Problem::invalid(format!("The parameter '{path}' is missing."))
        .param(path)
        .code("missing_required_parameter")
}

/// A value of the wrong JSON type.
pub fn wrong_type(path: &str, wanted: &str, value: &Value) -> Problem {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Problem::invalid(format!("'{path}' must be {wanted}, but is {got}."))
        .param(path)
        .code("invalid_type")
}

/// The headers of every answer.
pub fn usual_headers() -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![
        (
            HeaderName::from_static("openai-version"),
            HeaderValue::from_static("2020-10-01"),
        ),
        (
            HeaderName::from_static("openai-processing-ms"),
            HeaderValue::from_static("1"),
        ),
    ];
    if let Ok(id) = HeaderValue::from_str(&format!("req_{}", random_hex())) {
        headers.push((HeaderName::from_static("x-request-id"), id));
    }
    headers
}
