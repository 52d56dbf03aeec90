//! Calls at Twilio: webhooks come in, TwiML goes out, and a relay's socket carries frames both ways.
//!
//! A relay is Twilio's `<ConversationRelay>`: it hears and speaks, and we exchange text with it. Without
//! one, Twilio's `<Gather>` says one answer and posts what it heard. Not here: what is said and when
//! (`voice` above), and what an assistant sounds like (`config`).

mod call;
pub mod fields;
pub mod gather;
pub mod prices;
pub mod relay;
pub mod relay_url;
pub mod say;
pub mod twiml;
pub mod webhook_url;

pub use call::{CallStatus, Direction};
