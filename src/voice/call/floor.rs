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
pub(super) struct Floor {
    generation: u64,
    run: Option<Run>,
    /// The newest turn, until everything that follows from it is stored.
    pub(super) turn: Option<WeakShared<LocalBoxFuture<'static, ()>>>,
    /// Whether Twilio plays something.
    pub(super) assistant_speaks: bool,
    /// Whether the caller speaks.
    pub(super) caller_speaks: bool,
    /// What was played of the answer.
    pub(super) played: String,
    /// What the caller said last, and when it came.
    last_words: Option<(String, UnixMillis)>,
    /// Whether something was played since the call began to end.
    pub(super) played_since_closing: bool,
}

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
    /// When something was last sent, a filler included.
    pub(super) last_word: UnixMillis,
    aborts: AbortHandle,
}

/// Names a run. It is worth nothing once another has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Generation(u64);

impl Run {
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
        self.played.clear();
        self.run = Some(Run {
            words,
            began: now,
            said: String::new(),
            first_word: None,
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
        self.run.take_if(|_| self.generation == generation.0)
    }

    /// Everything that is said and asked breaks off. Returns the run, and what was played of its answer.
    pub(super) fn break_off(&mut self) -> (Option<Run>, String) {
        self.assistant_speaks = false;
        (self.stop(), std::mem::take(&mut self.played))
    }

    /// Breaks the run off: its requests are aborted, and nothing of it is sent any more.
    pub(super) fn stop(&mut self) -> Option<Run> {
        self.generation = self.generation.wrapping_add(1);
        let run = self.run.take()?;
        run.aborts.abort();
        Some(run)
    }
}
