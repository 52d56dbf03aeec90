//! Canned replies: the fixed sentences that a contact may read.
//!
//! Not here: the model's answers, and deciding which reply is due (`messaging::state`).

use serde::{Deserialize, Serialize};

/// An answer that needs no model. The thread stores only its kind, without a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CannedReply {
    /// The message is longer than this many characters.
    TooLong(usize),
    /// The message is empty.
    NoText,
    /// The message has media that cannot be read.
    Media,
    /// There are too many messages. The next is received after this many seconds.
    SlowDown(u64),
    /// The contact has opted out.
    OptedOut,
    /// The contact has opted in again.
    OptedIn,
    /// The contact gets no more answers today.
    NoMoreToday,
    /// The help text, in the operator's words.
    Help,
    /// The contact's data is erased, except in KV, which has not deleted all of it yet.
    Erasing,
    /// The contact's data is erased.
    Erased,
}

impl CannedReply {
    /// The sentence. `help` is `HELP_TEXT`.
    #[must_use]
    pub fn text(self, help: &str) -> String {
        match self {
            Self::TooLong(limit) => {
                format!("That message is too long for me. Please keep it to {limit} characters.")
            }
            Self::NoText => "Please send text.".to_owned(),
            Self::Media => NOT_AN_IMAGE.to_owned(),
            Self::SlowDown(1) => {
                "That's more messages than I can take in. Please try again in 1 second.".to_owned()
            }
            Self::SlowDown(seconds) => {
                format!(
                    "That's more messages than I can take in. Please try again in {seconds} seconds."
                )
            }
            Self::OptedOut => {
                "You will get no more messages from us. Reply START if you change your mind."
                    .to_owned()
            }
            Self::OptedIn => "You're opted in again. Reply STOP to opt out.".to_owned(),
            Self::NoMoreToday => NO_MORE_TODAY.to_owned(),
            Self::Help => help.to_owned(),
            Self::Erasing => "Your data is being erased. This can take a few minutes.".to_owned(),
            Self::Erased => "Your data is erased.".to_owned(),
        }
    }
}

/// For a message with media that are neither images nor recordings.
pub const NOT_AN_IMAGE: &str = "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, \
    but no other kind of file.";
/// For a voice note where the endpoint does not transcribe.
pub const NO_VOICE: &str = "I can't listen to voice notes here. Please write to me.";
/// For a voice note of a format that cannot be read.
pub const VOICE_FORMAT: &str =
    "Sorry, I can't listen to this kind of recording. Please write to me.";
/// For a voice note that is too long or too large, or says more than a message may have.
pub const VOICE_TOO_LONG: &str =
    "Sorry, that voice note is too long for me. Please keep it under 5 minutes.";
/// For a voice note in which nothing was said.
pub const VOICE_SILENT: &str =
    "Sorry, I couldn't hear any words in your voice note. Please write to me.";
/// For a voice note that could not be fetched.
pub const VOICE_NOT_FETCHED: &str = "Sorry, I couldn't open your voice note. Please send it again.";
/// For an image that could not be fetched.
pub const IMAGE_NOT_FETCHED: &str = "Sorry, I couldn't open your picture. Please send it again.";
/// For images of a turn that together are larger than [`crate::twilio::media::MAX_BYTES`].
pub const IMAGE_TOO_LARGE: &str =
    "Sorry, that is too large for me. Please send pictures of at most 5 MB in all.";
/// For images where no endpoint's model takes any.
pub const NO_IMAGES: &str = "Sorry, I can't look at pictures here. Please write to me.";
/// For a reset.
pub const RESET: &str = "Done: our conversation is cleared. What would you like to talk about?";
/// For a failure: of the model, of the budget object, or of the model's answer.
pub const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";
/// For a day whose budget is used up.
pub const NO_BUDGET: &str = "Sorry, I can't take more questions today. Please try again tomorrow.";
/// For a day on which the contact's share is used up, or on which no message can be sent by REST.
pub const NO_MORE_TODAY: &str =
    "Sorry, that's all I can answer today. Please write again tomorrow.";
/// For an answer whose tokens were used up before the first word. Sending the same message again
/// would not help.
pub const TOKEN_LIMIT: &str =
    "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
/// For an answer that a content filter withheld.
pub const FILTERED: &str = "Sorry, I can't help with that.";

/// The texts without numbers. A reaction to one of them is a reaction to an answer.
#[must_use]
pub fn fixed_texts(help: &str) -> Vec<String> {
    let constants = [
        NOT_AN_IMAGE,
        NO_VOICE,
        VOICE_FORMAT,
        VOICE_TOO_LONG,
        VOICE_SILENT,
        VOICE_NOT_FETCHED,
        IMAGE_NOT_FETCHED,
        IMAGE_TOO_LARGE,
        RESET,
        APOLOGY,
        NO_BUDGET,
        NO_MORE_TODAY,
        TOKEN_LIMIT,
        FILTERED,
    ];
    let kinds = [
        CannedReply::NoText,
        CannedReply::OptedOut,
        CannedReply::OptedIn,
        CannedReply::Help,
        CannedReply::Erasing,
        CannedReply::Erased,
    ];
    let constants = constants.into_iter().map(str::to_owned);
    let kinds = kinds.into_iter().map(|kind| kind.text(help));
    constants.chain(kinds).collect()
}
