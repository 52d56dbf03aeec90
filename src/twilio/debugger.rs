//! Twilio's report of an error or a warning of the account.
//!
//! The report's payload holds requests and responses with numbers and texts. Only the code, the
//! severity and the kind of resource are read. Source: Twilio, "Debugging Events Webhook". Not here:
//! the log (`event`).

use std::str::FromStr;

use serde::Deserialize;

use super::{
    fields::{FieldError, optional, reject_repeated, required},
    form::Form,
};
use crate::{
    event::{TwilioResource, TwilioSeverity},
    identity::Malformed,
};

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DebuggerEvent {
    /// How bad it is.
    pub severity: TwilioSeverity,
    /// Twilio's error code.
    pub code: Option<u32>,
    /// What it is about.
    pub resource: TwilioResource,
}

impl DebuggerEvent {
    /// Reads a report.
    ///
    /// # Errors
    /// When a field is missing or malformed. A payload that cannot be read leaves the code unknown.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let Severity(severity) = required(form, "Level")?;
        let _: EventSid = required(form, "Sid")?;
        let payload: Option<Payload> = optional(form, "Payload").unwrap_or_default();
        let payload = payload.unwrap_or_default();
        Ok(Self {
            severity,
            code: payload.error_code.and_then(Code::number),
            resource: payload
                .resource_sid
                .map_or(TwilioResource::Other, |sid| resource_of(&sid)),
        })
    }
}

/// The severity as Twilio writes it: `Error` or `Warning`, in whatever case.
struct Severity(TwilioSeverity);

impl FromStr for Severity {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Ok(Self(TwilioSeverity::Error)),
            "warning" => Ok(Self(TwilioSeverity::Warning)),
            "info" | "notice" | "debug" => Ok(Self(TwilioSeverity::Info)),
            _ => Err(Malformed),
        }
    }
}

/// The id of a report. It is checked, and not kept.
struct EventSid;

impl FromStr for EventSid {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let hex = text.strip_prefix("NO").ok_or(Malformed)?;
        let is_id = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit());
        is_id.then_some(Self).ok_or(Malformed)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Payload {
    resource_sid: Option<String>,
    error_code: Option<Code>,
}

impl FromStr for Payload {
    type Err = serde_json::Error;
    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// A code as a number or as a text of digits.
#[derive(Deserialize)]
#[serde(untagged)]
enum Code {
    Number(u32),
    Text(String),
}

impl Code {
    fn number(self) -> Option<u32> {
        match self {
            Self::Number(code) => Some(code),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// The kind of a resource, by the first letters of its id.
fn resource_of(sid: &str) -> TwilioResource {
    match sid.get(..2) {
        Some("CA") => TwilioResource::Call,
        Some("SM" | "MM") => TwilioResource::Message,
        Some("RE") => TwilioResource::Recording,
        Some("GT") => TwilioResource::Transcript,
        Some("PN") => TwilioResource::Number,
        _ => TwilioResource::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<DebuggerEvent, FieldError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        DebuggerEvent::from_form(&Form::parse(body.as_bytes()).unwrap())
    }

    const SID: (&str, &str) = ("Sid", "NO00000000000000000000000000000001");

    #[test]
    fn code_severity_and_kind_of_resource_are_read() {
        let payload = r#"{"resource_sid":"CA00000000000000000000000000000001","service_sid":null,"error_code":"64105","more_info":{"to":"+15550100"}}"#;
        let read = read(&[SID, ("Level", "ERROR"), ("Payload", payload)]).unwrap();
        let expected = DebuggerEvent {
            severity: TwilioSeverity::Error,
            code: Some(64105),
            resource: TwilioResource::Call,
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_payload_that_cannot_be_read_does_not_hide_the_report() {
        for payload in ["", "not json", "[]", r#"{"error_code":{}}"#] {
            let read = read(&[SID, ("Level", "Warning"), ("Payload", payload)]).unwrap();
            assert_eq!(read.severity, TwilioSeverity::Warning);
            assert_eq!((read.code, read.resource), (None, TwilioResource::Other));
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for (pairs, field) in [
            (vec![SID], "Level"),
            (vec![SID, ("Level", "dreadful")], "Level"),
            (vec![SID, ("Level", "Error"), ("Level", "Warning")], "Level"),
            (vec![("Level", "Error")], "Sid"),
            (vec![("Sid", "CA1"), ("Level", "Error")], "Sid"),
        ] {
            assert_eq!(read(&pairs).unwrap_err().field, field);
        }
    }
}
