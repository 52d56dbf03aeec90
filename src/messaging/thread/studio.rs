//! Starting a Studio flow for a contact that is handed over: one request, and a look-up when its
//! outcome is unknown.
//!
//! Not here: when which step is due (`state::studio`), and the requests themselves (`twilio::rest`).

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::UnixMillis,
    conversation::outbox::request_contexts,
    event::{self, Event, FlowOutcome, HandOffBy},
    identity::FlowSid,
    messaging::state::{FlowStart, FlowStep, State, Unsure},
    object::StepHost,
    platform::PlatformError,
    twilio::rest::{self, Created, Parameters, Started, TwilioRequestContext},
};

/// The reason of a hand-off that the contact has asked for.
const BY_CONTACT: &str = "asked for a person";
/// The reason of one that an operator has begun.
const BY_OPERATOR: &str = "taken over";

impl<P: ThreadPlatform> Inner<P> {
    /// Takes the steps towards the start of a flow that are due.
    pub(super) async fn start_flow(&self) -> Result<(), PlatformError> {
        while let Some(step) = self.step(State::next_flow_step).await? {
            match step {
                FlowStep::Start(start) => self.start(&start).await?,
                FlowStep::LookUp(start, since) => self.look_up_flow(&start, since).await?,
                FlowStep::GiveUp(start, Unsure::Yes) => {
                    self.end_flow(&start, FlowOutcome::Unknown, None).await?;
                }
                FlowStep::GiveUp(start, Unsure::No) => {
                    self.end_flow(&start, FlowOutcome::Undeliverable, None)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn start(&self, start: &FlowStart) -> Result<(), PlatformError> {
        let assistant = start.reply_to.assistant(&self.config);
        let Some(flow) = self.flow_of(start) else {
            return self.end_flow(start, FlowOutcome::Undeliverable, None).await;
        };
        let parameters = Parameters {
            conversation: self.name.as_str(),
            assistant: &assistant.name,
            reason: match (&start.reason, start.by) {
                (Some(reason), _) => reason,
                (None, HandOffBy::Operator) => BY_OPERATOR,
                (None, _) => BY_CONTACT,
            },
        };
        let base = &self.config.twilio_api_base_url;
        let mut created = None;
        for context in request_contexts(&self.config, &start.reply_to) {
            let started = rest::start_flow(&self.platform, base, context, flow, parameters).await;
            let is_refused = started == Created::Unauthorized;
            created = Some(started);
            if !is_refused {
                break;
            }
        }
        match created {
            None => self.end_flow(start, FlowOutcome::Undeliverable, None).await,
            Some(Created::Sent(_)) => self.end_flow(start, FlowOutcome::Started, None).await,
            Some(Created::NotProcessed(_)) => {
                let mark = |state: &mut State, now| {
                    state.change_flow(|flow| {
                        if let Some(flow) = flow {
                            flow.mark_not_processed(now);
                        }
                    });
                };
                self.step(mark).await
            }
            // It is looked up when its time has come.
            Some(Created::Unknown) => Ok(()),
            Some(Created::Unauthorized) => {
                self.end_flow(start, FlowOutcome::Rejected, Some(401)).await
            }
            Some(Created::Rejected(code) | Created::OptedOut(code)) => {
                self.end_flow(start, FlowOutcome::Rejected, Some(code))
                    .await
            }
        }
    }

    async fn look_up_flow(
        &self,
        start: &FlowStart,
        since: UnixMillis,
    ) -> Result<(), PlatformError> {
        let Some(flow) = self.flow_of(start) else {
            return self.end_flow(start, FlowOutcome::Unknown, None).await;
        };
        let base = &self.config.twilio_api_base_url;
        let find = async |context: TwilioRequestContext<'_>| {
            rest::find_execution(&self.platform, base, context, flow, since).await
        };
        let contexts = request_contexts(&self.config, &start.reply_to);
        let is_refused = |found: &Started| *found == Started::Unauthorized;
        let found = rest::first_accepted(contexts, is_refused, find).await;
        if found == Some(Started::Yes) {
            return self.end_flow(start, FlowOutcome::Started, None).await;
        }
        let mark = |state: &mut State, now| {
            state.change_flow(|flow| {
                if let Some(flow) = flow {
                    flow.mark_not_listed(now);
                }
            });
        };
        self.step(mark).await
    }

    /// The flow of the assistant, if its file still has one.
    fn flow_of<'s>(&'s self, start: &FlowStart) -> Option<&'s FlowSid> {
        let assistant = start.reply_to.assistant(&self.config);
        assistant.hand_off.as_ref()?.studio_flow.as_ref()
    }

    async fn end_flow(
        &self,
        start: &FlowStart,
        outcome: FlowOutcome,
        code: Option<u32>,
    ) -> Result<(), PlatformError> {
        self.step(|state, _| state.change_flow(|flow| *flow = None))
            .await?;
        let event = Event::StudioFlow {
            phone_hash: start.phone_hash.clone(),
            outcome,
            code,
        };
        event::log(&self.platform, &event);
        Ok(())
    }
}
