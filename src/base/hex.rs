//! Texts of hex digits. Not here: what they stand for.

/// Whether a text has exactly so many hex digits, in lower case.
#[must_use]
pub fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == digits && text.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::is_hex;

    #[test]
    fn only_lower_case_hex_digits_of_the_right_number_are_taken() {
        assert!(is_hex("09af", 4));
        for text in ["", "09a", "09aff", "09AF", "09ag", "09a ", "\u{e9}9a"] {
            assert!(!is_hex(text, 4), "{text}");
        }
    }
}
