//! The guided intake: it asks for the fields of a form, one question at a time, and makes a draft of
//! them. No I/O is done here, and the time is passed in.
//!
//! The model only reads: which field a message answers, and with what. Code checks every value,
//! chooses the question, and says what is saved. Not here: the requests and the turn
//! (`messaging::thread`), and the form itself (`config`).

mod commands;
mod draft;
mod extraction;
mod handing;
mod progress;
mod reply;
mod values;

pub use commands::{Command, confirms, declines};
pub use draft::{Problems, check as check_draft, instructions as draft_instructions, plain};
pub use extraction::{Extraction, instructions, read, schema};
pub use handing::{Handing, result_body};
pub use progress::{IntakeState, Stage};
pub use reply::{IntakeReply, Next};
pub use values::{FieldValue, ValueProblem, check};

#[cfg(test)]
mod tests;
