//! What the model is told in a call: the rules of the phone, and then the assistant's own prompt.

use super::{CallPlatform, Inner};
use crate::{config::Assistant, conversation::model_run, identity::Medium};

/// What the model is told of the phone, after the assistant's own prompt.
const PHONE_RULES: &str = "You are speaking on the phone. Everything you write is read aloud, so answer in one to three \
short sentences of spoken language, without lists, headings or emoji. Ask one question at a time. What the caller says \
was transcribed by a machine: it may be misheard or cut off, so ask if it makes no sense. Where an answer of yours ends \
with [the caller cut in], the caller heard it only up to there.";
/// What a model that may ask for digits is told besides.
const KEY_RULES: &str = "What the caller presses when you have asked for digits comes as [keys pressed: 123], once. Later \
[keys pressed] stands in its place.";

impl<P: CallPlatform> Inner<P> {
    pub(super) fn prompt(&self, assistant: &Assistant) -> String {
        let prompt = model_run::prompt(&self.platform, assistant, Medium::Call);
        if assistant.voice.ask_digits {
            format!("{PHONE_RULES} {KEY_RULES}\n\n{prompt}")
        } else {
            format!("{PHONE_RULES}\n\n{prompt}")
        }
    }
}
