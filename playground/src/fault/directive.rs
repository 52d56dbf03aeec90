//! Directives: faults written into a message, such as `[fault status=503 delay=2s]`.

use std::time::Duration;

use super::kinds::{Service, from_word};
use super::order::Fault;

impl Fault {
    /// The fault in the directives for `service` in a message, such as `[fault status=503
    /// delay=2s]`. `None` if there is no directive.
    ///
    /// # Errors
    /// A sentence that names the directive or the setting that cannot be read.
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
                .target_service(&settings)?
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

    /// Applies one setting of a directive.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            // It was read before, to find the service.
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
            "tool" => self.tool = Some(from_word(name, value)?),
            "server" => self.server = Some(from_word(name, value)?),
            "endpoint" => self.endpoint = Some(from_word(name, value)?),
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
                    "`{name}` is not a setting. \
                     Use status, delay, body, connection, code, retry-after, server, endpoint, tool \
                     or service"
                ));
            }
        }
        Ok(())
    }
}

/// `text` without the directives for `service`. Directives for the other service stay, because the
/// text may be sent on to it.
pub fn without_directives(service: Service, text: &str) -> String {
    let kept: String = pieces(text)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Text(text) => Some(text),
            Piece::Directive(directive) => {
                let target_service = directive
                    .settings()
                    .and_then(|settings| directive.target_service(&settings))
                    .unwrap_or(None);
                target_service
                    .is_some_and(|other| other != service)
                    .then_some(directive.text)
            }
        })
        .collect();
    kept.trim().to_owned()
}

/// A piece of a message.
enum Piece<'a> {
    Text(&'a str),
    Directive(Directive<'a>),
}

/// A directive with its brackets. The closing bracket is missing if the message ends early.
struct Directive<'a> {
    text: &'a str,
}

impl Directive<'_> {
    /// The `name=value` settings, with names in lower case.
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

    /// The service that the directive is for, if it names one.
    fn target_service(&self, settings: &[(String, String)]) -> Result<Option<Service>, String> {
        settings
            .iter()
            .find(|(name, _)| name == "service")
            .map(|(name, value)| from_word(name, value))
            .transpose()
            .map_err(|reason| format!("{}: {reason}", self.text))
    }
}

const OPENING: &str = "[fault";

/// Splits a message at its directives. White space or the closing bracket must follow `[fault`, so
/// `[faulty]` is not a directive.
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

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops where it fails"
)]
mod tests {
    use super::super::kinds::{BodyFault, ConnectionFault};
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
}
