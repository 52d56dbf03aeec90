//! The webhook of an inbound message, from the form of Twilio to what Twilio reads in the answer.
//!
//! It shares no code with the Worker on purpose: shared code would share its mistakes.

pub mod answer;
pub mod channel;
pub mod client;
pub mod inbound;
pub mod pseudonyms;
mod signature;
pub mod twiml;
pub mod xml;
