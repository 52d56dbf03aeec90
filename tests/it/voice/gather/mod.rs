//! Calls without a socket (`VOICE_MODE=gather`): each request of Twilio gets a document that says something and listens.
//!
//! Not here: what is the same over a socket (the files beside this folder), and the TwiML by itself (`src/twilio/voice`).

mod digits;
mod endings;
mod outbound;
mod restarts;
mod turns;
mod waits;

use crate::support::{
    FakePlatform,
    phone::{Call, Verb},
};

const GATHER: (&str, &str) = ("VOICE_MODE", "gather");

/// A platform whose calls have no socket.
fn platform(settings: &[(&str, &str)]) -> FakePlatform {
    FakePlatform::with(&[&[GATHER], settings].concat())
}

/// A call that was greeted, and the document that did so.
async fn greeted(fake: &FakePlatform) -> (Call, Vec<Verb>) {
    let call = Call::new(fake, 1);
    let document = call.dial().await;
    (call, document)
}
