//! The signature of a webhook, made in the way of Twilio. Verifying it is up to the Worker.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// The value of `X-Twilio-Signature` for a POST of `parameters` to `url`.
///
/// Names and the values of repeated names are sorted by their bytes. Equal pairs count once.
///
/// # Errors
/// If the token cannot be a key. No such token is known.
pub fn sign(token: &str, url: &str, parameters: &[(String, String)]) -> anyhow::Result<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes())?;
    mac.update(url.as_bytes());
    let sorted: BTreeSet<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    Ok(BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn parameters(value: &Value) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match value {
            Value::Null => Vec::new(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            Value::Array(pairs) => pairs
                .iter()
                .map(|pair| (text(pair.get(0).unwrap()), text(pair.get(1).unwrap())))
                .collect(),
            other => panic!("not parameters: {other}"),
        }
    }

    #[test]
    fn every_published_signature_is_reproduced() {
        let vectors: Vec<Value> = serde_json::from_str(include_str!(
            "../../../tests/vectors/twilio_signatures.json"
        ))
        .unwrap();
        assert!(vectors.len() > 40);
        for vector in &vectors {
            let field = |name: &str| vector.get(name).unwrap();
            let url = field("signed_url")
                .as_str()
                .or_else(|| field("url").as_str())
                .unwrap();
            let made = sign(
                field("token").as_str().unwrap(),
                url,
                &parameters(field("params")),
            )
            .unwrap();
            let same = field("expected").as_str() == Some(made.as_str());
            assert_eq!(Some(same), field("valid").as_bool(), "{}", field("id"));
        }
    }
}
