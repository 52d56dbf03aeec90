//! The answer of a turn: the model is asked, and its words are spoken as they come.
//!
//! Each turn runs as a task of its own. Its words go out only while its generation is the current one. The conversation
//! is stored after the words have gone out, because a write that is not durable yet would hold them back. Not here: what
//! breaks a turn off (`frames`), and the requests (`conversation::model_run`).

use std::{
    cell::{Cell, RefCell},
    future::pending,
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{AbortHandle, Abortable, Either, select},
    pin_mut,
};

use super::{CallPlatform, Inner, ending::Sentence, floor::Generation};
use crate::{
    base::usage::UsageCounters,
    config::{Assistant, FixedText},
    conversation::model_run::{
        self, Caller, ContactShare, Effect, Failure, Listener, ModelInput, ModelRun, Words,
    },
    event::{CallEnd, CallTurnOutcome},
    identity::{CallSid, Medium, PhoneHash},
    object::{in_time, with_retry},
    openai::OpenAiError,
    platform::PlatformError,
    twilio::voice::relay::Out,
    voice::{
        api::CountRequest,
        speakable::Speakable,
        state::{Talk, TurnDone},
    },
};

/// Turns that may fail in a row. After that many the call ends.
const MAX_FAILURES: u32 = 2;
/// The fillers of one turn.
const MAX_FILLERS: u32 = 2;
/// How much longer the wait before the next filler is.
const LATER_FILLER: u32 = 3;
/// How long the caller's object may take.
const SHARE_TIME: Duration = Duration::from_secs(3);

impl<P: CallPlatform> Inner<P> {
    /// A session begins to talk: the first one, or one after a lost socket, which goes on with what
    /// nobody has answered.
    pub(super) async fn begin(self: &Rc<Self>, first: bool) -> Result<(), PlatformError> {
        let assistant = self.assistant().await?;
        let unanswered = self.step(|state, now| {
            let talk = state.talk()?;
            // Twilio says the greeting itself.
            let greeting = first.then(|| assistant.greeting(talk.is_outbound));
            state.say_sentence(&greeting.unwrap_or_default(), now, &self.config);
            Some(talk.unanswered)
        });
        if let Some(words) = unanswered
            .await?
            .filter(|words| !first && !words.is_empty())
        {
            self.begin_turn(words);
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
        self.platform.spawn(turn.boxed_local());
    }

    async fn answer(&self, generation: Generation, words: String) -> Result<(), PlatformError> {
        let (talk, admission, session) = self
            .read(|state, _| {
                (
                    state.talk(),
                    state.admission().cloned(),
                    state.live_session(),
                )
            })
            .await?;
        let (Some(talk), Some(admission), Some(session)) = (talk, admission, session) else {
            return Ok(());
        };
        let assistant = self.assistant().await?;
        let voice = Voice {
            inner: self,
            session,
            generation,
            speakable: RefCell::new(Speakable::new(assistant.language, assistant.voice.urls)),
        };
        let run = self.ask(
            assistant,
            &words,
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
        voice.end();
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
            may_ask.set(self.reserve().await);
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
        let Some(ended) = self.floor.borrow_mut().end(generation) else {
            return Ok(());
        };
        let hand_off = run
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::HandOff(_)));
        let goodbye = run.effects.contains(&Effect::EndConversation);
        let failure = match &run.result {
            // What it has called is what it wants, with or without words.
            _ if hand_off || goodbye => None,
            Err(failure) => Some(*failure),
            Ok(_) if ended.said.trim().is_empty() => Some(Failure::OpenAi(OpenAiError::Empty)),
            Ok(_) => None,
        };
        let first_words = ended.first_words();
        let done = TurnDone {
            words: &ended.words,
            heard: ended.said.trim(),
            cut: false,
            failed: failure.is_some(),
            first_words,
            run: Some(run),
        };
        self.step(|state, now| state.end_turn(&done, now, &self.config))
            .await?;
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
            None if goodbye => self
                .close_after(CallEnd::Assistant, &ended.said)
                .await
                .map(drop),
            None => Ok(()),
            Some(Failure::BudgetExhausted | Failure::ContactLimit) => {
                self.close(CallEnd::DailyLimit, FixedText::CallNoCapacity)
                    .await
            }
            Some(_) => self.excuse().await,
        }
    }

    /// A turn has failed. The caller is heard again, or the call ends.
    async fn excuse(&self) -> Result<(), PlatformError> {
        if self.read(|state, _| state.failures()).await? < MAX_FAILURES {
            let assistant = self.assistant().await?;
            return self
                .say(assistant.text(FixedText::CallFailed), Sentence::Listening)
                .await;
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
    async fn reserve(&self) -> bool {
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

/// The voice of one turn.
struct Voice<'i, P> {
    inner: &'i Inner<P>,
    session: u32,
    generation: Generation,
    speakable: RefCell<Speakable>,
}

impl<P: CallPlatform> Voice<'_, P> {
    /// Sends words to be spoken, unless the turn was broken off.
    fn speak(&self, token: &str, last: bool) {
        let now = self.inner.platform.now();
        {
            let mut floor = self.inner.floor.borrow_mut();
            let Some(run) = floor.run(self.generation) else {
                return;
            };
            run.said.push_str(token);
            run.last_word = now;
            if !token.trim().is_empty() {
                run.first_word.get_or_insert(now);
            }
        }
        let out = Out::Words {
            token,
            last,
            interruptible: None,
            preemptible: false,
        };
        self.inner.send(self.session, &out);
    }

    /// The model has said all. Only an answer that has words is closed.
    fn end(&self) {
        let rest = self.speakable.borrow_mut().finish();
        let has_spoken = {
            let mut floor = self.inner.floor.borrow_mut();
            floor
                .run(self.generation)
                .is_some_and(|run| run.first_word.is_some())
        };
        if has_spoken || !rest.trim().is_empty() {
            self.speak(&rest, true);
        }
    }

    /// Asks the caller to wait, each time nothing was said for a while.
    async fn fill(&self, filler: &str) {
        let mut wait = self.inner.config.voice_first_token;
        let mut fillers = 0;
        while fillers < MAX_FILLERS {
            let now = self.inner.platform.now();
            let last_word = {
                let mut floor = self.inner.floor.borrow_mut();
                floor.run(self.generation).map(|run| run.last_word)
            };
            let Some(last_word) = last_word else { break };
            let silent = now.since(last_word);
            if silent < wait {
                self.inner.platform.sleep(wait.saturating_sub(silent)).await;
                continue;
            }
            if let Some(run) = self.inner.floor.borrow_mut().run(self.generation) {
                run.last_word = now;
            }
            let out = Out::Words {
                token: filler,
                last: true,
                interruptible: None,
                preemptible: true,
            };
            self.inner.send(self.session, &out);
            fillers = fillers.saturating_add(1);
            wait = wait.saturating_mul(LATER_FILLER);
        }
        pending::<()>().await;
    }
}

impl<P: CallPlatform> Listener for Voice<'_, P> {
    fn words(&self, text: &str) {
        let words = self.speakable.borrow_mut().push(text);
        if !words.is_empty() {
            self.speak(&words, false);
        }
    }

    fn calls_tools(&self) {
        // What was said before the call is a sentence of its own.
        let rest = self.speakable.borrow_mut().finish();
        if !rest.is_empty() {
            self.speak(&rest, false);
        }
    }
}
