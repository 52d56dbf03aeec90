//! The frames of a call: what Twilio tells over the socket, in its order.
//!
//! A frame that comes while an earlier one is handled waits. A turn runs beside the frames, so that an interruption is
//! heard at once. Not here: the answer of a turn (`answer`).

use std::rc::Rc;

use super::{
    CallPlatform, Inner,
    floor::{BrokenOff, Run},
};
use crate::{
    event::CallFault,
    object::StepHost,
    platform::{PlatformError, close_code},
    twilio::voice::relay::{Frame, Info},
    voice::state::{Line, SetUp, TurnDone, Unheard, heard_of, joined},
};

impl<P: CallPlatform> Inner<P> {
    /// Receives a frame, and handles all that wait unless somebody else does.
    pub(super) async fn receive(self: &Rc<Self>, session: u32, text: &str) {
        let opened = match self.inbox.receive(session, text, self.platform.now()) {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(fault @ CallFault::TooManyFrames) => return self.refuse(session, fault).await,
            Err(fault) => return self.log_fault(fault),
        };
        while let Some((session, frame)) = opened.next_frame() {
            let handled = self.handle(session, frame).await;
            self.logged(handled);
        }
    }

    async fn handle(self: &Rc<Self>, session: u32, frame: Frame) -> Result<(), PlatformError> {
        if let Frame::Setup { call, .. } = &frame {
            return match self.step(|state, _| state.set_up(session, call)).await? {
                SetUp::Begun(first) => self.begin(first).await,
                SetUp::Refused => {
                    self.refuse(session, CallFault::WrongSetUp).await;
                    Ok(())
                }
            };
        }
        // Frames of an old socket, or before the first one, say nothing.
        let live = match self.read(|state, _| state.live_session()).await {
            Ok(live) => live,
            Err(error) => {
                // What the frame says is lost, but nobody is talked over.
                let breaks_off = matches!(
                    frame,
                    Frame::Prompt { last: true, .. } | Frame::Interrupt { .. }
                );
                if breaks_off {
                    self.floor.borrow_mut().stop_speaking_to(session);
                }
                return Err(error);
            }
        };
        if live != Some(session) {
            return Ok(());
        }
        match frame {
            Frame::Prompt {
                text, last: true, ..
            } => self.hear(session, text.trim()).await,
            Frame::Prompt { .. } => {
                self.floor.borrow_mut().caller_speaks = true;
                Ok(())
            }
            Frame::Interrupt { heard, .. } => self.interrupt(&heard).await,
            Frame::Info(info) => self.note(info).await,
            Frame::Error { .. } => {
                self.log_fault(CallFault::TwilioError);
                Ok(())
            }
            Frame::Digit(digit) => self.press(digit).await,
            Frame::Setup { .. } | Frame::Other => Ok(()),
        }
    }

    /// The caller has said something.
    async fn hear(self: &Rc<Self>, session: u32, text: &str) -> Result<(), PlatformError> {
        self.floor.borrow_mut().caller_speaks = false;
        let now = self.platform.now();
        if text.is_empty() || self.floor.borrow_mut().is_repeated(text, now) {
            return Ok(());
        }
        // At once: while storage is slow, no word of it may go out.
        let broken_off = self.floor.borrow_mut().stop();
        let heard = self.step(|state, _| {
            state.drop_entry();
            state.talk().map(|talk| (talk.unanswered, state.closing()))
        });
        let Some((unanswered, closing)) = heard.await? else {
            return Ok(());
        };
        if closing.is_some() {
            return Ok(());
        }
        let mut words = unanswered;
        if let Some(run) = broken_off {
            if run.said.is_empty() {
                // The caller goes on before a word of the answer was said: one turn answers both.
                words = run.words;
            } else {
                if run.is_open() {
                    self.close_answer(Line::Socket(session));
                }
                self.cut_turn(&run, &run.said, &[]).await?;
                words.clear();
            }
        }
        self.begin_turn(joined(&words, text));
        Ok(())
    }

    /// The caller has cut in. Twilio has dropped everything that was still to be said.
    async fn interrupt(self: &Rc<Self>, fragment: &str) -> Result<(), PlatformError> {
        let broken_off = self.floor.borrow_mut().break_off(fragment);
        let BrokenOff {
            run,
            was_playing,
            played,
            fragment,
            older,
        } = broken_off;
        if let Some(run) = run {
            return self
                .cut_turn(&run, heard_of(&run.said, &played, fragment), &older)
                .await;
        }
        let closing = self.step(|state, now| {
            state.cut_in(&played, fragment, was_playing, now, &self.config);
            state.keep_heard_of(&older);
            state.closing().is_some()
        });
        if closing.await? {
            // Who cuts a goodbye off has heard enough of it.
            self.end_session().await?;
        }
        Ok(())
    }

    /// The socket of a session is closed.
    pub(super) async fn lose(&self, session: u32) -> Result<(), PlatformError> {
        if self.step(|state, now| state.lose(session, now)).await? {
            self.leave().await?;
        }
        Ok(())
    }

    /// Nobody hears what is said over the socket any more. An answer counts as far as it was played.
    pub(super) async fn leave(&self) -> Result<(), PlatformError> {
        let BrokenOff {
            run,
            was_playing,
            played,
            older,
            ..
        } = self.floor.borrow_mut().lose_socket();
        if let Some(run) = run {
            let heard = heard_of(&run.said, &played, "");
            return self.cut_turn(&run, heard, &older).await;
        }
        if !was_playing && older.is_empty() {
            return Ok(());
        }
        self.step(|state, _| state.lose_rest(&played, was_playing, &older))
            .await
    }

    /// A turn was broken off when so much of its answer had been heard, and of those before it.
    async fn cut_turn(
        &self,
        run: &Run,
        heard: &str,
        older: &[Unheard],
    ) -> Result<(), PlatformError> {
        let first_words = run.first_words();
        self.log_turn_cut(first_words);
        let done = TurnDone {
            words: &run.words,
            heard,
            cut: true,
            failed: false,
            twilio_tells: self.floor.borrow().tells,
            first_words,
            run: None,
        };
        let ended = self.step(|state, now| {
            state.end_turn(&done, now, &self.config);
            state.keep_heard_of(older);
        });
        ended.await
    }

    async fn note(self: &Rc<Self>, info: Info) -> Result<(), PlatformError> {
        let stopped = {
            let mut floor = self.floor.borrow_mut();
            match info {
                Info::AgentSpeaking(speaks) => {
                    let stopped = !speaks && floor.played_since_closing;
                    if speaks {
                        floor.begins_to_speak();
                    } else {
                        floor.falls_silent();
                    }
                    floor.played_since_closing |= speaks;
                    stopped
                }
                Info::TokensPlayed(words) => {
                    floor.played_since_closing = true;
                    floor.plays(&words);
                    false
                }
                Info::ClientSpeaking(speaks) => {
                    floor.caller_speaks = speaks;
                    false
                }
                Info::RoundTrip(_) | Info::Other => false,
            }
        };
        if stopped {
            self.end_session().await?;
        }
        Ok(())
    }

    /// Closes a socket that breaks the rules.
    pub(super) async fn refuse(&self, session: u32, fault: CallFault) {
        match self.step(|state, now| state.lose(session, now)).await {
            Ok(true) => {
                self.log_fault(fault);
                self.platform
                    .close(session, close_code::POLICY_VIOLATION, "not allowed");
                self.logged(self.leave().await);
            }
            Ok(false) => {}
            Err(error) => self.logged(Err(error)),
        }
    }
}
