//! Switchboard: an OpenAI assistant behind Twilio phone numbers, as a Cloudflare Worker.
//!
//! The way of a message through the code:
//!
//! 1. `runtime` receives the request from Cloudflare's runtime and passes it on.
//! 2. [`app`] checks it in order, without I/O: route, configuration ([`config`]), form ([`twilio::form`]), signature
//!    ([`twilio::signature`]), fields ([`message`]).
//! 3. One call goes to the sender's object, whose name is a pseudonym ([`pseudonym`]).
//! 4. [`sender`] takes the message in, once, and obeys what is a [`command`], or runs its turn: it fetches pictures
//!    ([`twilio::media`]); [`turn`] reserves the [`budget`] and asks [`openai`], with the [`conversation`] so far.
//! 5. The answer is made to fit ([`twilio::segments`]), cut into parts ([`twilio::parts`]) and goes back as TwiML ([`twilio::twiml`]), or later by REST
//!    ([`twilio::rest`]).
//!
//! The operator's routes are in [`admin`], with [`usage`], what is counted, and [`tries`], who may try a token.
//!
//! Everything that touches the outside goes through the traits of [`platform`], so that all of it runs natively in the tests.
//! What is logged is in [`event`], what is said in [`wording`]. Nothing imports `runtime`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "a test may fail loudly"
    )
)]

pub mod base;
pub mod config;
pub mod conversation;
pub mod event;
pub mod http;
pub mod identity;
pub mod messaging;
pub mod object;
pub mod openai;
pub mod platform;
#[cfg(target_arch = "wasm32")]
mod runtime;
pub mod twilio;
