//! The Durable Objects: thin newtypes over the engines, which are tested natively.
//!
//! A call is a `POST` of JSON, and its answer a 200 with JSON; every other status means that the platform or the object
//! failed. Source: Cloudflare, "Durable Objects".

use std::{rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;

use super::{config, glue, services::ObjectServices};
use crate::{
    budget::{Budget, BudgetCall},
    json,
    platform::{Clock, PlatformError},
    pseudonym::Pseudonym,
    sender::{ObjectCall, Sender},
    tries::{Tries, TryCall},
};

/// The object of one sender. Its name is the sender's pseudonym.
#[wasm_bindgen]
pub struct SenderObject {
    /// None while the configuration is faulty: then no call is made, and a left-over alarm waits.
    engine: Option<Sender<ObjectServices>>,
    services: ObjectServices,
}

#[wasm_bindgen]
impl SenderObject {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let name = glue::object_name(&state);
        let config = config(&env);
        let services = ObjectServices::new(state, env);
        let engine = match (Result::as_ref(&config), name) {
            (Ok(config), Some(name)) => Some(Sender::new(services.clone(), Rc::new(config.clone()), Pseudonym::from_object_name(name))),
            _ => None,
        };
        Self { engine, services }
    }

    pub async fn fetch(&self, request: JsValue) -> Result<JsValue, JsValue> {
        match (&self.engine, read::<ObjectCall>(request).await) {
            (Some(engine), Ok(ObjectCall::Deliver(call))) => write(engine.deliver(*call).await),
            (Some(engine), Ok(ObjectCall::Report(report))) => write(engine.report(report).await),
            (Some(engine), Ok(ObjectCall::Show)) => write(engine.show().await),
            (Some(engine), Ok(ObjectCall::Erase(phone_hash))) => write(engine.erase(phone_hash).await),
            (None, _) => write::<()>(Err(PlatformError::new("not configured"))),
            (_, Err(error)) => write::<()>(Err(error)),
        }
    }

    pub async fn alarm(&self) -> Result<JsValue, JsValue> {
        let done = match &self.engine {
            Some(engine) => engine.alarm().await,
            None => self.services.ring_again(Duration::from_secs(60)).await,
        };
        write(done)
    }
}

/// The one budget object.
#[wasm_bindgen]
pub struct BudgetObject {
    engine: Budget<ObjectServices>,
    services: ObjectServices,
}

#[wasm_bindgen]
impl BudgetObject {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let services = ObjectServices::new(state, env);
        Self { engine: Budget::new(services.clone()), services }
    }

    pub async fn fetch(&self, request: JsValue) -> Result<JsValue, JsValue> {
        let now = self.services.now();
        match read::<BudgetCall>(request).await {
            Ok(BudgetCall::Reserve(call)) => write(self.engine.reserve(call, now).await),
            Ok(BudgetCall::Report(tally)) => write(self.engine.report(&tally, now).await.map(drop)),
            Ok(BudgetCall::Usage(tally)) => write(self.engine.report(&tally, now).await),
            Err(error) => write::<()>(Err(error)),
        }
    }
}

/// The object of one client address that tried the admin token.
#[wasm_bindgen]
pub struct TriesObject {
    engine: Tries<ObjectServices>,
    services: ObjectServices,
}

#[wasm_bindgen]
impl TriesObject {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let services = ObjectServices::new(state, env);
        Self { engine: Tries::new(services.clone()), services }
    }

    pub async fn fetch(&self, request: JsValue) -> Result<JsValue, JsValue> {
        let verdict = match read::<TryCall>(request).await {
            Ok(call) => self.engine.attempt(call, self.services.now()).await,
            Err(error) => Err(error),
        };
        write(verdict)
    }

    pub async fn alarm(&self) -> Result<JsValue, JsValue> {
        write(self.engine.alarm(self.services.now()).await)
    }
}

async fn read<T: DeserializeOwned>(request: JsValue) -> Result<T, PlatformError> {
    let text = glue::settled_text(glue::text(&request)).await.map_err(|_| PlatformError::new("call broke off"))?;
    text.and_then(|text| json::read(&text).ok()).ok_or_else(|| PlatformError::new("call is unreadable"))
}

/// A failure is thrown, not answered: in an alarm that makes the runtime ring again.
fn write<T: Serialize>(answer: Result<T, PlatformError>) -> Result<JsValue, JsValue> {
    let text = answer.and_then(|value| serde_json::to_string(&value).map_err(|_| PlatformError::new("answer cannot be encoded")));
    glue::respond(200, "", &text.map_err(|error| js_sys::Error::new(&error.reason))?)
}
