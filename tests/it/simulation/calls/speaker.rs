//! Twilio's voice: words are spoken one after the other, it tells of them, and the caller may cut in.
//!
//! An interruption drops everything that was not spoken yet. A filler is cut off by the words after it. Not here: the
//! socket (`relay`).

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use serde_json::json;

use super::{frames::Meaning, life::is_fixed, records::model_words, relay::Session};
use crate::simulation::{executor::OUTSIDE, state::Simulation};

/// What is to be spoken.
#[derive(Default)]
pub struct Speaker {
    queue: RefCell<VecDeque<Word>>,
    /// Whether the last frame said that the answer is complete.
    is_complete: Cell<bool>,
    /// Whether what was said last is a filler.
    ends_with_filler: Cell<bool>,
    /// Whether the caller hears something.
    speaks: Cell<bool>,
    /// Whether something is or will be spoken.
    is_busy: Cell<bool>,
    /// How often everything was dropped.
    purges: Cell<u64>,
}

/// A frame with words.
pub struct Token {
    pub text: String,
    pub is_last: bool,
    pub is_interruptible: bool,
    pub is_preemptible: bool,
}

struct Word {
    text: String,
    /// Whether the model has said it.
    is_of_answer: bool,
    is_interruptible: bool,
    is_preemptible: bool,
}

impl Speaker {
    pub fn is_busy(&self) -> bool {
        self.is_busy.get()
    }

    pub fn purge(&self) {
        self.queue.borrow_mut().clear();
        self.purges.set(self.purges.get() + 1);
        self.speaks.set(false);
        self.is_busy.set(false);
    }
}

impl Simulation {
    /// Words of the object have come.
    pub(super) fn speak(self: &Rc<Self>, session: &Rc<Session>, token: Token) {
        let speaker = &session.speaker;
        let mut queue = speaker.queue.borrow_mut();
        if queue.iter().any(|word| word.is_preemptible) {
            self.count("fillers that were cut off");
            queue.retain(|word| !word.is_preemptible);
        }
        // A clause ends with its answer, and at a filler.
        let was_filler = speaker.ends_with_filler.replace(token.is_preemptible);
        let begin = (was_filler || token.is_preemptible).then_some("");
        let end = token.is_last.then_some("");
        let words = token.text.split_inclusive(' ');
        let words = begin.into_iter().chain(words).chain(end);
        let is_of_answer = !is_fixed(&token.text);
        queue.extend(words.map(|text| Word {
            text: text.to_owned(),
            is_of_answer,
            is_interruptible: token.is_interruptible,
            is_preemptible: token.is_preemptible,
        }));
        drop(queue);
        speaker.is_complete.set(token.is_last);
        if !speaker.is_busy.replace(true) {
            let (sim, session) = (Rc::clone(self), Rc::clone(session));
            self.executor.spawn(OUTSIDE, async move {
                sim.sleep(sim.random.between(300, 350)).await;
                sim.play(&session).await;
            });
        }
    }

    async fn play(self: &Rc<Self>, session: &Rc<Session>) {
        let (speaker, purges) = (&session.speaker, session.speaker.purges.get());
        let (mut clause, mut waited) = (String::new(), 0);
        loop {
            if speaker.purges.get() != purges {
                return;
            }
            let next = speaker.queue.borrow_mut().pop_front();
            let Some(word) = next else {
                self.tell_played(session, &std::mem::take(&mut clause));
                let stops = speaker.is_complete.get() || self.calls.plan.stops_between;
                if stops || waited > 200 {
                    if speaker.speaks.replace(false) {
                        self.tell_info(session, "agentSpeaking", "off");
                    }
                    speaker.is_busy.set(false);
                    return;
                }
                waited += 1;
                self.sleep(50).await;
                continue;
            };
            waited = 0;
            if word.text.is_empty() {
                self.tell_played(session, &std::mem::take(&mut clause));
                continue;
            }
            if !speaker.speaks.replace(true) {
                self.tell_info(session, "agentSpeaking", "on");
            }
            self.sleep(self.calls.plan.word).await;
            if speaker.purges.get() != purges {
                return;
            }
            if word.is_of_answer {
                self.calls
                    .with(&session.name, |call| call.played.push_str(&word.text));
            }
            clause.push_str(&word.text);
            if word
                .text
                .trim_end()
                .ends_with([',', '.', ';', ':', '?', '!'])
            {
                self.tell_played(session, &std::mem::take(&mut clause));
            }
            if word.is_interruptible && self.random.chance(self.calls.plan.cuts_in) {
                return self.cut_in(session, &clause);
            }
        }
    }

    /// The caller cuts in when so much of a clause was spoken.
    fn cut_in(self: &Rc<Self>, session: &Rc<Session>, fragment: &str) {
        self.count("callers who cut in");
        self.tell_info(session, "clientSpeaking", "on");
        let untold = self.fault(
            self.calls.plan.says_nothing_heard,
            "interruptions of which nothing was told",
        );
        let fragment = if untold { "" } else { fragment };
        self.tell_played(session, fragment);
        let interrupt = json!({
            "type": "interrupt",
            "utteranceUntilInterrupt": fragment,
            "durationUntilInterruptMs": self.random.between(1, 9000),
        });
        let heard = self
            .calls
            .with(&session.name, |call| model_words(&call.played));
        self.tell(session, &interrupt, Meaning::Interrupt(heard));
        session.speaker.purge();
        self.tell_info(session, "agentSpeaking", "off");
        session.has_cut_in.set(true);
    }

    fn tell_played(self: &Rc<Self>, session: &Rc<Session>, words: &str) {
        if !words.is_empty() {
            let info = json!({ "type": "info", "name": "tokensPlayed", "value": words });
            self.tell(session, &info, Meaning::Played);
        }
    }

    pub(super) fn tell_info(self: &Rc<Self>, session: &Rc<Session>, name: &str, value: &str) {
        let info = json!({ "type": "info", "name": name, "value": value });
        self.tell(session, &info, Meaning::Nothing);
    }
}
