//! The Worker's front, natively: routes, statuses, headers, signatures, what is logged, and what is never.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs,
    reason = "a test may fail loudly"
)]

mod world;

use std::time::Duration;

use serde_json::Value;
use switchboard::{
    app::{self, BodyBroken, MAX_BODY_BYTES, Request, Response, SECURITY_HEADERS},
    platform::{Clock, PlatformError},
};
use world::{Act, Incoming, TOKEN, World, after, fresh_sid, run, sign, texts, webhook};

const ANNA: &str = "+15550100";

fn fields() -> Vec<(String, String)> {
    webhook(ANNA, "Hello", &fresh_sid())
}

fn header<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response
        .headers
        .iter()
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value.as_ref())
}

/// The one security event, of this kind.
fn only_security_event(world: &World, kind: &str) -> Value {
    let events = world.events();
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["event"], "security_event");
    assert_eq!(events[0]["details"]["kind"], kind);
    events[0].clone()
}

#[test]
fn every_response_of_every_status_carries_the_security_headers() {
    run(|| async {
        let mut seen = Vec::new();
        for (world, request) in [
            (World::new(), Incoming::signed(&fields())),
            (World::new(), Incoming::new("GET", "/health")),
            (World::new(), Incoming::new("GET", "/nowhere")),
            (World::new(), Incoming::new("GET", "/twilio/messages")),
            (World::new(), Incoming::new("POST", "/twilio/messages")),
            (World::new(), form_of(b"a=%zz")),
            (World::new(), form_of(b"a=1")),
            (World::new(), form_of(&vec![b'a'; MAX_BODY_BYTES + 1])),
            (
                World::with(&[("PSEUDONYM_KEY", "short")]),
                Incoming::new("GET", "/health"),
            ),
        ] {
            let response = world.handle(&mut request.clone()).await;
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
    });
}

fn form_of(body: &[u8]) -> Incoming {
    let mut request = Incoming::new("POST", "/twilio/messages");
    request.headers.push((
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    ));
    request.chunks.push_back(Ok(body.to_vec()));
    request
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    run(|| async {
        let world = World::new();
        for (method, path, allow) in [
            ("GET", "/twilio/messages", "POST"),
            ("HEAD", "/twilio/messages", "POST"),
            ("PUT", "/twilio/messages", "POST"),
            ("GET", "/twilio/messages/status", "POST"),
            ("POST", "/health", "GET, HEAD"),
            ("DELETE", "/health", "GET, HEAD"),
        ] {
            let response = world.handle(&mut Incoming::new(method, path)).await;
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
            "/twilio/messages/",
            "//health",
            "/twilio/messages/status/",
        ] {
            assert_eq!(
                world.handle(&mut Incoming::new("POST", path)).await.status,
                404,
                "{path}"
            );
        }
    });
}

#[test]
fn health_says_ok_and_the_version_and_a_head_has_no_body() {
    run(|| async {
        let world = World::new();
        let response = world.handle(&mut Incoming::new("GET", "/health?x=1")).await;
        let body: Value = serde_json::from_str(&response.body).unwrap();
        assert_eq!(
            (response.status, &body["status"], &body["version"]),
            (200, &"ok".into(), &env!("CARGO_PKG_VERSION").into())
        );
        let head = world.handle(&mut Incoming::new("HEAD", "/health")).await;
        assert_eq!(
            (head.status, head.body.as_str(), &head.headers),
            (200, "", &response.headers)
        );
    });
}

#[test]
fn a_body_over_64_kib_is_refused_while_it_is_read() {
    run(|| async {
        let world = World::new();
        let mut announced = form_of(b"a=1");
        announced
            .headers
            .push(("Content-Length", (MAX_BODY_BYTES + 1).to_string()));
        announced.chunks.clear();
        assert_eq!(world.handle(&mut announced).await.status, 413);

        let mut streamed = form_of(&[]);
        streamed.chunks = (0..100).map(|_| Ok(vec![b'a'; 1024])).collect();
        assert_eq!(world.handle(&mut streamed).await.status, 413);
        assert_eq!(
            streamed.chunks.len(),
            100 - 65,
            "what is too much is not read"
        );

        let mut largest = form_of(&vec![b'a'; MAX_BODY_BYTES]);
        assert_eq!(
            world.handle(&mut largest).await.status,
            403,
            "exactly 64 KiB goes on to the signature"
        );
    });
}

#[test]
fn a_body_that_is_not_a_well_formed_form_is_refused() {
    run(|| async {
        let world = World::new();
        for body in [&b"Body=%zz"[..], b"Body=%F0%28", b"Body=\xff\xfe"] {
            assert_eq!(world.handle(&mut form_of(body)).await.status, 400);
        }
        let mut broken = form_of(b"Body=Hel");
        broken.chunks.push_back(Err(BodyBroken));
        assert_eq!(world.handle(&mut broken).await.status, 400);
        for content_type in [
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain",
            "",
        ] {
            let mut request = form_of(b"a=1");
            request.headers = vec![("Content-Type", content_type.to_owned())];
            assert_eq!(
                world.handle(&mut request).await.status,
                415,
                "{content_type}"
            );
        }
        let mut request = Incoming::signed(&fields());
        request.headers[0].1 = "Application/X-WWW-Form-URLEncoded; charset=UTF-8".to_owned();
        assert_eq!(world.handle(&mut request).await.status, 200);
    });
}

// Signatures.

#[test]
fn a_forged_request_is_refused_before_anything_else_happens() {
    let (other_token, fields) = ("ffffffffffffffffffffffffffffffff", fields());
    let mut tampered = fields.clone();
    tampered[4].1 = "tampered-text".to_owned();
    let url = format!("{}/twilio/messages", world::ORIGIN);
    let dropped: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name != "FromCity")
        .cloned()
        .collect();
    for (signature, reason) in [
        (None, "missing"),
        (Some(String::new()), "missing"),
        (Some("forged".to_owned()), "malformed"),
        (Some(sign(other_token, &url, &fields)), "mismatch"),
        (Some(sign(TOKEN, &url, &tampered)), "mismatch"),
        (Some(sign(TOKEN, &url, &dropped)), "mismatch"),
        (
            Some(sign(TOKEN, &format!("{url}?x=1"), &fields)),
            "mismatch",
        ),
        (
            Some(sign(TOKEN, "https://evil.example/twilio/messages", &fields)),
            "mismatch",
        ),
    ] {
        let fields = fields.clone();
        run(|| async move {
            let world = World::new();
            let mut request = Incoming::signed(&fields);
            request
                .headers
                .retain(|(name, _)| *name != "X-Twilio-Signature");
            request
                .headers
                .extend(signature.map(|signature| ("X-Twilio-Signature", signature)));
            let response = world.handle(&mut request).await;
            assert_eq!(
                (response.status, response.body.as_str()),
                (403, "Forbidden\n"),
                "nothing says why"
            );
            assert_eq!(
                only_security_event(&world, "invalid_signature")["details"]["reason"],
                reason
            );
            assert!(world.object_names().is_empty(), "no object was called");
            assert!(world.model_requests().is_empty() && world.kv_keys().is_empty());
        });
    }
}

#[test]
fn the_host_header_and_forwarded_headers_do_not_change_what_is_signed() {
    run(|| async {
        let world = World::new();
        for name in [
            "Host",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "Forwarded",
            "X-Original-URL",
        ] {
            let mut request = Incoming::signed(&fields());
            request.headers.push((name, "evil.example".to_owned()));
            assert_eq!(world.handle(&mut request).await.status, 200, "{name}");
        }
    });
}

#[test]
fn behind_a_proxy_the_configured_origin_is_signed_and_no_other() {
    run(|| async {
        let world = World::with(&[("PUBLIC_URL", "https://public.example:8443")]);
        let fields = fields();
        let mut request = Incoming::signed(&fields);
        assert_eq!(
            world.handle(&mut request.clone()).await.status,
            403,
            "the request's own origin no longer counts"
        );
        let inner = std::mem::replace(
            &mut request.url,
            "https://public.example:8443/twilio/messages?a=b%20c&d='".to_owned(),
        );
        request.sign(TOKEN, &fields);
        request.url = format!("{inner}?a=b%20c&d='");
        assert_eq!(world.handle(&mut request).await.status, 200);
    });
}

#[test]
fn while_a_token_is_rotated_both_are_good_and_the_one_that_signed_answers() {
    run(|| async {
        let newer = "fedcba9876543210fedcba9876543210";
        let world = World::with(&[("TWILIO_AUTH_TOKEN", &format!("{TOKEN},{newer}"))]);
        for token in [TOKEN, newer] {
            let fields = webhook(ANNA, "Hello", &fresh_sid());
            let mut request = Incoming::signed(&fields);
            request.sign(token, &fields);
            assert_eq!(world.handle(&mut request).await.status, 200);
        }
        world.model([after(11_000, Act::Say("late"))]);
        let fields = webhook(ANNA, "slow", &fresh_sid());
        let mut request = Incoming::signed(&fields);
        request.sign(newer, &fields);
        world.handle(&mut request).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.rest_tokens(), [newer]);
    });
}

#[test]
fn a_signed_request_with_malformed_fields_is_refused_and_logged() {
    run(|| async {
        for (field, value, problem) in [
            ("From", "planted-value", "malformed"),
            ("From", "", "missing"),
            ("From", "55501", "malformed"),
            ("To", "+0123456789", "malformed"),
            ("MessageSid", "SM123", "malformed"),
            ("MessageSid", "", "missing"),
            ("AccountSid", "AC-planted-value", "malformed"),
        ] {
            let world = World::new();
            let mut fields = fields();
            fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.to_owned();
            let response = world.post(&fields).await;
            assert_eq!(
                (response.status, response.body),
                (400, format!("Bad request: {field} is {problem}\n"))
            );
            let event = only_security_event(&world, "suspicious_request");
            assert_eq!(
                (&event["details"]["field"], &event["details"]["problem"]),
                (&field.into(), &problem.into())
            );
            assert!(!world.log_text().contains("planted"));
        }
    });
}

#[test]
fn unknown_empty_and_repeated_parameters_are_signed_and_ignored() {
    run(|| async {
        let world = World::new();
        let mut fields = fields();
        for (name, value) in [
            ("NewParameter", "x"),
            ("NewParameter", "y"),
            ("NewParameter", "x"),
            ("Empty", ""),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
        assert_eq!(texts(&world.post(&fields).await.body), ["answer to Hello"]);
    });
}

#[test]
fn a_signed_request_that_has_a_field_twice_which_is_read_is_refused() {
    run(|| async {
        for name in ["From", "To", "Body", "MessageSid"] {
            let world = World::new();
            let mut fields = fields();
            fields.insert(0, (name.to_owned(), "planted".to_owned()));
            let response = world.post(&fields).await;
            assert_eq!(
                (response.status, response.body.as_str()),
                (400, format!("Bad request: {name} is repeated\n").as_str())
            );
            assert_eq!(
                world.security_events("suspicious_request")[0]["details"]["problem"],
                "repeated"
            );
            assert!(world.object_names().is_empty() && !world.log_text().contains("planted"));
        }
    });
}

#[test]
fn a_byte_order_mark_belongs_to_the_field_behind_it_in_one_piece_and_in_several() {
    run(|| async {
        for pieces in [1, 3] {
            let world = World::new();
            let mut fields = fields();
            fields[0].0.insert(0, '\u{feff}');
            let mut request = Incoming::signed(&fields);
            let body: Vec<u8> = request.chunks.drain(..).flat_map(Result::unwrap).collect();
            request.chunks = body
                .chunks(body.len().div_ceil(pieces))
                .map(|piece| Ok(piece.to_vec()))
                .collect();
            let response = world.handle(&mut request).await;
            assert_eq!(
                (response.status, response.body.as_str()),
                (
                    400,
                    format!("Bad request: {} is missing\n", &fields[0].0[3..]).as_str()
                )
            );
        }
    });
}

// Status callbacks.

fn callback(sid: &str, status: &str) -> Vec<(String, String)> {
    [
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("To", ANNA),
        ("From", world::NUMBER),
        ("ErrorCode", "30003"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

async fn post_callback(world: &World, fields: &[(String, String)]) -> Response {
    let mut request = Incoming::signed(fields);
    request.url.push_str("/status");
    request.sign(TOKEN, fields);
    world.handle(&mut request).await
}

#[test]
fn a_report_of_twilios_is_logged_once_for_each_status_and_answered_by_a_204() {
    run(|| async {
        let world = World::new();
        world.model([after(11_000, Act::Say("late"))]);
        world.text(ANNA, "Hello").await;
        world.pass(Duration::from_secs(5)).await;
        let sent = &world.sent_forms()[0];
        assert_eq!(
            sent["StatusCallback"],
            "https://example.com/twilio/messages/status"
        );
        for status in [
            "queued",
            "sent",
            "delivered",
            "delivered",
            "undelivered",
            "delivered",
            "read",
            "a-new-status",
        ] {
            let response = post_callback(&world, &callback(&sent["sid"], status)).await;
            assert_eq!((response.status, response.body.as_str()), (204, ""));
            assert_eq!(header(&response, "Content-Type"), None);
            assert_eq!(header(&response, "Cache-Control"), Some("no-store"));
        }
        let events: Vec<_> = world
            .events_named("delivery")
            .iter()
            .map(|event| (event["status"].clone(), event["code"].clone()))
            .collect();
        assert_eq!(
            events,
            [
                ("delivered".into(), 30003.into()),
                ("undelivered".into(), 30003.into())
            ]
        );
    });
}

#[test]
fn a_report_of_a_message_that_is_not_known_is_logged_and_stores_nothing() {
    run(|| async {
        let world = World::new();
        assert_eq!(
            post_callback(&world, &callback(&fresh_sid(), "failed"))
                .await
                .status,
            204
        );
        assert_eq!(world.events_named("delivery").len(), 1);
        assert!(world.stored(ANNA).is_empty());
    });
}

#[test]
fn a_forged_or_malformed_report_is_refused() {
    run(|| async {
        let world = World::new();
        let fields = callback(&fresh_sid(), "delivered");
        let mut forged = Incoming::signed(&fields);
        forged.url.push_str("/status");
        assert_eq!(world.handle(&mut forged).await.status, 403);
        let forgeries = world.security_events("invalid_signature");
        assert_ne!(
            forgeries[0]["phone_hash"], "00000000",
            "of the person, who is in To"
        );
        for (field, value) in [
            ("MessageSid", ""),
            ("MessageStatus", ""),
            ("To", "x"),
            ("From", ""),
            ("ErrorCode", "x"),
        ] {
            let mut fields = fields.clone();
            fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.to_owned();
            assert_eq!(post_callback(&world, &fields).await.status, 400, "{field}");
        }
        assert!(world.events_named("delivery").is_empty());
    });
}

// Objects.

#[test]
fn a_failed_object_is_called_again_only_if_the_platform_calls_it_retryable() {
    run(|| async {
        let retryable = || PlatformError {
            reason: "Network connection lost.".into(),
            retryable: true,
        };
        let world = World::new();
        world.object_errors([retryable()]);
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
        for errors in [
            vec![PlatformError::new("Durable Object is overloaded.")],
            vec![retryable(), retryable()],
        ] {
            world.object_errors(errors);
            assert_eq!(
                world.post(&fields()).await.status,
                503,
                "Twilio's retry or fallback can act"
            );
        }
        let failures = world.events_named("object_failed");
        assert_eq!(failures.len(), 2);
        assert_eq!(world.model_requests().len(), 1, "nothing is half taken in");
    });
}

// Configuration.

#[test]
fn a_missing_or_wrong_setting_closes_the_route_and_is_named_without_its_value() {
    run(|| async {
        let world = World::with(&[
            ("TWILIO_AUTH_TOKEN", ""),
            ("PSEUDONYM_KEY", "planted-short"),
            ("MAX_DAILY_CALLS", "planted"),
        ]);
        let mut request = Incoming::signed(&fields());
        let response = world.handle(&mut request).await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (503, "Not configured: see /health\n")
        );
        let event = only_security_event(&world, "configuration_invalid");
        assert_eq!(
            event["details"]["settings"],
            serde_json::json!(["TWILIO_AUTH_TOKEN", "PSEUDONYM_KEY", "MAX_DAILY_CALLS"])
        );
        let health = world.handle(&mut Incoming::new("GET", "/health")).await;
        assert_eq!(health.status, 503);
        for name in ["TWILIO_AUTH_TOKEN", "PSEUDONYM_KEY", "MAX_DAILY_CALLS"] {
            assert!(health.body.contains(name));
        }
        assert!(!health.body.contains("planted") && !world.log_text().contains("planted"));
    });
}

// Privacy.

/// Every input carries a marker; none may be found in the log, in KV keys or in object names.
#[test]
fn no_marker_of_any_input_reaches_the_log_kv_keys_or_object_names() {
    run(|| async {
        let world = World::with(&[
            ("RATE_LIMIT_PER_MINUTE", "4"),
            ("ASSISTANT_PROMPT", "planted-prompt"),
        ]);
        let from = "+15550123456";
        let mut fields = webhook(from, "planted-body", &fresh_sid());
        for (name, value) in [
            ("ProfileName", "planted-name"),
            ("FromCity", "planted-city"),
            ("MediaUrl0", "https://planted.example/m"),
        ] {
            fields.push((name.to_owned(), value.to_owned()));
        }
        let signed = |fields: &[(String, String)]| {
            let mut request = Incoming::signed(fields);
            request.url.push_str("?query=planted-query");
            request.sign(TOKEN, fields);
            request
        };
        let mut statuses = Vec::new();
        let mut forged = signed(&fields);
        forged.headers.last_mut().unwrap().1 = "planted-signature".to_owned();
        statuses.push(world.handle(&mut forged).await.status);
        let mut malformed = fields.clone();
        malformed[2].1 = "planted-from".to_owned();
        statuses.push(world.handle(&mut signed(&malformed)).await.status);
        world.model([
            Act::Say("planted-answer"),
            Act::Status(
                401,
                r#"{"error":{"message":"planted-error","code":"planted-code"}}"#,
            ),
            Act::Body("planted-garbage"),
            after(15_000, Act::Say("planted-late-answer")),
        ]);
        world.twilio([Act::Status(
            400,
            r#"{"code":21211,"message":"planted-twilio-error +15550123456"}"#,
        )]);
        for _ in 0..6 {
            fields[0].1 = fresh_sid();
            statuses.push(world.handle(&mut signed(&fields)).await.status);
        }
        world.pass(Duration::from_secs(20)).await;
        world.kv_fails(true);
        world.pass(Duration::from_secs(60)).await;
        world.storage_fails(from, true);
        fields[0].1 = fresh_sid();
        statuses.push(world.handle(&mut signed(&fields)).await.status);
        assert_eq!(statuses, [403, 400, 200, 200, 200, 200, 200, 200, 503]);
        assert_eq!(world.sent().len(), 0);

        let visible = [
            world.log_text(),
            world.kv_keys().join("\n"),
            world.object_names().join("\n"),
        ]
        .join("\n");
        for marker in [
            "planted",
            "5550123456",
            "15550199",
            TOKEN,
            "a-pseudonym-key",
        ] {
            assert!(!visible.contains(marker), "{marker} in:\n{visible}");
        }
        let known = [
            "security_event",
            "turn",
            "late_part",
            "delivery",
            "conversation_unreadable",
            "kv_failed",
            "object_failed",
            "internal_error",
        ];
        for event in world.events() {
            assert!(known.contains(&event["event"].as_str().unwrap()), "{event}");
            assert!(event["time"].as_str().unwrap().ends_with('Z'));
        }
        let kinds: std::collections::BTreeSet<_> = world
            .events()
            .iter()
            .map(|event| event["event"].to_string())
            .collect();
        assert!(
            kinds.len() >= 4,
            "the run was to reach many events: {kinds:?}"
        );
    });
}

// The operator's routes.

const ADMIN: (&str, &str) = ("ADMIN_TOKEN", "an-admin-token-of-enough-characters");
const ADMIN_PATHS: [&str; 4] = [
    "/admin/usage",
    "/admin/budget/reset",
    "/admin/senders/show",
    "/admin/nothing",
];

fn admin(method: &'static str, path: &str, authorization: Option<&str>, client: &str) -> Incoming {
    let mut request = Incoming::new(method, path);
    request
        .headers
        .extend(authorization.map(|value| ("Authorization", value.to_owned())));
    request
        .headers
        .push(("CF-Connecting-IP", client.to_owned()));
    request
}

fn bearer() -> String {
    format!("Bearer {}", ADMIN.1)
}

#[test]
fn without_an_admin_token_there_are_no_admin_routes() {
    run(|| async {
        let world = World::new();
        for path in ADMIN_PATHS {
            for authorization in [
                None,
                Some("Bearer "),
                Some("Bearer undefined"),
                Some(bearer().as_str()),
            ] {
                assert_eq!(
                    world
                        .handle(&mut admin("GET", path, authorization, "192.0.2.1"))
                        .await
                        .status,
                    404,
                    "{path}"
                );
            }
        }
    });
}

#[test]
fn an_admin_request_without_the_token_is_refused_before_anything_else_is_told() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        let almost = format!("Bearer {}x", ADMIN.1);
        let basic = format!("Basic {}", ADMIN.1);
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
                    let response = world
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
        assert!(world.object_names().is_empty());
        assert!(
            world
                .security_events("admin_refused")
                .iter()
                .all(|event| event["details"]["reason"] == "wrong_token")
        );
        assert!(!world.log_text().contains(ADMIN.1) && !world.log_text().contains("192.0.2"));
    });
}

#[test]
fn five_wrong_tokens_a_minute_lock_a_client_address_out_and_no_other() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        let status = async |token: &str, client: &str| {
            let response = world
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
        world.pass(Duration::from_secs(20)).await;
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
        world.pass(Duration::from_secs(40)).await;
        assert_eq!(status(&bearer(), "192.0.2.1").await.0, 200);
        let reasons: Vec<_> = world
            .security_events("admin_refused")
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
    });
}

#[test]
fn wrong_tokens_of_others_behind_its_address_do_not_lock_the_operator_out() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        let status = async |token: &str| {
            let response = world
                .handle(&mut admin("GET", "/admin/usage", Some(token), "192.0.2.1"))
                .await;
            (
                response.status,
                header(&response, "Retry-After").map(ToOwned::to_owned),
            )
        };
        assert_eq!(status(&bearer()).await.0, 200);
        world.pass(Duration::from_secs(60 * 60)).await;
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
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(status(&bearer()).await.0, 200);
    });
}

#[test]
fn a_clients_address_is_told_by_the_configured_header_and_by_no_other() {
    run(|| async {
        for (changes, trusted, other) in [
            (vec![ADMIN], "CF-Connecting-IP", "X-Real-IP"),
            (
                vec![ADMIN, ("ADMIN_CLIENT_HEADER", "X-Real-IP")],
                "X-Real-IP",
                "CF-Connecting-IP",
            ),
        ] {
            let world = World::with(&changes);
            let status = async |token: &str, address: &str, decoy: String| {
                let mut request = admin("GET", "/admin/usage", Some(token), address);
                request.headers.last_mut().unwrap().0 = trusted;
                request.headers.push((other, decoy));
                world.handle(&mut request).await.status
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
            // A list, which a client can begin: whatever it says, it is one client.
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
    });
}

#[test]
fn a_try_that_cannot_be_counted_is_refused_also_with_the_right_token() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        world.tries_fail(true);
        assert_eq!(
            world
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
        assert_eq!(world.events_named("object_failed")[0]["object"], "tries");
    });
}

#[test]
fn an_admin_request_that_is_wrong_is_told_what_is_wrong() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        for (method, path, status, allow) in [
            ("GET", "/admin/", 404, None),
            ("GET", "/admin/nothing", 404, None),
            ("POST", "/admin/usage", 405, Some("GET")),
            ("GET", "/admin/budget/reset", 405, Some("POST")),
            ("POST", "/admin/budget/reset/", 404, None),
            ("GET", "/admin/senders/show", 405, Some("POST")),
            ("DELETE", "/admin/senders/erase", 405, Some("POST")),
            (
                "DELETE",
                "/admin/senders/%2B15550100?to=%2B15550199",
                404,
                None,
            ),
        ] {
            let response = world
                .handle(&mut admin(method, path, Some(&bearer()), "192.0.2.1"))
                .await;
            assert_eq!(
                (response.status, header(&response, "Allow")),
                (status, allow),
                "{method} {path}"
            );
        }
        for (object, request) in [
            ("sender", about_sender("show", PAIR)),
            (
                "budget",
                admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1"),
            ),
            (
                "budget",
                admin("POST", "/admin/budget/reset", Some(&bearer()), "192.0.2.1"),
            ),
        ] {
            world.budget_fails(true);
            world.object_errors([PlatformError::new("down")]);
            assert_eq!(
                world.handle(&mut request.clone()).await.status,
                503,
                "{object}"
            );
            assert_eq!(
                world.events_named("object_failed").last().unwrap()["object"],
                object
            );
        }
        let faulty = World::with(&[ADMIN, ("PSEUDONYM_KEY", "short")]);
        assert_eq!(
            faulty
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
    });
}

const PAIR: &str = r#"{"from":"+15550100","to":"+15550199"}"#;

fn about_sender(what: &str, body: &str) -> Incoming {
    let mut request = Incoming::json(&format!("/admin/senders/{what}"), body);
    request.headers.push(("Authorization", bearer()));
    request
}

#[test]
fn the_addresses_of_an_admin_request_are_read_from_a_json_body_and_a_wrong_one_is_named_and_not_repeated()
 {
    run(|| async {
        let world = World::with(&[ADMIN]);
        for what in ["show", "erase"] {
            for (body, says) in [
                (
                    "",
                    "the body must be a JSON object with \"from\" and \"to\"",
                ),
                ("from=planted&to=planted", "the body must be a JSON object"),
                (
                    r#"["+15550100","+15550199"]"#,
                    "the body must be a JSON object",
                ),
                (
                    r#"{"from":"+15550100","to":"+15550199""#,
                    "the body must be a JSON object",
                ),
                ("{\"from\":\"\u{feff}", "the body must be a JSON object"),
                (r#"{"to":"+15550199"}"#, "from is missing"),
                (r#"{"from":"+15550100"}"#, "to is missing"),
                (
                    r#"{"from":"planted","to":"+15550199"}"#,
                    "from is malformed",
                ),
                (r#"{"from":"","to":"+15550199"}"#, "from is malformed"),
                (r#"{"from":15550100,"to":"+15550199"}"#, "from is malformed"),
                (
                    r#"{"from":"%2B15550100","to":"+15550199"}"#,
                    "from is malformed",
                ),
                (r#"{"from":"+15550100","to":"planted"}"#, "to is malformed"),
                (
                    r#"{"from":"+15550100","to":["+15550199"]}"#,
                    "to is malformed",
                ),
                (r#"{"from":"+15550100","to":null}"#, "to is malformed"),
            ] {
                let response = world.handle(&mut about_sender(what, body)).await;
                assert_eq!(response.status, 400, "{body}");
                let told = response.body.strip_prefix("Bad request: ").unwrap();
                assert!(told.starts_with(says), "{body}: {told}");
                assert!(
                    !told.contains("planted") && !told.contains("5550"),
                    "{told}"
                );
            }
            let mut broken = about_sender(what, PAIR);
            broken.chunks.push_back(Err(BodyBroken));
            assert_eq!(world.handle(&mut broken).await.status, 400);
            let mut large = about_sender(what, PAIR);
            large.chunks.push_back(Ok(vec![b' '; MAX_BODY_BYTES]));
            assert_eq!(world.handle(&mut large).await.status, 413);
            for content_type in [
                None,
                Some("text/plain"),
                Some("application/x-www-form-urlencoded"),
                Some("application/jsonp"),
            ] {
                let mut request = about_sender(what, PAIR);
                request.headers.retain(|(name, _)| *name != "Content-Type");
                request
                    .headers
                    .extend(content_type.map(|value| ("Content-Type", value.to_owned())));
                let response = world.handle(&mut request).await;
                assert_eq!(
                    (response.status, response.body.as_str()),
                    (415, "The content type must be application/json\n")
                );
            }
            let mut request = about_sender(what, PAIR);
            request.headers.retain(|(name, _)| *name != "Content-Type");
            request
                .headers
                .push(("Content-Type", "Application/JSON; charset=utf-8".to_owned()));
            assert_eq!(world.handle(&mut request).await.status, 200);
        }
        assert!(!world.log_text().contains("5550"));
    });
}

// Objects that do not answer.

/// A request whose body takes a while.
struct Slow(Incoming, Duration);

impl Request for Slow {
    fn method(&self) -> String {
        self.0.method()
    }
    fn url(&self) -> String {
        self.0.url()
    }
    fn header(&self, name: &str) -> Option<String> {
        self.0.header(name)
    }
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, BodyBroken> {
        tokio::time::sleep(std::mem::take(&mut self.1)).await;
        self.0.chunk().await
    }
}

#[test]
fn a_message_whose_object_hangs_is_answered_503_within_the_15_seconds_that_twilio_waits() {
    run(|| async {
        let world = World::new();
        world.hangs(&["sender"]);
        for body_takes in [0, 6, 20] {
            let began = world.now();
            let mut request = Slow(Incoming::signed(&fields()), Duration::from_secs(body_takes));
            let response = app::handle(&world, Ok(world.config()), &mut request).await;
            assert_eq!(response.status, 503);
            let took = world.now().since(began);
            // The body's own time is not ours to bound.
            let bound = Duration::from_millis(14_800).max(Duration::from_secs(body_takes));
            assert!(
                (bound..bound + Duration::from_millis(10)).contains(&took),
                "{took:?}"
            );
        }
        let failures = world.events_named("object_failed");
        assert_eq!(failures.len(), 3);
        assert!(
            failures
                .iter()
                .all(|event| event["object"] == "sender" && event["reason"] == "took too long"),
            "{failures:?}"
        );
        world.hangs(&[]);
        assert_eq!(world.text(ANNA, "Hello").await, ["answer to Hello"]);
    });
}

#[test]
fn no_other_request_waits_longer_than_10_seconds_for_an_object_that_hangs() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        let usage = || admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1");
        let mut report = Incoming::new("POST", "/twilio/messages/status");
        let sent = [
            ("MessageSid", fresh_sid().as_str()),
            ("MessageStatus", "delivered"),
            ("From", "+15550199"),
            ("To", ANNA),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        report.headers.push((
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        ));
        report
            .chunks
            .push_back(Ok(form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&sent)
                .finish()
                .into_bytes()));
        report.sign(TOKEN, &sent);
        for (objects, object, request, seconds) in [
            (["sender"].as_slice(), "sender", report, 10),
            (&["sender"], "sender", about_sender("show", PAIR), 10),
            // It waits for KV on its own, as long as a reply may take.
            (&["sender"], "sender", about_sender("erase", PAIR), 20),
            (&["budget"], "budget", usage(), 10),
            (
                &["budget"],
                "budget",
                admin("POST", "/admin/budget/reset", Some(&bearer()), "192.0.2.1"),
                10,
            ),
            (&["tries", "budget", "sender"], "tries", usage(), 10),
        ] {
            world.hangs(objects);
            let began = world.now();
            assert_eq!(world.handle(&mut request.clone()).await.status, 503);
            let took = world.now().since(began);
            let bound = Duration::from_secs(seconds);
            assert!(
                (bound..bound + Duration::from_millis(10)).contains(&took),
                "{object}: {took:?}"
            );
            let failure = world.events_named("object_failed").last().unwrap().clone();
            assert_eq!(
                (&failure["object"], &failure["reason"]),
                (&object.into(), &"took too long".into())
            );
        }
        world.hangs(&[]);
        assert_eq!(world.handle(&mut usage()).await.status, 200);
    });
}

#[test]
fn what_was_counted_is_reported_later_when_an_object_hangs() {
    run(|| async {
        let world = World::with(&[ADMIN]);
        let usage = || admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1");
        assert_eq!(world.handle(&mut form_of(b"a=1")).await.status, 403);
        world.hangs(&["sender", "budget"]);
        assert_eq!(
            world.try_message(ANNA, "Hello", &fresh_sid()).await.status,
            503
        );
        assert_eq!(world.handle(&mut usage()).await.status, 503);
        world.hangs(&[]);
        let shown: Value = serde_json::from_str(&world.handle(&mut usage()).await.body).unwrap();
        assert_eq!(shown["refusals"]["invalid_signature"], 1);
    });
}
