//! One leg of a call, as the other side hears it. What it says is on the tape of the call. If the other
//! side is a leg, too, that leg hears it as if a person had said it, and is hung up on by it.
//!
//! Not here: how long speech recognition takes (`utterance.rs`).

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedSender;

use super::signal::{Action, Signal};
use super::tape::Tape;
use crate::twilio::recordings::Spoken;

/// What the voice of a leg does.
#[derive(Debug, PartialEq, Eq)]
pub enum Voice {
    /// It begins.
    Begins,
    /// It has said this.
    Says(String),
    /// It is silent.
    Ends,
}

/// One leg of a call.
pub struct Leg {
    /// The other one. `None`: there is a person.
    other: Option<UnboundedSender<Signal>>,
    /// What is said in the call.
    pub tape: Arc<Tape>,
    /// The channel of its voice in a recording.
    channel: u8,
    /// What it has said since its voice began, and when that was.
    saying: Option<(u64, Vec<String>)>,
}

/// The channels of a recording. That the called leg has the first one was measured by others; Twilio's
/// description of its API says the opposite.
const CALLED: u8 = 1;
const CALLING: u8 = 2;

impl Leg {
    /// A leg that talks to a person.
    pub fn alone() -> Self {
        Self::new(None, Arc::default(), CALLING)
    }

    /// The leg that calls, and the one that is called, from what each of them gets its signals by.
    pub fn pair(calling: UnboundedSender<Signal>, called: UnboundedSender<Signal>) -> (Self, Self) {
        let tape = Arc::<Tape>::default();
        (
            Self::new(Some(called), Arc::clone(&tape), CALLING),
            Self::new(Some(calling), tape, CALLED),
        )
    }

    fn new(other: Option<UnboundedSender<Signal>>, tape: Arc<Tape>, channel: u8) -> Self {
        Self {
            other,
            tape,
            channel,
            saying: None,
        }
    }

    /// Whether the other side is a leg, too.
    pub fn is_bridged(&self) -> bool {
        self.other.is_some()
    }

    /// Its voice does this.
    pub fn voice(&mut self, voice: Voice, now: u64) {
        match voice {
            Voice::Begins => {
                self.saying = Some((now, Vec::new()));
                self.tell(Action::Speak);
            }
            Voice::Says(words) => {
                if let Some((_, said)) = &mut self.saying {
                    said.push(words);
                }
            }
            Voice::Ends => {
                let Some((began, said)) = self.saying.take() else {
                    return;
                };
                let text = said.join(" ");
                self.tape.add(Spoken {
                    channel: self.channel,
                    text: text.clone(),
                    began,
                    ended: now,
                });
                self.tell(Action::Say { text });
            }
        }
    }

    /// The other side has said this, which took so many milliseconds. If it is a leg, it is on the tape
    /// already.
    pub fn heard(&self, text: &str, took: u64, now: u64) {
        if !self.is_bridged() {
            self.tape.add(Spoken {
                channel: if self.channel == CALLED {
                    CALLING
                } else {
                    CALLED
                },
                text: text.to_owned(),
                began: now.saturating_sub(took),
                ended: now,
            });
        }
    }

    /// It is answered.
    pub fn answers(&self) {
        self.tell(Action::Answer);
    }

    /// It is over.
    pub fn hangs_up(&mut self, now: u64) {
        self.voice(Voice::Ends, now);
        self.tell(Action::HangUp);
    }

    fn tell(&self, action: Action) {
        if let Some(other) = &self.other {
            // The other one may be over.
            let _ = other.send(Signal::Person(action));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn the_other_leg_hears_what_a_leg_has_said_once_it_is_silent() {
        let (to_calling, _calling) = unbounded_channel();
        let (to_called, mut called) = unbounded_channel();
        let (mut leg, _) = Leg::pair(to_calling, to_called);
        leg.voice(Voice::Begins, 100);
        leg.voice(Voice::Says("Hello,".to_owned()), 900);
        leg.voice(Voice::Says("who is it?".to_owned()), 1800);
        let next = |called: &mut tokio::sync::mpsc::UnboundedReceiver<_>| match called.try_recv() {
            Ok(Signal::Person(action)) => Some(action),
            _ => None,
        };
        assert_eq!(next(&mut called), Some(Action::Speak));
        assert_eq!(next(&mut called), None, "it has not ended");
        leg.voice(Voice::Ends, 1800);
        let text = "Hello, who is it?".to_owned();
        assert_eq!(next(&mut called), Some(Action::Say { text }));
        leg.voice(Voice::Ends, 1900);
        assert_eq!(next(&mut called), None, "silence ends nothing");
        leg.hangs_up(2000);
        assert_eq!(next(&mut called), Some(Action::HangUp));
    }
}
