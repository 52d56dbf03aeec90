//! The endpoints of a turn: which one is asked, and what was tried.
//!
//! Not here: which one is next (`exchange`).

use std::collections::{BTreeMap, VecDeque};

use crate::{config::Fields, openai::OpenAiError};

/// The endpoints of a turn, and what was tried at them.
#[derive(Default)]
pub(super) struct Route {
    /// The endpoint that is asked.
    pub(super) number: usize,
    /// The endpoints that were not asked yet, in order.
    pub(super) fresh: VecDeque<usize>,
    /// The endpoints whose error may pass, the one that was asked longest ago first.
    pub(super) passing: VecDeque<Passing>,
    /// How often an endpoint was asked again after an error that may pass.
    pub(super) retries: u32,
    /// The fields that endpoints have refused in this turn.
    pub(super) refused: BTreeMap<usize, Fields>,
    /// How often a field was left out.
    pub(super) omissions: u32,
    /// Whether the conversation was shortened.
    pub(super) shortened: bool,
}

impl Route {
    /// The fields that the endpoint which is asked has refused in this turn.
    pub(super) fn refused_here(&self) -> Fields {
        self.refused.get(&self.number).copied().unwrap_or_default()
    }
}

/// An endpoint whose error may pass.
pub(super) struct Passing {
    pub(super) number: usize,
    pub(super) error: OpenAiError,
    pub(super) retry_after: Option<String>,
}
