//! The recordings of calls: who said what, and when.
//!
//! There is no sound. `intelligence/` makes transcripts of the words. Not here: how a call is recorded
//! (`voice/recording.rs`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use crate::base::shared::{lock, push_newest};

/// The newest recordings, oldest first.
#[derive(Default)]
pub struct Recordings(Mutex<VecDeque<Arc<Recording>>>);

/// A recording that is complete.
#[derive(Debug)]
pub struct Recording {
    /// Its SID.
    pub sid: String,
    /// How long it is, in seconds.
    pub seconds: u64,
    /// When it began, in milliseconds since 1970.
    pub started_at: u64,
    /// What was said, in the order of time.
    pub spoken: Vec<Spoken>,
    /// What will go wrong with its transcripts.
    pub fate: Fate,
}

/// Words without a pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The channel of who said it.
    pub channel: u8,
    /// The words.
    pub text: String,
    /// When they began, in milliseconds since the recording began.
    pub began: u64,
    /// When they ended, in the same unit.
    pub ended: u64,
}

/// The faults of the transcripts of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// They fail.
    pub fails: bool,
    /// Nobody is told that they are there.
    pub untold: bool,
}

/// How many recordings are kept.
const KEPT: usize = 1_000;

impl Recordings {
    /// Adds a recording.
    pub fn add(&self, recording: Recording) {
        push_newest(&mut lock(&self.0), Arc::new(recording), KEPT);
    }

    /// The recording with this SID.
    pub fn find(&self, sid: &str) -> Option<Arc<Recording>> {
        let recordings = lock(&self.0);
        let found = recordings.iter().find(|recording| recording.sid == sid);
        found.cloned()
    }
}
