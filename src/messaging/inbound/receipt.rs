//! A delivery receipt: what Twilio reports about a message that was sent by REST.
//!
//! Not here: its effect on the thread (`messaging::state`).

use crate::{
    conversation::outbox::Progress,
    event::{DeliveryStatus, FieldProblem},
    identity::{Address, MessageSid},
    twilio::{
        fields::{FieldError, optional, reject_repeated, required},
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
    /// The number that it was sent from.
    pub number: Address,
    /// How far the message has come. `None` as long as Twilio has not passed it on.
    pub progress: Option<Progress>,
    /// Twilio's error code, if the message did not arrive.
    pub code: Option<u32>,
}

impl DeliveryReceipt {
    /// Reads a status callback's fields.
    ///
    /// # Errors
    /// A field that is repeated, or the first that is missing or malformed.
    pub fn from_form(form: &Form) -> Result<Self, FieldError> {
        reject_repeated(form)?;
        let status: Option<String> = optional(form, "MessageStatus")?;
        Ok(Self {
            sid: required(form, "MessageSid")?,
            contact: required(form, "To")?,
            number: required(form, "From")?,
            progress: match status.as_deref() {
                None => {
                    return Err(FieldError {
                        field: "MessageStatus",
                        problem: FieldProblem::Missing,
                    });
                }
                Some("sent" | "read") => Some(Progress::Sent),
                Some("delivered") => Some(Progress::Ended(DeliveryStatus::Delivered)),
                Some("undelivered") => Some(Progress::Ended(DeliveryStatus::Undelivered)),
                Some("failed") => Some(Progress::Ended(DeliveryStatus::Failed)),
                Some(_) => None,
            },
            code: optional(form, "ErrorCode")?,
        })
    }
}
