//! The start of a Studio flow for a contact that is handed over.
//!
//! Starting one has no idempotency key. So an attempt is marked before it is made, and one with an
//! unknown outcome is looked up, and never repeated. Not here: the requests (`thread::studio`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    base::time::{UnixMillis, growing_wait},
    conversation::outbox::ReplyTarget,
    event::HandOffBy,
    identity::PhoneHash,
};

/// A Studio flow that is to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Why the assistant hands the contact over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When the attempt began, while its outcome is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<UnixMillis>,
    /// How often Studio has not processed it, or did not list it.
    #[serde(default)]
    tries: u32,
    not_before: UnixMillis,
}

/// What is needed to start a flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowStart {
    /// The contact, and the number.
    pub reply_to: ReplyTarget,
    /// The contact's hash for the log.
    pub phone_hash: PhoneHash,
    /// Who has begun the hand-off.
    pub by: HandOffBy,
    /// Why, in the assistant's words.
    pub reason: Option<String>,
}

/// The next step.
#[derive(Clone, Debug, PartialEq)]
pub enum FlowStep {
    /// Start it. The attempt is marked.
    Start(FlowStart),
    /// Find out whether the attempt that began then has started it.
    LookUp(FlowStart, UnixMillis),
    /// Studio has not processed it, or does not say whether it runs.
    GiveUp(FlowStart, Unsure),
}

/// Whether a flow that is given up may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsure {
    /// It does not.
    No,
    /// Nobody knows.
    Yes,
}

/// How long after an attempt Studio is asked for its outcome, and how long until it is asked again.
const LOOK_UP_WAIT: Duration = Duration::from_secs(15);
/// How often it is tried, and how often it is looked up.
const MAX_TRIES: u32 = 6;
/// The longest wait before it is tried again.
const MAX_WAIT: Duration = Duration::from_secs(64);

impl Flow {
    /// A flow that is to be started now.
    pub(super) fn new(reason: Option<&str>, now: UnixMillis) -> Self {
        Self {
            reason: reason.map(str::to_owned),
            attempt: None,
            tries: 0,
            not_before: now,
        }
    }

    /// The next step, if it is due. An attempt is marked with it.
    pub(super) fn next_step(&mut self, start: FlowStart, now: UnixMillis) -> Option<FlowStep> {
        if now < self.not_before {
            return None;
        }
        let start = FlowStart {
            reason: self.reason.clone(),
            ..start
        };
        if self.tries >= MAX_TRIES {
            let unsure = self.attempt.map_or(Unsure::No, |_| Unsure::Yes);
            return Some(FlowStep::GiveUp(start, unsure));
        }
        let Some(since) = self.attempt else {
            self.attempt = Some(now);
            self.not_before = now.plus(LOOK_UP_WAIT);
            return Some(FlowStep::Start(start));
        };
        Some(FlowStep::LookUp(start, since))
    }

    /// Records that Studio did not process the attempt. It is due again later.
    pub fn mark_not_processed(&mut self, now: UnixMillis) {
        (self.attempt, self.tries) = (None, self.tries.saturating_add(1));
        self.not_before = now.plus(growing_wait(self.tries, MAX_WAIT));
    }

    /// Records that Studio does not list the attempt, or could not be asked. It is asked again.
    pub fn mark_not_listed(&mut self, now: UnixMillis) {
        self.tries = self.tries.saturating_add(1);
        self.not_before = now.plus(LOOK_UP_WAIT);
    }

    /// When the alarm must look at it.
    pub(super) fn next_wake(&self) -> UnixMillis {
        self.not_before
    }

    /// Limits the planned time, after a clock that was ahead.
    pub(super) fn distrust_future(&mut self, now: UnixMillis) {
        self.not_before = self.not_before.min(now.plus(MAX_WAIT));
        self.attempt = self.attempt.map(|at| at.min(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::tests::parse,
        identity::{Address, TokenId},
    };

    const NOW: UnixMillis = UnixMillis(1_795_348_800_000);

    fn start() -> FlowStart {
        let config = parse(&[]).unwrap();
        let address = |text: &str| text.parse::<Address>().unwrap();
        let token: TokenId = config.pseudonym_key.token_id(&config.twilio_tokens[0]);
        FlowStart {
            reply_to: ReplyTarget {
                contact: address("+15550100"),
                number: address("+15550199"),
                service: None,
                account: None,
                token,
                origin: "https://a.example".into(),
            },
            phone_hash: PhoneHash::nobody(),
            by: HandOffBy::Contact,
            reason: None,
        }
    }

    #[test]
    fn an_attempt_of_unknown_outcome_is_looked_up_and_never_made_again() {
        let mut flow = Flow::new(None, NOW);
        let first = flow.next_step(start(), NOW);
        assert!(matches!(first, Some(FlowStep::Start(_))));
        assert_eq!(flow.next_step(start(), NOW), None);
        let mut now = NOW;
        for _ in 0..MAX_TRIES {
            now = flow.next_wake();
            let step = flow.next_step(start(), now);
            assert_eq!(step, Some(FlowStep::LookUp(start(), NOW)));
            flow.mark_not_listed(now);
        }
        let last = flow.next_step(start(), flow.next_wake());
        assert_eq!(last, Some(FlowStep::GiveUp(start(), Unsure::Yes)));
        assert!(flow.next_wake().since(now) <= MAX_WAIT);
    }

    #[test]
    fn an_attempt_that_was_not_processed_is_made_again_a_few_times() {
        let mut flow = Flow::new(Some("wants a person"), NOW);
        for _ in 0..MAX_TRIES {
            let now = flow.next_wake();
            let Some(FlowStep::Start(found)) = flow.next_step(start(), now) else {
                panic!("it is not started");
            };
            assert_eq!(found.reason.as_deref(), Some("wants a person"));
            flow.mark_not_processed(now);
        }
        let last = flow.next_step(start(), flow.next_wake());
        assert!(matches!(last, Some(FlowStep::GiveUp(_, Unsure::No))));
    }
}
