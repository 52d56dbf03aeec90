//! The body of an error: its codes, its sentences, and the parameters that it names.
//!
//! Not here: what they mean (`error`).

use serde_json::Value;

use crate::config::{Field, Fields};

/// What a body says about an error, in lower case.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Codes and types.
    codes: Vec<String>,
    /// Sentences.
    texts: Vec<String>,
    /// Parameters.
    params: Vec<String>,
}

/// How deep errors lie inside each other at most.
const MAX_DEPTH: usize = 8;
/// The longest part of a text that is read, in characters.
const MAX_TEXT: usize = 2000;
/// The most texts of a kind that are read.
const MAX_TEXTS: usize = 32;

impl Described {
    /// Reads a body. One that is not JSON is one sentence.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut described = Self::default();
        match serde_json::from_slice(body) {
            Ok(value) => described.take(&value, MAX_DEPTH),
            Err(_) => described.add_text(&String::from_utf8_lossy(body), 0),
        }
        described
    }

    /// Reads an error that is JSON.
    pub(super) fn of(error: &Value) -> Self {
        let mut described = Self::default();
        described.take(error, MAX_DEPTH);
        described
    }

    /// Whether a code is one of these.
    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        self.codes.iter().any(|code| codes.contains(&code.as_str()))
    }

    /// Whether one sentence has all words of one of these rows.
    pub(super) fn says(&self, rows: &[&[&str]]) -> bool {
        self.texts.iter().any(|text| {
            rows.iter()
                .any(|words| words.iter().all(|word| text.contains(word)))
        })
    }

    /// The optional fields that it names: by a parameter, or else in a sentence.
    pub(super) fn fields(&self) -> Fields {
        let params = self.params.iter().map(String::as_str);
        let by_param: Fields = params.filter_map(named).collect();
        if !by_param.is_empty() {
            return by_param;
        }
        let in_texts = self.texts.iter().map(|text| named_in(text));
        in_texts.fold(Fields::default(), Fields::and)
    }

    fn take(&mut self, value: &Value, depth: usize) {
        let Some(below) = depth.checked_sub(1) else {
            return;
        };
        match value {
            Value::String(text) => self.add_text(text, below),
            Value::Array(values) => values.iter().for_each(|value| self.take(value, below)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.take_field(name, value, below);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes a field of an object. Unknown fields may repeat the request, and are passed over.
    fn take_field(&mut self, name: &str, value: &Value, depth: usize) {
        match (name, value) {
            ("code" | "type" | "status" | "reason", Value::String(code)) => {
                push(&mut self.codes, code);
            }
            ("code", Value::Number(code)) => push(&mut self.codes, &code.to_string()),
            ("param", Value::String(param)) => push(&mut self.params, param),
            // FastAPI: the way to the value, from `body` on.
            ("loc", Value::Array(way)) => {
                for step in way.iter().filter_map(Value::as_str) {
                    push(&mut self.params, step);
                }
            }
            (
                "error" | "errors" | "innererror" | "inner_error" | "message" | "msg" | "detail"
                | "details" | "description" | "error_description" | "title" | "metadata" | "raw"
                | "fieldViolations" | "failure" | "body",
                value,
            ) => self.take(value, depth),
            _ => {}
        }
    }

    /// Adds a sentence. One that is JSON itself is an error of the server behind.
    fn add_text(&mut self, text: &str, depth: usize) {
        let inner = text.trim_start().starts_with(['{', '[']);
        match serde_json::from_str::<Value>(text).ok().filter(|_| inner) {
            Some(value) => self.take(&value, depth),
            None => push(&mut self.texts, text),
        }
    }
}

fn push(texts: &mut Vec<String>, text: &str) {
    if texts.len() < MAX_TEXTS {
        let beginning: String = text.chars().take(MAX_TEXT).collect();
        texts.push(beginning.to_lowercase().replace('\u{2019}', "'"));
    }
}

/// The fields that a sentence names. What it recommends instead is not among them, and of the two
/// names of the token limit only the first is.
fn named_in(text: &str) -> Fields {
    let recommends = [
        " use ",
        ". use",
        "did you mean",
        "instead of",
        "supported parameters",
    ];
    let ends = recommends.iter().filter_map(|words| text.find(words));
    let refused = ends.min().and_then(|end| text.get(..end));
    let named = refused.map(words_in).filter(|named| !named.is_empty());
    named.unwrap_or_else(|| words_in(text))
}

/// The fields whose names a text has.
fn words_in(text: &str) -> Fields {
    let places = Field::ALL.map(|field| place_of(field, text).map(|at| (at, field)));
    let named: Fields = places.iter().flatten().map(|(_, field)| *field).collect();
    let limits = [Field::MaxCompletionTokens, Field::MaxTokens];
    let mut of_limit: Vec<_> = places
        .into_iter()
        .flatten()
        .filter(|(_, field)| limits.contains(field))
        .collect();
    of_limit.sort_by_key(|(at, _)| *at);
    let later = of_limit.iter().skip(1).map(|(_, field)| *field);
    named.without(later.collect())
}

/// Other names that endpoints give to a field, in lower case.
const OTHER_NAMES: [(Field, &str); 24] = [
    (Field::ReasoningEffort, "reasoningeffort"),
    (Field::ReasoningEffort, "reasoning effort"),
    (Field::ReasoningEffort, "reasoning.effort"),
    (Field::ReasoningEffort, "support thinking"),
    (Field::ReasoningEffort, "thinking budget"),
    (Field::ReasoningEffort, "thinking level"),
    (Field::ReasoningEffort, "thinking mode"),
    (Field::MaxCompletionTokens, "maxcompletiontokens"),
    (Field::MaxTokens, "maxtokens"),
    (Field::MaxTokens, "maxoutputtokens"),
    (Field::MaxTokens, "max_output_tokens"),
    (Field::Tools, "functions"),
    (Field::Tools, "function calling"),
    (Field::Tools, "function call"),
    (Field::Tools, "tool calling"),
    (Field::Tools, "tool calls"),
    (Field::Tools, "tool use"),
    (Field::Tools, "tool choice"),
    (Field::Tools, "tool parser"),
    (Field::Tools, "tools param"),
    (Field::ReasoningContent, "reasoning_details"),
    (Field::ReasoningContent, ".reasoning"),
    (Field::ReasoningContent, "extra_content"),
    (Field::ReasoningContent, "provider_specific_fields"),
];

/// The field of that name, or of a name that endpoints give to it.
fn named(name: &str) -> Option<Field> {
    let other = OTHER_NAMES.iter().find(|(_, other)| *other == name);
    Field::named(name).or(other.map(|(field, _)| *field))
}

/// Where a sentence has a name of the field.
fn place_of(field: Field, text: &str) -> Option<usize> {
    let others = OTHER_NAMES.iter().filter(|(other, _)| *other == field);
    let names = [field.name()]
        .into_iter()
        .chain(others.map(|(_, name)| *name));
    names.filter_map(|name| place_of_name(name, text)).min()
}

/// Where a sentence has a name, as a word of its own. `stream`, `tools` and `functions` are ordinary
/// words, so they must stand in quotation marks or at the end.
fn place_of_name(name: &str, text: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let rest = at.checked_add(name.len()).and_then(|end| text.get(end..));
        let after = rest.and_then(|text| text.chars().next());
        let is_word = !before.is_some_and(is_part) && !after.is_some_and(is_part);
        let ends = |rest: &str| rest.trim().is_empty() || rest.trim() == ".";
        let is_quoted = before.is_some_and(|c| "'\"`".contains(c))
            || (before == Some(' ') && rest.is_some_and(ends));
        let is_ordinary = ["stream", "tools", "functions"].contains(&name);
        is_word && (!is_ordinary || is_quoted)
    })
}
