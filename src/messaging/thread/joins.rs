//! Messages that join the turn that runs: one thought in several messages gets one answer.
//!
//! A message that comes while a turn runs is stored as waiting, like any other. The run takes it
//! into the turn in one step, right before the model is asked. If the model is asked already, the
//! run first reserves another request, then breaks off the one under way, and then takes the
//! message in. So an answer always answers exactly the messages that the stored turn has, and each
//! request is reserved. Not here: which messages may join (`messaging::state`), and the request
//! itself (`conversation::model_run`).

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::future::{self, Abortable, Pending};

use super::{Inner, ThreadPlatform, saving::KV_READ_LIMIT};
use crate::{
    base::{image::Image, time::UnixMillis, usage::UsageCounters},
    config::Config,
    conversation::model_run::{self, Failure, Words},
    identity::MessageSid,
    messaging::{
        state::{ActiveTurn, PendingMessage, State},
        unfinished::Ending,
    },
    object::within,
    platform::PlatformError,
    twilio::media,
};

/// What a turn asks the model: its messages, and their images.
#[derive(Debug)]
pub(super) struct Gathering {
    number: u64,
    /// When work on the turn began.
    pub(super) begun: UnixMillis,
    /// The turn, with the messages that have joined it.
    turn: RefCell<ActiveTurn>,
    /// The images of the first `fetched` messages: those of the turn, and then those that wait.
    images: RefCell<Rc<Vec<Image>>>,
    fetched: Cell<usize>,
    /// A message whose images cannot be fetched does not join. It fails in a turn of its own.
    left_out: RefCell<Option<MessageSid>>,
    /// The images keep their slot in the isolate's memory until the model has answered.
    pub(super) slot: RefCell<Option<media::Slot>>,
    /// Storage failed while a message joined, so nobody knows which messages the turn has.
    broken: RefCell<Option<PlatformError>>,
}

/// After a greeting or a picture, the turn waits for a third of `JOIN_WITHIN_MS`: long enough for
/// the next picture of an album, and too short to be felt.
const BRIEF_HOLD: u32 = 3;
/// All holds of a turn together last at most this many times `JOIN_WITHIN_MS`.
const MOST_HOLDS: u32 = 2;

impl Gathering {
    pub(super) fn new(turn: ActiveTurn, begun: UnixMillis) -> Self {
        Self {
            number: turn.number,
            begun,
            turn: RefCell::new(turn),
            images: RefCell::default(),
            fetched: Cell::default(),
            left_out: RefCell::default(),
            slot: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// The turn as it was last asked.
    ///
    /// # Errors
    /// When storage failed while a message joined it.
    pub(super) fn into_turn(self) -> Result<ActiveTurn, PlatformError> {
        self.broken
            .into_inner()
            .map_or(Ok(self.turn.into_inner()), Err)
    }

    /// The bytes that further images may have.
    pub(super) fn room(&self) -> usize {
        let used: usize = self.images.borrow().iter().map(|one| one.bytes.len()).sum();
        media::MAX_BYTES.saturating_sub(used)
    }

    /// How long KV may take: at most half of the time that the turn has left.
    pub(super) fn time_for_kv(&self, now: UnixMillis, config: &Config) -> Duration {
        let spent = now.since(self.begun);
        KV_READ_LIMIT.min(half(config.openai_timeout.saturating_sub(spent)))
    }

    fn words(&self) -> Words {
        Words {
            text: self.turn.borrow().input(),
            images: Rc::clone(&self.images.borrow()),
        }
    }

    fn add_images(&self, images: Vec<Image>) {
        self.fetched.set(self.fetched.get().saturating_add(1));
        if !images.is_empty() {
            Rc::make_mut(&mut *self.images.borrow_mut()).extend(images);
        }
    }

    /// How long the turn still waits for a further message.
    fn hold(&self, now: UnixMillis, config: &Config) -> Duration {
        let brief = config.join_within.checked_div(BRIEF_HOLD);
        let brief = brief.unwrap_or_default();
        let hold = self
            .turn
            .borrow()
            .ending()
            .map_or(Duration::ZERO, |(ending, at)| {
                let hold = match ending {
                    Ending::Complete => Duration::ZERO,
                    Ending::PerhapsMore => brief,
                    // The contact expects no answer yet.
                    Ending::MoreToCome => config.join_within.saturating_add(brief),
                };
                hold.saturating_sub(now.since(at))
            });
        let longest = config.join_within.saturating_mul(MOST_HOLDS);
        let longest = longest.min(half(config.reply_within));
        let longest = longest.min(half(config.openai_timeout));
        hold.min(longest.saturating_sub(now.since(self.begun)))
    }
}

fn half(duration: Duration) -> Duration {
    duration.checked_div(2).unwrap_or_default()
}

impl<P: ThreadPlatform> Inner<P> {
    /// Tells the turn that runs that a message has come.
    pub(super) fn message_came(&self) {
        if let Some(run) = self.arriving.take() {
            run.abort();
        }
    }

    /// Ends when the next message comes. One that comes before this is polled counts, too.
    fn next_message(&self) -> Abortable<Pending<()>> {
        let (arrival, arriving) = future::abortable(future::pending());
        *self.arriving.borrow_mut() = Some(arriving);
        arrival
    }

    /// Fetches the turn's images, waits if its last message ends as if more came, and takes in the
    /// messages that came meanwhile. Returns what the model is asked.
    pub(super) async fn gather(&self, gathering: &Gathering) -> Result<Words, Failure> {
        let mut is_over = false;
        loop {
            let next = self.next_message();
            self.fetch_own(gathering).await?;
            if self.take_in(gathering).await? {
                is_over = false;
                continue;
            }
            let hold = gathering.hold(self.platform.now(), &self.config);
            if is_over || hold.is_zero() {
                return Ok(gathering.words());
            }
            is_over = within(&self.platform, hold, next).await.is_none();
        }
    }

    /// Ends when the request under way should be broken off, because a message came within
    /// `JOIN_WITHIN_MS` and another request is reserved. Otherwise it never ends.
    pub(super) async fn asked_too_early(&self, gathering: &Gathering) {
        let limit = self.config.join_within;
        if !limit.is_zero() {
            let can_join = self.a_message_can_join(gathering);
            let can_join = within(&self.platform, limit, can_join).await;
            if can_join == Some(true) && self.reserve_again(gathering).await {
                return;
            }
        }
        future::pending::<()>().await;
    }

    /// Waits until a message can join a turn that may be asked anew. `false`: storage failed.
    async fn a_message_can_join(&self, gathering: &Gathering) -> bool {
        loop {
            let next = self.next_message();
            let may = |state: &State, now| state.can_ask_again(gathering.number, now, &self.config);
            match self.read(may).await {
                Ok(true) if self.fetch_waiting(gathering).await > 0 => return true,
                Ok(_) => {
                    // It ends by being aborted.
                    let _aborted = next.await;
                }
                Err(_) => return false,
            }
        }
    }

    /// Reserves another request for the turn, if it still has half of its time.
    async fn reserve_again(&self, gathering: &Gathering) -> bool {
        let (platform, config) = (&self.platform, &self.config);
        let spent = platform.now().since(gathering.begun);
        if spent > half(config.openai_timeout) {
            return false;
        }
        // Meanwhile the request under way goes on, and costs.
        let limit = config.join_within;
        let reserved = model_run::reserve(platform, config, UsageCounters::EMPTY, limit).await;
        let number = gathering.number;
        let reserve = |state: &mut State, now| state.reserve_again(number, now, config);
        reserved.is_ok() && self.step(reserve).await.unwrap_or(false)
    }

    /// The messages that wait and may join do so. Returns whether there were any.
    async fn take_in(&self, gathering: &Gathering) -> Result<bool, Failure> {
        let count = self.fetch_waiting(gathering).await;
        if count == 0 {
            return Ok(false);
        }
        let number = gathering.number;
        match self.step(|state, _| state.join(number, count)).await {
            Ok(Some(turn)) => {
                *gathering.turn.borrow_mut() = turn;
                Ok(true)
            }
            Ok(None) => Err(Failure::Cancelled),
            Err(error) => {
                *gathering.broken.borrow_mut() = Some(error);
                Err(Failure::Cancelled)
            }
        }
    }

    /// Fetches the images of the turn's own messages that are not fetched yet.
    async fn fetch_own(&self, gathering: &Gathering) -> Result<(), Failure> {
        let next = || {
            let turn = gathering.turn.borrow();
            turn.messages.get(gathering.fetched.get()).cloned()
        };
        while let Some(message) = next() {
            let images = self.fetch_images(&message, gathering).await?;
            gathering.add_images(images);
        }
        Ok(())
    }

    /// Fetches the images of the messages that may join. Returns how many can do so.
    async fn fetch_waiting(&self, gathering: &Gathering) -> usize {
        let joinable = |state: &State, _| state.joinable(gathering.number, &self.config).to_vec();
        let waiting = self.read(joinable).await.unwrap_or_default();
        let own = gathering.turn.borrow().messages.len();
        let is_left_out = |message: &PendingMessage| {
            let left_out = gathering.left_out.borrow();
            left_out.as_ref().is_some_and(|sid| *sid == message.sid)
        };
        let mut ready: usize = 0;
        for message in waiting {
            if is_left_out(&message) {
                break;
            }
            if gathering.fetched.get() <= own.saturating_add(ready) {
                let Ok(images) = self.fetch_images(&message, gathering).await else {
                    *gathering.left_out.borrow_mut() = Some(message.sid);
                    break;
                };
                gathering.add_images(images);
            }
            ready = ready.saturating_add(1);
        }
        ready
    }
}
