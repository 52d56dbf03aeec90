//! The Durable Objects of synthetic conversations, and the files of the personas.
//!
//! Not here: the decisions (`synthetic`), and the other objects (`objects`, `calls`).

use std::{cell::OnceCell, rc::Rc, time::Duration};

use wasm_bindgen::prelude::*;
use worker::{DurableObject, Env, Request, Response, State, durable_object, js_sys};

use super::{
    config,
    lifetime::Lifetime,
    objects::{call, not_by_fetch, not_configured, run},
    services::{ObjectServices, WorkerServices},
};
use crate::{
    config::{FileError, PersonaFile, Personas, parse_personas},
    synthetic::{
        KnowsPersonas,
        batch::{Batch, list::BatchList},
        run::Runner,
    },
};

/// A run. Its object's name is its batch's id and its number.
#[durable_object(fetch)]
pub struct RunEngine {
    /// `None` while settings are wrong. Then calls fail, and an old alarm is postponed.
    engine: Option<Rc<Runner<ObjectServices>>>,
    services: ObjectServices,
    lifetime: Lifetime,
}

impl DurableObject for RunEngine {
    fn new(state: State, env: Env) -> Self {
        let config = config(&env).ok();
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = config.map(|config| Rc::new(Runner::new(services.clone(), config)));
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
impl RunEngine {
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

/// A batch. Its object's name is its id.
#[durable_object(fetch)]
pub struct BatchEngine {
    engine: Rc<Batch<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for BatchEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = Rc::new(Batch::new(services));
        Self { engine, lifetime }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl BatchEngine {
    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        call(&self.lifetime, Rc::clone(&self.engine), method, arguments)
    }

    /// The alarm fires.
    pub fn alarm(&self) -> JsValue {
        let engine = Rc::clone(&self.engine);
        run(&self.lifetime, async move {
            engine.alarm().await.map(|()| JsValue::UNDEFINED)
        })
    }
}

/// The one list of batches.
#[durable_object(fetch)]
pub struct BatchListEngine {
    engine: Rc<BatchList<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for BatchListEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = Rc::new(BatchList::new(services));
        Self { engine, lifetime }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl BatchListEngine {
    /// Answers a call.
    pub fn call(&self, method: String, arguments: String) -> JsValue {
        call(&self.lifetime, Rc::clone(&self.engine), method, arguments)
    }
}

#[wasm_bindgen(raw_module = "./personas.js")]
extern "C" {
    /// The files of the personas and scenarios: a path, its text, the next path, and so on. `npm run
    /// build` writes the module.
    #[wasm_bindgen(js_name = personaFiles)]
    fn bundled_personas() -> js_sys::Array;
}

/// The personas and scenarios. Their files are read once in an isolate, when they are asked for.
fn personas() -> Rc<Result<Personas, Vec<FileError>>> {
    thread_local! {
        static PERSONAS: OnceCell<Rc<Result<Personas, Vec<FileError>>>> =
            const { OnceCell::new() };
    }
    let parse = || Rc::new(parse_personas(&persona_files(&bundled_personas())));
    PERSONAS.with(|personas| Rc::clone(personas.get_or_init(parse)))
}

impl KnowsPersonas for ObjectServices {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        personas()
    }
}

impl KnowsPersonas for WorkerServices {
    fn personas(&self) -> Rc<Result<Personas, Vec<FileError>>> {
        personas()
    }
}

/// Reads files of personas and scenarios, and says as JSON what is wrong and what there is. `npm run
/// build` and `npm run personas` call it in Node.js.
#[must_use]
#[wasm_bindgen(js_name = checkPersonas)]
pub fn check_personas(files: &js_sys::Array) -> String {
    crate::config::check_personas(&persona_files(files))
}

fn persona_files(pairs: &js_sys::Array) -> Vec<PersonaFile> {
    let texts: Vec<_> = pairs.iter().filter_map(|text| text.as_string()).collect();
    let pairs = texts.as_chunks::<2>().0.iter();
    pairs
        .map(|[path, text]| PersonaFile {
            path: path.clone(),
            text: text.clone(),
        })
        .collect()
}
