//! Parts that text, voice and synthetic conversations share: the history, the model run, the
//! outbox, the deliveries, the budget, the making of a call, the frames of a call's sockets.
//!
//! Not here: one text thread (`messaging`).

pub mod budget;
pub mod deliveries;
pub mod dialling;
pub mod history;
pub mod model_run;
pub mod outbox;
pub mod relay_inbox;
pub mod revisions;
pub mod transcription;
pub mod voice_error;
