//! The rate limit: it counts the messages of the last minute. A contact who writes too many gets
//! one rate-limit notice.
//!
//! Not here: what happens to a message over the limit (`admission`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{base::time::UnixMillis, identity::MessageSid, messaging::canned_replies::CannedReply};

/// The messages that count against the rate limit. The window slides exactly: a message counts for
/// 60 s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateWindow {
    /// When messages were received during the last minute, oldest first.
    admitted: Vec<UnixMillis>,
    /// The newest notice.
    notice: Option<RateLimitNotice>,
}

/// A notice that went to the contact. A copy of the message gets it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RateLimitNotice {
    sid: MessageSid,
    at: UnixMillis,
    reply: CannedReply,
}

/// How long a message counts.
pub const WINDOW: Duration = Duration::from_mins(1);

impl RateWindow {
    /// When the next message can be received, if not now. A time in the future, left by a clock
    /// that stepped back, counts as now.
    pub fn limited_until(&mut self, now: UnixMillis, limit: u32) -> Option<UnixMillis> {
        self.admitted.retain(|at| now.since(*at) < WINDOW);
        for at in &mut self.admitted {
            *at = (*at).min(now);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let surplus = self.admitted.len().checked_sub(limit)?;
        self.admitted.get(surplus).map(|at| at.plus(WINDOW))
    }

    /// Counts a message.
    pub fn admit(&mut self, now: UnixMillis) {
        self.admitted.push(now);
    }

    /// Whether a notice went to the contact within the window.
    pub fn was_told(&self, now: UnixMillis) -> bool {
        let lately = |notice: &RateLimitNotice| notice.at <= now && now.since(notice.at) < WINDOW;
        self.notice.as_ref().is_some_and(lately)
    }

    /// Records a notice.
    pub fn tell(&mut self, sid: MessageSid, reply: CannedReply, now: UnixMillis) {
        self.notice = Some(RateLimitNotice {
            sid,
            at: now,
            reply,
        });
    }

    /// The notice that this message got.
    pub fn notice_for(&self, sid: &MessageSid) -> Option<CannedReply> {
        let notice = self.notice.as_ref().filter(|notice| notice.sid == *sid)?;
        Some(notice.reply)
    }

    /// Forgets the notice.
    pub fn clear_notice(&mut self) {
        self.notice = None;
    }

    /// The number of messages that count now.
    pub fn count(&self, now: UnixMillis) -> usize {
        let counts = |at: &&UnixMillis| now.since(**at) < WINDOW;
        self.admitted.iter().filter(counts).count()
    }

    /// Forgets what no longer counts.
    pub fn forget(&mut self, now: UnixMillis) {
        self.admitted.retain(|at| now.since(*at) < WINDOW);
        self.notice.take_if(|notice| now.since(notice.at) >= WINDOW);
    }

    /// When nothing counts any more.
    pub fn ends(&self) -> Option<UnixMillis> {
        let newest = self.admitted.last().copied();
        let notice = self.notice.as_ref().map(|notice| notice.at);
        newest.max(notice).map(|at| at.plus(WINDOW))
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.admitted.is_empty() && self.notice.is_none()
    }

    /// Limits times to now, after a clock that was ahead.
    pub fn distrust_future(&mut self, now: UnixMillis) {
        if let Some(notice) = &mut self.notice {
            notice.at = notice.at.min(now);
        }
    }
}
