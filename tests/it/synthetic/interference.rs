//! An operator cancels, deletes and resumes while calls fail, objects vanish and values are damaged.
//!
//! Not here: random faults (`simulation`), and single decisions (`src/synthetic/*/state/tests.rs`).

use std::time::Duration;

use serde_json::json;
use switchboard::platform::Stored;

use super::{begin, id_of, plain, platform, progress, read, request, transcripts};
use crate::support::{Act, FakePlatform, WITH_ADMIN, after};

async fn control(fake: &FakePlatform, batch: &str, action: &str) -> u16 {
    let path = format!("{batch}/{action}");
    request(fake, "POST", &path, Some(&json!({}))).await.status
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn runs_that_cannot_be_reached_do_not_begin_after_their_batch_was_cancelled() {
    let fake = platform();
    for _ in 0..8 {
        fake.run_call_fails("begin", false);
    }
    let batch = begin(&fake, &plain(3)).await;
    fake.pass(Duration::from_secs(1)).await;
    assert_eq!(control(&fake, &batch, "cancel").await, 200);
    fake.pass(Duration::from_hours(1)).await;
    assert!(fake.model_requests().is_empty());
    let progress = progress(&fake, &batch).await;
    assert_eq!(progress["status"], "cancelled");
    assert_eq!(
        (&progress["running"], &progress["ended"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_is_about_to_begin_does_not_begin_after_its_batch_was_deleted() {
    let fake = platform();
    fake.budget_takes(Duration::from_secs(3));
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_secs(1)).await;
    assert_eq!(request(&fake, "DELETE", &batch, None).await.status, 204);
    fake.pass(Duration::from_hours(1)).await;
    assert!(fake.model_requests().is_empty());
    assert_eq!(fake.model_requests_reserved().await, 0, "it is given back");
    fake.pass(Duration::from_hours(25)).await;
    let run = format!("{}-1", id_of(&batch));
    assert!(fake.disk_of_run(&run).is_empty(), "nothing stays");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_was_broken_off_or_lost_is_part_of_the_cost() {
    let fake = platform();
    fake.model((0..9).map(|_| after(20_000, Act::Say(""))));
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_secs(5)).await;
    fake.kill_runs();
    fake.pass(Duration::from_secs(10)).await;
    assert_eq!(control(&fake, &batch, "cancel").await, 200);
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["ended"]["reason"], "cancelled");
    assert_eq!(fake.model_requests().len(), 2);
    assert_eq!(run["cost"]["model_requests"], 2);
    assert_eq!(fake.model_requests_reserved().await, 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_ends_during_the_judgement_is_reported_without_scores() {
    let fake = platform();
    let said = (0..7).map(|_| after(100, Act::Say("")));
    fake.model(said.chain([after(20_000, Act::Say(""))]));
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_secs(10)).await;
    let asked = fake.model_requests();
    let format = &asked.last().unwrap()["response_format"]["json_schema"]["name"];
    assert_eq!(format, "conversation_score");
    assert_eq!(control(&fake, &batch, "cancel").await, 200);
    fake.pass(Duration::from_mins(5)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(
        (&run["ended"]["reason"], &run["scores"]),
        (&json!("goodbye"), &json!(null))
    );
    assert_eq!(
        fake.model_requests().len(),
        asked.len(),
        "the judge is not asked again"
    );
    assert_eq!(progress(&fake, &batch).await["not_scored"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_whose_alarm_was_given_up_goes_on_when_its_batch_asks_for_it() {
    let fake = platform();
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_millis(300)).await;
    fake.kill_runs();
    fake.pass(Duration::from_millis(50)).await;
    fake.lose_alarms_of_runs();
    fake.pass(Duration::from_mins(2)).await;
    assert_eq!(
        progress(&fake, &batch).await["running"],
        1,
        "it stands still"
    );
    fake.pass(Duration::from_mins(20)).await;
    let run = &transcripts(&fake, &batch).await[0];
    assert_eq!(run["number"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_second_call_to_begin_never_says_that_a_run_has_no_budget_which_has_begun() {
    // The day has room for one run. The second call comes while the first one reserves it.
    let fake = FakePlatform::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "60")]);
    fake.budget_takes(Duration::from_millis(4900));
    let batch = begin(&fake, &plain(1)).await;
    fake.pass(Duration::from_secs(1)).await;
    fake.kill_batches();
    fake.pass(Duration::from_secs(15)).await;
    fake.budget_takes(Duration::from_millis(2));
    fake.pass(Duration::from_mins(30)).await;
    let progress = progress(&fake, &batch).await;
    assert_eq!(
        (&progress["status"], &progress["ended"]),
        (&json!("finished"), &json!(1))
    );
    assert_eq!(transcripts(&fake, &batch).await.len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_that_cannot_be_read_rings_seldom_and_can_be_deleted() {
    for damaged in ["", "{}", "[1]", r#"{"v":2}"#] {
        let fake = platform();
        let mut body = plain(30);
        body["per_minute"] = json!(2);
        let batch = begin(&fake, &body).await;
        fake.pass(Duration::from_secs(20)).await;
        let disk = fake.disk_of_batch(id_of(&batch));
        fake.kill_runs();
        disk.set("batch", Stored::Text(damaged.to_owned()));
        fake.pass(Duration::from_hours(5)).await;
        let logged = fake.events_named("internal_error").len();
        assert!((1..10).contains(&logged), "{logged} lines in five hours");
        assert_eq!(request(&fake, "GET", &batch, None).await.status, 503);
        assert!(
            disk.text("record:0000000001").is_some(),
            "nothing is lost by itself"
        );
        assert_eq!(request(&fake, "DELETE", &batch, None).await.status, 204);
        assert!(disk.is_empty());
        let list = read(&request(&fake, "GET", "/admin/batches", None).await);
        assert_eq!(list, json!({ "batches": [] }));
        fake.pass(Duration::from_hours(25)).await;
        // The two requests above have met it.
        assert_eq!(fake.events_named("internal_error").len(), logged + 2);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_batch_whose_runs_no_day_can_pay_is_refused() {
    let fake = FakePlatform::with(&[WITH_ADMIN, ("MAX_DAILY_CALLS", "41")]);
    let response = request(&fake, "POST", "/admin/batches", Some(&plain(1))).await;
    assert_eq!(response.status, 400);
    let words = "a run may need 42 requests to the model, and MAX_DAILY_CALLS allows 41 a day";
    assert!(response.body.contains(words), "{}", response.body);
}
