use std::{cell::RefCell, collections::VecDeque};

use serde_json::json;

use super::{create::create_request, *};
use crate::{
    config::tests::parse,
    platform::{HttpError, HttpOpened, HttpRequest, HttpResponse},
    twilio::rest::Created,
};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "GA0123456789abcdef0123456789abcdef";
const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";
const TRANSCRIPT: &str = "GT0123456789abcdef0123456789abcdef";
const OTHER: &str = "GT0123456789abcdef0123456789abcdee";
const KEY: &str = "synthetic:0123456789abcdef0123456789abcdef-7";

/// An Intelligence that answers from a script, and keeps the requests.
#[derive(Default)]
struct Script {
    answers: RefCell<VecDeque<Result<(u16, String), HttpError>>>,
    requests: RefCell<Vec<HttpRequest>>,
}

impl Script {
    fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        let answers = answers
            .into_iter()
            .map(|(status, body)| Ok((status, body.to_string())));
        Self {
            answers: RefCell::new(answers.collect()),
            ..Self::default()
        }
    }

    fn urls(&self) -> Vec<String> {
        let requests = self.requests.borrow();
        requests.iter().map(|one| one.url.clone()).collect()
    }
}

impl Clock for Script {
    fn now(&self) -> UnixMillis {
        UnixMillis(1_795_348_800_000)
    }
    async fn sleep(&self, _: Duration) {}
}

impl Http for Script {
    type Body = VecDeque<Vec<u8>>;

    async fn send(&self, request: &HttpRequest, _: Duration) -> Result<HttpResponse, HttpError> {
        self.requests.borrow_mut().push(request.clone());
        let (status, body) = self.answers.borrow_mut().pop_front().unwrap()?;
        Ok(HttpResponse {
            status,
            retry_after: Some("7".to_owned()),
            location: None,
            body: body.into_bytes(),
        })
    }

    async fn open(
        &self,
        request: &HttpRequest,
        timeout: Duration,
    ) -> Result<HttpOpened<Self::Body>, HttpError> {
        Ok(self.send(request, timeout).await?.into())
    }
}

/// Asks with these credentials, and this base of the API.
async fn ask<R>(look: impl AsyncFnOnce(&BaseUrl, Credentials<'_>) -> R) -> R {
    let config = parse(&[]).unwrap();
    let credentials = Credentials {
        account: &ACCOUNT.parse().unwrap(),
        token: &config.twilio_tokens[0],
    };
    look(&config.twilio_intelligence_base_url, credentials).await
}

async fn wanted<R>(look: impl AsyncFnOnce(NewTranscript<'_>) -> R) -> R {
    look(NewTranscript {
        service: &SERVICE.parse().unwrap(),
        recording: &RECORDING.parse().unwrap(),
        key: KEY,
        roles: [Role::Customer, Role::Agent],
    })
    .await
}

fn sid(text: &str) -> TranscriptSid {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_transcript_is_created_as_twilio_documents_it() {
    let request = ask(async |base, credentials| {
        wanted(async |new| create_request(base, credentials, new)).await
    })
    .await;
    assert_eq!(request.method, "POST");
    assert_eq!(
        request.url,
        "https://intelligence.twilio.com/v2/Transcripts"
    );
    let form: Vec<(String, String)> = form_urlencoded::parse(&request.body.to_bytes())
        .into_owned()
        .collect();
    let channel = r#"{"media_properties":{"source_sid":"RE0123456789abcdef0123456789abcdef"},"participants":[{"channel_participant":1,"role":"Customer"},{"channel_participant":2,"role":"Agent"}]}"#;
    assert_eq!(
        form,
        [
            ("ServiceSid", SERVICE),
            ("Channel", channel),
            ("CustomerKey", KEY)
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert!(KEY.len() <= MAX_KEY);
}

#[tokio::test]
async fn the_outcome_of_creating_is_told_as_that_of_a_message() {
    for (status, body, expected) in [
        (
            202,
            json!({ "sid": TRANSCRIPT, "status": "queued" }),
            Created::Sent(Some(sid(TRANSCRIPT))),
        ),
        (202, json!({ "sid": "planted" }), Created::Sent(None)),
        (401, json!({ "code": 20003 }), Created::Unauthorized),
        (400, json!({ "code": "22222" }), Created::Rejected(22222)),
        (404, json!({ "code": 20404 }), Created::Rejected(20404)),
        (429, json!({ "code": 20429 }), Created::NotProcessed(20429)),
        (503, json!({ "code": 20503 }), Created::Unknown),
        (500, json!("no"), Created::Unknown),
    ] {
        let script = Script::of([(status, body)]);
        let created = ask(async |base, credentials| {
            wanted(async |new| create_transcript(&script, base, credentials, new).await).await
        })
        .await;
        assert_eq!(created, expected, "{status}");
    }
    let script = Script::default();
    script
        .answers
        .borrow_mut()
        .push_back(Err(HttpError::Timeout));
    let created = ask(async |base, credentials| {
        wanted(async |new| create_transcript(&script, base, credentials, new).await).await
    });
    assert_eq!(created.await, Created::Unknown);
}

async fn found(script: &Script) -> Result<FoundTranscript, Unread> {
    ask(async |base, credentials| {
        wanted(async |new| find_transcript(script, base, credentials, new).await).await
    })
    .await
}

#[tokio::test]
async fn a_transcript_is_found_by_its_recording_and_our_key() {
    let listed =
        |sid: &str, key: Value| json!({ "sid": sid, "status": "in-progress", "customer_key": key });
    let script = Script::of([(
        200,
        json!({ "transcripts": [listed(OTHER, Value::Null), listed(OTHER, json!("another")), listed(TRANSCRIPT, json!(KEY))], "meta": {} }),
    )]);
    let one = FoundTranscript::One(sid(TRANSCRIPT), TranscriptStatus::Working);
    assert_eq!(found(&script).await, Ok(one));
    assert_eq!(
        script.urls(),
        [format!(
            "https://intelligence.twilio.com/v2/Transcripts?ServiceSid={SERVICE}&SourceSid={RECORDING}&PageSize=50"
        )]
    );
    let script = Script::of([(200, json!({ "transcripts": [listed(OTHER, Value::Null)] }))]);
    assert_eq!(found(&script).await, Ok(FoundTranscript::Absent));
    let script = Script::of([(200, json!({ "planted": [] }))]);
    assert_eq!(found(&script).await, Err(Unread::Later { wait: None }));
}

#[tokio::test]
async fn the_status_is_read_and_an_unknown_word_means_that_it_is_being_worked_on() {
    for (word, expected) in [
        ("queued", TranscriptStatus::Working),
        ("in-progress", TranscriptStatus::Working),
        ("new", TranscriptStatus::Working),
        ("a-new-word", TranscriptStatus::Working),
        ("completed", TranscriptStatus::Completed),
        ("failed", TranscriptStatus::Failed),
        ("error", TranscriptStatus::Failed),
        ("canceled", TranscriptStatus::Canceled),
    ] {
        let script = Script::of([(200, json!({ "sid": TRANSCRIPT, "status": word }))]);
        let read = ask(async |base, credentials| {
            transcript(&script, base, credentials, &sid(TRANSCRIPT)).await
        });
        assert_eq!(read.await, Ok(expected), "{word}");
        assert_eq!(
            script.urls(),
            [format!(
                "https://intelligence.twilio.com/v2/Transcripts/{TRANSCRIPT}"
            )]
        );
    }
}

#[tokio::test]
async fn what_fails_for_now_is_told_from_what_fails_for_good() {
    let wait = Some(Duration::from_secs(7));
    for (status, body, expected) in [
        (401, json!({}), Unread::Unauthorized),
        (
            404,
            json!({ "code": 20404, "status": 404 }),
            Unread::Refused(20404),
        ),
        (403, json!("no"), Unread::Refused(403)),
        (429, json!({ "code": 20429 }), Unread::Later { wait }),
        (408, json!({}), Unread::Later { wait }),
        (503, json!({ "code": 20503 }), Unread::Later { wait }),
        (302, json!({}), Unread::Later { wait }),
        (200, json!("no"), Unread::Later { wait: None }),
    ] {
        let script = Script::of([(status, body)]);
        let read = ask(async |base, credentials| {
            transcript(&script, base, credentials, &sid(TRANSCRIPT)).await
        });
        assert_eq!(read.await, Err(expected), "{status}");
    }
}

async fn read_sentences(script: &Script) -> Result<Vec<Sentence>, Unread> {
    ask(async |base, credentials| sentences(script, base, credentials, &sid(TRANSCRIPT)).await)
        .await
}

#[tokio::test]
async fn numbers_are_read_as_numbers_and_as_texts() {
    let page = json!({ "sentences": [
        { "media_channel": "2", "sentence_index": "1", "start_time": "1.25", "end_time": 3, "transcript": "Where is it?", "sid": "GX0123456789abcdef0123456789abcdef", "confidence": "0.874", "words": null },
        { "media_channel": 1, "sentence_index": 0, "start_time": null, "end_time": "soon", "transcript": "Hello.", "confidence": null },
        { "media_channel": 1, "sentence_index": 2, "transcript": " " },
        { "media_channel": 1, "sentence_index": 3, "transcript": null },
    ], "meta": { "next_page_url": null, "key": "sentences" } });
    let script = Script::of([(200, page)]);
    let expected = [
        Sentence {
            channel: 1,
            index: 0,
            starts_ms: None,
            ends_ms: None,
            text: "Hello.".into(),
            confidence_percent: None,
        },
        Sentence {
            channel: 2,
            index: 1,
            starts_ms: Some(1250),
            ends_ms: Some(3000),
            text: "Where is it?".into(),
            confidence_percent: Some(87),
        },
    ];
    assert_eq!(read_sentences(&script).await.unwrap(), expected);
}

#[test]
fn a_number_out_of_range_is_none() {
    for (value, expected) in [
        (json!(2.6), Some(3)),
        (json!(" 4 "), Some(4)),
        (json!(-1), None),
        (json!(1e300), None),
        (json!("NaN"), None),
        (json!("inf"), None),
        (json!(true), None),
        (Value::Null, None),
    ] {
        assert_eq!(number(&value).and_then(whole), expected, "{value}");
    }
}

#[tokio::test]
async fn pages_are_read_to_the_last_one_and_from_the_configured_host_only() {
    let list = format!("/v2/Transcripts/{TRANSCRIPT}/Sentences");
    let page = |index: u32, next: Value| {
        let sentence = json!({ "media_channel": 1, "sentence_index": index, "transcript": format!("Sentence {index}.") });
        (
            200,
            json!({ "sentences": [sentence], "meta": { "next_page_url": next } }),
        )
    };
    let next = |number: u32| {
        json!(format!(
            "https://planted.example{list}?PageSize=1000&Page={number}&PageToken=PA{number}"
        ))
    };
    let script = Script::of([page(0, next(1)), page(1, next(2)), page(2, Value::Null)]);
    assert_eq!(read_sentences(&script).await.unwrap().len(), 3);
    let base = format!("https://intelligence.twilio.com{list}");
    assert_eq!(
        script.urls(),
        [
            format!("{base}?Redacted=false&PageSize=1000"),
            format!("{base}?PageSize=1000&Page=1&PageToken=PA1"),
            format!("{base}?PageSize=1000&Page=2&PageToken=PA2"),
        ]
    );
    // A next page that is none of this list ends it, and a list without end is left.
    for planted in ["https://planted.example/other?Page=1", "", &list] {
        let script = Script::of([page(0, json!(planted))]);
        assert_eq!(read_sentences(&script).await.unwrap().len(), 1);
    }
    let script = Script::of((0..50).map(|number| page(number, next(number))));
    assert_eq!(read_sentences(&script).await.unwrap().len(), MAX_PAGES);
    // A page that cannot be read leaves no half of a transcript.
    let script = Script::of([page(0, next(1)), (503, json!({}))]);
    assert!(read_sentences(&script).await.is_err());
}

#[tokio::test]
async fn of_an_operator_only_the_fields_of_its_type_are_kept() {
    let operator = |kind: &str, fields: Value| {
        let mut all = json!({
            "operator_type": kind, "name": "Mood", "operator_sid": "LY0123456789abcdef0123456789abcdef",
            "extract_match": null, "match_probability": null, "normalized_result": null, "utterance_results": [],
            "utterance_match": null, "predicted_label": null, "predicted_probability": null, "label_probabilities": {},
            "extract_results": {}, "text_generation_results": null, "json_results": null,
            "transcript_sid": TRANSCRIPT, "url": "https://intelligence.twilio.com/v2/x",
        });
        let fields = fields.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(fields);
        all
    };
    let text =
        json!({ "text_generation_results": { "format": "text", "result": "A parcel is late." } });
    let label = json!({ "predicted_label": "calm", "predicted_probability": "0.92", "label_probabilities": { "calm": 0.92 } });
    let page = json!({ "operator_results": [
        operator("text-generation", text.clone()),
        operator("conversation_classify", label.clone()),
        operator("extract", json!({ "extract_match": false, "json_results": { "a": 1 } })),
        operator("a-new-type", json!({ "new_results": { "a": 1 } })),
    ], "meta": {} });
    let script = Script::of([(200, page)]);
    let read = ask(async |base, credentials| {
        operator_results(&script, base, credentials, &sid(TRANSCRIPT)).await
    });
    let read: Vec<(String, Value)> = read
        .await
        .unwrap()
        .into_iter()
        .inspect(|one| assert_eq!(one.name, "Mood"))
        .map(|one| (one.kind, Value::Object(one.result)))
        .collect();
    assert_eq!(
        read,
        [
            ("text-generation", text),
            ("conversation-classify", label),
            ("extract", json!({ "extract_match": false })),
            ("a-new-type", json!({ "new_results": { "a": 1 } })),
        ]
        .map(|(kind, result)| (kind.to_owned(), result))
    );
}
