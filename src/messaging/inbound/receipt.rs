//! A delivery receipt: what Twilio reports about a message that was sent by REST.
//!
//! Not here: its effect on the thread (`messaging::state`).

use super::ContactAddresses;
use crate::{
    conversation::outbox::Progress,
    event::{DeliveryStatus, FieldProblem},
    identity::{Address, MessageSid},
    twilio::{
        fields::{FieldError, message_sid, optional, reject_repeated, required},
        form::Form,
    },
};

/// A delivery receipt, from Twilio's status callback. Source: Twilio, "Track outbound message
/// status".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// The message.
    pub sid: MessageSid,
    /// The contact that it was sent to.
    pub contact: Address,
    /// The address that names the contact's thread.
    pub primary: Address,
    /// The number that it was sent from. A message that failed before Twilio chose a sender has
    /// none.
    pub number: Option<Address>,
    /// How far the message has come. `None` as long as Twilio has not passed it on.
    pub progress: Option<Progress>,
    /// Twilio's error code, if the message did not arrive.
    pub code: Option<u32>,
}

impl DeliveryReceipt {
    /// Reads a status callback's fields. `SmsStatus` is the older name of `MessageStatus`.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let contact = required(form, "To")?;
        Ok(Self {
            sid: message_sid(form)?,
            primary: ContactAddresses::read(form, &contact).primary,
            contact,
            number: optional(form, "From")?,
            progress: progress(form)?,
            code: optional(form, "ErrorCode")?,
        })
    }
}

fn progress(form: &Form) -> Result<Option<Progress>, FieldError> {
    let status: String = match optional(form, "MessageStatus")? {
        Some(status) => status,
        None => optional(form, "SmsStatus")?.ok_or(FieldError {
            field: "MessageStatus",
            problem: FieldProblem::Missing,
        })?,
    };
    Ok(match status.to_ascii_lowercase().as_str() {
        "sent" | "read" => Some(Progress::Sent),
        "delivered" => Some(Progress::Ended(DeliveryStatus::Delivered)),
        "undelivered" => Some(Progress::Ended(DeliveryStatus::Undelivered)),
        "failed" => Some(Progress::Ended(DeliveryStatus::Failed)),
        _ => None,
    })
}
