//! Pseudonyms: they replace addresses in the log, in KV keys and in object names.
//!
//! All derive from HMAC-SHA256 under `PSEUDONYM_KEY`. Nobody without the key can test a guessed
//! number against them. Not here: where the names are used.

use std::{
    fmt::{self, Write as _},
    net::IpAddr,
    str::FromStr,
};

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Address, CallSid, Caller, Malformed};
use crate::base::{hex::is_hex, secret::Secret};

/// The key of all pseudonyms. With another key, every contact gets a new, empty thread.
#[derive(Clone, Debug)]
pub struct PseudonymKey(Secret);

impl PseudonymKey {
    /// A key made of a secret. The configuration has checked the secret's length.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The name of a thread and of its conversation. It depends on both addresses and their order.
    #[must_use]
    pub fn pair(&self, from: &Address, to: &Address) -> Pseudonym {
        Pseudonym(self.hex(
            &[
                b"pair\0",
                from.as_str().as_bytes(),
                b"\0",
                to.as_str().as_bytes(),
            ],
            32,
        ))
    }

    /// The hash that stands for a contact in the log. It depends on the number alone, so a contact
    /// has the same hash on every channel.
    #[must_use]
    pub fn phone_hash(&self, address: &Address) -> PhoneHash {
        PhoneHash(self.hex(&[b"phone\0", address.id().as_bytes()], 4))
    }

    /// The name of a call's object. It depends on Twilio's id of the call.
    #[must_use]
    pub fn call(&self, call: &CallSid) -> Pseudonym {
        Pseudonym(self.hex(&[b"call\0", call.as_str().as_bytes()], 32))
    }

    /// The name of the object of a call that we make. It depends on random bytes, because Twilio's id of the
    /// call is not known before Twilio has it.
    #[must_use]
    pub fn call_of_ours(&self, random: [u8; 16]) -> Pseudonym {
        Pseudonym(self.hex(&[b"call of ours\0", &random], 32))
    }

    /// What stands for the call of a synthetic run in the log.
    #[must_use]
    pub fn call_of_run(&self, run: &str) -> Pseudonym {
        Pseudonym(self.hex(&[b"call of run\0", run.as_bytes()], 32))
    }

    /// The name of a caller, for limits on calls. It does not depend on the number called, except that
    /// all callers who withhold their number share one name for each number that they call.
    #[must_use]
    pub fn caller(&self, caller: &Caller, number: Option<&Address>) -> Pseudonym {
        let (kind, id) = match caller {
            Caller::Known(id) => (&b"caller\0"[..], id.as_str()),
            Caller::Withheld => (&b"withheld\0"[..], number.map_or("", Address::as_str)),
        };
        Pseudonym(self.hex(&[kind, id.as_bytes()], 32))
    }

    /// The hash that stands for a caller in the log. Who calls from a number has the hash of the
    /// contact that writes from it. Who withholds it is nobody.
    #[must_use]
    pub fn caller_hash(&self, caller: &Caller) -> PhoneHash {
        match (caller.number(), caller) {
            (Some(number), _) => self.phone_hash(&number),
            (None, Caller::Known(id)) => {
                PhoneHash(self.hex(&[b"phone\0", id.as_str().as_bytes()], 4))
            }
            (None, Caller::Withheld) => PhoneHash::nobody(),
        }
    }

    /// The name of the admin lockout of a client address. For IPv6 it depends on the /64 network,
    /// since one client usually has a whole one (RFC 6177). All texts that are not addresses share
    /// one name.
    #[must_use]
    pub fn client(&self, address: &str) -> Pseudonym {
        let network = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => address.to_string(),
            Ok(IpAddr::V6(address)) => format!("{:x}", u128::from(address) >> 64),
            Err(_) => String::new(),
        };
        Pseudonym(self.hex(&[b"client\0", network.as_bytes()], 32))
    }

    /// Whether `claimed` is the secret. The time of the comparison does not depend on how much of
    /// it is right.
    #[must_use]
    pub fn is_secret(&self, secret: &Secret, claimed: &str) -> bool {
        let mac = |text: &str| {
            Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes())
                .map(|mac| mac.chain_update(text))
        };
        match (mac(secret.expose()), mac(claimed)) {
            (Ok(expected), Ok(actual)) => expected
                .verify_slice(&actual.finalize().into_bytes())
                .is_ok(),
            _ => false,
        }
    }

    /// What stands for a topic of synthetic conversations, such as a persona, at the model's endpoint.
    /// Requests about the same topic begin in the same way, and share the endpoint's cache.
    #[must_use]
    pub fn topic(&self, topic: &str) -> Pseudonym {
        Pseudonym(self.hex(&[b"topic\0", topic.as_bytes()], 32))
    }

    /// What stands for a persona as a user of analytics, the same one in all batches. No contact has it.
    #[must_use]
    pub fn persona(&self, persona: &str) -> Pseudonym {
        Pseudonym(self.hex(&[b"persona\0", persona.as_bytes()], 32))
    }

    /// The id that stands for an auth token in storage. It lets us find the token that verified a
    /// message again.
    #[must_use]
    pub fn token_id(&self, token: &Secret) -> TokenId {
        TokenId(self.hex(&[b"token\0", token.expose().as_bytes()], 8))
    }

    /// The mark of a text in a thread's state: 16 hex digits. It tells equal texts from others, and nobody
    /// without the key can test a guessed text against it.
    #[must_use]
    pub fn text_mark(&self, text: &str) -> String {
        self.hex(&[b"text\0", text.as_bytes()], 8)
    }

    /// The id of a webhook: 32 hex digits. It depends on the thread, the number of the turn, the
    /// purpose and the content, so a repeat has the same id, and no other webhook has it.
    #[must_use]
    pub fn webhook_id(
        &self,
        thread: &Pseudonym,
        turn: u64,
        purpose: &str,
        content: &str,
    ) -> WebhookId {
        let (length, turn) = (purpose.len().to_string(), turn.to_string());
        let parts = ["webhook", thread.as_str(), &turn, &length, purpose, content];
        WebhookId(self.hex(&[parts.join("\0").as_bytes()], 16))
    }

    /// The first `bytes` bytes of the HMAC of `parts`, in lowercase hex.
    fn hex(&self, parts: &[&[u8]], bytes: usize) -> String {
        // HMAC takes keys of any length, so this error cannot happen. A fixed name would still be
        // safe, because names are not secret.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes()) else {
            return "0".repeat(bytes.saturating_mul(2));
        };
        for part in parts {
            mac.update(part);
        }
        let digest = mac.finalize().into_bytes();
        digest
            .iter()
            .take(bytes)
            .fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }
}

/// The name of a thread, of a call or of an admin lockout, or what stands for a persona: 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pseudonym(String);

impl Pseudonym {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands for the call of that name in the log.
    #[must_use]
    pub fn call_hash(&self) -> CallHash {
        CallHash(self.0.chars().take(8).collect())
    }

    /// The name that the platform reports for an object. It needs no check: it came from
    /// [`PseudonymKey::pair`].
    #[must_use]
    pub fn from_object_name(name: String) -> Self {
        Self(name)
    }
}

/// A name that comes from outside, such as one in a URL.
impl FromStr for Pseudonym {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let is_whole = is_hex(text, 64);
        is_whole.then(|| Self(text.to_owned())).ok_or(Malformed)
    }
}

/// The hash that stands for a contact in the log: 8 hex digits. It is `00000000` when the contact
/// is not known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneHash(String);

impl PhoneHash {
    /// The hash for an unknown contact.
    #[must_use]
    pub fn nobody() -> Self {
        Self("00000000".into())
    }
}

impl fmt::Display for PhoneHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The hash that stands for a call in the log: the first 8 hex digits of its pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallHash(String);

/// The id that stands for an auth token in storage: 16 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(String);

/// The id of a webhook: 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(String);

impl WebhookId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests;
