//! The values of fields, which code checks: whatever the model reads, nothing is stored that is not
//! of its field's kind.
//!
//! Not here: which field a message answers (`extraction`).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::FieldKind,
    messaging::{inbound::clean, keywords::folded},
};

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// One text.
    Text(String),
    /// Several texts, never none.
    List(Vec<String>),
    /// Several entries with the field's parts, never none.
    Entries(Vec<BTreeMap<String, String>>),
}

/// Why a value is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueProblem {
    /// It is not of the form that the model was asked for.
    Form,
    /// It is too long.
    TooLong,
    /// It is no e-mail address.
    Email,
    /// It is no phone number with its country code.
    Phone,
    /// It is no web address.
    Url,
    /// It is no date.
    Date,
    /// It is none of the choices.
    Choice,
    /// An entry lacks one of its parts.
    Part,
}

/// The most bytes of a text.
const MAX_TEXT: usize = 4000;
/// The most items of a list.
const MAX_ITEMS: usize = 20;
/// The most bytes of all items of a list together.
const MAX_LIST: usize = 8000;

impl FieldValue {
    /// All its texts.
    #[must_use]
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text(text) => vec![text],
            Self::List(items) => items.iter().map(String::as_str).collect(),
            Self::Entries(entries) => entries
                .iter()
                .flat_map(|entry| entry.values().map(String::as_str))
                .collect(),
        }
    }

    /// The bytes of its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.texts().iter().map(|text| text.len()).sum()
    }

    /// The value as a contact reads it.
    #[must_use]
    pub fn shown(&self) -> String {
        let lines: Vec<String> = match self {
            Self::Text(text) => return text.clone(),
            Self::List(items) => items.iter().map(|item| format!("- {item}")).collect(),
            Self::Entries(entries) => {
                let shown = |entry: &BTreeMap<String, String>| {
                    let parts = entry.iter().map(|(part, text)| format!("{part}: {text}"));
                    format!("- {}", parts.collect::<Vec<_>>().join("; "))
                };
                entries.iter().map(shown).collect()
            }
        };
        format!("\n{}", lines.join("\n"))
    }
}

/// The value of a field of that kind. It is brought into one form, where that changes nothing of its
/// meaning.
///
/// # Errors
/// When it is not of that kind.
pub fn check(kind: &FieldKind, raw: &Value) -> Result<FieldValue, ValueProblem> {
    match kind {
        FieldKind::List => list(raw).map(FieldValue::List),
        FieldKind::Entries(parts) => entries(parts, raw).map(FieldValue::Entries),
        kind => {
            let text = text(raw)?;
            let checked = match kind {
                FieldKind::Email => email(&text).ok_or(ValueProblem::Email),
                FieldKind::Phone => phone(&text).ok_or(ValueProblem::Phone),
                FieldKind::Url => url(&text).ok_or(ValueProblem::Url),
                FieldKind::Date => date(&text).ok_or(ValueProblem::Date),
                FieldKind::Choice(choices) => choice(choices, &text).ok_or(ValueProblem::Choice),
                FieldKind::Text | FieldKind::List | FieldKind::Entries(_) => Ok(text),
            };
            checked.map(FieldValue::Text)
        }
    }
}

/// The choice of that text, or of that number, counted from 1.
pub(super) fn choice_or_number(choices: &[String], text: &str) -> Option<String> {
    let number = || {
        let digits = text.trim().trim_end_matches(['.', ')']);
        let at: usize = digits.parse().ok()?;
        choices.get(at.checked_sub(1)?).cloned()
    };
    choice(choices, text).or_else(number)
}

fn text(raw: &Value) -> Result<String, ValueProblem> {
    let text = clean(raw.as_str().ok_or(ValueProblem::Form)?);
    match text.trim() {
        "" => Err(ValueProblem::Form),
        text if text.len() > MAX_TEXT => Err(ValueProblem::TooLong),
        text => Ok(text.to_owned()),
    }
}

/// The items of a list: a text alone is a list of one.
fn items(raw: &Value) -> Result<&[Value], ValueProblem> {
    let items = match raw {
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    match items.len() {
        0 => Err(ValueProblem::Form),
        count if count > MAX_ITEMS => Err(ValueProblem::TooLong),
        _ => Ok(items),
    }
}

fn list(raw: &Value) -> Result<Vec<String>, ValueProblem> {
    let texts = items(raw)?.iter().map(text);
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let bytes: usize = texts.iter().map(String::len).sum();
    if bytes > MAX_LIST {
        return Err(ValueProblem::TooLong);
    }
    Ok(texts)
}

fn entries(parts: &[String], raw: &Value) -> Result<Vec<BTreeMap<String, String>>, ValueProblem> {
    let mut entries = Vec::new();
    let mut bytes: usize = 0;
    for item in items(raw)? {
        let item = item.as_object().ok_or(ValueProblem::Form)?;
        let mut entry = BTreeMap::new();
        for part in parts {
            let said = item.get(part).unwrap_or(&Value::Null);
            let said = text(said).map_err(|problem| match problem {
                ValueProblem::Form => ValueProblem::Part,
                other => other,
            })?;
            bytes = bytes.saturating_add(said.len());
            entry.insert(part.clone(), said);
        }
        entries.push(entry);
    }
    if bytes > MAX_LIST {
        return Err(ValueProblem::TooLong);
    }
    Ok(entries)
}

/// An address `local@domain`, without a name around it. Its domain has a dot.
fn email(text: &str) -> Option<String> {
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .unwrap_or(text);
    let (local, domain) = text.split_once('@')?;
    let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let fits = (1..=64).contains(&local.len())
        && local.chars().all(is_local)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && text.len() <= 254
        && is_domain(domain);
    fits.then(|| text.to_owned())
}

/// A name with a dot: no address of a machine, no `localhost`.
fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let mut labels = domain.split('.');
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && labels.all(is_label)
        && top.chars().count() >= 2
        && top.chars().any(char::is_alphabetic)
}

/// A number in E.164. Spaces, dots, hyphens and one pair of brackets are left out. Without a `+`
/// nobody knows the country, and `(0)` is dialled in some countries and not in others.
fn phone(text: &str) -> Option<String> {
    if text.contains("(0)") {
        return None;
    }
    let digits = text.strip_prefix('+')?;
    let is_known = |c: char| c.is_ascii_digit() || " .-()/\u{A0}\u{202F}\u{2011}".contains(c);
    let number: String = digits.chars().filter(char::is_ascii_digit).collect();
    let fits = digits.chars().all(is_known)
        && (7..=15).contains(&number.len())
        && !number.starts_with('0');
    fits.then(|| format!("+{number}"))
}

/// A URL of the web. A host alone, or one that begins with `www.`, gets the scheme that is meant.
fn url(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let whole = match lower.split_once("://") {
        Some(("http" | "https", _)) => text.to_owned(),
        Some(_) => return None,
        None => format!("https://{text}"),
    };
    let (_, rest) = whole.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (host, port) = authority.split_once(':').unwrap_or((authority, "443"));
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"\"<>\\^`{|}".contains(c);
    let fits = is_domain(host)
        && port.parse::<u16>().is_ok_and(|port| port > 0)
        && whole.chars().all(is_plain)
        && whole.len() <= 2000;
    fits.then_some(whole)
}

/// A date of the calendar, as `2026-12-05`.
fn date(text: &str) -> Option<String> {
    let is_form = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    is_form.then(|| date.format("%Y-%m-%d").to_string())
}

fn choice(choices: &[String], text: &str) -> Option<String> {
    let said = folded(text);
    let found = choices.iter().find(|choice| folded(choice) == said);
    found.filter(|_| !said.is_empty()).cloned()
}
