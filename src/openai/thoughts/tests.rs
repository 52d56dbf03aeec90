//! Which parts of a text are thoughts.

use proptest::prelude::*;

use super::without_thoughts;

#[test]
fn thoughts_are_no_part_of_the_answer() {
    for text in [
        "<think>\nThey say hi.\n</think>\n\nHi!",
        " \n<think>They say hi.</think>Hi!",
        "\u{FEFF}<think></think>\n\nHi!",
        "<THINK>a</Think> Hi!",
        "<thinking>a</thinking>\nHi!",
        "<thinking>a</think>\nHi!",
        "<reasoning effort=\"low\">a</reasoning>Hi!",
        "<thought>a</thought>Hi!",
        "<seed:think>a</seed:think>Hi!",
        "<think/>Hi!",
        "[THINK]They say hi.[/THINK]Hi!",
        "◁think▷They say hi.◁/think▷Hi!",
        "<|begin_of_thought|>a<|end_of_thought|>\n<|begin_of_solution|>Hi!<|end_of_solution|>",
        "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>Hi!<|END_RESPONSE|>",
        "<|channel>thought\na<channel|>Hi!",
        "<think>a</think>\n<answer>\nHi!\n</answer>",
        "<think>a</think>\n\n<think>b</think>\n[THINK]c[/THINK]Hi!",
        "They say hi, so I do.\n</think>\n\nHi!",
        "They say hi, so I do.</think>\n\nHi!",
        "They say hi, so I do.</think>Hi!",
        "They say hi, so I do. </think> Hi!",
        "I answer \"Hi!\"</think>\n\nHi!",
        "\n</think>\n\nHi!",
        "They say hi[/THINK]Hi!",
        "<think>a <think> b</think> c</think>\nHi!",
        "<think>I close it with </think> later.\n</think>\nHi!",
        "I open with <think> and\nthen greet.\n</think>\nHi!",
        "<think>```\nlet x\n</think>\nHi!",
        "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Hi!<|return|>",
        "<|channel|>final<|message|><think>a</think>Hi!",
        "Hi!\n<think>\nThat went well.",
        "Hi!\n<think>That went well.</think>",
        "<think>a</think>Hi!<think>That went well.",
    ] {
        assert_eq!(without_thoughts(text).trim(), "Hi!", "{text}");
    }
}

#[test]
fn thoughts_between_parts_of_the_answer_leave_the_parts() {
    for (text, answer) in [
        (
            "<think>a</think>Let me see. <think>b</think> We open at 9.",
            "Let me see. We open at 9.",
        ),
        (
            "Let me see.\n\n<think>\nSunday?\n</think>\n\nWe open at 9.",
            "Let me see.\n\nWe open at 9.",
        ),
        (
            "<think>a</think>\nOne\n<think>b</think>\nTwo\n<think>c</think>\nThree",
            "One\nTwo\nThree",
        ),
    ] {
        assert_eq!(without_thoughts(text), answer, "{text}");
    }
}

#[test]
fn an_answer_of_thoughts_alone_is_empty() {
    for text in [
        "<think>\nThe user asks for the opening hours",
        "<think>",
        "<think>The end.</think>",
        "<think>a</think>\n<think>b",
        "[THINK]The user",
        "◁think▷The user",
        "They say hi.\n</think>\n",
    ] {
        assert_eq!(without_thoughts(text).trim(), "", "{text}");
    }
}

#[test]
fn an_answer_about_thoughts_is_not_changed() {
    for text in [
        "The model writes <think> before its thoughts.",
        "The model ends its thoughts with </think> and then answers.",
        "It ends with </think>, and begins with <think>.",
        "Wrap your thoughts in <think>…</think> tags.",
        "Use `<think>draft</think>` as an example.",
        "`<think>` begins it.\n`</think>` ends it.",
        "It ends with `</think>`",
        "The tags are \"<think>\" and \"</think>\".",
        "The tag (</think>) ends it.",
        "Like so:\n```\n<think>\nHm.\n</think>\nHi!\n```\nThat is all.",
        "Like so:\n~~~xml\n<think>Hm.</think>\n~~~",
        "I < you > me, [think] about it, <think about it>!",
        "Please rethink </b> this.",
    ] {
        assert_eq!(without_thoughts(text), text);
    }
}

#[test]
fn an_answer_that_had_thoughts_may_be_about_them() {
    for answer in [
        "The tag <think> begins thoughts.",
        "The tag `</think>` ends them.",
        "```\n<think>\nHm.\n</think>\n```",
    ] {
        let text = format!("<think>\nThey ask about tags. ```\n</think>\n\n{answer}");
        assert_eq!(without_thoughts(&text), answer);
    }
}

/// Work that grows with the square of the length would take hours here.
#[test]
fn many_tags_are_read_to_the_end() {
    for piece in [
        "<think></think>",
        "<think>",
        "</think>",
        "<think>[/THINK]",
        "x <think> y ",
        "x\n<think> y ",
        "x </think> y ",
        "`<think>`",
        "<think>x\n</thinking>y<think>",
        "<",
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        for text in [text.clone(), format!("Hi {text}")] {
            assert!(without_thoughts(&text).len() <= text.len(), "{piece}");
        }
    }
}

fn is_part_of(part: &str, whole: &str) -> bool {
    let mut whole = whole.chars();
    part.chars().all(|c| whole.any(|other| other == c))
}

fn with_tags() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<think>",
        "</think>",
        "<think/>",
        "[THINK]",
        "[/THINK]",
        "◁think▷",
        "◁/think▷",
        "Hi",
        " ",
        "\n",
        "`",
        "```\n",
        ".",
        "\"",
        "<answer>",
        "</answer>",
        "<|channel|>",
        "<|message|>",
        "<|end|>",
        "<|start|>",
        "final",
        "analysis",
        "assistantfinal",
        "é",
        "<",
        ">",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn a_text_without_markers_is_not_changed(text in "[^<◁\\[|]*") {
        prop_assume!(!text.trim_start().starts_with("analysis") && !text.trim_start().starts_with("commentary"));
        let answer = without_thoughts(&text);
        prop_assert_eq!(answer.as_ref(), text.as_str());
    }

    #[test]
    fn nothing_is_added_and_nothing_moved(text in with_tags()) {
        let answer = without_thoughts(&text);
        // Several messages of the final channel are joined by a line end.
        let whole = text.replace("<|message|>", "\n");
        prop_assert!(is_part_of(&answer, &whole) || is_part_of(&answer, &text), "{:?}: {:?}", text, answer);
        prop_assert!(answer.len() <= text.len());
    }

    #[test]
    fn whatever_is_thought_at_the_beginning_is_not_said(thought in "[^<>\\[◁`]*", answer in "[A-Z][a-z .!]{0,20}[a-z]") {
        for (open, close) in [("<think>", "</think>"), ("", "\n</think>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")] {
            let text = format!("{open}{thought}{close}\n\n{answer}");
            let left = without_thoughts(&text);
            prop_assert_eq!(left.trim(), &answer);
        }
    }
}
