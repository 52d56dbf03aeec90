//! Errors of the runtime, as the platform's errors.

use wasm_bindgen::prelude::*;
use worker::js_sys::Reflect;

use crate::platform::PlatformError;

/// An error in the platform's own words. They name bindings, statuses and limits. Keys are
/// pseudonyms, and values never appear.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects:
/// error handling").
pub(super) fn failed(error: impl Into<JsValue>) -> PlatformError {
    let error = error.into();
    let property = |name: &str| Reflect::get(&error, &JsValue::from_str(name)).unwrap_or_default();
    let reason = property("message")
        .as_string()
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "unknown".into());
    PlatformError {
        reason,
        retryable: property("retryable").is_truthy() && !property("overloaded").is_truthy(),
    }
}
