//! The sentences of a transcript: what was said in the call, cut at full stops, with some words
//! misheard in every third one.
//!
//! Twilio's description of its API calls times and the confidence texts, and its samples show numbers. So
//! every other sentence has texts here.

use std::sync::Arc;

use serde_json::{Value, json};

use super::transcript::Transcript;
use crate::base::misheard::misheard;
use crate::base::time::now_ms;
use crate::http::call::Call;
use crate::http::reply::{Prepared, Reply};
use crate::twilio::error::bad;
use crate::twilio::page::Page;
use crate::twilio::recordings::Spoken;

/// The most sentences of a page.
const MOST: usize = 5_000;

/// Checks a request for the sentences. A transcript that is not completed has none.
///
/// # Errors
/// The error of Twilio.
pub fn list(transcript: &Arc<Transcript>, call: &Call) -> Result<Prepared<'static>, Reply> {
    let query = call.query_pairs();
    let page = Page::read_up_to(MOST, &query, |name, value| match (name, value) {
        ("Redacted" | "WordTimestamps", "true" | "false") => Ok(true),
        ("Redacted" | "WordTimestamps", _) => {
            Err(bad(20001, &format!("The '{name}' must be true or false.")))
        }
        _ => Ok(false),
    })?;
    let (transcript, host) = (Arc::clone(transcript), call.host());
    let path = call.path.clone();
    Ok(Prepared::new(move |_| {
        let all = if transcript.status(now_ms()) == "completed" {
            sentences(&transcript.sid, &transcript.recording.spoken)
        } else {
            Vec::new()
        };
        page.with_meta("sentences", &all, &host, (&path, &query))
    }))
}

fn sentences(transcript: &str, spoken: &[Spoken]) -> Vec<Value> {
    let all = spoken.iter().flat_map(cut);
    all.enumerate()
        .map(|(index, one)| resource(transcript, index, &one))
        .collect()
}

/// What was said without a pause, in sentences.
fn cut(spoken: &Spoken) -> Vec<Spoken> {
    let mut texts: Vec<String> = vec![String::new()];
    for word in spoken.text.split_whitespace() {
        let Some(last) = texts.last_mut() else {
            break;
        };
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
        if word.ends_with(['.', '?', '!']) {
            texts.push(String::new());
        }
    }
    texts.retain(|text| !text.is_empty());
    let length = |text: &str| u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    let whole: u64 = texts.iter().map(|text| length(text)).sum();
    let took = spoken.ended.saturating_sub(spoken.began);
    let mut passed = 0_u64;
    let mut time = |more: u64| {
        passed = passed.saturating_add(more);
        let part = took.saturating_mul(passed).checked_div(whole).unwrap_or(0);
        spoken.began.saturating_add(part)
    };
    texts
        .into_iter()
        .map(|text| Spoken {
            channel: spoken.channel,
            began: time(0),
            ended: time(length(&text)),
            text,
        })
        .collect()
}

fn resource(transcript: &str, index: usize, one: &Spoken) -> Value {
    let number = |milliseconds: u64| {
        let text = format!(
            "{}.{:02}",
            milliseconds.div_euclid(1000),
            milliseconds.rem_euclid(1000).div_euclid(10)
        );
        as_text_or_number(index, &text)
    };
    json!({
        "media_channel": one.channel,
        "sentence_index": index,
        "start_time": number(one.began),
        "end_time": number(one.ended),
        "transcript": if index.is_multiple_of(3) { misheard(&one.text) } else { one.text.clone() },
        "sid": format!("GX{}{index:08x}", transcript.get(2..26).unwrap_or_default()),
        "confidence": as_text_or_number(index, "0.91"),
        "words": null
    })
}

/// Every other number comes as a text.
fn as_text_or_number(index: usize, number: &str) -> Value {
    let parsed = number
        .parse::<f64>()
        .ok()
        .filter(|_| !index.is_multiple_of(2));
    parsed.map_or_else(|| number.into(), Value::from)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test stops where it fails")]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_cut_into_sentences_in_the_order_of_time() {
        let spoken = [
            Spoken {
                channel: 1,
                text: "I am Aiva. How can I help?".to_owned(),
                began: 500,
                ended: 2500,
            },
            Spoken {
                channel: 2,
                text: "no".to_owned(),
                began: 4000,
                ended: 4200,
            },
        ];
        let found = sentences(&format!("GT{}", "0".repeat(32)), &spoken);
        let texts: Vec<&Value> = found.iter().map(|one| &one["transcript"]).collect();
        assert_eq!(texts, ["I am Eiva.", "How can I help?", "no"]);
        assert_eq!(found[0]["start_time"], "0.50");
        assert_eq!(found[1]["end_time"], 2.5);
        assert_eq!(
            found[0]["end_time"]
                .as_str()
                .and_then(|time| time.parse().ok()),
            found[1]["start_time"].as_f64()
        );
        assert_eq!(
            (&found[1]["media_channel"], &found[2]["media_channel"]),
            (&json!(1), &json!(2))
        );
        assert_eq!(
            (&found[0]["confidence"], &found[1]["confidence"]),
            (&json!("0.91"), &json!(0.91))
        );
        assert_ne!(found[0]["sid"], found[1]["sid"]);
    }
}
