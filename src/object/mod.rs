//! The machinery that every Durable Object needs: calls by name, and limits on waiting.
//!
//! Not here: the classes that the runtime sees (`runtime`), and the engines themselves.

mod step;
mod timeout;

use crate::platform::{Method, PlatformError};

pub use step::{StepHost, Steps, StoredState};
pub use timeout::{half_of_rest, in_time, with_retry, within};

/// The engine of a Durable Object: it answers calls, and works when its alarm fires.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait Engine {
    /// Answers a call of `method` with its arguments as JSON. The reply is JSON, too.
    ///
    /// # Errors
    /// When the call is malformed, or the engine failed.
    async fn call(&self, method: &str, arguments: &str) -> Result<String, PlatformError>;

    /// The alarm fires. An engine that sets none has nothing to do.
    ///
    /// # Errors
    /// When storage failed, and no alarm could be set either. The runtime then fires the alarm again.
    async fn alarm(&self) -> Result<(), PlatformError> {
        Ok(())
    }
}

/// The arguments of a call.
///
/// # Errors
/// When they are not those of the method.
pub fn arguments<M: Method>(text: &str) -> Result<M, PlatformError> {
    serde_json::from_str(text).map_err(|_| PlatformError::new("the call's arguments are malformed"))
}

/// The reply to a call.
///
/// # Errors
/// When it cannot be encoded.
pub fn reply<M: Method>(reply: &M::Reply) -> Result<String, PlatformError> {
    serde_json::to_string(reply).map_err(|_| PlatformError::new("the reply cannot be encoded"))
}

/// The error for a method that the engine does not have.
#[must_use]
pub fn unknown_method() -> PlatformError {
    PlatformError::new("the object has no such method")
}
