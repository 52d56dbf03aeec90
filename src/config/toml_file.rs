//! Reads a TOML file field by field, and collects what is wrong with it: all errors at once, each
//! with its line and field.
//!
//! A field that nobody asked for is an error, with the nearest name that exists. No error repeats a
//! value. Not here: which fields there are (`assistants`, `personas`).

use std::{cell::RefCell, ops::Range};

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{parsers, reader::FileError};

/// A file that is read.
pub(super) struct Reader<'f> {
    path: String,
    text: &'f str,
    errors: RefCell<Vec<FileError>>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(path: String, text: &'f str) -> Self {
        Self {
            path,
            text,
            errors: RefCell::default(),
        }
    }

    /// The whole file as TOML, if it is TOML.
    pub(super) fn parse(&self) -> Option<DeTable<'f>> {
        match DeTable::parse(self.text) {
            Ok(table) => Some(table.into_inner()),
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                self.error(&span, "", format!("is not TOML: {}", error.message()));
                None
            }
        }
    }

    /// The line of a place, from 1.
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.matches('\n').count().saturating_add(1)
    }

    /// Adds an error.
    pub(super) fn error(
        &self,
        span: &Range<usize>,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) {
        let line = self.line(span);
        self.errors.borrow_mut().push(FileError {
            file: self.path.clone(),
            line,
            field: field.into(),
            problem: problem.into(),
        });
    }

    /// All errors, in the order of their lines.
    pub(super) fn into_errors(self) -> Vec<FileError> {
        let mut errors = self.errors.into_inner();
        errors.sort();
        errors
    }
}

/// A table of a file: its fields, and where it stands.
pub(super) struct Table<'r, 'f> {
    reader: &'r Reader<'f>,
    fields: &'r DeTable<'f>,
    span: Range<usize>,
    /// The path of the table, with a dot at its end; empty for the file itself.
    prefix: String,
    /// The names of all fields that were asked for.
    known: Vec<&'static str>,
}

/// A value of a field, with its place.
pub(super) struct Found<'r, 'f, T> {
    reader: &'r Reader<'f>,
    pub(super) span: Range<usize>,
    /// The field's path.
    pub(super) field: String,
    pub(super) value: T,
}

impl<'r, 'f, T> Found<'r, 'f, T> {
    /// Another value at the same place.
    fn with<U>(self, value: U) -> Found<'r, 'f, U> {
        Found {
            reader: self.reader,
            span: self.span,
            field: self.field,
            value,
        }
    }

    /// The line on which the value stands, from 1.
    pub(super) fn line(&self) -> usize {
        self.reader.line(&self.span)
    }

    /// Reports what the value must be.
    pub(super) fn error(&self, problem: impl Into<String>) {
        self.reader.error(&self.span, self.field.clone(), problem);
    }

    /// The parsed value. If it does not parse, that is reported.
    pub(super) fn parse<U, P: Into<String>>(
        &self,
        parse: impl FnOnce(&T) -> Result<U, P>,
    ) -> Option<U> {
        parse(&self.value)
            .map_err(|problem| self.error(problem))
            .ok()
    }
}

impl<'r, 'f> Table<'r, 'f> {
    /// The table of the whole file.
    pub(super) fn of_file(reader: &'r Reader<'f>, table: &'r DeTable<'f>) -> Self {
        Self {
            reader,
            fields: table,
            span: 0..0,
            prefix: String::new(),
            known: Vec::new(),
        }
    }

    /// The table that stands there.
    fn of(found: Found<'r, 'f, &'r DeTable<'f>>) -> Self {
        Self {
            reader: found.reader,
            fields: found.value,
            span: found.span,
            prefix: format!("{}.", found.field),
            known: Vec::new(),
        }
    }

    /// A text.
    pub(super) fn text(&mut self, name: &'static str) -> Option<Found<'r, 'f, &'r str>> {
        self.typed(name, "a text in quotation marks", DeValue::as_str)
    }

    /// A text that must be there.
    pub(super) fn required_text(&mut self, name: &'static str) -> Option<Found<'r, 'f, &'r str>> {
        let found = self.text(name);
        if found.is_none() && !self.has(name) {
            self.missing(name);
        }
        found.filter(|found| {
            let blank = found.value.trim().is_empty();
            if blank {
                found.error("must not be blank");
            }
            !blank
        })
    }

    /// A whole number within a range.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let what = format!(
            "must be a whole number, {} to {}",
            range.start(),
            range.end()
        );
        let found = self.found(name)?;
        let number = found
            .value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            found.error(what);
        }
        number
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let found = self.typed(name, "true or false", DeValue::as_bool);
        found.map(|found| found.value)
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<Found<'r, 'f, &'r str>>> {
        let entries = self.list(name, "a list of texts")?;
        let text = |entry: Found<'r, 'f, &'r DeValue<'f>>| {
            let Some(value) = entry.value.as_str() else {
                entry.error("must be a text in quotation marks");
                return None;
            };
            Some(entry.with(value))
        };
        Some(entries.into_iter().filter_map(text).collect())
    }

    /// A table.
    pub(super) fn table(&mut self, name: &'static str) -> Option<Table<'r, 'f>> {
        let found = self.typed(name, "a table", DeValue::as_table)?;
        Some(Table::of(found))
    }

    /// A list of tables.
    pub(super) fn tables(&mut self, name: &'static str) -> Vec<Table<'r, 'f>> {
        let entries = self.list(name, "a list of tables").unwrap_or_default();
        let table = |entry: Found<'r, 'f, &'r DeValue<'f>>| {
            let Some(fields) = entry.value.as_table() else {
                entry.error("must be a table");
                return None;
            };
            Some(Table::of(entry.with(fields)))
        };
        entries.into_iter().filter_map(table).collect()
    }

    /// A value of any kind, as JSON.
    pub(super) fn json(&mut self, name: &'static str) -> Option<Found<'r, 'f, Value>> {
        let found = self.found(name)?;
        let Some(value) = json(found.value) else {
            found.error("must not hold dates, infinities or numbers that are too large");
            return None;
        };
        Some(found.with(value))
    }

    /// All entries, whatever their names.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (&'r str, Found<'r, 'f, &'r DeValue<'f>>)> {
        self.fields.iter().map(|(name, value)| {
            let name: &str = name.get_ref();
            let found = Found {
                reader: self.reader,
                span: value.span(),
                field: format!("{}{name}", self.prefix),
                value: value.get_ref(),
            };
            (name, found)
        })
    }

    /// Whether a field is there, of whatever type.
    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Reports a field that is missing.
    pub(super) fn missing(&mut self, name: &'static str) {
        self.known.push(name);
        let field = format!("{}{name}", self.prefix);
        self.reader.error(&self.span, field, "is missing");
    }

    /// Reports a problem of the table as a whole.
    pub(super) fn error(&self, problem: impl Into<String>) {
        let field = self.prefix.trim_end_matches('.');
        self.reader.error(&self.span, field, problem);
    }

    /// Reports every field that nobody asked for.
    pub(super) fn finish(self) {
        for (name, _) in self.fields {
            let name_text: &str = name.get_ref();
            if self.known.contains(&name_text) {
                continue;
            }
            let nearest = parsers::nearest(name_text, &self.known, |known| known);
            let problem = nearest.map_or_else(
                || "is not a field here".to_owned(),
                |nearest| format!("is not a field here; the nearest is {nearest}"),
            );
            let field = format!("{}{name_text}", self.prefix);
            self.reader.error(&name.span(), field, problem);
        }
    }

    fn found(&mut self, name: &'static str) -> Option<Found<'r, 'f, &'r DeValue<'f>>> {
        self.known.push(name);
        let value = self.fields.get(name)?;
        Some(Found {
            reader: self.reader,
            span: value.span(),
            field: format!("{}{name}", self.prefix),
            value: value.get_ref(),
        })
    }

    fn typed<T>(
        &mut self,
        name: &'static str,
        what: &str,
        take: impl FnOnce(&'r DeValue<'f>) -> Option<T>,
    ) -> Option<Found<'r, 'f, T>> {
        let found = self.found(name)?;
        let Some(value) = take(found.value) else {
            found.error(format!("must be {what}"));
            return None;
        };
        Some(found.with(value))
    }

    fn list(
        &mut self,
        name: &'static str,
        what: &str,
    ) -> Option<Vec<Found<'r, 'f, &'r DeValue<'f>>>> {
        let found = self.typed(name, what, DeValue::as_array)?;
        let entry = |(at, entry): (usize, &'r Spanned<DeValue<'f>>)| Found {
            reader: self.reader,
            span: entry.span(),
            field: format!("{}[{at}]", found.field),
            value: entry.get_ref(),
        };
        Some(found.value.iter().enumerate().map(entry).collect())
    }
}

/// A TOML value as JSON, if JSON has it.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()?
            .into(),
        DeValue::Float(number) => Value::Number(Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(_) => return None,
        DeValue::Array(entries) => {
            let entries = entries.iter().map(|entry| json(entry.get_ref()));
            Value::Array(entries.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let entries = table.iter().map(|(name, value)| {
                Some((name.get_ref().clone().into_owned(), json(value.get_ref())?))
            });
            Value::Object(entries.collect::<Option<Map<_, _>>>()?)
        }
    })
}
