//! Writing a paragraph: without marks, or with those of WhatsApp.
//!
//! Not here: reading the paragraph (`inline`).

use super::{Form, emphasis::Style, inline::Token};

/// The tokens as plain text.
pub(super) fn without_marks(tokens: &[Token<'_>], form: Form) -> String {
    let mut out = String::new();
    for token in tokens {
        match token {
            Token::Text(text) | Token::Url(text) => out.push_str(text),
            Token::Code { source, .. } if form == Form::PlainWithLiterals => out.push_str(source),
            Token::Code { code, .. } => out.push_str(code),
            Token::Run(run) => out.extend(std::iter::repeat_n(run.mark, run.left)),
        }
    }
    out
}

/// The tokens with WhatsApp's marks.
pub(super) fn with_marks(tokens: &[Token<'_>], heading: bool) -> String {
    let mut marked = Marked::default();
    if heading {
        marked.begin(Style::Bold, 0);
    }
    for token in tokens {
        match token {
            Token::Text(text) | Token::Url(text) => marked.text.push_str(text),
            Token::Code { code, .. } if code.contains(['`', '\n']) => marked.text.push_str(code),
            Token::Code { code, .. } => {
                marked.text.push('`');
                marked.text.push_str(code);
                marked.text.push('`');
            }
            Token::Run(run) => {
                for (_, pair) in &run.closed {
                    marked.end(*pair);
                }
                marked.text.extend(std::iter::repeat_n(run.mark, run.left));
                for (style, pair) in &run.opened {
                    marked.begin(*style, *pair);
                }
            }
        }
    }
    if heading {
        marked.end(0);
    }
    marked.finish()
}

/// A text, and the spans of it that are to be marked.
#[derive(Default)]
struct Marked {
    text: String,
    open: Vec<(usize, Style, usize)>,
    /// Where marks go: the place in `text`, the order at that place, and the mark.
    spans: Vec<(usize, usize, Style)>,
}

impl Marked {
    fn begin(&mut self, style: Style, pair: usize) {
        self.open.push((pair, style, self.text.len()));
    }

    fn end(&mut self, pair: usize) {
        let Some(at) = self.open.iter().rposition(|(open, _, _)| *open == pair) else {
            return;
        };
        let (_, style, start) = self.open.remove(at);
        self.spans.push((start, self.text.len(), style));
    }

    /// The text with the marks that WhatsApp reads. It reads none that touch a letter outside, hold
    /// a line break or their own mark, or stand within others of the same kind.
    fn finish(self) -> String {
        let Self { text, spans, .. } = self;
        let reads = |(start, end, style): &&(usize, usize, Style)| {
            let before = text.get(..*start).and_then(|head| head.chars().next_back());
            let after = text.get(*end..).and_then(|tail| tail.chars().next());
            let inner = text.get(*start..*end).unwrap_or_default();
            let outer = spans.iter().any(|(from, to, other)| {
                other == style && *from <= *start && *end <= *to && (*from, *to) != (*start, *end)
            });
            !outer
                && !inner.trim().is_empty()
                && inner.trim() == inner
                && !inner.contains(['\n', mark_of(*style)])
                && !before.is_some_and(char::is_alphanumeric)
                && !after.is_some_and(char::is_alphanumeric)
        };
        let mut marks: Vec<(usize, bool, usize, u32, char)> = Vec::new();
        for (start, end, style) in spans.iter().filter(reads) {
            let length = end.saturating_sub(*start);
            let mark = mark_of(*style);
            let code = u32::from(mark);
            // At one place, what begins last ends first.
            marks.push((*start, true, usize::MAX.saturating_sub(length), code, mark));
            marks.push((*end, false, length, u32::MAX.saturating_sub(code), mark));
        }
        marks.sort_unstable();
        marks.dedup();
        let mut out = String::with_capacity(text.len());
        let mut from = 0usize;
        for (at, _, _, _, mark) in marks {
            out.push_str(text.get(from..at).unwrap_or_default());
            out.push(mark);
            from = at;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }
}

fn mark_of(style: Style) -> char {
    match style {
        Style::Bold => '*',
        Style::Italic => '_',
        Style::Struck => '~',
    }
}
