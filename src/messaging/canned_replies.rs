//! Every fixed sentence that a sender may read. Not here: what the model says.

use serde::{Deserialize, Serialize};

/// An answer that needs no model. It is stored by kind, without a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CannedReply {
    /// The message is longer than this many characters.
    TooLong(usize),
    /// There is nothing to read.
    NoText,
    /// Among the media is one that is not read.
    Media,
    /// Too many messages; the next is taken in after this many seconds.
    SlowDown(u64),
    /// The sender has opted out.
    OptedOut,
    /// The sender has opted in again.
    OptedIn,
    /// No more answers today.
    NoMoreToday,
    /// What this is, in the operator's words.
    Help,
    /// Nothing is left of what was said, but in KV, which has not deleted all of it yet.
    Erasing,
    /// Nothing is left of what was said.
    Erased,
}

impl CannedReply {
    /// The sentence. `help` is `HELP_TEXT`.
    #[must_use]
    pub fn text(self, help: &str) -> String {
        match self {
            Self::TooLong(limit) => format!("That message is too long for me. Please keep it to {limit} characters."),
            Self::NoText => "Please send text.".to_owned(),
            Self::Media => NOT_AN_IMAGE.to_owned(),
            Self::SlowDown(1) => "That's more messages than I can take in. Please try again in 1 second.".to_owned(),
            Self::SlowDown(seconds) => {
                format!("That's more messages than I can take in. Please try again in {seconds} seconds.")
            }
            Self::OptedOut => "You will get no more messages from us. Reply START if you change your mind.".to_owned(),
            Self::OptedIn => "Your messages are answered here. Reply STOP to end that.".to_owned(),
            Self::NoMoreToday => NO_MORE_TODAY.to_owned(),
            Self::Help => help.to_owned(),
            Self::Erasing => "Your data is being erased: I remember nothing of it, and soon nothing of it is stored.".to_owned(),
            Self::Erased => "Done: your data is erased. Nothing of what was said is kept.".to_owned(),
        }
    }
}

/// When something was sent that is neither a text nor a picture.
pub const NOT_AN_IMAGE: &str =
    "I can read text and pictures (JPEG, PNG, GIF or WebP), but no other kind of file.";
/// When a picture could not be fetched.
pub const IMAGE_NOT_FETCHED: &str = "Sorry, I couldn't open your picture. Please send it again.";
/// When the pictures of a turn are larger than [`crate::twilio::media::MAX_BYTES`].
pub const IMAGE_TOO_LARGE: &str =
    "Sorry, that is too large for me. Please send pictures of at most 5 MB in all.";
/// After a reset.
pub const RESET: &str = "Done: our conversation is cleared. What would you like to talk about?";
/// When the model could not be asked, the budget object not reached, or the model gave nothing to pass on.
pub const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";
/// When the day's budget is used up.
pub const NO_BUDGET: &str = "Sorry, I can't take more questions today. Please try again tomorrow.";
/// When the sender's own share of the day is used up, or no message can be sent by REST today.
pub const NO_MORE_TODAY: &str =
    "Sorry, that's all I can answer today. Please write again tomorrow.";
/// When the model used up its tokens before the first word. To send the same again would end the same.
pub const TOKEN_LIMIT: &str =
    "Sorry, that was too much for one answer. Please ask something shorter or simpler.";
/// When a content filter withheld the answer.
pub const FILTERED: &str = "Sorry, I can't help with that.";
