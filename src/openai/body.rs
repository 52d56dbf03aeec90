//! The body of a 200: one JSON value, or the chunks of a stream that nobody asked for.
//!
//! Whatever surrounds them is skipped: a byte order mark, white space and comment lines that keep
//! a connection alive (OpenRouter sends `: OPENROUTER PROCESSING`), a `[DONE]` at the end.
//!
//! Not here: what the values mean (`answer`).

use std::borrow::Cow;

use serde_json::{Value, json};

use super::json::first_value;
use crate::event::UnexpectedResponse;

/// What a body holds.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// One value, as asked for.
    Whole(Value),
    /// The chunks of a stream.
    Stream {
        /// The chunks, until the stream ended or became unreadable.
        chunks: Vec<Value>,
        /// Whether `[DONE]` came.
        done: bool,
    },
}

/// Reads a body. Bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// What the body is instead.
pub(super) fn read(bytes: &[u8]) -> Result<Body, UnexpectedResponse> {
    let text = String::from_utf8_lossy(bytes);
    let text = without_preamble(&text);
    if text.is_empty() {
        return Err(UnexpectedResponse::EmptyBody);
    }
    if text.starts_with('<') {
        return Err(UnexpectedResponse::Html);
    }
    if STREAM_FIELDS.iter().any(|field| text.starts_with(field)) {
        return Ok(stream(text));
    }
    match first_value(text) {
        Some((value, rest)) if is_epilogue(&rest) => Ok(Body::Whole(value)),
        _ => Err(UnexpectedResponse::NotJson),
    }
}

/// How a line of a stream of server-sent events can begin.
const STREAM_FIELDS: [&str; 4] = ["data:", "event:", "id:", "retry:"];

/// The text without byte order marks, white space and comment lines at its beginning.
fn without_preamble(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
        if !text.starts_with(':') {
            return text;
        }
        text = text.split_once(['\n', '\r']).map_or("", |(_, rest)| rest);
    }
}

/// Whether nothing but white space, comment lines and `[DONE]` follows.
fn is_epilogue(rest: &str) -> bool {
    rest.split(['\n', '\r']).enumerate().all(|(number, line)| {
        let line = line.trim();
        let comment = number > 0 && line.starts_with(':');
        line.is_empty() || comment || is_done(line.strip_prefix("data:").unwrap_or(line))
    })
}

fn is_done(data: &str) -> bool {
    data.trim() == "[DONE]"
}

/// Reads a stream of server-sent events. Source: WHATWG, HTML, "Interpreting an event stream".
///
/// Unlike there, the last event needs no blank line after it, and lines of data that are a value
/// each need none between them.
fn stream(text: &str) -> Body {
    let mut chunks = Vec::new();
    let mut event = Event::default();
    // CRLF is a line end and an empty line more, so both are joined before.
    let text = if text.contains('\r') {
        Cow::from(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        text.into()
    };
    for line in text.split('\n').chain([""]) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        match field {
            "data" if is_done(value) => {
                let complete = event.end(&mut chunks);
                return Body::Stream {
                    chunks,
                    done: complete,
                };
            }
            "data" if value.trim().is_empty() => {}
            "data" => event.data.push(value.strip_prefix(' ').unwrap_or(value)),
            "event" => event.is_error = value.trim() == "error",
            "" if value.is_empty() && !std::mem::take(&mut event).end(&mut chunks) => break,
            _ => {}
        }
    }
    Body::Stream {
        chunks,
        done: false,
    }
}

/// An event of a stream.
#[derive(Default)]
struct Event<'t> {
    /// Its lines of data.
    data: Vec<&'t str>,
    /// Whether it is named `error`.
    is_error: bool,
}

impl Event<'_> {
    /// Adds the values of the event to `chunks`. Returns whether it could be read.
    fn end(self, chunks: &mut Vec<Value>) -> bool {
        // A line of data is a value, or all lines together are one.
        let values = self.data.iter().map(|line| only_value(line)).collect();
        let values = Option::<Vec<Value>>::or_else(values, || {
            only_value(&self.data.join("\n")).map(|value| vec![value])
        });
        match values {
            None if self.is_error => chunks.push(json!({ "error": self.data.join("\n") })),
            None => return false,
            Some(values) => chunks.extend(values.into_iter().map(|value| {
                if self.is_error && value.get("error").is_none() {
                    json!({ "error": value })
                } else {
                    value
                }
            })),
        }
        true
    }
}

/// The value that a text is.
fn only_value(text: &str) -> Option<Value> {
    let (value, rest) = first_value(text)?;
    rest.trim().is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Value {
        match read(text.as_bytes()) {
            Ok(Body::Whole(value)) => value,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn streamed(text: &str) -> (Vec<Value>, bool) {
        match read(text.as_bytes()) {
            Ok(Body::Stream { chunks, done }) => (chunks, done),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn what_surrounds_the_json_is_skipped() {
        for text in [
            "{\"a\":1}",
            "\u{FEFF}{\"a\":1}",
            "\u{FEFF}\r\n \u{FEFF}{\"a\":1}\n",
            ": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n{\"a\":1}",
            ": OPENROUTER PROCESSING\r\n\r\n{\"a\":1}\r\n",
            ":\n{\"a\":1}",
            "\n\n         \n{\"a\":1}",
            "{\"a\":1}\n\ndata: [DONE]\n\n",
            "{\"a\":1}\ndata:[DONE]",
            "{\"a\":1}[DONE]",
            "{\"a\":1}\n: keep-alive\n[DONE]\n",
        ] {
            assert_eq!(whole(text), json!({ "a": 1 }), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_an_answer_is_told_apart() {
        for (bytes, expected) in [
            (&b""[..], UnexpectedResponse::EmptyBody),
            (b" \r\n", UnexpectedResponse::EmptyBody),
            (b"\xEF\xBB\xBF", UnexpectedResponse::EmptyBody),
            (b": keep-alive\n\n", UnexpectedResponse::EmptyBody),
            (b"<!DOCTYPE html><title>x</title>", UnexpectedResponse::Html),
            (b"\xEF\xBB\xBF\n<html>", UnexpectedResponse::Html),
            (b"hello", UnexpectedResponse::NotJson),
            (b"{\"a\":1} {\"a\":2}", UnexpectedResponse::NotJson),
            (b"{\"a\":1}: comment", UnexpectedResponse::NotJson),
            (b"{\"a\":", UnexpectedResponse::NotJson),
            (b"\x1f\x8b\x00\xff", UnexpectedResponse::NotJson),
        ] {
            assert_eq!(read(bytes), Err(expected), "{bytes:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_replaced() {
        assert_eq!(
            read(b"{\"a\":\"Caf\xE9 \xF0\x9F\"}"),
            Ok(Body::Whole(json!({ "a": "Caf\u{FFFD} \u{FFFD}" })))
        );
    }

    #[test]
    fn a_stream_is_read_in_every_spelling() {
        let expected = (vec![json!({ "n": 1 }), json!({ "n": 2 })], true);
        for text in [
            "data: {\"n\":1}\n\ndata: {\"n\":2}\n\ndata: [DONE]\n\n",
            "data: {\"n\":1}\r\n\r\ndata: {\"n\":2}\r\n\r\ndata: [DONE]\r\n\r\n",
            "data: {\"n\":1}\r\rdata: {\"n\":2}\r\rdata: [DONE]\r\r",
            "data:{\"n\":1}\n\ndata:{\"n\":2}\n\ndata:[DONE]",
            "data: {\"n\":1}\ndata: {\"n\":2}\ndata: [DONE]",
            ": hello\n\ndata: {\"n\":1}\n\n: OPENROUTER PROCESSING\n\ndata: {\"n\":2}\n\ndata: [DONE]\n\nmore",
            "event: message\nid: 1\nretry: 5\ndata: {\"n\":1}\n\ndata: {\"n\":\ndata: 2}\n\ndata: [DONE]\n",
            "\u{FEFF}\ndata: {\"n\":1}\n\ndata:\n\ndata: {\"n\":2}\n\ndata: [DONE]\n",
        ] {
            assert_eq!(streamed(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_stream_that_was_cut_off_is_not_done() {
        let one = vec![json!({ "n": 1 })];
        for cut in [
            "data: {\"n\":1}",
            "data: {\"n\":1}\n\n",
            "data: {\"n\":1}\n\ndata: {\"n\"",
            "data: {\"n\":1}\n\ndata: {\"n\"\n\ndata: {\"n\":3}\n\ndata: [DONE]",
            "data: {\"n\":1}\n\ndata: [DO",
        ] {
            assert_eq!(streamed(cut), (one.clone(), false), "{cut:?}");
        }
    }

    #[test]
    fn an_error_event_is_an_error_whatever_its_data() {
        for (data, error) in [
            ("{\"error\":{\"code\":502}}", json!({ "code": 502 })),
            ("{\"code\":502}", json!({ "code": 502 })),
            ("Overloaded", json!("Overloaded")),
        ] {
            let (chunks, _) = streamed(&format!("event: error\ndata: {data}\n\n"));
            assert_eq!(chunks, [json!({ "error": error })], "{data}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
        }

        #[test]
        fn no_line_makes_it_panic(lines in prop::collection::vec("(data|event|:|id)?:? ?[{}\"a0:\\[\\]]{0,6}", 0..8)) {
            let _ = read(lines.join("\n").as_bytes());
        }
    }
}
