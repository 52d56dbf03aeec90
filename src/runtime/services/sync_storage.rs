//! The synchronous side of an object's storage, which `worker` 0.8 does not have.

use wasm_bindgen::prelude::*;
use worker::js_sys::Promise;

#[wasm_bindgen]
extern "C" {
    /// The synchronous interface of an object's storage. Without it, each step of a turn would wait
    /// for promises.
    pub(super) type SyncStorage;
    #[wasm_bindgen(method, getter)]
    pub(super) fn kv(this: &SyncStorage) -> SyncKv;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    pub(super) fn transaction(
        this: &SyncStorage,
        write: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = setAlarm)]
    pub(super) fn set_alarm(this: &SyncStorage, at: f64) -> Result<Promise, JsValue>;

    pub(super) type SyncKv;
    #[wasm_bindgen(method, catch)]
    pub(super) fn get(this: &SyncKv, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn put(this: &SyncKv, key: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(super) fn delete(this: &SyncKv, key: &str) -> Result<(), JsValue>;
}
