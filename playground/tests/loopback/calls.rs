//! Calls of a phone: the life of a relay's session as it was recorded, TwiML, and the REST API.
//!
//! What happens inside a session is tested beside its code, in virtual time.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground, wait_until};
use crate::mock_worker::{field, header, is_signed_for, signature_of};
use crate::page_client::{Watcher, post, switch};
use crate::relay_worker::{
    Call, EMPTY, FROM, RelayWorker, TO, connect, receive, receive_type, say, until_closed,
};

/// A Worker that connects each call to its relay, and answers the action with `after`.
fn relayed(
    attributes: &'static str,
    after: &'static str,
    relay: impl Fn(crate::relay_worker::Socket, usize) + Send + Sync + 'static,
) -> RelayWorker {
    RelayWorker::start(
        move |path, _, authority| match path {
            "/twilio/voice" => connect(authority, attributes),
            _ => after.to_owned(),
        },
        relay,
    )
}

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
fn what_is_not_twiml_for_calls_ends_the_call_with_an_error() {
    for (twiml, code) in [
        ("<Response><Message>Hi</Message></Response>", 12200),
        ("<Response><Say volume=\"11\">Hi</Say></Response>", 12200),
        (
            "<Response><Dial timeout=\"soon\">+15550101</Dial></Response>",
            12200,
        ),
        (
            "<Response><Connect><Stream url=\"wss://a.example/b\"/></Connect></Response>",
            12200,
        ),
        ("<Response><Say>Hi</Response>", 12100),
        (
            "<Response><Connect><ConversationRelay url=\"/twilio/relay/a/b\"/></Connect></Response>",
            64101,
        ),
        (
            "<Response><Connect><ConversationRelay url=\"wss://a.example/b?c=d\"/></Connect></Response>",
            64101,
        ),
        (
            "<Response><Connect><ConversationRelay url=\"wss://a.example/b\" interruptible=\"never\"/></Connect></Response>",
            64101,
        ),
        (
            "<Response><Connect><ConversationRelay url=\"wss://a.example/b\" speechTimeout=\"100\"/></Connect></Response>",
            64101,
        ),
    ] {
        let worker = RelayWorker::start(move |_, _, _| twiml.to_owned(), |_, _| {});
        let playground = worker.playground();
        let mut feed = Watcher::open(&playground, None);
        let call = Call::start(&playground, &json!({}));
        assert_eq!(call.over()["status"], "busy", "{twiml}");
        assert_eq!(call.alerts(), [code], "{twiml}");
        let shown = loop {
            let event = feed.next_of("voice");
            if event["event"] == "alert" {
                break event;
            }
        };
        assert_eq!(shown["code"], code, "the page shows it");
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

#[test]
fn gather_and_dial_post_their_results() {
    let worker = RelayWorker::start(
        |path, request, authority| {
            let action = |name: &str| format!("action=\"http://{authority}/twilio/voice/{name}\"");
            match path {
                "/twilio/voice" => format!(
                    "<Response><Gather input=\"dtmf speech\" numDigits=\"2\" {}><Say>Press two keys</Say></Gather></Response>",
                    action("keys")
                ),
                "/twilio/voice/keys" => {
                    assert_eq!(field(request, "Digits"), "42");
                    format!(
                        "<Response><Dial {}>+15550101</Dial></Response>",
                        action("dialled")
                    )
                }
                _ => "<Response><Hangup/></Response>".to_owned(),
            }
        },
        |_, _| {},
    );
    let playground = worker.playground();
    let phone = Some(("sms", FROM));
    let set = switch(&playground, phone, &json!({"call": {"dial": "no-answer"}}));
    assert_eq!(set.status, 200, "{}", set.text());
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the prompt", |event| event["text"] == "Press two keys");
    call.act(&json!({"do": "press", "digits": "42"}));
    assert_eq!(call.over()["status"], "completed");
    let [dialled] = worker.posts_to("/twilio/voice/dialled").try_into().unwrap();
    assert_eq!(field(&dialled, "DialCallStatus"), "no-answer");
    assert!(call.alerts().is_empty());
}

#[test]
fn the_rest_api_reads_redirects_and_ends_a_call() {
    let worker = relayed("", EMPTY, |mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the relay", |event| event["state"] == "open");
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{}.json", call.sid);
    let resource = playground.get(&path).json();
    assert_eq!(resource["status"], "in-progress");
    assert_eq!(
        (&resource["from"], &resource["to"]),
        (&json!(FROM), &json!(TO))
    );
    let form: &[(&str, &[(&str, &str)])] = &[
        ("20001", &[]),
        ("20001", &[("Status", "busy")]),
        ("20001", &[("Statuss", "completed")]),
        ("20001", &[("Status", "completed"), ("Status", "completed")]),
        ("20001", &[("Twiml", EMPTY), ("Url", "https://example.com")]),
        ("21205", &[("Url", "example.com")]),
    ];
    for (code, form) in form {
        let answer = playground.post_form(&path, form);
        assert_eq!(answer.status, 400, "{form:?}");
        assert_eq!(answer.json()["code"].to_string(), *code, "{form:?}");
    }
    let twiml = "<Response><Say>One moment</Say><Pause length=\"600\"/></Response>";
    assert_eq!(playground.post_form(&path, &[("Twiml", twiml)]).status, 200);
    call.wait_for("the words", |event| event["text"] == "One moment");
    assert!(worker.posts_to("/twilio/voice/ended").is_empty());
    assert_eq!(
        playground
            .post_form(&path, &[("Status", "completed")])
            .status,
        200
    );
    assert_eq!(call.over()["status"], "completed");
    let again = playground.post_form(&path, &[("Status", "completed")]);
    assert_eq!(
        (again.status, again.json()["code"].clone()),
        (400, json!(21220))
    );
    assert_eq!(playground.get(&path).json()["status"], "completed");
    let unknown = format!(
        "/2010-04-01/Accounts/{ACCOUNT}/Calls/CA{}.json",
        "0".repeat(32)
    );
    assert_eq!(playground.get(&unknown).status, 404);
    assert_eq!(
        playground
            .post_form(&unknown, &[("Status", "completed")])
            .status,
        404
    );
    assert_eq!(playground.send("GET", &path, &[], b"").status, 401);
}

#[test]
fn ending_a_relay_by_the_rest_api_is_as_if_the_person_had_hung_up() {
    let worker = relayed("", EMPTY, |mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    call.wait_for("the relay", |event| event["state"] == "open");
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{}.json", call.sid);
    assert_eq!(
        playground
            .post_form(&path, &[("Status", "completed")])
            .status,
        200
    );
    call.over();
    let [action] = worker.posts_to("/twilio/voice/ended").try_into().unwrap();
    assert_eq!(field(&action, "SessionStatus"), "completed");
    assert_eq!(field(&action, "CallStatus"), "completed");
}

#[test]
fn a_phone_has_one_call_and_wrong_requests_are_explained() {
    let worker = relayed("", EMPTY, |mut socket, _| until_closed(&mut socket));
    let playground = worker.playground();
    let call = Call::start(&playground, &json!({}));
    let order = |from: &str| json!({"from": from, "to": TO});
    let start = |body: &Value| post(&playground, "/playground/calls", body).status;
    assert_eq!(start(&order(FROM)), 409);
    assert_eq!(start(&order("")), 400);
    assert_eq!(
        start(&json!({"from": FROM, "to": TO, "faults": {"laud": true}})),
        400
    );
    for action in [
        json!({"do": "sing"}),
        json!({"do": "say", "text": " "}),
        json!({"do": "press", "digits": "12a"}),
        json!({"do": "press", "digits": ""}),
    ] {
        assert_eq!(
            post(&playground, &call.path(), &action).status,
            400,
            "{action}"
        );
    }
    let hang_up = json!({"do": "hang_up"});
    assert_eq!(
        post(&playground, "/playground/calls/CA1", &hang_up).status,
        404
    );
    call.act(&hang_up);
    call.over();
    assert_eq!(post(&playground, &call.path(), &hang_up).status, 409);
    assert_eq!(start(&order(FROM)), 202, "the phone is free again");
}

#[test]
fn a_worker_that_does_not_answer_sounds_busy() {
    let playground = Playground::start_with(&[
        "--quiet",
        "--call-speed",
        "20",
        "--worker",
        "http://127.0.0.1:9",
    ]);
    let call = Call::start(&playground, &json!({}));
    wait_until("the call is over", || {
        call.events().iter().any(|event| event["event"] == "over")
    });
    assert_eq!(call.event("over")["status"], "busy");
    assert_eq!(call.alerts().first(), Some(&11200));
}
