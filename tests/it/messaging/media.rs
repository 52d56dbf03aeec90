//! Images: fetched, given to the model in their turn, and stored nowhere.
//!
//! Not here: how a media answer is read (`src/twilio/media/`).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use switchboard::platform::Clock;

use super::users;
use crate::support::{
    ANNA, Act, CDN, FakePlatform, GIF, SECOND, TOKEN, after, fresh_sid, media_url, texts,
    with_media,
};

/// Sends a message with images and returns the texts of the answer.
async fn image(platform: &FakePlatform, from: &str, body: &str, count: usize) -> Vec<String> {
    let response = platform
        .post(&with_media(
            from,
            body,
            &fresh_sid(),
            &vec!["image/jpeg"; count],
        ))
        .await;
    assert_eq!(response.status, 200);
    texts(&response.body)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_reaches_the_model_in_its_turn_alone_and_is_stored_nowhere() {
    let platform = FakePlatform::new();
    assert_eq!(
        image(&platform, ANNA, "What is this?", 1).await,
        ["answer to What is this?\n[1 picture] and 1 pictures"]
    );
    assert_eq!(
        platform.media_requests(),
        [
            (media_url(0), Some(TOKEN.to_owned())),
            (CDN.to_owned(), None)
        ]
    );
    let shown = format!("data:image/gif;base64,{}", BASE64_STANDARD.encode(GIF));
    assert_eq!(
        platform.model_requests()[0]["messages"][1]["content"][1]["image_url"]["url"],
        shown,
        "as what it is, not as what was said"
    );
    platform.pass(SECOND).await;
    platform.text(ANNA, "And now?").await;
    assert_eq!(
        users(&platform.model_requests()[1]),
        ["What is this?\n[1 picture]", "And now?"]
    );
    let kept = format!(
        "{:?}{:?}{}",
        platform.stored(ANNA),
        platform.kv_values(),
        platform.log_text()
    );
    for trace in [
        "planted-image",
        &BASE64_STANDARD.encode("-the-planted-image")[..20],
        "twiliocdn",
        "/Media/",
    ] {
        assert!(!kept.contains(trace), "{trace}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn images_without_a_text_make_a_turn_too() {
    let platform = FakePlatform::new();
    assert_eq!(
        image(&platform, ANNA, "", 2).await,
        ["answer to [2 pictures] and 2 pictures"]
    );
    assert_eq!(platform.budget_used().await, 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_that_cannot_be_had_is_said_so_and_costs_no_model_request() {
    const NOT_FETCHED: &str = "Sorry, I couldn't open your picture. Please send it again.";
    let huge: &'static str =
        Box::leak(format!("GIF89a{}", "x".repeat(5 * 1024 * 1024)).into_boxed_str());
    for (acts, said, failure) in [
        (
            vec![Act::Status(404, ""); 3],
            NOT_FETCHED,
            "image_not_fetched",
        ),
        (vec![Act::Drop; 3], NOT_FETCHED, "image_not_fetched"),
        (
            [(); 3]
                .into_iter()
                .flat_map(|()| [Act::Say(""), Act::Status(500, "")])
                .collect(),
            NOT_FETCHED,
            "image_not_fetched",
        ),
        (
            vec![after(60_000, Act::Say(""))],
            NOT_FETCHED,
            "image_not_fetched",
        ),
        (
            vec![Act::Say(""), Act::Body("<html>")],
            "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file.",
            "image_type",
        ),
        (
            vec![Act::Say(""), Act::Body(huge)],
            "Sorry, that is too large for me. Please send pictures of at most 5 MB in all.",
            "image_too_large",
        ),
    ] {
        let platform =
            FakePlatform::with(&[("REPLY_WITHIN_MS", "14000"), ("OPENAI_TIMEOUT_MS", "10000")]);
        platform.text(ANNA, "Hello").await;
        platform.media(acts);
        assert_eq!(image(&platform, ANNA, "Look", 1).await, [said]);
        let turn = platform.events_named("turn").pop().unwrap();
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("failed"), Some(failure))
        );
        assert_eq!(
            (
                turn["model_requests"].as_u64(),
                platform.model_requests().len(),
                platform.budget_used().await
            ),
            (Some(0), 1, 1)
        );
        platform.text(ANNA, "And now?").await;
        assert_eq!(
            users(&platform.model_requests()[1]),
            ["Hello", "And now?"],
            "what failed is no part of the conversation"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_that_is_there_a_moment_later_is_answered() {
    for acts in [
        vec![Act::Status(404, "")],
        vec![Act::Status(503, ""), Act::Drop],
        vec![Act::Say(""), Act::Status(404, "")],
        vec![Act::Say(""), Act::Status(403, ""), Act::Status(500, "")],
    ] {
        let platform = FakePlatform::new();
        platform.media(acts);
        assert_eq!(
            image(&platform, ANNA, "Look", 1).await,
            ["answer to Look\n[1 picture] and 1 pictures"]
        );
        assert!(platform.now().since(platform.started()) < 4 * SECOND);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_that_is_never_there_is_given_up_within_the_deadline() {
    let platform = FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "2000")]);
    platform.media(vec![Act::Status(404, ""); 9]);
    assert!(image(&platform, ANNA, "Look", 1).await[0].starts_with("Sorry, I couldn't open"));
    assert_eq!(platform.media_requests().len(), 2);
    assert!(platform.now().since(platform.started()) < 2 * SECOND);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_file_that_cannot_be_read_is_answered_with_what_can_be() {
    for media_type in [
        "image/heic",
        "application/pdf",
        "video/mp4",
        "video/3gpp",
        "text/x-vcard",
    ] {
        let platform = FakePlatform::new();
        let fields = with_media(ANNA, "", &fresh_sid(), &[media_type]);
        assert_eq!(
            texts(&platform.post(&fields).await.body),
            [
                "I can read text, pictures (JPEG, PNG, GIF, WebP) and voice notes, but no other kind of file."
            ],
            "{media_type}"
        );
        assert!(platform.media_requests().is_empty());
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn images_of_one_turn_are_too_large_together() {
    let platform = FakePlatform::new();
    let large: &'static str =
        Box::leak(format!("GIF89a{}", "x".repeat(3 * 1024 * 1024)).into_boxed_str());
    platform.media([
        Act::Say(""),
        Act::Body(large),
        Act::Say(""),
        Act::Body(large),
    ]);
    assert_eq!(
        image(&platform, ANNA, "", 2).await,
        ["Sorry, that is too large for me. Please send pictures of at most 5 MB in all."]
    );
    assert!(platform.model_requests().is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_at_another_host_is_not_asked_for() {
    let platform = FakePlatform::new();
    let mut fields = with_media(ANNA, "", &fresh_sid(), &["image/jpeg"]);
    fields.retain(|(name, _)| name != "MediaUrl0");
    fields.push((
        "MediaUrl0".to_owned(),
        "https://evil.example/Media/1".to_owned(),
    ));
    assert_eq!(
        texts(&platform.post(&fields).await.body),
        ["Sorry, I couldn't open your picture. Please send it again."]
    );
    assert!(platform.media_requests().is_empty());
    assert_eq!(platform.events_named("turn")[0]["failure"], "image_address");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn another_token_is_tried_for_an_image_when_the_first_is_refused() {
    let other = "fedcba9876543210fedcba9876543210";
    let platform = FakePlatform::with(&[("TWILIO_AUTH_TOKEN", &format!("{other},{TOKEN}"))]);
    platform.media([Act::Status(401, "")]);
    assert_eq!(
        image(&platform, ANNA, "Look", 1).await,
        ["answer to Look\n[1 picture] and 1 pictures"]
    );
    let tokens: Vec<_> = platform
        .media_requests()
        .into_iter()
        .map(|(_, token)| token)
        .collect();
    assert_eq!(
        tokens,
        [Some(TOKEN.to_owned()), Some(other.to_owned()), None],
        "the one that verified the message first"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_image_that_comes_twice_is_fetched_once_and_answered_alike() {
    let platform = FakePlatform::new();
    let fields = with_media(
        ANNA,
        "Look",
        "MM0000000000000000000000000000000a",
        &["image/jpeg"],
    );
    let answers = join_all((0..3).map(|_| platform.post(&fields))).await;
    let again = platform.post(&fields).await;
    for answer in answers.iter().chain([&again]) {
        assert_eq!(
            texts(&answer.body),
            ["answer to Look\n[1 picture] and 1 pictures"]
        );
    }
    assert_eq!(
        (
            platform.media_requests().len(),
            platform.model_requests().len()
        ),
        (2, 1)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_with_an_image_goes_on_after_the_object_has_vanished_and_fetches_it_again() {
    // The object vanishes while the image is fetched, or while the model is asked.
    for (media, model) in [
        (after(8000, Act::Say("")), after(100, Act::Say(""))),
        (Act::Say(""), after(8000, Act::Say(""))),
    ] {
        let platform = FakePlatform::new();
        platform.media([media]);
        platform.model([model]);
        let fields = with_media(ANNA, "Look", &fresh_sid(), &["image/jpeg"]);
        let mut webhook = Box::pin(platform.post(&fields));
        tokio::select! {
            _ = &mut webhook => panic!("too early"),
            () = platform.pass(3 * SECOND) => {}
        }
        assert!(
            platform.stored(ANNA)["state"].contains(&media_url(0)),
            "where it is, as long as the turn runs"
        );
        platform.kill(ANNA);
        assert_eq!(webhook.await.status, 503);
        platform.pass(30 * SECOND).await;
        assert_eq!(
            platform.sent(),
            ["answer to Look\n[1 picture] and 1 pictures"]
        );
        assert!(!platform.stored(ANNA)["state"].contains("/Media/"));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn messages_and_images_that_come_during_a_turn_are_answered_together() {
    let platform = FakePlatform::with(&[("JOIN_WITHIN_MS", "0")]);
    platform.model([after(3000, Act::Say("first"))]);
    let first = platform.text(ANNA, "one");
    let others = async {
        platform.pass(SECOND).await;
        join_all([
            image(&platform, ANNA, "two", 1),
            image(&platform, ANNA, "", 1),
        ])
        .await
    };
    let (_, others) = futures_util::future::join(first, others).await;
    assert_eq!(
        others[1],
        ["answer to two\n[1 picture]\n[1 picture] and 2 pictures"]
    );
    assert!(others[0].is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reset_with_an_image_is_a_reset() {
    let platform = FakePlatform::new();
    assert!(image(&platform, ANNA, "reset", 1).await[0].starts_with("Done"));
    assert!(platform.media_requests().is_empty());
}
