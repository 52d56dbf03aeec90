//! Segments: SMS answers are made to fit, and their segments are counted.
//!
//! Not here: how a text is divided (`src/twilio/segments.rs`).

use crate::support::{ANNA, Act, FakePlatform, SECOND, after};

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_sms_answer_is_made_to_fit_its_segments_before_it_is_stored_and_sent_and_whatsapp_is_left_alone()
 {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "2")]);
    let typeset = "It’s “so” – yes…";
    let long: &'static str = Box::leak("All’s well at sea. ".repeat(30).into_boxed_str());
    platform.model([
        Act::Say(typeset),
        Act::Say(long),
        Act::Say(typeset),
        Act::Say(long),
    ]);
    assert_eq!(platform.text(ANNA, "one").await, ["It's \"so\" - yes..."]);
    let [cut] = <[String; 1]>::try_from(platform.text(ANNA, "two").await).unwrap();
    assert!(
        cut.starts_with("All's well")
            && cut.ends_with("at sea...")
            && (280..=306).contains(&cut.len()),
        "{cut}"
    );
    let whatsapp = format!("whatsapp:{ANNA}");
    assert_eq!(platform.text(&whatsapp, "one").await, [typeset]);
    assert_eq!(platform.text(&whatsapp, "two").await, [long.trim()]);
    let segments: Vec<_> = platform
        .events_named("turn")
        .iter()
        .map(|turn| turn["segments"].as_u64())
        .collect();
    assert_eq!(segments, [Some(1), Some(2), None, None]);
    platform.text(ANNA, "three").await;
    let remembered = &platform.model_requests()[4]["messages"];
    assert_eq!(
        (
            remembered[2]["content"].as_str(),
            remembered[4]["content"].as_str()
        ),
        (Some("It's \"so\" - yes..."), Some(cut.as_str()))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_sms_answer_by_rest_is_the_same_that_is_remembered_and_its_segments_are_counted_over_its_parts()
 {
    let platform = FakePlatform::with(&[("MAX_SEGMENTS", "13")]);
    let long: &'static str = Box::leak("All’s well at sea. ".repeat(200).into_boxed_str());
    platform.model([after(12_000, Act::Say(long))]);
    assert!(platform.text(ANNA, "one").await.is_empty());
    platform.pass(5 * SECOND).await;
    let sent = platform.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent[1].ends_with("at sea..."));
    assert_eq!(platform.events_named("turn")[0]["segments"], 13);
    platform.text(ANNA, "two").await;
    assert_eq!(
        platform.model_requests()[1]["messages"][2]["content"],
        sent.join(" ")
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_failed_turn_logs_the_segments_of_its_fixed_sentence() {
    let platform = FakePlatform::new();
    platform.model([Act::Status(400, "")]);
    platform.text(ANNA, "Hello").await;
    assert_eq!(platform.events_named("turn")[0]["segments"], 1);
}
