//! The calls of the REST API: one is created, listed and read, and one in progress is ended or given
//! other TwiML.
//!
//! Not here: what happens in a call (`voice/`). It is stricter than Twilio in one point: an unknown
//! parameter is rejected, so that a typing error is noticed.

mod create;
mod list;
mod parameters;
mod store;
mod update;

pub use self::create::create;
pub use self::list::{list, read};
pub use self::store::{CallList, Direction, MadeCall, Order, Progress, Status};
pub use self::update::update;
