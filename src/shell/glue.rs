//! The functions of `glue.js`, as Rust sees them, and what waits for their promises.
//!
//! Not here: what is done with them (`services`, `objects`).

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::platform::PlatformError;

#[wasm_bindgen(module = "/src/shell/glue.js")]
extern "C" {
    pub fn head(request: &JsValue) -> String;
    pub fn header(request: &JsValue, name: &str) -> Option<String>;
    pub fn bytes(message: &JsValue, limit: usize) -> Promise;
    pub fn text(message: &JsValue) -> Promise;
    #[wasm_bindgen(catch)]
    pub fn respond(status: u16, headers: &str, body: &str) -> Result<JsValue, JsValue>;

    pub fn setting(env: &JsValue, name: &str) -> Option<String>;

    pub type Timer;
    #[wasm_bindgen(constructor)]
    pub fn new(milliseconds: f64) -> Timer;
    #[wasm_bindgen(method, getter)]
    pub fn rung(this: &Timer) -> Promise;
    #[wasm_bindgen(method)]
    pub fn stop(this: &Timer);

    pub type Exchange;
    #[wasm_bindgen(constructor)]
    pub fn new(method: &str, url: &str, headers: &str, body: Option<Uint8Array>, limit: usize) -> Exchange;
    #[wasm_bindgen(method, getter)]
    pub fn done(this: &Exchange) -> Promise;
    #[wasm_bindgen(method)]
    pub fn abort(this: &Exchange);

    pub fn call(env: &JsValue, binding: &str, name: &str, body: &str) -> Promise;
    #[wasm_bindgen(js_name = objectName)]
    pub fn object_name(state: &JsValue) -> Option<String>;
    #[wasm_bindgen(js_name = waitUntil)]
    pub fn wait_until(state: &JsValue, promise: Promise);
    pub fn stored(state: &JsValue, key: &str) -> Promise;
    pub fn commit(state: &JsValue, clear: bool, puts: Array, deletes: Array, alarm: Option<f64>) -> Promise;
    #[wasm_bindgen(js_name = kvGet)]
    pub fn kv_get(env: &JsValue, key: &str) -> Promise;
    #[wasm_bindgen(js_name = kvPut)]
    pub fn kv_put(env: &JsValue, key: &str, value: &str, ttl_seconds: f64) -> Promise;
    #[wasm_bindgen(js_name = kvDelete)]
    pub fn kv_delete(env: &JsValue, key: &str) -> Promise;

    #[wasm_bindgen(js_name = failedForGood)]
    pub fn failed_for_good();
    #[wasm_bindgen(js_name = initState)]
    pub fn init_state() -> JsValue;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub fn console_log(line: &str);
}

/// What a promise resolves to.
pub async fn settled(promise: Promise) -> Result<JsValue, PlatformError> {
    JsFuture::from(promise).await.map_err(|error| failed(&error))
}

/// The text that a promise resolves to, if it is one.
pub async fn settled_text(promise: Promise) -> Result<Option<String>, PlatformError> {
    Ok(settled(promise).await?.as_string())
}

/// The platform's own words. They name bindings, statuses and limits; keys are pseudonyms, and values are never among them.
///
/// An error of an object says whether the call may be made again (Cloudflare, "Durable Objects: error handling").
fn failed(error: &JsValue) -> PlatformError {
    let property = |name: &str| js_sys::Reflect::get(error, &JsValue::from_str(name)).unwrap_or_default();
    let reason = property("message").as_string().unwrap_or_else(|| "unknown".into());
    PlatformError { reason, retryable: property("retryable").is_truthy() && !property("overloaded").is_truthy() }
}
