//! The phones of the page: the messages that they send, and the faults that are switched on for
//! them.

pub mod call_faults;
pub mod new_message;
pub mod outgoing;
pub mod switches;
