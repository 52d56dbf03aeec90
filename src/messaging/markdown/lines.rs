//! What a line is, by itself: a fence, a heading, a list item, a rule, a quote.
//!
//! Not here: what lines mean together (`blocks`), and tables (`tables`).

/// A line without the marks of its quote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'t> {
    /// Whether the line is quoted.
    pub quoted: bool,
    /// The line.
    pub text: &'t str,
}

/// The lines of an answer.
pub(super) fn lines(answer: &str) -> Vec<Line<'_>> {
    let all: Vec<&str> = answer.split('\n').collect();
    let is_quote = |at: Option<usize>| {
        at.and_then(|at| all.get(at))
            .is_some_and(|line| line.trim_start().starts_with('>'))
    };
    all.iter()
        .enumerate()
        .map(|(at, line)| {
            let among_quotes = is_quote(at.checked_sub(1)) || is_quote(at.checked_add(1));
            quote(line, among_quotes)
        })
        .collect()
}

/// A quoted line, or the line as it is. `> 18 years` alone and `>:(` are text.
fn quote(line: &str, among_quotes: bool) -> Line<'_> {
    let mut text = line;
    let mut quoted = false;
    while let Some(inner) = unindented(text).and_then(|text| text.strip_prefix('>')) {
        let next = inner.trim_start().chars().next();
        let apart = inner.starts_with([' ', '\t', '>']);
        let is_quote = match next {
            None => among_quotes || quoted,
            Some(c) if c.is_alphabetic() => true,
            Some(c) if c.is_numeric() => apart && (among_quotes || quoted),
            Some(_) => apart,
        };
        if !is_quote {
            break;
        }
        quoted = true;
        text = inner.strip_prefix(' ').unwrap_or(inner);
    }
    Line { quoted, text }
}

/// The line without up to three spaces.
fn unindented(line: &str) -> Option<&str> {
    let text = line.trim_start_matches(' ');
    (line.len().saturating_sub(text.len()) <= 3).then_some(text)
}

/// The column at which the text of a line begins. A tab ends at each fourth column.
pub(super) fn indent(line: &str) -> usize {
    let mut column = 0usize;
    for c in line.chars() {
        column = match c {
            ' ' => column.saturating_add(1),
            '\t' => (column / 4).saturating_add(1).saturating_mul(4),
            _ => break,
        };
    }
    column
}

/// The marks with which a block of code begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    mark: char,
    length: usize,
    /// The column of the marks.
    pub indent: usize,
}

impl Fence {
    /// The fence that the line is.
    pub fn begin(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|c| ['`', '~'].contains(c))?;
        let info = text.trim_start_matches(mark);
        let length = text.len().saturating_sub(info.len());
        (length >= 3 && !info.contains('`')).then(|| Self {
            mark,
            length,
            indent: indent(line),
        })
    }

    /// Whether the line ends the block.
    pub fn is_ended_by(self, line: &str) -> bool {
        let text = line.trim();
        text.len() >= self.length && text.trim_matches(self.mark).is_empty()
    }

    /// Whether the block may last to the end of the answer.
    pub fn may_stay_open(self) -> bool {
        self.mark == '`'
    }

    /// A line of the block, without the fence's own indentation.
    pub fn inner(self, line: &str) -> &str {
        let spaces = line
            .len()
            .saturating_sub(line.trim_start_matches(' ').len());
        line.get(spaces.min(self.indent)..).unwrap_or_default()
    }
}

/// The text of a heading such as `## Title`.
pub(super) fn heading(line: &str) -> Option<&str> {
    let text = unindented(line)?;
    let title = text.trim_start_matches('#');
    let level = text.len().saturating_sub(title.len());
    let title = title
        .strip_prefix([' ', '\t'])
        .filter(|_| (1..=6).contains(&level))?;
    let title = title.trim();
    let closed = title.trim_end_matches('#');
    let title = if closed.ends_with([' ', '\t']) {
        closed.trim_end()
    } else {
        title
    };
    (!title.is_empty()).then_some(title)
}

/// Whether the line underlines a heading: `=====`.
pub(super) fn is_underline(line: &str) -> bool {
    let text = line.trim();
    text.len() >= 3 && text.bytes().all(|b| b == b'=')
}

/// Whether the line is a horizontal rule: `---`, `***`, `___`, with or without spaces.
pub(super) fn is_rule(line: &str) -> bool {
    let marks = || line.chars().filter(|c| !c.is_whitespace());
    let first = marks().next().filter(|c| ['-', '*', '_'].contains(c));
    unindented(line).is_some()
        && marks().count() >= 3
        && first.is_some_and(|first| marks().all(|c| c == first))
}

/// An item of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'t> {
    /// The column of its marker.
    pub indent: usize,
    /// The number with its point, or `-` for a bullet.
    pub marker: &'t str,
    /// What follows, with the space before it if the marker is a number.
    pub text: &'t str,
}

/// The list item that the line is. `among_plus` says whether a neighbour begins with `+`: alone,
/// `+ 2 hours` is text.
pub(super) fn item(line: &str, among_plus: bool) -> Option<Item<'_>> {
    let text = line.trim_start_matches([' ', '\t']);
    let indent = indent(line);
    let content = |rest: &str| rest.starts_with([' ', '\t']) && !rest.trim().is_empty();
    if let Some(rest) = text.strip_prefix(['-', '*', '+']) {
        let plus_is_text = text.starts_with('+')
            && (!among_plus || rest.trim_start().starts_with(|c: char| c.is_numeric()));
        return (content(rest) && !plus_is_text).then(|| Item {
            indent,
            marker: "-",
            text: rest.trim_start(),
        });
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.get(digits..)?.strip_prefix(['.', ')'])?;
    ((1..=9).contains(&digits) && content(rest)).then(|| Item {
        indent,
        marker: text.get(..digits.saturating_add(1)).unwrap_or_default(),
        text: rest,
    })
}
