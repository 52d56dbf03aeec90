//! The end of a call: the last sentence, and what is settled afterwards.
//!
//! Not here: which end it is (`state`).

use std::rc::Rc;

use futures_util::FutureExt;
use serde_json::json;

use super::{ADMISSION_TIME, CallPlatform, Inner};
use crate::{
    base::time::UnixMillis,
    config::FixedText,
    conversation::budget::{self, Item, Release},
    event::CallEnd,
    object::StepHost,
    platform::PlatformError,
    twilio::voice::relay::Out,
    voice::state::{Finished, Line},
};

impl<P: CallPlatform> Inner<P> {
    /// Says a last sentence. When it was played, Twilio is told to end the session.
    pub(super) async fn close(
        &self,
        end: CallEnd,
        sentence: FixedText,
    ) -> Result<(), PlatformError> {
        let sentence = self.assistant().await?.text(sentence);
        if let Some(line) = self.begin_to_close(end, sentence, sentence).await? {
            self.speak(line, sentence, Sentence::Last);
        }
        Ok(())
    }

    /// These words, which were said, are the last ones of the call.
    pub(super) async fn close_after(&self, end: CallEnd, said: &str) -> Result<(), PlatformError> {
        self.begin_to_close(end, said, "").await.map(drop)
    }

    /// Begins to end the call, unless that has begun. Of its last words, `unsaid` is still to be said, where this leads.
    async fn begin_to_close(
        &self,
        end: CallEnd,
        last: &str,
        unsaid: &str,
    ) -> Result<Option<Line>, PlatformError> {
        let begun = self.step(|state, now| {
            let begun = state.close(end, last, now);
            if begun {
                state.add_to_document(unsaid);
            }
            state.line().filter(|_| begun)
        });
        let line = begun.await?;
        if let Some(line) = line {
            let broken_off = {
                let mut floor = self.floor.borrow_mut();
                floor.played_since_closing = floor.assistant_speaks;
                floor.stop()
            };
            if broken_off.is_some_and(|run| run.is_open()) {
                self.close_answer(line);
            }
        }
        Ok(line)
    }

    /// The last sentence was played, or should have been: the session ends.
    pub(super) async fn end_session(&self) -> Result<(), PlatformError> {
        if let Some((session, end)) = self.step(|state, _| state.end_session()).await? {
            let data = json!({ "reason": end }).to_string();
            let out = Out::End {
                hand_off_data: Some(&data),
            };
            self.send(Line::Socket(session), &out);
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
        let counts = &finished.counts;
        let tokens = (counts.prompt_tokens, counts.completion_tokens);
        budget::report_tokens(&self.platform, tokens, ADMISSION_TIME).await;
    }

    /// Gives minutes back that were reserved and not used. If that fails, they stay reserved.
    pub(super) async fn release_minutes(&self, count: u32, reserved_at: UnixMillis) {
        let release = Release {
            item: Item::CallMinute,
            count,
            reserved_at,
        };
        budget::release(&self.platform, &release, ADMISSION_TIME).await;
    }

    /// Says a fixed sentence, after which the caller speaks.
    pub(super) async fn say(&self, text: &str) -> Result<(), PlatformError> {
        self.floor.borrow_mut().says_other(text);
        let said = self.step(|state, now| {
            state.say_sentence(text, now, &self.config);
            state.add_to_document(text);
            state.line()
        });
        if let Some(line) = said.await? {
            self.speak(line, text, Sentence::Listening);
        }
        Ok(())
    }

    /// An answer is broken off without an interruption. What comes next is said apart from it.
    pub(super) fn close_answer(&self, line: Line) {
        let end = Out::Words {
            token: "",
            last: true,
            interruptible: None,
            preemptible: false,
        };
        self.send(line, &end);
    }

    fn speak(&self, line: Line, text: &str, sentence: Sentence) {
        let out = Out::Words {
            token: text,
            last: true,
            interruptible: (sentence == Sentence::Last).then_some(false),
            preemptible: false,
        };
        self.send(line, &out);
    }

    /// Sends a frame. If the socket is gone, its end is told in another way. What a document says is in the state, or in
    /// the run of its turn: nothing is sent for it.
    pub(super) fn send(&self, line: Line, out: &Out<'_>) {
        match line {
            Line::Socket(session) => self.platform.send_text(session, &out.to_json()),
            Line::Document => {}
        }
    }
}

/// What follows a fixed sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sentence {
    /// The caller may cut in, and speaks next.
    Listening,
    /// The session ends.
    Last,
}
