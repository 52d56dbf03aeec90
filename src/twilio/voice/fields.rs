//! The webhooks of a call: it comes in, its relay has ended, a person was dialled, it has another
//! status.
//!
//! A call that has begun must come to its end. So only the id of the call can be wrong: whatever else
//! is not understood is left out. Sources: Twilio, "TwiML for Programmable Voice" (request
//! parameters), "`<ConversationRelay>`" (action), "`<Dial>`" (action), and recorded calls. Not here:
//! what follows from them (`voice` above).

use std::{str::FromStr, time::Duration};

use super::{CallStatus, Direction, relay::SessionId};
use crate::{
    identity::{AccountSid, Address, CallSid, Caller, RecordingSid},
    twilio::{
        fields::{FieldError, reject_repeated, required},
        form::Form,
    },
};

/// A call comes in, or somebody has answered one of ours: it waits for TwiML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingCall {
    /// Twilio's id of the call.
    pub call: CallSid,
    /// The account that owns the number.
    pub account: Option<AccountSid>,
    /// The person at the other end: who calls, or whom we have called.
    pub person: Caller,
    /// Our number. A call to a SIP address or to an app has none.
    pub number: Option<Address>,
    /// Who began the call.
    pub direction: Direction,
}

/// A relay has ended, and its call waits for more TwiML, unless it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayEnded {
    /// Twilio's id of the call.
    pub call: CallSid,
    /// The relay's session.
    pub session: Option<SessionId>,
    /// Why it has ended.
    pub session_status: SessionStatus,
    /// How far the call has come. The caller may have hung up.
    pub call_status: CallStatus,
    /// Twilio's code, if the relay failed.
    pub error_code: Option<u32>,
    /// What we said when we ended the session, as we wrote it.
    pub hand_off_data: Option<String>,
    /// How long the session lasted.
    pub duration: Option<Duration>,
}

/// Why a relay has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    /// The caller hung up.
    Completed,
    /// We ended it.
    Ended,
    /// It failed: the socket died, or could not be opened.
    Failed,
    /// A status that Twilio has added since, or none.
    Other,
}

/// A call has another status. Webhooks with statuses overtake each other: the sequence orders them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStatusUpdate {
    /// Twilio's id of the call.
    pub call: CallSid,
    /// How far it has come.
    pub status: CallStatus,
    /// The number of the status in the call, from 0.
    pub sequence: Option<u32>,
    /// How long the call lasted, if it is over.
    pub duration: Option<Duration>,
}

/// The dialling of a person has ended, and the call waits for more TwiML, unless it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialEnded {
    /// Twilio's id of the caller's call.
    pub call: CallSid,
    /// How far the caller's call has come. The caller may have hung up.
    pub call_status: CallStatus,
    /// How far the dialling came.
    pub dialled: CallStatus,
}

/// A recording has another status. Source: Twilio, "Recording status callback".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingUpdate {
    /// Twilio's id of the recording.
    pub recording: RecordingSid,
    /// How far it is.
    pub status: RecordingStatus,
}

/// How far a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingStatus {
    /// It can be had.
    Completed,
    /// There is none, and there will be none.
    Absent,
    /// Twilio failed to record.
    Failed,
    /// It goes on, or a word that is not known yet.
    Other,
}

impl IncomingCall {
    /// Reads a webhook's fields.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the call.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let direction = Direction::read(form.get("Direction").unwrap_or_default());
        let (person, number) = match direction {
            Direction::Inbound => ("From", "To"),
            Direction::Outbound => ("To", "From"),
        };
        Ok(Self {
            call: required(form, "CallSid")?,
            account: lenient(form, "AccountSid"),
            person: Caller::read(form.get(person).unwrap_or_default()),
            number: lenient(form, number),
            direction,
        })
    }
}

impl RelayEnded {
    /// Reads the fields of the action of `<Connect>`.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the call.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let hand_off_data = form.get("HandoffData").filter(|data| !data.is_empty());
        Ok(Self {
            call: required(form, "CallSid")?,
            session: form.get("SessionId").and_then(SessionId::read),
            session_status: SessionStatus::read(form.get("SessionStatus").unwrap_or_default()),
            call_status: call_status(form, "CallStatus"),
            error_code: lenient(form, "ErrorCode"),
            hand_off_data: hand_off_data.map(ToOwned::to_owned),
            duration: seconds(form, "SessionDuration"),
        })
    }
}

impl SessionStatus {
    fn read(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "completed" => Self::Completed,
            "ended" => Self::Ended,
            "failed" => Self::Failed,
            _ => Self::Other,
        }
    }
}

impl CallStatusUpdate {
    /// Reads the fields of a status callback.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the call.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        Ok(Self {
            call: required(form, "CallSid")?,
            status: call_status(form, "CallStatus"),
            sequence: lenient(form, "SequenceNumber"),
            duration: seconds(form, "CallDuration"),
        })
    }
}

impl RecordingUpdate {
    /// Reads the fields of a recording's status callback.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the recording.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let status = form.get("RecordingStatus").unwrap_or_default();
        Ok(Self {
            recording: required(form, "RecordingSid")?,
            status: match status.to_ascii_lowercase().as_str() {
                "completed" => RecordingStatus::Completed,
                "absent" => RecordingStatus::Absent,
                "failed" => RecordingStatus::Failed,
                _ => RecordingStatus::Other,
            },
        })
    }
}

impl DialEnded {
    /// Reads the fields of the action of `<Dial>`.
    ///
    /// # Errors
    /// A field that is repeated, or no id of the call.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        Ok(Self {
            call: required(form, "CallSid")?,
            call_status: call_status(form, "CallStatus"),
            dialled: call_status(form, "DialCallStatus"),
        })
    }

    /// Whether somebody answered.
    #[must_use]
    pub fn was_answered(&self) -> bool {
        matches!(self.dialled, CallStatus::Completed | CallStatus::InProgress)
    }
}

fn call_status(form: &Form, field: &str) -> CallStatus {
    CallStatus::read(form.get(field).unwrap_or_default())
}

fn seconds(form: &Form, field: &str) -> Option<Duration> {
    lenient(form, field).map(Duration::from_secs)
}

/// The value of a field, unless it is missing or not understood.
fn lenient<T: FromStr>(form: &Form, field: &str) -> Option<T> {
    form.get(field)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FieldProblem;

    const CALL: (&str, &str) = ("CallSid", "CA0123456789abcdef0123456789abcdef");

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::from_pairs(&[&[CALL], fields].concat())
    }

    #[test]
    fn an_incoming_call_is_read_from_the_fields_that_twilio_sends() {
        let call = IncomingCall::from_form(&form(&[
            ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
            ("From", "+15550100"),
            ("Caller", "+15550100"),
            ("To", "+15550199"),
            ("Called", "+15550199"),
            ("Direction", "inbound"),
            ("CallStatus", "ringing"),
            ("FromCity", ""),
        ]))
        .unwrap();
        assert_eq!(call.call.as_str(), CALL.1);
        assert_eq!(call.person, Caller::read("+15550100"));
        assert_eq!(call.number.unwrap().as_str(), "+15550199");
        assert_eq!(call.direction, Direction::Inbound);
        assert!(call.account.is_some());
    }

    #[test]
    fn in_a_call_of_ours_the_person_is_the_one_who_was_called() {
        let call = IncomingCall::from_form(&form(&[
            ("From", "+15550199"),
            ("To", "+15550100"),
            ("Direction", "outbound-api"),
        ]))
        .unwrap();
        assert_eq!(call.person, Caller::read("+15550100"));
        assert_eq!(call.number.unwrap().as_str(), "+15550199");
        assert_eq!(call.direction, Direction::Outbound);
    }

    #[test]
    fn a_call_of_a_withheld_number_to_an_app_is_still_a_call() {
        for from in ["", "Anonymous", "+266696687"] {
            let fields = [
                ("From", from),
                ("To", "client:front-desk"),
                ("AccountSid", "odd"),
            ];
            let call = IncomingCall::from_form(&form(&fields)).unwrap();
            assert_eq!(call.person, Caller::Withheld, "{from}");
            assert_eq!((call.number, call.account), (None, None));
        }
        assert!(IncomingCall::from_form(&form(&[])).is_ok());
    }

    /// As recorded: the caller hung up, we ended the session, our socket died.
    #[test]
    fn a_relays_end_says_why() {
        let read = |fields: &[(&str, &str)]| RelayEnded::from_form(&form(fields)).unwrap();
        let hung_up = read(&[
            ("SessionId", "VX0123456789abcdef0123456789abcdef"),
            ("SessionStatus", "completed"),
            ("SessionDuration", "21"),
            ("CallStatus", "completed"),
        ]);
        assert_eq!(hung_up.session_status, SessionStatus::Completed);
        assert!(hung_up.call_status.is_final());
        assert_eq!(hung_up.duration, Some(Duration::from_secs(21)));
        let ended = read(&[
            ("SessionStatus", "ended"),
            ("HandoffData", "{\"reason\":\"asked\"}"),
            ("CallStatus", "in-progress"),
        ]);
        assert_eq!(ended.session_status, SessionStatus::Ended);
        assert!(!ended.call_status.is_final());
        let data = ended.hand_off_data.as_deref();
        assert_eq!(data, Some("{\"reason\":\"asked\"}"));
        let died = read(&[
            ("SessionStatus", "failed"),
            ("ErrorCode", "64105"),
            ("ErrorMessage", "Websocket ended"),
            ("HandoffData", ""),
        ]);
        assert_eq!(died.session_status, SessionStatus::Failed);
        assert_eq!((died.error_code, died.hand_off_data), (Some(64105), None));
    }

    #[test]
    fn what_is_not_understood_does_not_keep_a_call_from_its_end() {
        let ended = RelayEnded::from_form(&form(&[
            ("SessionStatus", "a-new-status"),
            ("SessionDuration", "1.5"),
            ("ErrorCode", "none"),
            ("SessionId", ""),
        ]))
        .unwrap();
        assert_eq!(ended.session_status, SessionStatus::Other);
        assert_eq!((ended.duration, ended.error_code), (None, None));
        assert_eq!(ended.session, None);
    }

    #[test]
    fn a_status_callback_has_its_place_in_the_order() {
        let update = CallStatusUpdate::from_form(&form(&[
            ("CallStatus", "completed"),
            ("SequenceNumber", "3"),
            ("CallDuration", "42"),
            ("Duration", "1"),
        ]))
        .unwrap();
        assert_eq!(update.status, CallStatus::Completed);
        assert_eq!(update.sequence, Some(3));
        assert_eq!(update.duration, Some(Duration::from_secs(42)));
    }

    #[test]
    fn a_person_who_was_dialled_has_answered_or_not() {
        for (status, answered) in [
            ("completed", true),
            ("answered", true),
            ("busy", false),
            ("no-answer", false),
            ("failed", false),
            ("canceled", false),
            ("", false),
        ] {
            let fields = [("DialCallStatus", status), ("CallStatus", "in-progress")];
            let ended = DialEnded::from_form(&form(&fields)).unwrap();
            assert_eq!(ended.was_answered(), answered, "{status}");
            assert_eq!(ended.call_status, CallStatus::InProgress);
        }
    }

    #[test]
    fn without_the_id_of_the_call_or_with_two_nothing_is_read() {
        let problem = |form: &Form| {
            let problems = [
                IncomingCall::from_form(form).map(drop),
                RelayEnded::from_form(form).map(drop),
                CallStatusUpdate::from_form(form).map(drop),
                DialEnded::from_form(form).map(drop),
            ];
            problems.map(|result| result.unwrap_err().problem)
        };
        let missing = Form::from_pairs(&[("From", "+15550100")]);
        assert_eq!(problem(&missing), [FieldProblem::Missing; 4]);
        let malformed = Form::from_pairs(&[("CallSid", "CA12")]);
        assert_eq!(problem(&malformed), [FieldProblem::Malformed; 4]);
        assert_eq!(problem(&form(&[CALL])), [FieldProblem::Repeated; 4]);
        for field in ["From", "SessionStatus", "DialCallStatus", "CallStatus"] {
            let twice = form(&[(field, "a"), (field, "b")]);
            assert_eq!(problem(&twice), [FieldProblem::Repeated; 4], "{field}");
        }
    }
}
