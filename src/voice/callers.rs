//! A caller's object: it counts the calls of one caller to one number, and the requests to the model that they cost.
//!
//! So one caller cannot use up everybody's day. The object stores times and numbers, and nothing of what was said. It
//! forgets a call after an hour, and a day's count an hour after the day. If it cannot be asked, the call is refused. Not
//! here: the caps of all callers together (`conversation::budget`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::api::{CountCall, CountRequest};
use crate::{
    base::time::UnixMillis,
    event::{self, Event, InternalProblem},
    identity::Pseudonym,
    object::{Engine, StepHost, Steps, StoredState, arguments, reply, unknown_method},
    platform::{Clock, Log, Method, PlatformError, Storage, WriteBatch},
};

/// How long a call counts.
pub const WINDOW: Duration = Duration::from_hours(1);

/// The object of one caller.
#[derive(Debug)]
pub struct Callers<P> {
    platform: P,
    steps: Steps<State>,
}

/// Everything that the object remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    v: u32,
    /// The calls of the last hour, oldest first.
    calls: Vec<(Pseudonym, UnixMillis)>,
    /// The UTC day of the requests, counted from 1970-01-01.
    day: u64,
    /// Requests to the model on that day.
    requests: u32,
    /// Whether the count could not be read on that day. Then nothing more is granted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    exhausted: bool,
}

const KEY: &str = "caller";
const VERSION: u32 = 1;

impl<P: Storage + Clock + Log> Callers<P> {
    /// An object on this platform.
    pub fn new(platform: P) -> Self {
        Self {
            platform,
            steps: Steps::default(),
        }
    }

    /// Counts a call, once. Returns whether the caller may have it.
    ///
    /// # Errors
    /// When storage failed. Then the call must be refused.
    pub async fn count_call(&self, count: CountCall) -> Result<bool, PlatformError> {
        self.step(|state, now| state.count_call(&count, now)).await
    }

    /// Counts a request to the model. Returns whether it may be made.
    ///
    /// # Errors
    /// When storage failed. Then the request must not be made.
    pub async fn count_request(&self, count: CountRequest) -> Result<bool, PlatformError> {
        self.step(|state, now| state.count_request(count, now))
            .await
    }
}

impl<P: Storage + Clock + Log> Engine for Callers<P> {
    async fn call(&self, method: &str, text: &str) -> Result<String, PlatformError> {
        match method {
            CountCall::NAME => reply::<CountCall>(&self.count_call(arguments(text)?).await?),
            CountRequest::NAME => {
                reply::<CountRequest>(&self.count_request(arguments(text)?).await?)
            }
            _ => Err(unknown_method()),
        }
    }

    /// The alarm: forgets what no longer counts.
    async fn alarm(&self) -> Result<(), PlatformError> {
        self.steps.begin_alarm(self).await?;
        self.steps.end_alarm(self, |_, _| {}).await
    }
}

impl<P: Storage + Clock + Log> StepHost for Callers<P> {
    type State = State;
    type Platform = P;

    fn platform(&self) -> &P {
        &self.platform
    }

    fn steps(&self) -> &Steps<State> {
        &self.steps
    }

    async fn load(&self) -> Result<(State, bool), PlatformError> {
        let is_whole = |state: &State| state.v == VERSION;
        match StoredState::read(&self.platform, KEY, is_whole).await? {
            StoredState::None => Ok((State::new(), false)),
            StoredState::Whole(state) => Ok((state, false)),
            StoredState::Unreadable => {
                let reason = InternalProblem::CallerUnreadable;
                event::log(&self.platform, &Event::InternalError { reason });
                let state = State {
                    day: self.platform.now().utc_day(),
                    exhausted: true,
                    ..State::new()
                };
                Ok((state, true))
            }
        }
    }

    fn refresh(&self, state: &mut State, now: UnixMillis) -> bool {
        let before = state.clone();
        state.settle(now);
        // What was forgotten needs no write before the alarm.
        *state != before
    }

    async fn batch(
        &self,
        _: &State,
        state: &mut State,
        _: UnixMillis,
    ) -> Result<WriteBatch, PlatformError> {
        if *state == State::new() {
            return Ok(WriteBatch::clear());
        }
        WriteBatch::of(KEY, state)
    }

    fn new_alarm(
        &self,
        state: &State,
        set: Option<UnixMillis>,
        _: UnixMillis,
    ) -> Option<UnixMillis> {
        // An alarm that comes earlier is as good: it looks again.
        state.forgotten_at().filter(|_| set.is_none())
    }
}

impl State {
    fn new() -> Self {
        Self {
            v: VERSION,
            ..Self::default()
        }
    }

    fn count_call(&mut self, count: &CountCall, now: UnixMillis) -> bool {
        if self.calls.iter().any(|(call, _)| *call == count.call) {
            return true;
        }
        let most = usize::try_from(count.limit).unwrap_or(usize::MAX);
        let exhausted = self.exhausted && now.day_of_count(self.day).is_some();
        if exhausted || self.calls.len() >= most {
            return false;
        }
        self.calls.push((count.call.clone(), now));
        true
    }

    fn count_request(&mut self, count: CountRequest, now: UnixMillis) -> bool {
        if now.day_of_count(self.day).is_none() {
            (self.day, self.requests, self.exhausted) = (now.utc_day(), 0, false);
        }
        if self.exhausted || count.limit.is_some_and(|limit| self.requests >= limit) {
            return false;
        }
        self.requests = self.requests.saturating_add(1);
        true
    }

    /// Forgets what no longer counts. A clock that stepped back leaves times in the future, which count as now.
    fn settle(&mut self, now: UnixMillis) {
        self.calls
            .iter_mut()
            .for_each(|(_, at)| *at = (*at).min(now));
        self.calls.retain(|(_, at)| now.since(*at) < WINDOW);
        if !self.has_counts() || UnixMillis::end_of_counts(self.day) <= now {
            (self.day, self.requests, self.exhausted) = (0, 0, false);
        } else if let Some(day) = now.day_of_count(self.day) {
            self.day = day;
        }
    }

    /// When something is to be forgotten next.
    fn forgotten_at(&self) -> Option<UnixMillis> {
        let call = self.calls.first().map(|(_, at)| at.plus(WINDOW));
        let day = self.has_counts();
        let day = day.then(|| UnixMillis::end_of_counts(self.day));
        call.into_iter().chain(day).min()
    }

    /// Whether something counts for the day.
    fn has_counts(&self) -> bool {
        self.requests > 0 || self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Stored, tests::Memory};

    const NOW: UnixMillis = UnixMillis(20_000 * 86_400_000);

    fn call(name: &str, limit: u32) -> CountCall {
        let call = Pseudonym::from_object_name(name.to_owned());
        CountCall { call, limit }
    }

    #[test]
    fn a_caller_has_so_many_calls_in_an_hour_and_each_counts_once() {
        let mut state = State::new();
        let mut count = |name: &str, at: UnixMillis| {
            state.settle(at);
            state.count_call(&call(name, 2), at)
        };
        assert!(count("a", NOW) && count("b", NOW) && count("a", NOW));
        assert!(!count("c", NOW));
        assert!(!count("c", NOW.plus(Duration::from_mins(59))));
        assert!(count("c", NOW.plus(WINDOW)));
    }

    /// Counts a request of a caller who has one a day.
    fn count(state: &mut State, at: UnixMillis) -> bool {
        state.settle(at);
        state.count_request(CountRequest { limit: Some(1) }, at)
    }

    #[test]
    fn a_caller_has_so_many_requests_a_day() {
        let mut state = State::new();
        assert!(count(&mut state, NOW));
        assert!(!count(&mut state, NOW.plus(Duration::from_hours(23))));
        assert!(count(&mut state, NOW.plus(Duration::from_hours(24))));
    }

    #[test]
    fn a_clock_that_steps_back_frees_nothing() {
        let mut state = State::new();
        assert!(state.count_request(CountRequest { limit: Some(1) }, NOW));
        state.settle(NOW.minus(Duration::from_mins(1)));
        assert!(!state.count_request(
            CountRequest { limit: Some(1) },
            NOW.minus(Duration::from_mins(1))
        ));
    }

    #[test]
    fn a_clock_that_steps_back_over_midnight_does_not_begin_the_day_again() {
        let mut state = State::new();
        let before = NOW.minus(Duration::from_secs(30));
        assert!(count(&mut state, before.minus(Duration::from_secs(30))));
        assert!(!count(&mut state, before));
        state.settle(NOW);
        assert!(!count(&mut state, before), "the day was over before");
        assert!(count(&mut state, NOW));
        assert!(!count(&mut state, before), "the next day has begun");
        assert!(!count(&mut state, NOW));
    }

    #[tokio::test]
    async fn a_damaged_count_grants_nothing_today_and_is_logged_once() {
        let memory = Memory::holding(Stored::Unreadable);
        let callers = Callers::new(&memory);
        assert!(
            !callers
                .count_request(CountRequest { limit: None })
                .await
                .unwrap()
        );
        assert!(!callers.count_call(call("a", 9)).await.unwrap());
        assert_eq!(memory.logged("caller_unreadable"), 1);
    }

    #[test]
    fn what_no_longer_counts_is_forgotten() {
        let mut state = State::new();
        assert!(state.count_call(&call("a", 1), NOW));
        assert_eq!(state.forgotten_at(), Some(NOW.plus(WINDOW)));
        assert!(state.count_request(CountRequest { limit: None }, NOW));
        state.settle(NOW.plus(WINDOW));
        assert_eq!(
            state.forgotten_at(),
            Some(NOW.plus(Duration::from_hours(25)))
        );
        state.settle(NOW.plus(Duration::from_hours(25)));
        assert_eq!(state, State::new());
    }
}
