//! A contact that is handed over to a person: the assistant is silent, and each message is passed on.
//!
//! What is said meanwhile is kept as lines, and becomes part of the conversation when the hand-off
//! ends, so that the model goes on informed. Not here: the words that begin and end one
//! (`keywords`), sending what is passed on (`conversation::deliveries`), and starting a Studio flow
//! (`thread::studio`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::studio::Flow;
use crate::{
    base::time::UnixMillis,
    config::Assistant,
    conversation::{history::Turn, outbox::ReplyTarget},
    event::HandOffBy,
    identity::PhoneHash,
    messaging::api::HandOffSpan,
};

/// The hand-off of a thread, if one runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandOffs {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) running: Option<Running>,
    /// What was said in it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said: Vec<Line>,
    /// The ids of the operator's newest messages. A repeated one is sent once, also after the hand-off or an erasure. They
    /// say nothing about content (see `PseudonymKey::text_mark`), and alone they keep no state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) sent: Vec<String>,
}

/// A hand-off that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    #[serde(flatten)]
    pub(super) span: HandOffSpan,
    /// Whether the contact was told.
    #[serde(default)]
    pub(super) told: bool,
    /// Where the operator's answers go, once the contact has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<Target>,
    /// When the operator's number was last sent a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) noted_at: Option<UnixMillis>,
    /// The Studio flow that is to be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) flow: Option<Flow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub(super) reply_to: ReplyTarget,
    pub(super) phone_hash: PhoneHash,
}

/// A message of the contact, or an answer of the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    at: UnixMillis,
    by_operator: bool,
    text: String,
}

/// The longest hand-off.
const LONGEST: Duration = Duration::from_hours(168);
/// The most bytes of what was said. The oldest is forgotten first.
const MAX_SAID_BYTES: usize = 16 * 1024;

impl HandOffs {
    /// The span of the hand-off that runs.
    pub(super) fn span(&self) -> Option<HandOffSpan> {
        self.running.as_ref().map(|running| running.span)
    }

    /// Goes on with the hand-off of a thread that follows from now on. The contact was told there.
    pub(super) fn adopt(&mut self, span: HandOffSpan) {
        self.running.get_or_insert(Running {
            span,
            told: true,
            target: None,
            noted_at: None,
            flow: None,
        });
    }

    /// Whether none runs, and nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_none() && self.said.is_empty()
    }

    /// Forgets the hand-off and what was said in it. The ids of the operator's messages stay.
    pub(super) fn clear(&mut self) {
        self.running = None;
        self.forget_said();
    }

    /// Forgets what was said.
    pub(super) fn forget_said(&mut self) {
        self.said.clear();
    }

    /// Forgets what was said before the lifetime of the conversation began.
    pub(super) fn forget(&mut self, now: UnixMillis, ttl: Duration) {
        self.said.retain(|line| now.since(line.at) < ttl);
    }

    /// When the alarm must look at it: at its end, or when something said must be forgotten.
    pub(super) fn next_wake(&self, ttl: Duration) -> Option<UnixMillis> {
        let ends = self.running.as_ref().map(|running| running.span.until);
        let oldest = self.said.first().map(|line| line.at.plus(ttl));
        ends.into_iter().chain(oldest).min()
    }

    /// When the alarm must take a step towards the start of a Studio flow.
    pub(super) fn flow_wake(&self) -> Option<UnixMillis> {
        let running = self.running.as_ref()?;
        running.target.as_ref()?;
        running.flow.as_ref().map(Flow::next_wake)
    }

    /// The contact has opted out: no flow may write to it.
    pub(super) fn drop_flow(&mut self) {
        if let Some(running) = &mut self.running {
            running.flow = None;
        }
    }

    /// Limits planned times, after a clock that was ahead.
    pub(super) fn distrust_future(&mut self, now: UnixMillis) {
        if let Some(running) = &mut self.running {
            running.span.until = running.span.until.min(now.plus(LONGEST));
            if let Some(flow) = &mut running.flow {
                flow.distrust_future(now);
            }
        }
        for line in &mut self.said {
            line.at = line.at.min(now);
        }
    }

    /// Begins a hand-off, if the assistant can hand over and none runs.
    pub(super) fn begin(
        &mut self,
        by: HandOffBy,
        reason: Option<&str>,
        assistant: &Assistant,
        now: UnixMillis,
    ) -> bool {
        let Some(hand_off) = &assistant.hand_off else {
            return false;
        };
        if self.running.is_some() {
            return false;
        }
        let flow = hand_off.studio_flow.as_ref();
        self.running = Some(Running {
            span: HandOffSpan {
                since: now,
                until: now.plus(hand_off.lasts),
                by,
            },
            told: false,
            target: None,
            noted_at: None,
            flow: flow.map(|_| Flow::new(reason, now)),
        });
        true
    }

    /// Adds what was said.
    pub(super) fn say(&mut self, by_operator: bool, text: String, at: UnixMillis) {
        self.said.push(Line {
            at,
            by_operator,
            text,
        });
        let mut bytes = 0usize;
        let kept = self.said.iter().rev().take_while(|line| {
            bytes = bytes.saturating_add(line.text.len());
            bytes <= MAX_SAID_BYTES
        });
        let surplus = self.said.len().saturating_sub(kept.count());
        self.said.drain(..surplus);
    }

    /// Takes what was said, as turns: the contact's lines, and the operator's answers to them.
    pub(super) fn take_turns(&mut self) -> Vec<Turn> {
        let mut turns: Vec<Turn> = Vec::new();
        for line in std::mem::take(&mut self.said) {
            let follows = |turn: &&mut Turn| line.by_operator || turn.assistant.is_empty();
            let Some(turn) = turns.last_mut().filter(follows) else {
                let (user, assistant) = if line.by_operator {
                    (String::new(), line.text)
                } else {
                    (line.text, String::new())
                };
                turns.push(Turn { user, assistant });
                continue;
            };
            let side = if line.by_operator {
                &mut turn.assistant
            } else {
                &mut turn.user
            };
            if !side.is_empty() {
                side.push('\n');
            }
            side.push_str(&line.text);
        }
        turns
    }
}

#[cfg(test)]
mod tests;
