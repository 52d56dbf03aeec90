//! What a message quotes or reacts to: it is looked up before the message is admitted.
//!
//! Most messages quote nothing and are not delayed. Not here: the form of quotes and tapbacks
//! (`messaging::quotes`, `messaging::inbound`), and what is remembered for how long (`messaging::state`).

use std::time::Duration;

use super::{
    Inner, ThreadPlatform,
    saving::{KV_READ_LIMIT, LoadedConversation},
};
use crate::{
    conversation::outbox::request_contexts,
    identity::MessageSid,
    messaging::{
        api::Receive,
        canned_replies,
        inbound::{Input, Tapback},
        quotes,
        state::State,
    },
    object::{StepHost, within},
    platform::PlatformError,
    twilio::rest,
};

/// How long Twilio may take to say what a quoted message was. The answer waits for it.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(2);

impl<P: ThreadPlatform> Inner<P> {
    /// Finds the text that a message quotes, and turns a tapback on a remembered text into a reaction. What
    /// is not remembered is not quoted.
    pub(super) async fn look_up_quote(&self, message: &mut Receive) -> Result<(), PlatformError> {
        let Input::Text(text) = &message.input else {
            return Ok(());
        };
        let tapback = Tapback::of(text).filter(|_| message.images.is_empty());
        if message.quoted.is_none() && tapback.is_none() {
            return Ok(());
        }
        // A copy, and a message of a contact that has opted out, need no look-up.
        let is_read =
            |state: &State, _| !state.is_opted_out() && state.status(&message.sid).is_none();
        if !self.read(is_read).await? {
            return Ok(());
        }
        match (&message.quoted, tapback) {
            (Some(sid), _) => {
                message.quoted_as_of = self.read(|state, _| state.forgotten()).await?;
                message.quoted_text = self.quoted_text(sid, message).await?;
            }
            (None, Some(tapback)) if self.is_remembered(&tapback, message).await? => {
                message.unread.text.clone_from(text);
                message.input = Input::Reaction;
            }
            (None, _) => {}
        }
        Ok(())
    }

    /// The text of a quoted message, if it is remembered.
    async fn quoted_text(
        &self,
        sid: &MessageSid,
        message: &Receive,
    ) -> Result<Option<String>, PlatformError> {
        let known = self.read(|state, _| state.quotable(sid).map(str::to_owned));
        if let Some(text) = known.await? {
            return Ok(Some(text));
        }
        // Twilio gives the parts of a webhook's answer their ids afterwards. So only Twilio can say which
        // answer it is. It is quoted if the thread still remembers it.
        let texts = self.remembered_texts().await?;
        if texts.is_empty() {
            return Ok(None);
        }
        let asked = within(&self.platform, LOOK_UP_LIMIT, self.ask_twilio(sid, message));
        let Some(Some(body)) = asked.await else {
            return Ok(None);
        };
        let mut found = texts
            .iter()
            .rev()
            .filter_map(|text| quotes::part_of(text, &body));
        Ok(found.next().map(str::to_owned))
    }

    /// The text of a message to the contact, as Twilio lists it.
    async fn ask_twilio(&self, sid: &MessageSid, message: &Receive) -> Option<String> {
        let base = &self.config.twilio_api_base_url;
        for context in request_contexts(&self.config, &message.reply_to) {
            // The tokens may have been rotated.
            if let Ok(body) = rest::listed_body(&self.platform, base, context, sid).await {
                return body;
            }
        }
        None
    }

    /// Whether a tapback is about something that was said in this conversation.
    async fn is_remembered(
        &self,
        tapback: &Tapback,
        message: &Receive,
    ) -> Result<bool, PlatformError> {
        let texts = self.remembered_texts().await?;
        Ok(match tapback {
            // We send no files: it is about the contact's own.
            Tapback::File => !texts.is_empty(),
            Tapback::Quotes(quotes) => {
                let fixed = canned_replies::fixed_texts(message.reply_to.assistant(&self.config));
                let mut said = texts.iter().chain(&fixed);
                said.any(|said| {
                    quotes
                        .iter()
                        .any(|quote| quotes::part_of(said, quote).is_some())
                })
            }
        })
    }

    /// What both sides said in the conversation, oldest first. Of a message that quotes an answer, only the contact's
    /// own words count, so that it is not taken for the answer.
    async fn remembered_texts(&self) -> Result<Vec<String>, PlatformError> {
        let has_ended = |state: &State, now| state.revisions.current(now).is_none();
        if self.read(has_ended).await? {
            return Ok(Vec::new());
        }
        let (LoadedConversation::Complete(conversation)
        | LoadedConversation::Partial(conversation)) = self.load_conversation(KV_READ_LIMIT).await;
        let turns = conversation.turns().iter();
        Ok(turns
            .flat_map(|turn| [quotes::own_words(&turn.user), turn.assistant.clone()])
            .collect())
    }
}
