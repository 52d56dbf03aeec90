//! A contact that is handed over to a person: the assistant is silent, and each message is passed on.
//!
//! What is said meanwhile is kept as lines, and becomes part of the conversation when the hand-off
//! ends, so that the model goes on informed. Not here: the words that begin and end one
//! (`keywords`), sending what is passed on (`conversation::deliveries`), and starting a Studio flow
//! (`thread::studio`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    MessageStatus, PendingMessage, State,
    studio::{Flow, FlowStart, FlowStep},
};
use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config, FixedText},
    conversation::{deliveries::Delivery, history::Turn, outbox::ReplyTarget},
    event::{DeliveryPurpose, HandOffBy},
    identity::{Address, MessageSid, PhoneHash, Pseudonym},
    messaging::api::{HandOffSpan, Said, TakenOver},
};

/// The hand-off of a thread, if one runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandOffs {
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<Running>,
    /// What was said in it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said: Vec<Line>,
    /// The ids of the operator's newest messages. A repeated one is sent once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sent: Vec<String>,
}

/// A hand-off that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Running {
    #[serde(flatten)]
    span: HandOffSpan,
    /// Whether the contact was told.
    #[serde(default)]
    told: bool,
    /// Where the operator's answers go, once the contact has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    /// When the operator's number was last sent a note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    noted_at: Option<UnixMillis>,
    /// The Studio flow that is to be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flow: Option<Flow>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Target {
    reply_to: ReplyTarget,
    phone_hash: PhoneHash,
}

/// A message of the contact, or an answer of the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    at: UnixMillis,
    by_operator: bool,
    text: String,
}

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

/// The longest hand-off.
const LONGEST: Duration = Duration::from_hours(168);
/// The operator's number gets at most one note in this time.
const NOTE_WAIT: Duration = Duration::from_mins(1);
/// The most bytes of what was said. The oldest is forgotten first.
const MAX_SAID_BYTES: usize = 16 * 1024;
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
        self.pass_on_waiting(None, thread, now, config);
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
            self.pass_on_waiting(None, thread, now, config);
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
        self.pass_on_waiting(None, thread, now, config);
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
                let (contact, text) = (message.reply_to.contact.as_str(), message.text);
                note = format!("{note}\n{contact}: {text}");
            }
            let number = self.turns.take_number();
            let phone_hash = message.phone_hash.clone();
            self.outbox
                .put_note(number, reply_to, phone_hash, &note, now);
        }
        let lines = std::iter::once(message.text.to_owned()).filter(|text| !text.is_empty());
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

    /// Ends the hand-off. What was said in it becomes part of the conversation. Returns whether one
    /// ran, and the contact's hash for the log, if the contact has written in it.
    pub fn end_hand_off(&mut self, now: UnixMillis, config: &Config) -> Option<Option<PhoneHash>> {
        let running = self.hand_off.running.take()?;
        for turn in std::mem::take(&mut self.hand_off).into_turns() {
            let number = self.turns.take_number();
            self.revisions
                .add_turn(number, turn, now, config.conversation_ttl);
        }
        Some(running.target.map(|target| target.phone_hash))
    }

    /// An operator answers. `id` names the answer, so that a repeated one is sent once.
    pub fn say(&mut self, text: &str, id: &str, now: UnixMillis) -> Said {
        if self.is_opted_out() {
            return Said::OptedOut;
        }
        let running = self.hand_off.running.as_ref();
        let Some(target) = running.and_then(|running| running.target.clone()) else {
            return Said::NoConversation;
        };
        if self.hand_off.sent.iter().any(|sent| sent == id) {
            return Said::Queued;
        }
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
    fn pass_on_waiting(
        &mut self,
        reason: Option<&str>,
        thread: &Pseudonym,
        now: UnixMillis,
        config: &Config,
    ) {
        let waiting: Vec<_> = self.turns.messages().cloned().collect();
        self.turns.cancel();
        for message in &waiting {
            if message.text.is_some() {
                self.pass_on(Passed::from(message), reason, thread, now, config);
            }
        }
        self.records.update(|record| {
            let waits = waiting.iter().any(|message| message.sid == record.sid);
            waits.then_some(MessageStatus::Nothing)
        });
    }
}

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

    /// Forgets the hand-off and what was said in it.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
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

    fn begin(
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

    fn say(&mut self, by_operator: bool, text: String, at: UnixMillis) {
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

    /// What was said, as turns: the contact's lines, and the operator's answers to them.
    fn into_turns(self) -> Vec<Turn> {
        let mut turns: Vec<Turn> = Vec::new();
        for line in self.said {
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

#[cfg(test)]
mod tests;
