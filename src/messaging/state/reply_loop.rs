//! The limit on reply loops: an automatic reply answers our answer, and so on without end.
//!
//! A loop shows by messages that say the same again, each soon after an answer of ours. People also repeat
//! themselves: because no answer came yet (such messages do not count), or because a short word is all
//! that is asked for ("next", "yes"). So the number of repetitions that are answered depends on the
//! length of the text, see [`limit`]. A loop of two or three replies that take turns counts, too, and so
//! does one whose replies differ in their digits ("Ticket 1234 received"). Keywords never count, and
//! whatever gets a canned reply does not count: those have a bound of their own. Texts are kept only as
//! marks under `PSEUDONYM_KEY`. Not here: what happens to a message in a loop (`admission`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, config::Config, identity::PseudonymKey};

/// The texts that a contact wrote lately, and how often they came again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReplyLoop {
    /// The marks of the newest different texts, newest last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heard: Vec<TextMark>,
    /// How many messages in a row repeated one of them, each soon after an answer.
    #[serde(skip_serializing_if = "is_zero")]
    repeated: u32,
    /// When the newest message came.
    at: UnixMillis,
    /// When the newest answer went out after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<UnixMillis>,
}

/// The marks of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TextMark {
    /// Of the whole text.
    whole: String,
    /// Of its letters alone. None for a short text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    letters: Option<String>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How many different texts take part in a loop at most.
const MAX_TEXTS: usize = 4;
/// An automatic reply comes this soon after an answer.
const SOON: Duration = Duration::from_mins(2);
/// No phone replies sooner than that. A few words that come sooner were typed before the answer was there.
const AT_LEAST: Duration = Duration::from_secs(2);
/// After so long a silence everything is forgotten, if the conversation's lifetime is not shorter.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(10);
/// Texts with fewer characters are short: a word, a number, an emoji.
const SHORT: usize = 15;
/// Texts from this length on are sentences, such as those of automatic replies.
const LONG: usize = 30;

/// How a message repeats an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repetition {
    /// Word for word.
    Exact,
    /// Only digits and punctuation differ.
    Digits,
}

/// How many times in a row a text may come. People may well write "next" ten times, or ask a dozen sums.
fn limit(text: &str, repetition: Repetition) -> u32 {
    let length = text.chars().count();
    match repetition {
        Repetition::Exact if length < SHORT => 10,
        Repetition::Exact if length < LONG => 5,
        Repetition::Exact => 3,
        Repetition::Digits if text.contains('?') => 20,
        Repetition::Digits => 8,
    }
}

impl ReplyLoop {
    /// Notes a text that would be answered. Returns whether it goes round in a loop, so that it gets no
    /// answer.
    pub fn hear(&mut self, text: &str, config: &Config, now: UnixMillis) -> bool {
        self.forget(now, config.conversation_ttl);
        let text = text
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase();
        let mark = TextMark::of(&text, &config.pseudonym_key);
        let repetition = self.repetition(&mark, &text);
        let answered = self.answered.take();
        self.at = now;
        let Some(repetition) = repetition else {
            self.repeated = 0;
            self.push(mark);
            return false;
        };
        self.push(mark);
        let limit = limit(&text, repetition);
        if self.repeated < limit {
            match answered.map(|at| now.since(at)) {
                // No answer came yet, or it crossed with this message: people ask again.
                None => {}
                Some(wait) if text.chars().count() < LONG && wait < AT_LEAST => {}
                Some(wait) if wait <= SOON => self.repeated = self.repeated.saturating_add(1),
                Some(_) => self.repeated = 0,
            }
        }
        let silent = self.repeated >= limit;
        if silent {
            // Until something else comes, all texts of the loop have reached their limit.
            self.repeated = u32::MAX;
        }
        silent
    }

    /// Notes that an answer goes out.
    pub fn answer(&mut self, now: UnixMillis) {
        if !self.heard.is_empty() {
            self.answered = Some(now);
        }
    }

    /// Forgets everything after a long silence.
    pub fn forget(&mut self, now: UnixMillis, ttl: Duration) {
        if now.since(self.at) >= FORGOTTEN_AFTER.min(ttl) {
            *self = Self::default();
        }
    }

    /// When everything is forgotten, if there is anything.
    pub fn ends(&self, ttl: Duration) -> Option<UnixMillis> {
        (!self.is_empty()).then(|| self.at.plus(FORGOTTEN_AFTER.min(ttl)))
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.heard.is_empty()
    }

    /// Limits times to now, after a clock that was ahead.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        self.at = self.at.min(now);
        self.answered = self.answered.map(|at| at.min(now));
    }

    /// How the text repeats an earlier one. A short text must repeat the newest: answers to a quiz go back
    /// and forth.
    fn repetition(&self, mark: &TextMark, text: &str) -> Option<Repetition> {
        let texts = if is_short(text) { 1 } else { MAX_TEXTS };
        let mut lately = self.heard.iter().rev().take(texts);
        if lately.clone().any(|heard| heard.whole == mark.whole) {
            return Some(Repetition::Exact);
        }
        let same_letters =
            |heard: &TextMark| mark.letters.is_some() && heard.letters == mark.letters;
        lately.any(same_letters).then_some(Repetition::Digits)
    }

    /// Puts a text at the end, once.
    fn push(&mut self, mark: TextMark) {
        let same = |heard: &TextMark| {
            heard.whole == mark.whole || (mark.letters.is_some() && heard.letters == mark.letters)
        };
        self.heard.retain(|heard| !same(heard));
        self.heard.push(mark);
        let surplus = self.heard.len().saturating_sub(MAX_TEXTS);
        self.heard.drain(..surplus);
    }
}

fn is_short(text: &str) -> bool {
    text.chars().count() < SHORT
}

impl TextMark {
    fn of(text: &str, keys: &PseudonymKey) -> Self {
        let letters: String = text.chars().filter(|c| c.is_alphabetic()).collect();
        let tells = !is_short(text) && letters.chars().count() >= SHORT / 2;
        Self {
            whole: keys.text_mark(text),
            letters: tells.then(|| keys.text_mark(&letters)),
        }
    }
}

#[cfg(test)]
mod tests;
