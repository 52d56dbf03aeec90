//! One phone call: it is admitted, talked, and ended.
//!
//! A call's object holds all that belongs to it: whether it may be connected, who speaks, what was said and heard, the
//! minutes that it has reserved, and how it ends. Twilio turns speech into text and text into speech: over a WebSocket with
//! frames of text (ConversationRelay), or without one in documents that say an answer and listen (`<Gather>`). Not here: Twilio's wire formats (`twilio::voice`), the model
//! (`conversation::model_run`), messages (`messaging`), and the runtime's sockets (`runtime`).

pub mod api;
pub mod call;
pub mod callers;
pub mod speakable;
pub mod state;
