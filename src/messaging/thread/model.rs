//! A turn's model run: it fetches files and the conversation, asks the model, and shows the typing
//! indicator meanwhile.
//!
//! Not here: reading files (`media`), and the loop of requests (`conversation::model_run`).

use std::{cell::Cell, future::Future, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, LocalBoxFuture, select},
    pin_mut,
};
use serde_json::Value;

use super::{Inner, ThreadPlatform, joins::Gathering, saving::LoadedConversation};
use crate::{
    base::{time::millis, usage::UsageCounters},
    config::Assistant,
    conversation::{
        history::Conversation,
        model_run::{self, Caller, ContactShare, Failure, ModelInput, ModelRun, Words},
        outbox::request_contexts,
    },
    identity::{Channel, Medium},
    messaging::state::{ActiveTurn, Contents, PendingMessage},
    object::StepHost,
    platform::PlatformError,
    twilio::rest,
};

/// How long a turn takes before the contact sees that an answer is being written.
const TYPING_AFTER: Duration = Duration::from_secs(2);

/// What the model is asked instead of an answer to the conversation.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    /// The system prompt.
    pub(super) prompt: &'a str,
    /// The schema of the answer.
    pub(super) schema: &'a Value,
    /// What the model reads, made of what the contact said.
    pub(super) data: &'a dyn Fn(&str) -> String,
}

/// A turn that the model was asked about.
pub(super) struct Asked {
    /// The turn, with the messages that have joined it.
    pub(super) turn: ActiveTurn,
    /// What the files of its messages are, in order.
    pub(super) contents: Vec<Contents>,
    /// The model run, with the requests that were broken off.
    pub(super) run: ModelRun,
    /// The conversation before the turn, if it is complete.
    pub(super) conversation: Option<Conversation>,
}

impl<P: ThreadPlatform> Inner<P> {
    /// Reads the files and runs the model. Messages that come soon enough join the turn. With a
    /// question, the model reads no conversation.
    ///
    /// # Errors
    /// When storage failed while a message joined.
    pub(super) async fn ask_model(
        &self,
        turn: ActiveTurn,
        question: Option<Question<'_>>,
        cancelled: impl Future<Output: Clone>,
    ) -> Result<Asked, PlatformError> {
        let typing = self.show_typing(turn.messages.last().cloned());
        let run = self.run_model(turn, question, cancelled.shared());
        pin_mut!(run, typing);
        match select(run, typing).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), run)) => run.await,
        }
    }

    async fn run_model(
        &self,
        turn: ActiveTurn,
        question: Option<Question<'_>>,
        cancelled: impl Future + Clone + Unpin,
    ) -> Result<Asked, PlatformError> {
        let assistant = turn.assistant(&self.config);
        let own = || self.prompt(assistant, turn.channel());
        let prompt = question.map_or_else(own, |question| question.prompt.to_owned());
        let first = turn.messages.first().cloned();
        let first = first.ok_or_else(|| PlatformError::new("a turn has no message"))?;
        let number = turn.number;
        let gathering = Gathering::new(turn, self.platform.now());
        let usage = self.read(|state, _| state.usage.counters()).await;
        // Usage that cannot be read now is not reported now.
        let usage = usage.unwrap_or_default();
        let gather = async || {
            let gather = self.gather(&gathering);
            pin_mut!(gather);
            match select(cancelled.clone(), gather).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((words, _)) => words.map(|words| match question {
                    Some(question) => Words {
                        text: (question.data)(&words.text),
                        ..words
                    },
                    None => words,
                }),
            }
        };
        // Nothing is reserved for a turn whose files cannot be read.
        if let Err(failure) = gather().await {
            return self.unasked(gathering, failure);
        }
        let has_called = Cell::new(false);
        let (mut complete, mut loaded) = (true, None);
        if question.is_some() {
            (complete, loaded) = (false, Some(Conversation::default()));
        }
        let mut earlier: Option<ModelRun> = None;
        let (run, conversation) = loop {
            let conversation = async {
                match loaded.take() {
                    Some(conversation) => conversation,
                    None => match self
                        .load_conversation(gathering.time_for_kv(self.platform.now(), &self.config))
                        .await
                    {
                        LoadedConversation::Complete(conversation) => conversation,
                        LoadedConversation::Partial(conversation) => {
                            complete = false;
                            conversation
                        }
                    },
                }
            };
            let input = ModelInput {
                assistant,
                prompt: &prompt,
                words: gather(),
                begun: gathering.begun,
                usage: earlier.as_ref().map_or(usage, |_| UsageCounters::EMPTY),
                reserved: earlier.is_some(),
                // An intake asks for JSON, and for nothing else.
                caller: question
                    .is_none()
                    .then(|| caller(number, &first, &has_called)),
                schema: question.map(|question| question.schema),
                listener: None,
            };
            let too_early = Cell::new(false);
            let asked_too_early = async {
                self.asked_too_early(&gathering, &has_called).await;
                too_early.set(true);
            };
            pin_mut!(asked_too_early);
            let (platform, config) = (&self.platform, &self.config);
            let ran = model_run::run(
                platform,
                config,
                &self.name,
                self,
                conversation,
                input,
                select(cancelled.clone(), asked_too_early),
            );
            let (mut run, conversation) = ran.await;
            if let Some(earlier) = &earlier {
                run.add_earlier(earlier);
            }
            if !too_early.get() {
                break (run, conversation);
            }
            loaded = Some(conversation);
            earlier = Some(run);
        };
        let run = ModelRun {
            transcriptions: gathering.files.transcriptions(),
            ..run
        };
        let (turn, contents) = gathering.into_turn()?;
        Ok(Asked {
            turn,
            contents,
            run,
            conversation: complete.then_some(conversation),
        })
    }

    /// A turn whose files cannot be read. The conversation is not needed, and stays as it is.
    fn unasked(&self, gathering: Gathering, failure: Failure) -> Result<Asked, PlatformError> {
        let run = ModelRun {
            transcriptions: gathering.files.transcriptions(),
            model_ms: millis(self.platform.now().since(gathering.begun)),
            ..ModelRun::without_request(failure)
        };
        let (turn, contents) = gathering.into_turn()?;
        Ok(Asked {
            turn,
            contents,
            run,
            conversation: None,
        })
    }

    /// The system prompt of an assistant, as it is now.
    pub(super) fn prompt(&self, assistant: &Assistant, channel: Channel) -> String {
        model_run::prompt(&self.platform, assistant, Medium::Messages(channel))
    }

    /// Shows a contact that an answer is being written, once the turn takes longer than people
    /// expect, on channels that can show it. A refusal changes nothing about the answer.
    async fn show_typing(&self, last: Option<PendingMessage>) {
        let can_show = |last: &PendingMessage| {
            rest::can_show_typing(&last.reply_to.contact, &last.reply_to.number)
        };
        // Without an indicator no timer runs.
        let Some(last) = last.filter(can_show) else {
            return;
        };
        self.platform.sleep(TYPING_AFTER).await;
        if let Some(context) = request_contexts(&self.config, &last.reply_to).next() {
            let base = &self.config.twilio_api_base_url;
            let shown = rest::show_typing(&self.platform, base, context, &last.sid).await;
            if let Err(refused) = shown {
                self.log_typing_refused(refused);
            }
        }
    }
}

/// For whom the tools of a turn are called, by its first message.
fn caller<'a>(turn: u64, first: &'a PendingMessage, has_called: &'a Cell<bool>) -> Caller<'a> {
    Caller {
        turn,
        first: first.sid.as_str(),
        contact: Some(&first.reply_to.contact),
        medium: Medium::Messages(first.reply_to.contact.channel()),
        phone_hash: &first.phone_hash,
        has_called,
    }
}

impl<P: ThreadPlatform> ContactShare for Inner<P> {
    fn reserve(&self) -> LocalBoxFuture<'_, bool> {
        // Without a count, nothing may be spent.
        let reserved = self.step(|state, now| state.reserve_call(now, &self.config));
        reserved
            .map(|granted| granted.unwrap_or(false))
            .boxed_local()
    }
}
