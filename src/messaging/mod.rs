//! One text thread between a contact and a number: messages in, turns, answers out.
//!
//! Not here: the webhooks (`http`), and the parts that voice shares with text (`conversation`).

pub mod api;
pub mod canned_replies;
pub mod inbound;
pub mod intake;
pub mod keywords;
pub mod markdown;
pub mod quotes;
mod state;
pub mod thread;
mod unfinished;

pub use state::MAX_CANNED_REPLIES_PER_DAY;
