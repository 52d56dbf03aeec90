//! Who a message or a call is from and to: addresses, callers, Twilio's ids, and the pseudonyms that
//! stand for them.
//!
//! Not here: the code that uses them.

mod address;
mod caller;
mod pseudonym;
mod sid;
mod time_zones;

pub use address::{Address, Channel, Medium};
pub use caller::{Caller, CallerId};
pub use pseudonym::{CallHash, PhoneHash, Pseudonym, PseudonymKey, TokenId, WebhookId};
pub use sid::{
    AccountSid, CallSid, FlowSid, IntelligenceServiceSid, MessageSid, RecordingSid, ServiceSid,
    TranscriptSid,
};
pub use time_zones::time_zones;

/// A text is not an address, or not an id of this kind. The error does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub struct Malformed;
