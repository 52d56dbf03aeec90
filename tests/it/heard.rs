//! A model run with a listener: which words are heard and when, and what is done about a stream that stalls, breaks or fails.
//!
//! Not here: the reading of a stream (`src/openai/stream.rs`), and calls on the phone.

use std::{
    cell::{Cell, RefCell},
    future::{Future, pending},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, ready},
};
use serde_json::{Value, json};
use switchboard::{
    base::usage::UsageCounters,
    config::Assistant,
    conversation::{
        history::Conversation,
        model_run::{self, Caller, ContactShare, Failure, Listener, ModelInput, ModelRun, Words},
    },
    identity::{Address, Medium, MessageSid, Pseudonym},
    openai::OpenAiError,
    platform::Clock,
};

use crate::support::{ANNA, Act, FakePlatform, Piece, after, fresh_sid};

/// Two endpoints.
const TWO: [(&str, &str); 2] = [
    (
        "OPENAI_FALLBACKS",
        r#"[{"base_url":"https://second.example/v1","model":"llama","key":"SECOND_KEY"}]"#,
    ),
    ("SECOND_KEY", "second-planted-key"),
];

const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
const COST: &str = r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#;

/// A piece with an event of a stream.
fn event(data: &str) -> Piece {
    Piece::Bytes(format!("data: {data}\n\n").into_bytes())
}

/// A piece with words.
fn word(text: &str) -> Piece {
    event(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }).to_string())
}

/// The pieces with which a stream begins: the role alone.
fn begun() -> Piece {
    event(r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#)
}

fn answer(words: &[&str]) -> Act {
    let words = words.iter().map(|text| word(text));
    let ends = [event(STOP), event(COST), event("[DONE]")];
    Act::Stream([begun()].into_iter().chain(words).chain(ends).collect())
}

fn broken(pieces: impl IntoIterator<Item = Piece>) -> Act {
    Act::Stream(pieces.into_iter().collect())
}

/// Who hears the answer, with the milliseconds at which it hears something.
struct Ear {
    platform: FakePlatform,
    heard: RefCell<Vec<(u64, String)>>,
}

impl Ear {
    fn note(&self, what: &str) {
        let since = self.platform.now().since(self.platform.started());
        let at = u64::try_from(since.as_millis()).unwrap();
        self.heard.borrow_mut().push((at, what.to_owned()));
    }

    fn words(&self) -> Vec<String> {
        let heard = self.heard.borrow();
        heard.iter().map(|(_, words)| words.clone()).collect()
    }

    fn times(&self) -> Vec<u64> {
        self.heard.borrow().iter().map(|(at, _)| *at).collect()
    }
}

impl Listener for Ear {
    fn words(&self, text: &str) {
        self.note(text);
    }

    fn calls_tools(&self) {
        self.note("<tools>");
    }
}

/// A share without an end.
struct Endless;

impl ContactShare for Endless {
    fn reserve(&self) -> LocalBoxFuture<'_, bool> {
        ready(true).boxed_local()
    }
}

struct Heard {
    run: ModelRun,
    ear: Ear,
}

impl Heard {
    fn failure(&self) -> OpenAiError {
        match self.run.result {
            Err(Failure::OpenAi(error)) => error,
            ref other => panic!("{other:?}"),
        }
    }

    fn answer(&self) -> &str {
        &self.run.result.as_ref().unwrap().text
    }
}

async fn hear(platform: &FakePlatform) -> Heard {
    let config = platform.config();
    hear_as(platform, config.assistants.default(), pending::<()>()).await
}

/// Runs the model for somebody who listens.
async fn hear_as(platform: &FakePlatform, assistant: &Assistant, cancelled: impl Future) -> Heard {
    let config = platform.config();
    let contact: Address = ANNA.parse().unwrap();
    let (first, has_called): (MessageSid, _) = (fresh_sid().parse().unwrap(), Cell::new(false));
    let phone_hash = config.pseudonym_key.phone_hash(&contact);
    let ear = Ear {
        platform: platform.clone(),
        heard: RefCell::default(),
    };
    let input = ModelInput {
        assistant,
        prompt: "Be brief.",
        words: async {
            Ok(Words {
                text: "When do you open?".to_owned(),
                images: Rc::default(),
            })
        },
        begun: platform.now(),
        usage: UsageCounters::EMPTY,
        reserved: false,
        caller: Some(Caller {
            turn: 1,
            first: first.as_str(),
            contact: Some(&contact),
            medium: Medium::Messages(contact.channel()),
            phone_hash: &phone_hash,
            has_called: &has_called,
        }),
        schema: None,
        listener: Some(&ear),
    };
    let object = platform.object();
    let thread = Pseudonym::from_object_name("ab12".to_owned());
    let conversation = async { Conversation::default() };
    let run = model_run::run(
        &object,
        config,
        &thread,
        &Endless,
        conversation,
        input,
        cancelled,
    );
    let (run, _) = run.await;
    Heard { run, ear }
}

/// The body of the last request to the model.
fn last_request(platform: &FakePlatform) -> Value {
    platform.model_requests().last().unwrap().clone()
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_are_heard_when_they_come() {
    let platform = FakePlatform::new();
    let pieces = [
        begun(),
        Piece::Silence(300),
        word("We open"),
        Piece::Silence(50),
        word(" at nine."),
        event(STOP),
        event(COST),
        event("[DONE]"),
        Piece::Silence(60_000),
    ];
    platform.model([after(400, broken(pieces))]);
    let heard = hear(&platform).await;
    assert_eq!(heard.answer(), "We open at nine.");
    assert_eq!(heard.ear.words(), ["We open", " at nine."]);
    let budget = heard.ear.times()[0] - 700;
    assert!(budget < 10, "only the budget object takes time besides");
    assert_eq!(heard.ear.times()[1], heard.ear.times()[0] + 50);
    assert_eq!(heard.run.first_words_ms, Some(heard.ear.times()[0]));
    assert_eq!(
        (heard.run.tokens.prompt, heard.run.tokens.completion),
        (7, 3)
    );
    assert!(heard.run.model_ms < 1000, "[DONE] is the end");
    let request = last_request(&platform);
    assert_eq!(request["stream"], true);
    assert_eq!(request["stream_options"], json!({ "include_usage": true }));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_word_another_endpoint_answers_whatever_happened() {
    let silent = 10_000;
    for (act, wait) in [
        (Act::Status(500, ""), 0),
        (after(60_000, answer(&["late"])), silent),
        (broken([Piece::Silence(60_000)]), silent),
        (
            broken([begun(), Piece::Silence(60_000), word("late")]),
            silent,
        ),
        (broken([begun(), Piece::Break]), 0),
        (broken([begun()]), 0),
        (broken([Piece::Break]), 0),
        (
            broken([begun(), event(r#"{"error":{"code":502}}"#), word("late")]),
            0,
        ),
        (broken([word("<think>They ask"), Piece::Break]), 0),
    ] {
        let platform = FakePlatform::with(&TWO);
        platform.model([act.clone(), answer(&["Nine."])]);
        let heard = hear(&platform).await;
        assert_eq!(heard.answer(), "Nine.", "{act:?}");
        assert_eq!(heard.ear.words(), ["Nine."], "{act:?}");
        assert_eq!(
            (heard.run.requests, heard.run.endpoint),
            (2, Some(1)),
            "{act:?}"
        );
        let waited = heard.run.model_ms - wait;
        assert!(waited < 500, "{act:?}: {waited}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn after_the_first_word_nothing_is_asked_anew() {
    let streamed = OpenAiError::Unexpected(switchboard::event::UnexpectedResponse::Streamed);
    for (pieces, failure, wait) in [
        (
            vec![Piece::Silence(60_000), word("late")],
            OpenAiError::Timeout,
            10_000,
        ),
        (vec![Piece::Break], OpenAiError::Unreadable, 0),
        (vec![], streamed, 0),
        (
            vec![event(r#"{"error":{"code":502}}"#), word("late")],
            OpenAiError::ServerError,
            0,
        ),
        (
            vec![event(
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"content_filter"}]}"#,
            )],
            OpenAiError::Filtered,
            0,
        ),
    ] {
        let platform = FakePlatform::with(&TWO);
        let act = broken([begun(), word("We open")].into_iter().chain(pieces));
        platform.model([act.clone(), answer(&["Nine."])]);
        let heard = hear(&platform).await;
        assert_eq!(heard.failure(), failure, "{act:?}");
        assert_eq!(heard.ear.words(), ["We open"], "{act:?}");
        assert_eq!(heard.run.requests, 1, "{act:?}");
        assert!(
            heard.run.was_heard() && heard.run.model_ms - wait < 500,
            "{act:?}"
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_whose_stream_broke_is_asked_last_in_the_next_turn() {
    let platform = FakePlatform::with(&TWO);
    let stalls = broken([word("We open"), Piece::Silence(60_000)]);
    platform.model([stalls, answer(&["Nine."])]);
    hear(&platform).await;
    assert_eq!(hear(&platform).await.run.endpoint, Some(1));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn words_that_drip_end_with_the_time_of_the_turn() {
    let platform = FakePlatform::new();
    let drips = (0..100).flat_map(|n| [word(&format!("{n}, ")), Piece::Silence(5000)]);
    platform.model([broken(drips)]);
    let heard = hear(&platform).await;
    assert_eq!(heard.failure(), OpenAiError::Timeout);
    assert_eq!(heard.run.model_ms, 60_000);
    assert_eq!(heard.ear.words().len(), 12);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_complete_answer_does_not_wait_for_its_cost() {
    for end in [Piece::Silence(60_000), Piece::Break] {
        let platform = FakePlatform::new();
        platform.model([broken([word("Nine."), event(STOP), end])]);
        let heard = hear(&platform).await;
        assert_eq!(heard.answer(), "Nine.");
        assert!(heard.run.model_ms < 1500);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn tools_are_called_between_words() {
    let file = "numbers = [\"+15550198\"]\nprompt = \"You are the desk.\"\nend_conversation = true";
    let platform = FakePlatform::with_assistants(&[], &[("desk", file)]);
    let call = |call: Value| {
        event(&json!({ "choices": [{ "delta": { "tool_calls": [call] } }] }).to_string())
    };
    platform.model([
        broken([
            word("Let me see."),
            call(json!({ "index": 0, "id": "a", "function": { "name": "end_conv", "arguments": "" } })),
            call(json!({ "index": 0, "function": { "name": "ersation", "arguments": "{}" } })),
            event(r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#),
            event("[DONE]"),
        ]),
        Act::Status(503, ""),
        answer(&["Good", "bye."]),
    ]);
    let config = platform.config();
    let mut assistants = config.assistants.iter();
    let desk = assistants
        .find(|assistant| assistant.name == "desk")
        .unwrap();
    let heard = hear_as(&platform, desk, pending::<()>()).await;
    assert_eq!(
        heard.ear.words(),
        ["Let me see.", "<tools>", " Good", "bye."]
    );
    assert_eq!(heard.answer(), "Goodbye.");
    assert_eq!(heard.run.effects, [model_run::Effect::EndConversation]);
    assert_eq!(
        heard.run.requests, 3,
        "a reply of which nothing was heard is asked for anew"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_answer_that_is_no_stream_is_heard_at_once() {
    let platform = FakePlatform::new();
    platform.model([Act::Say("We open at nine.")]);
    let heard = hear(&platform).await;
    assert_eq!(heard.ear.words(), ["We open at nine."]);
    assert_eq!(heard.answer(), "We open at nine.");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_endpoint_that_refuses_to_stream_is_asked_for_the_whole() {
    let refusal = r#"{"error":{"message":"Unsupported parameter: 'stream'","param":"stream"}}"#;
    let platform = FakePlatform::new();
    platform.model([Act::Status(400, refusal), Act::Say("Nine.")]);
    let heard = hear(&platform).await;
    assert_eq!(heard.ear.words(), ["Nine."]);
    let request = last_request(&platform);
    assert!(request.get("stream").is_none() && request.get("stream_options").is_none());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_run_that_is_cancelled_ends_its_request_at_once() {
    let platform = FakePlatform::new();
    let drips = (0..100).flat_map(|n| [word(&format!("{n}, ")), Piece::Silence(1000)]);
    platform.model([broken(drips)]);
    let barge_in = tokio::time::sleep(Duration::from_millis(2500));
    let config = platform.config();
    let heard = hear_as(&platform, config.assistants.default(), barge_in).await;
    assert_eq!(heard.run.result, Err(Failure::Cancelled));
    assert_eq!(heard.ear.words(), ["0, ", "1, ", "2, "]);
    assert!(heard.run.was_heard());
    assert_eq!(platform.model_in_flight(), 0);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(heard.ear.words().len(), 3, "nothing comes late");
}
