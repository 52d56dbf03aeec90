//! What the Worker relies on when `serde_json` reads what comes from outside: a model's answer and a stored conversation.
//!
//! Not here: what a readable text means (`src/openai/`, `src/conversation/history.rs`).

use proptest::prelude::*;
use switchboard::{
    conversation::history::{Conversation, DecodeError},
    openai,
};

use crate::support::response::response;

const ANSWER: &str = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hé \ud83d\ude00"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
const CONVERSATION: &str = r#"{"v":1,"turns":[{"user":"Hello","assistant":"Hé \ud83d\ude00"}]}"#;

fn answered(body: &str) -> bool {
    openai::decode(Ok(&response(200, body)), true)
        .result
        .is_ok()
}

#[test]
fn the_undamaged_texts_are_read() {
    assert!(answered(ANSWER));
    assert!(Conversation::decode(CONVERSATION).is_ok());
}

/// `serde_json` rejects JSON that is nested deeper than 127 levels, and skips ignored values without recursion. The stack of
/// WebAssembly has 1 MiB, and so has the longest text that is read.
#[test]
fn json_that_would_take_the_whole_stack_is_an_error() {
    let deep = "[".repeat(1_000_000);
    let ignored = |text: &str| text.replacen('{', &format!(r#"{{"ignored":{deep},"#), 1);
    for (answer, conversation) in [
        (deep.clone(), deep.clone()),
        (ignored(ANSWER), ignored(CONVERSATION)),
        (
            ANSWER.replace("\"Hé \\ud83d\\ude00\"", &deep),
            CONVERSATION.replace("\"Hello\"", &deep),
        ),
    ] {
        assert!(!answered(&answer));
        assert_eq!(
            Conversation::decode(&conversation),
            Err(DecodeError::Corrupt)
        );
    }
}

proptest! {
    #[test]
    fn damaged_json_is_an_error_and_never_a_panic(at in any::<prop::sample::Index>(), put in "[\\[\\]{}\",:0-9a-z\\\\ -]{0,2}") {
        for text in [ANSWER, CONVERSATION] {
            let characters: Vec<(usize, char)> = text.char_indices().collect();
            let (at, removed) = characters[at.index(characters.len())];
            let damaged = format!("{}{put}{}", &text[..at], &text[at + removed.len_utf8()..]);
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&damaged).is_ok();
            let read = answered(&damaged) || Conversation::decode(&damaged).is_ok();
            prop_assert!(is_json || !read, "{}", damaged);
        }
    }
}
