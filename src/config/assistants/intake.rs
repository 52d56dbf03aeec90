//! The guided intake of an assistant: the fields that it asks for, one question at a time, and what
//! becomes of them.
//!
//! Not here: the conversation that fills them (`messaging`).

use std::time::Duration;

use super::{
    super::toml_file::{Found, Table},
    secrets::Secrets,
    tools::{SignedUrl, optional_signed_url},
};

/// A guided intake.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Its fields, in the order of their questions; never empty.
    pub fields: Vec<IntakeField>,
    /// What the model is told about the draft that it makes of the fields.
    pub draft: String,
    /// Where the fields and the draft go.
    pub deliver_to: Option<SignedUrl>,
    /// How long an unfinished intake is kept after its last message. Without it, as long as the
    /// conversation.
    pub expires_after: Option<Duration>,
}

/// A field of an intake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntakeField {
    /// Its name: lower-case letters, digits and `_`.
    pub name: String,
    /// What a contact reads for its name.
    pub label: String,
    /// The question.
    pub ask: String,
    /// What an answer must be.
    pub kind: FieldKind,
    /// Whether it must be answered.
    pub required: bool,
}

/// What the value of a field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// One or more texts.
    List,
    /// One or more entries with these parts, such as a quote and its speaker.
    Entries(Vec<String>),
    /// An e-mail address.
    Email,
    /// A phone number in E.164.
    Phone,
    /// A web address.
    Url,
    /// A date.
    Date,
    /// One of these.
    Choice(Vec<String>),
}

/// The most fields of an intake.
const MAX_FIELDS: usize = 30;
/// The names of the kinds.
const KINDS: &str = "must be text, list, email, phone, url, date or choice";

/// The intake of a file.
pub(super) fn parse(file: &mut Table<'_, '_>, secrets: &mut Secrets<'_, '_>) -> Option<Intake> {
    let mut table = file.table("intake")?;
    let tables = table.tables("fields");
    if !(1..=MAX_FIELDS).contains(&tables.len()) {
        table.error("must have 1 to 30 fields");
    }
    let mut fields: Vec<IntakeField> = Vec::new();
    for field in tables {
        fields.extend(parse_field(field, &fields));
    }
    let draft = table.required_text("draft");
    let deliver_to = optional_signed_url(&mut table, "deliver_to", "secret", secrets);
    let expires_after = table.number("expires_after_minutes", 1..=1440);
    table.finish();
    Some(Intake {
        fields: (!fields.is_empty()).then_some(fields)?,
        draft: draft?.value.trim().to_owned(),
        deliver_to,
        expires_after: expires_after.map(|minutes| Duration::from_mins(minutes.into())),
    })
}

fn parse_field(mut table: Table<'_, '_>, others: &[IntakeField]) -> Option<IntakeField> {
    let name = table.required_text("name").and_then(|name| {
        let taken = others.iter().any(|other| other.name == name.value);
        name.parse(|text| field_name(text, taken))
    });
    let ask = table.required_text("ask");
    let label = table.text("label");
    let choices = table.texts("choices");
    let parts = table.texts("parts");
    let kind = table.text("kind");
    let kind = match kind.as_ref().map_or("text", |kind| kind.value) {
        "text" => Some(FieldKind::Text),
        "list" => Some(match &parts {
            Some(parts) => FieldKind::Entries(part_names(parts)),
            None => FieldKind::List,
        }),
        "email" => Some(FieldKind::Email),
        "phone" => Some(FieldKind::Phone),
        "url" => Some(FieldKind::Url),
        "date" => Some(FieldKind::Date),
        "choice" => Some(FieldKind::Choice(choice_texts(choices.as_deref(), &table))),
        _ => {
            if let Some(kind) = &kind {
                kind.error(KINDS);
            }
            None
        }
    };
    let is_list = matches!(kind, Some(FieldKind::List | FieldKind::Entries(_)) | None);
    if parts.is_some() && !is_list {
        table.error("has parts, which only a list can have");
    }
    if choices.is_some() && !matches!(kind, Some(FieldKind::Choice(_)) | None) {
        table.error("has choices, which only a choice can have");
    }
    let required = table.flag("required").unwrap_or(true);
    table.finish();
    let name = name?;
    Some(IntakeField {
        label: label.map_or_else(|| name.replace('_', " "), |label| label.value.to_owned()),
        name,
        ask: ask?.value.trim().to_owned(),
        kind: kind?,
        required,
    })
}

fn field_name(text: &str, is_taken: bool) -> Result<String, &'static str> {
    let is_name = text.len() <= 40
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match () {
        () if !is_name => {
            Err("must begin with a lower-case letter and have only those, digits and _, at most 40")
        }
        () if is_taken => Err("is the name of another field"),
        () => Ok(text.to_owned()),
    }
}

fn part_names(parts: &[Found<'_, '_, &str>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        let taken = names.iter().any(|name| name == part.value);
        names.extend(part.parse(|text| field_name(text, taken)));
    }
    names
}

fn choice_texts(choices: Option<&[Found<'_, '_, &str>]>, table: &Table<'_, '_>) -> Vec<String> {
    let choices = choices.unwrap_or_default();
    if !(2..=20).contains(&choices.len()) {
        table.error("is a choice, so it must have 2 to 20 choices");
    }
    let mut texts: Vec<String> = Vec::new();
    for choice in choices {
        let text = choice.value.trim();
        let taken = texts
            .iter()
            .any(|other| other.to_lowercase() == text.to_lowercase());
        if text.is_empty() || text.chars().count() > 80 || taken {
            choice.error("must be a text of its own, 1 to 80 characters");
        } else {
            texts.push(text.to_owned());
        }
    }
    texts
}
