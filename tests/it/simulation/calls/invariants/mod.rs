//! What must hold of calls, whatever fails. Each invariant is a function that says what broke.
//!
//! They know what reached the outside (frames, requests to the model, log lines, answers) and what became durable. From the
//! stored state they read only whether a call goes on or has ended. Not here: how the simulation fails (`plan`).

mod asked;
mod documents;
mod end;
mod floor;
mod keys;
mod log;
mod minutes;
mod sockets;
