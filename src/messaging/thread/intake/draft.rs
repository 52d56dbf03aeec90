//! The end of an intake: the draft, and handing it in.
//!
//! Not here: checking the draft (`messaging::intake`), and the delivery (`conversation::deliveries`).

use std::{future::Future, rc::Rc, time::Duration};

use futures_util::{FutureExt, TryFutureExt};

use super::{
    super::{Inner, ThreadPlatform},
    Ended, Step,
};
use crate::{
    config::FixedText,
    conversation::{
        deliveries::Delivery,
        model_run::{Failure, ModelRun},
    },
    event::{DeliveryPurpose, IntakeOutcome},
    messaging::{
        intake::{
            Handing, IntakeState, Problems, check_draft, draft_instructions, plain, result_body,
        },
        state::{ActiveTurn, IntakeEnd, IntakeTurn, State, TurnResult},
    },
    object::StepHost,
    openai::Completion,
    platform::PlatformError,
};

/// How long a turn waits for the operator's service. Then the contact hears of it by REST.
const DELIVERY_WAIT: Duration = Duration::from_secs(3);

impl<P: ThreadPlatform> Inner<P> {
    /// Makes the draft, and hands it in.
    pub(super) async fn complete<C>(
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
    pub(super) async fn await_delivery<C>(
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
}
