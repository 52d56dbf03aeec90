//! The steps of a hand-off: it begins, messages are passed on, an operator answers, it ends.
//!
//! Not here: what is remembered of it (`hand_off`), and the contact's words (`admission`).

use std::time::Duration;

use serde::Serialize;

use super::{
    MessageStatus, PendingMessage, State,
    hand_off::Target,
    studio::{Flow, FlowStart, FlowStep},
};
use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config, FixedText},
    conversation::{deliveries::Delivery, outbox::ReplyTarget},
    event::{DeliveryPurpose, HandOffBy},
    identity::{Address, MessageSid, PhoneHash, Pseudonym},
    messaging::api::{Said, TakenOver},
};

impl<'a> From<&'a PendingMessage> for Passed<'a> {
    fn from(message: &'a PendingMessage) -> Self {
        Self {
            sid: &message.sid,
            at: message.at,
            reply_to: &message.reply_to,
            phone_hash: &message.phone_hash,
            text: message.text.as_deref().unwrap_or_default(),
            media: message.files().count(),
        }
    }
}

/// A message that is passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed<'a> {
    pub(super) sid: &'a MessageSid,
    pub(super) at: UnixMillis,
    pub(super) reply_to: &'a ReplyTarget,
    pub(super) phone_hash: &'a PhoneHash,
    pub(super) text: &'a str,
    /// How many files it has.
    pub(super) media: usize,
}

/// The operator's number gets at most one note in this time.
const NOTE_WAIT: Duration = Duration::from_mins(1);
/// How many of the operator's messages are remembered by their ids.
const MAX_SENT: usize = 20;
/// The most characters of a reason that are passed on.
const MAX_REASON: usize = 500;

impl State {
    /// Whether the contact is handed over to a person.
    pub fn is_handed_over(&self) -> bool {
        self.hand_off.running.is_some()
    }

    /// Begins a hand-off of the contact of this message. The messages that wait for an answer are
    /// passed on instead, with `last` behind them. Returns whether the assistant can hand over.
    pub(super) fn begin_hand_off(
        &mut self,
        by: HandOffBy,
        last: Passed<'_>,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> bool {
        let assistant = last.reply_to.assistant(config);
        if !self.hand_off.begin(by, None, assistant, now) {
            return false;
        }
        self.pass_on_waiting(thread, now, config);
        self.pass_on(last, None, thread, now, config);
        true
    }

    /// Hands the contact over at the end of the turn of that number, because the model has asked for
    /// it. The turn's messages and those that wait are passed on. The turn goes on: its answer tells
    /// the contact.
    pub fn hand_over_turn(
        &mut self,
        number: u64,
        reason: &str,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> bool {
        let Some(turn) = self.turns.end(number) else {
            return false;
        };
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let assistant = turn.assistant(config);
        let begun = self
            .hand_off
            .begin(HandOffBy::Assistant, Some(&reason), assistant, now);
        if begun {
            for message in &turn.messages {
                self.pass_on(Passed::from(message), Some(&reason), thread, now, config);
            }
            self.pass_on_waiting(thread, now, config);
            if let Some(running) = &mut self.hand_off.running {
                running.told = true;
            }
        }
        self.turns.resume(turn);
        begun
    }

    /// An operator takes the contact over. `number` is the one that the contact writes to.
    pub fn take_over(
        &mut self,
        number: &Address,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> TakenOver {
        if self.is_handed_over() {
            return TakenOver::Running;
        }
        let waiting = self.turns.messages().last();
        let service = waiting.and_then(|message| message.reply_to.service.as_ref());
        let assistant = config.assistants.answering(number, service);
        if !self
            .hand_off
            .begin(HandOffBy::Operator, None, assistant, now)
        {
            return TakenOver::NotConfigured;
        }
        self.pass_on_waiting(thread, now, config);
        TakenOver::Begun
    }

    /// Passes a message of a contact that is handed over on. Returns its status, or nothing if there
    /// is no room for it.
    pub(super) fn pass_on(
        &mut self,
        message: Passed<'_>,
        reason: Option<&str>,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) -> Option<MessageStatus> {
        let assistant = message.reply_to.assistant(config);
        let hand_off = assistant.hand_off.as_ref()?;
        if hand_off.target.is_some() {
            let delivery = delivery(message, reason, assistant, thread, now, config);
            if !self.deliveries.put(delivery) {
                return None;
            }
        }
        let running = self.hand_off.running.as_mut()?;
        running.target = Some(Target {
            reply_to: message.reply_to.clone(),
            phone_hash: message.phone_hash.clone(),
        });
        // The service gets the whole text. The assistant reads this later, and reads no more of a message.
        let text = cut(message.text, config.max_message_chars);
        let note_is_due = running
            .noted_at
            .is_none_or(|at| now.since(at) >= NOTE_WAIT || at > now);
        if let (Some(staff), true) = (&hand_off.number, note_is_due)
            && let Some(reply_to) = note_target(staff, message.reply_to)
        {
            running.noted_at = Some(now);
            let who = message.phone_hash.to_string();
            let mut note = assistant.text_with(FixedText::HandOffNote, &who);
            if hand_off.include_text {
                let contact = message.reply_to.contact.as_str();
                note = format!("{note}\n{contact}: {text}");
            }
            let number = self.turns.take_number();
            let phone_hash = message.phone_hash.clone();
            self.outbox
                .put_note(number, reply_to, phone_hash, &note, now);
        }
        let lines = std::iter::once(text).filter(|text| !text.is_empty());
        let files = (message.media > 0).then(|| format!("[{} files]", message.media));
        let text = lines.chain(files).collect::<Vec<_>>().join("\n");
        self.hand_off.say(false, text, now);
        Some(MessageStatus::Nothing)
    }

    /// Whether the contact must still be told of the hand-off. It then counts as told.
    pub(super) fn tell_hand_off(&mut self) -> bool {
        let running = self.hand_off.running.as_mut();
        running.is_some_and(|running| !std::mem::replace(&mut running.told, true))
    }

    /// Who ends a hand-off now, if it is over: its time, or an operator who has taken `[hand_off]`
    /// from the assistant's file.
    pub fn hand_off_is_over(&self, now: UnixMillis, config: &Config) -> Option<HandOffBy> {
        let running = self.hand_off.running.as_ref()?;
        let target = running.target.as_ref();
        let can = target.is_none_or(|one| one.reply_to.assistant(config).hand_off.is_some());
        if !can {
            return Some(HandOffBy::Operator);
        }
        (running.span.until <= now).then_some(HandOffBy::Time)
    }

    /// Ends the hand-off. What was said in it becomes part of the conversation. Returns the
    /// contact's hash for the log, if one ran.
    pub fn end_hand_off(&mut self, now: UnixMillis, config: &Config) -> Option<PhoneHash> {
        let running = self.hand_off.running.take()?;
        // The alarm may be late.
        self.revisions.expire(now);
        self.hand_off.forget(now, config.conversation_ttl);
        for turn in self.hand_off.take_turns() {
            let number = self.turns.take_number();
            self.revisions
                .add_turn(number, turn, now, config.conversation_ttl);
        }
        let known = running.target.map(|target| target.phone_hash);
        Some(known.unwrap_or_else(PhoneHash::nobody))
    }

    /// An operator answers. `id` names the answer, so that a repeated one is sent once.
    pub fn say(&mut self, text: &str, id: &str, now: UnixMillis) -> Said {
        if self.is_opted_out() {
            return Said::OptedOut;
        }
        if self.hand_off.sent.iter().any(|sent| sent == id) {
            return Said::Queued;
        }
        let running = self.hand_off.running.as_ref();
        let Some(target) = running.and_then(|running| running.target.clone()) else {
            return Said::NoConversation;
        };
        let number = self.turns.take_number();
        self.outbox
            .put(number, target.reply_to, target.phone_hash, text, now);
        self.hand_off.say(true, text.to_owned(), now);
        let sent = &mut self.hand_off.sent;
        sent.push(id.to_owned());
        sent.drain(..sent.len().saturating_sub(MAX_SENT));
        Said::Queued
    }

    /// The next step towards the start of a Studio flow, if it is due.
    pub fn next_flow_step(&mut self, now: UnixMillis) -> Option<FlowStep> {
        let running = self.hand_off.running.as_mut()?;
        let target = running.target.as_ref()?;
        let start = FlowStart {
            reply_to: target.reply_to.clone(),
            phone_hash: target.phone_hash.clone(),
            by: running.span.by,
            reason: None,
        };
        running.flow.as_mut()?.next_step(start, now)
    }

    /// Changes the flow that is to be started, if it still is. Without one left, it is done.
    pub fn change_flow(&mut self, change: impl FnOnce(&mut Option<Flow>)) {
        if let Some(running) = &mut self.hand_off.running {
            change(&mut running.flow);
        }
    }

    /// Whether a step towards the start of a Studio flow is due.
    pub(super) fn flow_is_due(&self, now: UnixMillis) -> bool {
        self.hand_off.flow_wake().is_some_and(|at| at <= now)
    }

    /// Passes the messages that wait for an answer on, and cancels their turn.
    fn pass_on_waiting(&mut self, thread: &Pseudonym, now: UnixMillis, config: &Config) {
        let waiting: Vec<_> = self.turns.messages().cloned().collect();
        self.turns.cancel();
        for message in &waiting {
            if message.text.is_some() {
                self.pass_on(Passed::from(message), None, thread, now, config);
            }
        }
        self.records.update(|record| {
            let waits = waiting.iter().any(|message| message.sid == record.sid);
            waits.then_some(MessageStatus::Nothing)
        });
    }
}

/// A text of at most so many characters, with an ellipsis where it was cut.
fn cut(text: &str, max_chars: usize) -> String {
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let kept = text.chars().take(max_chars.saturating_sub(1));
    kept.chain(['…']).collect()
}

/// The webhook with a message of a contact.
fn delivery(
    message: Passed<'_>,
    reason: Option<&str>,
    assistant: &Assistant,
    thread: &Pseudonym,
    now: UnixMillis,
    config: &Config,
) -> Delivery {
    #[derive(Serialize)]
    struct Body<'a> {
        event: &'static str,
        id: &'a str,
        conversation: &'a str,
        assistant: &'a str,
        channel: &'static str,
        /// A person must be able to answer.
        contact: &'a str,
        number: &'a str,
        text: &'a str,
        media: usize,
        time: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    }
    const EVENT: &str = "handed_over_message";
    let sid = message.sid.as_str();
    let id = config.pseudonym_key.webhook_id(thread, 0, EVENT, sid);
    let body = Body {
        event: EVENT,
        id: id.as_str(),
        conversation: thread.as_str(),
        assistant: &assistant.name,
        channel: message.reply_to.contact.channel().name(),
        contact: message.reply_to.contact.as_str(),
        number: message.reply_to.number.as_str(),
        text: message.text,
        media: message.media,
        time: message.at.to_string(),
        reason,
    };
    // Writing to memory never fails.
    let body = serde_json::to_string(&body).unwrap_or_default();
    let (purpose, name) = (DeliveryPurpose::HandedOverMessage, assistant.name.clone());
    Delivery::new(id, purpose, name, message.phone_hash.clone(), body, now)
}

/// How the operator's number is written to, if this number can send SMS.
fn note_target(staff: &Address, reply_to: &ReplyTarget) -> Option<ReplyTarget> {
    let number: Option<Address> = reply_to.number.id().parse().ok();
    let sends = number.as_ref().is_some_and(Address::can_be_written_to);
    if !sends && reply_to.service.is_none() {
        return None;
    }
    Some(ReplyTarget {
        contact: staff.clone(),
        number: number.filter(|_| sends).unwrap_or(reply_to.number.clone()),
        ..reply_to.clone()
    })
}
