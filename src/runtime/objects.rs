//! The Durable Objects around the engines, which are tested natively. `entry.js` has the classes that the runtime sees.
//!
//! A call is JSON, and so is its answer; that the platform or the engine failed is thrown. Source: Cloudflare, "Durable
//! Objects".
//!
//! `alarm` is not left to `#[durable_object]`, whose method keeps the object for as long as the alarm runs: one that never ends,
//! because the runtime has reset the object, would keep it for ever.

use std::{future::Future, rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use worker::{DurableObject, Env, Request, Response, State, durable_object, js_sys};

use super::{
    config,
    lifetime::Lifetime,
    services::{ObjectServices, now},
};
use crate::{
    budget::{Budget, BudgetCall},
    platform::PlatformError,
    pseudonym::Pseudonym,
    sender::{ObjectCall, Sender},
    tries::{Tries, TryCall},
};

/// One sender object. Its name is the sender's pseudonym.
#[durable_object(fetch)]
pub struct SenderEngine {
    /// None while the configuration is faulty: then no call is made, and a left-over alarm waits.
    engine: Option<Rc<Sender<ObjectServices>>>,
    services: ObjectServices,
    lifetime: Lifetime,
}

impl DurableObject for SenderEngine {
    fn new(state: State, env: Env) -> Self {
        let (config, name) = (config(&env).ok(), state.id().name());
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = config.zip(name).map(|(config, name)| {
            Rc::new(Sender::new(
                services.clone(),
                config,
                Pseudonym::from_object_name(name),
            ))
        });
        Self {
            engine,
            services,
            lifetime,
        }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl SenderEngine {
    /// Answers a call.
    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call) = (self.engine.clone(), read(text));
        run(&self.lifetime, async move {
            let engine = engine.ok_or_else(|| PlatformError::new("not configured"))?;
            match call? {
                ObjectCall::Deliver(call) => write(&engine.deliver(*call).await?),
                ObjectCall::Report(report) => write(&engine.report(report).await?),
                ObjectCall::Show => write(&engine.show().await?),
                ObjectCall::Erase(phone_hash) => write(&engine.erase(phone_hash).await?),
            }
        })
    }

    /// The alarm has come.
    pub fn alarm(&self) -> JsValue {
        let (engine, services) = (self.engine.clone(), self.services.clone());
        run(&self.lifetime, async move {
            match engine {
                Some(engine) => engine.alarm().await?,
                None => services.ring_again(Duration::from_secs(60)).await?,
            }
            Ok(JsValue::UNDEFINED)
        })
    }
}

/// The one budget object.
#[durable_object(fetch)]
pub struct BudgetEngine {
    engine: Rc<Budget<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for BudgetEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        Self {
            engine: Rc::new(Budget::new(services)),
            lifetime,
        }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl BudgetEngine {
    /// Answers a call.
    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call, now) = (Rc::clone(&self.engine), read(text), now());
        run(&self.lifetime, async move {
            match call? {
                BudgetCall::Reserve(call) => write(&engine.reserve(call, now).await?),
                BudgetCall::Look(item, cap) => write(&engine.look(item, cap, now).await?),
                BudgetCall::Report(tally) => write(&engine.report(&tally, now).await.map(drop)?),
                BudgetCall::Usage(tally) => write(&engine.report(&tally, now).await?),
                BudgetCall::Reset => write(&engine.reset(now).await?),
            }
        })
    }
}

/// The object of one client address that tried the admin token.
#[durable_object(fetch)]
pub struct TriesEngine {
    engine: Rc<Tries<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for TriesEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        Self {
            engine: Rc::new(Tries::new(services)),
            lifetime,
        }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl TriesEngine {
    /// Answers a call.
    pub fn call(&self, text: &str) -> JsValue {
        let (engine, call, now) = (Rc::clone(&self.engine), read::<TryCall>(text), now());
        run(&self.lifetime, async move {
            write(&engine.attempt(call?, now).await?)
        })
    }

    /// The alarm has come.
    pub fn alarm(&self) -> JsValue {
        let (engine, now) = (Rc::clone(&self.engine), now());
        run(&self.lifetime, async move {
            engine.alarm(now).await.map(|()| JsValue::UNDEFINED)
        })
    }
}

/// The trait wants the method, and `entry.js` has none.
fn not_by_fetch() -> worker::Result<Response> {
    Err("this object is called by RPC".into())
}

fn run(
    lifetime: &Lifetime,
    task: impl Future<Output = Result<JsValue, PlatformError>> + 'static,
) -> JsValue {
    lifetime.run(async move {
        task.await
            .map_err(|error| js_sys::Error::new(&error.reason).into())
    })
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, PlatformError> {
    serde_json::from_str(text).map_err(|_| PlatformError::new("call is unreadable"))
}

fn write(answer: &impl Serialize) -> Result<JsValue, PlatformError> {
    let text = serde_json::to_string(answer)
        .map_err(|_| PlatformError::new("answer cannot be encoded"))?;
    Ok(JsValue::from_str(&text))
}
