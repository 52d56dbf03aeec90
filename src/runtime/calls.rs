//! The Durable Objects of calls and callers.
//!
//! Not here: the decisions (`voice`), the sockets (`sockets`), and the other objects (`objects`).

use super::{
    object_class::object_class,
    services::ObjectServices,
    sockets::{SocketEngine, socket_class},
};
use crate::{
    identity::Pseudonym,
    platform::PlatformError,
    twilio::voice::relay_url::RelayUrl,
    voice::{call::Phone, callers::Callers},
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
socket_class!(CallEngine);

object_class!(
    /// A caller. Its object's name is a pseudonym.
    CallerEngine,
    Callers<ObjectServices>,
    |parts| Some(Callers::new(parts.services))
);

/// The number of a socket is that of its session.
impl SocketEngine for Phone<ObjectServices> {
    async fn open(&self, path: &str) -> Result<Option<u32>, PlatformError> {
        match RelayUrl::parse_path(path) {
            Some(relay) => self.connect(&relay.secret).await,
            None => Ok(None),
        }
    }

    async fn message(&self, socket: u32, text: &str) {
        self.frame(socket, text).await;
    }

    async fn lost(&self, socket: u32) {
        self.closed(socket).await;
    }
}
