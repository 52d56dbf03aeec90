//! The routes of the page: its files, its log, and the admin routes of the Worker. Pages of other
//! sites are rejected. The page itself is tested in a browser, by `tests/browser`.

use serde_json::json;

use crate::harness::{Playground, command, wait_until};
use crate::mock_worker::{ADMIN_TOKEN, Worker, header, http};
use crate::page_client::{Watcher, post};

#[test]
fn an_attached_file_can_be_looked_at_by_the_page_and_by_nothing_that_it_could_run_in() {
    let playground = Playground::start();
    let file = b"<script>alert(1)</script>";
    let kept = playground
        .send(
            "POST",
            "/playground/media",
            &[("content-type", "text/html")],
            file,
        )
        .json();
    let sid = kept["url"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let shown = playground.send("GET", &format!("/playground/media/{sid}"), &[], b"");
    assert_eq!(
        (
            shown.status,
            shown.header("content-type"),
            shown.body.as_slice()
        ),
        (200, "text/html", file.as_slice())
    );
    assert!(
        shown
            .header("content-security-policy")
            .contains("default-src 'none'")
            && shown.header("content-security-policy").ends_with("sandbox")
    );
    assert!(
        playground.requests().is_empty(),
        "only requests of the Worker are in the log"
    );
    assert_eq!(
        playground
            .send("GET", "/playground/media/ME1", &[], b"")
            .status,
        404
    );
}

#[test]
fn log_lines_are_taken_in_within_limits() {
    let playground = Playground::start();
    let mut feed = Watcher::open(&playground, None);
    assert_eq!(
        post(
            &playground,
            "/playground/log",
            &json!({"event": "turn", "outcome": "answered"})
        )
        .status,
        202
    );
    assert_eq!(
        feed.next_of("log")["line"],
        json!({"event": "turn", "outcome": "answered"})
    );
    assert_eq!(
        post(
            &playground,
            "/playground/log",
            &json!({"event": "x".repeat(17_000)})
        )
        .status,
        413
    );
    for line in [json!([]), json!("turn"), json!(1)] {
        assert_eq!(
            post(&playground, "/playground/log", &line).status,
            400,
            "{line}"
        );
    }
    let log = |content_type: &[(&str, &str)], body: &[u8]| {
        playground
            .send("POST", "/playground/log", content_type, body)
            .status
    };
    assert_eq!(
        log(&[("content-type", "application/json")], b"{\"event\":"),
        400
    );
    assert_eq!(log(&[("content-type", "text/plain")], b"{}"), 415);
    assert_eq!(log(&[], b"{}"), 415);
}

#[test]
fn the_admin_routes_of_the_worker_get_the_token() {
    let worker = Worker::start(|request| match request.lines().next().unwrap_or_default() {
        "GET /admin/usage HTTP/1.1" => http("200 OK", "application/json", r#"{"messages_in":5}"#),
        "POST /admin/contacts/show HTTP/1.1" => {
            assert!(
                request.ends_with(r#"{"from":"whatsapp:+15550100","to":"whatsapp:+15550199"}"#),
                "{request}"
            );
            http("200 OK", "application/json", r#"{"turns":3}"#)
        }
        _ => http("500 Oh", "text/plain", "unexpected"),
    });
    let playground = worker.playground();
    let usage = playground.send("GET", "/playground/worker/usage", &[], b"");
    assert_eq!(usage.json(), json!({"body": {"messages_in": 5}}));
    let contact = playground.send(
        "GET",
        "/playground/worker/contact?channel=whatsapp&from=%2B15550100&to=%2B15550199",
        &[],
        b"",
    );
    assert_eq!(contact.json(), json!({"body": {"turns": 3}}));
    for request in worker.requests() {
        assert_eq!(
            header(&request, "authorization"),
            format!("Bearer {ADMIN_TOKEN}")
        );
    }
}

#[test]
fn errors_of_the_admin_routes_are_explained() {
    for (status, word) in [
        ("404 Not Found", "ADMIN_TOKEN is not set"),
        ("401 Unauthorized", "refused ADMIN_TOKEN"),
        ("429 Too Many", "Wait a minute"),
        ("503 No", "answered 503: {}"),
    ] {
        let worker = Worker::start(move |_| http(status, "application/json", "{}"));
        let problem = worker
            .playground()
            .send("GET", "/playground/worker/usage", &[], b"")
            .json()["problem"]
            .clone();
        assert!(
            problem.as_str().unwrap().contains(word),
            "{status}: {problem}"
        );
    }
    let without = Playground::start()
        .send("GET", "/playground/worker/usage", &[], b"")
        .json();
    assert!(
        without["problem"]
            .as_str()
            .unwrap()
            .contains("started without ADMIN_TOKEN"),
        "{without}"
    );
}

#[test]
fn the_page_and_its_files_name_no_other_host_and_may_load_nothing_from_one() {
    let playground = Playground::start();
    for path in ["/", "/runs"] {
        let page = playground.send("GET", path, &[], b"");
        assert_eq!(
            (page.status, page.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'")
                && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(page.header(name), value);
        }
        let html = page.text();
        assert!(
            !html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick=")
        );
        assert!(html.matches("\"/web/").count() >= 3);
    }
    for file in own_files() {
        let answer = playground.send("GET", &file, &[], b"");
        assert_eq!(answer.status, 200, "{file}");
        let text = answer.text().replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("://") && !text.contains("innerHTML"),
            "{file}"
        );
    }
}

/// The paths of the scripts and styles below `web`.
fn own_files() -> Vec<String> {
    let web = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
    let mut files = Vec::new();
    for folder in ["", "/runs"] {
        for entry in std::fs::read_dir(format!("{web}{folder}")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_file = [".js", ".css", ".svg"]
                .iter()
                .any(|end| name.ends_with(end));
            if is_file {
                files.push(format!("/web{folder}/{name}"));
            }
        }
    }
    assert!(files.len() > 30, "the files were not found");
    files
}

#[test]
fn other_web_pages_can_neither_drive_the_playground_nor_read_from_it() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    let order = json!({"channel": "sms", "from": "+15550100", "to": "+15550199", "text": "Hello"})
        .to_string();
    let json = ("content-type", "application/json");
    let own = format!("http://127.0.0.1:{}", playground.port);
    let status = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        playground
            .send(method, path, headers, body.as_bytes())
            .status
    };
    let attacks: [&[(&str, &str)]; 6] = [
        &[json, ("origin", "https://evil.example")],
        &[json, ("origin", "null")],
        &[json, ("origin", "http://127.0.0.1:1")],
        &[json, ("sec-fetch-site", "cross-site")],
        &[json, ("host", "evil.example:8788")],
        &[json, ("host", "127.0.0.1.evil.example")],
    ];
    for headers in attacks {
        for (method, path) in [
            ("POST", "/playground/phone/messages"),
            ("POST", "/playground/phone/replay"),
            ("PUT", "/playground/switches"),
            ("POST", "/playground/log"),
            ("POST", "/playground/faults"),
            ("DELETE", "/playground/requests"),
            ("GET", "/playground/requests"),
            ("GET", "/playground/events"),
            ("GET", "/playground/worker/usage"),
            ("POST", "/playground/batches"),
            ("GET", "/playground/batches"),
            (
                "DELETE",
                "/playground/batches/0123456789abcdef0123456789abcdef",
            ),
            (
                "POST",
                "/playground/batches/0123456789abcdef0123456789abcdef/control",
            ),
            ("GET", "/playground/nothing"),
        ] {
            assert_eq!(
                status(method, path, headers, &order),
                403,
                "{method} {path} {headers:?}"
            );
        }
    }
    // A form can only send a body with another content type.
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(
            status(
                "POST",
                "/playground/phone/messages",
                &[("content-type", content_type)],
                &order
            ),
            415
        );
    }
    assert_eq!(status("GET", "/", &[("host", "evil.example")], ""), 403);
    assert!(worker.requests().is_empty());
    assert_eq!(
        status(
            "POST",
            "/playground/phone/messages",
            &[json, ("origin", &own), ("sec-fetch-site", "same-origin")],
            &order
        ),
        202
    );
    wait_until("the page's own message arrives", || {
        worker.requests().len() == 1
    });
}

#[test]
fn a_worker_beyond_loopback_is_refused_at_the_start() {
    let output = command()
        .args([
            "serve",
            "--port",
            "0",
            "--twilio-auth-token",
            "t",
            "--worker",
            "http://192.0.2.1:8787",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("192.0.2.1")
    );
}
