//! What Twilio speaks: signed forms in, TwiML and REST out.

pub mod fields;
pub mod form;
pub mod media;
pub mod parts;
pub mod rest;
pub mod segments;
pub mod signature;
pub mod twiml;
