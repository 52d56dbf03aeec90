//! A turn's model run: it fetches images and the conversation, asks the model, and shows the typing
//! indicator meanwhile.
//!
//! Not here: the loop of requests (`conversation::model_run`).

use std::{future::Future, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
    pin_mut,
};

use super::{Inner, ThreadPlatform, saving::LoadedConversation};
use crate::{
    base::{image::Image, time::UnixMillis},
    conversation::{
        history::Conversation,
        model_run::{self, ContactShare, Failure, ModelInput, ModelRun},
        outbox::request_contexts,
    },
    messaging::state::ActiveTurn,
    twilio::{media, rest},
};

/// How long a turn takes before the contact sees that an answer is being written.
const TYPING_AFTER: Duration = Duration::from_secs(2);

impl<P: ThreadPlatform> Inner<P> {
    /// Fetches the images and runs the model. Returns the conversation, too, if it is complete.
    pub(super) async fn ask_model(
        &self,
        turn: &ActiveTurn,
        text: &str,
        cancelled: impl Future<Output: Clone>,
    ) -> (ModelRun, Option<Conversation>) {
        let begun = self.platform.now();
        let run = self.run_model(turn, text, begun, cancelled.shared());
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
        text: &str,
        begun: UnixMillis,
        cancelled: impl Future + Clone + Unpin,
    ) -> (ModelRun, Option<Conversation>) {
        // Usage that cannot be read now is not reported now.
        let usage = self.read(|state, _| state.usage.counters()).await;
        let usage = usage.unwrap_or_default();
        let fetch = self.fetch_images(turn, begun);
        pin_mut!(fetch);
        let images = match select(cancelled.clone(), fetch).await {
            Either::Left(_) => Err(Failure::Cancelled),
            Either::Right((images, _)) => images,
        };
        let (images, _slot) = match images {
            Ok(images) => images,
            // The conversation is not needed, and stays as it is.
            Err(failure) => return (ModelRun::without_request(failure), None),
        };
        let input = ModelInput {
            text,
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
        (run, complete.then_some(conversation))
    }

    /// Fetches the turn's images one after the other, within the limit for all of them. If the
    /// budget is used up, it fetches none. The images keep their slot in the isolate's memory until
    /// the model has answered.
    async fn fetch_images(
        &self,
        turn: &ActiveTurn,
        begun: UnixMillis,
    ) -> Result<(Vec<Image>, Option<media::Slot>), Failure> {
        if turn.images().next().is_none() {
            return Ok((Vec::new(), None));
        }
        let (platform, config) = (&self.platform, &self.config);
        let limit = media::TIMEOUT.min(config.openai_timeout);
        model_run::check_budget(platform, config, limit).await?;
        let deadline = begun.plus(limit);
        let slot = media::slot(platform, deadline).await;
        let slot = slot.map_err(Failure::Image)?;
        let mut room = media::MAX_BYTES;
        let mut images = Vec::new();
        for (target, url) in turn.images() {
            let base = &config.twilio_api_base_url;
            let contexts = request_contexts(config, target);
            let image = media::fetch(platform, base, url, contexts, room, deadline).await;
            let image = image.map_err(Failure::Image)?;
            room = room.saturating_sub(image.bytes.len());
            images.push(image);
        }
        Ok((images, Some(slot)))
    }

    /// Shows a contact that an answer is being written, once the turn takes longer than people
    /// expect, on channels that can show it. A refusal changes nothing about the answer.
    async fn show_typing(&self, turn: &ActiveTurn) {
        let Some(last) = turn.messages.last() else {
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

impl<P: ThreadPlatform> ContactShare for Inner<P> {
    async fn reserve(&self) -> bool {
        // Without a count, nothing may be spent.
        let reserved = self.step(|state, now| state.reserve_call(now, &self.config));
        reserved.await.unwrap_or(false)
    }
}
