//! The pseudonyms that the Worker gives to contacts. With its key the page can tell which phone a
//! log line or a request to the model belongs to.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::base::address::id_of;

/// Computes pseudonyms from the `PSEUDONYM_KEY` of the Worker.
pub struct Pseudonyms(Option<String>);

impl Pseudonyms {
    /// With the key of the Worker, or without one.
    pub fn new(key: Option<String>) -> Self {
        Self(key.filter(|key| !key.is_empty()))
    }

    /// Whether there is a key.
    pub fn has_key(&self) -> bool {
        self.0.is_some()
    }

    /// The pseudonym of a pair of addresses. The Worker also sends it to the model.
    pub fn pair(&self, from: &str, to: &str) -> Option<String> {
        self.hex(&format!("pair\0{from}\0{to}"))
    }

    /// The hash of a number in the log of the Worker.
    pub fn phone_hash(&self, address: &str) -> Option<String> {
        let number = id_of(address);
        let mut hash = self.hex(&format!("phone\0{number}"))?;
        hash.truncate(8);
        Some(hash)
    }

    fn hex(&self, text: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_ref()?.as_bytes()).ok()?;
        mac.update(text.as_bytes());
        let mut hex = String::new();
        for byte in mac.finalize().into_bytes() {
            // Writing to a text cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Some(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pseudonyms_need_the_key_and_differ_by_key_and_addresses() {
        let pseudonyms = Pseudonyms::new(Some("one key".to_owned()));
        let pair = pseudonyms
            .pair("+15550100", "+15550199")
            .unwrap_or_default();
        assert!(pair.len() == 64 && pseudonyms.has_key());
        assert_eq!(
            pseudonyms.pair("+15550100", "+15550199"),
            Some(pair.clone())
        );
        assert_ne!(
            pseudonyms.pair("+15550199", "+15550100"),
            Some(pair.clone())
        );
        assert_ne!(
            Pseudonyms::new(Some("another key".to_owned())).pair("+15550100", "+15550199"),
            Some(pair)
        );
        assert_eq!(
            pseudonyms.phone_hash("whatsapp:+15550100"),
            pseudonyms.phone_hash("+15550100")
        );
        assert!(
            pseudonyms
                .phone_hash("+15550100")
                .is_some_and(|hash| hash.len() == 8)
        );
        for none in [None, Some(String::new())] {
            assert_eq!(Pseudonyms::new(none).pair("+15550100", "+15550199"), None);
        }
    }
}
