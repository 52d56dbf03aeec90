//! Synthetic conversations: two personas talk to each other, and the transcript is kept.
//!
//! A run is one conversation, and has an object of its own ([`run`]). A batch starts many of them at
//! a rate, and keeps their transcripts ([`batch`]). Nobody is a person here, so transcripts stay
//! until they are deleted. Not here: who the personas are (`config`), the routes of the operator
//! (`http::admin`).

pub mod analysis;
pub mod api;
pub mod batch;
pub mod call_url;
pub mod disturbance;
pub mod events;
pub mod metrics;
pub mod plan;
pub mod prompt;
pub mod run;
pub mod score;
pub mod transcript;
pub mod word_errors;

use std::rc::Rc;

use crate::config::{FileError, Personas};

/// Who knows the personas and scenarios. Their files are read when they are asked for first.
pub trait KnowsPersonas {
    /// All of them, or what is wrong in their files.
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>>;
}
