//! Media: stored, protected and redirected as at Twilio, and shown to the model.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Answer, Playground, TOKENS};

const GIF: &[u8] = b"GIF89a and more";

/// The path of a file's address in the REST API.
fn upload(playground: &Playground, content_type: &str, bytes: &[u8]) -> String {
    let answer = playground.send(
        "POST",
        "/playground/media",
        &[("content-type", content_type)],
        bytes,
    );
    assert_eq!(answer.status, 201);
    let kept = answer.json();
    assert_eq!(kept["content_type"], content_type);
    kept["url"]
        .as_str()
        .unwrap()
        .strip_prefix(&playground.url(""))
        .unwrap()
        .to_owned()
}

/// Asks without following a redirect.
fn get(playground: &Playground, path: &str, account: &str, token: &str) -> Answer {
    let credentials = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{account}:{token}"))
    );
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .new_agent();
    let mut request = agent.get(playground.url(path));
    if !token.is_empty() {
        request = request.header("authorization", credentials);
    }
    let mut response = request.call().unwrap();
    let headers = response.headers().clone();
    let body = response
        .body_mut()
        .with_config()
        .limit(64 * 1024 * 1024)
        .read_to_vec();
    Answer {
        status: response.status().as_u16(),
        headers,
        body: body.unwrap_or_default(),
    }
}

#[test]
fn a_file_is_reached_by_its_account_through_a_redirect() {
    let playground = Playground::start();
    let path = upload(&playground, "image/gif", GIF);
    assert!(
        path.starts_with(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/MM")),
        "{path}"
    );
    for token in TOKENS {
        let redirect = get(&playground, &path, ACCOUNT, token);
        assert_eq!(redirect.status, 307);
        let target = redirect
            .header("location")
            .strip_prefix(&playground.url(""))
            .unwrap()
            .to_owned();
        let file = get(&playground, &target, ACCOUNT, "");
        assert_eq!(
            (
                file.status,
                file.header("content-type"),
                file.body.as_slice()
            ),
            (200, "image/gif", GIF)
        );
    }
    let requests = playground.control("GET", "requests", &Value::Null).json();
    let seen: Vec<_> = requests["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| request["token_index"].clone())
        .collect();
    assert_eq!(
        seen,
        [json!(0), Value::Null, json!(1), Value::Null],
        "whether credentials came shows"
    );
}

#[test]
fn a_file_is_denied_to_other_accounts() {
    let playground = Playground::start();
    let path = upload(&playground, "image/gif", GIF);
    let other = "AC1123456789abcdef0123456789abcdef";
    for (account, token) in [(ACCOUNT, "wrong"), (ACCOUNT, ""), (other, TOKENS[0])] {
        let answer = get(&playground, &path, account, token);
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (401, json!(20003)),
            "{token}"
        );
    }
    for unknown in [
        path.replace("/ME", "/ME0"),
        path.replace("/MM", "/MM0"),
        "/media/ME0".to_owned(),
    ] {
        let answer = get(&playground, &unknown, ACCOUNT, TOKENS[0]);
        assert_eq!(
            (answer.status, answer.json()["code"].clone()),
            (404, json!(20404)),
            "{unknown}"
        );
    }
    for (content_type, body) in [("", GIF), ("jpeg", GIF), ("image/gif", b"")] {
        let answer = playground.send(
            "POST",
            "/playground/media",
            &[("content-type", content_type)],
            body,
        );
        assert_eq!(answer.status, 400, "{content_type}");
    }
}

#[test]
fn a_file_can_fail_or_be_too_long() {
    let playground = Playground::start();
    let path = upload(&playground, "image/gif", GIF);
    let file = get(&playground, &path, ACCOUNT, TOKENS[0])
        .header("location")
        .replace(&playground.url(""), "");
    playground.fault(&json!({"service": "twilio", "status": 500, "contains": file}));
    assert_eq!(
        get(&playground, &path, ACCOUNT, TOKENS[0]).status,
        307,
        "it is for the file alone"
    );
    assert_eq!(get(&playground, &file, ACCOUNT, "").status, 500);
    playground.fault(&json!({"service": "twilio", "body": "oversize", "contains": file}));
    let answer = get(&playground, &file, ACCOUNT, "");
    assert!(
        answer.body.starts_with(GIF)
            && answer.body.len() > 5 * 1024 * 1024
            && answer.header("content-length").is_empty()
    );
    playground.fault(&json!({"service": "twilio", "headers": {"Location": "https://other.example/"}, "contains": path}));
    assert_eq!(
        get(&playground, &path, ACCOUNT, TOKENS[0]).header("location"),
        "https://other.example/"
    );
}

fn shown(playground: &Playground, parts: &Value) -> Answer {
    playground
        .complete(&json!({"model": "gpt-6-luna", "messages": [{"role": "user", "content": parts}]}))
}

#[test]
fn the_model_describes_the_images_of_a_request() {
    let playground = Playground::start();
    let url = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(GIF));
    let image = json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}});
    let answer = shown(&playground, &json!([{"type": "text", "text": "Hi"}, image])).json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        text.starts_with(
            "I see 1 picture (GIF, 15 bytes). Nice to hear from you! You said: \"Hi\""
        ),
        "{text}"
    );
}

#[test]
fn an_invalid_image_is_rejected_as_the_real_api_rejects_it() {
    let playground = Playground::start();
    for (image_url, param, code) in [
        (json!({}), "url", "missing_required_parameter"),
        (json!({"url": 7}), "url", "invalid_type"),
        (
            json!({"url": "data:image/gif;base64,R0lGODlh", "detail": "highest"}),
            "detail",
            "invalid_value",
        ),
        (
            json!({"url": "data:image/gif;base64,R0lGODlh", "size": 1}),
            "size",
            "unknown_parameter",
        ),
        (
            json!({"url": "data:text/plain;base64,R0lGODlh"}),
            "url",
            "invalid_image_format",
        ),
        (
            json!({"url": "data:image/gif;base64,R0lGODl"}),
            "url",
            "invalid_base64",
        ),
        (
            json!({"url": "ftp://example.com/a.png"}),
            "url",
            "invalid_image_url",
        ),
    ] {
        let answer = shown(
            &playground,
            &json!([{"type": "image_url", "image_url": image_url}]),
        );
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, error["code"].clone()),
            (400, json!(code)),
            "{image_url}"
        );
        assert_eq!(
            error["param"],
            format!("messages[0].content[0].image_url.{param}")
        );
    }
    for role in ["system", "assistant"] {
        let parts =
            json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
        let answer = playground.complete(
            &json!({"model": "gpt-6-luna", "messages": [{"role": role, "content": parts}]}),
        );
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].clone()),
            (400, json!("invalid_value")),
            "only a user message has images"
        );
    }
}

#[test]
fn an_image_of_5_mb_is_accepted_and_the_request_log_keeps_its_beginning() {
    let playground = Playground::start();
    let bytes = [GIF, &vec![0; 5 * 1024 * 1024 - GIF.len()]].concat();
    let url = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(bytes));
    let answer = shown(
        &playground,
        &json!([{"type": "image_url", "image_url": {"url": url}}]),
    );
    assert!(
        answer.text().contains("GIF, 5242880 bytes"),
        "{}",
        answer.text()
    );
    let requests = playground.control("GET", "requests", &Value::Null);
    assert!(
        requests.body.len() < 10_000 && requests.text().contains("data:image/gif;base64,R0lGODlh")
    );
}
