//! Twilio is asked to make the call, once, and to end it, until it does.
//!
//! Not here: when (`state::call`).

use super::super::{
    Inner, RunPlatform,
    numbers::Line,
    state::{RINGS_FOR, Run, State},
};
use crate::{
    conversation::dialling::{self, UNAUTHORIZED},
    event::{self, CallDialled, CallHungUp, DialOutcome, Event},
    object::StepHost,
    platform::PlatformError,
    synthetic::{
        call_url::{Kind, Webhook},
        plan::longest_call,
    },
    twilio::{
        rest::{Created, NewCall, WantedCall, all_credentials},
        voice::relay::Out,
    },
};

impl<P: RunPlatform> Inner<P> {
    /// Has Twilio make the call.
    pub(in super::super) async fn dial(&self) -> Result<(), PlatformError> {
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(()) };
        let (Some(line), Some(plan)) = (Line::of(&self.config), &run.plan.call) else {
            // The settings have changed since the batch began.
            return self.change(Run::not_made).await;
        };
        // An alarm can be late. Without the line, the leg of the number that is called would be taken for that of
        // another run.
        if !self.take_line(&run.plan).await {
            return self.change(Run::not_made).await;
        }
        if !self.begin_attempt().await? {
            return Ok(());
        }
        let url = |kind| {
            let run = run.plan.run.clone();
            Webhook { run, kind }.url(&plan.origin)
        };
        let (url, status_callback) = (url(Kind::Voice), url(Kind::Status));
        let call = NewCall {
            to: line.callee,
            from: line.caller,
            url: &url,
            status_callback: &status_callback,
            rings_for: RINGS_FOR,
            time_limit: longest_call(run.plan.limits),
        };
        let again = async || self.begin_attempt().await.map(drop);
        let created =
            dialling::create(&self.platform, &self.config, line.account, call, again).await?;
        let (outcome, code) = match created {
            Created::Sent(sid) => {
                self.change(|run, now| run.dialled(sid, now)).await?;
                (DialOutcome::Made, None)
            }
            Created::Unknown => {
                self.change(|run, now| run.dialled(None, now)).await?;
                (DialOutcome::Unknown, None)
            }
            Created::Unauthorized => self.rejected(UNAUTHORIZED).await?,
            Created::NotProcessed(code) | Created::Rejected(code) | Created::OptedOut(code) => {
                self.rejected(code).await?
            }
        };
        self.log_dialled(&run, outcome, code);
        Ok(())
    }

    async fn begin_attempt(&self) -> Result<bool, PlatformError> {
        let begun = self.step(|state, now| state.change(|run| run.dial(now)));
        Ok(begun.await?.unwrap_or(false))
    }

    async fn rejected(&self, code: u32) -> Result<(DialOutcome, Option<u32>), PlatformError> {
        self.change(Run::not_made).await?;
        Ok((DialOutcome::Rejected, Some(code)))
    }

    /// Asks Twilio what has become of the request to make the call.
    pub(in super::super) async fn look_up(&self) -> Result<(), PlatformError> {
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(()) };
        let attempt = run.call.as_ref().and_then(|call| call.attempt());
        let (Some(line), Some(attempt)) = (Line::of(&self.config), attempt) else {
            return self.change(Run::not_made).await;
        };
        let wanted = WantedCall {
            to: line.callee,
            from: line.caller,
            since: attempt.since(),
            sid: attempt.sid(),
        };
        let found = dialling::find(&self.platform, &self.config, line.account, wanted).await;
        let news = self.step(|state, now| state.change(|run| run.looked_up(found, now)));
        if let Some(outcome) = news.await?.flatten() {
            self.log_dialled(&run, outcome, None);
        }
        Ok(())
    }

    /// Tells both legs to end.
    pub(in super::super) async fn tell_legs(&self) -> Result<(), PlatformError> {
        let told = self.step(|state, now| state.change(|run| run.tell(now)));
        let end = Out::End {
            hand_off_data: None,
        };
        for leg in told.await?.unwrap_or_default() {
            self.platform.send_text(leg.socket(), &end.to_json());
        }
        Ok(())
    }

    /// Asks Twilio to end the call.
    pub(in super::super) async fn hang_up(&self) -> Result<(), PlatformError> {
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(()) };
        let sid = run.call.as_ref().and_then(|call| call.to_hang_up());
        let (Some(line), Some(sid)) = (Line::of(&self.config), sid) else {
            return self.change(Run::not_made).await;
        };
        let tokens = all_credentials(&self.config, line.account);
        let completed = dialling::complete(&self.platform, &self.config, tokens, sid).await;
        let told =
            self.step(|state: &mut State, now| state.change(|run| run.hung_up(completed, now)));
        if let Some((outcome, code)) = told.await?.flatten() {
            let call = self.call_hash(&run);
            let hung_up = CallHungUp {
                call,
                outcome,
                code,
            };
            event::log(&self.platform, &Event::CallHungUp(hung_up));
        }
        Ok(())
    }

    fn log_dialled(&self, run: &Run, outcome: DialOutcome, code: Option<u32>) {
        let Some(line) = Line::of(&self.config) else {
            return;
        };
        let dialled = CallDialled {
            phone_hash: self.config.pseudonym_key.phone_hash(line.callee),
            call: self.call_hash(run),
            outcome,
            code,
        };
        event::log(&self.platform, &Event::CallDialled(dialled));
    }
}
