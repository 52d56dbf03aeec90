//! Calls to Durable Objects.
//!
//! Not here: the objects themselves (`runtime::objects`).

use wasm_bindgen::prelude::*;
use worker::{Env, js_sys::Promise, wasm_bindgen_futures::JsFuture};

use super::{ObjectServices, WorkerServices, error::failed};
use crate::platform::{Method, Objects, PlatformError};

impl Objects for WorkerServices {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        call_object(&self.env, name, method).await
    }
}

impl Objects for ObjectServices {
    async fn call<M: Method>(&self, name: &str, method: &M) -> Result<M::Reply, PlatformError> {
        call_object(&self.0.env, name, method).await
    }
}

/// Calls a method of an object. Each call uses a fresh stub, because a stub that has failed stays
/// broken.
async fn call_object<M: Method>(
    env: &Env,
    name: &str,
    method: &M,
) -> Result<M::Reply, PlatformError> {
    let arguments = serde_json::to_string(method);
    let arguments = arguments.map_err(|_| PlatformError::new("the call cannot be encoded"))?;
    let objects = env.durable_object(M::BINDING).map_err(failed)?;
    let stub = objects.get_by_name(name).map_err(failed)?;
    let called = stub.into_rpc::<Rpc>().call(M::NAME, &arguments);
    let reply = JsFuture::from(called.map_err(failed)?)
        .await
        .map_err(failed)?;
    let reply = reply
        .as_string()
        .and_then(|text| serde_json::from_str(&text).ok());
    reply.ok_or_else(|| PlatformError::new("the object's reply is unreadable"))
}

// `worker` does not have this.
#[wasm_bindgen]
extern "C" {
    /// The stub of an object.
    type Rpc;
    #[wasm_bindgen(method, catch)]
    fn call(this: &Rpc, method: &str, arguments: &str) -> Result<Promise, JsValue>;
}
