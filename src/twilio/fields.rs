//! The fields of a webhook: each is required or optional, has a type, and comes at most once.
//!
//! Not here: decoding the form (`form`).

use std::str::FromStr;

use super::form::Form;
use crate::{event::FieldProblem, identity::MessageSid};

/// A field of a webhook that is missing, malformed or repeated. The error names the field, but does
/// not show its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {problem}")]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// The problem.
    pub problem: FieldProblem,
}

/// Every field of a webhook that is read, except those of [`NUMBERED`], and `MessageType`: it is only a
/// hint, see [`is_of_type`].
pub(crate) const READ: [&str; 46] = [
    "MessageSid",
    "SmsSid",
    "SmsMessageSid",
    "From",
    "To",
    "ExternalUserId",
    "WaId",
    "AccountSid",
    "MessagingServiceSid",
    "Body",
    "OptOutType",
    "NumMedia",
    "ButtonText",
    "ButtonPayload",
    "ListTitle",
    "ListId",
    "ListDescription",
    "InteractiveData",
    "FlowData",
    "ReferralHeadline",
    "ReferralBody",
    "OriginalRepliedMessageSid",
    "Latitude",
    "Longitude",
    "Label",
    "Address",
    "MessageStatus",
    "SmsStatus",
    "ErrorCode",
    "CallSid",
    "CallStatus",
    "Direction",
    "SessionId",
    "SessionStatus",
    "SessionDuration",
    "HandoffData",
    "SequenceNumber",
    "CallDuration",
    "DialCallStatus",
    "SpeechResult",
    "Digits",
    "RecordingSid",
    "RecordingStatus",
    "Level",
    "Sid",
    "Payload",
];

/// The field that names each other member of a group, followed by a number. Only a group message
/// has it.
const GROUP: &str = "OtherRecipients";

/// Fields whose name is followed by a number.
pub(crate) const NUMBERED: [&str; 3] = ["MediaUrl", "MediaContentType", GROUP];

/// Rejects a repeated field among those that are read. We might read another of its values than
/// Twilio meant.
///
/// # Errors
/// The first such field.
pub fn reject_repeated(form: &Form) -> Result<(), FieldError> {
    let read_as = |name: &str| {
        let numbered = NUMBERED.into_iter().find(|field| is_numbered(name, field));
        READ.into_iter().find(|field| *field == name).or(numbered)
    };
    let repeated = form.pairs().enumerate().find_map(|(index, (name, _))| {
        let field = read_as(name)?;
        form.pairs()
            .take(index)
            .any(|(other, _)| other == name)
            .then_some(field)
    });
    repeated.map_or(Ok(()), |field| {
        Err(FieldError {
            field,
            problem: FieldProblem::Repeated,
        })
    })
}

/// Twilio's id of the message. `SmsSid` and `SmsMessageSid` are its older names, with the same
/// value. Source: Twilio, "Twilio's request to your incoming message webhook URL".
///
/// # Errors
/// When it is missing or malformed.
pub fn message_sid(form: &Form) -> Result<MessageSid, FieldError> {
    const NAMES: [&str; 3] = ["MessageSid", "SmsSid", "SmsMessageSid"];
    let [newest, ..] = NAMES;
    for name in NAMES {
        if let Some(sid) = optional(form, name)? {
            return Ok(sid);
        }
    }
    required(form, newest)
}

/// Whether the message went to a group (a group MMS): Twilio then names the other members.
#[must_use]
pub fn is_group_message(form: &Form) -> bool {
    form.pairs()
        .any(|(name, value)| is_numbered(name, GROUP) && !value.is_empty())
}

/// Whether Twilio says that a message is of this type, such as `location`.
#[must_use]
pub fn is_of_type(form: &Form, kind: &str) -> bool {
    let mut types = form.pairs().filter(|(name, _)| *name == "MessageType");
    types.any(|(_, value)| value.eq_ignore_ascii_case(kind))
}

/// The value of a field.
///
/// # Errors
/// When it is missing or malformed.
pub fn required<T: FromStr>(form: &Form, field: &'static str) -> Result<T, FieldError> {
    optional(form, field)?.ok_or(FieldError {
        field,
        problem: FieldProblem::Missing,
    })
}

/// The value of a field, unless it is missing or blank.
///
/// # Errors
/// When it is malformed.
pub fn optional<T: FromStr>(form: &Form, field: &'static str) -> Result<Option<T>, FieldError> {
    match form.get(field) {
        None | Some("") => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|_| FieldError {
            field,
            problem: FieldProblem::Malformed,
        }),
    }
}

fn is_numbered(name: &str, field: &str) -> bool {
    name.strip_prefix(field)
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
