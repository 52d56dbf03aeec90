//! The floor: who speaks, and which turn runs. It is in memory only.
//!
//! Each run of a turn has a generation. What a run says is sent only while its generation is the current one, so no
//! late word of a turn that was cut off goes out. Not here: what is said (`answer`).

use std::{iter::repeat, time::Duration};

use futures_util::future::{AbortHandle, LocalBoxFuture, Shared, WeakShared};

use crate::{
    base::time::UnixMillis,
    voice::state::{Line, Unheard, heard_of},
};

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
    /// Whether Twilio tells what it plays. If not, an answer that was sent counts as heard.
    pub(super) tells: bool,
    /// What was played of the newest answer.
    played: String,
    /// The newest answer, from when it was sent whole until it was played.
    answer: String,
    /// Whether Twilio has begun to play since words of the newest answer were sent.
    has_begun: bool,
    /// The answers before it that Twilio may still play, oldest first.
    older: Vec<Sent>,
    /// What was said before the newest answer, and beside it. Twilio may still tell of it.
    others: String,
    /// What the caller said last, and when it came.
    last_words: Option<(String, UnixMillis)>,
    /// Whether something was played since the call began to end.
    pub(super) played_since_closing: bool,
}

/// The most that is kept of [`Floor::others`], in bytes.
const MAX_OTHERS: usize = 4000;
/// The most answers that are kept in [`Floor::older`].
const MAX_OLDER: usize = 8;

/// An answer that was sent, as far as it goes, and another one after it.
#[derive(Debug)]
struct Sent {
    text: String,
    /// What was played of it.
    played: String,
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
    /// Whether all of the answer was sent, and Twilio was told so.
    pub(super) is_closed: bool,
    /// When something was last sent, a filler included.
    pub(super) last_word: UnixMillis,
    /// Where its words go, once that is known.
    pub(super) line: Option<Line>,
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
    /// The answers before it that were not played to their end, oldest first.
    pub(super) older: Vec<Unheard>,
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
        self.set_aside(answer);
        self.run = Some(Run {
            words,
            began: now,
            said: String::new(),
            first_word: None,
            is_closed: false,
            last_word: now,
            line: None,
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
        self.tells = true;
        // It plays one answer after the other.
        if let Some(at) = self.older_with(words) {
            self.older.drain(..at);
            if let Some(sent) = self.older.first_mut() {
                sent.played.push_str(words);
            }
            return;
        }
        let said = self.run.as_ref().map_or(&self.answer, |run| &run.said);
        if let Some(own) = self.own_of(words, said) {
            self.older.clear();
            self.played.push_str(own);
        }
    }

    /// The oldest answer that goes on with these words, of those before the newest one.
    fn older_with(&self, words: &str) -> Option<usize> {
        let mut older = self.older.iter();
        older.position(|sent| goes_on(&sent.text, &sent.played, words))
    }

    /// What is of the newest answer of these words. `None`: they were said before it, or beside it. Words that both have are
    /// the answer's only where it goes on with them.
    ///
    /// Words may also begin with the end of what was said before: where an answer was left open, Twilio speaks on with the
    /// next one.
    fn own_of<'w>(&self, words: &'w str, answer: &str) -> Option<&'w str> {
        let rest = rest_of(answer, &self.played);
        let goes_on = |words: &str| is_next(rest, &self.played, words);
        if goes_on(words) {
            return Some(words);
        }
        if self.others.contains(words.trim()) {
            return None;
        }
        let parts = words.char_indices().map(|(at, _)| words.split_at(at));
        let own = parts.skip(1).find(|(before, own)| {
            !own.trim().is_empty() && goes_on(own) && self.others.contains(before.trim())
        });
        Some(own.map_or(words, |(_, own)| own))
    }

    /// Everything that is said and asked breaks off. `fragment` is the beginning of the clause that was cut off.
    pub(super) fn break_off<'f>(&mut self, fragment: &'f str) -> BrokenOff<'f> {
        self.assistant_speaks = false;
        let run = self.abort();
        let answer = std::mem::take(&mut self.answer);
        let said = run.as_ref().map_or(&answer, |run| &run.said);
        let is_told = !fragment.trim().is_empty();
        let of_older = self.older_with(fragment).filter(|_| is_told);
        let own = self.own_of(fragment, said);
        let own = own.filter(|_| of_older.is_none()).unwrap_or_default();
        // Where something of the newest one is played, those before it were played to their end.
        let are_played = !self.played.is_empty() || !own.trim().is_empty();
        let mut older = std::mem::take(&mut self.older);
        older.drain(..of_older.unwrap_or_default());
        if !self.tells && of_older.is_none() {
            // All that is known: the caller has cut off what was said last.
            let known = usize::from(said.trim().is_empty());
            older.drain(..older.len().saturating_sub(known));
        }
        let clauses = of_older.map(|_| fragment).into_iter().chain(repeat(""));
        let unheard = older.iter().zip(clauses).filter(|_| !are_played);
        let older = unheard.filter_map(|(sent, clause)| sent.unheard(clause));
        let older = older.collect();
        self.says_other(said);
        BrokenOff {
            was_playing: !answer.is_empty(),
            played: std::mem::take(&mut self.played),
            fragment: own,
            older,
            run,
        }
    }

    /// The socket is lost, and with it everything that is said and asked.
    pub(super) fn lose_socket(&mut self) -> BrokenOff<'static> {
        self.caller_speaks = false;
        let mut broken_off = self.break_off("");
        if !self.tells {
            broken_off.was_playing = false;
            broken_off.older.clear();
        }
        broken_off
    }

    /// Twilio begins to speak.
    pub(super) fn begins_to_speak(&mut self) {
        self.assistant_speaks = true;
        let has_words = self.run.as_ref().map(|run| run.first_word.is_some());
        self.has_begun |= has_words.unwrap_or(!self.answer.is_empty());
    }

    /// Twilio has stopped to speak. Perhaps it has not got all of the newest answer yet.
    pub(super) fn falls_silent(&mut self) {
        self.assistant_speaks = false;
        if self.run.is_none() && self.was_played() {
            // Twilio may tell of its last clauses later.
            let answer = std::mem::take(&mut self.answer);
            self.says_other(&answer);
        }
    }

    /// Whether the newest answer was played to its end, now that Twilio is silent.
    fn was_played(&self) -> bool {
        let Some(last_word) = self.played.split_whitespace().next_back() else {
            // It tells of words before it tells that it stops.
            return self.has_begun && !self.tells;
        };
        let heard = heard_of(&self.answer, &self.played, "");
        let is_of_answer = heard.ends_with(last_word);
        heard == self.answer.trim() || !is_of_answer
    }

    /// Breaks the run off: its requests are aborted, and nothing more of it is sent. Twilio plays what was sent.
    pub(super) fn stop(&mut self) -> Option<Run> {
        let run = self.abort()?;
        self.set_aside(run.said.clone());
        Some(run)
    }

    /// Breaks the run off, if its words go to this session.
    pub(super) fn stop_speaking_to(&mut self, session: u32) {
        let line = self.run.as_ref().and_then(|run| run.line);
        if line == Some(Line::Socket(session)) {
            self.stop();
        }
    }

    fn abort(&mut self) -> Option<Run> {
        self.generation = self.generation.wrapping_add(1);
        let run = self.run.take()?;
        run.aborts.abort();
        Some(run)
    }

    /// An answer is the newest one no more.
    fn set_aside(&mut self, answer: String) {
        self.says_other(&answer);
        let played = std::mem::take(&mut self.played);
        self.has_begun = false;
        if answer.trim().is_empty() {
            return;
        }
        self.older.push(Sent {
            text: answer,
            played,
        });
        let excess = self.older.len().saturating_sub(MAX_OLDER);
        self.older.drain(..excess);
    }
}

impl Sent {
    /// What was heard of it, with the beginning of the clause that was cut off, unless that is all of it.
    fn unheard(&self, fragment: &str) -> Option<Unheard> {
        let said = self.text.trim();
        let heard = heard_of(said, &self.played, fragment);
        (heard != said).then(|| Unheard {
            said: said.to_owned(),
            heard: heard.to_owned(),
        })
    }
}

/// Whether an answer of which this was played goes on with these words.
fn goes_on(answer: &str, played: &str, words: &str) -> bool {
    is_next(rest_of(answer, played), played, words)
}

/// What is behind the words of an answer that were played.
fn rest_of<'a>(answer: &'a str, played: &str) -> &'a str {
    let heard = heard_of(answer, played, "");
    let rest = answer.trim_start().strip_prefix(heard);
    rest.unwrap_or_default().trim_start()
}

/// Whether these words are the next ones, or were played just now: Twilio tells of what was cut off twice.
fn is_next(rest: &str, played: &str, words: &str) -> bool {
    let words = words.trim();
    rest.starts_with(words) || played.trim_end().ends_with(words)
}
