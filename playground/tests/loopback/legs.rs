//! Calls between two numbers of the account: two legs, each with TwiML and a relay of its own, that hear
//! each other.
//!
//! Not here: calls that ring a phone (`made_calls`), and the transcripts of recordings (`intelligence`).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground, wait_until};
use crate::mock_worker::{field, is_signed_for};
use crate::page_client::switch;
use crate::relay_worker::{Call, RelayWorker, Socket, receive, receive_type, say, until_closed};

pub const CALLER: &str = "+15550155";
pub const CALLEE: &str = "+15550156";
const HANG_UP: &str = "<Response><Hangup/></Response>";
const QUIET: &str = "interruptible=\"none\" welcomeGreetingInterruptible=\"none\" \
                     reportInputDuringAgentSpeech=\"none\"";

/// What the relay of each leg received, by its name.
pub type Frames = Arc<Mutex<Vec<(&'static str, Value)>>>;

/// A Worker whose legs run `a` and `b` after the setup of both. `start` is before `<Connect>` on leg A.
pub fn worker(
    start: &'static str,
    a: impl Fn(&mut Socket) + Send + Sync + 'static,
    b: impl Fn(&mut Socket) + Send + Sync + 'static,
) -> (RelayWorker, Frames) {
    let frames = Frames::default();
    let (kept, legs) = (Arc::clone(&frames), AtomicUsize::new(0));
    let worker = RelayWorker::start(
        move |path, _, authority| {
            let leg = |name: &str, start: &str| {
                let start = start.replace("HOST", authority);
                format!(
                    "<Response>{start}<Connect action=\"http://{authority}/sim/{name}/end\">\
                     <ConversationRelay url=\"ws://{authority}/twilio/relay/{name}\" {QUIET} \
                     events=\"speaker-events tokens-played\"/></Connect></Response>"
                )
            };
            match path {
                "/twilio/voice" => leg("b", ""),
                "/sim/a" => leg("a", start),
                _ => HANG_UP.to_owned(),
            }
        },
        move |mut socket, _| {
            let setup = receive(&mut socket).unwrap();
            let is_called = setup["direction"] == "inbound";
            let name = if is_called { "b" } else { "a" };
            kept.lock().unwrap().push((name, setup));
            // Nobody listens to words that are said before.
            let both = (legs.fetch_add(1, Ordering::SeqCst) / 2 + 1) * 2;
            wait_until("both legs are there", || {
                legs.load(Ordering::SeqCst) >= both
            });
            if is_called {
                b(&mut socket);
            } else {
                a(&mut socket);
            }
            while let Some(frame) = receive(&mut socket) {
                kept.lock().unwrap().push((name, frame));
            }
        },
    );
    (worker, frames)
}

fn calls_path() -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json")
}

/// Makes the call, and returns both legs once both have begun.
pub fn dial<'p>(
    playground: &'p Playground,
    worker: &RelayWorker,
    more: &[(&str, &str)],
) -> (Call<'p>, Call<'p>) {
    let url = format!("{}/sim/a", worker.url);
    let usual = [("To", CALLEE), ("From", CALLER), ("Url", url.as_str())];
    let answer = playground.post_form(&calls_path(), &[&usual, more].concat());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let list = playground.get(&calls_path()).json();
    let of = |direction: &str| {
        let calls = list["calls"].as_array().unwrap();
        let call = calls.iter().find(|call| call["direction"] == direction);
        let sid = call.unwrap()["sid"].as_str().unwrap().to_owned();
        Call { playground, sid }
    };
    (of("outbound-api"), of("inbound"))
}

pub fn speak(socket: &mut Socket, words: &str) {
    say(
        socket,
        &json!({"type": "text", "token": words, "last": true}),
    );
}

/// Waits until the leg's own voice is silent.
fn until_said(socket: &mut Socket) {
    while receive_type(socket, "info")["value"] != "off" {}
}

#[test]
fn two_legs_speak_in_turn_and_each_hears_what_the_other_has_said() {
    let (worker, frames) = worker(
        "",
        |a| {
            let heard = receive_type(a, "prompt");
            assert_eq!(heard["voicePrompt"], "Northwind Mobile, how can I help?");
            assert_eq!(heard["last"], true);
            speak(a, "My bill is wrong.");
            until_said(a);
        },
        |b| {
            speak(b, "Northwind Mobile, how can I help?");
            until_said(b);
            let heard = receive_type(b, "prompt");
            assert_eq!(heard["voicePrompt"], "My bill is wrong.");
            say(b, &json!({"type": "end"}));
        },
    );
    let playground = worker.playground();
    let status = format!("{}/sim/a/status", worker.url);
    let events = ["completed", "answered", "ringing", "initiated"];
    let mut more: Vec<_> = events.map(|name| ("StatusCallbackEvent", name)).into();
    more.push(("StatusCallback", &status));
    let (a, b) = dial(&playground, &worker, &more);
    assert_ne!(a.sid, b.sid);
    assert_eq!(
        (&a.over()["status"], &b.over()["status"]),
        (&json!("completed"), &json!("completed"))
    );
    assert_eq!((a.alerts(), b.alerts()), (vec![], vec![]));

    // B's webhook comes first: A is answered by it.
    let posts = worker.posts();
    let voice = posts
        .iter()
        .position(|post| post.contains("POST /twilio/voice "))
        .unwrap();
    let first = posts
        .iter()
        .position(|post| post.contains("POST /sim/a "))
        .unwrap();
    assert!(voice < first);
    assert!(is_signed_for(
        &posts[voice],
        &format!("{}/twilio/voice", worker.url)
    ));
    assert_eq!(field(&posts[voice], "CallSid"), b.sid);
    assert_eq!(field(&posts[voice], "Direction"), "inbound");
    assert_eq!(field(&posts[voice], "From"), CALLER);
    assert_eq!(field(&posts[voice], "To"), CALLEE);
    assert_eq!(field(&posts[voice], "ParentCallSid"), "");
    assert_eq!(field(&posts[first], "CallSid"), a.sid);
    assert_eq!(field(&posts[first], "CallStatus"), "in-progress");

    let frames = frames.lock().unwrap();
    let setups: Vec<_> = frames
        .iter()
        .filter(|(_, frame)| frame["type"] == "setup")
        .collect();
    assert_eq!(setups.len(), 2);
    assert_ne!(setups[0].1["callSid"], setups[1].1["callSid"]);

    // B has ended its session; A is hung up on.
    let [ended] = worker.posts_to("/sim/b/end").try_into().unwrap();
    assert_eq!(field(&ended, "SessionStatus"), "ended");
    let [completed] = worker.posts_to("/sim/a/end").try_into().unwrap();
    assert_eq!(field(&completed, "SessionStatus"), "completed");
    let told = worker.posts_to("/sim/a/status");
    let mut told: Vec<_> = told
        .iter()
        .map(|post| (field(post, "SequenceNumber"), field(post, "CallStatus")))
        .collect();
    let place = |status: &str| told.iter().position(|(_, other)| other == status);
    assert!(place("ringing") < place("initiated"), "in the wrong order");
    told.sort();
    let expected = ["initiated", "ringing", "in-progress", "completed"];
    let expected: Vec<_> = (0..4)
        .map(|n| n.to_string())
        .zip(expected.map(str::to_owned))
        .collect();
    assert_eq!(told, expected);
    let [of_b] = worker.posts_to("/twilio/voice/status").try_into().unwrap();
    assert_eq!(field(&of_b, "CallSid"), b.sid);
    assert_eq!(field(&of_b, "CallStatus"), "completed");
}

#[test]
fn a_leg_is_told_of_its_own_voice_and_of_the_beginning_and_end_of_the_others() {
    let (worker, frames) = worker(
        "",
        |a| {
            receive_type(a, "prompt");
            say(a, &json!({"type": "end"}));
        },
        |b| speak(b, "Good morning, who is it?"),
    );
    let playground = worker.playground();
    let (a, b) = dial(&playground, &worker, &[]);
    a.over();
    b.over();
    wait_until("both relays have ended", || worker.upgrades().len() == 2);
    let of = |call: &Call, kind: &str| {
        let shown = playground.send("GET", &format!("{}/frames", call.path()), &[], b"");
        let shown = shown.json();
        let frames = shown["frames"].as_array().unwrap().clone();
        let frames = frames.iter().map(|one| one["frame"].clone());
        let sent = frames.filter(|frame| frame["type"] == kind);
        sent.map(|frame| format!("{} {}", frame["name"], frame["value"]))
            .collect::<Vec<_>>()
            .join(", ")
    };
    assert_eq!(
        of(&b, "info"),
        r#""agentSpeaking" "on", "tokensPlayed" "Good morning,", "tokensPlayed" "who is it?", "agentSpeaking" "off""#
    );
    assert_eq!(
        of(&a, "info"),
        r#""clientSpeaking" "on", "clientSpeaking" "off""#
    );
    assert_eq!(of(&b, "prompt"), "", "nobody hears itself");
    drop(frames);
}

#[test]
fn who_speaks_while_the_other_leg_speaks_is_not_heard_and_interrupts_nobody() {
    let long =
        "This is a long sentence that goes on and on, while the other one has a word to say.";
    let (worker, _) = worker(
        "",
        |a| {
            while receive_type(a, "info")["name"] != "clientSpeaking" {}
            speak(a, "Stop.");
            let heard = receive_type(a, "prompt");
            assert!(
                heard["voicePrompt"]
                    .as_str()
                    .unwrap()
                    .starts_with("This is")
            );
            say(a, &json!({"type": "end"}));
        },
        move |b| {
            speak(b, long);
            while let Some(frame) = receive(b) {
                assert_ne!(frame["type"], "prompt", "{frame}");
                assert_ne!(frame["type"], "interrupt", "{frame}");
            }
        },
    );
    let playground = worker.playground();
    let (a, b) = dial(&playground, &worker, &[]);
    a.over();
    b.over();
    b.wait_for("the note", |event| event["words"] == "Stop.");
    b.wait_for("the whole line", |event| {
        event["event"] == "heard" && event["text"] == "while the other one has a word to say."
    });
}

#[test]
fn with_the_faults_a_leg_hears_two_pieces_and_other_words() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let (worker, _) = worker(
        "",
        move |a| {
            for _ in 0..2 {
                let prompt = receive_type(a, "prompt");
                assert_eq!(prompt["last"], true);
                kept.lock().unwrap().push(prompt["voicePrompt"].clone());
            }
            say(a, &json!({"type": "end"}));
        },
        |b| speak(b, "I am Aiva and I help."),
    );
    let playground = worker.playground();
    let faults = json!({"call": {"pieces": true, "misheard": true}});
    let set = switch(&playground, None, &faults);
    assert_eq!(set.status, 200, "{}", set.text());
    let (a, b) = dial(&playground, &worker, &[]);
    a.over();
    b.over();
    assert_eq!(*heard.lock().unwrap(), ["I am Eiva", "and I help."]);
}

#[test]
fn the_end_of_one_leg_is_the_end_of_the_other_whoever_ends_it() {
    for ends in ["calling", "called", "time limit"] {
        let (worker, _) = worker("", |_| {}, |_| {});
        let playground = worker.playground();
        let limit: &[(&str, &str)] = match ends {
            "time limit" => &[("TimeLimit", "20")],
            _ => &[],
        };
        let (a, b) = dial(&playground, &worker, limit);
        for leg in [&a, &b] {
            leg.wait_for("its relay", |event| event["state"] == "open");
        }
        let sid = match ends {
            "calling" => &a.sid,
            "called" => &b.sid,
            _ => "",
        };
        if !sid.is_empty() {
            let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json");
            let answer = playground.post_form(&path, &[("Status", "completed")]);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        for leg in [&a, &b] {
            assert_eq!(leg.over()["status"], "completed", "{ends}");
            let closed = leg.wait_for("the close", |event| event["state"] == "closed");
            assert_eq!(closed["code"], 1000, "{ends}");
        }
        for path in ["/sim/a/end", "/sim/b/end"] {
            let [told] = worker.posts_to(path).try_into().unwrap();
            assert_eq!(field(&told, "SessionStatus"), "completed", "{ends}");
        }
    }
}

#[test]
fn a_number_without_a_webhook_or_with_a_broken_one_is_never_answered() {
    let (worker, _) = worker(
        "",
        |_| panic!("nobody answers"),
        |_| panic!("nobody answers"),
    );
    let playground = worker.playground();
    let url = format!("{}/sim/a", worker.url);
    let make = |to: &str| {
        let form = [("To", to), ("From", CALLER), ("Url", url.as_str())];
        let made = playground.post_form(&calls_path(), &form).json();
        let sid = made["sid"].as_str().unwrap().to_owned();
        Call {
            playground: &playground,
            sid,
        }
    };
    let blank = make("+15550151");
    assert_eq!(blank.over()["status"], "failed");
    assert_eq!(blank.alerts(), [11100]);

    let numbers = format!("/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json");
    let found = playground
        .get(&format!("{numbers}?PhoneNumber=%2B15550151"))
        .json();
    let uri = found["incoming_phone_numbers"][0]["uri"].as_str().unwrap();
    let answer = playground.post_form(uri, &[("VoiceUrl", "https://elsewhere.example/voice")]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let broken = make("+15550151");
    assert_eq!(broken.over()["status"], "busy");
    let list = playground
        .get(&format!("{}?Status=busy", calls_path()))
        .json();
    assert_eq!(list["calls"].as_array().unwrap().len(), 2, "both legs");
    assert!(
        worker.posts().is_empty(),
        "A has no document: {:?}",
        worker.posts()
    );
}

pub const RECORDED: &str = "<Start><Recording recordingStatusCallback=\"http://HOST/recording\" \
     recordingStatusCallbackEvent=\"in-progress completed absent\"/></Start>";

#[test]
fn a_recording_is_reported_when_it_begins_and_after_the_call() {
    for absent in [false, true] {
        let (worker, _) = worker(
            RECORDED,
            |a| {
                receive_type(a, "prompt");
                say(a, &json!({"type": "end"}));
            },
            |b| speak(b, "Good morning."),
        );
        let playground = worker.playground();
        let faults = json!({"call": {"no_recording": absent}});
        assert_eq!(switch(&playground, None, &faults).status, 200);
        let (a, b) = dial(&playground, &worker, &[]);
        a.over();
        b.over();
        wait_until("the recording is reported", || {
            worker.posts_to("/recording").len() == 2
        });
        let [begun, ended] = worker.posts_to("/recording").try_into().unwrap();
        assert!(is_signed_for(&ended, &format!("{}/recording", worker.url)));
        assert_eq!(field(&begun, "RecordingStatus"), "in-progress");
        let sid = field(&ended, "RecordingSid");
        assert!(sid.starts_with("RE") && sid.len() == 34, "{sid}");
        assert_eq!(field(&begun, "RecordingSid"), sid);
        let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Recordings/{sid}");
        for (name, value) in [
            ("AccountSid", ACCOUNT),
            ("CallSid", &a.sid),
            ("RecordingUrl", &format!("https://api.twilio.com{path}")),
            ("RecordingChannels", "2"),
            ("RecordingSource", "StartCallRecordingTwiML"),
            ("RecordingTrack", "both"),
            (
                "RecordingStatus",
                if absent { "absent" } else { "completed" },
            ),
            ("ErrorCode", if absent { "16102" } else { "0" }),
        ] {
            assert_eq!(field(&ended, name), value, "{name}");
        }
        assert!(field(&ended, "RecordingStartTime").ends_with(" +0000"));
        let seconds = field(&ended, "RecordingDuration");
        assert_eq!(seconds.is_empty(), absent, "{seconds}");
    }
}

#[test]
fn an_absent_recording_is_not_reported_to_who_did_not_ask_for_it() {
    let (worker, _) = worker(
        "<Start><Recording recordingStatusCallback=\"http://HOST/recording\"/></Start>",
        |a| say(a, &json!({"type": "end"})),
        until_closed,
    );
    let playground = worker.playground();
    let faults = json!({"call": {"no_recording": true}});
    assert_eq!(switch(&playground, None, &faults).status, 200);
    let (a, b) = dial(&playground, &worker, &[]);
    a.over();
    b.over();
    assert_eq!(a.event("recorded")["status"], "absent");
    assert!(worker.posts_to("/recording").is_empty());
}

#[test]
fn a_relative_callback_and_a_second_recording_are_errors() {
    let (worker, _) = worker(
        "<Start><Recording recordingStatusCallback=\"/recording\"/></Start><Start><Recording/></Start>",
        |a| say(a, &json!({"type": "end"})),
        until_closed,
    );
    let playground = worker.playground();
    let (a, b) = dial(&playground, &worker, &[]);
    a.over();
    b.over();
    assert_eq!(a.alerts(), [21220, 11200]);
    assert!(worker.posts_to("/recording").is_empty());
}

#[test]
fn a_status_callback_event_that_does_not_exist_is_refused() {
    let playground = Playground::start();
    let url = "https://switchboard.example/sim/a";
    let form = [
        ("To", CALLEE),
        ("From", CALLER),
        ("Url", url),
        ("StatusCallbackEvent", "answered completed"),
    ];
    let answer = playground.post_form(&calls_path(), &form);
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (400, &json!(20001))
    );
}
