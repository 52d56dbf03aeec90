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

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "SM0123456789abcdef0123456789abcdef";

    fn receipt(fields: &[(&str, &str)]) -> Result<DeliveryReceipt, FieldError> {
        DeliveryReceipt::from_form(&Form::from_pairs(fields))
    }

    #[test]
    fn a_receipt_is_read_from_every_sender_and_without_one() {
        for from in ["rcs:brand_x_agent", "BRAND", "68849", "+15550199"] {
            let fields = [
                ("MessageSid", SID),
                ("MessageStatus", "failed"),
                ("To", "+15550100"),
                ("From", from),
            ];
            let read = receipt(&fields).unwrap();
            assert_eq!(read.number.unwrap().as_str(), from);
            assert_eq!(read.progress, Some(Progress::Ended(DeliveryStatus::Failed)));
        }
        let read = receipt(&[
            ("SmsSid", SID),
            ("SmsStatus", "undelivered"),
            ("To", "rcs:+15550100"),
            ("ErrorCode", "30003"),
            ("ChannelToAddress", "+1555010XXXX"),
            ("ChannelPrefix", "rcs"),
        ])
        .unwrap();
        assert_eq!((read.number, read.code), (None, Some(30003)));
        assert_eq!(
            read.progress,
            Some(Progress::Ended(DeliveryStatus::Undelivered))
        );
    }

    #[test]
    fn a_status_that_is_not_the_end_is_no_more_than_sent() {
        for (status, progress) in [
            ("queued", None),
            ("sending", None),
            ("a-new-status", None),
            ("sent", Some(Progress::Sent)),
            ("read", Some(Progress::Sent)),
            ("READ", Some(Progress::Sent)),
        ] {
            let fields = [
                ("MessageSid", SID),
                ("MessageStatus", status),
                ("To", "+15550100"),
            ];
            assert_eq!(receipt(&fields).unwrap().progress, progress, "{status}");
        }
    }
}
