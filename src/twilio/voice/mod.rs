//! Calls at Twilio: webhooks come in, TwiML goes out, and a relay's socket carries frames both ways.
//!
//! A relay is Twilio's `<ConversationRelay>`: it hears and speaks, and we exchange text with it. Not
//! here: what is said and when (`voice` above), and what an assistant sounds like (`config`).

mod call;
pub mod fields;
pub mod relay;
pub mod relay_url;
pub mod twiml;
pub mod webhook_url;

pub use call::{CallStatus, Direction};
