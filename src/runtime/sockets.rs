//! The sockets of Durable Objects: those of calls, and of the legs of synthetic calls.
//!
//! A socket is accepted for hibernation: the object may leave memory between frames, and the runtime
//! keeps the socket. Its tag is the number that the engine gave it. Not here: what a frame means (`voice`,
//! `synthetic`).

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::{
    Env, Response, WebSocket, WebSocketPair, js_sys::Promise, wasm_bindgen_futures::JsFuture,
    web_sys,
};

use super::{
    lifetime::TaskResult,
    object_class::{Object, thrown},
    outgoing,
    services::ObjectServices,
};
use crate::{
    http::{forbidden, path_of},
    platform::{PlatformError, Sockets},
};

/// An engine with sockets.
#[allow(
    async_fn_in_trait,
    reason = "wasm32 is single-threaded; no caller needs Send"
)]
pub trait SocketEngine: 'static {
    /// Opens the socket of a path. Returns its number, or `None` if the path's secret is not right. The
    /// Worker has verified the signature of the request.
    async fn open(&self, path: &str) -> Result<Option<u32>, PlatformError>;
    /// A text has come over a socket.
    async fn message(&self, socket: u32, text: &str);
    /// A socket was closed, or has failed.
    async fn lost(&self, socket: u32);
}

/// Adds what `entry.js` calls for sockets to a class of `object_class!`. Its engine is a [`SocketEngine`].
macro_rules! socket_class {
    ($class:ident) => {
        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $class {
            /// Opens a socket, if the request has its secret.
            pub fn upgrade(&self, request: &worker::web_sys::Request) -> wasm_bindgen::JsValue {
                $crate::runtime::sockets::upgrade(&self.0, request)
            }

            /// A text has come over a socket.
            #[wasm_bindgen(js_name = socketMessage)]
            pub fn socket_message(
                &self,
                socket: worker::web_sys::WebSocket,
                text: String,
            ) -> wasm_bindgen::JsValue {
                $crate::runtime::sockets::at_socket(&self.0, socket, async move |engine, socket| {
                    $crate::runtime::sockets::SocketEngine::message(&*engine, socket, &text).await;
                })
            }

            /// A socket was closed, or has failed.
            #[wasm_bindgen(js_name = socketClosed)]
            pub fn socket_closed(
                &self,
                socket: worker::web_sys::WebSocket,
            ) -> wasm_bindgen::JsValue {
                $crate::runtime::sockets::at_socket(&self.0, socket, async |engine, socket| {
                    $crate::runtime::sockets::SocketEngine::lost(&*engine, socket).await;
                })
            }
        }
    };
}
pub(super) use socket_class;

/// Opens a socket, if the request has its secret.
pub fn upgrade<E: SocketEngine>(object: &Object<E>, request: &web_sys::Request) -> JsValue {
    let (engine, services) = (object.engine.clone(), object.services.clone());
    let url = request.url();
    object.lifetime.run(async move {
        let Some(engine) = engine else {
            return outgoing(&forbidden());
        };
        let opened = engine.open(path_of(&url)).await;
        match opened.map_err(|error| thrown(&error))? {
            Some(socket) => services.accept_socket(socket),
            None => outgoing(&forbidden()),
        }
    })
}

/// Does something with the engine and the number of a socket.
pub fn at_socket<E: SocketEngine>(
    object: &Object<E>,
    socket: web_sys::WebSocket,
    work: impl AsyncFnOnce(Rc<E>, u32) + 'static,
) -> JsValue {
    let number = object.services.number_of(&socket.into());
    let engine = object.engine.clone().zip(number);
    object.lifetime.run(async move {
        if let Some((engine, number)) = engine {
            work(engine, number).await;
        }
        Ok(JsValue::UNDEFINED)
    })
}

/// Passes the upgrade of a socket on to its object, which answers it.
pub async fn pass_upgrade(
    env: &Env,
    binding: &str,
    name: &str,
    request: &web_sys::Request,
) -> TaskResult {
    let stub = env.durable_object(binding)?.get_by_name(name)?;
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
    /// Accepts a socket of that number. Returns the response that opens it.
    fn accept_socket(&self, number: u32) -> TaskResult {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.state()
            .accept_websocket_with_tags(&server, &[&number.to_string()]);
        Ok(web_sys::Response::from(Response::from_websocket(client)?).into())
    }

    /// The number of a socket.
    fn number_of(&self, socket: &WebSocket) -> Option<u32> {
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
