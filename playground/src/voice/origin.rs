//! Who began a call.

use crate::twilio::calls::MadeCall;
use crate::twilio::numbers::Callee;

/// Who began a call.
#[derive(Clone)]
pub enum Origin {
    /// A phone of the page.
    Phone,
    /// The REST API.
    Made(MadeCall),
    /// The other leg: it calls this number of the account.
    Leg(Callee),
}
