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
#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::large_stack_arrays,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    clippy::struct_excessive_bools,
    clippy::assigning_clones,
    clippy::unused_self,
    reason = "clear tests matter more than fast ones"
)]

mod documents;
mod faults;
mod fuzz_targets;
mod heard;
mod http;
mod json;
mod layers;
mod messaging;
mod simulation;
mod support;
mod synthetic;
mod vectors;
mod voice;
