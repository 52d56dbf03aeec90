//! The call object: one for each phone call. It admits the call, talks over a socket or in documents, and ends once.
//!
//! [`Phone`] is the engine. The Durable Object (`runtime`) only forwards calls and frames to it, and the tests run it on a
//! fake platform. The object may hibernate between frames: all that must survive is in the stored state, and only the
//! turn that runs is in memory. Not here: the decisions (`voice::state`), and the requests to the model
//! (`conversation::model_run`).

mod alarm;
mod answer;
mod dial;
mod ending;
mod floor;
mod frames;
mod gather;
mod hang_up;
mod keys;
mod log;
mod prompt;
mod storage;
mod voice;

use std::{cell::RefCell, rc::Rc, time::Duration};

use futures_util::lock::Mutex;

use super::{
    api::{
        Admit, AskAgain, CallOver, CountCall, Dial, Dialled, Heard, Look, Next, Progress, RelayEnd,
        Sentence,
    },
    state::{Phase, State, assistant},
};
use crate::{
    base::usage::UsageCounters,
    config::{Assistant, Config},
    conversation::{
        budget::{self, Item, Reservation, Reserve},
        model_run::RemembersEndpoints,
        relay_inbox::Inbox,
    },
    event::CallRefusal,
    identity::Pseudonym,
    object::{Engine, StepHost, Steps, arguments, in_time, reply, unknown_method, with_retry},
    platform::{
        Clock, Http, Log, Method, Objects, PlatformError, Random, Sockets, Spawn, Storage,
        TimeZones,
    },
    twilio::voice::relay_url::RelaySecret,
};

use floor::Floor;

/// The platform services that a call needs.
pub trait CallPlatform:
    Clock
    + TimeZones
    + Log
    + Random
    + Http
    + Storage
    + Spawn
    + Objects
    + Sockets
    + RemembersEndpoints
    + 'static
{
}
impl<P> CallPlatform for P where
    P: Clock
        + TimeZones
        + Log
        + Random
        + Http
        + Storage
        + Spawn
        + Objects
        + Sockets
        + RemembersEndpoints
        + 'static
{
}

/// A call.
#[derive(Debug)]
pub struct Phone<P>(Rc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    platform: P,
    config: Rc<Config>,
    name: Pseudonym,
    steps: Steps<State>,
    /// Who speaks, while the object is in memory.
    floor: RefCell<Floor>,
    /// Frames that wait for their turn. They are handled in the order in which they came.
    inbox: Inbox,
    /// Requests for the next document are decided one after the other.
    documents: Mutex<()>,
}

/// How long the budget object and the caller's object may take together. Twilio waits 15 seconds for the answer to a call.
const ADMISSION_TIME: Duration = Duration::from_secs(5);

impl<P: CallPlatform> Phone<P> {
    /// The call of that name.
    pub fn new(platform: P, config: Rc<Config>, name: Pseudonym) -> Self {
        Self(Rc::new(Inner {
            platform,
            config,
            name,
            steps: Steps::default(),
            floor: RefCell::default(),
            inbox: Inbox::default(),
            documents: Mutex::default(),
        }))
    }

    /// Admits a call, or refuses it. A webhook that comes again gets another secret, or the same document.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn admit(&self, admit: Admit) -> Result<Next, PlatformError> {
        let inner = &self.0;
        let phase = inner.read(|state, _| state.phase()).await?;
        match phase {
            Phase::Over(_) => return Ok(Next::HangUp),
            // What a call of ours needs was reserved before it was made.
            Phase::Running | Phase::Dialling => {}
            Phase::New => {
                if let Err(refusal) = inner.reserve_call(&admit.caller, admit.usage).await {
                    inner.log_refusal(&admit.phone_hash, refusal);
                    return Ok(Next::Say(match refusal {
                        CallRefusal::CallerLimit => Sentence::TooOften,
                        _ => Sentence::NoCapacity,
                    }));
                }
            }
        }
        let admitted = inner.step(|state, now| {
            let first = state.admit(&admit, now, &inner.config);
            if let Some(door) = &admit.door {
                state.open_door(door, now);
            }
            (first, state.document().cloned())
        });
        let (first, document) = admitted.await?;
        if !first && phase == Phase::New {
            // Another webhook of the same call was faster, and has reserved its own minute.
            inner.release_minutes(1, inner.platform.now()).await;
        }
        Ok(document.map_or(Next::Connect { greet: true }, Next::Document))
    }

    /// Opens a socket. Returns the number of its session, or `None` if the secret is not right or was used.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn connect(&self, secret: &RelaySecret) -> Result<Option<u32>, PlatformError> {
        let inner = &self.0;
        let before = inner.read(|state, _| state.open_session()).await?;
        let session = inner.step(|state, now| state.connect(secret, now)).await?;
        if let (Some(before), Some(_)) = (before, session) {
            inner.platform.close(before, 1000, "replaced");
        }
        if session.is_some() {
            // Nobody may have told that the socket before it was lost.
            inner.logged(inner.leave().await);
        }
        Ok(session)
    }

    /// A frame has come over the socket of a session. Errors are logged: nobody could be told.
    pub async fn frame(&self, session: u32, text: &str) {
        self.0.receive(session, text).await;
    }

    /// The socket of a session was closed.
    pub async fn closed(&self, session: u32) {
        let lost = self.0.lose(session).await;
        self.0.logged(lost);
    }

    /// The session has ended: the action of `<Connect>`.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn relay_end(&self, end: RelayEnd) -> Result<Next, PlatformError> {
        let inner = &self.0;
        let ended = inner.step(|state, now| {
            let (next, end) = state.end_relay(&end, now);
            (next, end.and_then(|end| state.finish(end, now)))
        });
        let (next, finished) = ended.await?;
        inner.settle(finished);
        Ok(next)
    }

    /// The call is over, as its status callback says.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn over(&self, over: CallOver) -> Result<(), PlatformError> {
        let inner = &self.0;
        let finished = inner.step(|state, now| state.told_over(over.status, now));
        inner.settle(finished.await?);
        Ok(())
    }

    /// Calls somebody, once.
    ///
    /// # Errors
    /// When storage failed. The call may or may not be made.
    pub async fn dial(&self, dial: Dial) -> Result<Dialled, PlatformError> {
        self.0.dial(dial).await
    }

    /// How far the call has come, if there is one.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn look(&self) -> Result<Option<Progress>, PlatformError> {
        self.0.read(|state, _| state.progress()).await
    }
}

impl<P: CallPlatform> Engine for Phone<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            Admit::NAME => reply::<Admit>(&self.admit(arguments(text)?).await?),
            RelayEnd::NAME => reply::<RelayEnd>(&self.relay_end(arguments(text)?).await?),
            Heard::NAME => reply::<Heard>(&self.heard(arguments(text)?).await?),
            AskAgain::NAME => reply::<AskAgain>(&self.ask_again(arguments(text)?).await?),
            CallOver::NAME => {
                self.over(arguments(text)?).await?;
                reply::<CallOver>(&())
            }
            Dial::NAME => reply::<Dial>(&self.dial(arguments(text)?).await?),
            Look::NAME => reply::<Look>(&self.look().await?),
            _ => Err(unknown_method()),
        }
    }

    async fn alarm(&self) -> Result<(), PlatformError> {
        self.0.alarm().await
    }
}

impl<P: CallPlatform> Inner<P> {
    /// Reserves what a new call needs: one of the person's calls, and a minute.
    async fn reserve_call(
        &self,
        caller: &Pseudonym,
        usage: UsageCounters,
    ) -> Result<(), CallRefusal> {
        let count = CountCall {
            call: self.name.clone(),
            limit: self.config.call_rate_limit_per_hour,
        };
        let counted = with_retry(async || self.platform.call(caller.as_str(), &count).await);
        match in_time(&self.platform, ADMISSION_TIME, counted).await {
            Ok(true) => {}
            Ok(false) => return Err(CallRefusal::CallerLimit),
            Err(error) => {
                self.log_object_error(error);
                return Err(CallRefusal::Unavailable);
            }
        }
        self.reserve_minute(usage).await
    }

    /// Reserves a minute. If that is not known to have succeeded, the minute is not used.
    async fn reserve_minute(&self, usage: UsageCounters) -> Result<(), CallRefusal> {
        let reserve = Reserve {
            item: Item::CallMinute,
            count: 1,
            cap: self.config.max_daily_call_minutes,
            usage,
        };
        match budget::reserve(&self.platform, &reserve, ADMISSION_TIME).await {
            Some(Reservation::Granted) => Ok(()),
            Some(Reservation::Exhausted) => Err(CallRefusal::DailyLimit),
            None => Err(CallRefusal::Unavailable),
        }
    }

    /// The assistant that answers the call.
    async fn assistant(&self) -> Result<&Assistant, PlatformError> {
        let number =
            self.read(|state, _| state.admission().map(|admission| admission.number.clone()));
        let number = number
            .await?
            .ok_or_else(|| PlatformError::new("the call is over"))?;
        Ok(assistant(number.as_ref(), &self.config))
    }
}
