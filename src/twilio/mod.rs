//! Twilio's protocols: signed forms come in, TwiML and REST requests go out.
//!
//! Not here: the meaning of a message (`messaging`), and what is said in a call (`voice` above).

pub mod debugger;
pub mod fields;
pub mod form;
pub mod intelligence;
pub mod media;
pub mod parts;
pub mod rest;
pub mod segments;
pub mod signature;
pub mod twiml;
pub mod voice;
