//! Reading a transcript: its status, its sentences, and the results of operators.
//!
//! Not here: who has said a sentence (`synthetic::analysis`).

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{MAX_PAGES, Meta, TranscriptStatus, Unread, get, number, path_of, whole};
use crate::{
    base::url::BaseUrl,
    identity::TranscriptSid,
    platform::{Clock, Http},
    twilio::rest::Credentials,
};

/// A sentence of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// The channel of the recording, usually 1 or 2.
    pub channel: u32,
    /// Its place in the transcript.
    pub index: u32,
    /// When it begins, in milliseconds after the recording began.
    pub starts_ms: Option<u32>,
    /// When it ends.
    pub ends_ms: Option<u32>,
    /// The words.
    pub text: String,
    /// How sure Twilio is of them, in per cent.
    pub confidence_percent: Option<u32>,
}

/// The result of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorResult {
    /// The operator's name.
    pub name: String,
    /// Its type, such as `text-generation`.
    pub kind: String,
    /// What it has found: the fields of its type that say something.
    pub result: Map<String, Value>,
}

/// How far a transcript is.
///
/// # Errors
/// See [`Unread`].
pub async fn transcript(
    http: &(impl Http + Clock),
    base: &BaseUrl,
    credentials: Credentials<'_>,
    sid: &TranscriptSid,
) -> Result<TranscriptStatus, Unread> {
    #[derive(Deserialize)]
    struct Transcript {
        status: String,
    }
    let found: Transcript = get(http, base, credentials, &path_of(sid)).await?;
    Ok(TranscriptStatus::read(&found.status))
}

/// The sentences of a transcript, in its order. Personal data is not replaced in them, whatever the
/// service does elsewhere: nobody is a person in a synthetic call, and a word that was replaced would
/// count as an error.
///
/// # Errors
/// See [`Unread`].
pub async fn sentences(
    http: &(impl Http + Clock),
    base: &BaseUrl,
    credentials: Credentials<'_>,
    sid: &TranscriptSid,
) -> Result<Vec<Sentence>, Unread> {
    #[derive(Deserialize)]
    struct Page {
        sentences: Vec<Listed>,
        meta: Meta,
    }
    let list = format!("{}/Sentences", path_of(sid));
    let mut path = format!("{list}?Redacted=false&PageSize=1000");
    let mut all: Vec<Sentence> = Vec::new();
    for _ in 0..MAX_PAGES {
        let page: Page = get(http, base, credentials, &path).await?;
        all.extend(page.sentences.into_iter().filter_map(Listed::sentence));
        let Some(next) = page.meta.next(&list) else {
            break;
        };
        path = next;
    }
    all.sort_by_key(|sentence| sentence.index);
    Ok(all)
}

/// The results of the operators that are attached to the service, in Twilio's order.
///
/// # Errors
/// See [`Unread`].
pub async fn operator_results(
    http: &(impl Http + Clock),
    base: &BaseUrl,
    credentials: Credentials<'_>,
    sid: &TranscriptSid,
) -> Result<Vec<OperatorResult>, Unread> {
    #[derive(Deserialize)]
    struct Page {
        operator_results: Vec<Map<String, Value>>,
        meta: Meta,
    }
    let list = format!("{}/OperatorResults", path_of(sid));
    let mut path = format!("{list}?Redacted=false&PageSize=100");
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let page: Page = get(http, base, credentials, &path).await?;
        all.extend(page.operator_results.into_iter().map(operator_result));
        let Some(next) = page.meta.next(&list) else {
            break;
        };
        path = next;
    }
    Ok(all)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listed {
    media_channel: Value,
    sentence_index: Value,
    start_time: Value,
    end_time: Value,
    transcript: Option<String>,
    confidence: Value,
}

impl Listed {
    /// The sentence, if it has words.
    fn sentence(self) -> Option<Sentence> {
        let text = self.transcript.filter(|text| !text.trim().is_empty())?;
        let counted = |value: &Value| number(value).and_then(whole);
        let times = |value: &Value, factor: f64| whole(number(value)? * factor);
        Some(Sentence {
            channel: counted(&self.media_channel).unwrap_or_default(),
            index: counted(&self.sentence_index).unwrap_or_default(),
            starts_ms: times(&self.start_time, 1000.0),
            ends_ms: times(&self.end_time, 1000.0),
            text,
            confidence_percent: times(&self.confidence, 100.0).map(|percent| percent.min(100)),
        })
    }
}

/// The fields that hold the result of an operator, by its type. All others are null or empty.
const RESULTS: [(&str, &[&str]); 7] = [
    (
        "conversation-classify",
        &[
            "predicted_label",
            "predicted_probability",
            "label_probabilities",
        ],
    ),
    (
        "utterance-classify",
        &["utterance_match", "utterance_results"],
    ),
    ("extract", EXTRACTED),
    ("extract-normalize", EXTRACTED),
    ("pii-extract", EXTRACTED),
    ("text-generation", &["text_generation_results"]),
    ("json", &["json_results"]),
];
const EXTRACTED: &[&str] = &[
    "extract_match",
    "match_probability",
    "normalized_result",
    "extract_results",
    "utterance_results",
];

fn operator_result(mut listed: Map<String, Value>) -> OperatorResult {
    let mut text = |name: &str| match listed.remove(name) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let name = text("name");
    // Older pages of the documentation write them with underscores.
    let kind = text("operator_type").replace('_', "-");
    let fields = RESULTS.iter().find(|(known, _)| *known == kind);
    let is_result = |field: &str| match fields {
        Some((_, fields)) => fields.contains(&field),
        // A type that is not known yet: everything that does not name something.
        None => !field.ends_with("sid") && field != "url",
    };
    listed.retain(|field, value| is_result(field) && !is_empty(value));
    OperatorResult {
        name,
        kind,
        result: listed,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
