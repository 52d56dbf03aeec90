//! Frames of a call's socket: whatever comes, before the first frame or after it, what is sent is valid, and the call ends.
//!
//! Not here: time, interruptions while the model writes, and other faults (`tests/it/simulation`).

use serde_json::{Value, json};
use switchboard::{
    object::Engine as _,
    twilio::voice::relay_url::RelaySecret,
    voice::{api::Next, call::Phone},
};

use super::object::{Object, at_once};

/// The most frames of one input.
const MOST: usize = 64;

/// Each line is a frame. They come over the socket of one call before it was set up, and of another one afterwards.
pub fn relay_frames(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let frames: Vec<&str> = text.split('\n').take(MOST).collect();
    for is_set_up in [false, true] {
        frames_of_a_call(&frames, is_set_up);
    }
}

fn frames_of_a_call(frames: &[&str], is_set_up: bool) {
    let object = Object::empty();
    let phone = object.start_phone();
    connect(&phone);
    if is_set_up {
        hear(&object, &phone, &set_up());
    }
    for frame in frames {
        hear(&object, &phone, frame);
        let is_silent = object.0.frames.borrow().is_empty() && object.0.asked.get() == 0;
        let was_set_up = object.value("call").contains(r#""is_set_up":true"#);
        assert!(
            is_silent || was_set_up || is_set_up || frames.iter().any(|frame| is_first(frame)),
            "nothing is said or asked before the first frame"
        );
    }
    assert!(
        object.0.asked.get() < object.0.reserved.get(),
        "no request that is not reserved, beside the minute"
    );
    // The object leaves memory, and nobody tells of the call's end.
    let phone = object.start_phone();
    // Speech holds the end up, a bit each time.
    object.fire_until_quiet(200, async || phone.alarm().await);
    check_sent(&object);
    assert!(
        object.0.values.borrow().is_empty(),
        "nothing is left of the call"
    );
    let log = object.0.log.borrow();
    let ends = log
        .iter()
        .filter(|line| line.contains(r#""event":"call","#));
    assert_eq!(ends.count(), 1, "a call ends once");
    assert!(
        !object.logged("call_unreadable"),
        "what it stores it can read"
    );
    assert!(!object.logged("xyzzy"), "no word of a frame is logged");
}

/// The call is admitted, and its socket opened.
fn connect(phone: &Phone<Object>) {
    let secret = RelaySecret::new([7; 16]);
    let admit = json!({
        "sid": CALL, "token": "0000000000000000", "number": "+15550199", "door": secret.hash(),
        "caller": "ef".repeat(32), "phone_hash": "00000000",
    });
    let admit = serde_json::from_value(admit).expect("the call is one");
    let next = at_once(phone.admit(admit)).expect("storage works");
    assert_eq!(next, Next::Connect { greet: true });
    let session = at_once(phone.connect(&secret)).expect("storage works");
    assert_eq!(session, Some(1), "the secret is right");
}

fn hear(object: &Object, phone: &Phone<Object>, frame: &str) {
    at_once(phone.frame(1, frame));
    object.finish_tasks();
}

fn set_up() -> String {
    let set_up = json!({ "type": "setup", "sessionId": "VX1", "callSid": CALL });
    set_up.to_string()
}

/// Whether a line can be the first frame of the call.
fn is_first(frame: &str) -> bool {
    frame.contains("setup") || frame.contains("\\u")
}

/// Each frame is one that Twilio takes.
fn check_sent(object: &Object) {
    for (session, frame) in object.0.frames.borrow().iter() {
        assert_eq!(*session, 1, "there is no other socket");
        let frame: Value = serde_json::from_str(frame).expect("a frame is JSON");
        match frame["type"].as_str() {
            Some("text") => {
                let is_whole = frame["token"].is_string()
                    && frame["last"].is_boolean()
                    && frame["preemptible"].is_boolean();
                assert!(is_whole, "a frame lacks a field: {frame}");
            }
            Some("end") => assert!(frame["handoffData"].is_string(), "{frame}"),
            _ => panic!("Twilio has no such frame: {frame}"),
        }
    }
}

const CALL: &str = "CA00000000000000000000000000000001";
