//! The words of an answer while the model writes it: as `thoughts` has them, as far as they are
//! certain.
//!
//! What may be the beginning of a tag is held back until it is one or not. Thoughts at the beginning
//! are skipped while they come. Behind any other tag or marker, only the whole text can tell what is
//! part of the answer, so the rest waits for the end.
//!
//! One case cannot be told while the text comes: thoughts whose opening tag is missing. They are
//! passed on until their closing tag comes, and then the whole answer follows.
//!
//! Not here: the pieces of a stream (`content`), and the whole answer (`thoughts`).

use super::{
    channels::begins_marked,
    thought_tags::{Beginning, Edge, beginning, may_become},
    thoughts::{WRAPPERS, trim_start},
};

/// The words of one answer.
#[derive(Debug, Default)]
pub(super) struct Speech {
    text: String,
    /// Where the text begins that is neither said nor dropped.
    at: usize,
    part: Part,
    /// Whether the server leaves thoughts in the text.
    left_in: bool,
    /// What was said.
    said: String,
}

/// The part of the text that is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    /// Nothing of the answer has come.
    #[default]
    Start,
    /// Thoughts, until a closing tag of this kind.
    Thoughts(usize),
    /// The answer.
    Answer,
    /// What only the whole text can tell.
    Unclear,
}

impl Speech {
    /// Takes more of the text. Returns the next words.
    pub(super) fn add(&mut self, text: &str) -> String {
        self.text.push_str(text);
        let before = self.said.len();
        loop {
            let goes_on = match self.part {
                Part::Start => self.begin(),
                Part::Thoughts(kind) => self.skip(kind),
                Part::Answer => self.say(),
                Part::Unclear => false,
            };
            if !goes_on {
                break;
            }
        }
        self.said.get(before..).unwrap_or_default().to_owned()
    }

    /// The last words, when `answer` is the whole.
    pub(super) fn last<'a>(&self, answer: &'a str) -> &'a str {
        if let Some(rest) = answer.strip_prefix(self.said.as_str()) {
            return rest;
        }
        // A block of thoughts takes the white space around it along.
        match answer.strip_prefix(self.said.trim_end()) {
            Some(rest) => rest.trim_start(),
            None if self.part != Part::Unclear && self.said.starts_with(answer) => "",
            // Thoughts without an opening tag were said.
            None => answer,
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn drop_bytes(&mut self, length: usize) {
        self.at = self.at.saturating_add(length);
    }

    fn say_bytes(&mut self, length: usize) {
        let words = self.rest().get(..length).unwrap_or_default().to_owned();
        self.said.push_str(&words);
        self.drop_bytes(length);
    }

    /// Reads the start. Returns whether more can be read.
    fn begin(&mut self) -> bool {
        let rest = self.rest();
        let blank = rest.len().saturating_sub(trim_start(rest).len());
        self.drop_bytes(blank);
        let rest = self.rest();
        if rest.is_empty() {
            return false;
        }
        let wrapper = WRAPPERS.iter().find_map(|(open, _)| {
            let start = rest.get(..open.len())?;
            start.eq_ignore_ascii_case(open).then_some(open.len())
        });
        let may_be_wrapper = WRAPPERS.iter().any(|(open, _)| may_become(rest, open));
        match beginning(rest) {
            Beginning::Tag { edge, kind, length } => {
                self.left_in = true;
                self.drop_bytes(length);
                if edge == Edge::Open {
                    self.part = Part::Thoughts(kind);
                }
                return true;
            }
            Beginning::Perhaps => return false,
            Beginning::Text => {}
        }
        if self.left_in && (wrapper.is_some() || may_be_wrapper) {
            // The answer in it may begin with white space.
            self.left_in = wrapper.is_none();
            self.drop_bytes(wrapper.unwrap_or_default());
            return wrapper.is_some();
        }
        let Some(is_marked) = begins_marked(rest, true) else {
            return false;
        };
        self.part = if is_marked {
            Part::Unclear
        } else {
            Part::Answer
        };
        true
    }

    /// Skips thoughts. Returns whether they have ended.
    fn skip(&mut self, of: usize) -> bool {
        while let Some(next) = self.rest().find(TAG_STARTS) {
            self.drop_bytes(next);
            match beginning(self.rest()) {
                Beginning::Tag { edge, kind, length } => {
                    self.drop_bytes(length);
                    if edge == Edge::Close && kind == of {
                        self.part = Part::Start;
                        return true;
                    }
                }
                Beginning::Perhaps => return false,
                Beginning::Text => self.drop_bytes(self.first_length()),
            }
        }
        self.at = self.text.len();
        false
    }

    /// Says the answer up to what may be a tag or a marker. Returns whether it has become unclear.
    fn say(&mut self) -> bool {
        while let Some(next) = self.rest().find(TAG_STARTS) {
            self.say_bytes(next);
            let rest = self.rest();
            let closes = |tag: &str| {
                let start = rest.get(..tag.len());
                start.is_some_and(|start| start.eq_ignore_ascii_case(tag))
            };
            let may_close = WRAPPERS.iter().any(|(_, close)| may_become(rest, close));
            let is_closed = WRAPPERS.iter().any(|(_, close)| closes(close));
            match (beginning(rest), begins_marked(rest, false)) {
                (Beginning::Tag { .. }, _) | (_, Some(true)) => self.part = Part::Unclear,
                _ if is_closed => self.part = Part::Unclear,
                (Beginning::Perhaps, _) | (_, None) => return false,
                _ if may_close => return false,
                (Beginning::Text, Some(false)) => {
                    self.say_bytes(self.first_length());
                    continue;
                }
            }
            return true;
        }
        self.say_bytes(self.rest().len());
        false
    }

    /// The length of the next character.
    fn first_length(&self) -> usize {
        self.rest().chars().next().map_or(0, char::len_utf8)
    }
}

/// The characters with which tags and markers begin.
const TAG_STARTS: [char; 3] = ['<', '[', '◁'];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::thoughts::without_thoughts, *};

    /// What is said while the text comes, what is said at its end, and the whole answer.
    fn said(pieces: &[&str]) -> (String, String, String) {
        let mut speech = Speech::default();
        let early: String = pieces.iter().map(|piece| speech.add(piece)).collect();
        let whole = without_thoughts(&pieces.concat()).trim().to_owned();
        let last = speech.last(&whole).to_owned();
        (early, last, whole)
    }

    fn split(text: &str) -> Vec<&str> {
        text.split_inclusive(|_| true).collect()
    }

    #[test]
    fn words_are_said_as_they_come() {
        for (text, early) in [
            ("We open at 9.", "We open at 9."),
            ("\n We open at 9.", "We open at 9."),
            (
                "<think>\nSunday?\n</think>\n\nWe open at 9.",
                "We open at 9.",
            ),
            ("<think>a</think><think>b</thinking>We open.", "We open."),
            ("<think/>We open.", "We open."),
            ("</think>We open.", "We open."),
            ("[THINK]a[/THINK]We open.", "We open."),
            ("◁think▷a◁/think▷We open.", "We open."),
            ("<think>a < b <b> [c]</think>We open.", "We open."),
            (
                "<think>a</think>\n<answer>\nWe open.\n</answer>",
                "We open.\n",
            ),
            (
                "5 < 6, [thought] about <b>it</b> a<b c",
                "5 < 6, [thought] about <b>it</b> a<b c",
            ),
            ("Nine <thinker> and <think about", "Nine <thinker> and "),
            ("analysis of the text: fine", "analysis of the text: fine"),
            ("<answer>42</answer>", "<answer>42"),
        ] {
            for pieces in [vec![text], split(text)] {
                assert_eq!(said(&pieces).0, early, "{text}");
            }
        }
    }

    #[test]
    fn what_only_the_whole_can_tell_waits_for_the_end() {
        for (text, early, last) in [
            ("Hi!\n<think>That went well.</think>", "Hi!\n", ""),
            (
                "Let me see.\n<think>b</think>\nWe open.",
                "Let me see.\n",
                "We open.",
            ),
            ("Write `<think>` first.", "Write `", "<think>` first."),
            ("Hi!<|im_end|>", "Hi!", ""),
            (
                "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Hi!",
                "",
                "Hi!",
            ),
            ("analysisThe user says hi.assistantfinalHi!", "", "Hi!"),
            ("<think>The user", "", ""),
            ("Say hi.\n</think>\n\nHi!", "Say hi.\n", "Hi!"),
            ("a <", "a ", "<"),
            ("`<[/THINK]final", "`", "final"),
            ("`\"‹◁/think▷.", "`\"‹", "."),
            ("a<b", "a", "<b"),
        ] {
            for pieces in [vec![text], split(text)] {
                let told = said(&pieces);
                assert_eq!((told.0.as_str(), told.1.as_str()), (early, last), "{text}");
            }
        }
    }

    /// Work that grows with the square of the length would take hours here.
    #[test]
    fn many_tags_are_read_to_the_end() {
        for piece in [
            "<think></think>",
            "<think>",
            "</think>",
            "x <think> y ",
            "<",
            "<a",
            "[",
            "< ",
        ] {
            let text = piece.repeat(200_000 / piece.len());
            let (early, _, _) = said(&split(&text));
            assert!(early.len() <= text.len(), "{piece}");
        }
    }

    fn with_tags() -> impl Strategy<Value = Vec<&'static str>> {
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
            "final",
            "analysis",
            "assistantfinal",
            "é",
            "<",
            ">",
            "/",
            "think",
            "<a:",
        ]);
        prop::collection::vec(piece, 0..12)
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_say_the_same(pieces in with_tags(), length in 1usize..5) {
            let text = pieces.concat();
            let characters: Vec<char> = text.chars().collect();
            let parts: Vec<String> = characters.chunks(length).map(|part| part.iter().collect()).collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            prop_assert_eq!(said(&parts), said(&[&text]));
        }

        #[test]
        fn all_of_the_answer_is_said(pieces in with_tags()) {
            let (early, last, whole) = said(&pieces);
            let all = format!("{early}{last}");
            let same = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert!(same(&all).ends_with(&same(&whole)), "{:?}: {:?} {:?} {:?}", pieces, early, last, whole);
        }

        #[test]
        fn marked_thoughts_at_the_beginning_are_never_said(thought in "[^<>\\[◁`]*", answer in "[A-Z][a-z .!]{0,20}[a-z]") {
            for (open, close) in [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("◁think▷", "◁/think▷")] {
                let text = format!("{open}{thought}{close}\n\n{answer}");
                let (early, last, _) = said(&split(&text));
                prop_assert_eq!((early, last), (answer.clone(), String::new()));
            }
        }
    }
}
