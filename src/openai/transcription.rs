//! OpenAI's transcriptions: the request with a recording, and the text that comes back.
//!
//! Not here: sending it (`conversation::transcription`). Sources: OpenAI API reference, "Create
//! transcription"; RFC 7578 (`multipart/form-data`).

use serde_json::Value;

use super::{OpenAiError, json::first_value, request::headers, stated_error::stated_error};
use crate::{
    base::audio::Audio,
    config::Assistant,
    event::UnexpectedResponse,
    platform::{Body, HttpError, HttpRequest, HttpResponse, MAX_RESPONSE_BYTES},
};

/// The reason why there is no transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TranscriptionError {
    /// The request failed, as one to the model can fail.
    OpenAi(OpenAiError),
    /// The endpoint does not transcribe, or does not know the model.
    Unavailable,
    /// The endpoint cannot read this recording.
    Format,
    /// The recording is too large for the endpoint.
    TooLarge,
    /// Nothing was said.
    Silent,
}

/// The request for the transcript of a recording. `nonce` is random: with it, the boundary of the
/// parts cannot occur in the recording.
///
/// The language is not sent, so that each contact can speak its own. The recording is a piece of the
/// body by itself, and is not copied. It goes to the first endpoint: the others are for the model.
#[must_use]
pub fn request(assistant: &Assistant, audio: Audio, nonce: u64) -> HttpRequest {
    let endpoint = assistant.endpoints.get(0);
    let boundary = format!("switchboard-{nonce:016x}");
    let field = |name: &str, value: &str| {
        format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let model = field("model", &assistant.transcription_model);
    let format = field("response_format", "json");
    let (extension, media_type) = (audio.format.extension(), audio.format.media_type());
    let head = format!(
        "{model}{format}--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
         filename=\"voice.{extension}\"\r\nContent-Type: {media_type}\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    let content_type = format!("multipart/form-data; boundary={boundary}");
    HttpRequest {
        method: "POST",
        url: endpoint.base_url.join("/audio/transcriptions"),
        headers: headers(endpoint, content_type),
        body: Body::of_pieces(vec![head.into_bytes(), audio.bytes, end.into_bytes()]),
        limit: MAX_RESPONSE_BYTES,
    }
}

/// The meaning of a response, or of its absence: the transcript, which is never blank.
///
/// # Errors
/// See [`TranscriptionError`].
pub fn decode(result: Result<&HttpResponse, HttpError>) -> Result<String, TranscriptionError> {
    let Ok(response) = result else {
        return Err(TranscriptionError::OpenAi(failure(result)));
    };
    let text = String::from_utf8_lossy(&response.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    match response.status {
        200..=299 => transcript(text),
        404 | 405 | 501 => Err(TranscriptionError::Unavailable),
        413 => Err(TranscriptionError::TooLarge),
        400 | 415 | 422 => Err(rejection(text)),
        _ => Err(TranscriptionError::OpenAi(failure(result))),
    }
}

/// The failure that such a response is for the model's requests, too.
fn failure(result: Result<&HttpResponse, HttpError>) -> OpenAiError {
    super::decode(result, false)
        .result
        .err()
        .unwrap_or(OpenAiError::Unexpected(UnexpectedResponse::OtherStatus))
}

/// The transcript in the body of a success: JSON with a `text`, or the bare text.
fn transcript(body: &str) -> Result<String, TranscriptionError> {
    let unexpected = |response| TranscriptionError::OpenAi(OpenAiError::Unexpected(response));
    let value = first_value(body).filter(|(_, rest)| rest.trim().is_empty());
    let said = match value.map(|(value, _)| value) {
        Some(Value::String(text)) => text,
        Some(value @ Value::Object(_)) => match value.get("text") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) => String::new(),
            _ => {
                let stated = stated_error(&value).map(TranscriptionError::OpenAi);
                return Err(stated.unwrap_or(unexpected(UnexpectedResponse::NoText)));
            }
        },
        Some(Value::Array(_)) => return Err(unexpected(UnexpectedResponse::NoText)),
        _ if body.starts_with('<') => return Err(unexpected(UnexpectedResponse::Html)),
        _ if body.starts_with('{') => return Err(unexpected(UnexpectedResponse::NotJson)),
        _ => body.to_owned(),
    };
    let said = said.trim();
    if said.is_empty() || is_blank_mark(said) {
        return Err(TranscriptionError::Silent);
    }
    Ok(said.to_owned())
}

/// Whether a text is what servers with Whisper write for silence.
fn is_blank_mark(text: &str) -> bool {
    ["[BLANK_AUDIO]", "[SILENCE]", "(silence)", "[ Silence ]"]
        .iter()
        .any(|mark| mark.eq_ignore_ascii_case(text))
}

/// Why a request was rejected, by the words of the error.
fn rejection(body: &str) -> TranscriptionError {
    let body = body.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| body.contains(word));
    if says(&["too_short", "too short"]) {
        return TranscriptionError::Silent;
    }
    if says(&["too long", "too large", "too_long", "too_large", "maximum"]) {
        return TranscriptionError::TooLarge;
    }
    let unknown = [
        "unknown url",
        "invalid url",
        "unknown request url",
        "unrecognized request url",
        "no route",
        "unknown path",
        "not implemented",
        "model_not_found",
        "does not exist",
        "invalid model",
        "unknown model",
        "model not found",
        "does not support",
        "not support transcription",
    ];
    if says(&unknown) {
        return TranscriptionError::Unavailable;
    }
    if says(&["format", "decod", "corrupt", "codec", "file", "audio"]) {
        return TranscriptionError::Format;
    }
    TranscriptionError::OpenAi(OpenAiError::Rejected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::audio::AudioFormat,
        config::{Config, tests::parse},
    };

    fn config() -> Config {
        parse(&[]).unwrap()
    }

    #[test]
    fn a_recording_is_sent_as_a_multipart_form_under_the_name_of_its_format() {
        let audio = Audio {
            format: AudioFormat::Ogg,
            bytes: b"OggS\0\xFF\r\n--".to_vec(),
        };
        let request = request(config().assistants.default(), audio, 0xABC);
        assert_eq!(
            request.url,
            "https://api.openai.com/v1/audio/transcriptions"
        );
        let boundary = "switchboard-0000000000000abc";
        let content_type = format!("multipart/form-data; boundary={boundary}");
        assert!(
            request
                .headers
                .contains(&("Content-Type".into(), content_type))
        );
        assert!(
            request
                .headers
                .contains(&("Authorization".into(), "Bearer sk-test".to_owned()))
        );
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-transcribe\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"response_format\"\r\n\r\njson\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"voice.ogg\"\r\n\
             Content-Type: audio/ogg\r\n\r\n"
        );
        let body = [
            head.as_bytes(),
            b"OggS\0\xFF\r\n--",
            format!("\r\n--{boundary}--\r\n").as_bytes(),
        ]
        .concat();
        assert_eq!(request.body.to_bytes(), body);
    }

    fn respond(status: u16, body: &str) -> Result<String, TranscriptionError> {
        decode(Ok(&HttpResponse {
            status,
            retry_after: None,
            location: None,
            body: body.as_bytes().to_vec(),
        }))
    }

    #[test]
    fn a_transcript_is_read_in_every_form_that_servers_use() {
        for body in [
            r#"{"text":" Do you open on Sunday? "}"#,
            r#"{"text":"Do you open on Sunday?","usage":{"type":"duration","seconds":"odd"},"languages":[]}"#,
            r#"{"task":"transcribe","text":"Do you open on Sunday?","segments":null,"error":null}"#,
            "\u{feff}{\"text\":\"Do you open on Sunday?\"}",
            "Do you open on Sunday?\n",
            r#""Do you open on Sunday?""#,
        ] {
            assert_eq!(
                respond(200, body).as_deref(),
                Ok("Do you open on Sunday?"),
                "{body}"
            );
        }
        assert_eq!(respond(200, "1945").as_deref(), Ok("1945"));
        assert_eq!(
            respond(200, r#"{"text":"Hi \ud83d there"}"#).as_deref(),
            Ok("Hi \u{fffd} there")
        );
        for silent in [
            "",
            " \n",
            r#"{"text":""}"#,
            r#"{"text":null}"#,
            r#"{"text":" [BLANK_AUDIO]\n"}"#,
            "[BLANK_AUDIO]",
        ] {
            let expected = Err(TranscriptionError::Silent);
            assert_eq!(respond(200, silent), expected, "{silent}");
        }
    }

    #[test]
    fn a_success_without_a_transcript_is_a_failure() {
        for (body, what) in [
            ("{}", UnexpectedResponse::NoText),
            ("[]", UnexpectedResponse::NoText),
            (r#"{"text":5}"#, UnexpectedResponse::NoText),
            ("<html>", UnexpectedResponse::Html),
            (r#"{"text":"#, UnexpectedResponse::NotJson),
        ] {
            let error = OpenAiError::Unexpected(what);
            let expected = Err(TranscriptionError::OpenAi(error));
            assert_eq!(respond(200, body), expected, "{body}");
        }
        for (code, error) in [
            (429, OpenAiError::Busy),
            (502, OpenAiError::ServerError),
            (401, OpenAiError::Unauthorized),
        ] {
            let body = format!(r#"{{"error":{{"code":{code},"message":"m"}}}}"#);
            let expected = Err(TranscriptionError::OpenAi(error));
            assert_eq!(respond(200, &body), expected);
        }
    }

    #[test]
    fn an_endpoint_without_transcription_is_told_from_a_recording_that_it_cannot_read() {
        let error = |message: &str| format!(r#"{{"error":{{"message":"{message}","code":null}}}}"#);
        for (status, body) in [
            (404, String::new()),
            (405, String::new()),
            (501, String::new()),
            (400, error("Invalid URL (POST /v1/audio/transcriptions)")),
            (404, error("The model `gpt-transcribe` does not exist")),
            (400, error("invalid model ID")),
        ] {
            let expected = Err(TranscriptionError::Unavailable);
            assert_eq!(respond(status, &body), expected, "{status} {body}");
        }
        for (status, message, expected) in [
            (
                400,
                "Unsupported file format opus",
                TranscriptionError::Format,
            ),
            (
                400,
                "Audio file might be corrupted or unsupported",
                TranscriptionError::Format,
            ),
            (415, "audio/amr", TranscriptionError::Format),
            (
                400,
                "Audio file is too short. Minimum audio length is 0.1 seconds.",
                TranscriptionError::Silent,
            ),
            (
                413,
                "Maximum content size limit",
                TranscriptionError::TooLarge,
            ),
            (
                400,
                "Unknown parameter",
                TranscriptionError::OpenAi(OpenAiError::Rejected),
            ),
        ] {
            assert_eq!(respond(status, &error(message)), Err(expected), "{message}");
        }
    }

    #[test]
    fn other_failures_are_those_of_every_request() {
        for (status, error) in [
            (401, OpenAiError::Unauthorized),
            (403, OpenAiError::Unauthorized),
            (429, OpenAiError::Busy),
            (500, OpenAiError::ServerError),
            (503, OpenAiError::ServerError),
            (
                302,
                OpenAiError::Unexpected(UnexpectedResponse::OtherStatus),
            ),
        ] {
            let expected = Err(TranscriptionError::OpenAi(error));
            assert_eq!(respond(status, ""), expected, "{status}");
        }
        for (http, error) in [
            (HttpError::Timeout, OpenAiError::Timeout),
            (HttpError::Connection, OpenAiError::Connection),
            (HttpError::Unreadable, OpenAiError::Unreadable),
        ] {
            let expected = Err(TranscriptionError::OpenAi(error));
            assert_eq!(decode(Err(http)), expected);
        }
    }
}
