//! What a message contains, and whether it wants an answer: forms, buttons, quotes, tapbacks, automatic replies.
//!
//! Not here: images (`media`), and the forms of tapbacks one by one (`messaging::inbound::tapback`).

use std::time::Duration;

use super::{left, users};
use crate::support::{ANNA, Act, BEN, FakePlatform, SECOND, after, fresh_sid, texts, webhook};

const WHATSAPP: &str = "whatsapp:+15550100101";
const AWAY: &str = "I'm driving right now. I'll get back to you later.";

/// Sends a message with more fields, and returns the texts of the answer.
async fn send(
    platform: &FakePlatform,
    from: &str,
    body: &str,
    more: &[(&str, &str)],
) -> Vec<String> {
    send_as(platform, from, body, more, &fresh_sid()).await
}

async fn send_as(
    platform: &FakePlatform,
    from: &str,
    body: &str,
    more: &[(&str, &str)],
    sid: &str,
) -> Vec<String> {
    let mut fields = webhook(from, body, sid);
    fields.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let response = platform.post(&fields).await;
    assert_eq!(response.status, 200, "{}", response.body);
    texts(&response.body)
}

/// The last user message that the model got.
fn last_asked(platform: &FakePlatform) -> String {
    let request = platform.model_requests().pop().unwrap();
    users(&request).pop().unwrap().to_owned()
}

fn ignored(platform: &FakePlatform) -> Vec<String> {
    let events = platform.events_named("message_ignored");
    events
        .iter()
        .map(|event| event["reason"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_fields_of_a_form_reach_the_model() {
    let platform = FakePlatform::new();
    let form = [
        ("MessageType", "interactive"),
        ("InteractiveData", r#"{"date":"2026-10-02","guests":"4"}"#),
    ];
    assert_eq!(send(&platform, WHATSAPP, "", &form).await.len(), 1);
    assert_eq!(last_asked(&platform), "date: 2026-10-02\nguests: 4");
    let malformed = [("InteractiveData", "{\"date\":")];
    assert_eq!(
        send(&platform, WHATSAPP, "", &malformed).await,
        ["Please send text."]
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_button_is_its_text_and_what_its_payload_adds() {
    let platform = FakePlatform::new();
    let pressed = [
        ("ButtonText", "Book"),
        ("ButtonPayload", "table_7"),
        ("MessageType", "button"),
    ];
    send(&platform, WHATSAPP, "Book", &pressed).await;
    assert_eq!(last_asked(&platform), "Book (table_7)");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_quoted_answer_by_rest_goes_before_the_message() {
    let platform = FakePlatform::new();
    platform.model([after(20_000, Act::Say("The red one, or the blue one?"))]);
    assert!(
        platform
            .text(WHATSAPP, "Which do you have?")
            .await
            .is_empty()
    );
    platform.pass(30 * SECOND).await;
    let quoted = platform.sent_forms()[0]["sid"].clone();
    let quote = [("OriginalRepliedMessageSid", quoted.as_str())];
    send(&platform, WHATSAPP, "yes, that one", &quote).await;
    assert_eq!(
        last_asked(&platform),
        "> The red one, or the blue one?\nyes, that one"
    );
    assert_eq!(platform.lookups(), 0, "its id is known");
    assert!(!platform.log_text().contains("red one"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_quoted_answer_by_webhook_is_known_to_twilio_alone() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("We open at 9."), Act::Say("And on Sunday at 10.")]);
    platform.text(WHATSAPP, "When do you open?").await;
    let sids: Vec<_> = platform.replied_sids();
    platform.text(WHATSAPP, "And then?").await;
    let quote = [("OriginalRepliedMessageSid", sids[0].as_str())];
    send(&platform, WHATSAPP, "thanks", &quote).await;
    assert_eq!(last_asked(&platform), "> We open at 9.\nthanks");
    assert_eq!(platform.lookups(), 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_quoted_twice_is_quoted_and_not_the_message_that_quoted_it() {
    let platform = FakePlatform::new();
    let answer = "The shop opens at nine, and closes at six.";
    platform.model([Act::Say(answer)]);
    platform.text(WHATSAPP, "When do you open?").await;
    let sids: Vec<_> = platform.replied_sids();
    let quote = [("OriginalRepliedMessageSid", sids[0].as_str())];
    for text in ["on Sunday too?", "and on Monday?"] {
        send(&platform, WHATSAPP, text, &quote).await;
        assert_eq!(last_asked(&platform), format!("> {answer}\n{text}"));
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_contact_can_quote_a_message_of_their_own() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.message(WHATSAPP, "Do you have tea?", &sid).await;
    let quote = [("OriginalRepliedMessageSid", sid.as_str())];
    send(&platform, WHATSAPP, "I meant coffee", &quote).await;
    assert_eq!(last_asked(&platform), "> Do you have tea?\nI meant coffee");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_quote_that_is_not_remembered_is_left_out() {
    let platform = FakePlatform::new();
    let sid = fresh_sid();
    platform.message(WHATSAPP, "Do you have tea?", &sid).await;
    let unknown = fresh_sid();
    for sid in [unknown.as_str(), "", "not-an-id", "wamid.abc"] {
        let quote = [("OriginalRepliedMessageSid", sid)];
        let text = format!("yes, that one {sid}");
        send(&platform, WHATSAPP, &text, &quote).await;
        assert_eq!(last_asked(&platform), text.trim());
    }
    platform.text(WHATSAPP, "reset").await;
    let quote = [("OriginalRepliedMessageSid", sid.as_str())];
    send(&platform, WHATSAPP, "after the reset", &quote).await;
    assert_eq!(last_asked(&platform), "after the reset");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn quotable_texts_go_with_the_conversation_and_with_an_erasure() {
    let platform = FakePlatform::new();
    platform.model([after(20_000, Act::Say("A secret answer"))]);
    platform.text(WHATSAPP, "A secret question").await;
    platform.pass(30 * SECOND).await;
    let stored = |platform: &FakePlatform| platform.stored(WHATSAPP)["state"].contains("secret");
    assert!(stored(&platform));
    platform.text(WHATSAPP, "delete my data").await;
    assert!(!stored(&platform));
    platform.text(WHATSAPP, "Another secret").await;
    platform.pass(2 * Duration::from_hours(24)).await;
    assert_eq!(left(&platform, WHATSAPP), Vec::<String>::new());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_tapback_on_an_answer_gets_an_empty_200_and_one_log_line() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("The shop opens at 9.")]);
    platform.text(ANNA, "When do you open?").await;
    let tapbacks = [
        "Liked “The shop opens at 9.”",
        "👍 to “The shop opens at 9.”",
        "Removed a like from “The shop opens at 9.”",
        "Loved \"The shop opens…\"",
        "\u{200a}\u{200b}👍\u{200b} to “\u{200a}The shop opens at 9.\u{200a}”\u{200a}",
        "A aimé « The shop opens at 9. »",
        "Laughed at “When do you open?”",
        "Liked an image",
    ];
    for text in tapbacks {
        let sid = fresh_sid();
        assert!(
            platform.message(ANNA, text, &sid).await.is_empty(),
            "{text}"
        );
        assert!(
            platform.message(ANNA, text, &sid).await.is_empty(),
            "a copy"
        );
    }
    assert_eq!(ignored(&platform), ["reaction"; 8]);
    assert_eq!(platform.model_requests().len(), 1);
    assert!(!platform.log_text().contains("shop"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_sentence_that_begins_like_a_tapback_is_answered() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("The shop opens at 9.")]);
    platform.text(ANNA, "When do you open?").await;
    for text in [
        "Liked it! Do you open on Sunday?",
        "Liked “The shop closes at 9.”",
        "Liked “The shop opens at 9.” but what about Sunday?",
        "Questioned everything",
        "What do you mean by “The shop opens at 9.”",
    ] {
        assert_eq!(platform.text(ANNA, text).await.len(), 1, "{text}");
        assert_eq!(last_asked(&platform), text);
    }
    platform.text(BEN, "Liked “The shop opens at 9.”").await;
    assert_eq!(platform.model_requests().len(), 7, "Ben was told nothing");
    assert!(ignored(&platform).is_empty());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_tapback_is_a_text_once_the_answer_is_forgotten() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("The shop opens at 9.")]);
    platform.text(ANNA, "When do you open?").await;
    platform.pass(Duration::from_hours(2)).await;
    let tapback = "Liked “The shop opens at 9.”";
    assert_eq!(platform.text(ANNA, tapback).await.len(), 1);
    assert_eq!(
        platform.text(ANNA, "Liked an image").await.len(),
        1 - 1,
        "there is a conversation"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_reaction_on_whatsapp_that_twilio_names_gets_no_answer() {
    let platform = FakePlatform::new();
    let kind = [("MessageType", "reaction")];
    assert!(send(&platform, WHATSAPP, "👍", &kind).await.is_empty());
    assert_eq!(ignored(&platform), ["reaction"]);
    assert_eq!(platform.text(WHATSAPP, "👍").await.len(), 1, "a message");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_automatic_reply_in_a_loop_is_silenced_until_something_else_comes() {
    let platform = FakePlatform::new();
    let mut answers = 0;
    for _ in 0..40 {
        answers += platform.text(ANNA, AWAY).await.len();
        platform.pass(8 * SECOND).await;
    }
    assert_eq!((answers, platform.model_requests().len()), (3, 3));
    assert_eq!(ignored(&platform), ["reply_loop"; 37]);
    assert!(!platform.log_text().contains("driving"));
    assert_eq!(
        platform.text(ANNA, "I'm back. Are you there?").await.len(),
        1
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_automatic_replies_that_answer_answers_by_rest_are_a_loop_too() {
    let platform = FakePlatform::new();
    for number in 0..30 {
        platform.model([after(12_000, Act::Say(""))]);
        let text = format!("Thanks! Your ticket {} is in our queue.", 100 + number);
        platform
            .text(WHATSAPP, if number % 2 == 0 { AWAY } else { &text })
            .await;
        platform.pass(20 * SECOND).await;
    }
    assert!(platform.model_requests().len() <= 10);
    assert!(ignored(&platform).len() >= 20);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn keywords_work_within_a_loop() {
    let platform = FakePlatform::new();
    for _ in 0..6 {
        platform.text(WHATSAPP, AWAY).await;
        platform.pass(8 * SECOND).await;
    }
    assert_eq!(platform.text(WHATSAPP, "HELP").await.len(), 1);
    assert_eq!(platform.text(WHATSAPP, "STOP").await, [super::OPTED_OUT]);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_person_who_repeats_a_question_before_the_answer_is_answered() {
    let platform = FakePlatform::with(&[("RATE_LIMIT_PER_MINUTE", "30")]);
    platform.model([after(40_000, Act::Say("Sorry for the wait"))]);
    for _ in 0..6 {
        platform
            .text(ANNA, "hello? can anybody hear me at all?")
            .await;
    }
    platform.pass(60 * SECOND).await;
    assert!(ignored(&platform).is_empty());
    for _ in 0..5 {
        assert_eq!(platform.text(BEN, "ok").await.len(), 1);
        platform.pass(8 * SECOND).await;
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_erasure_forgets_the_marks_of_a_loop() {
    let platform = FakePlatform::new();
    for _ in 0..5 {
        platform.text(ANNA, AWAY).await;
        platform.pass(8 * SECOND).await;
    }
    assert!(left(&platform, ANNA).contains(&"state.reply_loop".to_owned()));
    platform.text(ANNA, "delete my data").await;
    assert!(!left(&platform, ANNA).contains(&"state.reply_loop".to_owned()));
    assert_eq!(platform.text(ANNA, AWAY).await.len(), 1);
}
