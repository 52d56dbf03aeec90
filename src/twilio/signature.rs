//! `X-Twilio-Signature`: every Twilio route checks it before any other I/O.
//!
//! Only this module can make a [`Verified`] value. So a handler that takes one cannot get
//! unverified data. Source: Twilio, "Validating Requests are coming from Twilio", and the published
//! vectors of the official libraries (`tests/vectors/twilio_signatures.json`). Not here: the
//! response and log line of a rejection (`http::webhook`), and the URL of a relay
//! (`voice::relay_url`).
//!
//! Twilio signs `url + key + value + key + value …`, without separators. So a signature cannot tell
//! `{ab: "c"}` from `{a: "bc"}`. This is a weakness of the scheme, and one more reason to check the
//! form of every field afterwards.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{base::secret::Secret, twilio::form::Form};

/// A value that came with a valid signature, and the token that made the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    token: usize,
}

impl<T> Verified<T> {
    /// The verified value.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The index of the token that made the signature, in the given list.
    pub fn token(&self) -> usize {
        self.token
    }

    /// Parses the value into a narrower type. The result is verified, too.
    ///
    /// # Errors
    /// Those of `parse`.
    pub fn try_map<U, E>(self, parse: impl FnOnce(T) -> Result<U, E>) -> Result<Verified<U>, E> {
        Ok(Verified {
            value: parse(self.value)?,
            token: self.token,
        })
    }
}

/// The reason why a request is not from Twilio. It shows nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("missing")]
    Missing,
    /// The signature is not the base64 form of 20 bytes.
    #[error("malformed")]
    Malformed,
    /// None of the tokens makes this signature for this request.
    #[error("mismatch")]
    Mismatch,
}

/// Verifies a form that was posted to `url`, the public URL with its raw path and query. A request
/// without a body has an empty form.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify_form(
    url: &str,
    form: Form,
    signature: Option<&str>,
    tokens: &[Secret],
) -> Result<Verified<Form>, SignatureError> {
    let urls = candidate_urls(url);
    let token = matching_token(&urls, &signed_fields(&form), signature, tokens)?;
    Ok(Verified { value: form, token })
}

/// Verifies the upgrade of a relay's socket: the signature covers its URL exactly as it stands in the
/// TwiML, with the scheme `wss`. No other form of the URL is tried, because Twilio signs no other.
/// Source: "Configure your WebSocket server", and recorded calls, in which https, http and ws did not
/// verify.
///
/// # Errors
/// See [`SignatureError`].
pub fn verify_upgrade(
    url: &str,
    signature: Option<&str>,
    tokens: &[Secret],
) -> Result<Verified<()>, SignatureError> {
    let token = matching_token(&[url.to_owned()], "", signature, tokens)?;
    Ok(Verified { value: (), token })
}

/// Verifies a JSON body that was posted to `url`. The signature covers the URL, and its query
/// parameter `bodySHA256` holds the hash of the body in hex.
///
/// # Errors
/// See [`SignatureError`]. A missing or different `bodySHA256` is a [`SignatureError::Mismatch`].
pub fn verify_json<'b>(
    url: &str,
    body: &'b [u8],
    signature: Option<&str>,
    tokens: &[Secret],
) -> Result<Verified<&'b [u8]>, SignatureError> {
    let token = matching_token(&candidate_urls(url), "", signature, tokens)?;
    let expected = query_parameter(url, "bodySHA256")
        .and_then(decode_hex)
        .ok_or(SignatureError::Mismatch)?;
    // The hash is public and signed, so an ordinary comparison reveals nothing.
    if Sha256::digest(body).as_slice() == expected {
        Ok(Verified { value: body, token })
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// The index of the token that made this signature for one of the URLs.
fn matching_token(
    urls: &[String],
    fields: &str,
    signature: Option<&str>,
    tokens: &[Secret],
) -> Result<usize, SignatureError> {
    let signature = signature
        .filter(|text| !text.is_empty())
        .ok_or(SignatureError::Missing)?;
    let signature = BASE64_STANDARD
        .decode(signature)
        .ok()
        .filter(|bytes| bytes.len() == 20)
        .ok_or(SignatureError::Malformed)?;
    tokens
        .iter()
        .position(|token| {
            urls.iter()
                .any(|url| is_signed_by(token, url, fields, &signature))
        })
        .ok_or(SignatureError::Mismatch)
}

fn is_signed_by(token: &Secret, url: &str, fields: &str, signature: &[u8]) -> bool {
    Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()).is_ok_and(|mut mac| {
        mac.update(url.as_bytes());
        mac.update(fields.as_bytes());
        mac.verify_slice(signature).is_ok()
    })
}

/// The fields in byte order of their keys, each with its value. As in twilio-node, equal values of
/// a repeated key count once, and different ones are sorted by UTF-16 units.
fn signed_fields(form: &Form) -> String {
    let mut pairs: Vec<(&str, &str)> = form.pairs().collect();
    pairs.sort_unstable_by(|(key_a, value_a), (key_b, value_b)| {
        key_a
            .as_bytes()
            .cmp(key_b.as_bytes())
            .then_with(|| value_a.encode_utf16().cmp(value_b.encode_utf16()))
    });
    pairs.dedup();
    pairs
        .into_iter()
        .flat_map(|(key, value)| [key, value])
        .collect()
}

/// The forms of a URL that Twilio may have signed: raw and then normalised. Each is tried
/// unchanged, and with its port removed, or with the default port added if it has none.
fn candidate_urls(url: &str) -> Vec<String> {
    let mut urls = Vec::with_capacity(4);
    for form in [url.to_owned(), normalised(url)] {
        for candidate in [toggled_port(&form), Some(form)]
            .into_iter()
            .rev()
            .flatten()
        {
            if !urls.contains(&candidate) {
                urls.push(candidate);
            }
        }
    }
    urls
}

/// The URL without its port, or with the default port of its scheme if it has none.
fn toggled_port(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, tail) =
        rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len()))?;
    let host_start = authority.rfind('@').map_or(0, |at| at.saturating_add(1));
    let (_, host) = authority.split_at_checked(host_start)?;
    let without_port = match host.rsplit_once(':') {
        Some((_, port)) if !port.ends_with(']') => authority.strip_suffix(port)?.strip_suffix(':'),
        _ => None,
    };
    if let Some(authority) = without_port {
        return Some(format!("{scheme}://{authority}{tail}"));
    }
    let default = if matches!(scheme.to_ascii_lowercase().as_str(), "https" | "wss") {
        443
    } else {
        80
    };
    Some(format!("{scheme}://{authority}:{default}{tail}"))
}

/// The URL with path and query percent-encoded as in the WHATWG URL standard for special schemes.
/// For instance, `'` in a query becomes `%27`: some of Twilio's systems sign the URL in this form.
/// The host is not changed: the runtime has already lower-cased it, and Twilio signs it as it was
/// configured.
fn normalised(url: &str) -> String {
    use std::fmt::Write as _;

    let start = url.find("://").and_then(|at| {
        url.get(at.saturating_add(3)..)?
            .find(['/', '?'])
            .map(|rest| at.saturating_add(3).saturating_add(rest))
    });
    let Some((origin, tail)) = start.and_then(|start| url.split_at_checked(start)) else {
        return url.to_owned();
    };
    let mut normal = origin.to_owned();
    let mut in_query = false;
    for byte in tail.bytes() {
        in_query |= byte == b'?';
        let unsafe_here = if in_query {
            b"\"<>'".contains(&byte)
        } else {
            b"\"<>`{}".contains(&byte)
        };
        if unsafe_here || byte <= b' ' || byte >= 0x7f {
            let _ = write!(normal, "%{byte:02X}");
        } else {
            normal.push(char::from(byte));
        }
    }
    normal
}

fn query_parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
    let (_, query) = url.split_once('?')?;
    query
        .split('#')
        .next()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn decode_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| {
            if let [high, low] = pair {
                Some((high << 4) | low)
            } else {
                None
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
