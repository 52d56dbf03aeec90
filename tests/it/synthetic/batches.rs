//! Batches: what an operator asks for, and what comes out of it.
//!
//! Not here: what fails on the way (`failures`).

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use serde_json::{Value, json};

use super::{begin, plain, platform, progress, read, request, transcripts};
use crate::{
    messaging::tools::{ORDER, calls},
    support::{Act, FakePlatform, WITH_ADMIN, after},
};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_of_runs_becomes_complete_and_scored_transcripts() {
    let fake = platform();
    let batch = begin(&fake, &plain(20)).await;
    fake.pass(Duration::from_mins(2)).await;
    let progress = progress(&fake, &batch).await;
    assert_eq!(progress["status"], "finished", "{progress}");
    assert_eq!(progress["ended"], 20);
    assert_eq!(progress["reasons"], json!({ "goodbye": 20 }));
    let all = transcripts(&fake, &batch).await;
    assert_eq!(all.len(), 20);
    let numbers: BTreeSet<u64> = all
        .iter()
        .filter_map(|run| run["number"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=20).collect());
    for run in &all {
        assert_eq!(run["synthetic"], true);
        assert_eq!(
            run["personas"],
            json!({ "agent": "ada", "customer": "cleo" })
        );
        assert_eq!(run["scores"]["criteria"]["greeted"]["met"], true);
        assert_eq!(run["scores"]["prompt_version"], 1);
        assert_eq!(run["model"], "gpt-6-luna");
        let turns = run["turns"].as_array().unwrap();
        assert_eq!(turns[0]["text"], "Hello, this is Ada.");
        for (at, turn) in turns.iter().enumerate() {
            assert_eq!(turn["n"], at + 1);
            let speaker = if at % 2 == 0 { "agent" } else { "customer" };
            assert_eq!(turn["speaker"], speaker, "each line once, and one floor");
        }
        assert_eq!(run["metrics"]["turns"], turns.len());
        assert_eq!(
            run["cost"]["model_requests"],
            turns.len(),
            "the first line costs nothing, the scores one"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_limit_all_transcripts_come_in_one_answer_part_by_part() {
    let fake = platform();
    let batch = begin(&fake, &plain(230)).await;
    fake.pass(Duration::from_mins(5)).await;
    let export = request(&fake, "GET", &format!("{batch}/runs.jsonl"), None).await;
    assert!(export.headers.iter().all(|(name, _)| *name != "X-More"));
    assert_eq!(export.body.lines().count(), 100, "one part is held at once");
    let whole = fake.whole_body(&export).await.unwrap();
    let all: Vec<Value> = whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(all, transcripts(&fake, &batch).await);
    assert_eq!(all.len(), 230);
    let after = request(&fake, "GET", &format!("{batch}/runs.jsonl?after=225"), None).await;
    assert_eq!(after.body.lines().count(), 5);
    assert_eq!(after.rest, None);
    // A body that cannot be whole breaks off.
    request(&fake, "DELETE", &batch, None).await;
    assert!(fake.whole_body(&export).await.is_err());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_same_seed_gives_the_same_pairs_and_the_same_disturbances() {
    let fake = platform();
    let mut body = plain(12);
    body.as_object_mut().unwrap().remove("personas");
    body["disturbances"] = json!(true);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let batch = begin(&fake, &body).await;
        fake.pass(Duration::from_mins(2)).await;
        let mut all = transcripts(&fake, &batch).await;
        all.sort_by_key(|run| run["number"].as_u64());
        let told = |run: &Value| {
            let marks = run["turns"].as_array().unwrap().iter();
            let marks: Vec<Value> = marks.map(|turn| turn["marks"].clone()).collect();
            json!([run["personas"], run["seed"], marks])
        };
        seen.push(all.iter().map(told).collect::<Vec<_>>());
    }
    assert_eq!(seen[0], seen[1]);
    let pairs: BTreeSet<String> = seen[0].iter().map(|run| run[0].to_string()).collect();
    assert!(pairs.len() > 2, "{pairs:?}");
    assert!(
        seen[0]
            .iter()
            .any(|run| run[2].to_string().contains("silence")
                || run[2].to_string().contains("interrupt")
                || run[2].to_string().contains("impatience"))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_a_batch_may_cost_is_told_before_anything_begins() {
    let fake = FakePlatform::with(&[
        WITH_ADMIN,
        ("OPENAI_PRICE_INPUT", "0.1"),
        ("OPENAI_PRICE_OUTPUT", "0.5"),
    ]);
    let mut body = plain(100);
    body["dry_run"] = json!(true);
    let response = request(&fake, "POST", "/admin/batches", Some(&body)).await;
    assert_eq!(response.status, 200);
    let estimate = read(&response);
    assert_eq!(estimate["model_requests_at_most"], 100 * (20 * 2 + 2));
    assert_eq!(estimate["model_requests_a_day"], 1000);
    assert_eq!(estimate["minutes_at_least"], 1);
    assert!(estimate["estimated_cost"].as_f64().unwrap() > 0.0);
    fake.pass(Duration::from_mins(5)).await;
    assert!(fake.model_requests().is_empty());
    let list = read(&request(&fake, "GET", "/admin/batches", None).await);
    assert_eq!(list, json!({ "batches": [] }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_is_wrong_is_told_what_is_wrong() {
    let fake = platform();
    for (change, problem) in [
        (
            json!({ "count": 0 }),
            "count must be a whole number, 1 to 10000",
        ),
        (
            json!({ "per_minute": 601 }),
            "per_minute must be a whole number, 1 to 600",
        ),
        (
            json!({ "at_once": 51 }),
            "at_once must be a whole number, 1 to 50",
        ),
        (
            json!({ "limits": { "turns": 1 } }),
            "limits.turns must be a whole number, 2 to 60",
        ),
        (
            json!({ "limits": { "seconds": 5 } }),
            "limits.seconds must be a whole number, 30 to 900",
        ),
        (
            json!({ "scenario": "nothing" }),
            "there is no scenarios/nothing.toml",
        ),
        (
            json!({ "scenario": "../x" }),
            "must be 1 to 40 lower-case letters, digits and hyphens",
        ),
        (
            json!({ "personas": { "agent": "zoe", "customer": "cleo" } }),
            "there is no personas/agents/zoe.toml",
        ),
        (
            json!({ "personas": { "customer": "cleo" } }),
            "personas.agent is missing",
        ),
        (
            json!({ "pairing": "all" }),
            "give either personas or pairing",
        ),
        (
            json!({ "assistant": "default" }),
            "assistant belongs to the mode assistant",
        ),
        (json!({ "mode": "assistant" }), "assistant is missing"),
        (
            json!({ "mode": "assistant", "assistant": "zoe", "personas": { "customer": "cleo" } }),
            "there is no assistants/zoe.toml",
        ),
        (json!({ "label": "\u{7}" }), "label must have"),
        (json!({ "seed": 9_007_199_254_740_992_u64 }), "seed must be"),
        (json!({ "colour": 1 }), "unknown field `colour`"),
    ] {
        let mut body = plain(1);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let response = request(&fake, "POST", "/admin/batches", Some(&body)).await;
        assert_eq!(response.status, 400, "{change}");
        assert!(
            response.body.contains(problem),
            "{change}: {}",
            response.body
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_route_that_is_wrong_is_told_so() {
    let fake = platform();
    for (method, path, status) in [
        ("DELETE", "/admin/batches", 405),
        ("GET", "/admin/batches/nothing", 404),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000",
            404,
        ),
        (
            "DELETE",
            "/admin/batches/00000000000000000000000000000000",
            404,
        ),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000/runs.jsonl",
            404,
        ),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000/runs.jsonl?limit=501",
            400,
        ),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000/pause",
            405,
        ),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000/x",
            404,
        ),
        (
            "GET",
            "/admin/batches/00000000000000000000000000000000/pause/x",
            404,
        ),
        ("GET", "/admin/batchesx", 404),
    ] {
        let response = request(&fake, method, path, None).await;
        assert_eq!(response.status, status, "{method} {path}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_assistant_is_tested_by_a_customer_and_its_tools_are_told_that_nobody_is_a_person() {
    let fake = crate::messaging::tools::shop_with(&[WITH_ADMIN]);
    // The agent greets, the customer asks, and the agent looks the order up.
    fake.model([
        Act::Say(r#"{"say":"Where is order AB12?","ends_call":false}"#),
        calls(&[ORDER]),
        Act::Say("It arrives on Friday."),
    ]);
    let mut body = plain(1);
    body["mode"] = json!("assistant");
    body["assistant"] = json!("desk");
    body["personas"] = json!({ "customer": "cleo" });
    let batch = begin(&fake, &body).await;
    fake.pass(Duration::from_mins(2)).await;
    let all = transcripts(&fake, &batch).await;
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0]["personas"],
        json!({ "agent": "desk", "customer": "cleo" })
    );
    assert_eq!(all[0]["mode"], "assistant");
    assert_eq!(all[0]["turns"][2]["text"], "It arrives on Friday.");
    let tools = fake.tool_bodies();
    assert_eq!(tools.len(), 1);
    assert_eq!(tools[0]["sandbox"], true);
    assert_eq!(tools[0]["channel"], "synthetic");
    assert!(tools[0].get("contact").is_none());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_that_is_deleted_is_gone_with_its_transcripts_and_its_runs_end() {
    let fake = platform();
    let batch = begin(&fake, &plain(50)).await;
    fake.pass(Duration::from_secs(2)).await;
    assert_eq!(request(&fake, "DELETE", &batch, None).await.status, 204);
    let made = fake.model_requests().len();
    fake.pass(Duration::from_mins(30)).await;
    assert_eq!(fake.model_requests().len(), made, "no run goes on");
    assert_eq!(request(&fake, "GET", &batch, None).await.status, 404);
    let id = batch.rsplit('/').next().unwrap();
    assert!(fake.disk_of_batch(id).is_empty());
    let list = read(&request(&fake, "GET", "/admin/batches", None).await);
    assert_eq!(list, json!({ "batches": [] }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_can_be_paused_resumed_and_cancelled() {
    let fake = platform();
    let mut body = plain(30);
    body["per_minute"] = json!(60);
    let batch = begin(&fake, &body).await;
    fake.pass(Duration::from_secs(5)).await;
    let paused = read(&request(&fake, "POST", &format!("{batch}/pause"), Some(&json!({}))).await);
    assert_eq!(paused["status"], "paused");
    fake.pass(Duration::from_mins(5)).await;
    let ended = progress(&fake, &batch).await["ended"].as_u64().unwrap();
    assert!((4..10).contains(&ended), "{ended}");
    request(&fake, "POST", &format!("{batch}/resume"), Some(&json!({}))).await;
    fake.model((0..20).map(|_| after(9000, Act::Say(""))));
    fake.pass(Duration::from_secs(3)).await;
    request(&fake, "POST", &format!("{batch}/cancel"), Some(&json!({}))).await;
    fake.pass(Duration::from_mins(5)).await;
    let cancelled = progress(&fake, &batch).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(cancelled["running"], 0);
    let all = transcripts(&fake, &batch).await;
    assert_eq!(all.len() as u64, cancelled["ended"].as_u64().unwrap());
    assert!(all.iter().any(|run| run["ended"]["reason"] == "cancelled"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_batch_in_the_documentation_is_one_that_can_be_begun() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/synthetic.md")).unwrap();
    let example = page.lines().find(|line| line.starts_with("{\"mode\":"));
    let mut batch: Value = serde_json::from_str(example.unwrap()).unwrap();
    let scenario = batch["scenario"].as_str().unwrap();
    let file = root.join(format!("scenarios/{scenario}.toml"));
    assert!(
        file.is_file(),
        "docs/synthetic.md: {scenario} is no scenario"
    );
    batch["scenario"] = "late".into();
    let begun = request(&platform(), "POST", "/admin/batches", Some(&batch)).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn beyond_a_thousand_batches_one_has_to_be_deleted_first() {
    let fake = platform();
    let first = begin(&fake, &plain(1)).await;
    for _ in 1..1000 {
        begin(&fake, &plain(1)).await;
    }
    let refused = request(&fake, "POST", "/admin/batches", Some(&plain(1))).await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.body, "too many batches: delete some first\n");
    request(&fake, "DELETE", &first, None).await;
    begin(&fake, &plain(1)).await;
}
