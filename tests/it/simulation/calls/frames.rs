//! Frames at the call's object: they come over a socket, are handled in order, and say something about what may follow.
//!
//! Not here: how they get there (`relay`).

use std::{collections::BTreeSet, rc::Rc};

use super::{
    mutants,
    records::{Record, Told, caller_words, model_words},
};
use crate::simulation::{executor::OUTSIDE, objects::Engine, state::Simulation};

/// A frame, and its meaning for the invariants.
#[derive(Clone)]
pub struct Frame {
    pub text: String,
    pub meaning: Meaning,
}

#[derive(Clone)]
pub enum Meaning {
    Nothing,
    /// Twilio has played something.
    Played,
    /// The first frame of a session.
    SetUp,
    /// The caller has said this.
    Words(String),
    /// The caller has pressed a key.
    Key,
    /// The caller has cut in. Twilio had played these words, if that is known.
    Interrupt(Option<BTreeSet<String>>),
}

impl Simulation {
    /// A frame has come over the socket of a session.
    pub(super) fn frame_arrives(self: &Rc<Self>, name: &str, session: u32, frame: Frame) {
        let incarnation = self.incarnation(name);
        let Engine::Call(phone) = incarnation.engine else {
            return;
        };
        let current = self.calls.with(name, |call| {
            call.in_flight += 1;
            let told = call.told(session, frame.meaning);
            call.pending.extend(told);
            call.session
        });
        let Some((session, text)) =
            mutants::frame(self, session, current.unwrap_or_default(), frame.text)
        else {
            return self.handled(name);
        };
        self.trace(|| format!("{name:.6} frame of session {session}: {text:.90}"));
        mutants::let_a_word_through(self, name, session, &text);
        let (sim, name, alive) = (Rc::clone(self), name.to_owned(), incarnation.alive);
        self.executor.spawn(incarnation.number, async move {
            phone.frame(session, &text).await;
            if alive.get() {
                sim.handled(&name);
            }
        });
    }

    /// The object is told that the socket of a session was closed.
    pub(super) fn socket_closed(self: &Rc<Self>, name: &str, session: u32) {
        let incarnation = self.incarnation(name);
        let Engine::Call(phone) = incarnation.engine else {
            return;
        };
        self.trace(|| format!("{name:.6} session {session} is closed"));
        self.calls.with(name, |call| call.owed = None);
        self.executor.spawn(incarnation.number, async move {
            phone.closed(session).await;
        });
    }

    /// A frame was handled. Once none is left, all that they told holds.
    fn handled(self: &Rc<Self>, name: &str) {
        let owed = self.calls.with(name, |call| {
            call.in_flight = call.in_flight.saturating_sub(1);
            if call.in_flight > 0 {
                return None;
            }
            for told in std::mem::take(&mut call.pending) {
                call.apply(told);
            }
            call.owed.filter(|owed| *owed == call.owed_count)
        });
        let Some(owed) = owed.flatten() else { return };
        let session = self.calls.with(name, |call| call.session);
        let session = session.and_then(|session| self.calls.session(name, session));
        if session.is_none_or(|session| !session.is_open.get()) {
            // Nobody is there any more to hear an answer.
            self.calls.with(name, |call| call.owed = None);
        } else {
            let (sim, name) = (Rc::clone(self), name.to_owned());
            self.executor.spawn(OUTSIDE, async move {
                sim.must_hear_something(&name, owed).await;
            });
        }
    }
}

impl Record {
    /// What a frame tells once it is handled.
    fn told(&mut self, session: u32, meaning: Meaning) -> Option<Told> {
        let (is_current, turns) = (session == self.session, self.turns.len());
        match meaning {
            Meaning::Nothing => None,
            Meaning::Played => {
                self.knows_played |= is_current && self.is_set_up;
                None
            }
            Meaning::Key => is_current.then_some(Told::Key),
            Meaning::SetUp => {
                if is_current && !self.is_set_up && self.knows_played {
                    // What the sockets before were to play is lost.
                    let heard = model_words(&self.played);
                    self.rest_is_dropped(turns, Some(&heard));
                } else if is_current && !self.is_set_up {
                    self.floor_is_forgotten();
                }
                is_current.then_some(Told::SetUp { session, turns })
            }
            Meaning::Words(text) if text.trim().is_empty() => None,
            Meaning::Words(text) => {
                let words = caller_words(&text);
                let is_new = words.iter().all(|word| !self.said.contains_key(word));
                for word in words {
                    *self.said.entry(word).or_default() |= is_current;
                }
                let is_heard = is_new && self.is_set_up && !self.is_closing;
                is_current.then_some(if is_heard {
                    Told::Words { turns }
                } else {
                    Told::Perhaps
                })
            }
            Meaning::Interrupt(heard) => {
                (is_current && self.is_set_up).then_some(Told::Interrupt { turns, heard })
            }
        }
    }

    fn apply(&mut self, told: Told) {
        self.breaks += 1;
        match told {
            Told::Perhaps | Told::Key => {}
            Told::SetUp { session, turns } => {
                if session == self.session && !self.is_set_up {
                    self.is_set_up = true;
                    self.silent_before = self.silent_before.max(turns);
                }
            }
            Told::Words { turns } => {
                self.silent_before = self.silent_before.max(turns);
                if !self.is_closing && !self.has_ended_session {
                    self.owed_count += 1;
                    self.owed = Some(self.owed_count);
                }
            }
            Told::Interrupt { turns, heard } => {
                self.has_open_words = false;
                self.silent_before = self.silent_before.max(turns);
                self.owed = None;
                self.rest_is_dropped(turns, heard.as_ref());
            }
        }
    }

    /// All that was still to be played of these turns is dropped, whichever of them has said it.
    fn rest_is_dropped(&mut self, turns: usize, heard: Option<&BTreeSet<String>>) {
        // An object that was told nothing yet knows of the newest turn alone.
        let first = if self.knows_played {
            0
        } else {
            turns.saturating_sub(1)
        };
        let mut turns = self.turns.iter_mut().take(turns);
        let unknown = turns.by_ref().take(first);
        unknown.for_each(|turn| turn.is_lost = true);
        for turn in turns.filter(|turn| !turn.is_lost && turn.heard.is_none()) {
            turn.heard = heard.cloned();
        }
    }
}
