//! What an operator does about a hand-off: takes a contact over, answers it, and hands it back. A
//! thread that follows another passes it on.
//!
//! Not here: what the contact's words do (`state::admission`), and the decisions (`state::hand_off`).

use std::rc::Rc;

use super::{Inner, ThreadPlatform};
use crate::{
    event::{HandOffBy, HandOffState},
    identity::{PhoneHash, Pseudonym},
    messaging::{
        api::{HandBack, Said, Say, TakeOver, TakenOver},
        state::State,
    },
    object::StepHost,
    platform::PlatformError,
};

impl<P: ThreadPlatform> Inner<P> {
    /// Ends a hand-off that is over.
    pub(super) async fn end_hand_off_in_time(&self) -> Result<(), PlatformError> {
        let is_over = |state: &State, now| state.hand_off_is_over(now, &self.config);
        let Some(by) = self.read(is_over).await? else {
            return Ok(());
        };
        self.end_hand_off(by, None).await?;
        Ok(())
    }

    /// An operator takes the contact over.
    pub(super) async fn take_over(
        self: &Rc<Self>,
        call: TakeOver,
    ) -> Result<TakenOver, PlatformError> {
        if let Some(leader) = self.leader().await? {
            return self.ask_leader(&leader, &call).await;
        }
        self.end_hand_off_in_time().await?;
        let (number, config) = (&call.number, &self.config);
        let take_over = |state: &mut State, now| state.take_over(number, &self.name, now, config);
        let taken = self.step(take_over).await?;
        if taken == TakenOver::Begun {
            // What waited for an answer is passed on.
            self.cancel_turn();
            let (state, by) = (HandOffState::Begun, HandOffBy::Operator);
            self.log_hand_off(call.phone_hash, state, by);
        }
        Ok(taken)
    }

    /// An operator hands the contact back. Returns whether it was handed over.
    pub(super) async fn hand_back(self: &Rc<Self>, call: HandBack) -> Result<bool, PlatformError> {
        if let Some(leader) = self.leader().await? {
            return self.ask_leader(&leader, &call).await;
        }
        let (by, phone_hash) = (HandOffBy::Operator, Some(call.phone_hash));
        self.end_hand_off(by, phone_hash).await
    }

    /// An operator answers the contact, by the outbox.
    pub(super) async fn say(self: &Rc<Self>, call: Say) -> Result<Said, PlatformError> {
        if let Some(leader) = self.leader().await? {
            return self.ask_leader(&leader, &call).await;
        }
        self.end_hand_off_in_time().await?;
        if !self.can_answer_by_rest().await {
            return Ok(Said::DailyLimit);
        }
        self.step(|state, now| state.say(&call.text, &call.id, now))
            .await
    }

    /// Ends the hand-off, if one runs. Returns whether one did.
    async fn end_hand_off(
        &self,
        by: HandOffBy,
        phone_hash: Option<PhoneHash>,
    ) -> Result<bool, PlatformError> {
        let end = |state: &mut State, now| {
            let ended = state.end_hand_off(now, &self.config);
            ended.map(|known| (known, state.leader().is_some()))
        };
        let Some((known, follows)) = self.step(end).await? else {
            return Ok(false);
        };
        // What was said in it is part of the conversation now.
        self.conversation.take();
        // The thread that leads logs its own.
        if !follows {
            let phone_hash = phone_hash.unwrap_or(known);
            self.log_hand_off(phone_hash, HandOffState::Ended, by);
        }
        Ok(true)
    }

    async fn leader(&self) -> Result<Option<Pseudonym>, PlatformError> {
        self.read(|state, _| state.leader().cloned()).await
    }
}
