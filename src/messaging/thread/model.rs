//! A turn's model run: it fetches files and the conversation, asks the model, and shows the typing
//! indicator meanwhile.
//!
//! Not here: reading the files (`media`), and the loop of requests (`conversation::model_run`).

use std::{cell::Cell, future::Future, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
    pin_mut,
};

use super::{Inner, ThreadPlatform, media::Files, saving::LoadedConversation};
use crate::{
    base::time::{UnixMillis, millis},
    conversation::{
        history::Conversation,
        model_run::{self, ContactShare, Failure, ModelInput, ModelRun},
        outbox::request_contexts,
    },
    identity::Channel,
    messaging::state::ActiveTurn,
    twilio::rest,
};

/// How long a turn on WhatsApp takes before the contact sees that an answer is being written.
const TYPING_AFTER: Duration = Duration::from_secs(2);

/// A turn that the model was asked about.
pub(super) struct Asked {
    pub(super) run: ModelRun,
    /// The conversation before the turn, if it is complete.
    pub(super) conversation: Option<Conversation>,
    /// What the contact wrote, said and showed, as the model got it.
    pub(super) input: String,
    /// What was heard in the voice notes.
    pub(super) heard: Vec<String>,
}

impl<P: ThreadPlatform> Inner<P> {
    /// Fetches the turn's files and runs the model.
    pub(super) async fn ask_model(
        &self,
        turn: &ActiveTurn,
        cancelled: impl Future<Output: Clone>,
    ) -> Asked {
        let begun = self.platform.now();
        let run = self.run_model(turn, begun, cancelled.shared());
        let typing = self.show_typing(turn);
        pin_mut!(run, typing);
        match select(run, typing).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), run)) => run.await,
        }
    }

    async fn run_model(
        &self,
        turn: &ActiveTurn,
        begun: UnixMillis,
        cancelled: impl Future + Clone + Unpin,
    ) -> Asked {
        // Usage that cannot be read now is not reported now.
        let usage = self.read(|state, _| state.usage.counters()).await;
        let usage = usage.unwrap_or_default();
        let transcriptions = Cell::new(0);
        let files = {
            let read = self.read_files(turn, begun, &transcriptions);
            pin_mut!(read);
            match select(cancelled.clone(), read).await {
                Either::Left(_) => Err(Failure::Cancelled),
                Either::Right((files, _)) => files,
            }
        };
        let transcriptions = transcriptions.get();
        let Files {
            images,
            contents,
            slot: _slot,
        } = match files {
            Ok(files) => files,
            // The conversation is not needed, and stays as it is.
            Err(failure) => {
                return Asked {
                    run: ModelRun {
                        transcriptions,
                        model_ms: millis(self.platform.now().since(begun)),
                        ..ModelRun::without_request(failure)
                    },
                    conversation: None,
                    input: String::new(),
                    heard: Vec::new(),
                };
            }
        };
        let text = turn.input(&contents);
        let input = ModelInput {
            text: &text,
            images,
            begun,
            usage,
        };
        let mut complete = true;
        let conversation = async {
            match self.load_conversation().await {
                LoadedConversation::Complete(conversation) => conversation,
                LoadedConversation::Partial(conversation) => {
                    complete = false;
                    conversation
                }
            }
        };
        let (platform, config) = (&self.platform, &self.config);
        let ran = model_run::run(
            platform,
            config,
            &self.name,
            self,
            conversation,
            input,
            cancelled,
        );
        let (run, conversation) = ran.await;
        Asked {
            run: ModelRun {
                transcriptions,
                ..run
            },
            conversation: complete.then_some(conversation),
            input: text,
            heard: contents.into_iter().flat_map(|one| one.heard).collect(),
        }
    }

    /// Shows a contact on WhatsApp that an answer is being written, once the turn takes longer than
    /// people expect.
    async fn show_typing(&self, turn: &ActiveTurn) {
        let last = turn.messages.last();
        let Some(last) = last.filter(|last| last.reply_to.contact.channel() == Channel::WhatsApp)
        else {
            return;
        };
        self.platform.sleep(TYPING_AFTER).await;
        if let Some(context) = request_contexts(&self.config, &last.reply_to).next() {
            let base = &self.config.twilio_api_base_url;
            rest::show_typing(&self.platform, base, context, &last.sid).await;
        }
    }
}

impl<P: ThreadPlatform> ContactShare for Inner<P> {
    async fn reserve(&self) -> bool {
        // Without a count, nothing may be spent.
        let reserved = self.step(|state, now| state.reserve_call(now, &self.config));
        reserved.await.unwrap_or(false)
    }
}
