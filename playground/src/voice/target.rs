//! Where a relay is: the URL of `<ConversationRelay>`, as strictly as anything is documented or
//! recorded.
//!
//! The upgrade is signed over the URL exactly as it is written. A query is refused, because two pages
//! of Twilio disagree whether it is signed. A port is refused, because it was never recorded.

use crate::webhook::answer::{TwilioError, twilio_error};
use crate::webhook::client::WebhookClient;

/// The relay of a Worker.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The host and the port on this machine.
    pub authority: String,
    /// The address of the WebSocket on this machine.
    pub url: String,
}

/// Reads the URL of a relay.
///
/// # Errors
/// The error that Twilio would report: 64101 if the URL cannot be used, 64102 if the playground does
/// not connect there.
pub fn target(url: &str, client: &WebhookClient) -> Result<Target, TwilioError> {
    let unusable = |reason: &str| {
        let reason = format!("the url of <ConversationRelay> {reason}: {url:?}");
        twilio_error(64101, &reason)
    };
    let (secure, rest) = match url.split_once("://") {
        Some(("wss", rest)) => (true, rest),
        Some(("ws", rest)) => (false, rest),
        _ => return Err(unusable("must begin with wss://")),
    };
    if url.contains(char::is_whitespace) || rest.contains(['#', '@']) {
        return Err(unusable("is no address of a WebSocket"));
    }
    if rest.contains('?') {
        return Err(unusable("must have no query"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.is_empty() {
        return Err(unusable("has no host"));
    }
    if secure && authority.contains(':') {
        return Err(unusable("must have no port"));
    }
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    let is_loopback = ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    if !secure && !is_loopback {
        return Err(unusable("must begin with wss://, except on this machine"));
    }
    let scheme = if secure { "https" } else { "http" };
    let local = client
        .local_url(&format!("{scheme}://{rest}"))
        .and_then(|local| local.strip_prefix("http://").map(str::to_owned));
    let Some(local) = local else {
        let reason = format!("the playground connects to the Worker only, and not to {url}");
        return Err(twilio_error(64102, &reason));
    };
    Ok(Target {
        authority: local.split('/').next().unwrap_or_default().to_owned(),
        url: format!("ws://{local}"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn client(public: Option<&str>) -> WebhookClient {
        WebhookClient::new("http://127.0.0.1:8787", public, "token".to_owned()).unwrap()
    }

    #[test]
    fn a_relay_is_found_on_this_machine() {
        let local = Target {
            authority: "127.0.0.1:8787".to_owned(),
            url: "ws://127.0.0.1:8787/twilio/relay/a/b".to_owned(),
        };
        let url = "ws://127.0.0.1:8787/twilio/relay/a/b";
        assert_eq!(target(url, &client(None)).as_ref(), Ok(&local));
        let public = client(Some("https://switchboard.example"));
        let url = "wss://switchboard.example/twilio/relay/a/b";
        assert_eq!(target(url, &public).as_ref(), Ok(&local));
    }

    #[test]
    fn other_addresses_are_refused() {
        for (url, code) in [
            ("", 64101),
            ("/twilio/relay/a/b", 64101),
            ("https://switchboard.example/twilio/relay/a/b", 64101),
            ("http://127.0.0.1:8787/twilio/relay/a/b", 64101),
            ("ws://switchboard.example/twilio/relay/a/b", 64101),
            ("ws://127.0.0.1.example/twilio/relay/a/b", 64101),
            ("wss://switchboard.example/twilio/relay/a/b?c=d", 64101),
            ("wss://switchboard.example/twilio/relay/a/b#c", 64101),
            ("wss://switchboard.example:443/twilio/relay/a/b", 64101),
            ("wss://a@switchboard.example/twilio/relay/a/b", 64101),
            ("wss://switchboard.example/twilio relay", 64101),
            ("wss:///twilio/relay/a/b", 64101),
            ("wss://other.example/twilio/relay/a/b", 64102),
            ("wss://switchboard.example.evil.example/a", 64102),
            ("ws://127.0.0.1:9/twilio/relay/a/b", 64102),
        ] {
            let client = client(Some("https://switchboard.example"));
            let found = target(url, &client).map_err(|error| error.code);
            assert_eq!(found, Err(code), "{url}");
        }
    }
}
