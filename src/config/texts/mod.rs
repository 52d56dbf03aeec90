//! The fixed texts that a contact may read or hear, in each language, and the operator's own.
//!
//! A new text is an entry of the table below and a line in each language's file. Not here: when which
//! text is due (`messaging`, and `voice` above).

mod dutch;
pub mod english;
mod french;
mod german;
mod italian;
mod portuguese;
mod spanish;

use std::collections::BTreeMap;

use serde_json::Value;

use super::parsers::{self, Parsed};

/// The languages of the fixed texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `en`.
    English,
    /// `fr`.
    French,
    /// `es`.
    Spanish,
    /// `pt`.
    Portuguese,
    /// `de`.
    German,
    /// `it`.
    Italian,
    /// `nl`.
    Dutch,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 7] = [
        Self::English,
        Self::French,
        Self::Spanish,
        Self::Portuguese,
        Self::German,
        Self::Italian,
        Self::Dutch,
    ];

    /// Its code of ISO 639-1.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::German => "de",
            Self::Italian => "it",
            Self::Dutch => "nl",
        }
    }
}

/// Makes [`FixedText`] from the table: variant, name in `TEXTS`, and the numbers that its text may
/// have.
macro_rules! fixed_texts {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(with $placeholder:literal)?,)+) => {
        /// A fixed text.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FixedText {
            $($(#[$doc])* $variant,)+
        }

        impl FixedText {
            /// All texts.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in `TEXTS`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Whether there is a number in it.
            #[must_use]
            pub fn has_number(self) -> bool {
                self.placeholder().is_some()
            }

            /// What is replaced by a number in it.
            fn placeholder(self) -> Option<&'static str> {
                match self {
                    $($(Self::$variant => Some($placeholder),)?)+
                    _ => None,
                }
            }

            /// What is wrong with a name that is most like this one.
            fn unknown_name_like(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!(
                        "has a name that is not known, the nearest is ",
                        $name
                    ),)+
                }
            }
        }
    };
}

fixed_texts! {
    /// The message is longer than `{limit}` characters.
    TooLong = "too_long" with "{limit}",
    /// The message is empty.
    NoText = "no_text",
    /// The message has media that cannot be read.
    UnreadableFile = "unreadable_file",
    /// An image could not be fetched.
    ImageNotFetched = "image_not_fetched",
    /// The images of a turn are too large together.
    ImageTooLarge = "image_too_large",
    /// No endpoint's model takes images.
    NoImages = "no_images",
    /// The endpoint does not transcribe voice notes.
    NoVoice = "no_voice",
    /// A voice note has a format that cannot be read.
    VoiceFormat = "voice_format",
    /// A voice note is too long or too large, or says more than a message may have.
    VoiceTooLong = "voice_too_long",
    /// Nothing was said in a voice note.
    VoiceSilent = "voice_silent",
    /// A voice note could not be fetched.
    VoiceNotFetched = "voice_not_fetched",
    /// What was heard in a voice note, before the answer. With `REPEAT_TRANSCRIPT` only.
    Heard = "heard" with "{words}",
    /// There are too many messages. The next is received after `{seconds}` seconds.
    SlowDown = "slow_down" with "{seconds}",
    /// The same, after one second.
    SlowDownOneSecond = "slow_down_one_second",
    /// The contact has opted out.
    OptedOut = "opted_out",
    /// The contact has opted in again.
    OptedIn = "opted_in",
    /// The answer to HELP, if `HELP_TEXT` is not set.
    Help = "help",
    /// The contact's data is erased, except in KV, which has not deleted all of it yet.
    Erasing = "erasing",
    /// The contact's data is erased.
    Erased = "erased",
    /// The conversation is cleared.
    Reset = "reset",
    /// The model, the budget object or the model's answer failed.
    Apology = "apology",
    /// The day's budget is used up.
    NoBudget = "no_budget",
    /// The contact gets no more answers today.
    NoMoreToday = "no_more_today",
    /// The answer's tokens were used up before the first word.
    TokenLimit = "token_limit",
    /// A content filter withheld the answer.
    Filtered = "filtered",
    /// The contact is handed over to a person.
    HandedOver = "handed_over",
    /// The assistant answers again, because the contact has asked for it.
    AssistantAgain = "assistant_again",
    /// The note to the operator's number. `{contact}` is the contact's hash of the log.
    HandOffNote = "hand_off_note" with "{contact}",
    /// What a contact can write during an intake.
    IntakeMenu = "intake_menu",
    /// Before the fields that an intake has so far.
    IntakeSoFar = "intake_so_far",
    /// An intake has no field yet.
    IntakeEmpty = "intake_empty",
    /// Before the summary of an intake, which the contact confirms.
    IntakeConfirm = "intake_confirm",
    /// The contact does not confirm the summary of an intake.
    IntakeChange = "intake_change",
    /// There is no question before this one.
    IntakeFirst = "intake_first",
    /// An intake is cancelled.
    IntakeCancelled = "intake_cancelled",
    /// CANCEL has cancelled an intake, and is no opt-out there.
    IntakeStopHint = "intake_stop_hint",
    /// An intake begins again.
    IntakeRestarted = "intake_restarted",
    /// A field cannot be left out.
    IntakeRequired = "intake_required" with "{field}",
    /// A value is not of a form that can be read.
    IntakeUnread = "intake_unread" with "{field}",
    /// A value is too long.
    IntakeTooLong = "intake_too_long" with "{field}",
    /// A value is no e-mail address.
    IntakeEmail = "intake_email" with "{field}",
    /// A value is no phone number with its country code.
    IntakePhone = "intake_phone" with "{field}",
    /// A value is no web address.
    IntakeUrl = "intake_url" with "{field}",
    /// A value is no date.
    IntakeDate = "intake_date" with "{field}",
    /// A value is none of the choices.
    IntakeChoice = "intake_choice" with "{field}",
    /// An entry of a list lacks one of its parts.
    IntakePart = "intake_part" with "{field}",
    /// Before the draft.
    IntakeDraft = "intake_draft",
    /// The operator's service has taken an intake.
    IntakeSaved = "intake_saved",
    /// The operator's service has not taken an intake yet.
    IntakePending = "intake_pending",
    /// The operator's service has not taken an intake within a day.
    IntakeNotSaved = "intake_not_saved",
    /// A call begins.
    CallGreeting = "call_greeting",
    /// Somebody is called, and has answered.
    CallOutboundGreeting = "call_outbound_greeting",
    /// A call is recorded. It is said before the greeting.
    CallRecorded = "call_recorded",
    /// A URL that is said in a sentence. `{place}` is its host.
    CallFoundAt = "call_found_at" with "{place}",
    /// The answer takes longer.
    CallOneMoment = "call_one_moment",
    /// The answer failed. The caller is heard again.
    CallFailed = "call_failed",
    /// Two answers in a row failed. The call ends.
    CallGivenUp = "call_given_up",
    /// The caller is silent.
    CallStillThere = "call_still_there",
    /// The call ends.
    CallGoodbye = "call_goodbye",
    /// The longest call is over.
    CallTimeUp = "call_time_up",
    /// The day's minutes are used up.
    CallNoCapacity = "call_no_capacity",
    /// The caller has called too often.
    CallTooOften = "call_too_often",
    /// Calls are not answered.
    CallNotAvailable = "call_not_available",
    /// The caller is put through to a person.
    CallHandingOver = "call_handing_over",
    /// The person did not answer.
    CallNobodyReached = "call_nobody_reached",
}

impl FixedText {
    /// Whether it is spoken in a call, and never written.
    #[must_use]
    pub fn is_spoken(self) -> bool {
        self.name().starts_with("call_")
    }

    /// This text of it with `value` in the place of its placeholder.
    #[must_use]
    pub fn filled(self, text: &str, value: &impl ToString) -> String {
        match self.placeholder() {
            Some(placeholder) => text.replace(placeholder, &value.to_string()),
            None => text.to_owned(),
        }
    }

    /// The text in a language.
    #[must_use]
    pub fn in_language(self, language: Language) -> &'static str {
        match language {
            Language::English => english::text(self),
            Language::French => french::text(self),
            Language::Spanish => spanish::text(self),
            Language::Portuguese => portuguese::text(self),
            Language::German => german::text(self),
            Language::Italian => italian::text(self),
            Language::Dutch => dutch::text(self),
        }
    }
}

/// The operator's own texts.
pub type Overrides = BTreeMap<FixedText, String>;

/// A language by its code.
pub(super) fn language(text: &str) -> Parsed<Language> {
    Language::ALL
        .into_iter()
        .find(|language| language.code() == text)
        .ok_or("must be en, fr, es, pt, de, it or nl")
}

/// The value of `TEXTS`: a JSON object of names and texts.
pub(super) fn overrides(text: &str) -> Parsed<Overrides> {
    let Ok(Value::Object(given)) = serde_json::from_str(text) else {
        return Err("must be a JSON object of names and texts");
    };
    given
        .iter()
        .map(|(name, value)| own_text(name, value.as_str()))
        .collect()
}

/// A text of the operator's own, by its name.
pub(super) fn own_text(name: &str, value: Option<&str>) -> Parsed<(FixedText, String)> {
    let known = FixedText::ALL.iter().find(|text| text.name() == name);
    let Some(text) = known.copied() else {
        return Err(nearest(name).unknown_name_like());
    };
    let own = value.filter(|own| !own.trim().is_empty());
    let Some(own) = own.filter(|own| own.encode_utf16().count() <= 1600) else {
        return Err("must have texts of 1 to 1600 characters");
    };
    if placeholders(own).any(|found| text.placeholder() != Some(found)) {
        return Err(
            "has braces in a text: only too_long has {limit}, only slow_down has {seconds}, only heard has {words}, only hand_off_note has {contact}, only call_found_at has {place}, and only intake_… texts have {field}",
        );
    }
    Ok((text, own.to_owned()))
}

/// The text whose name is most like `name`.
fn nearest(name: &str) -> FixedText {
    let nearest = parsers::nearest(name, FixedText::ALL, |text| text.name());
    nearest.copied().unwrap_or(FixedText::Apology)
}

/// The words in braces, with the braces.
fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices('{').map(|(at, _)| {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest
            .find('}')
            .map_or(rest.len(), |end| end.saturating_add(1));
        rest.get(..end).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests;
