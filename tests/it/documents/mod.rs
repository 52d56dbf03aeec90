//! Compares the documents and the configuration files with the code, and with each other.
//!
//! It reads the Markdown files at the root and in `docs`, `wrangler.toml`, `.dev.vars.example` and `.github`. A test that fails
//! says what to write where. Not here: whether a sentence is well written.

mod contacts;
mod conventions;
mod deployed;
mod log;
mod log_samples;
mod markdown;
mod named_tests;
mod names;
mod pages;
mod project;
mod report;
mod settings;
mod source;
