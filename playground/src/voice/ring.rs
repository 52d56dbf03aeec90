//! How a call begins: who rings, and what happens until somebody answers. And the end that Twilio sets
//! a call that the Worker makes.
//!
//! Not here: creating one (`twilio/calls`), and the callbacks on the way (`progress.rs`).

use std::sync::Arc;

use serde_json::json;

use super::call::{Call, Flow, Source};
use super::origin::Origin;
use super::signal::{Action, Signal};
use crate::phones::call_faults::DialOutcome;
use crate::twilio::calls::{Order, Progress, Status};
use crate::twilio::numbers::Callee;
use crate::webhook::answer::twilio_error;

/// The route of the Worker that the numbers of the phones are configured with.
const VOICE: &str = "/twilio/voice";
/// From the request for a call between two numbers to the call of the second one.
const ROUTED_MS: u64 = 500;

impl Call {
    /// Rings, until the call is answered. Returns its first document.
    ///
    /// # Errors
    /// The status of a call that nobody answers.
    pub async fn begin(&mut self) -> Result<Source, Status> {
        let url = match self.origin.clone() {
            Origin::Phone => {
                self.ringing();
                self.outgoing.client.public_url(VOICE)
            }
            Origin::Leg(callee) => {
                match self.pause(ROUTED_MS).await {
                    Flow::Over(over) => return Err(over),
                    Flow::Document(source) => return Ok(source),
                    Flow::Next => {}
                }
                self.ringing();
                callee.voice_url
            }
            Origin::Made(made) => {
                let is_blank = |callee: &Callee| callee.voice_url.is_empty();
                if made.callee.as_ref().is_some_and(is_blank) {
                    let reason = format!("{} has no VoiceUrl", made.to);
                    self.alert(&twilio_error(11100, &reason));
                    self.told(&[Progress::Initiated]);
                    return Err(Status::Failed);
                }
                if self.faults().dial == DialOutcome::Busy {
                    // It does not ring.
                    self.told(&[Progress::Initiated]);
                    return Err(Status::Busy);
                }
                self.ringing();
                self.told(&[Progress::Ringing, Progress::Initiated]);
                self.pick_up(made.timeout).await?;
                made.url
            }
        };
        Ok(Source::Url(url, Vec::new()))
    }

    fn ringing(&self) {
        let direction = self.log.direction.name();
        self.log.show("ringing", json!({"direction": direction}));
    }

    /// The phone rings, until the person or the other leg answers.
    async fn pick_up(&mut self, timeout: u64) -> Result<(), Status> {
        let can_answer = self.faults().dial == DialOutcome::Answered;
        let end = self
            .clock
            .now()
            .saturating_add(timeout.saturating_mul(1000));
        loop {
            tokio::select! {
                biased;
                signal = self.signals.recv() => match signal {
                    Some(Signal::Person(Action::Answer)) if can_answer => {
                        self.answer();
                        return Ok(());
                    }
                    // Who declines sounds busy.
                    Some(Signal::Person(Action::HangUp)) => return Err(Status::Busy),
                    Some(Signal::Order(Order::Complete)) => return Err(Status::Canceled),
                    None => return Err(Status::NoAnswer),
                    Some(_) => {}
                },
                () = self.clock.sleep_until(end) => return Err(Status::NoAnswer),
            }
        }
    }

    /// Twilio ends the call when its time is over.
    pub fn limit(&self) {
        let Origin::Made(made) = &self.origin else {
            return;
        };
        let Some(limit) = made.time_limit else { return };
        let (list, sid, clock) = (Arc::clone(&self.list), self.log.sid.clone(), self.clock);
        let end = clock.now().saturating_add(limit.saturating_mul(1000));
        tokio::spawn(async move {
            clock.sleep_until(end).await;
            list.order(&sid, Order::Complete);
        });
    }
}
