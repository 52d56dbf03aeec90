use proptest::prelude::*;

use super::*;

fn english() -> Speakable {
    speakable(SpokenUrls::Say)
}

fn speakable(urls: SpokenUrls) -> Speakable {
    let phrase = FixedText::CallFoundAt.in_language(Language::English);
    Speakable::new(Language::English, urls, phrase)
}

fn said(text: &str) -> String {
    said_by(english(), text)
}

fn said_by(mut speakable: Speakable, text: &str) -> String {
    let mut said = speakable.push(text);
    said.push_str(&speakable.finish());
    said
}

#[test]
fn markup_emoji_and_urls_are_not_read_out() {
    for (written, spoken) in [
        (
            "Your order **1234** has *shipped*.",
            "Your order 1234 has shipped.",
        ),
        ("It costs `$5`, ~~not $6~~.", "It costs $5, not $6."),
        (
            "## Opening hours\nMonday to Friday",
            "Opening hours. Monday to Friday",
        ),
        ("We have:\n- tea\n- coffee\n", "We have: tea. coffee. "),
        (
            "1. Open the app.\n2. Log in.",
            "1. Open the app. 2. Log in.",
        ),
        ("Great! 🎉👍🏽 See you.", "Great! See you."),
        (
            "See https://www.example.com/help?x=1.",
            "See example dot com.",
        ),
        ("See [our page](https://example.com/a).", "See our page."),
        ("A [note] in brackets", "A note] in brackets"),
        ("Tea & cake <b>now</b>", "Tea and cake bnow/b"),
        ("2 * 3 * 4 is 24", "2 times 3 times 4 is 24"),
        (
            "the snake_case_name and _this_",
            "the snake case name and this",
        ),
        ("> quoted\n---\nend", "quoted. end"),
        ("```rust\nlet x;\n```\nDone", "let x; Done"),
        (
            "How are you? What is it? Why",
            "How are you? What is it? Why",
        ),
        ("   two   spaces  ", "two spaces "),
    ] {
        assert_eq!(said(written), spoken, "{written}");
    }
}

#[test]
fn signs_are_said_in_the_language_and_a_url_whole_if_wanted() {
    let german = Speakable::new(Language::German, SpokenUrls::Full, "");
    assert_eq!(
        said_by(german, "Tee & Kuchen: https://www.example.com/a/b."),
        "Tee und Kuchen: example Punkt com Schrägstrich a Schrägstrich b."
    );
}

#[test]
fn a_url_is_said_in_a_sentence_if_wanted() {
    for (written, spoken) in [
        (
            "Our menu: https://www.example.com/menu?a=b.",
            "Our menu: you can find it on example dot com.",
        ),
        (
            "Look at [our menu](https://example.com/menu \"Menu\").",
            "Look at our menu, you can find it on example dot com.",
        ),
        (
            "See [www.example.com](https://example.com).",
            "See you can find it on example dot com.",
        ),
        ("See [above](#menu).", "See above."),
    ] {
        assert_eq!(
            said_by(speakable(SpokenUrls::Phrase), written),
            spoken,
            "{written}"
        );
    }
}

#[test]
fn a_word_is_passed_on_before_it_has_ended() {
    let mut speakable = english();
    assert_eq!(speakable.push("Hel"), "Hel");
    assert_eq!(speakable.push("lo there"), "lo there");
    assert_eq!(speakable.push(", h"), ", ");
    assert_eq!(speakable.push("ow are"), "how are");
    assert_eq!(speakable.finish(), "");
}

proptest! {
    #[test]
    fn how_the_text_is_cut_changes_nothing(
        text in r"([a-z]{1,4}|[ *_`#>&\[\]()!.|~\n-]|https://|www\.|example\.com|🎉|é|1\. |\]\(){0,40}",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        urls in prop::sample::select(vec![SpokenUrls::Say, SpokenUrls::Full, SpokenUrls::Phrase]),
    ) {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let mut at: Vec<usize> = cuts.iter().map(|cut| *cut.get(&starts)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let mut cut_up = speakable(urls);
        let mut pieces = String::new();
        for cut in at.windows(2) {
            pieces.push_str(&cut_up.push(&text[cut[0]..cut[1]]));
        }
        pieces.push_str(&cut_up.finish());
        prop_assert_eq!(pieces, said_by(speakable(urls), &text));
    }

    #[test]
    fn nothing_is_left_that_would_be_markup_for_a_voice(text in ".{0,200}") {
        prop_assert!(!said(&text).contains(['<', '&', '*', '`', '\n']));
    }

    #[test]
    fn the_first_thing_that_is_said_is_no_space(text in r"([a-z]{1,2}|[ _*|&\n\t]|🎉|\u{a0}){0,20}") {
        let mut speakable = english();
        let mut said = String::new();
        for piece in text.split_inclusive(|_| true) {
            said.push_str(&speakable.push(piece));
            prop_assert!(!said.starts_with(char::is_whitespace));
        }
    }
}
