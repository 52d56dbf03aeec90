//! A line of a run: a side is asked for it, and what it says is stored.
//!
//! An answer that is not the line that was asked for is never spoken: it counts as a failure, and the
//! other side does not hear of it. Not here: who speaks, and what ends the run (`state`).

use std::{cell::Cell, future::ready, rc::Rc, time::Duration};

use futures_util::{
    FutureExt,
    future::{AbortHandle, Abortable, LocalBoxFuture},
};
use serde_json::Value;

use super::{
    Inner, RunPlatform,
    sides::{AgentRef, Sides, scripted},
    state::Run,
};
use crate::{
    base::{time::UnixMillis, usage::UsageCounters},
    config::{Assistant, FixedText, Speaker},
    conversation::{
        history::{Conversation, Turn},
        model_run::{self, Caller, ContactShare, Effect, Failure, ModelInput, ModelRun, Words},
    },
    identity::{Medium, PhoneHash, Pseudonym},
    object::StepHost,
    platform::PlatformError,
    synthetic::{
        api::Cost,
        disturbance::Disturbance,
        prompt::{self, Spoken},
        transcript::{EndReason, EndedBy, seen_by},
    },
};

/// What a side has said, and what that means.
struct Said {
    spoken: Spoken,
    hands_over: bool,
}

/// A question to the model.
pub(super) struct Question<'q> {
    pub(super) assistant: &'q Assistant,
    pub(super) prompt: &'q str,
    pub(super) schema: Option<&'q Value>,
    pub(super) turns: Vec<Turn>,
    pub(super) words: String,
    /// What it is about. Requests about the same thing share the model's cache.
    pub(super) topic: &'q str,
    /// For whom tools are called.
    pub(super) caller: Option<Caller<'q>>,
    /// The time that is left for it, if there is a limit.
    pub(super) time: Option<Duration>,
}

impl<P: RunPlatform> Inner<P> {
    /// Asks a side for its line, and stores it.
    pub(super) async fn speak(
        &self,
        speaker: Speaker,
        disturbance: Option<Disturbance>,
    ) -> Result<(), PlatformError> {
        let started = self.platform.now();
        let run = self.read(|state, _| state.run().cloned()).await?;
        let Some(run) = run else { return Ok(()) };
        let personas = self.platform.personas();
        let personas = (*personas).as_ref().ok();
        let sides = personas.and_then(|personas| self.sides(&run.plan, personas));
        let Some(sides) = sides else {
            return self.end(EndedBy::Failure, EndReason::Configuration).await;
        };
        if run.time_left(started).is_zero() {
            return self.end(EndedBy::Limit, EndReason::Seconds).await;
        }
        if let Some(text) = scripted(&run, &sides, speaker, disturbance) {
            let spoken = Spoken {
                text,
                ends_call: false,
            };
            return self.say(&run, spoken, disturbance, started).await;
        }
        if !self.take_request().await? {
            return self.end(EndedBy::Limit, EndReason::Requests).await;
        }
        let (answer, said) = self.ask_side(&run, &sides, speaker, disturbance).await;
        let assistant = match (speaker, &sides.agent) {
            (Speaker::Agent, AgentRef::Assistant(assistant)) => assistant,
            _ => self.config.assistants.default(),
        };
        let (cost, model) = (cost_of(&answer), model_of(assistant, &answer));
        let words = run.call.as_ref().zip(said.as_ref());
        let words = words.map(|(_, said)| self.spoken_words(&run, speaker, &said.spoken.text));
        self.change(|run, now| {
            run.cost.add(cost);
            if run.ended.is_some() {
                return;
            }
            match (said, &words) {
                (Some(said), words) => {
                    run.model = model;
                    match words {
                        Some(words) => run.said_aloud(said.spoken, words, disturbance, now),
                        None => run.said(said.spoken, disturbance, started, now),
                    }
                    if said.hands_over {
                        run.end(EndedBy::Agent, EndReason::HandedOff, now);
                    }
                }
                (None, _) if run.time_left(now).is_zero() => {
                    run.end(EndedBy::Limit, EndReason::Seconds, now);
                }
                (None, _) => run.failed(now),
            }
        })
        .await?;
        match words {
            Some(words) => self.speak_aloud(speaker, &words).await,
            None => Ok(()),
        }
    }

    /// A side says a line that no model had to write.
    async fn say(
        &self,
        run: &Run,
        spoken: Spoken,
        disturbance: Option<Disturbance>,
        started: UnixMillis,
    ) -> Result<(), PlatformError> {
        if run.call.is_none() {
            return self
                .change(|run, now| run.said(spoken, disturbance, started, now))
                .await;
        }
        let speaker = run.next_speaker();
        let words = self.spoken_words(run, speaker, &spoken.text);
        self.change(|run, now| run.said_aloud(spoken, &words, disturbance, now))
            .await?;
        self.speak_aloud(speaker, &words).await
    }

    async fn ask_side(
        &self,
        run: &Run,
        sides: &Sides<'_>,
        speaker: Speaker,
        disturbance: Option<Disturbance>,
    ) -> (ModelRun, Option<Said>) {
        let (turns, heard) = seen_by(speaker, &run.lines);
        let time = Some(run.time_left(self.platform.now()));
        let direction = disturbance.and_then(Disturbance::direction);
        let (prompt, topic) = match (speaker, &sides.agent) {
            (Speaker::Agent, AgentRef::Assistant(assistant)) => {
                return self.ask_assistant(run, assistant, turns, heard, time).await;
            }
            (Speaker::Agent, AgentRef::Persona(agent)) => (
                prompt::agent(sides.scenario, agent),
                run.plan.agent.as_str(),
            ),
            (Speaker::Customer, _) => (
                prompt::customer(sides.scenario, sides.customer),
                run.plan.customer.as_str(),
            ),
        };
        let schema = prompt::line_schema();
        let question = Question {
            assistant: self.config.assistants.default(),
            prompt: &prompt,
            schema: Some(&schema),
            turns,
            words: prompt::with_direction(&heard, direction),
            topic,
            caller: None,
            time,
        };
        let answer = self.ask(question).await;
        let text = answer
            .result
            .as_ref()
            .ok()
            .map(|answer| answer.text.as_str());
        let said = text.and_then(prompt::read_line).map(|spoken| Said {
            spoken,
            hands_over: false,
        });
        (answer, said)
    }

    /// Asks an assistant as it is asked by people, tools included. Its tools are told that nobody is a
    /// person.
    async fn ask_assistant(
        &self,
        run: &Run,
        assistant: &Assistant,
        turns: Vec<Turn>,
        words: String,
        time: Option<Duration>,
    ) -> (ModelRun, Option<Said>) {
        let medium = Medium::Synthetic;
        let prompt = model_run::prompt(&self.platform, assistant, medium);
        let (has_called, nobody) = (Cell::new(false), PhoneHash::nobody());
        let (turn, id) = (run.lines.len(), run.plan.run.to_string());
        let caller = Caller {
            turn: u64::try_from(turn).unwrap_or(u64::MAX),
            first: &id,
            contact: None,
            medium,
            phone_hash: &nobody,
            has_called: &has_called,
        };
        let question = Question {
            assistant,
            prompt: &prompt,
            schema: None,
            turns,
            words,
            topic: &id,
            caller: Some(caller),
            time,
        };
        let answer = self.ask(question).await;
        let ends_call = answer.effects.contains(&Effect::EndConversation);
        let is_hand_off = |effect: &Effect| matches!(effect, Effect::HandOff(_));
        let hands_over = answer.effects.iter().any(is_hand_off);
        let text = match &answer.result {
            Ok(completion) => Some(completion.text.clone()),
            // What it has called is what it wants, with or without words.
            Err(_) if hands_over => Some(assistant.text(FixedText::CallHandingOver).to_owned()),
            Err(_) if ends_call => Some(assistant.text(FixedText::CallGoodbye).to_owned()),
            Err(_) => None,
        };
        let said = text.map(|text| Said {
            spoken: Spoken { text, ends_call },
            hands_over,
        });
        (answer, said)
    }

    /// Asks the model. The first request is taken already. The future is boxed, so that its code exists
    /// only once.
    pub(super) fn ask<'a>(&'a self, question: Question<'a>) -> LocalBoxFuture<'a, ModelRun> {
        self.ask_now(question).boxed_local()
    }

    async fn ask_now(&self, question: Question<'_>) -> ModelRun {
        let topic = self.config.pseudonym_key.topic(question.topic);
        let mut conversation = Conversation::default();
        question
            .turns
            .into_iter()
            .for_each(|turn| conversation.push(turn));
        let words = Words {
            text: question.words,
            images: Rc::default(),
        };
        let input = ModelInput {
            assistant: question.assistant,
            prompt: question.prompt,
            words: ready(Ok::<_, Failure>(words)),
            begun: self.platform.now(),
            usage: UsageCounters::EMPTY,
            reserved: true,
            caller: question.caller,
            schema: question.schema,
            listener: None,
        };
        let cancelled = async {
            match question.time {
                Some(time) => self.platform.sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let run = self.run_model(&topic, conversation, input, cancelled);
        let (aborts, registration) = AbortHandle::new_pair();
        self.aborts.replace(Some(aborts));
        let run = Abortable::new(run, registration).await;
        run.unwrap_or_else(|_| ModelRun::without_request(Failure::Cancelled))
    }

    async fn run_model(
        &self,
        topic: &Pseudonym,
        conversation: Conversation,
        input: ModelInput<'_, impl Future<Output = Result<Words, Failure>>>,
        cancelled: impl Future,
    ) -> ModelRun {
        let (platform, config) = (&self.platform, &self.config);
        let conversation = ready(conversation);
        let run = model_run::run(
            platform,
            config,
            topic,
            self,
            conversation,
            input,
            cancelled,
        );
        run.await.0
    }

    /// Takes one of the run's requests. It is stored before the request is made.
    pub(super) async fn take_request(&self) -> Result<bool, PlatformError> {
        let taken = self.step(|state, _| state.change(Run::take_request));
        Ok(taken.await?.unwrap_or(false))
    }

    async fn end(&self, by: EndedBy, reason: EndReason) -> Result<(), PlatformError> {
        self.change(|run, now| run.end(by, reason, now)).await
    }

    /// Changes the run in one step.
    pub(super) async fn change(
        &self,
        change: impl FnOnce(&mut Run, UnixMillis),
    ) -> Result<(), PlatformError> {
        let changed = self.step(|state, now| state.change(|run| change(run, now)));
        changed.await.map(|_| ())
    }
}

/// The tokens of an answer. Its requests were counted before they were made.
pub(super) fn cost_of(answer: &ModelRun) -> Cost {
    Cost {
        prompt_tokens: answer.tokens.prompt,
        completion_tokens: answer.tokens.completion,
        ..Cost::default()
    }
}

/// The model that has answered for an assistant.
pub(super) fn model_of(assistant: &Assistant, answer: &ModelRun) -> String {
    let endpoints = &assistant.endpoints;
    let endpoint = endpoints.get(answer.endpoint.unwrap_or_default());
    endpoint.model.clone()
}

/// Further requests for a line come out of what was reserved for the run.
impl<P: RunPlatform> ContactShare for Inner<P> {
    fn reserve(&self) -> LocalBoxFuture<'_, bool> {
        let taken = self.take_request();
        taken.map(|taken| taken.unwrap_or(false)).boxed_local()
    }

    fn is_prepaid(&self) -> bool {
        true
    }
}
