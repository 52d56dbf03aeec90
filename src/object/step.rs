//! Atomic steps: an object changes a copy of its state, stores the change, and only then adopts the
//! copy.
//!
//! A step holds the state's lock across the write, so that steps are stored in order. If storing
//! fails, the next step reads the state from storage again. A step also sets the alarm. Not here:
//! the state itself ([`StepHost`]).

use futures_util::{
    FutureExt,
    future::LocalBoxFuture,
    lock::{Mutex, MutexGuard},
};
use serde::de::DeserializeOwned;

use crate::{
    base::time::UnixMillis,
    platform::{Clock, PlatformError, Storage, WriteBatch},
};

/// An object whose state changes in steps.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait StepHost: Sized {
    /// The state.
    type State: Clone + PartialEq;
    /// The platform.
    type Platform: Storage + Clock;

    /// The object's platform.
    fn platform(&self) -> &Self::Platform;
    /// The object's state.
    fn steps(&self) -> &Steps<Self::State>;
    /// Reads the state from storage. `true`: the state is ahead of what is stored.
    ///
    /// # Errors
    /// When storage failed.
    async fn load(&self) -> Result<(Self::State, bool), PlatformError>;
    /// Brings the state up to date before it is used. `true`: the state is now ahead of what is
    /// stored, but the difference needs no write.
    fn refresh(&self, _state: &mut Self::State, _now: UnixMillis) -> bool {
        false
    }
    /// Removes everything that must not count as a change.
    fn normalize(&self, _state: &mut Self::State, _now: UnixMillis) {}
    /// Everything that a step writes, except the alarm.
    ///
    /// # Errors
    /// When storage failed.
    async fn batch(
        &self,
        before: &Self::State,
        after: &mut Self::State,
        now: UnixMillis,
    ) -> Result<WriteBatch, PlatformError>;
    /// When something is due.
    fn next_wake(&self, _state: &Self::State, _now: UnixMillis) -> Option<UnixMillis> {
        None
    }
    /// The alarm's new time, if it changes. `set` is the known current time of the alarm. An alarm that comes too early
    /// is left: it looks again.
    fn new_alarm(
        &self,
        state: &Self::State,
        set: Option<UnixMillis>,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        let wake = self.next_wake(state, now)?.max(now);
        set.is_none_or(|set| wake < set).then_some(wake)
    }
    /// Is called after a step was stored.
    fn stored(&self, _before: &Self::State, _after: &Self::State) {}

    /// Reads the state, see [`Steps::read`].
    ///
    /// # Errors
    /// When storage failed.
    async fn read<R>(
        &self,
        look: impl FnOnce(&Self::State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.steps().read(self, look).await
    }

    /// Takes an atomic step, see [`Steps::step`].
    ///
    /// # Errors
    /// When storage failed. The step may then be stored or not.
    async fn step<R>(
        &self,
        decide: impl FnOnce(&mut Self::State, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        self.steps().step(self, decide).await
    }
}

/// A state that is stored as JSON under one key.
#[derive(Debug, PartialEq, Eq)]
pub enum StoredState<S> {
    /// There is none.
    None,
    /// It was read.
    Whole(S),
    /// Another release has written it, or it is damaged.
    Unreadable,
}

impl<S: DeserializeOwned> StoredState<S> {
    /// Reads the state. One that is not whole counts as unreadable.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn read(
        storage: &impl Storage,
        key: &str,
        is_whole: impl FnOnce(&S) -> bool,
    ) -> Result<Self, PlatformError> {
        let Some(stored) = storage.get(key).await? else {
            return Ok(Self::None);
        };
        let text = stored.text();
        let state = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(state.filter(is_whole).map_or(Self::Unreadable, Self::Whole))
    }
}

/// The state of an object, behind a lock.
#[derive(Debug)]
pub struct Steps<S>(Mutex<Option<Loaded<S>>>);

/// The state in memory, and our knowledge of storage and alarm.
#[derive(Debug)]
struct Loaded<S> {
    state: S,
    /// Whether the state is ahead of what is stored, although the difference needs no write.
    dirty: bool,
    alarm: Alarm,
}

/// The state under its lock, and the time.
type Locked<'a, S> = (MutexGuard<'a, Option<Loaded<S>>>, UnixMillis);

/// Our knowledge of the object's alarm.
#[derive(Clone, Copy, Debug)]
enum Alarm {
    /// We do not know it. The alarm's time is not stored with the state, because it could become
    /// wrong there.
    Unknown,
    /// It is firing. This counts as set: if the alarm's run fails, the runtime fires it again.
    Firing,
    /// It is set for this time.
    Set(UnixMillis),
}

impl Alarm {
    /// The time for which the alarm counts as set.
    fn set_for(self, now: UnixMillis) -> Option<UnixMillis> {
        match self {
            Self::Unknown => None,
            Self::Firing => Some(now),
            Self::Set(at) => Some(at),
        }
    }
}

impl<S> Default for Steps<S> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<S: Clone + PartialEq> Steps<S> {
    /// Reads the state, including changes that no step has stored yet.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn read<H: StepHost<State = S>, R>(
        &self,
        host: &H,
        look: impl FnOnce(&S, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        let (current, now) = self.lock(host).await?;
        let loaded = current.as_ref().ok_or_else(not_loaded)?;
        Ok(look(&loaded.state, now))
    }

    /// One atomic step.
    ///
    /// # Errors
    /// When storage failed. The step may then be stored or not.
    pub async fn step<H: StepHost<State = S>, R>(
        &self,
        host: &H,
        decide: impl FnOnce(&mut S, UnixMillis) -> R,
    ) -> Result<R, PlatformError> {
        let (mut decide, mut result) = (Some(decide), None);
        let mut once = |state: &mut S, now| {
            result = decide.take().map(|decide| decide(state, now));
        };
        self.take_step(host, false, &mut once).await?;
        result.ok_or_else(not_loaded)
    }

    /// Changes the state without a write. Use it only for changes that may be lost with the object.
    pub async fn change_unstored(&self, change: impl FnOnce(&mut S)) {
        if let Some(loaded) = self.0.lock().await.as_mut() {
            change(&mut loaded.state);
            loaded.dirty = true;
        }
    }

    /// The alarm fires.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn begin_alarm<H: StepHost<State = S>>(&self, host: &H) -> Result<(), PlatformError> {
        if let Some(loaded) = self.lock(host).await?.0.as_mut() {
            loaded.alarm = Alarm::Firing;
        }
        Ok(())
    }

    /// The last step of an alarm. It also stores the changes that needed no write, and sets the
    /// next alarm.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn end_alarm<H: StepHost<State = S>>(
        &self,
        host: &H,
        mut decide: impl FnMut(&mut S, UnixMillis),
    ) -> Result<(), PlatformError> {
        self.take_step(host, true, &mut decide).await
    }

    /// Forgets the state in memory, and sets an alarm. The next step reads the state from storage.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn reload_at<H: StepHost<State = S>>(
        &self,
        host: &H,
        alarm: UnixMillis,
    ) -> Result<(), PlatformError> {
        let mut current = self.0.lock().await;
        *current = None;
        let batch = WriteBatch {
            alarm: Some(alarm),
            ..WriteBatch::default()
        };
        host.platform().commit(batch).await
    }

    /// The step itself. It is boxed, so that its code exists only once and not for each decision.
    fn take_step<'a, H: StepHost<State = S>>(
        &'a self,
        host: &'a H,
        ends_alarm: bool,
        decide: &'a mut dyn FnMut(&mut S, UnixMillis),
    ) -> LocalBoxFuture<'a, Result<(), PlatformError>> {
        let step = async move {
            let (mut current, now) = self.lock(host).await?;
            let loaded = current.take().ok_or_else(not_loaded)?;
            let Loaded {
                state: mut before,
                dirty,
                alarm,
            } = loaded;
            host.normalize(&mut before, now);
            let mut after = before.clone();
            decide(&mut after, now);
            let stores = after != before || (dirty && ends_alarm);
            let mut batch = WriteBatch::default();
            if stores {
                batch = host.batch(&before, &mut after, now).await?;
            }
            let alarm = match alarm {
                _ if batch.clear => Alarm::Unknown,
                Alarm::Firing if ends_alarm => Alarm::Unknown,
                alarm => alarm,
            };
            if (stores || ends_alarm) && !batch.clear {
                batch.alarm = host.new_alarm(&after, alarm.set_for(now), now);
            }
            let alarm = batch.alarm.map_or(alarm, Alarm::Set);
            if batch != WriteBatch::default() {
                host.platform().commit(batch).await?;
                host.stored(&before, &after);
            }
            *current = Some(Loaded {
                state: after,
                dirty: dirty && !stores,
                alarm,
            });
            Ok(())
        };
        step.boxed_local()
    }

    /// The state, locked, and read from storage if it was not in memory. And the time, which the
    /// state is brought up to.
    fn lock<'a, H: StepHost<State = S>>(
        &'a self,
        host: &'a H,
    ) -> LocalBoxFuture<'a, Result<Locked<'a, S>, PlatformError>> {
        let locked = async move {
            let mut current = self.0.lock().await;
            let mut loaded = if let Some(loaded) = current.take() {
                loaded
            } else {
                let (state, dirty) = host.load().await?;
                let alarm = Alarm::Unknown;
                Loaded {
                    state,
                    dirty,
                    alarm,
                }
            };
            let now = host.platform().now();
            loaded.dirty |= host.refresh(&mut loaded.state, now);
            *current = Some(loaded);
            Ok((current, now))
        };
        locked.boxed_local()
    }
}

/// The state is always loaded under the lock, so this error cannot happen.
fn not_loaded() -> PlatformError {
    PlatformError::new("the state is not loaded")
}
