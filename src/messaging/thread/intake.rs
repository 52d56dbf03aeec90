//! The turn of an assistant with a guided intake: what the model reads, the draft, and handing it in.
//!
//! Not here: the questions and the checks (`messaging::intake`), and where the intake lies
//! (`messaging::state`).

use std::{future::Future, rc::Rc, time::Duration};

use futures_util::{FutureExt, TryFutureExt};

use super::{Inner, ThreadPlatform, model::Question};
use crate::{
    base::{
        time::{UnixMillis, millis},
        usage::UsageCounters,
    },
    config::{Assistant, FixedText, Intake},
    conversation::{
        deliveries::Delivery,
        history::Conversation,
        model_run::{self, ContactShare, Failure, ModelInput, ModelRun, Words},
    },
    event::{self, DeliveryPurpose, Event, IntakeOutcome},
    identity::Channel,
    messaging::{
        intake::{
            self, Command, Handing, IntakeState, Next, Problems, Said, check_draft,
            draft_instructions, plain, result_body,
        },
        markdown,
        state::{ActiveTurn, IntakeEnd, IntakeTurn, State, TurnResult},
    },
    openai::{Completion, OpenAiError},
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

/// How long a turn waits for the operator's service. Then the contact hears of it by REST.
const DELIVERY_WAIT: Duration = Duration::from_secs(3);

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
        let Some(said) = local else {
            return self
                .read_by_model(turn, &step, state, begins)
                .await
                .map(Some);
        };
        if said.next == Next::Confirmed {
            return self
                .complete(turn, &step, state, None, text)
                .await
                .map(Some);
        }
        let result = self.told(turn, &step, text, &said, state, ended);
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
        let said = Said::fixed(FixedText::IntakeRestarted);
        let text = self.fit_to_channel(turn, &said.text(assistant, form, &state));
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
        said: &Said,
        state: IntakeState,
        ended: Option<IntakeEnd>,
    ) -> TurnResult {
        let text = said.text(step.assistant, step.form, &state);
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
        let said = state.merge(form, read, &input);
        if said.next == Next::Confirmed {
            return self.complete(&turn, step, state, Some(run), input).await;
        }
        let begun = begins.then(|| IntakeEnd::of(&state, IntakeOutcome::Begun));
        let result = self.told(&turn, step, input, &said, state, begun);
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
        let question = Said::asked().text(step.assistant, step.form, state);
        let text = self.fit_to_channel(turn, &format!("{text}\n\n{question}"));
        TurnResult::Intake(Box::new(IntakeTurn {
            input,
            text,
            intake: None,
            told: None,
            ended: None,
        }))
    }

    /// Makes the draft, and hands it in.
    async fn complete<C>(
        self: &Rc<Self>,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        mut state: IntakeState,
        earlier: Option<ModelRun>,
        input: String,
    ) -> Result<Ended, PlatformError>
    where
        C: Future<Output: Clone> + Clone + Unpin,
    {
        let (draft, run) = self.draft(step, &state, earlier).await;
        let ended = |result, run| {
            let turn = turn.clone();
            let run = Some(run);
            Ok(Ended { turn, run, result })
        };
        let draft = match draft {
            Ok(draft) => draft,
            Err(failure) => {
                let result = self.failed(turn, step, &state, input, failure);
                return ended(result, run);
            }
        };
        let completed = IntakeEnd::of(&state, IntakeOutcome::Completed);
        let Some(last) = turn
            .messages
            .last()
            .filter(|_| step.form.deliver_to.is_some())
        else {
            state.end();
            self.log_intake(completed);
            let result = self.drafted(turn, step, state, input, &draft, None, None);
            return ended(result, run);
        };
        let now = self.platform.now();
        let body = result_body(&state, &draft, &self.name, turn.channel(), now);
        let key = &self.config.pseudonym_key;
        // Numbers of turns may come again after an erasure. The message's id does not.
        let id = key.webhook_id(&self.name, turn.number, "intake", last.sid.as_str());
        let handing = Handing {
            turn: turn.number,
            id: id.clone(),
            draft,
            input: input.clone(),
            reply_to: last.reply_to.clone(),
            phone_hash: last.phone_hash.clone(),
            filled: state.filled(),
            since: state.since,
            turn_ended: false,
            arrived: None,
        };
        let hand_in = |state: &mut State, now| {
            let delivery = Delivery::new(
                id,
                DeliveryPurpose::IntakeResult,
                step.assistant.name.clone(),
                last.phone_hash.clone(),
                body,
                now,
            );
            state.hand_in(handing.clone(), delivery)
        };
        if !self.step(hand_in).await? {
            // There is no room, or the contact has cancelled the turn.
            let failure = Failure::BudgetUnreachable;
            let result = self.failed(turn, step, &state, input, failure);
            return ended(result, run);
        }
        self.log_intake(completed);
        let result = self.await_delivery(turn, step, state, handing).await?;
        ended(result, run)
    }

    /// Waits a moment for the operator's service. "Saved" is said only once it has taken everything.
    async fn await_delivery<C>(
        self: &Rc<Self>,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        mut state: IntakeState,
        handing: Handing,
    ) -> Result<TurnResult, PlatformError> {
        let inner = Rc::clone(self);
        let sent = async move { inner.send_deliveries().await };
        let inner = Rc::clone(self);
        let sent = sent.unwrap_or_else(move |error| inner.log_storage_error(error));
        self.wait_for(DELIVERY_WAIT, sent.boxed_local()).await;
        let number = turn.number;
        let arrived = |state: &State, _| state.handing(number).and_then(|one| one.arrived);
        let arrived = self.read(arrived).await?;
        state.end();
        let text = match arrived {
            Some(true) => FixedText::IntakeSaved,
            Some(false) => FixedText::IntakeNotSaved,
            None => FixedText::IntakePending,
        };
        let first = Some(text);
        let Handing { draft, input, .. } = handing;
        Ok(self.drafted(turn, step, state, input, &draft, first, arrived))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one result")]
    fn drafted<C>(
        &self,
        turn: &ActiveTurn,
        step: &Step<'_, C>,
        state: IntakeState,
        input: String,
        draft: &str,
        first: Option<FixedText>,
        told: Option<bool>,
    ) -> TurnResult {
        // What is said of the delivery comes first: a long SMS is cut at its end.
        let head = first.into_iter().chain([FixedText::IntakeDraft]);
        let head = head.map(|text| step.assistant.text(text));
        let text: Vec<&str> = head.chain([draft]).collect();
        TurnResult::Intake(Box::new(IntakeTurn {
            input,
            text: self.fit_to_channel(turn, &text.join("\n\n")),
            intake: Some(state),
            told,
            ended: None,
        }))
    }

    /// The draft, of the fields alone. A draft that states something else is asked for once more,
    /// and after that the fields are laid out by code.
    async fn draft<C>(
        &self,
        step: &Step<'_, C>,
        state: &IntakeState,
        earlier: Option<ModelRun>,
    ) -> (Result<String, Failure>, ModelRun)
    where
        C: Future + Clone + Unpin,
    {
        let mut problems = Problems::default();
        let mut made = earlier;
        loop {
            let prompt = draft_instructions(step.form, problems);
            let fields = state.fields().to_string();
            let mut run = self.ask(step, &prompt, fields, None, made.as_ref()).await;
            let is_second = !problems.is_empty();
            match &run.result {
                Ok(completion) => {
                    let draft = completion.text.trim().to_owned();
                    problems = check_draft(&draft, state);
                    if problems.is_empty() {
                        return (Ok(draft), run);
                    }
                }
                // The contact can say yes again.
                Err(failure) if !is_second || *failure == Failure::Cancelled => {
                    return (Err(*failure), run);
                }
                Err(_) => {}
            }
            if is_second {
                let draft = plain(state, step.form);
                if run.result.is_err() {
                    run.result = Ok(Completion {
                        text: draft.clone(),
                        finish_note: None,
                    });
                }
                return (Ok(draft), run);
            }
            made = Some(run);
        }
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
fn obey(command: Command, turn: &ActiveTurn, form: &Intake, state: &mut IntakeState) -> Said {
    let said = state.command(command, form);
    match (command, turn.channel()) {
        // There, CANCEL is an opt-out elsewhere.
        (Command::Cancel, Channel::WhatsApp | Channel::Messenger) => {
            said.with(FixedText::IntakeStopHint)
        }
        _ => said,
    }
}
