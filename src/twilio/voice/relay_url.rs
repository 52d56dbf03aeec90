//! The URL of a relay's socket: one type builds it for the TwiML, reads its path, and gives the text
//! that Twilio signs.
//!
//! The URL has no query, because Twilio's own sources disagree on whether it is signed. Its secret
//! opens one socket: whoever reads it later, in a log or a trace, can do nothing with it. Not here:
//! the signature (`signature`), and that a secret opens one socket (`voice` above).

use std::{
    fmt::{self, Write as _},
    str::FromStr,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    base::{hex::is_hex, time::UnixMillis, url::BaseUrl},
    identity::{Malformed, Pseudonym},
};

/// The path of every relay, without its call and secret.
pub const RELAY_PATH: &str = "/twilio/relay/";

/// The place of one socket.
#[derive(Clone, Debug)]
pub struct RelayUrl {
    /// The name of the call's object.
    pub call: Pseudonym,
    /// What opens the socket.
    pub secret: RelaySecret,
}

impl RelayUrl {
    /// The URL at an origin: `wss`, and `ws` only for plain http on this machine.
    #[must_use]
    pub fn url(&self, origin: &str) -> String {
        let (call, secret) = (self.call.as_str(), &self.secret.0);
        socket_url(origin, &format!("{RELAY_PATH}{call}/{secret}"))
    }

    /// Reads the path of a request, which is nothing but call and secret.
    #[must_use]
    pub fn parse_path(path: &str) -> Option<Self> {
        let (call, secret) = path.strip_prefix(RELAY_PATH)?.split_once('/')?;
        Some(Self {
            call: call.parse().ok()?,
            secret: secret.parse().ok()?,
        })
    }
}

/// The URL of a socket's path at an origin.
#[must_use]
pub fn socket_url(origin: &str, path: &str) -> String {
    // An http origin is one of this machine, or it is none.
    let is_plain = origin.starts_with("http://") && BaseUrl::parse(origin).is_ok();
    let scheme = if is_plain { "ws" } else { "wss" };
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let host = host.trim_end_matches('/');
    format!("{scheme}://{host}{path}")
}

/// A secret of 128 bits, in 32 lower-case hex digits.
#[derive(Clone)]
pub struct RelaySecret(String);

impl RelaySecret {
    /// A secret made of random bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(hex(&random))
    }

    /// The secret as it stands in a path. Whoever has it can open the socket.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> RelaySecretHash {
        RelaySecretHash(hex(&Sha256::digest(self.0.as_bytes())))
    }
}

impl FromStr for RelaySecret {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_whole = is_hex(text, 32);
        is_whole.then(|| Self(text.to_owned())).ok_or(Malformed)
    }
}

/// It opens a socket: the debug form does not show it.
impl fmt::Debug for RelaySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelaySecret(..)")
    }
}

/// The SHA-256 of a secret. It opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RelaySecretHash(String);

impl RelaySecretHash {
    /// Whether it is that of `secret`. The time of the comparison does not depend on how much of it is
    /// right.
    #[must_use]
    pub fn is_of(&self, secret: &RelaySecret) -> bool {
        let (own, other) = (self.0.as_bytes(), secret.hash().0);
        let difference = own
            .iter()
            .zip(other.as_bytes())
            .fold(0, |difference, (a, b)| difference | (a ^ b));
        own.len() == other.len() && difference == 0
    }
}

/// A socket that may be opened, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The hash of the secret in the socket's path.
    secret: RelaySecretHash,
    until: UnixMillis,
}

/// How long a secret opens a socket.
pub const DOOR_OPEN: Duration = Duration::from_mins(1);

impl Door {
    /// A door that this secret opens from now on, for [`DOOR_OPEN`].
    #[must_use]
    pub fn new(secret: &RelaySecretHash, now: UnixMillis) -> Self {
        Self {
            secret: secret.clone(),
            until: now.plus(DOOR_OPEN),
        }
    }

    /// Whether this secret opens it now.
    #[must_use]
    pub fn opens(&self, secret: &RelaySecret, now: UnixMillis) -> bool {
        self.secret.is_of(secret) && now < self.until
    }

    /// From when on nothing opens it.
    #[must_use]
    pub fn until(&self) -> UnixMillis {
        self.until
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CALL: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const SECRET: &str = "000102030405060708090a0b0c0d0e0f";

    fn relay() -> RelayUrl {
        RelayUrl {
            call: CALL.parse().unwrap(),
            secret: RelaySecret::new([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
        }
    }

    #[test]
    fn a_relay_is_reached_by_wss_and_on_this_machine_by_ws() {
        let path = format!("/twilio/relay/{CALL}/{SECRET}");
        for (origin, expected) in [
            ("https://example.com", "wss://example.com"),
            ("https://example.com:8443", "wss://example.com:8443"),
            ("https://127.0.0.1:8787", "wss://127.0.0.1:8787"),
            ("http://127.0.0.1:8787", "ws://127.0.0.1:8787"),
            ("http://localhost:8787", "ws://localhost:8787"),
            ("http://[::1]:8787", "ws://[::1]:8787"),
            ("http://example.com", "wss://example.com"),
            ("http://localhost.example", "wss://localhost.example"),
        ] {
            assert_eq!(relay().url(origin), format!("{expected}{path}"));
        }
    }

    #[test]
    fn the_path_of_a_url_is_read_back_and_no_other_is() {
        let url = relay().url("https://example.com");
        let path = url.strip_prefix("wss://example.com").unwrap();
        let read = RelayUrl::parse_path(path).unwrap();
        assert_eq!(read.url("https://example.com"), url);
        let upper = path.to_uppercase();
        for other in [
            "",
            "/",
            "/twilio/relay/",
            &path[..path.len() - 1],
            &format!("{path}/"),
            &format!("{path}?x=1"),
            &format!("{path}0"),
            &format!("/{path}"),
            &format!("/twilio/relay/{CALL}"),
            &format!("/twilio/relay/{CALL}/"),
            &format!("/twilio/relay//{SECRET}"),
            &format!("/twilio/relay/{SECRET}/{CALL}"),
            &upper,
            &path.replace("relay/0", "relay/%30"),
        ] {
            assert!(RelayUrl::parse_path(other).is_none(), "{other}");
        }
    }

    #[test]
    fn only_the_secret_itself_has_its_hash_and_neither_shows_it() {
        let secret = relay().secret;
        let hash = secret.hash();
        assert!(hash.is_of(&secret));
        let mut other = [0; 16];
        other[15] = 1;
        assert!(!hash.is_of(&RelaySecret::new(other)));
        assert!(!RelaySecretHash(String::new()).is_of(&secret));
        let shown = format!("{:?} {hash:?}", relay());
        assert!(!shown.contains(SECRET), "{shown}");
        let stored = serde_json::to_string(&hash).unwrap();
        let read: RelaySecretHash = serde_json::from_str(&stored).unwrap();
        assert!(read.is_of(&secret) && !stored.contains(SECRET));
    }

    proptest! {
        #[test]
        fn every_secret_comes_back_from_its_path(random in any::<[u8; 16]>()) {
            let relay = RelayUrl { secret: RelaySecret::new(random), ..relay() };
            let url = relay.url("https://example.com");
            let path = url.strip_prefix("wss://example.com").unwrap();
            let read = RelayUrl::parse_path(path).unwrap();
            prop_assert!(relay.secret.hash().is_of(&read.secret));
        }

        #[test]
        fn any_path_and_origin_give_an_answer(path in ".{0,120}", origin in ".{0,40}") {
            let _ = RelayUrl::parse_path(&path);
            let _ = relay().url(&origin);
        }
    }
}
