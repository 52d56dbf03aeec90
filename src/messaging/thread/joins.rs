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
    time::Duration,
};

use futures_util::future::{self, Abortable, Pending};

use super::{Inner, ThreadPlatform, media::Files, saving::KV_READ_LIMIT};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::Config,
    conversation::model_run::{self, Failure, Words},
    identity::MessageSid,
    messaging::{
        state::{ActiveTurn, Contents, PendingMessage, State},
        unfinished::Ending,
    },
    object::{StepHost, half_of_rest, within},
    platform::PlatformError,
    twilio::media::Attempts,
};

/// What a turn asks the model: its messages, and their files.
#[derive(Debug)]
pub(super) struct Gathering {
    number: u64,
    /// When work on the turn began.
    pub(super) begun: UnixMillis,
    /// The turn, with the messages that have joined it.
    turn: RefCell<ActiveTurn>,
    /// The files of the turn's messages, and then of those that wait.
    pub(super) files: Files,
    /// A message whose files cannot be read does not join. It fails in a turn of its own.
    left_out: RefCell<Option<MessageSid>>,
    /// Storage failed while a message joined, so nobody knows which messages the turn has.
    broken: RefCell<Option<PlatformError>>,
}

/// After a greeting or an image, the turn waits for a third of `JOIN_WITHIN_MS`: long enough for
/// the next image of an album, and too short to be felt.
const BRIEF_HOLD: u32 = 3;
/// All holds of a turn together last at most this many times `JOIN_WITHIN_MS`.
const MOST_HOLDS: u32 = 2;

/// Up to where the messages that wait are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Up to the first whose files cannot be read.
    Unreadable,
    /// Also up to the first that must be transcribed. That takes longer than a request that was asked
    /// too early is worth waiting for, and costs.
    Spoken,
}

impl Gathering {
    pub(super) fn new(turn: ActiveTurn, begun: UnixMillis) -> Self {
        Self {
            number: turn.number,
            begun,
            turn: RefCell::new(turn),
            files: Files::default(),
            left_out: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// The turn as it was last asked, and what its files are.
    ///
    /// # Errors
    /// When storage failed while a message joined it.
    pub(super) fn into_turn(self) -> Result<(ActiveTurn, Vec<Contents>), PlatformError> {
        let turn = self.turn.into_inner();
        let mut contents = self.files.contents();
        contents.truncate(turn.messages.len());
        self.broken.into_inner().map_or(Ok((turn, contents)), Err)
    }

    /// How long KV may take: at most half of the time that the turn has left.
    pub(super) fn time_for_kv(&self, now: UnixMillis, config: &Config) -> Duration {
        KV_READ_LIMIT.min(half_of_rest(config.openai_timeout, now.since(self.begun)))
    }

    fn words(&self) -> Words {
        Words {
            text: self.turn.borrow().input(&self.files.contents()),
            images: self.files.images(),
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

    /// Reads the turn's files, waits if its last message ends as if more came, and takes in the
    /// messages that came meanwhile. Returns what the model is asked.
    pub(super) async fn gather(&self, gathering: &Gathering) -> Result<Words, Failure> {
        let mut is_over = false;
        loop {
            let next = self.next_message();
            self.read_own(gathering).await?;
            if self.join_waiting(gathering).await? {
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
    /// `JOIN_WITHIN_MS` and another request is reserved. Otherwise it never ends, and neither once a
    /// tool was called: what a tool was told cannot be taken back.
    pub(super) async fn asked_too_early(&self, gathering: &Gathering, has_called: &Cell<bool>) {
        let until = self.platform.now().plus(self.config.join_within);
        let can_join = self.a_message_can_join(gathering, until).await && !has_called.get();
        // A tool may be called while the request is reserved.
        if can_join && self.reserve_again(gathering).await && !has_called.get() {
            return;
        }
        future::pending::<()>().await;
    }

    /// Waits until a message can join a turn that may be asked anew. `false`: it is too late for
    /// that, or storage failed.
    ///
    /// A timer runs only while files are read. Without a message nobody needs to know that it is too
    /// late.
    async fn a_message_can_join(&self, gathering: &Gathering, until: UnixMillis) -> bool {
        loop {
            let next = self.next_message();
            let may = |state: &State, now: UnixMillis| {
                let may = state.can_ask_again(gathering.number, now, &self.config);
                (may, until.since(now))
            };
            match self.read(may).await {
                Err(_) | Ok((_, Duration::ZERO)) => return false,
                Ok((true, left)) => {
                    let ready = self.read_waiting(gathering, Until::Spoken);
                    match within(&self.platform, left, ready).await {
                        None => return false,
                        Some(0) => {}
                        Some(_) => return true,
                    }
                }
                Ok((false, _)) => {}
            }
            // It ends by being aborted.
            let _aborted = next.await;
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
    async fn join_waiting(&self, gathering: &Gathering) -> Result<bool, Failure> {
        let count = self.read_waiting(gathering, Until::Unreadable).await;
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

    /// Reads the files of the turn's own messages that are not read yet.
    async fn read_own(&self, gathering: &Gathering) -> Result<(), Failure> {
        let next = || {
            let turn = gathering.turn.borrow();
            turn.messages.get(gathering.files.messages()).cloned()
        };
        while let Some(message) = next() {
            let (begun, files) = (gathering.begun, &gathering.files);
            self.read_files(&message, begun, Attempts::Several, files)
                .await?;
        }
        Ok(())
    }

    /// Reads the files of the messages that may join. Returns how many can do so.
    async fn read_waiting(&self, gathering: &Gathering, until: Until) -> usize {
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
            if gathering.files.messages() <= own.saturating_add(ready) {
                if until == Until::Spoken && !message.voice_notes.is_empty() {
                    break;
                }
                let (begun, files) = (gathering.begun, &gathering.files);
                // The turn does not wait for media that come late.
                let read = self.read_files(&message, begun, Attempts::One, files);
                if read.await.is_err() {
                    *gathering.left_out.borrow_mut() = Some(message.sid);
                    break;
                }
            }
            ready = ready.saturating_add(1);
        }
        ready
    }
}
