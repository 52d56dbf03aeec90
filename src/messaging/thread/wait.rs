//! A webhook waits for its answer here.
//!
//! Not here: running the turn (`run`).

use std::{rc::Rc, time::Duration};

use futures_util::{
    future::{Either, select},
    pin_mut,
};

use super::{Inner, ThreadPlatform};
use crate::{
    base::time::UnixMillis,
    conversation::budget::{self, Check, Item, Reservation},
    event::DailyLimit,
    identity::MessageSid,
    messaging::{
        api::{Receive, Reply},
        state::{AnswerLocation, MessageStatus, State},
    },
    object::{StepHost, within},
    platform::PlatformError,
};

/// How long a webhook that is about to leave asks whether its answer can go out by REST.
const CHECK_LIMIT: Duration = Duration::from_millis(500);

impl<P: ThreadPlatform> Inner<P> {
    /// Waits until the turn of a message has ended, or the webhook must be answered.
    pub(super) async fn wait(
        self: &Rc<Self>,
        message: &Receive,
        arrived: UnixMillis,
    ) -> Result<Reply, PlatformError> {
        let sid = message.sid.clone();
        let _waiter = WebhookWaiter::new(self, sid.clone());
        let status = |state: &State| state.status(&sid).unwrap_or(MessageStatus::Nothing);
        let ended = async {
            loop {
                match self.read(|state, _| status(state)).await? {
                    MessageStatus::Waiting => self.run().await,
                    status => return Ok::<_, PlatformError>(status),
                }
            }
        };
        let waited = self.platform.now().since(arrived);
        let time_left = self.config.reply_within.saturating_sub(waited);
        let deadline = self.platform.sleep(time_left);
        let in_time = {
            pin_mut!(ended, deadline);
            match select(ended, deadline).await {
                Either::Left((status, _)) => Some(status?),
                // The waiting future is dropped before the next await: it may be first in the queue
                // for the state, and would block it.
                Either::Right(((), _)) => None,
            }
        };
        let status = match in_time {
            Some(status) => status,
            // The turn may have ended while its last step was being stored. Then it counts on this
            // webhook to answer. Otherwise the wait is over with this look: no await lies between
            // it and the end of `_waiter`.
            None => match self.read(|state, _| status(state)).await? {
                MessageStatus::Waiting if self.is_left_alone(&sid).await? => {
                    self.tell_no_rest_answer(&sid).await?
                }
                MessageStatus::Waiting => self.read(|state, _| status(state)).await?,
                status => status,
            },
        };
        self.reply(status, message).await
    }

    /// The reply of a message's webhook.
    pub(super) async fn reply(
        &self,
        status: MessageStatus,
        message: &Receive,
    ) -> Result<Reply, PlatformError> {
        match status {
            MessageStatus::Waiting | MessageStatus::Nothing => Ok(Reply::Empty),
            MessageStatus::CannedReply(reply) => {
                let assistant = message.reply_to.assistant(&self.config);
                Ok(Reply::Text(reply.text(assistant)))
            }
            MessageStatus::Answer(turn) => {
                let text = match self.read(|state, _| state.answer(turn)).await? {
                    Some(AnswerLocation::State(text)) => Some(text),
                    Some(AnswerLocation::Row(row)) => {
                        let mut answers = self.answers_in(row).await?.into_iter();
                        let answer = answers.find(|answer| answer.turn == turn);
                        answer.map(|answer| answer.text)
                    }
                    None => None,
                };
                Ok(text.map_or(Reply::Empty, Reply::Text))
            }
        }
    }

    /// Whether a message gets no answer today once its webhook has left: none by REST, and none by
    /// the webhook of a later message of its turn.
    async fn is_left_alone(&self, sid: &MessageSid) -> Result<bool, PlatformError> {
        let carrier = self.read(|state, _| state.carrier(sid).cloned()).await?;
        let waits = |carrier: MessageSid| self.waiting.borrow().contains(&carrier);
        Ok(!carrier.is_some_and(waits) && !self.can_answer_by_rest().await)
    }

    /// Whether a message can still be sent by REST today, if the budget object answers in time.
    pub(super) async fn can_answer_by_rest(&self) -> bool {
        let check = Check {
            item: Item::Message,
            cap: self.config.max_daily_messages,
        };
        let checked = self.platform.call(budget::NAME, &check);
        let checked = within(&self.platform, CHECK_LIMIT, checked).await;
        !matches!(checked, Some(Ok(Reservation::Exhausted)))
    }

    async fn tell_no_rest_answer(&self, sid: &MessageSid) -> Result<MessageStatus, PlatformError> {
        let phone_hash = self.read(|state, _| state.phone_hash(sid)).await?;
        let tell = |state: &mut State, now| state.tell_no_rest_answer(sid, now);
        let (status, limited) = self.step(tell).await?;
        if let (true, Some(phone_hash)) = (limited, phone_hash) {
            let told = status != MessageStatus::Nothing;
            self.log_daily_limit(phone_hash, DailyLimit::Messages, told);
        }
        Ok(status)
    }
}

/// As long as it lives, a webhook waits for a message's answer.
struct WebhookWaiter<P>(Rc<Inner<P>>, MessageSid);

impl<P> WebhookWaiter<P> {
    fn new(inner: &Rc<Inner<P>>, sid: MessageSid) -> Self {
        inner.waiting.borrow_mut().push(sid.clone());
        Self(Rc::clone(inner), sid)
    }
}

impl<P> Drop for WebhookWaiter<P> {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.borrow_mut();
        if let Some(at) = waiting.iter().position(|sid| *sid == self.1) {
            waiting.swap_remove(at);
        }
    }
}
