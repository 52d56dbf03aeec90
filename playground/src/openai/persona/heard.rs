//! What the other person has said, and what the stage directions say.

use super::direction::Direction;
use super::sentence::numbers;
use crate::openai::messages::Spoken;

/// What a persona hears.
pub struct Heard {
    /// What the other has said since this persona's last line. Empty if it was nothing.
    pub newest: String,
    /// All earlier lines of the other, oldest first.
    pub earlier: Vec<String>,
    /// How this persona is to speak now.
    pub direction: Option<Direction>,
    /// Whether the other says nothing.
    pub is_silent: bool,
    /// How many lines both have said.
    pub lines: usize,
}

impl Heard {
    /// Reads a conversation.
    pub fn read(spoken: &[Spoken]) -> Self {
        let since = spoken.iter().rposition(|line| line.own);
        let since = since.map_or(0, |last| last.saturating_add(1));
        let (mut newest, mut direction, mut is_silent) = (Vec::new(), None, false);
        for line in spoken.iter().skip(since).flat_map(|line| line.text.lines()) {
            match note(line.trim()) {
                Some(note) if note.starts_with("Direction:") => {
                    direction = Direction::read(note);
                }
                Some(note) if note.contains("says nothing") => is_silent = true,
                Some(_) => {}
                None => newest.push(line.trim()),
            }
        }
        let earlier = spoken.iter().take(since).filter(|line| !line.own);
        let earlier: Vec<String> = earlier
            .map(|line| words_of(&line.text))
            .filter(|text| !text.is_empty())
            .collect();
        let newest = newest.join(" ").trim().to_owned();
        let own = spoken.iter().filter(|line| line.own).count();
        let others = earlier
            .len()
            .saturating_add(usize::from(!newest.is_empty()));
        Self {
            newest,
            earlier,
            direction,
            is_silent,
            lines: own.saturating_add(others),
        }
    }

    /// Everything that the other has said, oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &str> {
        let newest = (!self.newest.is_empty()).then_some(self.newest.as_str());
        self.earlier.iter().map(String::as_str).chain(newest)
    }

    /// Whether the newest words have one of these phrases.
    pub fn says(&self, phrases: &[&str]) -> bool {
        has(&self.newest, phrases)
    }

    /// Whether the other says goodbye.
    pub fn says_goodbye(&self) -> bool {
        let plain = self.newest.to_lowercase();
        let mut words = plain.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word == "goodbye" || word == "bye") || self.says(&["hanging up"])
    }

    /// Whether the other asks something.
    pub fn asks(&self) -> bool {
        self.newest.contains('?')
    }

    /// How often the other did not know or would not help.
    pub fn vague_lines(&self) -> usize {
        self.all().filter(|line| has(line, &VAGUE)).count()
    }

    /// Whether the other has done or promised something, and has never been vague.
    pub fn is_help(&self) -> bool {
        self.vague_lines() == 0 && self.all().any(|line| has(line, &HELPFUL))
    }

    /// The last number that the other gave.
    pub fn number(&self) -> Option<String> {
        self.all().rev().find_map(|line| numbers(line).pop())
    }

    /// The first name with which the other introduced itself.
    pub fn name(&self) -> Option<String> {
        self.all().find_map(|line| {
            INTRODUCTIONS.into_iter().find_map(|words| {
                let (_, rest) = line.split_once(words)?;
                let name: String = rest.chars().take_while(|c| c.is_alphabetic()).collect();
                let is_name = name.chars().next().is_some_and(char::is_uppercase);
                is_name.then_some(name)
            })
        })
    }
}

/// Phrases of somebody who does not know or will not help.
const VAGUE: [&str; 9] = [
    "not sure",
    "don't know",
    "have to ask",
    "can't see",
    "cannot see",
    "another department",
    "not my",
    "no idea",
    "nothing i can do",
];

/// Phrases of somebody who does something about it.
const HELPFUL: [&str; 16] = [
    "a cancellation is possible",
    "i can offer",
    "i confirm",
    "i have arranged",
    "i have done",
    "i have put",
    "i have taken",
    "i promise",
    "i settle",
    "i will",
    "i'll",
    "is done",
    "is settled",
    "leaves our house",
    "next step",
    "we send",
];

const INTRODUCTIONS: [&str; 6] = [
    "my name is ",
    "My name is ",
    "this is ",
    "This is ",
    "I'm ",
    "I am ",
];

/// The stage direction that a line is, without its brackets.
fn note(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// A message without its stage directions.
fn words_of(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let said: Vec<&str> = lines.filter(|line| note(line).is_none()).collect();
    said.join(" ").trim().to_owned()
}

fn has(line: &str, phrases: &[&str]) -> bool {
    let plain = line.to_lowercase().replace('’', "'");
    phrases.iter().any(|phrase| plain.contains(phrase))
}
