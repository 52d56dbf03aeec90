//! The service that makes the transcripts.

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its SID.
    pub sid: String,
    /// Where it tells that a transcript is there.
    pub webhook_url: String,
    /// How many times as fast as in reality it works.
    pub speed: u32,
}
