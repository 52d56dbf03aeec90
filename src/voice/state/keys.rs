//! The keys that a caller presses when the assistant has asked for digits.
//!
//! They are stored with the call, because its object may leave memory between two keys, and only until the turn that they
//! begin has ended: the conversation says that keys were pressed, and never which. An entry ends with `#`, with the last
//! digit, or with a pause. Over a socket each key comes by itself, and in a document all keys of an entry come at once. A
//! caller who speaks instead is answered, and one who does nothing is silent as any other. Not here: what the model is told
//! of the rules (`voice::call`).

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    base::time::UnixMillis, conversation::model_run::AskDigits, twilio::voice::relay::Digit,
};

/// Keys that were pressed. They may be those of a card, so they are not shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Keys(String);

impl Keys {
    /// The words of a turn, with the keys where `KEYS_PRESSED` stands last. Before that, it stands for keys that the model was
    /// told before, and whose answer nobody has heard.
    #[must_use]
    pub fn shown_in(&self, words: &str) -> String {
        let keys = if self.0.is_empty() { "none" } else { &self.0 };
        match words.rsplit_once(KEYS_PRESSED) {
            Some((before, behind)) => format!("{before}[keys pressed: {keys}]{behind}"),
            None => words.to_owned(),
        }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// The keys that a caller was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    question: String,
    /// The most keys.
    most: u8,
    keys: Keys,
    progress: Progress,
}

/// How far an entry has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Progress {
    /// No key was pressed.
    Asked,
    /// The entry ends at this time, if no other key comes.
    Begun { ends_at: UnixMillis },
    /// The entry is over, and not answered yet.
    Over,
}

/// What a session goes on with that takes the place of a lost one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// Nothing is open.
    Nothing,
    /// Nobody has answered these words.
    Answer(String),
    /// Nobody has pressed the keys that this asks for.
    Ask(String),
}

/// Stands for the keys in the conversation.
const KEYS_PRESSED: &str = "[keys pressed]";
/// Ends an entry.
const END_KEY: char = '#';
/// The pause after a key that ends an entry.
pub const KEY_PAUSE: Duration = Duration::from_secs(5);

impl Entry {
    /// When it ends without another key.
    pub(super) fn ends_at(&self) -> Option<UnixMillis> {
        match self.progress {
            Progress::Begun { ends_at } => Some(ends_at),
            Progress::Asked | Progress::Over => None,
        }
    }

    fn is_over(&self) -> bool {
        self.progress == Progress::Over
    }

    /// The most keys that it takes, unless it is over.
    pub(super) fn takes(&self) -> Option<u8> {
        (!self.is_over()).then_some(self.most)
    }
}

impl State {
    /// The caller is being asked for digits.
    pub fn ask_digits(&mut self, asked: &AskDigits) {
        if let Some(call) = &mut self.call {
            call.entry = Some(Entry {
                question: asked.question.clone(),
                most: asked.most,
                keys: Keys::default(),
                progress: Progress::Asked,
            });
        }
    }

    /// The caller has pressed a key. Returns the words of the turn that begins, if the entry is over with it.
    pub fn press(&mut self, digit: Digit, now: UnixMillis) -> Option<String> {
        let call = self.call.as_mut()?;
        let entry = call.entry.as_mut().filter(|entry| !entry.is_over())?;
        (call.quiet_at, call.nudges) = (None, 0);
        entry.progress = Progress::Begun {
            ends_at: now.plus(KEY_PAUSE),
        };
        let is_full = match digit.key() {
            END_KEY => true,
            key => {
                entry.keys.0.push(key);
                entry.keys.0.len() >= usize::from(entry.most)
            }
        };
        if is_full { self.end_entry() } else { None }
    }

    /// The entry is over. Returns the words of the turn that begins, if it has begun.
    pub fn end_entry(&mut self) -> Option<String> {
        let call = self.call.as_mut()?;
        let entry = call.entry.as_mut()?;
        entry.ends_at()?;
        entry.progress = Progress::Over;
        Some(joined(&call.unanswered, KEYS_PRESSED))
    }

    /// The caller has pressed all keys of an entry, which nobody has answered yet. Keys that nobody has asked for say
    /// nothing.
    pub fn enter(&mut self, digits: &[Digit]) {
        let Some(call) = &mut self.call else { return };
        let Some(entry) = call.entry.as_mut().filter(|entry| !entry.is_over()) else {
            return;
        };
        let keys = digits.iter().map(|digit| digit.key());
        let keys = keys.take_while(|key| *key != END_KEY);
        entry.keys = Keys(keys.take(usize::from(entry.most)).collect());
        entry.progress = Progress::Over;
        KEYS_PRESSED.clone_into(&mut call.unanswered);
    }

    /// The caller speaks instead: an entry that is not over is dropped.
    pub fn drop_entry(&mut self) {
        if let Some(call) = &mut self.call {
            call.entry.take_if(|entry| !entry.is_over());
        }
    }

    /// The question for keys that is not answered yet.
    pub(super) fn open_question(&self) -> Option<&str> {
        let entry = self.call.as_ref()?.entry.as_ref()?;
        (!entry.is_over()).then_some(entry.question.as_str())
    }

    /// What was pressed and nobody has answered.
    pub(super) fn keys(&self) -> Option<Keys> {
        let entry = self.call.as_ref()?.entry.as_ref()?;
        entry.is_over().then(|| entry.keys.clone())
    }

    /// What a session goes on with that takes the place of a lost one. Keys that were pressed meanwhile are not known,
    /// so an entry begins anew.
    pub fn resume(&mut self) -> Resumed {
        let Some(call) = &mut self.call else {
            return Resumed::Nothing;
        };
        if !call.unanswered.is_empty() {
            let words = call.unanswered.clone();
            self.drop_entry();
            return Resumed::Answer(words);
        }
        match &mut call.entry {
            Some(entry) if entry.is_over() => Resumed::Answer(KEYS_PRESSED.to_owned()),
            Some(entry) => {
                (entry.keys, entry.progress) = (Keys::default(), Progress::Asked);
                Resumed::Ask(entry.question.clone())
            }
            None => Resumed::Nothing,
        }
    }
}

/// What the caller said before, and what comes now.
#[must_use]
pub fn joined(before: &str, now: &str) -> String {
    if before.is_empty() {
        now.to_owned()
    } else {
        format!("{before} {now}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_to_the_model_alone() {
        let keys = Keys("4711".to_owned());
        assert_eq!(format!("{keys:?}"), "Keys(..)");
        assert_eq!(
            keys.shown_in("Hello? [keys pressed]"),
            "Hello? [keys pressed: 4711]"
        );
        assert_eq!(
            Keys::default().shown_in(KEYS_PRESSED),
            "[keys pressed: none]"
        );
    }
}
