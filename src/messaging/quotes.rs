//! Quotes: which earlier text a message quotes, and how the assistant reads it.
//!
//! What a phone or Twilio says was quoted differs from what was sent: quotation marks and dashes are
//! exchanged, white space is lost, long texts are shortened, and a trial account's texts have a prefix.
//! Not here: the form of a tapback (`inbound::tapback`), and which texts are remembered
//! (`messaging::state`).

use crate::twilio::parts;

/// The most characters of a quoted text that are remembered, and that the assistant reads.
pub const MAX_QUOTE_CHARS: usize = 200;

/// The least letters and digits that a shortened quote must have.
const SHORTENED_AT_LEAST: usize = 6;
/// From so many letters and digits on, the beginning of a text counts as its quote even without an
/// ellipsis.
const CUT_AT_LEAST: usize = 20;
/// What a line of a quote begins with.
const MARK: &str = "> ";
/// What Twilio puts before the texts of a trial account.
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// The text, or the part of it, that is quoted.
#[must_use]
pub fn part_of<'s>(said: &'s str, quoted: &str) -> Option<&'s str> {
    let quoted = quoted.trim();
    let quoted = quoted
        .strip_prefix(TRIAL_PREFIX.trim_end())
        .unwrap_or(quoted);
    // A long text goes out in parts.
    let parts = parts::split(said);
    if let Some(part) = parts.iter().find(|part| is_quote_of(quoted, part)) {
        let from = said.find(part.as_str());
        let found = from.and_then(|from| said.get(from..from.saturating_add(part.len())));
        return Some(found.unwrap_or(said));
    }
    // A text of several lines may have been several messages.
    said.lines()
        .map(str::trim)
        .find(|line| is_quote_of(quoted, line))
}

/// The message as the assistant reads it: the quoted text in lines that begin with `>`, then the message.
#[must_use]
pub fn with_quote(quoted: &str, text: &str) -> String {
    let mut lines: Vec<String> = shortened(quoted)
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("{MARK}{}", line.trim_end()))
        .collect();
    if !text.is_empty() {
        lines.push(text.to_owned());
    }
    lines.join("\n")
}

/// What a contact wrote itself: the text without the lines that [`with_quote`] has put before it.
#[must_use]
pub fn own_words(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(MARK));
    lines.collect::<Vec<_>>().join("\n")
}

/// At most [`MAX_QUOTE_CHARS`] of a text, with an ellipsis where it was cut.
#[must_use]
pub fn shortened(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() <= MAX_QUOTE_CHARS {
        return text.to_owned();
    }
    let mut short: String = text
        .chars()
        .take(MAX_QUOTE_CHARS.saturating_sub(1))
        .collect();
    // Not within a word, if a space is near.
    if let Some(end) = short.rfind(char::is_whitespace)
        && short.len().saturating_sub(end) < 30
    {
        short.truncate(end);
    }
    let mut short = short.trim_end().to_owned();
    short.push('…');
    short
}

fn is_quote_of(quoted: &str, said: &str) -> bool {
    let whole = comparable(quoted);
    let said = comparable(said);
    if whole.is_empty() || said.is_empty() {
        return false;
    }
    if whole == said {
        return true;
    }
    let beginning = quoted
        .trim_end()
        .strip_suffix('…')
        .or_else(|| quoted.trim_end().strip_suffix("..."));
    let least = if beginning.is_some() {
        SHORTENED_AT_LEAST
    } else {
        CUT_AT_LEAST
    };
    said.starts_with(&whole) && whole.chars().count() >= least
}

/// Letters and digits in lower case. Of a text without any, everything but white space.
fn comparable(text: &str) -> String {
    let letters: String = text
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if letters.is_empty() {
        text.split_whitespace().collect()
    } else {
        letters
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SAID: &str = "The shop – “Harbour” – opens at 9.\nSee you there!";

    #[test]
    fn a_text_is_found_whatever_a_phone_or_twilio_made_of_it() {
        for quoted in [
            SAID,
            "The shop - \"Harbour\" - opens at 9. See you there!",
            "Sent from your Twilio trial account - The shop – “Harbour” – opens at 9.\nSee you there!",
            "THE SHOP – Harbour – opensat 9. See you there!",
            "The shop – “Harb…",
            "The shop – “Harbour” – op...",
            "The shop – “Harbour” – opens at",
        ] {
            assert_eq!(part_of(SAID, quoted), Some(SAID), "{quoted}");
        }
        assert_eq!(part_of(SAID, "See you there!"), Some("See you there!"));
        assert_eq!(part_of("👍", "👍"), Some("👍"));
    }

    #[test]
    fn another_text_is_not_found() {
        for quoted in [
            "",
            "…",
            "The…",
            "The shop",
            "The shop opens at 10.",
            "9",
            "👎",
            "opens at 9.",
        ] {
            assert_eq!(part_of(SAID, quoted), None, "{quoted}");
        }
        assert_eq!(part_of("👍", "👎"), None);
        assert_eq!(part_of("", ""), None);
    }

    #[test]
    fn a_part_of_a_long_answer_is_the_part() {
        let said = format!(
            "{}\n\n{}",
            "First half. ".repeat(120),
            "Second half. ".repeat(120)
        );
        let sent = parts::split(&said);
        assert!(sent.len() > 1);
        for part in &sent {
            assert_eq!(part_of(&said, part), Some(part.as_str()));
        }
    }

    #[test]
    fn the_quoted_text_is_marked_line_by_line_before_the_message() {
        assert_eq!(
            with_quote(SAID, "yes, that one"),
            "> The shop – “Harbour” – opens at 9.\n> See you there!\nyes, that one"
        );
        assert_eq!(with_quote("Hello", ""), "> Hello", "an image that quotes");
    }

    #[test]
    fn the_own_words_of_a_message_are_what_does_not_come_from_its_quote() {
        let first = with_quote(SAID, "yes, that one");
        let joined = format!("Hello\n{first}\n{}", with_quote("Hello", ""));
        assert_eq!(own_words(&first), "yes, that one");
        assert_eq!(own_words(&joined), "Hello\nyes, that one");
        assert_eq!(own_words("5 > 4\n>:("), "5 > 4\n>:(");
    }

    proptest! {
        #[test]
        fn a_quote_has_a_bound_and_each_of_its_lines_a_mark(quoted in "(?s).{1,600}", text in "[a-z]{1,9}") {
            let with = with_quote(&quoted, &text);
            let (quote, last) = with.rsplit_once('\n').unwrap_or(("", &with));
            prop_assert_eq!(last, text);
            prop_assert!(quote.lines().all(|line| line.starts_with("> ")));
            prop_assert!(shortened(&quoted).chars().count() <= MAX_QUOTE_CHARS);
        }
    }
}
