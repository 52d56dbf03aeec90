//! The revisions of a conversation in KV, and the turns that are not saved yet. It does no I/O, and
//! gets the time passed in.
//!
//! Each saved turn makes a new revision in KV under a new key. KV deletes a revision when it
//! expires, and we delete it if it must go earlier. KV can be slow: a write may still arrive after
//! we stopped waiting, so a deletion before that does not count. Not here: reading and writing KV
//! (`messaging::thread`), and the text itself (`history`).

mod revision;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::revision::{Revision, RevisionState};
use crate::{
    base::time::{UnixMillis, millis},
    conversation::history::{MAX_TURNS, Turn},
};

/// The saved and unsaved turns of one conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revisions {
    conversation: Option<ConversationMeta>,
    /// Turns that KV does not have yet, oldest first.
    unsaved: Vec<UnsavedTurn>,
    /// Revisions that KV may hold, oldest first.
    stored: Vec<Revision>,
    /// How many saves have failed in a row.
    save_failures: u32,
    /// When KV is asked to save again.
    save_not_before: UnixMillis,
    /// When KV is asked to delete again.
    delete_not_before: UnixMillis,
    /// When the alarm checks whether everything was saved and deleted.
    check_at: Option<UnixMillis>,
}

/// Everything that is known about a conversation except its text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConversationMeta {
    /// The newest revision in KV, once there is one.
    pub revision: Option<u64>,
    /// When the conversation expires.
    pub expires_at: UnixMillis,
    /// How many turns it has had.
    #[serde(default)]
    pub turns: u32,
}

/// A turn that KV does not have yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnsavedTurn {
    /// The number of the turn and of its revision. So a second write of the same turn makes the
    /// same revision.
    number: u64,
    /// The contact's input.
    user: String,
    /// The answer.
    assistant: String,
}

impl From<UnsavedTurn> for Turn {
    fn from(unsaved: UnsavedTurn) -> Self {
        let UnsavedTurn {
            user, assistant, ..
        } = unsaved;
        Self { user, assistant }
    }
}

/// The most revisions that KV may hold. Older ones are deleted early.
const MAX_REVISIONS: usize = 1000;
/// KV rejects a lifetime below this.
const MIN_KV_TTL: Duration = Duration::from_mins(1);
/// How long after a turn the alarm checks that its conversation was saved or deleted. It is not
/// before the alarm of the turn itself, so that the alarm need not move.
const CHECK_WAIT: Duration = Duration::from_secs(10);
/// How long KV rests after the first failed save.
const SAVE_WAIT: Duration = Duration::from_secs(5);
/// The longest that KV rests after failed saves.
const MAX_SAVE_WAIT: Duration = Duration::from_secs(160);
/// How long KV rests after a failed deletion.
const DELETE_WAIT: Duration = Duration::from_secs(20);
/// How long a write that took too long may still arrive in KV.
const LATE_WRITE: Duration = Duration::from_mins(10);
/// How much longer than the conversation KV holds it: the rest of a second, and the time of the
/// write.
const KV_MOMENT: Duration = Duration::from_secs(2);

impl Revisions {
    /// The metadata of the conversation, unless it has expired.
    #[must_use]
    pub fn conversation(&self, now: UnixMillis) -> Option<ConversationMeta> {
        self.conversation.filter(|meta| now < meta.expires_at)
    }

    /// The number of turns that the conversation has had.
    #[must_use]
    pub fn turn_count(&self) -> u32 {
        self.conversation.map_or(0, |meta| meta.turns)
    }

    /// The revision in KV that the conversation goes on from, if there is one, and the turns that
    /// it lacks. There is nothing when the conversation has expired.
    #[must_use]
    pub fn current(&self, now: UnixMillis) -> Option<(Option<u64>, &[UnsavedTurn])> {
        let meta = self.conversation(now)?;
        Some((meta.revision, self.unsaved.as_slice()))
    }

    /// Adds a turn, and keeps the conversation for another `ttl`.
    pub fn add_turn(&mut self, number: u64, turn: Turn, now: UnixMillis, ttl: Duration) {
        let Turn { user, assistant } = turn;
        self.unsaved.push(UnsavedTurn {
            number,
            user,
            assistant,
        });
        // A conversation holds no more turns than these, whatever came before.
        let surplus = self.unsaved.len().saturating_sub(MAX_TURNS);
        self.unsaved.drain(..surplus);
        let before = self.conversation;
        self.conversation = Some(ConversationMeta {
            revision: before.and_then(|meta| meta.revision),
            expires_at: now.plus(ttl),
            turns: before.map_or(0, |meta| meta.turns).saturating_add(1),
        });
        self.check(now.plus(CHECK_WAIT));
    }

    /// The number and lifetime of the next revision, if there is something to save.
    #[must_use]
    pub fn next_save(&self, now: UnixMillis) -> Option<(u64, Duration)> {
        let meta = self.conversation(now)?;
        let number = self.unsaved.last()?.number;
        let seconds = millis(meta.expires_at.since(now)).div_ceil(1000);
        Some((number, Duration::from_secs(seconds).max(MIN_KV_TTL)))
    }

    /// Whether a save is due.
    #[must_use]
    pub fn save_is_due(&self, now: UnixMillis) -> bool {
        self.next_save(now).is_some() && self.save_not_before <= now
    }

    /// Records that KV has a revision.
    pub fn mark_saved(&mut self, number: u64, ttl: Duration, now: UnixMillis) {
        // A reset may have come during the write. Then the conversation is another one.
        let is_current = self.unsaved.iter().any(|turn| turn.number == number);
        self.stored.retain(|revision| now < revision.expires_at);
        // The write of an earlier turn may have succeeded although it failed or broke off.
        let earlier = self.unsaved.iter().map(|turn| turn.number);
        let earlier = earlier.filter(|turn| *turn < number);
        for number in earlier.chain([number]).collect::<Vec<_>>() {
            self.may_exist(number, now.plus(ttl), UnixMillis::default(), false);
        }
        let surplus = self.stored.len().saturating_sub(MAX_REVISIONS);
        let oldest = self.stored.iter_mut().take(surplus);
        oldest.for_each(Revision::delete);
        self.unsaved.retain(|turn| turn.number > number);
        self.save_failures = 0;
        if let Some(meta) = self.conversation.as_mut().filter(|_| is_current) {
            meta.revision = Some(number);
        }
    }

    /// Records that KV failed to save, or saved and failed to say so.
    pub fn mark_save_failed(&mut self, now: UnixMillis) {
        self.save_failures = self.save_failures.saturating_add(1);
        let wait = SAVE_WAIT.saturating_mul(1u32 << self.save_failures.min(5));
        self.save_not_before = now.plus(wait.min(MAX_SAVE_WAIT));
        self.check(self.save_not_before);
    }

    /// Records that KV took too long for a revision, which may still arrive.
    pub fn mark_save_slow(&mut self, number: u64, ttl: Duration, now: UnixMillis) {
        let lands_until = now.plus(LATE_WRITE);
        self.may_exist(number, lands_until.plus(ttl), lands_until, false);
        self.mark_save_failed(now);
    }

    /// Forgets the conversation, and schedules the deletion of every revision.
    pub fn schedule_deletion(&mut self, now: UnixMillis, ttl: Duration) {
        self.drop_conversation(now.plus(ttl.max(MIN_KV_TTL)));
        self.stored.iter_mut().for_each(Revision::delete);
        if self.has_pending_deletes() {
            self.delete_not_before = now;
            self.check(now.plus(CHECK_WAIT));
        }
    }

    /// Schedules the deletion of every revision once more, also of those that KV has deleted: a
    /// write that a vanished object left behind may have arrived since. Returns how many there are.
    pub fn erase(&mut self, now: UnixMillis, ttl: Duration) -> usize {
        for revision in &mut self.stored {
            revision.state = RevisionState::Expires;
        }
        self.schedule_deletion(now, ttl);
        self.pending_deletes().len()
    }

    /// The revisions that KV must delete.
    #[must_use]
    pub fn pending_deletes(&self) -> Vec<u64> {
        let pending = self.stored.iter().filter(|revision| revision.is_pending());
        pending.map(|revision| revision.number).collect()
    }

    /// Whether KV must delete a revision.
    pub fn has_pending_deletes(&self) -> bool {
        self.stored.iter().any(Revision::is_pending)
    }

    /// Whether a deletion is due.
    #[must_use]
    pub fn delete_is_due(&self, now: UnixMillis) -> bool {
        self.has_pending_deletes() && self.delete_not_before <= now
    }

    /// Records that KV has deleted these revisions. One whose write may still arrive is deleted
    /// again later.
    pub fn mark_deleted(&mut self, numbers: &[u64], now: UnixMillis) {
        let asked = |revision: &&mut Revision| numbers.contains(&revision.number);
        for revision in self.stored.iter_mut().filter(asked) {
            if revision.lands_until <= now {
                revision.state = RevisionState::Deleted;
                revision.being_written = false;
            }
        }
    }

    /// Records that KV did not delete everything.
    pub fn mark_delete_failed(&mut self, now: UnixMillis) {
        self.delete_not_before = now.plus(DELETE_WAIT);
        self.check(self.delete_not_before);
    }

    /// Forgets the conversation if it has expired.
    pub fn expire(&mut self, now: UnixMillis) {
        let expired = |meta: ConversationMeta| meta.expires_at <= now;
        if self.conversation.is_some_and(expired) {
            self.drop_conversation(now.plus(MIN_KV_TTL));
        }
    }

    /// Forgets the revisions that KV has deleted by itself.
    pub fn forget(&mut self, now: UnixMillis) {
        self.stored.retain(|revision| now < revision.expires_at);
    }

    /// Whether there is something to save or delete.
    #[must_use]
    pub fn has_work(&self, now: UnixMillis) -> bool {
        self.has_pending_deletes() || self.next_save(now).is_some()
    }

    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.conversation.is_none() && self.stored.is_empty()
    }

    /// When the alarm must look at this part's work.
    #[must_use]
    pub fn next_wake(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.check_at.filter(|_| self.has_work(now))
    }

    /// Plans the next check anew: all work that could be done is done.
    pub fn settle(&mut self, now: UnixMillis) {
        self.check_at = None;
        if self.next_save(now).is_some() {
            self.check(self.save_not_before);
        }
        if self.has_pending_deletes() {
            self.check(self.delete_not_before);
        }
    }

    /// Drops a planned check when no work is left. A time that has passed must not bring the next
    /// alarm forward.
    pub fn drop_needless_check(&mut self, now: UnixMillis) {
        self.check_at = self.next_wake(now);
    }

    /// When the conversation expires.
    #[must_use]
    pub fn conversation_ends(&self) -> Option<UnixMillis> {
        self.conversation.map(|meta| meta.expires_at)
    }

    /// When the last revision expires.
    #[must_use]
    pub fn last_revision_ends(&self) -> Option<UnixMillis> {
        self.stored.iter().map(|revision| revision.expires_at).max()
    }

    /// Moves the moment `at` to the end of the last revision if that follows at once, so that one
    /// alarm can serve both. (KV holds a value a moment longer than its TTL.)
    #[must_use]
    pub fn with_last_revision(&self, at: UnixMillis) -> UnixMillis {
        let follows = |end: &UnixMillis| at < *end && end.since(at) <= KV_MOMENT;
        self.last_revision_ends().filter(follows).unwrap_or(at)
    }

    /// The numbers that must not be used again: with a reused number, a stale read could bring back
    /// a forgotten conversation.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        let unsaved = self.unsaved.iter().map(|turn| turn.number);
        let stored = self.stored.iter().map(|revision| revision.number);
        unsaved
            .chain(stored)
            .chain(self.conversation.and_then(|meta| meta.revision))
    }

    /// Is called when the object restarts: its predecessor may have been writing a turn, and that
    /// write may still arrive.
    pub fn expect_late_writes(&mut self, now: UnixMillis, ttl: Duration) {
        let lands_until = now.plus(LATE_WRITE);
        let dropped = self.stored.iter().filter(|revision| revision.being_written);
        let dropped = dropped.map(|revision| revision.number);
        let unsaved = self.unsaved.iter().map(|turn| turn.number);
        for number in dropped.chain(unsaved).collect::<Vec<_>>() {
            let expires_at = lands_until.plus(ttl.max(MIN_KV_TTL));
            self.may_exist(number, expires_at, lands_until, false);
        }
        for revision in &mut self.stored {
            revision.being_written = false;
        }
    }

    /// Limits planned times: a clock that jumped ahead for a moment must not delay work for days.
    pub fn distrust_future(&mut self, now: UnixMillis, ttl: Duration) {
        let latest = |wait: Duration| now.plus(wait);
        if let Some(meta) = &mut self.conversation {
            meta.expires_at = meta.expires_at.min(latest(ttl));
        }
        let kv_ttl = ttl.max(MIN_KV_TTL);
        let kept = kv_ttl.saturating_add(KV_MOMENT).saturating_add(LATE_WRITE);
        for revision in &mut self.stored {
            revision.expires_at = revision.expires_at.min(latest(kept));
            revision.lands_until = revision.lands_until.min(latest(LATE_WRITE));
        }
        self.check_at = self.check_at.map(|at| at.min(latest(MAX_SAVE_WAIT)));
        self.save_not_before = self.save_not_before.min(latest(MAX_SAVE_WAIT));
        self.delete_not_before = self.delete_not_before.min(latest(DELETE_WAIT));
    }

    /// Forgets the conversation, but not the revisions that KV may hold. An unsaved turn counts as
    /// one, until `expires_at`.
    fn drop_conversation(&mut self, expires_at: UnixMillis) {
        self.conversation = None;
        for turn in std::mem::take(&mut self.unsaved) {
            self.may_exist(turn.number, expires_at, UnixMillis::default(), true);
        }
    }

    /// Records that KV may hold this revision, at most until then. If it was deleted, it must be
    /// deleted again.
    fn may_exist(
        &mut self,
        number: u64,
        expires_at: UnixMillis,
        lands_until: UnixMillis,
        being_written: bool,
    ) {
        if !self.stored.iter().any(|revision| revision.number == number) {
            self.stored.push(Revision {
                number,
                expires_at,
                state: RevisionState::Expires,
                lands_until,
                being_written: false,
            });
        }
        for revision in self.stored.iter_mut().filter(|one| one.number == number) {
            revision.expires_at = revision.expires_at.max(expires_at);
            revision.lands_until = revision.lands_until.max(lands_until);
            revision.being_written |= being_written;
            if revision.state == RevisionState::Deleted {
                revision.state = RevisionState::PendingDelete;
            }
        }
    }

    fn check(&mut self, at: UnixMillis) {
        self.check_at = Some(self.check_at.map_or(at, |earlier| earlier.min(at)));
    }
}
