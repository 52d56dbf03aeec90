//! Twilio's request signature, as its documentation describes it.
//!
//! Written independently of the product: a mistake in `src/twilio/signature.rs` must not cancel itself out here.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};

/// The signature of a form: the URL, then each different field in order, its name and its value without a separator.
pub fn sign(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort();
    sorted.dedup();
    let fields = sorted.into_iter().flat_map(|(name, value)| [name, value]);
    sign_text(
        token,
        &[url.to_owned()]
            .into_iter()
            .chain(fields)
            .collect::<String>(),
    )
}

/// The signature of a text that is already put together.
pub fn sign_text(token: &str, text: &str) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(token.as_bytes()).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    BASE64_STANDARD.encode(mac.finalize().into_bytes())
}
