//! What a wrong admin request gets.
//!
//! Not here: who may make one (`admin_access`).

use serde_json::json;
use switchboard::http::{BodyBroken, MAX_BODY_BYTES};
use switchboard::platform::PlatformError;

use super::{PAIR, about_contact, admin, header};
use crate::support::{FakePlatform, WITH_ADMIN, bearer};

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_admin_request_that_is_wrong_is_told_what_is_wrong() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    for (method, path, status, allow) in [
        ("GET", "/admin/", 404, None),
        ("GET", "/admin/nothing", 404, None),
        ("POST", "/admin/usage", 405, Some("GET")),
        ("GET", "/admin/budget/reset", 405, Some("POST")),
        ("POST", "/admin/budget/reset/", 404, None),
        ("GET", "/admin/contacts/show", 405, Some("POST")),
        ("DELETE", "/admin/contacts/erase", 405, Some("POST")),
        ("GET", "/admin/contacts/hand-over", 405, Some("POST")),
        ("GET", "/admin/contacts/release", 405, Some("POST")),
        ("PUT", "/admin/contacts/messages", 405, Some("POST")),
        (
            "DELETE",
            "/admin/contacts/%2B15550100?to=%2B15550199",
            404,
            None,
        ),
    ] {
        let response = platform
            .handle(&mut admin(method, path, Some(&bearer()), "192.0.2.1"))
            .await;
        assert_eq!(
            (response.status, header(&response, "Allow")),
            (status, allow),
            "{method} {path}"
        );
    }
    for (object, request) in [
        ("thread", about_contact("show", PAIR)),
        (
            "budget",
            admin("GET", "/admin/usage", Some(&bearer()), "192.0.2.1"),
        ),
        (
            "budget",
            admin("POST", "/admin/budget/reset", Some(&bearer()), "192.0.2.1"),
        ),
    ] {
        platform.budget_fails(true);
        platform.object_errors([PlatformError::new("down")]);
        assert_eq!(
            platform.handle(&mut request.clone()).await.status,
            503,
            "{object}"
        );
        assert_eq!(
            platform.events_named("object_failed").last().unwrap()["object"],
            object
        );
    }
    let faulty = FakePlatform::with(&[WITH_ADMIN, ("PSEUDONYM_KEY", "short")]);
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
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_addresses_of_an_admin_request_are_read_from_a_json_body_and_a_wrong_one_is_named_and_not_repeated()
 {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    for what in ["show", "erase", "hand-over", "release", "messages"] {
        for (body, says) in [
            ("", "the body must be a JSON object"),
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
                r#"{"from":"a planted text","to":"+15550199"}"#,
                "from is malformed",
            ),
            (r#"{"from":"","to":"+15550199"}"#, "from is malformed"),
            (r#"{"from":15550100,"to":"+15550199"}"#, "from is malformed"),
            (
                r#"{"from":"%2B15550100","to":"+15550199"}"#,
                "from is malformed",
            ),
            (
                r#"{"from":"+15550100","to":"a planted text"}"#,
                "to is malformed",
            ),
            (
                r#"{"from":"+15550100","to":["+15550199"]}"#,
                "to is malformed",
            ),
            (r#"{"from":"+15550100","to":null}"#, "to is malformed"),
        ] {
            let response = platform.handle(&mut about_contact(what, body)).await;
            assert_eq!(response.status, 400, "{body}");
            let told = response.body.strip_prefix("Bad request: ").unwrap();
            assert!(told.starts_with(says), "{body}: {told}");
            assert!(
                !told.contains("planted") && !told.contains("5550"),
                "{told}"
            );
        }
        let mut broken = about_contact(what, PAIR);
        broken.chunks.push_back(Err(BodyBroken));
        assert_eq!(platform.handle(&mut broken).await.status, 400);
        let mut large = about_contact(what, PAIR);
        large.chunks.push_back(Ok(vec![b' '; MAX_BODY_BYTES]));
        assert_eq!(platform.handle(&mut large).await.status, 413);
        for content_type in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("application/jsonp"),
        ] {
            let mut request = about_contact(what, PAIR);
            request.headers.retain(|(name, _)| *name != "Content-Type");
            request
                .headers
                .extend(content_type.map(|value| ("Content-Type", value.to_owned())));
            let response = platform.handle(&mut request).await;
            assert_eq!(
                (response.status, response.body.as_str()),
                (415, "The content type must be application/json\n")
            );
        }
        let mut request = about_contact(what, PAIR);
        request.headers.retain(|(name, _)| *name != "Content-Type");
        request
            .headers
            .push(("Content-Type", "Application/JSON; charset=utf-8".to_owned()));
        let status = match what {
            "hand-over" => 409,
            "messages" => 400,
            _ => 200,
        };
        assert_eq!(platform.handle(&mut request).await.status, status);
    }
    assert!(!platform.log_text().contains("5550"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_of_an_operator_must_be_one_message_of_clean_text() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let long = "x".repeat(1601);
    for (text, says) in [
        (None, "text is missing"),
        (Some(json!(null)), "text must have"),
        (Some(json!(7)), "text must have"),
        (Some(json!(" \n ")), "text must have"),
        (Some(json!("a\u{7}b")), "text must have"),
        (Some(json!(long)), "text must have 1 to 1600 characters"),
    ] {
        let mut body = json!({ "from": "+15550100", "to": "+15550199" });
        if let Some(text) = text {
            body["text"] = text;
        }
        let body = body.to_string();
        let response = platform.handle(&mut about_contact("messages", &body)).await;
        assert_eq!(response.status, 400, "{body}");
        assert!(response.body.contains(says), "{}", response.body);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_id_of_an_operators_answer_that_is_none_is_a_400_that_names_it() {
    let platform = FakePlatform::with(&[WITH_ADMIN]);
    let long = "x".repeat(201);
    for id in [json!(7), json!(""), json!(long), json!(null), json!("a\tb")] {
        let body = json!({ "from": "+15550100", "to": "+15550199", "text": "Hi", "id": id });
        let response = platform
            .handle(&mut about_contact("messages", &body.to_string()))
            .await;
        assert_eq!(response.status, 400, "{id}");
        let named = "id must have 1 to 200 characters";
        assert!(response.body.contains(named), "{}", response.body);
    }
}
