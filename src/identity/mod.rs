//! Who a message is from and to: addresses, Twilio's ids, and the pseudonyms that stand for them.
//!
//! Not here: the code that uses them.

mod address;
mod pseudonym;
mod sid;

pub use address::{Address, Channel};
pub use pseudonym::{PhoneHash, Pseudonym, PseudonymKey, TokenId, WebhookId};
pub use sid::{AccountSid, FlowSid, MessageSid, ServiceSid};

/// A text is not an address, or not an id of this kind. The error does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed")]
pub struct Malformed;
