//! One revision of a conversation in KV.
//!
//! Not here: the list of revisions (`revisions`).

use serde::{Deserialize, Serialize};

use crate::base::time::UnixMillis;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Revision {
    pub(super) number: u64,
    pub(super) expires_at: UnixMillis,
    #[serde(default)]
    pub(super) state: RevisionState,
    /// Until when a write that took too long may still arrive. A deletion before that does not
    /// count.
    #[serde(default)]
    pub(super) lands_until: UnixMillis,
    /// Whether it may have been on its way to KV when its turn was dropped. A deletion waits for
    /// that write first.
    #[serde(default)]
    pub(super) being_written: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RevisionState {
    /// KV deletes it when it expires.
    #[default]
    Expires,
    /// KV must be asked to delete it.
    PendingDelete,
    /// KV has deleted it. Its number is not used again yet.
    Deleted,
}

impl Revision {
    pub(super) fn is_pending(&self) -> bool {
        self.state == RevisionState::PendingDelete
    }

    pub(super) fn delete(&mut self) {
        if self.state == RevisionState::Expires {
            self.state = RevisionState::PendingDelete;
        }
    }
}
