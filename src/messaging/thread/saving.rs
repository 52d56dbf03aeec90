//! The conversation in KV: reading, saving, deleting.
//!
//! Not here: which revisions exist (`conversation::revisions`).

use std::{rc::Rc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, select},
    pin_mut,
};

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::UnixMillis,
    conversation::history::{self, Conversation, DecodeError},
    event::{self, ConversationProblem, Erased, Event, KvOperation},
    messaging::state::State,
    object::{StepHost, in_time, within},
    platform::{Kv, PlatformError},
};

/// How long a turn waits for KV at most.
pub(super) const KV_READ_LIMIT: Duration = Duration::from_secs(5);

/// How long one write or deletion in KV may take. Nothing waits longer for it.
const KV_WRITE_LIMIT: Duration = Duration::from_secs(10);

/// A conversation that was read.
pub(super) enum LoadedConversation {
    /// All of it.
    Complete(Conversation),
    /// A part of it. KV may return more later, which must not be overwritten.
    Partial(Conversation),
}

impl<P: ThreadPlatform> Inner<P> {
    /// The conversation so far. If KV fails or takes longer than `limit`, this is logged, and the
    /// turn continues without the missing part.
    pub(super) async fn load_conversation(&self, limit: Duration) -> LoadedConversation {
        let current = |state: &State, now| {
            let (revision, unsaved) = state.revisions.current(now)?;
            Some((revision, unsaved.to_vec()))
        };
        let (revision, unsaved) = match self.read(current).await {
            Ok(None) => return LoadedConversation::Complete(Conversation::default()),
            Ok(Some(current)) => current,
            Err(_) => {
                self.log_unreadable(ConversationProblem::StorageFailed);
                return LoadedConversation::Partial(Conversation::default());
            }
        };
        if let Some(conversation) = self.conversation.borrow().as_ref() {
            return LoadedConversation::Complete(conversation.clone());
        }
        let mut read = match revision {
            // That many turns are the whole conversation, whatever came before.
            Some(revision) if unsaved.len() < history::MAX_TURNS => {
                self.read_revision(revision, limit).await
            }
            _ => LoadedConversation::Complete(Conversation::default()),
        };
        let (LoadedConversation::Complete(conversation)
        | LoadedConversation::Partial(conversation)) = &mut read;
        for turn in unsaved {
            conversation.push(turn.into());
        }
        read
    }

    async fn read_revision(&self, revision: u64, limit: Duration) -> LoadedConversation {
        let key = history::key(&self.name, revision);
        let read = Kv::get(&self.platform, &key);
        let read = in_time(&self.platform, limit, read).await;
        let empty = Conversation::default();
        match read.map(|text| text.as_deref().map(Conversation::decode)) {
            Ok(Some(Ok(conversation))) => LoadedConversation::Complete(conversation),
            // This is permanent, so a new conversation begins.
            Ok(Some(Err(error))) => {
                self.log_unreadable(match error {
                    DecodeError::Corrupt => ConversationProblem::Corrupt,
                    DecodeError::UnknownVersion => ConversationProblem::UnknownVersion,
                });
                LoadedConversation::Complete(empty)
            }
            // It may appear later: KV shows writes from elsewhere with a delay.
            Ok(None) => {
                self.log_unreadable(ConversationProblem::Missing);
                LoadedConversation::Partial(empty)
            }
            Err(_) => {
                self.log_unreadable(ConversationProblem::KvFailed);
                LoadedConversation::Partial(empty)
            }
        }
    }

    /// Writes the unsaved turns to KV, as a new revision.
    pub(super) async fn save(self: &Rc<Self>) -> Result<(), PlatformError> {
        let _saving = self.saving.lock().await;
        let next_save = |state: &State, now| state.revisions.next_save(now);
        while let Some((revision, ttl)) = self.read(next_save).await? {
            let Some(conversation) = self.conversation.borrow().clone() else {
                let loaded = self.load_conversation(KV_READ_LIMIT).await;
                let LoadedConversation::Complete(loaded) = loaded else {
                    let failed = |state: &mut State, now| state.revisions.mark_save_failed(now);
                    return self.step(failed).await;
                };
                // A turn may have ended meanwhile. Then memory has a newer conversation, and the
                // loaded one is too old.
                let next = self.read(next_save).await?;
                if next.is_some_and(|(next, _)| next == revision) {
                    self.conversation.borrow_mut().get_or_insert(loaded);
                }
                continue;
            };
            let text = conversation.encode();
            let text = text.map_err(|_| PlatformError::new("encode"))?;
            let key = history::key(&self.name, revision);
            let put = Kv::put(&self.platform, &key, &text, ttl);
            match within(&self.platform, KV_WRITE_LIMIT, put).await {
                Some(Ok(())) => {}
                failed => {
                    self.log_kv_failed(KvOperation::Put);
                    let mark = |state: &mut State, now| match failed {
                        None => state.revisions.mark_save_slow(revision, ttl, now),
                        Some(_) => state.revisions.mark_save_failed(now),
                    };
                    return self.step(mark).await;
                }
            }
            // "KV has this revision" is stored with the next write of the state. If the object dies
            // first, it writes the same revision again.
            let now = self.platform.now();
            let mark = |state: &mut State| state.revisions.mark_saved(revision, ttl, now);
            self.steps.change_unstored(mark).await;
        }
        Ok(())
    }

    /// Deletes the revisions that must go. If KV fails, the alarm tries again until the revisions
    /// have expired.
    pub(super) async fn delete_pending(&self) -> Result<(), PlatformError> {
        // A revision that is being written would arrive after the deletion.
        let _saving = self.saving.lock().await;
        let pending = self
            .read(|state, _| state.revisions.pending_deletes())
            .await?;
        let mut deleted = Vec::new();
        for revision in &pending {
            let key = history::key(&self.name, *revision);
            let delete = self.platform.delete(&key);
            if in_time(&self.platform, KV_WRITE_LIMIT, delete)
                .await
                .is_err()
            {
                self.log_kv_failed(KvOperation::Delete);
                break;
            }
            deleted.push(*revision);
        }
        let mark = |state: &mut State, now| {
            state.mark_deleted(&deleted, now);
            let left = state.revisions.pending_deletes();
            if pending.iter().any(|revision| left.contains(revision)) {
                state.revisions.mark_delete_failed(now);
            }
        };
        self.step(mark).await
    }

    pub(super) async fn delete_pending_or_log(&self) {
        if let Err(error) = self.delete_pending().await {
            self.log_storage_error(error);
        }
    }

    /// Deletes the revisions that must go, and waits for it at most this long.
    pub(super) async fn delete_within(self: &Rc<Self>, limit: Duration) {
        let inner = Rc::clone(self);
        let deleted = async move { inner.delete_pending_or_log().await };
        self.wait_for(limit, deleted.boxed_local()).await;
    }

    /// Lets every thread of the contact delete what an erasure takes while a caller waits. Returns
    /// what the threads held that follow this one.
    pub(super) async fn erase_within_wait(self: &Rc<Self>, arrived: UnixMillis) -> Erased {
        let inner = Rc::clone(self);
        let erased = async move {
            inner.delete_pending_or_log().await;
            inner.send_orders_or_log().await
        };
        let waited = self.platform.now().since(arrived);
        let limit = self.config.reply_within.saturating_sub(waited);
        let erased = self.wait_for(limit, erased.boxed_local()).await;
        erased.unwrap_or_default()
    }

    /// Waits for a task, at most this long. After the limit it continues in the background.
    pub(super) async fn wait_for<T: Copy + 'static>(
        &self,
        limit: Duration,
        task: LocalBoxFuture<'static, T>,
    ) -> Option<T> {
        let task = task.shared();
        self.platform.spawn(task.clone().map(drop).boxed_local());
        let too_long = self.platform.sleep(limit);
        pin_mut!(too_long);
        match select(task, too_long).await {
            Either::Left((result, _)) => Some(result),
            Either::Right(_) => None,
        }
    }

    fn log_unreadable(&self, reason: ConversationProblem) {
        event::log(&self.platform, &Event::ConversationUnreadable { reason });
    }

    fn log_kv_failed(&self, operation: KvOperation) {
        event::log(&self.platform, &Event::KvFailed { operation });
    }
}
