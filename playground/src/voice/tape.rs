//! What is said in a call, by whom and when, and the recording of it. Two legs that are bridged share it.
//!
//! Times are those of the call's clock. Not here: when a recording begins and ends (`recording.rs`).

use std::sync::Mutex;

use super::verb::StartRecording;
use crate::base::shared::lock;
use crate::twilio::recordings::Spoken;

/// The tape of a call.
#[derive(Default)]
pub struct Tape(Mutex<State>);

#[derive(Default)]
struct State {
    spoken: Vec<Spoken>,
    /// Whether a recording was started.
    is_recorded: bool,
    running: Option<Running>,
}

/// A recording that goes on.
#[derive(Clone, Debug)]
pub struct Running {
    /// Its SID.
    pub sid: String,
    /// The call whose TwiML has started it.
    pub call: String,
    /// What the TwiML says of it.
    pub wanted: StartRecording,
    /// When it began, by the call's clock.
    pub began: u64,
    /// The same in milliseconds since 1970.
    pub started_at: u64,
}

/// The most utterances of a call that are kept.
const KEPT: usize = 2_000;

impl Tape {
    /// Somebody has said this.
    pub fn add(&self, spoken: Spoken) {
        let mut state = lock(&self.0);
        if state.spoken.len() < KEPT {
            state.spoken.push(spoken);
        }
    }

    /// Starts a recording. `false`: the call has one already.
    pub fn start(&self, recording: Running) -> bool {
        let mut state = lock(&self.0);
        let is_first = !std::mem::replace(&mut state.is_recorded, true);
        if is_first {
            state.running = Some(recording);
        }
        is_first
    }

    /// Ends the recording that this call has started, and returns it with what was said since then, in
    /// the order of time.
    pub fn finish(&self, call: &str) -> Option<(Running, Vec<Spoken>)> {
        let mut state = lock(&self.0);
        let running = state.running.take_if(|running| running.call == call)?;
        let since = running.began;
        let mut spoken: Vec<Spoken> = state
            .spoken
            .iter()
            .filter(|spoken| spoken.ended > since)
            .map(|spoken| Spoken {
                began: spoken.began.saturating_sub(since),
                ended: spoken.ended.saturating_sub(since),
                ..spoken.clone()
            })
            .collect();
        spoken.sort_by_key(|spoken| spoken.began);
        Some((running, spoken))
    }
}
