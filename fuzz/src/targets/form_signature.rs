//! A form and its signature: forms are read as every library reads them, or rejected, and only what was signed verifies.
//!
//! Not here: the published vectors (`tests/it/vectors.rs`).

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use switchboard::{
    base::secret::Secret,
    messaging::inbound::{self, Inbound, Input},
    twilio::{
        form::{Form, FormError},
        signature::{SignatureError, verify_form, verify_json},
    },
};

use super::lines;
use crate::support::signature::sign_text;

const TOKEN: &str = "a-token-that-is-in-no-corpus-file";

/// A form and its signature. The bytes are a line with the URL, a line with the signature header, and the body.
pub fn form_signature(data: &[u8]) {
    let [url, header, body] = lines(data);
    let (url, header) = (
        String::from_utf8_lossy(url),
        String::from_utf8_lossy(header),
    );
    let tokens = [
        Secret::new("another token".into()),
        Secret::new(TOKEN.into()),
    ];
    json_is_verified_as_a_whole(&url, &header, body, &tokens);

    let lenient: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let form = match Form::parse(body) {
        Ok(form) => form,
        Err(FormError::PercentEncoding) => return assert!(has_broken_percent(body)),
        Err(FormError::Utf8) => {
            return assert!(
                lenient
                    .iter()
                    .any(|(key, value)| format!("{key}{value}").contains('\u{FFFD}'))
            );
        }
    };
    assert!(!has_broken_percent(body));
    assert_eq!(
        form.pairs()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect::<Vec<_>>(),
        lenient,
        "a well-formed body is read as every library reads it"
    );
    let encoded = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&lenient)
        .finish();
    assert_eq!(Form::parse(encoded.as_bytes()).as_ref(), Ok(&form));

    let refused =
        verify_form(&url, form.clone(), Some(&header), &tokens).expect_err("nobody signed this");
    let malformed = BASE64_STANDARD
        .decode(&*header)
        .map_or(true, |bytes| bytes.len() != 20);
    assert_eq!(
        refused,
        if header.is_empty() {
            SignatureError::Missing
        } else {
            malformed_or_wrong(malformed)
        }
    );

    let signature = sign_text(TOKEN, &format!("{url}{}", signed_text(&form)));
    let verified = verify_form(&url, form.clone(), Some(&signature), &tokens)
        .expect("what is signed verifies");
    assert_eq!((verified.get(), verified.token()), (&form, 1));
    let elsewhere = verify_form(&format!("{url}x"), form.clone(), Some(&signature), &tokens);
    assert_eq!(elsewhere, Err(SignatureError::Mismatch), "another URL");
    if let Ok(changed) = Form::parse(&with_a_byte_changed(body)) {
        // The signed text has no separators, so some forms share a signature. Only then does it stay valid.
        let same = signed_text(&changed) == signed_text(&form);
        assert_eq!(
            verify_form(&url, changed, Some(&signature), &tokens).is_ok(),
            same,
            "a changed byte"
        );
    }
    if let Ok(Inbound::Message(message)) = Inbound::from_form(&form, 100) {
        assert!(message.from.is_answerable());
        if let Input::Text(text) = &message.input {
            assert!(
                !text.is_empty() && text.chars().count() <= 100 && inbound::clean(text) == *text
            );
        }
    }
}

fn json_is_verified_as_a_whole(url: &str, header: &str, body: &[u8], tokens: &[Secret]) {
    assert!(
        verify_json(url, body, Some(header), tokens).is_err(),
        "nobody signed this"
    );
    let hash: String = Sha256::digest(body)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let base = url.split(['?', '#']).next().unwrap_or_default();
    let url = format!("{base}?bodySHA256={hash}");
    let signature = sign_text(TOKEN, &url);
    let verified =
        verify_json(&url, body, Some(&signature), tokens).expect("what is signed verifies");
    assert_eq!((*verified.get(), verified.token()), (body, 1));
    let changed =
        verify_json(&url, &with_a_byte_changed(body), Some(&signature), tokens).map(|_| ());
    assert_eq!(changed, Err(SignatureError::Mismatch), "a changed byte");
}

fn has_broken_percent(body: &[u8]) -> bool {
    let digits = |at: usize| {
        body.get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    (0..body.len()).any(|at| body[at] == b'%' && !digits(at))
}

/// `bytes` with one byte changed, at a place that depends on them. An empty slice gets one byte.
fn with_a_byte_changed(bytes: &[u8]) -> Vec<u8> {
    let sum = bytes.iter().fold(7usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
    });
    let mut changed = bytes.to_vec();
    match bytes.len().checked_sub(1) {
        None => changed.push(b'x'),
        Some(last) => changed[sum % (last + 1)] ^= 1 << (sum / 7 % 8),
    }
    changed
}

fn malformed_or_wrong(malformed: bool) -> SignatureError {
    if malformed {
        SignatureError::Malformed
    } else {
        SignatureError::Mismatch
    }
}

/// The text that Twilio signs: keys in byte order, the values of a repeated key in the order of JavaScript.
fn signed_text(form: &Form) -> String {
    let mut fields: BTreeMap<&[u8], BTreeSet<Vec<u16>>> = BTreeMap::new();
    for (key, value) in form.pairs() {
        fields
            .entry(key.as_bytes())
            .or_default()
            .insert(value.encode_utf16().collect());
    }
    let pairs = fields
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    pairs
        .map(|(key, value)| {
            format!(
                "{}{}",
                String::from_utf8_lossy(key),
                String::from_utf16_lossy(value)
            )
        })
        .collect()
}
