//! The Durable Objects of calls and callers, and the sockets of a call.
//!
//! A socket is accepted for hibernation: the object may leave memory between frames, and the runtime keeps the socket. Its
//! tag is the number of its session. Not here: the decisions (`voice`), and the other objects (`objects`).

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::{
    Env, Response, WebSocket, WebSocketPair, js_sys::Promise, wasm_bindgen_futures::JsFuture,
    web_sys,
};

use super::{
    lifetime::TaskResult,
    object_class::{object_class, thrown},
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

object_class!(
    /// A call. Its object's name is the pseudonym of Twilio's id of the call.
    CallEngine,
    Phone<ObjectServices>,
    |parts| {
        let name = Pseudonym::from_object_name(parts.name?);
        Some(Phone::new(parts.services, parts.config?, name))
    }
);

object_class!(
    /// A caller. Its object's name is a pseudonym.
    CallerEngine,
    Callers<ObjectServices>,
    |parts| Some(Callers::new(parts.services))
);

#[wasm_bindgen]
impl CallEngine {
    /// Opens a socket, if the request has the call's secret. The Worker has verified its signature.
    pub fn upgrade(&self, request: &web_sys::Request) -> JsValue {
        let (engine, services) = (self.0.engine.clone(), self.0.services.clone());
        let relay = RelayUrl::parse_path(path_of(&request.url()));
        self.0.lifetime.run(async move {
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
        let session = self.0.services.session_of(&socket.into());
        let engine = self.0.engine.clone().zip(session);
        self.0.lifetime.run(async move {
            if let Some((engine, session)) = engine {
                work(engine, session).await;
            }
            Ok(JsValue::UNDEFINED)
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
