//! The sockets of both legs, and what Twilio tells over them.
//!
//! A leg that does not have the floor changes nothing but what it has recognised. Not here: who speaks
//! (`state::call`).

use super::super::{Inner, RunPlatform, Runner, state::Call};
use crate::{
    event::CallFault,
    object::StepHost,
    platform::{PlatformError, close_code},
    synthetic::plan::Leg,
    twilio::voice::{
        relay::{Frame, Info},
        relay_url::RelaySecret,
    },
};

impl<P: RunPlatform> Runner<P> {
    /// Opens the socket of a leg. Returns whether the secret is right.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn connect(&self, leg: Leg, secret: &RelaySecret) -> Result<bool, PlatformError> {
        let connected = self
            .0
            .step(|state, now| state.change(|run| run.connect(leg, secret, now)));
        Ok(connected.await?.unwrap_or(false))
    }

    /// A frame has come over the socket of that number. Errors are logged: nobody could be told.
    pub async fn frame(&self, socket: u32, text: &str) {
        let inner = &self.0;
        let now = inner.platform.now();
        let opened = match inner.inbox.receive(socket, text, now) {
            Ok(Some(opened)) => opened,
            Ok(None) => return,
            Err(fault @ CallFault::TooManyFrames) => {
                if let Some(leg) = leg_of(socket) {
                    let refused = inner.refuse(leg, fault).await;
                    inner.logged(refused);
                }
                return;
            }
            Err(fault) => return inner.log_fault(fault).await,
        };
        while let Some((socket, frame)) = opened.next_frame() {
            if let Some(leg) = leg_of(socket) {
                let handled = inner.handle(leg, frame).await;
                inner.logged(handled);
            }
        }
    }

    /// The socket of that number was closed.
    pub async fn closed(&self, socket: u32) {
        if let Some(leg) = leg_of(socket) {
            let closed = self.0.socket_closed(leg).await.map(drop);
            self.0.logged(closed);
        }
    }
}

impl<P: RunPlatform> Inner<P> {
    async fn handle(&self, leg: Leg, frame: Frame) -> Result<(), PlatformError> {
        if let Frame::Setup { call, .. } = &frame {
            let set_up = self.step(|state, now| state.change(|run| run.set_up(leg, call, now)));
            return if set_up.await?.unwrap_or(false) {
                Ok(())
            } else {
                self.refuse(leg, CallFault::WrongSetUp).await
            };
        }
        // Frames before the first one, or of a leg that has ended, say nothing.
        let talks = self.read(|state, _| {
            let call = state.run().and_then(|run| run.call.as_ref());
            call.is_some_and(|call| call.talks_on(leg))
        });
        if !talks.await? {
            return Ok(());
        }
        match frame {
            Frame::Prompt {
                text, last: true, ..
            } => {
                let words = text.trim();
                self.change(|run, _| run.heard(leg, words)).await
            }
            Frame::Info(Info::AgentSpeaking(speaks)) => {
                self.change(|run, now| run.speaking(leg, speaks, now)).await
            }
            Frame::Info(Info::TokensPlayed(words)) => self.played(leg, &words).await,
            Frame::Error { .. } => {
                self.log_fault(CallFault::TwilioError).await;
                Ok(())
            }
            Frame::Prompt { .. }
            | Frame::Info(_)
            | Frame::Interrupt { .. }
            | Frame::Digit(_)
            | Frame::Setup { .. }
            | Frame::Other => Ok(()),
        }
    }

    /// Words were played. When they are all of the line, the floor passes.
    async fn played(&self, leg: Leg, words: &str) -> Result<(), PlatformError> {
        let line = self.read(|state, _| {
            let run = state.run()?;
            let speaks = run.call.as_ref().and_then(Call::speaks);
            let line = run.lines.last().filter(|_| speaks == Some(leg))?;
            Some((line.n, self.spoken_words(run, line.speaker, &line.text)))
        });
        let Some((n, all)) = line.await? else {
            return Ok(());
        };
        let played = self.played.get().with(n, words);
        self.played.set(played);
        if !played.is_all_of(&all) {
            return Ok(());
        }
        self.change(|run, now| run.played(leg, now)).await
    }

    async fn socket_closed(&self, leg: Leg) -> Result<bool, PlatformError> {
        let mut was_open = false;
        self.end_by(|run, now| was_open = run.socket_closed(leg, now))
            .await?;
        Ok(was_open)
    }

    /// Closes a socket that breaks the rules.
    async fn refuse(&self, leg: Leg, fault: CallFault) -> Result<(), PlatformError> {
        if self.socket_closed(leg).await? {
            self.log_fault(fault).await;
            self.platform
                .close(leg.socket(), close_code::POLICY_VIOLATION, "not allowed");
        }
        Ok(())
    }
}

/// The leg of a socket.
fn leg_of(socket: u32) -> Option<Leg> {
    Leg::ALL.into_iter().find(|leg| leg.socket() == socket)
}
