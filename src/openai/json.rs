//! JSON as a person would read it: what strict JSON forbids, but has a plain meaning, is repaired.
//!
//! Not here: what surrounds the JSON (`body`).

use std::{borrow::Cow, iter::Peekable, str::CharIndices};

use serde_json::{Map, Value};

/// Reads one value at the beginning of `text`, and returns the text behind it. A text is repaired
/// only if it is not JSON.
pub(super) fn first_value(text: &str) -> Option<(Value, Cow<'_, str>)> {
    if let Some((value, end)) = strict(text) {
        return Some((value, text.get(end..)?.into()));
    }
    let mut repaired = repaired(text);
    let (value, end) = strict(&repaired)?;
    Some((value, repaired.split_off(end).into()))
}

/// The JSON object in a model's answer. Servers that do not know the schema put a fence of Markdown or a few words around
/// it.
#[must_use]
pub fn json_object(answer: &str) -> Option<Map<String, Value>> {
    let (first, last) = (answer.find('{')?, answer.rfind('}')?);
    serde_json::from_str(answer.get(first..=last)?).ok()
}

/// The first value, and where it ends.
fn strict(text: &str) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}

/// The text with what `serde_json` rejects replaced. JSON is not changed.
///
/// - A half of a surrogate pair becomes U+FFFD. Servers that cut a text by UTF-16 units, or stream
///   half an emoji, write it.
/// - A raw control character in a string is escaped.
/// - `NaN`, `Infinity` and `-Infinity` become null. Python's `json` writes them. So does a number
///   that is too large for a float.
fn repaired(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.char_indices().peekable();
    let mut in_string = false;
    while let Some((at, character)) = rest.next() {
        match character {
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            '\\' if in_string => escape(text, at, &mut rest, &mut out),
            control if in_string && control < ' ' => {
                let code = u32::from(control);
                out.push_str(if code < 16 { r"\u000" } else { r"\u001" });
                out.extend(char::from_digit(code % 16, 16));
            }
            '-' | '0'..='9' | 'N' | 'I' if !in_string => {
                let word = word(text, at);
                out.push_str(if is_no_number(word) { "null" } else { word });
                let end = at.saturating_add(word.len());
                while rest.next_if(|(at, _)| *at < end).is_some() {}
            }
            other => out.push(other),
        }
    }
    out
}

/// Copies the escape that begins at `at`, unless it is half of a surrogate pair.
fn escape(text: &str, at: usize, rest: &mut Peekable<CharIndices>, out: &mut String) {
    const LENGTH: usize = r"\u0000".len();
    let next = at.saturating_add(LENGTH);
    let length = match (unit(text, at), unit(text, next)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => LENGTH.saturating_mul(2),
        (Some(0xD800..=0xDFFF), _) => {
            out.push_str(r"\ufffd");
            let end = at.saturating_add(LENGTH);
            while rest.next_if(|(at, _)| *at < end).is_some() {}
            return;
        }
        // A backslash and the character that it escapes.
        _ => text
            .get(at..)
            .map_or(1, |text| text.chars().take(2).map(char::len_utf8).sum()),
    };
    let end = at.saturating_add(length);
    out.push_str(text.get(at..end).unwrap_or_default());
    while rest.next_if(|(at, _)| *at < end).is_some() {}
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`, if there is one.
fn unit(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, 16).ok()
}

/// The number or word that begins at `at`.
fn word(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '+' | '.'))
        .unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

fn is_no_number(word: &str) -> bool {
    matches!(word, "NaN" | "Infinity" | "-Infinity") || is_too_large(word)
}

/// Whether a number has an exponent that `serde_json` does not read.
fn is_too_large(word: &str) -> bool {
    let is_number = |text: &str| strict(text).is_some_and(|(_, end)| end == text.len());
    let Some((number, exponent)) = word.split_once(['e', 'E']) else {
        return false;
    };
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let is_exponent = !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit());
    is_exponent && is_number(number) && !is_number(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        first_value(text).map(|(value, _)| value)
    }

    #[test]
    fn half_of_a_surrogate_pair_is_a_replacement_character() {
        for (text, read_as) in [
            (r#""Hi \ud83d""#, "Hi \u{FFFD}"),
            (r#""Hi \uD83D!""#, "Hi \u{FFFD}!"),
            (r#""\ude00 Hi""#, "\u{FFFD} Hi"),
            (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (r#""\ud83d\u0041""#, "\u{FFFD}A"),
            (r#""\ud83d\n""#, "\u{FFFD}\n"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{FFFD}"),
            (r#""\"\ud83d\"""#, "\"\u{FFFD}\""),
        ] {
            assert_eq!(read(text), Some(json!(read_as)), "{text}");
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        assert_eq!(
            read(r#"{"a":NaN,"b":[Infinity,-Infinity],"c":1e999,"d":"NaN, Infinity","e":1.5}"#),
            Some(
                json!({ "a": null, "b": [null, null], "c": null, "d": "NaN, Infinity", "e": 1.5 })
            )
        );
    }

    #[test]
    fn a_raw_line_end_in_a_string_is_part_of_it() {
        let text = "a\nb\tc\u{0}\u{1f}";
        assert_eq!(read(&format!("\"{text}\"")), Some(json!(text)));
    }

    #[test]
    fn what_follows_is_returned() {
        for (text, rest) in [
            (r#"{"a":1} [DONE]"#, " [DONE]"),
            (r#""\ud83d" x"#, " x"),
            ("1", ""),
        ] {
            assert_eq!(first_value(text).unwrap().1, rest, "{text}");
        }
    }

    #[test]
    fn what_is_not_json_stays_unread() {
        for text in [
            "", "hello", "{", "{\"a\":", "\"\\x\"", "\"a", "nan", "NaNa", "{a:1}", "'a'", "-",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_not_changed(value in any_json()) {
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(repaired(&text), text);
            }
        }

        #[test]
        fn any_sequence_of_units_is_read_as_utf_16_with_replacements(
            units in prop::collection::vec(prop_oneof![
                0u16..0x80, 0xD800u16..0xE000, any::<u16>(),
            ], 0..12)
        ) {
            let escaped: Vec<String> = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let expected = String::from_utf16_lossy(&units);
            prop_assert_eq!(read(&format!("\"{}\"", escaped.concat())), Some(json!(expected)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[\\\\\"u0-9dDeE{}:,NaIinfty\u{0}\n😀-]{0,24}") {
            let _ = first_value(&text);
        }
    }
}
