//! Cleaning a text, so that it cannot confuse a reader or a model.
//!
//! Not here: where the texts of a message are (`rich`).

/// Cleans a text, so that it cannot confuse a reader or a model.
///
/// CRLF and CR become LF. Control characters (C0 except newline and tab, DEL, C1) and Unicode's
/// bidirectional controls are removed. Outer white space is trimmed.
#[must_use]
pub fn clean(text: &str) -> String {
    let unified = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept: String = unified.chars().filter(|c| !is_unwanted(*c)).collect();
    kept.trim().to_owned()
}

/// A clean text in one line.
pub(super) fn in_one_line(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_unwanted(c: char) -> bool {
    // U+061C and U+200E/F are marks, U+202A..E embeddings and overrides, U+2066..9 isolates
    // (Unicode UAX #9).
    let bidirectional = matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    bidirectional || (c.is_control() && c != '\n' && c != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_bidirectional_overrides_are_removed() {
        assert_eq!(clean("a\u{0}b\u{7}c\u{7f}d\u{85}e"), "abcde");
        assert_eq!(
            clean("x\u{202e}evil\u{202c}\u{2066}y\u{2069}\u{200f}"),
            "xevily"
        );
        assert_eq!(
            clean("\r\n one\r\ntwo\rthree\tfour\n\n"),
            "one\ntwo\nthree\tfour"
        );
        assert_eq!(
            clean("👩‍👩‍👧 é ü"),
            "👩‍👩‍👧 é ü",
            "joiners and combining marks stay"
        );
    }
}
