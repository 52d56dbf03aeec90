//! Messages: created, listed and read.

mod create;
mod list;
mod outbox;

pub use create::create;
pub use list::{list, read};
pub use outbox::Outbox;
