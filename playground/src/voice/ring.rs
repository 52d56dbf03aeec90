//! A call that the Worker makes, until its phone is answered, and the end that Twilio sets it.
//!
//! Not here: creating it (`twilio/calls`).

use std::sync::Arc;

use super::call::Call;
use super::signal::{Action, Signal};
use crate::phones::call_faults::DialOutcome;
use crate::twilio::calls::{Order, Status};

impl Call {
    /// The phone rings, until the person answers. `Some`: they do not.
    pub async fn pick_up(&mut self, timeout: u64) -> Option<Status> {
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
                        return None;
                    }
                    // Who declines sounds busy.
                    Some(Signal::Person(Action::HangUp)) => return Some(Status::Busy),
                    Some(Signal::Order(Order::Complete)) => return Some(Status::Canceled),
                    None => return Some(Status::NoAnswer),
                    Some(_) => {}
                },
                () = self.clock.sleep_until(end) => return Some(Status::NoAnswer),
            }
        }
    }

    /// Twilio ends the call when its time is over.
    pub fn limit(&self) {
        let limit = self.made.as_ref().and_then(|made| made.time_limit);
        let Some(limit) = limit else { return };
        let (list, sid, clock) = (Arc::clone(&self.list), self.log.sid.clone(), self.clock);
        let end = clock.now().saturating_add(limit.saturating_mul(1000));
        tokio::spawn(async move {
            clock.sleep_until(end).await;
            list.order(&sid, Order::Complete);
        });
    }
}
