//! Synthetic conversations: runs and batches, from the operator's request to the transcripts.
//!
//! Not here: single decisions (`src/synthetic/*/state/tests.rs`).

mod batches;
mod call;
mod events;
mod failures;
mod formats;
mod interference;
mod promises;
mod properties;
mod segment;
mod simulation;

use serde_json::{Value, json};
use switchboard::http::Response;

use crate::support::{FakePlatform, Incoming, WITH_ADMIN, bearer};

/// A platform with the admin routes, and room for many requests.
pub(super) fn platform() -> FakePlatform {
    FakePlatform::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "100000")])
}

pub(super) async fn request(
    fake: &FakePlatform,
    method: &'static str,
    path: &str,
    body: Option<&Value>,
) -> Response {
    let mut incoming = match body {
        Some(body) => Incoming::json(path, &body.to_string()),
        None => Incoming::new(method, path),
    };
    incoming.headers.push(("Authorization", bearer()));
    fake.handle(&mut incoming).await
}

pub(super) fn read(response: &Response) -> Value {
    serde_json::from_str(&response.body).unwrap_or_else(|_| panic!("{}", response.body))
}

/// What most tests ask for: `count` runs between Ada and Cleo, without disturbances.
pub(super) fn plain(count: u32) -> Value {
    json!({
        "mode": "text",
        "scenario": "late",
        "personas": { "agent": "ada", "customer": "cleo" },
        "count": count,
        "per_minute": 600,
        "seed": 7,
        "disturbances": false,
    })
}

/// Begins a batch. Returns its route.
pub(super) async fn begin(fake: &FakePlatform, body: &Value) -> String {
    let response = request(fake, "POST", "/admin/batches", Some(body)).await;
    assert_eq!(response.status, 201, "{}", response.body);
    let id = read(&response)["batch"].as_str().unwrap().to_owned();
    format!("/admin/batches/{id}")
}

pub(super) async fn progress(fake: &FakePlatform, batch: &str) -> Value {
    read(&request(fake, "GET", batch, None).await)
}

/// The id of a batch, by its route.
pub(super) fn id_of(batch: &str) -> &str {
    batch.rsplit('/').next().unwrap()
}

/// All transcripts of a batch.
pub(super) async fn transcripts(fake: &FakePlatform, batch: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let path = format!("{batch}/runs.jsonl?after={after}&limit=7");
        let page = request(fake, "GET", &path, None).await;
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(
            page.body
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap()),
        );
        let header = |name: &str| {
            let mut headers = page.headers.iter();
            headers.find(|(other, _)| *other == name).unwrap().1.clone()
        };
        after = header("X-Next-After").into_owned();
        if header("X-More") == "false" {
            return all;
        }
    }
}
