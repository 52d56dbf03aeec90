//! One session of a relay, without its socket and without a clock: what Twilio does when the Worker
//! sends a message, when the person speaks or presses a key, and when time passes.
//!
//! The order and the times are those of recorded sessions. Where nothing was recorded, it does what is
//! hardest on the Worker. Not here: the messages of the Worker
//! (`relay/obey.rs`), and how a session begins and ends (`session.rs`).

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::frames;
use super::leg::Voice;
use super::speech::{Content, Item, Played, Speech, Text};
use super::utterance::{self, Said};
use super::verb::Relay;
use crate::phones::call_faults::CallFaults;

/// A session.
pub struct Session {
    relay: Relay,
    faults: CallFaults,
    speech: Speech,
    /// Whether the voice can be heard.
    audible: bool,
    /// Whether the Worker has begun an answer that it has not closed.
    answering: bool,
    person: Person,
    /// How many utterances of another leg were heard. `None`: there is a person who types.
    utterances: Option<usize>,
    /// Whether what the person said last is reported.
    is_heard: bool,
    /// What Twilio will do, in the order of time.
    later: VecDeque<(u64, Later)>,
    /// How many messages in a row were refused.
    refused: u32,
}

/// What the session wants to have done.
#[derive(Debug, PartialEq)]
pub enum Effect {
    /// Send this to the Worker.
    Send(Value),
    /// Show this on the page: the name of the event, and its fields.
    Show(&'static str, Value),
    /// Report this error, as Twilio's debugger does.
    Alert(u32, String),
    /// The voice does this.
    Voice(Voice),
    /// Close the socket.
    Close(Closing),
}

/// Why the session closes the socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Closing {
    /// The Worker has ended the session, perhaps with data for the action.
    Ended(Option<String>),
    /// The Worker has sent too many messages in a row that are none.
    Malformed,
}

/// What the person does with their voice.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Person {
    #[default]
    Silent,
    /// They speak. `true`: it is reported.
    Speaking(bool),
}

#[derive(Debug)]
enum Later {
    Said(Said),
    Close(Option<String>),
}

/// From `setup` to the greeting.
const GREETING_MS: u64 = 700;
/// How much of the speech is still played after the close.
const DRAIN_MS: u64 = 1750;
/// How many messages in a row may be refused. The last one closes the socket.
const MAX_REFUSED: u32 = 10;

impl Session {
    /// A session that begins now. `is_bridged`: it hears another leg.
    pub fn new(relay: Relay, faults: CallFaults, is_bridged: bool, now: u64) -> Self {
        let mut speech = Speech::default();
        if !relay.greeting.is_empty() {
            let greeting = Item {
                content: Content::Text(Text::new(&relay.greeting)),
                interruptible: relay.greeting_interruptible,
                preemptible: false,
                open: false,
            };
            speech.greet(greeting, now, GREETING_MS);
        }
        Self {
            relay,
            faults,
            speech,
            audible: false,
            answering: false,
            person: Person::default(),
            utterances: is_bridged.then_some(0),
            is_heard: true,
            later: VecDeque::new(),
            refused: 0,
        }
    }

    /// When time has to pass for the session.
    pub fn next_wake(&self) -> Option<u64> {
        let later = self.later.front().map(|(at, _)| *at);
        self.speech.next_wake().into_iter().chain(later).min()
    }

    /// Other faults are on from now on.
    pub fn set_faults(&mut self, faults: CallFaults) {
        self.faults = faults;
    }

    /// Time has passed.
    pub fn advance(&mut self, now: u64) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.play(now, &mut effects);
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, later)) = self.later.pop_front() else {
                break;
            };
            match later {
                Later::Said(said) => self.hear(&said, &mut effects),
                Later::Close(handoff) => effects.push(Effect::Close(Closing::Ended(handoff))),
            }
        }
        effects
    }

    /// The Worker has sent a frame.
    pub fn receive(&mut self, frame: &str, now: u64) -> Vec<Effect> {
        let mut effects = self.advance(now);
        match frames::read(frame) {
            Ok(message) => {
                self.refused = 0;
                self.obey(message, now, &mut effects);
            }
            Err(reason) => {
                self.refused = self.refused.saturating_add(1);
                effects.push(Effect::Alert(64107, format!("{reason}: {frame:.200}")));
                effects.push(Effect::Send(frames::refused(frame)));
                if self.refused >= MAX_REFUSED {
                    effects.push(Effect::Close(Closing::Malformed));
                }
            }
        }
        effects
    }

    /// The person begins to speak.
    pub fn speak(&mut self, now: u64) -> Vec<Effect> {
        let mut effects = self.advance(now);
        self.begin_to_speak(&mut effects);
        effects
    }

    fn begin_to_speak(&mut self, effects: &mut Vec<Effect>) {
        if self.person != Person::Silent {
            return;
        }
        self.speaking("clientSpeaking", true, effects);
        let reported = self.cut_in(effects);
        self.person = Person::Speaking(reported);
        self.is_heard = reported;
    }

    /// What is being said is cut off, if it can be. Returns whether the person's words are reported.
    fn cut_in(&mut self, effects: &mut Vec<Effect>) -> bool {
        if !self.speech.is_busy() {
            return true;
        }
        if self.speech.interruptible().speech {
            self.barge_in(effects);
            return true;
        }
        self.relay.report.speech
    }

    /// The person has said this.
    pub fn say(&mut self, words: &str, now: u64) -> Vec<Effect> {
        let mut effects = self.speak(now);
        if self.person == Person::Speaking(false) {
            let text =
                "The assistant was speaking and cannot be interrupted: Twilio reports nothing.";
            effects.push(Effect::Show("note", json!({"text": text, "words": words})));
            self.later.push_back((now, Later::Said(Said::Silent)));
        } else {
            let from = self.later.back().map_or(now, |(at, _)| (*at).max(now));
            let said = match &mut self.utterances {
                None => utterance::schedule(words, &self.relay, self.faults, from),
                Some(number) => {
                    let this = std::mem::replace(number, number.saturating_add(1));
                    utterance::recognise(words, &self.relay, self.faults, (this, from))
                }
            };
            let later = said.into_iter().map(|(at, said)| (at, Later::Said(said)));
            self.later.extend(later);
        }
        effects.extend(self.advance(now));
        effects
    }

    /// Twilio hears the person, or no longer does.
    fn hear(&mut self, said: &Said, effects: &mut Vec<Effect>) {
        match said {
            Said::Speaks => self.begin_to_speak(effects),
            Said::Silent => {
                self.person = Person::Silent;
                self.speaking("clientSpeaking", false, effects);
            }
            Said::Prompt { words, last } => self.prompt(words, *last, effects),
            // What the assistant began to say meanwhile is cut off, too.
            Said::Rest { words, last } => {
                if self.is_heard && self.cut_in(effects) {
                    self.prompt(words, *last, effects);
                }
            }
        }
    }

    /// The person has pressed a key.
    pub fn press(&mut self, digit: char, now: u64) -> Vec<Effect> {
        let mut effects = self.advance(now);
        let mut reported = self.relay.dtmf;
        if self.relay.dtmf && self.speech.is_busy() {
            if self.speech.interruptible().dtmf {
                self.barge_in(&mut effects);
            } else {
                reported = self.relay.report.dtmf;
            }
        }
        effects.push(Effect::Show(
            "dtmf",
            json!({"digit": digit, "reported": reported}),
        ));
        if reported {
            effects.push(Effect::Send(frames::dtmf(digit)));
        }
        effects
    }

    /// What is still played after the close, and what is not. A person who has hung up hears nothing.
    pub fn drain(&mut self, now: u64, hung_up: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let rest = if hung_up { 0 } else { DRAIN_MS };
        self.play(now.saturating_add(rest), &mut effects);
        if self.speech.is_busy() {
            let heard = self.speech.interrupt();
            effects.push(Effect::Show("cut", json!({"heard": heard.fragment})));
        }
        effects.retain(|effect| matches!(effect, Effect::Show(..) | Effect::Voice(_)));
        effects
    }

    fn play(&mut self, now: u64, effects: &mut Vec<Effect>) {
        for played in self.speech.advance(now) {
            match played {
                Played::On => self.speaking("agentSpeaking", true, effects),
                Played::Off => self.speaking("agentSpeaking", false, effects),
                Played::Tokens(words) => self.tokens(&words, effects),
                Played::Finished if self.answering => {}
                Played::Finished => effects.push(Effect::Show("finished", json!({}))),
            }
        }
    }

    /// The person interrupts: everything queued is gone.
    fn barge_in(&mut self, effects: &mut Vec<Effect>) {
        let heard = self.speech.interrupt();
        self.answering = false;
        self.tokens(&heard.fragment, effects);
        let (fragment, milliseconds) = (heard.fragment, heard.milliseconds);
        let shown = json!({"heard": fragment, "after_ms": milliseconds});
        effects.push(Effect::Show("interrupted", shown));
        effects.push(Effect::Send(frames::interrupt(&fragment, milliseconds)));
        self.speaking("agentSpeaking", false, effects);
    }

    fn speaking(&mut self, who: &str, on: bool, effects: &mut Vec<Effect>) {
        let event = if who == "agentSpeaking" {
            // A voice that has not begun does not end.
            if self.audible == on {
                return;
            }
            self.audible = on;
            let voice = if on { Voice::Begins } else { Voice::Ends };
            effects.push(Effect::Voice(voice));
            "speaking"
        } else {
            "person"
        };
        effects.push(Effect::Show(event, json!({"on": on})));
        if self.relay.speaker_events && !self.faults.no_info {
            effects.push(Effect::Send(frames::info(who, frames::on_off(on))));
        }
    }

    fn tokens(&self, words: &str, effects: &mut Vec<Effect>) {
        if words.is_empty() {
            return;
        }
        effects.push(Effect::Voice(Voice::Says(words.to_owned())));
        effects.push(Effect::Show("heard", json!({"text": words})));
        if self.relay.tokens_played && !self.faults.no_info {
            effects.push(Effect::Send(frames::info("tokensPlayed", words)));
        }
    }

    fn prompt(&mut self, words: &str, last: bool, effects: &mut Vec<Effect>) {
        effects.push(Effect::Show("prompt", json!({"text": words, "last": last})));
        effects.push(Effect::Send(frames::prompt(
            words,
            &self.relay.language,
            last,
        )));
    }
}

mod obey;
#[cfg(test)]
mod tests;
