//! The floor: who speaks, and which turn runs. It is in memory only.
//!
//! Each run of a turn has a generation. What a run says is sent only while its generation is the current one, so no
//! late word of a turn that was cut off goes out. Not here: what is said (`answer`).

use std::time::Duration;

use futures_util::future::{AbortHandle, LocalBoxFuture, Shared, WeakShared};

use crate::base::time::UnixMillis;

/// The shortest time between two utterances: Twilio's `speechTimeout`, without what the network may change.
const SPEECH_GAP: Duration = Duration::from_millis(700);

/// Who speaks.
#[derive(Debug, Default)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "Twilio tells each of them by itself"
)]
pub(super) struct Floor {
    generation: u64,
    run: Option<Run>,
    /// The newest turn, until everything that follows from it is stored.
    pub(super) turn: Option<WeakShared<LocalBoxFuture<'static, ()>>>,
    /// Whether Twilio plays something.
    pub(super) assistant_speaks: bool,
    /// Whether the caller speaks.
    pub(super) caller_speaks: bool,
    /// What was played of the newest answer.
    played: String,
    /// The newest answer, from when it was sent whole until it was played.
    answer: String,
    /// Whether Twilio has begun to play since words of the newest answer were sent.
    has_begun: bool,
    /// What was said before that answer, and beside it. Twilio may still tell of it.
    others: String,
    /// What the caller said last, and when it came.
    last_words: Option<(String, UnixMillis)>,
    /// Whether something was played since the call began to end.
    pub(super) played_since_closing: bool,
}

/// The most that is kept of [`Floor::others`], in bytes.
const MAX_OTHERS: usize = 4000;

/// A turn that runs.
#[derive(Debug)]
pub(super) struct Run {
    /// What the caller said.
    pub(super) words: String,
    /// When its last word was heard.
    pub(super) began: UnixMillis,
    /// What was sent to be spoken.
    pub(super) said: String,
    /// When the first word was sent.
    pub(super) first_word: Option<UnixMillis>,
    /// Whether all of the answer was sent, and Twilio was told so.
    pub(super) is_closed: bool,
    /// When something was last sent, a filler included.
    pub(super) last_word: UnixMillis,
    aborts: AbortHandle,
}

/// What an interruption has broken off.
#[derive(Debug)]
pub(super) struct BrokenOff<'f> {
    /// The turn that ran.
    pub(super) run: Option<Run>,
    /// Whether an answer that was sent whole was still being played.
    pub(super) was_playing: bool,
    /// What was played of the newest answer.
    pub(super) played: String,
    /// The beginning of its clause that was cut off.
    pub(super) fragment: &'f str,
}

/// Names a run. It is worth nothing once another has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Run {
    /// Whether words of it were sent, and Twilio waits for more of them.
    pub(super) fn is_open(&self) -> bool {
        !self.said.is_empty() && !self.is_closed
    }

    /// The time from the caller's last word to the first one that was sent.
    pub(super) fn first_words(&self) -> Option<Duration> {
        Some(self.first_word?.since(self.began))
    }
}

impl Floor {
    /// Whether these words have just come. Twilio waits for a second of silence before it sends words, so
    /// nobody can have said them twice by then.
    pub(super) fn is_repeated(&mut self, words: &str, now: UnixMillis) -> bool {
        let last = self.last_words.replace((words.to_owned(), now));
        last.is_some_and(|(last, at)| last == words && now.since(at) < SPEECH_GAP)
    }

    /// Begins a run. The one before is over.
    pub(super) fn begin(
        &mut self,
        words: String,
        now: UnixMillis,
        aborts: AbortHandle,
    ) -> Generation {
        self.stop();
        let answer = std::mem::take(&mut self.answer);
        self.says_other(&answer);
        self.played.clear();
        self.has_begun = false;
        self.run = Some(Run {
            words,
            began: now,
            said: String::new(),
            first_word: None,
            is_closed: false,
            last_word: now,
            aborts,
        });
        Generation(self.generation)
    }

    /// The run of this generation, if it is the current one.
    pub(super) fn run(&mut self, generation: Generation) -> Option<&mut Run> {
        self.run
            .as_mut()
            .filter(|_| self.generation == generation.0)
    }

    /// Whether a turn runs.
    pub(super) fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// The newest turn, unless it is over.
    pub(super) fn turn(&self) -> Option<Shared<LocalBoxFuture<'static, ()>>> {
        let turn = self.turn.as_ref()?.upgrade();
        // Who waited for it may know of its end before its task does.
        turn.filter(|turn| turn.peek().is_none())
    }

    /// Ends the run of this generation. Returns it, if it was the current one.
    pub(super) fn end(&mut self, generation: Generation) -> Option<Run> {
        let ended = self.run.take_if(|_| self.generation == generation.0)?;
        self.answer.clone_from(&ended.said);
        Some(ended)
    }

    /// Something is said that is no part of the newest answer.
    pub(super) fn says_other(&mut self, words: &str) {
        self.others.push_str(words);
        let excess = self.others.len().saturating_sub(MAX_OTHERS);
        let start = self.others.ceil_char_boundary(excess);
        self.others.drain(..start);
    }

    /// Twilio has played these words.
    pub(super) fn plays(&mut self, words: &str) {
        let said = self.run.as_ref().map_or(&self.answer, |run| &run.said);
        if !self.is_of_others(words, said) {
            self.played.push_str(words);
        }
    }

    /// Whether these words are none of an answer: they were said before it, or beside it.
    fn is_of_others(&self, words: &str, answer: &str) -> bool {
        let words = words.trim();
        !answer.contains(words) && self.others.contains(words)
    }

    /// Everything that is said and asked breaks off. `fragment` is the beginning of the clause that was cut off.
    pub(super) fn break_off<'f>(&mut self, fragment: &'f str) -> BrokenOff<'f> {
        self.assistant_speaks = false;
        let run = self.stop();
        let answer = std::mem::take(&mut self.answer);
        let said = run.as_ref().map_or(&answer, |run| &run.said);
        let is_other = self.is_of_others(fragment, said);
        self.says_other(&answer);
        BrokenOff {
            was_playing: !answer.is_empty(),
            played: std::mem::take(&mut self.played),
            fragment: if is_other { "" } else { fragment },
            run,
        }
    }

    /// Twilio begins to speak.
    pub(super) fn begins_to_speak(&mut self) {
        self.assistant_speaks = true;
        let has_words = self.run.as_ref().map(|run| run.first_word.is_some());
        self.has_begun |= has_words.unwrap_or(!self.answer.is_empty());
    }

    /// Twilio has stopped to speak. If no turn runs, and the newest answer was begun, it was played to its end.
    pub(super) fn falls_silent(&mut self) {
        self.assistant_speaks = false;
        if self.run.is_none() && (self.has_begun || !self.played.is_empty()) {
            // Twilio may tell of its last clauses later.
            let answer = std::mem::take(&mut self.answer);
            self.says_other(&answer);
        }
    }

    /// Breaks the run off: its requests are aborted, and nothing of it is sent any more.
    pub(super) fn stop(&mut self) -> Option<Run> {
        self.generation = self.generation.wrapping_add(1);
        let run = self.run.take()?;
        run.aborts.abort();
        self.says_other(&run.said);
        Some(run)
    }
}
