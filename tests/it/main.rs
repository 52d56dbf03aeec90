//! The integration tests of the library, in one binary: whole conversations and single requests natively, over platforms that
//! can fail, in virtual time; published vectors; properties over made inputs; and the simulation.
//!
//! `cargo test --test it messaging::consent` runs one topic. Not here: the runtime `workerd` (`tests/e2e`) and the browser
//! (`tests/browser`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::print_stdout,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod documents;
mod faults;
mod fuzz_targets;
mod http;
mod json;
mod layers;
mod messaging;
mod simulation;
mod support;
mod vectors;
