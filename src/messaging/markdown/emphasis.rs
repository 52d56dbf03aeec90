//! Emphasis: pairs of delimiter runs, such as `**` and `**`.
//!
//! The rules are CommonMark's ("Emphasis and strong emphasis"), with exceptions for what people
//! write: `2*3*4`, `Schüler*innen`, `^_^`, `____`. Not here: finding the runs in a text (`inline`).

use super::inline::Token;

/// What a pair of runs marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Bold,
    Italic,
    Struck,
}

/// Several equal characters that may begin or end emphasis.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// `*`, `_` or `~`.
    pub mark: char,
    /// The characters that are not used.
    pub left: usize,
    /// The styles that begin here, and the number of the pair.
    pub opened: Vec<(Style, usize)>,
    /// The styles that end here.
    pub closed: Vec<(Style, usize)>,
    length: usize,
    opens: bool,
    closes: bool,
    within_word: bool,
}

/// A longer run is no emphasis: `____` is a blank to fill in, `f****` a word.
const LONGEST: usize = 3;
/// How far back the other run of a pair may be, counted in runs.
const MOST_OPEN: usize = 100;
/// How far the content of a pair is looked at, in tokens.
const MOST_LOOKED_AT: usize = 20;

impl Run {
    /// The run of `length` marks between two characters, or the edges of the text.
    pub fn new(mark: char, length: usize, before: Option<char>, after: Option<char>) -> Self {
        let [prev, next] = [before, after].map(|c| c.unwrap_or(' '));
        let left_flanking =
            !next.is_whitespace() && (!is_mark(next) || prev.is_whitespace() || is_mark(prev));
        let right_flanking =
            !prev.is_whitespace() && (!is_mark(prev) || next.is_whitespace() || is_mark(next));
        let within_word = is_latin(prev) && is_latin(next);
        let (opens, closes) = match (mark, length) {
            _ if length > LONGEST => (false, false),
            ('~', 2) => (left_flanking, right_flanking),
            ('~', _) => (false, false),
            // `*_*` and `-_-` are faces.
            ('_', 1) if prev == next => (false, false),
            ('_', _) => (
                left_flanking
                    && (!right_flanking || is_mark(prev))
                    && may_stand_before(prev)
                    && !"^-<>=.;".contains(next),
                right_flanking && (!left_flanking || is_mark(next)),
            ),
            ('*', 2) if within_word => {
                let letters = prev.is_alphabetic() && next.is_alphabetic();
                (letters, letters)
            }
            ('*', _) if within_word => (false, false),
            // `**Note:**text` and `**重点：**内容`: models write this, and mean bold.
            ('*', 2) => (
                left_flanking || (!next.is_whitespace() && "“「『（《".contains(next)),
                right_flanking || ".:,!?;。：，！？；）」』》”".contains(prev),
            ),
            _ => (left_flanking, right_flanking),
        };
        Self {
            mark,
            left: length,
            opened: Vec::new(),
            closed: Vec::new(),
            length,
            opens,
            closes,
            within_word,
        }
    }

    /// The style of a pair with `other`, and the characters that it uses of each.
    fn pair_with(&self, other: &Self) -> Option<(Style, usize)> {
        let both = self.left >= 2 && other.left >= 2;
        let thirds = (self.closes || other.opens)
            && self.length.saturating_add(other.length).is_multiple_of(3)
            && !(self.length.is_multiple_of(3) && other.length.is_multiple_of(3));
        if self.mark != other.mark || self.left == 0 || thirds {
            return None;
        }
        Some(match (self.mark, both) {
            ('~', true) => (Style::Struck, 2),
            ('~', false) => return None,
            (_, true) => (Style::Bold, 2),
            (_, false) => (Style::Italic, 1),
        })
    }
}

/// Pairs the runs in `tokens`. What is not paired stays text.
pub(super) fn pair(tokens: &mut [Token<'_>], pairs: &mut usize) {
    // The runs that may still begin emphasis.
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        while let Some(found) = opener(tokens, &open, at) {
            let pair = (found.style, *pairs);
            *pairs = pairs.saturating_add(1);
            use_up(tokens, at, found.used, |run| run.closed.push(pair));
            // The pair that is found first is the innermost.
            let left = use_up(tokens, found.index, found.used, |run| {
                run.opened.insert(0, pair);
            });
            open.truncate(found.depth.saturating_add(usize::from(left > 0)));
        }
        if let Some(Token::Run(run)) = tokens.get(at)
            && run.opens
            && run.left > 0
        {
            open.push(at);
        }
    }
    for token in tokens {
        if let Token::Run(run) = token {
            (run.opens, run.closes) = (false, false);
        }
    }
}

/// The run that begins what the run at `at` ends.
struct Opener {
    /// Its place among the open runs.
    depth: usize,
    /// Its place among the tokens.
    index: usize,
    style: Style,
    used: usize,
}

fn opener(tokens: &[Token<'_>], open: &[usize], at: usize) -> Option<Opener> {
    let Some(Token::Run(closer)) = tokens.get(at) else {
        return None;
    };
    if !closer.closes || closer.left == 0 {
        return None;
    }
    let nearest = open.iter().enumerate().rev().take(MOST_OPEN);
    nearest.into_iter().find_map(|(depth, index)| {
        let Some(Token::Run(run)) = tokens.get(*index) else {
            return None;
        };
        let (style, used) = run.pair_with(closer)?;
        let content = tokens.get(index.saturating_add(1)..at)?;
        may_hold(run, closer, content).then_some(Opener {
            depth,
            index: *index,
            style,
            used,
        })
    })
}

/// Whether a pair may hold `content`: something to read, and within a word no white space.
fn may_hold(opener: &Run, closer: &Run, content: &[Token<'_>]) -> bool {
    let readable = |token: &Token<'_>| match token {
        Token::Text(text) => text.contains(|c: char| c.is_alphanumeric() || !c.is_ascii()),
        Token::Code { .. } | Token::Url(_) => true,
        Token::Run(_) => false,
    };
    let spaced = |token: &Token<'_>| match token {
        Token::Text(text) => text.contains(char::is_whitespace),
        _ => false,
    };
    let within_word = opener.within_word || closer.within_word;
    content.iter().take(MOST_LOOKED_AT).any(readable)
        && !(within_word && (content.len() > MOST_LOOKED_AT || content.iter().any(spaced)))
}

/// Uses up some characters of the run at `index`. The number of those that are left.
fn use_up(
    tokens: &mut [Token<'_>],
    index: usize,
    used: usize,
    mark: impl FnOnce(&mut Run),
) -> usize {
    let Some(Token::Run(run)) = tokens.get_mut(index) else {
        return 0;
    };
    run.left = run.left.saturating_sub(used);
    mark(run);
    run.left
}

/// Punctuation or a symbol.
fn is_mark(c: char) -> bool {
    !c.is_alphanumeric() && !c.is_whitespace()
}

/// A digit, or a letter of an alphabet whose words are always between spaces.
fn is_latin(c: char) -> bool {
    c.is_numeric() || (c.is_alphabetic() && c < '\u{250}')
}

/// Whether `_` after this character may begin emphasis. In `^_^`, `@_john_` and `¯\_(ツ)_/¯` it does
/// not.
fn may_stand_before(c: char) -> bool {
    c.is_whitespace() || "*~([{\"'“„‘«‹¿¡—–-/:>|,;!?.。，、：；（「『《".contains(c)
}
