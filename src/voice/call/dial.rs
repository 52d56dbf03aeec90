//! A call that we make: it is checked, reserved and stored, then Twilio is asked once to make it. If the outcome of that is not
//! known, the call is looked for, and never made again.
//!
//! Not here: which call it is, and consent (`http`), and the decisions (`state::dialling`).

use std::rc::Rc;

use super::{CallPlatform, Inner};
use crate::{
    base::usage::UsageCounters,
    conversation::dialling::{self, UNAUTHORIZED},
    event::{self, CallDialled, CallEnd, CallRefusal, DialOutcome, Event},
    identity::{Address, CallSid, PhoneHash, time_zones},
    object::StepHost,
    platform::PlatformError,
    twilio::{
        rest::{Created, FoundCall, NewCall, WantedCall},
        voice::webhook_url::{CALL_STATUS_PATH, VOICE_PATH, webhook_url},
    },
    voice::{
        api::{Dial, Dialled},
        state::{LookUp, Phase, RINGS_FOR, State, assistant, longest},
    },
};

impl<P: CallPlatform> Inner<P> {
    /// Calls somebody, unless that has been done before.
    pub(super) async fn dial(&self, dial: Dial) -> Result<Dialled, PlatformError> {
        if self.read(|state, _| state.phase()).await? != Phase::New {
            return Ok(Dialled::Made);
        }
        let allowed = match self.check_hours(&dial.to) {
            Ok(()) => self.reserve_call(&dial.caller, UsageCounters::EMPTY).await,
            refused => refused,
        };
        if let Err(refusal) = allowed {
            self.log_refusal(&dial.phone_hash, refusal);
            return Ok(Dialled::Refused(refusal));
        }
        if !self.step(|state, now| state.dial(&dial, now)).await? {
            // The same wish has come twice, and each has reserved its own minute.
            self.release_minutes(1, self.platform.now()).await;
            return Ok(Dialled::Made);
        }
        match self.create(&dial).await? {
            Created::Sent(sid) => {
                self.step(|state, now| match sid {
                    Some(sid) => state.dialled(sid, now),
                    None => state.dial_unknown(now),
                })
                .await?;
                self.log_dialled(&dial.phone_hash, DialOutcome::Made, None);
                Ok(Dialled::Made)
            }
            Created::Unknown => {
                self.step(State::dial_unknown).await?;
                self.log_dialled(&dial.phone_hash, DialOutcome::Unknown, None);
                Ok(Dialled::Made)
            }
            Created::Unauthorized => self.rejected(&dial, UNAUTHORIZED).await,
            Created::NotProcessed(code) | Created::Rejected(code) | Created::OptedOut(code) => {
                self.rejected(&dial, code).await
            }
        }
    }

    /// Whether somebody may be called at this time of the day, wherever in the number's country that is.
    fn check_hours(&self, number: &Address) -> Result<(), CallRefusal> {
        let hours = self.config.call_hours;
        if hours.are_all() {
            return Ok(());
        }
        let now = self.platform.now();
        for zone in time_zones(number).ok_or(CallRefusal::UnknownHours)? {
            let offset = self.platform.offset_minutes(zone, now);
            if !hours.contain(now, offset.ok_or(CallRefusal::UnknownHours)?) {
                return Err(CallRefusal::OutsideHours);
            }
        }
        Ok(())
    }

    /// Asks Twilio to make the call. A token that Twilio does not accept has certainly made none.
    async fn create(&self, dial: &Dial) -> Result<Created<CallSid>, PlatformError> {
        let url = |path| webhook_url(&dial.origin, path, Some(&self.name));
        let (url, status_callback) = (url(VOICE_PATH), url(CALL_STATUS_PATH));
        let call = NewCall {
            to: &dial.to,
            from: &dial.from,
            url: &url,
            status_callback: &status_callback,
            rings_for: RINGS_FOR,
            time_limit: longest(assistant(Some(&dial.from), &self.config), &self.config),
        };
        let again = async || self.step(State::dial_again).await;
        dialling::create(&self.platform, &self.config, &dial.account, call, again).await
    }

    /// Twilio has refused the call: its minute is given back, and nothing else is left of it.
    async fn rejected(&self, dial: &Dial, code: u32) -> Result<Dialled, PlatformError> {
        let ended = self.step(|state, now| state.end_dialling(CallEnd::NotMade, now));
        if let Some(ended) = ended.await? {
            self.release_minutes(ended.unused, ended.reserved_at).await;
        }
        self.log_dialled(&dial.phone_hash, DialOutcome::Rejected, Some(code));
        Ok(Dialled::Rejected(code))
    }

    /// Asks Twilio what has become of the call.
    pub(super) async fn look_up(self: &Rc<Self>) -> Result<(), PlatformError> {
        let Some(look_up) = self.read(|state, _| state.look_up()).await? else {
            return Ok(());
        };
        let found = self.find(&look_up).await;
        let looked_up = self.step(|state, now| state.looked_up(found, now));
        let (news, finished) = looked_up.await?;
        if let Some(outcome) = news {
            self.log_dialled(&look_up.dial.phone_hash, outcome, None);
        }
        self.settle(finished);
        Ok(())
    }

    async fn find(&self, LookUp { dial, since, sid }: &LookUp) -> FoundCall {
        let wanted = WantedCall {
            to: &dial.to,
            from: &dial.from,
            since: *since,
            sid: sid.as_ref(),
        };
        dialling::find(&self.platform, &self.config, &dial.account, wanted).await
    }

    fn log_dialled(&self, phone_hash: &PhoneHash, outcome: DialOutcome, code: Option<u32>) {
        let (phone_hash, call) = (phone_hash.clone(), self.name.call_hash());
        let dialled = CallDialled {
            phone_hash,
            call,
            outcome,
            code,
        };
        event::log(&self.platform, &Event::CallDialled(dialled));
    }
}
