//! The Durable Objects of synthetic conversations, and the files of the personas.
//!
//! Not here: the decisions (`synthetic`), the sockets (`sockets`), and the other objects (`objects`, `calls`).

use std::{cell::OnceCell, rc::Rc};

use wasm_bindgen::prelude::*;
use worker::js_sys;

use super::{
    object_class::object_class,
    services::{ObjectServices, WorkerServices},
    sockets::{SocketEngine, socket_class},
};
use crate::{
    config::{FileError, PersonaFile, Personas, parse_personas},
    platform::PlatformError,
    synthetic::{
        KnowsPersonas,
        batch::{Batch, list::BatchList},
        call_url::LegUrl,
        run::Runner,
    },
};

object_class!(
    /// A run. Its object's name is its batch's id and its number.
    RunEngine,
    Runner<ObjectServices>,
    |parts| Some(Runner::new(parts.services, parts.config?))
);
socket_class!(RunEngine);

/// The number of a socket is that of its leg.
impl SocketEngine for Runner<ObjectServices> {
    async fn open(&self, path: &str) -> Result<Option<u32>, PlatformError> {
        let Some(LegUrl { leg, secret, .. }) = LegUrl::parse_path(path) else {
            return Ok(None);
        };
        let connected = self.connect(leg, &secret).await?;
        Ok(connected.then(|| leg.socket()))
    }

    async fn message(&self, socket: u32, text: &str) {
        self.frame(socket, text).await;
    }

    async fn lost(&self, socket: u32) {
        self.closed(socket).await;
    }
}

object_class!(
    /// A batch. Its object's name is its id.
    BatchEngine,
    Batch<ObjectServices>,
    |parts| Some(Batch::new(parts.services))
);

object_class!(
    /// The one list of batches.
    BatchListEngine,
    BatchList<ObjectServices>,
    |parts| Some(BatchList::new(parts.services))
);

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
