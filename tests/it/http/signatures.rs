//! Signatures: nothing happens before one is verified, and what is signed is read strictly.
//!
//! Not here: the published vectors (`vectors`).

use std::time::Duration;

use super::{fields, only_security_event};
use crate::support::{
    ANNA, Act, FakePlatform, Incoming, ORIGIN, TOKEN, after, fresh_sid, sign, texts, webhook,
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_forged_request_is_refused_before_anything_else_happens() {
    let (other_token, fields) = ("ffffffffffffffffffffffffffffffff", fields());
    let mut tampered = fields.clone();
    tampered[4].1 = "tampered-text".to_owned();
    let url = format!("{ORIGIN}/twilio/messages");
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
        let platform = FakePlatform::new();
        let mut request = Incoming::signed(&fields);
        request
            .headers
            .retain(|(name, _)| *name != "X-Twilio-Signature");
        request
            .headers
            .extend(signature.map(|signature| ("X-Twilio-Signature", signature)));
        let response = platform.handle(&mut request).await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (403, "Forbidden\n"),
            "nothing says why"
        );
        assert_eq!(
            only_security_event(&platform, "invalid_signature")["details"]["reason"],
            reason
        );
        assert!(platform.object_names().is_empty(), "no object was called");
        assert!(platform.model_requests().is_empty() && platform.kv_keys().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_host_header_and_forwarded_headers_do_not_change_what_is_signed() {
    let platform = FakePlatform::new();
    for name in [
        "Host",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "Forwarded",
        "X-Original-URL",
    ] {
        let mut request = Incoming::signed(&fields());
        request.headers.push((name, "evil.example".to_owned()));
        assert_eq!(platform.handle(&mut request).await.status, 200, "{name}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn behind_a_proxy_the_configured_origin_is_signed_and_no_other() {
    let platform = FakePlatform::with(&[("PUBLIC_URL", "https://public.example:8443")]);
    let fields = fields();
    let mut request = Incoming::signed(&fields);
    assert_eq!(
        platform.handle(&mut request.clone()).await.status,
        403,
        "the request's own origin no longer counts"
    );
    let inner = std::mem::replace(
        &mut request.url,
        "https://public.example:8443/twilio/messages?a=b%20c&d='".to_owned(),
    );
    request.sign(TOKEN, &fields);
    request.url = format!("{inner}?a=b%20c&d='");
    assert_eq!(platform.handle(&mut request).await.status, 200);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn while_a_token_is_rotated_both_are_good_and_the_one_that_signed_answers() {
    let newer = "fedcba9876543210fedcba9876543210";
    let platform = FakePlatform::with(&[("TWILIO_AUTH_TOKEN", &format!("{TOKEN},{newer}"))]);
    for token in [TOKEN, newer] {
        let fields = webhook(ANNA, "Hello", &fresh_sid());
        let mut request = Incoming::signed(&fields);
        request.sign(token, &fields);
        assert_eq!(platform.handle(&mut request).await.status, 200);
    }
    platform.model([after(11_000, Act::Say("by REST"))]);
    let fields = webhook(ANNA, "slow", &fresh_sid());
    let mut request = Incoming::signed(&fields);
    request.sign(newer, &fields);
    platform.handle(&mut request).await;
    platform.pass(Duration::from_secs(5)).await;
    assert_eq!(platform.rest_tokens(), [newer]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_signed_request_with_malformed_fields_is_refused_and_logged() {
    for (field, value, problem) in [
        ("From", "planted-value", "malformed"),
        ("From", "", "missing"),
        ("From", "14155553031", "malformed"),
        ("To", "+0123456789", "malformed"),
        ("MessageSid", "SM123", "malformed"),
        ("MessageSid", "", "missing"),
        ("AccountSid", "AC-planted-value", "malformed"),
    ] {
        let platform = FakePlatform::new();
        let mut fields = fields();
        fields.iter_mut().find(|(name, _)| name == field).unwrap().1 = value.to_owned();
        let response = platform.post(&fields).await;
        assert_eq!(
            (response.status, response.body),
            (400, format!("Bad request: {field} is {problem}\n"))
        );
        let event = only_security_event(&platform, "suspicious_request");
        assert_eq!(
            (&event["details"]["field"], &event["details"]["problem"]),
            (&field.into(), &problem.into())
        );
        assert!(!platform.log_text().contains("planted"));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn unknown_empty_and_repeated_parameters_are_signed_and_ignored() {
    let platform = FakePlatform::new();
    let mut fields = fields();
    for (name, value) in [
        ("NewParameter", "x"),
        ("NewParameter", "y"),
        ("NewParameter", "x"),
        ("Empty", ""),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    assert_eq!(
        texts(&platform.post(&fields).await.body),
        ["answer to Hello"]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_signed_request_that_has_a_field_twice_which_is_read_is_refused() {
    for name in ["From", "To", "Body", "MessageSid"] {
        let platform = FakePlatform::new();
        let mut fields = fields();
        fields.insert(0, (name.to_owned(), "planted".to_owned()));
        let response = platform.post(&fields).await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (400, format!("Bad request: {name} is repeated\n").as_str())
        );
        assert_eq!(
            platform.security_events("suspicious_request")[0]["details"]["problem"],
            "repeated"
        );
        assert!(platform.object_names().is_empty() && !platform.log_text().contains("planted"));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_byte_order_mark_belongs_to_the_field_behind_it_in_one_piece_and_in_several() {
    for pieces in [1, 3] {
        let platform = FakePlatform::new();
        let mut fields = fields();
        fields[0].0.insert(0, '\u{feff}');
        let mut request = Incoming::signed(&fields);
        let body: Vec<u8> = request.chunks.drain(..).flat_map(Result::unwrap).collect();
        request.chunks = body
            .chunks(body.len().div_ceil(pieces))
            .map(|piece| Ok(piece.to_vec()))
            .collect();
        let response = platform.handle(&mut request).await;
        assert_eq!(
            (response.status, response.body.as_str()),
            (
                400,
                format!("Bad request: {} is missing\n", &fields[0].0[3..]).as_str()
            )
        );
    }
}
