//! The functions of `glue.js`, as Rust sees them.
//!
//! Not here: what is done with them (`tasks`, `services`, `objects`).

use js_sys::{Array, Promise, Uint8Array};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "./glue.js")]
extern "C" {
    pub fn end();

    pub type Debt;
    #[wasm_bindgen(constructor)]
    pub fn new() -> Debt;
    #[wasm_bindgen(method, getter)]
    pub fn promise(this: &Debt) -> Promise;
    #[wasm_bindgen(method)]
    pub fn pay(this: &Debt, value: &JsValue);
    #[wasm_bindgen(method)]
    pub fn default(this: &Debt, reason: &str);
    #[wasm_bindgen(method)]
    pub fn forgive(this: &Debt);

    pub fn watch(promise: &Promise, wait: u32);
    #[wasm_bindgen(js_name = startTimer)]
    pub fn start_timer(milliseconds: f64, wait: u32) -> f64;
    #[wasm_bindgen(js_name = cancelTimer)]
    pub fn cancel_timer(timer: f64);

    pub fn header(request: &JsValue, name: &str) -> Option<String>;
    pub fn bytes(request: &JsValue, limit: usize) -> Promise;
    pub fn headers(lines: &str) -> JsValue;
    #[wasm_bindgen(catch)]
    pub fn respond(status: u16, headers: &JsValue, body: &str) -> Result<JsValue, JsValue>;

    pub fn setting(env: &JsValue, name: &str) -> Option<String>;

    pub type Exchange;
    #[wasm_bindgen(constructor)]
    pub fn new(method: &str, url: &str, headers: &JsValue, body: Option<Uint8Array>, limit: usize, milliseconds: f64) -> Exchange;
    #[wasm_bindgen(method, getter)]
    pub fn done(this: &Exchange) -> Promise;
    #[wasm_bindgen(method)]
    pub fn abort(this: &Exchange);

    pub fn call(env: &JsValue, binding: &str, name: &str, text: &str) -> Promise;
    #[wasm_bindgen(js_name = objectName)]
    pub fn object_name(state: &JsValue) -> Option<String>;
    #[wasm_bindgen(js_name = waitUntil)]
    pub fn wait_until(state: &JsValue, promise: Promise);
    #[wasm_bindgen(catch)]
    pub fn stored(state: &JsValue, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn put(state: &JsValue, key: &str, value: &str, alarm: Option<f64>) -> Result<Option<Promise>, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn commit(state: &JsValue, clear: bool, puts: Array, deletes: Array, alarm: Option<f64>) -> Result<Option<Promise>, JsValue>;
    #[wasm_bindgen(js_name = kvGet)]
    pub fn kv_get(env: &JsValue, key: &str) -> Promise;
    #[wasm_bindgen(js_name = kvPut)]
    pub fn kv_put(env: &JsValue, key: &str, value: &str, ttl_seconds: f64) -> Promise;
    #[wasm_bindgen(js_name = kvDelete)]
    pub fn kv_delete(env: &JsValue, key: &str) -> Promise;
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = log)]
    pub fn console_log(line: &str);
}
