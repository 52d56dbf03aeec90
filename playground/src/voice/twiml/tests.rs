//! Tests of the reader: what it reads, and what it refuses as Twilio would.

use super::*;

fn read_body(body: &str) -> Result<Vec<Verb>, u32> {
    let verbs = read(Some("text/xml; charset=utf-8"), body.as_bytes());
    verbs.map_err(|error| error.code)
}

fn read_relay(body: &str) -> Connect {
    match read_body(body).unwrap().pop() {
        Some(Verb::Connect(connect)) => *connect,
        other => panic!("not a relay: {other:?}"),
    }
}

#[test]
fn a_relay_is_read_with_what_has_an_effect() {
    let connect = read_relay(
        r#"<?xml version="1.0" encoding="UTF-8"?>
        <Response><Connect action="https://switchboard.example/twilio/voice/ended">
          <ConversationRelay url="wss://switchboard.example/twilio/relay/a/b"
            welcomeGreeting="Tom &amp; Ann here." welcomeGreetingInterruptible="none"
            interruptible="speech" reportInputDuringAgentSpeech="dtmf" preemptible="false"
            dtmfDetection="true" language="de-DE" ttsProvider="ElevenLabs" voice="abc"
            transcriptionProvider="Deepgram" speechModel="nova-3-general" partialPrompts="true"
            speechTimeout="1100" events="speaker-events tokens-played" eotThreshold="0.8"
            profanityFilter="true" interruptSensitivity="high" ignoreBackchannel="false">
            <Language code="de-DE" voice="abc"/><Parameter name="leg" value="a"/>
          </ConversationRelay></Connect></Response>"#,
    );
    assert_eq!(
        connect.action.as_deref(),
        Some("https://switchboard.example/twilio/voice/ended")
    );
    let expected = Relay {
        url: "wss://switchboard.example/twilio/relay/a/b".to_owned(),
        greeting: "Tom & Ann here.".to_owned(),
        greeting_interruptible: Input::of("none"),
        interruptible: Input::of("speech"),
        report: Input::of("dtmf"),
        preemptible: false,
        dtmf: true,
        partial: true,
        language: "de-DE".to_owned(),
        speech_timeout: Some(1100),
        speaker_events: true,
        tokens_played: true,
        parameters: vec![("leg".to_owned(), "a".to_owned())],
    };
    assert_eq!(connect.relay, expected);
}

#[test]
fn the_defaults_of_a_relay_are_those_of_twilio() {
    let body =
        "<Response><Connect><ConversationRelay url=\"wss://a.example/b\"/></Connect></Response>";
    let Connect { action, relay } = read_relay(body);
    assert_eq!((action, relay.interruptible), (None, Input::of("any")));
    assert_eq!((relay.report, relay.dtmf), (Input::of("none"), false));
    assert!(!relay.speaker_events && !relay.tokens_played && !relay.partial);
}

#[test]
fn the_verbs_are_read_in_order() {
    let verbs = read_body(
        "<Response><Say language=\"en-US\">Tom &amp; <emphasis>Ann</emphasis></Say>\
         <Pause length=\"2\"/><Start><Recording channels=\"dual\"/></Start>\
         <Start><Recording recordingStatusCallback=\"/r\" recordingStatusCallbackEvent=\"absent completed\"/></Start>\
         <Dial timeout=\"20\"><Number>+15550101</Number></Dial>\
         <Redirect method=\"POST\">https://a.example/b</Redirect><Reject reason=\"busy\"/>\
         <Hangup/></Response>",
    );
    assert_eq!(
        verbs.unwrap(),
        [
            Verb::Say {
                text: "Tom & Ann".to_owned(),
                times: 1
            },
            Verb::Pause(2),
            Verb::StartRecording(StartRecording {
                callback: None,
                events: vec![Recorded::Completed]
            }),
            Verb::StartRecording(StartRecording {
                callback: Some("/r".to_owned()),
                events: vec![Recorded::Completed, Recorded::Absent]
            }),
            Verb::Dial(Dial {
                action: None,
                targets: vec!["+15550101".to_owned()]
            }),
            Verb::Redirect("https://a.example/b".to_owned()),
            Verb::Reject(true),
            Verb::Hangup
        ]
    );
}

#[test]
fn what_twilio_would_refuse_is_an_error() {
    let relay = |attributes: &str| {
        format!("<Response><Connect><ConversationRelay {attributes}/></Connect></Response>")
    };
    let gather = |attributes: &str| {
        format!("<Response><Gather input=\"dtmf speech\" {attributes}/></Response>")
    };
    for (code, body) in [
        (12100, "<Response><Say>Hi</Response>".to_owned()),
        (12100, "<Response/><Response/>".to_owned()),
        (12100, String::new()),
        (12200, "<response/>".to_owned()),
        (12200, "<Response>Hi</Response>".to_owned()),
        (12200, "<Response><say>Hi</say></Response>".to_owned()),
        (
            12200,
            "<Response><Message>Hi</Message></Response>".to_owned(),
        ),
        (
            12200,
            "<Response><Say speed=\"2\">Hi</Say></Response>".to_owned(),
        ),
        (
            12200,
            "<Response><Pause length=\"-1\"/></Response>".to_owned(),
        ),
        (12200, "<Response><Redirect/></Response>".to_owned()),
        (12200, "<Response><Connect/></Response>".to_owned()),
        (
            12200,
            "<Response><Gather><Dial>+15550101</Dial></Gather></Response>".to_owned(),
        ),
        (
            12200,
            "<Response><Gather input=\"voice\"/></Response>".to_owned(),
        ),
        (12200, "<Response><Start/></Response>".to_owned()),
        (
            12200,
            "<Response><Connect action=\"ended\"><ConversationRelay/></Connect></Response>"
                .to_owned(),
        ),
        (13510, "<Response><Say/></Response>".to_owned()),
        (
            13521,
            format!("<Response><Say>{}</Say></Response>", "a b ".repeat(600)),
        ),
        (12200, gather("timeout=\"auto\"")),
        (12200, gather("timeout=\"0\"")),
        (12200, gather("speechTimeout=\"1.5\"")),
        (12200, gather("speechModel=\"nova-3-general\"")),
        (12200, gather("finishOnKey=\"12\"")),
        (12200, gather("numDigits=\"0\"")),
        (12200, gather("actionOnEmptyResult=\"yes\"")),
        (12200, gather("interruptible=\"any\"")),
        (
            13327,
            gather("speechModel=\"deepgram_nova-3\" speechTimeout=\"auto\""),
        ),
        (
            12200,
            "<Response><Say voice=\"Joanna-Neural\">Hi</Say></Response>".to_owned(),
        ),
        (64101, relay("interruptable=\"any\"")),
        (64101, relay("ttsProvider=\"google\"")),
        (64101, relay("speechTimeout=\"599\"")),
        (64101, relay("eotThreshold=\"0.95\"")),
        (64101, relay("events=\"speaker-event\"")),
        (64101, relay("dtmfDetection=\"yes\"")),
        (64101, relay("intelligenceService=\"name\"")),
    ] {
        assert_eq!(read_body(&body), Err(code), "{body}");
    }
    assert_eq!(
        read(None, b"<Response/>").map_err(|error| error.code),
        Err(12300)
    );
}
