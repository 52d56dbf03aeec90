//! The steps with a thread's intake: what a message wants of it, its end, and the end of a delivery.
//!
//! Not here: its questions (`messaging::intake`), and sending what it gave (`conversation::deliveries`).

use super::{State, intakes::IntakeEnd};
use crate::{
    base::time::UnixMillis,
    config::{Assistant, Config, FieldKind, FixedText},
    conversation::deliveries::{Delivery, DeliveryEnd},
    event::IntakeOutcome,
    identity::Channel,
    messaging::{
        api::Receive,
        intake::{Command, Handing, IntakeState},
        keywords::folded,
    },
};

/// What has ended with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndedDelivery {
    /// It was erased before.
    Gone,
    /// The delivery alone.
    Ended,
    /// What an intake gave has arrived, or never will.
    OfIntake(IntakeEnd),
}

impl State {
    /// The intake with that assistant, open or ended.
    pub fn intake(&self, assistant: &Assistant) -> Option<&IntakeState> {
        let current = self.intakes.current.as_ref();
        current.filter(|intake| intake.assistant == assistant.name)
    }

    /// The intake that the turn of that number has completed.
    pub fn handing(&self, turn: u64) -> Option<&Handing> {
        self.intakes.handing.iter().find(|one| one.turn == turn)
    }

    /// Whether the intake has expired. One that a turn works on has not.
    pub fn intake_is_over(&self, now: UnixMillis) -> bool {
        let over = self.intakes.next_wake().is_some_and(|until| until <= now);
        over && self.turns.active().is_none()
    }

    /// Forgets an intake that has expired. Returns it if it was open.
    pub fn end_intake(&mut self, now: UnixMillis) -> Option<IntakeEnd> {
        if !self.intake_is_over(now) {
            return None;
        }
        let intake = self.intakes.current.take()?;
        let ended = IntakeEnd::of(&intake, IntakeOutcome::Expired);
        intake.is_open().then_some(ended)
    }

    /// Puts what an intake gave among the deliveries, and ends the intake: if its turn is cancelled
    /// now, another yes must not hand it in again. `false`: there is no room.
    pub fn hand_in(&mut self, handing: Handing, delivery: Delivery) -> bool {
        if self.turns.active_number() != Some(handing.turn) || !self.deliveries.put(delivery) {
            return false;
        }
        if self.handing(handing.turn).is_none() {
            self.intakes.handing.push(handing);
        }
        if let Some(intake) = &mut self.intakes.current {
            intake.end();
        }
        true
    }

    /// A delivery has ended. The contact of a completed intake hears of it: by the turn that
    /// completed it, or else by REST.
    pub fn end_delivery(
        &mut self,
        delivery: &Delivery,
        end: DeliveryEnd,
        now: UnixMillis,
        config: &Config,
    ) -> EndedDelivery {
        if self.deliveries.remove(&delivery.id).is_none() {
            return EndedDelivery::Gone;
        }
        let running = self.turns.active_number();
        let handing = self.intakes.handing.iter_mut();
        let Some(one) = handing.into_iter().find(|one| one.id == delivery.id) else {
            return EndedDelivery::Ended;
        };
        let arrived = end == DeliveryEnd::Delivered;
        one.arrived = Some(arrived);
        let turn = one.turn;
        let ended = IntakeEnd {
            phone_hash: one.phone_hash.clone(),
            outcome: if arrived {
                IntakeOutcome::Delivered
            } else {
                IntakeOutcome::GivenUp
            },
            fields: one.filled,
            since: one.since,
        };
        if one.turn_ended || running != Some(turn) {
            self.announce(turn, now, config);
        }
        EndedDelivery::OfIntake(ended)
    }

    /// The turn of that number ends. `told` is what its answer says of a delivery.
    pub(super) fn settle_handing(
        &mut self,
        turn: u64,
        told: Option<bool>,
        now: UnixMillis,
        config: &Config,
    ) {
        let mut handing = self.intakes.handing.iter_mut();
        let Some(one) = handing.find(|one| one.turn == turn) else {
            return;
        };
        one.turn_ended = true;
        one.draft.clear();
        one.input.clear();
        match (one.arrived, told) {
            (None, _) => {}
            (arrived, told) if arrived == told => {
                self.intakes.handing.retain(|one| one.turn != turn);
            }
            _ => self.announce(turn, now, config),
        }
    }

    /// Tells the contact by REST what has become of an intake, once that is known.
    fn announce(&mut self, turn: u64, now: UnixMillis, config: &Config) {
        let at = self.intakes.handing.iter().position(|one| one.turn == turn);
        let Some(one) = at.map(|at| self.intakes.handing.remove(at)) else {
            return;
        };
        let text = match one.arrived {
            Some(true) => FixedText::IntakeSaved,
            _ => FixedText::IntakeNotSaved,
        };
        let text = one.reply_to.assistant(config).text(text).to_owned();
        if !self.is_opted_out() {
            // The part of another turn must not be taken for it.
            let number = self.turns.take_number();
            self.outbox
                .put(number, one.reply_to, one.phone_hash, &text, now);
        }
    }

    /// Stores the intake after a turn.
    pub(super) fn store_intake(
        &mut self,
        mut intake: IntakeState,
        assistant: &Assistant,
        now: UnixMillis,
        config: &Config,
    ) {
        let own = assistant.intake.as_ref().and_then(|own| own.expires_after);
        let kept = own.filter(|_| intake.is_open());
        intake.until = now.plus(kept.unwrap_or(config.conversation_ttl));
        self.intakes.current = Some(intake);
    }

    /// A turn without an intake keeps an ended one as long as the conversation.
    pub(super) fn keep_ended_intake(&mut self, now: UnixMillis, config: &Config) {
        if let Some(intake) = self.intakes.current.as_mut().filter(|one| !one.is_open()) {
            intake.until = now.plus(config.conversation_ttl);
        }
    }

    /// What a message wants of the intake that is open. The text of a choice that is asked is an
    /// answer.
    pub(super) fn intake_command(
        &self,
        message: &Receive,
        text: &str,
        config: &Config,
    ) -> Option<Command> {
        let assistant = message.reply_to.assistant(config);
        let form = assistant.intake.as_ref()?;
        let intake = self.intake(assistant).filter(|one| one.is_open())?;
        if !message.images.is_empty() || !message.voice_notes.is_empty() {
            return None;
        }
        let is_choice = intake.asked(form).is_some_and(|field| match &field.kind {
            FieldKind::Choice(choices) => {
                choices.iter().any(|choice| folded(choice) == folded(text))
            }
            _ => false,
        });
        Command::of(text).filter(|_| !is_choice)
    }

    /// Whether CANCEL is about the intake and not about messages. By SMS and RCS, Twilio itself opts
    /// a contact out for it.
    pub(super) fn cancels_intake(&self, message: &Receive, config: &Config) -> bool {
        let assistant = message.reply_to.assistant(config);
        let is_open = self.intake(assistant).is_some_and(IntakeState::is_open);
        is_open
            && !self.is_opted_out()
            && matches!(
                message.reply_to.number.channel(),
                Channel::WhatsApp | Channel::Messenger
            )
    }
}
