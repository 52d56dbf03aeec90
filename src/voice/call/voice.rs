//! The voice of one turn: what the model writes becomes words that the caller hears.
//!
//! Over a socket, words go out as they come. Without one they are collected, and the next document says them all. Not
//! here: what is asked (`answer`), and fixed sentences (`ending`).

use std::{cell::RefCell, future::pending};

use super::{CallPlatform, Inner, floor::Generation};
use crate::{
    conversation::model_run::Listener,
    twilio::voice::relay::Out,
    voice::{speakable::Speakable, state::Line},
};

/// The fillers of one turn.
const MAX_FILLERS: u32 = 2;
/// How much longer the wait before the next filler is.
const LATER_FILLER: u32 = 3;

/// The voice of one turn.
pub(super) struct Voice<'i, P> {
    pub(super) inner: &'i Inner<P>,
    pub(super) line: Line,
    pub(super) generation: Generation,
    pub(super) speakable: RefCell<Speakable>,
}

impl<P: CallPlatform> Voice<'_, P> {
    /// Sends words to be spoken, unless the turn was broken off.
    fn speak(&self, token: &str, last: bool) {
        let now = self.inner.platform.now();
        {
            let mut floor = self.inner.floor.borrow_mut();
            let Some(run) = floor.run(self.generation) else {
                return;
            };
            run.said.push_str(token);
            run.last_word = now;
            run.is_closed |= last;
            if !token.trim().is_empty() {
                match self.line {
                    Line::Socket(_) => *run.first_word.get_or_insert(now),
                    // The first word goes out with the last one.
                    Line::Document => *run.first_word.insert(now),
                };
            }
        }
        let out = Out::Words {
            token,
            last,
            interruptible: None,
            preemptible: false,
        };
        self.inner.send(self.line, &out);
    }

    /// The model has said all, or has failed. Then what was held back is half of something, and not said. Only an answer
    /// that has words is closed.
    pub(super) fn end(&self, is_whole: bool) {
        let held = self.speakable.borrow_mut().finish();
        let rest = if is_whole { held } else { String::new() };
        let has_spoken = {
            let mut floor = self.inner.floor.borrow_mut();
            floor
                .run(self.generation)
                .is_some_and(|run| run.first_word.is_some())
        };
        if has_spoken || !rest.trim().is_empty() {
            self.speak(&rest, true);
        }
    }

    /// Asks the caller to wait, each time nothing was said for a while. Without a socket, the requests of Twilio that
    /// wait do so.
    pub(super) async fn fill(&self, filler: &str) {
        if self.line == Line::Document {
            return pending().await;
        }
        let mut wait = self.inner.config.voice_first_token;
        let mut fillers = 0;
        while fillers < MAX_FILLERS {
            let now = self.inner.platform.now();
            let last_word = {
                let mut floor = self.inner.floor.borrow_mut();
                floor.run(self.generation).map(|run| run.last_word)
            };
            let Some(last_word) = last_word else { break };
            let silent = now.since(last_word);
            if silent < wait {
                self.inner.platform.sleep(wait.saturating_sub(silent)).await;
                continue;
            }
            {
                let mut floor = self.inner.floor.borrow_mut();
                floor.says_other(filler);
                if let Some(run) = floor.run(self.generation) {
                    run.last_word = now;
                }
            }
            let out = Out::Words {
                token: filler,
                last: true,
                interruptible: None,
                preemptible: true,
            };
            self.inner.send(self.line, &out);
            fillers = fillers.saturating_add(1);
            wait = wait.saturating_mul(LATER_FILLER);
        }
        pending::<()>().await;
    }
}

impl<P: CallPlatform> Listener for Voice<'_, P> {
    fn words(&self, text: &str) {
        let words = self.speakable.borrow_mut().push(text);
        if !words.is_empty() {
            self.speak(&words, false);
        }
    }

    fn calls_tools(&self) {
        // What was said before the call is a sentence of its own.
        let rest = self.speakable.borrow_mut().finish();
        if !rest.is_empty() {
            self.speak(&rest, false);
        }
    }
}
