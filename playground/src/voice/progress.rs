//! The status callbacks of a call: its progress and its end.
//!
//! Twilio counts them in `SequenceNumber`. As recorded, the first two come in the wrong order.

use super::call::Call;
use super::origin::Origin;
use super::parameters::{progress, status};
use super::post::Kind;
use crate::twilio::calls::{Progress, Status};
use crate::webhook::twiml::twilio_error;

/// The route of the Worker that the numbers of the phones are configured with.
const STATUS: &str = "/twilio/voice/status";
/// From the end of a call to its status callback.
const STATUS_MS: u64 = 500;

impl Call {
    /// A call that the REST API has made has come to this point. Its callback is posted if the request
    /// asked for it.
    pub fn told(&self, event: Progress) {
        let Some(url) = self.callback(event) else {
            return;
        };
        let status = match event {
            Progress::Initiated => Status::Initiated,
            Progress::Ringing => Status::Ringing,
            Progress::Answered | Progress::Completed => Status::InProgress,
        };
        let mut parameters = self.parameters(status);
        parameters.extend(progress(self.sequence_number(event)));
        if event == Progress::Initiated && self.callback(Progress::Ringing).is_some() {
            // It comes after the next one.
            let (clock, late) = (self.clock, self.clock.now().saturating_add(STATUS_MS));
            let posted = self.post(Kind::Status, url, parameters);
            tokio::spawn(async move {
                clock.sleep_until(late).await;
                // A callback that is not answered changes nothing.
                let _ = posted.await;
            });
        } else {
            self.post_later(Kind::Status, url, parameters);
        }
    }

    /// The call is over.
    pub async fn told_of_the_end(&self, over: Status, seconds: u64) {
        let end = self.clock.now().saturating_add(STATUS_MS);
        self.clock.sleep_until(end).await;
        let mut parameters = self.parameters(over);
        let number = self.sequence_number(Progress::Completed);
        parameters.extend(status(seconds, number));
        if let Some(url) = self.callback(Progress::Completed)
            && let Err(reason) = self.post(Kind::Status, url, parameters).await
        {
            self.alert(&twilio_error(11200, &reason));
        }
    }

    /// Where an event is posted to, if anywhere.
    fn callback(&self, event: Progress) -> Option<String> {
        let url = match &self.origin {
            _ if self.faults().silent => None,
            Origin::Made(made) => made
                .status_callback
                .clone()
                .filter(|_| made.events.contains(&event)),
            _ if event != Progress::Completed => None,
            Origin::Phone => Some(self.outgoing.client.public_url(STATUS)),
            Origin::Leg(callee) => Some(callee.status_callback.clone()),
        };
        url.filter(|url| !url.is_empty())
    }

    /// The number of a callback among those that are asked for.
    fn sequence_number(&self, event: Progress) -> usize {
        match &self.origin {
            Origin::Made(made) => {
                let earlier = |other: &&Progress| **other < event;
                made.events.iter().filter(earlier).count()
            }
            Origin::Phone | Origin::Leg(_) => 0,
        }
    }
}
