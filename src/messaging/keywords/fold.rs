//! Folding: how words are compared. `ＳＴＯＰ`, `S​top!` with an invisible character and `stop` are one
//! word, and so are `ARRÊT` and `arret`.
//!
//! Unicode's compatibility decomposition (NFKD) makes full width, circled and mathematical letters
//! ordinary ones, and parts letters from their accents. Not here: the words (`keywords`).

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// The words of a text, in small letters without accents, and with single spaces between them.
///
/// Whatever stands between words or around them does not count: white space, punctuation, emoji.
/// Apostrophes do not divide words.
#[must_use]
pub fn folded(text: &str) -> String {
    fold(text).collect()
}

/// The same, letter by letter.
pub(super) fn fold(text: &str) -> impl Iterator<Item = char> {
    let (mut begun, mut apart) = (false, false);
    let counts = |c: &char| !is_invisible(*c) && !"'’`´".contains(*c);
    text.chars()
        .filter(counts)
        .flat_map(letters)
        .flat_map(move |letter| {
            let divides = letter == ' ';
            let space = (apart && !divides).then_some(' ');
            apart = divides && begun;
            begun |= !divides;
            space.into_iter().chain((!divides).then_some(letter))
        })
}

/// The letters of a character, small and without accents. A space is what divides words.
fn letters(c: char) -> impl Iterator<Item = char> {
    let plain = match c {
        'ß' | 'ẞ' => [Some('s'), Some('s')],
        c if c.is_ascii_alphanumeric() => [Some(c.to_ascii_lowercase()), None],
        c if c.is_alphanumeric() => [None, None],
        _ => [Some(' '), None],
    };
    let composed = (plain == [None, None]).then(|| {
        c.nfkd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(char::to_lowercase)
            .filter(|c| !is_combining_mark(*c))
    });
    plain
        .into_iter()
        .flatten()
        .chain(composed.into_iter().flatten())
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

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(folded(" ¡ stop ! it' s - "), "stop it s");
    }
}
