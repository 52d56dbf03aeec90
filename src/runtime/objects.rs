//! The Durable Objects, which forward calls to the engines. The engines are tested natively.
//! `entry.js` has the classes that the runtime sees.
//!
//! A call has a method's name and JSON arguments, and its reply is JSON. An error of the platform
//! or the engine is thrown. Source: Cloudflare, "Durable Objects".
//!
//! `#[durable_object]` does not define `alarm` here. Its method would keep the object in memory
//! while the alarm runs. If the runtime resets the object, that alarm never ends, and the object
//! would stay forever.

use std::{rc::Rc, time::Duration};

use wasm_bindgen::prelude::*;
use worker::{DurableObject, Env, Request, Response, State, durable_object, js_sys};

use super::{clock::now, config, lifetime::Lifetime, services::ObjectServices};
use crate::{
    conversation::budget::Budget, http::admin_lockout::AdminLockout, identity::Pseudonym,
    messaging::thread::Thread, object::Engine, platform::PlatformError,
};

/// A thread. Its object's name is the pseudonym of its pair of addresses.
#[durable_object(fetch)]
pub struct ThreadEngine {
    /// `None` while settings are wrong. Then calls fail, and an old alarm is postponed.
    engine: Option<Rc<Thread<ObjectServices>>>,
    services: ObjectServices,
    lifetime: Lifetime,
}

impl DurableObject for ThreadEngine {
    fn new(state: State, env: Env) -> Self {
        let (config, name) = (config(&env).ok(), state.id().name());
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = config.zip(name).map(|(config, name)| {
            let name = Pseudonym::from_object_name(name);
            Rc::new(Thread::new(services.clone(), config, name))
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
impl ThreadEngine {
    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        match self.engine.clone() {
            Some(engine) => call(&self.lifetime, engine, method, arguments),
            None => not_configured(&self.lifetime),
        }
    }

    /// The alarm fires.
    pub fn alarm(&self) -> JsValue {
        let (engine, services) = (self.engine.clone(), self.services.clone());
        run(&self.lifetime, async move {
            match engine {
                Some(engine) => engine.alarm().await?,
                None => services.set_alarm_in(Duration::from_mins(1)).await?,
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
        let engine = Rc::new(Budget::new(services));
        Self { engine, lifetime }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl BudgetEngine {
    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        call(&self.lifetime, Rc::clone(&self.engine), method, arguments)
    }
}

/// The lockout of one client address that tried the admin token.
#[durable_object(fetch)]
pub struct AdminLockoutEngine {
    engine: Rc<AdminLockout<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for AdminLockoutEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = Rc::new(AdminLockout::new(services));
        Self { engine, lifetime }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl AdminLockoutEngine {
    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        call(&self.lifetime, Rc::clone(&self.engine), method, arguments)
    }

    /// The alarm fires.
    pub fn alarm(&self) -> JsValue {
        let (engine, now) = (Rc::clone(&self.engine), now());
        run(&self.lifetime, async move {
            engine.alarm(now).await.map(|()| JsValue::UNDEFINED)
        })
    }
}

/// The trait requires the method, but `entry.js` has none.
pub(super) fn not_by_fetch() -> worker::Result<Response> {
    Err("this object is called by RPC".into())
}

pub(super) fn not_configured(lifetime: &Lifetime) -> JsValue {
    run(lifetime, async {
        Err(PlatformError::new("not configured"))
    })
}

pub(super) fn call(
    lifetime: &Lifetime,
    engine: Rc<impl Engine + 'static>,
    method: String,
    arguments: String,
) -> JsValue {
    run(lifetime, async move {
        let reply = engine.call(&method, &arguments).await?;
        Ok(JsValue::from_str(&reply))
    })
}

pub(super) fn run(
    lifetime: &Lifetime,
    task: impl Future<Output = Result<JsValue, PlatformError>> + 'static,
) -> JsValue {
    lifetime.run(async move {
        let result = task.await;
        result.map_err(|error| thrown(&error))
    })
}

/// An error of an engine, as it is thrown.
pub(super) fn thrown(error: &PlatformError) -> JsValue {
    js_sys::Error::new(&error.reason).into()
}
