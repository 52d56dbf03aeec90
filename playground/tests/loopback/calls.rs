//! Calls of a phone: the life of a relay's session, as it was recorded.
//!
//! What happens inside a session is tested beside its code, in virtual time. TwiML and the REST API are
//! in `call_control`.

use serde_json::json;

use crate::mock_worker::{field, header, is_signed_for, signature_of};
use crate::relay_worker::{
    Call, EMPTY, FROM, RelayWorker, TO, connect, receive, receive_type, relayed, say, until_closed,
};

#[test]
fn a_person_who_hangs_up_ends_the_session_then_the_action_and_the_status_follow() {
    let worker = relayed("", EMPTY, |mut socket, _| {
        let setup = receive(&mut socket).unwrap();
        assert_eq!(setup["type"], "setup");
        say(
            &mut socket,
            &json!({"type": "text", "token": "Hello", "last": true}),
        );
        let close = loop {
            match socket.read() {
                Ok(tokio_tungstenite::tungstenite::Message::Close(frame)) => break frame.unwrap(),
                Ok(_) => {}
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(u16::from(close.code), 1000);
        assert_eq!(close.reason.as_str(), "Closing websocket session");
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.event("finished");
    call.act(&json!({"do": "hang_up"}));
    assert_eq!(call.over()["status"], "completed");
    let posts = worker.posts();
    let [voice, action, status] = posts.as_slice() else {
        panic!("{posts:#?}");
    };
    for (request, path) in [
        (voice, "/twilio/voice"),
        (action, "/twilio/voice/ended"),
        (status, "/twilio/voice/status"),
    ] {
        assert!(request.starts_with(&format!("POST {path} ")), "{request}");
        assert!(
            is_signed_for(request, &format!("{}{path}", worker.url)),
            "{request}"
        );
        assert_eq!(field(request, "CallSid"), call.sid);
        assert_eq!(
            (field(request, "From"), field(request, "To")),
            (FROM.to_owned(), TO.to_owned())
        );
        assert_eq!(field(request, "Direction"), "inbound");
    }
    assert_eq!(field(voice, "CallStatus"), "ringing");
    assert_eq!(field(action, "CallStatus"), "completed");
    assert_eq!(field(action, "SessionStatus"), "completed");
    assert!(field(action, "SessionId").starts_with("VX"));
    assert!(!action.contains("HandoffData") && !action.contains("ErrorCode"));
    assert_eq!(field(status, "CallStatus"), "completed");
    assert_ne!(field(status, "CallDuration"), "");
    assert!(call.alerts().is_empty());
}

#[test]
fn the_upgrade_is_signed_over_its_url_and_the_setup_names_the_call() {
    let worker = relayed("welcomeGreeting=\"Hi\"", EMPTY, |mut socket, _| {
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.event("finished");
    call.act(&json!({"do": "hang_up"}));
    call.over();
    let [upgrade] = worker.upgrades().try_into().unwrap();
    let url = format!("{}/twilio/relay/a/b", worker.url.replace("http", "ws"));
    assert_eq!(header(&upgrade, "x-twilio-signature"), signature_of(&url));
    let path = format!("{}/frames", call.path());
    let frames = playground.send("GET", &path, &[], b"").json();
    let greeting = call.wait_for("the greeting", |event| event["event"] == "heard");
    assert_eq!(greeting["text"], "Hi");
    let setup = &frames["frames"][0]["frame"];
    assert_eq!(setup["type"], "setup");
    assert_eq!(setup["callSid"], call.sid);
    assert_eq!(setup["callStatus"], "RINGING");
    assert_eq!(setup["direction"], "inbound");
    assert!(setup["sessionId"].as_str().unwrap().starts_with("VX"));
}

#[test]
fn an_end_of_the_worker_closes_the_socket_and_the_twiml_of_the_action_runs() {
    let worker = relayed(
        "",
        "<Response><Say>Goodbye</Say><Hangup/></Response>",
        |mut socket, _| {
            receive_type(&mut socket, "setup");
            say(
                &mut socket,
                &json!({"type": "end", "handoffData": "{\"reason\":\"asked\"}"}),
            );
            until_closed(&mut socket);
        },
    );
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    assert_eq!(call.over()["status"], "completed");
    let [action] = worker.posts_to("/twilio/voice/ended").try_into().unwrap();
    assert_eq!(field(&action, "SessionStatus"), "ended");
    assert_eq!(field(&action, "HandoffData"), "{\"reason\":\"asked\"}");
    assert_eq!(field(&action, "CallStatus"), "in-progress");
    let closed = call.wait_for("the close", |event| event["state"] == "closed");
    assert_eq!(closed["code"], 1000);
    let said = call.wait_for("the goodbye", |event| event["text"] == "Goodbye");
    assert!(said["number"].as_u64() > closed["number"].as_u64());
}

#[test]
fn a_socket_that_dies_fails_the_session_and_a_fresh_relay_goes_on_in_the_same_call() {
    let worker = RelayWorker::start(
        |path, request, authority| match path {
            "/twilio/voice" => connect(authority, "welcomeGreeting=\"Hi\""),
            _ if field(request, "SessionStatus") == "failed" => connect(authority, ""),
            _ => EMPTY.to_owned(),
        },
        |mut socket, number| {
            let setup = receive_type(&mut socket, "setup");
            if number == 1 {
                // Without a close.
                return;
            }
            assert_eq!(setup["callStatus"], "IN_PROGRESS");
            say(
                &mut socket,
                &json!({"type": "text", "token": "Again", "last": true}),
            );
            until_closed(&mut socket);
        },
    );
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the words after it", |event| event["text"] == "Again");
    call.act(&json!({"do": "hang_up"}));
    call.over();
    let actions = worker.posts_to("/twilio/voice/ended");
    assert_eq!(field(&actions[0], "SessionStatus"), "failed");
    assert_eq!(field(&actions[0], "ErrorCode"), "64105");
    assert_eq!(field(&actions[0], "ErrorMessage"), "Websocket ended");
    assert_eq!(field(&actions[0], "CallStatus"), "in-progress");
    assert_eq!(field(&actions[1], "SessionStatus"), "completed");
    assert_ne!(
        field(&actions[0], "SessionId"),
        field(&actions[1], "SessionId")
    );
    assert_eq!(call.alerts(), [64105]);
    assert_eq!(
        call.wait_for("the close", |event| event["state"] == "closed")["code"],
        1006
    );
}

#[test]
fn a_worker_that_closes_the_socket_without_an_end_has_lost_the_session() {
    let worker = relayed("", EMPTY, |mut socket, _| {
        receive_type(&mut socket, "setup");
        socket.close(None).unwrap();
        // Its close is answered.
        loop {
            match socket.read() {
                Ok(_) => {}
                Err(tokio_tungstenite::tungstenite::Error::ConnectionClosed) => break,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.over();
    let [action] = worker.posts_to("/twilio/voice/ended").try_into().unwrap();
    assert_eq!(field(&action, "SessionStatus"), "failed");
    assert_eq!(field(&action, "ErrorCode"), "64105");
}

#[test]
fn the_fault_that_kills_the_socket_is_seen_as_a_death_by_both_sides() {
    let worker = relayed("", EMPTY, |mut socket, _| {
        receive_type(&mut socket, "setup");
        say(
            &mut socket,
            &json!({"type": "text", "token": "Hello", "last": true}),
        );
        loop {
            match socket.read() {
                Ok(tokio_tungstenite::tungstenite::Message::Close(_)) => panic!("it was closed"),
                Ok(_) => {}
                Err(_) => break,
            }
        }
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.event("finished");
    call.act(&json!({"do": "drop_socket"}));
    call.over();
    let [action] = worker.posts_to("/twilio/voice/ended").try_into().unwrap();
    assert_eq!(field(&action, "ErrorCode"), "64105");
}

#[test]
fn ten_messages_that_are_none_close_the_socket_and_fail_the_session() {
    let worker = relayed("", "<Response><Hangup/></Response>", |mut socket, _| {
        receive_type(&mut socket, "setup");
        for _ in 0..10 {
            socket
                .send(tokio_tungstenite::tungstenite::Message::text(
                    "upstream timeout",
                ))
                .unwrap();
        }
        for _ in 0..10 {
            receive_type(&mut socket, "error");
        }
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.over();
    let closed = call.wait_for("the close", |event| event["state"] == "closed");
    assert_eq!(closed["code"], 1007);
    assert_eq!(closed["reason"], "Too many consecutive malformed messages.");
    let [action] = worker.posts_to("/twilio/voice/ended").try_into().unwrap();
    assert_eq!(field(&action, "SessionStatus"), "failed");
    assert_eq!(field(&action, "ErrorCode"), "64105");
    assert_eq!(call.alerts(), [[64107; 10].as_slice(), &[64105]].concat());
}

#[test]
fn a_forged_upgrade_has_another_signature() {
    let worker = relayed("", EMPTY, |mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({"forged_upgrade": true}));
    call.wait_for("the relay", |event| event["state"] == "open");
    let [upgrade] = worker.upgrades().try_into().unwrap();
    let url = format!("{}/twilio/relay/a/b", worker.url.replace("http", "ws"));
    let signature = header(&upgrade, "x-twilio-signature").to_owned();
    assert!(signature.len() == 28 && signature != signature_of(&url));
    call.act(&json!({"do": "hang_up"}));
    call.over();
}

#[test]
fn a_relay_that_cannot_be_reached_sounds_busy_and_only_the_debugger_tells() {
    // The upgrade is refused, or the relay is not the Worker's.
    for url in [
        "ws://HOST/twilio/relay/refused",
        "ws://127.0.0.1:9/twilio/relay/a/b",
    ] {
        let worker = RelayWorker::start(
            move |_, _, authority| {
                let own = format!("ws://{authority}/twilio/relay/a/b");
                connect(authority, "").replace(&own, &url.replace("HOST", authority))
            },
            |_, _| panic!("there is no session"),
        );
        let playground = worker.playground();
        let call = Call::start(&playground, &json!({}));
        assert_eq!(call.over()["status"], "busy", "{url}");
        assert_eq!(call.alerts(), [64102], "{url}");
        let posts = worker.posts();
        let status = posts.last().unwrap();
        assert_eq!(field(status, "CallStatus"), "busy");
        assert!(worker.posts_to("/twilio/voice/ended").is_empty());
    }
}

#[test]
fn the_person_speaks_and_presses_keys_into_the_relay() {
    let worker = relayed("dtmfDetection=\"true\"", EMPTY, |mut socket, _| {
        receive_type(&mut socket, "setup");
        let prompt = receive_type(&mut socket, "prompt");
        let answer = format!("You said {}.", prompt["voicePrompt"].as_str().unwrap());
        say(
            &mut socket,
            &json!({"type": "text", "token": answer, "last": true}),
        );
        let keys: String = (0..2)
            .map(|_| {
                receive_type(&mut socket, "dtmf")["digit"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        say(
            &mut socket,
            &json!({"type": "text", "token": keys, "last": true}),
        );
        until_closed(&mut socket);
    });
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the relay", |event| event["state"] == "open");
    call.act(&json!({"do": "say", "text": "Good morning"}));
    call.wait_for("the answer", |event| {
        event["event"] == "heard" && event["text"] == "You said Good morning."
    });
    call.act(&json!({"do": "press", "digits": "1#"}));
    call.wait_for("the keys", |event| event["text"] == "1#");
    call.act(&json!({"do": "hang_up"}));
    call.over();
}
