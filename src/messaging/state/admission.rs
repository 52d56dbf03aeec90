//! Admission: the thread decides what to do with a new message.
//!
//! Not here: running turns (`turns`, `turn_end`).

use super::{
    ALARM_MARGIN, MessageStatus, State, handing_over::Passed, rate_window::WINDOW,
    turns::PendingMessage,
};
use crate::{
    base::{
        time::{UnixMillis, millis},
        usage::{RejectionCounts, UsageCounters},
    },
    config::Config,
    event::{Erased, ErasedBy, HandOffBy, IgnoreReason},
    identity::{Channel, MessageSid, Pseudonym},
    messaging::{
        api::Receive,
        canned_replies::CannedReply,
        inbound::Input,
        intake::Command,
        keywords::{self, Keyword},
        quotes,
    },
};

/// The decision about a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// The thread has received it, now or before. This is its status.
    Known(MessageStatus),
    /// The thread of the contact's number must follow this one first.
    MustFollow(Pseudonym),
    /// This thread follows another, which receives the message.
    PassedOn(Pseudonym),
    /// It is over the rate limit. The contact gets the notice the first time in a window.
    Limited(Option<CannedReply>),
    /// The contact has got all canned replies of the day: the message is received, and not
    /// answered.
    Unanswered,
    /// It is passed on to a person. `true`: from this message on.
    HandedOver(MessageStatus, bool),
    /// The contact wants the assistant back.
    HandedBack(MessageStatus),
    /// It is not read, or wants no answer.
    Ignored(IgnoreReason),
    /// The contact opts out.
    OptedOut(MessageStatus, CancelledCounts),
    /// The contact opts in again.
    OptedIn(MessageStatus),
    /// The contact's data is erased.
    Erased(MessageStatus, Erased),
}

/// The numbers of cancelled messages and parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CancelledCounts {
    /// Messages that waited for their turn, or were in it.
    pub messages: usize,
    /// Parts of answers that waited in the outbox.
    pub parts: usize,
}

impl State {
    /// Admits a message, or not: one atomic step.
    pub fn admit(
        &mut self,
        message: &Receive,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> Admission {
        if let Some(status) = self.status(&message.sid) {
            return Admission::Known(status);
        }
        if let Some(reply) = self.rate_window.notice_for(&message.sid) {
            return Admission::Limited(Some(reply));
        }
        if let Some(leader) = self.leader() {
            return Admission::PassedOn(leader.clone());
        }
        if let Some(number) = &message.number_thread
            && !self.has_joined(number)
        {
            return Admission::MustFollow(number.clone());
        }
        let limit = config.rate_limit_per_minute;
        let free_at = self.rate_window.limited_until(now, limit);
        let free_at = free_at.or_else(|| self.full_until(message, now));
        if let Some(admission) = self.apply_keyword(message, free_at.is_some(), now, config) {
            return admission;
        }
        if let Some(free_at) = free_at {
            return Admission::Limited(self.rate_limit_notice(&message.sid, now, free_at));
        }
        if self.opted_out {
            self.count_ignored(now);
            self.record_message(&message.sid, now, MessageStatus::Nothing);
            return Admission::Ignored(IgnoreReason::OptedOut);
        }
        if let Some(admission) = self.hand_over(message, thread, now, config) {
            return admission;
        }
        let reply = match &message.input {
            Input::TooLong => CannedReply::TooLong(config.max_message_chars),
            Input::Empty => CannedReply::NoText,
            Input::Media => CannedReply::Media,
            Input::Keyword {
                keyword: Keyword::Help,
                by_twilio,
            } => {
                if *by_twilio {
                    // Twilio has answered it.
                    self.record_message(&message.sid, now, MessageStatus::Nothing);
                    return Admission::Known(MessageStatus::Nothing);
                }
                CannedReply::Help
            }
            Input::Reaction => return self.ignore(message, IgnoreReason::Reaction, now),
            Input::Text(text) => {
                if !text.is_empty() && self.reply_loop.hear(text, config, now) {
                    return self.ignore(message, IgnoreReason::ReplyLoop, now);
                }
                return self.queue(message, Some(text), now, config);
            }
            Input::Keyword {
                keyword: Keyword::Cancel,
                ..
            } => return self.queue(message, Some("cancel"), now, config),
            Input::Keyword { .. } => return self.queue(message, None, now, config),
        };
        let status = self.canned_reply(reply, now);
        self.record_message(&message.sid, now, status);
        match status {
            MessageStatus::Nothing => Admission::Unanswered,
            status => Admission::Known(status),
        }
    }

    /// Begins or ends a hand-off by the contact's word, or passes a message on. A message that is not
    /// one of these goes its usual way. A person can read more than the assistant.
    fn hand_over(
        &mut self,
        message: &Receive,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> Option<Admission> {
        let files = message
            .images
            .len()
            .saturating_add(message.voice_notes.len());
        let unread = &message.unread;
        let (text, media) = match &message.input {
            Input::Text(text) => (text.as_str(), files),
            // An earlier release of the Worker sends only that there are files.
            Input::Media => (unread.text.as_str(), unread.files.max(1)),
            Input::TooLong | Input::Reaction if !unread.is_empty() => {
                (unread.text.as_str(), unread.files)
            }
            _ => return None,
        };
        let is_word = media == 0 && matches!(message.input, Input::Text(_));
        let quoted = self.quoted_text(message);
        let quoted = quoted.map(|quoted| quotes::with_quote(quoted, text));
        let passed = Passed {
            sid: &message.sid,
            at: now,
            reply_to: &message.reply_to,
            phone_hash: &message.phone_hash,
            text: quoted.as_deref().unwrap_or(text),
            media,
        };
        let begins = !self.is_handed_over();
        if !begins {
            if is_word && keywords::asks_for_assistant(text) {
                self.end_hand_off(now, config);
                let status = self.canned_reply(CannedReply::AssistantAgain, now);
                self.record_message(&message.sid, now, status);
                return Some(Admission::HandedBack(status));
            }
            if self.pass_on(passed, None, thread, now, config).is_none() {
                let free_at = now.plus(WINDOW);
                let notice = self.rate_limit_notice(&message.sid, now, free_at);
                return Some(Admission::Limited(notice));
            }
        } else if !is_word
            || !keywords::asks_for_person(text)
            || !self.begin_hand_off(HandOffBy::Contact, passed, thread, now, config)
        {
            return None;
        }
        let status = if self.tell_hand_off() {
            self.canned_reply(CannedReply::HandedOver, now)
        } else {
            MessageStatus::Nothing
        };
        self.record_message(&message.sid, now, status);
        Some(Admission::HandedOver(status, begins))
    }

    /// Tells the contact of a message that its answer does not come by REST today, unless it was
    /// told so before. An answer that has come meanwhile is given.
    pub fn tell_no_rest_answer(
        &mut self,
        sid: &MessageSid,
        now: UnixMillis,
    ) -> (MessageStatus, bool) {
        match self.status(sid).unwrap_or(MessageStatus::Nothing) {
            MessageStatus::Waiting if self.share.tell(now) => {
                (MessageStatus::CannedReply(CannedReply::NoMoreToday), true)
            }
            MessageStatus::Waiting => (MessageStatus::Nothing, true),
            status => (status, false),
        }
    }

    /// Cancels everything that is under way, and takes back the answers that copies would get.
    pub(super) fn cancel(&mut self) -> CancelledCounts {
        let messages = self.turns.cancel();
        let parts = self.outbox.cancel();
        self.records.update(|_| Some(MessageStatus::Nothing));
        CancelledCounts { messages, parts }
    }

    /// A message is received, and gets no answer.
    fn ignore(&mut self, message: &Receive, reason: IgnoreReason, now: UnixMillis) -> Admission {
        self.record_message(&message.sid, now, MessageStatus::Nothing);
        Admission::Ignored(reason)
    }

    /// A message for the assistant waits for its turn. Without a text it asks for a reset.
    fn queue(
        &mut self,
        message: &Receive,
        text: Option<&str>,
        now: UnixMillis,
        config: &Config,
    ) -> Admission {
        // SMS has no quotes.
        if let Some(text) = text
            && message.reply_to.contact.channel() != Channel::Sms
        {
            self.quotable.add(message.sid.clone(), text, now);
        }
        let command = text.and_then(|text| match &message.input {
            Input::Keyword { .. } => Some(Command::Cancel),
            _ => self.intake_command(message, text, config),
        });
        let text = text.map(|text| match self.quoted_text(message) {
            Some(quoted) => quotes::with_quote(quoted, text),
            None => text.to_owned(),
        });
        self.turns.add(PendingMessage {
            sid: message.sid.clone(),
            at: now,
            phone_hash: message.phone_hash.clone(),
            reply_to: message.reply_to.clone(),
            text,
            images: message.images.clone(),
            voice_notes: message.voice_notes.clone(),
            command,
        });
        self.begin_turn(now, config);
        let deadline = message.arrived.min(now).plus(config.reply_within);
        self.turns.check(deadline.minus(ALARM_MARGIN));
        self.record_message(&message.sid, now, MessageStatus::Waiting);
        Admission::Known(MessageStatus::Waiting)
    }

    /// Applies a keyword, even over the rate limit. Over the limit it gets no answer: otherwise
    /// keywords would bypass the limit.
    fn apply_keyword(
        &mut self,
        message: &Receive,
        limited: bool,
        now: UnixMillis,
        config: &Config,
    ) -> Option<Admission> {
        let keyword = match &message.input {
            Input::Keyword { keyword, .. } => *keyword,
            Input::Text(text) if self.opted_out && keywords::opts_in_while_opted_out(text) => {
                Keyword::OptIn
            }
            _ => return None,
        };
        let by_twilio = match &message.input {
            Input::Keyword { by_twilio, .. } => *by_twilio,
            Input::Text(text) => keywords::is_confirmed_by_twilio(text, &message.reply_to.number),
            _ => false,
        };
        let confirms = !by_twilio && !limited;
        let reply = |state: &mut Self, confirms: bool, reply| {
            if confirms {
                state.canned_reply(reply, now)
            } else {
                MessageStatus::Nothing
            }
        };
        let (status, admission) = match keyword {
            Keyword::Cancel if self.cancels_intake(message, config) => return None,
            Keyword::OptOut | Keyword::Cancel => {
                let status = reply(self, confirms && !self.opted_out, CannedReply::OptedOut);
                (status, Admission::OptedOut(status, self.opt_out(now)))
            }
            Keyword::OptIn => {
                self.opt_in(now);
                let status = reply(self, confirms, CannedReply::OptedIn);
                (status, Admission::OptedIn(status))
            }
            Keyword::Erase => {
                let erased = self.erase(now, config);
                self.plan_erasure(message.phone_hash.clone(), ErasedBy::Contact, now);
                let done = if self.is_erasing() {
                    CannedReply::Erasing
                } else {
                    CannedReply::Erased
                };
                let status = reply(self, !self.opted_out && !limited, done);
                (status, Admission::Erased(status, erased))
            }
            Keyword::Help | Keyword::Reset => return None,
        };
        if limited {
            self.records.add(message.sid.clone(), now, status);
        } else {
            self.record_message(&message.sid, now, status);
        }
        Some(admission)
    }

    /// Records a message that counts against the rate limit.
    fn record_message(&mut self, sid: &MessageSid, now: UnixMillis, status: MessageStatus) {
        self.rate_window.admit(now);
        self.records.add(sid.clone(), now, status);
        let answered = matches!(status, MessageStatus::CannedReply(_));
        let counted = UsageCounters {
            messages_in: 1,
            answers_by_webhook: u64::from(answered),
            ..UsageCounters::EMPTY
        };
        self.usage.count(&counted, now);
    }

    /// A canned reply, or nothing once the contact has got all of the day.
    fn canned_reply(&mut self, reply: CannedReply, now: UnixMillis) -> MessageStatus {
        if self.share.reserve_canned_reply(now) {
            MessageStatus::CannedReply(reply)
        } else {
            MessageStatus::Nothing
        }
    }

    /// The notice for a message over the rate limit: one in a window.
    fn rate_limit_notice(
        &mut self,
        sid: &MessageSid,
        now: UnixMillis,
        free_at: UnixMillis,
    ) -> Option<CannedReply> {
        if self.opted_out || self.rate_window.was_told(now) || !self.share.reserve_canned_reply(now)
        {
            return None;
        }
        let seconds = millis(free_at.since(now)).div_ceil(1000).max(1);
        let reply = CannedReply::SlowDown(seconds);
        self.rate_window.tell(sid.clone(), reply, now);
        Some(reply)
    }

    /// When there is room for a message again, if there is none.
    fn full_until(&self, message: &Receive, now: UnixMillis) -> Option<UnixMillis> {
        let has_room = match &message.input {
            Input::Text(text) => {
                let files = message.images.iter().chain(&message.voice_notes);
                self.turns.has_room(text, files)
            }
            _ => self.turns.has_room("", [].iter()),
        };
        (!has_room).then(|| now.plus(WINDOW))
    }

    fn count_ignored(&mut self, now: UnixMillis) {
        let rejections = RejectionCounts {
            opted_out: 1,
            ..RejectionCounts::default()
        };
        let counted = UsageCounters {
            rejections,
            ..UsageCounters::EMPTY
        };
        self.usage.count(&counted, now);
    }
}
