//! Strict decoding of `application/x-www-form-urlencoded` bodies.
//!
//! Libraries decode leniently: they keep a broken `%`, and turn invalid UTF-8 into U+FFFD. Twilio
//! sends neither, and we must read exactly the text that was signed. So both are errors here. Order
//! and repeated keys are kept. Source: WHATWG URL standard, "application/x-www-form-urlencoded
//! parsing". Not here: the fields of a webhook (`fields`).

/// The decoded fields of a form, in their original order. One string holds all of the text: a
/// message has about twenty fields, and most requests are read only for their signature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    text: String,
    fields: Vec<Field>,
}

/// The position of a field in the text: its key ends at `value`, its value at `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    key: usize,
    value: usize,
    end: usize,
}

/// The reason why a body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A `%` is not followed by two hex digits.
    #[error("the form's percent-encoding is broken")]
    PercentEncoding,
    /// A key or a value is not UTF-8.
    #[error("the form is not valid UTF-8")]
    Utf8,
}

impl Form {
    /// Decodes a body.
    ///
    /// # Errors
    /// See [`FormError`].
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        let mut text = Vec::with_capacity(body.len());
        let mut fields = Vec::with_capacity(32);
        for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            let mut sides = pair.splitn(2, |b| *b == b'=');
            let key = text.len();
            decode(sides.next().unwrap_or_default(), &mut text)?;
            let value = text.len();
            decode(sides.next().unwrap_or_default(), &mut text)?;
            fields.push(Field {
                key,
                value,
                end: text.len(),
            });
        }
        let form = Self {
            text: String::from_utf8(text).map_err(|_| FormError::Utf8)?,
            fields,
        };
        // A character must not begin in one field and end in the next.
        let is_whole = |field: &Field| {
            form.text.is_char_boundary(field.value) && form.text.is_char_boundary(field.end)
        };
        if form.fields.iter().all(is_whole) {
            Ok(form)
        } else {
            Err(FormError::Utf8)
        }
    }

    /// A form of these fields.
    #[must_use]
    pub fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let mut form = Self::default();
        for (name, content) in pairs {
            let key = form.text.len();
            form.text.push_str(name);
            let value = form.text.len();
            form.text.push_str(content);
            form.fields.push(Field {
                key,
                value,
                end: form.text.len(),
            });
        }
        form
    }

    /// The first value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| value)
    }

    /// All fields, keys with their values, in their original order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
        self.fields
            .iter()
            .map(move |field| (part(field.key, field.value), part(field.value, field.end)))
    }
}

fn decode(encoded: &[u8], decoded: &mut Vec<u8>) -> Result<(), FormError> {
    let mut bytes = encoded.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || {
                    bytes
                        .next()
                        .and_then(|b| char::from(*b).to_digit(16))
                        .and_then(|d| u8::try_from(d).ok())
                };
                match (digit(), digit()) {
                    (Some(high), Some(low)) => (high << 4) | low,
                    _ => return Err(FormError::PercentEncoding),
                }
            }
            other => *other,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(body: &str) -> Vec<(String, String)> {
        Form::parse(body.as_bytes())
            .unwrap()
            .pairs()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn empty_and_repeated_fields_are_kept_in_order() {
        let form = Form::parse(b"b=2&a=&b=1&c&=x&&").unwrap();
        let expected = [("b", "2"), ("a", ""), ("b", "1"), ("c", ""), ("", "x")];
        assert_eq!(form, Form::from_pairs(&expected));
        assert_eq!(form.get("b"), Some("2"));
        assert_eq!(form.get("missing"), None);
    }

    #[test]
    fn a_broken_percent_encoding_is_rejected() {
        for body in ["a=%", "a=%1", "a=%zz", "a=%%41", "%4=1", "a=%+1", "a=100%"] {
            assert_eq!(
                Form::parse(body.as_bytes()),
                Err(FormError::PercentEncoding),
                "{body}"
            );
        }
    }

    #[test]
    fn invalid_utf_8_is_rejected_raw_and_encoded() {
        // The last two are UTF-8 as a whole, but their fields are not.
        for body in [
            &b"a=\xff"[..],
            b"a=%FF",
            b"a=%C3",
            b"%E2%82=1",
            b"a=%ED%A0%80",
            b"a=%C3&%A9=1",
            b"%C3=%A9",
        ] {
            assert_eq!(Form::parse(body), Err(FormError::Utf8));
        }
        assert_eq!(
            pairs("a=%EF%BF%BD"),
            [("a".to_owned(), "\u{FFFD}".to_owned())],
            "a sent U+FFFD is no error"
        );
    }

    proptest! {
        #[test]
        fn what_a_library_encodes_is_decoded_to_the_same(fields in prop::collection::vec((".{0,8}", ".{0,20}"), 1..6)) {
            let mut encoder = form_urlencoded::Serializer::new(String::new());
            encoder.extend_pairs(&fields);
            prop_assert_eq!(pairs(&encoder.finish()), fields);
        }

        #[test]
        fn any_bytes_give_a_form_or_an_error(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&body);
        }
    }
}
