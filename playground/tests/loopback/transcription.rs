//! Transcriptions: as strict as the real API, and what the mock model hears.

use serde_json::{Value, json};

use crate::harness::{Answer, Playground, on};

const BOUNDARY: &str = "the-boundary";

/// A multipart form with these fields, and a file of this name.
fn form(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
            .bytes(),
        );
    }
    if let Some((name, bytes)) = file {
        body.extend(format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: audio/ogg\r\n\r\n"
        ).bytes());
        body.extend(bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    body
}

fn transcribe(playground: &Playground, body: &[u8]) -> Answer {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    playground.send(
        "POST",
        "/v1/audio/transcriptions",
        &[
            ("authorization", "Bearer sk-playground-test"),
            ("content-type", &content_type),
        ],
        body,
    )
}

/// A voice note of the playground with these words.
fn voice_note(playground: &Playground, words: &str) -> Vec<u8> {
    let words: String = words.split(' ').collect::<Vec<_>>().join("+");
    let path = format!("/playground/voice-note?words={words}");
    let answer = playground.send("GET", &path, &[], b"");
    assert_eq!(answer.header("content-type"), "audio/ogg");
    answer.body
}

#[test]
fn a_voice_note_says_its_words_and_another_recording_a_sentence_of_its_own() {
    let playground = Playground::start();
    let fields = [("model", "gpt-transcribe"), ("response_format", "json")];
    let spoken = voice_note(&playground, "Is this spoken");
    for (bytes, heard) in [
        (spoken.as_slice(), "Is this spoken"),
        (b"OggS of somebody else", "Do you open on Sunday?"),
    ] {
        let answer = transcribe(&playground, &form(&fields, Some(("voice.ogg", bytes))));
        assert_eq!(
            (answer.status, &answer.json()["text"]),
            (200, &json!(heard))
        );
        assert_eq!(answer.json()["usage"]["type"], "duration");
    }
    let requests = playground.control("GET", "requests", &Value::Null).text();
    assert!(
        requests.contains("gpt-transcribe") && requests.contains("voice.ogg (21 bytes)"),
        "the log shows the fields, and of a file its name and size: {requests}"
    );
}

#[test]
fn what_the_real_api_rejects_is_rejected() {
    let playground = Playground::start();
    let model = ("model", "gpt-transcribe");
    let ogg: (&str, &[u8]) = ("voice.ogg", b"OggS");
    let large = [&b"OggS"[..], &vec![0; 25 * 1024 * 1024]].concat();
    for (fields, file, status, words) in [
        (vec![model], None, 400, "file"),
        (vec![], Some(ogg), 400, "model"),
        (
            vec![model],
            Some(("voice.opus", &b"OggS"[..])),
            400,
            "Unsupported file format opus",
        ),
        (
            vec![model],
            Some(("voice.amr", &b"#!AMR\n"[..])),
            400,
            "Unsupported file format amr",
        ),
        (
            vec![model],
            Some(("voice", &b"OggS"[..])),
            400,
            "Unsupported",
        ),
        (
            vec![model],
            Some(("voice.ogg", &b"<html>"[..])),
            400,
            "corrupted or unsupported",
        ),
        (
            vec![model],
            Some(("voice.ogg", &large)),
            413,
            "Maximum content size",
        ),
        (
            vec![("model", "gpt-6-luna")],
            Some(ogg),
            404,
            "does not exist",
        ),
        (
            vec![model, ("odd", "1")],
            Some(ogg),
            400,
            "Unrecognized request argument",
        ),
        (
            vec![model, ("response_format", "srt")],
            Some(ogg),
            400,
            "response_format",
        ),
    ] {
        let answer = transcribe(&playground, &form(&fields, file));
        assert_eq!(answer.status, status, "{words}");
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    let json = playground.send(
        "POST",
        "/v1/audio/transcriptions",
        &[
            ("authorization", "Bearer sk-playground-test"),
            ("content-type", "application/json"),
        ],
        b"{}",
    );
    assert_eq!(json.status, 400);
    let get = playground.send(
        "GET",
        "/v1/audio/transcriptions",
        &[("authorization", "Bearer sk-playground-test")],
        b"",
    );
    assert_eq!(get.status, 405);
}

#[test]
fn a_directive_that_is_spoken_injects_a_fault_and_is_not_heard() {
    let playground = Playground::start();
    let fields = [("model", "gpt-transcribe")];
    let say = |words: &str| {
        let note = voice_note(&playground, words);
        transcribe(&playground, &form(&fields, Some(("voice.ogg", &note))))
    };
    assert_eq!(say("[fault status=503] Hello").status, 503);
    let silent = say("[fault body=empty_answer] Hello");
    assert_eq!(silent.json()["text"], "");
    let other = say("Hello [fault service=twilio status=500]");
    assert_eq!(
        other.json()["text"],
        "Hello [fault service=twilio status=500]"
    );
}

#[test]
fn an_old_model_is_gone_on_the_day_that_openai_has_announced() {
    let file = Some(("voice.ogg", &b"OggS"[..]));
    for (date, model, status) in [
        ("2027-02-25", "whisper-1", 200),
        ("2027-02-26", "whisper-1", 404),
        ("2027-02-26", "gpt-4o-transcribe", 404),
        ("2027-02-26", "gpt-transcribe", 200),
    ] {
        let playground = on(date);
        let answer = transcribe(&playground, &form(&[("model", model)], file));
        assert_eq!(answer.status, status, "{date} {model}");
    }
}
