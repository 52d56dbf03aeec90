//! How much one turn, the state and the images of all turns may hold.
//!
//! Not here: limits of a day (`day_limits`).

use futures_util::future::join_all;

use crate::support::{ANNA, Act, CARL, FakePlatform, after, fresh_sid, with_media};

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_says_no_more_than_a_message_may() {
    let platform = FakePlatform::with(&[
        ("RATE_LIMIT_PER_MINUTE", "100"),
        ("MAX_MESSAGE_CHARS", "50"),
    ]);
    platform.model([after(5000, Act::Say("first"))]);
    let texts: Vec<String> = (0..20)
        .map(|number| format!("{number:02} {}", "😀".repeat(17)))
        .collect();
    join_all(texts.iter().map(|text| platform.text(ANNA, text))).await;
    let requests = platform.model_requests();
    for request in &requests {
        let said = request["messages"].as_array().unwrap().last().unwrap()["content"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(said.replace('\n', "").chars().count() <= 50, "{said}");
    }
    let all: String = requests
        .iter()
        .map(|request| {
            request["messages"]
                .as_array()
                .unwrap()
                .last()
                .unwrap()
                .to_string()
        })
        .collect();
    assert!(
        texts.iter().all(|text| all.contains(text.as_str())),
        "and nothing is left out"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn commands_over_the_rate_limit_do_not_grow_the_state_without_a_bound() {
    let platform = FakePlatform::with(&[
        ("RATE_LIMIT_PER_MINUTE", "1"),
        ("CONVERSATION_TTL_SECONDS", "86400"),
    ]);
    for _ in 0..6000 {
        platform.text(ANNA, "STOP").await;
    }
    let size = platform.stored(ANNA)["state"].len();
    assert!(
        size < 512 * 1024,
        "{size} bytes, of the 2 MB that a value may have"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn texts_that_wait_for_a_slow_turn_have_a_bound() {
    let platform = FakePlatform::with(&[
        ("RATE_LIMIT_PER_MINUTE", "1000"),
        ("MAX_MESSAGE_CHARS", "5000"),
        ("REPLY_WITHIN_MS", "100"),
    ]);
    platform.model([after(50_000, Act::Say("slow"))]);
    let text = "😀".repeat(5000);
    join_all((0..200).map(|_| platform.text(ANNA, &text))).await;
    let size = platform.stored(ANNA)["state"].len();
    assert!(
        size < 1024 * 1024,
        "{size} bytes, of the 2 MB that a value may have"
    );
    assert!(!platform.security_events("rate_limit_exceeded").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_is_stored_as_long_as_it_can_be_sent_and_no_longer() {
    let platform = FakePlatform::new();
    let endless: &'static str = Box::leak("word ".repeat(20_000).into_boxed_str());
    platform.model([Act::Say(endless)]);
    assert_eq!(platform.text(CARL, "Hello").await.len(), 10);
    assert!(platform.stored(CARL)["state"].len() < 60_000);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn no_image_is_fetched_where_there_is_no_budget() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "0")]);
    for _ in 0..3 {
        platform
            .post(&with_media(ANNA, "look", &fresh_sid(), &["image/jpeg"]))
            .await;
    }
    assert!(platform.media_requests().is_empty());
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "1")]);
    platform.text(ANNA, "Hello").await;
    platform
        .post(&with_media(ANNA, "look", &fresh_sid(), &["image/jpeg"]))
        .await;
    assert!(platform.media_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn few_turns_hold_images_at_once_and_the_others_wait_for_their_place() {
    let platform = FakePlatform::new();
    platform.model((0..12).map(|_| after(1000, Act::Say("seen"))));
    let contacts: Vec<String> = (0..12)
        .map(|number| format!("+155501{number:02}"))
        .collect();
    let answers = join_all(contacts.iter().map(|from| async {
        platform
            .post(&with_media(from, "look", &fresh_sid(), &["image/jpeg"]))
            .await
            .body
            .contains("seen")
    }))
    .await;
    assert_eq!(answers.iter().filter(|seen| **seen).count(), 12);
    assert!(
        platform.model_at_once() <= 4,
        "{} at once",
        platform.model_at_once()
    );
}
