//! The frame of the Durable Object classes: each passes calls and alarms on to its engine.
//!
//! A call has a method's name and JSON arguments, and its reply is JSON. An error of the platform
//! or the engine is thrown. Source: Cloudflare, "Durable Objects". Not here: the classes
//! (`objects`, `calls`, `synthetic`).
//!
//! `#[durable_object]` does not define `alarm` here. Its method would keep the object in memory
//! while the alarm runs. If the runtime resets the object, that alarm never ends, and the object
//! would stay forever.

use std::{rc::Rc, time::Duration};

use wasm_bindgen::prelude::*;
use worker::{Env, State, js_sys};

use super::{config, lifetime::Lifetime, services::ObjectServices};
use crate::{config::Config, object::Engine, platform::PlatformError};

/// Defines a class around an engine. `new` gets the services, the settings and the object's name.
///
/// An engine that is `configured` does not exist while settings are wrong. Then calls fail, and an
/// old alarm is postponed.
macro_rules! object_class {
    ($(#[$doc:meta])* $class:ident, $engine:ty, $new:expr) => {
        $(#[$doc])*
        #[worker::durable_object(fetch)]
        pub struct $class($crate::runtime::object_class::Object<$engine>);

        impl worker::DurableObject for $class {
            fn new(state: worker::State, env: worker::Env) -> Self {
                Self($crate::runtime::object_class::Object::new(state, env, $new))
            }

            async fn fetch(&self, _: worker::Request) -> worker::Result<worker::Response> {
                // The trait requires the method, but `entry.js` has none.
                Err("this object is called by RPC".into())
            }
        }

        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $class {
            /// Answers a call.
            pub fn call(&self, method: String, arguments: String) -> wasm_bindgen::JsValue {
                self.0.call(method, arguments)
            }

            /// The alarm fires.
            pub fn alarm(&self) -> wasm_bindgen::JsValue {
                self.0.alarm()
            }
        }
    };
}
pub(super) use object_class;

/// An object in memory.
pub struct Object<E> {
    /// `None` while settings are wrong, if the engine needs them.
    pub engine: Option<Rc<E>>,
    pub services: ObjectServices,
    pub lifetime: Lifetime,
}

/// What an engine is made of.
pub struct Parts {
    pub services: ObjectServices,
    /// `None` while settings are wrong.
    pub config: Option<Rc<Config>>,
    /// The object's name, if it has one.
    pub name: Option<String>,
}

impl<E: Engine + 'static> Object<E> {
    /// An object with the engine that `new` makes.
    pub fn new(state: State, env: Env, new: impl FnOnce(Parts) -> Option<E>) -> Self {
        let (config, name) = (config(&env).ok(), state.id().name());
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let parts = Parts {
            services: services.clone(),
            config,
            name,
        };
        Self {
            engine: new(parts).map(Rc::new),
            services,
            lifetime,
        }
    }

    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        let engine = self.engine.clone();
        self.run(async move {
            let engine = engine.ok_or_else(|| PlatformError::new("not configured"))?;
            let reply = engine.call(&method, &arguments).await?;
            Ok(JsValue::from_str(&reply))
        })
    }

    /// The alarm fires.
    pub fn alarm(&self) -> JsValue {
        let (engine, services) = (self.engine.clone(), self.services.clone());
        self.run(async move {
            match engine {
                Some(engine) => engine.alarm().await?,
                None => services.set_alarm_in(Duration::from_mins(1)).await?,
            }
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Runs a task of the object.
    pub fn run(
        &self,
        task: impl Future<Output = Result<JsValue, PlatformError>> + 'static,
    ) -> JsValue {
        self.lifetime
            .run(async move { task.await.map_err(|error| thrown(&error)) })
    }
}

/// An error of an engine, as it is thrown.
pub fn thrown(error: &PlatformError) -> JsValue {
    js_sys::Error::new(&error.reason).into()
}
