//! Reads a fault from JSON, and rejects faults that cannot be injected as ordered.

use axum::http::{HeaderName, HeaderValue};

use super::kinds::{BodyFault, Service, word};
use super::order::Fault;

impl Fault {
    /// Reads the JSON of the control route.
    ///
    /// # Errors
    /// A sentence that names the field that cannot be read, or that contradicts another.
    pub fn from_json(body: &[u8]) -> Result<Self, String> {
        let fault: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        fault.check()?;
        Ok(fault)
    }

    /// Rejects a fault that cannot be injected as ordered.
    pub(super) fn check(&self) -> Result<(), String> {
        let says_something = self.status.is_some()
            || self.delay_ms.is_some()
            || self.body.is_some()
            || self.connection.is_some()
            || self.server.is_some()
            || self.tool.is_some()
            || !self.headers.is_empty();
        if !says_something {
            return Err(
                "nothing to do: give at least one of status, delay_ms, body, connection, headers"
                    .to_owned(),
            );
        }
        if self.times == 0 {
            return Err("`times` must be at least 1".to_owned());
        }
        if let Some(status) = self.status
            && !(200..=599).contains(&status)
        {
            return Err(format!("`status` must be from 200 to 599, not {status}"));
        }
        if self.delay_ms.is_some_and(|delay| delay > MAX_DELAY_MS) {
            return Err(format!("`delay_ms` must be at most {MAX_DELAY_MS}"));
        }
        self.check_error()?;
        self.check_headers()?;
        if let Some(body) = self.body {
            if body.is_openai_only() && self.service != Service::Openai {
                return Err(format!("`body` {} is for openai only", word(&body)));
            }
            let oversize = body == BodyFault::Oversize
                && matches!(self.service, Service::Openai | Service::Segment);
            let of_message = body.is_of_message() && self.service != Service::Twilio;
            if oversize || of_message {
                return Err(format!("`body` {} is for twilio only", word(&body)));
            }
            if body.is_openai_only() && self.is_failure() {
                return Err(format!("`body` {} needs a successful status", word(&body)));
            }
        }
        let of_answer = self.body.is_some_and(|body| !body.is_of_message());
        if self.connection.is_some()
            && (self.status.is_some() || of_answer || !self.headers.is_empty())
        {
            return Err(
                "`connection` sends no answer, so status, body and headers cannot go with it"
                    .to_owned(),
            );
        }
        let of_openai = self.server.is_some() || self.endpoint.is_some() || self.tool.is_some();
        if of_openai && self.service != Service::Openai {
            return Err("`server`, `endpoint` and `tool` are openai only".to_owned());
        }
        if self.contains.as_deref() == Some("") {
            return Err("`contains` must not be empty".to_owned());
        }
        Ok(())
    }

    fn check_error(&self) -> Result<(), String> {
        let Some(error) = &self.error else {
            return Ok(());
        };
        if !self.is_failure() {
            return Err("`error` needs a `status` of 400 or more".to_owned());
        }
        let foreign = match self.service {
            Service::Openai => error.more_info.is_some().then_some("more_info"),
            Service::Twilio if error.kind.is_some() => Some("type"),
            Service::Twilio => error.param.is_some().then_some("param"),
            Service::Shop | Service::Segment => Some("code"),
        };
        if let Some(field) = foreign {
            return Err(format!(
                "`error.{field}` is not part of an error of {}",
                self.service.name()
            ));
        }
        let fits = match (&error.code, self.service) {
            (None, _) => true,
            (Some(code), Service::Openai) => code.is_string() || code.is_null(),
            (Some(code), Service::Twilio) => code.is_u64(),
            (Some(_), Service::Shop | Service::Segment) => false,
        };
        if !fits {
            return Err("`error.code` must be a text for openai, a number for twilio".to_owned());
        }
        Ok(())
    }

    fn check_headers(&self) -> Result<(), String> {
        for (name, value) in &self.headers {
            let parsed: HeaderName = name
                .parse()
                .map_err(|_| format!("`headers`: {name:?} is not the name of a header"))?;
            if FRAMING.contains(&parsed.as_str()) {
                return Err(format!("`headers`: {name} is set by the server itself"));
            }
            if value.parse::<HeaderValue>().is_err() {
                return Err(format!("`headers`: the value of {name} cannot be sent"));
            }
        }
        Ok(())
    }
}

const MAX_DELAY_MS: u64 = 600_000;
const FRAMING: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_cannot_be_injected_is_rejected() {
        for (json, named) in [
            (r#"{"service":"openai","status":503,"typo":1}"#, "typo"),
            (r#"{"service":"mars","status":503}"#, "mars"),
            (r#"{"status":503}"#, "service"),
            (r#"{"service":"openai"}"#, "nothing to do"),
            (r#"{"service":"openai","status":503,"times":0}"#, "times"),
            (r#"{"service":"openai","status":100}"#, "status"),
            (
                r#"{"service":"openai","error":{"code":"x"},"delay_ms":1}"#,
                "error",
            ),
            (
                r#"{"service":"openai","status":500,"error":{"colour":"x"}}"#,
                "colour",
            ),
            (
                r#"{"service":"openai","status":500,"error":{"code":7}}"#,
                "error.code",
            ),
            (
                r#"{"service":"twilio","status":500,"error":{"code":"x"}}"#,
                "error.code",
            ),
            (
                r#"{"service":"twilio","status":500,"error":{"type":"x"}}"#,
                "error.type",
            ),
            (r#"{"service":"twilio","body":"refusal"}"#, "openai only"),
            (r#"{"service":"openai","body":"oversize"}"#, "twilio only"),
            (r#"{"service":"openai","body":"trial"}"#, "twilio only"),
            (r#"{"service":"segment","body":"refusal"}"#, "openai only"),
            (r#"{"service":"segment","body":"oversize"}"#, "twilio only"),
            (
                r#"{"service":"segment","status":500,"error":{"code":"x"}}"#,
                "error.code",
            ),
            (
                r#"{"service":"openai","body":"refusal","status":500}"#,
                "successful",
            ),
            (r#"{"service":"openai","headers":{"a b":"c"}}"#, "a b"),
            (
                r#"{"service":"openai","headers":{"Content-Length":"3"}}"#,
                "Content-Length",
            ),
            (
                r#"{"service":"openai","connection":"drop","body":"empty"}"#,
                "connection",
            ),
            (r#"{"service":"openai","delay_ms":99999999}"#, "delay_ms"),
            (
                r#"{"service":"openai","delay_ms":1,"contains":""}"#,
                "contains",
            ),
            ("[]", "expected"),
        ] {
            let reason = Fault::from_json(json.as_bytes()).expect_err(json);
            assert!(reason.contains(named), "{json}: {reason}");
        }
    }
}
