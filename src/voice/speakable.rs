//! Speakable text: what a model writes becomes what a voice can say.
//!
//! Markup, emoji and URLs are for eyes. They are left out, or said in words, while the text comes in pieces. A piece is
//! passed on at once, except for an end that may be the beginning of something that is not said as it stands. How the
//! text was cut into pieces changes nothing. Not here: Markdown that is read (`messaging::markdown`).

use crate::config::{FixedText, Language, SpokenUrls};

/// Makes the words of one answer speakable, piece by piece.
#[derive(Debug)]
pub struct Speakable {
    language: Language,
    urls: SpokenUrls,
    /// The sentence of [`SpokenUrls::Phrase`], with a placeholder.
    phrase: String,
    /// What cannot be decided before more of the text is there.
    held: String,
    /// The last character that was passed on, or is treated so.
    last: Option<char>,
    /// Whether something other than space has come on this line.
    in_line: bool,
}

/// How far the beginning of a text was read, and what is said for it.
enum Step<'t> {
    /// So many bytes were read, and these words are said.
    Said(usize, Said<'t>),
    /// More of the text is needed.
    NeedsMore,
}

enum Said<'t> {
    Nothing,
    Text(&'t str),
    Owned(String),
}

/// The longest text of a link that is recognised, in bytes.
const MAX_LINK: usize = 400;

/// The words for signs.
struct SignWords {
    and: &'static str,
    times: &'static str,
    dot: &'static str,
    slash: &'static str,
}

impl Speakable {
    /// Speaks this language. `phrase` is the text [`FixedText::CallFoundAt`].
    #[must_use]
    pub fn new(language: Language, urls: SpokenUrls, phrase: &str) -> Self {
        Self {
            language,
            urls,
            phrase: phrase.to_owned(),
            held: String::new(),
            last: None,
            in_line: false,
        }
    }

    /// The next piece of the model's text. Returns what can be said now.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        self.drain(false)
    }

    /// The text has ended. Returns what was held back.
    pub fn finish(&mut self) -> String {
        let said = self.drain(true);
        *self = Self::new(self.language, self.urls, &self.phrase);
        said
    }

    fn drain(&mut self, is_end: bool) -> String {
        let held = std::mem::take(&mut self.held);
        let (mut rest, mut said) = (held.as_str(), String::new());
        while !rest.is_empty() {
            let Step::Said(read, words) = self.step(rest, is_end) else {
                break;
            };
            let (before, behind) = rest.split_at_checked(read).unwrap_or((rest, ""));
            self.in_line = match before.rfind('\n') {
                Some(at) => before.get(at..).is_some_and(|line| !line.trim().is_empty()),
                None => self.in_line || !before.trim().is_empty(),
            };
            match words {
                Said::Nothing => {}
                Said::Text(text) => self.say(text, &mut said),
                Said::Owned(text) => self.say(&text, &mut said),
            }
            rest = behind;
        }
        rest.clone_into(&mut self.held);
        said
    }

    /// Says this text, without repeated spaces.
    fn say(&mut self, text: &str, said: &mut String) {
        for c in text.chars() {
            let c = if c.is_whitespace() { ' ' } else { c };
            if c == ' ' && self.last.is_none_or(|last| last == ' ') {
                continue;
            }
            said.push(c);
            self.last = Some(c);
        }
    }

    /// Reads the beginning of a text that is not empty.
    fn step<'t>(&self, rest: &'t str, is_end: bool) -> Step<'t> {
        let at_word_start = self.last.is_none_or(|last| !last.is_alphanumeric());
        if !self.in_line
            && let Some(step) = line_start(rest, is_end)
        {
            return step;
        }
        if at_word_start && let Some(step) = self.url(rest, is_end) {
            return step;
        }
        let mut chars = rest.chars();
        let Some(first) = chars.next() else {
            return Step::NeedsMore;
        };
        let (length, next) = (first.len_utf8(), chars.next());
        if next.is_none() && !is_end && matches!(first, '_' | '*' | '!') {
            return Step::NeedsMore;
        }
        let said = match first {
            '[' => return self.link(rest, is_end),
            // The mark of a picture.
            '!' if next == Some('[') => Said::Nothing,
            '*' if self.last == Some(' ') && next.is_none_or(char::is_whitespace) => {
                Said::Text(self.words().times)
            }
            '_' => {
                let joins = self.last.is_some_and(char::is_alphanumeric)
                    && next.is_some_and(char::is_alphanumeric);
                if joins {
                    Said::Text(" ")
                } else {
                    Said::Nothing
                }
            }
            '*' | '`' | '~' | '<' | '>' | '\\' => Said::Nothing,
            '|' => Said::Text(" "),
            '&' => Said::Owned(format!(" {} ", self.words().and)),
            '\n' if self.last.is_some_and(char::is_alphanumeric) => Said::Text(". "),
            c if is_pictograph(c) || (c.is_control() && !c.is_whitespace()) => Said::Nothing,
            _ => return Step::Said(length, Said::Text(rest.get(..length).unwrap_or_default())),
        };
        Step::Said(length, said)
    }

    /// A URL is said by its host: `https://www.example.com/help` is "example dot com".
    fn url<'t>(&self, rest: &'t str, is_end: bool) -> Option<Step<'t>> {
        let may_begin = |beginning: &&str| {
            beginning
                .get(..rest.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(rest))
        };
        let Some(beginning) = beginning_of_url(rest) else {
            let needs_more = !is_end && BEGINNINGS.iter().any(may_begin);
            return needs_more.then_some(Step::NeedsMore);
        };
        let is_over =
            |c: char| c.is_whitespace() || matches!(c, ')' | ']' | '>' | '"' | '`' | '*' | '|');
        let window = rest.floor_char_boundary(MAX_URL);
        let end = match rest.get(..window)?.find(is_over) {
            Some(end) => end,
            None if is_end || window < rest.len() => window,
            None => return Some(Step::NeedsMore),
        };
        let whole = rest.get(..end)?;
        // What ends the sentence is no part of the URL.
        let address = whole.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let place = address.get(beginning.len()..).unwrap_or_default();
        Some(Step::Said(
            address.len().max(1),
            Said::Owned(self.spoken(place)),
        ))
    }

    /// What is said for a URL, without its scheme.
    fn spoken(&self, place: &str) -> String {
        let place = place.strip_prefix("www.").unwrap_or(place);
        let host = || place.split(['/', '?', '#', ':']).next().unwrap_or_default();
        let SignWords { dot, slash, .. } = self.words();
        let said = match self.urls {
            SpokenUrls::Say | SpokenUrls::Phrase => host(),
            SpokenUrls::Full => place.trim_end_matches('/'),
        };
        let said = said.replace('.', &format!(" {dot} "));
        let said = said.replace('/', &format!(" {slash} "));
        if self.urls == SpokenUrls::Phrase {
            FixedText::CallFoundAt.filled(&self.phrase, &said)
        } else {
            said
        }
    }

    /// A link is said by its text: `[our page](https://example.com)` is "our page", and in a sentence also by its URL.
    fn link<'t>(&self, rest: &'t str, is_end: bool) -> Step<'t> {
        let alone = Step::Said(1, Said::Nothing);
        let end_of_line = rest.find('\n').unwrap_or(rest.len());
        let window = rest.floor_char_boundary(end_of_line.min(MAX_LINK));
        let text = rest.get(..window).unwrap_or_default();
        let is_whole = is_end || window < rest.len();
        let Some(middle) = text.find("](") else {
            return if is_whole { alone } else { Step::NeedsMore };
        };
        let Some(end) = text.get(middle..).and_then(|target| target.find(')')) else {
            return if is_whole { alone } else { Step::NeedsMore };
        };
        let label = text.get(1..middle).unwrap_or_default();
        let read = middle.saturating_add(end).saturating_add(1);
        let mut inner = Self::new(self.language, self.urls, &self.phrase);
        let mut said = inner.push(label);
        said.push_str(&inner.finish());
        let target = text.get(middle.saturating_add(2)..read).unwrap_or_default();
        let target = target.split([')', ' ']).next().unwrap_or_default();
        if self.urls == SpokenUrls::Phrase
            && beginning_of_url(label).is_none()
            && let Some(beginning) = beginning_of_url(target)
        {
            let place = target.get(beginning.len()..).unwrap_or_default();
            said = format!("{said}, {}", self.spoken(place));
        }
        Step::Said(read, Said::Owned(said))
    }

    fn words(&self) -> SignWords {
        let [and, times, dot, slash] = match self.language {
            Language::English => ["and", "times", "dot", "slash"],
            Language::French => ["et", "fois", "point", "slash"],
            Language::Spanish => ["y", "por", "punto", "barra"],
            Language::Portuguese => ["e", "vezes", "ponto", "barra"],
            Language::German => ["und", "mal", "Punkt", "Schrägstrich"],
            Language::Italian => ["e", "per", "punto", "barra"],
            Language::Dutch => ["en", "keer", "punt", "schuine streep"],
        };
        SignWords {
            and,
            times,
            dot,
            slash,
        }
    }
}

/// How URLs begin.
const BEGINNINGS: [&str; 3] = ["https://", "http://", "www."];

fn beginning_of_url(text: &str) -> Option<&'static str> {
    BEGINNINGS.into_iter().find(|beginning| {
        let start = text.get(..beginning.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
    })
}

/// The mark at the start of a line: of a heading, a quote, an item of a list, a rule or a block of code.
fn line_start(rest: &str, is_end: bool) -> Option<Step<'_>> {
    let indent = rest
        .len()
        .checked_sub(rest.trim_start_matches([' ', '\t']).len())?;
    let line = rest.get(indent..)?;
    let marks =
        line.find(|c| !matches!(c, '#' | '>' | '-' | '*' | '+' | '`' | '=' | '|' | ':' | ' '));
    let Some(marks) = marks else {
        // It could still become one.
        return (!is_end).then_some(Step::NeedsMore);
    };
    let mark = line.get(..marks)?;
    if mark.is_empty() {
        return None;
    }
    let behind = line.get(marks..)?;
    let bare = mark.trim_end();
    let is_rule = behind.starts_with('\n');
    if bare.starts_with("```") {
        // The name of a language follows.
        return match behind.find('\n') {
            Some(end) => Some(Step::Said(
                indent.checked_add(marks)?.checked_add(end)?,
                Said::Nothing,
            )),
            None if behind.len() > MAX_LINK || is_end => None,
            None => Some(Step::NeedsMore),
        };
    }
    let is_mark = is_rule
        || (bare.len() < mark.len()
            && bare
                .chars()
                .all(|c| matches!(c, '#' | '>' | '-' | '*' | '+' | ' ')));
    (is_mark && !bare.is_empty()).then(|| Step::Said(indent.saturating_add(marks), Said::Nothing))
}

/// The longest URL that is waited for, in bytes.
const MAX_URL: usize = 2000;

/// Whether a character is a picture, or a mark that only changes one. Source: Unicode, "emoji-data.txt".
fn is_pictograph(c: char) -> bool {
    matches!(
        c,
        '\u{1F000}'..='\u{1FAFF}'
            | '\u{2190}'..='\u{21FF}'
            | '\u{2300}'..='\u{23FF}'
            | '\u{2500}'..='\u{27BF}'
            | '\u{2B00}'..='\u{2BFF}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{200B}'..='\u{200D}'
            | '\u{20E3}'
            | '\u{E0020}'..='\u{E007F}'
    )
}

#[cfg(test)]
mod tests;
