//! What the model is told in a call, beside the assistant's own prompt.

use super::{CallPlatform, Inner};
use crate::{config::Assistant, conversation::model_run, identity::Medium, voice::state::Talk};

/// What the model is told of the phone.
const PHONE_RULES: &str = "You are speaking on the phone. Everything you write is read aloud, so answer in one to three \
short sentences of spoken language, without lists, headings or emoji. Ask one question at a time. What the caller says \
was transcribed by a machine: it may be misheard or cut off, so ask if it makes no sense. Where an answer of yours ends \
with [the caller cut in], the caller heard it only up to there.";
/// What a model that may ask for digits is told besides.
const KEY_RULES: &str = "What the caller presses when you have asked for digits comes as [keys pressed: 123], once. Later \
[keys pressed] stands in its place.";
/// What it is told besides of a call that we make. There, "the caller" is the person all the same.
const OUTBOUND_RULES: &str = "You have called this person, who did not call you and has heard your greeting. With your first \
answer say who you are and why you call. If the person does not want to talk now, apologise and say goodbye.";

impl<P: CallPlatform> Inner<P> {
    /// The system prompt of a call. What an operator says of it comes last: it is the same in no two calls.
    pub(super) fn prompt(&self, assistant: &Assistant, talk: &Talk) -> String {
        let mut rules = vec![PHONE_RULES];
        rules.extend(assistant.voice.ask_digits.then_some(KEY_RULES));
        rules.extend(talk.is_outbound.then_some(OUTBOUND_RULES));
        let prompt = model_run::prompt(&self.platform, assistant, Medium::Call);
        let mut parts = vec![rules.join(" "), prompt];
        let context = talk.context.as_deref();
        parts.extend(context.map(|context| format!("About this call:\n{context}")));
        parts.join("\n\n")
    }
}
