//! Parts: an answer is cut into parts, each of which Twilio accepts as one message.
//!
//! Answers by TwiML and by REST use the same parts. Not here: sending a part (`twiml`, `rest`).

use unicode_segmentation::UnicodeSegmentation;

/// The longest part. Twilio rejects more than 1600 characters (errors 14103 and 21617). Twilio does
/// not say whether a character beyond the basic plane counts once or twice. We count UTF-16 units,
/// which is safe in both cases.
pub const MAX_PART_UNITS: usize = 1600;
/// The most parts of one answer. The text beyond them is left out, and an ellipsis marks the cut.
pub const MAX_PARTS: usize = 10;

const ELLIPSIS: &str = "…";

/// Cuts `text` into at most [`MAX_PARTS`] parts of at most [`MAX_PART_UNITS`].
///
/// Cuts are at the ends of paragraphs if possible, else of sentences, of words, or of graphemes.
/// White space at a cut is removed. An answer of white space alone gives no parts.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let last = parts.len().saturating_add(1) == MAX_PARTS;
        if last && units(rest) > MAX_PART_UNITS {
            let (part, _) = cut(rest, MAX_PART_UNITS.saturating_sub(units(ELLIPSIS)));
            parts.push(format!("{part}{ELLIPSIS}"));
            break;
        }
        let (part, tail) = cut(rest, MAX_PART_UNITS);
        parts.push(part.to_owned());
        rest = tail;
    }
    parts
}

/// The beginning of `text` that the parts can hold: at most [`MAX_PARTS`] times [`MAX_PART_UNITS`].
#[must_use]
pub fn fit(text: &str) -> String {
    const MAX_UNITS: usize = MAX_PARTS * MAX_PART_UNITS;
    if text.len() <= MAX_UNITS || units(text) <= MAX_UNITS {
        return text.to_owned();
    }
    let (fitted, _) = cut(text, MAX_UNITS.saturating_sub(units(ELLIPSIS)));
    format!("{fitted}{ELLIPSIS}")
}

/// The length of `text` as Twilio may count it.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The longest good beginning of at most `limit` units, and the rest. Neither has white space at
/// the cut.
fn cut(text: &str, limit: usize) -> (&str, &str) {
    // A text never has more units than bytes, and most texts fit.
    if text.len() <= limit {
        return (text, "");
    }
    let mut used = 0usize;
    let mut best = Cuts::default();
    let mut previous = "";
    for (at, grapheme) in text.grapheme_indices(true) {
        // A cut before this grapheme leaves `used` units. White space at the cut is removed, so it
        // does not count.
        best.consider(text, at, previous, grapheme);
        used = used.saturating_add(units(grapheme));
        let end = at.saturating_add(grapheme.len());
        if used > limit
            && text
                .get(..end)
                .is_some_and(|head| units(head.trim_end()) > limit)
        {
            return best.take(text, limit);
        }
        previous = grapheme;
    }
    (text, "")
}

/// The last possible cut of each kind, as a byte offset.
#[derive(Default)]
struct Cuts {
    paragraph: usize,
    sentence: usize,
    word: usize,
    grapheme: usize,
}

impl Cuts {
    fn consider(&mut self, text: &str, at: usize, previous: &str, next: &str) {
        self.grapheme = at;
        if !next.chars().all(char::is_whitespace) || at == 0 {
            return;
        }
        self.word = at;
        let after_newline = next.contains('\n');
        let ends_sentence = previous.ends_with([
            '.', '!', '?', '…', '。', '！', '？', ':', ';', '"', ')', '”',
        ]) && text.get(..at).is_some_and(|head| {
            head.trim_end_matches(['"', ')', '”'])
                .ends_with(['.', '!', '?', '…', '。', '！', '？'])
        });
        if ends_sentence || after_newline {
            self.sentence = at;
        }
        if after_newline && text.get(at..).is_some_and(|tail| tail.starts_with("\n\n")) {
            self.paragraph = at;
        }
    }

    /// Cuts at the best position that leaves a part of decent length. A paragraph that ends early
    /// would waste the part.
    fn take<'t>(&self, text: &'t str, limit: usize) -> (&'t str, &'t str) {
        let decent = limit / 2;
        let far_enough = |at: usize, least: usize| {
            text.get(..at)
                .is_some_and(|head| units(head.trim_end()) > least)
        };
        let at = [
            (self.paragraph, decent),
            (self.sentence, decent),
            (self.word, 0),
        ]
        .into_iter()
        .find(|(at, least)| far_enough(*at, *least))
        .map_or(self.grapheme, |(at, _)| at);
        if at == 0 {
            // One grapheme is longer than a whole part, such as a letter with a thousand accents.
            // So cut between characters.
            return cut_characters(text, limit);
        }
        text.split_at_checked(at)
            .map_or((text, ""), |(part, tail)| {
                (part.trim_end(), tail.trim_start())
            })
    }
}

fn cut_characters(text: &str, limit: usize) -> (&str, &str) {
    let mut used = 0usize;
    let at = text.char_indices().find(|(_, c)| {
        used = used.saturating_add(c.len_utf16());
        used > limit
    });
    at.and_then(|(at, _)| text.split_at_checked(at))
        .unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_answer_is_one_part() {
        assert_eq!(split(" Hello.\n"), ["Hello."]);
        assert_eq!(split(&"x".repeat(1600)).len(), 1);
        assert!(split(" \n").is_empty());
    }

    #[test]
    fn a_long_answer_is_cut_at_a_paragraph() {
        let text = format!(
            "{}\n\n{}",
            "One two. ".repeat(120).trim(),
            "Three four. ".repeat(80).trim()
        );
        let parts = split(&text);
        assert_eq!(parts, text.split("\n\n").collect::<Vec<_>>());
    }

    #[test]
    fn a_long_paragraph_is_cut_at_a_sentence() {
        for part in split("A sentence of some words. ".repeat(200).trim()) {
            assert!(
                part.starts_with("A sentence") && part.ends_with("words."),
                "{part}"
            );
        }
    }

    #[test]
    fn a_long_sentence_is_cut_at_a_word() {
        let text = "word ".repeat(600);
        let parts = split(&text);
        assert!(parts.len() > 1);
        assert!(
            parts
                .iter()
                .flat_map(|part| part.split(' '))
                .all(|word| word == "word")
        );
    }

    #[test]
    fn a_grapheme_is_never_cut() {
        let family = "👩‍👩‍👧‍👦";
        let parts = split(&family.repeat(400));
        assert!(parts.len() > 1);
        assert!(
            parts
                .iter()
                .all(|part| part.graphemes(true).all(|grapheme| grapheme == family))
        );
    }

    #[test]
    fn a_character_beyond_the_basic_plane_counts_twice() {
        assert_eq!(split(&"😀".repeat(800)).len(), 1);
        assert_eq!(split(&"😀".repeat(801)).len(), 2);
    }

    #[test]
    fn more_than_ten_parts_end_in_an_ellipsis() {
        let parts = split(&"word ".repeat(10_000));
        assert_eq!(parts.len(), MAX_PARTS);
        assert!(parts[9].ends_with("word…"));
    }

    #[test]
    fn one_endless_grapheme_is_cut_all_the_same() {
        let text = format!("a{}", "\u{301}".repeat(5000));
        assert!(
            split(&text)
                .iter()
                .all(|part| units(part) <= MAX_PART_UNITS)
        );
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_long(text in "(\\PC{0,40}[ \n.!?]{0,3}){0,150}") {
            let parts = split(&text);
            let visible = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert!(parts.len() <= MAX_PARTS);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && units(part) <= MAX_PART_UNITS));
            if parts.len() < MAX_PARTS {
                prop_assert_eq!(visible(&parts.concat()), visible(&text));
            }
        }
    }
}
