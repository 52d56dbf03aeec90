//! Switchboard: an OpenAI assistant behind Twilio phone numbers, as a Cloudflare Worker.
//!
//! # Layers
//!
//! A module imports only from modules below it in this list. `tests/it/layers.rs` holds the order.
//!
//! - `runtime`: the crate `worker`. Entry points, Durable Object classes, services; wasm32 only, and it decides nothing
//! - [`http`]: routes, webhooks, the operator's routes
//! - [`synthetic`]: conversations between two personas
//! - [`messaging`]: one text thread between a contact and a number
//! - [`voice`]: one phone call
//! - [`conversation`]: what text and voice share: history, model run, outbox, budget
//! - [`object`]: what every Durable Object needs: calls, atomic steps, limits on waiting
//! - [`analytics`]: the events that Segment gets, and transcripts of recordings
//! - [`openai`], [`segment`], [`twilio`], [`webhooks`]: one outside service each. They do not know each other
//! - [`event`]: the vocabulary of the log
//! - [`config`]: the settings, and what each assistant is
//! - [`identity`]: addresses, Twilio's ids, pseudonyms
//! - [`platform`]: the ports: clock, HTTP, KV, storage, objects, log
//! - [`base`]: moments, secrets, URLs, images, recordings, usage counters
//!
//! # The path of a message
//!
//! The numbers stand in the code, where each step happens.
//!
//! 1. `runtime` gets the request from Cloudflare's runtime.
//! 2. [`http`] decides the route, and checks the method and the configuration.
//! 3. `http::webhook` reads the form.
//! 4. It verifies the signature. Until then there is no I/O.
//! 5. It parses the fields.
//! 6. `http::messages` calls the object of the thread, by the pseudonym of its two addresses.
//! 7. [`messaging::thread`] admits the message in one atomic step: once, within the rate limit.
//! 8. It runs the turn: images and voice notes, conversation, budget, model.
//! 9. It ends the turn in one atomic step, and decides whether the webhook or REST carries the
//!    answer.
//! 10. `http::messages` replies with TwiML, or [`conversation::outbox`] sends the answer by REST.
//!
//! # The way of a call
//!
//! 1. `http::voice` verifies the webhook and asks the call's object ([`voice::call`]), which counts the
//!    call and reserves a minute.
//! 2. The TwiML connects the call to a socket. `http::voice` verifies the upgrade's signature, and the
//!    object the secret.
//! 3. `voice::call::frames` takes what the caller says, in order.
//! 4. `voice::call::answer` asks the model. Its words go out as they come, through
//!    `voice::speakable`.
//! 5. `voice::state` decides how the call ends, once. `voice::call::ending` settles its minutes.
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

pub mod analytics;
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
pub mod segment;
pub mod synthetic;
pub mod twilio;
pub mod voice;
pub mod webhooks;
