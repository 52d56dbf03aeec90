//! The Durable Objects of calls and callers, and the sockets of a call.
//!
//! A socket is accepted for hibernation: the object may leave memory between frames, and the runtime keeps the socket. Its
//! tag is the number of its session. Not here: the decisions (`voice`), and the other objects (`objects`).

use std::{rc::Rc, time::Duration};

use wasm_bindgen::prelude::*;
use worker::{
    DurableObject, Env, Request, Response, State, WebSocket, WebSocketPair, durable_object,
    js_sys::Promise, wasm_bindgen_futures::JsFuture, web_sys,
};

use super::{
    config,
    lifetime::{Lifetime, TaskResult},
    objects::{call, not_by_fetch, not_configured, run, thrown},
    outgoing,
    services::ObjectServices,
};
use crate::{
    http::{forbidden, path_of},
    identity::Pseudonym,
    platform::{Method, Sockets},
    twilio::voice::relay_url::RelayUrl,
    voice::{api::Admit, call::Phone, callers::Callers},
};

/// A call. Its object's name is the pseudonym of Twilio's id of the call.
#[durable_object(fetch)]
pub struct CallEngine {
    /// `None` while settings are wrong. Then calls fail, and an old alarm is postponed.
    engine: Option<Rc<Phone<ObjectServices>>>,
    services: ObjectServices,
    lifetime: Lifetime,
}

impl DurableObject for CallEngine {
    fn new(state: State, env: Env) -> Self {
        let (config, name) = (config(&env).ok(), state.id().name());
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = config.zip(name).map(|(config, name)| {
            let name = Pseudonym::from_object_name(name);
            Rc::new(Phone::new(services.clone(), config, name))
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
impl CallEngine {
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

    /// Opens a socket, if the request has the call's secret. The Worker has verified its signature.
    pub fn upgrade(&self, request: &web_sys::Request) -> JsValue {
        let (engine, services) = (self.engine.clone(), self.services.clone());
        let relay = RelayUrl::parse_path(path_of(&request.url()));
        self.lifetime.run(async move {
            let (Some(engine), Some(relay)) = (engine, relay) else {
                return outgoing(&forbidden());
            };
            let session = engine
                .connect(&relay.secret)
                .await
                .map_err(|error| thrown(&error))?;
            match session {
                Some(session) => services.accept_socket(session),
                None => outgoing(&forbidden()),
            }
        })
    }

    /// A text has come over a socket.
    #[wasm_bindgen(js_name = socketMessage)]
    pub fn socket_message(&self, socket: web_sys::WebSocket, text: String) -> JsValue {
        self.at_socket(socket, async move |engine, session| {
            engine.frame(session, &text).await;
        })
    }

    /// A socket was closed, or has failed.
    #[wasm_bindgen(js_name = socketClosed)]
    pub fn socket_closed(&self, socket: web_sys::WebSocket) -> JsValue {
        self.at_socket(socket, async |engine, session| engine.closed(session).await)
    }

    fn at_socket(
        &self,
        socket: web_sys::WebSocket,
        work: impl AsyncFnOnce(Rc<Phone<ObjectServices>>, u32) + 'static,
    ) -> JsValue {
        let session = self.services.session_of(&socket.into());
        let engine = self.engine.clone().zip(session);
        self.lifetime.run(async move {
            if let Some((engine, session)) = engine {
                work(engine, session).await;
            }
            Ok(JsValue::UNDEFINED)
        })
    }
}

/// A caller. Its object's name is a pseudonym.
#[durable_object(fetch)]
pub struct CallerEngine {
    engine: Rc<Callers<ObjectServices>>,
    lifetime: Lifetime,
}

impl DurableObject for CallerEngine {
    fn new(state: State, env: Env) -> Self {
        let lifetime = Lifetime::new();
        let services = ObjectServices::new(state, env, lifetime.end());
        let engine = Rc::new(Callers::new(services));
        Self { engine, lifetime }
    }

    async fn fetch(&self, _: Request) -> worker::Result<Response> {
        not_by_fetch()
    }
}

#[wasm_bindgen]
impl CallerEngine {
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

/// Passes the upgrade of a socket on to the call's object, which answers it.
pub async fn pass_upgrade(env: &Env, relay: &RelayUrl, request: &web_sys::Request) -> TaskResult {
    let objects = env.durable_object(Admit::BINDING)?;
    let stub = objects.get_by_name(relay.call.as_str())?;
    // `worker` would make the response anew, and a response with a socket can't be copied.
    JsFuture::from(stub.into_rpc::<Fetches>().fetch(request)?).await
}

#[wasm_bindgen]
extern "C" {
    /// The stub of an object.
    type Fetches;
    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetches, request: &web_sys::Request) -> Result<Promise, JsValue>;
}

impl ObjectServices {
    /// Accepts a socket for a session. Returns the response that opens it.
    fn accept_socket(&self, session: u32) -> TaskResult {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state()
            .accept_websocket_with_tags(&server, &[&session.to_string()]);
        Ok(web_sys::Response::from(Response::from_websocket(client)?).into())
    }

    /// The session of a socket.
    fn session_of(&self, socket: &WebSocket) -> Option<u32> {
        self.state().get_tags(socket).first()?.parse().ok()
    }
}

impl Sockets for ObjectServices {
    fn send_text(&self, socket: u32, text: &str) {
        for socket in self.state().get_websockets_with_tag(&socket.to_string()) {
            // A socket that is closed already cannot be told anything.
            let _ = socket.send_with_str(text);
        }
    }

    fn close(&self, socket: u32, code: u16, reason: &str) {
        for socket in self.state().get_websockets_with_tag(&socket.to_string()) {
            let _ = socket.close(Some(code), Some(reason));
        }
    }
}
