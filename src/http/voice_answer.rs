//! What the answers to the webhooks of all calls share: TwiML, and the secret of a socket.
//!
//! Not here: which answer a call gets (`voice`, `synthetic_call`).

use super::{platform::WorkerPlatform, response::Response, webhook::Rejection};
use crate::{
    event::ObjectKind,
    twilio::{
        twiml::CONTENT_TYPE,
        voice::{relay_url::RelaySecret, twiml},
    },
};

/// A new secret for a socket.
pub(super) fn secret<'c>(platform: &impl WorkerPlatform) -> Result<RelaySecret, Rejection<'c>> {
    let bytes = platform.secret_bytes();
    let bytes = bytes.map_err(|error| Rejection::Object(ObjectKind::Call, error.reason))?;
    Ok(RelaySecret::new(bytes))
}

/// The call hangs up.
pub(super) fn hang_up<'c>() -> Result<Response, Rejection<'c>> {
    twiml_response(twiml::hang_up())
}

/// The answer with this TwiML.
pub(super) fn twiml_response<'c>(
    twiml: std::io::Result<String>,
) -> Result<Response, Rejection<'c>> {
    let body = twiml.map_err(|_| Rejection::Twiml)?;
    Ok(Response::new(200, CONTENT_TYPE, body))
}
