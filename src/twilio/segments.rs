//! SMS segments: counting the segments of an answer, and fitting an answer into a limit of
//! segments.
//!
//! A text is sent in GSM-7 if the alphabet has all of its characters: 160 septets, or 153 in each
//! of several segments. Otherwise it is sent in UCS-2, with 70 or 67 units. One curly quote
//! therefore more than halves the text that fits. Sources: 3GPP TS 23.038, section 6.2.1 (alphabet
//! and extension table); 3GPP TS 23.040, section 9.2.3.24.1 (joining); Twilio, "What the heck is a
//! segment?". Not here: cutting an answer into messages (`parts`), and deciding which answers are
//! SMS (`messaging::thread`).

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::parts;

/// Fits an answer into at most `max` SMS segments.
///
/// Characters that would force UCS-2 are replaced if GSM-7 has an equivalent. If the answer is
/// still too long, it is cut at the end of a sentence or of a word, and an ellipsis marks the cut.
#[must_use]
pub fn fit(answer: &str, max: usize) -> String {
    let text = to_gsm7(answer);
    if total(&text) <= max {
        text.into_owned()
    } else {
        cut(&text, max)
    }
}

/// The number of segments of an answer, in all of its parts.
#[must_use]
pub fn total(answer: &str) -> usize {
    parts::split(answer).iter().map(|part| count(part)).sum()
}

/// The number of segments of one message. A character of the extension table takes two septets, a
/// character beyond the basic plane two UCS-2 units. Neither is split between two segments.
#[must_use]
pub fn count(message: &str) -> usize {
    match septets(message) {
        Some(sizes) => segments_of(&sizes, 160, 153),
        None => segments_of(
            &message.chars().map(char::len_utf16).collect::<Vec<_>>(),
            70,
            67,
        ),
    }
}

fn segments_of(sizes: &[usize], alone: usize, joined: usize) -> usize {
    if sizes.iter().sum::<usize>() <= alone {
        return 1;
    }
    let (mut segments, mut used) = (1usize, 0usize);
    for size in sizes {
        used = used.saturating_add(*size);
        if used > joined {
            (segments, used) = (segments.saturating_add(1), *size);
        }
    }
    segments
}

/// The characters of the default alphabet.
const ALPHABET: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
);
/// The characters of its extension table. Each takes an escape and a second septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// The septets of each character, if the alphabet has all of them.
fn septets(text: &str) -> Option<Vec<usize>> {
    let of = |c: char| {
        if c.is_ascii_alphanumeric() || ALPHABET.contains(c) {
            Some(1)
        } else {
            EXTENSION.contains(c).then_some(2)
        }
    };
    text.chars().map(of).collect()
}

/// `text` in GSM-7, if that is possible by replacing characters with equivalents and takes no more
/// segments than before. Otherwise `text` stays unchanged.
fn to_gsm7(text: &str) -> Cow<'_, str> {
    if septets(text).is_some() {
        return text.into();
    }
    let mut replaced = String::with_capacity(text.len());
    for c in text.chars() {
        match equivalent(c) {
            Some(equivalent) => replaced.push_str(equivalent),
            None => replaced.push(c),
        }
    }
    let helps = septets(&replaced).is_some()
        && !replaced.trim().is_empty()
        && total(&replaced) <= total(text);
    if helps { replaced.into() } else { text.into() }
}

/// The equivalent in GSM-7, if there is one.
fn equivalent(c: char) -> Option<&'static str> {
    Some(match c {
        '‘' | '’' | '‚' | '‛' | '′' | 'ʼ' | '`' | '´' => "'",
        '“' | '”' | '„' | '‟' | '″' | '«' | '»' => "\"",
        '‹' => "<",
        '›' => ">",
        // Hyphens, dashes, minus, bullets.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '•' | '‣' | '⁃' | '∙' | '·' | '◦' | '▪' | '●' => {
            "-"
        }
        '…' => "...",
        '\t' | '\u{A0}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => " ",
        '\u{2028}' | '\u{2029}' => "\n",
        // Soft hyphen, zero-width spaces and joiners, byte order mark.
        '\u{AD}' | '\u{200B}'..='\u{200D}' | '\u{2060}' | '\u{FEFF}' => "",
        _ => return None,
    })
}

/// The longest good beginning of `text` that takes at most `max` segments, its ellipsis included.
fn cut(text: &str, max: usize) -> String {
    let fits = |at: &usize| total(&shortened(text, *at)) <= max;
    let ends: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).collect();
    // A longer text takes more segments, except in rare cases at the border of two parts. The text
    // that is found here always fits.
    let fitting = ends.partition_point(&fits);
    let Some(ends) = ends.get(..fitting) else {
        return String::new();
    };
    let longest = ends.last().copied().unwrap_or_default();
    let white = |at: &&usize| {
        text.get(**at..)
            .is_some_and(|tail| tail.starts_with(char::is_whitespace))
    };
    let head = |at: usize| text.get(..at).unwrap_or_default();
    let ends_sentence = |at: &&usize| {
        head(**at)
            .trim_end_matches(['"', '\'', ')', '”', '’'])
            .ends_with(['.', '!', '?', '…', '。', '！', '？'])
    };
    let words = || {
        ends.iter()
            .rev()
            .filter(white)
            .filter(|at| !head(**at).trim().is_empty())
    };
    // A sentence that ends early would waste a segment that is paid for anyway.
    let sentence = words()
        .take_while(|at| **at >= longest / 2)
        .filter(ends_sentence)
        .find(|at| fits(at));
    let at = sentence
        .or_else(|| words().find(|at| fits(at)))
        .copied()
        .unwrap_or(longest);
    shortened(text, at)
}

/// The text up to `at`, with an ellipsis in the text's own alphabet in place of a full stop.
fn shortened(text: &str, at: usize) -> String {
    let head = text
        .get(..at)
        .unwrap_or_default()
        .trim_end()
        .trim_end_matches('.');
    let ellipsis = if septets(head).is_some() {
        "..."
    } else {
        "…"
    };
    format!("{head}{ellipsis}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_segment_holds_160_septets_or_70_units_and_joined_ones_153_or_67() {
        for (text, segments) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ж".repeat(70), 1),
            ("ж".repeat(71), 2),
            ("ж".repeat(134), 2),
            ("ж".repeat(135), 3),
            ("😀".repeat(35), 1),
            ("😀".repeat(36), 2),
        ] {
            assert_eq!(
                count(&text),
                segments,
                "{} characters",
                text.chars().count()
            );
        }
    }

    #[test]
    fn an_escape_and_a_surrogate_pair_stay_in_one_segment() {
        // 153 is odd, so the last septet of each segment stays free, and each segment holds 76 of
        // them.
        assert_eq!(count(&"€".repeat(152)), 2);
        assert_eq!(count(&"€".repeat(153)), 3);
        assert_eq!(count(&"😀".repeat(66)), 2);
        assert_eq!(count(&"😀".repeat(67)), 3);
    }

    #[test]
    fn the_alphabet_is_that_of_the_specification() {
        assert_eq!(
            ALPHABET.chars().count(),
            127,
            "128 septets, one of which is the escape"
        );
        assert_eq!(EXTENSION.chars().count(), 10);
        assert!(septets("ç`\t’ê").is_none());
        assert!("ç`\t’ê".chars().all(|c| septets(&c.to_string()).is_none()));
    }

    #[test]
    fn characters_that_force_ucs_2_are_replaced_when_that_makes_the_whole_answer_gsm_7() {
        let typeset = "“It’s 5 – 10\u{a0}km…” •\u{2009}so\u{200b} «far» it‑is";
        assert_eq!(fit(typeset, 10), "\"It's 5 - 10 km...\" - so \"far\" it-is");
        for other in ["“日本”", "It’s 👋", "naïve – ç"] {
            assert_eq!(fit(other, 10), other);
        }
        assert_eq!(
            fit(&"…".repeat(70), 10),
            "…".repeat(70),
            "one segment, of which three dots each would make two"
        );
        assert_eq!(fit("\u{200b}", 10), "\u{200b}", "an answer stays one");
    }

    #[test]
    fn every_fixed_text_takes_two_segments_at_most_and_is_gsm_7_where_the_language_allows() {
        use crate::config::{FixedText, Language};
        for language in Language::ALL {
            for text in FixedText::ALL.iter().filter(|text| !text.is_spoken()) {
                let words = text.in_language(language);
                let gsm_7 = septets(words).is_some();
                assert!(gsm_7 || language == Language::Portuguese, "{words}");
                let most = if gsm_7 || *text != FixedText::Help {
                    2
                } else {
                    3
                };
                assert!(count(words) <= most, "{words}");
            }
        }
    }

    #[test]
    fn a_long_answer_is_cut_at_a_sentence() {
        let long = "All is well at sea. ".repeat(100);
        let cut = fit(&long, 2);
        assert_eq!(count(&cut), 2);
        assert!(cut.ends_with("well at sea...") && cut.len() > 280, "{cut}");
        let russian = "Всё хорошо. ".repeat(30);
        let cut = fit(&russian, 3);
        assert!(cut.ends_with("хорошо…") && total(&cut) == 3, "{cut}");
        assert!(fit(&"Is it? ".repeat(60), 1).ends_with("Is it?..."));
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_word_and_a_long_word_between_graphemes() {
        let cut = fit(&"word ".repeat(100), 1);
        assert!(cut.ends_with(" word...") && cut.len() > 150, "{cut}");
        assert_eq!(fit(&"x".repeat(400), 1), format!("{}...", "x".repeat(157)));
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(fit(&family.repeat(30), 1), format!("{}…", family.repeat(6)));
    }

    /// Counts by laying the septets or units out one by one.
    fn slow_count(message: &str) -> usize {
        let gsm = message
            .chars()
            .all(|c| ALPHABET.contains(c) || EXTENSION.contains(c));
        let mut units: Vec<bool> = Vec::new(); // true: must stay with the next one
        for c in message.chars() {
            let double = if gsm {
                EXTENSION.contains(c)
            } else {
                u32::from(c) > 0xFFFF
            };
            if double {
                units.push(true);
            }
            units.push(false);
        }
        let (alone, joined) = if gsm { (160, 153) } else { (70, 67) };
        if units.len() <= alone {
            return 1;
        }
        let mut segments = 0;
        let mut rest = units.as_slice();
        while !rest.is_empty() {
            let mut take = joined.min(rest.len());
            if rest[take - 1] {
                take -= 1;
            }
            rest = &rest[take..];
            segments += 1;
        }
        segments
    }

    const GSM: &str = "[a-zA-Z0-9 .,!?\n€{}~|\\\\^@£ÄÖÜäöüà]{0,700}";
    const MIXED: &str = "([a-z€’–…“” ]|[.!?] |😀|ж|\u{301}|\n\n){0,700}";

    proptest! {
        #[test]
        fn the_count_agrees_with_a_slow_model(gsm in GSM, mixed in MIXED) {
            prop_assert_eq!(count(&gsm), slow_count(&gsm));
            prop_assert_eq!(count(&mixed), slow_count(&mixed));
        }

        #[test]
        fn a_fitted_answer_never_takes_more_than_the_limit(
            text in prop_oneof![GSM, MIXED],
            times in 1usize..12,
            max in 1usize..=100,
        ) {
            let text = text.repeat(times);
            let fit_to_channel = fit(&text, max);
            prop_assert!(total(&fit_to_channel) <= max, "{} > {max}", total(&fit_to_channel));
            prop_assert_eq!(fit(&fit_to_channel, max), fit_to_channel.clone(), "and is then left alone");
        }

        #[test]
        fn a_cut_is_never_inside_a_grapheme(text in "(👩‍👩‍👧‍👦|e\u{301}|🇩🇪|[a-z] ?){80,300}", max in 1usize..4) {
            let fit_to_channel = fit(&text, max);
            if total(&text) > max {
                let head = fit_to_channel.strip_suffix("...").or(fit_to_channel.strip_suffix('…')).unwrap();
                let graphemes: Vec<&str> = text.graphemes(true).collect();
                let kept: Vec<&str> = head.graphemes(true).collect();
                prop_assert_eq!(&graphemes[..kept.len()], &kept[..]);
            }
        }

        #[test]
        fn replacing_never_takes_more_segments(text in MIXED) {
            prop_assert!(total(&to_gsm7(&text)) <= total(&text));
        }

        #[test]
        fn a_gsm_7_text_within_the_limit_is_unchanged(text in GSM) {
            prop_assert_eq!(fit(&text, 100), text);
        }
    }
}
