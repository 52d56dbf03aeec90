//! The Durable Objects' engines for the runtime, which are tested natively. `entry.js` has the classes around them.
//!
//! A call is JSON, and so is its answer; that the platform or the engine failed is thrown. Source: Cloudflare, "Durable
//! Objects".

use std::{rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;

use super::{
    config, glue,
    services::ObjectServices,
    tasks::{ObjectTasks, Outcome},
};
use crate::{
    budget::{Budget, BudgetCall},
    platform::{Clock, PlatformError},
    pseudonym::Pseudonym,
    sender::{ObjectCall, Sender},
    tries::{Tries, TryCall},
};

/// The engine of one sender object. The object's name is the sender's pseudonym.
#[wasm_bindgen]
pub struct SenderEngine {
    /// None while the configuration is faulty: then no call is made, and a left-over alarm waits.
    engine: Option<Rc<Sender<ObjectServices>>>,
    services: ObjectServices,
    tasks: ObjectTasks,
}

#[wasm_bindgen]
impl SenderEngine {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let name = glue::object_name(&state);
        let config = config(&env).ok();
        let tasks = ObjectTasks::new();
        let services = ObjectServices::new(state, env, tasks.owner());
        let engine =
            config.zip(name).map(|(config, name)| Rc::new(Sender::new(services.clone(), config, Pseudonym::from_object_name(name))));
        Self { engine, services, tasks }
    }

    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call) = (self.engine.clone(), read(text));
        let answer = async move {
            let engine = engine.ok_or_else(|| PlatformError::new("not configured"))?;
            match call? {
                ObjectCall::Deliver(call) => write(&engine.deliver(*call).await?),
                ObjectCall::Report(report) => write(&engine.report(report).await?),
                ObjectCall::Show => write(&engine.show().await?),
                ObjectCall::Erase(phone_hash) => write(&engine.erase(phone_hash).await?),
            }
        };
        self.tasks.run(answer)
    }

    pub fn alarm(&self) -> JsValue {
        let (engine, services) = (self.engine.clone(), self.services.clone());
        let done = async move {
            match engine {
                Some(engine) => engine.alarm().await?,
                None => services.ring_again(Duration::from_secs(60)).await?,
            }
            Ok(JsValue::UNDEFINED)
        };
        self.tasks.run(done)
    }
}

/// The engine of the one budget object.
#[wasm_bindgen]
pub struct BudgetEngine {
    engine: Rc<Budget<ObjectServices>>,
    services: ObjectServices,
    tasks: ObjectTasks,
}

#[wasm_bindgen]
impl BudgetEngine {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let tasks = ObjectTasks::new();
        let services = ObjectServices::new(state, env, tasks.owner());
        Self { engine: Rc::new(Budget::new(services.clone())), services, tasks }
    }

    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call, now) = (Rc::clone(&self.engine), read(text), self.services.now());
        let answer = async move {
            match call? {
                BudgetCall::Reserve(call) => write(&engine.reserve(call, now).await?),
                BudgetCall::Look(item, cap) => write(&engine.look(item, cap, now).await?),
                BudgetCall::Report(tally) => write(&engine.report(&tally, now).await.map(drop)?),
                BudgetCall::Usage(tally) => write(&engine.report(&tally, now).await?),
                BudgetCall::Reset => write(&engine.reset(now).await?),
            }
        };
        self.tasks.run(answer)
    }
}

/// The engine of the object of one client address that tried the admin token.
#[wasm_bindgen]
pub struct TriesEngine {
    engine: Rc<Tries<ObjectServices>>,
    services: ObjectServices,
    tasks: ObjectTasks,
}

#[wasm_bindgen]
impl TriesEngine {
    #[wasm_bindgen(constructor)]
    pub fn new(state: JsValue, env: JsValue) -> Self {
        let tasks = ObjectTasks::new();
        let services = ObjectServices::new(state, env, tasks.owner());
        Self { engine: Rc::new(Tries::new(services.clone())), services, tasks }
    }

    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call, now) = (Rc::clone(&self.engine), read::<TryCall>(text), self.services.now());
        self.tasks.run(async move { write(&engine.attempt(call?, now).await?) })
    }

    pub fn alarm(&self) -> JsValue {
        let (engine, now) = (Rc::clone(&self.engine), self.services.now());
        self.tasks.run(async move { engine.alarm(now).await.map(|()| JsValue::UNDEFINED) })
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, PlatformError> {
    serde_json::from_str(text).map_err(|_| PlatformError::new("call is unreadable"))
}

fn write(answer: &impl Serialize) -> Outcome {
    let text = serde_json::to_string(answer).map_err(|_| PlatformError::new("answer cannot be encoded"))?;
    Ok(JsValue::from_str(&text))
}
