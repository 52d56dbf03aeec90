//! What a person reads of a contact that is handed over: more than the assistant does.
//!
//! Not here: how a hand-off begins and ends, and how a message is delivered (`hand_off`).

use serde_json::json;

use super::{
    hand_off::{desk, with_hand_off},
    users,
};
use crate::support::{
    ANNA, Act, FakePlatform, NOTHING, SECOND, after, fresh_sid, texts, webhook, with_media,
};

const WHATSAPP: &str = "whatsapp:+15550100101";

/// The texts that the desk got, and the numbers of files.
fn passed_on(platform: &FakePlatform) -> Vec<(String, u64)> {
    let bodies = platform.desk_bodies();
    bodies
        .iter()
        .map(|body| {
            let text = body["text"].as_str().unwrap().to_owned();
            (text, body["media"].as_u64().unwrap())
        })
        .collect()
}

/// Writes with more fields, and returns the texts of the answer.
async fn write(
    platform: &FakePlatform,
    from: &str,
    body: &str,
    more: &[(&str, &str)],
) -> Vec<String> {
    let mut fields = webhook(from, body, &fresh_sid());
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    fields.extend(more);
    texts(&platform.post(&fields).await.body)
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_caption_and_a_text_that_is_too_long_for_the_assistant_are_passed_on_whole() {
    let platform = with_hand_off(&[("MAX_MESSAGE_CHARS", "20")], &desk());
    platform.text(ANNA, "agent").await;
    let bills = ["application/pdf", "text/csv", "image/jpeg"];
    let sent = with_media(ANNA, "The bills of May", &fresh_sid(), &bills);
    assert!(texts(&platform.post(&sent).await.body).is_empty());
    let long = "It is wrong since the second of May, and nobody answers.";
    assert_eq!(platform.text(ANNA, long).await, NOTHING);
    let sent = with_media(ANNA, long, &fresh_sid(), &["image/jpeg"]);
    assert!(texts(&platform.post(&sent).await.body).is_empty());
    platform.pass(SECOND).await;
    assert_eq!(
        passed_on(&platform)[1..],
        [
            ("The bills of May".to_owned(), 3),
            (long.to_owned(), 0),
            (long.to_owned(), 1)
        ]
    );
    platform.text(ANNA, "bot").await;
    platform.text(ANNA, "Hello").await;
    let request = platform.model_requests().pop().unwrap();
    let short = "It is wrong since t…";
    assert_eq!(
        users(&request)[0],
        format!("agent\nThe bills of May\n[3 files]\n{short}\n{short}\n[1 files]"),
        "the assistant reads no more of a message than ever"
    );
    let answer = platform.text(ANNA, long).await.concat();
    assert!(answer.starts_with("That message is too long"), "{answer}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_quoted_reply_is_passed_on_behind_what_it_quotes() {
    let platform = with_hand_off(&[], &desk());
    platform.model([after(20_000, Act::Say("The red one, or the blue one?"))]);
    platform.text(WHATSAPP, "Which do you have?").await;
    platform.pass(30 * SECOND).await;
    let quoted = platform.sent_forms()[0]["sid"].clone();
    platform.text(WHATSAPP, "agent").await;
    let quote = [("OriginalRepliedMessageSid", quoted.as_str())];
    assert_eq!(
        write(&platform, WHATSAPP, "that one", &quote).await,
        NOTHING
    );
    platform.pass(SECOND).await;
    let passed_on = passed_on(&platform);
    assert_eq!(passed_on[1].0, "> The red one, or the blue one?\nthat one");
    let back = write(&platform, WHATSAPP, "Assistant!", &quote).await;
    assert_eq!(back.len(), 1, "a word behind a quote is still the word");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reaction_is_passed_on_and_gets_nothing_from_the_assistant() {
    let platform = with_hand_off(&[], &desk());
    platform.model([Act::Say("We open at 9.")]);
    platform.text(ANNA, "When do you open?").await;
    platform.text(ANNA, "agent").await;
    let liked = "Liked “We open at 9.”";
    assert_eq!(platform.text(ANNA, liked).await, NOTHING);
    let kind = [("MessageType", "reaction")];
    assert_eq!(write(&platform, ANNA, "👍", &kind).await, NOTHING);
    platform.pass(SECOND).await;
    let texts: Vec<_> = passed_on(&platform)
        .into_iter()
        .map(|(text, _)| text)
        .collect();
    assert_eq!(texts, ["agent", liked, "👍"]);
    assert!(platform.events_named("message_ignored").is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn only_a_whole_text_is_a_word_that_begins_or_ends_a_hand_off() {
    let platform = with_hand_off(&[("MAX_MESSAGE_CHARS", "4")], &desk());
    let refused = platform.text(ANNA, "agent").await.concat();
    assert!(refused.starts_with("That message is too long"), "{refused}");
    let sent = with_media(ANNA, "agent", &fresh_sid(), &["application/pdf"]);
    platform.post(&sent).await;
    platform.pass(SECOND).await;
    assert_eq!(platform.desk_bodies(), Vec::<serde_json::Value>::new());
    assert!(platform.events_named("hand_off").is_empty());
    assert_eq!(json!(platform.model_requests()), json!([]));
}
