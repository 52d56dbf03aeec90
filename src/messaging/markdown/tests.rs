use proptest::prelude::*;

use super::*;

fn sms(text: &str) -> String {
    render(text, Channel::Sms)
}

fn whatsapp(text: &str) -> String {
    render(text, Channel::WhatsApp)
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn markdown_is_plain_text_by_sms_rcs_and_messenger_and_has_whatsapps_marks_there() {
    for (markdown, plain, marked) in [
        ("**Open** on Sunday", "Open on Sunday", "*Open* on Sunday"),
        (
            "**Open** on [Sunday](https://example.com)",
            "Open on Sunday (https://example.com)",
            "*Open* on Sunday (https://example.com)",
        ),
        ("__Open__ now", "Open now", "*Open* now"),
        ("It is *very* good", "It is very good", "It is *very* good"),
        ("It is _very_ good", "It is very good", "It is _very_ good"),
        ("***Both***", "Both", "*Both*"),
        ("~~Sold~~ here", "Sold here", "~Sold~ here"),
        ("# Hours\n\nNine", "Hours\n\nNine", "*Hours*\n\nNine"),
        ("## **Hours** ##\nNine", "Hours\nNine", "*Hours*\nNine"),
        ("Hours\n=====\nNine", "Hours\nNine", "*Hours*\nNine"),
        (
            "* one\n* two\n  * three",
            "- one\n- two\n  - three",
            "- one\n- two\n  - three",
        ),
        (
            "3. third\n4. **fourth**",
            "3. third\n4. fourth",
            "3. third\n4. *fourth*",
        ),
        ("- [x] done", "- [x] done", "- [x] done"),
        (
            "Run `npm start` now",
            "Run npm start now",
            "Run `npm start` now",
        ),
        (
            "```js\nlet a = 1;\n```",
            "let a = 1;",
            "```\nlet a = 1;\n```",
        ),
        ("~~~\ncode\n~~~", "code", "~~~\ncode\n~~~"),
        ("> Quoted\n> text", "Quoted\ntext", "> Quoted\n> text"),
        ("One\n\n---\n\nTwo", "One\n\nTwo", "One\n\nTwo"),
        (
            "| Day | Hours |\n|---|---|\n| Mon | 9–5 |\n| Tue | 9–6 |",
            "Day | Hours\nMon | 9–5\nTue | 9–6",
            "Day | Hours\nMon | 9–5\nTue | 9–6",
        ),
        (
            "Day|Hours\n--|--\nMon|**9**",
            "Day|Hours\nMon|9",
            "Day|Hours\nMon|*9*",
        ),
        (
            "![A gull](https://example.com/g.png)",
            "A gull (https://example.com/g.png)",
            "A gull (https://example.com/g.png)",
        ),
        (
            "<https://example.com>",
            "https://example.com",
            "https://example.com",
        ),
        (
            "[https://example.com/](https://example.com)",
            "https://example.com/",
            "https://example.com/",
        ),
        (
            "[example.com](https://www.example.com/)",
            "example.com",
            "example.com",
        ),
        (
            "[a@example.com](mailto:a@example.com)",
            "a@example.com",
            "a@example.com",
        ),
        ("[+1 555-0100](tel:+15550100)", "+1 555-0100", "+1 555-0100"),
        (
            "[](https://example.com)",
            "https://example.com",
            "https://example.com",
        ),
        (
            "**[Shop](https://example.com)**",
            "Shop (https://example.com)",
            "*Shop (https://example.com)*",
        ),
        ("Salt &amp; pepper", "Salt & pepper", "Salt & pepper"),
        (
            "One<br>two<br/>\nthree",
            "One\ntwo\nthree",
            "One\ntwo\nthree",
        ),
        ("<b>Bold</b> text", "Bold text", "Bold text"),
        (
            r"snake\_case costs 5\$ \- or 2 \* 3",
            "snake_case costs 5$ - or 2 * 3",
            "snake_case costs 5$ - or 2 * 3",
        ),
        ("这是**重点**内容", "这是重点内容", "这是*重点*内容"),
        ("One  \ntwo\\\nthree", "One\ntwo\nthree", "One\ntwo\nthree"),
    ] {
        assert_eq!(sms(markdown), plain, "{markdown}");
        assert_eq!(whatsapp(markdown), marked, "{markdown}");
        for channel in [Channel::Rcs, Channel::Messenger] {
            assert_eq!(render(markdown, channel), plain, "{markdown}");
        }
    }
}

#[test]
fn ordinary_text_is_unharmed() {
    for text in [
        "2 * 3 * 4",
        "2*3*4 = 24 and 2**3**4",
        "a*b + c*d",
        "snake_case and file_name_v2.txt",
        "__init__.py and __name__",
        "https://example.com/a_b_c/*x*/_y_?q=_z_&r=*1*",
        "See https://example.com/_a_ and www.example.com/_b_.",
        "$5 and $10, ~5 minutes, ~10 at most",
        "#hashtag, C# and 3 < 4 > 2, a<b",
        "+1 555 0100\n+1 555 0101",
        "+ 5 points\n- 5 points",
        "2024. It was a good year",
        "1. Mai",
        "7) seven",
        r"C:\path\to and \\server\share",
        "anna_maria_smith@example.com",
        "    indented **text** stays",
        "Bye\n--\nAnna",
        "Tom & Jerry; AT&T &c.",
        ":) ;-) <3 ^_^",
        "Цена: 5*2*3. 🙂👍🏽",
        "  two spaces  \n\n\n\nand blank lines",
        "> 18 years\n>= 5",
        "[not a link] (really) and [1]",
        "5* hotel, 4* hotel",
        "---",
        "",
        " ",
    ] {
        for channel in [Channel::Sms, Channel::WhatsApp] {
            assert_eq!(render(text, channel), text, "{text}");
        }
    }
}

#[test]
fn code_that_reads_as_markdown_keeps_its_marks() {
    for text in ["`**kwargs**`", "```\n# comment\nx = 1\n```"] {
        assert_eq!(sms(text), text);
    }
}

#[test]
fn whatsapps_own_marks_stay_there() {
    let text = "*Open* on _Sunday_, ~not~ Monday";
    assert_eq!(whatsapp(text), text);
}

/// Text that is made of Markdown's pieces.
fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,4}",
        "[ \n]{1,2}",
        prop::sample::select(vec![
            "*",
            "**",
            "_",
            "__",
            "~~",
            "`",
            "```\n",
            "# ",
            "## ",
            "- ",
            "1. ",
            "> ",
            "|",
            "\n|-|-|\n",
            "[",
            "](",
            ")",
            "https://a.b",
            "<",
            ">",
            "\\",
            "&amp;",
            "---",
            "\n\n",
            "    ",
            "é",
            "2",
            "!",
            "<br>",
            "===\n",
            ".",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn visible(text: &str) -> Vec<char> {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn rendering_never_adds_text_never_lengthens_it_and_is_idempotent(text in markdown()) {
        for channel in [Channel::Sms, Channel::WhatsApp] {
            let rendered = render(&text, channel);
            prop_assert!(rendered.len() <= text.len(), "{:?} became {:?}", text, rendered);
            prop_assert_eq!(&render(&rendered, channel), &rendered);
            prop_assert_eq!(visible(&rendered).is_empty(), visible(&text).is_empty());
            // Apart from entities, every visible character comes from the source.
            for c in visible(&rendered) {
                prop_assert!(text.contains(c) || "()-&*~".contains(c), "{:?} became {:?}", text, rendered);
            }
        }
    }

    #[test]
    fn any_text_is_rendered_without_loss_of_letters(text in "\\PC{0,60}(\n\\PC{0,20}){0,3}") {
        let rendered = sms(&text);
        prop_assert_eq!(&sms(&rendered), &rendered);
        prop_assert!(rendered.len() <= text.len());
    }

    #[test]
    fn text_without_marks_is_unchanged(text in "[a-zA-Z0-9äé,.?! \n]{0,80}") {
        // Two spaces at the end of a line are Markdown for a new line.
        prop_assume!(!text.contains("  \n"));
        prop_assert_eq!(sms(&text), text);
    }
}
