//! The turn of an assistant with a guided intake: what the model reads, and what the
//! contact is told.
//!
//! Not here: the draft (`draft`), the questions and the checks (`messaging::intake`), and where the
//! intake lies (`messaging::state`).

mod draft;

use std::{future::Future, rc::Rc};

use super::{Inner, ThreadPlatform, model::Question};
use crate::{
    base::{
        time::{UnixMillis, millis},
        usage::UsageCounters,
    },
    config::{Assistant, FixedText, Intake},
    conversation::{
        history::Conversation,
        model_run::{self, ContactShare, Failure, ModelInput, ModelRun, Words},
    },
    event::{self, Event, IntakeOutcome},
    identity::Channel,
    messaging::{
        intake::{self, Command, IntakeReply, IntakeState, Next},
        markdown,
        state::{ActiveTurn, IntakeEnd, IntakeTurn, State, TurnResult},
    },
    object::StepHost,
    openai::OpenAiError,
    platform::PlatformError,
};

/// A turn of an intake that has ended.
pub(super) struct Ended {
    /// The turn, with the messages that have joined it.
    pub(super) turn: ActiveTurn,
    /// The requests to the model, if there were any.
    pub(super) run: Option<ModelRun>,
    /// How it ended.
    pub(super) result: TurnResult,
}

/// One turn of an intake.
struct Step<'a, C> {
    assistant: &'a Assistant,
    form: &'a Intake,
    /// When work on the turn began.
    begun: UnixMillis,
    cancelled: C,
}

impl<P: ThreadPlatform> Inner<P> {
    /// Ends an intake that has expired.
    pub(super) async fn end_intake_in_time(&self) -> Result<(), PlatformError> {
        if !self.read(State::intake_is_over).await? {
            return Ok(());
        }
        let ended = self.step(State::end_intake).await?;
        if let Some(ended) = ended {
            self.log_intake(ended);
        }
        Ok(())
    }

    /// The turn of an assistant with an intake. `None`: it is an ordinary turn, because the intake
    /// has ended.
    pub(super) async fn intake_turn(
        self: &Rc<Self>,
        turn: &ActiveTurn,
        form: &Intake,
        cancelled: impl Future<Output: Clone> + Clone + Unpin,
    ) -> Result<Option<Ended>, PlatformError> {
        let assistant = turn.assistant(&self.config);
        let look = |state: &State, _| {
            (
                state.intake(assistant).cloned(),
                state.handing(turn.number).cloned(),
            )
        };
        let (current, handing) = self.read(look).await?;
        let step = Step {
            assistant,
            form,
            begun: self.platform.now(),
            cancelled,
        };
        if let (Some(handing), Some(state)) = (handing, current.clone()) {
            // The turn was cut off after it had handed the intake in.
            let result = self.await_delivery(turn, &step, state, handing).await?;
            let (turn, run) = (turn.clone(), None);
            return Ok(Some(Ended { turn, run, result }));
        }
        let begins = current.is_none();
        let mut state = match current {
            Some(state) if !state.is_open() => return Ok(None),
            Some(state) => state,
            None => self.new_intake(turn, assistant, form),
        };
        state.fit(form);
        let text = turn.input(&[]);
        let mut ended = None;
        let local = match turn.command() {
            Some(command) => {
                // A cancelled intake forgets what it has.
                ended = (command == Command::Cancel)
                    .then(|| IntakeEnd::of(&state, IntakeOutcome::Cancelled));
                Some(obey(command, turn, form, &mut state))
            }
            None if turn.messages.iter().any(|one| one.files().next().is_some()) => None,
            None => state.answer_without_model(form, &text),
        };
        let Some(reply) = local else {
            return self
                .read_by_model(turn, &step, state, begins)
                .await
                .map(Some);
        };
        if reply.next == Next::Confirmed {
            return self
                .complete(turn, &step, state, None, text)
                .await
                .map(Some);
        }
        let result = self.told(turn, &step, text, &reply, state, ended);
        let (turn, run) = (turn.clone(), None);
        Ok(Some(Ended { turn, run, result }))
    }

    /// The end of a turn that clears the conversation: an intake begins again.
    pub(super) fn reset(&self, turn: &ActiveTurn) -> TurnResult {
        let assistant = turn.assistant(&self.config);
        let Some(form) = &assistant.intake else {
            let (text, intake) = (assistant.text(FixedText::Reset).to_owned(), None);
            return TurnResult::Reset { text, intake };
        };
        let state = self.new_intake(turn, assistant, form);
        let reply = IntakeReply::fixed(FixedText::IntakeRestarted);
        let text = self.fit_to_channel(turn, &reply.text(assistant, form, &state));
        let intake = Some(Box::new(state));
        TurnResult::Reset { text, intake }
    }

    fn new_intake(&self, turn: &ActiveTurn, assistant: &Assistant, form: &Intake) -> IntakeState {
        let phone_hash = turn.messages.last().map(|last| last.phone_hash.clone());
        let phone_hash = phone_hash.unwrap_or_else(crate::identity::PhoneHash::nobody);
        IntakeState::begin(&assistant.name, form, phone_hash, self.platform.now())
    }

    /// The result of a turn that says this.
    fn told<C>(
        &self,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        input: String,
        reply: &IntakeReply,
        state: IntakeState,
        ended: Option<IntakeEnd>,
    ) -> TurnResult {
        let text = reply.text(step.assistant, step.form, &state);
        let text = self.fit_to_channel(turn, &markdown::render(&text, turn.channel()));
        TurnResult::Intake(Box::new(IntakeTurn {
            input,
            text,
            intake: Some(state),
            told: None,
            ended,
        }))
    }

    /// Lets the model read the messages. Nothing that it reads is stored without a check.
    async fn read_by_model<C>(
        self: &Rc<Self>,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        mut state: IntakeState,
        begins: bool,
    ) -> Result<Ended, PlatformError>
    where
        C: Future<Output: Clone> + Clone + Unpin,
    {
        let (assistant, form) = (step.assistant, step.form);
        let schema = intake::schema(form);
        let prompt = format!(
            "{}\n\n{}",
            self.prompt(assistant, turn.channel()),
            intake::instructions(form)
        );
        let data = |message: &str| state.data(form, message);
        let question = Question {
            prompt: &prompt,
            schema: &schema,
            data: &data,
        };
        let asked = self
            .ask_model(turn.clone(), Some(question), step.cancelled.clone())
            .await?;
        let (turn, mut run) = (asked.turn, asked.run);
        let input = turn.input(&asked.contents);
        let mut read = answer_of(&run).and_then(intake::read);
        if read.is_none() && run.result.is_ok() {
            let text = state.data(form, &input);
            run = self
                .ask(step, &prompt, text, Some(&schema), Some(&run))
                .await;
            read = answer_of(&run).and_then(intake::read);
        }
        let Some(read) = read else {
            let failure = match run.result {
                Ok(_) => {
                    Failure::OpenAi(OpenAiError::Unexpected(event::UnexpectedResponse::NotJson))
                }
                Err(failure) => failure,
            };
            run.result = Err(failure);
            let result = self.failed(&turn, step, &state, input, failure);
            let run = Some(run);
            return Ok(Ended { turn, run, result });
        };
        let reply = state.merge(form, read, &input);
        if reply.next == Next::Confirmed {
            return self.complete(&turn, step, state, Some(run), input).await;
        }
        let begun = begins.then(|| IntakeEnd::of(&state, IntakeOutcome::Begun));
        let result = self.told(&turn, step, input, &reply, state, begun);
        let run = Some(run);
        Ok(Ended { turn, run, result })
    }

    /// The result after a failure: the same question again. Nothing is lost.
    fn failed<C>(
        &self,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        state: &IntakeState,
        input: String,
        failure: Failure,
    ) -> TurnResult {
        let text = match self.result_of(turn, failure) {
            TurnResult::Failed(text) => step.assistant.text(text).to_owned(),
            other => return other,
        };
        let question = IntakeReply::asked().text(step.assistant, step.form, state);
        let text = self.fit_to_channel(turn, &format!("{text}\n\n{question}"));
        TurnResult::Intake(Box::new(IntakeTurn {
            input,
            text,
            intake: None,
            told: None,
            ended: None,
        }))
    }

    /// A request without a conversation. `earlier` are the turn's requests so far, whose cost the
    /// result has, too. The turn's first one was counted for the contact when it began, each further
    /// one is counted here.
    async fn ask<C>(
        &self,
        step: &Step<'_, C>,
        prompt: &str,
        text: String,
        schema: Option<&serde_json::Value>,
        earlier: Option<&ModelRun>,
    ) -> ModelRun
    where
        C: Future + Clone + Unpin,
    {
        let mut run = if earlier.is_none() || self.reserve().await {
            let input = ModelInput {
                assistant: step.assistant,
                prompt,
                words: async {
                    Ok(Words {
                        text,
                        images: Rc::default(),
                    })
                },
                begun: step.begun,
                usage: UsageCounters::EMPTY,
                reserved: false,
                caller: None,
                schema,
                listener: None,
            };
            let (platform, config) = (&self.platform, &self.config);
            let cancelled = step.cancelled.clone();
            let empty = async { Conversation::default() };
            let run = model_run::run(platform, config, &self.name, self, empty, input, cancelled);
            run.await.0
        } else {
            ModelRun::without_request(Failure::ContactLimit)
        };
        if let Some(earlier) = earlier {
            run.add_earlier(earlier);
        }
        run
    }

    pub(super) fn log_intake(&self, ended: IntakeEnd) {
        let IntakeEnd {
            phone_hash,
            outcome,
            fields,
            since,
        } = ended;
        let duration_ms = millis(self.platform.now().since(since));
        let event = Event::Intake {
            phone_hash,
            outcome,
            fields,
            duration_ms,
        };
        event::log(&self.platform, &event);
    }
}

fn answer_of(run: &ModelRun) -> Option<&str> {
    let completion = run.result.as_ref().ok()?;
    Some(completion.text.as_str())
}

/// Carries out a command of the contact.
fn obey(
    command: Command,
    turn: &ActiveTurn,
    form: &Intake,
    state: &mut IntakeState,
) -> IntakeReply {
    let reply = state.command(command, form);
    match (command, turn.channel()) {
        // There, CANCEL is an opt-out elsewhere.
        (Command::Cancel, Channel::WhatsApp | Channel::Messenger) => {
            reply.with(FixedText::IntakeStopHint)
        }
        _ => reply,
    }
}
