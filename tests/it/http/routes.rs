//! Routes, methods, security headers, and bodies that are no form.
//!
//! Not here: signatures (`signatures`) and the admin routes (`admin_access`, `admin_requests`).

use serde_json::{Value, json};
use switchboard::http::{BodyBroken, MAX_BODY_BYTES, SECURITY_HEADERS};

use super::{fields, form_of, header};
use crate::support::{FakePlatform, Incoming};

#[tokio::test(flavor = "local", start_paused = true)]
async fn every_response_of_every_status_carries_the_security_headers() {
    let mut seen = Vec::new();
    for (platform, request) in [
        (FakePlatform::new(), Incoming::signed(&fields())),
        (FakePlatform::new(), Incoming::new("GET", "/health")),
        (FakePlatform::new(), Incoming::new("GET", "/nowhere")),
        (
            FakePlatform::new(),
            Incoming::new("GET", "/twilio/messages"),
        ),
        (
            FakePlatform::new(),
            Incoming::new("POST", "/twilio/messages"),
        ),
        (FakePlatform::new(), form_of(b"a=%zz")),
        (FakePlatform::new(), form_of(b"a=1")),
        (
            FakePlatform::new(),
            form_of(&vec![b'a'; MAX_BODY_BYTES + 1]),
        ),
        (
            FakePlatform::with(&[("PSEUDONYM_KEY", "short")]),
            Incoming::new("GET", "/health"),
        ),
    ] {
        let response = platform.handle(&mut request.clone()).await;
        for (name, value) in SECURITY_HEADERS {
            assert_eq!(header(&response, name), Some(value), "{}", response.status);
        }
        seen.push(response.status);
    }
    assert_eq!(seen, [200, 200, 404, 405, 415, 400, 403, 413, 503]);
    let promised = [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("X-XSS-Protection", "1; mode=block"),
        ("Referrer-Policy", "strict-origin-when-cross-origin"),
        ("Cache-Control", "no-store"),
    ];
    assert_eq!(SECURITY_HEADERS, promised);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_wrong_method_is_told_the_right_ones() {
    let platform = FakePlatform::new();
    for (method, path, allow) in [
        ("GET", "/twilio/messages", "POST"),
        ("HEAD", "/twilio/messages", "POST"),
        ("PUT", "/twilio/messages", "POST"),
        ("GET", "/twilio/messages/status", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("DELETE", "/health", "GET, HEAD"),
    ] {
        let response = platform.handle(&mut Incoming::new(method, path)).await;
        assert_eq!(
            (response.status, header(&response, "Allow")),
            (405, Some(allow)),
            "{method} {path}"
        );
    }
    for path in [
        "/",
        "/health/",
        "/Health",
        "/twilio",
        "/twilio/",
        "/twilio/messages//",
        "//health",
        "/admin/usage/",
    ] {
        assert_eq!(
            platform
                .handle(&mut Incoming::new("POST", path))
                .await
                .status,
            404,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn health_says_ok_and_the_version_and_a_head_has_no_body() {
    let platform = FakePlatform::new();
    let response = platform
        .handle(&mut Incoming::new("GET", "/health?x=1"))
        .await;
    let body: Value = serde_json::from_str(&response.body).unwrap();
    assert_eq!(
        (response.status, &body["status"], &body["version"]),
        (200, &"ok".into(), &env!("CARGO_PKG_VERSION").into())
    );
    let head = platform.handle(&mut Incoming::new("HEAD", "/health")).await;
    assert_eq!(
        (head.status, head.body.as_str(), &head.headers),
        (200, "", &response.headers)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn health_names_the_deploy_so_that_two_of_the_same_version_can_be_told_apart() {
    let platform = FakePlatform::new();
    let health = || async {
        let response = platform.handle(&mut Incoming::new("GET", "/health")).await;
        serde_json::from_str::<Value>(&response.body).unwrap()
    };
    assert_eq!(health().await.get("deployed"), None);
    platform.set_deployed("b1f5", Some("v0.1.0"));
    let first = json!({"id": "b1f5", "tag": "v0.1.0", "timestamp": "2026-11-28T03:00:00Z"});
    assert_eq!(health().await["deployed"], first);
    platform.set_deployed("c2e6", None);
    let second = json!({"id": "c2e6", "timestamp": "2026-11-28T03:00:00Z"});
    assert_eq!(health().await["deployed"], second);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_body_over_64_kib_is_refused_while_it_is_read() {
    let platform = FakePlatform::new();
    let mut announced = form_of(b"a=1");
    announced
        .headers
        .push(("Content-Length", (MAX_BODY_BYTES + 1).to_string()));
    announced.chunks.clear();
    assert_eq!(platform.handle(&mut announced).await.status, 413);

    let mut streamed = form_of(&[]);
    streamed.chunks = (0..100).map(|_| Ok(vec![b'a'; 1024])).collect();
    assert_eq!(platform.handle(&mut streamed).await.status, 413);
    assert_eq!(
        streamed.chunks.len(),
        100 - 65,
        "what is too much is not read"
    );

    let mut largest = form_of(&vec![b'a'; MAX_BODY_BYTES]);
    assert_eq!(
        platform.handle(&mut largest).await.status,
        403,
        "exactly 64 KiB goes on to the signature"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_body_that_is_not_a_well_formed_form_is_refused() {
    let platform = FakePlatform::new();
    for body in [&b"Body=%zz"[..], b"Body=%F0%28", b"Body=\xff\xfe"] {
        assert_eq!(platform.handle(&mut form_of(body)).await.status, 400);
    }
    let mut broken = form_of(b"Body=Hel");
    broken.chunks.push_back(Err(BodyBroken));
    assert_eq!(platform.handle(&mut broken).await.status, 400);
    for content_type in [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ] {
        let mut request = form_of(b"a=1");
        request.headers = vec![("Content-Type", content_type.to_owned())];
        assert_eq!(
            platform.handle(&mut request).await.status,
            415,
            "{content_type}"
        );
    }
    let mut request = Incoming::signed(&fields());
    request.headers[0].1 = "Application/X-WWW-Form-URLEncoded; charset=UTF-8".to_owned();
    assert_eq!(platform.handle(&mut request).await.status, 200);
}
