//! `POST /v1/audio/transcriptions`: what is said in a recording.
//!
//! It is as strict as the real API: a multipart form, the extension of the file's name, its bytes,
//! its size, the model, and no other fields. The mock model hears the words that a voice note of the
//! playground carries, and in any other recording always the same sentence. Sources: OpenAI API
//! reference, "Create transcription"; OpenAI, "Deprecations"; errors that people have reported.

use axum::http::StatusCode;
use chrono::NaiveDate;
use serde_json::json;

use super::problem::{Problem, missing, unrecognized, usual_headers};
use crate::base::voice_note::words_in;
use crate::fault::{BodyFault, Service, without_directives};
use crate::http::call::Call;
use crate::http::multipart::Part;
use crate::http::reply::{Prepared, Reply};

/// What is heard in a recording that carries no words.
pub const HEARD: &str = "Do you open on Sunday?";

/// The models that transcribe, each with the first day without it.
const MODELS: [(&str, Option<NaiveDate>); 4] = [
    ("gpt-transcribe", None),
    ("whisper-1", NaiveDate::from_ymd_opt(2027, 2, 26)),
    ("gpt-4o-transcribe", NaiveDate::from_ymd_opt(2027, 2, 26)),
    (
        "gpt-4o-mini-transcribe",
        NaiveDate::from_ymd_opt(2027, 2, 26),
    ),
];
const EXTENSIONS: [&str; 10] = [
    "flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "oga", "ogg", "wav", "webm",
];
const FIELDS: [&str; 13] = [
    "file",
    "model",
    "language",
    "languages[]",
    "prompt",
    "keywords[]",
    "response_format",
    "temperature",
    "include[]",
    "timestamp_granularities[]",
    "stream",
    "chunking_strategy",
    "languages",
];
const MAX_BYTES: usize = 25 * 1024 * 1024;

/// Checks a request. `today` decides which models still exist.
///
/// # Errors
/// The problem that the real API would report.
pub fn prepare(call: &Call, today: NaiveDate) -> Result<Prepared<'static>, Problem> {
    if call.content_type() != "multipart/form-data" {
        let message = "The content type must be multipart/form-data.";
        return Err(Problem::invalid(message.to_owned()).code("unsupported_content_type"));
    }
    let parts = call
        .parts()
        .map_err(|error| Problem::invalid(format!("Could not parse multipart form: {error}")))?;
    if let Some(unknown) = parts.iter().find(|part| !FIELDS.contains(&&*part.name)) {
        return Err(unrecognized(&unknown.name));
    }
    let field = |name: &str| parts.iter().find(|part| part.name == name);
    let model = field("model").ok_or_else(|| missing("model"))?.text();
    let (_, shut_down) = MODELS
        .iter()
        .find(|(name, day)| *name == model && day.is_none_or(|day| today < day))
        .ok_or_else(|| {
            let message =
                format!("The model `{model}` does not exist or you do not have access to it.");
            Problem::invalid(message)
                .status(404)
                .code("model_not_found")
        })?;
    let format = field("response_format").map_or_else(|| "json".to_owned(), Part::text);
    if !["json", "text"].contains(&format.as_str()) {
        let message = format!("response_format '{format}' is not compatible with model '{model}'.");
        return Err(Problem::invalid(message)
            .param("response_format")
            .code("unsupported_value"));
    }
    let file = field("file").ok_or_else(|| missing("file"))?;
    check_file(file)?;
    let said = words_in(&file.bytes).unwrap_or_else(|| HEARD.to_owned());
    let seconds = file.bytes.len().div_ceil(2000);
    let heard = without_directives(Service::Openai, &said);
    let act = move |fault: Option<BodyFault>| {
        let text = match fault {
            Some(BodyFault::EmptyAnswer | BodyFault::NullAnswer) => "",
            Some(BodyFault::BlankAnswer) => " \n",
            _ => &heard,
        };
        let usage = json!({"type": "duration", "seconds": seconds});
        Reply {
            headers: usual_headers(),
            ..Reply::json(StatusCode::OK, json!({"text": text, "usage": usage}))
        }
    };
    Ok(Prepared {
        message_text: said,
        deprecation: shut_down.map(|day| format!("OpenAI shuts {model} down on {day}")),
        act: Box::new(act),
    })
}

fn check_file(file: &Part) -> Result<(), Problem> {
    let wrong = |message: String| Problem::invalid(message).param("file");
    let name = file.file_name.as_deref().unwrap_or_default();
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default();
    if !EXTENSIONS.contains(&extension.as_str()) {
        return Err(wrong(format!("Unsupported file format {extension}")).code("unsupported_value"));
    }
    let size = file.bytes.len();
    if size > MAX_BYTES {
        let message =
            format!("Maximum content size limit ({MAX_BYTES}) exceeded ({size} bytes read)");
        return Err(wrong(message).status(413));
    }
    if is_sound(&file.bytes) {
        return Ok(());
    }
    let message = "Audio file might be corrupted or unsupported";
    Err(wrong(message.to_owned()).code("invalid_value"))
}

/// Whether a file begins as one of the formats that are accepted.
fn is_sound(bytes: &[u8]) -> bool {
    [&b"OggS"[..], b"fLaC", b"ID3", b"\x1A\x45\xDF\xA3"]
        .iter()
        .any(|start| bytes.starts_with(start))
        || bytes.get(4..8) == Some(b"ftyp")
        || (bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE"))
        || matches!(bytes, [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0)
}
