//! The status callbacks of a call: its progress and its end.
//!
//! Twilio counts them in `SequenceNumber`. As recorded, the first two come in the wrong order.

use std::sync::Arc;

use super::call::Call;
use super::origin::Origin;
use super::parameters::{progress, status};
use super::post::Kind;
use crate::twilio::calls::{Progress, Status};
use crate::webhook::answer::twilio_error;

/// The route of the Worker that the numbers of the phones are configured with.
const STATUS: &str = "/twilio/voice/status";
/// From the end of a call to its status callback.
const STATUS_MS: u64 = 500;

impl Call {
    /// A call that the REST API has made has come to these points. Their callbacks are posted one after
    /// the other, if the request asked for them.
    pub fn told(&self, events: &[Progress]) {
        let posts: Vec<_> = events
            .iter()
            .filter_map(|event| {
                let mut parameters = self.parameters(match event {
                    Progress::Initiated => Status::Initiated,
                    Progress::Ringing => Status::Ringing,
                    Progress::Answered | Progress::Completed => Status::InProgress,
                });
                parameters.extend(progress(self.sequence_number(*event)));
                Some(self.post(Kind::Status, self.callback(*event)?, parameters))
            })
            .collect();
        let log = Arc::clone(&self.log);
        tokio::spawn(async move {
            for post in posts {
                if let Err(reason) = post.await {
                    log.alert(11200, &reason);
                }
            }
        });
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
