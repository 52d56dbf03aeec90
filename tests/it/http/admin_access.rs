//! Who may call the admin routes: the token, the lockout, and the client's address.
//!
//! Not here: what the routes do (`messaging::operator`).

use std::time::Duration;

use switchboard::http::SECURITY_HEADERS;

use super::{admin, header};
use crate::support::{ADMIN_TOKEN, FakePlatform, WITH_ADMIN, bearer};

const ADMIN_PATHS: &[&str] = &[
    "/admin/usage",
    "/admin/budget/reset",
    "/admin/contacts/show",
    "/admin/contacts/erase",
    "/admin/contacts/hand-over",
    "/admin/contacts/release",
    "/admin/contacts/messages",
    "/admin/calls",
    "/admin/calls/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "/admin/nothing",
];

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_an_admin_token_there_are_no_admin_routes() {
    let platform = FakePlatform::new();
    for &path in ADMIN_PATHS {
        for authorization in [
            None,
            Some("Bearer "),
            Some("Bearer undefined"),
            Some(bearer().as_str()),
        ] {
            assert_eq!(
                platform
                    .handle(&mut admin("GET", path, authorization, "192.0.2.1"))
                    .await
                    .status,
                404,
                "{path}"
            );
        }
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_admin_request_without_the_token_is_refused_before_anything_else_is_told() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let almost = format!("Bearer {ADMIN_TOKEN}x");
    let basic = format!("Basic {ADMIN_TOKEN}");
    for (at, authorization) in [
        None,
        Some(""),
        Some(basic.as_str()),
        Some("Bearer "),
        Some(almost.as_str()),
    ]
    .into_iter()
    .enumerate()
    {
        for (number, path) in ADMIN_PATHS.iter().enumerate() {
            for method in ["GET", "POST"] {
                let response = platform
                    .handle(&mut admin(
                        method,
                        path,
                        authorization,
                        &format!("192.0.2.{}", at * ADMIN_PATHS.len() + number),
                    ))
                    .await;
                assert_eq!(
                    (response.status, header(&response, "WWW-Authenticate")),
                    (401, Some("Bearer")),
                    "{path} {authorization:?}"
                );
                assert!(
                    SECURITY_HEADERS
                        .iter()
                        .all(|(name, value)| header(&response, name) == Some(value))
                );
            }
        }
    }
    assert!(platform.object_names().is_empty());
    assert!(
        platform
            .security_events("admin_denied")
            .iter()
            .all(|event| event["details"]["reason"] == "wrong_token")
    );
    assert!(!platform.log_text().contains(ADMIN_TOKEN) && !platform.log_text().contains("192.0.2"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn five_wrong_tokens_a_minute_lock_a_client_address_out_and_no_other() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let status = async |token: &str, client: &str| {
        let response = platform
            .handle(&mut admin("GET", "/admin/usage", Some(token), client))
            .await;
        (
            response.status,
            header(&response, "Retry-After").map(ToOwned::to_owned),
        )
    };
    for _ in 0..5 {
        assert_eq!(status("Bearer wrong", "192.0.2.1").await, (401, None));
    }
    assert_eq!(
        status("Bearer wrong", "192.0.2.1").await,
        (429, Some("60".into()))
    );
    platform.pass(Duration::from_secs(20)).await;
    assert_eq!(
        status(&bearer(), "192.0.2.1").await,
        (429, Some("40".into())),
        "the right one is not told from a wrong one"
    );
    assert_eq!(status(&bearer(), "192.0.2.2").await.0, 200);
    assert_eq!(
        status(
            &bearer().to_lowercase().replace("bearer", "BEARER"),
            "192.0.2.2"
        )
        .await
        .0,
        200,
        "the scheme has no case"
    );
    platform.pass(Duration::from_secs(40)).await;
    assert_eq!(status(&bearer(), "192.0.2.1").await.0, 200);
    let reasons: Vec<_> = platform
        .security_events("admin_denied")
        .iter()
        .map(|event| event["details"]["reason"].clone())
        .collect();
    assert_eq!(
        reasons,
        [
            "wrong_token",
            "wrong_token",
            "wrong_token",
            "wrong_token",
            "wrong_token",
            "locked",
            "locked"
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn wrong_tokens_of_others_behind_its_address_do_not_lock_the_operator_out() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let status = async |token: &str| {
        let response = platform
            .handle(&mut admin("GET", "/admin/usage", Some(token), "192.0.2.1"))
            .await;
        (
            response.status,
            header(&response, "Retry-After").map(ToOwned::to_owned),
        )
    };
    assert_eq!(status(&bearer()).await.0, 200);
    platform.pass(Duration::from_hours(1)).await;
    let mut wrong = Vec::new();
    for _ in 0..7 {
        wrong.push(status("Bearer wrong").await.0);
    }
    assert_eq!(
        wrong,
        [401, 401, 401, 401, 401, 429, 429],
        "a wrong one is locked as from anywhere"
    );
    assert_eq!(status(&bearer()).await.0, 200);
    for _ in 0..100 {
        status("Bearer wrong").await;
    }
    assert_eq!(
        status(&bearer()).await,
        (429, Some("60".into())),
        "guesses have a bound, and the right one is none any more"
    );
    platform.pass(Duration::from_mins(1)).await;
    assert_eq!(status(&bearer()).await.0, 200);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_clients_address_is_told_by_the_configured_header_and_by_no_other() {
    for (changes, trusted, other) in [
        (vec![WITH_ADMIN], "CF-Connecting-IP", "X-Real-IP"),
        (
            vec![WITH_ADMIN, ("ADMIN_CLIENT_HEADER", "X-Real-IP")],
            "X-Real-IP",
            "CF-Connecting-IP",
        ),
    ] {
        let platform = FakePlatform::with(&changes);
        let status = async |token: &str, address: &str, decoy: String| {
            let mut request = admin("GET", "/admin/usage", Some(token), address);
            request.headers.last_mut().unwrap().0 = trusted;
            request.headers.push((other, decoy));
            platform.handle(&mut request).await.status
        };
        for number in 0..5 {
            assert_eq!(
                status("Bearer wrong", "192.0.2.1", format!("198.51.100.{number}")).await,
                401
            );
        }
        assert_eq!(
            status(&bearer(), "192.0.2.1", "198.51.100.9".into()).await,
            429,
            "another header opens nothing"
        );
        assert_eq!(
            status(&bearer(), "192.0.2.2", "192.0.2.1".into()).await,
            200,
            "nor does it lock anybody out"
        );
        // A client can put addresses at the start of a list. All lists count as one client.
        for number in 0..5 {
            assert_eq!(
                status(
                    "Bearer wrong",
                    &format!("198.51.100.{number}, 192.0.2.2"),
                    String::new()
                )
                .await,
                401
            );
        }
        assert_eq!(
            status(&bearer(), "198.51.100.7, 192.0.2.2", String::new()).await,
            429
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_try_that_cannot_be_counted_is_refused_also_with_the_right_token() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    platform.lockout_fails(true);
    assert_eq!(
        platform
            .handle(&mut admin(
                "GET",
                "/admin/usage",
                Some(&bearer()),
                "192.0.2.1"
            ))
            .await
            .status,
        503
    );
    assert_eq!(
        platform.events_named("object_failed")[0]["object"],
        "admin_lockout"
    );
}
