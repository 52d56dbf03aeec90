//! The routes of synthetic conversations, for the page `/runs`. The page itself is tested in a
//! browser, by `tests/browser/runs.test.mjs`.

use serde_json::{Value, json};

use crate::harness::{Answer, Playground};
use crate::mock_worker::{ADMIN_TOKEN, Worker, header, http};
use crate::page_client::post;

const ID: &str = "0123456789abcdef0123456789abcdef";

fn get(playground: &Playground, path: &str) -> Answer {
    playground.send("GET", path, &[], b"")
}

#[test]
fn the_page_uses_the_routes_of_batches_and_never_sees_the_token() {
    let worker = Worker::start(|request| match request.lines().next().unwrap_or_default() {
        "GET /admin/batches HTTP/1.1" => http("200 OK", "application/json", r#"{"batches":[]}"#),
        "POST /admin/batches HTTP/1.1" => {
            assert!(
                request.ends_with(r#"{"count":3,"mode":"text"}"#),
                "{request}"
            );
            http("201 Created", "application/json", r#"{"batch":"b"}"#)
        }
        line if line.starts_with("DELETE ") => http("204 No Content", "text/plain", ""),
        _ => http("200 OK", "application/json", r#"{"status":"paused"}"#),
    });
    let playground = worker.playground();
    let batch = format!("/playground/batches/{ID}");
    let deleted = playground.send("DELETE", &batch, &[], b"");
    let answers = [
        (
            get(&playground, "/playground/batches"),
            json!({"batches": []}),
        ),
        (
            post(
                &playground,
                "/playground/batches",
                &json!({"mode": "text", "count": 3}),
            ),
            json!({"batch": "b"}),
        ),
        (get(&playground, &batch), json!({"status": "paused"})),
        (
            post(
                &playground,
                &format!("{batch}/control"),
                &json!({"do": "pause"}),
            ),
            json!({"status": "paused"}),
        ),
        (deleted, Value::Null),
    ];
    for (answer, body) in answers {
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json(), json!({"body": body}));
        assert!(!answer.text().contains(ADMIN_TOKEN));
    }
    let requests = worker.requests();
    assert_eq!(requests.len(), 5);
    for request in &requests {
        assert_eq!(
            header(request, "authorization"),
            format!("Bearer {ADMIN_TOKEN}")
        );
    }
    let lines: Vec<&str> = requests
        .iter()
        .filter_map(|request| request.lines().next())
        .collect();
    assert!(lines.contains(&format!("DELETE /admin/batches/{ID} HTTP/1.1").as_str()));
    assert!(lines.contains(&format!("POST /admin/batches/{ID}/pause HTTP/1.1").as_str()));
}

#[test]
fn transcripts_come_as_the_worker_writes_them_with_the_place_of_the_next_page() {
    let worker = Worker::start(|_| {
        let body = "{\"seed\":18446744073709551615}\n{\"n\":2}\n";
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nX-Next-After: 9\r\n\
             X-More: true\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    });
    let playground = worker.playground();
    let page = format!("/playground/batches/{ID}/runs?after=7&limit=2");
    assert_eq!(
        get(&playground, &page).json(),
        json!({"body": {
            "lines": ["{\"seed\":18446744073709551615}", "{\"n\":2}"],
            "after": 9,
            "more": true,
        }})
    );
    let asked = format!("GET /admin/batches/{ID}/runs.jsonl?after=7&limit=2 HTTP/1.1");
    assert!(worker.requests()[0].starts_with(&asked));
}

#[test]
fn nothing_but_the_id_of_a_batch_gets_into_a_path_of_the_worker() {
    let worker = Worker::saying("Hi");
    let playground = worker.playground();
    for id in [
        "..%2Fusage",
        "..",
        "%2E%2E%2Fcontacts%2Ferase",
        "0123456789ABCDEF0123456789ABCDEF",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcde%3F",
    ] {
        for rest in ["", "/runs?after=0&limit=1"] {
            let status = get(&playground, &format!("/playground/batches/{id}{rest}")).status;
            assert!([400, 404].contains(&status), "{id}{rest}: {status}");
        }
    }
    let batch = format!("/playground/batches/{ID}");
    let control = format!("{batch}/control");
    for body in [
        json!({"do": "delete"}),
        json!({"do": "pause/../../usage"}),
        json!({}),
    ] {
        assert_eq!(post(&playground, &control, &body).status, 400, "{body}");
    }
    for query in [
        "after=0&limit=1&limit=2",
        "after=-1&limit=1",
        "after=0",
        "after=0&limit=1&x=1",
    ] {
        let page = format!("{batch}/runs?{query}");
        assert_eq!(get(&playground, &page).status, 400, "{query}");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for path in ["/playground/batches", &control] {
        assert_eq!(
            playground
                .send("POST", path, &form, br#"{"do":"cancel"}"#)
                .status,
            415
        );
    }
    assert!(worker.requests().is_empty());
}

#[test]
fn what_the_worker_refuses_is_a_sentence() {
    let wrong = r#"{"errors":[{"file":"scenarios/a.toml","line":3,"field":"goal","problem":"is missing"}]}"#;
    for (status, body, sentence) in [
        (
            "400 Bad Request",
            "Bad request: count must be a whole number, 1 to 10000\n",
            "The Worker refuses this: count must be a whole number, 1 to 10000.",
        ),
        (
            "409 Conflict",
            "too many batches: delete some first\n",
            "The Worker refuses this: too many batches: delete some first.",
        ),
        (
            "503 Service Unavailable",
            wrong,
            "scenarios/a.toml, line 3: goal is missing.",
        ),
        (
            "503 Service Unavailable",
            "Try again later\n",
            "The Worker answered 503: Try again later",
        ),
        (
            "401 Unauthorized",
            "",
            "The Worker refused ADMIN_TOKEN (401): the playground was started with another one.",
        ),
    ] {
        let worker = Worker::start(move |_| http(status, "text/plain", body));
        let answer = post(&worker.playground(), "/playground/batches", &json!({}));
        assert_eq!(answer.json(), json!({"problem": sentence}), "{status}");
    }
    let worker = Worker::start(|_| http("404 Not Found", "text/plain", "Not found\n"));
    let playground = worker.playground();
    let problem = |path: &str| get(&playground, path).json()["problem"].to_string();
    assert!(problem("/playground/batches").contains("ADMIN_TOKEN is not set"));
    assert!(problem(&format!("/playground/batches/{ID}")).contains("no such batch"));
    let without = get(&Playground::start(), "/playground/batches").json();
    assert!(
        without["problem"]
            .to_string()
            .contains("started without ADMIN_TOKEN"),
        "{without}"
    );
}

#[test]
fn the_form_offers_those_who_are_in_the_files_as_they_are_now() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let playground = Playground::start_with(&[
        "--quiet",
        "--personas",
        &format!("{root}/personas"),
        "--scenarios",
        &format!("{root}/scenarios"),
        "--assistants",
        &format!("{root}/assistants"),
    ]);
    let told = get(&playground, "/playground/cast").json();
    let cast = &told["body"]["cast"];
    for kind in ["agents", "customers", "scenarios"] {
        assert!(cast[kind].as_array().unwrap().len() >= 6, "{kind}");
    }
    let agents = cast["agents"].as_array().unwrap();
    let agent = agents
        .iter()
        .find(|agent| agent["id"] == "priya-raman")
        .unwrap();
    assert_eq!(agent["name"], "Priya Raman");
    assert!(cast["scenarios"][0]["criteria"][0]["asks"].is_string());
    assert!(
        told["body"]["assistants"]
            .as_array()
            .unwrap()
            .contains(&json!("front-desk"))
    );
    let without = get(&Playground::start(), "/playground/cast").json();
    assert_eq!(without["body"]["cast"]["agents"], json!([]));
}

#[test]
fn the_library_of_the_charts_comes_from_npms_folder_and_nothing_else_of_it_does() {
    let folder = std::env::temp_dir().join(format!("switchboard-packages-{}", std::process::id()));
    let dist = folder.join("uplot/dist");
    std::fs::create_dir_all(&dist).unwrap();
    std::fs::write(dist.join("uPlot.esm.js"), "export default 1;").unwrap();
    std::fs::write(folder.join("secret.js"), "secret").unwrap();
    let playground = Playground::start_with(&["--quiet", "--packages", folder.to_str().unwrap()]);
    let library = get(&playground, "/web/uplot.js");
    assert_eq!(
        (
            library.status,
            library.header("content-type"),
            library.text().as_str()
        ),
        (200, "text/javascript; charset=utf-8", "export default 1;")
    );
    for path in [
        "/web/uplot.css",
        "/web/secret.js",
        "/web/..%2Fsecret.js",
        "/web/uplot/../secret.js",
    ] {
        assert_eq!(get(&playground, path).status, 404, "{path}");
    }
    assert_eq!(get(&Playground::start(), "/web/uplot.js").status, 404);
    std::fs::remove_dir_all(&folder).unwrap();
}
