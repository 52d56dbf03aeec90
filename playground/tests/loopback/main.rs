//! The playground as its users see it: the real binary, over real TCP on loopback.
//!
//! Rules that need no connection are tested beside their code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test stops where it fails"
)]
#![allow(clippy::doc_markdown, reason = "OpenAI and WhatsApp are names")]

mod batches;
mod call_control;
mod calls;
mod cast;
mod compatible;
mod conversation_faults;
mod conversations;
mod editor;
mod faults;
mod feed;
mod gather;
mod harness;
mod intelligence;
mod legs;
mod made_calls;
mod media;
mod mock_worker;
mod numbers;
mod observation;
mod openai;
mod openai_requests;
mod page;
mod page_client;
mod phones;
mod relay_worker;
mod say;
mod segment;
mod server;
mod shop;
mod tools;
mod transcription;
mod twilio;
