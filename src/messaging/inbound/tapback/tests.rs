use proptest::prelude::*;

use super::*;

const SAID: &str = "The shop opens at 9.";

/// Whether a text is read as a tapback that quotes [`SAID`].
fn quotes_it(text: &str) -> bool {
    matches!(Tapback::of(text), Some(Tapback::Quotes(quotes)) if quotes.iter().any(|quote| quote == SAID))
}

#[test]
fn the_tapbacks_of_phones_quote_what_they_react_to() {
    for text in [
        "Liked “The shop opens at 9.”",
        "Loved \"The shop opens at 9.\"",
        "Disliked “The shop opens at 9.”",
        "Laughed at “The shop opens at 9.”",
        "Emphasized “The shop opens at 9.”",
        "Emphasised 'The shop opens at 9.'",
        "Questioned “The shop opens at 9.”",
        "Removed a like from “The shop opens at 9.”",
        "Removed a heart from “The shop opens at 9.”",
        "Removed a question mark from “The shop opens at 9.”",
        "Removed an exclamation from “The shop opens at 9.”",
        "Removed 👍 from “The shop opens at 9.”",
        "Reacted 😂 to “The shop opens at 9.”",
        "Reacted with ❤️ to “The shop opens at 9.”",
        "👍 to “The shop opens at 9.”",
        "❤️ to “The shop opens at 9.”",
        "👍🏽 to “The shop opens at 9.”",
        "👩‍👩‍👧 to “The shop opens at 9.”",
        "\u{200a}\u{200b}👍\u{200b} to “\u{200a}The shop opens at 9.\u{200a}”\u{200a}",
        "👍 à \"\u{200a}The shop opens at 9.\u{200a}\"",
        "A aimé « The shop opens at 9. »",
        "a adoré «\u{a0}The shop opens at 9.\u{a0}»",
        "N’a pas aimé « The shop opens at 9. »",
        "A ri de « The shop opens at 9. »",
        "A mis en évidence « The shop opens at 9. »",
        "A réagi avec 😂 à « The shop opens at 9. »",
        "A retiré un J’aime de « The shop opens at 9. »",
        "a attribué la mention « Adore » à « The shop opens at 9. »",
        "Le gustó “The shop opens at 9.”",
        "Le encantó «The shop opens at 9.»",
        "No le gustó “The shop opens at 9.”",
        "Reaccionó con 🫡 a “The shop opens at 9.”",
        "Curtiu “The shop opens at 9.”",
        "Ha messo “Mi piace” a “The shop opens at 9.”",
        "Gefällt „The shop opens at 9.“",
        "Liebt „The shop opens at 9.“",
        "Hat mit 😂 auf „The shop opens at 9.“ reagiert",
        "Vond “The shop opens at 9.” leuk",
        "😂 to The shop opens at 9.",
    ] {
        assert!(quotes_it(text), "{text}");
    }
}

#[test]
fn a_quote_with_quotation_marks_and_lines_is_read_whole() {
    let text = "Liked “We say “hello”.\nDon't we?”";
    let Some(Tapback::Quotes(quotes)) = Tapback::of(text) else {
        panic!("{text}")
    };
    assert_eq!(quotes[0], "We say “hello”. Don't we?");
}

#[test]
fn a_tapback_on_a_file_quotes_nothing() {
    for text in [
        "Liked an image",
        "Laughed at a photo",
        "Loved an attachment",
        "Reacted 😂 to an image",
        "Removed a heart from an image",
        "A aimé une photo",
    ] {
        assert_eq!(Tapback::of(text), Some(Tapback::File), "{text}");
    }
}

#[test]
fn an_ordinary_sentence_is_no_tapback() {
    for text in [
        "Liked",
        "Liked it a lot, do you have more?",
        "Loved it!",
        "Loved “The shop opens at 9.”, but what about Sunday?",
        "I liked “The shop opens at 9.”",
        "Liked your answer “The shop opens at 9.”",
        "What do you mean by “The shop opens at 9.”",
        "Is “The shop opens at 9.” still true?",
        "“The shop opens at 9.”",
        "\"The shop opens at 9.\" is wrong",
        "👍",
        "👍 but please explain “The shop opens at 9.”",
        "Liked “”",
        "Removed “The shop opens at 9.”",
        "Questioned everything",
        "Liked an image that you sent",
        "",
        "“",
        "”",
    ] {
        assert_eq!(Tapback::of(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn every_form_finds_what_it_quotes(said in "[a-z0-9][a-z0-9 .,!?é“”]{0,60}[a-z0-9.!?]", form in 0usize..4) {
        let plain = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = match form {
            0 => format!("Liked “{plain}”"),
            1 => format!("Removed a laugh from \"{plain}\""),
            2 => format!("A adoré « {plain} »"),
            _ => format!("\u{200b}👍\u{200b} to “\u{200a}{plain}\u{200a}”"),
        };
        let found = Tapback::of(&text);
        prop_assert!(matches!(&found, Some(Tapback::Quotes(quotes)) if quotes.contains(&plain)), "{:?}", found);
    }

    #[test]
    fn any_text_can_be_read(text in "(Liked |👍 to |Removed a |[“”\"«» a-z👍_*']){0,12}") {
        let _ = Tapback::of(&text);
    }
}
