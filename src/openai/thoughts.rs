//! The answer without the model's thoughts, which some servers leave in its text.
//!
//! What counts as thoughts:
//!
//! - A block of thoughts at the beginning (`<think>…</think>`), after white space, as often as it
//!   is repeated. If it has no end, everything is thoughts.
//! - Everything before a closing tag whose opening tag is missing. The templates of DeepSeek and
//!   Qwen put the opening tag into the prompt, so that it is not part of the answer.
//! - A block further on that begins a line. Once an answer has shown that its server leaves
//!   thoughts in the text, a block within a line counts, too.
//!
//! What does not: a tag in code or in quotation marks, and a tag as a word of a sentence. It is
//! something that the answer is about. In doubt, a part of the answer is lost rather than a thought
//! sent.
//!
//! Not here: parts of another type than text (`content`), the channels of gpt-oss (`channels`).

use std::borrow::Cow;

use super::{
    channels,
    thought_tags::{Edge, KINDS, Tag, fences, tags},
};

/// The text without the thoughts. A text without markers is not changed.
pub(super) fn without_thoughts(text: &str) -> Cow<'_, str> {
    match channels::answer(text) {
        Cow::Borrowed(text) => without_blocks(text),
        Cow::Owned(text) => without_blocks(&text).into_owned().into(),
    }
}

fn without_blocks(text: &str) -> Cow<'_, str> {
    let tags = tags(text);
    if tags.is_empty() {
        return text.into();
    }
    let mut walk = Walk {
        text,
        tags: &tags,
        from: 0,
        base: 0,
        all: fences(text),
        left_in: false,
    };
    walk.skip_thoughts();
    walk.answer()
}

/// The walk through the tags of a text.
struct Walk<'t, 'a> {
    text: &'t str,
    /// The tags behind `from`.
    tags: &'a [Tag],
    /// Where the answer begins, as far as it is known.
    from: usize,
    /// The code fences before it.
    base: usize,
    /// The code fences of the text.
    all: usize,
    /// Whether the server is known to leave thoughts in the text.
    left_in: bool,
}

impl<'t> Walk<'t, '_> {
    /// Skips the thoughts at the beginning.
    fn skip_thoughts(&mut self) {
        loop {
            let rest = self.text.get(self.from..).unwrap_or_default();
            let blank = rest.len().saturating_sub(trim_start(rest).len());
            let begins = self.from.saturating_add(blank);
            let last = match self.tags.first() {
                Some(tag) if tag.start == begins && tag.edge == Edge::Empty => Some(0),
                Some(tag) if tag.start == begins && tag.edge == Edge::Open => {
                    let end = self.end_of(0);
                    if end.is_none() {
                        self.from = self.text.len();
                        self.tags = &[];
                        return;
                    }
                    end
                }
                _ => self.end_without_beginning(),
            };
            let Some((number, last)) = last.and_then(|at| Some((at, self.tags.get(at)?))) else {
                return;
            };
            self.left_in = true;
            (self.from, self.base) = (last.end, last.fences);
            self.tags = self
                .tags
                .get(number.saturating_add(1)..)
                .unwrap_or_default();
        }
    }

    /// The tag that ends the block of the tag at `open`.
    fn end_of(&self, open: usize) -> Option<usize> {
        let kind = self.tags.get(open)?.kind;
        let ends = |tag: &Tag| tag.kind == kind && tag.edge == Edge::Close;
        let mut behind = self.tags.iter().enumerate().skip(open.saturating_add(1));
        behind.find(|(_, tag)| ends(tag)).map(|(at, _)| at)
    }

    /// A closing tag whose opening tag is missing.
    fn end_without_beginning(&self) -> Option<usize> {
        let mut open: Option<&Tag> = None;
        for (number, tag) in self.tags.iter().enumerate() {
            match (tag.edge, open) {
                (Edge::Open, None) => open = Some(tag),
                (Edge::Close, Some(begun)) if begun.kind == tag.kind => {
                    open = None;
                    // An opening tag within a line belongs to the thoughts or to a sentence.
                    let between = self.text.get(begun.end..tag.start).unwrap_or_default();
                    let pair = begun.begins_line(self.text) || !between.contains('\n');
                    if !pair && !self.is_mentioned(tag) {
                        return Some(number);
                    }
                }
                (Edge::Close, _) if !self.is_mentioned(tag) => return Some(number),
                _ => {}
            }
        }
        None
    }

    fn is_mentioned(&self, tag: &Tag) -> bool {
        tag.is_mentioned(self.text, self.base, self.all)
    }

    /// The text from `from` on, without the blocks in it.
    fn answer(self) -> Cow<'t, str> {
        // The last end of each kind, so that no search is in vain.
        let mut ends = [None; KINDS];
        for (number, tag) in self.tags.iter().enumerate() {
            if let Some(end) = ends.get_mut(tag.kind).filter(|_| tag.edge == Edge::Close) {
                *end = Some(number);
            }
        }
        let mut kept = String::new();
        let (mut from, mut next) = (self.from, 0);
        while let Some(tag) = self.tags.get(next) {
            let number = next;
            next = next.saturating_add(1);
            let begins_line = tag.begins_line(self.text);
            if tag.edge == Edge::Close || !(begins_line || self.left_in) || self.is_mentioned(tag) {
                continue;
            }
            let has_end = ends.get(tag.kind).copied().flatten() > Some(number);
            let end = match tag.edge {
                Edge::Empty => Some(number),
                _ if has_end => self.end_of(number),
                _ => None,
            };
            let behind = match end.and_then(|end| Some((end, self.tags.get(end)?))) {
                Some((number, end)) => {
                    next = number.saturating_add(1);
                    end.end
                }
                None if self.left_in || begins_line && tag.ends_line(self.text) => {
                    next = self.tags.len();
                    self.text.len()
                }
                None => continue,
            };
            append(
                &mut kept,
                self.text.get(from..tag.start).unwrap_or_default(),
            );
            from = behind;
        }
        if from == 0 {
            return self.text.into();
        }
        append(&mut kept, self.text.get(from..).unwrap_or_default());
        if self.left_in {
            return unwrapped(kept.trim()).to_owned().into();
        }
        kept.into()
    }
}

/// Appends the text behind a block. White space around the block becomes the one before it.
fn append(kept: &mut String, text: &str) {
    if kept.is_empty() || kept.ends_with(char::is_whitespace) {
        kept.push_str(trim_start(text));
    } else {
        kept.push_str(text);
    }
}

/// The text without white space and marks without a width at its beginning.
pub(super) fn trim_start(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\u{FEFF}' | '\u{200B}'))
}

/// The tags that some models put around the answer when they also mark their thoughts. Sources: the
/// model cards of Hunyuan (`answer`), OpenThinker and Command A Reasoning.
pub(super) const WRAPPERS: [(&str, &str); 5] = [
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<final_answer>", "</final_answer>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
];

/// The answer without the tags around it.
fn unwrapped(answer: &str) -> &str {
    for (open, close) in WRAPPERS {
        if let Some((tag, inner)) = answer.split_at_checked(open.len())
            && tag.eq_ignore_ascii_case(open)
        {
            let end = inner.len().saturating_sub(close.len());
            return match inner.split_at_checked(end) {
                Some((inner, tag)) if tag.eq_ignore_ascii_case(close) => inner,
                _ => inner,
            };
        }
    }
    answer
}

#[cfg(test)]
mod tests;
