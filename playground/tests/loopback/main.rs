//! The playground as its users meet it: the real binary, over real TCP on loopback.
//!
//! Rules that need no connection are tested beside the code they belong to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test stops where it fails"
)]

mod faults;
mod harness;
mod media;
mod numbers;
mod observation;
mod openai;
mod page;
mod say;
mod server;
mod twilio;
