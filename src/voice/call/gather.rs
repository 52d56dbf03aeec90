//! A call without a socket: each request of Twilio is answered with the next document.
//!
//! The turn is the same as over a socket, and runs beside the requests. One request waits for it only so long; the
//! document that it gets then asks again. Not here: which document comes next (`state`), and its TwiML (`http`).

use std::{rc::Rc, time::Duration};

use super::{CallPlatform, Inner, Phone};
use crate::{
    config::FixedText,
    conversation::model_run::Failure,
    event::CallTurnOutcome,
    object::{StepHost, within},
    platform::PlatformError,
    twilio::voice::gather::Gathered,
    voice::{
        api::{AskAgain, Heard, Next},
        state::{Due, TurnDone, assistant},
    },
};

/// How long one request waits for an answer. Twilio gives a request up after 15 seconds, connection included, and the
/// Worker waits ten for an object. A caller who hears nothing for longer takes the line for dead.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

impl<P: CallPlatform> Phone<P> {
    /// A document has gathered something, or nothing. A request that comes again gets the same answer.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn heard(&self, heard: Heard) -> Result<Next, PlatformError> {
        let Heard { number, gathered } = heard;
        let inner = &self.0;
        {
            let _one_at_a_time = inner.documents.lock().await;
            let is_new = inner.step(|state, now| state.hear(number, &gathered, now));
            if is_new.await? && gathered == Gathered::Nothing {
                inner.ask_whether_there().await?;
            }
        }
        match gathered {
            // After keys that nobody has asked for, the caller is heard again, without a word.
            Gathered::Keys(_) => inner.next_document(number, None).await,
            Gathered::Words(_) | Gathered::Nothing => {
                inner
                    .next_document(number, Some(FixedText::CallFailed))
                    .await
            }
        }
    }

    /// Twilio asks again for the answer to what a document has gathered.
    ///
    /// # Errors
    /// When storage failed.
    pub async fn ask_again(&self, ask: AskAgain) -> Result<Next, PlatformError> {
        // A document whose words were lost on their way here says so.
        let otherwise = Some(FixedText::CallFailed);
        self.0.next_document(ask.number, otherwise).await
    }
}

impl<P: CallPlatform> Inner<P> {
    /// The document after this one, as soon as its turn is over. If it would say nothing, it says `otherwise`.
    async fn next_document(
        self: &Rc<Self>,
        number: u32,
        otherwise: Option<FixedText>,
    ) -> Result<Next, PlatformError> {
        let until = self.platform.now().plus(ANSWER_WITHIN);
        loop {
            let turn = self.floor.borrow().turn();
            if let Some(turn) = turn {
                let left = until.since(self.platform.now());
                if within(&self.platform, left, turn).await.is_none() {
                    return self.let_wait(number).await;
                }
            }
            let _one_at_a_time = self.documents.lock().await;
            if self.floor.borrow().turn().is_some() {
                continue;
            }
            let otherwise = self.text(otherwise).await?;
            let due = self.step(|state, now| state.due(number, otherwise, now, &self.config));
            match due.await? {
                Due::Ask(words) => self.begin_turn(words),
                Due::Lost(words) => self.give_up_turn(&words).await?,
                Due::Now(next) => return Ok(next),
            }
        }
    }

    /// The turn runs on, and Twilio asks again.
    async fn let_wait(&self, number: u32) -> Result<Next, PlatformError> {
        let filler = self.text(Some(FixedText::CallOneMoment)).await?;
        self.step(|state, now| state.wait(number, filler, now))
            .await
    }

    /// The object has left memory each time while these words were being answered.
    async fn give_up_turn(&self, words: &str) -> Result<(), PlatformError> {
        let done = TurnDone {
            words,
            heard: "",
            cut: false,
            failed: true,
            twilio_tells: false,
            first_words: None,
            run: None,
        };
        self.step(|state, now| state.end_turn(&done, now, &self.config))
            .await?;
        let failure = Some(Failure::Interrupted);
        self.log_turn(CallTurnOutcome::Failed, failure, None, None);
        self.excuse().await
    }

    /// A fixed text of the assistant. Nothing is said in a call that is over.
    async fn text(&self, text: Option<FixedText>) -> Result<&str, PlatformError> {
        let number =
            self.read(|state, _| state.admission().map(|admission| admission.number.clone()));
        Ok(match (number.await?, text) {
            (Some(number), Some(text)) => assistant(number.as_ref(), &self.config).text(text),
            _ => "",
        })
    }
}
