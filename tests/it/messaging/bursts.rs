//! Bursts: messages that join the turn that runs, before and after the model was asked.
//!
//! Not here: messages that come later and form the next turn (`turns`), and the numbers for whole sequences (`typists`).

use std::time::Duration;

use futures_util::{future::join_all, join};
use serde_json::Value;
use switchboard::platform::Clock;

use super::users;
use crate::support::{
    ANNA, Act, BEN, CARL, FakePlatform, HOUR, NOTHING, SECOND, after, fresh_sid, texts, with_media,
};

const MS: Duration = Duration::from_millis(1);

/// Writes the texts at these times, in milliseconds, and returns the answers on their webhooks.
async fn write(platform: &FakePlatform, from: &str, texts: &[(u32, &str)]) -> Vec<Vec<String>> {
    let written = texts.iter().map(async |(at, text)| {
        platform.pass(MS * *at).await;
        platform.text(from, text).await
    });
    join_all(written).await
}

/// What the model was asked, request by request: the newest message of the contact.
fn asked(platform: &FakePlatform) -> Vec<String> {
    let requests = platform.model_requests();
    let last = |request: &Value| {
        users(request)
            .last()
            .copied()
            .unwrap_or_default()
            .to_owned()
    };
    requests.iter().map(last).collect()
}

async fn image(platform: &FakePlatform, at: u32, text: &str) -> Vec<String> {
    platform.pass(MS * at).await;
    let media = with_media(CARL, text, &fresh_sid(), &["image/gif"]);
    texts(&platform.post(&media).await.body)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn three_messages_of_one_thought_get_one_answer() {
    let platform = FakePlatform::new();
    platform.model((0..3).map(|_| after(2000, Act::Say(""))));
    let thought = [
        (0, "hi"),
        (1500, "I have a question"),
        (3000, "do you open on sunday?"),
    ];
    let answers = write(&platform, ANNA, &thought).await;
    assert_eq!(answers[..2], [NOTHING, NOTHING]);
    assert_eq!(
        answers[2],
        ["answer to hi\nI have a question\ndo you open on sunday?"],
        "the webhook of the newest message carries it"
    );
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.model_at_once(), 1, "a request is broken off first");
    let turns = platform.events_named("turn");
    assert_eq!(turns.len(), 1);
    assert_eq!(
        [
            &turns[0]["messages"],
            &turns[0]["joined"],
            &turns[0]["asked_again"],
            &turns[0]["model_requests"]
        ],
        [3, 2, 2, 3]
    );
    assert_eq!(platform.budget_used().await, 3);
    platform.text(ANNA, "and on monday?").await;
    assert_eq!(
        users(&platform.model_requests()[3]),
        [
            "hi\nI have a question\ndo you open on sunday?",
            "and on monday?"
        ]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn four_images_get_one_answer_and_each_is_fetched_once() {
    for (captions, speed) in [
        (["", "", "", ""], 100),
        (["front", "back", "side", "label"], 2500),
    ] {
        let platform = FakePlatform::new();
        platform.model((0..3).map(|_| after(speed, Act::Say("four pictures"))));
        platform.media((0..4).map(|_| after(250, Act::Say(""))));
        let sent = (0u32..)
            .zip(captions)
            .map(|(index, caption)| image(&platform, 300 * index, caption));
        let answers = join_all(sent).await;
        assert_eq!(answers.concat(), ["four pictures"]);
        assert_eq!(answers[3], ["four pictures"]);
        let requests = platform.model_requests();
        assert_eq!(requests.len(), 1);
        let content = requests[0]["messages"][1]["content"].as_array().unwrap();
        let images = content.iter().filter(|part| part["type"] == "image_url");
        assert_eq!(images.count(), 4);
        let from_twilio = platform.media_requests();
        let with_token = from_twilio.iter().filter(|(_, token)| token.is_some());
        assert_eq!(with_token.count(), 4, "{from_twilio:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_ordinary_message_waits_for_nothing() {
    let wait = async |window: &str, text: &str| {
        let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", window)]);
        let started = platform.now();
        platform.text(ANNA, text).await;
        platform.now().since(started)
    };
    for text in ["do you open on sunday?", "do you open on sunday", "ok"] {
        assert_eq!(wait("1500", text).await, wait("0", text).await, "{text}");
    }
    for (text, hold) in [("hi", 500), ("one more thing:", 2000)] {
        let longer = wait("1500", text)
            .await
            .saturating_sub(wait("0", text).await);
        assert!(
            longer >= (hold - 5) * MS && longer <= (hold + 5) * MS,
            "{text}: {longer:?}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_text_that_never_ends_is_held_for_a_bounded_time() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "30")]);
    let parts: Vec<_> = (0..12).map(|index| (index * 1000, "and then,")).collect();
    write(&platform, ANNA, &parts).await;
    let first = &platform.events_named("turn")[0];
    assert!(first["duration_ms"].as_u64().unwrap() < 3300, "{first}");
    let short = FakePlatform::with(&[("REPLY_WITHIN_MS", "1000")]);
    assert_eq!(
        short.text(ANNA, "well...").await,
        ["answer to well..."],
        "half of the webhook's time at most"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_that_come_before_the_request_join_it_even_without_a_window() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.budget_takes(SECOND);
    let answers = write(&platform, ANNA, &[(0, "one"), (400, "two"), (900, "three")]).await;
    assert_eq!(answers.concat(), ["answer to one\ntwo\nthree"]);
    assert_eq!(platform.budget_used().await, 1);
    let turn = &platform.events_named("turn")[0];
    assert_eq!(turn["joined"], 2);
    assert_eq!(turn["asked_again"], Value::Null);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_is_asked_anew_twice_at_most() {
    let platform = FakePlatform::new();
    platform.model((0..6).map(|_| after(4000, Act::Say(""))));
    let parts = [(0, "a"), (1000, "b"), (2000, "c"), (3000, "d"), (3500, "e")];
    let answers = write(&platform, ANNA, &parts).await;
    assert_eq!(
        answers.concat(),
        ["answer to a\nb\nc", "answer to d\ne"],
        "the others form the next turn"
    );
    assert_eq!(
        asked(&platform),
        ["a", "a\nb", "a\nb\nc", "d\ne"],
        "{:?}",
        platform.events_named("turn")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_message_after_the_window_or_after_the_answer_breaks_nothing_off() {
    let platform = FakePlatform::new();
    platform.model([
        after(3000, Act::Say("first")),
        after(500, Act::Say("second")),
    ]);
    let answers = write(&platform, ANNA, &[(0, "one"), (1600, "two")]).await;
    assert_eq!(answers, [["first"], ["second"]]);
    let answers = write(&platform, BEN, &[(0, "one"), (200, "two")]).await;
    assert_eq!(answers.concat(), ["answer to one", "answer to two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_request_that_cannot_be_reserved_breaks_nothing_off() {
    for (setting, value) in [
        ("MAX_DAILY_CALLS", "1"),
        ("MAX_DAILY_CALLS_PER_CONTACT", "1"),
    ] {
        let platform = FakePlatform::with(&[(setting, value)]);
        platform.model([after(2000, Act::Say("the paid answer"))]);
        let answers = write(&platform, ANNA, &[(0, "one"), (700, "two")]).await;
        assert_eq!(answers[0], ["the paid answer"], "{setting}");
        assert!(answers[1][0].starts_with("Sorry"), "{setting}");
        assert_eq!(platform.model_requests().len(), 1);
    }
    let platform = FakePlatform::new();
    platform.model([after(2000, Act::Say("the paid answer"))]);
    let breaks = async {
        platform.pass(500 * MS).await;
        platform.budget_fails(true);
        platform.pass(SECOND).await;
        platform.budget_fails(false);
    };
    let (answers, ()) = join!(write(&platform, ANNA, &[(0, "one"), (700, "two")]), breaks);
    assert_eq!(answers, [["the paid answer"], ["answer to two"]]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_has_little_time_left_is_not_asked_anew() {
    let platform = FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "2000")]);
    platform.model([after(1900, Act::Say("first"))]);
    let answers = write(&platform, ANNA, &[(0, "one"), (1200, "two")]).await;
    assert_eq!(answers, [["first"], ["answer to two"]]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_that_cannot_be_fetched_does_not_spoil_the_turn_before_it() {
    let platform = FakePlatform::new();
    platform.model([after(300, Act::Say("a nice picture"))]);
    let missing = Act::Status(404, "");
    platform.media([
        after(400, Act::Say("")),
        Act::Say(""),
        // One attempt to join the turn, and three in a turn of its own.
        missing.clone(),
        missing.clone(),
        missing.clone(),
        missing,
    ]);
    let (first, second) = join!(image(&platform, 0, ""), image(&platform, 200, ""));
    assert_eq!(first, ["a nice picture"]);
    assert_eq!(
        second,
        ["Sorry, I couldn't open your picture. Please send it again."]
    );
    assert_eq!(platform.model_requests().len(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_joins_no_turn_and_is_not_passed_by() {
    let platform = FakePlatform::new();
    platform.model([after(2000, Act::Say("first"))]);
    let answers = write(&platform, ANNA, &[(0, "one"), (500, "reset"), (900, "two")]).await;
    assert_eq!(answers[0], ["first"]);
    assert!(answers[1][0].starts_with("Done"));
    assert_eq!(answers[2], ["answer to two"]);
    assert_eq!(users(&platform.model_requests()[1]), ["two"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_holds_no_more_characters_than_a_message_may() {
    let platform = FakePlatform::with(&[("MAX_MESSAGE_CHARS", "10")]);
    platform.model((0..3).map(|_| after(1000, Act::Say(""))));
    let answers = write(&platform, ANNA, &[(0, "12345"), (200, "6789"), (400, "ab")]).await;
    assert_eq!(answers.concat(), ["answer to 12345\n6789", "answer to ab"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_copy_of_a_message_that_joined_is_still_a_copy() {
    let platform = FakePlatform::new();
    platform.model((0..3).map(|_| after(1000, Act::Say(""))));
    let (one, two) = (fresh_sid(), fresh_sid());
    let after_a_while = async |at: u32, text: &'static str, sid: &str| {
        platform.pass(MS * at).await;
        platform.message(ANNA, text, sid).await
    };
    let (first, second, copy) = join!(
        after_a_while(0, "one", &one),
        after_a_while(300, "two", &two),
        after_a_while(600, "two", &two)
    );
    assert!(first.is_empty());
    assert_eq!(
        [second, copy],
        [["answer to one\ntwo"], ["answer to one\ntwo"]]
    );
    assert_eq!(
        platform.message(ANNA, "two", &two).await,
        ["answer to one\ntwo"]
    );
    assert!(platform.message(ANNA, "one", &one).await.is_empty());
    assert_eq!(asked(&platform), ["one", "one\ntwo"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_cancels_a_turn_with_all_that_joined_it() {
    let platform = FakePlatform::new();
    platform.model((0..3).map(|_| after(5000, Act::Say("too late"))));
    let answers = write(&platform, ANNA, &[(0, "one"), (500, "two"), (1000, "STOP")]).await;
    assert!(answers.concat().is_empty());
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
    assert_eq!(platform.events_named("consent")[0]["dropped_messages"], 2);
    assert_eq!(platform.events_named("turn")[0]["outcome"], "cancelled");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn each_webhook_waits_no_longer_than_its_own_time_and_the_answer_comes_once() {
    let platform = FakePlatform::with(&[("REPLY_WITHIN_MS", "3000")]);
    platform.model((0..2).map(|_| after(2400, Act::Say("in time for the second"))));
    let timed = async |at: u32, text: &'static str| {
        platform.pass(MS * at).await;
        let started = platform.now();
        let answer = platform.text(ANNA, text).await;
        (answer, platform.now().since(started))
    };
    let ((first, waited), (second, _)) = join!(timed(0, "one"), timed(1000, "two"));
    assert!(first.is_empty());
    assert!(
        waited >= 3 * SECOND && waited < 3 * SECOND + SECOND / 2,
        "{waited:?}"
    );
    assert_eq!(second, ["in time for the second"]);
    platform.pass(HOUR / 2).await;
    assert!(platform.sent().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_webhook_that_leaves_first_says_nothing_if_a_later_one_can_carry_the_answer() {
    let platform = FakePlatform::with(&[("REPLY_WITHIN_MS", "3000"), ("MAX_DAILY_MESSAGES", "0")]);
    platform.model((0..2).map(|_| after(2400, Act::Say("the answer"))));
    let answers = write(&platform, ANNA, &[(0, "one"), (1000, "two")]).await;
    assert_eq!(answers.concat(), ["the answer"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_joined_turn_that_is_cut_off_is_resumed_with_all_its_messages() {
    let platform = FakePlatform::new();
    platform.model((0..2).map(|_| after(4000, Act::Say("never comes"))));
    let written = async |at: u32, text: &'static str| {
        platform.pass(MS * at).await;
        platform.try_message(ANNA, text, &fresh_sid()).await.status
    };
    let killed = async {
        platform.pass(2 * SECOND).await;
        platform.kill(ANNA);
    };
    let (one, two, ()) = join!(written(0, "one"), written(500, "two"), killed);
    assert_eq!([one, two], [503, 503]);
    platform.pass(60 * SECOND).await;
    assert_eq!(asked(&platform), ["one", "one\ntwo", "one\ntwo"]);
    assert_eq!(platform.sent(), ["answer to one\ntwo"]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_nobody_joins_writes_nothing_more() {
    let rows = async |window: &str| {
        let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", window)]);
        platform.text(ANNA, "do you open on sunday?").await;
        platform.pass(5 * SECOND).await;
        (
            platform.rows(ANNA),
            platform.commits(ANNA),
            platform.budget_rows(),
        )
    };
    assert_eq!(rows("1500").await, rows("0").await);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_step_that_fails_while_a_message_joins_loses_no_message() {
    // Each step in turn: the admission, the reservation, the join.
    for fails_at in 398..410 {
        let platform = FakePlatform::new();
        platform.model((0..4).map(|_| after(1000, Act::Say(""))));
        platform.storage_takes(ANNA, 2 * MS);
        let fails = async {
            platform.pass(MS * fails_at).await;
            platform.commits_fail(ANNA, 1);
        };
        let (two, four) = (fresh_sid(), fresh_sid());
        let first = platform.message(ANNA, "one", &two);
        let second = async {
            platform.pass(400 * MS).await;
            let response = platform.try_message(ANNA, "two", &four).await;
            if response.status == 200 {
                return texts(&response.body);
            }
            // As Twilio does.
            platform.message(ANNA, "two", &four).await
        };
        let (first, second, ()) = join!(first, second, fails);
        platform.pass(60 * SECOND).await;
        let said = [first, second, platform.sent()].concat().join("\n");
        for text in ["one", "two"] {
            assert_eq!(said.matches(text).count(), 1, "{fails_at}: {said}");
        }
        let requests = platform.model_requests().len() as u64;
        assert!(platform.budget_used().await >= requests, "{fails_at}");
    }
}
