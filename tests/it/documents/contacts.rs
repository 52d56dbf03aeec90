//! The page of what a contact reads: the fixed texts, and the words of the keywords.
//!
//! Not here: when a contact gets which text.

use switchboard::{
    config::{FixedText, Language},
    messaging::keywords::{
        Keyword, WORDS, WORDS_FOR_A_PERSON, WORDS_FOR_THE_ASSISTANT, WORDS_WHILE_OPTED_OUT,
    },
};

use super::{
    markdown::{code_spans, place, table},
    project::read,
    report::assert_has,
    source::variants,
};

const PAGE: &str = "docs/messages.md";

#[test]
fn the_messages_page_quotes_what_a_contact_reads() {
    for text in FixedText::ALL {
        let words = text.in_language(Language::English);
        // The answer to HELP is on the page of settings. Intakes and what is spoken have their own.
        let page = match text {
            FixedText::Help => "docs/settings.md",
            text if text.name().starts_with("intake_") => "docs/intake.md",
            text if text.is_spoken() => "docs/assistants.md",
            _ => PAGE,
        };
        let words = words
            .replace("{limit}", "4000")
            .replace("{seconds}", "57")
            .replace("{words}", "…")
            .replace("{contact}", "77f0b7e1")
            .replace("in 1 second.", "in 57 seconds.");
        // A line of the page may end within a sentence.
        assert!(
            read(page).replace('\n', " ").contains(&words),
            "{page} does not quote the text `{}`. Write, word for word: {words}",
            text.name()
        );
    }
}

#[test]
fn the_messages_page_lists_every_word_of_every_keyword() {
    let rows = table(&read(PAGE), "Words");
    let listed: Vec<Vec<String>> = rows.iter().map(|row| code_spans(&row[0])).collect();
    for (keyword, words) in WORDS {
        let while_out = WORDS_WHILE_OPTED_OUT.iter().copied();
        let while_out = while_out.filter(|_| *keyword == Keyword::OptIn);
        let mut expected: Vec<String> = words
            .iter()
            .copied()
            .chain(while_out)
            .map(str::to_uppercase)
            .collect();
        expected.sort();
        assert!(
            listed.contains(&expected),
            "{}, lacks a row with exactly these words of {keyword:?} in its first column: `{}`",
            place(PAGE, "Words"),
            expected.join("`, `")
        );
    }
    let of_a_hand_off = table(&read(PAGE), "Words of a hand-off");
    for (row, words) in of_a_hand_off
        .iter()
        .zip([WORDS_FOR_A_PERSON, WORDS_FOR_THE_ASSISTANT])
    {
        let mut expected: Vec<String> = words.iter().map(|word| word.to_uppercase()).collect();
        expected.sort();
        assert_has(
            &place(PAGE, "Words of a hand-off"),
            code_spans(&row[0]),
            expected,
        );
    }
    assert_eq!(
        of_a_hand_off.len(),
        2,
        "the table of a hand-off has two rows"
    );
    let keywords = variants(&read("src/messaging/keywords.rs"), "Keyword");
    assert_eq!(
        WORDS.len(),
        keywords.len(),
        "src/messaging/keywords.rs, WORDS: each variant of Keyword needs its words there"
    );
    assert_eq!(
        rows.len(),
        WORDS.len(),
        "{}, has a row of words that no keyword has. Remove it.",
        place(PAGE, "Words")
    );
}
