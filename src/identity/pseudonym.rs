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
mod tests {
    use super::*;

    fn key(text: &str) -> PseudonymKey {
        PseudonymKey::new(Secret::new(text.into()))
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    /// Pinned: with another derivation, an update would lose every thread.
    #[test]
    fn the_name_of_a_pair_does_not_change_between_releases() {
        let name = key("0123456789abcdef0123456789abcdef")
            .pair(&address("+15550100"), &address("+15550199"));
        assert_eq!(
            name.as_str(),
            "95ff7921ae2d0cb45d0bdb285b43c26e081e46c75036ac40dd97cbf3682bf67c"
        );
    }

    #[test]
    fn names_differ_by_key_direction_channel_and_pair() {
        let (a, b) = (address("+15550100"), address("+15550199"));
        let key_1 = key("0123456789abcdef0123456789abcdef");
        let names = [
            key_1.pair(&a, &b),
            key_1.pair(&b, &a),
            key_1.pair(
                &address("whatsapp:+15550100"),
                &address("whatsapp:+15550199"),
            ),
            key_1.pair(&a, &address("+15550198")),
            key("another key of thirty-two letters").pair(&a, &b),
        ];
        for (i, name) in names.iter().enumerate() {
            assert_eq!(name.as_str().len(), 64);
            assert!(!names[..i].contains(name));
        }
    }

    #[test]
    fn the_id_of_a_webhook_changes_with_each_of_its_parts_and_with_nothing_else() {
        let thread = |name: &str| Pseudonym::from_object_name(name.to_owned());
        let key_1 = key("0123456789abcdef0123456789abcdef");
        let id = |name: &str, turn, purpose: &str, content: &str| {
            key_1.webhook_id(&thread(name), turn, purpose, content)
        };
        let ids = [
            id("a", 1, "tool", "x"),
            id("b", 1, "tool", "x"),
            id("a", 2, "tool", "x"),
            id("a", 1, "tools", "x"),
            id("a", 1, "tool", "xy"),
            id("a", 1, "tool\0x", ""),
            id("a", 1, "tool", "\0x"),
            key("another key of thirty-two letters").webhook_id(&thread("a"), 1, "tool", "x"),
        ];
        for (at, one) in ids.iter().enumerate() {
            assert_eq!(one.as_str().len(), 32);
            assert!(!ids[..at].contains(one), "{at}");
        }
        assert_eq!(ids[0], id("a", 1, "tool", "x"));
    }

    #[test]
    fn a_contact_has_one_phone_hash_on_every_channel() {
        let key = key("0123456789abcdef0123456789abcdef");
        let sms = key.phone_hash(&address("+15550100"));
        assert_eq!(sms, key.phone_hash(&address("whatsapp:+15550100")));
        assert_ne!(sms, key.phone_hash(&address("+15550101")));
        assert_eq!(sms.to_string().len(), 8);
    }

    /// Pinned: with another derivation, an update would lose the calls that are running.
    #[test]
    fn the_name_of_a_call_is_its_own_and_does_not_change_between_releases() {
        let key = key("0123456789abcdef0123456789abcdef");
        let sid = "CA0123456789abcdef0123456789abcdef";
        let name = key.call(&sid.parse().unwrap());
        assert_eq!(
            name.as_str(),
            "9fe218a972259a90e9a563ac46cd8b2f45fc4b5b20c8cb1d35a1f0db00410bb9"
        );
        assert_eq!(name.as_str().parse(), Ok(name.clone()));
        assert_ne!(name.as_str(), key.client(sid).as_str());
        let other = key.call(&"CA0123456789abcdef0123456789abcdee".parse().unwrap());
        assert_ne!(name, other);
    }

    #[test]
    fn a_text_that_is_no_name_is_malformed() {
        for text in [
            "",
            &"a".repeat(63),
            &"a".repeat(65),
            &"A".repeat(64),
            &"g".repeat(64),
            &"\u{e9}".repeat(32),
        ] {
            assert_eq!(text.parse::<Pseudonym>(), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_caller_has_one_name_whatever_it_calls_and_who_withholds_its_number_one_for_each() {
        let key = key("one");
        let (a, b) = (address("+15550199"), address("+15550198"));
        let name =
            |caller: &str, called: Option<&Address>| key.caller(&Caller::read(caller), called);
        assert_eq!(name("+15550100", Some(&a)), name("+15550100", Some(&b)));
        assert_ne!(name("+15550100", Some(&a)), name("+15550101", Some(&a)));
        assert_ne!(name("client:ana", None), name("sip:ana", None));
        let withheld = name("anonymous", Some(&a));
        assert_eq!(withheld, name("+266696687", Some(&a)));
        assert_ne!(withheld, name("anonymous", Some(&b)));
        assert_ne!(
            withheld,
            name("+15550199", Some(&a)),
            "that number itself calls"
        );
        assert_ne!(withheld, name("anonymous", None));
    }

    #[test]
    fn the_log_has_one_hash_for_calls_and_messages_of_a_number() {
        let key = key("one");
        let hash = |caller: &str| key.caller_hash(&Caller::read(caller));
        let number = key.phone_hash(&address("+15550100"));
        assert_eq!(hash("+15550100"), number);
        assert_eq!(hash("whatsapp:+15550100"), number);
        assert_eq!(hash("Restricted"), PhoneHash::nobody());
        assert_ne!(hash("client:ana"), hash("client:bea"));
        assert_ne!(hash("client:ana"), PhoneHash::nobody());
    }

    #[test]
    fn a_client_is_its_address_or_its_ipv6_network() {
        let key = key("one");
        assert_eq!(key.client("192.0.2.1"), key.client("192.0.2.1"));
        assert_ne!(key.client("192.0.2.1"), key.client("192.0.2.2"));
        assert_eq!(
            key.client("2001:db8:1:2:3::4"),
            key.client("2001:db8:1:2::1")
        );
        assert_ne!(key.client("2001:db8:1:2::1"), key.client("2001:db8:1:3::1"));
        assert_eq!(key.client(""), key.client("unknown"));
    }

    #[test]
    fn only_the_whole_secret_is_accepted() {
        let (key, secret) = (key("one"), Secret::new("the whole secret".into()));
        assert!(key.is_secret(&secret, "the whole secret"));
        for wrong in [
            "",
            "the whole secre",
            "the whole secret ",
            "The whole secret",
        ] {
            assert!(!key.is_secret(&secret, wrong), "{wrong}");
        }
    }
}
