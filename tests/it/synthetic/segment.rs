//! The events of runs at Segment: what arrives, what fails on the way, and what a restart does.
//!
//! Not here: what an event says for any record (`events`), and single decisions (`src/analytics`).

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use switchboard::config::Schema;

use super::{begin, plain, progress, transcripts};
use crate::support::{Act, DAY, FakePlatform, WITH_ADMIN, WITH_SEGMENT, after};

fn platform() -> FakePlatform {
    FakePlatform::with(&[WITH_ADMIN, WITH_SEGMENT, ("MAX_DAILY_CALLS", "100000")])
}

/// The outcomes that were logged, with counts and reasons.
fn logged(fake: &FakePlatform) -> Vec<Value> {
    let events = fake.events_named("segment_events");
    let outcome = |event: &Value| json!([event["outcome"], event["count"], event["reason"]]);
    events.iter().map(outcome).collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_run_that_has_ended_is_told_to_segment_once_with_numbers_and_scores() {
    let fake = platform();
    let batch = begin(&fake, &plain(5)).await;
    fake.pass(Duration::from_mins(2)).await;
    let items = fake.segment_items();
    assert_eq!(items.len(), 15, "{:?}", fake.segment_dropped());
    assert_eq!(fake.segment_times(), [1; 15]);
    assert_eq!(fake.segment_dropped(), Vec::<&str>::new());
    for item in &items {
        let schema = super::events::schema_of(item);
        assert!(Schema::parse(&schema).unwrap().accepts(item), "{item}");
    }
    let id = batch.rsplit('/').next().unwrap();
    for run in transcripts(&fake, &batch).await {
        let find = |kind: &str| {
            let id = format!("switchboard:{}:{kind}", run["run"].as_str().unwrap());
            let mut found = items.iter().filter(|item| item["messageId"] == id.as_str());
            found.next().unwrap()
        };
        let completed = find("call_completed");
        assert_eq!(completed["event"], "Call Completed");
        let properties = &completed["properties"];
        for (property, value) in [
            ("run_id", &run["run"]),
            ("run_number", &run["number"]),
            ("batch_id", &json!(id)),
            ("mode", &json!("text")),
            ("scenario_id", &json!("late")),
            ("agent_persona_id", &json!("ada")),
            ("customer_persona_id", &json!("cleo")),
            ("model", &run["model"]),
            ("seed", &json!(run["seed"].to_string())),
            ("ended_by", &run["ended"]["by"]),
            ("reason", &json!("goodbye")),
            ("turns", &run["metrics"]["turns"]),
            ("duration_ms", &run["metrics"]["duration_ms"]),
            ("agent_talk_percent", &run["metrics"]["agent_talk_percent"]),
            ("model_requests", &run["cost"]["model_requests"]),
            ("prompt_tokens", &run["cost"]["prompt_tokens"]),
        ] {
            assert_eq!(&properties[property], value, "{property}");
        }
        let scored = &find("call_scored")["properties"];
        assert_eq!(
            scored["satisfaction"],
            run["scores"]["satisfaction"]["value"]
        );
        assert_eq!(
            (&scored["criteria_total"], &scored["criteria_met"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(
            find("identify")["traits"],
            json!({ "synthetic": true, "persona_id": "cleo" })
        );
        // It happened when the last line was said, and the score came after that.
        let ended_at = run["turns"].as_array().unwrap().last().unwrap()["ended_at"].as_str();
        assert_eq!(completed["timestamp"].as_str(), ended_at);
        assert!(find("call_scored")["timestamp"].as_str() > ended_at);
    }
    let users: BTreeSet<&str> = items
        .iter()
        .map(|item| item["userId"].as_str().unwrap())
        .collect();
    assert_eq!(users.len(), 1, "a persona is one user");
    assert_eq!(logged(&fake), vec![json!(["sent", 3, null]); 5]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_write_key_nothing_is_sent_and_nothing_is_kept() {
    let fake = super::platform();
    let batch = begin(&fake, &plain(2)).await;
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(progress(&fake, &batch).await["status"], "finished");
    assert!(fake.segment_requests().is_empty());
    assert!(logged(&fake).is_empty());
    let id = batch.rsplit('/').next().unwrap();
    let stored = fake.disk_of_run(&format!("{id}-1")).text("run").unwrap();
    assert!(!stored.contains("messageId"), "{stored}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_segment_that_fails_delays_no_transcript_and_gets_the_events_later() {
    let fake = platform();
    fake.segment((0..9).map(|_| after(9000, Act::Status(503, "no"))));
    let batch = begin(&fake, &plain(3)).await;
    let mut finished = false;
    for _ in 0..30 {
        fake.pass(Duration::from_secs(1)).await;
        finished |= progress(&fake, &batch).await["status"] == "finished";
        if finished {
            break;
        }
    }
    assert!(finished, "the batch has not waited for Segment");
    assert!(fake.segment_items().is_empty());
    assert_eq!(transcripts(&fake, &batch).await.len(), 3);
    fake.pass(Duration::from_mins(5)).await;
    assert_eq!(fake.segment_items().len(), 9);
    assert_eq!(fake.segment_times(), [1; 9]);
    let mut outcomes = logged(&fake);
    outcomes.sort_by_key(Value::to_string);
    let mut expected = vec![json!(["late", 3, "server_error"]); 3];
    expected.extend(vec![json!(["sent", 3, null]); 3]);
    assert_eq!(outcomes, expected, "a delay is logged once");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn retry_after_is_honoured() {
    let fake = platform();
    fake.segment([Act::Later("600")]);
    begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(9)).await;
    assert_eq!(fake.segment_requests().len(), 1);
    assert_eq!(logged(&fake), [json!(["late", 3, "busy"])]);
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(fake.segment_requests().len(), 2);
    assert_eq!(fake.segment_items().len(), 3);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_is_refused_is_never_made_again() {
    for status in [400, 401, 404] {
        let fake = platform();
        fake.segment([Act::Status(status, "no")]);
        let batch = begin(&fake, &plain(1)).await;
        fake.pass(DAY * 2).await;
        assert_eq!(fake.segment_requests().len(), 1, "{status}");
        assert_eq!(logged(&fake), [json!(["given_up", 3, "rejected"])]);
        assert_eq!(transcripts(&fake, &batch).await.len(), 1);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_key_that_segment_does_not_know_looks_like_success_and_is_called_sent() {
    let fake = FakePlatform::with(&[WITH_ADMIN, ("SEGMENT_WRITE_KEY", "another-key")]);
    begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(fake.segment_dropped(), ["the write key is unknown"]);
    assert_eq!(logged(&fake), [json!(["sent", 3, null])]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_lost_answer_repeats_the_same_events_with_the_same_ids() {
    let fake = platform();
    // Segment has received the first request, and nobody hears of it.
    fake.segment([Act::ThenDrop]);
    begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    let requests = fake.segment_requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(fake.segment_times(), [2, 2, 2]);
    let batches: Vec<Value> = requests
        .iter()
        .map(|request| serde_json::from_slice(&request.body.to_bytes()).unwrap())
        .collect();
    assert_eq!(batches[0]["batch"], batches[1]["batch"]);
    assert_ne!(batches[0]["sentAt"], batches[1]["sentAt"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn runs_that_vanish_while_they_send_lose_no_event() {
    let fake = platform();
    fake.segment((0..400).map(|_| after(300, Act::Say(""))));
    begin(&fake, &plain(20)).await;
    for round in 0..60 {
        fake.pass(Duration::from_millis(450 + round * 7)).await;
        fake.kill_runs();
    }
    fake.pass(Duration::from_mins(30)).await;
    assert_eq!(fake.segment_items().len(), 60);
    assert!(
        fake.segment_times().iter().any(|times| *times > 1),
        "a request was repeated"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_segment_that_fails_for_a_day_is_given_up_and_the_run_forgets_itself() {
    let fake = platform();
    fake.segment((0..1000).map(|_| Act::Drop));
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_hours(23)).await;
    let made = fake.segment_requests().len();
    assert!(
        (90..200).contains(&made),
        "{made}: every quarter of an hour"
    );
    assert_eq!(logged(&fake), [json!(["late", 3, "unreachable"])]);
    fake.pass(Duration::from_hours(2)).await;
    assert_eq!(
        logged(&fake),
        [
            json!(["late", 3, "unreachable"]),
            json!(["given_up", 3, "expired"])
        ]
    );
    let made = fake.segment_requests().len();
    let id = batch.rsplit('/').next().unwrap();
    assert!(fake.disk_of_run(&format!("{id}-1")).is_empty());
    fake.pass(DAY).await;
    assert_eq!(fake.segment_requests().len(), made);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_event_that_segment_would_drop_for_its_length_is_given_up_and_the_others_go_out() {
    let model = "m".repeat(33_000);
    let fake = FakePlatform::with(&[WITH_ADMIN, WITH_SEGMENT, ("OPENAI_MODEL", &model)]);
    begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_mins(2)).await;
    let items = fake.segment_items();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["type"], "identify");
    let mut outcomes = logged(&fake);
    outcomes.sort_by_key(Value::to_string);
    assert_eq!(
        outcomes,
        [
            json!(["given_up", 2, "too_large"]),
            json!(["sent", 1, null])
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_without_scores_has_no_event_about_them() {
    let fake = platform();
    let mut body = plain(1);
    body["score"] = json!(false);
    body["label"] = json!("the planted label");
    begin(&fake, &body).await;
    fake.pass(Duration::from_mins(2)).await;
    let kinds: Vec<Value> = fake
        .segment_items()
        .iter()
        .map(|item| item["type"].clone())
        .collect();
    assert_eq!(kinds, ["track", "identify"]);
    assert!(!format!("{:?}", fake.segment_items()).contains("planted"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn neither_requests_nor_the_log_have_a_word_of_a_conversation() {
    let fake = platform();
    fake.segment([Act::Status(500, "the planted words of an error")]);
    let batch = begin(&fake, &plain(3)).await;
    fake.pass(Duration::from_mins(5)).await;
    let sent: String = fake
        .segment_requests()
        .iter()
        .map(|request| request.body.to_text())
        .collect();
    assert!(sent.contains("Call Scored"));
    let mut words = vec!["Ada".to_owned(), "Cleo".to_owned(), "48213".to_owned()];
    for run in transcripts(&fake, &batch).await {
        let turns = run["turns"].as_array().unwrap();
        words.extend(
            turns
                .iter()
                .map(|turn| turn["text"].as_str().unwrap().to_owned()),
        );
        words.push(
            run["scores"]["criteria"]["greeted"]["quote"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    let log = fake.log_text();
    for word in words.iter().filter(|word| !word.is_empty()) {
        assert!(!sent.contains(word), "{word}");
        assert!(!log.contains(word), "{word}");
    }
    for secret in ["planted", "the planted words"] {
        assert!(!log.contains(secret), "{secret}");
    }
}
