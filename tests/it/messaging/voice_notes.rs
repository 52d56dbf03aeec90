//! Voice notes: transcribed, answered as what was said, and stored nowhere.
//!
//! Not here: the formats of recordings (`src/base/audio/`), and how a transcript is read (`src/openai/transcription.rs`).

use futures_util::future::join;

use super::{OPTED_OUT, users};
use crate::support::{
    ANNA, Act, CARL, FakePlatform, GIF, HEARD, NOTHING, SECOND, after, fresh_sid, texts, with_media,
};

/// An Ogg file with Opus that is 2 seconds long. The planted word must be found nowhere.
const OGG: &[u8] = b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\x40\x1F\0\0\0\0\0\
OggS\0\x04\0\x77\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x0Dplanted-sound";

const AMR: &[u8] = b"#!AMR\n\x3Cplanted-sound-of-one-frame-31...";

const NOT_FETCHED: &str = "Sorry, I couldn't open your voice note. Please send it again.";
const FORMAT: &str = "Sorry, I can't listen to this kind of recording. Please write to me.";
const TOO_LONG: &str = "Sorry, that voice note is too long for me. Please keep it under 5 minutes.";
const UNAVAILABLE: &str = "I can't listen to voice notes here. Please write to me.";
const SILENT: &str = "Sorry, I couldn't hear any words in your voice note. Please write to me.";
const APOLOGY: &str = "Sorry, I can't answer right now. Please try again in a few minutes.";

/// The files that Twilio serves next.
fn serve(platform: &FakePlatform, files: &[&'static [u8]]) {
    for file in files {
        platform.media([Act::Say(""), Act::File(file)]);
    }
}

/// Sends a message with files of these types, and returns the texts of the answer.
async fn post(platform: &FakePlatform, from: &str, body: &str, types: &[&str]) -> Vec<String> {
    let response = platform
        .post(&with_media(from, body, &fresh_sid(), types))
        .await;
    assert_eq!(response.status, 200);
    texts(&response.body)
}

/// Sends one voice note, and returns the texts of the answer.
async fn speak(platform: &FakePlatform, file: &'static [u8]) -> Vec<String> {
    serve(platform, &[file]);
    post(platform, CARL, "", &["audio/ogg"]).await
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_is_answered_as_what_was_said_and_is_stored_nowhere() {
    let platform = FakePlatform::new();
    assert_eq!(
        speak(&platform, OGG).await,
        [format!("answer to {HEARD}")],
        "the default is not to repeat it"
    );
    let sent = String::from_utf8_lossy(&platform.transcribed()[0]).into_owned();
    for part in [
        "name=\"model\"\r\n\r\ngpt-transcribe\r\n",
        "name=\"response_format\"\r\n\r\njson\r\n",
        "name=\"file\"; filename=\"voice.ogg\"\r\nContent-Type: audio/ogg\r\n\r\nOggS",
        "planted-sound\r\n--switchboard-",
    ] {
        assert!(sent.contains(part), "{part}");
    }
    assert!(!sent.contains("language"));
    platform.pass(SECOND).await;
    platform.text(CARL, "And on Monday?").await;
    assert_eq!(
        users(&platform.model_requests()[1]),
        [HEARD, "And on Monday?"],
        "the conversation has what was said"
    );
    assert_eq!(
        platform.budget_used().await,
        3,
        "the transcription is a request of its own"
    );
    let turn = platform.events_named("turn")[0].clone();
    assert_eq!(
        (
            turn["model_requests"].as_u64(),
            turn["transcriptions"].as_u64()
        ),
        (Some(2), Some(1))
    );
    assert!(platform.events_named("turn")[1]["transcriptions"].is_null());
    let kept = format!(
        "{:?}{:?}{}",
        platform.stored(CARL),
        platform.kv_values(),
        platform.log_text()
    );
    for trace in ["planted-sound", "twiliocdn", "/Media/"] {
        assert!(!kept.contains(trace), "{trace}");
    }
    assert!(!platform.log_text().contains("Sunday"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_heard_is_repeated_if_the_operator_wants_it_and_is_no_part_of_the_answer() {
    let platform = FakePlatform::with(&[("REPEAT_TRANSCRIPT", "on")]);
    assert_eq!(
        speak(&platform, OGG).await,
        [format!("I heard: \"{HEARD}\"\n\nanswer to {HEARD}")]
    );
    assert_eq!(
        platform.text(CARL, "And on Monday?").await,
        ["answer to And on Monday?"],
        "nothing was heard in a text"
    );
    assert_eq!(
        platform.model_requests()[1]["messages"][2]["content"],
        format!("answer to {HEARD}"),
        "the model would imitate it"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn voice_notes_texts_and_images_go_together() {
    let gif = GIF.as_bytes();
    for (body, types, files, input) in [
        (
            "Listen",
            vec!["audio/ogg; codecs=opus"],
            vec![OGG],
            "Listen\nfirst",
        ),
        (
            "",
            vec!["audio/ogg", "audio/ogg"],
            vec![OGG, OGG],
            "first\nsecond",
        ),
        (
            "Both",
            vec!["image/gif", "audio/ogg"],
            vec![OGG, gif],
            "Both\nfirst\n[1 picture] and 1 pictures",
        ),
        // Twilio's types are only a hint.
        ("", vec!["image/jpeg"], vec![OGG], "first"),
        ("", vec!["application/octet-stream"], vec![OGG], "first"),
        (
            "",
            vec!["audio/ogg"],
            vec![gif],
            "[1 picture] and 1 pictures",
        ),
    ] {
        let platform = FakePlatform::new();
        platform.transcriptions([Act::Say("first"), Act::Say("second")]);
        serve(&platform, &files);
        assert_eq!(
            post(&platform, ANNA, body, &types).await,
            [format!("answer to {input}")],
            "{types:?}"
        );
    }
}

/// A voice note that is an hour and 21 minutes long, according to its last page.
fn endless() -> &'static [u8] {
    let mut file = OGG.to_vec();
    let last = file.windows(4).rposition(|four| four == b"OggS").unwrap();
    file[last + 9] = 0x0E;
    Box::leak(file.into_boxed_slice())
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_that_cannot_be_heard_is_said_so_and_is_no_part_of_the_conversation() {
    let unknown = r#"{"error":{"message":"Invalid URL (POST /v1/audio/transcriptions)"}}"#;
    let unread = r#"{"error":{"message":"Unsupported file format ogg"}}"#;
    let words: &'static str = Box::leak("word ".repeat(900).into_boxed_str());
    for (file, answer, said, failure, requests) in [
        (AMR, None, FORMAT, "voice_format", 0),
        (&b"\xFF\xF1\x50\x80"[..], None, FORMAT, "voice_format", 0),
        (b"<html>", None, FORMAT, "voice_format", 0),
        (endless(), None, TOO_LONG, "voice_too_long", 0),
        (OGG, Some(Act::Say(words)), TOO_LONG, "voice_too_long", 1),
        (
            OGG,
            Some(Act::Body(r#"{"text":" "}"#)),
            SILENT,
            "voice_silent",
            1,
        ),
        (
            OGG,
            Some(Act::Say("\u{202e}\u{7}")),
            SILENT,
            "voice_silent",
            1,
        ),
        (
            OGG,
            Some(Act::Status(404, "")),
            UNAVAILABLE,
            "no_transcription",
            1,
        ),
        (
            OGG,
            Some(Act::Status(405, "")),
            UNAVAILABLE,
            "no_transcription",
            1,
        ),
        (
            OGG,
            Some(Act::Status(400, unknown)),
            UNAVAILABLE,
            "no_transcription",
            1,
        ),
        (
            OGG,
            Some(Act::Status(400, unread)),
            FORMAT,
            "voice_format",
            1,
        ),
        (OGG, Some(Act::Status(401, "")), APOLOGY, "unauthorized", 1),
        (
            OGG,
            Some(Act::Body("<html>")),
            APOLOGY,
            "unexpected_response",
            1,
        ),
    ] {
        let platform = FakePlatform::new();
        platform.text(CARL, "Hello").await;
        platform.transcriptions(answer);
        assert_eq!(speak(&platform, file).await, [said], "{failure}");
        let turn = platform.events_named("turn").pop().unwrap();
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("failed"), Some(failure))
        );
        assert_eq!(turn["model_requests"].as_u64(), Some(requests), "{failure}");
        assert_eq!(
            (
                platform.budget_used().await,
                platform.transcribed().len(),
                platform.model_requests().len()
            ),
            (1 + requests, usize::try_from(requests).unwrap(), 1),
            "{failure}"
        );
        platform.text(CARL, "And now?").await;
        assert_eq!(
            users(platform.model_requests().last().unwrap()),
            ["Hello", "And now?"]
        );
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_of_more_than_16_mb_is_too_large() {
    let huge: &'static [u8] =
        Box::leak([OGG, &[b'x'; 16 * 1024 * 1024]].concat().into_boxed_slice());
    let platform = FakePlatform::new();
    // Once for the limit of a small one, once for that of a large one.
    serve(&platform, &[huge]);
    assert_eq!(speak(&platform, huge).await, [TOO_LONG]);
    let turn = platform.events_named("turn").pop().unwrap();
    assert_eq!(turn["failure"], "voice_too_large");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_that_cannot_be_fetched_is_said_so() {
    let platform = FakePlatform::new();
    platform.media([
        Act::Status(404, ""),
        Act::Status(404, ""),
        Act::Status(404, ""),
    ]);
    assert_eq!(
        post(&platform, ANNA, "", &["audio/ogg"]).await,
        [NOT_FETCHED]
    );
    assert_eq!(
        platform.events_named("turn")[0]["failure"],
        "voice_not_fetched"
    );
    platform.media([Act::Status(404, "")]);
    serve(&platform, &[OGG]);
    assert_eq!(
        post(&platform, ANNA, "", &["audio/ogg"]).await,
        [format!("answer to {HEARD}")],
        "a moment later it is there"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_large_voice_note_is_heard() {
    let large: &'static [u8] = Box::leak(
        [&OGG[..OGG.len() - 1], &[b'd'; 8 * 1024 * 1024]]
            .concat()
            .into_boxed_slice(),
    );
    let platform = FakePlatform::new();
    serve(&platform, &[large]);
    assert_eq!(
        speak(&platform, large).await,
        [format!("answer to {HEARD}")]
    );
    assert!(platform.transcribed()[0].len() > large.len());
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn another_server_gets_every_format() {
    let platform = FakePlatform::with(&[
        ("OPENAI_BASE_URL", "https://models.example/v1"),
        ("OPENAI_TRANSCRIPTION_MODEL", "whisper-large-v3"),
    ]);
    assert_eq!(speak(&platform, AMR).await, [format!("answer to {HEARD}")]);
    let sent = String::from_utf8_lossy(&platform.transcribed()[0]).into_owned();
    assert!(sent.contains("\"voice.amr\"") && sent.contains("\r\n\r\nwhisper-large-v3\r\n"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_transcription_is_tried_again_by_the_rules_of_every_request() {
    let platform = FakePlatform::new();
    platform.transcriptions([Act::Status(503, ""), Act::Later("2"), Act::Say("heard")]);
    assert_eq!(speak(&platform, OGG).await, ["answer to heard"]);
    assert_eq!(
        (platform.transcribed().len(), platform.budget_used().await),
        (3, 4),
        "each is reserved"
    );
    let platform = FakePlatform::new();
    platform.transcriptions([Act::Drop, Act::Drop, Act::Drop, Act::Say("never")]);
    assert_eq!(speak(&platform, OGG).await, [APOLOGY]);
    assert_eq!(platform.transcribed().len(), 3);
    let turn = platform.events_named("turn")[0].clone();
    assert_eq!(turn["failure"], "connection_failed");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn transcription_and_answer_share_the_time_of_the_turn() {
    let platform =
        FakePlatform::with(&[("OPENAI_TIMEOUT_MS", "5000"), ("REPLY_WITHIN_MS", "14000")]);
    platform.transcriptions([after(4000, Act::Say("heard"))]);
    platform.model([after(2000, Act::Say("too late"))]);
    assert_eq!(speak(&platform, OGG).await, [APOLOGY]);
    assert_eq!(platform.events_named("turn")[0]["failure"], "timeout");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_budget_nothing_is_fetched_or_transcribed() {
    for (settings, fetched) in [
        (("MAX_DAILY_CALLS", "0"), 0),
        // The turn's own request is counted, and there is none left to transcribe.
        (("MAX_DAILY_CALLS_PER_CONTACT", "1"), 2),
    ] {
        let platform = FakePlatform::with(&[settings]);
        let answer = speak(&platform, OGG).await;
        assert!(answer[0].starts_with("Sorry, "), "{answer:?}");
        assert_eq!(platform.media_requests().len(), fetched);
        assert!(platform.transcribed().is_empty());
        assert_eq!(platform.budget_used().await, 0);
        assert_eq!(platform.security_events("daily_limit_reached").len(), 1);
    }
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS", "1")]);
    let answer = speak(&platform, OGG).await;
    assert!(answer[0].starts_with("Sorry, I can't take more questions today"));
    assert_eq!(
        (
            platform.transcribed().len(),
            platform.model_requests().len()
        ),
        (1, 0)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_counts_two_requests_of_the_contacts_share_and_a_failed_one_what_it_cost() {
    let platform = FakePlatform::with(&[("MAX_DAILY_CALLS_PER_CONTACT", "4")]);
    assert_eq!(speak(&platform, AMR).await, [FORMAT], "costs nothing");
    platform.transcriptions([Act::Body(r#"{"text":""}"#)]);
    assert_eq!(speak(&platform, OGG).await, [SILENT], "costs one");
    assert_eq!(speak(&platform, OGG).await, [format!("answer to {HEARD}")]);
    assert_eq!(platform.text(CARL, "one").await, ["answer to one"]);
    let last = platform.text(CARL, "two").await;
    assert!(last[0].starts_with("Sorry, that's all"), "{last:?}");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_turn_that_is_interrupted_is_heard_again() {
    let platform = FakePlatform::new();
    platform.transcriptions([after(8000, Act::Say("lost"))]);
    serve(&platform, &[OGG, OGG]);
    let fields = with_media(ANNA, "", &fresh_sid(), &["audio/ogg"]);
    let mut webhook = Box::pin(platform.post(&fields));
    tokio::select! {
        _ = &mut webhook => panic!("too early"),
        () = platform.pass(3 * SECOND) => {}
    }
    platform.kill(ANNA);
    assert_eq!(webhook.await.status, 503);
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent(), [format!("answer to {HEARD}")]);
    assert_eq!(
        (platform.transcribed().len(), platform.budget_used().await),
        (2, 3)
    );
    assert!(!platform.stored(ANNA)["state"].contains("/Media/"));
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_breaks_off_a_transcription() {
    let platform = FakePlatform::new();
    platform.transcriptions([after(5000, Act::Say("lost"))]);
    serve(&platform, &[OGG]);
    let spoken = post(&platform, CARL, "", &["audio/ogg"]);
    let stopped = async {
        platform.pass(SECOND).await;
        platform.text(CARL, "STOP").await
    };
    let (spoken, stopped) = join(spoken, stopped).await;
    assert_eq!((spoken, stopped), (vec![], vec![OPTED_OUT.to_owned()]));
    platform.pass(30 * SECOND).await;
    assert!(platform.model_requests().is_empty() && platform.sent().is_empty());
    let turn = platform.events_named("turn")[0].clone();
    assert_eq!(
        (turn["outcome"].as_str(), turn["transcriptions"].as_u64()),
        (Some("cancelled"), Some(1))
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn who_says_stop_aloud_is_opted_out_and_told_so() {
    for from in [ANNA, CARL] {
        let platform = FakePlatform::new();
        platform.transcriptions([Act::Say("Stop.")]);
        serve(&platform, &[OGG]);
        assert_eq!(
            post(&platform, from, "", &["audio/ogg"]).await,
            [OPTED_OUT],
            "Twilio confirms only a word that is written"
        );
        let consent = platform.events_named("consent");
        assert_eq!(
            (consent.len(), consent[0]["state"].as_str()),
            (1, Some("opted_out"))
        );
        let turn = platform.events_named("turn")[0].clone();
        assert_eq!(
            (turn["outcome"].as_str(), turn["failure"].as_str()),
            (Some("opted_out"), Some("voice_opt_out"))
        );
        assert_eq!(platform.text(from, "Hello").await, NOTHING);
        serve(&platform, &[OGG]);
        assert_eq!(post(&platform, from, "", &["audio/ogg"]).await, NOTHING);
        assert_eq!(platform.transcribed().len(), 1, "nobody listens any more");
        platform.text(from, "START").await;
        assert_eq!(platform.text(from, "Hello").await, ["answer to Hello"]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn an_opt_out_aloud_is_answered_by_rest_too_and_drops_what_waits() {
    let platform = FakePlatform::with(&[("REPLY_WITHIN_MS", "1000")]);
    platform.transcriptions([after(3000, Act::Say("Unsubscribe"))]);
    serve(&platform, &[OGG]);
    let spoken = post(&platform, CARL, "", &["audio/ogg"]);
    let written = async {
        platform.pass(SECOND / 2).await;
        platform.text(CARL, "and another thing").await
    };
    let (spoken, written) = join(spoken, written).await;
    assert!(spoken.is_empty() && written.is_empty());
    platform.pass(30 * SECOND).await;
    assert_eq!(platform.sent(), [OPTED_OUT]);
    assert!(platform.model_requests().is_empty());
    assert_eq!(platform.events_named("consent")[0]["dropped_messages"], 1);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn other_keywords_and_a_stop_beside_a_text_are_what_was_said() {
    for (body, said, answer) in [
        ("", "Reset.", "answer to Reset."),
        ("", "Delete my data", "answer to Delete my data"),
        ("Listen", "Stop.", "answer to Listen\nStop."),
        (
            "",
            "Please stop the music",
            "answer to Please stop the music",
        ),
    ] {
        let platform = FakePlatform::new();
        platform.transcriptions([Act::Say(said)]);
        serve(&platform, &[OGG]);
        assert_eq!(post(&platform, CARL, body, &["audio/ogg"]).await, [answer]);
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn voice_notes_that_come_together_get_one_answer() {
    let platform = FakePlatform::new();
    platform.transcriptions([
        after(1000, Act::Say("first")),
        after(1000, Act::Say("second")),
    ]);
    serve(&platform, &[OGG, OGG]);
    let second = async {
        platform.pass(SECOND / 2).await;
        post(&platform, CARL, "", &["audio/ogg"]).await
    };
    let (first, second) = join(post(&platform, CARL, "", &["audio/ogg"]), second).await;
    assert_eq!(
        (first, second),
        (vec![], vec!["answer to first\nsecond".to_owned()])
    );
    assert_eq!(
        (
            platform.transcribed().len(),
            platform.model_requests().len()
        ),
        (2, 1)
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn a_voice_note_that_comes_while_the_model_is_asked_is_transcribed_once_in_its_own_turn() {
    let platform = FakePlatform::new();
    platform.model([after(3000, Act::Say("the first answer"))]);
    serve(&platform, &[OGG]);
    let spoken = async {
        platform.pass(SECOND / 2).await;
        post(&platform, CARL, "", &["audio/ogg"]).await
    };
    let (written, spoken) = join(platform.text(CARL, "Where is your shop?"), spoken).await;
    assert_eq!(written, ["the first answer"]);
    assert_eq!(spoken, [format!("answer to {HEARD}")]);
    assert_eq!(
        (
            platform.transcribed().len(),
            platform.model_requests().len(),
            platform.budget_used().await
        ),
        (1, 2, 3)
    );
}
