//! The names under which the Worker knows a person: worked out anew from its key, so that the page can tell which phone a
//! log line or a request to the model belongs to.
//!
//! On purpose not the Worker's own code, as with signatures: what is told by these names is also a check of them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Works out names, if it has the Worker's `PSEUDONYM_KEY`.
pub struct Pseudonyms(Option<String>);

impl Pseudonyms {
    /// With the Worker's key, or without one.
    pub fn new(key: Option<String>) -> Self {
        Self(key.filter(|key| !key.is_empty()))
    }

    /// Whether names can be worked out.
    pub fn known(&self) -> bool {
        self.0.is_some()
    }

    /// What the Worker calls a pair of addresses, towards the model too.
    pub fn pair(&self, from: &str, to: &str) -> Option<String> {
        self.hex(&format!("pair\0{from}\0{to}"))
    }

    /// What stands for a number in the Worker's log.
    pub fn phone_hash(&self, address: &str) -> Option<String> {
        let number = address.strip_prefix("whatsapp:").unwrap_or(address);
        let mut hash = self.hex(&format!("phone\0{number}"))?;
        hash.truncate(8);
        Some(hash)
    }

    fn hex(&self, text: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()?.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        Some(
            mac.finalize()
                .into_bytes()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_need_the_key_and_differ_by_it_and_by_their_addresses() {
        let names = Pseudonyms::new(Some("one key".to_owned()));
        let pair = names.pair("+15550100", "+15550199").unwrap_or_default();
        assert!(pair.len() == 64 && names.known());
        assert_eq!(names.pair("+15550100", "+15550199"), Some(pair.clone()));
        assert_ne!(names.pair("+15550199", "+15550100"), Some(pair.clone()));
        assert_ne!(
            Pseudonyms::new(Some("another key".to_owned())).pair("+15550100", "+15550199"),
            Some(pair)
        );
        assert_eq!(
            names.phone_hash("whatsapp:+15550100"),
            names.phone_hash("+15550100")
        );
        assert!(
            names
                .phone_hash("+15550100")
                .is_some_and(|hash| hash.len() == 8)
        );
        for none in [None, Some(String::new())] {
            assert_eq!(Pseudonyms::new(none).pair("+15550100", "+15550199"), None);
        }
    }
}
