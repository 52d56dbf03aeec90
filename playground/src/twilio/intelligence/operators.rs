//! The results of the service's operators: one that chooses a label, and one that writes a text.
//!
//! The playground does not understand what is said. The label follows from the number of words.

use std::sync::Arc;

use serde_json::{Value, json};

use super::transcript::Transcript;
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::bad;
use crate::twilio::page::Page;

/// Checks a request for the results. A transcript that is not completed has none.
///
/// # Errors
/// The error of Twilio.
pub fn list(transcript: &Arc<Transcript>, call: &Call) -> Result<Prepared<'static>, Reply> {
    let query = call.query_pairs();
    let page = Page::read(&query, |name, value| match (name, value) {
        ("Redacted", "true" | "false") => Ok(true),
        ("Redacted", _) => Err(bad(20001, "The 'Redacted' must be true or false.")),
        _ => Ok(false),
    })?;
    let (transcript, host) = (Arc::clone(transcript), call.host());
    let path = call.path.clone();
    Ok(Prepared::new(move |_| {
        let all = if transcript.status(now_ms()) == "completed" {
            results(&transcript)
        } else {
            Vec::new()
        };
        page.with_meta("operator_results", &all, &host, (&path, &query))
    }))
}

fn results(transcript: &Transcript) -> Vec<Value> {
    let spoken = transcript.recording.spoken.iter();
    let words: usize = spoken.map(|one| one.text.split_whitespace().count()).sum();
    let label = if words < 50 {
        "short_call"
    } else {
        "long_call"
    };
    let summary = format!("A call of {words} words.");
    let classified = json!({
        "predicted_label": label,
        // A number in Twilio's description of its API, and a text in its samples.
        "predicted_probability": "0.93",
        "label_probabilities": {label: 0.93}
    });
    let written = json!({"text_generation_results": {"format": "text", "result": summary}});
    vec![
        result(
            transcript,
            1,
            ("conversation-classify", "Length"),
            classified,
        ),
        result(
            transcript,
            2,
            ("text-generation", "Conversation Summary"),
            written,
        ),
    ]
}

fn result(transcript: &Transcript, number: u8, (kind, name): (&str, &str), own: Value) -> Value {
    let sid = format!("LY{number:032x}");
    let mut result = json!({
        "operator_type": kind,
        "name": name,
        "operator_sid": sid,
        "extract_match": null,
        "match_probability": null,
        "normalized_result": null,
        "utterance_results": [],
        "utterance_match": null,
        "predicted_label": null,
        "predicted_probability": null,
        "label_probabilities": {},
        "extract_results": {},
        "text_generation_results": {},
        "json_results": {},
        "transcript_sid": transcript.sid,
        "url": format!("{}/OperatorResults/{sid}", transcript.url())
    });
    if let (Some(fields), Value::Object(own)) = (result.as_object_mut(), own) {
        fields.extend(own);
    }
    result
}
