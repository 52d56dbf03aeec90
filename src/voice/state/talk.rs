//! The talk of a call: what was said and heard, and who was cut off.
//!
//! The history holds what the caller has heard. An answer that was cut off ends where the caller cut in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Keys, State, joined, speech_time};
use crate::{
    base::time::UnixMillis,
    config::Config,
    conversation::{
        history::{Conversation, Turn},
        model_run::ModelRun,
    },
};

/// What was said last, and is cut off by an interruption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastSaid {
    /// A fixed sentence. It is no part of the conversation.
    #[default]
    Sentence,
    /// The answer of the newest turn.
    Answer,
}

/// What the next turn builds on.
#[derive(Clone, Debug, PartialEq)]
pub struct Talk {
    /// The turns so far.
    pub conversation: Conversation,
    /// What the caller said before, and nobody has answered.
    pub unanswered: String,
    /// The keys that the caller has pressed, and nobody has answered.
    pub keys: Option<Keys>,
    /// The number of the next turn.
    pub number: u64,
    /// Whether we have called the person.
    pub is_outbound: bool,
    /// What the assistant was told of this call.
    pub context: Option<String>,
    /// Whether Twilio has told what it plays.
    pub twilio_tells: bool,
}

/// A turn that has ended.
#[derive(Clone, Debug)]
pub struct TurnDone<'a> {
    /// What the caller said.
    pub words: &'a str,
    /// What was said to the caller, as far as it was heard.
    pub heard: &'a str,
    /// Whether the caller cut it off.
    pub cut: bool,
    /// Whether it failed.
    pub failed: bool,
    /// Whether Twilio has told what it plays.
    pub twilio_tells: bool,
    /// The time from the caller's last word to the first word of the answer.
    pub first_words: Option<Duration>,
    /// The model run, unless it was broken off.
    pub run: Option<&'a ModelRun>,
}

/// An answer before the newest one, of which only a beginning was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// All of it.
    pub said: String,
    /// What was heard. Nothing, if it is empty.
    pub heard: String,
}

/// What was heard of an answer that was cut off: a beginning of it, and nothing else.
///
/// Twilio tells of each clause that it has played, and of the beginning of the one that was cut off, which it may tell of
/// twice. It says them as they were spoken, so the end of the last one is looked up in the answer. Source: recorded
/// calls.
#[must_use]
pub fn heard_of<'s>(said: &'s str, played: &str, fragment: &str) -> &'s str {
    let behind = |from: usize, words: &str| {
        let words = words.trim();
        let found = said.get(from..)?.find(words)?;
        let end = from.checked_add(found)?.checked_add(words.len())?;
        Some(end).filter(|_| !words.is_empty())
    };
    // As long as what was played: speech may have other spaces and signs than the text.
    let by_length = |words: &str| {
        let most = words.trim().chars().count();
        said.char_indices()
            .nth(most)
            .map_or(said.len(), |(at, _)| at)
    };
    let known = played
        .trim_end()
        .strip_suffix(fragment.trim_end())
        .unwrap_or(played);
    let whole = if known.trim().is_empty() {
        0
    } else {
        behind(0, known)
            .or_else(|| by_words(said, known))
            .unwrap_or_else(|| by_length(known))
    };
    let end = if fragment.trim().is_empty() {
        whole
    } else {
        let both = format!("{known}{fragment}");
        behind(whole, fragment)
            .or_else(|| behind(0, fragment))
            .unwrap_or_else(|| by_length(&both))
    };
    said.get(..end).unwrap_or(said).trim()
}

/// Where the last of these words ends in the answer, if they are words of it and of something else that was said between
/// them, such as a filler.
fn by_words(said: &str, words: &str) -> Option<usize> {
    let mut end = None;
    for word in words.split_whitespace() {
        let from = end.unwrap_or_default();
        let found = said.get(from..)?.find(word).filter(|at| *at <= NEXT_WORD);
        if let Some(at) = found {
            end = Some(from.checked_add(at)?.checked_add(word.len())?);
        }
    }
    end
}

/// How far behind the word before a word is looked for, in bytes.
const NEXT_WORD: usize = 24;

/// Follows an answer that was cut off.
pub(crate) const CUT_OFF: &str = " [the caller cut in]";
/// The first-word times that are kept.
const MAX_TIMES: usize = 200;

impl State {
    /// What the next turn builds on, while the call talks.
    #[must_use]
    pub fn talk(&self) -> Option<Talk> {
        let call = self.call.as_ref()?;
        let mut conversation = Conversation::default();
        call.turns
            .iter()
            .cloned()
            .for_each(|turn| conversation.push(turn));
        Some(Talk {
            conversation,
            unanswered: call.unanswered.clone(),
            keys: self.keys(),
            number: u64::from(call.counts.turns),
            is_outbound: call.admission.is_outbound,
            context: call.context.clone(),
            twilio_tells: call.twilio_tells,
        })
    }

    /// A turn has ended. Its words become part of the conversation as far as they were heard.
    pub fn end_turn(&mut self, turn: &TurnDone<'_>, now: UnixMillis, config: &Config) {
        let Some(call) = &mut self.call else { return };
        let counts = &mut call.counts;
        counts.turns = counts.turns.saturating_add(1);
        if let Some(run) = turn.run {
            counts.requests = counts.requests.saturating_add(run.requests);
            counts.prompt_tokens = counts.prompt_tokens.saturating_add(run.tokens.prompt);
            counts.completion_tokens = counts
                .completion_tokens
                .saturating_add(run.tokens.completion);
        }
        if let Some(time) = turn.first_words
            && counts.first_words_ms.len() < MAX_TIMES
        {
            let time = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            counts.first_words_ms.push(time);
        }
        if turn.failed {
            counts.failures = counts.failures.saturating_add(1);
            call.failures = call.failures.saturating_add(1);
        } else if !turn.cut {
            call.failures = 0;
        }
        call.twilio_tells |= turn.twilio_tells;
        call.nudges = 0;
        call.unanswered.clear();
        call.last_said = LastSaid::Sentence;
        if let Some(gathering) = &mut call.gathering {
            gathering.say(turn.heard);
        }
        call.quiet_at = Some(now.plus(speech_time(turn.heard)).plus(config.voice_silence));
        if turn.cut {
            counts.interruptions = counts.interruptions.saturating_add(1);
        }
        let was_heard = !turn.heard.trim().is_empty();
        if was_heard || !turn.cut {
            call.entry = None;
        }
        if was_heard {
            call.last_said = LastSaid::Answer;
            self.push(turn.words, turn.heard, turn.cut);
        } else if turn.cut {
            turn.words.clone_into(&mut call.unanswered);
        }
    }

    /// The caller cut in when the answer had been sent. Only what was heard stays. `was_playing` says that the answer was
    /// still being played, although something else may have been said after it.
    pub fn cut_in(
        &mut self,
        played: &str,
        fragment: &str,
        was_playing: bool,
        now: UnixMillis,
        config: &Config,
    ) {
        let Some(call) = &mut self.call else { return };
        call.counts.interruptions = call.counts.interruptions.saturating_add(1);
        call.quiet_at = Some(now.plus(config.voice_silence));
        let is_of_answer = |turn: &Turn| {
            let clause = fragment.trim();
            !clause.is_empty() && turn.assistant.contains(clause)
        };
        let answer_was_cut = was_playing
            || call.last_said == LastSaid::Answer
            || call.turns.last().is_some_and(is_of_answer);
        if answer_was_cut {
            self.keep_heard(played, fragment);
        }
    }

    /// The socket was lost when the answers had been sent. Only what was heard stays. A question for digits is asked anew, and
    /// what was said before it in the same answer is answered anew with it.
    pub fn lose_rest(&mut self, played: &str, was_playing: bool, older: &[Unheard]) {
        let question = self.open_question();
        let newest = self.call.as_ref().and_then(|call| call.turns.last());
        if let Some(turn) = newest.filter(|_| was_playing) {
            let said = turn.assistant.trim();
            let is_asked_anew = question == Some(said) && older.is_empty();
            let is_heard = heard_of(said, played, "") == said;
            let played = if question.is_some() { "" } else { played };
            if !is_heard && !is_asked_anew {
                self.keep_heard(played, "");
            }
        }
        self.keep_heard_of(older);
    }

    /// Only this was heard of the newest answer.
    fn keep_heard(&mut self, played: &str, fragment: &str) {
        let Some(call) = &mut self.call else { return };
        let Some(Turn { user, assistant }) = call.turns.pop() else {
            return;
        };
        call.last_said = LastSaid::Sentence;
        let said = assistant.strip_suffix(CUT_OFF).unwrap_or(&assistant);
        let heard = heard_of(said, played, fragment);
        if heard == said.trim() {
            call.turns.push(Turn { user, assistant });
        } else if heard.is_empty() {
            call.unanswered = user;
        } else {
            let heard = heard.to_owned();
            self.push(&user, &heard, true);
        }
    }

    /// Of these answers before the newest one, oldest first, only a beginning was heard. What the caller said before one of
    /// which nothing was heard is not answered.
    pub fn keep_heard_of(&mut self, older: &[Unheard]) {
        let Some(call) = &mut self.call else { return };
        for Unheard { said, heard } in older.iter().rev() {
            let is_it = |turn: &Turn| {
                let assistant = turn.assistant.strip_suffix(CUT_OFF);
                assistant.unwrap_or(&turn.assistant) == said
            };
            let Some(at) = call.turns.iter().rposition(is_it) else {
                continue;
            };
            if heard.is_empty() {
                let turn = call.turns.remove(at);
                call.unanswered = joined(&turn.user, &call.unanswered);
            } else if let Some(turn) = call.turns.get_mut(at) {
                turn.assistant = format!("{heard}{CUT_OFF}");
            }
        }
    }

    fn push(&mut self, words: &str, heard: &str, cut: bool) {
        let Some(call) = &mut self.call else { return };
        let mut conversation = Conversation::default();
        call.turns
            .drain(..)
            .for_each(|turn| conversation.push(turn));
        let mark = if cut { CUT_OFF } else { "" };
        conversation.push(Turn {
            user: words.to_owned(),
            assistant: format!("{}{mark}", heard.trim()),
        });
        call.turns = conversation.turns().to_vec();
    }

    /// A fixed sentence is said, and the caller's silence counts from its end.
    pub fn say_sentence(&mut self, text: &str, now: UnixMillis, config: &Config) {
        if let Some(call) = &mut self.call {
            call.last_said = LastSaid::Sentence;
            call.quiet_at = Some(now.plus(speech_time(text)).plus(config.voice_silence));
        }
    }

    /// Turns that failed, in a row.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.call.as_ref().map_or(0, |call| call.failures)
    }

    /// The caller says nothing. Returns whether it is asked for the first time in a row.
    pub fn nudge(&mut self) -> bool {
        let Some(call) = &mut self.call else {
            return false;
        };
        call.quiet_at = None;
        call.nudges = call.nudges.saturating_add(1);
        call.nudges == 1
    }

    /// The caller or the assistant speaks, so the silence counts anew.
    pub fn postpone_silence(&mut self, now: UnixMillis, config: &Config) {
        if let Some(call) = &mut self.call
            && call.quiet_at.is_some()
        {
            call.quiet_at = Some(now.plus(config.voice_silence));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::heard_of;

    #[test]
    fn what_was_heard_is_what_was_played_and_the_beginning_of_the_clause_that_was_cut_off() {
        const SAID: &str = "Sentence 1 of three. Sentence 2 of three. Sentence 3 of three.";
        for (played, fragment, heard) in [
            ("", "", ""),
            ("", "Sentence 1", "Sentence 1"),
            (
                "Sentence 1 of One moment, please. three. Sent",
                "Sent",
                "Sentence 1 of three. Sent",
            ),
            (
                "Sentence 1 of three. ",
                "Sentence 2 of",
                "Sentence 1 of three. Sentence 2 of",
            ),
            // Twilio tells of the fragment twice.
            (
                "Sentence 1 of three. Sentence 2 of",
                "Sentence 2 of",
                "Sentence 1 of three. Sentence 2 of",
            ),
            ("Sentence 1 of three.", "", "Sentence 1 of three."),
            // The object has left memory meanwhile.
            ("", "Sentence 2 of", "Sentence 1 of three. Sentence 2 of"),
            // It was spoken in other signs.
            ("", "sentence one", "Sentence 1 o"),
            ("", &"and much more ".repeat(9), SAID),
        ] {
            assert_eq!(
                heard_of(SAID, played, fragment),
                heard,
                "{played:?} {fragment:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn only_a_beginning_of_the_answer_is_heard(said in ".{0,60}", played in ".{0,60}", fragment in ".{0,60}") {
            prop_assert!(said.trim_start().starts_with(heard_of(&said, &played, &fragment)));
        }
    }
}
