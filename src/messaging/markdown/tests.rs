//! What people get to read, on each channel.

use super::*;

fn sms(answer: &str) -> String {
    to_channel(answer, Channel::Sms)
}

fn whatsapp(answer: &str) -> String {
    to_channel(answer, Channel::WhatsApp)
}

#[track_caller]
fn assert_shown(cases: &[(&str, &str, &str)]) {
    for (answer, plain, marked) in cases {
        assert_eq!(sms(answer), *plain, "{answer}");
        assert_eq!(to_channel(answer, Channel::Rcs), *plain, "{answer}");
        assert_eq!(to_channel(answer, Channel::Messenger), *plain, "{answer}");
        assert_eq!(whatsapp(answer), *marked, "{answer}");
    }
}

#[test]
fn emphasis_loses_its_marks_and_gets_whatsapp_s_own_there() {
    assert_shown(&[
        (
            "**Open** on [Sunday](https://example.com)",
            "Open on Sunday (https://example.com)",
            "*Open* on Sunday (https://example.com)",
        ),
        ("*so* _so_ __so__", "so so so", "_so_ _so_ *so*"),
        (
            "***both*** ~~old~~ `code`",
            "both old code",
            "*_both_* ~old~ `code`",
        ),
        (
            "**bold with *italic* in it**",
            "bold with italic in it",
            "*bold with _italic_ in it*",
        ),
        ("**two\nlines**", "two\nlines", "two\nlines"),
        ("**Hours:** 9–17", "Hours: 9–17", "*Hours:* 9–17"),
        ("**Hours:**9–17", "Hours:9–17", "Hours:9–17"),
        (
            "**Kunden**nummer und **API**s",
            "Kundennummer und APIs",
            "Kundennummer und APIs",
        ),
        ("这是**重点**内容", "这是重点内容", "这是重点内容"),
        ("**重点：**内容", "重点：内容", "重点：内容"),
        ("**Привет**, *мир*", "Привет, мир", "*Привет*, _мир_"),
        ("**😀 Hi!**", "😀 Hi!", "*😀 Hi!*"),
        ("__**twice**__", "twice", "*twice*"),
        ("an **open end", "an **open end", "an **open end"),
    ]);
}

#[test]
fn a_link_is_its_text_and_its_address() {
    assert_shown(
        &[
            (
                "[Map](https://x.example/a_b*c*d)",
                "Map (https://x.example/a_b*c*d)",
            ),
            (
                "[Map](https://x.example \"Our map\")",
                "Map (https://x.example)",
            ),
            (
                "[Wiki](https://x.example/A_(b))",
                "Wiki (https://x.example/A_(b))",
            ),
            (
                "[https://x.example](https://x.example)",
                "https://x.example",
            ),
            ("[x.example](https://x.example/)", "https://x.example/"),
            ("[](https://x.example)", "https://x.example"),
            (
                "[Mail us](mailto:a_b_c@x.example)",
                "Mail us (a_b_c@x.example)",
            ),
            ("[a@x.example](mailto:a@x.example)", "a@x.example"),
            ("[+1 555 0100](tel:+15550100)", "+1 555 0100"),
            ("<https://x.example/?a=1&b=2>", "https://x.example/?a=1&b=2"),
            ("<a@x.example>", "a@x.example"),
            (
                "![A cat](https://x.example/cat.png)",
                "A cat (https://x.example/cat.png)",
            ),
            (
                "![](https://x.example/cat.png)",
                "https://x.example/cat.png",
            ),
            (
                "See [the list][1].\n\n[1]: https://x.example/l",
                "See the list (https://x.example/l).\n",
            ),
            ("[Top](#top)", "Top"),
            ("f[0](x) and [1](see below)", "f[0](x) and [1](see below)"),
            ("[ ] and [x] and [^1] and []", "[ ] and [x] and [^1] and []"),
        ]
        .map(|(answer, shown)| (answer, shown, shown)),
    );
}

#[test]
fn blocks_become_lines() {
    assert_shown(&[
        (
            "# Hours\n\nAt nine.",
            "Hours\n\nAt nine.",
            "*Hours*\n\nAt nine.",
        ),
        ("## **Hours** ##", "Hours", "*Hours*"),
        (
            "Hours\n=====\nAt nine.",
            "Hours\nAt nine.",
            "*Hours*\nAt nine.",
        ),
        ("a\n\n---\n\nb", "a\n\nb", "a\n\nb"),
        ("a\n***\nb", "a\n\nb", "a\n\nb"),
        (
            "* one\n* **two**\n+ three",
            "- one\n- two\n+ three",
            "- one\n- *two*\n+ three",
        ),
        ("+ one\n+ two", "- one\n- two", "- one\n- two"),
        (
            "1. one\n   - a\n   - b\n2. two",
            "1. one\n  - a\n  - b\n2. two",
            "1. one\n  - a\n  - b\n2. two",
        ),
        (
            "- one\n    - a\n        - deep\n- two",
            "- one\n  - a\n    - deep\n- two",
            "- one\n  - a\n    - deep\n- two",
        ),
        (
            "- [ ] open\n- [x] done",
            "- [ ] open\n- [x] done",
            "- [ ] open\n- [x] done",
        ),
        ("> so\n> it is", "so\nit is", "> so\n> it is"),
        ("> > so", "so", "> so"),
        (
            "Run:\n```sh\nls *.txt *.md\n```\nDone.",
            "Run:\nls *.txt *.md\nDone.",
            "Run:\n```\nls *.txt *.md\n```\nDone.",
        ),
        (
            "- Run:\n  ```\n  ls\n  ```",
            "- Run:\nls",
            "- Run:\n```\nls\n```",
        ),
        ("```\ncut o", "cut o", "```\ncut o\n```"),
        (
            "| Day | Hours |\n|---|:-:|\n| **Mon** | 9–17 |\n| Tue | |",
            "Day: Hours\nMon: 9–17\nTue",
            "*Day: Hours*\n*Mon*: 9–17\nTue",
        ),
        (
            "a | b | c\n--- | --- | ---\n1 | 2 | 3",
            "a | b | c\n1 | 2 | 3",
            "*a | b | c*\n1 | 2 | 3",
        ),
        ("a<br>b<br/>\nc", "a\nb\nc", "a\nb\nc"),
        (
            "one  \ntwo\\\nthree",
            "one  \ntwo\nthree",
            "one  \ntwo\nthree",
        ),
        ("line\nby\nline", "line\nby\nline", "line\nby\nline"),
    ]);
}

#[test]
fn entities_escapes_and_formatting_tags_are_what_they_mean() {
    assert_shown(
        &[
            ("AT&amp;T &lt;3 &#8364;5 &#x1F600;", "AT&T <3 €5 😀"),
            (
                "snake\\_case, 1\\. May, \\#1, \\$5",
                "snake_case, 1. May, #1, $5",
            ),
            ("<b>Hi</b> H<sub>2</sub>O <!-- no -->", "Hi H2O "),
        ]
        .map(|(answer, shown)| (answer, shown, shown)),
    );
}

#[test]
fn code_that_would_read_as_markup_keeps_its_marks_in_plain_text() {
    for answer in [
        "Use `__init__`.",
        "```\n# Title\n```",
        "\\*not so\\*",
        "&#42;so&#42;",
    ] {
        assert_eq!(sms(answer), answer);
    }
    assert_eq!(
        sms("Use `snake_case` and ``a`b``."),
        "Use snake_case and a`b."
    );
    assert_eq!(whatsapp("Use `__init__`."), "Use `__init__`.");
}

#[test]
fn ordinary_text_is_not_harmed() {
    for text in [
        "2 * 3 * 4 = 24, 2*3*4, 2**3**4, a*b*c",
        "snake_case_name, file_name_v2.txt, __init_subclass",
        "https://x.example/a_b_c?q=*x*&y=_z_ and www.x.example/__a__",
        "$5 and $10, ~5 minutes, ~10 km, 5€* and 6€*",
        "+1 555 0100\n+15550100",
        "1. Mai\n3. place\n2024. A good year.\n7) seven",
        "#hashtag #1 C# F# a#b",
        "a < b > c, x<y, <3, <your name>, a <b> c",
        ":) :-* ^_^ and ^_^ -_- *_* >_< T_T ¯\\_(ツ)_/¯",
        "- one\n- two",
        "    indented\n\ttoo",
        "C:\\path\\*.txt C:\\_a\\_b \\\\server\\_share",
        "R&D, AT&T, a&b; &unknown; &copy",
        "Name: ____ Date: ____\nf*** f****",
        "Lehrer*innen und Schüler*innen",
        "user@x.example first_last_x@x.example @_john_",
        "日本語の文です。العربية עברית हिन्दी ไทย",
        ">:( and >5 people\n\n> 18 years",
        "+ 2 hours",
        "a | b\nc | d",
        "Yes!\n\n\nNo.",
        " leading and trailing ",
        "[sic] (see [1]) [a]: b",
        "5' 10\" — “so” ‘it’ is… ½",
        "@user/repo #12: a/b_c/d_e",
        "\\o/ \\n \\d+",
        "!important ![ ]",
        "a\n= b\n== c",
        "--\nKind regards",
        "`",
        "it's 5 o'clock `ish",
        "~~~ waves ~~~",
        "**",
        "***",
        "*",
        "_",
        "~~",
        "# ",
        ">",
        "-",
        "1.",
        "---",
        "[]",
        "```",
    ] {
        assert_eq!(sms(text), text);
        assert_eq!(whatsapp(text), text);
    }
}
