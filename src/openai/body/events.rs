//! The events of a stream: bytes in, values out, as soon as a line of data is one.
//!
//! Not here: what tells a stream from one value (`body`).

use serde_json::{Value, json};

use crate::openai::json::first_value;

/// A stream of server-sent events, line by line. Source: WHATWG, HTML, "Interpreting an event
/// stream".
///
/// Unlike there, the last event needs no blank line after it, and a line of data that is a value by
/// itself needs none at all.
#[derive(Debug, Default)]
pub struct Events {
    /// The line that has no end yet.
    line: Vec<u8>,
    /// Whether the last byte ended a line and may be half of a CRLF.
    after_return: bool,
    /// The lines of data of the event, which are no values by themselves.
    data: Vec<String>,
    /// Whether the event is named `error`.
    is_error: bool,
    /// Whether `[DONE]` has ended the stream, or an event that cannot be read.
    over: Option<bool>,
}

impl Events {
    /// Takes the next bytes. Returns the values that are complete with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Value> {
        let mut chunks = Vec::new();
        for byte in bytes {
            if self.over.is_some() {
                break;
            }
            let after_return = std::mem::replace(&mut self.after_return, *byte == b'\r');
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => self.end_line(&mut chunks),
                byte => self.line.push(*byte),
            }
        }
        chunks
    }

    /// Whether nothing can follow.
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// The end of the stream: its last values, and whether `[DONE]` came.
    pub(super) fn end(mut self) -> (Vec<Value>, bool) {
        let mut chunks = Vec::new();
        if self.over.is_none() {
            self.end_line(&mut chunks);
        }
        if self.over.is_none() {
            self.end_event(&mut chunks);
        }
        (chunks, self.over == Some(true))
    }

    fn end_line(&mut self, chunks: &mut Vec<Value>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        match field {
            "data" if is_done(value) => {
                let is_complete = self.end_event(chunks);
                self.over = Some(is_complete);
            }
            "data" if value.trim().is_empty() => {}
            "data" => {
                let data = value.strip_prefix(' ').unwrap_or(value);
                match only_value(data) {
                    Some(value) if self.data.is_empty() => chunks.push(self.named(value)),
                    _ => self.data.push(data.to_owned()),
                }
            }
            "event" => self.is_error = value.trim() == "error",
            "" if value.is_empty() && !self.end_event(chunks) => self.over = Some(false),
            _ => {}
        }
    }

    /// Adds the values of the lines that are kept. Returns whether they could be read.
    fn end_event(&mut self, chunks: &mut Vec<Value>) -> bool {
        let data = std::mem::take(&mut self.data);
        // A line of data is a value, or all lines together are one.
        let values = data.iter().map(|line| only_value(line)).collect();
        let values = Option::<Vec<Value>>::or_else(values, || {
            only_value(&data.join("\n")).map(|value| vec![value])
        });
        let is_read = values.is_some() || self.is_error;
        match values {
            Some(values) => chunks.extend(values.into_iter().map(|value| self.named(value))),
            None if self.is_error => chunks.push(json!({ "error": data.join("\n") })),
            None => {}
        }
        self.is_error = false;
        is_read
    }

    /// A value of the event. In an event that is named `error`, it is one.
    fn named(&self, value: Value) -> Value {
        if self.is_error && value.get("error").is_none() {
            json!({ "error": value })
        } else {
            value
        }
    }
}

/// The value that a text is.
fn only_value(text: &str) -> Option<Value> {
    let (value, rest) = first_value(text)?;
    rest.trim().is_empty().then_some(value)
}

/// Whether a line of data ends the stream.
pub(super) fn is_done(data: &str) -> bool {
    data.trim() == "[DONE]"
}
