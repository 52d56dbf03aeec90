//! The end of a call: the last sentence, and what is settled afterwards.
//!
//! Not here: which end it is (`state`).

use std::rc::Rc;

use futures_util::FutureExt;
use serde_json::json;

use super::{CallPlatform, Inner};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::FixedText,
    conversation::budget::{self, AddUsage, Item, Release},
    event::CallEnd,
    object::in_time,
    platform::PlatformError,
    twilio::voice::relay::Out,
    voice::state::Finished,
};

impl<P: CallPlatform> Inner<P> {
    /// Says a last sentence. When it was played, Twilio is told to end the session.
    pub(super) async fn close(
        &self,
        end: CallEnd,
        sentence: FixedText,
    ) -> Result<(), PlatformError> {
        let assistant = self.assistant().await?;
        let sentence = assistant.text(sentence).to_owned();
        if self.close_after(end, &sentence).await? {
            self.say(&sentence, Sentence::Last).await?;
        }
        Ok(())
    }

    /// These are the last words of the call. Returns whether it was not ending already.
    pub(super) async fn close_after(
        &self,
        end: CallEnd,
        words: &str,
    ) -> Result<bool, PlatformError> {
        let begun = self.step(|state, now| state.close(end, words, now)).await?;
        if begun {
            let broken_off = {
                let mut floor = self.floor.borrow_mut();
                floor.played_since_closing = floor.assistant_speaks;
                floor.stop()
            };
            if broken_off.is_some_and(|run| !run.said.is_empty())
                && let Some(session) = self.read(|state, _| state.live_session()).await?
            {
                self.close_answer(session);
            }
        }
        Ok(begun)
    }

    /// The last sentence was played, or should have been: the session ends.
    pub(super) async fn end_session(&self) -> Result<(), PlatformError> {
        if let Some((session, end)) = self.step(|state, _| state.end_session()).await? {
            let data = json!({ "reason": end }).to_string();
            self.send(
                session,
                &Out::End {
                    hand_off_data: Some(&data),
                },
            );
        }
        Ok(())
    }

    /// Ends the call, unless it has ended before.
    pub(super) async fn finish(self: &Rc<Self>, end: CallEnd) -> Result<(), PlatformError> {
        let finished = self.step(|state, now| state.finish(end, now)).await?;
        self.settle(finished);
        Ok(())
    }

    /// Logs the call, and settles it with the budget object, for which nobody waits. A call ends once, so all of that is
    /// done at most once.
    pub(super) fn settle(self: &Rc<Self>, finished: Option<Finished>) {
        let Some(finished) = finished else { return };
        self.floor.borrow_mut().stop();
        self.log_call(&finished);
        if let Some(session) = finished.session {
            // Twilio may not have heard of the end. A socket that is closed stays so.
            self.platform.close(session, 1000, "over");
        }
        let inner = Rc::clone(self);
        let settled = async move { inner.settle_with_budget(&finished).await };
        self.platform.spawn(settled.boxed_local());
    }

    /// Gives back the minutes that were not used, and reports the usage.
    async fn settle_with_budget(&self, finished: &Finished) {
        if finished.unused > 0 {
            self.release_minutes(finished.unused, finished.reserved_at)
                .await;
        }
        let usage = UsageCounters {
            prompt_tokens: finished.counts.prompt_tokens,
            completion_tokens: finished.counts.completion_tokens,
            ..UsageCounters::EMPTY
        };
        if !usage.is_empty() {
            let add = AddUsage { usage };
            let reported = self.platform.call(budget::NAME, &add);
            if let Err(error) = in_time(&self.platform, super::ADMISSION_TIME, reported).await {
                self.log_object_error(error);
            }
        }
    }

    /// Gives minutes back that were reserved and not used. If that fails, they stay reserved.
    pub(super) async fn release_minutes(&self, count: u32, reserved_at: UnixMillis) {
        let release = Release {
            item: Item::CallMinute,
            count,
            reserved_at,
        };
        let released = self.platform.call(budget::NAME, &release);
        if let Err(error) = in_time(&self.platform, super::ADMISSION_TIME, released).await {
            self.log_object_error(error);
        }
    }

    /// Says a fixed sentence.
    pub(super) async fn say(&self, text: &str, sentence: Sentence) -> Result<(), PlatformError> {
        self.floor.borrow_mut().says_other(text);
        let said = self.step(|state, now| {
            if sentence == Sentence::Listening {
                state.say_sentence(text, now, &self.config);
            }
            state.live_session()
        });
        if let Some(session) = said.await? {
            let out = Out::Words {
                token: text,
                last: true,
                interruptible: (sentence == Sentence::Last).then_some(false),
                preemptible: false,
            };
            self.send(session, &out);
        }
        Ok(())
    }

    /// An answer is broken off without an interruption. What comes next is said apart from it.
    pub(super) fn close_answer(&self, session: u32) {
        let end = Out::Words {
            token: "",
            last: true,
            interruptible: None,
            preemptible: false,
        };
        self.send(session, &end);
    }

    /// Sends a frame. If the socket is gone, its end is told in another way.
    pub(super) fn send(&self, session: u32, out: &Out<'_>) {
        self.platform.send_text(session, &out.to_json());
    }
}

/// What follows a fixed sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sentence {
    /// The caller may cut in, and speaks next.
    Listening,
    /// The session ends.
    Last,
}
