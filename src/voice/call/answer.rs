//! The answer of a turn: the model is asked, and the caller hears its words.
//!
//! Each turn runs as a task of its own. Its words go out only while its generation is the current one. The conversation
//! is stored after the words have gone out, because a write that is not durable yet would hold them back. Not here: where
//! the words go (`voice`), what breaks a turn off (`frames`), what the model is told of the phone (`prompt`), and the
//! requests (`conversation::model_run`).

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{AbortHandle, Abortable, Either, LocalBoxFuture, select},
    pin_mut,
};

use super::{CallPlatform, Inner, floor::Generation, voice::Voice};
use crate::{
    base::usage::UsageCounters,
    config::{Assistant, FixedText},
    conversation::model_run::{
        self, Caller, ContactShare, Effect, Failure, ModelInput, ModelRun, Words,
    },
    event::{CallEnd, CallTurnOutcome},
    identity::{CallSid, Medium, PhoneHash},
    object::{StepHost, in_time, with_retry},
    openai::OpenAiError,
    platform::PlatformError,
    voice::{
        api::CountRequest,
        speakable::Speakable,
        state::{Line, Resumed, Talk, TurnDone},
    },
};

/// Turns that may fail in a row. After that many the call ends.
const MAX_FAILURES: u32 = 2;
/// How long the caller's object may take.
const SHARE_TIME: Duration = Duration::from_secs(3);

impl<P: CallPlatform> Inner<P> {
    /// A session begins to talk: the first one, or one after a lost socket, which goes on with what
    /// nobody has answered.
    pub(super) async fn begin(self: &Rc<Self>, first: bool) -> Result<(), PlatformError> {
        let assistant = self.assistant().await?;
        let resumed = self.step(|state, now| {
            let is_outbound = state
                .admission()
                .is_some_and(|admission| admission.is_outbound);
            // Twilio says the greeting itself.
            let greeting = first.then(|| assistant.greeting(is_outbound));
            state.say_sentence(&greeting.unwrap_or_default(), now, &self.config);
            // A call that ends while it has no socket answers nothing more.
            if first || state.closing().is_some() {
                Resumed::Nothing
            } else {
                state.resume()
            }
        });
        match resumed.await? {
            Resumed::Nothing => {}
            Resumed::Answer(words) => self.begin_turn(words),
            Resumed::Ask(question) => self.say(&question).await?,
        }
        Ok(())
    }

    /// Begins a turn that answers these words.
    pub(super) fn begin_turn(self: &Rc<Self>, words: String) {
        let (aborts, registration) = AbortHandle::new_pair();
        let generation = self
            .floor
            .borrow_mut()
            .begin(words.clone(), self.platform.now(), aborts);
        let inner = Rc::clone(self);
        let turn = async move {
            let answered = inner.answer(generation, words).await;
            inner.logged(answered);
        };
        let turn = Abortable::new(turn, registration).map(drop);
        let turn = turn.boxed_local().shared();
        self.floor.borrow_mut().turn = turn.downgrade();
        self.platform.spawn(turn.boxed_local());
    }

    async fn answer(&self, generation: Generation, words: String) -> Result<(), PlatformError> {
        let (talk, admission, line) = self
            .read(|state, _| (state.talk(), state.admission().cloned(), state.line()))
            .await?;
        let (Some(talk), Some(admission), Some(line)) = (talk, admission, line) else {
            return Ok(());
        };
        {
            let mut floor = self.floor.borrow_mut();
            floor.tells |= talk.twilio_tells;
            if let Some(run) = floor.run(generation) {
                run.line = Some(line);
            }
        }
        let assistant = self.assistant().await?;
        let voice = Voice {
            inner: self,
            line,
            generation,
            speakable: RefCell::new(Speakable::new(
                assistant.language,
                assistant.voice.urls,
                assistant.text(FixedText::CallFoundAt),
            )),
        };
        let shown = talk.keys.as_ref().map(|keys| keys.shown_in(&words));
        let run = self.ask(
            assistant,
            shown.as_deref().unwrap_or(&words),
            talk,
            &admission.sid,
            &admission.phone_hash,
            &voice,
        );
        let filler = voice.fill(assistant.text(FixedText::CallOneMoment));
        let run = {
            pin_mut!(run, filler);
            match select(run, filler).await {
                Either::Left((run, _)) => run,
                Either::Right(((), run)) => run.await,
            }
        };
        voice.end(run.result.is_ok());
        self.end_answer(generation, &run).await
    }

    async fn ask(
        &self,
        assistant: &Assistant,
        words: &str,
        talk: Talk,
        sid: &CallSid,
        phone_hash: &PhoneHash,
        voice: &Voice<'_, P>,
    ) -> ModelRun {
        let prompt = self.prompt(assistant, &talk);
        let may_ask = Cell::new(false);
        let (number, has_called) = (talk.number, Cell::new(false));
        // The caller's share is counted while the day's budget is.
        let conversation = async {
            may_ask.set(self.count_request().await);
            talk.conversation
        };
        let heard = async {
            if may_ask.get() {
                Ok(Words {
                    text: words.to_owned(),
                    images: Rc::default(),
                })
            } else {
                Err(Failure::ContactLimit)
            }
        };
        let input = ModelInput {
            assistant,
            prompt: &prompt,
            words: heard,
            begun: self.platform.now(),
            usage: UsageCounters::EMPTY,
            reserved: false,
            caller: Some(Caller {
                turn: number,
                first: sid.as_str(),
                contact: None,
                medium: Medium::Call,
                phone_hash,
                has_called: &has_called,
            }),
            schema: None,
            listener: Some(voice),
        };
        let (platform, config) = (&self.platform, &self.config);
        let never = pending::<()>();
        let run = model_run::run(
            platform,
            config,
            &self.name,
            self,
            conversation,
            input,
            never,
        );
        run.await.0
    }

    /// The model has answered or failed: what was said becomes part of the conversation.
    async fn end_answer(
        &self,
        generation: Generation,
        run: &ModelRun,
    ) -> Result<(), PlatformError> {
        let hand_off = run
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::HandOff(_)));
        let goodbye = run.effects.contains(&Effect::EndConversation);
        let asked = run.effects.iter().find_map(|effect| match effect {
            Effect::AskDigits(asked) => Some(asked),
            Effect::EndConversation | Effect::HandOff(_) => None,
        });
        let failure_of = |said: &str| match &run.result {
            // What it has called is what it wants, with or without words.
            _ if hand_off || goodbye => None,
            Err(failure) => Some(*failure),
            Ok(_) if said.trim().is_empty() => Some(Failure::OpenAi(OpenAiError::Empty)),
            Ok(_) => None,
        };
        // In one step, so that who cuts in finds the turn that runs, or its answer in the conversation.
        let ended = self.step(|state, now| {
            let mut floor = self.floor.borrow_mut();
            let mut ended = floor.end(generation)?;
            if run.result.is_err() && state.line() == Some(Line::Document) {
                // Half an answer, which nobody has heard yet.
                ended.said.clear();
            }
            let failed = failure_of(&ended.said).is_some();
            let done = TurnDone {
                words: &ended.words,
                heard: ended.said.trim(),
                cut: false,
                failed,
                twilio_tells: floor.tells,
                first_words: ended.first_words(),
                run: Some(run),
            };
            state.end_turn(&done, now, &self.config);
            if let Some(asked) = asked.filter(|_| !failed) {
                state.ask_digits(asked);
            }
            Some(ended)
        });
        let Some(ended) = ended.await? else {
            return Ok(());
        };
        let (failure, first_words) = (failure_of(&ended.said), ended.first_words());
        let outcome = if failure.is_some() {
            CallTurnOutcome::Failed
        } else {
            CallTurnOutcome::Answered
        };
        self.log_turn(outcome, failure, first_words, Some(run));
        match failure {
            None if hand_off => {
                self.close(CallEnd::HandedOff, FixedText::CallHandingOver)
                    .await
            }
            None if goodbye && ended.said.trim().is_empty() => {
                self.close(CallEnd::Assistant, FixedText::CallGoodbye).await
            }
            None if goodbye => self.close_after(CallEnd::Assistant, &ended.said).await,
            None => Ok(()),
            Some(Failure::BudgetExhausted | Failure::ContactLimit) => {
                self.close(CallEnd::DailyLimit, FixedText::CallNoCapacity)
                    .await
            }
            Some(_) => self.excuse().await,
        }
    }

    /// A turn has failed. The caller is heard again, or the call ends.
    pub(super) async fn excuse(&self) -> Result<(), PlatformError> {
        if self.read(|state, _| state.failures()).await? < MAX_FAILURES {
            let assistant = self.assistant().await?;
            return self.say(assistant.text(FixedText::CallFailed)).await;
        }
        if self.assistant().await?.voice.hand_off_to.is_some() {
            self.close(CallEnd::HandedOff, FixedText::CallHandingOver)
                .await
        } else {
            self.close(CallEnd::Failures, FixedText::CallGivenUp).await
        }
    }
}

/// Counts the caller's requests of the day.
impl<P: CallPlatform> ContactShare for Inner<P> {
    fn reserve(&self) -> LocalBoxFuture<'_, bool> {
        self.count_request().boxed_local()
    }
}

impl<P: CallPlatform> Inner<P> {
    async fn count_request(&self) -> bool {
        let caller =
            self.read(|state, _| state.admission().map(|admission| admission.caller.clone()));
        let Ok(Some(caller)) = caller.await else {
            return false;
        };
        let limit = self.config.max_daily_calls_per_contact;
        let count = CountRequest { limit };
        let counted = with_retry(async || self.platform.call(caller.as_str(), &count).await);
        match in_time(&self.platform, SHARE_TIME, counted).await {
            Ok(granted) => granted,
            Err(error) => {
                self.log_object_error(error);
                false
            }
        }
    }
}
