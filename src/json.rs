//! Reading JSON (RFC 8259) into the Worker's types.
//!
//! `serde_json` writes all that is written. It is not what reads in the Worker, for the size of the bundle: for each type it brings code
//! to read it from an array too, and texts for errors that nobody sees, with all that prints floating-point numbers. The
//! tests hold this reader against it. Not here: floating-point numbers and tagged or flattened types, which the Worker does
//! not read.

use std::{borrow::Cow, fmt};

use serde::{
    de::{DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor},
    forward_to_deserialize_any,
};

/// The text is no JSON, or of another form than the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable")
    }
}

impl std::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a value from a whole text.
///
/// # Errors
/// When the text is not JSON, or not of the type's form.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unreadable> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut reader)?;
    if reader.next_token().is_none() { Ok(value) } else { Err(Unreadable) }
}

/// Reads a value from a whole text in UTF-8.
///
/// # Errors
/// When the bytes are not UTF-8, not JSON, or not of the type's form.
pub fn read_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    read(std::str::from_utf8(bytes).map_err(|_| Unreadable)?)
}

struct Reader<'t> {
    text: &'t str,
    /// How much of it is read, in bytes.
    at: usize,
    /// How many arrays and objects are open.
    depth: usize,
}

/// More arrays and objects in one another than this are not read, since each takes room on the stack.
const MAX_DEPTH: usize = 127;

impl<'t> Reader<'t> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn skip_while(&mut self, belongs: fn(u8) -> bool) {
        while self.byte().is_some_and(belongs) {
            self.skip();
        }
    }

    /// The first byte after white space, which is skipped.
    fn next_token(&mut self) -> Option<u8> {
        self.skip_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r'));
        self.byte()
    }

    fn take(&mut self, token: u8) -> Result<(), Unreadable> {
        if self.next_token() != Some(token) {
            return Err(Unreadable);
        }
        self.skip();
        Ok(())
    }

    fn take_word(&mut self, word: &str) -> Result<(), Unreadable> {
        let rest = self.text.get(self.at..).ok_or(Unreadable)?;
        if !rest.starts_with(word) {
            return Err(Unreadable);
        }
        self.at = self.at.saturating_add(word.len());
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Unreadable> {
        self.take(b'"')?;
        let mut whole = Cow::Borrowed("");
        loop {
            let start = self.at;
            self.skip_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let piece = self.text.get(start..self.at).ok_or(Unreadable)?;
            if whole.is_empty() {
                whole = Cow::Borrowed(piece);
            } else {
                whole.to_mut().push_str(piece);
            }
            let end = self.byte();
            self.skip();
            match end {
                Some(b'"') => return Ok(whole),
                Some(b'\\') => whole.to_mut().push(self.escaped()?),
                _ => return Err(Unreadable),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Unreadable> {
        let kind = self.byte();
        self.skip();
        Ok(match kind {
            Some(sign @ (b'"' | b'\\' | b'/')) => sign.into(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.four_digits()?;
                let mut units = vec![first];
                if (0xd800..0xdc00).contains(&first) {
                    self.take_word("\\u")?;
                    units.push(self.four_digits()?);
                }
                let mut chars = char::decode_utf16(units);
                let char = chars.next().and_then(Result::ok).ok_or(Unreadable)?;
                if chars.next().is_some() {
                    return Err(Unreadable);
                }
                char
            }
            _ => return Err(Unreadable),
        })
    }

    fn four_digits(&mut self) -> Result<u16, Unreadable> {
        let end = self.at.saturating_add(4);
        let digits = self.text.get(self.at..end).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        self.at = end;
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or(Unreadable)
    }

    /// A whole number that is not negative.
    fn number(&mut self) -> Result<u64, Unreadable> {
        self.next_token();
        let text = self.number_text()?;
        // `parse` would also take a plus, which cannot be here.
        text.parse().map_err(|_| Unreadable)
    }

    fn number_text(&mut self) -> Result<&'t str, Unreadable> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.skip();
        }
        let leading_zero = self.byte() == Some(b'0');
        let whole = self.digits()?;
        if leading_zero && whole > 1 {
            return Err(Unreadable);
        }
        if self.byte() == Some(b'.') {
            self.skip();
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.skip();
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.skip();
            }
            self.digits()?;
        }
        self.text.get(start..self.at).ok_or(Unreadable)
    }

    /// At least one digit; says how many.
    fn digits(&mut self) -> Result<usize, Unreadable> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        Some(self.at.saturating_sub(start)).filter(|count| *count > 0).ok_or(Unreadable)
    }

    /// Skips a value of any form.
    fn skip_value(&mut self) -> Result<(), Unreadable> {
        match self.next_token().ok_or(Unreadable)? {
            b'"' => self.string().map(drop),
            b'{' => {
                let mut items = self.open(b'{', b'}')?;
                while items.next()? {
                    items.reader.string()?;
                    items.reader.take(b':')?;
                    items.reader.skip_value()?;
                }
                items.close()
            }
            b'[' => {
                let mut items = self.open(b'[', b']')?;
                while items.next()? {
                    items.reader.skip_value()?;
                }
                items.close()
            }
            b't' => self.take_word("true"),
            b'f' => self.take_word("false"),
            b'n' => self.take_word("null"),
            _ => self.number_text().map(drop),
        }
    }

    fn open(&mut self, begin: u8, end: u8) -> Result<Items<'_, 't>, Unreadable> {
        self.take(begin)?;
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH { Err(Unreadable) } else { Ok(Items { reader: self, end, first: true }) }
    }
}

/// The elements of an array, or the members of an object.
struct Items<'r, 't> {
    reader: &'r mut Reader<'t>,
    end: u8,
    first: bool,
}

impl Items<'_, '_> {
    /// Goes to the next one, if there is one.
    fn next(&mut self) -> Result<bool, Unreadable> {
        if self.reader.next_token() == Some(self.end) {
            return Ok(false);
        }
        if !std::mem::replace(&mut self.first, false) {
            self.reader.take(b',')?;
        }
        Ok(true)
    }

    fn close(self) -> Result<(), Unreadable> {
        self.reader.depth = self.reader.depth.saturating_sub(1);
        self.reader.take(self.end)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, '_> {
    type Error = Unreadable;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Unreadable> {
        if self.next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, '_> {
    type Error = Unreadable;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unreadable> {
        if self.next()? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unreadable> {
        self.reader.take(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'_> {
    type Error = Unreadable;

    /// What the Worker's types do not need.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let value = self.next_token() == Some(b't');
        self.take_word(if value { "true" } else { "false" })?;
        visitor.visit_bool(value)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_str(&self.string()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_string(self.string()?.into_owned())
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.next_token() == Some(b'n') {
            self.take_word("null")?;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.next_token();
        self.take_word("null")?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let mut items = self.open(b'[', b']')?;
        let value = visitor.visit_seq(&mut items)?;
        items.close()?;
        Ok(value)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        let mut items = self.open(b'{', b'}')?;
        let value = visitor.visit_map(&mut items)?;
        items.close()?;
        Ok(value)
    }

    fn deserialize_struct<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_map(visitor)
    }

    /// A variant without content is its name; one with content is an object with its name as the only key.
    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        if self.next_token() == Some(b'"') {
            return visitor.visit_enum(Variant { reader: self, bare: true });
        }
        self.take(b'{')?;
        let value = visitor.visit_enum(Variant { reader: &mut *self, bare: false })?;
        self.take(b'}')?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.skip_value()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit_struct tuple tuple_struct
    }
}

struct Variant<'r, 't> {
    reader: &'r mut Reader<'t>,
    /// Whether it is a name without content.
    bare: bool,
}

impl Variant<'_, '_> {
    fn content(&mut self) -> Result<&mut Self, Unreadable> {
        if self.bare { Err(Unreadable) } else { Ok(self) }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Unreadable> {
        let variant = seed.deserialize(&mut *self.reader)?;
        if !self.bare {
            self.reader.take(b':')?;
        }
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Unreadable;

    fn unit_variant(self) -> Result<(), Unreadable> {
        if self.bare { Ok(()) } else { Err(Unreadable) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Unreadable> {
        seed.deserialize(&mut *self.content()?.reader)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Unreadable> {
        Err(Unreadable)
    }

    fn struct_variant<V: Visitor<'de>>(mut self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        self.content()?.reader.deserialize_map(visitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize, de::IgnoredAny};

    use super::*;

    /// Every form that the Worker's types have.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        text: String,
        number: u64,
        small: Option<u32>,
        flag: bool,
        list: Vec<Kind>,
        #[serde(default)]
        absent: Option<Box<Sample>>,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Bare,
        Newtype(u64),
        Fields { text: String, nothing: () },
    }

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Bare),
            any::<u64>().prop_map(Kind::Newtype),
            any::<String>().prop_map(|text| Kind::Fields { text, nothing: () }),
        ]
    }

    fn sample() -> impl Strategy<Value = Sample> {
        let fields = (any::<String>(), any::<u64>(), any::<Option<u32>>(), any::<bool>(), prop::collection::vec(kind(), 0..4));
        fields.prop_map(|(text, number, small, flag, list)| Sample { text, number, small, flag, list, absent: None })
    }

    fn is_json(text: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(text).is_ok()
    }

    #[test]
    fn what_is_json_and_what_is_not_is_as_serde_json_says() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "nullx",
            "true",
            "false ",
            "[]",
            "[,]",
            "[1,]",
            "[1 2]",
            "[1",
            "{}",
            "{,}",
            "{\"a\":1,}",
            "{\"a\"}",
            "{a:1}",
            "01",
            "-",
            "-0",
            "-1.5e+7",
            "1.",
            ".5",
            "1e",
            "+1",
            "\"\\ud83d\\ude00\"",
            "\"\\u00e9\"",
            "\"\\x\"",
            "\"\n\"",
            "\"",
            "\"\\",
            "1 1",
            "[[]]",
            "]",
            "}",
        ] {
            assert_eq!(read::<IgnoredAny>(text).is_ok(), is_json(text), "{text}");
        }
    }

    #[test]
    fn escapes_are_characters_and_half_a_surrogate_pair_is_none() {
        assert_eq!(read::<String>(r#" "\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00" "#).unwrap(), "\"\\/\u{8}\u{c}\n\r\té😀");
        for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#, r#""\u+041""#, r#""\u00e""#, r#""\u00é9""#] {
            assert_eq!(read::<String>(text), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn numbers_are_whole_and_within_their_type() {
        assert_eq!(read::<u64>("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(read::<u32>(" 0 "), Ok(0));
        for text in ["18446744073709551616", "-1", "1.0", "1e3", "01", "\"1\"", "null"] {
            assert_eq!(read::<u64>(text), Err(Unreadable), "{text}");
        }
        assert_eq!(read::<u32>("4294967296"), Err(Unreadable));
    }

    #[test]
    fn a_text_that_would_take_the_whole_stack_is_unreadable() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read::<IgnoredAny>(&nested(MAX_DEPTH)).is_ok());
        assert!(read::<IgnoredAny>(&nested(MAX_DEPTH + 1)).is_err());
        assert!(read::<IgnoredAny>(&"[".repeat(1_000_000)).is_err());
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_as_it_was(sample in sample()) {
            prop_assert_eq!(read::<Sample>(&serde_json::to_string(&sample).unwrap()), Ok(sample.clone()));
            prop_assert_eq!(read::<Sample>(&serde_json::to_string_pretty(&sample).unwrap()), Ok(sample));
        }

        #[test]
        fn a_damaged_text_is_read_as_serde_json_reads_it(sample in sample(), at in any::<prop::sample::Index>(), put in "[\\[\\]{}\",:0-9a-z\\\\ -]{0,2}") {
            let mut text = serde_json::to_string(&sample).unwrap();
            let boundaries: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let at = boundaries[at.index(boundaries.len())];
            text.replace_range(at..=at + text[at..].chars().next().unwrap().len_utf8() - 1, &put);
            prop_assert_eq!(read::<Sample>(&text).ok(), serde_json::from_str::<Sample>(&text).ok(), "{}", text);
            prop_assert_eq!(read::<IgnoredAny>(&text).is_ok(), is_json(&text), "{}", text);
        }

        #[test]
        fn any_text_is_json_where_serde_json_says_so(text in "[\\[\\]{}\",:0-9eE.+tfnrualse\\\\ -]{0,12}") {
            prop_assert_eq!(read::<IgnoredAny>(&text).is_ok(), is_json(&text), "{}", text);
        }
    }
}
