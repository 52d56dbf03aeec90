//! Folding: how words are compared. `ＳＴＯＰ`, `S​top!` with an invisible character and `stop` are one
//! word, and so are `ARRÊT` and `arret`.
//!
//! This does for Latin letters what NFKC, removing accents, and Unicode's case folding do. A test
//! compares it with `unicode-normalization`, whose tables would add 56 kB to the bundle. Not here: the
//! words (`keywords`).

/// The words of a text, in small letters without accents, and with single spaces between them.
///
/// Whatever stands between words or around them does not count: white space, punctuation, emoji.
/// Apostrophes do not divide words.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut apart = false;
    for c in text.chars().filter(|c| !is_invisible(*c)) {
        if !c.is_alphanumeric() {
            apart = apart || !"'’`´".contains(c);
            continue;
        }
        if std::mem::take(&mut apart) && !out.is_empty() {
            out.push(' ');
        }
        match compatible(c) {
            'ß' | 'ẞ' => out.push_str("ss"),
            c => out.extend(
                c.to_lowercase()
                    .filter(|c| !is_invisible(*c))
                    .map(unaccented),
            ),
        }
    }
    out
}

/// Characters that have no width of their own: accents, variation selectors, joiners, directions.
/// Source: Unicode, general categories Mn and Cf, where they occur in Latin text and with emoji.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{300}'..='\u{36F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{E0000}'..='\u{E0FFF}')
}

/// The letter or digit that a character is a variant of: full width, in a circle, or from the
/// mathematical alphabets. Source: Unicode, compatibility decompositions.
fn compatible(c: char) -> char {
    let code = u32::from(c);
    let nth = |first: u32, base: char| {
        code.checked_sub(first)
            .and_then(|at| at.checked_add(u32::from(base)))
            .and_then(char::from_u32)
    };
    let found = match code {
        0xFF10..=0xFF19 => nth(0xFF10, '0'),
        0xFF21..=0xFF3A => nth(0xFF21, 'A'),
        0xFF41..=0xFF5A => nth(0xFF41, 'A'),
        0x24B6..=0x24CF => nth(0x24B6, 'A'),
        0x24D0..=0x24E9 => nth(0x24D0, 'A'),
        0x1F130..=0x1F149 => nth(0x1F130, 'A'),
        // Thirteen alphabets of capital and small letters.
        0x1D400..=0x1D6A3 => code
            .checked_sub(0x1D400)
            .and_then(|at| at.checked_rem(26))
            .and_then(|at| at.checked_add(u32::from('A')))
            .and_then(char::from_u32),
        _ => None,
    };
    found.unwrap_or(c)
}

/// The small letters with accents, after the letter without.
const ACCENTED: &[&str] = &[
    "aàáâãäåāăą",
    "cçćĉċčℂℭ",
    "dď",
    "eèéêëēĕėęěℯℰ",
    "fℱ",
    "gĝğġģℊ",
    "hĥℋℌℍℎ",
    "iìíîïĩīĭįℐℑℹ",
    "jĵ",
    "kķ",
    "lĺļľℒℓ",
    "mℳ",
    "nñńņňℕ",
    "oòóôõöōŏőℴ",
    "pℙ",
    "qℚ",
    "rŕŗřℛℜℝ",
    "sśŝşšſ",
    "tţť",
    "uùúûüũūŭůűų",
    "wŵ",
    "yýÿŷ",
    "zźżžℤℨ",
    "bℬ",
];

fn unaccented(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    ACCENTED
        .iter()
        .find(|variants| variants.contains(c))
        .and_then(|variants| variants.chars().next())
        .unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

    use super::*;

    /// NFKD without accents, in small letters.
    fn by_the_library(c: char) -> String {
        let decomposed = c.nfkd().filter(|c| !is_combining_mark(*c));
        decomposed.flat_map(char::to_lowercase).collect()
    }

    #[test]
    fn a_character_that_folds_to_a_letter_does_so_by_nfkc_too() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let ours = folded(&c.to_string());
            if !c.is_ascii() && ours.len() == 1 {
                // The letterlike symbols of the mathematical alphabets have no code there.
                let unassigned = by_the_library(c) == c.to_string();
                assert!(unassigned || by_the_library(c) == ours, "{c:?} {ours}");
            }
        }
    }

    #[test]
    fn latin_letters_and_their_variants_fold_as_nfkc_says() {
        let blocks = [
            0xC0..=0x17F,
            0x2102..=0x2139,
            0x24B6..=0x24E9,
            0xFF10..=0xFF5A,
            0x1D400..=0x1D6A3,
            0x1F130..=0x1F149,
        ];
        for c in blocks.into_iter().flatten().filter_map(char::from_u32) {
            let theirs = by_the_library(c);
            if theirs.len() == 1 && theirs.bytes().all(|b| b.is_ascii_alphanumeric()) {
                assert_eq!(folded(&c.to_string()), theirs, "{c:?}");
            }
        }
    }

    #[test]
    fn what_looks_alike_is_alike() {
        for text in [
            "STOP",
            "ＳＴＯＰ",
            "ｓｔｏｐ！",
            "S\u{200B}T\u{200D}O\u{FEFF}P",
            "\u{2068}stop\u{2069}",
            "“Stop.”",
            "STOP 🛑",
            "🛑STOP\u{FE0F}",
            "𝐒𝐓𝐎𝐏",
            "ⓈⓉⓄⓅ",
            "s\u{AD}top",
            "stóp",
            "sto\u{301}p",
        ] {
            assert_eq!(folded(text), "stop", "{text}");
        }
        assert_eq!(folded("Opt-out"), "opt out");
        assert_eq!(folded("MEINE  DATEN\nLÖSCHEN!"), "meine daten loschen");
        assert_eq!(folded("Größe"), "grosse");
        assert_eq!(folded("м’я 5"), "мя 5");
        assert_eq!(folded("🛑!"), "");
    }
}
