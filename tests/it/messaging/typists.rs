//! How many answers a thought in several messages gets, and how many requests it costs: sequences of messages with their times,
//! against models of several speeds, in virtual time.
//!
//! The sequences are composed after what people write; no person wrote them. Not here: the rules behind the numbers (`bursts`).

use std::time::Duration;

use futures_util::future::join_all;

use crate::support::{
    Act, CARL, FakePlatform, SECOND, after, fresh_sid, texts, webhook, with_media,
};

/// Messages of one thought: when each comes, in milliseconds, its text, and whether it has an image.
type Thought = &'static [(u64, &'static str, bool)];

const QUESTION: Thought = &[(0, "do you open on sunday?", false)];
const GREETING_FIRST: Thought = &[
    (0, "hi", false),
    (1500, "I have a question", false),
    (3000, "do you open on sunday?", false),
];
const ALBUM: Thought = &[
    (0, "", true),
    (300, "", true),
    (600, "", true),
    (900, "", true),
];
const ALBUM_WITH_CAPTIONS: Thought = &[
    (0, "the front", true),
    (300, "the back", true),
    (600, "the side", true),
    (900, "the label", true),
];
const ALBUM_AND_QUESTION: Thought = &[
    (0, "", true),
    (240, "", true),
    (1400, "which one is better?", false),
];
const CORRECTION: Thought = &[(0, "do you open on sudnay", false), (900, "*sunday", false)];
const LIST: Thought = &[
    (0, "I need three things:", false),
    (450, "bread", false),
    (1100, "milk", false),
    (1700, "and eggs", false),
];
const STEADY: Thought = &[
    (0, "I was at your shop yesterday", false),
    (1200, "and bought a lamp", false),
    (2400, "now it flickers", false),
    (3600, "I tried another bulb", false),
    (4800, "it is the same", false),
    (6000, "what can I do?", false),
];

/// Answers and requests, by the speed of the model.
type BySpeed = [(usize, usize); SPEEDS.len()];

/// How quickly the model answers, in milliseconds.
const SPEEDS: [u64; 4] = [300, 800, 1600, 3000];

/// The answers that the contact gets, and the requests that the model gets.
async fn answers_and_requests(thought: Thought, speed: u64) -> (usize, usize) {
    let platform = FakePlatform::new();
    platform.budget_takes(Duration::from_millis(15));
    platform.model((0..30).map(|_| after(speed, Act::Say(""))));
    let written = thought.iter().map(async |(at, text, image)| {
        platform.pass(Duration::from_millis(*at)).await;
        let fields = if *image {
            with_media(CARL, text, &fresh_sid(), &["image/gif"])
        } else {
            webhook(CARL, text, &fresh_sid())
        };
        texts(&platform.post(&fields).await.body)
    });
    let by_webhook = join_all(written).await.concat().len();
    platform.pass(60 * SECOND).await;
    let turns = platform.events_named("turn");
    let answered: u64 = turns
        .iter()
        .map(|turn| turn["messages"].as_u64().unwrap())
        .sum();
    assert_eq!(
        answered,
        thought.len() as u64,
        "each message is in one turn"
    );
    assert!(turns.iter().all(|turn| turn["outcome"] == "answered"));
    assert_eq!(
        platform.budget_used().await,
        platform.model_requests().len() as u64,
        "each request was reserved"
    );
    assert_eq!(platform.model_at_once(), 1);
    (
        by_webhook + platform.sent().len(),
        platform.model_requests().len(),
    )
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_steady_typist_gets_one_answer_to_one_thought() {
    // By speed of the model: answers and requests. Without joins, a model that answers before the next message comes gets
    // as many requests as there are messages, and so does the contact answers.
    let expected: [(&str, Thought, BySpeed); 8] = [
        ("question", QUESTION, [(1, 1); 4]),
        (
            "greeting first",
            GREETING_FIRST,
            [(2, 2), (2, 2), (1, 3), (1, 3)],
        ),
        ("album", ALBUM, [(1, 1); 4]),
        ("album with captions", ALBUM_WITH_CAPTIONS, [(1, 1); 4]),
        (
            "album and question",
            ALBUM_AND_QUESTION,
            [(2, 2), (1, 2), (1, 2), (1, 2)],
        ),
        ("correction", CORRECTION, [(2, 2), (2, 2), (1, 2), (1, 2)]),
        ("list", LIST, [(3, 3), (1, 3), (1, 3), (1, 3)]),
        // A model that is done before the next message comes has answered what was said.
        ("steady", STEADY, [(6, 6), (6, 6), (2, 6), (2, 5)]),
    ];
    for (name, thought, expected) in expected {
        for (speed, expected) in SPEEDS.into_iter().zip(expected) {
            let (answers, requests) = answers_and_requests(thought, speed).await;
            assert_eq!((answers, requests), expected, "{name}, {speed} ms");
            assert!(
                requests <= thought.len() && requests <= 3 * answers,
                "{name}: no more requests than messages, and at most three for an answer"
            );
        }
    }
}
