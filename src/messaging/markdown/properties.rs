//! Properties of the conversion, over any text and over generated Markdown.

use proptest::prelude::*;

use super::*;

const CHANNELS: [Channel; 4] = [
    Channel::Sms,
    Channel::WhatsApp,
    Channel::Rcs,
    Channel::Messenger,
];

/// Text that is full of marks.
const MARKS: &str = "([a-c0-2éж日 ]|[*_~`#>|()\\[\\]<>!&;:.+=/\\\\-]|\\*\\*|~~|```|\n|\n\n|\n- |\n1\\. |\n> |\n\\|-\\|-\\|\n|https://a\\.b/_c_|<br>|&amp;|\\]\\(/a\\)|😀|\t|    ){0,60}";

/// Markdown as a model writes it.
fn markdown() -> impl Strategy<Value = String> {
    let word = "[a-zA-Zé日]{1,8}|[0-9]{1,3}|snake_case|2\\*3";
    let inline = prop_oneof![
        4 => word.prop_map(String::from),
        1 => word.prop_map(|word| format!("**{word}**")),
        1 => word.prop_map(|word| format!("*{word} {word}*")),
        1 => word.prop_map(|word| format!("~~{word}~~")),
        1 => word.prop_map(|word| format!("`{word}`")),
        1 => word.prop_map(|word| format!("[{word}](https://x.example/{word})")),
    ];
    let line = proptest::collection::vec(inline, 1..5).prop_map(|words| words.join(" "));
    let block = prop_oneof![
        3 => line.clone(),
        1 => line.clone().prop_map(|line| format!("## {line}")),
        1 => line.clone().prop_map(|line| format!("> {line}")),
        1 => proptest::collection::vec(line.clone(), 1..4)
            .prop_map(|lines| lines.iter().map(|line| format!("* {line}\n  - {line}")).collect::<Vec<_>>().join("\n")),
        1 => line.clone().prop_map(|line| format!("```\n{line}\n```")),
        1 => line.clone().prop_map(|line| format!("| {line} | b |\n|---|---|\n| {line} | d |")),
        1 => Just("---".to_owned()),
    ];
    proptest::collection::vec(block, 1..6).prop_map(|blocks| blocks.join("\n\n"))
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![MARKS, "\\PC{0,80}", any::<String>(), markdown()]
}

/// The characters of a text that can be seen, and their numbers.
fn visible(text: &str) -> std::collections::BTreeMap<char, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        *counts.entry(c).or_default() += 1;
    }
    counts
}

/// The letters and digits of a text.
fn words(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_visible_is_added_but_a_few_marks(text in any_text()) {
        // An entity is another character, by its nature.
        let text = text.replace(';', "");
        let before = visible(&text);
        for channel in CHANNELS {
            for (c, count) in visible(&to_channel(&text, channel)) {
                let added = count > before.get(&c).copied().unwrap_or_default();
                let allowed = if channel == Channel::WhatsApp { "():|->*_~`" } else { "():|-" };
                prop_assert!(!added || allowed.contains(c), "{c:?} in {channel:?}");
            }
        }
    }

    #[test]
    fn plain_text_that_is_converted_again_stays_the_same(text in any_text()) {
        let once = to_channel(&text, Channel::Sms);
        prop_assert_eq!(to_channel(&once, Channel::Sms), once);
    }

    #[test]
    fn an_answer_gets_hardly_longer(text in any_text()) {
        let most = text.len() + 4 + 2 * text.matches(['|', '>', '\t']).count();
        for channel in CHANNELS {
            let shown = to_channel(&text, channel);
            prop_assert!(shown.len() <= most, "{} > {most}: {shown:?}", shown.len());
        }
    }

    #[test]
    fn text_without_marks_is_unchanged(
        text in "([a-zA-Zß日😀$€(\"'“][a-zA-Zéж日ﷺ😀 ,.;:!?'\"%@$€()/=+-]{0,20}\n{0,2}){0,5}",
    ) {
        for channel in CHANNELS {
            prop_assert_eq!(&to_channel(&text, channel), &text);
        }
    }

    #[test]
    fn what_can_be_read_stays_readable(text in any_text()) {
        for channel in CHANNELS {
            let blank = to_channel(&text, channel).trim().is_empty();
            prop_assert_eq!(blank, text.trim().is_empty());
        }
    }

    #[test]
    fn every_word_of_markdown_is_kept_on_every_channel(text in markdown()) {
        for channel in CHANNELS {
            prop_assert_eq!(words(&to_channel(&text, channel)), words(&text));
        }
    }

    #[test]
    fn the_words_are_those_that_a_parser_of_common_mark_finds(text in markdown()) {
        use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
        let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
        let mut expected = String::new();
        let mut url = String::new();
        for event in Parser::new_ext(&text, options) {
            match event {
                Event::Text(text) | Event::Code(text) => expected.push_str(&text),
                Event::Start(Tag::Link { dest_url, .. }) => url = dest_url.to_string(),
                Event::End(TagEnd::Link) => expected.push_str(&url),
                _ => {}
            }
        }
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !"()|:-*`>~".contains(*c)).collect::<String>();
        prop_assert_eq!(letters(&to_channel(&text, Channel::Sms)), letters(&expected));
    }
}

#[test]
fn a_long_answer_of_marks_takes_no_long_time() {
    for piece in [
        "*a ",
        "**a",
        "_a",
        "[",
        "[a](",
        "](/a)",
        "`",
        "``` ",
        "<",
        "<b",
        "\\*",
        "&",
        "# ",
        "> ",
        "- ",
        "|",
        "~~a ",
        "*a_b",
        "![",
        "<b></b>",
        "a**b",
        "\n- ",
        "[a]: /b\n",
        "www.",
        "1. ",
        "(",
        "`a``b```",
    ] {
        let text = piece.repeat(50_000 / piece.len());
        let start = std::time::Instant::now();
        for channel in [Channel::Sms, Channel::WhatsApp] {
            assert!(!to_channel(&text, channel).is_empty());
        }
        let seconds = start.elapsed().as_secs_f64();
        assert!(seconds < 5.0, "{piece:?} took {seconds}");
    }
}
