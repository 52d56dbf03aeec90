//! Calls of a phone: TwiML, the REST API, and the requests of the page. Sessions are in `calls`.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Playground, wait_until};
use crate::mock_worker::field;
use crate::page_client::{Watcher, post, switch};
use crate::relay_worker::{Call, EMPTY, FROM, RelayWorker, TO, relayed, until_closed};

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
fn gather_and_dial_post_their_results() {
    let worker = RelayWorker::start(
        |path, request, authority| {
            let action = |name: &str| format!("action=\"http://{authority}/twilio/voice/{name}\"");
            match path {
                "/twilio/voice" => format!(
                    "<Response><Gather input=\"dtmf speech\" numDigits=\"2\" timeout=\"600\" {}><Say>Press two keys</Say></Gather></Response>",
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
