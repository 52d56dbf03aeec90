//! The stored formats of a run and of a batch. They are pinned, because a deploy meets what the previous release stored.
//!
//! Not here: what is done with a value that cannot be read (`interference`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::{
    platform::Stored,
    synthetic::{batch, run},
};

use super::{platform, progress, request, transcripts};

const RUN: &str = include_str!("../../vectors/run_state_v1.json");
const BATCH: &str = include_str!("../../vectors/batch_state_v1.json");

#[test]
fn the_stored_formats_are_version_1_and_are_written_as_they_are_read() {
    let run: run::state::State = serde_json::from_str(RUN).unwrap();
    let batch: batch::state::State = serde_json::from_str(BATCH).unwrap();
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(serde_json::to_value(&run).unwrap(), value(RUN));
    assert_eq!(serde_json::to_value(&batch).unwrap(), value(BATCH));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_and_a_batch_that_another_release_stored_go_on() {
    let fake = platform();
    let id = "0123456789abcdef0123456789abcdef";
    let stored = |text: &str| Stored::Text(text.trim().to_owned());
    fake.disk_of_batch(id).set("batch", stored(BATCH));
    fake.disk_of_run(&format!("{id}-2")).set("run", stored(RUN));
    let batch = format!("/admin/batches/{id}");
    let path = format!("{batch}/resume");
    assert_eq!(
        request(&fake, "POST", &path, Some(&json!({}))).await.status,
        200
    );
    fake.pass(Duration::from_mins(30)).await;
    assert!(fake.events_named("internal_error").is_empty());
    let progress = progress(&fake, &batch).await;
    assert_eq!(progress["status"], "finished", "{progress}");
    assert_eq!(progress["reasons"]["goodbye"], 4);
    let runs = transcripts(&fake, &batch).await;
    let pinned = runs.iter().find(|run| run["number"] == 2).unwrap();
    assert_eq!(pinned["turns"][0]["heard"], "Hello,");
    assert_eq!(pinned["turns"][1]["text"], "Where is my order?");
    assert_eq!(pinned["turns"][2]["n"], 3);
}
