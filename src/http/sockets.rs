//! The upgrades of sockets: that of a call, and those of the legs of a synthetic call.
//!
//! Twilio signs the URL of the socket as it stands in the TwiML. One type builds that URL and reads it
//! here. Not here: the secret, which the object checks (`voice`, `synthetic`), and the socket itself
//! (`runtime`).

use super::{
    platform::WorkerPlatform,
    request::{Request, path_of, target_of},
    response::{Response, not_found},
    webhook::{self, Rejection, origin},
};
use crate::{
    config::{Config, ConfigError},
    identity::PhoneHash,
    synthetic::call_url::{self, LegUrl},
    twilio::{
        signature,
        voice::relay_url::{RELAY_PATH, RelayUrl},
    },
};

/// What a request opens a socket to.
#[derive(Debug)]
pub enum Upgrade {
    /// The request is no upgrade of a socket.
    Other,
    /// It is not signed by Twilio, or no upgrade.
    Rejected(Response),
    /// Twilio has signed it. The call's object checks the secret.
    Verified(RelayUrl),
    /// The same for a leg of a synthetic call. The run's object checks the secret.
    VerifiedLeg(LegUrl),
}

/// Checks the upgrade of a socket. Nothing else happens before this.
pub fn upgrade(
    platform: &impl WorkerPlatform,
    config: Result<&Config, &[ConfigError]>,
    request: &impl Request,
) -> Upgrade {
    let url = request.url();
    let path = path_of(&url);
    // With a query, a target is not the path of a socket.
    let target = target_of(&url);
    let verified = if path.starts_with(RELAY_PATH) {
        let relay = RelayUrl::parse_path(target);
        let built = relay.as_ref().zip(config.ok());
        let built = built.map(|(relay, config)| relay.url(origin(config, &url)));
        verify(config, request, built.as_deref()).map(|()| relay.map(Upgrade::Verified))
    } else if path.starts_with(call_url::PREFIX) && is_upgrade(request) {
        let leg = LegUrl::parse_path(target);
        let built = leg.as_ref().zip(config.ok());
        let built = built.map(|(leg, config)| leg.url(origin(config, &url)));
        verify(config, request, built.as_deref()).map(|()| leg.map(Upgrade::VerifiedLeg))
    } else {
        return Upgrade::Other;
    };
    match verified {
        Ok(Some(upgrade)) if is_upgrade(request) => upgrade,
        Ok(_) => Upgrade::Rejected(not_found()),
        Err(rejection) => Upgrade::Rejected(webhook::reject(platform, rejection)),
    }
}

/// Verifies the signature over the URL of a socket. Without a URL, there is nothing to verify.
fn verify<'c>(
    config: Result<&Config, &'c [ConfigError]>,
    request: &impl Request,
    socket: Option<&str>,
) -> Result<(), Rejection<'c>> {
    let config = config.map_err(Rejection::Configuration)?;
    let Some(socket) = socket.filter(|_| is_upgrade(request)) else {
        return Ok(());
    };
    let signature = request.header("X-Twilio-Signature");
    signature::verify_upgrade(socket, signature.as_deref(), &config.twilio_tokens)
        .map(drop)
        .map_err(|error| Rejection::Signature(error, PhoneHash::nobody()))
}

fn is_upgrade(request: &impl Request) -> bool {
    let is_websocket = |value: String| value.eq_ignore_ascii_case("websocket");
    request.method() == "GET" && request.header("Upgrade").is_some_and(is_websocket)
}
