//! The markup within a paragraph: emphasis, code, links, escapes, entities.
//!
//! Not here: which lines make a paragraph (`blocks`), which runs make a pair (`emphasis`), the forms of
//! links, tags and entities (`links`, `html`, `entities`), and writing the result (`marks`).

use std::borrow::Cow;

use super::{
    Form,
    emphasis::{Run, pair},
    entities::entity,
    html::{self, Tag},
    links::{self, Definitions, Shown},
    marks::{with_marks, without_marks},
};

/// A piece of a paragraph.
#[derive(Clone, Debug)]
pub(super) enum Token<'t> {
    /// Text as it is shown.
    Text(Cow<'t, str>),
    /// An address, which has no markup.
    Url(Cow<'t, str>),
    /// A code span: its code, and its source with the backticks.
    Code {
        /// What stands between the backticks.
        code: &'t str,
        /// All of it.
        source: &'t str,
    },
    /// Characters that may begin or end emphasis.
    Run(Run),
}

/// The paragraph `text` as it is shown. A heading is bold, where there is bold.
pub(super) fn render(
    text: &str,
    form: Form,
    heading: bool,
    definitions: &Definitions<'_>,
) -> String {
    let mut scanner = Scanner {
        text,
        at: 0,
        form,
        definitions,
        tokens: Vec::new(),
        brackets: Vec::new(),
        pairs: 1,
        in_path: false,
        missing: [false; 32],
    };
    while scanner.step() {}
    pair(&mut scanner.tokens, &mut scanner.pairs);
    if form == Form::WhatsApp {
        with_marks(&scanner.tokens, heading)
    } else {
        without_marks(&scanner.tokens, form)
    }
}

/// The place of a `[` or `![`.
struct Bracket {
    /// Its token.
    token: usize,
    /// Where the text after it begins.
    inner: usize,
}

struct Scanner<'t, 'd> {
    text: &'t str,
    at: usize,
    form: Form,
    definitions: &'d Definitions<'t>,
    tokens: Vec<Token<'t>>,
    brackets: Vec<Bracket>,
    /// The number of the next pair. 0 is the heading.
    pairs: usize,
    /// Whether the word is a path such as `C:\*.txt`, whose backslashes stay.
    in_path: bool,
    /// The lengths of backtick runs that have no partner.
    missing: [bool; 32],
}

impl<'t> Scanner<'t, '_> {
    /// Reads the next token. Whether there is more.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(next) = rest.chars().next() else {
            return false;
        };
        let before = self.before();
        if !before.is_some_and(char::is_alphanumeric)
            && let Some(url) = links::bare_url(rest)
        {
            self.push(Token::Url(url.into()), url.len());
            return true;
        }
        self.note_path(before, rest);
        match next {
            '\\' => self.escape(rest),
            '`' => self.code(rest),
            '*' | '_' | '~' => self.run(next, rest),
            '[' => self.open_bracket(rest, "["),
            '!' if rest.starts_with("![") => self.open_bracket(rest, "!["),
            ']' => self.close_bracket(),
            '<' => self.angle(rest),
            '&' => self.ampersand(rest),
            _ => {
                let word = before.is_some_and(char::is_alphanumeric) || next.is_alphanumeric();
                let length = if word && next.is_alphanumeric() {
                    rest.find(|c: char| !c.is_alphanumeric())
                        .unwrap_or(rest.len())
                } else {
                    next.len_utf8()
                };
                self.literal(length);
            }
        }
        true
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn before(&self) -> Option<char> {
        self.text.get(..self.at)?.chars().next_back()
    }

    /// Takes `length` bytes as `token`.
    fn push(&mut self, token: Token<'t>, length: usize) {
        self.tokens.push(token);
        self.at = self.at.saturating_add(length.max(1));
    }

    /// Takes `length` bytes as they are.
    fn literal(&mut self, length: usize) {
        let text = self.rest().get(..length).unwrap_or_default();
        self.push(Token::Text(text.into()), length);
    }

    /// Notes whether a path of Windows begins here or ends: `C:\` or `\\server`.
    fn note_path(&mut self, before: Option<char>, rest: &str) {
        let begins = !before.is_some_and(char::is_alphanumeric);
        let mut chars = rest.chars();
        let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
        if begins && (rest.starts_with("\\\\") || (drive && chars.as_str().starts_with(":\\"))) {
            self.in_path = true;
        } else if rest.starts_with(char::is_whitespace) {
            self.in_path = false;
        }
    }

    /// A backslash makes the next character text.
    fn escape(&mut self, rest: &'t str) {
        const ESCAPED: &str = "*_~`[]()#+-.!|<>{}&$\n";
        let next = rest.chars().nth(1);
        let Some(next) = next.filter(|c| ESCAPED.contains(*c)) else {
            // Two backslashes stay two, and the second escapes nothing.
            let both = usize::from(rest.starts_with("\\\\"));
            return self.literal(both.saturating_add(1));
        };
        let length = next.len_utf8().saturating_add(1);
        // `¯\_(ツ)_/¯` keeps its arm.
        let stays = self.in_path
            || self.before() == Some('¯')
            || (self.form == Form::PlainWithLiterals && next != '\n');
        if stays {
            self.literal(length);
        } else {
            self.push(Token::Text(next.to_string().into()), length);
        }
    }

    /// A code span, or backticks without a partner.
    fn code(&mut self, rest: &'t str) {
        let ticks = run_length(rest, '`');
        if let Some((code, length)) = self.code_span(rest, ticks) {
            let source = rest.get(..length).unwrap_or_default();
            self.push(Token::Code { code, source }, length);
        } else {
            self.literal(ticks);
        }
    }

    fn code_span(&mut self, rest: &'t str, ticks: usize) -> Option<(&'t str, usize)> {
        if *self.missing.get(ticks)? {
            return None;
        }
        let mut end = ticks;
        loop {
            let tail = rest.get(end..)?;
            let Some(gap) = tail.find('`') else {
                if let Some(missing) = self.missing.get_mut(ticks) {
                    *missing = true;
                }
                return None;
            };
            let at = end.saturating_add(gap);
            let found = run_length(rest.get(at..)?, '`');
            end = at.saturating_add(found);
            if found == ticks {
                return Some((unpadded(rest.get(ticks..at)?), end));
            }
        }
    }

    fn run(&mut self, mark: char, rest: &str) {
        let length = run_length(rest, mark);
        let after = rest.get(length..).and_then(|tail| tail.chars().next());
        let run = Run::new(mark, length, self.before(), after);
        self.push(Token::Run(run), length);
    }

    fn open_bracket(&mut self, rest: &'t str, bracket: &str) {
        self.brackets.push(Bracket {
            token: self.tokens.len(),
            inner: self.at.saturating_add(bracket.len()),
        });
        let text = rest.get(..bracket.len()).unwrap_or_default();
        self.push(Token::Text(text.into()), bracket.len());
    }

    /// A link or an image ends here, or a bracket is text.
    fn close_bracket(&mut self) {
        let rest = self.rest();
        let after = rest.get(1..).unwrap_or_default();
        let Some(bracket) = self.brackets.pop() else {
            return self.literal(1);
        };
        let source = self.text.get(bracket.inner..self.at).unwrap_or_default();
        let inline = links::target(after).map(|target| (target.url, target.length, false));
        let Some((url, length, was_shown)) = inline.or_else(|| self.reference(source, after))
        else {
            return self.literal(1);
        };
        let first = bracket.token.saturating_add(1);
        pair(
            self.tokens.get_mut(first..).unwrap_or_default(),
            &mut self.pairs,
        );
        let text = without_marks(self.tokens.get(first..).unwrap_or_default(), self.form);
        if let Some(opening) = self.tokens.get_mut(bracket.token) {
            *opening = Token::Text("".into());
        }
        self.at = self.at.saturating_add(length).saturating_add(1);
        match links::shown(&text, url) {
            _ if was_shown && !text.trim().is_empty() => {}
            Shown::Text => {}
            Shown::Url(url) => {
                self.tokens.truncate(first);
                self.tokens.push(Token::Url(url.into()));
            }
            Shown::Both(url) => {
                self.tokens.push(Token::Text(" (".into()));
                self.tokens.push(Token::Url(url.into()));
                self.tokens.push(Token::Text(")".into()));
            }
        }
    }

    /// The address that `[text][label]`, `[label][]` or `[label]` refers to.
    fn reference(&self, text: &str, after: &str) -> Option<(&'t str, usize, bool)> {
        let label = after
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map(|(label, _)| label);
        let length = label.map_or(0, |label| label.len().saturating_add(2));
        let label = label.filter(|label| !label.is_empty()).unwrap_or(text);
        let (url, was_shown) = self.definitions.resolve(label)?;
        Some((url, length, was_shown))
    }

    /// An address or a tag in angle brackets, or a character.
    fn angle(&mut self, rest: &'t str) {
        let before = self.text.get(..self.at).unwrap_or_default();
        if let Some((url, length)) = links::autolink(rest) {
            self.push(Token::Url(url.into()), length);
        } else if let Some((tag, length)) = html::tag(before, rest) {
            let shown = match tag {
                Tag::Break
                    if rest
                        .get(length..)
                        .is_some_and(|rest| rest.starts_with('\n')) =>
                {
                    ""
                }
                Tag::Break => "\n",
                Tag::Formatting => "",
            };
            self.push(Token::Text(shown.into()), length);
        } else {
            self.literal(1);
        }
    }

    fn ampersand(&mut self, rest: &'t str) {
        match entity(rest) {
            Some((character, length)) if self.form != Form::PlainWithLiterals => {
                self.push(Token::Text(character.to_string().into()), length);
            }
            Some((_, length)) => self.literal(length),
            None => self.literal(1),
        }
    }
}

fn run_length(text: &str, mark: char) -> usize {
    text.chars().take_while(|c| *c == mark).count()
}

/// Code without the one space at either side that separates it from its backticks.
fn unpadded(code: &str) -> &str {
    code.strip_prefix(' ')
        .and_then(|code| code.strip_suffix(' '))
        .filter(|inner| !inner.trim().is_empty())
        .unwrap_or(code)
}
