//! The URLs of a synthetic call: its webhooks and its sockets. One type builds each URL and reads its path.
//!
//! A run's id in a path is no secret: Twilio signs every request, and each socket has a secret of its
//! own. Not here: the signature (`twilio::signature`).

use super::plan::{Leg, RunId};
use crate::twilio::voice::relay_url::{RelaySecret, socket_url};

/// What all paths of synthetic calls begin with.
pub const PREFIX: &str = "/twilio/synthetic/";

/// The number that was called has answered: the caller's leg waits for TwiML.
pub const VOICE: &str = "/twilio/synthetic/{run}/voice";
/// The action of `<Connect>`: the socket of a leg has ended.
pub const ENDED: &str = "/twilio/synthetic/{run}/{leg}/ended";
/// The status callback of the call.
pub const STATUS: &str = "/twilio/synthetic/{run}/status";
/// The status callback of its recording.
pub const RECORDING: &str = "/twilio/synthetic/{run}/recording";

/// A webhook of a run's call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// The run.
    pub run: RunId,
    /// What has happened.
    pub kind: Kind,
}

/// What a webhook tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caller's leg waits for TwiML.
    Voice,
    /// The socket of a leg has ended.
    Ended(Leg),
    /// The call has another status.
    Status,
    /// The recording has another status.
    Recording,
}

impl Webhook {
    /// Its URL at an origin.
    #[must_use]
    pub fn url(&self, origin: &str) -> String {
        let (template, leg) = match self.kind {
            Kind::Voice => (VOICE, None),
            Kind::Ended(leg) => (ENDED, Some(leg)),
            Kind::Status => (STATUS, None),
            Kind::Recording => (RECORDING, None),
        };
        let path = template.replace("{run}", &self.run.to_string());
        let path = path.replace("{leg}", leg.map_or("", Leg::as_str));
        format!("{origin}{path}")
    }

    /// Reads the path of a request.
    #[must_use]
    pub fn parse_path(path: &str) -> Option<Self> {
        let (run, rest) = path.strip_prefix(PREFIX)?.split_once('/')?;
        let kind = match rest.split_once('/') {
            None if rest == "voice" => Kind::Voice,
            None if rest == "status" => Kind::Status,
            None if rest == "recording" => Kind::Recording,
            Some((leg, "ended")) => Kind::Ended(leg.parse().ok()?),
            _ => return None,
        };
        let run = run.parse().ok()?;
        Some(Self { run, kind })
    }
}

/// The place of the socket of one leg.
#[derive(Clone, Debug)]
pub struct LegUrl {
    /// The run.
    pub run: RunId,
    /// The leg.
    pub leg: Leg,
    /// What opens the socket.
    pub secret: RelaySecret,
}

impl LegUrl {
    /// The URL at an origin.
    #[must_use]
    pub fn url(&self, origin: &str) -> String {
        let Self { run, leg, secret } = self;
        let path = format!("{PREFIX}{run}/{}/{}", leg.as_str(), secret.expose());
        socket_url(origin, &path)
    }

    /// Reads the path of a request, which is nothing but run, leg and secret.
    #[must_use]
    pub fn parse_path(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix(PREFIX)?.splitn(3, '/');
        Some(Self {
            run: parts.next()?.parse().ok()?,
            leg: parts.next()?.parse().ok()?,
            secret: parts.next()?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "0123456789abcdef0123456789abcdef-12";

    #[test]
    fn what_is_built_is_read_again() {
        let run: RunId = RUN.parse().unwrap();
        for (kind, path) in [
            (Kind::Voice, "voice"),
            (Kind::Ended(Leg::Callee), "callee/ended"),
            (Kind::Status, "status"),
            (Kind::Recording, "recording"),
        ] {
            let webhook = Webhook {
                run: run.clone(),
                kind,
            };
            let url = webhook.url("https://example.com");
            assert_eq!(url, format!("https://example.com{PREFIX}{RUN}/{path}"));
            let path = url.strip_prefix("https://example.com").unwrap();
            assert_eq!(Webhook::parse_path(path), Some(webhook));
        }
        let leg = LegUrl {
            run,
            leg: Leg::Caller,
            secret: RelaySecret::new([7; 16]),
        };
        let url = leg.url("https://example.com");
        let path = url.strip_prefix("wss://example.com").unwrap();
        let read = LegUrl::parse_path(path).unwrap();
        assert_eq!(read.url("https://example.com"), url);
    }

    #[test]
    fn no_other_path_is_read() {
        for path in [
            "",
            "/twilio/synthetic/",
            &format!("{PREFIX}{RUN}"),
            &format!("{PREFIX}{RUN}/voice/"),
            &format!("{PREFIX}{RUN}/other/ended"),
            &format!("{PREFIX}0123456789abcdef0123456789abcdef-012/voice"),
            &format!("{PREFIX}0123456789abcdef0123456789abcdef-+1/voice"),
            &format!("{PREFIX}{RUN}/caller/000102030405060708090A0B0C0D0E0F"),
            &format!("{PREFIX}{RUN}/caller/000102030405060708090a0b0c0d0e0f/"),
        ] {
            assert_eq!(Webhook::parse_path(path), None, "{path}");
            assert!(LegUrl::parse_path(path).is_none(), "{path}");
        }
    }
}
