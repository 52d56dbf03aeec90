//! Texts as Twilio measures them.

/// How many SMS segments a text needs.
pub fn segments(text: &str) -> usize {
    let gsm: Option<usize> = text
        .chars()
        .map(|character| match character {
            _ if GSM_TWO.contains(character) => Some(2),
            _ if GSM_ONE.contains(character) => Some(1),
            _ => None,
        })
        .sum();
    let (length, alone, joined) = match gsm {
        Some(length) => (length, 160, 153),
        None => (units(text), 70, 67),
    };
    if length <= alone {
        1
    } else {
        length.div_ceil(joined)
    }
}

/// The length of a text in UTF-16 code units, as Twilio counts it.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The longest body of a message, in UTF-16 code units.
pub const MAX_BODY_UNITS: usize = 1600;

/// The GSM-7 characters that count as one.
const GSM_ONE: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
);
/// The GSM-7 characters that count as two.
const GSM_TWO: &str = "\u{c}^{}\\[~]|€";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_depend_on_the_alphabet() {
        for (text, count) in [
            (String::new(), 1),
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("👋".repeat(35), 1),
            ("👋".repeat(36), 2),
        ] {
            assert_eq!(
                segments(&text),
                count,
                "{} characters",
                text.chars().count()
            );
        }
    }
}
