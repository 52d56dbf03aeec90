//! What is left to do, and when: the jobs of the alarm, its next time, and what it forgets.
//!
//! Not here: carrying the jobs out (`messaging::thread`), and the moments of each part, which the part
//! itself knows.

use std::time::Duration;

use super::State;
use crate::{base::time::UnixMillis, config::Config};

/// A job that was left over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Run a turn.
    Turn,
    /// Drain the outbox.
    Outbox,
    /// Send signed webhooks.
    Deliver,
    /// End a hand-off whose time is over.
    EndHandOff,
    /// End an intake that has expired.
    EndIntake,
    /// Start a Studio flow.
    StartFlow,
    /// Delete revisions from KV.
    Delete,
    /// Send orders to the threads that follow this one.
    Orders,
    /// Report usage.
    Usage,
    /// Save the conversation.
    Save,
}

/// How long after an alarm that found a turn still running the next alarm looks again.
const TURN_CHECK: Duration = Duration::from_secs(5);

impl State {
    /// The next job, if one is due.
    pub fn next_job(&self, now: UnixMillis, config: &Config) -> Option<Job> {
        let report_is_due = self.usage.next_wake().is_some_and(|at| at <= now);
        let orders = self.links.next_wake(self.may_release(), now);
        let orders_are_due = orders.is_some_and(|at| at <= now);
        if self.turns.active().is_some() {
            Some(Job::Turn)
        } else if self.outbox.is_due(now) {
            Some(Job::Outbox)
        } else if self.revisions.delete_is_due(now) {
            Some(Job::Delete)
        } else if self.deliveries.is_due(now) {
            Some(Job::Deliver)
        } else if self.hand_off_is_over(now, config).is_some() {
            Some(Job::EndHandOff)
        } else if self.intake_is_over(now) {
            Some(Job::EndIntake)
        } else if self.flow_is_due(now) {
            Some(Job::StartFlow)
        } else if orders_are_due {
            Some(Job::Orders)
        } else if report_is_due {
            Some(Job::Usage)
        } else if self.revisions.save_is_due(now) {
            Some(Job::Save)
        } else {
            None
        }
    }

    /// The alarm has done all jobs that it could do: forgets what has expired, and plans the next
    /// checks.
    pub fn settle(&mut self, now: UnixMillis, config: &Config) {
        self.turns.clear_check();
        // A turn goes on with the conversation that it began with.
        if self.turns.active().is_none() {
            self.revisions.expire(now);
        } else {
            self.turns.check(now.plus(TURN_CHECK));
        }
        self.forget(now, config);
        self.revisions.settle(now);
    }

    /// Drops the planned checks of parts without work.
    pub fn drop_needless_checks(&mut self, now: UnixMillis) {
        self.turns.drop_needless_check();
        self.revisions.drop_needless_check(now);
    }

    /// The alarm's new time, if it changes. `set` is the known current time of the alarm.
    ///
    /// Work comes first. Without work, the alarm comes when something must be forgotten, and
    /// several such moments share one alarm, because each alarm costs money: first the end of the
    /// conversation, or of the memory of its messages.
    pub fn new_alarm(
        &self,
        set: Option<UnixMillis>,
        now: UnixMillis,
        config: &Config,
    ) -> Option<UnixMillis> {
        let ttl = config.conversation_ttl;
        let checks = [
            self.turns.next_wake(),
            self.revisions.next_wake(now),
            self.links.next_wake(self.may_release(), now),
        ];
        let work = checks
            .into_iter()
            .flatten()
            .chain(self.outbox.next_wake())
            .chain(self.deliveries.next_wake())
            .chain(self.hand_off.flow_wake())
            .min();
        let last_message = self
            .records
            .ends(ttl)
            .chain(self.outbox.sent_ends(ttl))
            .max();
        let conversation = self.revisions.conversation_ends().or(last_message);
        let due = work
            .or(conversation.map(|at| self.revisions.with_last_revision(at)))
            .or(self.rate_window.ends())
            .or(self.revisions.last_revision_ends())
            .or(self.quotable.newest().map(|at| at.plus(ttl)))
            .or(self.reply_loop.ends(ttl))
            .or(self.share.ends());
        let ends = self.hand_off.next_wake(ttl);
        let ends = ends.into_iter().chain(self.intakes.next_wake());
        let due = due.into_iter().chain(self.usage.next_wake()).chain(ends);
        let due = due.min()?;
        // An alarm that is set for now, within the alarm, can get lost. So it is a millisecond from
        // now at the earliest.
        let due = due.max(now.plus(Duration::from_millis(1)));
        let changes = match set {
            None => true,
            // An alarm that comes too early finds nothing, and is set anew. That is cheaper than
            // moving it every time.
            Some(set) => due < set || (!self.has_work(now) && set != due),
        };
        changes.then_some(due)
    }

    fn has_work(&self, now: UnixMillis) -> bool {
        self.turns.active().is_some()
            || self.outbox.has_work()
            || !self.deliveries.is_empty()
            || self.hand_off.flow_wake().is_some()
            || self.revisions.has_work(now)
            || self.links.next_wake(self.may_release(), now).is_some()
    }

    /// Forgets what has expired.
    pub(super) fn forget(&mut self, now: UnixMillis, config: &Config) {
        let ttl = config.conversation_ttl;
        self.records.forget(now, ttl);
        self.rate_window.forget(now);
        self.revisions.forget(now);
        self.outbox.forget(now, ttl);
        self.hand_off.forget(now, ttl);
        let running = self.turns.active_number();
        self.intakes.forget(running, &self.deliveries);
        if self.revisions.conversation(now).is_none() {
            self.quotable.forget_until(now.minus(ttl));
        }
        self.reply_loop.forget(now, ttl);
        self.share.forget(now);
    }
}
