//! Faults: the ways in which a mock service fails, and the requests that fail.
//!
//! A [`Fault`] comes from the control route (`POST /playground/faults`) or from a directive in a
//! message, such as `[fault status=503]`. This module decides which fault applies. It does not know
//! what an answer looks like: see `exchange.rs`, `http/` and the services.

mod check;
mod directive;
mod kinds;
mod order;
mod queue;

pub use directive::without_directives;
pub use kinds::{BodyFault, ConnectionFault, Endpoint, ErrorOverrides, Server, Service, ToolFault};
pub use order::Fault;
pub use queue::Faults;
