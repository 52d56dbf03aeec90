//! The tags that begin and end a model's thoughts, and how they stand in the text.
//!
//! Not here: which of them are thoughts, and which are something that the answer is about
//! (`thoughts`).

/// A tag in a text. Positions are bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    /// Where it begins.
    pub start: usize,
    /// Where the text behind it begins.
    pub end: usize,
    /// What it does.
    pub edge: Edge,
    /// The kind of tag. A block ends with the kind with which it began.
    pub kind: usize,
    /// The lines with a code fence before it.
    pub fences: usize,
    /// The number of backticks before it on its line.
    ticks: usize,
    /// Whether a backtick follows on its line.
    tick_follows: bool,
}

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    /// It begins thoughts.
    Open,
    /// It ends them.
    Close,
    /// It is a block without thoughts, `<think/>`.
    Empty,
}

/// The number of kinds.
pub(super) const KINDS: usize = PAIRS.len().saturating_add(1);

/// The names of tags in angle brackets, with or without a namespace (`seed:think`). A block may end
/// with another name than it began with. Sources: the model cards of DeepSeek, Qwen, EXAONE
/// (`thought`), Seed-OSS, and tinyhumansai/openhuman issue 6184.
const NAMES: [&str; 11] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "analysis",
    "chain_of_thought",
    "inner_monologue",
    "antthinking",
    "scratchpad",
];

/// Other tags. Sources: the chat templates of Magistral, Kimi, OpenThinker, Command A Reasoning,
/// Gemma 4 and MedGemma.
const PAIRS: [(&str, &str); 7] = [
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|think|>", "<|/think|>"),
    ("<|channel>thought", "<channel|>"),
    ("<unused94>thought", "<unused95>"),
];

/// All tags of a text, in order.
pub(super) fn tags(text: &str) -> Vec<Tag> {
    let mut tags: Vec<Tag> = Vec::new();
    let (mut line, mut fences) = (0, 0);
    for content in text.split_inclusive('\n') {
        let of_line = tags.len();
        let mut ticks: usize = 0;
        let mut behind = line;
        for (at, character) in content.char_indices() {
            let at = at.saturating_add(line);
            match character {
                '`' => ticks = ticks.saturating_add(1),
                '<' | '[' | '◁' if at >= behind => {
                    if let Some((kind, edge, length)) = tag_at(text, at) {
                        behind = at.saturating_add(length);
                        tags.push(Tag {
                            start: at,
                            end: behind,
                            edge,
                            kind,
                            fences,
                            ticks,
                            tick_follows: false,
                        });
                    }
                }
                _ => {}
            }
        }
        for tag in tags.iter_mut().skip(of_line) {
            tag.tick_follows = ticks > tag.ticks;
        }
        if is_fence(content) {
            fences = fences.saturating_add(1);
        }
        line = line.saturating_add(content.len());
    }
    tags
}

/// What a text begins with, while more of it may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// A tag.
    Tag {
        /// What it does.
        edge: Edge,
        /// Its kind.
        kind: usize,
        /// Its length in bytes.
        length: usize,
    },
    /// What may become a tag.
    Perhaps,
    /// No tag.
    Text,
}

/// What a text begins with.
pub(super) fn beginning(text: &str) -> Beginning {
    let tag = tag_at(text, 0);
    if let Some((kind, edge, length)) = tag.filter(|(_, _, length)| *length <= LONGEST) {
        return Beginning::Tag { edge, kind, length };
    }
    let mut pairs = PAIRS.into_iter().flat_map(|(open, close)| [open, close]);
    if pairs.any(|tag| may_become(text, tag)) || may_become_named(text) {
        Beginning::Perhaps
    } else {
        Beginning::Text
    }
}

/// Whether a text is the beginning of a tag, in any case of letters.
pub(super) fn may_become(text: &str, tag: &str) -> bool {
    tag.get(..text.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(text))
}

/// The longest tag that is waited for, in bytes.
const LONGEST: usize = 256;

/// Whether a text is the beginning of a tag in angle brackets.
fn may_become_named(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('<') else {
        return false;
    };
    if text.len() > LONGEST || inner.contains(['>', '<', '\n']) {
        return false;
    }
    let inner = inner.trim_start();
    let inner = inner.strip_prefix('/').unwrap_or(inner).trim_start();
    // Until a space ends it, everything may be a name or its namespace.
    let Some((name, _)) = inner.split_once(char::is_whitespace) else {
        return true;
    };
    let name = name.strip_suffix('/').unwrap_or(name);
    let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The number of lines with a code fence.
pub(super) fn fences(text: &str) -> usize {
    text.split('\n').filter(|line| is_fence(line)).count()
}

fn is_fence(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("```") || line.starts_with("~~~")
}

/// The tag at a position: its kind, what it does, and its length.
fn tag_at(text: &str, at: usize) -> Option<(usize, Edge, usize)> {
    let rest = text.get(at..)?;
    let is = |tag: &str| {
        rest.get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    };
    for (number, (open, close)) in PAIRS.into_iter().enumerate() {
        let kind = number.saturating_add(1);
        if is(close) {
            return Some((kind, Edge::Close, close.len()));
        }
        if is(open) {
            return Some((kind, Edge::Open, open.len()));
        }
    }
    let inner = rest.strip_prefix('<')?;
    let length = inner.find(['>', '<', '\n'])?;
    let (inner, behind) = inner.split_at_checked(length)?;
    if !behind.starts_with('>') {
        return None;
    }
    let length = length.saturating_add("<>".len());
    let inner = inner.trim();
    let (inner, edge) = match (inner.strip_prefix('/'), inner.strip_suffix('/')) {
        (Some(inner), _) => (inner, Edge::Close),
        (None, Some(inner)) => (inner, Edge::Empty),
        (None, None) => (inner, Edge::Open),
    };
    let (name, attributes) = inner
        .trim()
        .split_once(char::is_whitespace)
        .unwrap_or((inner.trim(), ""));
    let name = name.rsplit_once(':').map_or(name, |(_, name)| name);
    let is_name = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    // `<think about it>` is no tag.
    let is_tag = attributes.is_empty() || attributes.contains('=');
    (is_name && is_tag).then_some((0, edge, length))
}

impl Tag {
    /// Whether only white space is before it on its line.
    pub(super) fn begins_line(&self, text: &str) -> bool {
        let before = text.get(..self.start).unwrap_or_default();
        let line = before.trim_end_matches([' ', '\t']);
        line.is_empty() || line.ends_with('\n')
    }

    /// Whether only white space is behind it on its line.
    pub(super) fn ends_line(&self, text: &str) -> bool {
        let behind = text.get(self.end..).unwrap_or_default();
        let line = behind.trim_start_matches([' ', '\t', '\r']);
        line.is_empty() || line.starts_with('\n')
    }

    /// Whether the answer speaks of the tag: it is in code or in quotation marks, or a word of a
    /// sentence. `base` fences come before the answer, and `all` are in the text.
    pub(super) fn is_mentioned(&self, text: &str, base: usize, all: usize) -> bool {
        let fenced = self.fences.saturating_sub(base) % 2 == 1 && all > self.fences;
        let in_code = fenced || self.ticks % 2 == 1 && self.tick_follows;
        let before = text.get(..self.start).unwrap_or_default();
        let behind = text.get(self.end..).unwrap_or_default();
        let quoted = before.ends_with(OPENING_MARKS) && behind.starts_with(CLOSING_MARKS);
        let is_word = !self.ends_line(text)
            && behind.starts_with(|c: char| c.is_whitespace() || PUNCTUATION.contains(&c))
            && before.ends_with([' ', '\t'])
            && !self.begins_line(text)
            && !before.trim_end().ends_with(SENTENCE_ENDS);
        in_code || quoted || is_word
    }
}

const OPENING_MARKS: [char; 8] = ['"', '\'', '`', '“', '‘', '«', '„', '('];
const CLOSING_MARKS: [char; 8] = ['"', '\'', '`', '”', '’', '»', '“', ')'];
const PUNCTUATION: [char; 7] = ['.', ',', ';', ':', '!', '?', ')'];
const SENTENCE_ENDS: [char; 5] = ['.', '!', '?', '…', '。'];

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Option<(usize, Edge, &str)> {
        let tags = tags(text);
        assert!(tags.len() < 2, "{text}");
        tags.first()
            .map(|tag| (tag.kind, tag.edge, &text[tag.start..tag.end]))
    }

    #[test]
    fn tags_are_found_in_every_spelling() {
        for (tag, edge) in [
            ("<think>", Edge::Open),
            ("<THINK>", Edge::Open),
            ("< thinking >", Edge::Open),
            ("<thought time=\"3\">", Edge::Open),
            ("<seed:think>", Edge::Open),
            ("</reasoning>", Edge::Close),
            ("</ think>", Edge::Close),
            ("<think/>", Edge::Empty),
            ("<think />", Edge::Empty),
        ] {
            assert_eq!(only(&format!("a {tag} b")), Some((0, edge, tag)), "{tag}");
        }
        for (number, (open, close)) in PAIRS.into_iter().enumerate() {
            assert_eq!(only(open), Some((number + 1, Edge::Open, open)));
            let lower = close.to_lowercase();
            assert_eq!(
                only(&lower),
                Some((number + 1, Edge::Close, lower.as_str()))
            );
        }
    }

    #[test]
    fn other_words_in_brackets_are_no_tags() {
        for text in [
            "<thinker>",
            "<think about it>",
            "<think",
            "<think\n>",
            "a < think b",
            "<b>think</b>",
            "[think about]",
            "think>",
            "<>",
            "</>",
            "<script src=\"think\">",
        ] {
            assert_eq!(only(text), None, "{text}");
        }
    }
}
