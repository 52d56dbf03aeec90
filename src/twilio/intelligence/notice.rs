//! The webhook by which Twilio tells that a transcript is there.
//!
//! It does not say how the transcript ended, and it can be lost, so the transcript is asked for in any
//! case. Twilio sends JSON, with the hash of the body in the signed URL. A form with the same fields is
//! read, too. Source: Twilio, "Conversation Intelligence (classic)", webhooks. Not here: the signature
//! (`signature`).

use std::str::FromStr;

use serde::Deserialize;

use crate::{
    event::FieldProblem,
    identity::{AccountSid, IntelligenceServiceSid, TranscriptSid},
    twilio::{fields::FieldError, form::Form},
};

/// What the webhook says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The account.
    pub account: AccountSid,
    /// The service.
    pub service: IntelligenceServiceSid,
    /// The transcript.
    pub transcript: TranscriptSid,
    /// The key that the transcript was created with, if it has one.
    pub key: Option<String>,
    /// Whether a transcript is there. Twilio may tell of other things.
    pub is_available: bool,
}

/// The one event that concerns us.
const AVAILABLE: &str = "voice_intelligence_transcript_available";

/// The fields that are read, as texts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields {
    account_sid: Option<String>,
    service_sid: Option<String>,
    transcript_sid: Option<String>,
    customer_key: Option<String>,
    event_type: Option<String>,
}

impl Notice {
    /// Reads a JSON body. A repeated field makes it malformed.
    ///
    /// # Errors
    /// When the body is malformed, or a field is missing or malformed.
    pub fn from_json(body: &[u8]) -> Result<Self, FieldError> {
        let malformed = error("body", FieldProblem::Malformed);
        serde_json::from_slice::<Fields>(body)
            .map_err(|_| malformed)?
            .read()
    }

    /// Reads a form.
    ///
    /// # Errors
    /// When a field is missing, malformed or repeated.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        let mut fields = Fields::default();
        for (name, value) in form.pairs() {
            let (field, place) = match name {
                "account_sid" => ("account_sid", &mut fields.account_sid),
                "service_sid" => ("service_sid", &mut fields.service_sid),
                "transcript_sid" => ("transcript_sid", &mut fields.transcript_sid),
                "customer_key" => ("customer_key", &mut fields.customer_key),
                "event_type" => ("event_type", &mut fields.event_type),
                _ => continue,
            };
            if place.replace(value.to_owned()).is_some() {
                return Err(error(field, FieldProblem::Repeated));
            }
        }
        fields.read()
    }
}

impl Fields {
    fn read(self) -> Result<Notice, FieldError> {
        let event: String = value("event_type", self.event_type)?;
        Ok(Notice {
            account: value("account_sid", self.account_sid)?,
            service: value("service_sid", self.service_sid)?,
            transcript: value("transcript_sid", self.transcript_sid)?,
            key: self.customer_key.filter(|key| !key.is_empty()),
            is_available: event == AVAILABLE,
        })
    }
}

fn value<T: FromStr>(field: &'static str, text: Option<String>) -> Result<T, FieldError> {
    let text = text.filter(|text| !text.is_empty());
    text.ok_or(error(field, FieldProblem::Missing))?
        .parse()
        .map_err(|_| error(field, FieldProblem::Malformed))
}

fn error(field: &'static str, problem: FieldProblem) -> FieldError {
    FieldError { field, problem }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
    const SERVICE: &str = "GA0123456789abcdef0123456789abcdef";
    const TRANSCRIPT: &str = "GT0123456789abcdef0123456789abcdef";
    const KEY: &str = "synthetic:0123456789abcdef0123456789abcdef-7";

    fn notice_fields() -> Vec<(&'static str, &'static str)> {
        vec![
            ("account_sid", ACCOUNT),
            ("service_sid", SERVICE),
            ("transcript_sid", TRANSCRIPT),
            ("customer_key", KEY),
            ("event_type", "voice_intelligence_transcript_available"),
        ]
    }

    /// Reads the fields as JSON and as a form, which say the same.
    fn read_notice(fields: &[(&str, &str)]) -> Result<Notice, FieldError> {
        let object: Map<String, Value> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let json = Notice::from_json(Value::Object(object).to_string().as_bytes());
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let form = Notice::from_form(&Form::parse(form.as_bytes()).unwrap());
        assert_eq!(json, form);
        json
    }

    #[test]
    fn a_notice_is_read_as_json_and_as_a_form() {
        let mut fields = notice_fields();
        let notice = read_notice(&fields).unwrap();
        assert_eq!(notice.transcript, TRANSCRIPT.parse().unwrap());
        assert_eq!(notice.key.as_deref(), Some(KEY));
        assert!(notice.is_available);
        fields[3] = ("customer_key", "");
        fields[4] = ("event_type", "something_else");
        fields.push((
            "encryption_credential_sid",
            "CR0123456789abcdef0123456789abcdef",
        ));
        let notice = read_notice(&fields).unwrap();
        assert_eq!((notice.key, notice.is_available), (None, false));
        let null = format!(
            r#"{{"account_sid":"{ACCOUNT}","service_sid":"{SERVICE}","transcript_sid":"{TRANSCRIPT}","customer_key":null,"event_type":"x"}}"#
        );
        assert_eq!(Notice::from_json(null.as_bytes()).unwrap().key, None);
    }

    #[test]
    fn what_is_no_notice_is_refused() {
        for field in ["account_sid", "service_sid", "transcript_sid", "event_type"] {
            let mut fields = notice_fields();
            fields.retain(|(name, _)| *name != field);
            let missing = read_notice(&fields).unwrap_err();
            assert_eq!(
                (missing.field, missing.problem),
                (field, FieldProblem::Missing)
            );
        }
        let mut fields = notice_fields();
        fields[2] = ("transcript_sid", "GT1");
        assert_eq!(read_notice(&fields).unwrap_err().field, "transcript_sid");
        let repeated = format!("{}&account_sid={ACCOUNT}", {
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs(notice_fields())
                .finish()
        });
        let error = Notice::from_form(&Form::parse(repeated.as_bytes()).unwrap()).unwrap_err();
        assert_eq!(
            (error.field, error.problem),
            ("account_sid", FieldProblem::Repeated)
        );
        for body in [
            "",
            "[]",
            "no JSON",
            r#"{"transcript_sid":1}"#,
            r#"{"transcript_sid":"GT0123456789abcdef0123456789abcdef","transcript_sid":"GT0123456789abcdef0123456789abcdef"}"#,
        ] {
            assert!(Notice::from_json(body.as_bytes()).is_err(), "{body}");
        }
    }
}
