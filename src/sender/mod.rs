//! The sender object: one for each pair of addresses. It takes messages in, runs their turns one at a time, and gives every
//! waiting webhook its answer.
//!
//! [`Sender`] is the engine; the Durable Object (`runtime`) is a thin newtype over it, and the tests run it over a pretend
//! platform. Every change goes through `Inner::step`: decide on a copy of the state, store it, and only then believe it. What
//! is only looked at goes through `Inner::read`.
//! The decisions are in `state`; how the model is asked is in `turn`.

mod state;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt, TryFutureExt,
    future::{self, AbortHandle, Either, LocalBoxFuture, Shared, select},
    lock::{Mutex, MutexGuard},
    pin_mut,
};
use serde::{Deserialize, Serialize};

use self::state::{
    Admission, Answer, AnswerRow, Decoded, Delivery, Dropped, Ended, Late, LateStep, Outcome,
    Place, Resume, Running, State, Work,
};
pub use self::state::{DailyLimit, MAX_FIXED_REPLIES_PER_DAY};
use crate::{
    budget::{Item, Reservation, ReserveCall},
    config::{Config, Secret},
    conversation::{self, Conversation},
    event::{self, Event, Security, TurnEnded},
    message::{AccountSid, Address, DeliveryStatus, Input, MessageSid, ServiceSid},
    openai::Failure,
    platform::{
        Batch, Budgets, Kv, PlatformError, SenderPlatform, Storage, UnixMillis, in_time, millis,
        within,
    },
    pseudonym::{PhoneHash, Pseudonym, TokenId},
    turn::{self, Asked, Question},
    twilio::{
        media::{self, FetchError, Picture, PictureUrl},
        parts,
        rest::{self, Created, Envelope, Found},
        segments,
    },
    usage::{Refusals, Tally},
    wording,
};

/// A message, as the Worker gives it to the sender object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SenderCall {
    /// Twilio's id of the message.
    pub sid: MessageSid,
    /// What was said.
    pub input: Input,
    /// Where the pictures are that came with it.
    #[serde(default)]
    pub pictures: Vec<PictureUrl>,
    /// The sender's hash for the log.
    pub phone_hash: PhoneHash,
    /// How it can be answered later.
    pub route: Route,
    /// When the front got the request: the time to answer in counts from then.
    pub arrived: UnixMillis,
    /// What the front has counted since it last called an object.
    #[serde(default, skip_serializing_if = "Tally::is_empty")]
    pub counted: Tally,
}

/// What a late answer needs: the addresses, and whose token verified the message. Kept only until the turn is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Who wrote.
    pub sender: Address,
    /// The number that was written to.
    pub number: Address,
    /// The Messaging Service that was written to, if any.
    pub service: Option<ServiceSid>,
    /// The account that owns the number.
    pub account: Option<AccountSid>,
    /// Which auth token verified the message.
    pub token: TokenId,
    /// The public origin that Twilio reached us at: where it reports what became of an answer.
    pub origin: String,
}

/// What Twilio reports of a message that was sent by REST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// The message.
    pub sid: MessageSid,
    /// What became of it.
    pub status: DeliveryStatus,
    /// Twilio's error code, if it did not arrive.
    pub code: Option<u32>,
    /// The hash, for the log, of whom it was sent to.
    pub phone_hash: PhoneHash,
}

/// A call to the sender object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectCall {
    /// A message to take in; answered by a [`Reply`].
    Deliver(Box<SenderCall>),
    /// A report to note; answered by nothing.
    Report(DeliveryReport),
    /// A question of an operator's; answered by a [`Summary`].
    Show,
    /// An operator has the sender erased, whose hash for the log this is; answered by an [`Erasure`].
    Erase(PhoneHash),
}

/// What a sender object remembers, without texts, ids and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether the sender is to be sent nothing.
    pub opted_out: bool,
    /// Turns of the conversation.
    pub turns: u32,
    /// Its newest revision in KV.
    pub revision: Option<u64>,
    /// When it is forgotten.
    pub expires_at: Option<UnixMillis>,
    /// Whether the model is being asked.
    pub turn_running: bool,
    /// Messages that wait for their turn.
    pub pending_messages: usize,
    /// Parts of answers that are still to be sent by REST.
    pub waiting_sends: usize,
    /// Messages that count against the rate limit.
    pub messages_last_minute: usize,
}

/// What there was of a sender, and is erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Turns of the conversation.
    pub turns: u32,
    /// Revisions that KV held, or may have held.
    pub revisions: usize,
    /// Messages that waited for their turn, or were in it.
    pub pending_messages: usize,
    /// Parts of answers that were still to be sent by REST.
    pub waiting_sends: usize,
    /// Answers that were stored for copies of their messages.
    pub answers: usize,
}

/// What came of erasing a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// What there was.
    pub erased: Erased,
    /// Whether KV has deleted all of it; else it will be asked again.
    pub kv_deleted: bool,
    /// Whether the sender is opted out, which stays.
    pub opted_out: bool,
}

/// What the webhook answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// This text.
    Text(String),
    /// No message: there is nothing to say, or it is said elsewhere.
    Empty,
}

/// The sender object.
#[derive(Debug)]
pub struct Sender<P>(Rc<Inner<P>>);

#[derive(Debug)]
struct Inner<P> {
    platform: P,
    config: Rc<Config>,
    name: Pseudonym,
    /// The state, once it was read. Locked across the write, so that steps are stored in order.
    state: Mutex<Option<Held>>,
    /// The newest conversation, while the object lives: a warm conversation reads nothing.
    conversation: RefCell<Option<Conversation>>,
    /// The turn that this incarnation has begun and not ended.
    begun: Cell<Option<u64>>,
    /// The one run of a turn, shared by all that wait for it: turns never interleave.
    running: RefCell<Option<Shared<LocalBoxFuture<'static, ()>>>>,
    /// The messages that webhooks wait for, one entry a webhook.
    waiting: RefCell<Vec<MessageSid>>,
    /// Held while the conversation is written to KV.
    saving: Mutex<()>,
    /// Held while late answers are sent.
    sending: Mutex<()>,
    /// Breaks off the request of the turn that runs.
    calling_off: RefCell<Option<AbortHandle>>,
    /// What was counted without a step of its own.
    counted: Cell<Tally>,
}

/// The state, and what is known of what is stored.
#[derive(Debug)]
struct Held {
    state: State,
    /// Whether the state says more than what is stored, of what needs no write of its own.
    ahead: bool,
    alarm: Alarm,
}

/// What is known of the object's alarm.
#[derive(Clone, Copy, Debug)]
enum Alarm {
    /// Nothing: what an earlier incarnation has set is not stored with the state, where it could become untrue.
    Unknown,
    /// It is ringing, which is as good as set: if that fails or breaks off, the runtime rings again.
    Rings,
    /// It was set for this time.
    Set(UnixMillis),
}

impl Alarm {
    /// The time that it counts as set for.
    fn set_for(self, now: UnixMillis) -> Option<UnixMillis> {
        match self {
            Self::Unknown => None,
            Self::Rings => Some(now),
            Self::Set(at) => Some(at),
        }
    }
}

const STATE_KEY: &str = "state";
/// There while the sender is opted out. A key of its own, so that whatever happens to the state forgets no opt-out.
const OPTED_OUT_KEY: &str = "opted_out";

/// Stands for Twilio's error code where Twilio could not be asked, because the webhook named no account.
const NO_ACCOUNT: u32 = 0;

/// How long after an alarm that failed the next one comes.
const ALARM_RETRY: Duration = Duration::from_secs(10);

/// How long a turn waits for KV.
const KV_READ_LIMIT: Duration = Duration::from_secs(5);

/// How long one write or deletion in KV may take: what waits for it waits no longer.
const KV_WRITE_LIMIT: Duration = Duration::from_secs(10);

/// How long the budget object may take to answer, where no turn waits for it.
const BUDGET_LIMIT: Duration = Duration::from_secs(10);

/// How long a webhook that is about to leave asks whether its answer can come by REST.
const LOOK_LIMIT: Duration = Duration::from_millis(500);

/// How long a turn on WhatsApp takes before typing is shown.
const TYPING_AFTER: Duration = Duration::from_secs(2);

fn answers_key(row: u64) -> String {
    format!("answers/{row}")
}

impl<P: SenderPlatform> Sender<P> {
    /// The object of that name.
    pub fn new(platform: P, config: Rc<Config>, name: Pseudonym) -> Self {
        Self(Rc::new(Inner {
            platform,
            config,
            name,
            state: Mutex::new(None),
            conversation: RefCell::default(),
            begun: Cell::default(),
            running: RefCell::default(),
            waiting: RefCell::default(),
            saving: Mutex::default(),
            sending: Mutex::default(),
            calling_off: RefCell::default(),
            counted: Cell::default(),
        }))
    }

    /// Takes a message in and waits for its answer, at most `REPLY_WITHIN_MS`. After that the answer is sent by REST.
    ///
    /// # Errors
    /// When storage failed. The message may have been taken in or not; giving it again is safe.
    pub async fn deliver(&self, call: SenderCall) -> Result<Reply, PlatformError> {
        let inner = &self.0;
        // The front's clock may be another machine's: a moment that is still to come counts as now.
        let arrived = call.arrived.min(inner.platform.now());
        inner.count(&call.counted);
        let admission = inner
            .step(|state, now| state.admit(&call, now, &inner.config))
            .await?;
        let phone_hash = call.phone_hash;
        match admission {
            Admission::Known(Outcome::Waiting) => inner.wait(call.sid, arrived).await,
            Admission::Known(outcome) => inner.reply(outcome).await,
            Admission::Limited(notice) => {
                let refusals = Refusals {
                    rate_limited: 1,
                    ..Refusals::default()
                };
                inner.count(&Tally {
                    refusals,
                    answers_inline: u64::from(notice.is_some()),
                    ..Tally::EMPTY
                });
                let details = Security::RateLimitExceeded {
                    limit: inner.config.rate_limit_per_minute,
                    told: notice.is_some(),
                };
                event::log(
                    &inner.platform,
                    &Event::Security {
                        phone_hash,
                        details,
                    },
                );
                inner
                    .reply(notice.map_or(Outcome::Nothing, Outcome::Notice))
                    .await
            }
            Admission::Unanswered => {
                inner.log_daily_limit(phone_hash, DailyLimit::FixedReplies, false);
                Ok(Reply::Empty)
            }
            Admission::Ignored => {
                event::log(&inner.platform, &Event::MessageIgnored { phone_hash });
                Ok(Reply::Empty)
            }
            Admission::OptedOut(outcome, dropped) => {
                inner.call_off();
                inner.log_consent(phone_hash, "opted_out", dropped);
                inner.reply(outcome).await
            }
            Admission::OptedIn(outcome) => {
                inner.log_consent(phone_hash, "opted_in", Dropped::default());
                inner.reply(outcome).await
            }
            Admission::Erased(outcome, erased) => {
                inner.call_off();
                event::log(
                    &inner.platform,
                    &Event::Erased {
                        phone_hash,
                        by: "sender",
                        erased,
                    },
                );
                inner.delete_doomed_within_wait(arrived).await;
                let outcome = inner
                    .read(|state, _| state.outcome(&call.sid).unwrap_or(outcome))
                    .await?;
                inner.reply(outcome).await
            }
        }
    }

    /// What is remembered of the sender.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn show(&self) -> Result<Summary, PlatformError> {
        self.0.read(State::summary).await
    }

    /// Erases the sender as it could do itself, for an operator. `phone_hash` is for the log.
    ///
    /// # Errors
    /// When storage failed. Asking again is safe.
    pub async fn erase(&self, phone_hash: PhoneHash) -> Result<Erasure, PlatformError> {
        let inner = &self.0;
        let erased = inner
            .step(|state, now| state.erase(now, &inner.config))
            .await?;
        inner.call_off();
        event::log(
            &inner.platform,
            &Event::Erased {
                phone_hash,
                by: "operator",
                erased,
            },
        );
        inner.delete_doomed_within_wait(inner.platform.now()).await;
        inner
            .read(|state, now| {
                let Summary { opted_out, .. } = state.summary(now);
                Erasure {
                    erased,
                    kv_deleted: state.doomed().is_empty(),
                    opted_out,
                }
            })
            .await
    }

    /// Notes and logs what Twilio reports of a message, once for each status.
    ///
    /// # Errors
    /// When storage failed. Giving the report again is safe.
    pub async fn report(&self, report: DeliveryReport) -> Result<(), PlatformError> {
        let inner = &self.0;
        if inner
            .step(|state, _| state.report(&report.sid, report.status))
            .await?
        {
            let DeliveryReport {
                phone_hash,
                status,
                code,
                ..
            } = report;
            event::log(
                &inner.platform,
                &Event::Delivery {
                    phone_hash,
                    status,
                    code,
                },
            );
        }
        Ok(())
    }

    /// The alarm: does all work that was left over, then forgets what has expired, and sets the next alarm.
    ///
    /// # Errors
    /// When storage failed, and an alarm could not be set either; the runtime then rings again.
    pub async fn alarm(&self) -> Result<(), PlatformError> {
        let inner = &self.0;
        let Err(error) = inner.work_off().await else {
            return Ok(());
        };
        inner.log_storage_error(error);
        // The runtime rings again six times and then never: an alarm of our own comes for as long as it takes.
        let again = inner.platform.now().plus(ALARM_RETRY);
        // What is stored is read again, and nothing of what was known of the alarm holds any more.
        let mut current = inner.state.lock().await;
        *current = None;
        inner
            .platform
            .commit(Batch {
                alarm: Some(again),
                ..Batch::default()
            })
            .await
    }
}

impl<P: SenderPlatform> Inner<P> {
    /// Does all work that was left over, and forgets what has expired.
    async fn work_off(self: &Rc<Self>) -> Result<(), PlatformError> {
        if let Some(held) = self.held().await?.as_mut() {
            held.alarm = Alarm::Rings;
        }
        while let Some(work) = self.read(State::work).await? {
            match work {
                Work::Turn => self.run().await,
                Work::Late => self.send_late().await?,
                Work::Delete => self.delete_doomed().await?,
                Work::Report => self.report_counts().await?,
                Work::Save => self.save().await?,
            }
        }
        self.take_step(true, &mut |state, now| state.rest(now, &self.config))
            .await?;
        if self
            .read(|state, now| state.stored_conversation(now).is_none())
            .await?
        {
            self.conversation.take();
        }
        Ok(())
    }

    /// Looks at the state, which includes what no step has stored yet.
    async fn read<R>(
        &self,
        look: impl FnOnce(&State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        let current = self.held().await?;
        current
            .as_ref()
            .map(|held| look(&held.state, self.platform.now()))
            .ok_or_else(|| PlatformError::new("unread"))
    }

    /// One atomic step: decides on a copy of the state, stores what changed, and then takes the copy as the state. If storing
    /// fails, what is stored is read again by the next step.
    async fn step<R>(
        &self,
        decide: impl FnOnce(&mut State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        let (mut decide, mut result) = (Some(decide), None);
        let mut once =
            |state: &mut State, now| result = decide.take().map(|decide| decide(state, now));
        self.take_step(false, &mut once).await?;
        result.ok_or_else(|| PlatformError::new("undecided"))
    }

    /// The step itself; boxed, so that the code for it exists once and not for each decision. The last step of an alarm
    /// that `rang` also stores what is ahead of storage, and sets the next alarm.
    fn take_step<'a>(
        &'a self,
        rang: bool,
        decide: &'a mut dyn FnMut(&mut State, UnixMillis),
    ) -> LocalBoxFuture<'a, Result<(), PlatformError>> {
        let step = async move {
            let mut current = self.held().await?;
            let Some(Held {
                state: mut before,
                ahead,
                alarm,
            }) = current.take()
            else {
                return Err(PlatformError::new("unread"));
            };
            let now = self.platform.now();
            before.forget_wake_without_work(now);
            let mut after = before.clone();
            decide(&mut after, now);
            let stores = after != before || (ahead && rang);
            let mut batch = if stores {
                self.batch(&before, &mut after, now).await?
            } else {
                Batch::default()
            };
            let alarm = match alarm {
                _ if batch.clear => Alarm::Unknown,
                Alarm::Rings if rang => Alarm::Unknown,
                alarm => alarm,
            };
            if (stores || rang) && !batch.clear {
                batch.alarm = after.new_alarm(alarm.set_for(now), now, &self.config);
            }
            let alarm = batch.alarm.map_or(alarm, Alarm::Set);
            if batch != Batch::default() {
                let begins = after
                    .turn_number()
                    .filter(|number| before.turn_number() != Some(*number));
                self.platform.commit(batch).await?;
                self.begun.set(begins.or(self.begun.get()));
            }
            *current = Some(Held {
                state: after,
                ahead: ahead && !stores,
                alarm,
            });
            Ok(())
        };
        step.boxed_local()
    }

    /// The state, locked and read from storage if it was not, with what was counted since.
    fn held(&self) -> LocalBoxFuture<'_, Result<MutexGuard<'_, Option<Held>>, PlatformError>> {
        let held = async {
            let mut current = self.state.lock().await;
            let mut held = match current.take() {
                Some(held) => held,
                None => self.load().await?,
            };
            let counted = self.counted.take();
            held.ahead |= !counted.is_empty();
            let now = self.platform.now();
            held.state.distrust_future(now, &self.config);
            held.state.counted(&counted, now);
            *current = Some(held);
            Ok(current)
        };
        held.boxed_local()
    }

    async fn load(&self) -> Result<Held, PlatformError> {
        // Whatever is there stands for an opt-out: a doubt must not send anything.
        let opted_out = Storage::get(&self.platform, OPTED_OUT_KEY).await?.is_some();
        let now = self.platform.now();
        let (mut state, problem) = match Storage::get(&self.platform, STATE_KEY).await? {
            None => (State::default(), None),
            Some(stored) => match stored.text().as_deref().map(State::decode) {
                Some(Decoded::Whole(state)) => (state, None),
                Some(Decoded::Salvaged(state)) => (state, Some("state_salvaged")),
                // Written by another release, perhaps. A sender that can never be answered again would be worse than one that
                // is met as a stranger.
                Some(Decoded::Unreadable) | None => (State::unknown(now), Some("state_unreadable")),
            },
        };
        state.set_opted_out(opted_out);
        state.expect_late_writes(now, &self.config);
        if let Some(reason) = problem {
            event::log(&self.platform, &Event::InternalError { reason });
        }
        Ok(Held {
            state,
            ahead: problem.is_some(),
            alarm: Alarm::Unknown,
        })
    }

    /// What a step writes, but for the alarm.
    async fn batch(
        &self,
        before: &State,
        state: &mut State,
        now: UnixMillis,
    ) -> Result<Batch, PlatformError> {
        if state.is_blank() && !state.is_opted_out() {
            *state = State::default();
            return Ok(Batch {
                clear: true,
                ..Batch::default()
            });
        }
        state.forget_wake_without_work(now);
        let mut batch = Batch::default();
        match (before.is_opted_out(), state.is_opted_out()) {
            (false, true) => batch
                .puts
                .push((OPTED_OUT_KEY.to_owned(), "true".to_owned())),
            (true, false) => batch.deletes.push(OPTED_OUT_KEY.to_owned()),
            _ => {}
        }
        let spilled = state.sort_answers();
        for AnswerRow { number, turns } in state.thinned_rows(before) {
            let mut answers = if turns.is_empty() {
                Vec::new()
            } else {
                self.answers_in(number).await?
            };
            answers.retain(|answer| turns.contains(&answer.turn));
            if answers.is_empty() {
                batch.deletes.push(answers_key(number));
            } else {
                batch.puts.push((answers_key(number), encode(&answers)?));
            }
        }
        if let Some((number, answers)) = spilled {
            batch.puts.push((answers_key(number), encode(&answers)?));
        }
        if state.is_blank() {
            batch.deletes.push(STATE_KEY.to_owned());
        } else {
            batch.puts.push((STATE_KEY.to_owned(), encode(state)?));
        }
        Ok(batch)
    }

    /// The answers in a row beside the state. One that cannot be read holds none.
    async fn answers_in(&self, row: u64) -> Result<Vec<Answer>, PlatformError> {
        let Some(stored) = Storage::get(&self.platform, &answers_key(row)).await? else {
            return Ok(Vec::new());
        };
        let answers = stored
            .text()
            .and_then(|text| serde_json::from_str(&text).ok());
        if answers.is_none() {
            event::log(
                &self.platform,
                &Event::InternalError {
                    reason: "answers_unreadable",
                },
            );
        }
        Ok(answers.unwrap_or_default())
    }

    /// Waits until the turn of a message has ended, or the webhook must be answered.
    async fn wait(
        self: &Rc<Self>,
        sid: MessageSid,
        arrived: UnixMillis,
    ) -> Result<Reply, PlatformError> {
        let _waiting = Waiting::new(self, sid.clone());
        let outcome = |state: &State| state.outcome(&sid).unwrap_or(Outcome::Nothing);
        let ended = async {
            loop {
                match self.read(|state, _| outcome(state)).await? {
                    Outcome::Waiting => self.run().await,
                    outcome => return Ok::<_, PlatformError>(outcome),
                }
            }
        };
        let deadline = self.platform.sleep(
            self.config
                .reply_within
                .saturating_sub(self.platform.now().since(arrived)),
        );
        let in_time = {
            pin_mut!(ended, deadline);
            match select(ended, deadline).await {
                Either::Left((outcome, _)) => Some(outcome?),
                // What waited is dropped before the next await: it may stand first in line for the state, and would not move on.
                Either::Right(((), _)) => None,
            }
        };
        let outcome = match in_time {
            Some(outcome) => outcome,
            // The turn may have ended while its last step was being stored; then it counts on this webhook to answer.
            // Otherwise the wait is over with this look: no await lies between it and the end of `_waiting`.
            None => match self.read(|state, _| outcome(state)).await? {
                Outcome::Waiting if !self.can_answer_late().await => {
                    self.tell_no_late_answer(&sid).await?
                }
                Outcome::Waiting => self.read(|state, _| outcome(state)).await?,
                outcome => outcome,
            },
        };
        self.reply(outcome).await
    }

    /// Whether a message can still be sent by REST today, as far as the budget object says in time.
    async fn can_answer_late(&self) -> bool {
        let look = self
            .platform
            .look(Item::Message, self.config.max_daily_messages);
        !matches!(
            within(&self.platform, LOOK_LIMIT, look).await,
            Some(Ok(Reservation::Exhausted))
        )
    }

    async fn tell_no_late_answer(&self, sid: &MessageSid) -> Result<Outcome, PlatformError> {
        let hash = self.read(|state, _| state.phone_hash(sid)).await?;
        let (outcome, limited) = self
            .step(|state, now| state.tell_no_late_answer(sid, now))
            .await?;
        if let (true, Some(phone_hash)) = (limited, hash) {
            self.log_daily_limit(
                phone_hash,
                DailyLimit::Messages,
                outcome != Outcome::Nothing,
            );
        }
        Ok(outcome)
    }

    async fn reply(&self, outcome: Outcome) -> Result<Reply, PlatformError> {
        match outcome {
            Outcome::Waiting | Outcome::Nothing => Ok(Reply::Empty),
            Outcome::Notice(notice) => Ok(Reply::Text(notice.text(&self.config.help_text))),
            Outcome::Answer(turn) => {
                let text = match self.read(|state, _| state.answer(turn)).await? {
                    Some(Place::State(text)) => Some(text),
                    Some(Place::Row(row)) => {
                        let answer = self
                            .answers_in(row)
                            .await?
                            .into_iter()
                            .find(|answer| answer.turn == turn);
                        answer.map(|answer| answer.text)
                    }
                    None => None,
                };
                Ok(text.map_or(Reply::Empty, Reply::Text))
            }
        }
    }

    /// Waits for the turn that runs, or runs the next one. All that wait share one run.
    async fn run(self: &Rc<Self>) {
        let running = self.running.borrow().clone();
        let run = running.unwrap_or_else(|| {
            let inner = Rc::clone(self);
            let run = async move {
                if let Err(error) = inner.run_turn().await {
                    inner.log_storage_error(error);
                }
                inner.running.take();
            };
            let run = run.boxed_local().shared();
            *self.running.borrow_mut() = Some(run.clone());
            // It goes on when every webhook has left.
            self.platform.spawn(run.clone().boxed_local());
            run
        });
        run.await;
    }

    /// Runs the turn that is in the state, from wherever it was left.
    async fn run_turn(self: &Rc<Self>) -> Result<(), PlatformError> {
        let (called_off, calling_off) = future::abortable(future::pending::<()>());
        *self.calling_off.borrow_mut() = Some(calling_off);
        let begun = self.begun.take();
        let resume = self.step(|state, now| {
            let begun_here = begun.is_some() && begun == state.turn_number();
            state.resume(begun_here, now, &self.config)
        });
        match resume.await? {
            Resume::Nothing => Ok(()),
            Resume::GiveUp(turn) | Resume::Run(turn) if turn.is_reset() => {
                self.end_turn(&turn, None, None, Ended::Reset(wording::RESET))
                    .await?;
                // The next turn does not wait for KV.
                let inner = Rc::clone(self);
                self.platform
                    .spawn(async move { inner.delete_doomed_or_log().await }.boxed_local());
                Ok(())
            }
            Resume::Run(turn) if turn.over_limit => {
                let asked = Asked::nothing(Failure::ContactLimit);
                let ended = Ended::Limited(DailyLimit::CallsPerContact, wording::NO_MORE_TODAY);
                self.end_turn(&turn, Some(&asked), None, ended).await
            }
            Resume::GiveUp(turn) => {
                let asked = Asked::nothing(Failure::Interrupted);
                self.end_turn(&turn, Some(&asked), None, Ended::Failed(wording::APOLOGY))
                    .await
            }
            Resume::Run(turn) => {
                let input = turn.input();
                let (asked, conversation) = self.ask(&turn, &input, called_off).await;
                let ended = match &asked.result {
                    Ok(completion) => Ended::Answered {
                        input,
                        text: self.fitted(&turn, &completion.text),
                    },
                    Err(Failure::BudgetExhausted) => {
                        Ended::Limited(DailyLimit::Calls, wording::NO_BUDGET)
                    }
                    Err(Failure::Filtered) => Ended::Failed(wording::FILTERED),
                    Err(Failure::TokenLimit) => Ended::Failed(wording::TOKEN_LIMIT),
                    Err(Failure::Picture(FetchError::Address | FetchError::NotFetched)) => {
                        Ended::Failed(wording::PICTURE_NOT_FETCHED)
                    }
                    Err(Failure::Picture(FetchError::TooLarge)) => {
                        Ended::Failed(wording::PICTURE_TOO_LARGE)
                    }
                    Err(Failure::Picture(FetchError::NotAPicture)) => {
                        Ended::Failed(wording::NOT_A_PICTURE)
                    }
                    Err(_) => Ended::Failed(wording::APOLOGY),
                };
                self.end_turn(&turn, Some(&asked), conversation, ended)
                    .await
            }
        }
    }

    /// The answer as it can be sent where the turn's last message came from: what is stored, sent inline and sent by REST.
    fn fitted(&self, turn: &Running, answer: &str) -> String {
        if turn.is_sms() {
            segments::fit(answer, self.config.max_segments)
        } else {
            parts::fit(answer)
        }
    }

    /// Fetches the pictures and asks the model, and shows meanwhile that an answer is being written. Gives back the conversation
    /// if it is whole.
    async fn ask(
        &self,
        turn: &Running,
        input: &str,
        called_off: impl Future<Output: Clone>,
    ) -> (Asked, Option<Conversation>) {
        let whole = Cell::new(true);
        let begun = self.platform.now();
        let called_off = called_off.shared();
        let ask = async {
            // What cannot be read is not reported now.
            let tally = self
                .read(|state, _| state.tally())
                .await
                .unwrap_or_default();
            let fetch = self.fetch_pictures(turn, begun);
            pin_mut!(fetch);
            let pictures = match select(called_off.clone(), fetch).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((pictures, _)) => pictures,
            };
            match pictures {
                Ok(pictures) => {
                    let (pictures, _held) = pictures;
                    let question = Question {
                        input,
                        pictures,
                        begun,
                        tally,
                    };
                    let conversation = self.load_conversation(&whole);
                    turn::ask(
                        &self.platform,
                        &self.config,
                        &self.name,
                        self,
                        conversation,
                        question,
                        called_off,
                    )
                    .await
                }
                Err(failure) => {
                    // The conversation is not needed, and stays as it is.
                    whole.set(false);
                    (Asked::nothing(failure), Conversation::default())
                }
            }
        };
        let typing = self.show_typing(turn);
        pin_mut!(ask, typing);
        let (asked, conversation) = match select(ask, typing).await {
            Either::Left((asked, _)) => asked,
            Either::Right(((), ask)) => ask.await,
        };
        (asked, whole.get().then_some(conversation))
    }

    /// The pictures that the turn is about, one after the other: so no more is read than they may have together.
    ///
    /// Where there is no budget, none is fetched. With them comes their place in the isolate's memory, which is theirs until the
    /// model has answered.
    async fn fetch_pictures(
        &self,
        turn: &Running,
        begun: UnixMillis,
    ) -> Result<(Vec<Picture>, Option<media::Place>), Failure> {
        if turn.pictures().next().is_none() {
            return Ok((Vec::new(), None));
        }
        let limit = media::TIMEOUT.min(self.config.openai.timeout);
        turn::look(&self.platform, &self.config, limit).await?;
        let deadline = begun.plus(limit);
        let place = media::place(&self.platform, deadline)
            .await
            .map_err(Failure::Picture)?;
        let mut room = media::MAX_BYTES;
        let mut pictures = Vec::new();
        for (route, url) in turn.pictures() {
            let base = &self.config.twilio_api_base_url;
            let picture = media::fetch(
                &self.platform,
                base,
                url,
                self.envelopes(route),
                room,
                deadline,
            )
            .await;
            let picture = picture.map_err(Failure::Picture)?;
            room = room.saturating_sub(picture.bytes.len());
            pictures.push(picture);
        }
        Ok((pictures, Some(place)))
    }

    /// Shows a person on WhatsApp that an answer is being written, once the turn takes longer than people expect.
    async fn show_typing(&self, turn: &Running) {
        let Some(last) = turn
            .messages
            .last()
            .filter(|last| last.route.sender.is_whatsapp())
        else {
            return;
        };
        self.platform.sleep(TYPING_AFTER).await;
        if let Some(envelope) = self.envelopes(&last.route).next() {
            rest::show_typing(
                &self.platform,
                &self.config.twilio_api_base_url,
                envelope,
                &last.sid,
            )
            .await;
        }
    }

    /// Stores how the turn ended, decides who carries the answer, and begins the next turn: one step. `conversation` is the one
    /// that the turn went on from, if it is whole.
    async fn end_turn(
        self: &Rc<Self>,
        turn: &Running,
        asked: Option<&Asked>,
        conversation: Option<Conversation>,
        ended: Ended,
    ) -> Result<(), PlatformError> {
        let delivery = self.step(|state, now| {
            if let Some(asked) = asked {
                state.reported(&asked.reported);
                state.counted(&asked.tally(), now);
            }
            // A turn that was cut off may have made one before.
            let requests = match asked {
                Some(Asked {
                    result: Err(Failure::Interrupted),
                    ..
                }) => None,
                asked => Some(asked.map_or(0, |asked| asked.requests)),
            };
            state.end_turn(
                turn.number,
                &ended,
                requests,
                &self.waiting.borrow(),
                now,
                &self.config,
            )
        });
        let delivery = delivery.await?;
        self.log_turn(turn, asked, &ended, delivery);
        if delivery == Delivery::Cancelled {
            return Ok(());
        }
        match ended {
            Ended::Answered { input, text } => {
                *self.conversation.borrow_mut() = conversation.map(|mut conversation| {
                    conversation.push(conversation::Turn {
                        user: input,
                        assistant: text,
                    });
                    conversation
                });
                let inner = Rc::clone(self);
                let save = async move { inner.save().await };
                let inner = Rc::clone(self);
                let save = save.unwrap_or_else(move |error| inner.log_storage_error(error));
                self.platform.spawn(save.boxed_local());
            }
            Ended::Reset(_) => drop(self.conversation.take()),
            // A conversation that was not whole is read again by the next turn.
            Ended::Failed(_) | Ended::Limited(..) => *self.conversation.borrow_mut() = conversation,
        }
        Ok(())
    }

    /// Breaks off the turn that runs, which is no longer in the state, and forgets what memory holds of it and of others.
    fn call_off(&self) {
        if let Some(request) = self.calling_off.take() {
            request.abort();
        }
        self.conversation.take();
    }

    /// The conversation so far. What KV does not give now is logged, and the turn goes on without it; `whole` then becomes
    /// false, so that what KV may give later is not overwritten.
    async fn load_conversation(&self, whole: &Cell<bool>) -> Conversation {
        let stored = self.read(|state, now| {
            state
                .stored_conversation(now)
                .map(|(revision, unsaved)| (revision, unsaved.to_vec()))
        });
        let (revision, unsaved) = match stored.await {
            Ok(None) => return Conversation::default(),
            Ok(Some(stored)) => stored,
            Err(_) => {
                event::log(
                    &self.platform,
                    &Event::ConversationUnreadable {
                        reason: "storage_failed",
                    },
                );
                whole.set(false);
                return Conversation::default();
            }
        };
        if let Some(conversation) = self.conversation.borrow().as_ref() {
            return conversation.clone();
        }
        let mut conversation = match revision {
            // So many turns are the whole conversation, whatever came before them.
            Some(revision) if unsaved.len() < conversation::MAX_TURNS => {
                self.read_revision(revision, whole).await
            }
            _ => Conversation::default(),
        };
        unsaved
            .into_iter()
            .for_each(|unsaved| conversation.push(unsaved.said()));
        conversation
    }

    async fn read_revision(&self, revision: u64, whole: &Cell<bool>) -> Conversation {
        let key = conversation::key(&self.name, revision);
        let read = in_time(&self.platform, KV_READ_LIMIT, Kv::get(&self.platform, &key)).await;
        let reason = match read
            .as_ref()
            .map(|text| text.as_deref().map(Conversation::decode))
        {
            Ok(Some(Ok(conversation))) => return conversation,
            // It will not get better: a new conversation begins.
            Ok(Some(Err(error))) => error.label(),
            // It may come: KV shows what was written elsewhere with a delay.
            Ok(None) => {
                whole.set(false);
                "missing"
            }
            Err(_) => {
                whole.set(false);
                "kv_failed"
            }
        };
        event::log(&self.platform, &Event::ConversationUnreadable { reason });
        Conversation::default()
    }

    /// Writes what KV does not have yet, as a new revision.
    async fn save(self: &Rc<Self>) -> Result<(), PlatformError> {
        let _saving = self.saving.lock().await;
        while let Some((revision, ttl)) = self.read(State::next_save).await? {
            let Some(conversation) = self.conversation.borrow().clone() else {
                let whole = Cell::new(true);
                let loaded = self.load_conversation(&whole).await;
                if !whole.get() {
                    return self.step(State::save_failed).await;
                }
                // A turn may have ended meanwhile: what is in memory then is newer, and what was loaded is too old.
                let unchanged = self
                    .read(|state, now| {
                        state
                            .next_save(now)
                            .is_some_and(|(next, _)| next == revision)
                    })
                    .await?;
                if unchanged {
                    self.conversation.borrow_mut().get_or_insert(loaded);
                }
                continue;
            };
            let Ok(text) = conversation.encode() else {
                return Err(PlatformError::new("encode"));
            };
            let key = conversation::key(&self.name, revision);
            match within(
                &self.platform,
                KV_WRITE_LIMIT,
                Kv::put(&self.platform, &key, &text, ttl),
            )
            .await
            {
                Some(Ok(())) => {}
                failed => {
                    event::log(&self.platform, &Event::KvFailed { operation: "put" });
                    return match failed {
                        None => {
                            self.step(|state, now| state.save_took_too_long(revision, ttl, now))
                                .await
                        }
                        Some(_) => self.step(State::save_failed).await,
                    };
                }
            }
            // It needs no write of its own: if it is lost with the object, the same revision is written once more.
            if let Some(held) = self.state.lock().await.as_mut() {
                held.state.saved(revision, ttl, self.platform.now());
                held.ahead = true;
            }
        }
        Ok(())
    }

    /// Deletes the revisions that must be deleted. What KV does not delete now is out of reach, and is tried again by the alarm
    /// until it has expired by itself.
    async fn delete_doomed(&self) -> Result<(), PlatformError> {
        // A revision that is being written would come after the deletion.
        let _saving = self.saving.lock().await;
        let doomed = self.read(|state, _| state.doomed()).await?;
        let mut deleted = Vec::new();
        for revision in &doomed {
            let key = conversation::key(&self.name, *revision);
            if in_time(&self.platform, KV_WRITE_LIMIT, self.platform.delete(&key))
                .await
                .is_err()
            {
                event::log(
                    &self.platform,
                    &Event::KvFailed {
                        operation: "delete",
                    },
                );
                break;
            }
            deleted.push(*revision);
        }
        self.step(|state, now| {
            state.deleted(&deleted, now);
            if doomed
                .iter()
                .any(|revision| state.doomed().contains(revision))
            {
                state.delete_failed(now);
            }
        })
        .await
    }

    async fn delete_doomed_or_log(&self) {
        if let Err(error) = self.delete_doomed().await {
            self.log_storage_error(error);
        }
    }

    /// Deletes what must be deleted for somebody who waits; when that takes too long, it goes on without them.
    async fn delete_doomed_within_wait(self: &Rc<Self>, arrived: UnixMillis) {
        let inner = Rc::clone(self);
        let deleted = async move { inner.delete_doomed_or_log().await };
        let deleted = deleted.boxed_local().shared();
        self.platform.spawn(deleted.clone().boxed_local());
        let too_long = self.platform.sleep(
            self.config
                .reply_within
                .saturating_sub(self.platform.now().since(arrived)),
        );
        pin_mut!(too_long);
        select(deleted, too_long).await;
    }

    /// Reports what was counted and what no request to the model took along.
    async fn report_counts(&self) -> Result<(), PlatformError> {
        // Taken away first: a report that is cut off would else be made again and again.
        let tally = self
            .step(|state, now| {
                let tally = state.tally();
                state.reported(&tally);
                // What has expired is forgotten with the same write.
                state.rest(now, &self.config);
                tally
            })
            .await?;
        let Err(error) = in_time(
            &self.platform,
            BUDGET_LIMIT,
            Budgets::report(&self.platform, tally),
        )
        .await
        else {
            return Ok(());
        };
        event::log(
            &self.platform,
            &Event::ObjectFailed {
                object: "budget",
                reason: error.reason,
            },
        );
        self.step(|state, now| state.counted(&tally, now)).await
    }

    /// Sends the late answers whose time has come, part after part. Each part is marked before it is sent; when its outcome
    /// is not known, Twilio is asked before anything is sent again.
    async fn send_late(&self) -> Result<(), PlatformError> {
        let _sending = self.sending.lock().await;
        while let Some(step) = self.step(State::next_late).await? {
            match step {
                LateStep::Reserve(late) => self.reserve_part(&late).await?,
                LateStep::Send(late) => self.send_part(&late).await?,
                LateStep::LookUp(late, since) => self.look_up_part(&late, since).await?,
                LateStep::GaveUp(late, true) => self.log_late(&late, "unknown", None),
                LateStep::GaveUp(late, false) => self.log_late(&late, "undeliverable", None),
            }
        }
        Ok(())
    }

    /// Reserves the first part of a late answer, and sends it: not before it is counted for `MAX_DAILY_MESSAGES`.
    async fn reserve_part(&self, late: &Late) -> Result<(), PlatformError> {
        let call = ReserveCall {
            item: Item::Message,
            cap: self.config.max_daily_messages,
            tally: Tally::EMPTY,
        };
        match in_time(&self.platform, BUDGET_LIMIT, self.platform.reserve(call)).await {
            Ok(Reservation::Granted) => {
                // It may have been called off meanwhile.
                let reserved = self
                    .step(|state, now| state.late_reserved(late.turn, now))
                    .await?;
                if let Some(late) = reserved {
                    self.send_part(&late).await
                } else {
                    Ok(())
                }
            }
            Ok(Reservation::Exhausted) => {
                self.step(|state, _| state.drop_late(late.turn)).await?;
                self.log_late(late, "daily_limit", None);
                Ok(())
            }
            Err(error) => {
                event::log(
                    &self.platform,
                    &Event::ObjectFailed {
                        object: "budget",
                        reason: error.reason,
                    },
                );
                self.step(|state, now| state.late_not_processed(late.turn, now))
                    .await
            }
        }
    }

    async fn send_part(&self, late: &Late) -> Result<(), PlatformError> {
        let mut created = Created::Refused(NO_ACCOUNT);
        if let Some(part) = late.parts.first() {
            for envelope in self.envelopes(&late.route) {
                created = rest::create_message(
                    &self.platform,
                    &self.config.twilio_api_base_url,
                    envelope,
                    part,
                )
                .await;
                // Between two tokens the sender may have opted out.
                if created != Created::Unauthorized
                    || !self
                        .step(|state, now| state.late_tried_again(late.turn, now))
                        .await?
                {
                    break;
                }
            }
        }
        let result = created.clone();
        self.step(|state, now| match result {
            Created::Sent(sid) => state.late_sent(late.turn, sid, now),
            Created::NotProcessed => state.late_not_processed(late.turn, now),
            Created::Unknown => state.late_unknown(late.turn, now),
            Created::Refused(_) | Created::Unauthorized => state.drop_late(late.turn),
        })
        .await?;
        match created {
            Created::Sent(_) => self.log_late(late, "sent", None),
            Created::Refused(NO_ACCOUNT) => self.log_late(late, "undeliverable", None),
            Created::Refused(code) => self.log_late(late, "refused", Some(code)),
            Created::Unauthorized => self.log_late(late, "refused", Some(401)),
            Created::NotProcessed | Created::Unknown => {}
        }
        Ok(())
    }

    async fn look_up_part(&self, late: &Late, since: UnixMillis) -> Result<(), PlatformError> {
        let known = self.read(|state, _| state.sent_sids()).await?;
        let mut found = Found::NotAsked;
        if let Some(part) = late.parts.first() {
            for envelope in self.envelopes(&late.route) {
                found = rest::find_message(
                    &self.platform,
                    &self.config.twilio_api_base_url,
                    envelope,
                    part,
                    since,
                    &known,
                )
                .await;
                if found != Found::Unauthorized {
                    break;
                }
            }
        }
        let result = found.clone();
        self.step(|state, now| match result {
            Found::Sent(sid) => state.late_sent(late.turn, Some(sid), now),
            Found::Absent => state.late_absent(late.turn, now),
            Found::NotAsked | Found::Unauthorized => state.late_not_looked_up(late.turn, now),
        })
        .await?;
        if matches!(found, Found::Sent(_)) {
            self.log_late(late, "sent", None);
        }
        Ok(())
    }

    /// Whom a late answer goes to: with the token that verified the message and, in case Twilio no longer takes that one, with
    /// the others, since the tokens may have been rotated meanwhile. None when the account is not known.
    fn envelopes<'a>(&'a self, route: &'a Route) -> impl Iterator<Item = Envelope<'a>> {
        let verified = |token: &&Secret| self.config.pseudonym_key.token_id(token) == route.token;
        let tokens = &self.config.twilio_tokens;
        let ordered = tokens
            .iter()
            .filter(verified)
            .chain(tokens.iter().filter(move |token| !verified(token)));
        let account = route.account.as_ref();
        ordered.filter_map(move |token| {
            let (service, from, to) = (route.service.as_ref(), &route.number, &route.sender);
            Some(Envelope {
                account: account?,
                token,
                service,
                from,
                to,
                origin: &route.origin,
            })
        })
    }

    fn count(&self, tally: &Tally) {
        let mut counted = self.counted.get();
        counted.add(tally);
        self.counted.set(counted);
    }

    fn log_turn(
        &self,
        turn: &Running,
        asked: Option<&Asked>,
        ended_by: &Ended,
        delivery: Delivery,
    ) {
        let (Some(first), Some(last)) = (turn.messages.first(), turn.messages.last()) else {
            return;
        };
        let failure = match asked.map(|asked| &asked.result) {
            Some(Ok(completion)) => completion.remark,
            Some(Err(failure)) => Some(failure.label()),
            None => None,
        };
        let ended = TurnEnded {
            phone_hash: last.phone_hash.clone(),
            outcome: match ended_by {
                _ if delivery == Delivery::Cancelled => "cancelled",
                Ended::Answered { .. } => "answered",
                Ended::Failed(_) | Ended::Limited(..) => "failed",
                Ended::Reset(_) => "reset",
            },
            failure,
            delivery: match delivery {
                Delivery::Inline => "inline",
                Delivery::Late => "late",
                Delivery::Unsaid(_) | Delivery::Cancelled => "none",
            },
            messages: turn.messages.len(),
            segments: turn.is_sms().then(|| segments::total(ended_by.text())),
            duration_ms: millis(self.platform.now().since(first.at)),
            model_ms: asked.map_or(0, |asked| asked.model_ms),
            model_requests: asked.map_or(0, |asked| asked.requests),
            prompt_tokens: asked.map_or(0, |asked| asked.tokens.prompt),
            completion_tokens: asked.map_or(0, |asked| asked.tokens.completion),
        };
        event::log(&self.platform, &Event::Turn(ended));
        match (ended_by, delivery) {
            (_, Delivery::Unsaid(limit)) => {
                self.log_daily_limit(last.phone_hash.clone(), limit, false)
            }
            (Ended::Limited(limit, _), Delivery::Inline | Delivery::Late) => {
                self.log_daily_limit(last.phone_hash.clone(), *limit, true)
            }
            _ => {}
        }
    }

    fn log_daily_limit(&self, phone_hash: PhoneHash, limit: DailyLimit, told: bool) {
        event::log(
            &self.platform,
            &Event::Security {
                phone_hash,
                details: Security::DailyLimitReached { limit, told },
            },
        );
    }

    fn log_consent(&self, phone_hash: PhoneHash, state: &'static str, dropped: Dropped) {
        let Dropped {
            messages: dropped_messages,
            parts: dropped_parts,
        } = dropped;
        event::log(
            &self.platform,
            &Event::Consent {
                phone_hash,
                state,
                dropped_messages,
                dropped_parts,
            },
        );
    }

    fn log_late(&self, late: &Late, outcome: &'static str, code: Option<u32>) {
        event::log(
            &self.platform,
            &Event::LatePart {
                phone_hash: late.phone_hash.clone(),
                outcome,
                code,
            },
        );
    }

    fn log_storage_error(&self, error: PlatformError) {
        event::log(
            &self.platform,
            &Event::ObjectFailed {
                object: "sender",
                reason: error.reason,
            },
        );
    }
}

fn encode(value: &impl Serialize) -> Result<String, PlatformError> {
    serde_json::to_string(value).map_err(|_| PlatformError::new("encode"))
}

impl<P: SenderPlatform> turn::Share for Inner<P> {
    async fn reserve(&self) -> bool {
        // What cannot be counted is not spent.
        self.step(|state, now| state.reserve_call(now, &self.config))
            .await
            .unwrap_or(false)
    }
}

/// Says, as long as it lives, that a webhook waits for a message's answer.
struct Waiting<P>(Rc<Inner<P>>, MessageSid);

impl<P> Waiting<P> {
    fn new(inner: &Rc<Inner<P>>, sid: MessageSid) -> Self {
        inner.waiting.borrow_mut().push(sid.clone());
        Self(Rc::clone(inner), sid)
    }
}

impl<P> Drop for Waiting<P> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.borrow_mut();
        if let Some(at) = waiting.iter().position(|sid| *sid == self.1) {
            waiting.swap_remove(at);
        }
    }
}
