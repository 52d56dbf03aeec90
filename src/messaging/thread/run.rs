//! Running a turn: one turn runs at a time, and all that wait for it share the run.
//!
//! Not here: which messages make a turn (`messaging::state`).

use std::rc::Rc;

use futures_util::{FutureExt, TryFutureExt, future};

use super::{Inner, ThreadPlatform, intake::Ended, model::Asked};
use crate::{
    config::FixedText,
    conversation::{
        history::{Conversation, Turn},
        model_run::{Effect, Failure, ModelRun},
        voice_error::VoiceError,
    },
    event::{ConsentBy, ConsentState, DailyLimit, HandOffBy, HandOffState},
    identity::Channel,
    messaging::{
        markdown,
        state::{
            ActiveTurn, CancelledCounts, Contents, NextRun, Requests, State, TurnReply, TurnResult,
        },
    },
    object::StepHost,
    openai::OpenAiError,
    platform::PlatformError,
    twilio::{media::FetchError, parts, segments},
};

impl<P: ThreadPlatform> Inner<P> {
    /// Waits for the turn that runs, or runs the next one. All that wait share one run.
    pub(super) async fn run(self: &Rc<Self>) {
        let running = self.running.borrow().clone();
        let run = running.unwrap_or_else(|| {
            let inner = Rc::clone(self);
            let run = async move {
                if let Err(error) = inner.run_turn().await {
                    inner.log_storage_error(error);
                }
                inner.running.take();
            };
            let run = run.boxed_local().shared();
            *self.running.borrow_mut() = Some(run.clone());
            // The run goes on when every webhook has left.
            self.platform.spawn(run.clone().boxed_local());
            run
        });
        run.await;
    }

    /// Runs the turn in the state, from the point where it was left.
    async fn run_turn(self: &Rc<Self>) -> Result<(), PlatformError> {
        let (cancelled, cancelling) = future::abortable(future::pending::<()>());
        *self.cancelling.borrow_mut() = Some(cancelling);
        let begun = self.begun.take();
        let next_run = |state: &mut State, now| {
            let begun_here = begun.is_some() && begun == state.turn_number();
            state.next_run(begun_here, now, &self.config)
        };
        match self.step(next_run).await? {
            NextRun::Nothing => Ok(()),
            NextRun::GiveUp(turn) | NextRun::Run(turn) if turn.is_reset() => {
                let result = self.reset(&turn);
                self.end_turn(&turn, None, None, result).await?;
                self.spawn_deletion();
                Ok(())
            }
            NextRun::Run(turn) if turn.over_limit => {
                let run = ModelRun::without_request(Failure::ContactLimit);
                let limit = DailyLimit::CallsPerContact;
                let result = TurnResult::Limited(limit, FixedText::NoMoreToday);
                self.end_turn(&turn, Some(&run), None, result).await
            }
            NextRun::GiveUp(turn) => {
                let run = ModelRun::without_request(Failure::Interrupted);
                let result = TurnResult::Failed(FixedText::Apology);
                self.end_turn(&turn, Some(&run), None, result).await
            }
            NextRun::Run(turn) => {
                let cancelled = cancelled.shared();
                if let Some(form) = &turn.assistant(&self.config).intake
                    && let Some(ended) = self.intake_turn(&turn, form, cancelled.clone()).await?
                {
                    let Ended { turn, run, result } = ended;
                    return self.end_turn(&turn, run.as_ref(), None, result).await;
                }
                // (8) Files, conversation, budget, model.
                let Asked {
                    turn,
                    contents,
                    run,
                    conversation,
                } = self.ask_model(turn, None, cancelled).await?;
                let handed_over = run.effects.iter().find_map(|effect| match effect {
                    Effect::HandOff(reason) => Some(reason.clone()),
                    Effect::EndConversation | Effect::AskDigits(_) => None,
                });
                let result = match (&run.result, handed_over) {
                    // The contact reads the fixed text, and not what the model says of it.
                    (_, Some(reason)) => TurnResult::HandedOver(reason),
                    (Ok(completion), None) => {
                        let answer = markdown::render(&completion.text, turn.channel());
                        let text = self.fit_to_channel(&turn, &answer);
                        let sent = match self.heard(&turn, &contents) {
                            Some(heard) => {
                                self.fit_to_channel(&turn, &format!("{heard}\n\n{answer}"))
                            }
                            None => text.clone(),
                        };
                        if run.effects.contains(&Effect::EndConversation) {
                            TurnResult::Ended { sent }
                        } else {
                            let input = turn.input(&contents);
                            TurnResult::Answered { input, text, sent }
                        }
                    }
                    (Err(failure), None) => self.result_of(&turn, *failure),
                };
                let has_ended = matches!(result, TurnResult::Ended { .. });
                self.end_turn(&turn, Some(&run), conversation, result)
                    .await?;
                if has_ended {
                    self.spawn_deletion();
                }
                Ok(())
            }
        }
    }

    /// Deletes the conversation that was cleared from KV. The next turn does not wait for that.
    fn spawn_deletion(self: &Rc<Self>) {
        let inner = Rc::clone(self);
        let delete = async move { inner.delete_pending_or_log().await };
        self.platform.spawn(delete.boxed_local());
    }

    /// What goes before an answer: what was heard, if the operator wants it so. The conversation has
    /// the answer without, because a model would imitate it.
    fn heard(&self, turn: &ActiveTurn, contents: &[Contents]) -> Option<String> {
        let heard: Vec<_> = contents.iter().flat_map(|one| one.heard.iter()).collect();
        if heard.is_empty() || !self.config.repeat_transcript {
            return None;
        }
        let heard = heard.iter().map(|said| said.as_str()).collect::<Vec<_>>();
        let assistant = turn.assistant(&self.config);
        Some(assistant.text_with(FixedText::Heard, &heard.join(" ")))
    }

    /// The rendered answer as its channel can carry it. It is stored and sent like this.
    pub(super) fn fit_to_channel(&self, turn: &ActiveTurn, answer: &str) -> String {
        if turn.channel() == Channel::Sms {
            segments::fit(answer, self.config.max_segments)
        } else {
            parts::fit(answer)
        }
    }

    /// (9) Ends the turn in one step: stores the result, decides who carries the answer, and begins
    /// the next turn. `conversation` is the one that the turn went on from, if it is complete.
    async fn end_turn(
        self: &Rc<Self>,
        turn: &ActiveTurn,
        run: Option<&ModelRun>,
        conversation: Option<Conversation>,
        result: TurnResult,
    ) -> Result<(), PlatformError> {
        // A turn that was cut off may have made a request before.
        let interrupted = |run: &&ModelRun| matches!(run.result, Err(Failure::Interrupted));
        let requests = match run {
            Some(run) if interrupted(&run) => None,
            run => Some(run.map_or_else(Requests::default, |run| Requests {
                transcriptions: run.transcriptions,
                completions: run.requests,
            })),
        };
        let end = |state: &mut State, now| {
            if let Some(run) = run {
                state.usage.mark_reported(&run.reported);
                state.usage.count(&run.usage(), now);
            }
            let waiting = self.waiting.borrow();
            // Who asks aloud for no more messages gets the answers to nothing else.
            let cancelled = match result {
                TurnResult::OptedOut(_) => state.opt_out_aloud(turn.number, now),
                TurnResult::HandedOver(ref reason) => {
                    let (number, config) = (turn.number, &self.config);
                    state.hand_over_turn(number, reason, &self.name, now, config);
                    CancelledCounts::default()
                }
                _ => CancelledCounts::default(),
            };
            let reply = state.end_turn(turn.number, &result, requests, &waiting, now, &self.config);
            (reply, cancelled)
        };
        let (reply, cancelled) = self.step(end).await?;
        self.log_turn(turn, run, &result, reply);
        if reply == TurnReply::Cancelled {
            return Ok(());
        }
        if let (TurnResult::OptedOut(_), Some(last)) = (&result, turn.messages.last()) {
            let (state, by) = (ConsentState::OptedOut, ConsentBy::Contact);
            self.log_consent(last.phone_hash.clone(), state, by, cancelled);
            self.spawn_orders();
        }
        if let (TurnResult::HandedOver(_), Some(last)) = (&result, turn.messages.last()) {
            let (state, by) = (HandOffState::Begun, HandOffBy::Assistant);
            self.log_hand_off(last.phone_hash.clone(), state, by);
        }
        match result {
            TurnResult::Answered { input, text, .. } => {
                *self.conversation.borrow_mut() = conversation.map(|mut conversation| {
                    conversation.push(Turn {
                        user: input,
                        assistant: text,
                    });
                    conversation
                });
                self.spawn_save();
            }
            TurnResult::Intake(step) => {
                // It is read again when it is saved, with this turn.
                self.conversation.take();
                if let Some(ended) = step.ended {
                    self.log_intake(ended);
                }
                self.spawn_save();
            }
            TurnResult::Reset { .. } | TurnResult::Ended { .. } => drop(self.conversation.take()),
            // The next turn reads a conversation again that was not complete.
            TurnResult::HandedOver(_)
            | TurnResult::Failed(_)
            | TurnResult::Limited(..)
            | TurnResult::OptedOut(_) => {
                *self.conversation.borrow_mut() = conversation;
            }
        }
        Ok(())
    }

    /// Saves the conversation in the background.
    fn spawn_save(self: &Rc<Self>) {
        let inner = Rc::clone(self);
        let save = async move { inner.save().await };
        let inner = Rc::clone(self);
        let save = save.unwrap_or_else(move |error| inner.log_storage_error(error));
        self.platform.spawn(save.boxed_local());
    }

    /// The result of a turn whose model run failed.
    pub(super) fn result_of(&self, turn: &ActiveTurn, failure: Failure) -> TurnResult {
        let text = match failure {
            Failure::BudgetExhausted => {
                return TurnResult::Limited(DailyLimit::Calls, FixedText::NoBudget);
            }
            Failure::ContactLimit => {
                let limit = DailyLimit::CallsPerContact;
                return TurnResult::Limited(limit, FixedText::NoMoreToday);
            }
            Failure::Voice(VoiceError::OptOut) => {
                let text = turn.assistant(&self.config).text(FixedText::OptedOut);
                return TurnResult::OptedOut(text.to_owned());
            }
            Failure::OpenAi(OpenAiError::Filtered) => FixedText::Filtered,
            Failure::OpenAi(OpenAiError::TokenLimit) => FixedText::TokenLimit,
            Failure::OpenAi(OpenAiError::NoImages) => FixedText::NoImages,
            Failure::Image(FetchError::Address | FetchError::NotFetched) => {
                FixedText::ImageNotFetched
            }
            Failure::Image(FetchError::TooLarge) => FixedText::ImageTooLarge,
            Failure::NotAnImage => FixedText::UnreadableFile,
            Failure::Voice(VoiceError::Fetch(FetchError::Address | FetchError::NotFetched)) => {
                FixedText::VoiceNotFetched
            }
            Failure::Voice(VoiceError::Fetch(FetchError::TooLarge) | VoiceError::TooLong) => {
                FixedText::VoiceTooLong
            }
            Failure::Voice(VoiceError::Format) => FixedText::VoiceFormat,
            Failure::Voice(VoiceError::Unavailable) => FixedText::NoVoice,
            Failure::Voice(VoiceError::Silent) => FixedText::VoiceSilent,
            Failure::OpenAi(_)
            | Failure::BudgetUnreachable
            | Failure::Interrupted
            | Failure::Cancelled => FixedText::Apology,
        };
        TurnResult::Failed(text)
    }
}
