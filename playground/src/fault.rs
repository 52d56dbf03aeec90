//! Faults: how the playground is told to fail, and which request the failure is for.
//!
//! A [`Fault`] comes from the control route (`POST /playground/faults`, kept in [`Faults`] until used up) or from a
//! directive written into a message, such as `[fault status=503]`. This module only decides; how a service looks while
//! failing is told in `exchange.rs` and in the service's own module.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

/// The services that the playground pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Chat Completions under `/v1`.
    Openai,
    /// The REST API under `/2010-04-01`, `/v1/Services` and `/v2`.
    Twilio,
}

impl Service {
    /// The name used in JSON, in directives and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Twilio => "twilio",
        }
    }
}

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

/// Fields of an error body to replace. `type` and `param` are OpenAI's, `more_info` is Twilio's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorOverrides {
    /// OpenAI: a word, such as `insufficient_quota`. Twilio: a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<serde_json::Value>,
    /// The text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// OpenAI's class of error.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The parameter that OpenAI blames.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// The page that Twilio points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_info: Option<String>,
}

/// What is wrong with the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyFault {
    /// Bytes that are neither JSON nor UTF-8, labelled as JSON.
    Garbage,
    /// Fewer bytes than `Content-Length` says, then the connection is closed.
    Truncated,
    /// An HTML page, as a proxy in between would send it.
    NotJson,
    /// No bytes at all.
    Empty,
    /// JSON, but not of the shape that was promised.
    WrongShape,
    /// Twilio: a file that is longer than 5 MB, of which its length says nothing.
    Oversize,
    /// OpenAI: no choice to take.
    NoChoices,
    /// OpenAI: an answer of no characters.
    EmptyAnswer,
    /// OpenAI: an answer of white space only.
    BlankAnswer,
    /// OpenAI: neither content nor refusal.
    NullAnswer,
    /// OpenAI: a refusal in place of the content.
    Refusal,
    /// OpenAI: cut off by the token limit, part of the answer is there.
    Length,
    /// OpenAI: cut off by the token limit before the first word, as reasoning models do.
    LengthEmpty,
    /// OpenAI: withheld by the content filter.
    ContentFilter,
    /// OpenAI: 20 000 characters, whatever the token limit says.
    Overlong,
}

impl BodyFault {
    /// True for the faults that only OpenAI's answers can have.
    pub fn is_openai_only(self) -> bool {
        !matches!(
            self,
            Self::Garbage
                | Self::Truncated
                | Self::NotJson
                | Self::Empty
                | Self::WrongShape
                | Self::Oversize
        )
    }
}

/// What happens to the TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionFault {
    /// Reset without an answer; nothing was done.
    Drop,
    /// Reset without an answer, after what was asked for has been done.
    ActThenDrop,
}

impl Fault {
    /// Reads the JSON of the control route.
    ///
    /// # Errors
    /// A sentence that names the field that cannot be read or does not fit the others.
    pub fn from_json(body: &[u8]) -> Result<Self, String> {
        let fault: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        fault.check()?;
        Ok(fault)
    }

    /// Reads the directives in a message that are meant for `service`, such as `[fault status=503 delay=2s]`.
    /// `None` when there is none.
    ///
    /// # Errors
    /// A sentence that names the directive or setting that cannot be read.
    pub fn from_text(service: Service, text: &str) -> Result<Option<Self>, String> {
        let mut fault = Self::new(service);
        let mut seen: Vec<String> = Vec::new();
        let mut found = false;
        for piece in pieces(text) {
            let Piece::Directive(directive) = piece else {
                continue;
            };
            let settings = directive.settings()?;
            if directive
                .addressee(&settings)?
                .is_some_and(|other| other != service)
            {
                continue;
            }
            found = true;
            for (name, value) in settings {
                if seen.contains(&name) {
                    return Err(format!("{}: `{name}` is given twice", directive.text));
                }
                fault
                    .set(&name, &value)
                    .map_err(|reason| format!("{}: {reason}", directive.text))?;
                seen.push(name);
            }
        }
        if !found {
            return Ok(None);
        }
        fault
            .check()
            .map_err(|reason| format!("fault directive: {reason}"))?;
        Ok(Some(fault))
    }

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

    /// Takes over one setting of a directive.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            // Already used to find the addressee.
            "service" => {}
            "status" => {
                self.status = Some(
                    value
                        .parse()
                        .map_err(|_| format!("`status={value}` is not a status"))?,
                );
            }
            "delay" => {
                self.delay_ms =
                    Some(milliseconds(value).ok_or_else(|| {
                        format!("`delay={value}` is not a time such as 2s or 500ms")
                    })?);
            }
            "body" => self.body = Some(from_word(name, value)?),
            "connection" => self.connection = Some(from_word(name, value)?),
            "code" => {
                let code = match (self.service, value.parse::<u32>()) {
                    (Service::Twilio, Ok(number)) => number.into(),
                    _ => value.into(),
                };
                self.error.get_or_insert_default().code = Some(code);
            }
            "retry-after" => {
                self.headers
                    .insert("Retry-After".to_owned(), value.to_owned());
            }
            _ => {
                return Err(format!(
                    "`{name}` is not a setting; there are status, delay, body, connection, code, retry-after and service"
                ));
            }
        }
        Ok(())
    }

    /// Refuses what cannot be done as asked.
    fn check(&self) -> Result<(), String> {
        let says_something = self.status.is_some()
            || self.delay_ms.is_some()
            || self.body.is_some()
            || self.connection.is_some()
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
            if body == BodyFault::Oversize && self.service != Service::Twilio {
                return Err("`body` oversize is for twilio only".to_owned());
            }
            if body.is_openai_only() && self.is_failure() {
                return Err(format!("`body` {} needs a successful status", word(&body)));
            }
        }
        if self.connection.is_some()
            && (self.status.is_some() || self.body.is_some() || !self.headers.is_empty())
        {
            return Err(
                "`connection` sends no answer, so status, body and headers cannot go with it"
                    .to_owned(),
            );
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

/// The faults that the control route has set and that are not used up, oldest first.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds one behind those that are there.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Those that are left.
    pub fn list(&self) -> Vec<Fault> {
        self.lock().clone()
    }

    /// Forgets all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Takes the oldest that fits a request of `service`; `contains` tells whether a text occurs in it.
    pub fn take(&self, service: Service, contains: impl Fn(&str) -> bool) -> Option<Fault> {
        let mut faults = self.lock();
        let position = faults.iter().position(|fault| {
            fault.service == service && fault.contains.as_deref().is_none_or(&contains)
        })?;
        let fault = faults.get_mut(position)?;
        fault.times = fault.times.saturating_sub(1);
        let taken = fault.clone();
        if taken.times == 0 {
            faults.remove(position);
        }
        Some(taken)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `text` without the directives meant for `service`: what the person wanted to say. Directives for the other service
/// stay, since the text may be on its way there.
pub fn without_directives(service: Service, text: &str) -> String {
    let kept: String = pieces(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Directive(directive) => {
                let addressee = directive
                    .settings()
                    .and_then(|settings| directive.addressee(&settings))
                    .unwrap_or(None);
                addressee
                    .is_some_and(|other| other != service)
                    .then_some(directive.text)
            }
        })
        .collect();
    kept.trim().to_owned()
}

/// A part of a message.
enum Piece<'a> {
    Text(&'a str),
    Directive(Directive<'a>),
}

/// A directive as written, brackets included; the closing one is missing when the message ends early.
struct Directive<'a> {
    text: &'a str,
}

impl Directive<'_> {
    /// The `name=value` settings in order, names in lower case.
    fn settings(&self) -> Result<Vec<(String, String)>, String> {
        let inner = self
            .text
            .get(OPENING.len()..)
            .and_then(|rest| rest.strip_suffix(']'))
            .ok_or_else(|| format!("{}: the closing bracket is missing", self.text))?;
        let settings: Vec<_> = inner
            .split_whitespace()
            .map(|setting| match setting.split_once('=') {
                Some((name, value)) if !value.is_empty() => {
                    Ok((name.to_ascii_lowercase(), value.to_owned()))
                }
                _ => Err(format!("{}: {setting:?} is not name=value", self.text)),
            })
            .collect::<Result<_, _>>()?;
        if settings.is_empty() {
            return Err(format!("{}: no setting is given", self.text));
        }
        Ok(settings)
    }

    /// The service that the directive names, if it names one.
    fn addressee(&self, settings: &[(String, String)]) -> Result<Option<Service>, String> {
        settings
            .iter()
            .find(|(name, _)| name == "service")
            .map(|(name, value)| from_word(name, value))
            .transpose()
            .map_err(|reason| format!("{}: {reason}", self.text))
    }
}

const OPENING: &str = "[fault";
const MAX_DELAY_MS: u64 = 600_000;
const FRAMING: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

fn once() -> u32 {
    1
}

/// Splits a message at its directives. `[faulty]` is none: white space or the closing bracket must follow the word.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    // ASCII lower-casing keeps every byte position.
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(start) = lower.get(from..).and_then(|rest| rest.find(OPENING)) {
        let start = from.saturating_add(start);
        let after = start.saturating_add(OPENING.len());
        from = after;
        let rest = text.get(after..).unwrap_or_default();
        if !rest
            .chars()
            .next()
            .is_none_or(|next| next.is_whitespace() || next == ']')
        {
            continue;
        }
        let end = rest.find(']').map_or(text.len(), |close| {
            after.saturating_add(close).saturating_add(1)
        });
        found.push(Piece::Text(text.get(done..start).unwrap_or_default()));
        found.push(Piece::Directive(Directive {
            text: text.get(start..end).unwrap_or_default(),
        }));
        done = end;
        from = end;
    }
    found.push(Piece::Text(text.get(done..).unwrap_or_default()));
    found
}

/// `2s`, `1.5s` or `500ms` in milliseconds.
fn milliseconds(value: &str) -> Option<u64> {
    let duration = if let Some(number) = value.strip_suffix("ms") {
        Duration::from_millis(number.parse().ok()?)
    } else {
        Duration::try_from_secs_f64(value.strip_suffix('s')?.parse().ok()?).ok()?
    };
    u64::try_from(duration.as_millis()).ok()
}

/// Reads a value that has its words from the JSON form.
fn from_word<T: for<'de> Deserialize<'de>>(name: &str, value: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(value.to_ascii_lowercase()))
        .map_err(|error| format!("`{name}={value}`: {error}"))
}

/// The word that stands for `value` in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it fails"
)]
mod tests {
    use super::*;

    fn read(text: &str) -> Fault {
        Fault::from_text(Service::Openai, text).unwrap().unwrap()
    }

    #[test]
    fn a_directive_gives_several_settings_at_once() {
        let fault = read("hi [fault status=503 delay=1.5s code=overloaded retry-after=2] there");
        assert_eq!(fault.status, Some(503));
        assert_eq!(fault.delay_ms, Some(1500));
        assert_eq!(fault.error.unwrap().code, Some("overloaded".into()));
        assert_eq!(
            fault.headers.get("Retry-After").map(String::as_str),
            Some("2")
        );
        assert_eq!(read("[FAULT body=garbage]").body, Some(BodyFault::Garbage));
        assert_eq!(
            read("[fault delay=20ms] [fault connection=drop]").connection,
            Some(ConnectionFault::Drop)
        );
    }

    #[test]
    fn text_without_a_directive_is_no_fault() {
        for text in ["", "hello", "[faulty]", "fault status=503", "[default]"] {
            assert_eq!(Fault::from_text(Service::Openai, text), Ok(None), "{text}");
        }
    }

    #[test]
    fn an_unreadable_directive_is_named() {
        for (text, named) in [
            ("[fault]", "[fault]"),
            ("x [fault status=503", "[fault status=503"),
            ("[fault status=abc]", "status=abc"),
            ("[fault status=99]", "99"),
            ("[fault status=70000]", "status=70000"),
            ("[fault delay=soon]", "delay=soon"),
            ("[fault delay=-1s]", "delay=-1s"),
            ("[fault colour=red]", "colour"),
            ("[fault body=odd]", "body=odd"),
            ("[fault status]", "\"status\""),
            ("[fault status=500 status=501]", "twice"),
            ("[fault service=mars status=500]", "mars"),
            ("[fault code=x]", "nothing to do"),
            ("[fault connection=drop status=500]", "no answer"),
        ] {
            let reason = Fault::from_text(Service::Openai, text).expect_err(text);
            assert!(reason.contains(named), "{text}: {reason}");
        }
    }

    #[test]
    fn a_directive_for_the_other_service_passes_through() {
        let text = "hello [fault service=twilio status=500] [fault delay=1ms]";
        let here = read(text);
        assert_eq!((here.status, here.delay_ms), (None, Some(1)));
        assert_eq!(
            without_directives(Service::Openai, text),
            "hello [fault service=twilio status=500]"
        );
        let there = Fault::from_text(Service::Twilio, "[fault service=twilio status=500]");
        assert_eq!(there.unwrap().unwrap().status, Some(500));
    }

    #[test]
    fn the_control_route_refuses_what_it_cannot_do() {
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

    #[test]
    fn a_fault_is_taken_as_often_as_it_was_ordered_and_only_where_it_fits() {
        let faults = Faults::default();
        let order = |json: &str| faults.add(Fault::from_json(json.as_bytes()).unwrap());
        order(r#"{"service":"openai","status":503,"times":2}"#);
        order(r#"{"service":"twilio","status":500,"contains":"needle"}"#);
        assert!(faults.take(Service::Twilio, |_| false).is_none());
        assert!(
            faults
                .take(Service::Twilio, |text| text == "needle")
                .is_some()
        );
        assert!(faults.take(Service::Openai, |_| false).is_some());
        assert_eq!(faults.list().len(), 1);
        assert!(faults.take(Service::Openai, |_| false).is_some());
        assert!(faults.take(Service::Openai, |_| false).is_none());
        assert!(faults.list().is_empty());
    }
}
