//! The fuzz targets for `cargo fuzz` (`fuzz_targets/`), and what they share with the integration tests.
//!
//! `tests/it/fuzz_targets` includes `targets` by its path and runs it as property tests. Not here: where the bytes come from.

pub mod support;
mod targets;

pub use targets::*;
