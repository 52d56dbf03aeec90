//! The fixed texts in English.

use super::FixedText;

/// For a message with media that are neither images nor recordings.
pub const NOT_AN_IMAGE: &str =
    "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file.";
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
/// For images of a turn that are too large together.
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

#[allow(clippy::too_many_lines, reason = "a table of texts")]
pub(super) fn text(text: FixedText) -> &'static str {
    use FixedText as T;
    match text {
        T::TooLong => "That message is too long for me. Please keep it to {limit} characters.",
        T::NoText => "Please send text.",
        T::UnreadableFile => NOT_AN_IMAGE,
        T::ImageNotFetched => IMAGE_NOT_FETCHED,
        T::ImageTooLarge => IMAGE_TOO_LARGE,
        T::NoImages => NO_IMAGES,
        T::NoVoice => NO_VOICE,
        T::VoiceFormat => VOICE_FORMAT,
        T::VoiceTooLong => VOICE_TOO_LONG,
        T::VoiceSilent => VOICE_SILENT,
        T::VoiceNotFetched => VOICE_NOT_FETCHED,
        T::Heard => "I heard: \"{words}\"",
        T::SlowDown => {
            "That's more messages than I can take in. Please try again in {seconds} seconds."
        }
        T::SlowDownOneSecond => {
            "That's more messages than I can take in. Please try again in 1 second."
        }
        T::OptedOut => {
            "You will get no more messages from us. Reply START if you change your mind."
        }
        T::OptedIn => "You're opted in again. Reply STOP to opt out.",
        T::Help => {
            "This is an automated assistant. Reply RESET to start over, DELETE MY DATA to erase \
             what was said, STOP to get no more messages."
        }
        T::Erasing => "Your data is being erased. This can take a few minutes.",
        T::Erased => "Your data is erased.",
        T::Reset => RESET,
        T::Apology => APOLOGY,
        T::NoBudget => NO_BUDGET,
        T::NoMoreToday => NO_MORE_TODAY,
        T::TokenLimit => TOKEN_LIMIT,
        T::Filtered => FILTERED,
        T::HandedOver => {
            "A person will answer you here. Until then the assistant is silent. Reply ASSISTANT to talk to it again."
        }
        T::AssistantAgain => "You are talking to the automated assistant again.",
        T::HandOffNote => "A contact ({contact}) waits for a person.",
        T::IntakeMenu => "You can write STATUS, BACK, SKIP, START OVER or NEVER MIND at any time.",
        T::IntakeSoFar => "This is what I have so far:",
        T::IntakeEmpty => "I have nothing yet.",
        T::IntakeConfirm => "Please check this. Reply YES if it is right, or write what to change.",
        T::IntakeChange => "What should I change?",
        T::IntakeFirst => "This is the first question.",
        T::IntakeCancelled => {
            "Cancelled: your answers are deleted, and nothing was sent. Write START OVER to begin again."
        }
        T::IntakeStopHint => "Write STOP to get no more messages.",
        T::IntakeRestarted => "We begin again.",
        T::IntakeRequired => "{field}: this is needed, so it cannot be skipped.",
        T::IntakeUnread => "{field}: I could not read that.",
        T::IntakeTooLong => "{field}: that is too long for me.",
        T::IntakeEmail => "{field}: please give an e-mail address, such as ana@example.org.",
        T::IntakePhone => {
            "{field}: please give a phone number with its country code, such as +15550142."
        }
        T::IntakeUrl => "{field}: please give a web address, such as https://example.org.",
        T::IntakeDate => "{field}: please give a date, such as 2026-12-05.",
        T::IntakeChoice => "{field}: please choose one of those in the list.",
        T::IntakePart => "{field}: a part is missing.",
        T::IntakeDraft => "Here is the draft:",
        T::IntakeSaved => "Saved: we have your answers and the draft.",
        T::IntakePending => "I am handing it in now, and will write to you when it is saved.",
        T::IntakeNotSaved => {
            "Sorry, it could not be handed in, so nothing is saved. Write START OVER to try again."
        }
        T::CallGreeting => "Hello! How can I help you?",
        T::CallOutboundGreeting => "Hello! This is an automated assistant. Do you have a moment?",
        T::CallRecorded => "This call is recorded.",
        T::CallFoundAt => "you can find it on {place}",
        T::CallOneMoment => "One moment, please.",
        T::CallFailed => "Sorry, something went wrong. Please say that again.",
        T::CallGivenUp => "Sorry, I can't help you right now. Please call again later. Goodbye.",
        T::CallStillThere => "Are you still there?",
        T::CallGoodbye => "Thank you for calling. Goodbye.",
        T::CallTimeUp => "I'm sorry, this is all the time we have for one call. Goodbye.",
        T::CallNoCapacity => {
            "Sorry, we can't take more calls today. Please call again tomorrow. Goodbye."
        }
        T::CallTooOften => {
            "Sorry, you have called too often. Please call again in an hour. Goodbye."
        }
        T::CallNotAvailable => "Sorry, nobody answers calls here. Goodbye.",
        T::CallHandingOver => "I'm putting you through to a person. Please hold the line.",
        T::CallNobodyReached => "Sorry, nobody could be reached. Please call again later. Goodbye.",
    }
}
