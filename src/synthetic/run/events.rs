//! The events of a run go to Segment, after the batch has the record.
//!
//! They are stored in the step that forgets the conversation, and removed when Segment has answered. A
//! transcript never waits for them. Not here: what they say (`synthetic::events`), and when they are
//! tried again (`analytics`).

use std::time::Duration;

use super::{Inner, RunPlatform, state::State};
use crate::{
    analytics::{Report, Step},
    base::time::UnixMillis,
    event::{self, Event, SegmentOutcome},
    object::StepHost,
    platform::PlatformError,
    segment::{self, Item, Outcome, Reason},
    synthetic::{api::Record, events},
};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);

impl<P: RunPlatform> Inner<P> {
    /// The events of this run, and what is to be logged about those that are too large. Without a write
    /// key there are none.
    pub(super) fn events_of(
        &self,
        record: &Record,
        scored_at: Option<UnixMillis>,
    ) -> (Vec<Item>, Option<Report>) {
        if self.config.segment_write_key.is_none() {
            return (Vec::new(), None);
        }
        let made = events::of(record, scored_at, &self.config.pseudonym_key);
        let too_large = made.iter().filter(|item| item.is_err()).count();
        let lost = (too_large > 0).then_some(Report {
            outcome: SegmentOutcome::GivenUp,
            count: too_large,
            reason: Some("too_large"),
        });
        (made.into_iter().flatten().collect(), lost)
    }

    /// Sends the events that are due, or gives them up.
    pub(super) async fn send_events(&self, step: Step) -> Result<(), PlatformError> {
        let report = match step {
            Step::GiveUp => {
                let give_up = |state: &mut State, _| Some(state.events_mut().give_up());
                self.step(give_up).await?
            }
            Step::Send(items) => {
                let outcome = self.send_items(&items).await;
                let (count, jitter) = (items.len(), self.platform.next_f64());
                self.step(|state, now| state.events_mut().ended(count, outcome, jitter, now))
                    .await?
            }
        };
        if let Some(report) = report {
            self.log_events(report);
        }
        Ok(())
    }

    async fn send_items(&self, items: &[Item]) -> Outcome {
        let Some(key) = &self.config.segment_write_key else {
            return Outcome::Later {
                reason: Reason::NoKey,
                wait: None,
            };
        };
        let base = &self.config.segment_api_base_url;
        let request = segment::request(base, key, items, self.platform.now());
        let response = self.platform.send(&request, TIMEOUT).await;
        let response = response.as_ref().map_err(|error| *error);
        Outcome::of(response, self.platform.now())
    }

    pub(super) fn log_events(&self, report: Report) {
        let Report {
            outcome,
            count,
            reason,
        } = report;
        let event = Event::SegmentEvents {
            outcome,
            count,
            reason,
        };
        event::log(&self.platform, &event);
    }
}
