//! Beginning and ending a turn: which way the answer takes, and how it counts for the contact's
//! day.
//!
//! Not here: the messages of a turn (`turns`).

use super::{ALARM_MARGIN, ActiveTurn, IntakeEnd, MessageStatus, NextRun, PendingMessage, State};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::{Assistant, Config, FixedText},
    conversation::history::Turn,
    event::DailyLimit,
    identity::MessageSid,
    messaging::intake::IntakeState,
};

/// How a turn ended.
#[derive(Clone, Debug)]
pub enum TurnResult {
    /// With an answer of the model, which becomes part of the conversation.
    Answered {
        /// The contact's input.
        input: String,
        /// The answer.
        text: String,
        /// The answer as it is sent. It can begin with what was heard.
        sent: String,
    },
    /// With an answer of the model that ends the conversation: it is cleared.
    Ended {
        /// The answer as it is sent.
        sent: String,
    },
    /// With a text that is not part of the conversation.
    Failed(FixedText),
    /// With a limit of the day. The contact is told once.
    Limited(DailyLimit, FixedText),
    /// With a cleared conversation, and perhaps with an intake that begins.
    Reset {
        /// What the contact reads.
        text: String,
        /// The intake.
        intake: Option<Box<IntakeState>>,
    },
    /// With a step of an intake.
    Intake(Box<IntakeTurn>),
    /// With an opt-out that was spoken.
    OptedOut(String),
    /// The model hands the contact over to a person, for this reason.
    HandedOver(String),
}

/// A step of an intake.
#[derive(Clone, Debug)]
pub struct IntakeTurn {
    /// The contact's input.
    pub input: String,
    /// What the contact reads.
    pub text: String,
    /// The intake from now on. Without one nothing has changed, because something failed.
    pub intake: Option<IntakeState>,
    /// What the text says of the delivery: whether it arrived.
    pub told: Option<bool>,
    /// What has happened to the intake, for the log.
    pub ended: Option<IntakeEnd>,
}

/// The requests that were made for a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// To transcribe. Each was counted for the contact by itself.
    pub transcriptions: u32,
    /// To the model. The first was counted when the turn began.
    pub completions: u32,
}

impl TurnResult {
    /// The contact's answer.
    pub fn text<'a>(&'a self, assistant: &'a Assistant) -> &'a str {
        match self {
            Self::Answered { sent, .. } | Self::Ended { sent } => sent,
            Self::OptedOut(text) | Self::Reset { text, .. } => text,
            Self::Intake(turn) => &turn.text,
            Self::HandedOver(_) => assistant.text(FixedText::HandedOver),
            Self::Failed(text) | Self::Limited(_, text) => assistant.text(*text),
        }
    }
}

/// The way that a turn's answer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnReply {
    /// A webhook that waits carries it.
    Webhook,
    /// It goes into the outbox.
    Rest,
    /// It is not sent: a limit of the day is reached, and the contact was told before.
    Unsaid(DailyLimit),
    /// It is not sent: the contact cancelled the turn while it ran.
    Cancelled,
}

impl State {
    /// Begins the next turn, if none runs and a message waits. The contact's share counts the
    /// turn's first request to the model.
    pub(super) fn begin_turn(&mut self, now: UnixMillis, config: &Config) {
        let cap = config.max_daily_calls_per_contact;
        let open = self.intakes.open_with();
        self.turns.drop_command(|message| {
            let assistant = message.reply_to.assistant(config);
            open != Some(assistant.name.as_str())
        });
        let share = &mut self.share;
        self.turns
            .begin_next(config.max_message_chars, || share.reserve_call(now, cap));
    }

    /// The next step for the turn in the state, see [`super::turns::Turns::next_run`].
    pub fn next_run(&mut self, begun_here: bool, now: UnixMillis, config: &Config) -> NextRun {
        self.revisions.expire(now);
        let cap = config.max_daily_calls_per_contact;
        let share = &mut self.share;
        self.turns
            .next_run(begun_here, || share.reserve_call(now, cap))
    }

    /// The messages that may join the turn of that number, see [`super::turns::Turns::joinable`].
    pub fn joinable(&self, number: u64, config: &Config) -> &[PendingMessage] {
        self.turns.joinable(number, config.max_message_chars)
    }

    /// The next `count` messages join the turn of that number, see [`super::turns::Turns::join`].
    pub fn join(&mut self, number: u64, count: usize) -> Option<ActiveTurn> {
        self.turns.join(number, count)
    }

    /// Whether the turn of that number may be asked anew with a message that waits: it was not
    /// asked anew too often, and the contact has a request left today.
    pub fn can_ask_again(&self, number: u64, now: UnixMillis, config: &Config) -> bool {
        self.turns.can_ask_again(number)
            && !self.joinable(number, config).is_empty()
            && self.share.has_call(now, config.max_daily_calls_per_contact)
    }

    /// Counts a further request for the turn of that number, if it may be asked anew.
    pub fn reserve_again(&mut self, number: u64, now: UnixMillis, config: &Config) -> bool {
        let cap = config.max_daily_calls_per_contact;
        let share = &mut self.share;
        self.turns
            .ask_again(number, || share.reserve_call(now, cap))
    }

    /// Ends the turn of that number, if it still runs, and begins the next. `waiting` are the
    /// messages that webhooks wait for: if the turn's last message is among them, its webhook
    /// carries the answer, else REST does. `requests` were made, if that is known. An answer without
    /// one is a canned reply, and bounded by the day.
    pub fn end_turn(
        &mut self,
        number: u64,
        result: &TurnResult,
        requests: Option<Requests>,
        waiting: &[MessageSid],
        now: UnixMillis,
        config: &Config,
    ) -> TurnReply {
        let Some(turn) = self.turns.end(number) else {
            return TurnReply::Cancelled;
        };
        let reply = self.decide_reply(&turn, result, requests, waiting, now);
        self.settle_messages(&turn, reply);
        let assistant = turn.assistant(config);
        let mut told = None;
        match result {
            TurnResult::Answered { input, text, .. } => {
                self.keep_ended_intake(now, config);
                let (user, assistant) = (input.clone(), text.clone());
                let turn = Turn { user, assistant };
                self.revisions
                    .add_turn(number, turn, now, config.conversation_ttl);
            }
            // The turn is among what is said in the hand-off.
            TurnResult::HandedOver(_)
            | TurnResult::Failed(_)
            | TurnResult::Limited(..)
            | TurnResult::OptedOut(_) => {}
            TurnResult::Ended { .. } => self.reset_conversation(number, waiting, now, config),
            TurnResult::Intake(step) => {
                told = step.told;
                if let Some(intake) = &step.intake {
                    let (user, answer) = (step.input.clone(), step.text.clone());
                    let turn = Turn {
                        user,
                        assistant: answer,
                    };
                    self.revisions
                        .add_turn(number, turn, now, config.conversation_ttl);
                    self.store_intake(intake.clone(), assistant, now, config);
                }
            }
            TurnResult::Reset { intake, .. } => {
                self.reset_conversation(number, waiting, now, config);
                if let Some(intake) = intake {
                    self.store_intake((**intake).clone(), assistant, now, config);
                }
            }
        }
        self.settle_handing(number, told, now, config);
        self.hand_over_answer(&turn, result.text(assistant), reply, now);
        self.begin_turn(now, config);
        if self.turns.active().is_some() {
            self.turns
                .check(now.plus(config.reply_within).minus(ALARM_MARGIN));
        }
        self.forget(now, config);
        reply
    }

    /// Decides the answer's way, and counts the turn for the contact's day.
    fn decide_reply(
        &mut self,
        turn: &ActiveTurn,
        result: &TurnResult,
        requests: Option<Requests>,
        waiting: &[MessageSid],
        now: UnixMillis,
    ) -> TurnReply {
        let without_request = requests == Some(Requests::default());
        let unasked = requests.is_some_and(|requests| requests.completions == 0);
        if unasked && !turn.over_limit && turn.needs_model() && turn.attempt == 1 {
            // The request that was counted when the turn began was not made.
            self.share.return_call(now);
        }
        let unsaid = match result {
            TurnResult::Limited(limit, _) => (!self.share.tell(now)).then_some(*limit),
            _ if without_request && !self.share.reserve_canned_reply(now) => {
                Some(DailyLimit::FixedReplies)
            }
            _ => None,
        };
        let last = turn.messages.last();
        match unsaid {
            Some(limit) => TurnReply::Unsaid(limit),
            None if last.is_some_and(|last| waiting.contains(&last.sid)) => TurnReply::Webhook,
            None => TurnReply::Rest,
        }
    }

    /// Gives the turn's messages their status. The last one carries the answer, if a webhook does.
    fn settle_messages(&mut self, turn: &ActiveTurn, reply: TurnReply) {
        let last = turn.messages.last().map(|last| &last.sid);
        self.records.update(|record| {
            let in_turn = turn
                .messages
                .iter()
                .any(|message| message.sid == record.sid);
            let carries = reply == TurnReply::Webhook && last == Some(&record.sid);
            in_turn.then_some(if carries {
                MessageStatus::Answer(turn.number)
            } else {
                MessageStatus::Nothing
            })
        });
    }

    /// Forgets the conversation. Earlier answers are part of it, so a message that comes again gets
    /// nothing. Only a webhook that is just about to fetch its answer still gets it.
    fn reset_conversation(
        &mut self,
        number: u64,
        waiting: &[MessageSid],
        now: UnixMillis,
        config: &Config,
    ) {
        self.revisions
            .schedule_deletion(now, config.conversation_ttl);
        self.forget_quotes();
        self.hand_off.forget_said();
        self.records.update(|record| {
            let earlier = |turn: u64| turn != number && !waiting.contains(&record.sid);
            match record.status {
                MessageStatus::Answer(turn) if earlier(turn) => Some(MessageStatus::Nothing),
                _ => None,
            }
        });
    }

    /// Puts the answer where its carrier finds it.
    fn hand_over_answer(
        &mut self,
        turn: &ActiveTurn,
        text: &str,
        reply: TurnReply,
        now: UnixMillis,
    ) {
        match (reply, turn.messages.last()) {
            (TurnReply::Webhook, _) => {
                self.reply_loop.answer(now);
                let counted = UsageCounters {
                    answers_by_webhook: 1,
                    ..UsageCounters::EMPTY
                };
                self.usage.count(&counted, now);
                self.answers.add(turn.number, text.to_owned());
            }
            (TurnReply::Rest, Some(last)) => {
                self.reply_loop.answer(now);
                let (reply_to, phone_hash) = (last.reply_to.clone(), last.phone_hash.clone());
                self.outbox
                    .put(turn.number, reply_to, phone_hash, text, now);
            }
            (TurnReply::Rest | TurnReply::Unsaid(_) | TurnReply::Cancelled, _) => {}
        }
    }
}
