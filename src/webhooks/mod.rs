//! Webhooks to the operator's own services: signed requests, and what their responses mean.
//!
//! The signature is that of Standard Webhooks, version 1 of its symmetric scheme. Source: Standard
//! Webhooks, "Signature scheme" and "Response status codes". Not here: which webhooks are sent, and
//! when (`conversation`), and how their targets are read (`config`).

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    base::{secret::Secret, time::UnixMillis},
    config::SignedUrl,
    platform::{HttpError, HttpRequest, HttpResponse},
};

/// A signed POST of `body`, which is JSON. A repeat of the same webhook has the same `id`, whatever
/// its time is. `limit` is the longest answer that is read, in bytes.
#[must_use]
pub fn request(
    target: &SignedUrl,
    id: &str,
    now: UnixMillis,
    body: String,
    limit: usize,
) -> HttpRequest {
    let timestamp = now.0 / 1000;
    let signature = signature(&target.key, id, timestamp, &body);
    HttpRequest {
        method: "POST",
        url: target.url.as_str().to_owned(),
        headers: vec![
            ("Content-Type".into(), "application/json".to_owned()),
            ("webhook-id".into(), id.to_owned()),
            ("webhook-timestamp".into(), timestamp.to_string()),
            ("webhook-signature".into(), signature),
        ],
        body: body.into(),
        limit,
    }
}

/// The signature of a webhook: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64. The key
/// is in base64, as the configuration has checked.
#[must_use]
pub fn signature(key: &Secret, id: &str, timestamp: u64, body: &str) -> String {
    let key = BASE64_STANDARD.decode(key.expose()).unwrap_or_default();
    // HMAC takes keys of any length, so this never fails.
    let mac = Hmac::<Sha256>::new_from_slice(&key).map(|mac| {
        mac.chain_update(format!("{id}.{timestamp}."))
            .chain_update(body)
            .finalize()
            .into_bytes()
    });
    let encoded = mac.map(|mac| BASE64_STANDARD.encode(mac));
    format!("v1,{}", encoded.unwrap_or_default())
}

/// What came of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service took it: a 2xx.
    Delivered,
    /// The time ran out. The service may or may not have acted on it.
    TimedOut,
    /// There was no answer that could be read, or the service said that it cannot now: 408, 425,
    /// 429 or 5xx. A repeat may succeed.
    Unreachable,
    /// The service refused it: a 4xx, or a redirect, which is never followed. A repeat succeeds only
    /// after the service has changed.
    Refused,
}

impl Outcome {
    /// The meaning of a response, or of its absence. An answer that is longer than the request
    /// allows has no known status.
    #[must_use]
    pub fn of(response: Result<&HttpResponse, HttpError>) -> Self {
        match response {
            Ok(response) => match response.status {
                200..=299 => Self::Delivered,
                408 | 425 | 429 | 500.. => Self::Unreachable,
                _ => Self::Refused,
            },
            Err(HttpError::Timeout) => Self::TimedOut,
            Err(HttpError::Connection | HttpError::Unreadable | HttpError::TooLarge) => {
                Self::Unreachable
            }
        }
    }

    /// Its stable name in the log.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::TimedOut => "timeout",
            Self::Unreachable => "unreachable",
            Self::Refused => "rejected",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::url::WebhookUrl;

    fn target() -> SignedUrl {
        SignedUrl {
            url: WebhookUrl::parse("https://shop.example/orders?v=1", false).unwrap(),
            key: Secret::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        }
    }

    #[test]
    fn a_request_is_signed_over_its_id_its_second_and_its_body() {
        let now = UnixMillis(1_614_265_330_999);
        let body = r#"{"test": 2432232314}"#.to_owned();
        let request = request(&target(), "msg_p5jXN8AQM9LWM0D4loKWxJek", now, body, 100);
        assert_eq!(request.method, "POST");
        assert_eq!(request.url, "https://shop.example/orders?v=1");
        assert_eq!(request.limit, 100);
        let header = |name: &str| {
            let mut found = request.headers.iter().filter(|(other, _)| other == name);
            found.next().map(|(_, value)| value.as_str())
        };
        assert_eq!(header("webhook-id"), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(header("webhook-timestamp"), Some("1614265330"));
        assert_eq!(
            header("webhook-signature"),
            Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        );
        assert_eq!(header("Content-Type"), Some("application/json"));
    }

    #[test]
    fn the_signature_changes_with_each_of_its_parts() {
        let (key, other) = (
            target().key,
            Secret::new("C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into()),
        );
        let all = [
            signature(&key, "id", 1, "body"),
            signature(&other, "id", 1, "body"),
            signature(&key, "id2", 1, "body"),
            signature(&key, "id", 2, "body"),
            signature(&key, "id", 1, "body "),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one));
        }
    }

    #[test]
    fn only_a_2xx_is_a_delivery_and_an_unreachable_service_is_told_from_one_that_refuses() {
        let of = |status| {
            Outcome::of(Ok(&HttpResponse {
                status,
                retry_after: None,
                location: Some("https://elsewhere.example".to_owned()),
                body: Vec::new(),
            }))
        };
        for (statuses, outcome) in [
            (&[200, 201, 202, 204, 299][..], Outcome::Delivered),
            (
                &[408, 425, 429, 500, 502, 503, 504, 599],
                Outcome::Unreachable,
            ),
            (
                &[
                    100, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 410, 422,
                ],
                Outcome::Refused,
            ),
        ] {
            for status in statuses {
                assert_eq!(of(*status), outcome, "{status}");
            }
        }
        assert_eq!(Outcome::of(Err(HttpError::Timeout)), Outcome::TimedOut);
        for error in [
            HttpError::Connection,
            HttpError::Unreadable,
            HttpError::TooLarge,
        ] {
            assert_eq!(Outcome::of(Err(error)), Outcome::Unreachable);
        }
    }
}
