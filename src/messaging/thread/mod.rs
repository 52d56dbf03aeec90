//! The thread object: one for each pair of addresses. It receives messages, runs their turns one at
//! a time, and gives each waiting webhook its answer.
//!
//! [`Thread`] is the engine. The Durable Object (`runtime`) only forwards calls to it, and the
//! tests run it on a fake platform. Every change is an atomic step (`object::Steps`). Not here: the
//! decisions (`messaging::state`), and the requests to the model (`conversation::model_run`).

mod deliveries;
mod hand_off;
mod intake;
mod jobs;
mod joins;
mod links;
mod log;
mod media;
mod model;
mod outside;
mod quoting;
mod run;
mod saving;
mod storage;
mod studio;
mod wait;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::{
    future::{AbortHandle, LocalBoxFuture, Shared},
    lock::Mutex,
};

use super::{
    api::{
        Erase, Erasure, Follow, Followed, HandBack, Receive, RecordDelivery, Reply, Say, Show,
        TakeOver, ThreadSummary,
    },
    state::{Admission, CancelledCounts, MessageStatus, State},
};
use crate::{
    base::usage::{RejectionCounts, UsageCounters},
    config::Config,
    conversation::{history::Conversation, model_run::RemembersEndpoints},
    event::{
        self, ConsentBy, ConsentState, DailyLimit, ErasedBy, Event, HandOffBy, HandOffState,
        Security,
    },
    identity::{MessageSid, PhoneHash, Pseudonym},
    object::{Engine, StepHost, Steps, arguments, reply, unknown_method},
    platform::{
        Clock, Http, Kv, Log, Method, Objects, Once, PlatformError, Random, Spawn, Storage,
        TimeZones,
    },
};

/// The platform services that a thread needs.
pub trait ThreadPlatform:
    Clock
    + TimeZones
    + Log
    + Once
    + Random
    + Http
    + Kv
    + Storage
    + Spawn
    + Objects
    + RemembersEndpoints
    + 'static
{
}
impl<P> ThreadPlatform for P where
    P: Clock
        + TimeZones
        + Log
        + Once
        + Random
        + Http
        + Kv
        + Storage
        + Spawn
        + Objects
        + RemembersEndpoints
        + 'static
{
}

/// A thread.
#[derive(Debug)]
pub struct Thread<P>(Rc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    platform: P,
    config: Rc<Config>,
    name: Pseudonym,
    steps: Steps<State>,
    /// The conversation, while the object lives. A warm thread reads nothing from KV.
    conversation: RefCell<Option<Conversation>>,
    /// The turn that this incarnation of the object has begun and not ended.
    begun: Cell<Option<u64>>,
    /// The one run of a turn, shared by all that wait for it: turns never interleave.
    running: RefCell<Option<Shared<LocalBoxFuture<'static, ()>>>>,
    /// The messages that webhooks wait for, one entry for each webhook.
    waiting: RefCell<Vec<MessageSid>>,
    /// Held while the conversation is written to KV.
    saving: Mutex<()>,
    /// Held while the outbox drains.
    draining: Mutex<()>,
    /// Held while signed webhooks are sent.
    delivering: Mutex<()>,
    /// Held while orders are sent to the threads that follow.
    ordering: Mutex<()>,
    /// Aborts the model request of the turn that runs.
    cancelling: RefCell<Option<AbortHandle>>,
    /// Tells the turn that runs that a message has come.
    arriving: RefCell<Option<AbortHandle>>,
    /// Usage that was counted without a step.
    counted: Cell<UsageCounters>,
}

impl<P: ThreadPlatform> Thread<P> {
    /// The thread of that name.
    pub fn new(platform: P, config: Rc<Config>, name: Pseudonym) -> Self {
        Self(Rc::new(Inner {
            platform,
            config,
            name,
            steps: Steps::default(),
            conversation: RefCell::default(),
            begun: Cell::default(),
            running: RefCell::default(),
            waiting: RefCell::default(),
            saving: Mutex::default(),
            draining: Mutex::default(),
            delivering: Mutex::default(),
            ordering: Mutex::default(),
            cancelling: RefCell::default(),
            arriving: RefCell::default(),
            counted: Cell::default(),
        }))
    }

    /// Receives a message and waits for its answer, at most `REPLY_WITHIN_MS`. After that the
    /// answer goes out by REST.
    ///
    /// # Errors
    /// When storage failed. The message may or may not be received, and the call can be repeated.
    pub async fn receive(&self, mut message: Receive) -> Result<Reply, PlatformError> {
        let inner = &self.0;
        // The Worker's clock may be that of another machine. A time in the future counts as now.
        let arrived = message.arrived.min(inner.platform.now());
        inner.count(&message.usage);
        inner.end_hand_off_in_time().await?;
        inner.end_intake_in_time().await?;
        inner.look_up_quote(&mut message).await?;
        // (7) Admit the message: one atomic step.
        let admit = |state: &mut State, now| state.admit(&message, &inner.name, now, &inner.config);
        let mut admission = inner.step(admit).await?;
        if let Admission::MustFollow(number) = &admission {
            inner.join(number).await?;
            admission = inner.step(admit).await?;
        }
        let phone_hash = message.phone_hash.clone();
        match admission {
            Admission::MustFollow(_) => Err(PlatformError::new("the other thread has left")),
            Admission::PassedOn(leader) => inner.pass_on(&leader, &message).await,
            // (8) and (9) Run its turn, see `wait` and `run`.
            Admission::Known(MessageStatus::Waiting) => {
                inner.message_came();
                inner.wait(&message, arrived).await
            }
            Admission::Known(status) => inner.reply(status, &message).await,
            Admission::Limited(notice) => {
                let told = notice.is_some();
                inner.count_rate_limited(told);
                let limit = inner.config.rate_limit_per_minute;
                let details = Security::RateLimitExceeded { limit, told };
                event::log(
                    &inner.platform,
                    &Event::Security {
                        phone_hash,
                        details,
                    },
                );
                let status = notice.map_or(MessageStatus::Nothing, MessageStatus::CannedReply);
                inner.reply(status, &message).await
            }
            Admission::Unanswered => {
                inner.log_daily_limit(phone_hash, DailyLimit::FixedReplies, false);
                Ok(Reply::Empty)
            }
            Admission::HandedOver(status, begins) => {
                if begins {
                    // What waited for an answer is passed on.
                    inner.cancel_turn();
                    inner.log_hand_off(phone_hash, HandOffState::Begun, HandOffBy::Contact);
                }
                inner.reply(status, &message).await
            }
            Admission::HandedBack(status) => {
                // What was said in the hand-off is part of the conversation now.
                inner.conversation.take();
                inner.log_hand_off(phone_hash, HandOffState::Ended, HandOffBy::Contact);
                inner.reply(status, &message).await
            }
            Admission::Ignored(reason) => {
                let ignored = Event::MessageIgnored { phone_hash, reason };
                event::log(&inner.platform, &ignored);
                Ok(Reply::Empty)
            }
            Admission::OptedOut(status, cancelled) => {
                inner.cancel_turn();
                let (state, by) = (ConsentState::OptedOut, ConsentBy::Contact);
                inner.log_consent(phone_hash, state, by, cancelled);
                inner.spawn_orders();
                inner.reply(status, &message).await
            }
            Admission::OptedIn(status) => {
                let (state, by) = (ConsentState::OptedIn, ConsentBy::Contact);
                inner.log_consent(phone_hash, state, by, CancelledCounts::default());
                inner.spawn_orders();
                inner.reply(status, &message).await
            }
            Admission::Erased(status, erased) => {
                inner.cancel_turn();
                let by = ErasedBy::Contact;
                inner.log_erased(phone_hash, by, erased);
                inner.erase_within_wait(arrived).await;
                let sid = &message.sid;
                let status = inner
                    .read(|state, _| state.status(sid).unwrap_or(status))
                    .await?;
                inner.reply(status, &message).await
            }
        }
    }

    /// A summary of the thread.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn show(&self) -> Result<ThreadSummary, PlatformError> {
        let inner = &self.0;
        let look = |state: &State, now| (state.leader().cloned(), state.summary(now));
        match inner.read(look).await? {
            (Some(leader), _) => inner.ask_leader(&leader, &Show).await,
            (None, summary) => Ok(summary),
        }
    }

    /// Erases the contact's data for an operator, as the contact can do itself.
    ///
    /// # Errors
    /// When storage failed. The call can be repeated.
    pub async fn erase(&self, call: Erase) -> Result<Erasure, PlatformError> {
        self.0.erase(call).await
    }

    /// Records a delivery receipt, and logs it once for each final status of a message. The contact
    /// opts out if the receipt says that it has opted out at Twilio.
    ///
    /// # Errors
    /// When storage failed. The call can be repeated.
    pub async fn record_delivery(&self, receipt: RecordDelivery) -> Result<(), PlatformError> {
        self.0.record_delivery(receipt).await
    }

    /// Carries out an order of the thread that leads, see [`Order`](super::api::Order).
    ///
    /// # Errors
    /// When storage failed. The call can be repeated.
    pub async fn follow(&self, order: Follow) -> Result<Followed, PlatformError> {
        self.0.follow(order).await
    }
}

impl<P: ThreadPlatform> Engine for Thread<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            Receive::NAME => reply::<Receive>(&self.receive(arguments(text)?).await?),
            RecordDelivery::NAME => {
                self.record_delivery(arguments(text)?).await?;
                reply::<RecordDelivery>(&())
            }
            Show::NAME => reply::<Show>(&self.show().await?),
            Erase::NAME => reply::<Erase>(&self.erase(arguments(text)?).await?),
            TakeOver::NAME => reply::<TakeOver>(&self.0.take_over(arguments(text)?).await?),
            HandBack::NAME => reply::<HandBack>(&self.0.hand_back(arguments(text)?).await?),
            Say::NAME => reply::<Say>(&self.0.say(arguments(text)?).await?),
            Follow::NAME => reply::<Follow>(&self.follow(arguments(text)?).await?),
            _ => Err(unknown_method()),
        }
    }

    async fn alarm(&self) -> Result<(), PlatformError> {
        self.0.alarm().await
    }
}

impl<P: ThreadPlatform> Inner<P> {
    /// Aborts the turn that runs. It is no longer in the state, and memory forgets it, too.
    fn cancel_turn(&self) {
        if let Some(request) = self.cancelling.take() {
            request.abort();
        }
        self.conversation.take();
    }

    /// The contact has opted out at Twilio, if something was cancelled for it.
    fn opted_out_at_twilio(&self, phone_hash: PhoneHash, cancelled: Option<CancelledCounts>) {
        if let Some(cancelled) = cancelled {
            self.cancel_turn();
            let (state, by) = (ConsentState::OptedOut, ConsentBy::Twilio);
            self.log_consent(phone_hash, state, by, cancelled);
        }
    }

    fn count_rate_limited(&self, told: bool) {
        let rejections = RejectionCounts {
            rate_limited: 1,
            ..RejectionCounts::default()
        };
        self.count(&UsageCounters {
            rejections,
            answers_by_webhook: u64::from(told),
            ..UsageCounters::EMPTY
        });
    }

    /// Counts usage without a step.
    fn count(&self, usage: &UsageCounters) {
        let mut counted = self.counted.get();
        counted.add(usage);
        self.counted.set(counted);
    }
}
