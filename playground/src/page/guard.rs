//! The guard against other web pages: they can neither use the playground nor read from it.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::files::is_file;
use crate::http::control::control_error;

/// Rejects requests that a page of another site can make a browser send, and requests to another
/// host name (DNS rebinding). Sets the security headers, which forbid a page all that this one does
/// not need. The mock services are exempt, because they check credentials.
pub async fn guard(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if ["/v1/", "/v2/", "/v3/", "/2010-04-01/", "/tools/"]
        .iter()
        .any(|service| path.starts_with(service))
    {
        return next.run(request).await;
    }
    let mut response = match rejection(request.headers()) {
        Some(reason) => control_error(StatusCode::FORBIDDEN, reason),
        None => next.run(request).await,
    };
    let policy = if is_file(&path) {
        PAGE_POLICY
    } else {
        OTHER_POLICY
    };
    for (name, value) in [(header::CONTENT_SECURITY_POLICY, policy)]
        .into_iter()
        .chain(SECURITY_HEADERS)
    {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The policy for all that is not the page, such as an attached file.
const OTHER_POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Why a request is rejected.
fn rejection(headers: &HeaderMap) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text("host").unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
        return Some("the playground only answers to 127.0.0.1 and localhost");
    }
    if text("origin").is_some_and(|origin| origin != format!("http://{host}")) {
        return Some("the playground accepts no requests from other web pages");
    }
    // Another page may link to this one, but may send nothing else.
    let navigation = text("sec-fetch-mode") == Some("navigate");
    if !navigation
        && text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site))
    {
        return Some("the playground accepts no requests from other web pages");
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    fn is_rejected(pairs: &[(&'static str, &str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        rejection(&headers).is_some()
    }

    #[test]
    fn only_requests_to_this_machine_are_accepted() {
        for host in [
            "127.0.0.1:8788",
            "localhost:8788",
            "localhost",
            "[::1]:1",
            "127.0.0.1",
        ] {
            assert!(!is_rejected(&[("host", host)]), "{host}");
        }
        for host in [
            "",
            "evil.example:8788",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8788",
            "127.0.0.1:8788.evil.example",
            "0.0.0.0:8788",
        ] {
            assert!(is_rejected(&[("host", host)]), "{host}");
        }
        assert!(is_rejected(&[]));
    }

    #[test]
    fn only_the_page_itself_may_send_requests() {
        let from = |origin| is_rejected(&[("host", "localhost:8788"), ("origin", origin)]);
        assert!(!from("http://localhost:8788"));
        for origin in [
            "http://127.0.0.1:8788",
            "http://localhost:3000",
            "https://localhost:8788",
            "https://evil.example",
            "null",
        ] {
            assert!(from(origin), "{origin}");
        }
        let with = |site, mode| {
            is_rejected(&[
                ("host", "localhost:8788"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
            ])
        };
        assert!(
            !with("same-origin", "cors")
                && !with("none", "navigate")
                && !with("cross-site", "navigate")
        );
        assert!(with("cross-site", "no-cors") && with("same-site", "cors"));
    }
}
