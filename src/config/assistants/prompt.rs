//! The system prompt: a text with variables that the Worker fills in.
//!
//! Nothing that a contact says ever becomes part of it. The parts that stay the same come first,
//! because OpenAI caches the beginning of a request: a paragraph with `{{date}}`, `{{time}}` or
//! `{{weekday}}` moves to the end. Not here: sending it (`openai::request`).

use chrono::{DateTime, FixedOffset};

use super::super::parsers;
use crate::{
    base::time::UnixMillis,
    identity::{Channel, Medium},
};

/// A system prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The paragraphs that stay the same.
    constant: String,
    /// The paragraphs that tell the time.
    changing: String,
    /// The time zone of its times, by its IANA name. Without one it is UTC.
    time_zone: Option<String>,
}

/// The variables of a prompt.
const VARIABLES: [&str; 4] = ["date", "time", "weekday", "channel"];
/// Those of them whose value changes within a conversation.
const CHANGING: [&str; 3] = ["{{date}}", "{{time}}", "{{weekday}}"];

impl Prompt {
    /// Reads a prompt.
    ///
    /// # Errors
    /// A sentence that says what is wrong with a variable.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = normalized(text)?;
        let (changing, constant): (Vec<&str>, Vec<&str>) = text
            .split("\n\n")
            .filter(|paragraph| !paragraph.trim().is_empty())
            .partition(|paragraph| CHANGING.iter().any(|variable| paragraph.contains(variable)));
        if constant.is_empty() && changing.is_empty() {
            return Err("must not be blank".to_owned());
        }
        Ok(Self {
            constant: constant.join("\n\n").trim().to_owned(),
            changing: changing.join("\n\n").trim().to_owned(),
            time_zone: None,
        })
    }

    /// The prompt with its times in that time zone.
    #[must_use]
    pub fn in_time_zone(self, time_zone: Option<String>) -> Self {
        Self { time_zone, ..self }
    }

    /// The time zone that [`Self::render`] needs the offset of, if it needs one.
    #[must_use]
    pub fn needs_offset_of(&self) -> Option<&str> {
        self.time_zone
            .as_deref()
            .filter(|_| !self.changing.is_empty())
    }

    /// The prompt at that moment. `offset` is that of the time zone from UTC, in minutes.
    #[must_use]
    pub fn render(&self, now: UnixMillis, offset: i32, medium: Medium) -> String {
        let channel = match medium {
            Medium::Messages(Channel::Sms) => "SMS",
            Medium::Messages(Channel::WhatsApp) => "WhatsApp",
            Medium::Messages(Channel::Rcs) => "RCS",
            Medium::Messages(Channel::Messenger) => "Messenger",
            Medium::Call | Medium::Synthetic => "phone",
        };
        let mut text = self.constant.clone();
        if !self.changing.is_empty() {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            let local = local(now, offset);
            let format = |pattern: &str| local.format(pattern).to_string();
            text.push_str(
                &self
                    .changing
                    .replace("{{date}}", &format("%Y-%m-%d"))
                    .replace("{{time}}", &format("%H:%M"))
                    .replace("{{weekday}}", &format("%A")),
            );
        }
        text.replace("{{channel}}", channel)
    }
}

/// The text with Unix line ends, and its variables without spaces.
fn normalized(text: &str) -> Result<String, String> {
    let text = text.replace("\r\n", "\n");
    let mut pieces = text.split("{{");
    let mut normalized = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let Some((name, rest)) = piece.split_once("}}") else {
            return Err("has a {{ without its }}".to_owned());
        };
        let name = name.trim();
        if !VARIABLES.contains(&name) {
            let nearest = parsers::nearest(name, VARIABLES, |known| known).unwrap_or_default();
            return Err(format!(
                "has a variable that is not known; there are {{{{date}}}}, {{{{time}}}}, \
                 {{{{weekday}}}} and {{{{channel}}}}, and the nearest is {{{{{nearest}}}}}"
            ));
        }
        normalized.push_str("{{");
        normalized.push_str(name);
        normalized.push_str("}}");
        normalized.push_str(rest);
    }
    Ok(normalized)
}

fn local(now: UnixMillis, offset: i32) -> DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(offset.saturating_mul(60));
    let zone = offset.unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc));
    let millis = i64::try_from(now.0).unwrap_or(i64::MAX);
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .with_timezone(&zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-27, 08:05 UTC, a Friday.
    const NOW: UnixMillis = UnixMillis(1_795_766_700_000);

    fn render(text: &str, offset: i32) -> String {
        let prompt = Prompt::parse(text).unwrap();
        prompt.render(NOW, offset, Medium::Messages(Channel::WhatsApp))
    }

    #[test]
    fn variables_are_filled_in_the_time_zone() {
        let text = "On {{ channel }}, {{weekday}} {{date}} at {{time}}.";
        assert_eq!(render(text, 0), "On WhatsApp, Friday 2026-11-27 at 08:05.");
        assert_eq!(render(text, 60), "On WhatsApp, Friday 2026-11-27 at 09:05.");
        assert_eq!(
            render(text, -600),
            "On WhatsApp, Thursday 2026-11-26 at 22:05."
        );
    }

    #[test]
    fn paragraphs_that_tell_the_time_come_last() {
        let text = "Be kind.\n\nIt is {{time}}.\n\nUse {{channel}}.\n";
        assert_eq!(render(text, 0), "Be kind.\n\nUse WhatsApp.\n\nIt is 08:05.");
        let later = UnixMillis(NOW.0 + 3_600_000);
        let prompt = Prompt::parse(text).unwrap();
        let at = |now| prompt.render(now, 0, Medium::Messages(Channel::Sms));
        let same = at(NOW)
            .bytes()
            .zip(at(later).bytes())
            .take_while(|(a, b)| a == b)
            .count();
        assert!(same >= "Be kind.\n\nUse SMS.\n\n".len());
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_the_nearest_name() {
        let error = Prompt::parse("It is {{tiem}}.").unwrap_err();
        assert!(error.ends_with("the nearest is {{time}}"), "{error}");
        assert!(Prompt::parse("{{date").is_err());
        assert!(Prompt::parse(" \n\n ").is_err());
        assert_eq!(render("A { brace } and }}", 0), "A { brace } and }}");
    }

    #[test]
    fn only_a_prompt_that_tells_the_time_needs_the_offset() {
        let zone = || Some("Europe/Berlin".to_owned());
        let needs = |text| Prompt::parse(text).unwrap().in_time_zone(zone());
        assert_eq!(
            needs("It is {{time}}.").needs_offset_of(),
            Some("Europe/Berlin")
        );
        assert_eq!(needs("Hello.").needs_offset_of(), None);
    }
}
