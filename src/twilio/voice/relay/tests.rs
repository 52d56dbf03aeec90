use proptest::prelude::*;
use serde_json::json;

use super::*;

const CALL: &str = "CA0123456789abcdef0123456789abcdef";
const SESSION: &str = "VX0123456789abcdef0123456789abcdef";

fn parse(frame: &Value) -> Result<Frame, FrameError> {
    Frame::parse(&frame.to_string())
}

#[test]
fn the_setup_of_a_recorded_call_is_read() {
    let frame = parse(&json!({
        "type": "setup", "sessionId": SESSION, "callSid": CALL, "parentCallSid": "",
        "from": "+15550100", "to": "+15550199", "forwardedFrom": "", "callerName": "",
        "direction": "inbound", "callType": "PSTN", "callStatus": "RINGING",
        "accountSid": "AC0123456789abcdef0123456789abcdef", "customParameters": {},
    }));
    let expected = Frame::Setup {
        session: SessionId::read(SESSION).unwrap(),
        call: CALL.parse().unwrap(),
        from: Caller::read("+15550100"),
        direction: Direction::Inbound,
        status: CallStatus::Ringing,
    };
    assert_eq!(frame, Ok(expected));
}

#[test]
fn a_setup_without_its_call_or_session_is_refused_and_any_other_field_may_be_missing() {
    let least = json!({ "type": "setup", "sessionId": SESSION, "callSid": CALL });
    let Ok(Frame::Setup { from, status, .. }) = parse(&least) else {
        panic!();
    };
    assert_eq!((from, status), (Caller::Withheld, CallStatus::Other));
    for (field, value) in [
        ("callSid", Value::Null),
        ("callSid", json!("CA12")),
        ("callSid", json!(12)),
        ("sessionId", Value::Null),
        ("sessionId", json!("")),
        ("sessionId", json!("VX/../1")),
        ("sessionId", json!("V".repeat(65))),
    ] {
        let mut frame = least.clone();
        frame[field] = value;
        assert_eq!(parse(&frame), Err(FrameError::Malformed(field)), "{frame}");
    }
}

#[test]
fn a_prompt_is_the_last_unless_it_says_otherwise() {
    for (last, expected) in [
        (json!(true), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("true"), true),
        (Value::Null, true),
        (json!(0), true),
    ] {
        let frame = parse(&json!({
            "type": "prompt", "voicePrompt": " Hi. ", "lang": "en-US", "last": last,
        }));
        let expected = Frame::Prompt {
            text: " Hi. ".into(),
            language: Some("en-US".into()),
            last: expected,
        };
        assert_eq!(frame, Ok(expected), "{last}");
    }
    let least = parse(&json!({ "type": "prompt", "voicePrompt": "Hi" }));
    let Ok(Frame::Prompt { language, last, .. }) = least else {
        panic!();
    };
    assert_eq!((language, last), (None, true));
    let silent = json!({ "type": "prompt", "last": true });
    assert_eq!(parse(&silent), Err(FrameError::Malformed("voicePrompt")));
}

#[test]
fn an_interrupt_has_its_duration_as_a_number_a_text_or_not_at_all() {
    for (millis, expected) in [
        (json!(684), 684),
        (json!("684"), 684),
        (json!(684.4), 684),
        (json!(-5), 0),
        (json!("soon"), 0),
        (json!(1e300), 0),
        (Value::Null, 0),
    ] {
        let frame = parse(&json!({
            "type": "interrupt", "utteranceUntilInterrupt": "Sentence 2 of",
            "durationUntilInterruptMs": millis,
        }));
        let Ok(Frame::Interrupt { heard, after }) = frame else {
            panic!("{millis}");
        };
        assert_eq!(heard, "Sentence 2 of");
        assert_eq!(after.as_millis(), expected, "{millis}");
    }
    let least = parse(&json!({ "type": "interrupt" }));
    let nothing = Frame::Interrupt {
        heard: String::new(),
        after: Duration::ZERO,
    };
    assert_eq!(least, Ok(nothing));
}

#[test]
fn a_key_is_a_digit_a_star_or_a_hash() {
    for key in "0123456789*#".chars() {
        let frame = parse(&json!({ "type": "dtmf", "digit": key }));
        let Ok(Frame::Digit(digit)) = frame else {
            panic!("{key}");
        };
        assert_eq!(digit.key(), key);
    }
    for digit in [json!(""), json!("12"), json!("a"), json!("٣"), json!(1)] {
        let frame = json!({ "type": "dtmf", "digit": digit });
        assert_eq!(
            parse(&frame),
            Err(FrameError::Malformed("digit")),
            "{digit}"
        );
    }
}

#[test]
fn what_is_only_told_is_read_as_recorded_and_the_rest_is_other() {
    let info = |name: &str, value: Value| {
        let frame = parse(&json!({ "type": "info", "name": name, "value": value, "ts": 1 }));
        let Ok(Frame::Info(info)) = frame else {
            panic!("{name}");
        };
        info
    };
    for (name, value, expected) in [
        ("agentSpeaking", json!("on"), Info::AgentSpeaking(true)),
        ("agentSpeaking", json!("off"), Info::AgentSpeaking(false)),
        ("agentSpeaking", json!("paused"), Info::Other),
        ("clientSpeaking", json!("on"), Info::ClientSpeaking(true)),
        ("clientSpeaking", json!(false), Info::ClientSpeaking(false)),
        (
            "tokensPlayed",
            json!("I heard: "),
            Info::TokensPlayed("I heard: ".into()),
        ),
        ("tokensPlayed", json!(7), Info::Other),
        (
            "roundTripDelayMs",
            json!("82"),
            Info::RoundTrip(Duration::from_millis(82)),
        ),
        ("a-new-name", json!("on"), Info::Other),
    ] {
        assert_eq!(info(name, value), expected, "{name}");
    }
}

#[test]
fn an_error_has_twilios_code() {
    for (description, code) in [
        (
            "Invalid message received, code: 64107, {\"a\":1}",
            Some(64107),
        ),
        ("code:64111", Some(64111)),
        ("Something else", None),
        ("code: none", None),
    ] {
        let frame = parse(&json!({ "type": "error", "description": description }));
        let expected = Frame::Error {
            code,
            description: description.to_owned(),
        };
        assert_eq!(frame, Ok(expected));
    }
}

#[test]
fn types_and_fields_that_twilio_adds_are_let_pass() {
    for kind in ["configUpdated", "debug", "Setup", ""] {
        assert_eq!(parse(&json!({ "type": kind, "x": [1] })), Ok(Frame::Other));
    }
}

#[test]
fn what_is_no_frame_is_an_error_and_a_long_one_is_not_even_read() {
    for text in [
        "",
        "hello",
        "[]",
        "null",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"dtmf\"",
    ] {
        assert_eq!(Frame::parse(text), Err(FrameError::NotJson), "{text}");
    }
    let frame = |length: usize| {
        let empty = json!({ "type": "prompt", "voicePrompt": "" }).to_string();
        let words = "a".repeat(length - empty.len());
        json!({ "type": "prompt", "voicePrompt": words }).to_string()
    };
    assert!(Frame::parse(&frame(MAX_FRAME_BYTES)).is_ok());
    let long = Frame::parse(&frame(MAX_FRAME_BYTES + 1));
    assert_eq!(long, Err(FrameError::TooLarge));
}

#[test]
fn no_debug_form_shows_words_digits_or_numbers() {
    let shown = [
        json!({ "type": "setup", "sessionId": SESSION, "callSid": CALL, "from": "+15550100" }),
        json!({ "type": "prompt", "voicePrompt": "planted 555" }),
        json!({ "type": "interrupt", "utteranceUntilInterrupt": "planted 555" }),
        json!({ "type": "dtmf", "digit": "5" }),
        json!({ "type": "error", "description": "planted 555" }),
        json!({ "type": "info", "name": "tokensPlayed", "value": "planted 555" }),
    ]
    .map(|frame| match parse(&frame).unwrap() {
        Frame::Digit(digit) => format!("{digit:?} {:?}", Frame::Digit(digit)),
        Frame::Info(info) => format!("{:?} {info:?}", Frame::Info(info.clone())),
        frame => format!("{frame:?}"),
    });
    for shown in shown {
        assert!(
            !shown.contains("planted") && !shown.contains('5'),
            "{shown}"
        );
    }
    let said = format!("{:?}", words("planted", true));
    assert!(!said.contains("planted"));
}

fn words(token: &str, last: bool) -> Out<'_> {
    Out::Words {
        token,
        last,
        interruptible: None,
        preemptible: false,
    }
}

#[test]
fn frames_to_twilio_are_exact() {
    assert_eq!(
        words(" a \"word\"\n", false).to_json(),
        r#"{"type":"text","token":" a \"word\"\n","last":false,"preemptible":false}"#
    );
    assert_eq!(
        words("", true).to_json(),
        r#"{"type":"text","token":"","last":true,"preemptible":false}"#
    );
    let fixed = Out::Words {
        token: "Goodbye.",
        last: true,
        interruptible: Some(false),
        preemptible: true,
    };
    assert_eq!(
        fixed.to_json(),
        r#"{"type":"text","token":"Goodbye.","last":true,"interruptible":false,"preemptible":true}"#
    );
    let end = |hand_off_data| Out::End { hand_off_data }.to_json();
    assert_eq!(end(None), r#"{"type":"end"}"#);
    assert_eq!(
        end(Some(r#"{"reason":"asked"}"#)),
        r#"{"type":"end","handoffData":"{\"reason\":\"asked\"}"}"#
    );
}

proptest! {
    #[test]
    fn any_text_gives_a_frame_or_an_error(text in ".{0,200}") {
        let _ = Frame::parse(&text);
    }

    #[test]
    fn any_values_in_any_fields_give_a_frame_or_an_error(
        kind in "setup|prompt|interrupt|dtmf|error|info",
        field in "sessionId|callSid|voicePrompt|last|lang|digit|name|value|durationUntilInterruptMs",
        value in "null|true|-1|1e999|1e308|\"\"|\"on\"|\"tokensPlayed\"|\\[\\]|\\{\\}",
    ) {
        let _ = Frame::parse(&format!(r#"{{"type":"{kind}","{field}":{value},"name":"agentSpeaking"}}"#));
    }

    #[test]
    fn words_arrive_as_they_are(token in ".{0,60}", last in any::<bool>()) {
        let sent: Value = serde_json::from_str(&words(&token, last).to_json()).unwrap();
        prop_assert_eq!(sent["token"].as_str(), Some(token.as_str()));
        prop_assert_eq!(sent["last"].as_bool(), Some(last));
    }
}
