//! The state of a thread, and all decisions about it. This module does no I/O, and gets the time
//! passed in.
//!
//! The whole state is one stored value, so that each step is atomic. Each part owns its fields, and
//! says when the alarm must look at it. Everything expires, except an opt-out. The opt-out has its
//! own key, so that it survives a state that cannot be read. Every list has a limit, so the value
//! stays far below the 2 MB that storage accepts. Not here: waiting, storing, sending
//! (`messaging::thread`).

mod admission;
mod answers;
mod consent;
mod following;
mod hand_off;
mod handing_over;
mod intake_steps;
mod intakes;
mod jobs;
mod links;
mod quotable;
mod rate_window;
mod records;
mod reply_loop;
mod share;
mod stored;
mod studio;
mod turn_end;
mod turns;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::{
    answers::Answers, hand_off::HandOffs, intakes::Intakes, links::Links, quotable::Quotable,
    rate_window::RateWindow, records::MessageRecords, reply_loop::ReplyLoop, share::DailyShare,
    turns::Turns,
};
use crate::{
    base::{time::UnixMillis, usage::PendingUsage},
    config::Config,
    conversation::{deliveries::Deliveries, outbox::Outbox, revisions::Revisions},
    event::Erased,
    identity::{Channel, MessageSid, PhoneHash},
    messaging::{
        api::{Receive, ThreadSummary},
        canned_replies::{self, CannedReply},
    },
};

pub use self::{
    admission::{Admission, CancelledCounts},
    answers::{Answer, AnswerLocation, AnswerRow},
    intake_steps::EndedDelivery,
    intakes::IntakeEnd,
    jobs::Job,
    links::PlannedOrder,
    records::MessageStatus,
    share::MAX_CANNED_REPLIES_PER_DAY,
    stored::Decoded,
    studio::{FlowStart, FlowStep, Unsure},
    turn_end::{IntakeTurn, Requests, TurnReply, TurnResult},
    turns::{ActiveTurn, Contents, NextRun, PendingMessage},
};

/// Everything that one thread remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    v: u32,
    #[serde(skip_serializing_if = "is_default")]
    rate_window: RateWindow,
    #[serde(skip_serializing_if = "is_default")]
    records: MessageRecords,
    #[serde(skip_serializing_if = "is_default")]
    turns: Turns,
    #[serde(skip_serializing_if = "is_default")]
    answers: Answers,
    #[serde(skip_serializing_if = "is_default")]
    quotable: Quotable,
    #[serde(skip_serializing_if = "is_default")]
    reply_loop: ReplyLoop,
    #[serde(skip_serializing_if = "is_default")]
    share: DailyShare,
    /// The conversation, and which of its revisions KV holds.
    #[serde(skip_serializing_if = "is_default")]
    pub revisions: Revisions,
    /// Answers that go out by REST.
    #[serde(skip_serializing_if = "is_default")]
    pub outbox: Outbox,
    /// Signed webhooks that must arrive.
    #[serde(skip_serializing_if = "is_default")]
    pub deliveries: Deliveries,
    /// Usage that is not reported yet.
    #[serde(skip_serializing_if = "is_default")]
    pub usage: PendingUsage,
    /// The hand-off to a person.
    #[serde(skip_serializing_if = "is_default")]
    hand_off: HandOffs,
    /// The guided intake.
    #[serde(skip_serializing_if = "is_default")]
    intakes: Intakes,
    /// The threads of the contact's other addresses.
    #[serde(skip_serializing_if = "is_default")]
    links: Links,
    /// Whether the contact wants no messages. It is stored under a key of its own.
    #[serde(skip)]
    opted_out: bool,
    /// How often this object has forgotten the conversation. A quote that was looked up before that is
    /// not used.
    #[serde(skip)]
    forgotten: u64,
}

/// An empty part is not stored.
fn is_default<T: Default + PartialEq>(part: &T) -> bool {
    *part == T::default()
}

/// The version of the stored format.
const VERSION: u32 = 1;
/// The alarm comes this long before a webhook stops waiting. So the object has work to do when the
/// webhook leaves.
const ALARM_MARGIN: Duration = Duration::from_millis(250);
/// The longest time that an alarm for a turn can be set ahead, beside `REPLY_WITHIN_MS`.
const MAX_CHECK_WAIT: Duration = Duration::from_secs(160);

impl Default for State {
    fn default() -> Self {
        Self {
            v: VERSION,
            rate_window: RateWindow::default(),
            records: MessageRecords::default(),
            turns: Turns::default(),
            answers: Answers::default(),
            quotable: Quotable::default(),
            reply_loop: ReplyLoop::default(),
            share: DailyShare::default(),
            revisions: Revisions::default(),
            outbox: Outbox::default(),
            deliveries: Deliveries::default(),
            usage: PendingUsage::default(),
            hand_off: HandOffs::default(),
            intakes: Intakes::default(),
            links: Links::default(),
            opted_out: false,
            forgotten: 0,
        }
    }
}

impl State {
    /// Forgets all messages and answers, and cancels everything under way. These stay: an opt-out;
    /// the ids and times of messages, so that a copy is not taken for a new message and the rate
    /// limit holds; the ids of an operator's messages, so that a repeated one is not sent again; the
    /// numbers of revisions, until KV has deleted them; and the contact's share of the day.
    pub fn erase(&mut self, now: UnixMillis, config: &Config) -> Erased {
        let answers = self.records.answered_turns().len();
        let turns = self.revisions.turn_count();
        let cancelled = self.cancel();
        self.rate_window.clear_notice();
        self.outbox.erase_receipts();
        self.forget_quotes();
        self.reply_loop = ReplyLoop::default();
        self.hand_off.clear();
        self.intakes.clear();
        Erased {
            turns,
            revisions: self.revisions.erase(now, config.conversation_ttl),
            pending_messages: cancelled.messages,
            outbox_parts: cancelled.parts,
            answers,
            deliveries: self.deliveries.erase(),
        }
    }

    /// Records that KV has deleted these revisions.
    pub fn mark_deleted(&mut self, numbers: &[u64], now: UnixMillis) {
        self.revisions.mark_deleted(numbers, now);
        self.note_erased();
    }

    /// When nothing is left to erase, an erasure is complete.
    fn note_erased(&mut self) {
        if !self.is_erasing() {
            let erasing = MessageStatus::CannedReply(CannedReply::Erasing);
            let erased = MessageStatus::CannedReply(CannedReply::Erased);
            self.records
                .update(|record| (record.status == erasing).then_some(erased));
        }
    }

    /// The answer to a received message.
    pub fn status(&self, sid: &MessageSid) -> Option<MessageStatus> {
        self.records.status(sid)
    }

    /// The log's hash of the contact who sent a message that waits for its turn, or is in it.
    pub fn phone_hash(&self, sid: &MessageSid) -> Option<PhoneHash> {
        let message = self.turns.messages().find(|message| message.sid == *sid)?;
        Some(message.phone_hash.clone())
    }

    /// The later message that carries the answer to this one, if both are in the turn that runs.
    pub fn carrier(&self, sid: &MessageSid) -> Option<&MessageSid> {
        let turn = self.turns.active()?;
        let is_in = turn.messages.iter().any(|message| message.sid == *sid);
        let last = turn.messages.last().filter(|last| last.sid != *sid);
        last.filter(|_| is_in).map(|last| &last.sid)
    }

    /// The number of the turn that runs.
    pub fn turn_number(&self) -> Option<u64> {
        self.turns.active_number()
    }

    /// Counts one request to the model, if the contact has one left today.
    pub fn reserve_call(&mut self, now: UnixMillis, config: &Config) -> bool {
        self.share
            .reserve_call(now, config.max_daily_calls_per_contact)
    }

    /// Whether the contact has opted out.
    pub fn is_opted_out(&self) -> bool {
        self.opted_out
    }

    /// Sets the opt-out that is stored.
    pub fn set_opted_out(&mut self, opted_out: bool) {
        self.opted_out = opted_out;
    }

    /// Where the answer of a turn is, if it is kept.
    pub fn answer(&self, turn: u64) -> Option<AnswerLocation> {
        self.answers.find(turn)
    }

    /// The beginning of a message that the contact quotes, if it is remembered.
    pub fn quotable(&self, sid: &MessageSid) -> Option<&str> {
        self.quotable.text(sid)
    }

    /// How often this object has forgotten the conversation.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// The text that a message quotes, unless the conversation was forgotten since it was looked up.
    fn quoted_text<'m>(&self, message: &'m Receive) -> Option<&'m str> {
        let quoted = message.quoted_text.as_deref();
        quoted.filter(|_| message.quoted_as_of == self.forgotten)
    }

    /// Nothing that was said so far can be quoted any more.
    fn forget_quotes(&mut self) {
        self.quotable.clear();
        self.forgotten = self.forgotten.wrapping_add(1);
    }

    /// Remembers the beginnings of the parts that have just been sent, where the contact can quote them. Fixed
    /// texts are no part of the conversation, and must not come into it by a quote.
    pub fn remember_sent(&mut self, now: UnixMillis, config: &Config) {
        for (sid, channel, text) in self.outbox.take_sent() {
            self.reply_loop.answer(now);
            let is_fixed = || {
                let mut assistants = config.assistants.iter();
                assistants.any(|one| canned_replies::is_fixed_text(one, &text))
            };
            if channel != Channel::Sms && !is_fixed() {
                self.quotable.add(sid, &text, now);
            }
        }
    }

    /// Moves answers that are too long for the state into a row, see [`Answers::spill`].
    pub fn spill_answers(&mut self) -> Option<(u64, Vec<Answer>)> {
        self.answers.spill(&self.records.answered_turns())
    }

    /// The rows of `before` from which answers go, see [`Answers::thinned_rows`].
    pub fn thinned_rows(&self, before: &Self) -> Vec<AnswerRow> {
        self.answers.thinned_rows(&before.answers)
    }

    /// The state without texts, ids and addresses.
    pub fn summary(&self, now: UnixMillis) -> ThreadSummary {
        let conversation = self.revisions.conversation(now);
        ThreadSummary {
            opted_out: self.opted_out,
            turns: conversation.map_or(0, |meta| meta.turns),
            revision: conversation.and_then(|meta| meta.revision),
            expires_at: conversation.map(|meta| meta.expires_at),
            turn_running: self.turns.active().is_some(),
            pending_messages: self.turns.pending_count(),
            outbox_parts: self.outbox.waiting_parts(),
            messages_last_minute: self.rate_window.count(now),
            handed_off: self.is_handed_over(),
        }
    }

    /// Whether there is nothing to remember but an opt-out, so that storage can be cleared.
    pub fn is_blank(&self) -> bool {
        self.is_idle() && self.links.is_empty()
    }

    /// The links alone, and the number of the newest turn: what remains of an idle state.
    pub fn links_alone(&self) -> Self {
        Self {
            links: self.links.clone(),
            turns: self.turns.clone(),
            opted_out: self.opted_out,
            ..Self::default()
        }
    }

    /// Whether there is nothing to remember but an opt-out and links.
    pub fn is_idle(&self) -> bool {
        self.share.is_empty()
            && self.usage.is_empty()
            && self.rate_window.is_empty()
            && self.records.is_empty()
            && self.quotable == Quotable::default()
            && self.reply_loop.is_empty()
            && self.turns.is_empty()
            && self.revisions.is_empty()
            && self.outbox.is_empty()
            && self.deliveries.is_empty()
            && self.hand_off.is_empty()
            && self.intakes.is_empty()
    }

    /// Limits planned times: a clock that jumped ahead for a moment must not delay work for days.
    pub fn distrust_future(&mut self, now: UnixMillis, config: &Config) {
        let check_wait = MAX_CHECK_WAIT.max(config.reply_within);
        self.records.distrust_future(now);
        self.rate_window.distrust_future(now);
        self.revisions.distrust_future(now, config.conversation_ttl);
        self.outbox.distrust_future(now);
        self.deliveries.distrust_future(now);
        self.hand_off.distrust_future(now);
        self.intakes.distrust_future(now, config.conversation_ttl);
        self.quotable.distrust_future(now);
        self.reply_loop.distrust_future(now);
        self.turns.distrust_future(now.plus(check_wait));
        self.usage.distrust_future(now);
        self.links.distrust_future(now);
    }
}

#[cfg(test)]
mod tests;
