//! The body of a 200: one JSON value, or the chunks of a stream.
//!
//! A stream may come although none was asked for, and a value although a stream was. The beginning
//! tells them apart. Whatever surrounds them is skipped: a byte order mark, white space and comment
//! lines that keep a connection alive (OpenRouter sends `: OPENROUTER PROCESSING`), a `[DONE]` at
//! the end.
//!
//! Not here: what the values mean (`answer`), and the lines of a stream (`events`).

mod events;

use serde_json::Value;

use self::events::{Events, is_done};
use super::json::first_value;
use crate::event::UnexpectedResponse;

/// What a body holds.
#[derive(Debug, PartialEq)]
pub(super) enum Body {
    /// One value.
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
    let mut reader = Reader::default();
    let first = reader.take(bytes);
    let mut body = reader.end()?;
    if let Body::Stream { chunks, .. } = &mut body {
        chunks.splice(..0, first);
    }
    Ok(body)
}

/// Reads a body while it comes, in pieces of any length.
#[derive(Debug)]
pub(super) enum Reader {
    /// The beginning does not tell yet what the body is.
    Begun(Vec<u8>),
    /// It is no stream.
    Whole(Vec<u8>),
    /// It is a stream.
    Stream(Events),
}

impl Default for Reader {
    fn default() -> Self {
        Self::Begun(Vec::new())
    }
}

impl Reader {
    /// Takes the next bytes. Returns the chunks that are complete with them.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<Value> {
        match self {
            Self::Stream(events) => events.take(bytes),
            Self::Whole(whole) => {
                whole.extend_from_slice(bytes);
                Vec::new()
            }
            Self::Begun(begun) => {
                begun.extend_from_slice(bytes);
                begun.drain(..preamble(begun));
                let begun = std::mem::take(begun);
                match is_stream(&begun) {
                    None => *self = Self::Begun(begun),
                    Some(false) => *self = Self::Whole(begun),
                    Some(true) => {
                        let mut events = Events::default();
                        let chunks = events.take(&begun);
                        *self = Self::Stream(events);
                        return chunks;
                    }
                }
                Vec::new()
            }
        }
    }

    /// Whether nothing can follow: `[DONE]` came, or the stream has become unreadable.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Stream(events) if events.is_over())
    }

    /// The end of the body: the value, or the last chunks.
    ///
    /// # Errors
    /// What the body is instead.
    pub(super) fn end(self) -> Result<Body, UnexpectedResponse> {
        match self {
            Self::Stream(events) => {
                let (chunks, done) = events.end();
                Ok(Body::Stream { chunks, done })
            }
            Self::Begun(bytes) | Self::Whole(bytes) => whole(&bytes).map(Body::Whole),
        }
    }
}

/// How a line of a stream of server-sent events can begin.
const STREAM_FIELDS: [&str; 4] = ["data:", "event:", "id:", "retry:"];

/// Whether a body that begins like this is a stream. `None` if only more of it can tell.
fn is_stream(begun: &[u8]) -> Option<bool> {
    let mut fields = STREAM_FIELDS.iter().map(|field| field.as_bytes());
    if fields.clone().any(|field| begun.starts_with(field)) {
        return Some(true);
    }
    let is_comment = begun.starts_with(b":");
    // It may be the first byte of a byte order mark.
    let is_cut = std::str::from_utf8(begun)
        .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none());
    let may_be = is_comment || is_cut || fields.any(|field| field.starts_with(begun));
    (!may_be).then_some(false)
}

/// The length of what comes before the body: byte order marks, white space and comment lines.
fn preamble(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    loop {
        let text = rest.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let begins = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
        let blank = text.len().saturating_sub(begins.len());
        rest = rest.get(blank..).unwrap_or_default();
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        match end.filter(|_| rest.starts_with(b":")) {
            Some(end) => rest = rest.get(end..).unwrap_or_default(),
            None => return bytes.len().saturating_sub(rest.len()),
        }
    }
}

/// The value of a body that is no stream.
fn whole(bytes: &[u8]) -> Result<Value, UnexpectedResponse> {
    let text = String::from_utf8_lossy(bytes);
    // A comment without an end.
    if text.is_empty() || text.starts_with(':') {
        return Err(UnexpectedResponse::EmptyBody);
    }
    if text.starts_with('<') {
        return Err(UnexpectedResponse::Html);
    }
    match first_value(&text) {
        Some((value, rest)) if is_epilogue(&rest) => Ok(value),
        _ => Err(UnexpectedResponse::NotJson),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

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
            "data: {\"n\":\r\ndata: 1}\r\n\r\ndata: {\"n\":2}\r\n\r\ndata: [DONE]",
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

    /// The same body in two pieces, or in pieces of one byte.
    fn in_pieces(bytes: &[u8], at: Option<usize>) -> Result<Body, UnexpectedResponse> {
        let mut reader = Reader::default();
        let mut first = Vec::new();
        let length = at.unwrap_or(1).max(1);
        for piece in bytes.chunks(length) {
            first.extend(reader.take(piece));
        }
        let mut body = reader.end()?;
        if let Body::Stream { chunks, .. } = &mut body {
            chunks.splice(..0, first);
        }
        Ok(body)
    }

    #[test]
    fn a_value_is_told_as_soon_as_its_line_ends() {
        let mut reader = Reader::default();
        assert_eq!(reader.take(b"data: {\"n\":1}"), [] as [Value; 0]);
        assert_eq!(
            reader.take(b"\ndata: {\"n\":2}\r"),
            [json!({ "n": 1 }), json!({ "n": 2 })]
        );
        assert_eq!(reader.take(b"\n\r\n\r\n"), [] as [Value; 0]);
        assert!(!reader.is_over());
        assert_eq!(reader.take(b"data: [DONE]\n"), [] as [Value; 0]);
        assert!(reader.is_over());
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_say_the_same(
            lines in prop::collection::vec(prop::sample::select(vec![
                "data: {\"a\":\"\u{e9}\u{1f600}\"}", "data:{\"n\":1}", "data: {\"n\":", "data: 2}", "data: [DONE]",
                "event: error", "event: x", "id: 1", ": c", ":", "", "data:", "{\"a\":1}", "\u{FEFF}", "<html>",
                "data", "d", "\u{a0}",
            ]), 0..8),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n", ""]), 8),
            broken in any::<bool>(),
            length in 1usize..12,
        ) {
            let mut bytes: Vec<u8> = Vec::new();
            for (line, end) in lines.iter().zip(&ends) {
                bytes.extend(line.bytes());
                bytes.extend(end.bytes());
            }
            if broken {
                let at = bytes.len() / 2;
                bytes.insert(at, 0xF0);
            }
            let whole = read(&bytes);
            prop_assert_eq!(&in_pieces(&bytes, None), &whole);
            prop_assert_eq!(&in_pieces(&bytes, Some(length)), &whole);
        }

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
