//! Whole synthetic calls: what is said, by whom, when, and what it costs.
//!
//! Not here: what fails (`failures`).

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::synthetic::plan::Leg;

use super::{CALLEE, CALLER, calls, twilio::Line, with};
use crate::{
    support::{FakePlatform, phone::Verb},
    synthetic::{begin, progress, transcripts},
};

/// The only transcript of a batch, once it is there.
async fn transcript(fake: &FakePlatform, batch: &str) -> Value {
    fake.pass(Duration::from_mins(2)).await;
    let mut all = transcripts(fake, batch).await;
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn relay(verbs: &[Verb]) -> &Verb {
    let relay = verbs.iter().find(|verb| verb.name == "ConversationRelay");
    relay.expect("a relay")
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn two_personas_talk_on_one_call_until_goodbye_and_both_legs_hang_up() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(run["mode"], "call");
    assert_eq!(run["ended"]["reason"], "goodbye", "{run}");
    assert!(run["scores"].is_object());
    let turns = run["turns"].as_array().unwrap();
    assert!(turns.len() >= 6, "{run}");
    // Each line was spoken once, on its speaker's own leg, in order.
    assert_eq!(line.spoken.len(), turns.len());
    for (turn, (_, leg, words)) in turns.iter().zip(&line.spoken) {
        assert_eq!(turn["speaker"], leg.speaker().as_str());
        assert_eq!(turn["text"], words.as_str());
        assert_eq!(
            turn["heard"],
            words.as_str(),
            "what the other leg recognised"
        );
    }
    // The agent, who is called, speaks first in this scenario.
    assert_eq!(turns[0]["speaker"], "agent");
    // No line began before the one before was spoken.
    for pair in turns.windows(2) {
        assert!(
            pair[0]["ended_at"].as_str() < pair[1]["started_at"].as_str(),
            "{pair:?}"
        );
        assert!(
            pair[0]["started_at"].as_str() < pair[0]["ended_at"].as_str(),
            "{pair:?}"
        );
    }
    let recognition = &run["metrics"]["recognition"];
    assert_eq!(recognition["errors"], 0);
    assert!(recognition["words"].as_u64().unwrap() > 10);
    // Less than a minute on each leg.
    assert_eq!(run["cost"]["call_minutes"], 2, "{run}");
    assert_eq!(run["cost"]["estimated_call_usd"], 0.1625);
    assert_eq!(fake.call_minutes().await, 2, "the rest was given back");
    assert!(fake.calls_ended().is_empty(), "nobody had to end it");
    assert_eq!(fake.calls_made().len(), 1);
    assert_eq!(progress(&fake, &batch).await["cost"]["call_minutes"], 2);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn both_legs_are_silent_and_cannot_be_interrupted_and_one_of_them_records() {
    let fake = with(&[]);
    let mut body = calls(1);
    body["record"] = json!(true);
    let batch = begin(&fake, &body).await;
    let line = Line::made(&fake).await;
    for leg in [Leg::Callee, Leg::Caller] {
        let verbs = line.answers(leg).await;
        let relay = relay(&verbs);
        for name in [
            "interruptible",
            "welcomeGreetingInterruptible",
            "reportInputDuringAgentSpeech",
        ] {
            assert_eq!(relay.attribute(name), Some("none"), "{name}");
        }
        assert_eq!(
            relay.attribute("events"),
            Some("speaker-events tokens-played")
        );
        assert_eq!(relay.attribute("welcomeGreeting"), None);
        assert_eq!(relay.attribute("ttsProvider"), Some("Amazon"));
        let connect = verbs.iter().find(|verb| verb.name == "Connect").unwrap();
        let action = format!(
            "https://example.com/twilio/synthetic/{}/{}/ended",
            line.run,
            leg.as_str()
        );
        assert_eq!(connect.attribute("action"), Some(action.as_str()));
        let recording = verbs.iter().find(|verb| verb.name == "Recording");
        let callback = recording.and_then(|verb| verb.attribute("recordingStatusCallback"));
        let expected = format!(
            "https://example.com/twilio/synthetic/{}/recording",
            line.run
        );
        assert_eq!(callback, (leg == Leg::Caller).then_some(expected.as_str()));
        line.opens(leg, &verbs).await;
        line.sets_up(leg).await;
    }
    let path = format!("/twilio/synthetic/{}/recording", line.run);
    let fields = [
        ("RecordingSid", "RE0123456789abcdef0123456789abcdef"),
        ("RecordingStatus", "completed"),
    ];
    line.webhook(Leg::Caller, &path, &fields).await;
    let stored = fake.disk_of_run(&line.run).text("run").unwrap();
    assert!(stored.contains("RE0123456789abcdef0123456789abcdef"));
    drop(batch);
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn without_a_word_from_twilio_the_floor_passes_when_a_line_must_have_been_spoken() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    line.omits.speaking = true;
    line.omits.played = true;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(run["ended"]["reason"], "goodbye", "{run}");
    for pair in line.spoken.windows(2) {
        let words = pair[0].2.split_whitespace().count() as u64;
        let waited = pair[1].0 - pair[0].0;
        assert!(waited >= 400 * words + 3000, "{pair:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn what_was_played_passes_the_floor_without_a_word_about_who_speaks() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    line.omits.speaking = true;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    assert_eq!(run["ended"]["reason"], "goodbye", "{run}");
    for pair in line.spoken.windows(2) {
        let words = pair[0].2.split_whitespace().count() as u64;
        assert!(pair[1].0 - pair[0].0 < 400 * words + 3000, "{pair:?}");
    }
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn only_the_leg_with_the_floor_can_pass_it() {
    let fake = with(&[]);
    begin(&fake, &calls(1)).await;
    let line = Line::connected(&fake).await;
    fake.pass(Duration::from_secs(1)).await;
    // The agent's first line was sent, and is being spoken on the leg of the number that was called.
    let sent = || fake.frames().len();
    assert_eq!(sent(), 1);
    for (name, value) in [
        ("agentSpeaking", "on"),
        ("agentSpeaking", "off"),
        ("tokensPlayed", "Hello, this is Ada."),
    ] {
        line.info(Leg::Caller, name, value).await;
    }
    // A late end of an earlier line says nothing about one that has not begun.
    line.info(Leg::Callee, "agentSpeaking", "off").await;
    let prompt = json!({ "type": "prompt", "voicePrompt": "Hello, this is Ada.", "last": true });
    line.frame(Leg::Caller, prompt).await;
    fake.pass(Duration::from_secs(1)).await;
    assert_eq!(sent(), 1, "nobody has spoken");
    line.info(Leg::Callee, "agentSpeaking", "on").await;
    line.info(Leg::Callee, "agentSpeaking", "off").await;
    fake.pass(Duration::from_secs(1)).await;
    let (_, socket, _) = fake.frames()[1];
    assert_eq!(socket, Leg::Caller.socket(), "the customer answers");
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_other_persona_gets_the_words_and_not_what_was_recognised() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let line = Line::connected(&fake).await;
    fake.pass(Duration::from_secs(1)).await;
    for words in ["Hello this", "is aider"] {
        let prompt = json!({ "type": "prompt", "voicePrompt": words, "last": true });
        line.frame(Leg::Caller, prompt).await;
    }
    fake.pass(Duration::from_mins(20)).await;
    let request = &fake.model_requests()[0]["messages"];
    assert!(
        request.to_string().contains("Hello, this is Ada."),
        "{request}"
    );
    assert!(!request.to_string().contains("aider"));
    let run = transcript(&fake, &batch).await;
    assert_eq!(run["turns"][0]["heard"], "Hello this is aider");
    assert_eq!(
        run["metrics"]["recognition"],
        json!({ "words": 4, "errors": 1, "word_error_rate": 0.25 })
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn the_log_has_no_number_no_id_of_twilios_and_no_word() {
    let fake = with(&[]);
    let batch = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    line.talk().await;
    let run = transcript(&fake, &batch).await;
    let log = fake.log_text();
    for secret in [
        CALLER,
        CALLEE,
        &line.sid(Leg::Caller),
        &line.sid(Leg::Callee),
    ] {
        assert!(!log.contains(&secret[1..]), "{secret}");
    }
    for turn in run["turns"].as_array().unwrap() {
        assert!(!log.contains(turn["text"].as_str().unwrap()));
    }
    let events = fake.events_named("synthetic_run");
    assert_eq!(events[0]["call_minutes"], 2);
    let dialled = fake.events_named("call_dialled");
    assert_eq!(dialled[0]["outcome"], "made");
    assert_eq!(dialled[0]["call"], events[0]["call"]);
    let exported = run.to_string();
    assert!(
        !exported.contains("CA0") && !exported.contains("+1555"),
        "{exported}"
    );
}

#[tokio::test(flavor = "local", start_paused = true)]
async fn calls_of_two_batches_wait_for_each_other() {
    let fake = with(&[]);
    let first = begin(&fake, &calls(1)).await;
    let second = begin(&fake, &calls(1)).await;
    let mut line = Line::connected(&fake).await;
    fake.pass(Duration::from_secs(1)).await;
    assert_eq!(fake.calls_made().len(), 1);
    let waits = progress(&fake, &second).await;
    assert_eq!(
        (waits["status"].as_str(), waits["running"].as_u64()),
        (Some("waits_for_line"), Some(0))
    );
    line.talk().await;
    let mut line = Line::made_after(&fake, 1).await;
    line.connect().await;
    line.talk().await;
    for batch in [first, second] {
        assert_eq!(
            transcript(&fake, &batch).await["ended"]["reason"],
            "goodbye"
        );
    }
}
